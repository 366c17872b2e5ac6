//! What the durable tier keeps, on SQLite.
#![allow(clippy::unwrap_used, clippy::panic)]

use rusqlite::{Connection, params, params_from_iter};
use streamgage_edge::Parameter;
use streamgage_edge::proxy::storage::{HAS_CONTENT, Limits, TABLES};

const TODAY: i64 = 20_000;
const NOW: i64 = TODAY * 86_400_000;
const LIMITS: Limits = Limits { unread: 30, answers: 300, shelf: 208 };

struct Tier(Connection);

impl Tier {
    fn new() -> Tier {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLES).unwrap();
        Tier(connection)
    }

    /// Puts an answer of that many bytes, which serves until a time, and was read some days ago.
    fn answer(&self, name: &str, bytes: i64, until: i64, days_ago: i64) {
        let row = params![name, bytes, until, TODAY - days_ago];
        self.0.execute("INSERT INTO answer VALUES (?1, '{}', zeroblob(?2), ?3, ?4)", row).unwrap();
    }

    fn shelve(&self, kind: &str, key: &str, bytes: usize, days_ago: i64) {
        // Two bytes each: a limit of characters would be twice too wide.
        let row = params![kind, key, "é".repeat(bytes / 2), TODAY - days_ago];
        self.0.execute("INSERT INTO shelf VALUES (?1, ?2, ?3, ?4)", row).unwrap();
    }

    /// Sweeps, and tells what is left.
    fn swept(&self) -> Vec<String> {
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

    fn is_anything_left(&self) -> bool {
        self.0.prepare(HAS_CONTENT).unwrap().exists([]).unwrap()
    }
}

#[test]
fn what_nobody_reads_goes() {
    let tier = Tier::new();
    tier.answer("read", 1, NOW, LIMITS.unread);
    tier.answer("unread", 1, NOW, LIMITS.unread + 1);
    tier.answer("over", 1, NOW - 1, 0);
    tier.shelve("week", "read", 1, LIMITS.unread);
    tier.shelve("week", "unread", 1, LIMITS.unread + 1);
    assert_eq!(tier.swept(), ["read", "week read"]);
}

#[test]
fn of_too_much_the_longest_unread_goes() {
    let tier = Tier::new();
    for (name, until, days_ago) in [("a", 1, 2), ("b", 0, 2), ("c", 0, 0), ("d", 0, 1)] {
        tier.answer(name, 100, NOW + until, days_ago);
    }
    for (kind, key, bytes, days_ago) in
        [("day", "a", 100, 3), ("week", "b", 100, 1), ("week", "c", 100, 2), ("record", "", 8, 20)]
    {
        tier.shelve(kind, key, bytes, days_ago);
    }
    assert_eq!(tier.swept(), ["a", "c", "d", "record ", "week b", "week c"]);
}

#[test]
fn a_record_alone_is_nothing() {
    let tier = Tier::new();
    tier.shelve("record", "", 8, 0);
    assert!(!tier.is_anything_left());
    tier.shelve("week", "a", 8, 0);
    assert!(tier.is_anything_left());
}
