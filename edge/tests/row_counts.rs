//! The row counts that imports maintain, and the pages that are found by them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod store;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use store::{Store, request};
use streamgage::schema::RESOURCES;

/// Ids at the ends of blocks, and distant ones.
const IDS: &[i64] =
    &[-9_007_199_254_740_991, -1_025, -1_024, -1, 0, 1, 1_023, 1_024, 1_025, 5_000, 9_007_199_254_740_991];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn maintained_counts_are_the_numbers_of_rows(
        imports in prop::collection::vec((0..RESOURCES.len(), prop::collection::vec((select(IDS), any::<bool>()), 1..9)), 1..12),
    ) {
        let store = Store::new();
        for (at, rows) in imports {
            let line = |(id, deleted): (i64, bool)| match deleted {
                true => json!({ "id": id, "_deleted": true }),
                false => json!({ "id": id, "apex_user_id": 1, "repo_id": 1, "author_date": "2026-01-02" }),
            };
            let lines: Vec<String> = rows.into_iter().map(|row| line(row).to_string()).collect();
            store.import(RESOURCES[at].name, &lines.join("\n"));
        }
        for resource in RESOURCES {
            let table = match resource.is_generic {
                true => format!("generic_row WHERE resource = '{}'", resource.name),
                false => resource.name.to_owned(),
            };
            let resource = resource.name;
            for bits in [10, 62] {
                let kept = format!("SELECT block, count FROM row_count WHERE resource = '{resource}' AND bits = {bits} AND count <> 0");
                let found = format!("SELECT id >> {bits} AS block, COUNT(*) FROM {table} GROUP BY block ORDER BY block");
                prop_assert_eq!(store.rows(&kept), store.rows(&found), "{} {}", resource, bits);
            }
            let all: Value = serde_json::from_str(&store.get(&format!("/v3/customer/core/{resource}/"))).unwrap();
            prop_assert_eq!(&all["count"], &json!(all["results"].as_array().unwrap().len()));
        }
    }
}

/// Returns a database of 3,000 tags with gaps between their ids, of which some are negative.
fn store_of_tags() -> (Store, Vec<i64>) {
    let store = Store::new();
    let ids: Vec<i64> = (-500..2_500).map(|number| number * 7 + (number / 900) * 100_000).collect();
    for ids in ids.chunks(1_000) {
        let lines: Vec<String> = ids.iter().map(|id| json!({ "id": id }).to_string()).collect();
        store.import("tags", &lines.join("\n"));
    }
    (store, ids)
}

#[test]
fn pages_at_large_offsets() {
    let (store, mut ids) = store_of_tags();
    for ordering in ["id", "-id"] {
        for offset in [0, 1, 999, 1_000, 1_001, 1_500, 1_501, 2_345, 2_999, 3_000, 3_001, 9_007_199_254_740_993] {
            for limit in [1, 2, 1_000] {
                let query = format!("limit={limit}&offset={offset}&ordering={ordering}&fields=id");
                let page: Value =
                    serde_json::from_str(&store.get(&format!("/v3/customer/core/tags/?{query}"))).unwrap();
                let expected = ids.iter().skip(offset).take(limit).map(|id| json!({ "id": id }));
                assert_eq!(page["results"], expected.collect::<Value>(), "{query}");
                assert_eq!(page["count"], 3_000);
            }
        }
        ids.reverse();
    }
}

#[test]
fn a_page_at_a_large_offset_reads_one_block() {
    let (store, _) = store_of_tags();
    for ordering in ["id", "-id"] {
        let path = format!("/v3/customer/core/tags/?offset=2000&ordering={ordering}");
        let plans = store.plans(&request("GET", &path), b"");
        assert_eq!(plans[0], "SEARCH row_count USING PRIMARY KEY (resource=? AND bits=?)");
        assert!(plans[1].contains("SEARCH t USING INTEGER PRIMARY KEY (rowid"), "{}", plans[1]);
        assert_eq!(plans[1].matches("row_count").count(), 1, "{}", plans[1]);
    }
}
