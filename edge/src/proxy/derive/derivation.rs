//! The state of one derivation.

use crate::proxy::error::UpstreamError;
use crate::proxy::kv_store::KvStore;
use crate::proxy::upstream_client::JsonResponse;
use std::cell::Cell;
use streamgage::calendar::Day;

/// The time for which a missing endpoint is remembered, in milliseconds.
const MEMORY_OF_MISSING_ENDPOINTS: i64 = 3_600_000;
/// The kind of missing endpoints in the key-value store.
const MISSING_KIND: &str = "derive";

pub(super) struct Derivation<'a, C, S> {
    pub client: &'a C,
    pub store: &'a S,
    pub today: Day,
    pub now: i64,
    pub must_ask: bool,
    pub age: Cell<Age>,
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
            _ => false,
        }
    }
}

/// Returns true if an endpoint was missing within the last hour.
pub(super) fn is_missing(store: &impl KvStore, endpoint: &str, now: i64) -> bool {
    store.get(MISSING_KIND, endpoint).and_then(|until| until.parse().ok()).is_some_and(|until: i64| now < until)
}

pub(super) fn remember_missing(store: &impl KvStore, endpoint: &str, now: i64) {
    store.put(MISSING_KIND, endpoint, &now.saturating_add(MEMORY_OF_MISSING_ENDPOINTS).to_string());
}
