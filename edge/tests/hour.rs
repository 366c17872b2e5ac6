//! The number of upstream requests for one hour of a dashboard, through the whole proxy. `npm run hour` prints the figures.
//!
//! Callers request the metrics of one team 2,000 times in an hour, over 30 overlapping ranges. Half of the ranges include
//! today. The clock is virtual and the seeds are fixed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod fake_upstream;

use fake_upstream::{MemoryPartition, StoredResponse, complete, midnight};
use fastrand::Rng;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use streamgage::calendar::Day;
use streamgage::query::METRICS_PATH;
use streamgage_edge::proxy::{
    FetchReply, FetchRequest, Headers, IsolateCache, PartitionCoordinator, PartitionState, ProxyHandler, ProxySettings,
    ReservedBody, Runtime, Transport, TransportError, UnavailableError, UpstreamRequest, UpstreamResponse,
};
use streamgage_edge::{Backend, Request, Routed, Settings, Statement, StatementResult, Url, route_request};

const HOUR: i64 = 3_600_000;
const REQUESTS: usize = 2_000;
const RANGES: i32 = 30;
const SEEDS: u64 = 4;

/// Returns the first and last day of a range. Half of the ranges end today, the others at least nine days ago. All include
/// the day five weeks ago.
fn range(random: &mut Rng, number: i32, today: Day) -> (Day, Day) {
    let days_ago = |days: i32| Day::from_number(today.number() - days);
    let start = days_ago(random.i32(35..365));
    (start, if number % 2 == 0 { today } else { days_ago(random.i32(9..35)) })
}

/// Returns the times of requests, in order, and the index of the requested range.
fn requests(random: &mut Rng, begin: i64) -> Vec<(i64, usize)> {
    let mut requests: Vec<(i64, usize)> =
        (0..REQUESTS).map(|_| (begin + random.i64(0..HOUR), random.usize(0..RANGES as usize))).collect();
    requests.sort_unstable();
    requests
}

/// An upstream without commits, and the clock.
#[derive(Clone, Default)]
struct CountingUpstream(Rc<Counters>);

#[derive(Default)]
struct Counters {
    time: Cell<i64>,
    requests: Cell<usize>,
}

impl Transport for CountingUpstream {
    fn now(&self) -> i64 {
        self.0.time.get()
    }

    fn random(&self) -> f64 {
        0.5
    }

    async fn sleep(&self, _: u32) {}

    async fn get(&self, _: UpstreamRequest, _: u32) -> Result<UpstreamResponse, TransportError> {
        self.0.requests.set(self.0.requests.get() + 1);
        let headers = Headers::new([("content-type".to_owned(), "application/json".to_owned())]);
        Ok(UpstreamResponse {
            sent_at: self.now(),
            status: 200,
            headers,
            body: br#"{"count":0,"results":[]}"#.to_vec().into(),
        })
    }
}

/// The proxy with one partition.
struct Edge {
    upstream: CountingUpstream,
    settings: ProxySettings,
    isolate_cache: RefCell<IsolateCache>,
    /// Responses by address, and their expiry.
    edge_cache: RefCell<HashMap<String, (StoredResponse, i64)>>,
    coordinator: PartitionCoordinator<CountingUpstream, MemoryPartition>,
}

impl Runtime for Edge {
    type Transport = CountingUpstream;
    type Body = Vec<u8>;

    fn transport(&self) -> &CountingUpstream {
        &self.upstream
    }

    fn isolate_cache(&self) -> &RefCell<IsolateCache> {
        &self.isolate_cache
    }

    async fn get_cached(&self, address: &str) -> Option<StoredResponse> {
        let found = self.edge_cache.borrow().get(address).cloned();
        found.filter(|(_, until)| self.now() < *until).map(|(response, _)| response)
    }

    async fn put_cached(&self, address: &str, text: &str, body: Vec<u8>, max_age: u32) {
        let until = self.now() + i64::from(max_age) * 1_000;
        self.edge_cache.borrow_mut().insert(address.to_owned(), ((text.to_owned(), body), until));
    }

    async fn delete_cached(&self, address: &str) {
        self.edge_cache.borrow_mut().remove(address);
    }

