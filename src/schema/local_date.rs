//! The local date of a commit's author, which readers fill in where a row does not have it.

use super::field_value::integer;
use super::{COMMITS, Resource, RowSink, Value};
use crate::calendar::DateTime;
use crate::json::decode_string;
use alloc::string::String;

const AUTHOR_DATE: usize = COMMITS.field_index("author_date");
const AUTHOR_TZOFFSET: usize = COMMITS.field_index("author_tzoffset");
const AUTHOR_LOCAL_DATE: usize = COMMITS.field_index("author_local_date");

/// Returns the text of the `author_local_date` of a commit that does not have one, by the JSON of its fields.
///
/// Returns `None` for fields other than `author_local_date`, if there is no author date, or if the local date lies outside
/// the years 0001 to 9999.
pub fn missing_local_date(resource: &Resource, field: usize, fields: &[Option<&str>]) -> Option<String> {
    if field != AUTHOR_LOCAL_DATE || resource.name != COMMITS.name {
        return None;
    }
    let json = |field: usize| fields.get(field).copied().flatten();
    let date = DateTime::parse(&decode_string(json(AUTHOR_DATE)?)?)?;
    date.at_offset(json(AUTHOR_TZOFFSET).and_then(integer)).to_text()
}

/// Passes on the values of a row, and adds `author_local_date` if the row is a commit without it.
///
/// ```
/// use streamgage::schema::{COMMITS, LocalDateSink, RowSink, Value, read_row};
/// struct LocalDate(String);
/// impl RowSink for LocalDate {
///     fn value(&mut self, field: usize, value: Value<'_>) {
///         if let (Some("author_local_date"), Value::DateTime(text, _)) = (COMMITS.fields.get(field).map(|f| f.name), value) {
///             self.0 = text.to_owned();
///         }
///     }
/// }
/// let mut date = LocalDate(String::new());
/// let mut sink = LocalDateSink::new(&COMMITS, &mut date);
/// let row = r#"{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2026-06-30T23:30:00","author_tzoffset":3600}"#;
/// read_row(&COMMITS, row, &mut sink)?;
/// sink.finish();
/// assert_eq!(date.0, "2026-07-01T00:30:00");
/// # Ok::<(), streamgage::schema::RowError>(())
/// ```
pub struct LocalDateSink<'s> {
    sink: &'s mut dyn RowSink,
    is_commit: bool,
    has_local_date: bool,
    author_date: Option<DateTime>,
    author_tzoffset: Option<i64>,
}

impl<'s> LocalDateSink<'s> {
    /// Creates a sink for one row of a resource.
    pub fn new(resource: &Resource, sink: &'s mut dyn RowSink) -> LocalDateSink<'s> {
        LocalDateSink {
            sink,
            is_commit: resource.name == COMMITS.name,
            has_local_date: false,
            author_date: None,
            author_tzoffset: None,
        }
    }

    /// Ends a row that was read without an error.
    pub fn finish(self) {
        let Some(date) = self.author_date.filter(|_| !self.has_local_date) else { return };
        let date = date.at_offset(self.author_tzoffset);
        if let Some(text) = date.to_text() {
            self.sink.value(AUTHOR_LOCAL_DATE, Value::DateTime(&text, date));
        }
    }
}

impl RowSink for LocalDateSink<'_> {
    fn value(&mut self, field: usize, value: Value<'_>) {
        if self.is_commit {
            // If a row names a field twice, the later value counts.
            match field {
                AUTHOR_DATE => self.author_date = value.date_time(),
                AUTHOR_TZOFFSET => self.author_tzoffset = value.integer(),
                AUTHOR_LOCAL_DATE => self.has_local_date = value != Value::Null,
                _ => {}
            }
        }
        self.sink.value(field, value);
    }

    fn deleted(&mut self) {
        self.sink.deleted();
    }
}
