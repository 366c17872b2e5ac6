//! Metrics derived from commits, compared with those of a store with the same commits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod fake_upstream;
mod store;

use fake_upstream::{DAY, FakeUpstream, MemoryStore, complete, midnight, ok};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::Cell;
use std::path::Path;
use store::{METRICS, Store, request};
use streamgage::calendar::{DateTime, Day};
use streamgage::query::{MetricsRequest, Parameters};
use streamgage_edge::proxy::derive::{
    fetch, forget_endpoint_gone, is_endpoint_gone, remember_endpoint_gone, was_endpoint_gone,
};
use streamgage_edge::proxy::{AssembledMetrics, JsonResponse, MetricsResult, UpstreamClient, UpstreamError};

const CORE: &str = "/v3/customer/core/";
const AGGREGATE: &str = "/v3/customer/core/commits.agg/";
const MINUTE: i64 = 60_000;

fn derive(client: &impl UpstreamClient, store: &MemoryStore, query: &str) -> Result<MetricsResult, UpstreamError> {
    let today = Day::from_number((client.now() / DAY) as i32);
    let request = MetricsRequest::parse(query, today).expect("a valid request");
    complete(fetch(&request, today, client, store, false))
}

fn assembled(result: Result<MetricsResult, UpstreamError>) -> AssembledMetrics {
    match result {
        Ok(MetricsResult::Assembled(assembled)) => assembled,
        other => panic!("{other:?}"),
    }
}

/// Returns the lists of a store without the metrics, and optionally without the aggregate.
fn lists(store: &Store, has_aggregate: bool) -> impl Fn(&str, &str, Day) -> JsonResponse {
    move |path, query, _| {
        let exists = path.starts_with(CORE) && (has_aggregate || path != AGGREGATE);
        if !exists {
            return JsonResponse { status: 404, body: r#"{"detail":"Not found."}"#.into(), ..ok("") };
        }
        let reply = store.answer(&request("GET", &format!("{path}?{query}")), b"");
        JsonResponse { status: reply.status, body: reply.body, ..ok("") }
    }
}

fn load(store: &Store, dump: &Path) {
    for resource in ["tags", "repos", "teams", "users", "team_membership", "commits"] {
        let text = std::fs::read_to_string(dump.join(format!("{resource}.ndjson"))).unwrap_or_default();
        // Unlike dumps, lists contain local dates without an offset, and no null in place of a boolean.
        let is_listed = |line: &&str| {
            let row: Value = serde_json::from_str(line).unwrap();
            let date = row["author_local_date"].as_str().and_then(DateTime::parse);
            let has_null = ["is_merge", "is_pr_orphan"].iter().any(|flag| row.get(flag) == Some(&Value::Null));
            resource != "commits" || (date.is_some_and(|date| date.offset.is_none()) && !has_null)
        };
        let lines: Vec<&str> = text.lines().filter(is_listed).collect();
        for lines in lines.chunks(1_000) {
            store.import(resource, &lines.join("\n"));
        }
    }
}

#[test]
fn derived_metrics_pass_every_conformance_case() {
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
            let (upstream, partition) =
                (FakeUpstream::new(midnight(today), lists(&store, has_aggregate)), MemoryStore::default());
            for case in corpus["cases"].as_array().unwrap().iter().filter(|case| case["status"] == 200) {
                let query = case["query"].as_str().unwrap();
                assert_eq!(
                    assembled(derive(&upstream, &partition, query)).body,
                    store.get(&format!("{METRICS}?{query}")),
                    "{query}"
                );
            }
        }
    }
}

fn commit(id: i64, day: &str) -> Value {
    json!({ "id": id, "apex_user_id": 1, "repo_id": 1, "author_local_date": format!("{day}T12:00:00"), "haloc": 4, "impact": 1.5 })
}

