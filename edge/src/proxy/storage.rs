//! The tables of the durable tier, and how much of it is kept: what nobody reads goes, the longest unread first.

use crate::store::Statement;

/// The tables. `read_on` is the day, as its number since 1970-01-01, on which something was last read or written.
pub const TABLES: &str = "\
    CREATE TABLE IF NOT EXISTS shelf (kind TEXT, key TEXT, text TEXT, read_on INTEGER, PRIMARY KEY (kind, key)) WITHOUT ROWID; \
    CREATE TABLE IF NOT EXISTS answer (name TEXT PRIMARY KEY, entry TEXT, body BLOB, until INTEGER, read_on INTEGER);";

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For how many days something stays that nobody reads.
    pub unread: i64,
    /// How many bytes the bodies of last good answers may take.
    pub answers: i64,
    /// How many bytes the texts of the shelf may take: weeks are some hundreds each.
    pub shelf: i64,
}

/// The limits of a partition.
pub const LIMITS: Limits = Limits { unread: 30, answers: 256 << 20, shelf: 64 << 20 };

/// After how many bytes that were written the tables are swept: by so much the limits may be passed.
pub const EVICT_AFTER_BYTES: u32 = 16 << 20;

impl Limits {
    /// What keeps the tables within them, on a day; `now` is in milliseconds since 1970-01-01.
    pub fn eviction_statements(&self, now: i64, today: i64) -> [Statement; 4] {
        let unread = today.saturating_sub(self.unread);
        [
            Statement::new("DELETE FROM answer WHERE until < ?1 OR read_on < ?2", [now.into(), unread.into()]),
            Statement::new(
                "DELETE FROM answer WHERE name IN (SELECT name FROM (SELECT name, sum(octet_length(body)) \
                 OVER (ORDER BY read_on DESC, until DESC, name) AS total FROM answer) WHERE total > ?1)",
                [self.answers.into()],
            ),
            Statement::new("DELETE FROM shelf WHERE read_on < ?1", [unread.into()]),
            Statement::new(
                "DELETE FROM shelf WHERE (kind, key) IN (SELECT kind, key FROM (SELECT kind, key, sum(octet_length(text)) \
                 OVER (ORDER BY kind = 'record' DESC, read_on DESC, kind, key) AS total FROM shelf) WHERE total > ?1)",
                [self.shelf.into()],
            ),
        ]
    }
}

/// Finds whether anything is kept but the partition's record.
pub const HAS_CONTENT: &str =
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM answer) OR EXISTS (SELECT 1 FROM shelf WHERE kind <> 'record')";
