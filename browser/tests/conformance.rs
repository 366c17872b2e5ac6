//! The conformance cases of the metrics in a browser, and what a table refuses; `tests/package` asks the whole package.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

use js_sys::Uint8Array;
use serde_json::Value;
use streamgage_browser::{Table, validate};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const CASES: &str = include_str!(concat!(env!("STREAMGAGE_CASES"), "/period_metrics.json"));

/// Each resource that metrics read, and its rows.
const ROWS: [(&str, &str); 5] = [
    ("commits", include_str!(concat!(env!("STREAMGAGE_DUMP"), "/commits.ndjson"))),
    ("users", include_str!(concat!(env!("STREAMGAGE_DUMP"), "/users.ndjson"))),
    ("teams", include_str!(concat!(env!("STREAMGAGE_DUMP"), "/teams.ndjson"))),
    ("team_membership", include_str!(concat!(env!("STREAMGAGE_DUMP"), "/team_membership.ndjson"))),
    ("repos", include_str!(concat!(env!("STREAMGAGE_DUMP"), "/repos.ndjson"))),
];

const METRICS: &str = "/v3/customer/metrics/code_fundamentals/period_metrics/";

/// As JavaScript writes a piece into wasm's memory.
fn write(room: *const u8, piece: &[u8]) {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    let length = piece.len() as u32;
    Uint8Array::new_with_byte_offset_and_length(&memory.buffer(), room as u32, length).copy_from(piece);
}

fn add(table: &mut Table, resource: &str, text: &str) -> String {
    let mut reader = table.reader(resource).unwrap();
    for piece in text.as_bytes().chunks(10_000) {
        write(reader.room(piece.len()), piece);
        if let Some(refused) = reader.push(piece.len()) {
            return refused;
        }
    }
    table.add(reader)
}

/// What the browser's own `JSON.parse` reads.
fn in_javascript(text: &str) -> Value {
    serde_wasm_bindgen::from_value(js_sys::JSON::parse(text).unwrap()).unwrap()
}

#[wasm_bindgen_test]
fn every_case_agrees() {
    let corpus: Value = serde_json::from_str(CASES).unwrap();
    let today = corpus["today"].as_str().unwrap();
    let cases = corpus["cases"].as_array().unwrap();
    assert!(cases.len() >= 50, "{} cases", cases.len());
    let mut table = Table::new(false);
    for (resource, rows) in ROWS {
        let report = add(&mut table, resource, rows);
        assert_eq!(report, format!(r#"{{"rows":{},"next":null}}"#, rows.lines().count()));
    }
    for case in cases {
        let query = case["query"].as_str().unwrap();
        let answer = table.answer(METRICS, &format!("?{query}"), today, "");
        let (status, body) = answer.split_at(3);
        assert_eq!(case["status"].to_string(), status, "{query}");
        // Its bytes are compared elsewhere; here it is what JavaScript makes of it.
        assert_eq!(in_javascript(body), in_javascript(&case["body"].to_string()), "{query}");
        let validation = validate(METRICS, query, today);
        assert_eq!(validation, if status == "200" { "200".to_owned() } else { answer }, "{query}");
    }
}

#[wasm_bindgen_test]
fn bad_rows_are_named_and_nothing_of_theirs_is_kept() {
    let mut table = Table::new(true);
    for (resource, text, refusal) in [
        (
            "commits",
            r#"[{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2024-01-01"},{"id":2,"apex_user_id":1,"repo_id":1,"author_date":"soon"}]"#,
            r#"{"resource":"commits","index":1,"field":"author_date","error":"must be a date-time, such as 2021-06-01T09:30:00"}"#,
        ),
        (
            "commits",
            r#"{"id":1,"apex_user_id":1,"repo_id":1}"#,
            r#"{"resource":"commits","index":0,"field":"author_date","error":"is required, or author_local_date"}"#,
        ),
        ("users", r#"{"name":"a"}"#, r#"{"resource":"users","index":0,"field":"id","error":"is required"}"#),
        ("users", "{\"id\":1}\n7\n", r#"{"resource":"users","index":1,"field":null,"error":"must be an object"}"#),
        ("tags", "[{\"id\":1}", r#"{"resource":"tags","index":1,"field":null,"error":"ends too early"}"#),
    ] {
        assert_eq!(add(&mut table, resource, text), refusal);
        let path = format!("/v3/customer/core/{resource}/");
        let empty = r#"200{"count":0,"next":null,"previous":null,"results":[]}"#;
        assert_eq!(table.answer(&path, "", "2024-06-01", ""), empty);
    }
    assert!(table.reader("nope").is_none());
}

#[wasm_bindgen_test]
fn further_rows_replace_and_delete() {
    let mut table = Table::new(true);
    let ids = |table: &Table| table.answer("/v3/customer/core/tags/", "fields=id,name", "", "");
    add(&mut table, "tags", r#"[{"id":1,"name":"a"},{"id":2,"name":"b"}]"#);
    assert!(ids(&table).ends_with(r#""results":[{"id":1,"name":"a"},{"id":2,"name":"b"}]}"#), "{}", ids(&table));
    add(&mut table, "tags", "{\"id\":2,\"_deleted\":true}\n{\"id\":1,\"name\":\"c\"}\n{\"id\":3}");
    assert!(ids(&table).ends_with(r#""results":[{"id":1,"name":"c"},{"id":3,"name":null}]}"#), "{}", ids(&table));
}

#[wasm_bindgen_test]
fn without_lists_there_are_none() {
    let table = Table::new(false);
    assert_eq!(table.answer("/v3/customer/core/tags/", "", "2024-06-01", ""), "501");
    assert_eq!(validate("/v3/customer/core/tags/", "id=x", ""), r#"400{"id":["Enter a number."]}"#);
    assert!(table.answer("/v3/", "", "2024-06-01", "").starts_with("404"));
}