    async fn fetch_from_coordinator(
        &self,
        _: &str,
        request: &FetchRequest,
    ) -> Result<FetchReply<Vec<u8>>, UnavailableError> {
        Ok(self.coordinator.fetch(request).await)
    }

    async fn purge_partition(&self, _: &str) -> Result<PartitionState, UnavailableError> {
        panic!("nobody purges");
    }

    async fn look_up_key(&self, _: Statement) -> Result<StatementResult, UnavailableError> {
        panic!("the upstream checks keys");
    }

    fn client_address(&self) -> String {
        "192.0.2.1".to_owned()
    }

    async fn check_failed_key_limit(&self) -> bool {
        panic!("there is one key");
    }

    async fn check_rate_limit(&self, _: &str) -> bool {
        true
    }

    async fn read_body(&self, body: Vec<u8>) -> Option<Rc<ReservedBody>> {
        Some(Rc::new(body.into()))
    }
}

impl Edge {
    fn new() -> Edge {
        let variable = |name: &str| match name {
            "UPSTREAM" => Some("https://upstream.example".to_owned()),
            "CACHE_SECRET" => Some("secret of the test".to_owned()),
            _ => None,
        };
        let settings = ProxySettings::read(variable).unwrap().unwrap();
        let upstream = CountingUpstream::default();
        let coordinator = PartitionCoordinator::new(upstream.clone(), MemoryPartition::default(), settings.clone());
        let (isolate_cache, edge_cache) = Default::default();
        Edge { upstream, settings, isolate_cache, edge_cache, coordinator }
    }

    /// Handles a request and its background tasks.
    fn handle(&self, query: String) {
        let url = Url { origin: "https://gage.example".into(), path: METRICS_PATH.into(), query };
        let authorization = Some("Bearer one".to_owned());
        let request = Request { method: "GET".into(), url, authorization, ..Request::default() };
        let settings = Settings::default();
        let routed = route_request(&request, &settings, Backend::Proxy, self.now());
        let Routed::Pending(pending) = routed else { panic!("{routed:?}") };
        let handler =
            ProxyHandler { runtime: self, proxy_settings: &self.settings, settings: &settings, request: &request };
        let response = complete(handler.handle(pending));
        assert_eq!(response.status, 200);
        complete(handler.run_background_tasks(response.background_tasks));
    }
}

/// Returns the number of upstream requests in an hour.
fn upstream_requests(today: &str, seed: u64, resolution: &str) -> usize {
    let (mut random, begin, day) = (Rng::with_seed(seed), midnight(today) + 10 * HOUR, Day::parse(today).unwrap());
    let ranges: Vec<(Day, Day)> = (0..RANGES).map(|number| range(&mut random, number, day)).collect();
    let edge = Edge::new();
    for (time, index) in requests(&mut random, begin) {
        edge.upstream.0.time.set(time);
        let (start, end) = ranges[index];
        edge.handle(format!("start_date={start}&end_date={end}&resolution={resolution}&team_id=7"));
    }
    edge.upstream.0.requests.get()
}

#[test]
fn at_most_a_twentieth_of_weekly_requests_reaches_the_upstream() {
    println!(
        "{REQUESTS} requests over {RANGES} ranges in an hour; the maximum of {SEEDS} seeds, in upstream requests:"
    );
    let percent = |requests: usize| 100.0 * requests as f64 / REQUESTS as f64;
    // On Monday and Tuesday the previous week is open as well.
    for (name, today) in [("Monday", "2026-08-24"), ("Thursday", "2026-08-27"), ("Sunday", "2026-08-30")] {
        let maximum = |resolution| (1..=SEEDS).map(|seed| upstream_requests(today, seed, resolution)).max().unwrap();
        let (weeks, periods) = (maximum("week"), maximum("period"));
        println!(
            "  {name:8}  resolution=week {weeks:4} ({:4.1} %)   resolution=period {periods:4} ({:4.1} %)",
            percent(weeks),
            percent(periods)
        );
        assert!(percent(weeks) <= 5.0, "{name}: {weeks}");
    }
}
