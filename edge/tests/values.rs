//! Values with unusual spellings are shown in their canonical form, by the database and in memory alike; values outside
//! the range of a field are refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod store;

use store::{Store, request};
use streamgage::evaluate::{self, RowTexts, RowsBuilder};
use streamgage::query::{AggregateRequest, ListRequest};
use streamgage::schema::{COMMITS, Resource};

const ROWS: &str = include_str!("../../tests/values/commits.ndjson");
const SHOWN: &str = include_str!("../../tests/values/shown.ndjson");
const REFUSED: &str = include_str!("../../tests/values/refused.ndjson");
const ERRORS: &str = include_str!("../../tests/values/refused.txt");

const PATH: &str = "/v3/customer/core/commits/";

struct Texts;

impl RowTexts for Texts {
    fn row_text(&self, _: &Resource, position: usize) -> &str {
        ROWS.lines().nth(position).unwrap()
    }
}

fn stores() -> (Store, evaluate::Store) {
    let store = Store::new();
    store.import("commits", ROWS);
    let mut rows = RowsBuilder::new(&COMMITS);
    for line in ROWS.lines() {
        rows.add_text(line).unwrap();
    }
    let mut memory = evaluate::Store::default();
    memory.insert(rows.build());
    (store, memory)
}

#[test]
fn both_evaluators_show_the_canonical_form() {
    let (store, memory) = stores();
    let rows: Vec<&str> = SHOWN.lines().collect();
    let expected = format!(r#"{{"count":{},"next":null,"previous":null,"results":[{}]}}"#, rows.len(), rows.join(","));
    let request = ListRequest::parse(&COMMITS, "").unwrap();
    assert_eq!(evaluate::list_body(&request, &memory, &Texts, PATH, "").unwrap(), expected);
    assert_eq!(store.get(PATH), expected);
    assert_eq!(store.get(&format!("{PATH}1000/")), *rows.last().unwrap());
}

#[test]
fn both_evaluators_agree_about_days_and_sums() {
    let (store, memory) = stores();
    for query in [
        "aggregate[count]=id&aggregate[sum]=haloc,impact,risk,levenshtein&group_by[apex_user_id,author_local_date__date]",
        "aggregate[count]=id&aggregate[sum]=impact,ins_del_ratio&exclude_weekends=true",
        "aggregate[count]=id&aggregate[sum]=impact&exclude_weekends=true&group_by[author_local_date__date]",
    ] {
        let request = AggregateRequest::parse(query).unwrap();
        let found = evaluate::aggregate(&request, &memory);
        let expected = format!(
            r#"{{"count":{},"next":null,"previous":null,"results":{}}}"#,
            found.count,
            serde_json::to_string(&found.rows).unwrap()
        );
        assert_eq!(store.get(&format!("/v3/customer/core/commits.agg/?{query}")), expected, "{query}");
    }
}

#[test]
fn values_outside_the_range_of_a_field_are_refused() {
    let store = Store::new();
    for (row, error) in REFUSED.lines().zip(ERRORS.lines()) {
        let (field, message) = error.split_once(": ").unwrap();
        let response = store.answer(&request("POST", "/import/commits"), row.as_bytes());
        let expected = format!(r#"{{"line":1,"field":"{field}","error":"{message}"}}"#);
        assert_eq!((response.status, response.body), (400, expected));
        let mut rows = RowsBuilder::new(&COMMITS);
        assert_eq!(rows.add_text(row).unwrap_err().to_string(), error);
    }
    assert_eq!(REFUSED.lines().count(), ERRORS.lines().count());
}
