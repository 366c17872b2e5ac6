//! The SQLite tables of a partition and their eviction.
//!
//! Table and column names are part of the stored format: `shelf` is the key-value store, `answer` holds responses.

use crate::store::Statement;

/// `read_on` is the day of the last read or write, as a number of days since 1970-01-01.
pub const TABLES: &str = "\
    CREATE TABLE IF NOT EXISTS shelf (kind TEXT, key TEXT, text TEXT, read_on INTEGER, PRIMARY KEY (kind, key)) WITHOUT ROWID; \
    CREATE TABLE IF NOT EXISTS answer (name TEXT PRIMARY KEY, entry TEXT, body BLOB, until INTEGER, read_on INTEGER);";

/// The kind of the partition state, which is stored under an empty key.
pub(super) const STATE_KIND: &str = "record";

#[derive(Clone, Copy, Debug)]
pub struct StorageLimits {
    /// The number of days after which unread rows are deleted.
    pub unread_days: i64,
    /// The total length of response bodies, in bytes.
    pub response_bytes: i64,
    /// The total length of texts in the key-value store, in bytes. A week takes some hundred.
    pub text_bytes: i64,
}

/// The limits of a partition.
pub const LIMITS: StorageLimits = StorageLimits { unread_days: 30, response_bytes: 256 << 20, text_bytes: 64 << 20 };

/// Rows are evicted after this many written bytes, so the limits may be exceeded by as much.
pub const EVICT_AFTER_BYTES: u32 = 16 << 20;

impl StorageLimits {
    /// Returns statements that delete expired rows, unread rows, and the longest unread rows beyond the limits. `now` is in
    /// milliseconds and `today` in days since 1970-01-01.
    pub fn eviction_statements(&self, now: i64, today: i64) -> [Statement; 4] {
        let unread = today.saturating_sub(self.unread_days);
        [
            Statement::new("DELETE FROM answer WHERE until < ?1 OR read_on < ?2", [now.into(), unread.into()]),
            Statement::new(
                "DELETE FROM answer WHERE name IN (SELECT name FROM (SELECT name, sum(octet_length(body)) \
                 OVER (ORDER BY read_on DESC, until DESC, name) AS total FROM answer) WHERE total > ?1)",
                [self.response_bytes.into()],
            ),
            Statement::new("DELETE FROM shelf WHERE read_on < ?1", [unread.into()]),
            Statement::new(
                "DELETE FROM shelf WHERE (kind, key) IN (SELECT kind, key FROM (SELECT kind, key, sum(octet_length(text)) \
                 OVER (ORDER BY kind = 'record' DESC, read_on DESC, kind, key) AS total FROM shelf) WHERE total > ?1)",
                [self.text_bytes.into()],
            ),
        ]
    }
}

/// Returns a row if anything besides the partition state is stored.
pub const HAS_CONTENT: &str =
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM answer) OR EXISTS (SELECT 1 FROM shelf WHERE kind <> 'record')";
