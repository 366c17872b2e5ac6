//! The conformance cases in a browser: rows parsed by JavaScript, answered by the wasm.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

use js_sys::{Function, JSON, Object, Reflect};
use serde_json::Value;
use streamgage_browser::{period_metrics, read_table, validate_metrics_query};
use wasm_bindgen::{JsCast, JsValue};
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

fn parse(text: &str) -> JsValue {
    JSON::parse(text).unwrap()
}

fn organization() -> JsValue {
    let organization = Object::new();
    for (resource, rows) in ROWS {
        let rows = format!("[{}]", rows.lines().collect::<Vec<_>>().join(","));
        Reflect::set(&organization, &resource.into(), &parse(&rows)).unwrap();
    }
    organization.into()
}

/// The JSON that JavaScript makes of a value, which has the order of its keys.
fn text(value: &JsValue) -> String {
    JSON::stringify(value).unwrap().into()
}

#[wasm_bindgen_test]
fn every_case_agrees() {
    let corpus: Value = serde_json::from_str(CASES).unwrap();
    let today = corpus["today"].as_str().unwrap();
    let cases = corpus["cases"].as_array().unwrap();
    assert!(cases.len() >= 50, "{} cases", cases.len());
    let organization = organization();
    let table = Reflect::get(&read_table(&organization), &"table".into()).unwrap();
    let ask = Reflect::get(&table, &"periodMetrics".into()).unwrap().unchecked_into::<Function>();
    // JavaScript's own reading of the file: serde_json's would sort the keys.
    let expected = parse(CASES);
    let expected = Reflect::get(&expected, &"cases".into()).unwrap();
    for (index, case) in cases.iter().enumerate() {
        let query = case["query"].as_str().unwrap();
        let expected = Reflect::get_u32(&expected, index as u32).unwrap();
        let body = text(&Reflect::get(&expected, &"body".into()).unwrap());
        let expected = match case["status"].as_u64() {
            Some(200) => format!(r#"{{"ok":true,"answer":{body}}}"#),
            _ => format!(r#"{{"ok":false,"errors":{body}}}"#),
        };
        assert_eq!(text(&ask.call2(&table, &query.into(), &today.into()).unwrap()), expected, "{query}");
        // The same without a table, which reads all rows each time.
        if index % 40 == 0 {
            assert_eq!(text(&period_metrics(query, today, &organization)), expected, "{query}");
        }
        let validation = text(&validate_metrics_query(&format!("?{query}"), today));
        if case["status"] == 200 {
            assert_eq!(validation, r#"{"ok":true}"#, "{query}");
        } else {
            assert_eq!(validation, expected, "{query}");
        }
    }
}

#[wasm_bindgen_test]
fn bad_rows_are_named() {
    let query = "start_date=2024-01-01&resolution=week";
    for (organization, refusal) in [
        (
            r#"{"commits":[{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2024-01-01"},{"id":2,"apex_user_id":1,"repo_id":1,"author_date":"soon"}]}"#,
            r#"{"resource":"commits","index":1,"field":"author_date","error":"must be a date-time, such as 2021-06-01T09:30:00"}"#,
        ),
        (
            r#"{"commits":[{"id":1,"apex_user_id":1,"repo_id":1}]}"#,
            r#"{"resource":"commits","index":0,"field":"author_date","error":"is required, or author_local_date"}"#,
        ),
        (
            r#"{"commits":[],"users":[{"name":"a"}]}"#,
            r#"{"resource":"users","index":0,"field":"id","error":"is required"}"#,
        ),
        (r#"{"commits":7}"#, r#"{"resource":"commits","index":null,"field":null,"error":"must be an array of rows"}"#),
    ] {
        let result = period_metrics(query, "2024-06-01", &parse(organization));
        assert_eq!(text(&result), format!(r#"{{"ok":false,"row":{refusal}}}"#));
    }
    for row in ["7", "null", "\"a\"", "[]"] {
        let organization = parse(&format!(r#"{{"commits":[{row}]}}"#));
        let result = text(&period_metrics(query, "2024-06-01", &organization));
        assert!(result.starts_with(r#"{"ok":false,"row":{"resource":"commits","index":0,"field":null,"#), "{result}");
    }
}

#[wasm_bindgen_test]
fn nothing_at_all_is_no_commit() {
    for organization in [JsValue::UNDEFINED, JsValue::NULL, parse("{}"), parse("7")] {
        let result = period_metrics("start_date=2024-01-01&resolution=week", "2024-06-01", &organization);
        assert_eq!(text(&result), r#"{"ok":true,"answer":{"count":0,"results":[]}}"#);
    }
}
