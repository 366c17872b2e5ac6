//! A request with its environment, and the ways to respond to it.

use crate::response::{self, Body};
use streamgage_edge::{Event, Level, REQUEST_ID, Request, Response, Settings, Url, finalize, request_id};
use worker::js_sys::Math;
use worker::{Context, Env, console_error, console_warn, web_sys};

/// A request, with everything that is needed to respond to it.
pub struct Exchange {
    /// The id in log lines and in `X-Request-Id`.
    pub id: String,
    pub source: web_sys::Request,
    pub env: Env,
    pub context: Context,
    pub request: Request,
    pub settings: std::rc::Rc<Settings>,
}

impl Exchange {
    /// Sends a response with the body it contains.
    pub fn send(&self, response: Response) -> worker::Result<web_sys::Response> {
        let Response { status, headers, body } = self.finalize(response);
        response::build(status, &headers, &body.into())
    }

    /// Sends a response with a body from elsewhere.
    pub fn send_with_body(&self, response: Response, body: &Body) -> worker::Result<web_sys::Response> {
        let Response { status, headers, .. } = self.finalize(response);
        let has_body = self.request.method != "HEAD" && status != 304;
        response::build(status, &headers, if has_body { body } else { &Body::Empty })
    }

    fn finalize(&self, response: Response) -> Response {
        let mut response = finalize(response, &self.request, &self.settings);
        response.headers.push((REQUEST_ID, self.id.clone()));
        response
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
        if_modified_since: headers.get("If-Modified-Since")?,
        method,
        origin,
        requested_method,
    })
}

/// Returns the id of a request.
pub fn read_id(source: &web_sys::Request) -> worker::Result<String> {
    let random = (Math::random() * (1u64 << 53) as f64) as u64;
    Ok(request_id(source.headers().get("CF-Ray")?.as_deref(), random))
}

/// Writes a log line. Work that belongs to no request has no id.
pub fn log(request_id: Option<&str>, event: &Event) {
    let line = event.to_line(request_id);
    match event.level() {
        Level::Warn => console_warn!("{line}"),
        Level::Error => console_error!("{line}"),
    }
}
