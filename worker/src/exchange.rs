//! A request with its environment, and the ways to respond to it.

use crate::response::{self, Body};
use serde_json::json;
use streamgage_edge::{Request, Response, Settings, Url, finalize};
use worker::js_sys::Date;
use worker::{Context, Env, console_error, web_sys};

/// A request, with everything that is needed to respond to it.
pub struct Exchange {
    pub source: web_sys::Request,
    pub env: Env,
    pub context: Context,
    pub request: Request,
    pub settings: std::rc::Rc<Settings>,
}

impl Exchange {
    /// Sends a response with the body it contains.
    pub fn send(&self, response: Response) -> worker::Result<web_sys::Response> {
        let Response { status, headers, body } = finalize(response, &self.request, &self.settings);
        response::build(status, &headers, &body.into())
    }

    /// Sends a response with a body from elsewhere.
    pub fn send_with_body(&self, response: Response, body: &Body) -> worker::Result<web_sys::Response> {
        let Response { status, headers, .. } = finalize(response, &self.request, &self.settings);
        let has_body = self.request.method != "HEAD" && status != 304;
        response::build(status, &headers, if has_body { body } else { &Body::Empty })
    }
}

/// Reads the parts of a request that decide about the response. `worker::Request` would read more of them, and has no
/// value for unknown methods.
pub fn read_request(source: &web_sys::Request, settings: &Settings) -> worker::Result<Request> {
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
pub fn now() -> f64 {
    Date::now()
}

/// Logs a failure. Log lines contain neither queries nor headers, which may be secret.
pub fn log_error(place: &str, error: &dyn std::fmt::Display) {
    console_error!("{}", json!({ "level": "error", "place": place, "error": error.to_string() }));
}
