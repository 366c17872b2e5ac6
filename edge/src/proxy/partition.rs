//! Partitions, which separate the cached responses of different keys.

use super::cache::CLOCK_SKEW;
use super::cache_key::{CacheKey, PermissionClass};
use crate::http::authorize::{hexadecimal, key_hash};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Derives partition names from keys.
///
/// A name is HMAC-SHA-256 of the upstream's address and the key, under `CACHE_SECRET`. A reader of names, in logs or in a
/// list of Durable Objects, cannot test keys against them.
#[derive(Clone)]
pub struct PartitionNames(Hmac<Sha256>);

impl PartitionNames {
    pub(crate) fn new(secret: &str, upstream: &str) -> PartitionNames {
        #[allow(clippy::expect_used, reason = "HMAC accepts keys of any length")]
        let mut state = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
        state.update(upstream.as_bytes());
        // Neither an address nor a key contains a newline.
        state.update(b"\n");
        PartitionNames(state)
    }

    /// Returns 64 hexadecimal digits.
    pub fn name(&self, key: &str) -> String {
        hexadecimal(&self.0.clone().chain_update(key.as_bytes()).finalize().into_bytes())
    }
}

/// The state of a partition. A later generation replaces an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionState {
    /// Part of all addresses in the edge cache: a new generation starts empty.
    pub generation: i64,
    /// Times of the last successful requests for metrics and for core resources, in milliseconds since 1970-01-01.
    authorized_at: [i64; 2],
}

impl PartitionState {
    /// Returns the state of an empty partition. `previous` is the generation that it replaces.
    pub fn new(now: i64, previous: Option<i64>) -> PartitionState {
        // The generation is a time, so that a lost state is not followed by an old generation.
        PartitionState {
            generation: now.max(previous.map_or(i64::MIN, |generation| generation.saturating_add(1))),
            authorized_at: [i64::MIN; 2],
        }
    }

    /// Records that the upstream accepted the key.
    pub fn record_authorization(&mut self, class: PermissionClass, now: i64) {
        match class {
            PermissionClass::Metrics => self.authorized_at[0] = now,
            PermissionClass::Core => self.authorized_at[1] = now,
        }
    }

    /// Records that the key lost a permission.
    pub fn revoke(&mut self, class: PermissionClass) {
        self.record_authorization(class, i64::MIN);
    }

    /// Returns true if the upstream ever accepted the key.
    pub fn was_accepted(&self) -> bool {
        self.authorized_at.iter().any(|&time| time > i64::MIN)
    }

    /// Returns true if the upstream accepted the key within the last `within` milliseconds. A time in the future, after a
    /// clock was set back, does not count.
    pub fn is_authorized_within(&self, class: PermissionClass, now: i64, within: i64) -> bool {
        let [metrics, core] = self.authorized_at;
        let authorized_at = match class {
            PermissionClass::Metrics => metrics,
            PermissionClass::Core => core,
        };
        now.saturating_sub(authorized_at) < within && authorized_at.saturating_sub(now) < CLOCK_SKEW
    }
}

/// Returns the address of a partition's state in the edge cache. No request is ever sent to this host.
pub fn state_address(partition: &str) -> String {
    format!("https://cache.invalid/{partition}/record")
}

/// Returns the address of a response in the edge cache.
pub fn response_address(partition: &str, generation: i64, cache_key: &CacheKey) -> String {
    format!("https://cache.invalid/{partition}/{generation}/{}", response_name(cache_key))
}

/// Returns the name of a response within its partition and generation.
pub fn response_name(cache_key: &CacheKey) -> String {
    key_hash(&cache_key.target())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_names_depend_on_secret_upstream_and_key() {
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
    fn authorization_is_recorded_by_permission_class() {
        let mut state = PartitionState::new(1_000, None);
        assert!(!state.is_authorized_within(PermissionClass::Core, 1_000, 300_000));
        state.record_authorization(PermissionClass::Core, 1_000);
        assert!(state.is_authorized_within(PermissionClass::Core, 300_999, 300_000));
        assert!(!state.is_authorized_within(PermissionClass::Core, 301_000, 300_000));
        assert!(!state.is_authorized_within(PermissionClass::Metrics, 1_000, 300_000));
        assert!(!state.is_authorized_within(PermissionClass::Core, 1_000 - CLOCK_SKEW, 300_000));
    }

    #[test]
    fn generations_increase_even_if_the_clock_is_set_back() {
        let first = PartitionState::new(1_000, None);
        assert_eq!(PartitionState::new(500, Some(first.generation)).generation, 1_001);
        assert_eq!(PartitionState::new(5_000, Some(first.generation)).generation, 5_000);
    }
}
