//! The coordinator of one partition. It stores what must outlive the edge cache, and it is the only sender of upstream
//! requests, so that concurrent misses for one response send one request.

use super::breaker::CircuitBreakers;
use super::byte_budget::ReservedBody;
use super::cache_key::PermissionClass;
use super::classify::{CacheAction, classify_response};
use super::derive;
use super::entry::CacheEntry;
use super::error::UpstreamError;
use super::json::{from_json, to_json};
use super::kv_store::GuardedStore;
use super::metrics_result::MetricsResult;
use super::outcome::CacheOutcome;
use super::partition::{PartitionState, response_name};
use super::partition_store::{MAX_STORED_BYTES, PartitionStore};
use super::protocol::{CoordinatedResponse, FetchReply, FetchRequest};
use super::recent_requests::RecentRequests;
use super::settings::{MetricsSource, ProxySettings};
use super::single_flight::{Role, SingleFlight};
use super::storage::STATE_KIND;
use super::transport::{Transport, UpstreamResponse};
use super::unfinished::UnfinishedRequests;
use super::upstream::UpstreamSession;
use super::upstream_client::JsonResponse;
use super::weeks::WeeklyMetrics;
use crate::log::Event;
use futures_util::future::{Either, select};
use std::cell::Cell;
use std::pin::pin;
use streamgage::calendar::Day;
use streamgage::query::MetricsRequest;

/// The time beyond the time limit after which a request in flight counts as lost, in milliseconds.
const FLIGHT_GRACE: i64 = 1_000;
/// The pause before the upstream is asked again for a metrics endpoint that is missing, in milliseconds.
const CONFIRMATION_DELAY: u32 = 500;
/// The number of recent requests that are refreshed at a time.
const MAX_REFRESHED: usize = 20;

pub struct PartitionCoordinator<T, S: PartitionStore> {
    transport: T,
    store: S,
    settings: ProxySettings,
    breakers: CircuitBreakers,
    state: Cell<Option<PartitionState>>,
    flights: SingleFlight<FetchReply<S::Body>>,
    unfinished: UnfinishedRequests,
}

/// A stored response.
type Stored<B> = Option<(CacheEntry, B)>;

impl<T: Transport, S: PartitionStore> PartitionCoordinator<T, S> {
    /// Restores the partition from its store.
    pub fn new(transport: T, store: S, settings: ProxySettings) -> Self {
        let state = store.get(STATE_KIND, "").and_then(|text| from_json(&text));
        PartitionCoordinator {
            transport,
            store,
            settings,
            breakers: CircuitBreakers::default(),
            state: Cell::new(state),
            flights: SingleFlight::default(),
            unfinished: UnfinishedRequests::default(),
        }
    }

    /// Returns a stored or fetched response for a caller.
    pub async fn fetch(&self, request: &FetchRequest) -> FetchReply<S::Body> {
        self.unfinished.record_caller(&request.cache_key, self.transport.now());
        let reply = self.fetch_coalesced(request).await;
        let was_fetched = matches!(
            &reply,
            FetchReply::Response(CoordinatedResponse { outcome: CacheOutcome::Fetched { .. }, entry, .. })
                if entry.status == 200
        );
        // Callers' own keys are never stored, so only requests with the Worker's key can be refreshed.
        if was_fetched && self.settings.upstream_key.is_some() {
            RecentRequests(&self.store).record(&request.cache_key, self.transport.now());
        }
        reply
    }

    /// Refreshes stale responses to recent requests with the Worker's own key. `today` is a number of days since 1970-01-01.
    pub async fn refresh_recent(&self, today: i32) {
        let Some(key) = &self.settings.upstream_key else { return };
        let recent = RecentRequests(&self.store).latest(self.transport.now());
        for cache_key in recent.into_iter().take(MAX_REFRESHED) {
            let (upstream_key, caller) = (key.clone(), String::new());
            let request = FetchRequest { cache_key, upstream_key, caller, refresh: true, today, request_id: None };
            self.fetch_coalesced(&request).await;
        }
    }

