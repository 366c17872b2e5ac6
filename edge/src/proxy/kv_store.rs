//! The key-value store of a partition.

/// Stores texts by kind and key. Methods are synchronous, like the SQLite storage of a Durable Object.
pub trait KvStore {
    fn get(&self, kind: &str, key: &str) -> Option<String>;

    /// Returns all entries of a kind with keys from `first` (inclusive) to `end` (exclusive), ordered by key.
    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)>;

    /// Replaces a text. A failed write is logged by the implementation and otherwise ignored.
    fn put(&self, kind: &str, key: &str, text: &str);

    fn delete(&self, kind: &str, key: &str);
}

/// A store that refuses writes while a condition does not hold.
pub(super) struct GuardedStore<'a, S, F> {
    pub store: &'a S,
    pub may_put: F,
}

impl<S: KvStore, F: Fn() -> bool> KvStore for GuardedStore<'_, S, F> {
    fn get(&self, kind: &str, key: &str) -> Option<String> {
        self.store.get(kind, key)
    }

    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)> {
        self.store.range(kind, first, end)
    }

    fn put(&self, kind: &str, key: &str, text: &str) {
        if (self.may_put)() {
            self.store.put(kind, key, text);
        }
    }

    fn delete(&self, kind: &str, key: &str) {
        self.store.delete(kind, key);
    }
}
