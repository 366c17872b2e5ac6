//! A small cache whose entries are valid for one minute.

use std::collections::BTreeMap;

/// The lifetime of an entry, in milliseconds.
const LIFETIME: i64 = 60_000;

/// The number of entries at which the cache is emptied.
const MAX_ENTRIES: usize = 10_000;

/// Values by name, each valid for one minute after it was inserted.
#[derive(Debug)]
pub struct RecentCache<T> {
    entries: BTreeMap<String, (T, i64)>,
}

impl<T> Default for RecentCache<T> {
    fn default() -> Self {
        RecentCache { entries: BTreeMap::new() }
    }
}

impl<T: Clone> RecentCache<T> {
    /// Returns a value that was inserted less than a minute before `now`, in milliseconds since 1970-01-01.
    pub fn get(&self, name: &str, now: i64) -> Option<T> {
        let (value, inserted) = self.entries.get(name)?;
        (0..LIFETIME).contains(&(now - inserted)).then(|| value.clone())
    }

    /// Inserts or replaces a value.
    pub fn insert(&mut self, name: &str, value: T, now: i64) {
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.clear();
        }
        self.entries.insert(name.to_owned(), (value, now));
    }

    /// Removes a value.
    pub fn remove(&mut self, name: &str) {
        self.entries.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_expires_after_a_minute() {
        let mut cache = RecentCache::default();
        cache.insert("a", 1, 1_000);
        assert_eq!(cache.get("a", 1_000), Some(1));
        assert_eq!(cache.get("a", 60_999), Some(1));
        assert_eq!(cache.get("a", 61_000), None);
        assert_eq!(cache.get("a", 999), None, "the clock went back");
        assert_eq!(cache.get("b", 1_000), None);
        cache.insert("a", 2, 61_000);
        assert_eq!(cache.get("a", 61_000), Some(2));
        cache.remove("a");
        assert_eq!(cache.get("a", 61_000), None);
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let mut cache = RecentCache::default();
        for name in 0..=MAX_ENTRIES {
            cache.insert(&name.to_string(), (), 0);
        }
        assert_eq!(cache.get("0", 0), None);
        assert_eq!(cache.get(&MAX_ENTRIES.to_string(), 0), Some(()));
    }
}
