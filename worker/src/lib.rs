//! The Worker: reads requests, executes the decisions of `streamgage-edge` on the platform, and sends responses.

mod config;
mod database;
mod edge_cache;
mod isolate_cache;
mod partition;
mod proxy;
mod rate_limit;
mod response;
mod sqlite;
mod store;
mod upstream;

use response::Body;
use serde_json::json;
use streamgage_edge::{Backend, Request, Response, Routed, Settings, Url, failure_response, finalize, route_request};
use worker::js_sys::Date;
use worker::{Context, Env, ScheduleContext, ScheduledEvent, console_error, event, web_sys};

#[event(fetch)]
async fn fetch(source: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    let settings = config::settings(&env);
    let exchange = Exchange { request: read_request(&source, &settings)?, source, env, context, settings };
    match exchange.respond().await {
        Ok(response) => Ok(response),
        Err(error) => {
            log_error(&exchange.request.url.path, &error);
            exchange.send(failure_response(&database::error_message(&error), now()))
        }
    }
}

/// Refreshes recently requested responses if the Worker has a key of its own for the upstream.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    if let Err(error) = proxy::refresh(env).await {
        log_error("scheduled", &error);
    }
}

/// A request, with everything that is needed to respond to it.
struct Exchange {
    source: web_sys::Request,
    env: Env,
    context: Context,
    request: Request,
    settings: std::rc::Rc<Settings>,
}

impl Exchange {
    async fn respond(&self) -> worker::Result<web_sys::Response> {
        let proxy_settings = config::proxy_settings(&self.env)?;
        let backend = if proxy_settings.is_some() { Backend::Proxy } else { Backend::Store };
        match (route_request(&self.request, &self.settings, backend, now()), proxy_settings) {
            (Routed::Response(response), _) => self.send(response),
            (Routed::Pending(pending), Some(proxy_settings)) => proxy::respond(self, proxy_settings, pending).await,
            (Routed::Pending(pending), None) => store::respond(self, pending).await,
        }
    }

    /// Sends a response with the body it contains.
    fn send(&self, response: Response) -> worker::Result<web_sys::Response> {
        let Response { status, headers, body } = finalize(response, &self.request, &self.settings);
        response::build(status, &headers, &body.into())
    }

    /// Sends a response with a body from elsewhere.
    fn send_with_body(&self, response: Response, body: &Body) -> worker::Result<web_sys::Response> {
        let Response { status, headers, .. } = finalize(response, &self.request, &self.settings);
        let has_body = self.request.method != "HEAD" && status != 304;
        response::build(status, &headers, if has_body { body } else { &Body::Empty })
    }
}

/// Reads the parts of a request that decide about the response. `worker::Request` would read more of them, and has no
/// value for unknown methods.
fn read_request(source: &web_sys::Request, settings: &Settings) -> worker::Result<Request> {
    let headers = source.headers();
    let method = source.method();
    let origin = if settings.cors_origins.is_empty() { None } else { headers.get("Origin")? };
    let requested_method = if method == "OPTIONS" { headers.get("Access-Control-Request-Method")? } else { None };
    Ok(Request {
        url: Url::parse(&source.url()),
        authorization: headers.get("Authorization")?,
        if_none_match: headers.get("If-None-Match")?,
        method,
        origin,
        requested_method,
    })
}

/// Returns the time in milliseconds since 1970-01-01.
fn now() -> f64 {
    Date::now()
}

/// Logs a failure. Log lines contain neither queries nor headers, which may be secret.
fn log_error(place: &str, error: &dyn std::fmt::Display) {
    console_error!("{}", json!({ "level": "error", "place": place, "error": error.to_string() }));
}
