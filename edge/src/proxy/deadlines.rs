//! For how long an answer serves: a pure function of what was asked, what was answered, and when.

use super::cache_key::{CacheKey, PermissionClass};
use super::headers::{Headers, UPSTREAM_HEADERS};
use super::partition::CLOCK_SKEW;
use crate::cache::{self, Fields, ResponsePolicy, Rules, Stale, Times, response_policy};
use crate::codec::as_list;
use crate::proxy::weeks::freshness;
use streamgage::calendar::Day;
use streamgage::query::MetricsRequest;

/// Until when an answer serves, in milliseconds since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// When the upstream made it: its `Age` counts from here.
    pub born: i64,
    /// As it is.
    pub fresh: i64,
    /// At once, while it is fetched anew (RFC 5861, `stale-while-revalidate`).
    pub revalidate: i64,
    /// If it can't be fetched (RFC 5861, `stale-if-error`).
    pub error: i64,
}

as_list!(Deadlines { born, fresh, revalidate, error });

impl Deadlines {
    /// Whether it serves as it is. What a clock that jumped back takes to be from the future is not fresh.
    pub fn is_fresh(&self, now: i64) -> bool {
        now < self.fresh && self.is_past(now)
    }

    /// Whether it serves while it is fetched anew.
    pub fn may_serve_while_revalidating(&self, now: i64) -> bool {
        now < self.revalidate && self.is_past(now)
    }

    /// Whether it serves where the upstream fails.
    pub fn may_serve_on_error(&self, now: i64) -> bool {
        now < self.error
    }

    fn is_past(&self, now: i64) -> bool {
        self.born.saturating_sub(now) < CLOCK_SKEW
    }

    /// Its `Age`, in seconds.
    pub fn age(&self, now: i64) -> i64 {
        (now - self.born).max(0) / SECOND
    }
}

const SECOND: i64 = 1_000;
const DAY: i64 = 86_400 * SECOND;

/// How long past its freshness an answer serves while it is fetched anew, where the upstream says nothing of freshness:
/// seconds.
const STALE_WHILE_REVALIDATE: u64 = 600;
/// How long past its freshness it serves where the upstream fails, in seconds. `STALE_KEY_TTL` ends it sooner, unless the key is proved
/// in other ways.
const STALE_IF_ERROR: u64 = 30 * 86_400;
/// No time that an answer states is longer, in seconds: ten years.
const LONGEST: i64 = 3_650 * 86_400;
/// How long lists are fresh.
const OPEN: i64 = 60 * SECOND;

/// A partition is the private cache of one key. Cookies never are in what is kept, so they are no reason against it.
const RULES: Rules = Rules {
    shared: false,
    heuristic: 0.0,
    cookies: true,
    targeted: &[],
    stale: Stale {
        while_revalidating: STALE_WHILE_REVALIDATE,
        if_error: STALE_IF_ERROR,
        if_unreachable: STALE_IF_ERROR,
    },
};

/// For how long a good answer serves, or `None` if it may not be kept at all (RFC 9111 §3).
pub fn deadlines(asked: &CacheKey, headers: &Headers, times: Times) -> Option<Deadlines> {
    Some(CacheDirectives::of(headers, times)?.deadlines(default_freshness(asked, times.answered)))
}

/// What the upstream says of how long a good answer serves, if it lets it be kept.
#[derive(Clone, Copy, Debug)]
pub struct CacheDirectives {
    answered: i64,
    said: cache::FreshnessLifetime,
    /// Whether it says how long it is fresh.
    is_explicit: bool,
}

impl CacheDirectives {
    /// Reads the headers; `None`, if the answer may not be kept at all (RFC 9111 §3).
    pub fn of(headers: &Headers, times: Times) -> Option<CacheDirectives> {
        let sent: Fields = UPSTREAM_HEADERS.into_iter().collect();
        let (said, is_explicit) = match response_policy(&sent, 200, &headers.iter().collect(), times, &RULES) {
            ResponsePolicy::NotStorable => return None,
            ResponsePolicy::Explicit(said) => (said, true),
            ResponsePolicy::Implicit(said) => (said, false),
        };
        Some(CacheDirectives { answered: times.answered, said, is_explicit })
    }

    /// Until when it serves. What is not said to be fresh for a time is so for `otherwise` milliseconds.
    pub fn deadlines(&self, otherwise: i64) -> Deadlines {
        let CacheDirectives { answered, said, is_explicit } = self;
        let fresh = if *is_explicit { said.fresh_until(*answered) } else { answered.saturating_add(otherwise) };
        let seconds = |seconds: u64| i64::try_from(seconds).unwrap_or(LONGEST).min(LONGEST) * SECOND;
        Deadlines {
            born: answered.saturating_sub(seconds(said.initial_age)),
            fresh,
            revalidate: fresh.saturating_add(seconds(said.stale.while_revalidating)),
            error: fresh.saturating_add(seconds(said.stale.if_error)),
        }
    }
}

