//! The execution of an authorized request: the edge cache first, then the coordinator of the partition, then the upstream.

use super::background_task::BackgroundTask;
use super::byte_budget::ReservedBody;
use super::cache::Deadlines;
use super::cache_key::{CacheKey, PermissionClass};
use super::classify::{CacheAction, classify_response, upstream_failure};
use super::entry::CacheEntry;
use super::error::UpstreamError;
use super::handler::ProxyHandler;
use super::json::{from_json, to_json};
use super::outcome::CacheOutcome;
use super::partition::{PartitionState, response_address, state_address};
use super::protocol::{FetchReply, FetchRequest};
use super::response::{ResolvedResponse, ServerTiming};
use super::runtime::{Runtime, UnavailableError};
use super::transport::Transport;
use super::upstream::UpstreamSession;
use crate::http::authorize::key_hash;
use crate::http::response::Response;

/// The edge cache stores a response for at most a week, in seconds.
const MAX_EDGE_CACHE_AGE: i64 = 7 * 86_400;

/// An authorized request.
pub(super) struct FetchContext {
    pub cache_key: CacheKey,
    /// The key that is sent to the upstream.
    pub upstream_key: String,
    /// The id of the caller's key. `None` if the caller has the upstream key.
    pub caller: Option<String>,
    /// `None` if nothing is cached.
    pub partition: Option<String>,
    /// The time at which the caller started to wait, in milliseconds since 1970-01-01.
    pub started_at: i64,
}

/// A response in the edge cache.
type Stored<B> = Option<(CacheEntry, B)>;
type Tasks<B> = Vec<BackgroundTask<B>>;

