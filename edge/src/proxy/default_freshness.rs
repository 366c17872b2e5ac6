//! Freshness of responses whose headers do not state it.
//!
//! Figures of recent days still change, for example when commits are pushed late. Figures of old days rarely do.

use super::cache_key::{CacheKey, PermissionClass};
use streamgage::calendar::{Day, Week};
use streamgage::query::MetricsRequest;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A period is closed at 00:00 UTC this many days after its last day: 48 hours after its end.
const DAYS_UNTIL_CLOSED: i32 = 3;
/// A period is old this many days after its last day: 14 days after its end.
const DAYS_UNTIL_OLD: i32 = 15;

/// Returns the default freshness of a response, in milliseconds: `list_ttl` for lists; for metrics, that of the last week.
pub(super) fn default_freshness(key: &CacheKey, list_ttl: i64, now: i64) -> i64 {
    if key.class == PermissionClass::Core {
        return list_ttl;
    }
    let Ok(today) = i32::try_from(now.div_euclid(DAY)).map(Day::from_number) else { return MINUTE };
    let Ok(request) = MetricsRequest::parse(&key.query.encode(), today) else { return MINUTE };
    week_freshness(request.end.week(), today)
}

pub(super) fn week_freshness(week: Week, today: Day) -> i64 {
    freshness_after(sunday(week), today)
}

/// Returns the freshness of figures by the last day that they include: one minute while the period is open, one hour once
/// it is closed, one day once it is old.
pub(super) fn freshness_after(last_day: Day, today: Day) -> i64 {
    match today.number().saturating_sub(last_day.number()) {
        ..DAYS_UNTIL_CLOSED => MINUTE,
        DAYS_UNTIL_CLOSED..DAYS_UNTIL_OLD => HOUR,
        DAYS_UNTIL_OLD.. => DAY,
    }
}

pub(super) fn sunday(week: Week) -> Day {
    Day::from_number(week.monday().number().saturating_add(6))
}
