//! What becomes of an answer of the upstream, or of none: whether it is kept, passed on, or something kept serves instead.

use super::cache_key::CacheKey;
use super::entry::CacheEntry;
use super::links::rest_of;
use super::outcome::CacheOutcome;
use super::source::UpstreamError;
use super::upstream::UpstreamResponse;
use crate::cache::Times;
use streamgage::json::is_json;

/// What a caller gets, and what it says about what is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum ResponseClass {
    /// A good answer: kept, if it has deadlines, and a proof of the key.
    New(CacheEntry, Vec<u8>),
    /// What is kept still holds, which is a proof too; this is its entry now.
    Revalidated(CacheEntry),
    /// The key is none, or may not: the whole partition is forgotten.
    Refused(CacheEntry, Vec<u8>),
    /// Another answer of the upstream, which is passed on; what was kept of this is forgotten.
    PassThrough(CacheEntry, Vec<u8>),
    /// What is kept serves, though stale, since the upstream fails.
    StaleIfError(UpstreamError),
    /// An error of the proxy's own.
    Failed(UpstreamError),
}

/// Decides. `kept` is what is kept of this, `excused` whether it may serve where the upstream fails.
pub fn classify_response(
    asked: &CacheKey,
    upstream: &str,
    found: Result<UpstreamResponse, UpstreamError>,
    kept: Option<&CacheEntry>,
    excused: bool,
    now: i64,
) -> ResponseClass {
    let answer = match found {
        Ok(answer) => answer,
        Err(trouble) => {
            return if excused && trouble.allows_stale() {
                ResponseClass::StaleIfError(trouble)
            } else {
                ResponseClass::Failed(trouble)
            };
        }
    };
    let UpstreamResponse { sent_at, status, headers, body } = answer;
    let times = Times { asked: sent_at, answered: now };
    match (status, kept) {
        // CacheKey with validators alone, which alone what is kept has.
        (304, Some(kept)) => ResponseClass::Revalidated(kept.confirmed(asked, &headers, times)),
        (200..=299, _) => match CacheEntry::read(asked, upstream, status, &headers, &body, times) {
            Ok(entry) => ResponseClass::New(entry, body),
            Err(_) => ResponseClass::Failed(UpstreamError::InvalidResponse),
        },
        (301 | 302 | 303 | 307 | 308, _) => match headers.value("location").and_then(|to| here(to, upstream)) {
            // A reference without a host: the caller's.
            Some(rest) => {
                ResponseClass::PassThrough(CacheEntry::own(status, vec![("location".into(), rest)], b""), Vec::new())
            }
            None => ResponseClass::Failed(UpstreamError::InvalidResponse),
        },
        (400..=499, _) => {
            // A page of HTML would be one of this origin.
            let is_text = headers.is_json() && std::str::from_utf8(&body).is_ok_and(is_json);
            let body = if is_text { body } else { br#"{"detail":"The upstream refused the request."}"#.to_vec() };
            let mut passed = headers.passed();
            passed.retain(|(name, _)| name != "content-type");
            passed.push(("content-type".into(), "application/json".into()));
            let entry = CacheEntry::own(status, passed, &body);
            if matches!(status, 401 | 403) {
                ResponseClass::Refused(entry, body)
            } else {
                ResponseClass::PassThrough(entry, body)
            }
        }
        _ => ResponseClass::Failed(UpstreamError::InvalidResponse),
    }
}

/// What a caller is told, and what that means for what is kept.
pub(super) struct Resolution<B> {
    pub entry: CacheEntry,
    pub body: B,
    pub outcome: CacheOutcome,
    /// Of a body that is new.
    pub length: usize,
    pub action: CacheAction,
}

/// What becomes of what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CacheAction {
    /// The key is proved, and this answer kept in the place of another, if it has deadlines.
    Store,
    /// All of the partition is forgotten.
    PurgePartition,
    /// What was kept of this is forgotten.
    Delete,
    /// Nothing.
    Keep,
}

