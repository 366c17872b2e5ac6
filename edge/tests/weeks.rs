//! Weekly metrics, assembled from stored weeks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod fake_upstream;

use fake_upstream::{DAY, FakeUpstream, MemoryStore, complete, midnight, ok};
use proptest::prelude::*;
use proptest::sample::select;
use streamgage::calendar::Day;
use streamgage::metrics::{Commit, Membership, MetricsTable, Organization, Team};
use streamgage::query::{METRICS_PATH, MetricsRequest};
use streamgage_edge::proxy::{
    AssembledMetrics, Deadlines, ExchangeTimes, Headers, JsonResponse, MetricsResult, UpstreamClient, UpstreamError,
    WeeklyMetrics,
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn fetch(client: &impl UpstreamClient, store: &MemoryStore, query: &str) -> Result<MetricsResult, UpstreamError> {
    fetch_with(client, store, query, false)
}

fn fetch_with(
    client: &impl UpstreamClient,
    store: &MemoryStore,
    query: &str,
    must_ask: bool,
) -> Result<MetricsResult, UpstreamError> {
    let today = Day::from_number((client.now() / DAY) as i32);
    complete(WeeklyMetrics::plan(query, today).expect("a weekly request").fetch(client, store, must_ask))
}

fn assembled(result: Result<MetricsResult, UpstreamError>) -> AssembledMetrics {
    match result {
        Ok(MetricsResult::Assembled(assembled)) => assembled,
        other => panic!("{other:?}"),
    }
}

fn row(monday: &str) -> String {
    format!(r#"{{ "period_start_date":"{monday}", "active_days":1.50 }}"#)
}

fn list(mondays: &[&str]) -> String {
    let rows: Vec<String> = mondays.iter().map(|monday| row(monday)).collect();
    format!(r#"{{"count":{},"results":[{}]}}"#, rows.len(), rows.join(","))
}

/// Returns a row for each week except for that of 2026-08-03. The rows contain white space.
fn every_week_but_one(query: &str, today: Day) -> JsonResponse {
    let request = MetricsRequest::parse(query, today).expect("a valid request");
    let weeks = request.start.week().number()..=request.end.week().number();
    let mondays = weeks.map(|week| streamgage::calendar::Week::from_number(week).monday().to_string());
    let mondays: Vec<String> = mondays.filter(|monday| monday != "2026-08-03").collect();
    ok(list(&mondays.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// 2026-08-27 is a Thursday.
fn upstream() -> FakeUpstream<impl Fn(&str, &str, Day) -> JsonResponse> {
    FakeUpstream::new(midnight("2026-08-27") + 10 * HOUR, |path, query, today| {
        assert_eq!(path, METRICS_PATH);
        every_week_but_one(query, today)
    })
}

#[test]
fn only_missing_and_stale_weeks_are_requested() {
    let (upstream, store) = (upstream(), MemoryStore::default());
    let whole = list(&["2026-07-27", "2026-08-10", "2026-08-17", "2026-08-24"]);
    let request = "resolution=week&start_date=2026-07-29&team_id=7";

    let first = assembled(fetch(&upstream, &store, request));
    assert_eq!(first.body, whole);
    assert_eq!((first.deadlines.generated_at, first.deadlines.fresh_until), (upstream.now(), upstream.now() + MINUTE));
    assert_eq!(upstream.take_queries(), ["start_date=2026-07-29&end_date=2026-08-27&resolution=week&team_id=7"]);

    upstream.advance(MINUTE - 1);
    assert_eq!(assembled(fetch(&upstream, &store, request)), first);
    assert_eq!(upstream.take_queries(), [""; 0]);

    upstream.advance(1);
    assert_eq!(assembled(fetch(&upstream, &store, request)).body, whole);
    assert_eq!(upstream.take_queries(), ["start_date=2026-08-24&end_date=2026-08-27&resolution=week&team_id=7"]);

    // The weeks of 2026-08-10 and 2026-08-17 are closed but not yet old.
    upstream.advance(HOUR);
    assembled(fetch(&upstream, &store, request));
    assert_eq!(upstream.take_queries(), ["start_date=2026-08-10&end_date=2026-08-27&resolution=week&team_id=7"]);

    // A week without a row is stored as well. Other filters are stored separately.
    assembled(fetch(&upstream, &store, "resolution=week&start_date=2026-08-03&end_date=2026-08-16&team_id=7"));
    assert_eq!(upstream.take_queries(), [""; 0]);
    assembled(fetch(&upstream, &store, "resolution=week&start_date=2026-08-10&end_date=2026-08-16&team_id=8"));
    assert_eq!(upstream.take_queries().len(), 1);

    // A part of a week is stored separately.
    assembled(fetch(&upstream, &store, "resolution=week&start_date=2026-08-04&end_date=2026-08-16&team_id=7"));
    assert_eq!(upstream.take_queries(), ["start_date=2026-08-04&end_date=2026-08-09&resolution=week&team_id=7"]);
}

#[test]
fn consecutive_missing_weeks_are_one_request() {
    let (upstream, store) = (upstream(), MemoryStore::default());
    assembled(fetch(&upstream, &store, "resolution=week&start_date=2026-03-02&end_date=2026-03-08"));
    upstream.take_queries();
    assembled(fetch(&upstream, &store, "resolution=week&start_date=2026-02-18&end_date=2026-03-24"));
    assert_eq!(
        upstream.take_queries(),
        [
            "start_date=2026-02-18&end_date=2026-03-01&resolution=week",
            "start_date=2026-03-09&end_date=2026-03-24&resolution=week",
        ]
    );
}

#[test]
fn freshness_grows_when_a_week_closes_and_ages() {
    // The week of 2026-08-17 ends with 2026-08-23.
    for (today, fresh) in [
        ("2026-08-23", MINUTE),
        ("2026-08-25", MINUTE),
        ("2026-08-26", HOUR),
        ("2026-09-06", HOUR),
        ("2026-09-07", DAY),
        ("2027-09-07", DAY),
    ] {
        let (upstream, store) = (upstream(), MemoryStore::default());
        upstream.time.set(midnight(today));
        let request = "resolution=week&start_date=2026-08-17&end_date=2026-08-20";
        let answer = assembled(fetch(&upstream, &store, request));
        assert_eq!(answer.deadlines.fresh_until - upstream.now(), fresh, "{today}");
    }
}

#[test]
fn the_upstream_may_state_freshness() {
    let (time, store) = (midnight("2026-08-27"), MemoryStore::default());
    let upstream = FakeUpstream::new(time, |_: &str, query: &str, today| JsonResponse {
        headers: Headers::new([("cache-control".into(), "max-age=5".into())]),
        ..every_week_but_one(query, today)
    });
    let request = "resolution=week&start_date=2026-06-01&end_date=2026-06-07";
    assert_eq!(assembled(fetch(&upstream, &store, request)).deadlines.fresh_until, time + 5_000);
    upstream.advance(5_000);
    assembled(fetch(&upstream, &store, request));
    assert_eq!(upstream.take_queries().len(), 2);
}

#[test]
fn a_request_is_sent_to_authorize_the_key() {
    let (upstream, store) = (upstream(), MemoryStore::default());
    let request = "resolution=week&start_date=2026-06-03&end_date=2026-06-16";
    assembled(fetch(&upstream, &store, request));
    upstream.take_queries();
    assembled(fetch_with(&upstream, &store, request, true));
    assert_eq!(upstream.take_queries(), ["start_date=2026-06-15&end_date=2026-06-16&resolution=week"]);
}

#[test]
fn stored_weeks_are_served_if_the_upstream_fails() {
    let (upstream, store) = (upstream(), MemoryStore::default());
    let request = "resolution=week&start_date=2026-08-17&end_date=2026-08-27";
    upstream.error.set(Some(UpstreamError::TimedOut));
    assert_eq!(fetch(&upstream, &store, request), Err(UpstreamError::TimedOut));

    upstream.error.set(None);
    let fresh = assembled(fetch(&upstream, &store, request));
    upstream.advance(DAY);
    for error in [
        UpstreamError::Unreachable,
        UpstreamError::TimedOut,
        UpstreamError::Status { status: 503, retry_after: Some(1) },
        UpstreamError::Status { status: 408, retry_after: None },
        UpstreamError::Status { status: 429, retry_after: None },
        UpstreamError::InvalidResponse,
        UpstreamError::TooLarge,
    ] {
        upstream.error.set(Some(error));
        let stale = assembled(fetch(&upstream, &store, request));
        assert_eq!(stale, AssembledMetrics { error: Some(error), ..fresh.clone() });
        // A week that was never fetched is missing.
        let longer = "resolution=week&start_date=2026-08-10&end_date=2026-08-27";
        assert_eq!(fetch(&upstream, &store, longer), Err(error));
    }
    for error in [UpstreamError::OwnKeyRefused, UpstreamError::BudgetExhausted] {
        upstream.error.set(Some(error));
        assert_eq!(fetch(&upstream, &store, request), Err(error));
    }
    // A response that is no list does not replace stored weeks.
    let malformed = FakeUpstream::new(upstream.now(), |_: &str, _: &str, _| ok(r#"{"detail":"Maintenance."}"#));
    let stale = assembled(fetch(&malformed, &store, request));
    assert_eq!(stale, AssembledMetrics { error: Some(UpstreamError::InvalidResponse), ..fresh });
}

#[test]
fn the_upstream_may_limit_the_use_of_stale_weeks() {
    let request = "resolution=week&start_date=2026-06-01&end_date=2026-06-14";
    let part = "resolution=week&start_date=2026-06-01&end_date=2026-06-07";
    let failing = UpstreamError::Status { status: 503, retry_after: None };
    for (cache_control, fresh, revalidate, error) in [
        ("no-cache", 0, 0, 0),
        ("max-age=60, must-revalidate", MINUTE, MINUTE, MINUTE),
        ("max-age=60, stale-while-revalidate=60, stale-if-error=120", MINUTE, 2 * MINUTE, 3 * MINUTE),
        ("stale-if-error=0, stale-while-revalidate=0", DAY, DAY, DAY),
    ] {
        let (store, now) = (MemoryStore::default(), midnight("2026-08-27"));
        let upstream = FakeUpstream::new(now, |_: &str, query: &str, today| JsonResponse {
            headers: Headers::new([("cache-control".into(), cache_control.into())]),
            ..every_week_but_one(query, today)
        });
        assembled(fetch(&upstream, &store, part));
        let whole = assembled(fetch(&upstream, &store, request)).deadlines;
        let expected = Deadlines {
            generated_at: now,
            fresh_until: now + fresh,
            revalidate_until: now + revalidate,
            error_until: now + error,
        };
        assert_eq!(whole, expected, "{cache_control}");
        upstream.error.set(Some(failing));
        upstream.advance((error - 1).max(fresh));
        assert_eq!(fetch(&upstream, &store, request).is_ok(), error > fresh, "{cache_control}");
        upstream.advance(1);
        assert_eq!(fetch(&upstream, &store, request), Err(failing), "{cache_control}");
    }
}

#[test]
fn responses_with_no_store_are_not_stored() {
    let (store, request) = (MemoryStore::default(), "resolution=week&start_date=2026-06-01&end_date=2026-06-14");
    let upstream = FakeUpstream::new(midnight("2026-08-27"), |_: &str, query: &str, today| JsonResponse {
        headers: Headers::new([("cache-control".into(), "no-store".into())]),
        ..every_week_but_one(query, today)
    });
    assert_eq!(assembled(fetch(&upstream, &store, request)).body, list(&["2026-06-01", "2026-06-08"]));
    assert!(store.texts().is_empty());
}

#[test]
fn after_midnight_the_open_week_of_yesterday_is_served_if_the_upstream_fails() {
    let (upstream, store) = (upstream(), MemoryStore::default());
    let yesterday = assembled(fetch(&upstream, &store, "resolution=week&start_date=2026-08-17"));
    upstream.advance(DAY);
    upstream.error.set(Some(UpstreamError::Unreachable));
    let today = assembled(fetch(&upstream, &store, "resolution=week&start_date=2026-08-17"));
    assert_eq!((today.body, today.deadlines), (yesterday.body, yesterday.deadlines));
    // A shorter range that was stored after its last day does not include the days that follow.
    let (upstream, store) = (self::upstream(), MemoryStore::default());
    assembled(fetch(&upstream, &store, "resolution=week&start_date=2026-08-17&end_date=2026-08-18"));
    upstream.error.set(Some(UpstreamError::Unreachable));
    let longer = "resolution=week&start_date=2026-08-17&end_date=2026-08-19";
    assert_eq!(fetch(&upstream, &store, longer), Err(UpstreamError::Unreachable));
}

#[test]
fn unexpected_responses_are_passed_through_and_not_stored() {
    let request = "resolution=week&start_date=2026-06-03&end_date=2026-06-16";
    let (first, second, third) = ("2026-06-01", "2026-06-08", "2026-06-15");
    for (status, body) in [
        (400, r#"{"start_date":["…"]}"#.to_owned()),
        (404, r#"{"detail":"Not found."}"#.to_owned()),
        (200, "[]".to_owned()),
        (200, r#"{"count":0}"#.to_owned()),
        (200, r#"{"count":0,"results":[],"next":null}"#.to_owned()),
        (200, r#"{"count":2,"results":[]}"#.to_owned()),
        (200, r#"{"count":0,"results":[],"count":0}"#.to_owned()),
        (200, r#"{"count":0,"results":[],"results":[]}"#.to_owned()),
        (200, r#"{"count":"0","results":[]}"#.to_owned()),
        (200, r#"{"count":0,"results":[]}]"#.to_owned()),
        (200, "[0,[]]".to_owned()),
        (200, r#"{"count":1,"results":["2026-06-08"]}"#.to_owned()),
        (
            200,
            r#"{"count":1,"results":[{"period_start_date":"2026-06-08","period_start_date":"2026-06-08"}]}"#.to_owned(),
        ),
        (200, r#"{"count":1,"results":[{}]}"#.to_owned()),
        (200, r#"{"count":1,"results":[{"period_start_date":null}]}"#.to_owned()),
        (200, list(&[second, first])),
        (200, list(&[second, second])),
        (200, list(&[first, second, third, "2026-06-22"])),
        (200, list(&["2026-05-25"])),
        (200, list(&["2026-06-03", second])),
        (201, list(&[first])),
    ] {
        let times = ExchangeTimes { sent_at: midnight("2026-08-27"), received_at: midnight("2026-08-27") };
        let fetched = JsonResponse { status, body, times, ..ok("") };
        let (store, came) = (MemoryStore::default(), fetched.clone());
        let upstream = FakeUpstream::new(midnight("2026-08-27"), move |_: &str, _: &str, _| came.clone());
        for _ in 0..2 {
            assert_eq!(fetch(&upstream, &store, request), Ok(MetricsResult::Passthrough(fetched.clone())));
            let queries = upstream.take_queries();
            assert_eq!(queries, ["start_date=2026-06-03&end_date=2026-06-16&resolution=week"]);
        }
        assert!(store.texts().is_empty());
    }
}

#[test]
fn an_unexpected_response_to_a_part_is_followed_by_the_whole_request() {
    let store = MemoryStore::default();
    assembled(fetch(&upstream(), &store, "resolution=week&start_date=2026-06-01&end_date=2026-06-07"));
    let upstream =
        FakeUpstream::new(midnight("2026-08-27"), |_: &str, query: &str, _| ok(format!("{{\"{query}\":0}}")));
    let request = "resolution=week&start_date=2026-06-01&end_date=2026-06-14";
    let Ok(MetricsResult::Passthrough(fetched)) = fetch(&upstream, &store, request) else { panic!("assembled") };
    assert!(fetched.body.contains("start_date=2026-06-01&end_date=2026-06-14"), "{}", fetched.body);
}

#[test]
fn other_requests_are_not_split() {
    let today = Day::parse("2026-08-27").unwrap();
    for query in [
        "resolution=period&start_date=2026-06-03",
        "resolution=week",
        "resolution=week&start_date=2020-06-03",
        "resolution=week&start_date=2026-06-03&team_id=x",
        "resolution=week&start_date=2026-06-03&end_date=9999-12-31",
        "resolution=week&start_date=2026-06-03&unknown=1",
    ] {
        assert_eq!(WeeklyMetrics::plan(query, today), None, "{query}");
    }
    for query in [
        "resolution=week&start_date=2023-08-27",
        "resolution=week&start_date=2026-06-03&start_date=2026-06-04&end_date=2027-06-04&team_id=",
    ] {
        assert!(WeeklyMetrics::plan(query, today).is_some(), "{query}");
    }
}

const BASE: &str = "2026-08-27";

fn organization() -> impl Strategy<Value = MetricsTable> {
    // Most commits lie in a few weeks, some in three years.
    let day = prop_oneof![4 => -80..20i32, 1 => -1200..20i32];
    let commit = (1..6i64, 1..4i64, day, 0..50i64, 0..99_999i64);
    proptest::collection::vec(commit, 0..120).prop_map(|commits| {
        let mut organization = Organization::default();
        let base = Day::parse(BASE).unwrap().number();
        for (id, (apex_user_id, repo_id, day, haloc, impact)) in (1..).zip(commits) {
            let day = Day::from_number(base + day);
            let commit = Commit { apex_user_id, repo_id, day, haloc, churn: haloc / 3, impact, ..Commit::default() };
            organization.commits.insert(id, commit);
        }
        for (id, parent, member) in [(1, None, 1), (2, Some(1), 2), (3, Some(2), 3)] {
            organization.teams.insert(id, Team { parent });
            let membership = Membership { apex_user_id: Some(member), team_id: Some(id), is_contributor: true };
            organization.memberships.insert(id, membership);
        }
        organization.table()
    })
}

#[derive(Clone, Debug)]
struct Step {
    wait: i64,
    /// The number of days from the first day until today.
    back: i32,
    /// The number of days after the first. `None` ends the range today.
    length: Option<i32>,
    filter: &'static str,
    must_ask: bool,
    error: Option<UpstreamError>,
}

fn step() -> impl Strategy<Value = Step> {
    let wait = prop_oneof![0..2 * MINUTE, 0..2 * HOUR, 0..3 * DAY];
    let back = prop_oneof![3 => 0..100i32, 1 => 0..1095i32];
    let filters = &[
        "",
        "&team_id=1",
        "&team_id=1&include_nested_teams=true",
        "&repo_id__in=1,2&apex_user_id=",
        "&repo_id_not__in=2",
        "&apex_user_id=9",
    ];
    let errors = &[
        None,
        None,
        None,
        Some(UpstreamError::TimedOut),
        Some(UpstreamError::Status { status: 502, retry_after: None }),
    ];
    (wait, back, proptest::option::of(0..120i32), select(&filters[..]), any::<bool>(), select(&errors[..]))
        .prop_map(|(wait, back, length, filter, must_ask, error)| Step { wait, back, length, filter, must_ask, error })
}

proptest! {
    #[test]
    fn assembled_metrics_equal_the_response_to_the_whole_request(table in organization(), steps in proptest::collection::vec(step(), 1..25)) {
        let upstream = FakeUpstream::new(midnight(BASE), |_: &str, query: &str, today| {
            let request = MetricsRequest::parse(query, today).expect("a part of a valid request is valid");
            ok(serde_json::to_string(&table.evaluate(&request)).unwrap())
        });
        let store = MemoryStore::default();
        for step in steps {
            upstream.advance(step.wait);
            let start = Day::from_number(upstream.today().number() - step.back);
            let end = step.length.map(|length| format!("&end_date={}", Day::from_number(start.number() + length)));
            let query = format!("start_date={start}&resolution=week{}{}", end.unwrap_or_default(), step.filter);
            let whole = (upstream.respond)(METRICS_PATH, &query, upstream.today()).body;
            upstream.error.set(step.error);
            match fetch_with(&upstream, &store, &query, step.must_ask) {
                Ok(MetricsResult::Assembled(AssembledMetrics { body, error, deadlines })) => {
                    prop_assert!(deadlines.generated_at <= upstream.now());
                    if error.is_none() {
                        prop_assert_eq!(body, whole);
                        prop_assert!(deadlines.is_fresh(upstream.now()));
                    } else {
                        prop_assert_eq!(error, step.error);
                    }
                }
                Ok(other) => prop_assert!(false, "{:?}", other),
                Err(error) => prop_assert_eq!(Some(error), step.error),
            }
            let queries = upstream.take_queries();
            prop_assert!(!step.must_ask || !queries.is_empty());
            for part in queries {
                let part = MetricsRequest::parse(&part, upstream.today()).unwrap();
                prop_assert!(start <= part.start);
            }
        }
    }
}
