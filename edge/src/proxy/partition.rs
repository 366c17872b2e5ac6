//! What keeps two keys apart: a partition each.

use super::cache_key::{CacheKey, PermissionClass};
use crate::codec::as_list;
use crate::http::authorize::{hexadecimal, key_hash};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Names partitions.
///
/// A partition's name is HMAC-SHA-256 of the upstream's address and the key, under `CACHE_SECRET`: who reads names, in
/// logs or among the objects of a Worker, can't try keys against them.
#[derive(Clone)]
pub struct PartitionNames(Hmac<Sha256>);

impl PartitionNames {
    pub(crate) fn new(secret: &str, upstream: &str) -> PartitionNames {
        // A longer or shorter key than a block is no error of HMAC's.
        #[allow(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut state = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
        state.update(upstream.as_bytes());
        // No address and no key holds one.
        state.update(b"\n");
        PartitionNames(state)
    }

    /// The partition of a key: 64 hexadecimal digits.
    pub fn name(&self, key: &str) -> String {
        hexadecimal(&self.0.clone().chain_update(key.as_bytes()).finalize().into_bytes())
    }
}

/// What is known of a partition. A later generation replaces an earlier one, whatever else they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionState {
    /// Part of the name of all that is kept in the fast tier: the next one begins empty.
    pub generation: i64,
    /// When the upstream last let the key in: to metrics and to the core, in milliseconds since 1970-01-01.
    proved: [i64; 2],
}

as_list!(PartitionState { generation, proved });

impl PartitionState {
    /// A partition that nothing is kept of. `after` is the generation that it replaces.
    pub fn new(now: i64, after: Option<i64>) -> PartitionState {
        // The time, so that a record that was lost isn't mistaken for the one before it.
        PartitionState {
            generation: now.max(after.map_or(i64::MIN, |generation| generation.saturating_add(1))),
            proved: [i64::MIN; 2],
        }
    }

    /// The upstream let the key in.
    pub fn record_authorization(&mut self, class: PermissionClass, now: i64) {
        match class {
            PermissionClass::Metrics => self.proved[0] = now,
            PermissionClass::Core => self.proved[1] = now,
        }
    }

    /// Whether it did so within a time, in milliseconds. A proof from the future, of a clock that jumped back, is none.
    pub fn is_authorized_within(&self, class: PermissionClass, now: i64, within: i64) -> bool {
        let [metrics, core] = self.proved;
        let proved = match class {
            PermissionClass::Metrics => metrics,
            PermissionClass::Core => core,
        };
        now.saturating_sub(proved) < within && proved.saturating_sub(now) < CLOCK_SKEW
    }
}

/// How far the clocks of two machines may be apart, in milliseconds.
pub(crate) const CLOCK_SKEW: i64 = 60_000;

/// Where in the fast tier a partition's record is. The host is none: nothing is ever asked of it.
pub fn state_address(partition: &str) -> String {
    format!("https://cache.invalid/{partition}/record")
}

/// Where in the fast tier an answer is.
pub fn response_address(partition: &str, generation: i64, asked: &CacheKey) -> String {
    format!("https://cache.invalid/{partition}/{generation}/{}", response_name(asked))
}

/// What an answer is called within its partition and generation.
pub fn response_name(asked: &CacheKey) -> String {
    key_hash(&asked.target())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_named_by_secret_upstream_and_key() {
        // printf 'https://flow.example\nkey' | openssl dgst -sha256 -hmac secret
        let name = |secret, upstream, key| PartitionNames::new(secret, upstream).name(key);
        assert_eq!(
            name("secret", "https://flow.example", "key"),
            "9ef95e3431a7ab719aae39613e00a705e755f6a79f8f005bcb4b3576892e95ab"
        );
        let one = name("secret", "https://flow.example", "key");
        for other in [
            name("secret", "https://flow.example", "kez"),
            name("secret", "https://flow.example:8443", "key"),
            name("other", "https://flow.example", "key"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_key_is_proved_for_what_it_was_let_into() {
        let mut record = PartitionState::new(1_000, None);
        assert!(!record.is_authorized_within(PermissionClass::Core, 1_000, 300_000));
        record.record_authorization(PermissionClass::Core, 1_000);
        assert!(record.is_authorized_within(PermissionClass::Core, 300_999, 300_000));
        assert!(!record.is_authorized_within(PermissionClass::Core, 301_000, 300_000));
        assert!(!record.is_authorized_within(PermissionClass::Metrics, 1_000, 300_000));
        assert!(!record.is_authorized_within(PermissionClass::Core, 1_000 - CLOCK_SKEW, 300_000));
    }

    #[test]
    fn generations_go_up_even_if_the_clock_goes_back() {
        let first = PartitionState::new(1_000, None);
        assert_eq!(PartitionState::new(500, Some(first.generation)).generation, 1_001);
        assert_eq!(PartitionState::new(5_000, Some(first.generation)).generation, 5_000);
    }
}
