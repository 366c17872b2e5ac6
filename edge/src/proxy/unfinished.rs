//! Requests that exceeded the subrequest budget and continue in the background.

use super::cache_key::CacheKey;
use super::protocol::FetchRequest;
use std::cell::RefCell;

/// The number of requests.
const MAX_REQUESTS: usize = 10;
/// The number of requests of one caller.
const MAX_PER_CALLER: usize = 3;
/// The number of attempts to complete a request.
const MAX_ATTEMPTS: u32 = 20;
/// The delay of the second attempt, in milliseconds. Each further attempt doubles it.
const FIRST_DELAY: i64 = 1_000;
/// The longest delay, in milliseconds.
const MAX_DELAY: i64 = 60_000;
/// The time for which a caller is assumed to wait, in milliseconds.
const CALLER_PATIENCE: i64 = 300_000;

/// Requests contain keys, so they are held in memory only.
#[derive(Default)]
pub(super) struct UnfinishedRequests(RefCell<Vec<Unfinished>>);

struct Unfinished {
    request: FetchRequest,
    attempts: u32,
    /// The time at which a caller last sent the request.
    requested_at: i64,
    /// The time of the next attempt.
    due: i64,
}

impl UnfinishedRequests {
    /// Records that a caller sent a request.
    pub fn record_caller(&self, cache_key: &CacheKey, now: i64) {
        for unfinished in self.0.borrow_mut().iter_mut().filter(|other| other.request.cache_key == *cache_key) {
            unfinished.requested_at = now;
        }
    }

    /// Records an attempt that exceeded the budget.
    pub fn record_attempt(&self, request: &FetchRequest, now: i64) {
        let mut all = self.0.borrow_mut();
        if let Some(unfinished) = all.iter_mut().find(|other| other.request.cache_key == request.cache_key) {
            unfinished.attempts += 1;
            unfinished.due = now.saturating_add((FIRST_DELAY << unfinished.attempts.min(8)).min(MAX_DELAY));
            all.retain(|other| other.attempts < MAX_ATTEMPTS);
            return;
        }
        let of_caller = all.iter().filter(|other| other.request.caller == request.caller).count();
        if all.len() < MAX_REQUESTS && of_caller < MAX_PER_CALLER {
            let due = now.saturating_add(FIRST_DELAY);
            all.push(Unfinished { request: request.clone(), attempts: 0, requested_at: now, due });
        }
    }

    pub fn remove(&self, cache_key: &CacheKey) {
        self.0.borrow_mut().retain(|other| other.request.cache_key != *cache_key);
    }

    /// Returns the next request and the time of its next attempt. Removes requests for which nobody waits any longer. A clock
    /// that was set back ends the work.
    pub fn next(&self, now: i64) -> Option<(FetchRequest, i64)> {
        let mut all = self.0.borrow_mut();
        all.retain(|unfinished| (0..CALLER_PATIENCE).contains(&now.saturating_sub(unfinished.requested_at)));
        let next = all.iter().min_by_key(|unfinished| unfinished.due)?;
        Some((next.request.clone(), next.due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamgage::query::CORE_PATH;

    fn request(name: &str, caller: &str) -> FetchRequest {
        let cache_key = CacheKey::parse(&format!("{CORE_PATH}{name}/"), "").unwrap();
        let (upstream_key, caller) = ("key".into(), caller.into());
        FetchRequest { cache_key, upstream_key, caller, refresh: false, today: 0, request_id: None }
    }

    #[test]
    fn attempts_back_off_and_end() {
        let (unfinished, request) = (UnfinishedRequests::default(), request("a", "one"));
        let (mut now, mut delays) = (0, Vec::new());
        unfinished.record_attempt(&request, now);
        while let Some((next, due)) = unfinished.next(now) {
            delays.push(due - now);
            assert!(delays.len() <= 100, "the attempts do not end");
            now = due;
            // The caller keeps waiting.
            unfinished.record_caller(&next.cache_key, now);
            unfinished.record_attempt(&next, now);
        }
        assert_eq!(delays.len(), MAX_ATTEMPTS as usize);
        assert_eq!(delays[..4], [1_000, 2_000, 4_000, 8_000]);
        assert_eq!(delays.last(), Some(&MAX_DELAY));
    }

    #[test]
    fn work_ends_when_nobody_waits() {
        let (unfinished, request) = (UnfinishedRequests::default(), request("a", "one"));
        unfinished.record_attempt(&request, 0);
        unfinished.record_caller(&request.cache_key, 10);
        assert!(unfinished.next(CALLER_PATIENCE + 9).is_some());
        assert_eq!(unfinished.next(CALLER_PATIENCE + 10), None);
        unfinished.record_attempt(&request, 5_000);
        assert_eq!(unfinished.next(4_000), None, "the clock was set back");
    }

    #[test]
    fn one_caller_does_not_take_the_place_of_others() {
        let unfinished = UnfinishedRequests::default();
        for name in ["a", "b", "c", "d", "e"] {
            unfinished.record_attempt(&request(name, "one"), 0);
        }
        unfinished.record_attempt(&request("f", "two"), 0);
        for name in ["a", "b", "c", "f"] {
            let next = unfinished.next(0).unwrap().0;
            assert_eq!(next.cache_key, request(name, "").cache_key);
            unfinished.remove(&next.cache_key);
        }
        assert_eq!(unfinished.next(0), None);
    }
}
