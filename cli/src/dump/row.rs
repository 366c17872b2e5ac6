//! Rows of a dump: reading and checking.

use streamgage::metrics::{Record, Records};
use streamgage::schema::{Resource, RowError, RowSink, Value, read_row};

/// Adds a row to the records.
pub fn read_record<T: Record>(records: &mut Records<T>, line: &str) -> Result<(), RowError> {
    records.read_text(line)
}

/// Checks a row without keeping it.
pub fn check_row(resource: &'static Resource, line: &str) -> Result<(), RowError> {
    struct Discard;
    impl RowSink for Discard {
        fn value(&mut self, _: usize, _: Value<'_>) {}
    }
    read_row(resource, line, &mut Discard)
}
