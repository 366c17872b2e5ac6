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

use serde_json::json;
use streamgage_edge::proxy::{RouteOutcome, route_proxy_request};
use streamgage_edge::{Backend, Request, Response, Routed, Settings, Url, failure_response, finalize, route_request};
use worker::js_sys::Date;
use worker::{Context, Env, ResponseBody, ScheduleContext, ScheduledEvent, console_error, event};

#[event(fetch)]
async fn fetch(source: worker::Request, env: Env, context: Context) -> worker::Result<worker::Response> {
    let settings = config::settings(&env);
    let exchange = Exchange { request: read_request(&source)?, source, env, context, settings };
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
    source: worker::Request,
    env: Env,
    context: Context,
    request: Request,
    settings: std::rc::Rc<Settings>,
}

impl Exchange {
    async fn respond(&self) -> worker::Result<worker::Response> {
        if let Some(proxy_settings) = config::proxy_settings(&self.env)? {
            match route_proxy_request(&self.request, &self.settings, now()) {
                RouteOutcome::NotProxied => {}
                RouteOutcome::Response(response) => return self.send(response),
                RouteOutcome::Request(request) => return proxy::respond(self, proxy_settings, request).await,
            }
        }
        match route_request(&self.request, &self.settings, Backend::Store, now()) {
            Routed::Response(response) => self.send(response),
            Routed::Pending(pending) => store::respond(self, pending).await,
        }
    }

    /// Sends a response with the body it contains.
    fn send(&self, response: Response) -> worker::Result<worker::Response> {
        let Response { status, headers, body } = finalize(response, &self.request, &self.settings);
        response::build(status, &headers, response::body(body.into_bytes()))
    }

    /// Sends a response with a body from elsewhere.
    fn send_with_body(&self, response: Response, body: ResponseBody) -> worker::Result<worker::Response> {
        let Response { status, headers, .. } = finalize(response, &self.request, &self.settings);
        let has_body = self.request.method != "HEAD" && status != 304;
        response::build(status, &headers, if has_body { body } else { ResponseBody::Empty })
    }
}

fn read_request(source: &worker::Request) -> worker::Result<Request> {
    let header = |name| source.headers().get(name);
    // `worker::Method` has no variant for unknown methods.
    let source_request = source.inner();
    Ok(Request {
        method: source_request.method(),
        url: Url::parse(&source_request.url()),
        authorization: header("Authorization")?,
        origin: header("Origin")?,
        requested_method: header("Access-Control-Request-Method")?,
        if_none_match: header("If-None-Match")?,
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
