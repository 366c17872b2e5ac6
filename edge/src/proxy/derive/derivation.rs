//! The state of one derivation.

use crate::proxy::byte_budget::Reservation;
use crate::proxy::error::UpstreamError;
use crate::proxy::kv_store::KvStore;
use crate::proxy::upstream_client::JsonResponse;
use std::cell::{Cell, RefCell};
use streamgage::calendar::Day;

/// The time for which a missing endpoint is remembered at first, in milliseconds. Each further observation doubles it.
const FIRST_MEMORY: i64 = 60_000;
/// The longest time for which a missing endpoint is remembered, in milliseconds.
const MAX_MEMORY: i64 = 3_600_000;
/// The kind of missing endpoints in the key-value store.
const MISSING_KIND: &str = "derive";

pub(super) struct Derivation<'a, C, S> {
    pub client: &'a C,
    pub store: &'a S,
    pub today: Day,
    pub now: i64,
    pub must_ask: bool,
    pub age: Cell<Age>,
    /// The memory of the rows that were read.
    pub reservations: RefCell<Vec<Reservation>>,
}

/// The age of a derived response: that of its oldest part.
#[derive(Clone, Copy)]
pub(super) struct Age {
    pub fetched_at: i64,
    pub fresh_until: i64,
    /// An error because of which a stale part is used.
    pub error: Option<UpstreamError>,
}

#[derive(Debug)]
pub(super) enum DerivationError {
    Upstream(UpstreamError),
    /// The upstream answered with a status other than 200.
    Refused(JsonResponse),
}

impl From<UpstreamError> for DerivationError {
    fn from(error: UpstreamError) -> DerivationError {
        DerivationError::Upstream(error)
    }
}

impl<C, S> Derivation<'_, C, S> {
    /// Records the age of a part of the response.
    pub fn record_age(&self, fetched_at: i64, fresh_until: i64) {
        let age = self.age.get();
        let (fetched_at, fresh_until) = (age.fetched_at.min(fetched_at), age.fresh_until.min(fresh_until));
        self.age.set(Age { fetched_at, fresh_until, ..age });
    }

    /// Returns true if a stale part may be used after an error, and records the error.
    pub fn may_use_stale(&self, error: &DerivationError) -> bool {
        match error {
            DerivationError::Upstream(error) if error.allows_stale() => {
                self.age.set(Age { error: Some(*error), ..self.age.get() });
                true
            }
            // The key is not refused, and no list of the upstream disappears.
            DerivationError::Refused(response) if !matches!(response.status, 401 | 403) => {
                self.age.set(Age { error: Some(UpstreamError::InvalidResponse), ..self.age.get() });
                true
            }
            _ => false,
        }
    }
}

/// The stored form is the end of the memory and its length, separated by a space. Earlier versions stored the end alone.
struct MissingEndpoint {
    until: i64,
    memory: i64,
}

impl MissingEndpoint {
    fn read(store: &impl KvStore, endpoint: &str) -> Option<MissingEndpoint> {
        let text = store.get(MISSING_KIND, endpoint)?;
        let (until, memory) =
            text.split_once(' ').map_or((text.as_str(), None), |(until, memory)| (until, Some(memory)));
        let memory = memory.and_then(|memory| memory.parse().ok()).unwrap_or(FIRST_MEMORY);
        Some(MissingEndpoint { until: until.parse().ok()?, memory })
    }
}

/// Returns true while it is remembered that an endpoint is missing. A clock that was set back ends the memory.
pub(super) fn is_missing(store: &impl KvStore, endpoint: &str, now: i64) -> bool {
    MissingEndpoint::read(store, endpoint)
        .is_some_and(|missing| now < missing.until && missing.until.saturating_sub(now) <= MAX_MEMORY)
}

/// Returns true if an endpoint was missing when it was last asked, no longer ago than its absence was remembered.
pub(super) fn was_missing(store: &impl KvStore, endpoint: &str, now: i64) -> bool {
    MissingEndpoint::read(store, endpoint).is_some_and(|missing| {
        now < missing.until.saturating_add(missing.memory) && missing.until <= now.saturating_add(MAX_MEMORY)
    })
}

/// Remembers a missing endpoint for one hour. Its absence changes no numbers.
pub(super) fn remember_missing_for_an_hour(store: &impl KvStore, endpoint: &str, now: i64) {
    store.put(MISSING_KIND, endpoint, &format!("{} {MAX_MEMORY}", now.saturating_add(MAX_MEMORY)));
}

pub(super) fn remember_missing(store: &impl KvStore, endpoint: &str, now: i64) {
    // Concurrent requests observe the same absence.
    if is_missing(store, endpoint, now) {
        return;
    }
    let previous = MissingEndpoint::read(store, endpoint).filter(|_| was_missing(store, endpoint, now));
    let memory =
        previous.map_or(FIRST_MEMORY, |missing| missing.memory.saturating_mul(2).clamp(FIRST_MEMORY, MAX_MEMORY));
    store.put(MISSING_KIND, endpoint, &format!("{} {memory}", now.saturating_add(memory)));
}

pub(super) fn forget_missing(store: &impl KvStore, endpoint: &str) {
    if store.get(MISSING_KIND, endpoint).is_some() {
        store.delete(MISSING_KIND, endpoint);
    }
}