/// Concludes from what was settled. `kept` is what is kept of this, `has_place` whether anything can be, and `tries` how
/// often the upstream was asked.
pub(super) fn resolve<B: From<Vec<u8>>>(
    settled: ResponseClass,
    kept: Option<(CacheEntry, B)>,
    has_place: bool,
    tries: u32,
) -> Resolution<B> {
    let stale = kept.is_some();
    let outcome = |status, entry: &CacheEntry| {
        let stored = has_place && entry.deadlines.is_some();
        CacheOutcome::Fetched { status, stored, stale, collapsed: false, tries }
    };
    let new = |entry, bytes: Vec<u8>, outcome, action| {
        let length = bytes.len();
        Resolution { entry, body: bytes.into(), outcome, length, action }
    };
    let (entry, bytes, action) = match (settled, kept) {
        (ResponseClass::New(entry, bytes), _) => (entry, bytes, CacheAction::Store),
        (ResponseClass::Refused(entry, bytes), _) => (entry, bytes, CacheAction::PurgePartition),
        (ResponseClass::PassThrough(entry, bytes), _) => (entry, bytes, CacheAction::Delete),
        (ResponseClass::Revalidated(entry), kept) => {
            let outcome = outcome(304, &entry);
            // settle confirms only what is kept.
            let body = kept.map_or_else(|| Vec::new().into(), |(_, body)| body);
            return Resolution { entry, body, outcome, length: 0, action: CacheAction::Store };
        }
        (ResponseClass::StaleIfError(trouble), Some((entry, body))) => {
            return Resolution {
                entry,
                body,
                outcome: CacheOutcome::excused(trouble),
                length: 0,
                action: CacheAction::Keep,
            };
        }
        (ResponseClass::StaleIfError(trouble) | ResponseClass::Failed(trouble), _) => {
            let (entry, bytes) = error_entry(trouble);
            return new(entry, bytes, CacheOutcome::failed(trouble), CacheAction::Keep);
        }
    };
    let outcome = outcome(entry.status, &entry);
    new(entry, bytes, outcome, action)
}

/// Where a redirect leads, if that is something served.
fn here(location: &str, upstream: &str) -> Option<String> {
    if let Some(rest) = rest_of(location, upstream) {
        return Some(rest.to_owned());
    }
    let whole = format!("{upstream}{location}");
    (location.starts_with('/') && !location.starts_with("//")).then(|| rest_of(&whole, upstream).map(str::to_owned))?
}

