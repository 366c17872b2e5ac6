//! Shared by the targets: texts that are likely to be valid in part, and a small organization.

use std::sync::LazyLock;
use streamgage::evaluate::{RowsBuilder, Store};
use streamgage::query::METRICS_PARAMETERS;
use streamgage::schema::{Lookup, RESOURCES, Resource};

/// Parts of queries and rows, besides the names of the schema.
const WORDS: &[&str] = &[
    "search=",
    "ordering=",
    "fields=",
    "omit=",
    "limit=",
    "offset=",
    "filters=",
    "aggregate[count]=",
    "aggregate[sum]=",
    "group_by[",
    "__date",
    "]",
    "true",
    "false",
    "1e40",
    "-1e400",
    ".5",
    "9223372036854775807",
    "2024-02-29",
    "week",
    "period",
    "2021-06-05T10:00:00%2B02:00",
    "0001-01-01T00:00%2B23:59",
    "%00",
    "%ED%A0%80",
    "%C3%A9",
    "%E2%80%83",
    "%28",
    "%29",
    "%2528",
    "%2529",
    "%253D",
    "%2526",
    "%257C",
    "~(",
    ")%26(",
    ")%7C~(",
    ")%20%26%20(",
    "%252525",
    "\"",
    "\\",
    ",",
    "-",
    "!=",
    "=",
    "&",
    "{\"id\":1,\"apex_user_id\":1,\"repo_id\":1,\"",
    "\":",
    ",\"",
    "null",
    "[1,2]",
    "}",
    "\n",
    "\r\n",
    // Fields and directives of responses.
    "Cache-Control: ",
    "CDN-Cache-Control: ",
    "Expires: ",
    "Date: ",
    "Age: ",
    "Vary: *",
    "ETag: \"a\"",
    "Last-Modified: ",
    "Content-Type: ",
    "Sun, 22 Nov 2026 12:00:00 GMT",
    "Sunday, 22-Nov-26 12:00:00 GMT",
    "no-store",
    "no-cache",
    "must-revalidate",
    "must-understand",
    "private=\"set-cookie\"",
    "max-age=",
    "s-maxage=60",
    "stale-while-revalidate=",
    "stale-if-error=",
    "immutable",
    "application/json",
    // Messages and stored records.
    "{\"Purged\":{\"state\":",
    "{\"Refresh\":{\"today\":20779}}",
    "{\"Response\":{\"entry\":",
    ",\"state\":[1795348800000,[1795348800000,1795348800000]]",
    ",\"outcome\":\"Hit\"}}",
    "{\"Fetch\":{\"request\":{\"cache_key\":",
    ",\"upstream_key\":\"key\",\"caller\":\"\",\"refresh\":false,\"today\":20779}}}",
    "[\"Core\",\"/v3/customer/core/teams/\",[[[97],[49]],[[98],null]]]",
    "[1795348800000,[-9223372036854775808,1795348800000]]",
    "[200,[[\"content-type\",\"application/json\"]],\"0a\",[[9,40,\"/v3/x?a=1\"]],[\"\\\"1\\\"\",null],[1,2,3,4]]",
    "1795348800000 1795348860000 1,7,2,40,-3,185000",
    "1795348800000 1795348860000 1795348860000 1797940800000 ",
    "1795348800000 1",
    "170141183460469231731687303715884105727",
    "-170141183460469231731687303715884105728",
    // Pages of an upstream.
    "404 ",
    "401 ",
    "{\"count\":",
    ",\"next\":\"https://upstream.example/v3/customer/core/teams/?limit=1&offset=1\"",
    ",\"results\":[",
    "]}",
    "{\"count\":0,\"results\":[]}",
    "4294967295",
    "{\"id\":1,\"parent\":2}",
    "{\"id\":1,\"hidden_from_reports\":true}",
    "{\"id\":1,\"name\":\"a\",\"blocked\":false,\"tags\":[1,{\"id\":2}]}",
    "{\"apex_user_id\":1,\"team_id\":1,\"membership_type\":\"contributor\"}",
    "{\"period_start_date\":\"2026-11-02\",\"active_days\":1.5}",
    "{\"period_start_date\":\"2026-11-16\"}",
    "{\"apex_user_id\":1,\"author_local_date_date\":\"2026-11-02\",\"repo_id\":1,\"id_count\":2,\"haloc_sum\":",
    ",\"churn_sum\":null,\"impact_sum\":1.5}",
    "{\"id\":1,\"apex_user_id\":1,\"repo_id\":1,\"author_local_date\":\"2026-11-03T10:00:00\",\"haloc\":5,\"impact\":1.5}",
];

