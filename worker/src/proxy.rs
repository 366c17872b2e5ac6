//! The proxy's front in the Worker: the Cache API, the Durable Objects, the keys in D1.

use crate::database::Database;
use crate::fast::{self, Fast};
use crate::network::{Network, read};
use crate::partition::property;
use crate::{Env, allows, failure, log_error, response};
use js_sys::{Date, Promise, Uint8Array};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use streamgage_edge::proxy::{
    CoordinatedResponse, CoordinatorCommand, CoordinatorReport, FetchReply, FetchRequest, IsolateCache,
    MAX_RESPONSE_BYTES, PartitionState, ProxyResponse, ProxySettings, ResponseBody, Runtime, Transport,
    UnavailableError,
};
use streamgage_edge::{Statement, StatementResult};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

thread_local! {
    static MEMORY: Rc<RefCell<IsolateCache>> = Rc::default();
    static SETTINGS: RefCell<Option<Option<Rc<ProxySettings>>>> = const { RefCell::new(None) };
}

/// The proxy's variables, read once an isolate.
pub fn settings(env: &Env) -> Result<Option<Rc<ProxySettings>>, JsValue> {
    if let Some(settings) = SETTINGS.with_borrow(Clone::clone) {
        return Ok(settings);
    }
    let variable = |name: &str| property(env, name).and_then(|value| value.as_string());
    let settings = ProxySettings::read(variable).map_err(failure)?.map(Rc::new);
    SETTINGS.set(Some(settings.clone()));
    Ok(settings)
}

pub const DAY_MILLISECONDS: f64 = 86_400_000.0;

/// The day, as its number since 1970-01-01.
pub fn today() -> f64 {
    (Date::now() / DAY_MILLISECONDS).floor()
}

/// Has the partition of the Worker's own key fetch anew what was asked for lately.
pub async fn refresh(env: Env) -> Result<(), JsValue> {
    let Some(settings) = settings(&env)? else { return Ok(()) };
    if let (Some(key), Some(partitions)) = (&settings.upstream_key, &settings.partitions) {
        let platform = Platform::new(env, &settings, false);
        platform.command(&partitions.name(key), &CoordinatorCommand::Refresh { today: today() as i32 }).await?;
    }
    Ok(())
}

/// A body: bytes, or what the fast tier holds, which passes through unread.
#[derive(Clone)]
pub enum Body {
    /// In memory.
    Bytes(Uint8Array),
    /// That of a response, to be read once.
    Response(web_sys::Response),
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Body::Bytes(Uint8Array::from(bytes.as_slice()))
    }
}

/// Where the report of a Durable Object stands, so that the body beside it is bytes.
pub const REPORT: &str = "Streamgage-Report";

impl Body {
    /// As what a response is made of.
    pub fn to_js(&self) -> JsValue {
        match self {
            Body::Bytes(bytes) if bytes.length() == 0 => JsValue::NULL,
            Body::Bytes(bytes) => bytes.into(),
            Body::Response(response) => response.body().into(),
        }
    }
}

/// An answer to a caller, as a response.
pub fn respond(response: &ProxyResponse<Body>) -> Result<web_sys::Response, JsValue> {
    let body = match &response.content {
        ResponseBody::Stored(body) => body.to_js(),
        ResponseBody::Bytes(bytes) => Body::from(bytes.clone()).to_js(),
    };
    response::respond(response.status, &response.headers, &body)
}

/// The platform, as the front reaches it.
pub struct Platform {
    env: Env,
    memory: Rc<RefCell<IsolateCache>>,
    time_limit: i64,
    is_limited: bool,
}

/// How much longer than the keeper itself the front waits for it, in milliseconds.
const GRACE: i64 = 500;

impl Platform {
    /// `is_limited`: whether what goes beyond the fast tier counts against the rate limit.
    pub fn new(env: Env, settings: &ProxySettings, is_limited: bool) -> Platform {
        Platform { env, memory: MEMORY.with(Rc::clone), time_limit: settings.time_limit, is_limited }
    }

