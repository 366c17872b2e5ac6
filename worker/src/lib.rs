//! All that the Worker does: it reads the request, asks the database, counts against the rate limits, and sends.
//! What is to be done, `streamgage-edge` decides.

mod database;
mod fast;
mod memory;
mod network;
mod partition;
mod proxy;
mod response;

use database::{Batch, Database};
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
    Admitted, Import, Limit, MAX_BODY, Outcome, Plan, Query, Received, Refusal, Reply, Request, Settings, Url, Visit,
    dress, receive, throttle_address, unknown_error,
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
            RouteOutcome::Reply(reply) => return Ok(exchange.at_once(reply)),
            RouteOutcome::Request(proxy_request) => {
                return Ok(
                    future_to_promise(async move { exchange.serve(proxy, proxy_request, &context).await }).into()
                );
            }
        }
    }
    match receive(&exchange.request, &exchange.settings, Date::now()) {
        Received::Reply(reply) => Ok(exchange.at_once(reply)),
        Received::Visit(visit) => {
            let answer = async move {
                let (reply, kept) = exchange.visit(visit, &context).await.unwrap_or_else(|error| {
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
type Answer = (Reply, Option<JsValue>);

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
            asks_for_method: line().is_some(),
            if_none_match: line(),
        };
        let settings = settings(&env);
        Exchange { source, env, request, settings }
    }

    /// A reply, as the text that `entry.js` makes a response of: what a response is made with, a line's end and the body.
    /// Where it is made with the same as the one before, its line is empty.
    fn at_once(&self, reply: Reply) -> JsValue {
        let Reply { status, headers, body } = dress(reply, &self.request, &self.settings);
        LAST_AT_ONCE.with_borrow_mut(|last| {
            let is_same = (last.0, &last.1) == (status, &headers);
            let mut text = if is_same { String::new() } else { response::head(status, &headers) };
            *last = (status, headers);
            text.push('\n');
            text.push_str(&body);
            text.into()
        })
    }

    fn send(&self, reply: Reply) -> Result<web_sys::Response, JsValue> {
        self.send_kept(reply, None)
    }

    /// Sends a reply whose body, if there is one, passes through unread.
    fn send_kept(&self, reply: Reply, kept: Option<JsValue>) -> Result<web_sys::Response, JsValue> {
        let reply = dress(reply, &self.request, &self.settings);
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
            return self.send(Refusal::throttled()).map(JsValue::from);
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
        self.allows("FAILED_KEYS", throttle_address(address.as_deref())).await
    }

    async fn visit(&self, visit: Visit, context: &Context) -> Result<Answer, JsValue> {
        let database = Database::of(&self.env)?;
        let now = Date::now();
        let mut statements = vec![visit.lookup(now)];
        let mut foreseen = self.foresee(&visit, now).await?;
        if let Some(query) = foreseen.query.as_ref().filter(|_| foreseen.kept.is_none()) {
            statements.extend_from_slice(query.statements());
        }
        let mut found = database.run(&statements).await?;
        foreseen.ran = found.split_off(1);
        let looked_up = found.outcomes.pop().unwrap_or_default();
        Ok(match visit.admit(&looked_up).map_err(failure)? {
            Ok(admitted) => {
                remember(&visit, now, looked_up);
                return self.admitted(&database, &admitted, &found, foreseen, context).await;
            }
            Err(Refusal::Forbidden(reply)) => (reply, None),
            Err(Refusal::UnknownKey(reply)) => {
                (if self.may_fail().await? { reply } else { Refusal::throttled() }, None)
            }
        })
    }

    /// What a visit will most likely ask, so that it is asked in one batch with the key: of a key that was let in within
    /// the minute, at the generation of then. Whether it was that, the batch tells.
    async fn foresee(&self, visit: &Visit, now: f64) -> Result<Foreseen, JsValue> {
        let mut foreseen = Foreseen::default();
        let Some(looked_up) = remembered(visit, now) else { return Ok(foreseen) };
        let Ok(admitted) = visit.admit(&looked_up).map_err(failure)? else { return Ok(foreseen) };
        let allowed = self.counted(&admitted).await?;
        foreseen.allowed = Some(allowed);
        if allowed && let Plan::Query(query) = admitted.plan(&self.request, &self.settings, now) {
            // Who knows the answer is not sent it.
            if !query.is_known(&self.request) {
                foreseen.kept = kept(&query).await;
                foreseen.query = Some(query);
            }
        }
        Ok(foreseen)
    }

    /// Counts against the limit of a key, and tells whether it may go on.
    async fn counted(&self, admitted: &Admitted) -> Result<bool, JsValue> {
        let limit = admitted.limit(&self.request).map(|limit| match limit {
            Limit::Reads => "READS",
            Limit::Imports => "IMPORTS",
        });
        match limit {
            Some(limit) => self.allows(limit, admitted.throttle_key()).await,
            None => Ok(true),
        }
    }

    async fn admitted(
        &self,
        database: &Database,
        admitted: &Admitted,
        found: &Batch,
        foreseen: Foreseen,
        context: &Context,
    ) -> Result<Answer, JsValue> {
        let allowed = match foreseen.allowed {
            Some(allowed) => allowed,
            None => self.counted(admitted).await?,
        };
        if !allowed {
            return Ok((Admitted::throttled(), None));
        }
        match admitted.plan(&self.request, &self.settings, Date::now()) {
            Plan::Reply(reply) => Ok((reply, None)),
            Plan::Query(query) => self.query(database, &query, found, foreseen, context).await,
            Plan::Import(import) => {
                let Some(body) = network::read(self.source.body(), MAX_BODY).await? else {
                    return Ok((Import::too_large(), None));
                };
                let batch = match import.read(&body) {
                    Ok(batch) => batch,
                    Err(reply) => return Ok((reply, None)),
                };
                let ran = database.run(batch.statements()).await?;
                Ok((ran.timed(batch.reply(&ran.outcomes).map_err(failure)?), None))
            }
        }
    }

    /// Answers out of what is kept or, without that, of the database. An import after the lookup makes an answer newer than
    /// the generation that it is kept under, by which nobody asks any more.
    async fn query(
        &self,
        database: &Database,
        query: &Query,
        found: &Batch,
        foreseen: Foreseen,
        context: &Context,
    ) -> Result<Answer, JsValue> {
        if query.is_known(&self.request) {
            return Ok((found.timed(query.kept()), None));
        }
        let (kept, ran) = match foreseen.query {
            Some(foreseen_query) if foreseen_query == *query => (foreseen.kept, Some(foreseen.ran)),
            _ => (kept(query).await, None),
        };
        if let Some(kept) = kept {
            return Ok((found.timed(query.kept()), Some(kept)));
        }
        let ran = match ran {
            Some(ran) => ran,
            None => database.run(query.statements()).await?,
        };
        let reply = ran.timed(query.reply(&ran.outcomes).map_err(failure)?);
        if reply.status != 200 {
            return Ok((reply, None));
        }
        let body = Uint8Array::from(reply.body.as_bytes());
        let address = query.address();
        if ran.rows_read() >= CHEAP || reply.body.len() >= SHORT {
            let (address, entry) = (address.clone(), fast::entry("", &body, KEPT_SECONDS)?);
            context.wait_until(&future_to_promise(async move {
                if let Err(error) = Fast::open().put(&address, &entry).await {
                    log_error("the fast tier", &error);
                }
                Ok(JsValue::UNDEFINED)
            }))?;
        }
        memory::keep(address, body.clone());
        Ok((reply, Some(body.into())))
    }

    /// Counts a request against one of the rate limits of wrangler.jsonc.
    async fn allows(&self, limit: &str, key: String) -> Result<bool, JsValue> {
        allows(&self.env, limit, &key).await
    }
}

/// The body that is kept of a query's answer.
async fn kept(query: &Query) -> Option<JsValue> {
    let address = query.address();
    if let Some(body) = memory::recall(&address) {
        return Some(body.into());
    }
    Fast::open().get(&address).await.unwrap_or_default().map(|response| response.body().into())
}

/// What was looked up for a visit before it was let in, and what is known of it.
#[derive(Default)]
struct Foreseen {
    /// Whether the limit of its key lets it go on, if it was counted.
    allowed: Option<bool>,
    query: Option<Query>,
    /// The kept answer to that query, or what the database found.
    kept: Option<JsValue>,
    ran: Batch,
}

/// For so long, in milliseconds, and of so many keys an isolate remembers what it found of them.
const REMEMBERED_FOR: f64 = 60_000.0;
const REMEMBERED: usize = 64;

thread_local! {
    /// When, and of which visits' keys what was found, the latest last. It decides nothing but what is asked at once.
    static FOUND: RefCell<Vec<(f64, String, Outcome)>> = const { RefCell::new(Vec::new()) };
}

fn remembered(visit: &Visit, now: f64) -> Option<Outcome> {
    FOUND.with_borrow(|found| {
        let mut found = found.iter();
        let (_, _, looked_up) = found.find(|(then, key, _)| key == visit.key_hash() && now - then < REMEMBERED_FOR)?;
        Some(looked_up.clone())
    })
}

fn remember(visit: &Visit, now: f64, looked_up: Outcome) {
    FOUND.with_borrow_mut(|found| {
        found.retain(|(_, key, _)| key != visit.key_hash());
        if found.len() == REMEMBERED {
            found.remove(0);
        }
        found.push((now, visit.key_hash().to_owned(), looked_up));
    });
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
