//! The caching that the headers of a response allow (RFC 9111 §3, §4.2; RFC 5861).

use super::cache_control::{CacheControl, MAX_SECONDS, parse_seconds};
use super::deadlines::{Deadlines, STALE_IF_ERROR_SECONDS, STALE_WHILE_REVALIDATE_SECONDS, milliseconds};
use crate::proxy::headers::Headers;
use http_cache_semantics::{CacheOptions, CachePolicy};
use std::time::{Duration, SystemTime};

/// The times of a request and its response, in milliseconds since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeTimes {
    /// The time at which the request was sent.
    pub sent_at: i64,
    /// The time at which the response arrived.
    pub received_at: i64,
}

/// Directives of a response that may be stored. Durations are seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheDirectives {
    received_at: i64,
    /// The age on arrival (RFC 9111 §4.2.3).
    initial_age: u64,
    /// The age at which the response becomes stale (RFC 9111 §4.2.1), if the headers state it.
    freshness: Option<u64>,
    /// `None` if the headers do not decide.
    stale_while_revalidate: Option<u64>,
    stale_if_error: u64,
}

/// Reads the headers of a 200 response. Returns `None` if the response must not be stored (RFC 9111 §3).
pub fn response_policy(headers: &Headers, times: ExchangeTimes) -> Option<CacheDirectives> {
    // A field for caches at the edge replaces `Cache-Control` and `Expires` (RFC 9213 §2.2).
    let targeted = headers.value("cdn-cache-control").and_then(CacheControl::parse_targeted);
    let is_targeted = targeted.is_some();
    let control = targeted.unwrap_or_else(|| CacheControl::parse(headers.value("cache-control").unwrap_or_default()));
    let expires = headers.value("expires").filter(|_| !is_targeted);
    let varies_by_everything = headers.value("vary").unwrap_or_default().split(',').any(|name| name.trim() == "*");
    // A cache that understands the status ignores `no-store` beside `must-understand` (RFC 9111 §5.2.2.3).
    // Caches at the edge are shared, so `private` in their field excludes this one, too.
    let is_forbidden =
        (control.has("no-store") && !control.has("must-understand")) || (is_targeted && control.has("private"));
    if varies_by_everything || is_forbidden {
        return None;
    }
    let policy = cache_policy(headers, &control, expires, times.received_at);
    if !policy.is_storable() {
        return None;
    }
    let must_revalidate = control.has("must-revalidate") || control.has("no-cache");
    let is_explicit = control.seconds("max-age").is_some() || expires.is_some() || control.has("no-cache");
    let stale_seconds = |name: &str| if must_revalidate { Some(0) } else { control.seconds(name) };
    Some(CacheDirectives {
        received_at: times.received_at,
        initial_age: initial_age(headers, times),
        freshness: is_explicit.then(|| policy.time_to_live(system_time(times.received_at)).as_secs()),
        stale_while_revalidate: stale_seconds("stale-while-revalidate"),
        stale_if_error: stale_seconds("stale-if-error").unwrap_or(STALE_IF_ERROR_SECONDS),
    })
}

impl CacheDirectives {
    /// Returns the deadlines. Without stated freshness the response is fresh for `default_freshness` milliseconds.
    pub fn deadlines(&self, default_freshness: i64) -> Deadlines {
        let freshness = match self.freshness {
            Some(seconds) => whole_milliseconds(seconds).saturating_sub(whole_milliseconds(self.initial_age)),
            None => default_freshness,
        };
        let fresh_until = self.received_at.saturating_add(freshness);
        // An upstream that states freshness and nothing else wants no stale responses (RFC 9111 §4.2.4).
        let has_default = self.freshness.is_none() && default_freshness > 0;
        let default_while_revalidating = if has_default { STALE_WHILE_REVALIDATE_SECONDS } else { 0 };
        let stale_while_revalidate = self.stale_while_revalidate.unwrap_or(default_while_revalidating);
        Deadlines {
            generated_at: self.received_at.saturating_sub(milliseconds(self.initial_age)),
            fresh_until,
            revalidate_until: fresh_until.saturating_add(milliseconds(stale_while_revalidate)),
            error_until: fresh_until.saturating_add(milliseconds(self.stale_if_error)),
        }
    }
}

