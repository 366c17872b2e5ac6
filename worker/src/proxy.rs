//! Proxy mode: the platform behind [`ProxyHandler`].

use crate::clock::today;
use crate::database::{self, Database};
use crate::edge_cache::{self, Entry};
use crate::exchange::{Exchange, log};
use crate::response::{self, Body};
use crate::upstream::FetchTransport;
use crate::{config, rate_limit};
use futures_util::future::{Either, select};
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use streamgage_edge::proxy::{
    CacheOutcome, CoordinatedResponse, CoordinatorCommand, CoordinatorReport, FetchReply, FetchRequest, IsolateCache,
    MAX_RESPONSE_BYTES, MAX_UNCOUNTED_BYTES, PartitionState, ProxyHandler, ProxySettings, ReservedBody,
    ResponseBody as ProxyBody, Runtime, UnavailableError,
};
use streamgage_edge::{Event, PendingRequest, REQUEST_ID, RateLimit, Statement, StatementResult, error_text};
use worker::{Delay, Env, Error, Request, Result, web_sys};

thread_local! {
    static ISOLATE_CACHE: Rc<RefCell<IsolateCache>> = Rc::default();
}

pub async fn respond(
    exchange: &Exchange,
    proxy_settings: Rc<ProxySettings>,
    pending: PendingRequest,
) -> Result<web_sys::Response> {
    let address = rate_limit::client_address(&exchange.source)?;
    let is_rate_limited = !exchange.request.url.is_loopback();
    let id = Some(exchange.id.clone());
    let runtime = WorkerRuntime::new(exchange.env.clone(), &proxy_settings, id, address, is_rate_limited);
    let settings = Rc::clone(&exchange.settings);
    let handler = ProxyHandler {
        runtime: &runtime,
        proxy_settings: &proxy_settings,
        settings: &settings,
        request: &exchange.request,
    };
    let mut served = handler.handle(pending).await;
    let tasks = std::mem::take(&mut served.background_tasks);
    let body = match served.body {
        ProxyBody::Stored(body) => body,
        ProxyBody::Bytes(bytes) => bytes.into(),
    };
    served.headers.push((REQUEST_ID.to_owned(), exchange.id.clone()));
    let response = response::build(served.status, &served.headers, &body)?;
    if !tasks.is_empty() {
        let request = exchange.request.clone();
        exchange.context.wait_until(async move {
            let handler = ProxyHandler {
                runtime: &runtime,
                proxy_settings: &proxy_settings,
                settings: &settings,
                request: &request,
            };
            handler.run_background_tasks(tasks).await;
        });
    }
    Ok(response)
}

/// Refreshes the recent requests of the partition of the Worker's own key.
pub async fn refresh(env: Env) -> Result<()> {
    let Some(settings) = config::proxy_settings(&env)? else { return Ok(()) };
    if let (Some(key), Some(partitions)) = (&settings.upstream_key, &settings.partitions) {
        let runtime = WorkerRuntime::new(env, &settings, None, String::new(), false);
        let command = CoordinatorCommand::Refresh { today: today() as i32 };
        runtime.send_command(&partitions.name(key), &command).await?;
    }
    Ok(())
}

/// The header that contains the report of a coordinator. The body of its response is a body from the upstream.
pub const REPORT: &str = "Streamgage-Report";
/// The header that contains the length of the body, which is a stream.
pub const LENGTH: &str = "Streamgage-Length";
/// The time that a body waits for memory, in milliseconds.
const PATIENCE: u32 = 10_000;

struct WorkerRuntime {
    env: Env,
    isolate_cache: Rc<RefCell<IsolateCache>>,
    time_limit: i64,
    /// The id of the caller's request.
    request_id: Option<String>,
    /// The network address of the caller.
    address: String,
    is_rate_limited: bool,
}

/// The time that the handler waits for a coordinator beyond the coordinator's own limit, in milliseconds.
const GRACE_PERIOD: i64 = 500;

impl WorkerRuntime {
    fn new(
        env: Env,
        settings: &ProxySettings,
        request_id: Option<String>,
        address: String,
        is_rate_limited: bool,
    ) -> WorkerRuntime {
        let isolate_cache = ISOLATE_CACHE.with(Rc::clone);
        WorkerRuntime { env, isolate_cache, time_limit: settings.time_limit, request_id, address, is_rate_limited }
    }

    async fn send_command(&self, partition: &str, command: &CoordinatorCommand) -> Result<(CoordinatorReport, Body)> {
        let stub = self.env.durable_object("PARTITIONS")?.id_from_name(partition)?.get_stub()?;
        let init = web_sys::RequestInit::new();
        init.set_method("POST");
        init.set_body(&command.to_json().into());
        let request = web_sys::Request::new_with_str_and_init("https://partition.invalid/", &init)?;
        // A signal would also end a body that a caller reads slowly.
        let response = self.within_limit(stub.fetch_with_request(Request::from(request))).await?;
        let report = response.headers().get(REPORT)?.and_then(|text| CoordinatorReport::from_json(&text));
        let length = response.headers().get(LENGTH)?;
        let (_, body) = response.into_parts();
        Ok((report.ok_or_else(|| Error::from("the partition failed"))?, Body::from(body).with_length(length)))
    }

