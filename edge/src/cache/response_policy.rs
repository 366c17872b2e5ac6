//! What an answer says of its own storing and freshness (RFC 9111 §3, §4.2; RFC 5861; RFC 9213).

use super::Fields;
use super::date::{LAST, read_date, write_date};
use super::directives::{Directives, LONGEST, delta_seconds};
use http_cache_semantics::{CacheOptions, CachePolicy};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// What kind of cache this is.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whether several callers share it: then `private`, and what a key was shown for, is not stored, and `s-maxage` counts.
    pub shared: bool,
    /// Where nothing is said of freshness: this part of the time since `Last-Modified` (RFC 9111 §4.2.2). 0: none.
    pub heuristic: f32,
    /// Whether an answer with `Set-Cookie` may be stored.
    pub cookies: bool,
    /// Fields for caches of this kind, in lower case; the first that is valid counts instead of `Cache-Control` and
    /// `Expires` (RFC 9213).
    pub targeted: &'static [&'static str],
    /// For how long beyond its freshness an answer may be used that neither says so itself nor forbids it; while a newer
    /// one is fetched, only where it does not say either how long it is fresh.
    pub stale: Stale,
}

/// Seconds beyond freshness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stale {
    /// While a newer answer is fetched behind (RFC 5861 §3).
    pub while_revalidating: u64,
    /// When the upstream answers with 500, 502, 503 or 504 (RFC 5861 §4).
    pub if_error: u64,
    /// When there is no answer from the upstream, or none in time (RFC 9111 §4.2.4).
    pub if_unreachable: u64,
}

/// When an answer was asked for, and when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When the request went out.
    pub asked: i64,
    /// When the answer's head was there.
    pub answered: i64,
}

/// How long an answer may be used, by its age. Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshnessLifetime {
    /// How old it was when it came (RFC 9111 §4.2.3).
    pub initial_age: u64,
    /// At which age it stops being fresh (RFC 9111 §4.2.1).
    pub fresh: u64,
    /// Whether no use at all is allowed once it is stale, whoever asks (`must-revalidate`, `no-cache`).
    pub must_revalidate: bool,
    /// What is allowed once it is stale; nothing if it must be revalidated.
    pub stale: Stale,
}

