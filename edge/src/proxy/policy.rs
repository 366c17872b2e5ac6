//! For how long an answer serves: a pure function of what was asked, what was answered, and when.

use super::headers::Headers;
use super::keys::CLOCK_SKEW;
use super::requests::{Asked, Class};
use serde::{Deserialize, Serialize};
use streamgage::calendar::Day;
use streamgage::query::MetricsRequest;

/// Until when an answer serves, in milliseconds since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetimes {
    /// When the upstream made it: its `Age` counts from here.
    pub born: i64,
    /// As it is.
    pub fresh: i64,
    /// At once, while it is fetched anew (RFC 5861, `stale-while-revalidate`).
    pub revalidate: i64,
    /// If it can't be fetched (RFC 5861, `stale-if-error`).
    pub error: i64,
}

impl Lifetimes {
    /// Whether it serves as it is. What a clock that jumped back takes to be from the future is not fresh.
    pub fn is_fresh(&self, now: i64) -> bool {
        now < self.fresh && self.is_past(now)
    }

    /// Whether it serves while it is fetched anew.
    pub fn may_revalidate(&self, now: i64) -> bool {
        now < self.revalidate && self.is_past(now)
    }

    /// Whether it serves where the upstream fails.
    pub fn may_excuse(&self, now: i64) -> bool {
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
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// How long past its freshness an answer serves while it is fetched anew, where the upstream sets no limit.
const STALE_WHILE_REVALIDATE: i64 = 10 * 60 * SECOND;
/// How long past its freshness it serves where the upstream fails. `STALE_KEY_TTL` ends it sooner, unless the key is proved
/// in other ways.
const STALE_IF_ERROR: i64 = 30 * DAY;
/// How long lists are fresh, and metrics of a week that isn't closed.
const OPEN: i64 = 60 * SECOND;

/// What the upstream says of its answer. A caller's partition is a private cache: `s-maxage` is not for it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Said {
    no_store: bool,
    no_cache: bool,
    must_revalidate: bool,
    max_age: Option<i64>,
    stale_while_revalidate: Option<i64>,
    stale_if_error: Option<i64>,
}

impl Said {
    fn read(headers: &Headers) -> Said {
        let mut said =
            Said { no_store: headers.value("vary").is_some_and(|vary| vary.contains('*')), ..Said::default() };
        for directive in headers.value("cache-control").unwrap_or_default().split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let seconds = value.trim().trim_matches('"').parse::<u32>().ok().map(|seconds| i64::from(seconds) * SECOND);
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => said.no_store = true,
                "no-cache" => said.no_cache = true,
                "must-revalidate" => said.must_revalidate = true,
                // What can't be read is stale.
                "max-age" => said.max_age = Some(seconds.unwrap_or(0)),
                "stale-while-revalidate" => said.stale_while_revalidate = seconds,
                "stale-if-error" => said.stale_if_error = seconds,
                _ => {}
            }
        }
        said
    }
}

/// For how long a good answer serves, or `None` if it may not be kept at all.
pub fn lifetimes(asked: &Asked, headers: &Headers, now: i64) -> Option<Lifetimes> {
    let said = Said::read(headers);
    if said.no_store {
        return None;
    }
    let age = headers.value("age").and_then(|age| age.trim().parse::<u32>().ok()).map_or(0, i64::from) * SECOND;
    let born = now - age;
    let fresh = match (said.no_cache, said.max_age) {
        (true, _) => now,
        (false, Some(max_age)) => born + max_age,
        (false, None) => now + default_freshness(asked, now),
    };
    let stale = !said.no_cache && !said.must_revalidate;
    let until = |said: Option<i64>, ours: i64| if stale { fresh + said.unwrap_or(ours) } else { fresh };
    Some(Lifetimes {
        born,
        fresh,
        revalidate: until(said.stale_while_revalidate, STALE_WHILE_REVALIDATE),
        error: until(said.stale_if_error, STALE_IF_ERROR),
    })
}

