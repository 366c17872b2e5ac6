//! Databases of each released schema, migrated to the newest, compared with a fresh import of the same rows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod store;

use rusqlite::{Connection, params_from_iter};
use store::{METRICS, MIGRATIONS, Store};
use streamgage::schema::RESOURCES;

/// Rows, and the first schema whose import stored all that lists compare of them. Of rows that an earlier schema stored,
/// filters compare less until they are imported again, as the migrations say.
const ROWS: &[(usize, &str, &[&str])] = &[
    (3, "tags", &[r#"{"id":7,"name":"core"}"#, r#"{"id":8,"name":null,"unknown":[1]}"#]),
    (
        3,
        "repos",
        &[
            r#"{"id":1,"name":"tokio","tags":[7,8],"vendor_type":"github"}"#,
            r#"{"id":2,"name":"axum","blocked":true}"#,
            r#"{"id":5000,"name":null,"oldest_commit_date":"2026-08-01"}"#,
        ],
    ),
    (3, "teams", &[r#"{"id":1,"name":"all"}"#, r#"{"id":2,"name":"some","parent":1,"path":"1.2"}"#]),
    (3, "users", &[r#"{"id":1,"name":"ada"}"#, r#"{"id":2,"hidden_from_reports":true}"#, r#"{"id":3,"name":"bob"}"#]),
    (
        3,
        "team_membership",
        &[
            r#"{"id":1,"apex_user_id":1,"team_id":1,"membership_type":"contributor"}"#,
            r#"{"id":2,"apex_user_id":3,"team_id":2,"membership_type":"contributor"}"#,
            r#"{"id":3,"apex_user_id":1,"team_id":2,"membership_type":"viewer"}"#,
        ],
    ),
    (3, "user_alias", &[r#"{"id":1,"apex_user_id":1,"name":"ada","email":"ada@example.com"}"#]),
    (
        3,
        "commits",
        &[
            r#"{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2026-08-03T10:00:00","author_local_date":"2026-08-03T12:00:00","author_tzoffset":7200,"haloc":20,"new_work":8,"churn":2,"impact":1.25,"ignore_hash":"a"}"#,
            r#"{"id":2,"apex_user_id":1,"repo_id":1,"author_date":"2026-08-04T10:00:00","author_local_date":"2026-08-04T10:00:00","haloc":30,"new_work":8,"ignore_hash":"a","message":"the same"}"#,
            r#"{"id":3,"apex_user_id":3,"repo_id":5000,"author_date":"2026-08-08T10:00:00","author_local_date":"2026-08-08T10:00:00","haloc":7,"new_work":3,"churn":7,"impact":0.0001,"extracted_tags":["x"],"unknown":{"b":1}}"#,
            r#"{"id":4,"apex_user_id":2,"repo_id":1,"author_date":"2026-08-10T10:00:00","author_local_date":"2026-08-10T10:00:00","haloc":1,"new_work":0}"#,
            r#"{"id":5,"apex_user_id":1,"repo_id":2,"author_date":"2026-08-11T10:00:00","author_local_date":"2026-08-11T10:00:00","is_merge":true,"haloc":1}"#,
            r#"{"id":6,"apex_user_id":3,"repo_id":1,"author_date":"2026-08-12T10:00:00","author_local_date":"2026-08-12T10:00:00","is_pr_orphan":true,"outlier_reason":3,"new_work":9007199254740991}"#,
            // Without the local date. The second is on the next day, a Sunday.
            r#"{"id":2000,"apex_user_id":3,"repo_id":1,"author_date":"2026-08-13","haloc":40,"new_work":40,"impact":3}"#,
            r#"{"id":2001,"apex_user_id":1,"repo_id":5000,"author_date":"2026-08-15T23:30:00","author_tzoffset":3600,"haloc":4,"new_work":4}"#,
        ],
    ),
    // Texts beyond ASCII, and dates with an offset.
    (4, "repos", &[r#"{"id":3,"name":"Übung","updated_at":"2026-08-01T00:00:00+02:00"}"#]),
    (4, "users", &[r#"{"id":4,"name":"Étienne","created_at":"2026-08-01T00:00:00+02:00"}"#]),
    (
        4,
        "commits",
        &[
            r#"{"id":3000,"apex_user_id":4,"repo_id":3,"author_date":"2026-08-19T23:00:00-02:00","author_local_date":"2026-08-19T23:00:00","author_tzoffset":-7200,"message":"Größe","haloc":5,"new_work":5}"#,
            r#"{"id":3001,"apex_user_id":4,"repo_id":3,"author_date":"2026-08-21T23:00:00-02:00","author_tzoffset":10800,"haloc":6,"new_work":5}"#,
        ],
    ),
    // A field that only some rows have.
    (11, "repos", &[r#"{"id":4,"name":"b","project_id":7}"#]),
    (12, "pull_requests", &[r#"{"id":1,"title":"First","state":"open"}"#, r#"{"id":3000,"number":2}"#]),
];

/// The first released schema: three migrations at once. An import needs all of them.
const FIRST_SCHEMA: usize = 3;

/// The first schema with a table of generic rows, and the first one that fills missing local dates.
const GENERIC_ROWS: usize = 12;
const LOCAL_DATES: usize = 13;

/// The first schema with a generation, and the last one whose migration changes what answers contain.
const GENERATIONS: usize = 7;
const CHANGED_ANSWERS: usize = 15;

const LISTS: [&str; 22] = [
    "tags/",
    "repos/?name__icontains=to",
    "repos/?vendor_type=github",
    "teams/?ancestor_id=1",
    "users/?ordering=-name",
    "users/?team__name=some",
    "team_membership/?team_id=2",
    "user_alias/",
    "commits/",
    "commits/?limit=2&offset=3&ordering=-id",
    "commits/?message=THE+SAME",
    "commits/?new_work__gte=4",
    "commits/?new_work__lt=8",
    "commits/?author_date__gte=2026-08-04",
    "commits/?author_local_date__gte=2026-08-03T12:00:00&author_local_date__lt=2026-08-16",
    "commits/?author_local_date__lte=2026-08-13",
    "commits/?smart_dedupe=true",
    "commits/?exclude_weekends=true",
    "commits/?apply_default_filters=true&remove_excluded=true&repo_tags__in=7",
    "commits/?exclude_outliers=true&exclude_pr_orphans=true&exclude_merge=true&exclude_blocked=true",
    "commits.agg/?aggregate[count]=id&aggregate[sum]=haloc,impact&group_by[apex_user_id,author_local_date__date]",
    "pull_requests/?state=open",
];

const METRICS_QUERIES: [&str; 4] = [
    "start_date=2026-08-03&end_date=2026-08-30&resolution=week",
    "start_date=2026-08-08&end_date=2026-08-16&resolution=period",
    "start_date=2026-08-03&end_date=2026-08-30&resolution=week&team_id=1&include_nested_teams=true",
    "start_date=2026-08-03&end_date=2026-08-30&resolution=period&repo_tag_id=7&apex_user_id__in=1,3",
];

/// The tables that hold rows as they were imported.
const ROW_TABLES: [&str; 8] =
    ["tags", "repos", "teams", "users", "team_membership", "user_alias", "commits", "generic_row"];

/// The tables that imports maintain.
const MAINTAINED_TABLES: [&str; 5] = ["rollup", "row_count", "commit_count", "day_count", "new_work_count"];

/// Views with the contents of the maintained tables: `calculated_` and the name of the table.
const CALCULATED_TABLES: &str = include_str!("store/calculated_tables.sql");

fn import(store: &Store, is_imported: impl Fn(usize) -> bool) {
    for (_, resource, rows) in ROWS.iter().filter(|(since, ..)| is_imported(*since)) {
        store.import(resource, &rows.join("\n"));
    }
}

/// Returns the columns of a table, except generated ones. A table that does not exist has none.
fn columns(database: &Connection, table: &str) -> Vec<String> {
    let mut statement = database.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
    statement.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Copies the columns that both databases have.
fn copy_table(from: &Connection, to: &Connection, table: &str) {
    let known = columns(from, table);
    let shared: Vec<String> = columns(to, table).into_iter().filter(|column| known.contains(column)).collect();
    let (names, values) = (shared.join(", "), vec!["?"; shared.len()].join(", "));
    let mut insert = to.prepare(&format!("INSERT INTO {table} ({names}) VALUES ({values})")).unwrap();
    let mut select = from.prepare(&format!("SELECT {names} FROM {table}")).unwrap();
    let mut rows = select.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let values: Vec<rusqlite::types::Value> = (0..shared.len()).map(|at| row.get_unwrap(at)).collect();
        insert.execute(params_from_iter(values)).unwrap();
    }
}

/// Returns a database with one of the schemas, and the rows of another database as that schema's import stored them.
fn database_of(schema: usize, rows: &Store) -> Connection {
    let database = Connection::open_in_memory().unwrap();
    database.execute_batch(&MIGRATIONS[..schema].concat()).unwrap();
    for table in ROW_TABLES.iter().filter(|table| !columns(&database, table).is_empty()) {
        copy_table(&rows.database, &database, table);
    }
    if schema < LOCAL_DATES {
        let all = ROWS.iter().filter(|(_, resource, _)| *resource == "commits").flat_map(|(.., rows)| rows.iter());
        for row in all.filter(|row| !row.contains("author_local_date")) {
            let id = serde_json::from_str::<serde_json::Value>(row).unwrap()["id"].as_i64();
            database.execute("UPDATE commits SET author_local_date = NULL WHERE id = ?1", [id]).unwrap();
        }
    }
    database.execute_batch(CALCULATED_TABLES).unwrap();
    for table in MAINTAINED_TABLES {
        let columns = columns(&database, table).join(", ");
        if !columns.is_empty() {
            let insert = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM calculated_");
            database.execute(&format!("{insert}{table}"), []).unwrap();
            if table == "row_count" && schema >= GENERIC_ROWS {
                database.execute(&format!("{insert}generic_row_count"), []).unwrap();
            }
        }
    }
    database
}

fn upgrade(database: Connection, schema: usize) -> Store {
    database.execute_batch(&MIGRATIONS[schema..].concat()).unwrap();
    Store::new_with(database)
}

/// Returns the contents of tables. Counts of 0 are left out.
fn contents(store: &Store, tables: &[&str]) -> Vec<String> {
    let rows_of = |table: &&str| {
        let counted =
            if columns(&store.database, table).iter().any(|column| column == "count") { "count" } else { "1" };
        let mut rows = store.rows(&format!("SELECT '{table}', * FROM {table} WHERE {counted} <> 0"));
        rows.sort();
        rows
    };
    tables.iter().flat_map(rows_of).collect()
}

fn answers(store: &Store) -> Vec<String> {
    let lists = LISTS.iter().map(|list| format!("/v3/customer/core/{list}"));
    let metrics = METRICS_QUERIES.iter().map(|query| format!("{METRICS}?{query}"));
    lists.chain(metrics).map(|path| format!("{path}: {}", store.get(&path))).collect()
}

fn assert_same(upgraded: &[String], fresh: &[String], schema: &str) {
    for (upgraded, fresh) in upgraded.iter().zip(fresh) {
        assert_eq!(upgraded, fresh, "schema {schema}");
    }
    assert_eq!(upgraded.len(), fresh.len(), "schema {schema}");
}

fn assert_counts_and_answers(upgraded: &Store, fresh: &Store, schema: &str) {
    assert_same(&contents(upgraded, &MAINTAINED_TABLES), &contents(fresh, &MAINTAINED_TABLES), schema);
    assert_same(&answers(upgraded), &answers(fresh), schema);
}

#[test]
fn each_schema_is_upgraded_to_the_counts_and_answers_of_a_fresh_import() {
    for schema in FIRST_SCHEMA..=MIGRATIONS.len() {
        let fresh = Store::new();
        import(&fresh, |since| since <= schema);
        let upgraded = upgrade(database_of(schema, &fresh), schema);
        assert_counts_and_answers(&upgraded, &fresh, &schema.to_string());
    }
}

/// Otherwise a client's `If-None-Match` would be answered by 304 (Not Modified).
#[test]
fn an_upgrade_that_changes_answers_changes_their_entity_tags() {
    let rows = Store::new();
    import(&rows, |_| true);
    for schema in GENERATIONS..CHANGED_ANSWERS {
        let database = database_of(schema, &rows);
        let generation = |database: &Connection| -> String {
            database.query_row("SELECT value FROM generation", [], |row| row.get(0)).unwrap()
        };
        let before = generation(&database);
        assert_ne!(generation(&upgrade(database, schema).database), before, "schema {schema}");
    }
}

/// Rows whose computed columns their schema did not have.
#[test]
fn a_repeated_import_completes_rows_of_each_schema() {
    let fresh = Store::new();
    import(&fresh, |_| true);
    for schema in FIRST_SCHEMA..=MIGRATIONS.len() {
        let upgraded = upgrade(database_of(schema, &fresh), schema);
        import(&upgraded, |_| true);
        assert_same(&contents(&upgraded, &ROW_TABLES), &contents(&fresh, &ROW_TABLES), &schema.to_string());
        assert_counts_and_answers(&upgraded, &fresh, &schema.to_string());
    }
}

#[test]
fn deleting_all_rows_of_each_schema_leaves_no_counts() {
    let rows = Store::new();
    import(&rows, |_| true);
    for schema in FIRST_SCHEMA..=MIGRATIONS.len() {
        let upgraded = upgrade(database_of(schema, &rows), schema);
        delete_all(&upgraded);
        assert_eq!(contents(&upgraded, &ROW_TABLES), Vec::<String>::new(), "schema {schema}");
        assert_eq!(contents(&upgraded, &MAINTAINED_TABLES), Vec::<String>::new(), "schema {schema}");
    }
}

fn delete_all(store: &Store) {
    for resource in RESOURCES {
        let table = if resource.is_generic { "generic_row" } else { resource.name };
        let ids = store.rows(&format!("SELECT id FROM {table}"));
        let rows = ids.iter().map(|id| format!(r#"{{"id":{},"_deleted":true}}"#, id.trim_matches(['[', ']'])));
        store.import(resource.name, &rows.collect::<Vec<_>>().join("\n"));
    }
}

/// The database that commit 79a5dd1 wrote, whose rows are imported again into an empty one.
#[test]
fn the_recorded_database_is_upgraded_to_the_counts_and_answers_of_a_fresh_import() {
    let recorded = Connection::open_in_memory().unwrap();
    recorded.execute_batch(include_str!("../../tests/worker/fixtures/79a5dd1/store.sql")).unwrap();
    const SCHEMA: usize = 9;
    let migrations: i64 = recorded.query_row("SELECT COUNT(*) FROM d1_migrations", [], |row| row.get(0)).unwrap();
    assert_eq!(migrations, SCHEMA as i64);
    let upgraded = upgrade(recorded, SCHEMA);
    let fresh = Store::new();
    for resource in RESOURCES.into_iter().filter(|resource| !resource.is_generic) {
        let body: serde_json::Value =
            serde_json::from_str(&upgraded.get(&format!("/v3/customer/core/{}/?limit=1000", resource.name))).unwrap();
        let rows = body["results"].as_array().unwrap();
        assert!(!rows.is_empty());
        fresh.import(resource.name, &rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
    assert_counts_and_answers(&upgraded, &fresh, "9, recorded");
    delete_all(&upgraded);
    assert_eq!(contents(&upgraded, &MAINTAINED_TABLES), Vec::<String>::new());
}
