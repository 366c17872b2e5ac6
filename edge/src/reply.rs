//! Replies, and what all of them have in common.

use crate::codec::quote;
use crate::request::{Request, Settings};
use streamgage::query::ValidationErrors;

/// An answer that is ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers, in the order they are set.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// JSON text.
    pub(crate) fn json(status: u16, body: impl Into<String>) -> Reply {
        Reply { status, headers: vec![("Content-Type", "application/json".into())], body: body.into() }
    }

    /// The 400 for a query: what is wrong with each of its parameters.
    pub(crate) fn bad_query(errors: &ValidationErrors) -> Reply {
        let mut body = String::new();
        errors.write_json(&mut body);
        Reply::json(400, body)
    }

    /// `{"detail":"…"}`, as the framework puts an error that is about no parameter.
    pub(crate) fn detail(status: u16, detail: &str) -> Reply {
        Reply::json(status, format!(r#"{{"detail":{}}}"#, quote(detail)))
    }

    pub(crate) fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }
}

/// What is answered when something fails behind the Worker: never a detail (§1).
pub fn unknown_error() -> Reply {
    Reply::json(500, r#"{"error":["Unknown error occurred"]}"#)
}

pub fn not_found() -> Reply {
    Reply::detail(404, "Not found.")
}

pub fn method_not_allowed(method: &str, allowed: &str) -> Reply {
    Reply::detail(405, &format!("Method \"{method}\" not allowed.")).header("Allow", allowed)
}

/// How long a caller who asked too much waits: the rate limits count by the minute.
const RETRY_SECONDS: u32 = 60;

pub fn throttled() -> Reply {
    let detail = format!("Request was throttled. Expected available in {RETRY_SECONDS} seconds.");
    Reply::detail(429, &detail).header("Retry-After", RETRY_SECONDS.to_string())
}

/// Adds what every reply has: no body to `HEAD` and to who has it, headers for browsers, and leave for pages of the allowed
/// origins.
pub fn dress(mut reply: Reply, request: &Request, settings: &Settings) -> Reply {
    let tag = reply.headers.iter().find(|(name, _)| *name == "ETag").map(|(_, tag)| tag.as_str());
    let is_tagged = tag.is_some();
    if tag.is_some_and(|tag| is_known(request.if_none_match.as_deref(), tag)) {
        reply.status = 304;
    }
    if request.method == "HEAD" || reply.status == 304 {
        reply.body.clear();
    }
    // An answer belongs to the key that asked for it; what has a tag may be kept, and be asked for by it.
    let (kept, differs) =
        if is_tagged { ("private, no-cache", "Authorization, Origin") } else { ("private, no-store", "Origin") };
    reply.headers.extend([
        ("Cache-Control", kept.to_owned()),
        ("Vary", differs.to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ]);
    reply.headers.extend(cross_origin(request, settings));
    reply
}

/// Whether `If-None-Match` names a tag.
pub(crate) fn is_known(if_none_match: Option<&str>, tag: &str) -> bool {
    let Some(tags) = if_none_match else { return false };
    let mut tags = tags.split(',').map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// Leave for pages of the allowed origins to read an answer.
pub(crate) fn cross_origin(request: &Request, settings: &Settings) -> Vec<(&'static str, String)> {
    match request.origin.as_deref().and_then(|origin| settings.allowed_origin(origin)) {
        None => Vec::new(),
        Some(origin) => vec![
            ("Access-Control-Allow-Origin", origin.to_owned()),
            ("Access-Control-Expose-Headers", "Retry-After, Server-Timing, Cache-Status".to_owned()),
        ],
    }
}
