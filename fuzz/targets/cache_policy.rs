//! The headers of a response never cause a panic, and what they forbid is not stored or served.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use streamgage_edge::proxy::{CacheEntry, Deadlines, ExchangeTimes, Headers};

/// 2026-11-22T12:00:00Z
const NOW: i64 = 1_795_348_800_000;
const SECOND: i64 = 1_000;
const TEN_YEARS: i64 = 3_650 * 86_400 * SECOND;
/// The time between the first and the last date that `Date` and `Expires` can state.
const LONGEST_FRESHNESS: i64 = 253_402_300_799 * SECOND;
/// Default freshness of responses, in milliseconds.
const DEFAULTS: [i64; 3] = [0, 60 * SECOND, 86_400 * SECOND];
/// Names in lower case, and values as they are joined.
type Fields = BTreeMap<String, String>;

/// Each line is a field. The bytes before them are the default, the delay of the response in seconds, and the clock.
fn read(data: &[u8]) -> Option<(Fields, ExchangeTimes, i64)> {
    let (&[default, delay, days, sign], rest) = data.split_first_chunk()?;
    let mut fields = Fields::from([("content-type".to_owned(), "application/json".to_owned())]);
    for (name, value) in streamgage_fuzz::text(rest).lines().filter_map(|line| line.split_once(':')) {
        let joined = fields.entry(name.to_ascii_lowercase()).or_default();
        let separator = if joined.is_empty() { "" } else { ", " };
        *joined += &format!("{separator}{}", value.trim());
    }
    let received_at = NOW + i64::from(days) * 86_400 * SECOND * if sign % 2 == 0 { 1 } else { -1 };
    let times = ExchangeTimes { sent_at: received_at - i64::from(delay) * SECOND, received_at };
    Some((fields, times, DEFAULTS[usize::from(default) % DEFAULTS.len()]))
}

/// The directives that decide, if every comma separates them because there are no quotes.
fn plain_directives(fields: &Fields) -> Option<Vec<String>> {
    let text = match fields.get("cdn-cache-control") {
        None => fields.get("cache-control").map_or("", String::as_str),
        // Other values may be invalid, so that `Cache-Control` counts.
        Some(text) if matches!(text.as_str(), "no-store" | "no-cache" | "must-revalidate" | "max-age=60") => text,
        Some(_) => return None,
    };
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
    is_plain.then(|| text.split(',').map(|directive| directive.trim().to_ascii_lowercase()).collect())
}

fn check(deadlines: Deadlines, directives: Option<&[String]>, received_at: i64) {
    let Deadlines { generated_at, fresh_until, revalidate_until, error_until } = deadlines;
    assert!(generated_at <= received_at);
    assert!(fresh_until <= received_at.saturating_add(LONGEST_FRESHNESS));
    assert!(fresh_until <= revalidate_until && revalidate_until <= fresh_until + TEN_YEARS);
    assert!(fresh_until <= error_until && error_until <= fresh_until + TEN_YEARS);
    for now in [received_at, fresh_until - 1, fresh_until, revalidate_until, error_until] {
        assert!(deadlines.age(now) >= 0);
        assert!(!deadlines.is_fresh(now) || now < fresh_until && deadlines.may_serve_on_error(now));
    }
    let Some(directives) = directives else { return };
    let has = |name: &str| directives.iter().any(|directive| directive.split('=').next() == Some(name));
    assert!(!has("no-store") || has("must-understand"), "no-store is stored");
    if has("no-cache") {
        assert!(!deadlines.is_fresh(received_at), "no-cache is fresh");
    }
    if has("no-cache") || has("must-revalidate") {
        assert!(!deadlines.may_serve_on_error(fresh_until) && !deadlines.may_serve_while_revalidating(fresh_until));
    }
    for directive in directives {
        if let Some(Ok(seconds)) = directive.strip_prefix("max-age=").map(str::parse::<u32>) {
            assert!(fresh_until <= received_at + i64::from(seconds) * SECOND, "fresh for longer than max-age");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((fields, times, default)) = read(data) else { return };
    let directives = plain_directives(&fields);
    let states_freshness =
        ["expires", "cache-control", "cdn-cache-control"].iter().any(|name| fields.contains_key(*name));
    let headers = Headers::new(fields);
    let varies = headers.value("vary").is_some_and(|names| names.split(',').any(|name| name.trim() == "*"));
    let of_status = |status| CacheEntry::from_response(status, &headers, b"{\"results\":[]}", times, default);
    let Ok(entry) = of_status(200) else {
        return assert!(!headers.is_json());
    };
    assert!(entry.headers.iter().all(|(name, _)| matches!(name.as_str(), "content-type" | "date" | "last-modified")));
    if let Some(deadlines) = entry.deadlines {
        assert!(!varies, "a response that varies by everything is stored");
        check(deadlines, directives.as_deref(), times.received_at);
        assert!(states_freshness || deadlines.fresh_until <= times.received_at + default);
    }
    assert_eq!(of_status(201).map(|entry| entry.deadlines), Ok(None));
    // A 304 with the same headers changes nothing.
    assert_eq!(entry.revalidated(&headers, times, default), entry);
    let stored = serde_json::to_string(&entry).expect("an entry has a stored form");
    assert_eq!(serde_json::from_str::<CacheEntry>(&stored).ok(), Some(entry));
});
