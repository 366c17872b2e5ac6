//! All that the Worker does: it reads the request, asks the database, counts against the rate limits, and sends.
//! What is to be done, `streamgage-edge` decides.

mod database;
mod fast;
mod memory;
mod network;
mod partition;
mod proxy;
mod response;

use database::Database;
use fast::Fast;
use js_sys::{Date, Object, Reflect, Uint8Array};
use partition::property;
use proxy::Platform;
use response::respond;
use std::cell::RefCell;
use std::rc::Rc;
use streamgage::json::write_text;
use streamgage_edge::proxy::{
    BackgroundTask, ProxyHandler, ProxyRequest, ProxySettings, RouteOutcome, route_proxy_request,
};
use streamgage_edge::{
    AuthorizationError, AuthorizedRequest, Backend, ETag, Import, Key, KeyCache, MAX_BODY, PendingRequest, Plan, Query,
    RateLimit, Request, Response, Routed, Settings, Url, finalize, generation_statement, rate_limit_address,
    read_generation, route_request, throttled, unknown_error,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::console;

/// Answers a request: with a text where nothing has to be asked ([`Exchange::at_once`]), or with the promise of a response. `lines` are of the request what [`Request`] has, in its order.
#[wasm_bindgen]
pub fn fetch(lines: &str, request: web_sys::Request, env: Env, context: Context) -> Result<JsValue, JsValue> {
    let exchange = Exchange::new(lines, request, env);
    if let Some(proxy) = proxy::settings(&exchange.env)? {
        match route_proxy_request(&exchange.request, &exchange.settings, Date::now()) {
            RouteOutcome::NotProxied => {}
            RouteOutcome::Response(reply) => return Ok(exchange.at_once(reply)),
            RouteOutcome::Request(proxy_request) => {
                return Ok(
                    future_to_promise(async move { exchange.serve(proxy, proxy_request, &context).await }).into()
                );
            }
        }
    }
    match route_request(&exchange.request, &exchange.settings, Backend::Store, Date::now()) {
        Routed::Response(response) => Ok(exchange.at_once(response)),
        Routed::Pending(pending) => {
            let answer = async move {
                let (reply, kept) = exchange.visit(pending, &context).await.unwrap_or_else(|error| {
                    log_error(&exchange.request.url.path, &error);
                    (unknown_error(), None)
                });
                exchange.send_kept(reply, kept).map(JsValue::from)
            };
            Ok(future_to_promise(answer).into())
        }
    }
}

/// Has what callers asked for lately fetched anew, where the Worker has a key of its own.
#[wasm_bindgen]
pub fn scheduled(env: Env) -> js_sys::Promise {
    future_to_promise(async move {
        proxy::refresh(env).await?;
        Ok(JsValue::UNDEFINED)
    })
}

/// Has panics tell what happened: a trap by itself does not.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        console::error_2(&"Critical".into(), &js_sys::Error::new(&format!("Rust panic: {panic}")).into());
    }));
}

#[wasm_bindgen]
extern "C" {
    /// The Worker's variables and bindings.
    #[derive(Clone)]
    pub type Env;

    /// What keeps a request's context alive beyond its answer.
    pub type Context;

    #[wasm_bindgen(method, catch, js_name = waitUntil)]
    fn wait_until(this: &Context, promise: &js_sys::Promise) -> Result<(), JsValue>;

    /// A rate limit.
    type RateLimiter;

    #[wasm_bindgen(method, catch)]
    async fn limit(this: &RateLimiter, asked: &Object) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = String)]
    fn text_of(value: &JsValue) -> String;
}

