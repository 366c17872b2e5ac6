//! State that one isolate keeps between requests. It may be lost at any time.

use super::breaker::CircuitBreakers;
use super::partition::PartitionState;
use super::unknown_keys::UnknownKeys;
use crate::http::authorize::KeyCache;
use crate::http::recent::RecentCache;
use std::collections::HashSet;

#[derive(Debug, Default)]
pub struct IsolateCache {
    pub(super) states: RecentCache<PartitionState>,
    pub(super) keys: KeyCache,
    pub(super) unknown_keys: UnknownKeys,
    /// Addresses of responses that are being refreshed.
    pub(super) refreshing: HashSet<String>,
    pub(super) breakers: CircuitBreakers,
}
