//! The keeper of one partition: it holds what must outlive the fast tier, and is the only one who asks the upstream, so
//! that a hundred callers who miss at once make one request.

use super::breaker::CircuitBreaker;
use super::cache_key::{CacheKey, PermissionClass};
use super::classify::{CacheAction, Resolution, ResponseClass, classify_response, resolve};
use super::entry::CacheEntry;
use super::outcome::CacheOutcome;
use super::partition::{PartitionState, response_name};
use super::settings::{MetricsSource, ProxySettings};
use super::source::{JsonResponse, KvStore, UpstreamError};
use super::upstream::{Transport, UpstreamResponse, UpstreamSession};
use crate::codec::{as_list, from_text, to_text};
use crate::proxy::derive;
use crate::proxy::weeks::{self, Weeks};
use futures_channel::oneshot;
use std::cell::{Cell, RefCell};
use streamgage::calendar::Day;
use streamgage::query::MetricsRequest;

/// How long a body may be, in bytes, to be kept here and handed to all who wait for it: a row of a Durable Object's
/// SQLite holds 2 MB.
pub const MAX_STORED_BYTES: usize = 1_900_000;

/// How many questions are gone on with between requests.
const MAX_UNFINISHED: usize = 10;

/// What is kept of a partition beyond the fast tier.
pub trait PartitionStore: KvStore {
    /// A body, which is not looked into here.
    type Body: Clone + From<Vec<u8>>;

    /// The answer that was kept last under a name: what is known of it, and its bytes.
    fn get_response(&self, name: &str) -> Option<(String, Self::Body)>;

    /// Keeps one, until a time at most. What can't be kept is as if it had not been.
    fn put_response(&self, name: &str, entry: &str, body: &Self::Body, until: i64);

    /// Forgets one.
    fn delete_response(&self, name: &str);

    /// Forgets all answers, and all of the shelf.
    fn delete_all(&self);

    /// Forgets what nobody reads, and what is beyond the limits ([`durable`](super::storage)); and the state, if nothing
    /// else is left.
    fn evict(&self, now: i64);
}

/// What the front asks of the keeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// The request.
    pub cache_key: CacheKey,
    /// The key that goes to the upstream: the partition's.
    pub upstream_key: String,
    /// Whether what is stale won't do, even for a moment.
    pub refresh: bool,
    /// The day that metrics are asked on, as its number since 1970-01-01.
    pub today: i32,
}

as_list!(FetchRequest { cache_key, upstream_key, refresh, today });

/// An answer, where it came from, and how the partition stands.
#[derive(Clone, Debug, PartialEq)]
pub struct CoordinatedResponse<B> {
    /// What is known of it.
    pub entry: CacheEntry,
    /// Its bytes.
    pub body: B,
    /// The partition.
    pub state: PartitionState,
    /// Where it came from.
    pub outcome: CacheOutcome,
}

/// What the keeper tells.
#[allow(clippy::large_enum_variant, reason = "nearly always it is the large one")]
#[derive(Clone, Debug, PartialEq)]
pub enum FetchReply<B> {
    /// An answer.
    Response(CoordinatedResponse<B>),
    /// The answer is too long to be handed to several: each fetches it for himself.
    Uncoalesced,
}

/// The keeper of one partition.
pub struct PartitionCoordinator<N, S: PartitionStore> {
    net: N,
    store: S,
    settings: ProxySettings,
    breaker: RefCell<CircuitBreaker>,
    state: Cell<Option<PartitionState>>,
    flights: RefCell<Flights<S::Body>>,
    /// What is gone on with between requests. In memory alone, since keys are in it.
    unfinished: RefCell<Vec<FetchRequest>>,
}

type Waiter<B> = oneshot::Sender<FetchReply<B>>;
/// Who waits for what is being fetched, by name: few at a time.
type Flights<B> = Vec<(String, Vec<Waiter<B>>)>;

/// What callers asked for lately, on the shelf: by address.
const RECENT_REQUESTS: &str = "lately";
/// For how long that is lately, in milliseconds.
const RECENT_MS: i64 = 3_600_000;
/// How many of these are fetched anew at a time.
const MAX_REFRESHED: usize = 20;

/// Where the state is on the shelf.
const RECORD: &str = "record";

impl<N: Transport, S: PartitionStore> PartitionCoordinator<N, S> {
    /// Goes on from what is in the store.
    pub fn new(net: N, store: S, settings: ProxySettings) -> Self {
        let state = store.get(RECORD, "").and_then(|text| from_text(&text));
        PartitionCoordinator {
            net,
            store,
            settings,
            breaker: RefCell::default(),
            state: Cell::new(state),
            flights: RefCell::default(),
            unfinished: RefCell::default(),
        }
    }