impl FreshnessLifetime {
    /// Until when it is fresh, if it came at that time.
    pub fn fresh_until(&self, answered: i64) -> i64 {
        answered + milliseconds(self.fresh) - milliseconds(self.initial_age)
    }
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponsePolicy {
    /// That it is not to be stored; or it is of a kind that can't be.
    NotStorable,
    /// How long it is fresh.
    Explicit(FreshnessLifetime),
    /// Nothing of its freshness. `fresh` is then what the heuristic allows, or 0.
    Implicit(FreshnessLifetime),
}

/// The statuses that RFC 9110 §15 lets be stored without a word, and redirects.
const KNOWN_STATUSES: [u16; 14] = [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501];

/// Reads what the answer to a `GET` says. The fields of the request are those that went upstream.
pub fn response_policy(
    request: &Fields,
    status: u16,
    response: &Fields,
    times: Times,
    rules: &Rules,
) -> ResponsePolicy {
    let targeted = rules.targeted.iter().find_map(|name| Directives::structured(&response.get(name)?));
    let is_targeted = targeted.is_some();
    let directives = targeted.unwrap_or_else(|| Directives::of(response));
    let expires = response.get("expires").filter(|_| !is_targeted);

    // A part can't be told from the whole, and a 304 is no answer of its own (RFC 9111 §3.3, §4.3.4).
    let storable = (200..600).contains(&status) && status != 206 && status != 304;
    let understood = KNOWN_STATUSES.contains(&status) || !directives.has("must-understand");
    let cookies = rules.cookies || !response.has("set-cookie");
    let any = response.list("vary").any(|name| name == "*");
    let forbidden = directives.has("no-store") && !(directives.has("must-understand") && understood);
    if !(storable && understood && cookies) || any || forbidden {
        return ResponsePolicy::NotStorable;
    }

    let max_age = directives.seconds("max-age");
    let s_maxage = directives.seconds("s-maxage").filter(|_| rules.shared);
    let policy = policy(request, status, response, &directives, expires.as_deref(), times, rules);
    if !policy.is_storable() {
        return ResponsePolicy::NotStorable;
    }
    let must_revalidate = directives.has("must-revalidate")
        || directives.has("no-cache")
        || rules.shared && (directives.has("proxy-revalidate") || s_maxage.is_some());
    let explicit = max_age.is_some() || s_maxage.is_some() || expires.is_some() || directives.has("no-cache");
    let or = |name: &str, default: u64| directives.seconds(name).unwrap_or(default);
    let lifetimes = FreshnessLifetime {
        initial_age: initial_age(response, times),
        fresh: policy.time_to_live(moment(times.answered)).as_secs(),
        must_revalidate,
        stale: if must_revalidate {
            Stale::default()
        } else {
            Stale {
                // Who says how long an answer is fresh, and no more, wants no other while there is one (RFC 9111 §4.2.4).
                while_revalidating: or(
                    "stale-while-revalidate",
                    if explicit { 0 } else { rules.stale.while_revalidating },
                ),
                if_error: or("stale-if-error", rules.stale.if_error),
                if_unreachable: or("stale-if-error", rules.stale.if_unreachable),
            }
        },
    };
    if explicit { ResponsePolicy::Explicit(lifetimes) } else { ResponsePolicy::Implicit(lifetimes) }
}

/// The answer as the library is to see it: what it needs to know, in the one form that it reads as RFC 9111 does. It
/// compares directives by case, takes dates of other kinds for good, and overflows to 0. `Age`, `Vary` and the cookies
/// are looked at here.
fn policy(
    request: &Fields,
    status: u16,
    response: &Fields,
    directives: &Directives,
    expires: Option<&str>,
    times: Times,
    rules: &Rules,
) -> CachePolicy {
    use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
    let put = |headers: &mut HeaderMap, name: header::HeaderName, value: String| {
        // Digits, dates and names of directives: always a value.
        headers.extend(HeaderValue::from_str(&value).map(|value| (name, value)));
    };
    let mut asked = Request::new(());
    if request.has("authorization") {
        put(asked.headers_mut(), header::AUTHORIZATION, "present".to_owned());
    }
    if Directives::of(request).has("no-store") {
        put(asked.headers_mut(), header::CACHE_CONTROL, "no-store".to_owned());
    }
    let mut answered = Response::new(());
    // The library stores by RFC 7234, which asked for a status that is understood; RFC 9111 §3 asks for a final one.
    // It has nothing to say of a 302 but what stands in it, so that is what it sees of any other.
    let known = if KNOWN_STATUSES.contains(&status) { status } else { 302 };
    *answered.status_mut() = StatusCode::from_u16(known).unwrap_or(StatusCode::FOUND);
    let names = ["no-cache", "private", "public", "must-revalidate"];
    let mut control: Vec<String> = names.into_iter().filter(|name| directives.has(name)).map(str::to_owned).collect();
    for name in ["max-age", "s-maxage"] {
        control.extend(directives.seconds(name).map(|seconds| format!("{name}={seconds}")));
    }
    put(answered.headers_mut(), header::CACHE_CONTROL, control.join(", "));
    let date = |text: &str| read_date(text).map(write_date);
    if let Some(text) = expires {
        put(answered.headers_mut(), header::EXPIRES, date(text).unwrap_or_else(|| "0".to_owned()));
    }
    for (name, field) in [(header::DATE, "date"), (header::LAST_MODIFIED, "last-modified")] {
        if let Some(text) = response.get(field).as_deref().and_then(date) {
            put(answered.headers_mut(), name, text);
        }
    }
    let options = CacheOptions { shared: rules.shared, cache_heuristic: rules.heuristic, ..CacheOptions::default() };
    CachePolicy::new_options(&asked, &answered, moment(times.answered), options)
}

/// `corrected_initial_age` (RFC 9111 §4.2.3). Of a list the first member counts, and what is no number doesn't (§5.1).
fn initial_age(response: &Fields, times: Times) -> u64 {
    let age = response.get("age").and_then(|text| delta_seconds(text.split(',').next()?.trim())).unwrap_or(0);
    let apparent = response.get("date").as_deref().and_then(read_date).map_or(0, |date| times.answered - date);
    let delay = times.answered - times.asked;
    seconds(apparent).max(age + seconds(delay)).min(LONGEST)
}

/// The time as the library takes it: whole seconds, between 1970 and the year 9999 that an HTTP-date can name.
fn moment(time: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds(time).min(LAST))
}

pub(super) fn seconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds / 1000).unwrap_or(0)
}

pub(super) fn milliseconds(seconds: u64) -> i64 {
    // At most 2³¹ seconds, and sums of a few of them.
    i64::try_from(seconds).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}
