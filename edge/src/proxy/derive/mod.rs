//! Metrics derived from commits, for an upstream without the metrics endpoint (§1, §2).
//!
//! [`selection`] reads the selected users and repositories from the lists of teams, members, users and repositories.
//! [`days`] reads their contributions from the aggregate of commits or, if that is refused, from the commits. Contributions are
//! stored by day, independently of the requested range, so that later requests need recent days only. The core rounds.

mod commits;
mod contribution;
mod days;
mod derivation;
mod lists;
mod selection;

use super::cache::Deadlines;
use super::error::UpstreamError;
use super::kv_store::KvStore;
use super::metrics_result::{AssembledMetrics, MetricsResult};
use super::upstream_client::UpstreamClient;
use contribution::weekly_sums;
use derivation::{Age, Derivation, DerivationError, forget_missing, is_missing, remember_missing, was_missing};
use std::cell::{Cell, RefCell};
use streamgage::calendar::Day;
use streamgage::json;
use streamgage::metrics::MetricsResponse;
use streamgage::query::MetricsRequest;

const METRICS_ENDPOINT: &str = "metrics";

/// Returns true while it is remembered that the metrics endpoint is missing.
pub fn is_endpoint_gone(store: &impl KvStore, now: i64) -> bool {
    is_missing(store, METRICS_ENDPOINT, now)
}

/// Returns true if the metrics endpoint was missing when it was last asked, not long ago.
pub fn was_endpoint_gone(store: &impl KvStore, now: i64) -> bool {
    was_missing(store, METRICS_ENDPOINT, now)
}

/// Records that the metrics endpoint exists.
pub fn forget_endpoint_gone(store: &impl KvStore) {
    forget_missing(store, METRICS_ENDPOINT);
}

/// Remembers that the metrics endpoint is missing: for one minute, and for twice as long after each further observation, at
/// most one hour.
pub fn remember_endpoint_gone(store: &impl KvStore, now: i64) {
    remember_missing(store, METRICS_ENDPOINT, now);
}

/// Derives metrics. With `must_ask` at least one request is sent, which authorizes the key.
///
/// # Errors
/// Returns an error if a request fails and no stored data may replace its result. After
/// [`UpstreamError::BudgetExhausted`] a repetition of the request continues with the data stored so far.
pub async fn fetch(
    request: &MetricsRequest,
    today: Day,
    client: &impl UpstreamClient,
    store: &impl KvStore,
    must_ask: bool,
) -> Result<MetricsResult, UpstreamError> {
    let now = client.now();
    let age = Cell::new(Age { fetched_at: now, fresh_until: i64::MAX, error: None });
    let derivation = Derivation { client, store, today, now, must_ask, age, reservations: RefCell::default() };
    match derive(&derivation, request).await {
        Ok(body) => {
            let Age { fetched_at, fresh_until, error } = derivation.age.get();
            let deadlines = Deadlines::with_defaults(fetched_at, fresh_until);
            Ok(MetricsResult::Assembled(AssembledMetrics { body, deadlines, error }))
        }
        Err(DerivationError::Refused(response)) => Ok(MetricsResult::Passthrough(response)),
        Err(DerivationError::Upstream(error)) => Err(error),
    }
}

async fn derive<C: UpstreamClient, S: KvStore>(
    derivation: &Derivation<'_, C, S>,
    request: &MetricsRequest,
) -> Result<String, DerivationError> {
    let selection = derivation.select(request).await?;
    let mut contributions = Vec::new();
    for filter in selection.commit_filters() {
        contributions.extend(derivation.contributions(&filter, request.start, request.end).await?);
    }
    contributions.retain(|contribution| selection.contains(contribution));
    Ok(json::to_string(&MetricsResponse::new(request, &weekly_sums(contributions))))
}