    /// Answers a caller.
    pub async fn fetch(&self, request: &FetchRequest) -> FetchReply<S::Body> {
        let told = self.fetch_coalesced(request).await;
        let was_fetched =
            matches!(&told, FetchReply::Response(CoordinatedResponse { outcome: CacheOutcome::Fetched { .. }, .. }));
        // Other keys than the Worker's own are never written down, so nothing could be asked with them.
        if was_fetched && self.settings.upstream_key.is_some() {
            self.store.put(
                RECENT_REQUESTS,
                &request.cache_key.target(),
                &to_text(&(self.net.now(), request.cache_key.clone())),
            );
        }
        told
    }

    /// Fetches anew what callers asked for lately, if it is no longer fresh, with the Worker's own key. `today` is the
    /// day as its number.
    pub async fn refresh_recent(&self, today: i32) {
        let Some(key) = &self.settings.upstream_key else { return };
        let now = self.net.now();
        let mut lately: Vec<(i64, CacheKey)> = Vec::new();
        for (target, text) in self.store.range(RECENT_REQUESTS, "", "~") {
            match from_text::<(i64, CacheKey)>(&text) {
                Some((at, asked)) if now.saturating_sub(at) < RECENT_MS => lately.push((at, asked)),
                _ => self.store.delete(RECENT_REQUESTS, &target),
            }
        }
        lately.sort_by_key(|&(at, _)| at.saturating_neg());
        for (_, cache_key) in lately.into_iter().take(MAX_REFRESHED) {
            self.fetch_coalesced(&FetchRequest { cache_key, upstream_key: key.clone(), refresh: true, today }).await;
        }
    }

    /// Answers, from what is kept if it serves, and else by asking the upstream, once for all who ask the same.
    async fn fetch_coalesced(&self, request: &FetchRequest) -> FetchReply<S::Body> {
        let name = response_name(&request.cache_key);
        loop {
            let now = self.net.now();
            let state = self.state(now);
            let kept = self.kept(&name);
            if let Some((entry, body)) = &kept
                && state.is_authorized_within(request.cache_key.class, now, self.settings.key_ttl)
                && let Some(deadlines) = entry.deadlines
                && (deadlines.is_fresh(now) || (!request.refresh && deadlines.may_serve_while_revalidating(now)))
            {
                let outcome = CacheOutcome::Hit;
                return FetchReply::Response(CoordinatedResponse {
                    entry: entry.clone(),
                    body: body.clone(),
                    state,
                    outcome,
                });
            }
            let Some(flight) = self.join(&name) else { return self.lead(request, &name, kept).await };
            // Who led it may have gone away.
            if let Ok(told) = flight.await {
                return told;
            }
        }
    }

    /// Waits with those who asked the same before; `None` for the first.
    fn join(&self, name: &str) -> Option<oneshot::Receiver<FetchReply<S::Body>>> {
        let mut flights = self.flights.borrow_mut();
        let Some((_, waiters)) = flights.iter_mut().find(|(other, _)| other == name) else {
            flights.push((name.to_owned(), Vec::new()));
            return None;
        };
        let (sender, receiver) = oneshot::channel();
        waiters.push(sender);
        Some(receiver)
    }

    async fn lead(
        &self,
        request: &FetchRequest,
        name: &str,
        kept: Option<(CacheEntry, S::Body)>,
    ) -> FetchReply<S::Body> {
        let flight = Flight { flights: &self.flights, name };
        let (told, length) = self.fetch_upstream(request, kept).await;
        for waiter in flight.land() {
            let told = match &told {
                FetchReply::Response(_) if length > MAX_STORED_BYTES => FetchReply::Uncoalesced,
                FetchReply::Response(answered) => FetchReply::Response(CoordinatedResponse {
                    outcome: answered.outcome.collapsed(),
                    ..answered.clone()
                }),
                FetchReply::Uncoalesced => FetchReply::Uncoalesced,
            };
            // Who no longer waits needs nothing.
            let _ = waiter.send(told);
        }
        told
    }