    /// Continues a request that exceeded the subrequest budget.
    pub async fn resume_unfinished(&self) {
        if let Some((request, _)) = self.unfinished.next(self.transport.now()) {
            self.fetch_coalesced(&request).await;
        }
    }

    /// Returns the time at which a request that exceeded the subrequest budget continues.
    pub fn next_resumption(&self) -> Option<i64> {
        self.unfinished.next(self.transport.now()).map(|(_, due)| due)
    }

    /// Returns true if the upstream ever accepted the key.
    pub fn has_state(&self) -> bool {
        self.store.get(STATE_KIND, "").is_some()
    }

    /// Evicts stored rows.
    pub fn evict(&self) {
        self.store.evict(self.transport.now());
    }

    /// Deletes everything and starts a new generation.
    pub fn purge(&self) -> PartitionState {
        let state = PartitionState::new(self.transport.now(), self.state.get().map(|state| state.generation));
        let had_state = self.has_state();
        self.store.delete_all();
        self.state.set(Some(state));
        // Nothing is stored for a key that was never accepted.
        if had_state {
            self.store_state(state);
        }
        state
    }

    /// Returns a stored response that may be served, or fetches one, once for all concurrent callers.
    async fn fetch_coalesced(&self, request: &FetchRequest) -> FetchReply<S::Body> {
        let name = response_name(&request.cache_key);
        loop {
            let now = self.transport.now();
            let state = self.state(now);
            let stored = self.stored(&name);
            if let Some((entry, body)) = &stored
                && state.is_authorized_within(request.cache_key.class, now, self.settings.key_ttl)
                && let Some(deadlines) = entry.deadlines
                && (deadlines.is_fresh(now) || (!request.refresh && deadlines.may_serve_while_revalidating(now)))
            {
                let (entry, body, outcome) = (entry.clone(), body.clone(), CacheOutcome::Hit);
                return FetchReply::Response(CoordinatedResponse { entry, body, state, outcome });
            }
            let max_age = self.settings.time_limit.saturating_add(FLIGHT_GRACE);
            let flight = match self.flights.join(&name, now, max_age) {
                Role::Leader(flight) => flight,
                Role::Follower { reply, limit } => {
                    let timeout = pin!(self.transport.sleep(u32::try_from(limit).unwrap_or(u32::MAX)));
                    match select(reply, timeout).await {
                        Either::Left((Ok(reply), _)) => return reply,
                        // The leader went away, or its task is lost.
                        _ => continue,
                    }
                }
            };
            let response = self.fetch_upstream(request, stored).await;
            for follower in flight.land() {
                let outcome = response.outcome.as_collapsed();
                // A follower may have gone away.
                let _ = follower.send(FetchReply::Response(CoordinatedResponse { outcome, ..response.clone() }));
            }
            return FetchReply::Response(response);
        }
    }

