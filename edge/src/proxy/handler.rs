//! The front: what the stateless part of the Worker does with a request. A hit takes the fast tier alone.

use super::breaker::CircuitBreaker;
use super::cache_key::{CacheKey, PermissionClass};
use super::classify::{CacheAction, Resolution, classify_response, resolve};
use super::coordinator::{CoordinatedResponse, FetchReply, FetchRequest};
use super::entry::CacheEntry;
use super::links::rewrite;
use super::outcome::CacheOutcome;
use super::partition::{PartitionState, response_address, state_address};
use super::scopes::Scope;
use super::settings::ProxySettings;
use super::upstream::{Transport, UpstreamSession};
use crate::codec::{from_text, to_text};
use crate::http::authorize::{Key, Permission, bearer_token, key_hash};
use crate::http::cors::{cors_headers, is_preflight, preflight_response};
use crate::http::response::{
    Response, finalize, forbidden, is_none_match, method_not_allowed, not_found, throttled, unauthorized, unknown_error,
};
use crate::http::router::{PURGE, REFUSED, redirect};
use crate::http::{Request, Settings};
use crate::store::{Statement, StatementResult};
use std::cell::RefCell;
use std::fmt::Write;
use std::future::Future;
use std::rc::Rc;
use streamgage::query::{METRICS_PATH, MetricsRequest};

/// What the front reaches: the fast tier, the keepers, the keys. Addresses of the fast tier are made here, and hold
/// neither a key nor anything else of a caller.
pub trait Runtime {
    /// The network, the clock and chance.
    type Transport: Transport;

    /// A body, which passes through unread where it can.
    type Body: Clone + From<Vec<u8>>;

    /// The network, the clock and chance.
    fn transport(&self) -> &Self::Transport;

    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> i64 {
        self.transport().now()
    }

    /// What this isolate remembers.
    fn isolate_cache(&self) -> &RefCell<IsolateCache>;

    /// What the fast tier has at an address: a text, and a body.
    fn get_cached(&self, address: &str) -> impl Future<Output = Option<(String, Self::Body)>>;

    /// Puts into the fast tier, for some seconds at most. What can't be put is as if it had not been.
    fn put_cached(&self, address: &str, text: &str, body: Self::Body, seconds: u32) -> impl Future<Output = ()>;

    /// Removes from the fast tier.
    fn delete_cached(&self, address: &str) -> impl Future<Output = ()>;

    /// Asks the keeper of a partition.
    fn fetch_from_coordinator(
        &self,
        partition: &str,
        request: &FetchRequest,
    ) -> impl Future<Output = Result<FetchReply<Self::Body>, UnavailableError>>;

    /// Has the keeper of a partition forget all.
    fn purge_partition(&self, partition: &str) -> impl Future<Output = Result<PartitionState, UnavailableError>>;

    /// Looks a key of streamgage up.
    fn look_up_key(&self, statement: Statement) -> impl Future<Output = Result<StatementResult, UnavailableError>>;

    /// Whether a caller may ask beyond the fast tier once more.
    fn check_rate_limit(&self, caller: &str) -> impl Future<Output = bool>;

    /// Reads a body; `None` if it broke.
    fn read_body(&self, body: Self::Body) -> impl Future<Output = Option<Vec<u8>>>;
}

/// Something of the platform did not answer: a Durable Object, or the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnavailableError;

/// What an isolate remembers between requests. All of it may be lost at any time.
#[derive(Debug, Default)]
pub struct IsolateCache {
    records: Known<PartitionState>,
    keys: Known<Key>,
    /// Addresses of answers that are fetched anew: few at a time.
    refreshing: Vec<String>,
    breaker: Rc<RefCell<CircuitBreaker>>,
}

/// What is remembered by name, in the order of the names.
type Known<T> = Vec<(String, Remembered<T>)>;

