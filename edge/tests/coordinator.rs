//! The coordinator of a partition before an upstream that fails, and callers that share a partition.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod fake_upstream;

use fake_upstream::{MemoryPartition, complete, midnight};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use streamgage::query::METRICS_PATH;
use streamgage_edge::Event;
use streamgage_edge::proxy::{
    CacheKey, CacheOutcome, CoordinatedResponse, FetchReply, FetchRequest, Headers, PartitionCoordinator,
    ProxySettings, Transport, TransportError, UpstreamRequest, UpstreamResponse,
};

const TODAY: &str = "2026-08-27";
const TEAMS: &str = "/v3/customer/core/teams/";
const SECOND: i64 = 1_000;
/// The number of times that the tasks of a test may sleep.
const MAX_SLEEPS: u32 = 1_000;

type Result = std::result::Result<UpstreamResponse, TransportError>;

/// An upstream whose responses come from a function of the target, and a clock.
#[derive(Clone)]
struct Upstream(Rc<State>);

struct State {
    now: Cell<i64>,
    hangs: Cell<bool>,
    /// The next request waits until it is polled again, and callers do not sleep.
    waits: Cell<bool>,
    targets: RefCell<Vec<String>>,
    log: RefCell<Vec<String>>,
    sleeps: Cell<u32>,
    respond: Box<dyn Fn(&str) -> Result>,
}

impl Upstream {
    fn new(respond: impl Fn(&str) -> Result + 'static) -> Upstream {
        let (now, respond) = (Cell::new(midnight(TODAY)), Box::new(respond));
        Upstream(Rc::new(State {
            now,
            hangs: Cell::new(false),
            waits: Cell::new(false),
            targets: RefCell::default(),
            log: RefCell::default(),
            sleeps: Cell::new(0),
            respond,
        }))
    }

    fn advance(&self, milliseconds: i64) {
        self.0.now.set(self.0.now.get() + milliseconds);
    }

    fn requests(&self) -> usize {
        self.0.targets.borrow().len()
    }
}

impl Transport for Upstream {
    fn now(&self) -> i64 {
        self.0.now.get()
    }

    fn random(&self) -> f64 {
        0.0
    }

    fn log(&self, request_id: Option<&str>, event: &Event) {
        self.0.log.borrow_mut().push(event.to_line(request_id));
    }

    async fn sleep(&self, milliseconds: u32) {
        if self.0.waits.get() {
            std::future::pending::<()>().await;
        }
        self.0.sleeps.set(self.0.sleeps.get() + 1);
        assert!(self.0.sleeps.get() < MAX_SLEEPS, "a task runs forever");
        self.advance(milliseconds.into());
    }

    async fn get(&self, request: UpstreamRequest, _: u32) -> Result {
        let target = request.address.strip_prefix("https://upstream.example").unwrap();
        self.0.targets.borrow_mut().push(target.to_owned());
        if self.0.hangs.get() {
            std::future::pending::<()>().await;
        }
        if self.0.waits.get() {
            let mut is_ready = false;
            std::future::poll_fn(|_| match std::mem::replace(&mut is_ready, true) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            })
            .await;
        }
        (self.0.respond)(target).map(|response| UpstreamResponse { sent_at: self.now(), ..response })
    }
}

fn response(status: u16, body: impl Into<String>) -> Result {
    let headers = Headers::new([("content-type".to_owned(), "application/json".to_owned())]);
    Ok(UpstreamResponse { sent_at: 0, status, headers, body: body.into().into_bytes().into() })
}

fn list(rows: &[serde_json::Value]) -> Result {
    response(200, json!({ "count": rows.len(), "results": rows }).to_string())
}

type Coordinator = PartitionCoordinator<Upstream, MemoryPartition>;

fn coordinator(upstream: &Upstream, has_own_key: bool) -> (Coordinator, MemoryPartition) {
    let settings = ProxySettings::read(|name| match name {
        "UPSTREAM" => Some("https://upstream.example".to_owned()),
        "UPSTREAM_KEY" if has_own_key => Some("owned".to_owned()),
        "CACHE_SECRET" => Some("secret of the test".to_owned()),
        _ => None,
    });
    let partition = MemoryPartition::default();
    (PartitionCoordinator::new(upstream.clone(), partition.clone(), settings.unwrap().unwrap()), partition)
}