    /// Awaits a response of a coordinator, which has the same time limit.
    async fn within_limit<T>(&self, response: impl Future<Output = Result<T>>) -> Result<T> {
        let limit = u64::try_from(self.time_limit + GRACE_PERIOD).unwrap_or_default();
        match select(pin!(response), Delay::from(Duration::from_millis(limit))).await {
            Either::Left((response, _)) => response,
            Either::Right(_) => Err(Error::from("the partition did not answer in time")),
        }
    }

    fn log(&self, event: &Event) {
        log(self.request_id.as_deref(), event);
    }

    /// Logs a failure of a coordinator. A Worker without Durable Objects has none, which is no failure.
    fn unavailable(&self, error: &Error) -> UnavailableError {
        if self.env.durable_object("PARTITIONS").is_ok() {
            self.log(&Event::PartitionFailed { error: error_text(error) });
        }
        UnavailableError
    }
}

impl Runtime for WorkerRuntime {
    type Transport = FetchTransport;
    type Body = Body;

    fn transport(&self) -> &FetchTransport {
        &FetchTransport
    }

    fn request_id(&self) -> Option<String> {
        self.request_id.clone()
    }

    fn isolate_cache(&self) -> &RefCell<IsolateCache> {
        &self.isolate_cache
    }

    async fn get_cached(&self, url: &str) -> Option<(String, Body)> {
        let Entry { metadata, body } = edge_cache::get(url).await.ok()??;
        Some((metadata, body))
    }

    async fn put_cached(&self, url: &str, metadata: &str, body: Body, seconds: u32) {
        // A stream belongs to the caller, and can be read once.
        if let Body::Stream(..) = body {
            return;
        }
        let entry = Entry { metadata: metadata.to_owned(), body };
        if let Err(error) = edge_cache::put(url, entry, seconds).await {
            self.log(&Event::EdgeCacheFailed { error: error_text(&error) });
        }
    }

    async fn delete_cached(&self, url: &str) {
        if let Err(error) = edge_cache::delete(url).await {
            self.log(&Event::EdgeCacheFailed { error: error_text(&error) });
        }
    }

    async fn fetch_from_coordinator(
        &self,
        partition: &str,
        request: &FetchRequest,
    ) -> std::result::Result<FetchReply<Body>, UnavailableError> {
        let fetch = async {
            let command = CoordinatorCommand::Fetch { request: request.clone() };
            let (report, body) = self.send_command(partition, &command).await?;
            let CoordinatorReport::Response { entry, state, outcome } = report else {
                return Err(Error::from("the partition sent another report"));
            };
            // A long body passes through without taking memory here. The caller whose request was sent stores it.
            let is_long = matches!(body, Body::Stream(_, length) if length > MAX_UNCOUNTED_BYTES);
            if is_long && matches!(outcome, CacheOutcome::Fetched { collapsed: true, .. }) {
                return Ok(FetchReply::Response(CoordinatedResponse { entry, body, state, outcome }));
            }
            let body = match self.within_limit(response::read(body, MAX_RESPONSE_BYTES, PATIENCE)).await {
                Err(error) if response::is_busy(&error) => return Ok(FetchReply::Busy),
                body => body?.ok_or_else(|| Error::from("the partition's response is too long"))?.into(),
            };
            Ok(FetchReply::Response(CoordinatedResponse { entry, body, state, outcome }))
        };
        fetch.await.map_err(|error| self.unavailable(&error))
    }

    async fn purge_partition(&self, partition: &str) -> std::result::Result<PartitionState, UnavailableError> {
        match self.send_command(partition, &CoordinatorCommand::Purge).await {
            Ok((CoordinatorReport::Purged { state }, _)) => Ok(state),
            Ok(_) => Err(UnavailableError),
            Err(error) => Err(self.unavailable(&error)),
        }
    }

    async fn look_up_key(&self, statement: Statement) -> std::result::Result<StatementResult, UnavailableError> {
        let lookup = pin!(async { Database::open(&self.env)?.run(&[statement]).await });
        // D1's own time limit is longer.
        let timeout = Delay::from(Duration::from_millis(u64::try_from(self.time_limit).unwrap_or_default()));
        let result = match select(lookup, timeout).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(Error::from("the database did not answer in time")),
        };
        let batch = result.map_err(|error| {
            self.log(&Event::KeyLookupFailed { error: error_text(&database::error_message(&error)) });
            UnavailableError
        })?;
        batch.results.into_iter().next().ok_or(UnavailableError)
    }

    async fn check_rate_limit(&self, caller: &str) -> bool {
        if !self.is_rate_limited || self.env.rate_limiter(RateLimit::Reads.binding()).is_err() {
            return true;
        }
        rate_limit::check(&self.env, RateLimit::Reads, caller.to_owned()).await.unwrap_or(false)
    }

    fn client_address(&self) -> String {
        self.address.clone()
    }

    async fn check_failed_key_limit(&self) -> bool {
        // A deployment may have no rate limits.
        self.env.rate_limiter(RateLimit::FailedKeys.binding()).is_err()
            || rate_limit::check_failed_key(&self.env, self.address.clone()).await.unwrap_or(false)
    }

    async fn read_body(&self, body: Body) -> Option<Rc<ReservedBody>> {
        response::read(body, MAX_RESPONSE_BYTES, PATIENCE).await.ok()?
    }
}