#[derive(Clone, Copy, Debug)]
struct Remembered<T> {
    value: T,
    started_at: i64,
}

/// How long a partition's state, or a key of streamgage, is taken to be as it was, in milliseconds.
const REMEMBERED: i64 = 60_000;
/// How many of each are remembered.
const MAX_REMEMBERED: usize = 10_000;
/// How long the fast tier is asked to keep an answer at most, in seconds: a week.
const MAX_FAST: i64 = 7 * 86_400;

fn place<T>(known: &Known<T>, name: &str) -> Result<usize, usize> {
    known.binary_search_by(|(other, _)| other.as_str().cmp(name))
}

fn remember<T>(known: &mut Known<T>, name: &str, value: T, started_at: i64) {
    if known.len() >= MAX_REMEMBERED {
        known.clear();
    }
    let remembered = Remembered { value, started_at };
    match place(known, name).map(|place| known.get_mut(place)) {
        Ok(Some((_, known))) => *known = remembered,
        Ok(None) => {}
        Err(place) => known.insert(place, (name.to_owned(), remembered)),
    }
}

fn recall<T: Clone>(known: &Known<T>, name: &str, now: i64) -> Option<T> {
    let (_, found) = known.get(place(known, name).ok()?)?;
    (0..REMEMBERED).contains(&(now - found.started_at)).then(|| found.value.clone())
}

/// What becomes of a request without I/O.
#[derive(Debug, PartialEq)]
pub enum RouteOutcome {
    /// It is none of the proxy's.
    NotProxied,
    /// It is answered.
    Response(Response),
    /// It has to be response.
    Request(ProxyRequest),
}

/// A request that may be right, with something that may be a key.
#[derive(Debug, PartialEq)]
pub struct ProxyRequest {
    target: Target,
    key: String,
}

#[derive(Debug, PartialEq)]
enum Target {
    CacheKey(CacheKey),
    Purge,
}

/// Takes a request in: refuses what can't be right, in the order 404 or 301, 401, 405, 400 (§3). `now` is in milliseconds
/// since 1970-01-01.
pub fn route_proxy_request(request: &Request, settings: &Settings, now: f64) -> RouteOutcome {
    let path = request.url.path.as_str();
    let is_ours = path == PURGE
        || path == "/v3"
        || path == "/dataset"
        || ["/v3/", "/import/"].iter().any(|start| path.starts_with(start));
    if !is_ours {
        return RouteOutcome::NotProxied;
    }
    match call(request, settings, now) {
        Ok(call) => RouteOutcome::Request(call),
        Err(reply) => RouteOutcome::Response(reply.header("Cache-Status", REFUSED)),
    }
}

fn call(request: &Request, settings: &Settings, now: f64) -> Result<ProxyRequest, Response> {
    let (path, query) = (request.url.path.as_str(), request.url.query.as_str());
    if METRICS_PATH.strip_suffix('/') == Some(path) {
        return Err(redirect(METRICS_PATH.to_owned(), query));
    }
    let target = match path {
        PURGE => Some(Target::Purge),
        METRICS_PATH => None,
        _ => Some(Target::CacheKey(CacheKey::read(path, query).ok_or_else(not_found)?)),
    };
    let is_purge = target == Some(Target::Purge);
    if is_preflight(request, settings) && !is_purge {
        return Err(preflight_response());
    }
    let key = bearer_token(request.authorization.as_deref())?.to_owned();
    let allowed = if is_purge { "POST" } else { "GET, HEAD" };
    if !allowed.split(", ").any(|method| method == request.method) {
        return Err(method_not_allowed(&request.method, allowed));
    }
    let metrics = || {
        MetricsRequest::parse(query, settings.today(&request.url, now))
            .map_err(|errors| Response::bad_query(&errors))?;
        // What is refused needs no name.
        Ok(Target::CacheKey(CacheKey::metrics(query)))
    };
    Ok(ProxyRequest { target: target.map_or_else(metrics, Ok)?, key })
}

