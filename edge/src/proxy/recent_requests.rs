//! Recent requests of callers, which a cron trigger refreshes.

use super::cache_key::CacheKey;
use super::json::{from_json, to_json};
use super::kv_store::KvStore;

/// The kind in the key-value store. Keys are request targets.
const RECENT_REQUESTS: &str = "lately";
/// Requests are recent for one hour, in milliseconds.
const RECENT_PERIOD: i64 = 3_600_000;

pub(super) struct RecentRequests<'a, S>(pub &'a S);

impl<S: KvStore> RecentRequests<'_, S> {
    pub fn record(&self, cache_key: &CacheKey, now: i64) {
        self.0.put(RECENT_REQUESTS, &cache_key.target(), &to_json(&(now, cache_key)));
    }

    /// Returns recent requests, latest first, and deletes older ones.
    pub fn latest(&self, now: i64) -> Vec<CacheKey> {
        let mut recent: Vec<(i64, CacheKey)> = Vec::new();
        for (target, text) in self.0.range(RECENT_REQUESTS, "", "~") {
            match from_json::<(i64, CacheKey)>(&text) {
                Some((time, cache_key)) if now.saturating_sub(time) < RECENT_PERIOD => recent.push((time, cache_key)),
                _ => self.0.delete(RECENT_REQUESTS, &target),
            }
        }
        recent.sort_by_key(|&(time, _)| std::cmp::Reverse(time));
        recent.into_iter().map(|(_, cache_key)| cache_key).collect()
    }
}
