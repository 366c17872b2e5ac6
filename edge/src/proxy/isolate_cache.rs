//! State that one isolate keeps between requests. It may be lost at any time.

use super::breaker::CircuitBreakers;
use super::partition::PartitionState;
use super::unknown_keys::UnknownKeys;
use crate::http::authorize::KeyCache;
use crate::http::recent::RecentCache;

#[derive(Debug, Default)]
pub struct IsolateCache {
    pub(super) states: RecentCache<PartitionState>,
    pub(super) keys: KeyCache,
    pub(super) unknown_keys: UnknownKeys,
    /// Addresses of responses that are being refreshed. The task of a refresh may be lost, so none blocks others for more than a
    /// minute.
    pub(super) refreshing: RecentCache<()>,
    pub(super) breakers: CircuitBreakers,
}