impl Deadlines {
    /// Of all that an answer is put together of: from the oldest on, and as long as each of them serves.
    pub(crate) fn and(self, other: Deadlines) -> Deadlines {
        Deadlines {
            born: self.born.min(other.born),
            fresh: self.fresh.min(other.fresh),
            revalidate: self.revalidate.min(other.revalidate),
            error: self.error.min(other.error),
        }
    }

    /// Of what is fresh until that moment, and no good after it.
    pub(crate) fn none(time: i64) -> Deadlines {
        Deadlines { born: time, fresh: time, revalidate: time, error: time }
    }

    /// Of what is made here, so that nobody else says how long it serves.
    pub(crate) fn ours(born: i64, fresh: i64) -> Deadlines {
        let until = |seconds: u64| fresh.saturating_add(i64::try_from(seconds).unwrap_or(LONGEST) * SECOND);
        Deadlines { born, fresh, revalidate: until(STALE_WHILE_REVALIDATE), error: until(STALE_IF_ERROR) }
    }
}

/// For how long what was asked commonly stays as it is, in milliseconds: metrics by the last of their weeks.
fn default_freshness(asked: &CacheKey, now: i64) -> i64 {
    if asked.class == PermissionClass::Core {
        return OPEN;
    }
    let Ok(today) = i32::try_from(now.div_euclid(DAY)) else { return OPEN };
    let Ok(request) = MetricsRequest::parse(&asked.query.encode(), Day::from_number(today)) else { return OPEN };
    freshness(request.end.week(), Day::from_number(today))
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamgage::query::{CORE_PATH, METRICS_PATH};

    /// Sunday 2026-11-22, noon.
    const NOW: i64 = 1_795_348_800_000;

    fn of(path: &str, query: &str, headers: &[(&str, &str)]) -> Option<Deadlines> {
        let asked = CacheKey::read(path, query).unwrap();
        let headers = Headers::new(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        deadlines(&asked, &headers, Times { asked: NOW, answered: NOW })
    }

    fn seconds(path: &str, query: &str, headers: &[(&str, &str)]) -> i64 {
        (of(path, query, headers).unwrap().fresh - NOW) / SECOND
    }

    #[test]
    fn weeks_close() {
        let until =
            |end: &str| seconds(METRICS_PATH, &format!("start_date=2026-09-01&end_date={end}&resolution=week"), &[]);
        assert_eq!(until("2026-11-22"), 60);
        // The week that ended six and a half days ago, and the one before.
        assert_eq!(until("2026-11-15"), 3_600);
        assert_eq!(until("2026-11-09"), 3_600);
        assert_eq!(until("2026-11-08"), 3_600);
        assert_eq!(until("2026-11-01"), 86_400);
        assert_eq!(seconds(METRICS_PATH, "start_date=2026-09-01&resolution=period", &[]), 60);
        assert_eq!(seconds(&format!("{CORE_PATH}teams/"), "", &[]), 60);
    }

    #[test]
    fn what_the_upstream_says_comes_first() {
        let teams = format!("{CORE_PATH}teams/");
        assert_eq!(seconds(&teams, "", &[("Cache-Control", "public, max-age=600, s-maxage=5"), ("Age", "100")]), 500);
        assert_eq!(seconds(&teams, "", &[("Cache-Control", "max-age=soon")]), 0);
        assert_eq!(of(&teams, "", &[("Cache-Control", "max-age=600, No-Store")]), None);
        assert_eq!(of(&teams, "", &[("Vary", "*")]), None);
        let strict = of(&teams, "", &[("Cache-Control", "no-cache")]).unwrap();
        assert!(!strict.is_fresh(NOW) && !strict.may_serve_while_revalidating(NOW) && !strict.may_serve_on_error(NOW));
        let limits =
            of(&teams, "", &[("Cache-Control", "max-age=1, stale-while-revalidate=2, stale-if-error=3")]).unwrap();
        let short = of(&teams, "", &[("Cache-Control", "max-age=1")]).unwrap();
        assert_eq!((short.revalidate, short.error > short.fresh), (NOW + 1_000, true));
        assert_eq!(of(&teams, "", &[]).unwrap().revalidate, NOW + 660_000);
        assert_eq!(limits, Deadlines { born: NOW, fresh: NOW + 1_000, revalidate: NOW + 3_000, error: NOW + 4_000 });
    }

    #[test]
    fn what_is_from_the_future_is_not_fresh() {
        let deadlines = of(&format!("{CORE_PATH}teams/"), "", &[]).unwrap();
        assert!(deadlines.is_fresh(NOW) && deadlines.is_fresh(NOW - CLOCK_SKEW + 1));
        assert!(!deadlines.is_fresh(NOW - CLOCK_SKEW) && !deadlines.may_serve_while_revalidating(NOW - CLOCK_SKEW));
        assert_eq!(deadlines.age(NOW - DAY), 0);
    }
}