/// How long past its end a week still changes: commits arrive late.
const CLOSES_AFTER: i64 = 48 * HOUR;
/// How long past its end a closed week may still change now and then.
const SETTLES_AFTER: i64 = 14 * DAY;

/// For how long what was asked commonly stays as it is, in milliseconds: metrics by the last of their weeks.
fn default_freshness(asked: &Asked, now: i64) -> i64 {
    if asked.class == Class::Core {
        return OPEN;
    }
    let Ok(today) = i32::try_from(now.div_euclid(DAY)) else { return OPEN };
    let Ok(request) = MetricsRequest::parse(&asked.query.encode(), Day::from_number(today)) else { return OPEN };
    let end = i64::from(request.end.week().monday().number() + 7) * DAY;
    match now - end {
        past if past < CLOSES_AFTER => OPEN,
        past if past < SETTLES_AFTER => HOUR,
        _ => DAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::requests::{CORE, METRICS};

    /// Sunday 2026-11-22, noon.
    const NOW: i64 = 1_795_348_800_000;

    fn of(path: &str, query: &str, headers: &[(&str, &str)]) -> Option<Lifetimes> {
        let asked = Asked::read(path, query).unwrap();
        let headers = Headers::new(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        lifetimes(&asked, &headers, NOW)
    }

    fn seconds(path: &str, query: &str, headers: &[(&str, &str)]) -> i64 {
        (of(path, query, headers).unwrap().fresh - NOW) / SECOND
    }

    #[test]
    fn weeks_close() {
        let until = |end: &str| seconds(METRICS, &format!("start_date=2026-09-01&end_date={end}&resolution=week"), &[]);
        assert_eq!(until("2026-11-22"), 60);
        // The week that ended six and a half days ago, and the one before.
        assert_eq!(until("2026-11-15"), 3_600);
        assert_eq!(until("2026-11-09"), 3_600);
        assert_eq!(until("2026-11-08"), 3_600);
        assert_eq!(until("2026-11-01"), 86_400);
        assert_eq!(seconds(METRICS, "start_date=2026-09-01&resolution=period", &[]), 60);
        assert_eq!(seconds(&format!("{CORE}teams/"), "", &[]), 60);
    }

    #[test]
    fn what_the_upstream_says_comes_first() {
        let teams = format!("{CORE}teams/");
        assert_eq!(seconds(&teams, "", &[("Cache-Control", "public, max-age=600, s-maxage=5"), ("Age", "100")]), 500);
        assert_eq!(seconds(&teams, "", &[("Cache-Control", "max-age=soon")]), 0);
        assert_eq!(of(&teams, "", &[("Cache-Control", "max-age=600, No-Store")]), None);
        assert_eq!(of(&teams, "", &[("Vary", "*")]), None);
        let strict = of(&teams, "", &[("Cache-Control", "no-cache")]).unwrap();
        assert!(!strict.is_fresh(NOW) && !strict.may_revalidate(NOW) && !strict.may_excuse(NOW));
        let limits =
            of(&teams, "", &[("Cache-Control", "max-age=1, stale-while-revalidate=2, stale-if-error=3")]).unwrap();
        assert_eq!(limits, Lifetimes { born: NOW, fresh: NOW + 1_000, revalidate: NOW + 3_000, error: NOW + 4_000 });
    }

    #[test]
    fn what_is_from_the_future_is_not_fresh() {
        let lifetimes = of(&format!("{CORE}teams/"), "", &[]).unwrap();
        assert!(lifetimes.is_fresh(NOW) && lifetimes.is_fresh(NOW - CLOCK_SKEW + 1));
        assert!(!lifetimes.is_fresh(NOW - CLOCK_SKEW) && !lifetimes.may_revalidate(NOW - CLOCK_SKEW));
        assert_eq!(lifetimes.age(NOW - DAY), 0);
    }
}
