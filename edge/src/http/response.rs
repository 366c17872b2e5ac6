//! Responses as values, and the headers that all of them share.

use super::cors::cors_headers;
use super::request::Request;
use super::settings::Settings;
use streamgage::json;
use streamgage::query::ValidationErrors;

/// A response with its whole body.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, in the order they are set.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Response {
    pub(crate) fn json(status: u16, body: impl Into<String>) -> Response {
        Response { status, headers: vec![("Content-Type", "application/json".into())], body: body.into() }
    }

    /// Returns the 400 that lists the errors of each parameter of a query.
    pub(crate) fn bad_query(errors: &ValidationErrors) -> Response {
        Response::json(400, json::to_string(errors))
    }

    /// Returns `{"detail":"…"}`, the framework's form of an error that concerns no parameter.
    pub(crate) fn detail(status: u16, detail: &str) -> Response {
        Response::json(status, format!(r#"{{"detail":{}}}"#, serde_json::json!(detail)))
    }

    pub(crate) fn empty(status: u16) -> Response {
        Response { status, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Response {
        self.headers.push((name, value.into()));
        self
    }
}

/// Returns the 500 for internal failures. It contains no details (§1).
pub fn unknown_error() -> Response {
    Response::json(500, r#"{"error":["Unknown error occurred"]}"#)
}

/// Returns the response to a failure of the database or the platform: a 503 if the daily limit of D1's free plan is
/// reached, which ends at midnight UTC, or else a 500. `now` is in milliseconds since 1970-01-01.
pub fn failure_response(message: &str, now: i64) -> Response {
    // "Your account has exceeded D1's free tier daily row write limit. …"; reads have a limit, too.
    if !message.contains("D1's free tier daily row") {
        return unknown_error();
    }
    let seconds = DAY_SECONDS - now.div_euclid(1_000).rem_euclid(DAY_SECONDS);
    Response::detail(503, "The daily limit of D1's free plan is reached.").header("Retry-After", seconds.to_string())
}

const DAY_SECONDS: i64 = 86_400;

pub fn not_found() -> Response {
    Response::detail(404, "Not found.")
}

/// Returns the 404 for a numbered page that a list does not have.
pub fn invalid_page() -> Response {
    Response::detail(404, "Invalid page.")
}

pub fn method_not_allowed(method: &str, allowed: &str) -> Response {
    Response::detail(405, &format!("Method \"{method}\" not allowed.")).header("Allow", allowed)
}

pub fn unauthorized(detail: &str) -> Response {
    Response::detail(401, detail).header("WWW-Authenticate", "Bearer")
}

pub fn forbidden() -> Response {
    Response::detail(403, "You do not have permission to perform this action.")
}

/// The period of the rate limits, in seconds.
const RETRY_SECONDS: u32 = 60;

/// Returns the 429 for requests beyond a rate limit.
pub fn throttled() -> Response {
    let detail = format!("Request was throttled. Expected available in {RETRY_SECONDS} seconds.");
    Response::detail(429, &detail).header("Retry-After", RETRY_SECONDS.to_string())
}

/// Completes a response: evaluates `If-None-Match`, removes the body from responses to `HEAD` and from 304s, and adds the
/// headers for caches and browsers.
pub fn finalize(mut response: Response, request: &Request, settings: &Settings) -> Response {
    let tag = response.headers.iter().find(|(name, _)| *name == "ETag").map(|(_, tag)| tag.as_str());
    let is_tagged = tag.is_some();
    if tag.is_some_and(|tag| is_not_modified(request, tag, None)) {
        response.status = 304;
    }
    if request.method == "HEAD" || response.status == 304 {
        response.body.clear();
    }
    // A response belongs to the key of its request. A tagged one may be stored, and must be revalidated.
    let (cache_control, vary) =
        if is_tagged { ("private, no-cache", "Authorization, Origin") } else { ("private, no-store", "Origin") };
    response.headers.extend([
        ("Cache-Control", cache_control.to_owned()),
        ("Vary", vary.to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ]);
    response.headers.extend(cors_headers(request, settings));
    response
}

/// Evaluates the conditions of a request for a response with a tag and a date of its last change (RFC 9110 §13.2.2).
/// `If-Modified-Since` counts only without `If-None-Match`.
pub(crate) fn is_not_modified(request: &Request, tag: &str, last_modified: Option<&str>) -> bool {
    if let Some(tags) = &request.if_none_match {
        return is_none_match(tags, tag);
    }
    let date = |text: &str| httpdate::parse_http_date(text.trim()).ok();
    let since = request.if_modified_since.as_deref().and_then(date);
    last_modified.and_then(date).zip(since).is_some_and(|(modified, since)| modified <= since)
}

/// Reports whether the tags of `If-None-Match` contain a tag. The comparison is weak.
pub(crate) fn is_none_match(tags: &str, tag: &str) -> bool {
    let mut tags = tags.split(',').map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::{Request, failure_response, is_not_modified, unknown_error};

    #[test]
    fn the_daily_limit_of_d1_ends_at_midnight() {
        let message = "D1_ERROR: Your account has exceeded D1's free tier daily row write limit. Upgrade to a paid plan \
                       or wait until tomorrow (midnight UTC) to continue.";
        // 2026-11-30T18:00:01.500Z
        let response = failure_response(message, 1_796_061_601_500);
        assert_eq!(response.status, 503);
        assert!(response.headers.contains(&("Retry-After", "21599".to_owned())), "{:?}", response.headers);
        assert_eq!(failure_response("D1_ERROR: no such table: commits", 0), unknown_error());
    }

    #[test]
    fn conditions_are_evaluated_in_their_order() {
        let evaluate = |tags: Option<&str>, since: Option<&str>, modified: Option<&str>| {
            let (if_none_match, if_modified_since) = (tags.map(str::to_owned), since.map(str::to_owned));
            is_not_modified(&Request { if_none_match, if_modified_since, ..Request::default() }, "\"a\"", modified)
        };
        for (tags, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("a", false),
            ("\"b\"", false),
            ("w/\"a\"", false),
            ("", false),
        ] {
            assert_eq!(evaluate(Some(tags), None, None), expected, "{tags}");
        }
        let date = "Sun, 22 Nov 2026 12:00:00 GMT";
        for (since, modified, expected) in [
            (date, Some(date), true),
            ("Sunday, 22-Nov-26 12:00:00 GMT", Some(date), true),
            ("Sun, 22 Nov 2026 12:00:01 GMT", Some(date), true),
            ("Sun, 22 Nov 2026 11:59:59 GMT", Some(date), false),
            ("Sun, 22 Nov 2026 12:00:00", Some(date), false),
            (date, Some("yesterday"), false),
            (date, None, false),
        ] {
            assert_eq!(evaluate(None, Some(since), modified), expected, "{since} {modified:?}");
            // A tag is the stronger condition.
            assert!(!evaluate(Some("\"b\""), Some(since), modified));
            assert!(evaluate(Some("\"a\""), Some(since), modified));
        }
    }
}
