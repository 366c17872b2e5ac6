//! Metrics derived from commits, against those of the store that has the commits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod memory;
mod store;

use memory::{DAY, Memory, Upstream, midnight, now, ok};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::Cell;
use std::path::Path;
use store::{METRICS, Store, request};
use streamgage::calendar::{DateTime, Day};
use streamgage::query::{MetricsRequest, Parameters};
use streamgage_edge::proxy::derive::{answer, is_gone, remember_gone};
use streamgage_edge::proxy::weeks::{AssembledMetrics, MetricsResult};
use streamgage_edge::proxy::{JsonResponse, UpstreamClient, UpstreamError};

const CORE: &str = "/v3/customer/core/";
const AGGREGATE: &str = "/v3/customer/core/commits.agg/";
const MINUTE: i64 = 60_000;

fn ask(source: &impl UpstreamClient, shelf: &Memory, query: &str) -> Result<MetricsResult, UpstreamError> {
    let today = Day::from_number((source.now() / DAY) as i32);
    let request = MetricsRequest::parse(query, today).expect("a good question");
    now(answer(&request, today, source, shelf, false))
}

fn derived(answered: Result<MetricsResult, UpstreamError>) -> AssembledMetrics {
    match answered {
        Ok(MetricsResult::Assembled(assembled)) => assembled,
        other => panic!("{other:?}"),
    }
}

/// The lists of a store; without the metrics, and perhaps without the aggregate.
fn lists(store: &Store, has_aggregate: bool) -> impl Fn(&str, &str, Day) -> JsonResponse {
    move |path, query, _| {
        let is_there = path.starts_with(CORE) && (has_aggregate || path != AGGREGATE);
        if !is_there {
            return JsonResponse { status: 404, body: r#"{"detail":"Not found."}"#.into(), ..ok("") };
        }
        let reply = store.answer(&request("GET", &format!("{path}?{query}")), b"");
        JsonResponse { status: reply.status, body: reply.body, ..ok("") }
    }
}

fn load(store: &Store, dump: &Path) {
    for resource in ["tags", "repos", "teams", "users", "team_membership", "commits"] {
        let text = std::fs::read_to_string(dump.join(format!("{resource}.ndjson"))).unwrap_or_default();
        // Unlike dumps, lists have a local date without an offset in each commit, and no null for true and false.
        let is_found = |line: &&str| {
            let row: Value = serde_json::from_str(line).unwrap();
            let date = row["author_local_date"].as_str().and_then(DateTime::parse);
            let has_null = ["is_merge", "is_pr_orphan"].iter().any(|flag| row.get(flag) == Some(&Value::Null));
            resource != "commits" || (date.is_some_and(|date| date.offset.is_none()) && !has_null)
        };
        let lines: Vec<&str> = text.lines().filter(is_found).collect();
        for lines in lines.chunks(1_000) {
            store.import(resource, &lines.join("\n"));
        }
    }
}

#[test]
fn every_conformance_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (cases, folder) in [
        ("../shared/conformance/period_metrics.json", "../shared"),
        ("tests/corpus/period_metrics.json", "tests/corpus"),
    ] {
        let Ok(text) = std::fs::read_to_string(root.join(cases)) else { continue };
        let corpus: Value = serde_json::from_str(&text).unwrap();
        let today = corpus["today"].as_str().unwrap();
        let mut store = Store::new();
        store.settings.today = Some(today.into());
        load(&store, &root.join(folder).join(corpus["dump"].as_str().unwrap()));
        for has_aggregate in [true, false] {
            let (upstream, shelf) = (Upstream::new(midnight(today), lists(&store, has_aggregate)), Memory::default());
            for case in corpus["cases"].as_array().unwrap().iter().filter(|case| case["status"] == 200) {
                let query = case["query"].as_str().unwrap();
                assert_eq!(
                    derived(ask(&upstream, &shelf, query)).body,
                    store.get(&format!("{METRICS}?{query}")),
                    "{query}"
                );
            }
        }
    }
}

/// A commit of the store below.
fn commit(id: i64, day: &str) -> Value {
    json!({ "id": id, "apex_user_id": 1, "repo_id": 1, "author_local_date": format!("{day}T12:00:00"), "haloc": 4, "impact": 1.5 })
}