    /// Plans and executes requests to the upstream.
    async fn fetch_upstream(&self, request: &FetchRequest, stored: Stored<S::Body>) -> CoordinatedResponse<S::Body> {
        let now = self.transport.now();
        let breaker = self.breakers.get(&request.caller, request.cache_key.endpoint());
        let state = self.state(now);
        let key = (request.upstream_key.as_str(), state.was_accepted());
        let session = UpstreamSession::new(&self.transport, breaker, &self.settings, key, now);
        let exchange = CoordinatorExchange { request, session: &session, generation: state.generation };
        let must_ask = !state.is_authorized_within(request.cache_key.class, now, self.settings.key_ttl);
        let today = Day::from_number(request.today);
        let query =
            Some(request.cache_key.query.encode()).filter(|_| request.cache_key.class == PermissionClass::Metrics);
        let metrics_request = query.as_deref().and_then(|query| MetricsRequest::parse(query, today).ok());
        let is_current = || self.state.get().is_some_and(|state| state.generation == exchange.generation);

        let may_derive = metrics_request.is_some() && self.settings.metrics == MetricsSource::Auto;
        let must_derive = metrics_request.is_some()
            && (self.settings.metrics == MetricsSource::Derive
                || (may_derive && derive::is_endpoint_gone(&self.store, now)));
        // A single 404 may be a mistake, so the endpoint is asked again, unless it was missing before.
        let observations = if must_derive { 0 } else { 1 };
        let was_gone = may_derive && derive::was_endpoint_gone(&self.store, now);
        for observation in 0..observations + u32::from(may_derive && !must_derive && !was_gone) {
            if observation > 0 {
                self.transport.sleep(CONFIRMATION_DELAY).await;
            }
            let is_gone = |status: u16| may_derive && matches!(status, 404 | 410);
            if let Some(weekly) = query.as_deref().and_then(|query| WeeklyMetrics::plan(query, today)) {
                let store = GuardedStore { store: &self.store, may_put: || session.may_store() && is_current() };
                let result = weekly.fetch(&session, &store, must_ask).await;
                if !matches!(&result, Ok(MetricsResult::Passthrough(response)) if is_gone(response.status)) {
                    if result.is_ok() && session.authorized_at().is_some() {
                        derive::forget_endpoint_gone(&self.store);
                    }
                    return self.finish_metrics(&exchange, result, false);
                }
            } else {
                let validators = stored.as_ref().map(|(entry, _)| entry.validators.clone()).unwrap_or_default();
                let result = session.send(&request.cache_key.target(), &validators).await;
                if !matches!(&result, Ok(response) if is_gone(response.status)) {
                    if may_derive && session.authorized_at().is_some() {
                        derive::forget_endpoint_gone(&self.store);
                    }
                    return self.finish_response(&exchange, result, stored);
                }
            }
        }
        let Some(metrics_request) = metrics_request else {
            return self.finish_response(&exchange, Err(UpstreamError::InvalidResponse), stored);
        };
        // Derived sums are the proxy's own, so no response header forbids to store them.
        let store = GuardedStore { store: &self.store, may_put: is_current };
        let result = derive::fetch(&metrics_request, today, &session, &store, must_ask).await;
        // Nothing is stored for a key that was never accepted.
        if !must_derive && session.authorized_at().is_some() {
            derive::remember_endpoint_gone(&store, now);
            let event = Event::MetricsEndpointMissing { path: request.cache_key.path.clone() };
            self.transport.log(request.request_id.as_deref(), &event);
        }
        match &result {
            Err(UpstreamError::BudgetExhausted) => self.unfinished.record_attempt(request, self.transport.now()),
            _ => self.unfinished.remove(&request.cache_key),
        }
        self.finish_metrics(&exchange, result, true)
    }

    /// Returns assembled metrics, or what the upstream answered instead.
    fn finish_metrics(
        &self,
        exchange: &CoordinatorExchange<'_, T>,
        result: Result<MetricsResult, UpstreamError>,
        derived: bool,
    ) -> CoordinatedResponse<S::Body> {
        let CoordinatorExchange { request, session, generation } = exchange;
        let class = request.cache_key.class;
        let assembled = match result {
            Ok(MetricsResult::Assembled(assembled)) => assembled,
            Ok(MetricsResult::Passthrough(response)) => {
                let JsonResponse { status, body, headers, times, reservation } = response;
                let body = ReservedBody::new(body.into_bytes(), reservation);
                let response = UpstreamResponse { sent_at: times.sent_at, status, headers, body };
                return self.finish_response(exchange, Ok(response), None);
            }
            Err(error) => return self.finish_response(exchange, Err(error), None),
        };
        let now = self.transport.now();
        let mut state = self.state(now);
        let is_current = state.generation == *generation;
        if let (true, Some(authorized_at)) = (is_current, session.authorized_at()) {
            state = self.record_authorization(state, class, authorized_at);
        }
        if let Some(error) = assembled.error
            && !(is_current && state.is_authorized_within(class, now, self.settings.stale_key_ttl))
        {
            return self.finish_response(exchange, Err(error), None);
        }
        if let Some(error) = assembled.error {
            let event = error.event(&request.cache_key.path, session.tries(), true);
            self.transport.log(request.request_id.as_deref(), &event);
        }
        let bytes = assembled.body.into_bytes();
        let mut entry = CacheEntry::assembled(&bytes, assembled.deadlines, derived);
        let outcome = match (assembled.error, session.tries()) {
            (Some(error), _) => CacheOutcome::stale_if_error(error),
            (None, 0) => CacheOutcome::Hit,
            (None, tries) => {
                if !is_current || !session.may_store() {
                    entry.deadlines = None;
                }
                let stored = entry.deadlines.is_some();
                CacheOutcome::Fetched { status: 200, stored, stale: false, collapsed: false, tries }
            }
        };
        CoordinatedResponse { entry, body: ReservedBody::from(bytes).into(), state, outcome }
    }

