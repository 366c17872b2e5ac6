//! Whatever an upstream sends and a store contains, metrics are assembled and derived from it or fail, within a number of
//! requests and in memory in proportion to what was received.
#![no_main]

#[path = "../../edge/tests/fake_upstream/mod.rs"]
mod fake_upstream;

use fake_upstream::{FakeUpstream, MemoryStore, complete, ok};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::cell::Cell;
use streamgage::calendar::Day;
use streamgage::query::MetricsRequest;
use streamgage_edge::proxy::{
    AssembledMetrics, CacheEntry, ExchangeTimes, Headers, JsonResponse, MetricsResult, UpstreamError, WeeklyMetrics,
    derive,
};

/// 2026-11-22T12:00:00Z
const NOW: i64 = 1_795_348_800_000;
/// The number of requests that a Worker may send.
const BUDGET: u32 = 48;
const QUERIES: [&str; 5] = [
    "start_date=2026-11-02&end_date=2026-11-20&resolution=week",
    "start_date=2026-11-02&end_date=2026-11-03&resolution=period",
    "start_date=2026-11-03&end_date=2026-11-20&resolution=week&team_id__in=1,2&include_nested_teams=true",
    "start_date=2026-01-01&end_date=2026-12-31&resolution=period&repo_name=a&repo_tag_id=1",
    "start_date=2026-11-02&end_date=2026-11-20&resolution=week&apex_user_id__in=1,2&repo_id_not__in=3",
];

/// Returns an upstream that sends one line after the other as bodies, with a status in front if there is one.
fn upstream<'a>(
    lines: &'a [&'a str],
    next: &'a Cell<usize>,
    sent: &'a Cell<usize>,
) -> FakeUpstream<impl Fn(&str, &str, Day) -> JsonResponse + 'a> {
    let respond = move |_: &str, _: &str, _: Day| {
        let index = next.replace(next.get() + 1);
        let line = index.checked_rem(lines.len()).and_then(|index| lines.get(index)).copied().unwrap_or_default();
        let (status, body) = match line.split_once(' ').map(|(status, body)| (status.parse(), body)) {
            Some((Ok(status), body)) if (200..=499).contains(&status) => (status, body),
            _ => (200, line),
        };
        sent.set(sent.get() + body.len());
        // A client refuses a 200 that is no JSON before the metrics are assembled.
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok();
        JsonResponse { status: if is_json || status != 200 { status } else { 404 }, ..ok(body) }
    };
    let upstream = FakeUpstream::new(NOW, respond);
    upstream.budget.set(BUDGET);
    upstream
}

fn check(result: &Result<MetricsResult, UpstreamError>, sent: usize) {
    if let Ok(MetricsResult::Assembled(AssembledMetrics { body, deadlines, .. })) = result {
        let value: Value = serde_json::from_str(body).expect("valid JSON");
        let rows = value["results"].as_array().map(Vec::len);
        assert_eq!(value["count"].as_u64().and_then(|count| usize::try_from(count).ok()), rows, "{body}");
        assert!(body.len() <= 100_000 + 2 * sent, "{} bytes of {sent}", body.len());
        assert!(deadlines.generated_at <= NOW || sent == 0);
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&query, data)) = data.split_first() else { return };
    let text = streamgage_fuzz::text(data);
    let lines: Vec<&str> = text.lines().collect();
    let today = Day::from_number(20_779);
    let query = QUERIES[usize::from(query) % QUERIES.len()];

    let times = ExchangeTimes { sent_at: NOW, received_at: NOW };
    let headers = Headers::new([("content-type".to_owned(), "application/json".to_owned())]);
    let _ = CacheEntry::from_response(200, &headers, data, times, 0);
    if let Ok(entry) = CacheEntry::from_response(200, &headers, text.as_bytes(), times, 0) {
        assert!(serde_json::to_string(&entry).expect("an entry has a stored form").len() <= 1_000 + 8 * text.len());
    }

    for is_derived in [false, true] {
        let (store, next, sent) = (MemoryStore::default(), Cell::new(0), Cell::new(0));
        let upstream = upstream(&lines, &next, &sent);
        let fetch = || match WeeklyMetrics::plan(query, today) {
            Some(weekly) if !is_derived => complete(weekly.fetch(&upstream, &store, false)),
            _ => {
                let request = MetricsRequest::parse(query, today).expect("a valid query");
                complete(derive::fetch(&request, today, &upstream, &store, false))
            }
        };
        let first = fetch();
        check(&first, sent.get());
        assert!(store.texts().iter().map(String::len).sum::<usize>() <= 100_000 + 4 * sent.get());
        let requests = next.get();
        let second = fetch();
        check(&second, sent.get());
        if next.get() == requests
            && let (Ok(first), Ok(second)) = (first, second)
        {
            assert_eq!(first, second);
        }
    }
});
