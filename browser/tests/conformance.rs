//! Conformance cases of the metrics and errors of tables, in a browser. `tests/package` tests the whole package.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

use js_sys::{JSON, Uint8Array};
use serde_json::{Value, json};
use streamgage_browser::{Request, Table, validate};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const CASES: &str = include_str!(concat!(env!("STREAMGAGE_CASES"), "/period_metrics.json"));

/// The resources that metrics read, and their rows.
const ROWS: [(&str, &str); 5] = [
    ("commits", include_str!(concat!(env!("STREAMGAGE_DUMP"), "/commits.ndjson"))),
    ("users", include_str!(concat!(env!("STREAMGAGE_DUMP"), "/users.ndjson"))),
    ("teams", include_str!(concat!(env!("STREAMGAGE_DUMP"), "/teams.ndjson"))),
    ("team_membership", include_str!(concat!(env!("STREAMGAGE_DUMP"), "/team_membership.ndjson"))),
    ("repos", include_str!(concat!(env!("STREAMGAGE_DUMP"), "/repos.ndjson"))),
];

const METRICS: &str = "/v3/customer/metrics/code_fundamentals/period_metrics/";
const TODAY: &str = "2024-06-01";

fn request(path: &str, query: &str, today: &str) -> Request {
    let request = json!({ "path": path, "query": query, "today": today, "origin": "" });
    JSON::parse(&request.to_string()).unwrap().unchecked_into()
}

/// Returns the JSON of a result or of the error that was thrown.
fn to_json(result: Result<JsValue, JsValue>) -> Result<Value, Value> {
    let value = |value: JsValue| serde_json::from_str(&String::from(JSON::stringify(&value).unwrap())).unwrap();
    result.map(value).map_err(value)
}

/// Parses JSON as JavaScript does, which reads `1.0` as `1`.
fn parse(text: &str) -> Value {
    to_json(JSON::parse(text)).unwrap()
}

fn add(table: &mut Table, resource: &str, text: &str) -> Result<Value, Value> {
    let mut reader = table.reader(resource).unwrap();
    for piece in text.as_bytes().chunks(10_000) {
        if let Err(error) = reader.push(&Uint8Array::from(piece)) {
            return to_json(Err(error.into()));
        }
    }
    to_json(table.add(reader))
}

fn respond(table: &Table, path: &str, query: &str) -> (u64, String) {
    let response = to_json(table.respond(&request(path, query, TODAY))).unwrap();
    (response["status"].as_u64().unwrap(), response["body"].as_str().unwrap().to_owned())
}

#[wasm_bindgen_test]
fn conformance_cases_agree() {
    let corpus: Value = serde_json::from_str(CASES).unwrap();
    let today = corpus["today"].as_str().unwrap();
    let cases = corpus["cases"].as_array().unwrap();
    assert!(cases.len() >= 50, "{} cases", cases.len());
    let mut table = Table::new(false);
    for (resource, rows) in ROWS {
        let added = add(&mut table, resource, rows);
        assert_eq!(added, Ok(json!({ "rows": rows.lines().count(), "next": null })));
    }
    for case in cases {
        let query = case["query"].as_str().unwrap();
        let request = || request(METRICS, query, today);
        let body = parse(&case["body"].to_string());
        let response = to_json(table.respond(&request())).unwrap();
        assert_eq!(response["status"], case["status"], "{query}");
        assert_eq!(parse(response["body"].as_str().unwrap()), body, "{query}");
        let expected = if case["status"] == 200 { Ok(body) } else { Err(json!({ "kind": "request", "errors": body })) };
        let validation = to_json(validate(&request()).map(|()| JsValue::NULL));
        assert_eq!(validation, expected.clone().map(|_| Value::Null), "{query}");
        assert_eq!(to_json(table.metrics(&request())), expected, "{query}");
    }
}

#[wasm_bindgen_test]
fn bad_rows_are_named_and_none_of_their_text_is_stored() {
    let mut table = Table::new(true);
    for (resource, text, index, field, error) in [
        (
            "commits",
            r#"[{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2024-01-01"},{"id":2,"apex_user_id":1,"repo_id":1,"author_date":"soon"}]"#,
            1,
            Some("author_date"),
            "must be a date-time, such as 2021-06-01T09:30:00",
        ),
        (
            "commits",
            r#"{"id":1,"apex_user_id":1,"repo_id":1}"#,
            0,
            Some("author_date"),
            "is required, or author_local_date",
        ),
        ("users", r#"{"name":"a"}"#, 0, Some("id"), "is required"),
        ("users", "{\"id\":1}\n7\n", 1, None, "must be an object"),
        ("tags", "[{\"id\":1}", 1, None, "ends too early"),
    ] {
        let row = json!({ "resource": resource, "index": index, "field": field, "error": error });
        assert_eq!(add(&mut table, resource, text), Err(json!({ "kind": "row", "row": row })));
        let response = respond(&table, &format!("/v3/customer/core/{resource}/"), "");
        assert_eq!(response, (200, r#"{"count":0,"next":null,"previous":null,"results":[]}"#.to_owned()));
    }
    assert!(table.reader("nope").is_none());
}

#[wasm_bindgen_test]
fn later_rows_replace_and_delete() {
    let mut table = Table::new(true);
    let results = |table: &Table| {
        let (_, body) = respond(table, "/v3/customer/core/tags/", "fields=id,name");
        parse(&body)["results"].clone()
    };
    add(&mut table, "tags", r#"[{"id":1,"name":"a"},{"id":2,"name":"b"}]"#).unwrap();
    assert_eq!(results(&table), json!([{ "id": 1, "name": "a" }, { "id": 2, "name": "b" }]));
    add(&mut table, "tags", "{\"id\":2,\"_deleted\":true}\n{\"id\":1,\"name\":\"c\"}\n{\"id\":3}").unwrap();
    assert_eq!(results(&table), json!([{ "id": 1, "name": "c" }, { "id": 3, "name": null }]));
}

#[wasm_bindgen_test]
fn a_table_without_lists_validates_lists_but_answers_none() {
    let table = Table::new(false);
    let tags = "/v3/customer/core/tags/";
    assert_eq!(respond(&table, tags, ""), (501, String::new()));
    let list = |query| to_json(table.list(&request(tags, query, TODAY)).map(JsValue::from));
    assert_eq!(list(""), Err(json!({ "kind": "no-lists" })));
    let validation = to_json(validate(&request(tags, "id=x", TODAY)).map(|()| JsValue::NULL));
    assert_eq!(validation, Err(json!({ "kind": "request", "errors": { "id": ["Enter a number."] } })));
    assert_eq!(respond(&table, "/v3/", "").0, 404);
}