/// An answer to a caller, and what is to be done once he has it.
#[derive(Debug)]
pub struct ProxyResponse<B> {
    /// The status.
    pub status: u16,
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub content: ResponseBody<B>,
    /// What is left to do, in order.
    pub background_tasks: Vec<BackgroundTask<B>>,
}

/// The body of an answer.
#[derive(Debug)]
pub enum ResponseBody<B> {
    /// As it is kept.
    Stored(B),
    /// Bytes made for this caller.
    Bytes(Vec<u8>),
}

/// What is done when the caller has his answer.
#[derive(Debug)]
pub enum BackgroundTask<B> {
    /// Something goes into the fast tier.
    Put {
        /// Where.
        address: String,
        /// Its text.
        text: String,
        /// Its body.
        body: B,
        /// For how long, at most.
        seconds: u32,
    },
    /// Something leaves it.
    Remove(String),
    /// An answer that response though stale is fetched anew.
    Refresh {
        /// Where it is.
        address: String,
        /// Whose.
        partition: String,
        /// Which.
        request: FetchRequest,
    },
    /// And that is done.
    Refreshed(String),
}

/// The front, for one request.
pub struct ProxyHandler<'a, R> {
    /// What it reaches.
    pub runtime: &'a R,
    /// The proxy's variables.
    pub proxy_settings: &'a ProxySettings,
    /// The Worker's.
    pub settings: &'a Settings,
    /// The request.
    pub request: &'a Request,
}

/// An answer, before it is dressed for a caller.
struct Found<B> {
    entry: CacheEntry,
    body: B,
    outcome: CacheOutcome,
}

/// As whom the upstream is asked, and what for.
struct FetchContext {
    cache_key: CacheKey,
    upstream_key: String,
    partition: Option<String>,
    /// When the caller began to wait, in milliseconds since 1970-01-01.
    started_at: i64,
}

