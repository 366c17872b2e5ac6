//! All that the Worker does: it reads the request, asks the database, counts against the rate limits, and sends.
//! What is to be done, `streamgage-edge` decides.

mod database;

use database::Database;
use js_sys::{Date, Reflect, Uint8Array};
use streamgage_edge::{
    Admitted, Import, Limit, MAX_BODY, Outcome, Plan, Received, Refusal, Reply, Request, Settings, Url, Visit, dress,
    receive, throttle_address, unknown_error,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::{Env, console_error};

/// Answers a request: with a response where nothing has to be asked, or with the promise of one.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env) -> Result<JsValue, JsValue> {
    let exchange = Exchange::new(request, env)?;
    match receive(&exchange.request, &exchange.settings, Date::now()) {
        Received::Reply(reply) => exchange.send(reply).map(JsValue::from),
        Received::Visit(visit) => {
            let answer = async move {
                let reply = exchange.visit(visit).await.unwrap_or_else(|error| {
                    // What failed, but nothing of who asked: a query or a header may hold a secret.
                    console_error!(
                        "{}",
                        serde_json::json!({ "level": "error", "path": exchange.request.url.path, "error": describe(&error) })
                    );
                    unknown_error()
                });
                exchange.send(reply).map(JsValue::from)
            };
            Ok(future_to_promise(answer).into())
        }
    }
}

fn describe(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |error| error.message().into())
}

/// A request, and all that it takes to answer it.
struct Exchange {
    source: web_sys::Request,
    env: Env,
    request: Request,
    settings: Settings,
}

impl Exchange {
    fn new(source: web_sys::Request, env: Env) -> Result<Exchange, JsValue> {
        let headers = source.headers();
        let request = Request {
            method: source.method(),
            url: Url::parse(&source.url()),
            authorization: headers.get("Authorization")?,
            origin: headers.get("Origin")?,
            asks_for_method: headers.has("Access-Control-Request-Method")?,
        };
        let variable = |name: &str| Reflect::get(&env, &name.into()).ok().and_then(|value| value.as_string());
        let settings = Settings {
            cors_origins: variable("CORS_ORIGINS").unwrap_or_default(),
            public_origin: variable("PUBLIC_ORIGIN"),
            today: variable("TODAY"),
        };
        Ok(Exchange { source, env, request, settings })
    }

    fn send(&self, reply: Reply) -> Result<web_sys::Response, JsValue> {
        let reply = dress(reply, &self.request, &self.settings);
        let headers = web_sys::Headers::new()?;
        for (name, value) in &reply.headers {
            headers.append(name, value)?;
        }
        let init = web_sys::ResponseInit::new();
        init.set_status(reply.status);
        init.set_headers(&headers);
        let body = Some(reply.body.as_str()).filter(|body| !body.is_empty());
        web_sys::Response::new_with_opt_str_and_init(body, &init)
    }

    async fn visit(&self, visit: Visit) -> Result<Reply, JsValue> {
        let database = Database::of(&self.env)?;
        let found = database.run(&[visit.lookup(Date::now())]).await?.outcomes;
        let found = found.first().cloned().unwrap_or_else(Outcome::default);
        match visit.admit(&found).map_err(failure)? {
            Ok(admitted) => self.admitted(&database, &admitted).await,
            Err(Refusal::Forbidden(reply)) => Ok(reply),
            Err(Refusal::UnknownKey(reply)) => {
                let address = self.source.headers().get("CF-Connecting-IP")?;
                let allowed = self.allows("FAILED_KEYS", throttle_address(address.as_deref())).await?;
                Ok(if allowed { reply } else { Refusal::throttled() })
            }
        }
    }

    async fn admitted(&self, database: &Database, admitted: &Admitted) -> Result<Reply, JsValue> {
        let limit = admitted.limit(&self.request).map(|limit| match limit {
            Limit::Reads => "READS",
            Limit::Imports => "IMPORTS",
        });
        if let Some(limit) = limit
            && !self.allows(limit, admitted.throttle_key()).await?
        {
            return Ok(Admitted::throttled());
        }
        match admitted.plan(&self.request, &self.settings, Date::now()) {
            Plan::Reply(reply) => Ok(reply),
            Plan::Query(query) => {
                let ran = database.run(query.statements()).await?;
                let mut reply = query.reply(&ran.outcomes).map_err(failure)?;
                reply.headers.push(("Server-Timing", ran.server_timing()));
                Ok(reply)
            }
            Plan::Import(import) => {
                let Some(body) = self.read_body().await? else { return Ok(Import::too_large()) };
                let batch = match import.read(&body) {
                    Ok(batch) => batch,
                    Err(reply) => return Ok(reply),
                };
                let ran = database.run(batch.statements()).await?;
                let mut reply = batch.reply(&ran.outcomes).map_err(failure)?;
                reply.headers.push(("Server-Timing", ran.server_timing()));
                Ok(reply)
            }
        }
    }

    /// Counts a request against one of the rate limits of wrangler.jsonc.
    async fn allows(&self, limit: &str, key: String) -> Result<bool, JsValue> {
        Ok(self.env.rate_limiter(limit)?.limit(key).await?.success)
    }

    /// Reads the body, and stops where it grows too large.
    async fn read_body(&self) -> Result<Option<Vec<u8>>, JsValue> {
        let mut body = Vec::new();
        let Some(stream) = self.source.body() else { return Ok(Some(body)) };
        let reader: web_sys::ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
        loop {
            let step = JsFuture::from(reader.read()).await?;
            if Reflect::get(&step, &"done".into())?.is_truthy() {
                return Ok(Some(body));
            }
            let chunk: Uint8Array = Reflect::get(&step, &"value".into())?.unchecked_into();
            let length = body.len();
            if length + chunk.length() as usize > MAX_BODY {
                // The client learns it from the answer; whether the stream took the cancellation matters to no one.
                let _ = reader.cancel();
                return Ok(None);
            }
            body.extend(chunk.to_vec());
        }
    }
}

fn failure(error: impl std::error::Error) -> JsValue {
    js_sys::Error::new(&error.to_string()).into()
}
