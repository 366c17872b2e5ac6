//! Rows of a dump: reading and checking.

use streamgage::metrics::{Record, Records};
use streamgage::schema::{Resource, RowError, RowSink, Value, read_row};

/// Error messages quote no more of a row than this.
const MAX_QUOTED_CHARACTERS: usize = 200;

/// Adds a row to the records.
pub fn read_record<T: Record>(records: &mut Records<T>, line: &str) -> Result<(), RowError> {
    match records.read_plain(line) {
        Some(_) => Ok(()),
        None => read_json(line, |json| records.read(json)),
    }
}

/// Checks a row without keeping it.
pub fn check_row(resource: &'static Resource, line: &str) -> Result<(), RowError> {
    struct Discard;
    impl RowSink for Discard {
        fn value(&mut self, _: usize, _: Value<'_>) {}
    }
    read_json(line, |json| read_row(resource, json, &mut Discard))
}

/// Reads a text that consists of exactly one JSON value.
fn read_json<'a>(
    text: &'a str,
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'a>>) -> Result<(), RowError>,
) -> Result<(), RowError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let syntax_error = |message: String| RowError { field: None, message: shorten(&message) };
    read(&mut json).map_err(|error| match error.field {
        Some(_) => error,
        None => syntax_error(error.message),
    })?;
    json.end().map_err(|error| syntax_error(error.to_string()))
}

/// Shortens a message of serde_json, and turns `… at line 1 column 7` into `… (column 7)`.
fn shorten(message: &str) -> String {
    let (description, column) = message.rsplit_once(" at line 1 column ").unwrap_or((message, ""));
    let description: String = description.chars().take(MAX_QUOTED_CHARACTERS).collect();
    if column.is_empty() { description } else { format!("{description} (column {column})") }
}
