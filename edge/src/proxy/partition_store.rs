//! The durable store of a partition.

use super::byte_budget::ReservedBody;
use super::kv_store::KvStore;

/// The greatest length of a body, in bytes, that is stored here. A row of a Durable Object's
/// SQLite database holds 2 MB.
pub const MAX_STORED_BYTES: usize = 1_900_000;

pub trait PartitionStore: KvStore {
    type Body: Clone + From<ReservedBody>;

    /// Returns the entry, as JSON, and the body of a response.
    fn get_response(&self, name: &str) -> Option<(String, Self::Body)>;

    /// Stores a response, at most until a time. A failed write is logged by the implementation and otherwise ignored.
    fn put_response(&self, name: &str, entry: &str, body: &Self::Body, until: i64);

    fn delete_response(&self, name: &str);

    /// Deletes all responses and texts.
    fn delete_all(&self);

    /// Deletes unread rows, and rows beyond the limits of [`storage`](super::storage). Deletes the partition state if nothing
    /// else is left.
    fn evict(&self, now: i64);
}
