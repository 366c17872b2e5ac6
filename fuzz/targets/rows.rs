//! What is read plainly of a line is what is read of it as JSON, and no line is more than either can take.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgage::schema::{Resource, RowSink, Value, read_plain_row, read_row};

#[derive(Debug, Default, PartialEq)]
struct Seen(Vec<(usize, String)>);

impl RowSink for Seen {
    fn value(&mut self, field: usize, value: Value<'_>) {
        self.0.push((field, format!("{value:?}")));
    }
}

fn wholly(resource: &'static Resource, line: &str) -> Option<Seen> {
    let mut seen = Seen::default();
    let mut json = serde_json::Deserializer::from_str(line);
    read_row(resource, &mut json, &mut seen).ok()?;
    json.end().ok()?;
    Some(seen)
}

fuzz_target!(|data: &[u8]| {
    let Some((resource, data)) = streamgage_fuzz::resource(data) else { return };
    let line = streamgage_fuzz::text(data);
    let whole = wholly(resource, &line);
    let mut plain = Seen::default();
    if read_plain_row(resource, &line, &mut plain).is_some() {
        assert_eq!(Some(plain), whole);
    }
});