/// The documented error of a trouble: nothing of what the upstream said.
pub fn error_answer(trouble: UpstreamError) -> (u16, Option<u32>, &'static str) {
    match trouble {
        UpstreamError::Unreachable => (502, None, r#"{"detail":"The upstream can't be reached."}"#),
        UpstreamError::TimedOut => (504, None, r#"{"detail":"The upstream did not answer in time."}"#),
        UpstreamError::Status { status: 429, retry_after } => {
            (429, retry_after, r#"{"detail":"Request was throttled."}"#)
        }
        UpstreamError::Status { status: status @ 502..=504, retry_after } => {
            (status, retry_after, r#"{"detail":"The upstream is not available."}"#)
        }
        UpstreamError::Status { .. } => (500, None, r#"{"error":["Unknown error occurred"]}"#),
        UpstreamError::TooLarge => (502, None, r#"{"detail":"The upstream's answer is too long."}"#),
        UpstreamError::InvalidResponse => (502, None, r#"{"detail":"The upstream's answer makes no sense."}"#),
        UpstreamError::BudgetExhausted => (503, Some(2), r#"{"detail":"The answer is being prepared. Ask again."}"#),
    }
}

/// It, as an entry and its bytes.
pub fn error_entry(trouble: UpstreamError) -> (CacheEntry, Vec<u8>) {
    let (status, retry_after, body) = error_answer(trouble);
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    headers.extend(retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
    (CacheEntry::own(status, headers, body.as_bytes()), body.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::headers::Headers;
    use streamgage::query::CORE_PATH;

    const UPSTREAM: &str = "https://flow.example";
    const NOW: i64 = 1_795_348_800_000;

    fn asked() -> CacheKey {
        CacheKey::read(&format!("{CORE_PATH}teams/"), "").unwrap()
    }

    fn incoming(status: u16, headers: &[(&str, &str)], body: &str) -> Result<UpstreamResponse, UpstreamError> {
        let pairs = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Ok(UpstreamResponse { sent_at: NOW, status, headers: Headers::new(pairs), body: body.into() })
    }

    fn settled(found: Result<UpstreamResponse, UpstreamError>, excused: bool) -> ResponseClass {
        classify_response(&asked(), UPSTREAM, found, None, excused, NOW)
    }

    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn only_whole_json_is_an_answer() {
        assert!(
            matches!(settled(incoming(200, &[JSON], "[]"), false), ResponseClass::New(entry, _) if entry.deadlines.is_some())
        );
        assert!(
            matches!(settled(incoming(201, &[JSON], "[]"), false), ResponseClass::New(entry, _) if entry.deadlines.is_none())
        );
        for found in [
            incoming(200, &[JSON], "[1,"),
            incoming(200, &[("content-type", "text/html")], "<h1>"),
            incoming(200, &[], "[]"),
            incoming(304, &[], ""),
            incoming(100, &[], ""),
        ] {
            assert_eq!(settled(found, true), ResponseClass::Failed(UpstreamError::InvalidResponse));
        }
    }

    #[test]
    fn redirects_lead_here_or_nowhere() {
        for (to, here) in [
            ("/v3/customer/core/teams/", Some("/v3/customer/core/teams/")),
            ("https://flow.example/v3/customer/core/teams/?a=1", Some("/v3/customer/core/teams/?a=1")),
            ("https://elsewhere.example/v3/customer/core/teams/", None),
            ("//elsewhere.example/v3/customer/core/teams/", None),
            ("/login/", None),
            ("teams/", None),
            ("/v3/customer/core/../../login/", None),
        ] {
            match (settled(incoming(302, &[("location", to)], ""), true), here) {
                (ResponseClass::PassThrough(entry, body), Some(here)) => {
                    assert_eq!(entry.headers, [("location".to_owned(), here.to_owned())], "{to}");
                    assert!(body.is_empty() && entry.deadlines.is_none());
                }
                (settled, here) => {
                    assert_eq!((settled, here), (ResponseClass::Failed(UpstreamError::InvalidResponse), None), "{to}")
                }
            }
        }
    }

    #[test]
    fn refusals_pass_without_pages() {
        let ResponseClass::Refused(entry, body) =
            settled(incoming(401, &[JSON, ("www-authenticate", "Bearer")], "{}"), true)
        else {
            panic!("not refused");
        };
        assert_eq!((entry.status, body), (401, b"{}".to_vec()));
        assert!(entry.headers.contains(&("www-authenticate".into(), "Bearer".into())));
        let ResponseClass::PassThrough(entry, body) =
            settled(incoming(404, &[("content-type", "text/html")], "<h1>"), true)
        else {
            panic!("not passed");
        };
        assert_eq!(entry.headers, [("content-type".to_owned(), "application/json".to_owned())]);
        assert_eq!(body, br#"{"detail":"The upstream refused the request."}"#);
        let mut found = vec![Vec::from("{"), Vec::from("{}}"), b"\"\xff\"".to_vec()];
        found.push(format!("{}{}", "[".repeat(1_000), "]".repeat(1_000)).into());
        for no_json in found {
            let found = incoming(404, &[JSON], "").map(|incoming| UpstreamResponse { body: no_json, ..incoming });
            let ResponseClass::PassThrough(_, body) = settled(found, true) else { panic!("not passed") };
            assert_eq!(body, br#"{"detail":"The upstream refused the request."}"#);
        }
    }

    #[test]
    fn only_what_may_pass_is_excused() {
        let status = |status| UpstreamError::Status { status, retry_after: None };
        for trouble in [UpstreamError::Unreachable, UpstreamError::TimedOut, status(500), status(503)] {
            assert_eq!(settled(Err(trouble), true), ResponseClass::StaleIfError(trouble));
            assert_eq!(settled(Err(trouble), false), ResponseClass::Failed(trouble));
        }
        for trouble in
            [UpstreamError::TooLarge, UpstreamError::InvalidResponse, UpstreamError::BudgetExhausted, status(429)]
        {
            assert_eq!(settled(Err(trouble), true), ResponseClass::Failed(trouble));
        }
    }

    #[test]
    fn a_304_confirms_what_is_kept() {
        let ResponseClass::New(kept, _) = settled(incoming(200, &[JSON, ("etag", "\"1\"")], "[]"), false) else {
            panic!("no answer");
        };
        let found = incoming(304, &[("cache-control", "max-age=7")], "");
        let ResponseClass::Revalidated(entry) =
            classify_response(&asked(), UPSTREAM, found, Some(&kept), false, NOW + 1)
        else {
            panic!("not confirmed");
        };
        assert_eq!(entry.deadlines.unwrap().fresh, NOW + 7_001);
        assert_eq!((entry.tag, entry.validators, entry.headers), (kept.tag, kept.validators, kept.headers));
    }
}
