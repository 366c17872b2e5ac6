//! What is read plainly of a line is what is read of it as JSON, and no line is more than either can take.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgage::metrics::{Commit, CommitReader, Records};
use streamgage::schema::{COMMITS, Resource, RowSink, Value, read_plain_row, read_row};

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
    if resource.name == COMMITS.name {
        for behind in ["", &" ".repeat(80)] {
            read_fast(&format!("{line}{behind}"));
        }
    }
});

/// What is read fast of a commit is what is read carefully; twice, because the second is read as the first was.
fn read_fast(text: &str) {
    let mut reader = CommitReader::default();
    for _ in 0..2 {
        let (mut fast, mut careful) = (Records::<Commit>::default(), Records::<Commit>::default());
        let Some(length) = reader.read(text.as_bytes(), &mut fast) else { return };
        let row = text.get(..length).expect("a row that is read is UTF-8");
        careful.read_text(row).expect("what is read fast is right");
        assert_eq!(fast.sorted(), careful.sorted());
    }
}
