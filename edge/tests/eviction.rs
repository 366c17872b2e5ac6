//! Eviction of a partition's rows, on SQLite.
#![allow(clippy::unwrap_used, clippy::panic)]

use rusqlite::{Connection, params, params_from_iter};
use streamgage_edge::Parameter;
use streamgage_edge::proxy::storage::{HAS_CONTENT, StorageLimits, TABLES};

const TODAY: i64 = 20_000;
const NOW: i64 = TODAY * 86_400_000;
const LIMITS: StorageLimits = StorageLimits { unread_days: 30, response_bytes: 300, text_bytes: 208 };

struct Database(Connection);

impl Database {
    fn new() -> Database {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLES).unwrap();
        Database(connection)
    }

    /// Inserts a response that may be served until a time and was read some days ago.
    fn insert_response(&self, name: &str, bytes: i64, until: i64, days_ago: i64) {
        let row = params![name, bytes, until, TODAY - days_ago];
        self.0.execute("INSERT INTO answer VALUES (?1, '{}', zeroblob(?2), ?3, ?4)", row).unwrap();
    }

    fn insert_text(&self, kind: &str, key: &str, bytes: usize, days_ago: i64) {
        // Each character has two bytes, so that a limit of characters would fail.
        let row = params![kind, key, "é".repeat(bytes / 2), TODAY - days_ago];
        self.0.execute("INSERT INTO shelf VALUES (?1, ?2, ?3, ?4)", row).unwrap();
    }

    /// Evicts rows and returns the names of those that are left.
    fn evict(&self) -> Vec<String> {
        for statement in LIMITS.eviction_statements(NOW, TODAY) {
            let values = statement.parameters.iter().map(|parameter| match parameter {
                Parameter::Integer(value) => *value,
                parameter => panic!("{parameter:?}"),
            });
            self.0.execute(&statement.sql, params_from_iter(values)).unwrap();
        }
        let names = "SELECT name FROM answer UNION ALL SELECT kind || ' ' || key FROM shelf ORDER BY 1";
        let mut names = self.0.prepare(names).unwrap();
        names.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn has_content(&self) -> bool {
        self.0.prepare(HAS_CONTENT).unwrap().exists([]).unwrap()
    }
}

#[test]
fn unread_and_expired_rows_are_evicted() {
    let database = Database::new();
    database.insert_response("read", 1, NOW, LIMITS.unread_days);
    database.insert_response("unread", 1, NOW, LIMITS.unread_days + 1);
    database.insert_response("over", 1, NOW - 1, 0);
    database.insert_text("week", "read", 1, LIMITS.unread_days);
    database.insert_text("week", "unread", 1, LIMITS.unread_days + 1);
    assert_eq!(database.evict(), ["read", "week read"]);
}

#[test]
fn rows_beyond_the_limits_are_evicted_longest_unread_first() {
    let database = Database::new();
    for (name, until, days_ago) in [("a", 1, 2), ("b", 0, 2), ("c", 0, 0), ("d", 0, 1)] {
        database.insert_response(name, 100, NOW + until, days_ago);
    }
    for (kind, key, bytes, days_ago) in
        [("day", "a", 100, 3), ("week", "b", 100, 1), ("week", "c", 100, 2), ("record", "", 8, 20)]
    {
        database.insert_text(kind, key, bytes, days_ago);
    }
    assert_eq!(database.evict(), ["a", "c", "d", "record ", "week b", "week c"]);
}

#[test]
fn the_partition_state_alone_is_no_content() {
    let database = Database::new();
    database.insert_text("record", "", 8, 0);
    assert!(!database.has_content());
    database.insert_text("week", "a", 8, 0);
    assert!(database.has_content());
}
