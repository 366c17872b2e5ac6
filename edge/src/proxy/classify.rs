//! Classification of upstream responses: the response for the caller, and the effect on the cache.

use super::cache::ExchangeTimes;
use super::cache_key::CacheKey;
use super::entry::CacheEntry;
use super::error::UpstreamError;
use super::links::path_and_query;
use super::outcome::CacheOutcome;
use super::transport::UpstreamResponse;
use streamgage::json::is_json;

/// The effect of a response on the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CacheAction {
    /// The key is authorized. The response replaces the stored one; without deadlines the stored one is deleted.
    Store,
    /// The key was refused: the whole partition is deleted.
    PurgePartition,
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
    /// The number of requests sent.
    pub tries: u32,
    pub now: i64,
}

/// Classifies the result of a request. `stored` is the stored response for the same key.
pub(super) fn classify_response<B: From<Vec<u8>>>(
    exchange: &Exchange<'_>,
    result: Result<UpstreamResponse, UpstreamError>,
    stored: Option<(CacheEntry, B)>,
) -> ClassifiedResponse<B> {
    let response = match result {
        Ok(response) => response,
        Err(error) => return upstream_failure(error, stored.filter(|_| exchange.may_serve_stale)),
    };
    let UpstreamResponse { sent_at, status, headers, body } = response;
    let times = ExchangeTimes { sent_at, received_at: exchange.now };
    let stale = stored.is_some();
    let fetched = |status, entry: &CacheEntry| CacheOutcome::Fetched {
        status,
        stored: exchange.has_partition && entry.deadlines.is_some(),
        stale,
        collapsed: false,
        tries: exchange.tries,
    };
    let from_upstream = |entry: CacheEntry, body: Vec<u8>, action| ClassifiedResponse {
        outcome: fetched(entry.status, &entry),
        entry,
        new_length: body.len(),
        body: body.into(),
        action,
    };
    match (status, stored) {
        // Only requests with validators of a stored response can get a 304.
        (304, Some((stored, body))) => {
            let entry = stored.revalidated(exchange.cache_key, &headers, times);
            let outcome = fetched(304, &entry);
            ClassifiedResponse { entry, body, outcome, new_length: 0, action: CacheAction::Store }
        }
        (200..=299, _) => {
            match CacheEntry::from_response(exchange.cache_key, exchange.upstream, status, &headers, &body, times) {
                Ok(entry) => from_upstream(entry, body, CacheAction::Store),
                Err(_) => upstream_failure(UpstreamError::InvalidResponse, None),
            }
        }
        (301 | 302 | 303 | 307 | 308, _) => {
            match headers.value("location").and_then(|location| local_location(location, exchange.upstream)) {
                Some(location) => {
                    let entry = CacheEntry::unstored(status, vec![("location".into(), location)], b"");
                    from_upstream(entry, Vec::new(), CacheAction::Delete)
                }
                None => upstream_failure(UpstreamError::InvalidResponse, None),
            }
        }
        (400..=499, _) => {
            // An HTML page would run in the origin of the proxy.
            let is_json = headers.is_json() && std::str::from_utf8(&body).is_ok_and(is_json);
            let body = if is_json { body } else { br#"{"detail":"The upstream refused the request."}"#.to_vec() };
            let mut passed = headers.passed();
            passed.retain(|(name, _)| name != "content-type");
            passed.push(("content-type".into(), "application/json".into()));
            let entry = CacheEntry::unstored(status, passed, &body);
            let is_key_refused = matches!(status, 401 | 403);
            from_upstream(entry, body, if is_key_refused { CacheAction::PurgePartition } else { CacheAction::Delete })
        }
        _ => upstream_failure(UpstreamError::InvalidResponse, None),
    }
}

/// Returns the stored response if the error allows a stale one, or else an error response.
fn upstream_failure<B: From<Vec<u8>>>(error: UpstreamError, stored: Option<(CacheEntry, B)>) -> ClassifiedResponse<B> {
    let action = CacheAction::Keep;
    if let Some((entry, body)) = stored.filter(|_| error.allows_stale()) {
        let outcome = CacheOutcome::stale_if_error(error);
        return ClassifiedResponse { entry, body, outcome, new_length: 0, action };
    }
    let (status, retry_after, body) = error.response();
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    headers.extend(retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
    let entry = CacheEntry::unstored(status, headers, body.as_bytes());
    let body = Vec::from(body);
    ClassifiedResponse {
        entry,
        new_length: body.len(),
        body: body.into(),
        outcome: CacheOutcome::failed(error),
        action,
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
        Ok(UpstreamResponse { sent_at: NOW, status, headers: Headers::new(pairs), body: body.into() })
    }

    fn classify_at(
        now: i64,
        result: Result<UpstreamResponse, UpstreamError>,
        stored: Option<(CacheEntry, Vec<u8>)>,
        may_serve_stale: bool,
    ) -> ClassifiedResponse<Vec<u8>> {
        let cache_key = &CacheKey::parse(&format!("{CORE_PATH}teams/"), "").unwrap();
        let exchange = Exchange { cache_key, upstream: UPSTREAM, has_partition: true, may_serve_stale, tries: 1, now };
        classify_response(&exchange, result, stored)
    }

    fn classify(result: Result<UpstreamResponse, UpstreamError>) -> ClassifiedResponse<Vec<u8>> {
        classify_at(NOW, result, None, true)
    }

    fn assert_is_invalid(classified: &ClassifiedResponse<Vec<u8>>, what: &str) {
        let expected = (502, CacheOutcome::Failed { status: None }, CacheAction::Keep);
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
        ] {
            let what = format!("{invalid:?}");
            assert_is_invalid(&classify(invalid), &what);
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
                assert_is_invalid(&classified, location);
                continue;
            };
            assert_eq!((classified.entry.status, classified.action), (302, CacheAction::Delete));
            assert_eq!(classified.entry.headers, [("location".to_owned(), local.to_owned())], "{location}");
            assert!(classified.body.is_empty() && classified.entry.deadlines.is_none());
        }
    }

    #[test]
    fn refusals_are_passed_on_without_html() {
        let refused = classify(response(401, &[JSON, ("www-authenticate", "Bearer")], "{}"));
        assert_eq!((refused.entry.status, refused.action), (401, CacheAction::PurgePartition));
        assert_eq!(refused.body, b"{}");
        assert!(refused.entry.headers.contains(&("www-authenticate".into(), "Bearer".into())));
        let missing = classify(response(404, &[("content-type", "text/html")], "<h1>"));
        assert_eq!((missing.entry.status, missing.action), (404, CacheAction::Delete));
        assert_eq!(missing.entry.headers, [("content-type".to_owned(), "application/json".to_owned())]);
        assert_eq!(missing.body, br#"{"detail":"The upstream refused the request."}"#);
        let mut invalid = vec![Vec::from("{"), Vec::from("{}}"), b"\"\xff\"".to_vec()];
        invalid.push(format!("{}{}", "[".repeat(1_000), "]".repeat(1_000)).into());
        for body in invalid {
            let result = response(404, &[JSON], "").map(|response| UpstreamResponse { body, ..response });
            let classified = classify(result);
            assert_eq!((classified.entry.status, classified.action), (404, CacheAction::Delete));
            assert_eq!(classified.body, br#"{"detail":"The upstream refused the request."}"#);
        }
    }

    #[test]
    fn stale_responses_replace_temporary_failures_only() {
        let stored = || {
            let ClassifiedResponse { entry, body, .. } = classify(response(200, &[JSON], "[1]"));
            Some((entry, body))
        };
        let status = |status| UpstreamError::Status { status, retry_after: None };
        for error in [UpstreamError::Unreachable, UpstreamError::TimedOut, status(500), status(503)] {
            let stale = classify_at(NOW, Err(error), stored(), true);
            assert_eq!((stale.outcome, stale.action), (CacheOutcome::stale_if_error(error), CacheAction::Keep));
            assert_eq!(stale.body, b"[1]");
            assert_eq!(classify_at(NOW, Err(error), stored(), false).outcome, CacheOutcome::failed(error));
        }
        for error in
            [UpstreamError::TooLarge, UpstreamError::InvalidResponse, UpstreamError::BudgetExhausted, status(429)]
        {
            let failed = classify_at(NOW, Err(error), stored(), true);
            assert_eq!((failed.outcome, failed.action), (CacheOutcome::failed(error), CacheAction::Keep));
        }
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
