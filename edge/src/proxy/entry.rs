//! Metadata of a cached response.

use super::cache::{Deadlines, ExchangeTimes, response_policy};
use super::cache_key::CacheKey;
use super::default_freshness::default_freshness;
use super::headers::Headers;
use super::links::{Link, Links, find_links};
use crate::http::authorize::short_hash;
use serde::{Deserialize, Serialize};

/// A response without its body, which is stored as the upstream sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheEntry {
    pub status: u16,
    /// Headers that are passed to callers.
    pub headers: Vec<(String, String)>,
    /// The entity tag of the body, without quotes.
    pub tag: String,
    /// Links to the upstream in the body.
    pub links: Vec<Link>,
    pub validators: Validators,
    /// `None` if the response must not be stored.
    pub deadlines: Option<Deadlines>,
    /// The metrics were derived from lists.
    #[serde(default)]
    pub derived: bool,
    /// The body is a page of a list.
    #[serde(default)]
    pub is_list: bool,
}

/// Validators of the upstream, for conditional requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// The value of `ETag`.
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

impl CacheEntry {
    /// Reads a successful response.
    ///
    /// # Errors
    /// Returns an error if the body is not valid JSON or is not declared as JSON.
    pub fn from_response(
        cache_key: &CacheKey,
        status: u16,
        headers: &Headers,
        body: &[u8],
        times: ExchangeTimes,
    ) -> Result<CacheEntry, InvalidJsonError> {
        let text = std::str::from_utf8(body).ok().filter(|_| headers.is_json()).ok_or(InvalidJsonError)?;
        let Links { links, is_list } = find_links(text).ok_or(InvalidJsonError)?;
        Ok(CacheEntry {
            status,
            headers: headers.passed(),
            tag: short_hash(body),
            links,
            validators: Validators::from_headers(headers),
            deadlines: deadlines(cache_key, headers, times).filter(|_| status == 200),
            derived: false,
            is_list,
        })
    }

    /// Describes metrics that the proxy assembled: JSON without links.
    pub fn assembled(body: &[u8], deadlines: Deadlines, derived: bool) -> CacheEntry {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        CacheEntry { deadlines: Some(deadlines), derived, ..CacheEntry::unstored(200, headers, body) }
    }

    /// Describes a response that is not stored.
    pub fn unstored(status: u16, headers: Vec<(String, String)>, body: &[u8]) -> CacheEntry {
        CacheEntry {
            status,
            headers,
            tag: short_hash(body),
            links: Vec::new(),
            validators: Validators::default(),
            deadlines: None,
            derived: false,
            is_list: false,
        }
    }

    /// Updates the headers and deadlines after a 304 (RFC 9111 §3.2).
    #[must_use]
    pub fn revalidated(&self, cache_key: &CacheKey, headers: &Headers, times: ExchangeTimes) -> CacheEntry {
        let mut entry = self.clone();
        for (name, value) in headers.passed() {
            if name != "content-type" {
                entry.headers.retain(|(known, _)| *known != name);
                entry.headers.push((name, value));
            }
        }
        let validators = Validators::from_headers(headers);
        entry.validators.etag = validators.etag.or(entry.validators.etag);
        entry.validators.last_modified = validators.last_modified.or(entry.validators.last_modified);
        entry.deadlines = deadlines(cache_key, headers, times);
        entry
    }
}

impl Validators {
    pub fn are_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    fn from_headers(headers: &Headers) -> Validators {
        let value = |name| headers.value(name).map(str::to_owned);
        Validators { etag: value("etag"), last_modified: value("last-modified") }
    }
}

fn deadlines(cache_key: &CacheKey, headers: &Headers, times: ExchangeTimes) -> Option<Deadlines> {
    Some(response_policy(headers, times)?.deadlines(default_freshness(cache_key, times.received_at)))
}

/// A body that is not valid JSON, or not declared as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidJsonError;

#[cfg(test)]
mod tests {
    use super::*;
    use streamgage::query::{CORE_PATH, METRICS_PATH};

    /// Sunday 2026-11-22, noon.
    const NOW: i64 = 1_795_348_800_000;

    fn deadlines_of(path: &str, query: &str, headers: &[(&str, &str)]) -> Option<Deadlines> {
        let cache_key = CacheKey::parse(path, query).unwrap();
        let headers = Headers::new(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        deadlines(&cache_key, &headers, ExchangeTimes { sent_at: NOW, received_at: NOW })
    }

    fn fresh_seconds(path: &str, query: &str, headers: &[(&str, &str)]) -> i64 {
        (deadlines_of(path, query, headers).unwrap().fresh_until - NOW) / 1_000
    }

    #[test]
    fn metrics_of_older_weeks_are_fresh_for_longer() {
        let until = |end: &str| {
            fresh_seconds(METRICS_PATH, &format!("start_date=2026-09-01&end_date={end}&resolution=week"), &[])
        };
        assert_eq!(until("2026-11-22"), 60);
        // The week that ended six and a half days ago, and the one before.
        assert_eq!(until("2026-11-15"), 3_600);
        assert_eq!(until("2026-11-09"), 3_600);
        assert_eq!(until("2026-11-08"), 3_600);
        assert_eq!(until("2026-11-01"), 86_400);
        assert_eq!(fresh_seconds(METRICS_PATH, "start_date=2026-09-01&resolution=period", &[]), 60);
        assert_eq!(fresh_seconds(&format!("{CORE_PATH}teams/"), "", &[]), 60);
    }

    #[test]
    fn headers_override_the_defaults() {
        let teams = format!("{CORE_PATH}teams/");
        let shared = [("Cache-Control", "public, max-age=600, s-maxage=5"), ("Age", "100")];
        assert_eq!(fresh_seconds(&teams, "", &shared), 500);
        assert_eq!(fresh_seconds(&teams, "", &[("Cache-Control", "max-age=soon")]), 0);
        assert_eq!(deadlines_of(&teams, "", &[("Cache-Control", "max-age=600, No-Store")]), None);
        assert_eq!(deadlines_of(&teams, "", &[("Vary", "*")]), None);
        let strict = deadlines_of(&teams, "", &[("Cache-Control", "no-cache")]).unwrap();
        assert!(!strict.is_fresh(NOW) && !strict.may_serve_while_revalidating(NOW) && !strict.may_serve_on_error(NOW));
        let limits = [("Cache-Control", "max-age=1, stale-while-revalidate=2, stale-if-error=3")];
        let limits = deadlines_of(&teams, "", &limits).unwrap();
        let short = deadlines_of(&teams, "", &[("Cache-Control", "max-age=1")]).unwrap();
        assert_eq!((short.revalidate_until, short.error_until > short.fresh_until), (NOW + 1_000, true));
        assert_eq!(deadlines_of(&teams, "", &[]).unwrap().revalidate_until, NOW + 660_000);
        let expected = Deadlines {
            generated_at: NOW,
            fresh_until: NOW + 1_000,
            revalidate_until: NOW + 3_000,
            error_until: NOW + 4_000,
        };
        assert_eq!(limits, expected);
    }
}
