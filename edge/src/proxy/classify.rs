//! Classification of upstream responses: the response for the caller, and the effect on the cache.

use super::byte_budget::ReservedBody;
use super::cache::ExchangeTimes;
use super::cache_key::{CacheKey, PermissionClass};
use super::entry::CacheEntry;
use super::error::UpstreamError;
use super::outcome::CacheOutcome;
use super::page::Page;
use super::transport::UpstreamResponse;
use crate::http::response::{Response, forbidden, not_found, unauthorized};
use crate::log::Event;
use std::collections::BTreeMap;
use streamgage::json::is_json;

/// The effect of a response on the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CacheAction {
    /// The key is authorized. The response replaces the stored one; without deadlines the stored one is deleted.
    Store,
    /// The key was refused: the whole partition is deleted.
    PurgePartition,
    /// The stored response is deleted, and the key is no longer authorized for others of the same permission.
    RevokePermission,
    /// The stored response is deleted.
    Delete,
    Keep,
}

/// The response for the caller.
#[derive(Debug)]
pub(super) struct ClassifiedResponse<B> {
    pub entry: CacheEntry,
    pub body: B,
    pub outcome: CacheOutcome,
    /// The length of a body that the upstream sent; 0 for a stored body.
    pub new_length: usize,
    pub action: CacheAction,
    /// The failure of the upstream, if a stale or an error response replaces its response.
    pub error: Option<UpstreamError>,
}

impl<B> ClassifiedResponse<B> {
    /// Returns the log event of a failure.
    pub fn event(&self, exchange: &Exchange<'_>) -> Option<Event> {
        let served_stale = matches!(self.outcome, CacheOutcome::StaleIfError { .. });
        Some(self.error?.event(&exchange.cache_key.path, exchange.tries, served_stale))
    }
}

/// Circumstances of a request to the upstream.
pub(super) struct Exchange<'a> {
    pub cache_key: &'a CacheKey,
    /// The address of the upstream.
    pub upstream: &'a str,
    /// A partition exists, so that responses can be stored.
    pub has_partition: bool,
    /// The stored response may be served if the upstream fails.
    pub may_serve_stale: bool,
    /// The key is the Worker's own, not the caller's.
    pub has_own_key: bool,
    /// A 401 refuses the key itself, not one path.
    pub is_key_refused: bool,
    /// The number of requests sent.
    pub tries: u32,
    pub now: i64,
    /// The freshness of a response whose headers do not state it, in milliseconds.
    pub default_freshness: i64,
}

