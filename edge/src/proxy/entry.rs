//! Metadata of a cached response.

use super::cache::{Deadlines, ExchangeTimes, response_policy};
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
    /// Headers of the upstream that decide about caching. Entries of earlier versions have none.
    #[serde(default)]
    pub caching: Vec<(String, String)>,
}

/// Validators of the upstream, for conditional requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// The value of `ETag`.
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

impl CacheEntry {
    /// Reads a successful response. If its headers state no freshness, it is fresh for `default_freshness` milliseconds.
    ///
    /// # Errors
    /// Returns an error if the body is not valid JSON or is not declared as JSON.
    pub fn from_response(
        status: u16,
        headers: &Headers,
        body: &[u8],
        times: ExchangeTimes,
        default_freshness: i64,
    ) -> Result<CacheEntry, InvalidJsonError> {
        let text = std::str::from_utf8(body).ok().filter(|_| headers.is_json()).ok_or(InvalidJsonError)?;
        let Links { links, is_list } = find_links(text).ok_or(InvalidJsonError)?;
        Ok(CacheEntry {
            status,
            headers: headers.passed(),
            tag: short_hash(body),
            links,
            validators: Validators::from_headers(headers),
            deadlines: deadlines(headers, times, default_freshness).filter(|_| status == 200),
            derived: false,
            is_list,
            caching: headers.caching(),
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
            caching: Vec::new(),
        }
    }

    /// Updates the headers and deadlines after a 304 (RFC 9111 §3.2).
    #[must_use]
    pub fn revalidated(&self, headers: &Headers, times: ExchangeTimes, default_freshness: i64) -> CacheEntry {
        let mut entry = self.clone();
        let headers = &headers.completed_by(&self.caching);
        for (name, value) in headers.passed() {
            if name != "content-type" {
                entry.headers.retain(|(known, _)| *known != name);
                entry.headers.push((name, value));
            }
        }
        let validators = Validators::from_headers(headers);
        entry.validators.etag = validators.etag.or(entry.validators.etag);
        entry.validators.last_modified = validators.last_modified.or(entry.validators.last_modified);
        entry.deadlines = deadlines(headers, times, default_freshness);
        entry.caching = headers.caching();
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

    /// Returns true if a 304 with these headers is about another response: both have strong entity tags, which differ
    /// (RFC 9111 §4.3.4).
    pub(super) fn is_contradicted_by(&self, headers: &Headers) -> bool {
        let strong = |tag: &&str| !tag.starts_with("W/");
        let (known, received) = (self.etag.as_deref().filter(strong), headers.value("etag").filter(strong));
        known.zip(received).is_some_and(|(known, received)| known != received)
    }
}

fn deadlines(headers: &Headers, times: ExchangeTimes, default_freshness: i64) -> Option<Deadlines> {
    Some(response_policy(headers, times)?.deadlines(default_freshness))
}

/// A body that is not valid JSON, or not declared as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidJsonError;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::cache_key::CacheKey;
    use crate::proxy::default_freshness::default_freshness;
    use streamgage::query::{CORE_PATH, METRICS_PATH};

    /// Sunday 2026-11-22, noon.
    const NOW: i64 = 1_795_348_800_000;

    fn deadlines_of(path: &str, query: &str, headers: &[(&str, &str)]) -> Option<Deadlines> {
        let cache_key = CacheKey::parse(path, query).unwrap();
        let times = ExchangeTimes { sent_at: NOW, received_at: NOW };
        deadlines(&read(headers), times, default_freshness(&cache_key, 60_000, NOW))
    }

    fn read(headers: &[(&str, &str)]) -> Headers {
        Headers::new(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    /// Returns the deadlines of a response after a 304, in milliseconds after [`NOW`]. The default freshness is 9 ms.
    fn revalidated(stored: &[(&str, &str)], received: &[(&str, &str)]) -> (CacheEntry, Option<[i64; 3]>) {
        let (stored, received) = (read(&[&[("content-type", "application/json")], stored].concat()), read(received));
        let times = |received_at| ExchangeTimes { sent_at: received_at, received_at };
        let entry = CacheEntry::from_response(200, &stored, b"[]", times(NOW - 86_400_000), 9).unwrap();
        let entry = entry.revalidated(&received, times(NOW), 9);
        let deadlines = entry.deadlines.map(|deadlines| {
            [deadlines.fresh_until, deadlines.revalidate_until, deadlines.error_until].map(|time| time - NOW)
        });
        (entry, deadlines)
    }

    #[test]
    fn stored_headers_stay_in_force_if_a_304_omits_them() {
        let strict = [("cache-control", "max-age=60, must-revalidate")];
        let minute = Some([60_000, 60_000, 60_000]);
        assert_eq!(revalidated(&strict, &[]).1, minute);
        assert_eq!(revalidated(&strict, &[("cache-control", "no-store")]).1, None);
        let once = revalidated(&strict, &[("cache-control", "max-age=5, must-revalidate")]);
        assert_eq!(once.1, Some([5_000, 5_000, 5_000]));
        assert_eq!(once.0.caching, [("cache-control".to_owned(), "max-age=5, must-revalidate".to_owned())]);
        let expires = [("expires", "Sun, 22 Nov 2026 12:01:00 GMT")];
        assert_eq!(revalidated(&expires, &[("date", "Sun, 22 Nov 2026 12:00:00 GMT")]).1.unwrap()[0], 60_000);
        assert_eq!(revalidated(&[], &[("expires", "0")]).1.unwrap()[0], 0);
        assert_eq!(revalidated(&[], &[]).1.unwrap()[0], 9);
        assert_eq!(revalidated(&[("cdn-cache-control", "max-age=60, must-revalidate")], &[]).1, minute);
        // The age of the stored response is not the age of the 304.
        assert_eq!(revalidated(&[("cache-control", "max-age=60, must-revalidate"), ("age", "30")], &[]).1, minute);
    }

    #[test]
    fn entries_without_stored_headers_are_revalidated_by_the_304_alone() {
        let (mut entry, _) = revalidated(&[("cache-control", "max-age=60")], &[]);
        entry.caching.clear();
        let times = ExchangeTimes { sent_at: NOW, received_at: NOW };
        assert_eq!(entry.revalidated(&read(&[]), times, 9).deadlines.unwrap().fresh_until, NOW + 9);
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