impl<R: Runtime> ProxyHandler<'_, R> {
    pub(super) async fn execute(
        &self,
        context: FetchContext,
        tasks: &mut Tasks<R::Body>,
    ) -> Result<(ResolvedResponse<R::Body>, ServerTiming), Response> {
        let mut timing = ServerTiming { started_at: context.started_at, ..ServerTiming::default() };
        let Some(partition) = context.partition.as_deref() else {
            let caller = context.caller.clone().unwrap_or_else(|| key_hash(&context.upstream_key));
            if context.caller.is_none() {
                self.admit_unknown_key(&caller).await?;
            }
            self.check_rate_limit(&caller).await?;
            let response = self.fetch_directly(&context, None, None, tasks).await;
            if context.caller.is_none() {
                self.record_status(&caller, response.entry.status).await?;
            }
            timing.fetched_at = Some(self.runtime.now());
            return Ok((response, timing));
        };
        let state = self.partition_state(partition).await;
        let mut stored = None;
        if let Some(state) = state {
            let address = response_address(partition, state.generation, &context.cache_key);
            stored = self.stored_response(&address).await;
            let now = self.runtime.now();
            timing.cache_checked_at = Some(now);
            if let Some((entry, _)) = &stored
                && let Some(deadlines) = entry.deadlines
                && state.is_authorized_within(context.cache_key.class, now, self.proxy_settings.key_ttl)
                && (deadlines.is_fresh(now) || deadlines.may_serve_while_revalidating(now))
                && let Some((entry, body)) = stored.take()
            {
                self.refresh_if_stale(&context, &entry, address, tasks);
                return Ok((ResolvedResponse { entry, body, outcome: CacheOutcome::Hit }, timing));
            }
        }
        // The upstream checks the key of a caller that has no key of ours.
        let is_unknown = context.caller.is_none() && !self.is_known(state);
        if is_unknown {
            self.admit_unknown_key(partition).await?;
        }
        self.check_rate_limit(context.caller.as_deref().unwrap_or(partition)).await?;
        let request = self.fetch_request(&context, false);
        let response = self.fetch(&context, &request, state, stored, tasks).await;
        if context.caller.is_none() {
            self.record_status(partition, response.entry.status).await?;
        }
        if let (CacheOutcome::Hit, Some(state)) = (response.outcome, self.partition_state(partition).await) {
            let address = response_address(partition, state.generation, &context.cache_key);
            self.refresh_if_stale(&context, &response.entry, address, tasks);
        }
        timing.fetched_at = Some(self.runtime.now());
        Ok((response, timing))
    }

    /// Refreshes a stale response that is served meanwhile, once for all requests of this isolate.
    fn refresh_if_stale(
        &self,
        context: &FetchContext,
        entry: &CacheEntry,
        address: String,
        tasks: &mut Tasks<R::Body>,
    ) {
        let (now, Some(partition)) = (self.runtime.now(), context.partition.clone()) else { return };
        let refreshing = &mut self.runtime.isolate_cache().borrow_mut().refreshing;
        if entry.deadlines.is_some_and(|deadlines| !deadlines.is_fresh(now)) && refreshing.get(&address, now).is_none()
        {
            refreshing.insert(&address, (), now);
            tasks.push(BackgroundTask::Refresh { address, partition, request: self.fetch_request(context, true) });
        }
    }

    /// Returns true if the upstream accepted the key recently.
    pub(super) fn is_known(&self, state: Option<PartitionState>) -> bool {
        let (now, within) = (self.runtime.now(), self.proxy_settings.key_ttl);
        let classes = [PermissionClass::Metrics, PermissionClass::Core];
        state.is_some_and(|state| classes.iter().any(|&class| state.is_authorized_within(class, now, within)))
    }

    fn fetch_request(&self, context: &FetchContext, refresh: bool) -> FetchRequest {
        let today = self.settings.today(&self.request.url, self.runtime.now()).number();
        let FetchContext { cache_key, upstream_key, caller, .. } = context;
        let (cache_key, upstream_key) = (cache_key.clone(), upstream_key.clone());
        let (caller, request_id) = (caller.clone().unwrap_or_default(), self.runtime.request_id());
        FetchRequest { cache_key, upstream_key, caller, refresh, today, request_id }
    }

    /// Fetches from the coordinator of the partition, or from the upstream if the coordinator does not answer.
    pub(super) async fn fetch(
        &self,
        context: &FetchContext,
        request: &FetchRequest,
        state: Option<PartitionState>,
        stored: Stored<R::Body>,
        tasks: &mut Tasks<R::Body>,
    ) -> ResolvedResponse<R::Body> {
        let partition = context.partition.as_deref().unwrap_or_default();
        match self.runtime.fetch_from_coordinator(partition, request).await {
            Ok(FetchReply::Response(response)) => {
                self.remember_state(partition, response.state, tasks);
                let address = response_address(partition, response.state.generation, &request.cache_key);
                self.store_response(address, stored.is_some(), (&response.entry, &response.body), tasks);
                ResolvedResponse { entry: response.entry, body: response.body, outcome: response.outcome }
            }
            Ok(FetchReply::Busy) => {
                let may_serve_stale = self.may_serve_stale(&context.cache_key, state, &stored);
                let failed = upstream_failure(UpstreamError::Busy, stored.filter(|_| may_serve_stale));
                ResolvedResponse { entry: failed.entry, body: failed.body, outcome: failed.outcome }
            }
            Err(UnavailableError) => self.fetch_directly(context, state, stored, tasks).await,
        }
    }

    /// Returns true if a response of the edge cache may be served when the upstream fails.
    fn may_serve_stale(&self, cache_key: &CacheKey, state: Option<PartitionState>, stored: &Stored<R::Body>) -> bool {
        let (now, within) = (self.runtime.now(), self.proxy_settings.stale_key_ttl);
        let deadlines = stored.as_ref().and_then(|(entry, _)| entry.deadlines);
        state.is_some_and(|state| state.is_authorized_within(cache_key.class, now, within))
            && deadlines.is_some_and(|deadlines| deadlines.may_serve_on_error(now))
    }

    /// Fetches from the upstream without a coordinator.
    async fn fetch_directly(
        &self,
        context: &FetchContext,
        state: Option<PartitionState>,
        stored: Stored<R::Body>,
        tasks: &mut Tasks<R::Body>,
    ) -> ResolvedResponse<R::Body> {
        let FetchContext { cache_key, upstream_key, caller, partition, started_at } = context;
        let caller = caller.clone().or_else(|| partition.clone()).unwrap_or_else(|| key_hash(upstream_key));
        let breaker = self.runtime.isolate_cache().borrow().breakers.get(&caller, cache_key.endpoint());
        let transport = self.runtime.transport();
        let key = (upstream_key.as_str(), state.is_some_and(|state| state.was_accepted()));
        let session = UpstreamSession::new(transport, breaker, self.proxy_settings, key, *started_at);
        let validators = stored.as_ref().map(|(entry, _)| entry.validators.clone()).unwrap_or_default();
        let result = session.send(&cache_key.target(), &validators).await;

        let now = self.runtime.now();
        let may_serve_stale = self.may_serve_stale(cache_key, state, &stored);
        let exchange = session.exchange(cache_key, partition.is_some(), may_serve_stale, now);
        let has_stored = stored.is_some();
        let classified = classify_response(&exchange, result, stored);
        if let Some(event) = classified.event(&exchange) {
            transport.log(self.runtime.request_id().as_deref(), &event);
        }
        if let Some(partition) = partition {
            match classified.action {
                CacheAction::Store => {
                    let mut state = state.unwrap_or_else(|| PartitionState::new(now, None));
                    state.record_authorization(cache_key.class, session.authorized_at().unwrap_or(now));
                    self.remember_state(partition, state, tasks);
                    let address = response_address(partition, state.generation, cache_key);
                    self.store_response(address, has_stored, (&classified.entry, &classified.body), tasks);
                }
                CacheAction::PurgePartition => {
                    let state = PartitionState::new(now, state.map(|state| state.generation));
                    self.remember_state(partition, state, tasks);
                }
                CacheAction::Delete | CacheAction::RevokePermission => {
                    if let (CacheAction::RevokePermission, Some(mut state)) = (classified.action, state) {
                        state.revoke(cache_key.class);
                        self.remember_state(partition, state, tasks);
                    }
                    let address = state.map(|state| response_address(partition, state.generation, cache_key));
                    tasks.extend(address.map(BackgroundTask::Delete));
                }
                CacheAction::Keep => {}
            }
        }
        ResolvedResponse { entry: classified.entry, body: classified.body, outcome: classified.outcome }
    }

    /// Stores a response in the edge cache until its last deadline. One that must not be stored removes the one that it
    /// replaces, if there is one.
    fn store_response(
        &self,
        address: String,
        has_stored: bool,
        (entry, body): (&CacheEntry, &R::Body),
        tasks: &mut Tasks<R::Body>,
    ) {
        let now = self.runtime.now();
        let may_be_served = |deadlines: &Deadlines| {
            deadlines.is_fresh(now) || deadlines.may_serve_while_revalidating(now) || deadlines.may_serve_on_error(now)
        };
        let deadlines = entry.deadlines.filter(may_be_served);
        let max_age = deadlines.map_or(0, |deadlines| ((deadlines.last() - now) / 1_000).min(MAX_EDGE_CACHE_AGE));
        match u32::try_from(max_age) {
            Ok(max_age @ 1..) => {
                tasks.push(BackgroundTask::Put { address, text: to_json(entry), body: body.clone(), max_age });
            }
            _ if has_stored && entry.status == 200 => tasks.push(BackgroundTask::Delete(address)),
            _ => {}
        }
    }

    pub(super) async fn stored_response(&self, address: &str) -> Stored<R::Body> {
        let (text, body) = self.runtime.get_cached(address).await?;
        Some((from_json(&text)?, body))
    }

    /// Returns the state of a partition from the isolate cache or the edge cache.
    pub(super) async fn partition_state(&self, partition: &str) -> Option<PartitionState> {
        let now = self.runtime.now();
        let known = self.runtime.isolate_cache().borrow().states.get(partition, now);
        if known.is_some() {
            return known;
        }
        let (text, _) = self.runtime.get_cached(&state_address(partition)).await?;
        let state = from_json(&text)?;
        self.runtime.isolate_cache().borrow_mut().states.insert(partition, state, now);
        Some(state)
    }

    /// Stores the state of a partition in both caches, unless a later generation is known.
    pub(super) fn remember_state(&self, partition: &str, state: PartitionState, tasks: &mut Tasks<R::Body>) {
        let now = self.runtime.now();
        let states = &mut self.runtime.isolate_cache().borrow_mut().states;
        if states.get(partition, now).is_some_and(|known| known.generation > state.generation) {
            return;
        }
        states.insert(partition, state, now);
        // Afterwards the recorded authorization has expired.
        let max_age = u32::try_from(self.proxy_settings.key_ttl / 1_000).unwrap_or(u32::MAX).max(1);
        let (address, text) = (state_address(partition), to_json(&state));
        tasks.push(BackgroundTask::Put { address, text, body: ReservedBody::default().into(), max_age });
    }
}