/// All words: parts of queries and rows, and names of the schema.
static VOCABULARY: LazyLock<Vec<String>> = LazyLock::new(|| {
    let schema = RESOURCES.iter().flat_map(|resource| {
        let fields = resource.fields.iter().map(|field| field.name);
        let filters = resource.filters.iter().map(|filter| filter.name);
        fields.chain(filters).chain(resource.flags.iter().map(|flag| flag.name()))
    });
    let lookups =
        Lookup::ALL.into_iter().flat_map(|lookup| ["=", "!="].map(|end| format!("__{}{end}", lookup.suffix())));
    let plain =
        WORDS.iter().copied().chain(METRICS_PARAMETERS.map(|known| known.name)).chain(schema).map(str::to_owned);
    let mut words: Vec<String> = plain.chain(lookups).collect();
    words.sort();
    words.dedup();
    words
});

/// Turns a fuzzer's bytes into text: UTF-8 in which a byte that never occurs in UTF-8 (`F8` to `FF`), with the next
/// one, selects a word of the vocabulary.
pub fn text(mut data: &[u8]) -> String {
    let mut text = String::new();
    while let Some(at) = data.iter().position(|&byte| byte >= 0xf8) {
        let (before, rest) = data.split_at(at);
        text += &String::from_utf8_lossy(before);
        let word = rest.iter().take(2).fold(0, |word, &byte| word * 256 + usize::from(byte));
        text += &VOCABULARY[word % VOCABULARY.len()];
        data = rest.get(2..).unwrap_or_default();
    }
    text + &String::from_utf8_lossy(data)
}

/// Returns the resource that the first byte selects, and the other bytes.
pub fn resource(data: &[u8]) -> Option<(&'static Resource, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((RESOURCES[usize::from(*first) % RESOURCES.len()], rest))
}

/// Creates rows of every resource, with and without values.
pub fn organization() -> Store {
    let lines = |resource: &'static Resource| match resource.name {
        "commits" => vec![
            r#"{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2021-06-05","author_local_date":"2021-06-05","hexsha":"ab","message":"Fix é","haloc":5,"impact":1.5,"risk":0.1,"ignore_hash":"h"}"#,
            r#"{"id":2,"apex_user_id":2,"repo_id":2,"author_date":"2024-02-29T10:00:00","is_merge":true,"ignore_hash":"h","outlier_reason":1}"#,
            r#"{"id":3,"apex_user_id":9,"repo_id":1,"author_date":"2024-02-29T10:00:00"}"#,
        ],
        "users" => {
            vec![r#"{"id":1,"name":"Éva","email":"a@x","alias_count":2}"#, r#"{"id":2,"hidden_from_reports":true}"#]
        }
        "teams" => vec![r#"{"id":1,"name":"a","visibility":"SHOW","parent":2}"#, r#"{"id":2,"parent":1}"#],
        "team_membership" => vec![
            r#"{"id":1,"apex_user_id":1,"team_id":1}"#,
            r#"{"id":2,"apex_user_id":1,"team_id":2}"#,
            r#"{"id":3,"apex_user_id":1,"team_id":2}"#,
        ],
        "repos" => vec![
            r#"{"id":1,"name":"one","tags":[1,2],"oldest_commit_date":"2020-01-01"}"#,
            r#"{"id":2,"blocked":true}"#,
        ],
        "tags" => vec![r#"{"id":1,"name":"a"}"#, r#"{"id":2}"#],
        _ => vec![r#"{"id":1,"apex_user_id":1,"name":"a"}"#, r#"{"id":2,"apex_user_id":1,"email":"b"}"#],
    };
    let mut store = Store::default();
    for resource in RESOURCES {
        let mut rows = RowsBuilder::new(resource);
        for line in lines(resource) {
            rows.add_text(line).expect("a row");
        }
        store.insert(rows.build());
    }
    store
}
