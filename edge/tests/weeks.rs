//! Metrics by week, put together out of weeks that are kept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod memory;

use memory::{DAY, Memory, Upstream, midnight, now, ok};
use proptest::prelude::*;
use proptest::sample::select;
use streamgage::calendar::Day;
use streamgage::metrics::{Commit, Membership, MetricsTable, Organization, Team};
use streamgage::query::{METRICS_PATH, MetricsRequest};
use streamgage_edge::cache::Times;
use streamgage_edge::proxy::weeks::{AssembledMetrics, MetricsResult, Weeks};
use streamgage_edge::proxy::{Deadlines, Headers, JsonResponse, UpstreamClient, UpstreamError};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A question, as the proxy answers it.
fn answer(source: &impl UpstreamClient, shelf: &Memory, query: &str) -> Result<MetricsResult, UpstreamError> {
    ask(source, shelf, query, false)
}

fn ask(
    source: &impl UpstreamClient,
    shelf: &Memory,
    query: &str,
    must_ask: bool,
) -> Result<MetricsResult, UpstreamError> {
    let today = Day::from_number((source.now() / DAY) as i32);
    now(Weeks::of(query, today).expect("a question by weeks").answer(source, shelf, must_ask))
}

fn assembled(answered: Result<MetricsResult, UpstreamError>) -> AssembledMetrics {
    match answered {
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

/// An upstream that has a commit in each week but that of 2026-08-03, and writes rows in its own way.
fn every_week_but_one(query: &str, today: Day) -> JsonResponse {
    let request = MetricsRequest::parse(query, today).expect("a good question");
    let weeks = request.start.week().number()..=request.end.week().number();
    let mondays = weeks.map(|week| streamgage::calendar::Week::from_number(week).monday().to_string());
    let mondays: Vec<String> = mondays.filter(|monday| monday != "2026-08-03").collect();
    ok(list(&mondays.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// 2026-08-27 is a Thursday.
fn upstream() -> Upstream<impl Fn(&str, &str, Day) -> JsonResponse> {
    Upstream::new(midnight("2026-08-27") + 10 * HOUR, |path, query, today| {
        assert_eq!(path, METRICS_PATH);
        every_week_but_one(query, today)
    })
}

#[test]
fn only_what_is_missing_or_open_is_asked_for() {
    let (upstream, shelf) = (upstream(), Memory::default());
    let whole = list(&["2026-07-27", "2026-08-10", "2026-08-17", "2026-08-24"]);
    let question = "resolution=week&start_date=2026-07-29&team_id=7";

    let first = assembled(answer(&upstream, &shelf, question));
    assert_eq!(first.body, whole);
    assert_eq!((first.deadlines.born, first.deadlines.fresh), (upstream.now(), upstream.now() + MINUTE));
    assert_eq!(upstream.take_asked(), ["start_date=2026-07-29&end_date=2026-08-27&resolution=week&team_id=7"]);

    upstream.wait(MINUTE - 1);
    assert_eq!(assembled(answer(&upstream, &shelf, question)), first);
    assert_eq!(upstream.take_asked(), [""; 0]);

    upstream.wait(1);
    assert_eq!(assembled(answer(&upstream, &shelf, question)).body, whole);
    assert_eq!(upstream.take_asked(), ["start_date=2026-08-24&end_date=2026-08-27&resolution=week&team_id=7"]);

    // The weeks of 2026-08-10 and -17 are closed, but not yet old.
    upstream.wait(HOUR);
    assembled(answer(&upstream, &shelf, question));
    assert_eq!(upstream.take_asked(), ["start_date=2026-08-10&end_date=2026-08-27&resolution=week&team_id=7"]);

    // Another filter is another question; a week without a row is known, too.
    assembled(answer(&upstream, &shelf, "resolution=week&start_date=2026-08-03&end_date=2026-08-16&team_id=7"));
    assert_eq!(upstream.take_asked(), [""; 0]);
    assembled(answer(&upstream, &shelf, "resolution=week&start_date=2026-08-10&end_date=2026-08-16&team_id=8"));
    assert_eq!(upstream.take_asked().len(), 1);

    // A part of a week is not the week.
    assembled(answer(&upstream, &shelf, "resolution=week&start_date=2026-08-04&end_date=2026-08-16&team_id=7"));
    assert_eq!(upstream.take_asked(), ["start_date=2026-08-04&end_date=2026-08-09&resolution=week&team_id=7"]);
}

#[test]
fn weeks_that_are_missing_side_by_side_are_one_request() {
    let (upstream, shelf) = (upstream(), Memory::default());
    assembled(answer(&upstream, &shelf, "resolution=week&start_date=2026-03-02&end_date=2026-03-08"));
    upstream.take_asked();
    assembled(answer(&upstream, &shelf, "resolution=week&start_date=2026-02-18&end_date=2026-03-24"));
    assert_eq!(
        upstream.take_asked(),
        [
            "start_date=2026-02-18&end_date=2026-03-01&resolution=week",
            "start_date=2026-03-09&end_date=2026-03-24&resolution=week",
        ]
    );
}

#[test]
fn when_weeks_close_and_age() {
    // The week of 2026-08-17 ends with 2026-08-23.
    for (today, fresh) in [
        ("2026-08-23", MINUTE),
        ("2026-08-25", MINUTE),
        ("2026-08-26", HOUR),
        ("2026-09-06", HOUR),
        ("2026-09-07", DAY),
        ("2027-09-07", DAY),
    ] {
        let (upstream, shelf) = (upstream(), Memory::default());
        upstream.time.set(midnight(today));
        let question = "resolution=week&start_date=2026-08-17&end_date=2026-08-20";
        let answer = assembled(answer(&upstream, &shelf, question));
        assert_eq!(answer.deadlines.fresh - upstream.now(), fresh, "{today}");
    }
}

#[test]
fn the_upstream_may_say_how_long() {
    let (time, shelf) = (midnight("2026-08-27"), Memory::default());
    let upstream = Upstream::new(time, |_: &str, query: &str, today| JsonResponse {
        headers: Headers::new([("cache-control".into(), "max-age=5".into())]),
        ..every_week_but_one(query, today)
    });
    let question = "resolution=week&start_date=2026-06-01&end_date=2026-06-07";
    assert_eq!(assembled(answer(&upstream, &shelf, question)).deadlines.fresh, time + 5_000);
    upstream.wait(5_000);
    assembled(answer(&upstream, &shelf, question));
    assert_eq!(upstream.take_asked().len(), 2);
}

#[test]
fn something_is_asked_for_to_prove_the_key() {
    let (upstream, shelf) = (upstream(), Memory::default());
    let question = "resolution=week&start_date=2026-06-03&end_date=2026-06-16";
    assembled(answer(&upstream, &shelf, question));
    upstream.take_asked();
    assembled(ask(&upstream, &shelf, question, true));
    assert_eq!(upstream.take_asked(), ["start_date=2026-06-15&end_date=2026-06-16&resolution=week"]);
}

#[test]
fn what_is_kept_stands_in_where_the_server_fails() {
    let (upstream, shelf) = (upstream(), Memory::default());
    let question = "resolution=week&start_date=2026-08-17&end_date=2026-08-27";
    upstream.trouble.set(Some(UpstreamError::TimedOut));
    assert_eq!(answer(&upstream, &shelf, question), Err(UpstreamError::TimedOut));

    upstream.trouble.set(None);
    let fresh = assembled(answer(&upstream, &shelf, question));
    upstream.wait(DAY);
    for trouble in [
        UpstreamError::Unreachable,
        UpstreamError::TimedOut,
        UpstreamError::Status { status: 503, retry_after: Some(1) },
    ] {
        upstream.trouble.set(Some(trouble));
        let stale = assembled(answer(&upstream, &shelf, question));
        assert_eq!(stale, AssembledMetrics { trouble: Some(trouble), ..fresh.clone() });
        // But not for a week that was never seen.
        let longer = "resolution=week&start_date=2026-08-10&end_date=2026-08-27";
        assert_eq!(answer(&upstream, &shelf, longer), Err(trouble));
    }
    for trouble in [
        UpstreamError::Status { status: 429, retry_after: None },
        UpstreamError::InvalidResponse,
        UpstreamError::TooLarge,
    ] {
        upstream.trouble.set(Some(trouble));
        assert_eq!(answer(&upstream, &shelf, question), Err(trouble));
    }
}

#[test]
fn what_the_upstream_says_of_staleness_counts() {
    let question = "resolution=week&start_date=2026-06-01&end_date=2026-06-14";
    let part = "resolution=week&start_date=2026-06-01&end_date=2026-06-07";
    let failing = UpstreamError::Status { status: 503, retry_after: None };
    for (says, fresh, revalidate, error) in [
        ("no-cache", 0, 0, 0),
        ("max-age=60, must-revalidate", MINUTE, MINUTE, MINUTE),
        ("max-age=60, stale-while-revalidate=60, stale-if-error=120", MINUTE, 2 * MINUTE, 3 * MINUTE),
        ("stale-if-error=0, stale-while-revalidate=0", DAY, DAY, DAY),
    ] {
        let (shelf, now) = (Memory::default(), midnight("2026-08-27"));
        let upstream = Upstream::new(now, |_: &str, query: &str, today| JsonResponse {
            headers: Headers::new([("cache-control".into(), says.into())]),
            ..every_week_but_one(query, today)
        });
        assembled(answer(&upstream, &shelf, part));
        let whole = assembled(answer(&upstream, &shelf, question)).deadlines;
        let expected = Deadlines { born: now, fresh: now + fresh, revalidate: now + revalidate, error: now + error };
        assert_eq!(whole, expected, "{says}");
        upstream.trouble.set(Some(failing));
        upstream.wait((error - 1).max(fresh));
        assert_eq!(answer(&upstream, &shelf, question).is_ok(), error > fresh, "{says}");
        upstream.wait(1);
        assert_eq!(answer(&upstream, &shelf, question), Err(failing), "{says}");
    }
}

#[test]
fn what_may_not_be_kept_is_not() {
    let (shelf, question) = (Memory::default(), "resolution=week&start_date=2026-06-01&end_date=2026-06-14");
    let upstream = Upstream::new(midnight("2026-08-27"), |_: &str, query: &str, today| JsonResponse {
        headers: Headers::new([("cache-control".into(), "no-store".into())]),
        ..every_week_but_one(query, today)
    });
    assert_eq!(assembled(answer(&upstream, &shelf, question)).body, list(&["2026-06-01", "2026-06-08"]));
    assert!(shelf.texts().is_empty());
}

#[test]
fn at_midnight_the_open_week_of_yesterday_stands_in() {
    let (upstream, shelf) = (upstream(), Memory::default());
    let yesterday = assembled(answer(&upstream, &shelf, "resolution=week&start_date=2026-08-17"));
    upstream.wait(DAY);
    upstream.trouble.set(Some(UpstreamError::Unreachable));
    let today = assembled(answer(&upstream, &shelf, "resolution=week&start_date=2026-08-17"));
    assert_eq!((today.body, today.deadlines), (yesterday.body, yesterday.deadlines));
    // What was kept of a shorter range when the longer one was over is something else.
    let (upstream, shelf) = (self::upstream(), Memory::default());
    assembled(answer(&upstream, &shelf, "resolution=week&start_date=2026-08-17&end_date=2026-08-18"));
    upstream.trouble.set(Some(UpstreamError::Unreachable));
    let longer = "resolution=week&start_date=2026-08-17&end_date=2026-08-19";
    assert_eq!(answer(&upstream, &shelf, longer), Err(UpstreamError::Unreachable));
}

#[test]
fn what_is_no_list_of_weeks_is_passed_on_and_not_kept() {
    let question = "resolution=week&start_date=2026-06-03&end_date=2026-06-16";
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
        let times = Times { asked: midnight("2026-08-27"), answered: midnight("2026-08-27") };
        let fetched = JsonResponse { status, body, times, ..ok("") };
        let (shelf, came) = (Memory::default(), fetched.clone());
        let upstream = Upstream::new(midnight("2026-08-27"), move |_: &str, _: &str, _| came.clone());
        for _ in 0..2 {
            assert_eq!(answer(&upstream, &shelf, question), Ok(MetricsResult::Passthrough(fetched.clone())));
            let asked = upstream.take_asked();
            assert_eq!(asked, ["start_date=2026-06-03&end_date=2026-06-16&resolution=week"]);
        }
        assert!(shelf.texts().is_empty());
    }
}

#[test]
fn what_came_for_a_part_is_no_answer_to_the_whole() {
    let shelf = Memory::default();
    assembled(answer(&upstream(), &shelf, "resolution=week&start_date=2026-06-01&end_date=2026-06-07"));
    let upstream = Upstream::new(midnight("2026-08-27"), |_: &str, query: &str, _| ok(format!("{{\"{query}\":0}}")));
    let question = "resolution=week&start_date=2026-06-01&end_date=2026-06-14";
    let Ok(MetricsResult::Passthrough(fetched)) = answer(&upstream, &shelf, question) else { panic!("put together") };
    assert!(fetched.body.contains("start_date=2026-06-01&end_date=2026-06-14"), "{}", fetched.body);
}

#[test]
fn what_is_not_taken_apart() {
    let today = Day::parse("2026-08-27").unwrap();
    for query in [
        "resolution=period&start_date=2026-06-03",
        "resolution=week",
        "resolution=week&start_date=2020-06-03",
        "resolution=week&start_date=2026-06-03&team_id=x",
        "resolution=week&start_date=2026-06-03&end_date=9999-12-31",
        "resolution=week&start_date=2026-06-03&unknown=1",
    ] {
        assert_eq!(Weeks::of(query, today), None, "{query}");
    }
    for query in [
        "resolution=week&start_date=2023-08-27",
        "resolution=week&start_date=2026-06-03&start_date=2026-06-04&end_date=2027-06-04&team_id=",
    ] {
        assert!(Weeks::of(query, today).is_some(), "{query}");
    }
}

const BASE: &str = "2026-08-27";

fn organization() -> impl Strategy<Value = MetricsTable> {
    // Most commits of some weeks, and few in three years.
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
    /// The first day, before today.
    back: i32,
    /// The length of the range less a day; up to today, if there is none.
    length: Option<i32>,
    filter: &'static str,
    must_ask: bool,
    trouble: Option<UpstreamError>,
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
    let troubles = &[
        None,
        None,
        None,
        Some(UpstreamError::TimedOut),
        Some(UpstreamError::Status { status: 502, retry_after: None }),
    ];
    (wait, back, proptest::option::of(0..120i32), select(&filters[..]), any::<bool>(), select(&troubles[..])).prop_map(
        |(wait, back, length, filter, must_ask, trouble)| Step { wait, back, length, filter, must_ask, trouble },
    )
}

proptest! {
    /// Over an unchanging upstream the answer is the one to the whole question, always.
    #[test]
    fn as_if_it_were_asked_whole(table in organization(), steps in proptest::collection::vec(step(), 1..25)) {
        let upstream = Upstream::new(midnight(BASE), |_: &str, query: &str, today| {
            let request = MetricsRequest::parse(query, today).expect("a part of a good question is one");
            ok(serde_json::to_string(&table.evaluate(&request)).unwrap())
        });
        let shelf = Memory::default();
        for step in steps {
            upstream.wait(step.wait);
            let start = Day::from_number(upstream.today().number() - step.back);
            let end = step.length.map(|length| format!("&end_date={}", Day::from_number(start.number() + length)));
            let query = format!("start_date={start}&resolution=week{}{}", end.unwrap_or_default(), step.filter);
            let whole = (upstream.answer)(METRICS_PATH, &query, upstream.today()).body;
            upstream.trouble.set(step.trouble);
            match ask(&upstream, &shelf, &query, step.must_ask) {
                Ok(MetricsResult::Assembled(AssembledMetrics { body, trouble, deadlines })) => {
                    prop_assert!(deadlines.born <= upstream.now());
                    if trouble.is_none() {
                        prop_assert_eq!(body, whole);
                        prop_assert!(deadlines.is_fresh(upstream.now()));
                    } else {
                        prop_assert_eq!(trouble, step.trouble);
                    }
                }
                Ok(other) => prop_assert!(false, "{:?}", other),
                Err(trouble) => prop_assert_eq!(Some(trouble), step.trouble),
            }
            let asked = upstream.take_asked();
            prop_assert!(!step.must_ask || !asked.is_empty());
            for part in asked {
                let part = MetricsRequest::parse(&part, upstream.today()).unwrap();
                prop_assert!(start <= part.start);
            }
        }
    }
}