/// Builds the policy from normalized headers, because `http-cache-semantics` compares directives case-sensitively, accepts
/// malformed dates, and replaces numbers that overflow by 0.
fn cache_policy(headers: &Headers, control: &CacheControl, expires: Option<&str>, received_at: i64) -> CachePolicy {
    use http::{HeaderMap, HeaderValue, Request, Response, header};
    fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
        headers.extend(HeaderValue::from_str(value).map(|value| (name, value)));
    }
    let mut response = Response::new(());
    let mut directives: Vec<String> = Vec::new();
    if control.has("no-cache") {
        directives.push("no-cache".to_owned());
    }
    directives.extend(control.seconds("max-age").map(|seconds| format!("max-age={seconds}")));
    insert(response.headers_mut(), header::CACHE_CONTROL, &directives.join(", "));
    if let Some(text) = expires {
        // An invalid date is in the past (RFC 9111 §5.3).
        let date = parse_date(text).map(httpdate::fmt_http_date);
        insert(response.headers_mut(), header::EXPIRES, date.as_deref().unwrap_or("0"));
    }
    if let Some(date) = headers.value("date").and_then(parse_date) {
        insert(response.headers_mut(), header::DATE, &httpdate::fmt_http_date(date));
    }
    // A partition is the private cache of one key.
    let options = CacheOptions { shared: false, cache_heuristic: 0.0, ..CacheOptions::default() };
    CachePolicy::new_options(&Request::new(()), &response, system_time(received_at), options)
}

/// Returns `corrected_initial_age` (RFC 9111 §4.2.3). The first member of a list counts; an invalid one is ignored (§5.1).
fn initial_age(headers: &Headers, times: ExchangeTimes) -> u64 {
    let age = headers.value("age").and_then(|text| parse_seconds(text.split(',').next()?.trim())).unwrap_or(0);
    let received = system_time(times.received_at);
    let date = headers.value("date").and_then(parse_date);
    let apparent_age = date.and_then(|date| received.duration_since(date).ok()).unwrap_or_default().as_secs();
    let delay = u64::try_from(times.received_at.saturating_sub(times.sent_at) / 1_000).unwrap_or(0);
    apparent_age.max(age.saturating_add(delay)).min(MAX_SECONDS)
}

/// Parses an HTTP-date (RFC 9110 §5.6.7).
fn parse_date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text.trim()).ok()
}

/// 9999-12-31T23:59:59Z, in seconds since 1970: the last time that an HTTP-date can express.
const LAST_HTTP_DATE: u64 = 253_402_300_799;