/// Classifies the result of a request. `stored` is the stored response for the same key.
pub(super) fn classify_response<B: From<ReservedBody>>(
    exchange: &Exchange<'_>,
    result: Result<UpstreamResponse, UpstreamError>,
    stored: Option<(CacheEntry, B)>,
) -> ClassifiedResponse<B> {
    let failure =
        |error, stored: Option<(CacheEntry, B)>| upstream_failure(error, stored.filter(|_| exchange.may_serve_stale));
    let response = match result {
        Ok(response) => response,
        Err(error) => return failure(error, stored),
    };
    let UpstreamResponse { sent_at, status, headers, body } = response;
    let invalid = |stored| {
        let classified = failure(UpstreamError::InvalidResponse, stored);
        ClassifiedResponse { outcome: classified.outcome.with_status(status), ..classified }
    };
    let times = ExchangeTimes { sent_at, received_at: exchange.now };
    let stale = stored.is_some();
    let fetched = |status, entry: &CacheEntry| CacheOutcome::Fetched {
        status,
        stored: exchange.has_partition && entry.deadlines.is_some(),
        stale,
        collapsed: false,
        tries: exchange.tries,
    };
    let from_upstream = |entry: CacheEntry, body: ReservedBody, action| ClassifiedResponse {
        outcome: fetched(entry.status, &entry),
        entry,
        new_length: body.len(),
        body: body.into(),
        action,
        error: None,
    };
    match (status, stored) {
        // Only a request with validators of a stored response can get a 304.
        (304, Some((stored, body))) if !stored.validators.are_empty() => {
            let entry = stored.revalidated(&headers, times, exchange.default_freshness);
            let outcome = fetched(304, &entry);
            ClassifiedResponse { entry, body, outcome, new_length: 0, action: CacheAction::Store, error: None }
        }
        // Nobody asks for a part.
        (206, stored) => invalid(stored),
        // A preliminary response, and one that is no list, do not replace a list.
        (200..=299, Some(stored)) if status != 200 || !may_replace(exchange, &stored.0, &body) => invalid(Some(stored)),
        (200..=299, stored) => {
            match CacheEntry::from_response(status, &headers, &body, times, exchange.default_freshness) {
                Ok(entry) => from_upstream(entry, body, CacheAction::Store),
                Err(_) => invalid(stored),
            }
        }
        (301 | 302 | 303 | 307 | 308, stored) => {
            match headers.value("location").and_then(|location| local_location(location, exchange.upstream)) {
                Some(location) => {
                    let entry = CacheEntry::unstored(status, vec![("location".into(), location)], b"");
                    from_upstream(entry, ReservedBody::default(), CacheAction::Keep)
                }
                None => invalid(stored),
            }
        }
        (401, _) if exchange.has_own_key => ClassifiedResponse {
            action: if exchange.is_key_refused { CacheAction::PurgePartition } else { CacheAction::Delete },
            ..upstream_failure(UpstreamError::OwnKeyRefused, None)
        },
        (400..=499, _) => {
            let is_json = headers.is_json() && std::str::from_utf8(&body).is_ok_and(is_json);
            // The key is accepted for other paths. The metrics are one path; with the Worker's own key, others use it.
            let refused_path = match exchange.cache_key.class {
                PermissionClass::Metrics if !exchange.has_own_key => CacheAction::RevokePermission,
                _ => CacheAction::Delete,
            };
            let (local, action) = match status {
                401 if exchange.is_key_refused => (unauthorized("Invalid token."), CacheAction::PurgePartition),
                401 => (unauthorized("Invalid token."), refused_path),
                403 => (forbidden(), refused_path),
                // Objects are deleted, lists are not. A text that is not JSON comes from a server in front of the API.
                404 | 410 if is_json && exchange.cache_key.is_object() => (not_found(), CacheAction::Delete),
                404 | 410 => (not_found(), CacheAction::Keep),
                _ => (Response::detail(status, "The upstream refused the request."), CacheAction::Keep),
            };
            let has_errors = status == 400 && is_json && is_list_of_errors(&body);
            let body = if has_errors { body } else { local.body.into_bytes().into() };
            let headers = local.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
            from_upstream(CacheEntry::unstored(status, headers, &body), body, action)
        }
        (_, stored) => invalid(stored),
    }
}

/// Returns true if a body may replace a stored response: only a list replaces a list.
fn may_replace(exchange: &Exchange<'_>, stored: &CacheEntry, body: &[u8]) -> bool {
    let must_be_list = stored.is_list || exchange.cache_key.class == PermissionClass::Metrics;
    let is_list = || std::str::from_utf8(body).is_ok_and(|text| Page::parse(text).is_some());
    !exchange.may_serve_stale || !must_be_list || is_list()
}

/// Returns true for the errors of parameters, which callers need to know (§1). Other texts of the upstream are not passed on.
fn is_list_of_errors(body: &[u8]) -> bool {
    serde_json::from_slice::<BTreeMap<String, Vec<String>>>(body).is_ok()
}

