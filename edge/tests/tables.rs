//! The migrations, compared with the core's schema, and each applied to a database with rows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod store;

use proptest::prelude::*;
use rusqlite::Connection;
use store::{MIGRATIONS, Store};
use streamgage::schema::{Kind, Lookup, RESOURCES};

#[test]
fn each_field_has_a_column() {
    let store = Store::new();
    for resource in RESOURCES.into_iter().filter(|resource| !resource.is_generic) {
        let mut columns: Vec<String> = Vec::new();
        for (_, field) in resource.row_fields() {
            let affinity = match field.kind {
                Kind::Integer | Kind::Decimal | Kind::Boolean | Kind::Reference => "INTEGER",
                Kind::Number => "REAL",
                Kind::Text | Kind::DateTime | Kind::Ids | Kind::Json => "TEXT",
            };
            columns.push(format!("[\"{}\",\"{affinity}\"]", field.name));
        }
        columns.push("[\"extra\",\"TEXT\"]".into());
        if resource.name == "commits" {
            columns.push("[\"day\",\"INTEGER\"]".into());
        }
        for (_, field) in resource.row_fields() {
            let contains = field.capabilities.supports(Lookup::IContains) || field.capabilities.is_searchable();
            match field.kind {
                Kind::Text if contains || (resource.name, field.name) == ("tags", "name") => {
                    columns.push(format!("[\"{}_folded\",\"TEXT\"]", field.name));
                }
                Kind::DateTime if field.capabilities.supports(Lookup::Gt) => {
                    columns.push(format!("[\"{}_utc\",\"TEXT\"]", field.name));
                }
                _ => {}
            }
        }
        if resource.name == "commits" {
            columns.push("[\"is_duplicate\",\"INTEGER\"]".into());
        }
        columns.push("[\"filter_values\",\"TEXT\"]".into());
        let sql = format!("SELECT name, type FROM pragma_table_info('{}')", resource.name);
        // Migrations add columns at the end, whatever the order of the fields.
        let mut stored = store.rows(&sql);
        stored.sort();
        columns.sort();
        assert_eq!(stored, columns, "{}", resource.name);
    }
}

/// Rows that are inserted after each migration: one for each new table, and values for new columns. The next migrations
/// have to keep them.
const ROWS: [&str; 15] = [
    "INSERT INTO commits (id, apex_user_id, repo_id, author_date, author_local_date, day, message)
     VALUES (1, 2, 3, '2026-01-02', '2026-01-02', 20455, 'é');
     INSERT INTO repos (id, name, tags, name_folded) VALUES (3, 'a', '[1]', 'A');",
    "INSERT INTO rollup VALUES (20455, 2, 3, 1, 0, 0, 0);",
    "INSERT INTO api_key (hash, name, permissions, created_at) VALUES ('aa', 'test', 'metrics', 0);
     INSERT INTO dump (id, value) VALUES (1, '{}');",
    "UPDATE repos SET updated_at_utc = '2026-01-02T00:00:00';",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
];