    async fn command(
        &self,
        partition: &str,
        command: &CoordinatorCommand,
    ) -> Result<(CoordinatorReport, web_sys::Response), JsValue> {
        let namespace: Namespace =
            property(&self.env, "PARTITIONS").ok_or_else(|| JsValue::from_str("no PARTITIONS"))?.unchecked_into();
        let init = web_sys::RequestInit::new();
        init.set_method("POST");
        init.set_body(&command.to_text().into());
        let limit = u32::try_from(self.time_limit + GRACE).unwrap_or(u32::MAX);
        init.set_signal(Some(&web_sys::AbortSignal::timeout_with_u32(limit)));
        let stub = namespace.get(&namespace.id_from_name(partition)?)?;
        let response: web_sys::Response =
            JsFuture::from(stub.fetch("https://partition.invalid/", &init)?).await?.unchecked_into();
        let report = response.headers().get(REPORT)?.and_then(|text| CoordinatorReport::read(&text));
        Ok((report.ok_or_else(|| JsValue::from_str("the partition failed"))?, response))
    }
}

#[wasm_bindgen]
extern "C" {
    type Namespace;
    type Id;
    type Stub;

    #[wasm_bindgen(method, catch, js_name = idFromName)]
    fn id_from_name(this: &Namespace, name: &str) -> Result<Id, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn get(this: &Namespace, id: &Id) -> Result<Stub, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Stub, address: &str, init: &web_sys::RequestInit) -> Result<Promise, JsValue>;
}

impl Runtime for Platform {
    type Transport = Network;
    type Body = Body;

    fn transport(&self) -> &Network {
        &Network
    }

    fn isolate_cache(&self) -> &RefCell<IsolateCache> {
        &self.memory
    }

    async fn get_cached(&self, address: &str) -> Option<(String, Body)> {
        let response = Fast::open().get(address).await.ok()??;
        Some((fast::head(&response)?, Body::Response(response)))
    }

    async fn put_cached(&self, address: &str, text: &str, body: Body, seconds: u32) {
        let put = async { Fast::open().put(address, &fast::entry(text, &body.to_js(), seconds)?).await };
        if let Err(error) = put.await {
            log_error("the fast tier", &error);
        }
    }

    async fn delete_cached(&self, address: &str) {
        let removed = async { Fast::open().remove(address).await };
        if let Err(error) = removed.await {
            log_error("the fast tier", &error);
        }
    }

    async fn fetch_from_coordinator(
        &self,
        partition: &str,
        request: &FetchRequest,
    ) -> Result<FetchReply<Body>, UnavailableError> {
        let told = async {
            let (report, response) =
                self.command(partition, &CoordinatorCommand::Fetch { request: request.clone() }).await?;
            let CoordinatorReport::Response { entry, state, outcome } = report else {
                return Ok(FetchReply::Uncoalesced);
            };
            let body = Uint8Array::new(&JsFuture::from(response.array_buffer()?).await?);
            Ok(FetchReply::Response(CoordinatedResponse { entry, body: Body::Bytes(body), state, outcome }))
        };
        told.await.map_err(|error| self.unavailable(&error))
    }

    async fn purge_partition(&self, partition: &str) -> Result<PartitionState, UnavailableError> {
        match self.command(partition, &CoordinatorCommand::Purge).await {
            Ok((CoordinatorReport::Purged { state }, _)) => Ok(state),
            Ok(_) => Err(UnavailableError),
            Err(error) => Err(self.unavailable(&error)),
        }
    }

    async fn look_up_key(&self, statement: Statement) -> Result<StatementResult, UnavailableError> {
        let mut found = pin!(async { Database::of(&self.env)?.run(&[statement]).await });
        // D1 has a limit of its own, which is longer than ours.
        let mut late = pin!(Network.sleep(u32::try_from(self.time_limit).unwrap_or(u32::MAX)));
        let found = poll_fn(|context| match found.as_mut().poll(context) {
            Poll::Pending => late.as_mut().poll(context).map(|()| Err("the database is late".into())),
            ready => ready,
        });
        let batch = found.await.map_err(|error| {
            log_error("the keys", &error);
            UnavailableError
        })?;
        batch.outcomes.into_iter().next().ok_or(UnavailableError)
    }

    async fn check_rate_limit(&self, caller: &str) -> bool {
        if !self.is_limited {
            return true;
        }
        property(&self.env, "READS").is_none() || allows(&self.env, "READS", caller).await.unwrap_or(false)
    }

    async fn read_body(&self, body: Body) -> Option<Vec<u8>> {
        match body {
            Body::Bytes(bytes) => Some(bytes.to_vec()),
            Body::Response(response) => read(response.body(), MAX_RESPONSE_BYTES).await.ok()?,
        }
    }
}

impl Platform {
    /// Without the binding there are no keepers, which is nobody's fault.
    fn unavailable(&self, error: &JsValue) -> UnavailableError {
        if property(&self.env, "PARTITIONS").is_some() {
            log_error("a partition", error);
        }
        UnavailableError
    }
}