impl<R: Runtime> ProxyHandler<'_, R> {
    /// Answers.
    pub async fn handle(&self, request: ProxyRequest) -> ProxyResponse<R::Body> {
        let mut tasks = Vec::new();
        let mut response = match self.answer(request, &mut tasks).await {
            Ok((found, timing)) => self.dress(found, timing).await,
            Err(reply) => self.dress_reply(reply),
        };
        response.background_tasks = tasks;
        response
    }

    /// Does what was left to do.
    pub async fn run_background_tasks(&self, mut tasks: Vec<BackgroundTask<R::Body>>) {
        while !tasks.is_empty() {
            for step in std::mem::take(&mut tasks) {
                match step {
                    BackgroundTask::Put { address, text, body, seconds } => {
                        self.runtime.put_cached(&address, &text, body, seconds).await
                    }
                    BackgroundTask::Remove(address) => self.runtime.delete_cached(&address).await,
                    BackgroundTask::Refresh { address, partition, request } => {
                        self.refresh(partition, &request, &mut tasks).await;
                        tasks.push(BackgroundTask::Refreshed(address));
                    }
                    BackgroundTask::Refreshed(address) => {
                        self.runtime.isolate_cache().borrow_mut().refreshing.retain(|other| *other != address);
                    }
                }
            }
        }
    }

    async fn answer(
        &self,
        request: ProxyRequest,
        tasks: &mut Vec<BackgroundTask<R::Body>>,
    ) -> Result<(Found<R::Body>, Timing), Response> {
        let (target, upstream_key, own) = self.identify(request).await?;
        let partition = self.proxy_settings.partitions.as_ref().map(|partitions| partitions.name(&upstream_key));
        let cache_key = match target {
            Target::Purge => return Err(self.purge(partition.as_deref(), own.as_ref(), tasks).await),
            Target::CacheKey(asked) => match own {
                Some(key) => self.narrow(&key, asked)?,
                None => asked,
            },
        };
        self.get(FetchContext { cache_key, upstream_key, partition, started_at: self.runtime.now() }, tasks).await
    }

    /// The upstream's key to ask with; and, if the Worker has one of its own, the caller's.
    async fn identify(&self, request: ProxyRequest) -> Result<(Target, String, Option<Key>), Response> {
        let ProxyRequest { target, key } = request;
        let Some(upstream_key) = &self.proxy_settings.upstream_key else { return Ok((target, key, None)) };
        let hash = key_hash(&key);
        let now = self.runtime.now();
        let known = recall(&self.runtime.isolate_cache().borrow().keys, &hash, now);
        let row = match known {
            Some(row) => row,
            None => {
                let found = self.runtime.look_up_key(Key::lookup(&hash, now)).await;
                let row = found.ok().and_then(|found| Key::read(&found).ok()).ok_or_else(unknown_error)?;
                let row = row.ok_or_else(|| unauthorized("Invalid token."))?;
                remember(&mut self.runtime.isolate_cache().borrow_mut().keys, &hash, row.clone(), now);
                row
            }
        };
        let permitted = match &target {
            Target::CacheKey(CacheKey { class: PermissionClass::Metrics, .. }) => row.permits(Permission::Metrics),
            Target::CacheKey(_) => row.permits(Permission::Core),
            Target::Purge => row.permits(Permission::Purge) || row.permits(Permission::Import),
        };
        if !permitted {
            return Err(forbidden());
        }
        Ok((target, upstream_key.clone(), Some(row)))
    }

    fn narrow(&self, key: &Key, cache_key: CacheKey) -> Result<CacheKey, Response> {
        let Some(text) = &key.scopes else { return Ok(cache_key) };
        // A scope that can't be read lets nothing through.
        let scope = Scope::read(text).ok_or_else(forbidden)?;
        let today = self.settings.today(&self.request.url, self.runtime.now() as f64);
        scope.narrow(cache_key, today).map_err(|_| forbidden())
    }

    async fn get(
        &self,
        context: FetchContext,
        tasks: &mut Vec<BackgroundTask<R::Body>>,
    ) -> Result<(Found<R::Body>, Timing), Response> {
        let mut timing = Timing { start: context.started_at, ..Timing::default() };
        let Some(partition) = context.partition.as_deref() else {
            self.admit(&key_hash(&context.upstream_key)).await?;
            let found = self.fetch(&context, None, None, tasks).await;
            timing.rest = Some(self.runtime.now());
            return Ok((found, timing));
        };
        let state = self.state(partition).await;
        let mut kept = None;
        if let Some(state) = state {
            let address = response_address(partition, state.generation, &context.cache_key);
            kept = self.kept(&address).await;
            let now = self.runtime.now();
            timing.fast = Some(now);
            if let Some((entry, _)) = &kept
                && let Some(deadlines) = entry.deadlines
                && state.is_authorized_within(context.cache_key.class, now, self.proxy_settings.key_ttl)
                && (deadlines.is_fresh(now) || deadlines.may_serve_while_revalidating(now))
                && let Some((entry, body)) = kept.take()
            {
                let refreshing = &mut self.runtime.isolate_cache().borrow_mut().refreshing;
                if !deadlines.is_fresh(now) && !refreshing.contains(&address) {
                    refreshing.push(address.clone());
                    let request = self.fetch_request(&context, true);
                    tasks.push(BackgroundTask::Refresh { address, partition: partition.to_owned(), request });
                }
                return Ok((Found { entry, body, outcome: CacheOutcome::Hit }, timing));
            }
        }
        self.admit(partition).await?;
        let request = self.fetch_request(&context, false);
        let found = self.consult(&context, &request, state, kept, tasks).await;
        timing.rest = Some(self.runtime.now());
        Ok((found, timing))
    }

    fn fetch_request(&self, context: &FetchContext, refresh: bool) -> FetchRequest {
        let today = self.settings.today(&self.request.url, self.runtime.now() as f64).number();
        FetchRequest {
            cache_key: context.cache_key.clone(),
            upstream_key: context.upstream_key.clone(),
            refresh,
            today,
        }
    }

    async fn admit(&self, caller: &str) -> Result<(), Response> {
        if self.runtime.check_rate_limit(caller).await { Ok(()) } else { Err(throttled()) }
    }

    /// Fetches an answer anew that response though stale.
    async fn refresh(&self, partition: String, request: &FetchRequest, tasks: &mut Vec<BackgroundTask<R::Body>>) {
        let state = self.state(&partition).await;
        let kept = match state {
            Some(state) => self.kept(&response_address(&partition, state.generation, &request.cache_key)).await,
            None => None,
        };
        let FetchRequest { cache_key, upstream_key, .. } = request.clone();
        let context =
            FetchContext { cache_key, upstream_key, partition: Some(partition), started_at: self.runtime.now() };
        self.consult(&context, request, state, kept, tasks).await;
    }

    /// Asks the keeper of a partition or, where it doesn't answer, the upstream.
    async fn consult(
        &self,
        context: &FetchContext,
        request: &FetchRequest,
        state: Option<PartitionState>,
        kept: Option<(CacheEntry, R::Body)>,
        tasks: &mut Vec<BackgroundTask<R::Body>>,
    ) -> Found<R::Body> {
        let partition = context.partition.as_deref().unwrap_or_default();
        match self.runtime.fetch_from_coordinator(partition, request).await {
            Ok(FetchReply::Response(answered)) => self.take_over(partition, &request.cache_key, answered, tasks),
            Ok(FetchReply::Uncoalesced) | Err(UnavailableError) => self.fetch(context, state, kept, tasks).await,
        }
    }

    /// Keeps in the fast tier what the keeper told.
    fn take_over(
        &self,
        partition: &str,
        asked: &CacheKey,
        answered: CoordinatedResponse<R::Body>,
        tasks: &mut Vec<BackgroundTask<R::Body>>,
    ) -> Found<R::Body> {
        let CoordinatedResponse { entry, body, state, outcome } = answered;
        self.learn(partition, state, tasks);
        let address = response_address(partition, state.generation, asked);
        self.keep(address, &entry, &body, tasks);
        Found { entry, body, outcome }
    }

    /// Asks the upstream from here: there is no partition, or its keeper doesn't answer.
    async fn fetch(
        &self,
        context: &FetchContext,
        state: Option<PartitionState>,
        kept: Option<(CacheEntry, R::Body)>,
        tasks: &mut Vec<BackgroundTask<R::Body>>,
    ) -> Found<R::Body> {
        let breaker = Rc::clone(&self.runtime.isolate_cache().borrow().breaker);
        let upstream = UpstreamSession::new(
            self.runtime.transport(),
            &breaker,
            self.proxy_settings,
            &context.upstream_key,
            context.started_at,
        );
        let validators = kept.as_ref().map(|(entry, _)| entry.validators.clone()).unwrap_or_default();
        let found = upstream.ask(&context.cache_key.target(), &validators).await;
        let (now, tries) = (self.runtime.now(), upstream.tries());
        let proved = upstream.proved().unwrap_or(now);
        let class = context.cache_key.class;
        let excused = state
            .is_some_and(|state| state.is_authorized_within(class, now, self.proxy_settings.stale_key_ttl))
            && kept
                .as_ref()
                .and_then(|(entry, _)| entry.deadlines)
                .is_some_and(|deadlines| deadlines.may_serve_on_error(now));
        let entry = kept.as_ref().map(|(entry, _)| entry);
        let class = classify_response(&context.cache_key, &self.proxy_settings.upstream, found, entry, excused, now);
        let partition = context.partition.as_deref();
        let Resolution { entry, body, outcome, action, .. } = resolve(class, kept, partition.is_some(), tries);
        match (action, partition) {
            (CacheAction::Store, _) => self.proved(context, state, proved, &entry, &body, tasks),
            (CacheAction::PurgePartition, Some(partition)) => {
                let state = PartitionState::new(now, state.map(|state| state.generation));
                self.learn(partition, state, tasks);
            }
            (CacheAction::Delete, Some(partition)) => {
                let addresses = state.map(|state| response_address(partition, state.generation, &context.cache_key));
                tasks.extend(addresses.map(BackgroundTask::Remove));
            }
            _ => {}
        }
        Found { entry, body, outcome }
    }

    /// The upstream let the key in while the keeper was away.
    fn proved(
        &self,
        context: &FetchContext,
        state: Option<PartitionState>,
        proved: i64,
        entry: &CacheEntry,
        body: &R::Body,
        tasks: &mut Vec<BackgroundTask<R::Body>>,
    ) {
        let Some(partition) = context.partition.as_deref() else { return };
        let mut state = state.unwrap_or_else(|| PartitionState::new(self.runtime.now(), None));
        state.record_authorization(context.cache_key.class, proved);
        self.learn(partition, state, tasks);
        self.keep(response_address(partition, state.generation, &context.cache_key), entry, body, tasks);
    }

    fn keep(&self, address: String, entry: &CacheEntry, body: &R::Body, tasks: &mut Vec<BackgroundTask<R::Body>>) {
        let Some(deadlines) = entry.deadlines else { return };
        let now = self.runtime.now();
        if !deadlines.may_serve_while_revalidating(now)
            && !deadlines.is_fresh(now)
            && !deadlines.may_serve_on_error(now)
        {
            return;
        }
        let left = deadlines.fresh.max(deadlines.revalidate).max(deadlines.error) - now;
        let Ok(seconds) = u32::try_from((left / 1_000).min(MAX_FAST)) else { return };
        if seconds > 0 {
            tasks.push(BackgroundTask::Put { address, text: to_text(entry), body: body.clone(), seconds });
        }
    }

    async fn kept(&self, address: &str) -> Option<(CacheEntry, R::Body)> {
        let (text, body) = self.runtime.get_cached(address).await?;
        Some((from_text(&text)?, body))
    }

    async fn state(&self, partition: &str) -> Option<PartitionState> {
        let now = self.runtime.now();
        let known = recall(&self.runtime.isolate_cache().borrow().records, partition, now);
        if known.is_some() {
            return known;
        }
        let (text, _) = self.runtime.get_cached(&state_address(partition)).await?;
        let state = from_text(&text)?;
        remember(&mut self.runtime.isolate_cache().borrow_mut().records, partition, state, now);
        Some(state)
    }

    /// Takes over what is known of a partition, unless it was known better.
    fn learn(&self, partition: &str, state: PartitionState, tasks: &mut Vec<BackgroundTask<R::Body>>) {
        let now = self.runtime.now();
        let records = &mut self.runtime.isolate_cache().borrow_mut().records;
        if recall(records, partition, now).is_some_and(|known| known.generation > state.generation) {
            return;
        }
        remember(records, partition, state, now);
        // A key's last proof is worth nothing after this.
        let seconds = u32::try_from(self.proxy_settings.key_ttl / 1_000).unwrap_or(u32::MAX).max(1);
        let address = state_address(partition);
        tasks.push(BackgroundTask::Put { address, text: to_text(&state), body: Vec::new().into(), seconds });
    }

    async fn purge(
        &self,
        partition: Option<&str>,
        own: Option<&Key>,
        tasks: &mut Vec<BackgroundTask<R::Body>>,
    ) -> Response {
        // Whoever sees only a part does not drop what others are response from.
        if own.is_some_and(|key| key.scopes.is_some()) {
            return forbidden();
        }
        let purged = Response::empty(204).header("Cache-Status", "streamgage; detail=purged");
        let Some(partition) = partition else { return purged };
        if let Err(reply) = self.admit(partition).await {
            return reply;
        }
        let known = self.state(partition).await;
        let state = match self.runtime.purge_partition(partition).await {
            Ok(state) => state,
            Err(UnavailableError) => PartitionState::new(self.runtime.now(), known.map(|state| state.generation)),
        };
        self.learn(partition, state, tasks);
        purged
    }

    async fn dress(&self, found: Found<R::Body>, timing: Timing) -> ProxyResponse<R::Body> {
        let Found { entry, body, outcome } = found;
        let now = self.runtime.now();
        let origin = self.settings.link_origin(&self.request.url);
        let tag = match entry.links.is_empty() {
            true => format!("\"{}\"", entry.tag),
            false => format!("\"{}-{}\"", entry.tag, key_hash(origin).get(..8).unwrap_or_default()),
        };
        let bypass = self.proxy_settings.partitions.is_none().then_some("no-secret");
        let ttl = entry.deadlines.map(|deadlines| (deadlines.fresh - now).div_euclid(1_000));
        let mut headers = entry.headers;
        let mut header = |name: &str, value: String| headers.push((name.to_owned(), value));
        header("cache-status", outcome.cache_status(ttl, bypass));
        header("server-timing", timing.header(outcome));
        let mut status = entry.status;
        let is_good = entry.status == 200;
        if is_good {
            header("cache-control", "private, no-cache".into());
            header("vary", "Authorization, Origin".into());
            if let Some(deadlines) = entry.deadlines {
                header("age", deadlines.age(now).to_string());
            }
        } else {
            header("cache-control", "private, no-store".into());
            header("vary", "Origin".into());
        }
        header("x-content-type-options", "nosniff".into());
        if is_good {
            if is_none_match(self.request.if_none_match.as_deref(), &tag) {
                status = 304;
            }
            header("etag", tag);
        }
        headers.extend(
            cors_headers(self.request, self.settings).into_iter().map(|(name, value)| (name.to_owned(), value)),
        );
        let content = if self.request.method == "HEAD" || matches!(status, 204 | 304) {
            ResponseBody::Bytes(Vec::new())
        } else if entry.links.is_empty() {
            ResponseBody::Stored(body)
        } else {
            match self.runtime.read_body(body).await {
                Some(bytes) => ResponseBody::Bytes(rewrite(&bytes, &entry.links, origin)),
                None => return self.dress_reply(unknown_error()),
            }
        };
        ProxyResponse { status, headers, content, background_tasks: Vec::new() }
    }

    fn dress_reply(&self, reply: Response) -> ProxyResponse<R::Body> {
        let is_marked = reply.headers.iter().any(|(name, _)| *name == "Cache-Status");
        let reply = if is_marked { reply } else { reply.header("Cache-Status", REFUSED) };
        let reply = finalize(reply, self.request, self.settings);
        let headers = reply.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        ProxyResponse {
            status: reply.status,
            headers,
            content: ResponseBody::Bytes(reply.body.into()),
            background_tasks: Vec::new(),
        }
    }
}

/// When what was done, for `Server-Timing`. Clocks of Workers stand still but for I/O.
#[derive(Clone, Copy, Debug, Default)]
struct Timing {
    start: i64,
    fast: Option<i64>,
    rest: Option<i64>,
}

impl Timing {
    fn header(self, outcome: CacheOutcome) -> String {
        let fast = self.fast.unwrap_or(self.start);
        let mut text = format!("fast;dur={}", fast - self.start);
        if let Some(rest) = self.rest {
            // Writing into a String can't fail.
            let _ = write!(text, ", upstream;dur={}", rest - fast);
            if let CacheOutcome::Fetched { tries, .. } = outcome {
                let _ = write!(text, ";desc=\"tries={tries}\"");
            }
        }
        text
    }
}