#[test]
fn each_migration_keeps_existing_rows() {
    let store = Store {
        database: Connection::open_in_memory().unwrap(),
        settings: Default::default(),
        steps: Default::default(),
    };
    let tables = ["commits", "repos", "rollup", "api_key", "dump"];
    let contents = |tables: &[&str]| -> Vec<Vec<String>> {
        tables.iter().map(|table| store.rows(&format!("SELECT * FROM {table}"))).collect()
    };
    let mut before: Vec<Vec<String>> = Vec::new();
    for ((migration, rows), there) in MIGRATIONS.iter().zip(ROWS).zip([2, 3, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5]) {
        store.database.execute_batch(migration).unwrap();
        // A migration may add columns at the end.
        for (rows, before) in contents(&tables[..before.len()]).iter().flatten().zip(before.iter().flatten()) {
            assert!(rows.starts_with(before.trim_end_matches(']')), "{rows} {before}");
        }
        store.database.execute_batch(rows).unwrap();
        before = contents(&tables[..there]);
        assert!(before.iter().all(|rows| rows.len() == 1));
    }
    // Existing rows are counted.
    let counts = [r#"["commits",10,0,1]"#, r#"["commits",62,0,1]"#, r#"["repos",10,0,1]"#, r#"["repos",62,0,1]"#];
    assert_eq!(store.rows("SELECT * FROM row_count"), counts);
}

/// Migrations calculate counts and columns of existing commits.
#[test]
fn existing_commits_are_counted() {
    let database = Connection::open_in_memory().unwrap();
    let (before, after) = MIGRATIONS.split_at(7);
    database.execute_batch(&before.concat()).unwrap();
    database
        .execute_batch(
            "INSERT INTO commits (id, apex_user_id, repo_id, day, ignore_hash, is_merge, is_pr_orphan, outlier_reason, \
             author_local_date, author_local_date_utc, new_work) VALUES \
             (1, 2, 3, 18781, 'a', 0, 0, NULL, '2021-06-03', NULL, 8), (2, 2, 3, 18781, 'a', 0, 0, NULL, '2021-06-03', NULL, 8), \
             (3, 2, 3, 18783, NULL, 0, 0, NULL, '2021-06-05', NULL, -1), (4, 2, 3, 0, NULL, NULL, 1, 7, NULL, NULL, NULL), \
             (5, 2, 3, 18781, 'b', 0, 0, NULL, '2021-06-04T23:00:00-02:00', '2021-06-05T01:00:00', 8);",
        )
        .unwrap();
    database.execute_batch(&after.concat()).unwrap();
    let store = Store::new_with(database);
    assert_eq!(
        store.rows("SELECT id, is_duplicate, is_weekday FROM commits"),
        ["[1,0,1]", "[2,1,1]", "[3,0,0]", "[4,0,null]", "[5,0,0]"]
    );
    let tally = ["[3,2,0,0,0,0,0,2,null]", "[3,2,0,0,0,0,1,1,null]", "[3,2,0,1,1,1,0,1,1]", "[3,2,1,0,0,0,1,1,null]"];
    assert_eq!(store.rows("SELECT * FROM commit_count"), tally);
    assert_eq!(store.rows("SELECT * FROM new_work_count"), ["[-1,1]", "[8,3]"]);
    let days = ["2021-06-03\",2", "2021-06-05\",2"].map(|day| format!("[\"author_local_date\",\"{day}]"));
    assert_eq!(store.rows("SELECT * FROM day_count"), days);
}

/// A migration fills the local date of existing commits exactly as an import does.
#[test]
fn existing_commits_get_a_local_date() {
    const DATES: [(&str, &str); 13] = [
        ("2026-06-29T23:30:00+05:30", "19800"),
        ("2026-06-29T23:30:00+05:30", "null"),
        ("2026-06-29T23:30:00+05:30", "0"),
        ("2026-07-04T00:30:00", "-7200"),
        ("2026-06-30T10:30:00.123456789", "50400"),
        ("2026-06-30T23:59:59.9999Z", "0"),
        ("2026-06-30T23:59:59.5", "null"),
        ("2026-06-30 10:30", "null"),
        ("2026-06-30 10:30-0200", "3600"),
        ("2026-06-30", "-1"),
        ("2026-06-30", "null"),
        ("9999-12-31T23:59:59", "3600"),
        ("0001-01-01T00:00:00", "-3600"),
    ];
    let rows = DATES.iter().zip(1..).map(|((date, offset), id)| {
        format!(r#"{{"id":{id},"apex_user_id":1,"repo_id":1,"author_date":"{date}","author_tzoffset":{offset}}}"#)
    });
    let store = Store::new();
    store.import("commits", &rows.collect::<Vec<_>>().join("\n"));
    let contents = || {
        let commits = store.rows("SELECT author_local_date, is_weekday FROM commits");
        (commits, store.rows("SELECT * FROM commit_count"))
    };
    let (commits, counts) = contents();
    assert_eq!(commits[0], r#"["2026-06-29T23:30:00",1]"#);
    assert_eq!(commits[3], r#"["2026-07-03T22:30:00",1]"#);
    assert_eq!(commits[11], "[null,null]");
    store.database.execute_batch("UPDATE commits SET author_local_date = NULL; DELETE FROM commit_count;").unwrap();
    store.database.execute_batch(MIGRATIONS[12]).unwrap();
    assert_eq!(contents(), (commits, counts));
}

#[test]
fn all_migrations_are_tested() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../worker/migrations")).unwrap();
    assert_eq!(folder.count(), MIGRATIONS.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Stored texts and numbers are returned unchanged. (SQLite rounds the last of 53 bits of some numbers beyond this
    /// range.)
    #[test]
    fn values_survive(text in ".{0,20}", number in -1e6..1e6f64, units in -9_007_199_254_740_991i64..9_007_199_254_740_991, id in 0i64..9_007_199_254_740_991) {
        let store = Store::new();
        let size = units.unsigned_abs();
        let impact = format!("{}{}.{:04}", if units < 0 { "-" } else { "" }, size / 10_000, size % 10_000);
        let quoted = serde_json::to_string(&text).unwrap();
        let row = format!(
            "{{\"id\":{id},\"apex_user_id\":1,\"repo_id\":1,\"author_date\":\"2026-01-01\",\"message\":{quoted},\"risk\":{number:?},\
             \"impact\":{},\"other\":{quoted},\"extracted_tags\":[{quoted}]}}",
            impact.trim_end_matches('0').trim_end_matches('.'),
        );
        prop_assert_eq!(store.import("commits", &row), (1, 1));
        let found = store.get(&format!("/v3/customer/core/commits/{id}/"));
        prop_assert!(found.contains(&format!("\"risk\":{number:?},")), "{}", found);
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        prop_assert_eq!(found["message"].as_str(), Some(text.as_str()));
        prop_assert_eq!(found["other"].as_str(), Some(text.as_str()));
        prop_assert_eq!(found["extracted_tags"][0].as_str(), Some(text.as_str()));
        prop_assert_eq!(found["impact"].as_f64(), impact.parse().ok());
        prop_assert_eq!(store.import("commits", &row), (1, 0));
    }
}