fn put(store: &Store, resource: &str, rows: &[Value]) {
    store.import(resource, &rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"));
}

const REQUEST: &str = "start_date=2026-08-03&resolution=week";
const NOW: &str = "2026-08-27";

#[test]
fn later_requests_fetch_open_days_only() {
    let store = Store::new();
    put(&store, "commits", &[commit(1, "2026-08-05"), commit(2, "2026-08-26")]);
    for (has_aggregate, path) in [(true, "aggregate"), (false, "fields")] {
        let (upstream, partition) =
            (FakeUpstream::new(midnight(NOW), lists(&store, has_aggregate)), MemoryStore::default());
        let first = assembled(derive(&upstream, &partition, REQUEST));
        assert_eq!((first.deadlines.fresh_until, first.error), (upstream.now() + MINUTE, None));
        upstream.take_queries();
        assert_eq!(assembled(derive(&upstream, &partition, REQUEST)), first);
        assert_eq!(upstream.take_queries(), [""; 0]);

        upstream.advance(MINUTE);
        assert_eq!(assembled(derive(&upstream, &partition, REQUEST)).body, first.body);
        let asked = upstream.take_queries();
        // Users, repositories, and open days.
        assert_eq!(asked.len(), 3, "{asked:?}");
        let days = "author_local_date__gte=2026-08-25&author_local_date__lt=2026-08-28&";
        assert!(asked[2].starts_with(days) && asked[2].contains(path), "{asked:?}");
    }
}

#[test]
fn hidden_users_and_blocked_repositories_are_not_part_of_stored_days() {
    let store = Store::new();
    put(&store, "commits", &[commit(1, "2026-08-05")]);
    let (upstream, partition) = (FakeUpstream::new(midnight(NOW), lists(&store, true)), MemoryStore::default());
    assert!(assembled(derive(&upstream, &partition, REQUEST)).body.starts_with(r#"{"count":1,"#));
    for (resource, excluded, included) in [
        ("users", json!({"id": 1, "hidden_from_reports": true}), json!({"id": 1})),
        ("repos", json!({"id": 1, "name": "a", "blocked": true}), json!({"id": 1, "name": "a"})),
    ] {
        for (row, count) in [(excluded, 0), (included, 1)] {
            put(&store, resource, &[row]);
            upstream.advance(MINUTE);
            let body = assembled(derive(&upstream, &partition, REQUEST)).body;
            assert!(body.starts_with(&format!(r#"{{"count":{count},"#)), "{resource} {body}");
        }
    }
}

#[test]
fn stored_days_are_used_if_the_upstream_fails() {
    let store = Store::new();
    put(&store, "commits", &[commit(1, "2026-08-05")]);
    let (upstream, partition) = (FakeUpstream::new(midnight(NOW), lists(&store, true)), MemoryStore::default());
    upstream.error.set(Some(UpstreamError::Unreachable));
    assert_eq!(derive(&upstream, &partition, REQUEST), Err(UpstreamError::Unreachable));
    upstream.error.set(None);
    let first = assembled(derive(&upstream, &partition, REQUEST));
    upstream.advance(MINUTE);
    upstream.error.set(Some(UpstreamError::Unreachable));
    let stale = assembled(derive(&upstream, &partition, REQUEST));
    assert_eq!(stale, AssembledMetrics { error: Some(UpstreamError::Unreachable), ..first });
    let longer = derive(&upstream, &partition, "start_date=2026-08-02&resolution=week");
    assert_eq!(longer, Err(UpstreamError::Unreachable));
}

#[test]
fn refusals_are_passed_through() {
    for status in [401, 403, 404] {
        let upstream = FakeUpstream::new(midnight(NOW), |_: &str, _: &str, _| JsonResponse {
            status,
            body: "{}".into(),
            ..ok("")
        });
        let result = derive(&upstream, &MemoryStore::default(), REQUEST);
        let Ok(MetricsResult::Passthrough(refused)) = result else { panic!("{result:?}") };
        assert_eq!((refused.status, refused.body.as_str()), (status, "{}"));
    }
}

/// Returns one page of a list.
fn page(rows: &[Value], query: &str) -> JsonResponse {
    let parameters = Parameters::parse(query);
    let offset: usize = parameters.value("offset").unwrap().parse().unwrap();
    let limit: usize = parameters.value("limit").unwrap().parse().unwrap();
    let results: Vec<&Value> = rows.iter().skip(offset).take(limit).collect();
    ok(json!({ "count": rows.len(), "next": null, "previous": null, "results": results }).to_string())
}

const BUDGET: u32 = 40;

/// Returns an upstream with the given number of commits per day and without an aggregate.
fn upstream_with_commits(per_day: i32) -> FakeUpstream<impl Fn(&str, &str, Day) -> JsonResponse> {
    FakeUpstream::new(midnight(NOW), move |path: &str, query: &str, _| {
        if path == AGGREGATE {
            return JsonResponse { status: 400, body: "{}".into(), ..ok("") };
        }
        let parameters = Parameters::parse(query);
        let day = |name| parameters.value(name).and_then(Day::parse).map(Day::number);
        let days = day("author_local_date__gte").unwrap_or(0)..day("author_local_date__lt").unwrap_or(0);
        let rows = days.flat_map(|day| (0..per_day).map(move |number| (day, number)));
        let rows: Vec<Value> = rows
            .map(|(day, number)| commit(i64::from(day * per_day + number), &Day::from_number(day).to_string()))
            .collect();
        page(&rows, query)
    })
}

#[test]
fn a_repeated_request_continues_after_the_budget_was_exhausted() {
    let (upstream, partition) = (upstream_with_commits(80), MemoryStore::default());
    let request = "start_date=2025-01-01&end_date=2026-08-27&resolution=period";
    let mut tries = 0;
    let body = loop {
        upstream.budget.set(BUDGET);
        match derive(&upstream, &partition, request) {
            Ok(MetricsResult::Assembled(assembled)) => break assembled.body,
            other => assert_eq!(other, Err(UpstreamError::BudgetExhausted)),
        }
        tries += 1;
        assert!(tries < 5);
    };
    assert!(tries > 0 && body.contains(r#""commit_count":80.0"#), "{tries} {body}");
}

#[test]
fn stale_days_are_used_if_the_budget_is_exhausted() {
    let (upstream, partition) = (upstream_with_commits(80), MemoryStore::default());
    let request = "start_date=2025-01-01&end_date=2026-08-20&resolution=period";
    assembled(derive(&upstream, &partition, request));
    upstream.advance(2 * DAY);
    upstream.budget.set(BUDGET);
    let again = assembled(derive(&upstream, &partition, request));
    assert_eq!((upstream.budget.get(), again.error), (0, None));
    assert!(again.deadlines.fresh_until <= upstream.now());
}

/// Returns an upstream with this many repositories, and a commit of each of the first two.
fn upstream_with_repos(count: i64) -> FakeUpstream<impl Fn(&str, &str, Day) -> JsonResponse> {
    FakeUpstream::new(midnight(NOW), move |path: &str, query: &str, _| {
        if path == AGGREGATE {
            return JsonResponse { status: 400, body: "{}".into(), ..ok("") };
        }
        let parameters = Parameters::parse(query);
        let offset: i64 = parameters.value("offset").unwrap().parse().unwrap();
        let (count, results): (i64, Vec<Value>) = match path.trim_end_matches('/').rsplit('/').next() {
            Some("repos") => {
                let ids = offset + 1..(offset + 1_001).min(count + 1);
                (count, ids.map(|id| json!({"id": id, "name": format!("repository {id}")})).collect())
            }
            Some("commits") => (1, vec![commit(1, "2026-08-05")]),
            _ => (0, Vec::new()),
        };
        ok(json!({ "count": count, "results": results }).to_string())
    })
}

#[test]
fn a_list_beyond_the_budget_is_completed_by_repetitions() {
    let (upstream, partition) = (upstream_with_repos(85_000), MemoryStore::default());
    let mut tries = 0;
    let first = loop {
        upstream.budget.set(BUDGET);
        match derive(&upstream, &partition, REQUEST) {
            Ok(MetricsResult::Assembled(assembled)) => break assembled,
            other => assert_eq!(other, Err(UpstreamError::BudgetExhausted)),
        }
        upstream.advance(2_000);
        tries += 1;
        assert!(tries < 6, "no progress");
    };
    assert!(tries > 1 && first.body.starts_with(r#"{"count":1,"#), "{tries} {}", first.body);
    assert!(partition.texts().iter().all(|text| text.len() < 2_000_000), "a row of the store holds 2 MB");
    // The list is long, so it is read again after an hour only.
    upstream.take_queries();
    upstream.advance(10 * MINUTE);
    assert_eq!(assembled(derive(&upstream, &partition, REQUEST)).body, first.body);
    assert!(upstream.take_queries().len() < 5);
    // The stored list is used while it is read again.
    upstream.advance(60 * MINUTE);
    upstream.budget.set(BUDGET);
    assert_eq!(assembled(derive(&upstream, &partition, REQUEST)).body, first.body);
    assert_eq!(upstream.budget.get(), 0);
}

#[test]
fn a_false_count_of_rows_sizes_nothing_and_ends() {
    for count in [250_000_000_u32, 4_000_000_000] {
        for rows in [0, 1, 2] {
            let upstream = FakeUpstream::new(midnight(NOW), move |path: &str, _: &str, _| {
                let results = vec![commit(1, "2026-08-05"); rows];
                match path.contains("/repos/") || path.contains("/commits") {
                    true => ok(json!({ "count": count, "results": results }).to_string()),
                    false => ok(r#"{"count":0,"results":[]}"#),
                }
            });
            upstream.budget.set(BUDGET);
            let result =
                derive(&upstream, &MemoryStore::default(), "start_date=2026-08-03&end_date=9999-12-01&resolution=week");
            assert!(
                matches!(result, Err(UpstreamError::BudgetExhausted | UpstreamError::InvalidResponse)),
                "{result:?}"
            );
        }
    }
}

#[test]
fn a_list_that_changes_between_pages_is_read_again() {
    let honest = upstream_with_commits(500);
    let changes = Cell::new(1);
    let upstream = FakeUpstream::new(midnight(NOW), |path: &str, query: &str, today| {
        let fetched = (honest.respond)(path, query, today);
        // A commit is added between the first page and the second.
        let is_second = path.ends_with("/commits/") && query.contains("offset=999") && changes.replace(0) > 0;
        if is_second { ok(fetched.body.replacen("\"count\":", "\"count\":1", 1)) } else { fetched }
    });
    let request = "start_date=2026-08-20&end_date=2026-08-24&resolution=period";
    let body = assembled(derive(&upstream, &MemoryStore::default(), request)).body;
    assert!(body.contains(r#""commit_count":500.0"#), "{body}");
    changes.set(0);
    let always = FakeUpstream::new(midnight(NOW), |path: &str, query: &str, today| {
        let fetched = (honest.respond)(path, query, today);
        let is_second = path.ends_with("/commits/") && query.contains("offset=999");
        if is_second { ok(fetched.body.replacen("\"count\":", "\"count\":1", 1)) } else { fetched }
    });
    assert_eq!(derive(&always, &MemoryStore::default(), request), Err(UpstreamError::InvalidResponse));
}

#[test]
fn a_row_that_disappears_while_another_appears_is_noticed() {
    let honest = upstream_with_commits(500);
    let changes = Cell::new(1);
    let upstream = FakeUpstream::new(midnight(NOW), |path: &str, query: &str, today| {
        // The rows of the second page have moved by one, but their number is the same.
        let is_second = path.ends_with("/commits/") && query.contains("offset=999") && changes.replace(0) > 0;
        let fetched = (honest.respond)(path, query, today);
        if is_second { ok(fetched.body.replacen("\"id\":", "\"id\":1", 1)) } else { fetched }
    });
    let request = "start_date=2026-08-20&end_date=2026-08-24&resolution=period";
    let body = assembled(derive(&upstream, &MemoryStore::default(), request)).body;
    assert!(body.contains(r#""commit_count":500.0"#), "{body}");
    let pages = upstream
        .take_queries()
        .iter()
        .filter(|query| query.contains("offset=999") && query.contains("fields="))
        .count();
    assert_eq!((changes.get(), pages), (0, 2), "the list is read again");
}

#[test]
fn commits_that_were_not_requested_are_detected() {
    let row = |change: Value| {
        let mut row = commit(1, "2026-08-05");
        row.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        row
    };
    let hash = |id: i64| row(json!({"id": id, "ignore_hash": "a"}));
    let merge = row(json!({"id": 2, "is_merge": true}));
    for (rows, expected) in [
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
        let upstream = FakeUpstream::new(midnight(NOW), |path: &str, query: &str, _| {
            if path == AGGREGATE {
                return JsonResponse { status: 404, body: "{}".into(), ..ok("") };
            }
            page(if path.ends_with("/commits/") { &rows } else { &[] }, query)
        });
        let result = derive(&upstream, &MemoryStore::default(), &format!("{REQUEST}&apex_user_id=1"));
        let count = result.map(|result| assembled(Ok(result)).body.starts_with(r#"{"count":1,"#).into());
        assert_eq!(count, expected, "{rows:?}");
    }
}

#[test]
fn an_aggregate_with_unexpected_values_is_not_used() {
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
        let upstream = FakeUpstream::new(midnight(NOW), |path: &str, query: &str, _| {
            page(if path == AGGREGATE { std::slice::from_ref(&row) } else { &[] }, query)
        });
        let body = assembled(derive(&upstream, &MemoryStore::default(), &format!("{REQUEST}&apex_user_id=1"))).body;
        let expected = r#"{"count":1,"results":[{"period_start_date":"2026-08-03","active_days":1.0,"commit_count":2.0,"total_impact":0.3,"total_efficiency":100.0}]}"#;
        assert_eq!(body, if is_used { expected } else { r#"{"count":0,"results":[]}"# }, "{name}");
    }
}

#[test]
fn a_missing_metrics_endpoint_is_remembered_for_a_minute_that_doubles_up_to_an_hour() {
    let store = MemoryStore::default();
    assert!(!is_endpoint_gone(&store, 0) && !was_endpoint_gone(&store, 0));
    let mut now = 5;
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        remember_endpoint_gone(&store, now);
        let end = now + minutes * MINUTE;
        assert!(is_endpoint_gone(&store, end - 1) && !is_endpoint_gone(&store, end), "{minutes}");
        assert!(was_endpoint_gone(&store, end), "the next observation needs no confirmation");
        now = end;
    }
    forget_endpoint_gone(&store);
    remember_endpoint_gone(&store, now);
    assert!(!is_endpoint_gone(&store, now + MINUTE));
    // After a day without a request, the endpoint may exist again.
    assert!(!was_endpoint_gone(&store, now + DAY));
    remember_endpoint_gone(&store, now + DAY);
    assert!(!is_endpoint_gone(&store, now + DAY + MINUTE));
    // A clock that was set back ends the memory.
    assert!(!is_endpoint_gone(&store, now - DAY));
}

#[test]
fn requests_that_observe_the_same_absence_remember_it_for_a_minute() {
    let store = MemoryStore::default();
    for request in 0..8 {
        remember_endpoint_gone(&store, request);
    }
    assert!(is_endpoint_gone(&store, MINUTE - 1) && !is_endpoint_gone(&store, MINUTE));
    // An observation long after the last one needs a confirmation.
    assert!(was_endpoint_gone(&store, 2 * MINUTE - 1) && !was_endpoint_gone(&store, 2 * MINUTE));
}

#[test]
fn a_list_that_grows_while_it_is_read_is_completed_by_repetitions() {
    let count = Cell::new(60_000);
    let upstream = FakeUpstream::new(midnight(NOW), |path: &str, query: &str, today| {
        (upstream_with_repos(count.get()).respond)(path, query, today)
    });
    let partition = MemoryStore::default();
    for tries in 0.. {
        assert!(tries < 8, "no progress");
        upstream.budget.set(BUDGET);
        match derive(&upstream, &partition, REQUEST) {
            Ok(MetricsResult::Assembled(assembled)) => {
                assert!(tries > 0 && assembled.body.starts_with(r#"{"count":1,"#), "{tries} {}", assembled.body);
                break;
            }
            other => assert_eq!(other, Err(UpstreamError::BudgetExhausted)),
        }
        upstream.advance(2_000);
        count.set(count.get() + 1);
    }
}

#[test]
fn a_page_that_fails_discards_no_other_page() {
    let honest = upstream_with_repos(20_000);
    let failures = Cell::new(1);
    let upstream = FakeUpstream::new(midnight(NOW), |path: &str, query: &str, today| {
        let fails = path.contains("/repos/") && query.contains("offset=7992") && failures.replace(0) > 0;
        if fails { ok("<h1>Bad gateway</h1>") } else { (honest.respond)(path, query, today) }
    });
    let partition = MemoryStore::default();
    assert_eq!(derive(&upstream, &partition, REQUEST), Err(UpstreamError::InvalidResponse));
    upstream.take_queries();
    assert!(assembled(derive(&upstream, &partition, REQUEST)).body.starts_with(r#"{"count":1,"#));
    let offsets: Vec<String> =
        upstream.take_queries().into_iter().filter(|query| query.contains("name%2Cblocked")).collect();
    // The first page, the failed one, and those that were not read yet.
    assert_eq!(offsets.len(), 10, "{offsets:?}");
}

#[test]
fn lists_with_invalid_totals_end() {
    for page in [
        r#"{"count":-1,"results":[]}"#,
        r#"{"count":1.5,"results":[]}"#,
        r#"{"count":1e308,"results":[]}"#,
        r#"{"count":"7","results":[]}"#,
        r#"{"count":null,"results":[]}"#,
        r#"{"count":18446744073709551616,"results":[]}"#,
        r#"{"results":[]}"#,
        r#"{"count":1}"#,
        r#"{"count":2,"next":"/v3/customer/core/repos/?offset=0","results":[]}"#,
        r#"{"count":2,"next":"https://elsewhere.example/","results":[{"id":1}]}"#,
        r#"{"count":1,"results":[{"id":1},{"id":2}]}"#,
        r#"{"count":4294967295,"results":[{"id":1},{"id":2},{"id":3}]}"#,
        r#"{"count":1,"results":[7]}"#,
        r#"{"count":1,"results":{"id":1}}"#,
        "[]",
        "null",
    ] {
        let upstream = FakeUpstream::new(midnight(NOW), move |_: &str, _: &str, _| ok(page));
        upstream.budget.set(BUDGET);
        assert_eq!(derive(&upstream, &MemoryStore::default(), REQUEST), Err(UpstreamError::InvalidResponse), "{page}");
        assert!(upstream.take_queries().len() <= BUDGET as usize, "{page}");
    }
}

#[test]
fn a_list_that_disappears_is_replaced_by_the_stored_one() {
    let store = Store::new();
    put(&store, "commits", &[commit(1, "2026-08-05")]);
    let honest = lists(&store, true);
    for (status, is_kept) in [(404, true), (410, true), (405, true), (400, true), (401, false), (403, false)] {
        let refuses = Cell::new(false);
        let upstream = FakeUpstream::new(midnight(NOW), |path: &str, query: &str, today| match refuses.get() {
            true => JsonResponse { status, body: "{}".into(), ..ok("") },
            false => honest(path, query, today),
        });
        let partition = MemoryStore::default();
        let good = assembled(derive(&upstream, &partition, REQUEST));
        upstream.advance(MINUTE);
        refuses.set(true);
        match derive(&upstream, &partition, REQUEST) {
            Ok(MetricsResult::Assembled(stale)) => {
                assert_eq!((stale.body, stale.error, is_kept), (good.body, Some(UpstreamError::InvalidResponse), true));
            }
            Ok(MetricsResult::Passthrough(refused)) => assert_eq!((refused.status, is_kept), (status, false)),
            Err(error) => panic!("{error:?}"),
        }
    }
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

fn request_query() -> impl Strategy<Value = String> {
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

    #[test]
    fn derived_metrics_equal_those_of_the_store(
        rows in organization(),
        requests in proptest::collection::vec((request_query(), 0..2 * DAY), 1..8),
        has_aggregate in any::<bool>(),
    ) {
        let mut store = Store::new();
        for (resource, rows) in rows.iter().filter(|(_, rows)| !rows.is_empty()) {
            put(&store, resource, rows);
        }
        let start = midnight("2026-08-30");
        store.settings.today = Some("2026-08-30".into());
        let (upstream, partition) = (FakeUpstream::new(start, lists(&store, has_aggregate)), MemoryStore::default());
        for (request, wait) in requests {
            // The clock stays within a day, because the date of the store is fixed.
            upstream.time.set(upstream.now().max(start + wait / 3));
            let derived = assembled(derive(&upstream, &partition, &request));
            prop_assert_eq!(derived.error, None);
            prop_assert_eq!(derived.body, store.get(&format!("{METRICS}?{request}")), "{}", request);
        }
    }
}