    /// Asks the upstream. The number is the length of a body that is new.
    async fn fetch_upstream(
        &self,
        request: &FetchRequest,
        kept: Option<(CacheEntry, S::Body)>,
    ) -> (FetchReply<S::Body>, usize) {
        let now = self.net.now();
        let upstream = UpstreamSession::new(&self.net, &self.breaker, &self.settings, &request.upstream_key, now);
        let before = self.state(now).generation;
        let (metrics, today) = (self.settings.metrics, Day::from_number(request.today));
        let query =
            Some(request.cache_key.query.encode()).filter(|_| request.cache_key.class == PermissionClass::Metrics);
        let metrics_request = query.as_deref().and_then(|query| MetricsRequest::parse(query, today).ok());
        let must_ask = !self.state(now).is_authorized_within(request.cache_key.class, now, self.settings.key_ttl);
        let is_current = || self.state.get().is_some_and(|state| state.generation == before);
        let may_fall_back = metrics_request.is_some() && metrics == MetricsSource::Auto;
        let is_lost = metrics == MetricsSource::Derive || (may_fall_back && derive::is_gone(&self.store, now));
        if metrics_request.is_none() || !is_lost {
            let is_gone = |status: u16| may_fall_back && matches!(status, 404 | 410);
            if let Some(weeks) = query.and_then(|query| Weeks::of(&query, today)) {
                let shelf = Guarded { shelf: &self.store, may_put: || upstream.may_keep() && is_current() };
                let found = weeks.answer(&upstream, &shelf, must_ask).await;
                if !matches!(&found, Ok(weeks::MetricsResult::Passthrough(fetched)) if is_gone(fetched.status)) {
                    return self.put_together(request, found, &upstream, before);
                }
            } else {
                let validators = kept.as_ref().map(|(entry, _)| entry.validators.clone()).unwrap_or_default();
                let found = upstream.ask(&request.cache_key.target(), &validators).await;
                if !matches!(&found, Ok(incoming) if is_gone(incoming.status)) {
                    return self.take(request, found, kept, &upstream, before);
                }
            }
        }
        let Some(metrics_request) = metrics_request else {
            return self.take(request, Err(UpstreamError::InvalidResponse), kept, &upstream, before);
        };
        // Sums are made here, so no answer's headers forbid to keep them.
        let shelf = Guarded { shelf: &self.store, may_put: is_current };
        if !is_lost {
            derive::remember_gone(&shelf, now);
        }
        let found = derive::answer(&metrics_request, today, &upstream, &shelf, must_ask).await;
        self.unfinished.borrow_mut().retain(|other| other.cache_key != request.cache_key);
        let has_place = self.unfinished.borrow().len() < MAX_UNFINISHED;
        if found == Err(UpstreamError::BudgetExhausted) && has_place {
            self.unfinished.borrow_mut().push(request.clone());
        }
        self.put_together(request, found, &upstream, before)
    }

    /// Goes on with what was beyond the budget of a request.
    pub async fn resume_unfinished(&self) {
        let next = self.unfinished.borrow().first().cloned();
        if let Some(request) = next {
            self.fetch_coalesced(&request).await;
        }
    }

    /// Whether the key was ever let in.
    pub fn has_state(&self) -> bool {
        self.store.get(RECORD, "").is_some()
    }

    /// Sweeps what is kept.
    pub fn evict(&self) {
        self.store.evict(self.net.now());
    }

    /// Whether something was beyond the budget of a request.
    pub fn has_unfinished(&self) -> bool {
        !self.unfinished.borrow().is_empty()
    }

    /// Takes over metrics that were put together, if they could be.
    fn put_together(
        &self,
        request: &FetchRequest,
        found: Result<weeks::MetricsResult, UpstreamError>,
        upstream: &UpstreamSession<'_, N>,
        before: i64,
    ) -> (FetchReply<S::Body>, usize) {
        let class = request.cache_key.class;
        let assembled = match found {
            Ok(weeks::MetricsResult::Assembled(assembled)) => assembled,
            Ok(weeks::MetricsResult::Passthrough(fetched)) => {
                let JsonResponse { status, body, headers, times } = fetched;
                let incoming = UpstreamResponse { sent_at: times.asked, status, headers, body: body.into_bytes() };
                return self.take(request, Ok(incoming), None, upstream, before);
            }
            Err(trouble) => return self.take(request, Err(trouble), None, upstream, before),
        };
        let now = self.net.now();
        let mut state = self.state(now);
        let is_current = state.generation == before;
        if let (true, Some(proved)) = (is_current, upstream.proved()) {
            state = self.record_authorization(state, request, proved);
        }
        if let Some(trouble) = assembled.trouble
            && !(is_current && state.is_authorized_within(class, now, self.settings.stale_key_ttl))
        {
            return self.take(request, Err(trouble), None, upstream, before);
        }
        let bytes = assembled.body.into_bytes();
        let mut entry = CacheEntry::assembled(&bytes, assembled.deadlines);
        let outcome = match (assembled.trouble, upstream.tries()) {
            (Some(trouble), _) => CacheOutcome::excused(trouble),
            (None, 0) => CacheOutcome::Hit,
            (None, tries) => {
                if !is_current || !upstream.may_keep() {
                    entry.deadlines = None;
                }
                CacheOutcome::Fetched {
                    status: 200,
                    stored: entry.deadlines.is_some(),
                    stale: false,
                    collapsed: false,
                    tries,
                }
            }
        };
        let length = bytes.len();
        (FetchReply::Response(CoordinatedResponse { entry, body: bytes.into(), state, outcome }), length)
    }