fn request(caller: &str, path: &str, query: &str) -> FetchRequest {
    let today = streamgage::calendar::Day::parse(TODAY).unwrap().number();
    let cache_key = CacheKey::parse(path, query).unwrap();
    let (upstream_key, caller, request_id) = ("owned".into(), caller.into(), Some("request".into()));
    FetchRequest { cache_key, upstream_key, caller, refresh: false, today, request_id }
}

fn fetch(coordinator: &Coordinator, caller: &str, path: &str, query: &str) -> CoordinatedResponse<Vec<u8>> {
    response_of(complete(coordinator.fetch(&request(caller, path, query))))
}

fn response_of(reply: FetchReply<Vec<u8>>) -> CoordinatedResponse<Vec<u8>> {
    match reply {
        FetchReply::Response(response) => response,
        FetchReply::Busy => panic!("busy"),
    }
}

/// Returns an upstream whose metrics endpoint is missing while `is_missing` returns true. Its commits give other numbers.
fn upstream_with_metrics(is_missing: impl Fn() -> bool + 'static) -> Upstream {
    Upstream::new(move |target| match target {
        _ if target.starts_with(METRICS_PATH) && is_missing() => response(404, r#"{"detail":"Not found."}"#),
        _ if target.starts_with(METRICS_PATH) => list(&[json!({ "active_days": 9.9 })]),
        _ if target.contains("/commits.agg/") => response(404, "{}"),
        _ if target.contains("/commits/") => list(&[json!({ "id": 1, "apex_user_id": 1, "repo_id": 1,
            "author_local_date": "2026-08-26T12:00:00", "haloc": 1, "impact": 1 })]),
        _ => list(&[]),
    })
}

const PERIOD: &str = "start_date=2026-08-24&resolution=period";

#[test]
fn one_404_of_the_metrics_endpoint_changes_no_numbers() {
    for resolution in ["period", "week"] {
        let missing = Cell::new(1);
        let upstream = upstream_with_metrics(move || missing.replace(missing.get() - 1) > 0);
        let (coordinator, _) = coordinator(&upstream, false);
        let query = format!("start_date=2026-08-24&resolution={resolution}");
        for _ in 0..3 {
            let response = fetch(&coordinator, "", METRICS_PATH, &query);
            let body = String::from_utf8(response.body).unwrap();
            assert!(body.contains("9.9") && !response.entry.derived, "{body}");
            upstream.advance(61 * SECOND);
        }
    }
}

#[test]
fn derived_metrics_are_marked_and_the_endpoint_is_asked_again() {
    let missing = Rc::new(Cell::new(true));
    let upstream = upstream_with_metrics({
        let missing = Rc::clone(&missing);
        move || missing.get()
    });
    let (coordinator, _) = coordinator(&upstream, false);
    let derived = fetch(&coordinator, "", METRICS_PATH, PERIOD);
    assert!(derived.entry.derived, "{:?}", String::from_utf8(derived.body));
    missing.set(false);
    upstream.advance(30 * SECOND);
    assert!(fetch(&coordinator, "", METRICS_PATH, PERIOD).entry.derived);
    upstream.advance(31 * SECOND);
    let response = fetch(&coordinator, "", METRICS_PATH, PERIOD);
    assert!(!response.entry.derived && String::from_utf8(response.body).unwrap().contains("9.9"));
    // The endpoint exists again, so one more 404 is no reason to derive.
    assert!(!fetch(&coordinator, "", METRICS_PATH, PERIOD).entry.derived);
}

#[test]
fn a_403_of_one_path_keeps_the_responses_of_others() {
    let upstream = Upstream::new(|target| match target.contains("/secret/") {
        true => response(403, "{}"),
        false => list(&[]),
    });
    for has_own_key in [true, false] {
        let (coordinator, _) = coordinator(&upstream, has_own_key);
        assert_eq!(fetch(&coordinator, "one", TEAMS, "").entry.status, 200);
        assert_eq!(fetch(&coordinator, "two", "/v3/customer/core/secret/", "").entry.status, 403);
        assert_eq!(fetch(&coordinator, "one", TEAMS, "").outcome, CacheOutcome::Hit);
    }
}

/// Returns an upstream that refuses targets with a status as soon as the cell has one.
fn refusing_upstream(refused: &'static str) -> (Upstream, Rc<Cell<Option<u16>>>) {
    let status = Rc::new(Cell::new(None));
    let refuses = Rc::clone(&status);
    let upstream = Upstream::new(move |target| match refuses.get().filter(|_| target.contains(refused)) {
        Some(status) => response(status, "{}"),
        None => list(&[]),
    });
    (upstream, status)
}

const WEEK: &str = "start_date=2026-06-01&end_date=2026-06-07&resolution=week";

#[test]
fn a_refusal_of_the_metrics_ends_the_use_of_stored_metrics() {
    for refusal in [401, 403] {
        let (upstream, status) = refusing_upstream(METRICS_PATH);
        let (coordinator, _) = coordinator(&upstream, false);
        assert_eq!(fetch(&coordinator, "", METRICS_PATH, WEEK).entry.status, 200);
        assert_eq!(fetch(&coordinator, "", TEAMS, "").entry.status, 200);
        status.set(Some(refusal));
        assert_eq!(fetch(&coordinator, "", METRICS_PATH, PERIOD).entry.status, refusal);
        assert_eq!(fetch(&coordinator, "", METRICS_PATH, WEEK).entry.status, refusal);
        assert_eq!(fetch(&coordinator, "", TEAMS, "").outcome, CacheOutcome::Hit);
    }
}

#[test]
fn a_403_of_metrics_drops_the_weeks_of_its_path() {
    let (upstream, status) = refusing_upstream("team_id=7");
    let (coordinator, _) = coordinator(&upstream, true);
    let week_of_team = format!("{WEEK}&team_id=7");
    for query in [WEEK, &week_of_team] {
        assert_eq!(fetch(&coordinator, "one", METRICS_PATH, query).entry.status, 200);
    }
    // The weeks become stale, but the key stays accepted.
    upstream.advance(13 * 3_600 * SECOND);
    assert_eq!(fetch(&coordinator, "one", METRICS_PATH, PERIOD).entry.status, 200);
    upstream.advance(13 * 3_600 * SECOND);
    status.set(Some(403));
    assert_eq!(fetch(&coordinator, "two", METRICS_PATH, &week_of_team).entry.status, 403);
    // Stored weeks would be served after a failure.
    status.set(Some(500));
    assert_eq!(fetch(&coordinator, "one", METRICS_PATH, &week_of_team).entry.status, 500);
    assert_eq!(fetch(&coordinator, "one", METRICS_PATH, WEEK).entry.status, 200);
}

#[test]
fn a_401_of_one_path_keeps_the_responses_of_others() {
    for refused in ["/secret/", TEAMS, "/repos/"] {
        for (has_own_key, status) in [(true, 502), (false, 401)] {
            let upstream = Upstream::new(move |target| match target.contains(refused) {
                true => response(401, "{}"),
                false => list(&[]),
            });
            let (coordinator, _) = coordinator(&upstream, has_own_key);
            assert_eq!(fetch(&coordinator, "one", "/v3/customer/core/users/", "").entry.status, 200);
            let path = if refused == TEAMS { TEAMS.to_owned() } else { format!("/v3/customer/core{refused}") };
            assert_eq!(fetch(&coordinator, "two", &path, "").entry.status, status);
            assert_eq!(fetch(&coordinator, "one", "/v3/customer/core/users/", "").outcome, CacheOutcome::Hit);
        }
    }
}

#[test]
fn a_401_of_every_path_purges_the_partition() {
    let (upstream, status) = refusing_upstream("");
    let (coordinator, partition) = coordinator(&upstream, false);
    assert_eq!(fetch(&coordinator, "", TEAMS, "").entry.status, 200);
    status.set(Some(401));
    assert_eq!(fetch(&coordinator, "", "/v3/customer/core/users/", "").entry.status, 401);
    assert!(partition.responses.borrow().is_empty());
    assert_eq!(fetch(&coordinator, "", TEAMS, "").entry.status, 401);
    // One request finds out, and the next are not doubled.
    assert_eq!(upstream.requests(), 4);
}

#[test]
fn one_404_of_a_list_keeps_its_last_good_response() {
    for (path, is_kept) in [(TEAMS, true), ("/v3/customer/core/teams/7/", false)] {
        let (upstream, status) = refusing_upstream(TEAMS);
        let (coordinator, _) = coordinator(&upstream, false);
        assert_eq!(fetch(&coordinator, "", path, "").entry.status, 200);
        upstream.advance(3_600 * SECOND);
        status.set(Some(404));
        assert_eq!(fetch(&coordinator, "", path, "").entry.status, 404);
        status.set(Some(503));
        let status = fetch(&coordinator, "", path, "").entry.status;
        assert_eq!(status, if is_kept { 200 } else { 503 }, "{path}");
    }
}

#[test]
fn no_malformed_response_replaces_a_good_one() {
    let page = |body: &str| Ok(UpstreamResponse { headers: Headers::default(), ..response(200, body).unwrap() });
    for malformed in [
        response(200, r#"{"count":1,"results":[{"id":1}"#),
        response(200, "<!doctype html><h1>Log in</h1>"),
        response(200, ""),
        response(200, "\u{1f}\u{8b}\u{8}garbage"),
        response(200, r#"{"detail":"Maintenance."}"#),
        response(200, "[]"),
        response(200, "null"),
        page(r#"{"count":0,"results":[]}"#),
        response(202, r#"{"status":"pending"}"#),
        response(203, r#"{"status":"pending"}"#),
        response(204, ""),
        response(206, r#"{"count":0,"results":[]}"#),
        response(304, ""),
        response(302, ""),
        response(500, "{}"),
        response(599, "{}"),
    ] {
        for (path, query) in [(TEAMS, ""), (METRICS_PATH, WEEK), (METRICS_PATH, PERIOD)] {
            let (current, next) = (Rc::new(RefCell::new(list(&[]))), malformed.clone());
            let upstream = Upstream::new({
                let current = Rc::clone(&current);
                move |_| current.borrow().clone()
            });
            let (coordinator, _) = coordinator(&upstream, false);
            let good = fetch(&coordinator, "", path, query);
            upstream.advance(25 * 3_600 * SECOND - 3_601 * SECOND);
            // The key stays accepted.
            assert_eq!(fetch(&coordinator, "", path, query).entry.status, 200);
            upstream.advance(3_601 * SECOND);
            *current.borrow_mut() = next.clone();
            let stale = fetch(&coordinator, "", path, query);
            assert_eq!((stale.entry.status, &stale.body), (200, &good.body), "{path}?{query}: {next:?}");
            assert!(matches!(stale.outcome, CacheOutcome::StaleIfError { .. }), "{path}?{query}: {next:?}");
        }
    }
}

#[test]
fn slow_requests_of_one_caller_do_not_open_the_circuit_of_another() {
    let upstream = Upstream::new(|target| match target.contains("slow") {
        true => Err(TransportError::Timeout),
        false => list(&[]),
    });
    let (coordinator, _) = coordinator(&upstream, true);
    for number in 0..10 {
        let status = fetch(&coordinator, "one", TEAMS, &format!("slow={number}")).entry.status;
        assert_eq!(status, if number < 5 { 504 } else { 503 });
    }
    assert_eq!(fetch(&coordinator, "one", "/v3/customer/core/repos/", "").entry.status, 200);
    assert_eq!(fetch(&coordinator, "two", TEAMS, "a=1").entry.status, 200);
}

#[test]
fn a_key_that_was_never_accepted_leaves_nothing() {
    // This upstream does not know the metrics endpoint, whatever the key is.
    for (status, path, query) in [401, 403].into_iter().flat_map(|status| {
        [(METRICS_PATH, PERIOD), (METRICS_PATH, WEEK), (TEAMS, "")].map(|(path, query)| (status, path, query))
    }) {
        let upstream = Upstream::new(move |target| match target.starts_with(METRICS_PATH) {
            true => response(404, "{}"),
            false => response(status, "{}"),
        });
        let (coordinator, partition) = coordinator(&upstream, false);
        assert_eq!(fetch(&coordinator, "", path, query).entry.status, status);
        assert_eq!(partition.texts.texts(), [""; 0], "{status} {path}?{query}");
        coordinator.purge();
        assert!(partition.texts.texts().is_empty() && partition.responses.borrow().is_empty());
        assert!(!coordinator.has_state() && coordinator.next_resumption().is_none());
    }
}

#[test]
fn a_request_whose_task_was_lost_blocks_nobody() {
    let upstream = Upstream::new(|_| list(&[]));
    let (coordinator, _) = coordinator(&upstream, false);
    let (lost, waiting) = (request("", TEAMS, ""), request("", TEAMS, ""));
    upstream.0.hangs.set(true);
    let mut context = Context::from_waker(Waker::noop());
    let mut task = Box::pin(coordinator.fetch(&lost));
    assert!(task.as_mut().poll(&mut context).is_pending());
    // The platform neither polls nor drops the task any more.
    std::mem::forget(task);
    upstream.0.hangs.set(false);
    let mut follower = pin!(coordinator.fetch(&waiting));
    let reply = follower.as_mut().poll(&mut context);
    assert!(matches!(reply, std::task::Poll::Ready(FetchReply::Response(response)) if response.entry.status == 200));
    assert_eq!(upstream.requests(), 2);
}

#[test]
fn a_long_response_is_fetched_once_for_all_callers() {
    for length in [3 << 20, 31 << 20] {
        let upstream = Upstream::new(move |_| response(200, format!("[\"{}\"]", "x".repeat(length))));
        let (coordinator, _) = coordinator(&upstream, false);
        upstream.0.waits.set(true);
        let requests = vec![request("", TEAMS, ""); 12];
        let mut tasks: Vec<_> = requests.iter().map(|request| Box::pin(coordinator.fetch(request))).collect();
        let mut context = Context::from_waker(Waker::noop());
        for task in &mut tasks {
            assert!(task.as_mut().poll(&mut context).is_pending());
        }
        let replies = complete(futures_util::future::join_all(tasks));
        let responses = replies.iter().filter(|reply| matches!(reply, FetchReply::Response(_))).count();
        assert_eq!((upstream.requests(), responses), (1, 12), "{length}");
    }
}

#[test]
fn work_in_the_background_ends_when_nobody_waits() {
    let upstream = Upstream::new(|target| match target {
        _ if target.starts_with(METRICS_PATH) => response(404, "{}"),
        // Repositories without end.
        _ if target.contains("/repos/") => {
            response(200, json!({ "count": 4_000_000_000_u32, "results": vec![json!({ "id": 1 }); 1_000] }).to_string())
        }
        _ => list(&[]),
    });
    let (coordinator, _) = coordinator(&upstream, false);
    assert_eq!(fetch(&coordinator, "", METRICS_PATH, PERIOD).entry.status, 503);
    let (start, mut resumptions) = (upstream.now(), 0);
    while let Some(due) = coordinator.next_resumption() {
        upstream.advance((due - upstream.now()).max(0));
        complete(coordinator.resume_unfinished());
        resumptions += 1;
        assert!(resumptions < 20, "the work has no end");
    }
    assert!(resumptions > 1 && upstream.now() - start < 600 * SECOND, "{resumptions}");
}

/// Returns the facts of the lines logged since the last call, without the path, and checks the id of the request.
fn logged(upstream: &Upstream) -> Vec<String> {
    let end = r#","request_id":"request"}"#;
    let path = format!(r#""path":"{TEAMS}","#);
    let lines = upstream.0.log.take().into_iter();
    lines.map(|line| line.strip_suffix(end).unwrap_or_else(|| panic!("{line}")).replace(&path, "")).collect()
}

#[test]
fn a_failure_of_the_upstream_is_logged_with_the_id_of_the_request() {
    let result = Rc::new(RefCell::new(list(&[])));
    let upstream = Upstream::new({
        let result = Rc::clone(&result);
        move |_| result.borrow().clone()
    });
    let (coordinator, _) = coordinator(&upstream, false);
    assert_eq!(fetch(&coordinator, "", TEAMS, "secret=1").entry.status, 200);
    upstream.advance(3_600 * SECOND);
    for (failure, facts) in [
        (Err(TransportError::Connection), r#""reason":"unreachable","tries":3"#),
        (Err(TransportError::TooLarge), r#""reason":"too_large","tries":1"#),
        (Err(TransportError::Busy), r#""reason":"busy","tries":1"#),
        (response(500, "{}"), r#""reason":"status","status":500,"tries":1"#),
        (response(429, "{}"), r#""reason":"status","status":429,"tries":1"#),
        (response(200, "<h1>"), r#""reason":"invalid_response","tries":1"#),
        (Err(TransportError::Timeout), r#""reason":"timed_out","tries":1"#),
    ] {
        *result.borrow_mut() = failure;
        fetch(&coordinator, "", TEAMS, "secret=1");
        fetch(&coordinator, "other", TEAMS, "secret=2");
        let line = |level: &str, stale: bool| {
            format!(r#"{{"level":"{level}","event":"upstream_failed",{facts},"served_stale":{stale}"#)
        };
        assert_eq!(logged(&upstream), [line("warn", true), line("error", false)]);
        *result.borrow_mut() = list(&[]);
        fetch(&coordinator, "", TEAMS, "secret=3");
        fetch(&coordinator, "other", TEAMS, "secret=3");
        assert_eq!(logged(&upstream), [""; 0]);
        upstream.advance(3_600 * SECOND);
    }
    // A refusal is no failure of the upstream.
    *result.borrow_mut() = response(403, "{}");
    assert_eq!(fetch(&coordinator, "", TEAMS, "secret=4").entry.status, 403);
    assert_eq!(logged(&upstream), [""; 0]);
}

#[test]
fn an_open_circuit_is_logged_and_is_no_status_of_the_upstream() {
    let upstream = Upstream::new(|_| Err(TransportError::Timeout));
    let (coordinator, _) = coordinator(&upstream, false);
    for number in 0..5 {
        fetch(&coordinator, "", TEAMS, &format!("a={number}"));
    }
    upstream.0.log.take();
    let refused = fetch(&coordinator, "", TEAMS, "a=5");
    assert_eq!((refused.entry.status, refused.outcome), (503, CacheOutcome::Failed { status: None }));
    assert!(refused.entry.headers.contains(&("retry-after".into(), "3".into())), "{:?}", refused.entry.headers);
    assert_eq!(refused.body, br#"{"detail":"The upstream is not available."}"#);
    let facts = r#""reason":"circuit_open","tries":0,"served_stale":false"#;
    assert_eq!(logged(&upstream), [format!(r#"{{"level":"error","event":"upstream_failed",{facts}"#)]);
}

#[test]
fn a_refusal_of_the_own_key_is_logged() {
    let upstream = Upstream::new(|_| response(401, "{}"));
    for (has_own_key, status, lines) in [
        (true, 502, &[r#"{"level":"error","event":"upstream_key_refused","path":"/v3/customer/core/teams/""#][..]),
        (false, 401, &[]),
    ] {
        let (coordinator, _) = coordinator(&upstream, has_own_key);
        assert_eq!(fetch(&coordinator, "one", TEAMS, "").entry.status, status);
        let found: Vec<String> = upstream.0.log.take();
        let end = r#","request_id":"request"}"#;
        assert_eq!(found, lines.iter().map(|line| format!("{line}{end}")).collect::<Vec<_>>());
    }
}