/// Logs where what failed, but nothing of who asked: a query or a header may hold a secret.
fn log_error(place: &str, error: &JsValue) {
    let mut line = String::from(r#"{"level":"error","place":"#);
    write_text(place, &mut line);
    line.push_str(r#","error":"#);
    write_text(&text_of(error), &mut line);
    line.push('}');
    console::error_1(&line.into());
}

/// How long an answer out of the database is kept at most, in seconds: a day. Long before that, most are of no generation.
const KEPT_SECONDS: u32 = 86_400;

/// An answer of fewer bytes for which the database reads fewer rows is not kept beyond the isolate: as it is asked in one
/// batch with the key, it is found again as soon as it is fetched.
const SHORT: usize = 100_000;
const CHEAP: u64 = 10_000;

/// A reply, and the body in the place of its own, if there is one: bytes, or a stream.
type Answer = (Response, Option<JsValue>);

/// A request, and all that it takes to answer it.
struct Exchange {
    source: web_sys::Request,
    env: Env,
    request: Request,
    settings: Rc<Settings>,
}

thread_local! {
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
}

/// The Worker's variables, read once an isolate: each look at one crosses over to JavaScript and back.
fn settings(env: &Env) -> Rc<Settings> {
    let variable = |name: &str| property(env, name).and_then(|value| value.as_string());
    let read = || {
        Rc::new(Settings {
            cors_origins: variable("CORS_ORIGINS").unwrap_or_default(),
            public_origin: variable("PUBLIC_ORIGIN"),
            today: variable("TODAY"),
        })
    };
    SETTINGS.with_borrow_mut(|settings| Rc::clone(settings.get_or_insert_with(read)))
}

thread_local! {
    /// The head that crossed over last, of what was answered at once.
    static LAST_AT_ONCE: RefCell<(u16, Vec<(&'static str, String)>)> = const { RefCell::new((0, Vec::new())) };
}

impl Exchange {
    fn new(lines: &str, source: web_sys::Request, env: Env) -> Exchange {
        let mut lines = lines.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).map(str::to_owned);
        let request = Request {
            method: line().unwrap_or_default(),
            url: Url::parse(&line().unwrap_or_default()),
            authorization: line(),
            origin: line(),
            requested_method: line(),
            if_none_match: line(),
        };
        let settings = settings(&env);
        Exchange { source, env, request, settings }
    }

    /// A reply, as the text that `entry.js` makes a response of: what a response is made with, a line's end and the body.
    /// Where it is made with the same as the one before, its line is empty.
    fn at_once(&self, reply: Response) -> JsValue {
        let Response { status, headers, body } = finalize(reply, &self.request, &self.settings);
        LAST_AT_ONCE.with_borrow_mut(|last| {
            let is_same = (last.0, &last.1) == (status, &headers);
            let mut text = if is_same { String::new() } else { response::head(status, &headers) };
            *last = (status, headers);
            text.push('\n');
            text.push_str(&body);
            text.into()
        })
    }

    fn send(&self, reply: Response) -> Result<web_sys::Response, JsValue> {
        self.send_kept(reply, None)
    }

    /// Sends a reply whose body, if there is one, passes through unread.
    fn send_kept(&self, reply: Response, kept: Option<JsValue>) -> Result<web_sys::Response, JsValue> {
        let reply = finalize(reply, &self.request, &self.settings);
        let has_body = self.request.method != "HEAD" && reply.status != 304;
        let body = match kept.filter(|_| has_body) {
            Some(kept) => kept,
            None if reply.body.is_empty() => JsValue::NULL,
            None => JsValue::from_str(&reply.body),
        };
        respond(reply.status, &reply.headers, &body)
    }

    /// Serves a call of the proxy, and leaves what is to be done after it to the platform.
    async fn serve(
        self,
        proxy: Rc<ProxySettings>,
        proxy_request: ProxyRequest,
        context: &Context,
    ) -> Result<JsValue, JsValue> {
        let platform = Platform::new(self.env.clone(), &proxy, !self.request.url.is_loopback());
        let handler = ProxyHandler {
            runtime: &platform,
            proxy_settings: &proxy,
            settings: &self.settings,
            request: &self.request,
        };
        let mut served = handler.handle(proxy_request).await;
        let later = std::mem::take(&mut served.background_tasks);
        if served.status == 401 && !self.may_fail().await? {
            return self.send(throttled()).map(JsValue::from);
        }
        let response = proxy::respond(&served)?;
        if !later.is_empty() {
            context.wait_until(&future_to_promise(async move {
                self.finish(&platform, &proxy, later).await;
                Ok(JsValue::UNDEFINED)
            }))?;
        }
        Ok(response.into())
    }

    async fn finish(&self, platform: &Platform, proxy: &ProxySettings, later: Vec<BackgroundTask<proxy::Body>>) {
        ProxyHandler { runtime: platform, proxy_settings: proxy, settings: &self.settings, request: &self.request }
            .run_background_tasks(later)
            .await;
    }

    /// Counts a key that is none against the limit of the caller's address.
    async fn may_fail(&self) -> Result<bool, JsValue> {
        let address = self.source.headers().get("CF-Connecting-IP")?;
        self.allows(RateLimit::FailedKeys.binding(), rate_limit_address(address.as_deref())).await
    }

    async fn visit(&self, pending: PendingRequest, context: &Context) -> Result<Answer, JsValue> {
        let database = Database::of(&self.env)?;
        let authorized = match self.authorize(&database, pending).await? {
            Ok(authorized) => authorized,
            Err(AuthorizationError::UnknownKey) if !self.may_fail().await? => return Ok((throttled(), None)),
            Err(error) => return Ok((error.response(), None)),
        };
        if let Some((limit, key)) = authorized.rate_limit(&self.request)
            && !self.allows(limit.binding(), key).await?
        {
            return Ok((throttled(), None));
        }
        match authorized.plan(&self.request, &self.settings, Date::now()) {
            Plan::Response(response) => Ok((response, None)),
            Plan::Query(query) => self.query(&database, &query, context).await,
            Plan::Import(import) => {
                let Some(body) = network::read(self.source.body(), MAX_BODY).await? else {
                    return Ok((Import::too_large(), None));
                };
                let batch = match import.read(&body) {
                    Ok(batch) => batch,
                    Err(response) => return Ok((response, None)),
                };
                let ran = database.run(batch.statements()).await?;
                Ok((ran.timed(batch.response(&ran.outcomes).map_err(failure)?), None))
            }
        }
    }

    async fn authorize(
        &self,
        database: &Database,
        pending: PendingRequest,
    ) -> Result<Result<AuthorizedRequest, AuthorizationError>, JsValue> {
        let (hash, now) = (pending.key_hash(), Date::now() as i64);
        if let Some(key) = KEYS.with_borrow(|keys| keys.get(&hash, now)) {
            return Ok(pending.authorize(Some(key)));
        }
        let found = database.run(&[Key::lookup(&hash, now)]).await?;
        let key = Key::read(found.outcomes.first().unwrap_or(&Default::default())).map_err(failure)?;
        if let Some(key) = &key {
            KEYS.with_borrow_mut(|keys| keys.insert(&hash, key.clone(), now));
        }
        Ok(pending.authorize(key))
    }

    /// Responds from a cache or else from the database. The last generation that this isolate read lets it look into the
    /// caches first; the current one, which is read with the data, decides.
    async fn query(&self, database: &Database, query: &Query, context: &Context) -> Result<Answer, JsValue> {
        let expected = GENERATION.with_borrow(|generation| generation.as_ref().map(|known| query.etag(known)));
        let mut kept = None;
        let mut is_known = false;
        if let Some(etag) = &expected {
            is_known = etag.is_none_match(&self.request);
            if !is_known {
                kept = cached(etag).await;
            }
        }
        let mut statements = vec![generation_statement()];
        if !is_known && kept.is_none() {
            statements.extend_from_slice(query.statements());
        }
        let mut generation = database.run(&statements).await?;
        let mut ran = generation.split_off(1);
        let current = read_generation(generation.outcomes.first().unwrap_or(&Default::default())).map_err(failure)?;
        let etag = query.etag(&current);
        GENERATION.set(Some(current));
        if etag.is_none_match(&self.request) {
            return Ok((generation.timed(etag.cached_response()), None));
        }
        if expected.as_ref() != Some(&etag) {
            kept = cached(&etag).await;
        }
        if let Some(kept) = kept {
            return Ok((generation.timed(etag.cached_response()), Some(kept)));
        }
        if statements.len() == 1 {
            ran = database.run(query.statements()).await?;
        }
        let response = ran.timed(query.response(&ran.outcomes, &etag).map_err(failure)?);
        if response.status != 200 {
            return Ok((response, None));
        }
        let body = Uint8Array::from(response.body.as_bytes());
        let address = etag.cache_url();
        if ran.rows_read() >= CHEAP || response.body.len() >= SHORT {
            let (address, entry) = (address.clone(), fast::entry("", &body, KEPT_SECONDS)?);
            context.wait_until(&future_to_promise(async move {
                if let Err(error) = Fast::open().put(&address, &entry).await {
                    log_error("the fast tier", &error);
                }
                Ok(JsValue::UNDEFINED)
            }))?;
        }
        memory::keep(address, body.clone());
        Ok((response, Some(body.into())))
    }

    /// Counts a request against one of the rate limits of wrangler.jsonc.
    async fn allows(&self, limit: &str, key: String) -> Result<bool, JsValue> {
        allows(&self.env, limit, &key).await
    }
}

/// The cached body of a response.
async fn cached(etag: &ETag) -> Option<JsValue> {
    let address = etag.cache_url();
    if let Some(body) = memory::recall(&address) {
        return Some(body.into());
    }
    Fast::open().get(&address).await.unwrap_or_default().map(|response| response.body().into())
}

thread_local! {
    static KEYS: RefCell<KeyCache> = RefCell::default();
    /// The generation that was read last.
    static GENERATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Counts a request against a rate limit, and tells whether it may go on.
async fn allows(env: &Env, limit: &str, key: &str) -> Result<bool, JsValue> {
    let limiter: RateLimiter = Reflect::get(env, &limit.into())?.unchecked_into();
    let asked = Object::new();
    Reflect::set(&asked, &"key".into(), &key.into())?;
    Ok(Reflect::get(&limiter.limit(&asked).await?, &"success".into())?.is_truthy())
}

fn failure(error: impl std::error::Error) -> JsValue {
    js_sys::Error::new(&error.to_string()).into()
}