    /// Takes over what the upstream answered, or that it didn't.
    fn take(
        &self,
        request: &FetchRequest,
        found: Result<UpstreamResponse, UpstreamError>,
        kept: Option<(CacheEntry, S::Body)>,
        upstream: &UpstreamSession<'_, N>,
        before: i64,
    ) -> (FetchReply<S::Body>, usize) {
        let name = &response_name(&request.cache_key);
        let (now, tries) = (self.net.now(), upstream.tries());
        let proved = upstream.proved().unwrap_or(now);
        let mut state = self.state(now);
        // If somebody dropped the partition meanwhile, what was asked for before belongs to what is gone.
        let is_current = state.generation == before;
        let excused = is_current
            && state.is_authorized_within(request.cache_key.class, now, self.settings.stale_key_ttl)
            && kept
                .as_ref()
                .and_then(|(entry, _)| entry.deadlines)
                .is_some_and(|deadlines| deadlines.may_serve_on_error(now));
        let entry = kept.as_ref().map(|(entry, _)| entry);
        let mut class = classify_response(&request.cache_key, &self.settings.upstream, found, entry, excused, now);
        if !is_current && let ResponseClass::New(entry, _) | ResponseClass::Revalidated(entry) = &mut class {
            entry.deadlines = None;
        }
        let Resolution { entry, body, outcome, length, action } = resolve(class, kept, true, tries);
        match action {
            CacheAction::Store => {
                if is_current {
                    state = self.record_authorization(state, request, proved);
                }
                match entry.deadlines.filter(|_| length <= MAX_STORED_BYTES) {
                    Some(deadlines) => self.store.put_response(name, &to_text(&entry), &body, deadlines.error),
                    None => self.store.delete_response(name),
                }
            }
            CacheAction::PurgePartition => state = self.purge(),
            CacheAction::Delete => self.store.delete_response(name),
            CacheAction::Keep => {}
        }
        (FetchReply::Response(CoordinatedResponse { entry, body, state, outcome }), length)
    }

    /// Forgets all that is kept, and begins a new generation.
    pub fn purge(&self) -> PartitionState {
        let state = PartitionState::new(self.net.now(), self.state.get().map(|state| state.generation));
        let was_written = self.has_state();
        self.store.delete_all();
        self.state.set(Some(state));
        // Of a key that was never let in nothing is written down.
        if was_written {
            self.write(state);
        }
        state
    }

    fn state(&self, now: i64) -> PartitionState {
        self.state.get().unwrap_or_else(|| {
            let state = PartitionState::new(now, None);
            self.state.set(Some(state));
            state
        })
    }

    fn record_authorization(&self, mut state: PartitionState, request: &FetchRequest, now: i64) -> PartitionState {
        state.record_authorization(request.cache_key.class, now);
        self.write(state);
        state
    }

    fn write(&self, state: PartitionState) {
        self.state.set(Some(state));
        self.store.put(RECORD, "", &to_text(&state));
    }

    fn kept(&self, name: &str) -> Option<(CacheEntry, S::Body)> {
        let (text, body) = self.store.get_response(name)?;
        Some((from_text(&text)?, body))
    }
}

/// A shelf that takes nothing more once what it is for is gone.
struct Guarded<'a, S, P> {
    shelf: &'a S,
    may_put: P,
}

impl<S: KvStore, P: Fn() -> bool> KvStore for Guarded<'_, S, P> {
    fn get(&self, kind: &str, key: &str) -> Option<String> {
        self.shelf.get(kind, key)
    }

    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)> {
        self.shelf.range(kind, first, end)
    }

    fn put(&self, kind: &str, key: &str, text: &str) {
        if (self.may_put)() {
            self.shelf.put(kind, key, text);
        }
    }

    fn delete(&self, kind: &str, key: &str) {
        self.shelf.delete(kind, key);
    }
}

/// Takes a flight off the list however it ends.
struct Flight<'a, B> {
    flights: &'a RefCell<Flights<B>>,
    name: &'a str,
}

impl<B> Flight<'_, B> {
    fn land(&self) -> Vec<Waiter<B>> {
        let mut flights = self.flights.borrow_mut();
        let place = flights.iter().position(|(name, _)| name == self.name);
        place.map(|place| flights.swap_remove(place).1).unwrap_or_default()
    }
}

impl<B> Drop for Flight<'_, B> {
    fn drop(&mut self) {
        self.land();
    }
}
