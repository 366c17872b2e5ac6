//! Replies, and what all of them have in common.

use crate::request::{Request, Settings};
use serde::Serialize;

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

    /// A value as JSON.
    pub(crate) fn value(status: u16, value: &impl Serialize) -> Reply {
        // Serializing into memory only fails for maps whose keys are no strings.
        serde_json::to_string(value).map_or_else(|_| unknown_error(), |body| Reply::json(status, body))
    }

    /// `{"detail":"…"}`, as the framework puts an error that is about no parameter.
    pub(crate) fn detail(status: u16, detail: &str) -> Reply {
        #[derive(Serialize)]
        struct Detail<'a> {
            detail: &'a str,
        }
        Reply::value(status, &Detail { detail })
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

pub(crate) fn not_found() -> Reply {
    Reply::detail(404, "Not found.")
}

pub(crate) fn method_not_allowed(method: &str, allowed: &str) -> Reply {
    Reply::detail(405, &format!("Method \"{method}\" not allowed.")).header("Allow", allowed)
}

/// How long a caller who asked too much waits: the rate limits count by the minute.
const RETRY_SECONDS: u32 = 60;

pub(crate) fn throttled() -> Reply {
    let detail = format!("Request was throttled. Expected available in {RETRY_SECONDS} seconds.");
    Reply::detail(429, &detail).header("Retry-After", RETRY_SECONDS.to_string())
}

/// Adds what every reply has: no body to `HEAD`, headers for browsers, and leave for pages of the allowed origins.
pub fn dress(mut reply: Reply, request: &Request, settings: &Settings) -> Reply {
    if request.method == "HEAD" {
        reply.body.clear();
    }
    reply.headers.extend([
        // An answer belongs to the key that asked for it.
        ("Cache-Control", "private, no-store".to_owned()),
        ("Vary", "Origin".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ]);
    reply.headers.extend(cross_origin(request, settings));
    reply
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