fn system_time(milliseconds: i64) -> SystemTime {
    let seconds = u64::try_from(milliseconds / 1_000).unwrap_or(0).min(LAST_HTTP_DATE);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn whole_milliseconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-22T12:00:00Z.
    const NOON: i64 = 1_795_348_800_000;
    const DATE: (&str, &str) = ("Date", "Sun, 22 Nov 2026 12:00:00 GMT");
    const AT_NOON: ExchangeTimes = ExchangeTimes { sent_at: NOON, received_at: NOON };

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        Headers::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn policy(pairs: &[(&str, &str)]) -> Option<CacheDirectives> {
        response_policy(&headers(pairs), AT_NOON)
    }

    #[test]
    fn cache_control_states_freshness() {
        for (control, freshness) in [
            ("", Some(None)),
            ("max-age=60", Some(Some(60))),
            ("MAX-AGE=60", Some(Some(60))),
            ("max-age=60, s-maxage=10", Some(Some(60))),
            ("max-age=99999999999", Some(Some(1 << 31))),
            ("max-age=60, proxy-revalidate", Some(Some(60))),
            ("max-age=60, no-cache", Some(Some(0))),
            ("No-Store, max-age=60", None),
            ("private, max-age=60", Some(Some(60))),
            ("private", Some(None)),
            ("extension=\"no-store, private\", max-age=60", Some(Some(60))),
            ("max-age=60, no-store, must-understand", Some(Some(60))),
        ] {
            let found = policy(&[("Cache-Control", control), DATE]);
            assert_eq!(found.map(|directives| directives.freshness), freshness, "{control}");
        }
        assert_eq!(policy(&[("Cache-Control", "max-age=60"), ("Vary", "Accept, *")]), None);
        assert!(policy(&[("Cache-Control", "max-age=60"), ("Set-Cookie", "a=b")]).is_some());
    }

    #[test]
    fn a_targeted_field_replaces_cache_control_and_expires() {
        for (targeted, control, freshness) in [
            ("no-store", "max-age=60", None),
            ("max-age=60, no-store", "max-age=60", None),
            ("private", "max-age=60", None),
            ("no-cache", "max-age=60", Some(Some(0))),
            ("max-age=0", "max-age=60", Some(Some(0))),
            ("max-age=60", "max-age=5", Some(Some(60))),
            ("max-age=60, extension", "no-store", Some(Some(60))),
            ("no-store=?0, max-age=60", "max-age=5", Some(Some(60))),
            ("must-revalidate", "max-age=60", Some(None)),
            ("max-age=5, max-age=60", "no-store", Some(Some(60))),
            ("no-store, max-age=60, no-store=?0", "max-age=5", Some(Some(60))),
            ("max-age=60;extension=1", "no-store", Some(Some(60))),
            // Invalid and empty fields are ignored.
            ("max-age=60, &&&&&", "no-store", None),
            ("max-age=\"60\"", "no-store", None),
            ("max-age", "no-store", None),
            ("max-age=(60)", "no-store", None),
            ("max-age=1.5", "max-age=5", Some(Some(5))),
            ("MAX-AGE=60", "max-age=5", Some(Some(5))),
            ("", "max-age=5", Some(Some(5))),
            ("no-store=?0", "max-age=5", Some(Some(5))),
        ] {
            let expires = ("Expires", "Sun, 22 Nov 2026 13:00:00 GMT");
            let found = policy(&[("CDN-Cache-Control", targeted), ("Cache-Control", control), expires, DATE]);
            assert_eq!(found.map(|directives| directives.freshness), freshness, "{targeted}");
        }
        let strict = policy(&[("CDN-Cache-Control", "max-age=60, must-revalidate")]).unwrap().deadlines(9);
        assert_eq!(strict.last(), NOON + 60_000);
    }

    #[test]
    fn responses_without_any_freshness_are_not_served_stale() {
        let implicit = policy(&[DATE]).unwrap().deadlines(0);
        assert_eq!((implicit.fresh_until, implicit.revalidate_until), (NOON, NOON));
        let explicit = policy(&[("Cache-Control", "stale-while-revalidate=7")]).unwrap().deadlines(0);
        assert_eq!((explicit.fresh_until, explicit.revalidate_until), (NOON, NOON + 7_000));
    }

    #[test]
    fn expires_counts_from_date_and_an_invalid_date_is_past() {
        for (expires, fresh) in [
            ("Sun, 22 Nov 2026 12:01:00 GMT", 60),
            ("Sunday, 22-Nov-26 12:01:00 GMT", 60),
            ("Sun Nov 22 12:01:00 2026", 60),
            ("Sun, 21 Nov 2286 04:46:39 GMT", 8_204_690_799),
            ("Sun, 22 Nov 2026 11:59:00 GMT", 0),
            ("0", 0),
            ("Sun, 22 Nov 2050 12:01:00 UTC", 0),
            ("Sun, 22  Nov 2050 12:01:00 GMT", 0),
            ("Sun, 22 Nov 50 12:01:00 GMT", 0),
            ("Sun 22 Nov 2050 12:01:00 GMT", 0),
            // Two headers, joined.
            ("Sun, 22 Nov 2026 12:01:00 GMT, Sun, 22 Nov 2026 12:02:00 GMT", 0),
        ] {
            let found = policy(&[("Expires", expires), DATE]);
            assert_eq!(found.and_then(|directives| directives.freshness), Some(fresh), "{expires}");
        }
    }

    #[test]
    fn initial_age_is_the_greater_of_age_and_the_time_since_date() {
        let age = |pairs: &[(&str, &str)], sent_at| {
            response_policy(&headers(pairs), ExchangeTimes { sent_at, received_at: NOON }).unwrap().initial_age
        };
        assert_eq!(age(&[DATE], NOON), 0);
        assert_eq!(age(&[DATE, ("Age", "30")], NOON - 2_000), 32);
        assert_eq!(age(&[("Date", "Sun, 22 Nov 2026 11:59:00 GMT")], NOON), 60);
        for (text, seconds) in
            [("0, 7200", 0), ("7200, 0", 7200), ("abc", 0), ("-1", 0), ("1.5", 0), ("99999999999", 1 << 31)]
        {
            assert_eq!(age(&[DATE, ("Age", text)], NOON), seconds, "{text}");
        }
    }

    #[test]
    fn headers_limit_the_use_of_stale_responses() {
        let deadlines = |control: &str| policy(&[("Cache-Control", control)]).unwrap().deadlines(60_000);
        let minute = deadlines("max-age=60, stale-while-revalidate=10, stale-if-error=20");
        assert_eq!((minute.fresh_until, minute.revalidate_until), (NOON + 60_000, NOON + 70_000));
        assert_eq!(minute.error_until, NOON + 80_000);
        for control in ["must-revalidate", "no-cache"] {
            let strict = deadlines(&format!("max-age=60, stale-while-revalidate=10, stale-if-error=20, {control}"));
            assert_eq!(strict.last(), strict.fresh_until, "{control}");
        }
        let explicit = deadlines("max-age=60");
        assert_eq!(explicit.revalidate_until, explicit.fresh_until);
        assert_eq!(explicit.error_until, explicit.fresh_until + milliseconds(STALE_IF_ERROR_SECONDS));
        let implicit = deadlines("private");
        assert_eq!(implicit.revalidate_until, NOON + 60_000 + milliseconds(STALE_WHILE_REVALIDATE_SECONDS));
    }

    /// Directives of a response, valid and invalid.
    fn cache_controls() -> impl Strategy<Value = String> {
        let seconds = prop_oneof![0..200u64, Just(u64::MAX)];
        let with_seconds = ("max-age|s-maxage|stale-while-revalidate|stale-if-error|MAX-AGE", seconds)
            .prop_map(|(name, seconds)| format!("{name}={seconds}"));
        let word = "no-store|no-cache|private|public|must-revalidate|proxy-revalidate|must-understand|immutable|x=\"no-store\"|max-age=x|=|\"";
        prop::collection::vec(prop_oneof![3 => with_seconds, 1 => word], 0..4).prop_map(|members| members.join(", "))
    }

    fn date(seconds_from_noon: i64) -> String {
        httpdate::fmt_http_date(system_time(NOON + seconds_from_noon * 1_000))
    }

    prop_compose! {
        fn responses()(
            control in cache_controls(),
            age in prop::option::of(prop_oneof![(0..100u64).prop_map(|age| age.to_string()), "[0-9a-z, -]{0,12}"]),
            date in prop::option::of((-100..100i64).prop_map(date)),
            expires in prop::option::of(prop_oneof![(-100..200i64).prop_map(date), ".{0,12}"]),
            delay in 0..3i64,
        ) -> (Headers, ExchangeTimes) {
            let mut pairs = vec![("Cache-Control".to_owned(), control)];
            pairs.extend(age.map(|age| ("Age".to_owned(), age)));
            pairs.extend(date.map(|date| ("Date".to_owned(), date)));
            pairs.extend(expires.map(|expires| ("Expires".to_owned(), expires)));
            (Headers::new(pairs), ExchangeTimes { sent_at: NOON - delay * 1_000, received_at: NOON })
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn freshness_is_the_formula((headers, times) in responses()) {
            let control = headers.value("cache-control").unwrap_or_default().to_ascii_lowercase();
            let words: Vec<&str> = control.split(", ").collect();
            let Some(directives) = response_policy(&headers, times) else {
                prop_assert!(words.contains(&"no-store") && !words.contains(&"must-understand"), "{}", control);
                return Ok(());
            };
            prop_assert!(!words.contains(&"no-store") || words.contains(&"must-understand"), "{}", control);
            let max_age = words.iter().filter_map(|word| word.strip_prefix("max-age="))
                .map(|text| text.parse().map_or(0, |seconds: u64| seconds.min(1 << 31))).min();
            let date = headers.value("date").and_then(parse_date).unwrap_or(system_time(NOON));
            let expires = headers.value("expires").map(|text| {
                parse_date(text).and_then(|time| time.duration_since(date).ok()).unwrap_or_default().as_secs()
            });
            let expected = if words.contains(&"no-cache") { Some(0) } else { max_age.or(expires) };
            prop_assert_eq!(directives.freshness, expected, "{:?}", headers);
        }

        #[test]
        fn deadlines_are_in_order((headers, times) in responses(), default in 0..100_000i64) {
            let Some(directives) = response_policy(&headers, times) else { return Ok(()) };
            let deadlines = directives.deadlines(default);
            prop_assert!(deadlines.generated_at <= NOON);
            prop_assert!(deadlines.fresh_until <= deadlines.revalidate_until);
            prop_assert!(deadlines.fresh_until <= deadlines.error_until);
            let control = headers.value("cache-control").unwrap_or_default().to_ascii_lowercase();
            if control.split(", ").any(|word| matches!(word, "no-cache" | "must-revalidate")) {
                prop_assert_eq!(deadlines.last(), deadlines.fresh_until);
            }
        }

        #[test]
        fn no_header_panics(
            pairs in prop::collection::vec(("cache-control|vary|age|date|expires", ".{0,24}"), 0..8),
            now in any::<i64>(),
        ) {
            let headers = Headers::new(pairs);
            let times = ExchangeTimes { sent_at: NOON, received_at: now };
            let _ = response_policy(&headers, times).map(|directives| directives.deadlines(60_000).age(now));
        }
    }
}
