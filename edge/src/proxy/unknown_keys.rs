//! Limits for keys that the upstream has not accepted recently.
//!
//! Such a request is counted against the limit of its network address before it costs a Durable Object or a request to the
//! upstream. A few new keys of an address are not counted, because most of them are valid; after a refusal all are.

use crate::http::recent::RecentCache;

/// The number of requests that a new key may send before it is counted again. A dashboard sends a few dozen at once.
const REQUESTS_PER_COUNT: u32 = 32;
/// The number of new keys of an address that are not counted, each minute.
const UNCOUNTED_KEYS: u32 = 4;

/// Recent keys and addresses of an isolate. Entries are valid for one minute.
#[derive(Debug, Default)]
pub struct UnknownKeys {
    /// Admitted keys, by caller.
    keys: RecentCache<Admission>,
    /// The number of admitted keys that were not counted, by address; more than any limit after a refusal.
    uncounted: RecentCache<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Admission {
    /// The number of requests that remain.
    requests: u32,
    is_counted: bool,
}

impl UnknownKeys {
    /// Admits a request of a key that was admitted before.
    pub(super) fn admit_again(&mut self, caller: &str, now: i64) -> bool {
        let Some(admission) = self.keys.get(caller, now) else { return false };
        let Some(requests) = admission.requests.checked_sub(1) else { return false };
        self.keys.insert(caller, Admission { requests, ..admission }, now);
        true
    }

    /// Returns true if the next new key of an address must be counted.
    pub(super) fn must_count(&self, address: &str, is_loopback: bool, now: i64) -> bool {
        let limit = if is_loopback { u32::MAX } else { UNCOUNTED_KEYS };
        self.uncounted.get(address, now).unwrap_or(0) >= limit
    }

    pub(super) fn admit(&mut self, caller: &str, address: &str, is_counted: bool, now: i64) {
        self.keys.insert(caller, Admission { requests: REQUESTS_PER_COUNT - 1, is_counted }, now);
        if !is_counted {
            let uncounted = self.uncounted.get(address, now).unwrap_or(0).saturating_add(1);
            self.uncounted.insert(address, uncounted, now);
        }
    }

    pub(super) fn record_acceptance(&mut self, caller: &str, now: i64) {
        self.keys.insert(caller, Admission { requests: u32::MAX, is_counted: true }, now);
    }

    /// Records a refusal. Returns true if the request was not counted yet.
    pub(super) fn record_refusal(&mut self, caller: &str, address: &str, now: i64) -> bool {
        let is_counted = self.keys.get(caller, now).is_some_and(|admission| admission.is_counted);
        self.keys.remove(caller);
        self.uncounted.insert(address, u32::MAX, now);
        !is_counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_keys_are_counted_after_a_refusal_or_if_there_are_many() {
        let mut unknown_keys = UnknownKeys::default();
        for number in 0..UNCOUNTED_KEYS {
            assert!(!unknown_keys.must_count("a", false, 0));
            unknown_keys.admit(&number.to_string(), "a", false, 0);
        }
        assert!(unknown_keys.must_count("a", false, 0) && !unknown_keys.must_count("b", false, 0));
        assert!(!unknown_keys.must_count("a", true, 0), "valid keys are not limited on this machine");
        unknown_keys.admit("refused", "b", false, 0);
        assert!(unknown_keys.record_refusal("refused", "b", 0), "it is counted now");
        assert!(unknown_keys.must_count("b", false, 0) && unknown_keys.must_count("b", true, 0));
        assert!(!unknown_keys.admit_again("refused", 0));
        unknown_keys.admit("refused", "b", true, 0);
        assert!(!unknown_keys.record_refusal("refused", "b", 0), "it was counted before");
        assert!(!unknown_keys.must_count("b", false, 60_000));
    }

    #[test]
    fn one_count_admits_several_requests_of_a_key() {
        let mut unknown_keys = UnknownKeys::default();
        assert!(!unknown_keys.admit_again("key", 0));
        unknown_keys.admit("key", "a", true, 0);
        let admitted = (0..1_000).filter(|_| unknown_keys.admit_again("key", 0)).count();
        assert_eq!(admitted, REQUESTS_PER_COUNT as usize - 1);
        unknown_keys.record_acceptance("key", 0);
        assert!((0..1_000).all(|_| unknown_keys.admit_again("key", 0)));
    }
}