fn put(store: &Store, resource: &str, rows: &[Value]) {
    store.import(resource, &rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"));
}

const QUESTION: &str = "start_date=2026-08-03&resolution=week";
const NOW: &str = "2026-08-27";

#[test]
fn later_questions_need_only_the_open_days() {
    let store = Store::new();
    put(&store, "commits", &[commit(1, "2026-08-05"), commit(2, "2026-08-26")]);
    for (has_aggregate, path) in [(true, "aggregate"), (false, "fields")] {
        let (upstream, shelf) = (Upstream::new(midnight(NOW), lists(&store, has_aggregate)), Memory::default());
        let first = derived(ask(&upstream, &shelf, QUESTION));
        assert_eq!((first.deadlines.fresh, first.trouble), (upstream.now() + MINUTE, None));
        upstream.take_asked();
        assert_eq!(derived(ask(&upstream, &shelf, QUESTION)), first);
        assert_eq!(upstream.take_asked(), [""; 0]);

        upstream.wait(MINUTE);
        assert_eq!(derived(ask(&upstream, &shelf, QUESTION)).body, first.body);
        let asked = upstream.take_asked();
        // Users, repositories, and the days that are open.
        assert_eq!(asked.len(), 3, "{asked:?}");
        let days = "author_local_date__gte=2026-08-25&author_local_date__lt=2026-08-28&";
        assert!(asked[2].starts_with(days) && asked[2].contains(path), "{asked:?}");
    }
}

#[test]
fn who_is_hidden_and_what_is_blocked_is_not_kept() {
    let store = Store::new();
    put(&store, "commits", &[commit(1, "2026-08-05")]);
    let (upstream, shelf) = (Upstream::new(midnight(NOW), lists(&store, true)), Memory::default());
    assert!(derived(ask(&upstream, &shelf, QUESTION)).body.starts_with(r#"{"count":1,"#));
    for (resource, shut, open) in [
        ("users", json!({"id": 1, "hidden_from_reports": true}), json!({"id": 1})),
        ("repos", json!({"id": 1, "name": "a", "blocked": true}), json!({"id": 1, "name": "a"})),
    ] {
        for (row, count) in [(shut, 0), (open, 1)] {
            put(&store, resource, &[row]);
            upstream.wait(MINUTE);
            let body = derived(ask(&upstream, &shelf, QUESTION)).body;
            assert!(body.starts_with(&format!(r#"{{"count":{count},"#)), "{resource} {body}");
        }
    }
}

#[test]
fn what_is_kept_stands_in_where_the_server_fails() {
    let store = Store::new();
    put(&store, "commits", &[commit(1, "2026-08-05")]);
    let (upstream, shelf) = (Upstream::new(midnight(NOW), lists(&store, true)), Memory::default());
    upstream.trouble.set(Some(UpstreamError::Unreachable));
    assert_eq!(ask(&upstream, &shelf, QUESTION), Err(UpstreamError::Unreachable));
    upstream.trouble.set(None);
    let first = derived(ask(&upstream, &shelf, QUESTION));
    upstream.wait(MINUTE);
    upstream.trouble.set(Some(UpstreamError::Unreachable));
    let stale = derived(ask(&upstream, &shelf, QUESTION));
    assert_eq!(stale, AssembledMetrics { trouble: Some(UpstreamError::Unreachable), ..first });
    let longer = ask(&upstream, &shelf, "start_date=2026-08-02&resolution=week");
    assert_eq!(longer, Err(UpstreamError::Unreachable));
}

#[test]
fn errors_are_passed_on() {
    for status in [401, 403, 404] {
        let upstream =
            Upstream::new(midnight(NOW), |_: &str, _: &str, _| JsonResponse { status, body: "{}".into(), ..ok("") });
        let answered = ask(&upstream, &Memory::default(), QUESTION);
        let Ok(MetricsResult::Passthrough(refused)) = answered else { panic!("{answered:?}") };
        assert_eq!((refused.status, refused.body.as_str()), (status, "{}"));
    }
}

/// A list of rows, page by page.
fn page(rows: &[Value], query: &str) -> JsonResponse {
    let parameters = Parameters::parse(query);
    let offset: usize = parameters.value("offset").unwrap().parse().unwrap();
    let limit: usize = parameters.value("limit").unwrap().parse().unwrap();
    let results: Vec<&Value> = rows.iter().skip(offset).take(limit).collect();
    ok(json!({ "count": rows.len(), "next": null, "previous": null, "results": results }).to_string())
}

const BUDGET: u32 = 40;

/// An upstream of so many commits a day, without an aggregate.
fn many(a_day: i32) -> Upstream<impl Fn(&str, &str, Day) -> JsonResponse> {
    Upstream::new(midnight(NOW), move |path: &str, query: &str, _| {
        if path == AGGREGATE {
            return JsonResponse { status: 400, body: "{}".into(), ..ok("") };
        }
        let parameters = Parameters::parse(query);
        let day = |name| parameters.value(name).and_then(Day::parse).map(Day::number);
        let days = day("author_local_date__gte").unwrap_or(0)..day("author_local_date__lt").unwrap_or(0);
        let rows = days.flat_map(|day| (0..a_day).map(move |number| (day, number)));
        let rows: Vec<Value> = rows
            .map(|(day, number)| commit(i64::from(day * a_day + number), &Day::from_number(day).to_string()))
            .collect();
        page(&rows, query)
    })
}

#[test]
fn beyond_its_budget_the_same_question_goes_on() {
    let (upstream, shelf) = (many(80), Memory::default());
    let question = "start_date=2025-01-01&end_date=2026-08-27&resolution=period";
    let mut tries = 0;
    let body = loop {
        upstream.budget.set(BUDGET);
        match ask(&upstream, &shelf, question) {
            Ok(MetricsResult::Assembled(assembled)) => break assembled.body,
            other => assert_eq!(other, Err(UpstreamError::BudgetExhausted)),
        }
        tries += 1;
        assert!(tries < 5);
    };
    assert!(tries > 0 && body.contains(r#""commit_count":80.0"#), "{tries} {body}");
}

#[test]
fn what_is_no_longer_fresh_stands_in_when_the_budget_ends() {
    let (upstream, shelf) = (many(80), Memory::default());
    let question = "start_date=2025-01-01&end_date=2026-08-20&resolution=period";
    derived(ask(&upstream, &shelf, question));
    upstream.wait(2 * DAY);
    upstream.budget.set(BUDGET);
    let again = derived(ask(&upstream, &shelf, question));
    assert_eq!((upstream.budget.get(), again.trouble), (0, None));
    assert!(again.deadlines.fresh <= upstream.now());
}

#[test]
fn a_window_that_changes_is_read_again() {
    let honest = many(500);
    let changes = Cell::new(1);
    let upstream = Upstream::new(midnight(NOW), |path: &str, query: &str, today| {
        let fetched = (honest.answer)(path, query, today);
        // A commit comes in between the first page and the second.
        let is_second = path.ends_with("/commits/") && query.contains("offset=1000") && changes.replace(0) > 0;
        if is_second { ok(fetched.body.replacen("\"count\":", "\"count\":1", 1)) } else { fetched }
    });
    let question = "start_date=2026-08-20&end_date=2026-08-24&resolution=period";
    let body = derived(ask(&upstream, &Memory::default(), question)).body;
    assert!(body.contains(r#""commit_count":500.0"#), "{body}");
    changes.set(0);
    let always = Upstream::new(midnight(NOW), |path: &str, query: &str, today| {
        let fetched = (honest.answer)(path, query, today);
        let is_second = path.ends_with("/commits/") && query.contains("offset=1000");
        if is_second { ok(fetched.body.replacen("\"count\":", "\"count\":1", 1)) } else { fetched }
    });
    assert_eq!(ask(&always, &Memory::default(), question), Err(UpstreamError::InvalidResponse));
}

#[test]
fn filters_that_are_not_heeded_are_seen() {
    let row = |change: Value| {
        let mut row = commit(1, "2026-08-05");
        row.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        row
    };
    let hash = |id: i64| row(json!({"id": id, "ignore_hash": "a"}));
    let merge = row(json!({"id": 2, "is_merge": true}));
    for (rows, seen) in [
        (vec![row(json!({}))], Ok(1)),
        (vec![row(json!({})), merge], Ok(1)),
        (vec![row(json!({"outlier_reason": 1}))], Ok(0)),
        (vec![row(json!({"is_pr_orphan": true}))], Ok(0)),
        (vec![row(json!({"author_local_date": "2026-08-02T00:00:00"}))], Err(UpstreamError::InvalidResponse)),
        (vec![row(json!({"author_local_date": "2026-08-28T00:00:00"}))], Err(UpstreamError::InvalidResponse)),
        (vec![row(json!({"apex_user_id": 2}))], Err(UpstreamError::InvalidResponse)),
        (vec![row(json!({})), row(json!({}))], Err(UpstreamError::InvalidResponse)),
        (vec![hash(1), hash(2)], Err(UpstreamError::InvalidResponse)),
        (vec![json!({"id": 1})], Err(UpstreamError::InvalidResponse)),
    ] {
        let upstream = Upstream::new(midnight(NOW), |path: &str, query: &str, _| {
            if path == AGGREGATE {
                return JsonResponse { status: 404, body: "{}".into(), ..ok("") };
            }
            page(if path.ends_with("/commits/") { &rows } else { &[] }, query)
        });
        let answered = ask(&upstream, &Memory::default(), &format!("{QUESTION}&apex_user_id=1"));
        let count = answered.map(|answered| derived(Ok(answered)).body.starts_with(r#"{"count":1,"#).into());
        assert_eq!(count, seen, "{rows:?}");
    }
}

#[test]
fn an_aggregate_of_another_kind_is_refused() {
    let good = json!({"apex_user_id": 1, "author_local_date_date": "2026-08-05", "repo_id": 1, "id_count": 2,
        "haloc_sum": 4, "churn_sum": null, "impact_sum": 0.30000000000000004});
    for (name, value, is_used) in [
        ("x", json!(1), true),
        ("repo_id", Value::Null, false),
        ("author_local_date_date", json!("2026-08-02"), false),
        ("apex_user_id", json!(2), false),
        ("id_count", json!(1.5), false),
        ("haloc_sum", json!("4"), false),
    ] {
        let mut row = good.clone();
        row[name] = value;
        let upstream = Upstream::new(midnight(NOW), |path: &str, query: &str, _| {
            page(if path == AGGREGATE { std::slice::from_ref(&row) } else { &[] }, query)
        });
        let body = derived(ask(&upstream, &Memory::default(), &format!("{QUESTION}&apex_user_id=1"))).body;
        let expected = r#"{"count":1,"results":[{"period_start_date":"2026-08-03","active_days":1.0,"commit_count":2.0,"total_impact":0.3,"total_efficiency":100.0}]}"#;
        assert_eq!(body, if is_used { expected } else { r#"{"count":0,"results":[]}"# }, "{name}");
    }
}

#[test]
fn that_metrics_are_gone_is_remembered_for_an_hour() {
    let shelf = Memory::default();
    assert!(!is_gone(&shelf, 0));
    remember_gone(&shelf, 5);
    assert!(is_gone(&shelf, 60 * MINUTE + 4) && !is_gone(&shelf, 60 * MINUTE + 5));
}

fn organization() -> impl Strategy<Value = Vec<(&'static str, Vec<Value>)>> {
    let flag = || prop_oneof![6 => Just(false), 1 => Just(true)];
    let hash = prop_oneof![2 => Just(Value::Null), 1 => (0..4i32).prop_map(|hash| json!(hash.to_string()))];
    let commit = (1..6i64, 1..5i64, 0..60i32, flag(), flag(), flag(), hash, 0..99i64, 0..999_999i64);
    let commit = commit.prop_map(|(user, repo, day, is_merge, is_orphan, is_outlier, hash, haloc, impact)| {
        let day = Day::from_number(Day::parse("2026-07-05").unwrap().number() + day);
        json!({"apex_user_id": user, "repo_id": repo, "author_local_date": format!("{day}T23:30:00"),
            "is_merge": is_merge, "is_pr_orphan": is_orphan, "outlier_reason": is_outlier.then_some(1),
            "ignore_hash": hash, "haloc": haloc, "churn": haloc / 2, "impact": impact as f64 / 10_000.0})
    });
    let user = flag().prop_map(|hidden| json!({"hidden_from_reports": hidden}));
    let tags = proptest::sample::subsequence(vec![1, 2], 0..=2);
    let repo = (flag(), "[ab]{1,2}", tags)
        .prop_map(|(blocked, name, tags)| json!({"blocked": blocked, "name": name, "tags": tags}));
    let team = proptest::option::of(1..4i64).prop_map(|parent| json!({"name": "t", "parent": parent}));
    let kind = prop_oneof![3 => Just("contributor"), 1 => Just("viewer")];
    let member = (1..6i64, 1..4i64, kind)
        .prop_map(|(user, team, kind)| json!({"apex_user_id": user, "team_id": team, "membership_type": kind}));
    let rows = |row: BoxedStrategy<Value>, most: usize| proptest::collection::vec(row, 0..most);
    (
        rows(commit.boxed(), 60),
        rows(user.boxed(), 6),
        rows(repo.boxed(), 4),
        rows(team.boxed(), 4),
        rows(member.boxed(), 8),
    )
        .prop_map(|(commits, users, repos, teams, members)| {
            let tags = vec![json!({"name": "x"}), json!({"name": "y"})];
            let all = [
                ("tags", tags),
                ("repos", repos),
                ("teams", teams),
                ("users", users),
                ("team_membership", members),
                ("commits", commits),
            ];
            all.map(|(resource, mut rows)| {
                for (row, id) in rows.iter_mut().zip(1..) {
                    row["id"] = json!(id);
                }
                (resource, rows)
            })
            .into()
        })
}

fn question() -> impl Strategy<Value = String> {
    let filters = [
        "apex_user_id=1",
        "apex_user_id__in=2,3,4",
        "team_id=1",
        "team_id__in=1,2&include_nested_teams=true",
        "team_id=2&team_id__in=2,3",
        "repo_id=1",
        "repo_id__in=1,2,9",
        "repo_id_not__in=2",
        "repo_tag_id=1",
        "repo_tag_id__in=1,2&repo_tag_id=2",
        "repo_name=A",
        "repo_name=zz",
    ];
    let filters = proptest::sample::subsequence(filters.to_vec(), 0..4);
    (filters, 0..60i32, proptest::option::of(0..60i32), any::<bool>()).prop_map(|(filters, start, length, is_week)| {
        let start = Day::from_number(Day::parse("2026-07-01").unwrap().number() + start);
        let end = length.map(|length| format!("&end_date={}", Day::from_number(start.number() + length)));
        let resolution = if is_week { "week" } else { "period" };
        let filters: String = filters.iter().map(|filter| format!("&{filter}")).collect();
        format!("start_date={start}{}&resolution={resolution}{filters}", end.unwrap_or_default())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Derived from either list, in any order of questions, and as time goes by, an answer is the store's own.
    #[test]
    fn as_the_store_itself_answers(
        rows in organization(),
        questions in proptest::collection::vec((question(), 0..2 * DAY), 1..8),
        has_aggregate in any::<bool>(),
    ) {
        let mut store = Store::new();
        for (resource, rows) in rows.iter().filter(|(_, rows)| !rows.is_empty()) {
            put(&store, resource, rows);
        }
        let start = midnight("2026-08-30");
        store.settings.today = Some("2026-08-30".into());
        let (upstream, shelf) = (Upstream::new(start, lists(&store, has_aggregate)), Memory::default());
        for (question, wait) in questions {
            // The clock moves within a day: the store's date stands still.
            upstream.time.set(upstream.now().max(start + wait / 3));
            let derived = derived(ask(&upstream, &shelf, &question));
            prop_assert_eq!(derived.trouble, None);
            prop_assert_eq!(derived.body, store.get(&format!("{METRICS}?{question}")), "{}", question);
        }
    }
}