    /// Classifies the result of a request and updates the store.
    fn finish_response(
        &self,
        exchange: &CoordinatorExchange<'_, T>,
        result: Result<UpstreamResponse, UpstreamError>,
        stored: Stored<S::Body>,
    ) -> CoordinatedResponse<S::Body> {
        let CoordinatorExchange { request, session, generation } = exchange;
        let cache_key = &request.cache_key;
        let name = &response_name(cache_key);
        let now = self.transport.now();
        let mut state = self.state(now);
        // After a purge, responses to earlier requests belong to the deleted generation.
        let is_current = state.generation == *generation;
        let deadlines = stored.as_ref().and_then(|(entry, _)| entry.deadlines);
        let may_serve_stale = is_current
            && state.is_authorized_within(cache_key.class, now, self.settings.stale_key_ttl)
            && deadlines.is_some_and(|deadlines| deadlines.may_serve_on_error(now));
        let exchange = session.exchange(cache_key, true, may_serve_stale, now);
        let mut classified = classify_response(&exchange, result, stored);
        if let Some(event) = classified.event(&exchange) {
            self.transport.log(request.request_id.as_deref(), &event);
        }
        if !is_current {
            classified.entry.deadlines = None;
            classified.outcome = classified.outcome.as_not_stored();
        }
        match classified.action {
            CacheAction::Store => {
                if is_current {
                    let authorized_at = session.authorized_at().unwrap_or(now);
                    state = self.record_authorization(state, cache_key.class, authorized_at);
                }
                match classified.entry.deadlines.filter(|_| classified.new_length <= MAX_STORED_BYTES) {
                    Some(deadlines) => {
                        let entry = to_json(&classified.entry);
                        self.store.put_response(name, &entry, &classified.body, deadlines.error_until);
                    }
                    None => self.store.delete_response(name),
                }
            }
            CacheAction::PurgePartition => state = self.purge(),
            CacheAction::RevokePermission => {
                self.store.delete_response(name);
                if is_current && self.has_state() {
                    state.revoke(cache_key.class);
                    self.store_state(state);
                }
            }
            CacheAction::Delete => self.store.delete_response(name),
            CacheAction::Keep => {}
        }
        let (entry, body, outcome) = (classified.entry, classified.body, classified.outcome);
        CoordinatedResponse { entry, body, state, outcome }
    }

    fn state(&self, now: i64) -> PartitionState {
        self.state.get().unwrap_or_else(|| {
            let state = PartitionState::new(now, None);
            self.state.set(Some(state));
            state
        })
    }

    fn record_authorization(&self, mut state: PartitionState, class: PermissionClass, time: i64) -> PartitionState {
        state.record_authorization(class, time);
        self.store_state(state);
        state
    }

    fn store_state(&self, state: PartitionState) {
        self.state.set(Some(state));
        self.store.put(STATE_KIND, "", &to_json(&state));
    }

    fn stored(&self, name: &str) -> Stored<S::Body> {
        let (entry, body) = self.store.get_response(name)?;
        Some((from_json(&entry)?, body))
    }
}

/// A request in progress.
struct CoordinatorExchange<'a, T> {
    request: &'a FetchRequest,
    session: &'a UpstreamSession<'a, T>,
    /// The generation of the partition when the request started.
    generation: i64,
}