/// Returns the stored response if the error allows a stale one, or else an error response.
pub(super) fn upstream_failure<B: From<ReservedBody>>(
    error: UpstreamError,
    stored: Option<(CacheEntry, B)>,
) -> ClassifiedResponse<B> {
    let action = CacheAction::Keep;
    if let Some((entry, body)) = stored.filter(|_| error.allows_stale()) {
        let outcome = CacheOutcome::stale_if_error(error);
        return ClassifiedResponse { entry, body, outcome, new_length: 0, action, error: Some(error) };
    }
    let (status, retry_after, body) = error.response();
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    headers.extend(retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
    let entry = CacheEntry::unstored(status, headers, body.as_bytes());
    let body = ReservedBody::from(body.into_bytes());
    ClassifiedResponse {
        entry,
        new_length: body.len(),
        body: body.into(),
        outcome: CacheOutcome::failed(error),
        action,
        error: Some(error),
    }
}

/// Returns the target of a redirect as a reference without a host, if the target is served.
fn local_location(location: &str, upstream: &str) -> Option<String> {
    if let Some(rest) = path_and_query(location, upstream) {
        return Some(rest.to_owned());
    }
    if !location.starts_with('/') || location.starts_with("//") {
        return None;
    }
    path_and_query(&format!("{upstream}{location}"), upstream).map(str::to_owned)
}

/// Returns the path and query of an address of the upstream, if they are served.
///
/// Both schemes are accepted: behind a TLS proxy a server reports `http:`.
fn path_and_query<'a>(address: &'a str, upstream: &str) -> Option<&'a str> {
    let without_scheme = |text: &'a str| text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = upstream.split_once("://").map_or(upstream, |(_, host)| host);
    let rest = without_scheme(address)?.strip_prefix(host)?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic());
    (is_plain && CacheKey::parse(path, query).is_some()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::headers::Headers;
    use streamgage::query::CORE_PATH;

    const UPSTREAM: &str = "https://flow.example";
    const NOW: i64 = 1_795_348_800_000;
    const JSON: (&str, &str) = ("content-type", "application/json");

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Result<UpstreamResponse, UpstreamError> {
        let pairs = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Ok(UpstreamResponse {
            sent_at: NOW,
            status,
            headers: Headers::new(pairs),
            body: body.as_bytes().to_vec().into(),
        })
    }

    fn classify_at(
        now: i64,
        result: Result<UpstreamResponse, UpstreamError>,
        stored: Option<(CacheEntry, Vec<u8>)>,
        may_serve_stale: bool,
    ) -> ClassifiedResponse<Vec<u8>> {
        let cache_key = &CacheKey::parse(&format!("{CORE_PATH}teams/"), "").unwrap();
        let exchange = Exchange {
            cache_key,
            upstream: UPSTREAM,
            has_partition: true,
            may_serve_stale,
            has_own_key: false,
            is_key_refused: true,
            tries: 1,
            now,
            default_freshness: 60_000,
        };
        classify_response(&exchange, result, stored)
    }

    fn classify(result: Result<UpstreamResponse, UpstreamError>) -> ClassifiedResponse<Vec<u8>> {
        classify_at(NOW, result, None, true)
    }

    fn assert_is_invalid(classified: &ClassifiedResponse<Vec<u8>>, status: u16, what: &str) {
        let expected = (502, CacheOutcome::Failed { status: Some(status) }, CacheAction::Keep);
        assert_eq!((classified.entry.status, classified.outcome, classified.action), expected, "{what}");
        assert_eq!(classified.body, br#"{"detail":"The upstream's answer makes no sense."}"#, "{what}");
    }

    #[test]
    fn only_valid_json_is_stored() {
        let ok = classify(response(200, &[JSON], "[]"));
        assert!(ok.action == CacheAction::Store && ok.entry.deadlines.is_some());
        let created = classify(response(201, &[JSON], "[]"));
        assert!(created.action == CacheAction::Store && created.entry.deadlines.is_none());
        for invalid in [
            response(200, &[JSON], "[1,"),
            response(200, &[("content-type", "text/html")], "<h1>"),
            response(200, &[], "[]"),
            response(304, &[], ""),
            response(100, &[], ""),
            response(206, &[JSON], "[]"),
            response(204, &[], ""),
        ] {
            let what = format!("{invalid:?}");
            let status = invalid.as_ref().unwrap().status;
            assert_is_invalid(&classify(invalid), status, &what);
        }
    }

    #[test]
    fn redirects_lead_to_served_resources_only() {
        for (location, local) in [
            ("/v3/customer/core/teams/", Some("/v3/customer/core/teams/")),
            ("https://flow.example/v3/customer/core/teams/?a=1", Some("/v3/customer/core/teams/?a=1")),
            ("https://elsewhere.example/v3/customer/core/teams/", None),
            ("//elsewhere.example/v3/customer/core/teams/", None),
            ("/login/", None),
            ("teams/", None),
            ("/v3/customer/core/../../login/", None),
        ] {
            let classified = classify(response(302, &[("location", location)], ""));
            let Some(local) = local else {
                assert_is_invalid(&classified, 302, location);
                continue;
            };
            assert_eq!((classified.entry.status, classified.action), (302, CacheAction::Keep));
            assert_eq!(classified.entry.headers, [("location".to_owned(), local.to_owned())], "{location}");
            assert!(classified.body.is_empty() && classified.entry.deadlines.is_none());
        }
    }

    /// Asserts that a refusal has this text, no header of the upstream, and this effect.
    fn assert_refusal(status: u16, declared: &str, body: &str, text: &str, action: CacheAction) {
        let headers = [
            ("content-type", declared),
            ("retry-after", "soon"),
            ("www-authenticate", "Basic realm=\"upstream\""),
            ("last-modified", "today"),
            ("allow", "POST"),
        ];
        let refused = classify(response(status, &headers, body));
        assert_eq!((refused.entry.status, refused.action), (status, action), "{status} {body}");
        assert_eq!(std::str::from_utf8(&refused.body), Ok(text), "{status} {body}");
        let mut expected = vec![("content-type".to_owned(), "application/json".to_owned())];
        if status == 401 {
            expected.push(("www-authenticate".to_owned(), "Bearer".to_owned()));
        }
        assert_eq!(refused.entry.headers, expected, "{status}");
    }

    #[test]
    fn refusals_have_texts_and_headers_of_the_proxy() {
        let generic = r#"{"detail":"The upstream refused the request."}"#;
        let secret = r#"{"detail":"a secret of the upstream"}"#;
        for (declared, body) in [("application/json", secret), ("text/html", "<h1>"), ("application/json", "{")] {
            let invalid = r#"{"detail":"Invalid token."}"#;
            assert_refusal(401, declared, body, invalid, CacheAction::PurgePartition);
            let forbidden = r#"{"detail":"You do not have permission to perform this action."}"#;
            assert_refusal(403, declared, body, forbidden, CacheAction::Delete);
            for status in [400, 402, 405, 409, 451] {
                assert_refusal(status, declared, body, generic, CacheAction::Keep);
            }
        }
        let missing = r#"{"detail":"Not found."}"#;
        for status in [404, 410] {
            assert_refusal(status, "application/json", secret, missing, CacheAction::Keep);
            assert_refusal(status, "text/html", "<h1>", missing, CacheAction::Keep);
        }
        let errors = r#"{"limit":["Enter a number."]}"#;
        assert_refusal(400, "application/json", errors, errors, CacheAction::Keep);
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        assert_refusal(400, "application/json", &deep, generic, CacheAction::Keep);
    }

    #[test]
    fn a_refusal_of_the_own_key_is_no_refusal_of_the_caller() {
        let cache_key = &CacheKey::parse(&format!("{CORE_PATH}teams/"), "").unwrap();
        let exchange = Exchange {
            cache_key,
            upstream: UPSTREAM,
            has_partition: true,
            may_serve_stale: true,
            has_own_key: true,
            is_key_refused: true,
            tries: 1,
            now: NOW,
            default_freshness: 60_000,
        };
        let refused: ClassifiedResponse<Vec<u8>> = classify_response(&exchange, response(401, &[JSON], "{}"), None);
        assert_eq!((refused.entry.status, refused.action), (502, CacheAction::PurgePartition));
        assert_eq!(refused.body, br#"{"detail":"The upstream refused the key of this service."}"#);
        assert_eq!(refused.outcome, CacheOutcome::failed(UpstreamError::OwnKeyRefused));
    }

    #[test]
    fn a_throttled_request_has_a_text_and_a_pause_of_the_proxy() {
        for (retry_after, seconds) in [(None, 60), (Some(7), 7), (Some(0), 1), (Some(u32::MAX), 86_400)] {
            let throttled = classify(Err(UpstreamError::Status { status: 429, retry_after }));
            let text = format!(r#"{{"detail":"Request was throttled. Expected available in {seconds} seconds."}}"#);
            assert_eq!((throttled.entry.status, throttled.body), (429, text.into_bytes()));
            assert!(throttled.entry.headers.contains(&("retry-after".to_owned(), seconds.to_string())));
        }
    }

    #[test]
    fn only_a_good_response_replaces_a_good_response() {
        let stored = || {
            let ClassifiedResponse { entry, body, .. } = classify(response(200, &[JSON], "[1]"));
            Some((entry, body))
        };
        let status = |status| UpstreamError::Status { status, retry_after: None };
        for error in [
            UpstreamError::Unreachable,
            UpstreamError::TimedOut,
            UpstreamError::TooLarge,
            UpstreamError::InvalidResponse,
            status(408),
            status(425),
            status(429),
            status(500),
            status(503),
        ] {
            let stale = classify_at(NOW, Err(error), stored(), true);
            assert_eq!((stale.outcome, stale.action), (CacheOutcome::stale_if_error(error), CacheAction::Keep));
            assert_eq!(stale.body, b"[1]");
            assert_eq!(classify_at(NOW, Err(error), stored(), false).outcome, CacheOutcome::failed(error));
        }
        for malformed in [
            response(200, &[("content-type", "text/html")], "<h1>"),
            response(200, &[JSON], "[1"),
            response(200, &[JSON], ""),
            response(302, &[("location", "https://elsewhere.example/")], ""),
            response(202, &[JSON], "[2]"),
            response(204, &[], ""),
            response(206, &[JSON], "[2]"),
            // No condition was sent.
            response(304, &[], ""),
        ] {
            let status = malformed.as_ref().unwrap().status;
            let stale = classify_at(NOW, malformed, stored(), true);
            let expected = (CacheOutcome::StaleIfError { status: Some(status) }, CacheAction::Keep);
            assert_eq!((stale.outcome, stale.action), expected);
            assert_eq!(stale.body, b"[1]");
        }
        let error = UpstreamError::BudgetExhausted;
        let failed = classify_at(NOW, Err(error), stored(), true);
        assert_eq!((failed.outcome, failed.action), (CacheOutcome::failed(error), CacheAction::Keep));
    }

    #[test]
    fn a_304_updates_the_stored_entry() {
        let ClassifiedResponse { entry: stored, body, .. } = classify(response(200, &[JSON, ("etag", "\"1\"")], "[]"));
        let result = response(304, &[("cache-control", "max-age=7")], "");
        let revalidated = classify_at(NOW + 1, result, Some((stored.clone(), body)), false);
        assert_eq!((revalidated.action, revalidated.body), (CacheAction::Store, b"[]".to_vec()));
        let entry = revalidated.entry;
        assert_eq!(entry.deadlines.unwrap().fresh_until, NOW + 7_001);
        assert_eq!((entry.tag, entry.validators, entry.headers), (stored.tag, stored.validators, stored.headers));
    }
}
