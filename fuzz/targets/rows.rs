//! Both row readers read the same values of any line, and neither panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use streamgage::metrics::{Commit, CommitReader, Records};
use streamgage::schema::{COMMITS, RowReader, RowSink, Value, read_row};

/// The values by field, and whether the row deletes.
#[derive(Debug, Default, PartialEq)]
struct Seen(BTreeMap<usize, String>, bool);

impl RowSink for Seen {
    fn value(&mut self, field: usize, value: Value<'_>) {
        self.0.insert(field, format!("{value:?}"));
    }

    fn deleted(&mut self) {
        self.1 = true;
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((resource, data)) = streamgage_fuzz::resource(data) else { return };
    let line = streamgage_fuzz::text(data);
    let (mut fast, mut by_serde) = (Seen::default(), Seen::default());
    let results = (RowReader::new(resource).read(&line, &mut fast), read_row(resource, &line, &mut by_serde));
    assert_eq!(results.0, results.1);
    if results.0.is_ok() {
        assert_eq!(fast, by_serde);
    }
    if resource.name == COMMITS.name {
        for behind in ["", &" ".repeat(80)] {
            read_fast(&format!("{line}{behind}"));
        }
    }
});

/// Reads a commit fast and carefully. The second time the scanner expects the order of the first row.
fn read_fast(text: &str) {
    let mut reader = CommitReader::default();
    for _ in 0..2 {
        let (mut fast, mut careful) = (Records::<Commit>::default(), Records::<Commit>::default());
        let Some(length) = reader.read(text.as_bytes(), &mut fast) else { return };
        let row = text.get(..length).expect("a row that is read is UTF-8");
        careful.read_text(row).expect("a commit that is read fast is valid");
        assert_eq!(fast.sorted(), careful.sorted());
    }
}
