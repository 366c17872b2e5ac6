//! A dashboard's hour: what it costs the upstream, by way of the whole proxy: front, fast tier, keeper. `npm run hour` shows
//! the figures.
//!
//! 2,000 questions of one team over 30 overlapping ranges, half of which hold today, at random moments of an hour; the
//! clock is virtual and the seed fixed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod memory;

use memory::{Memory, midnight, now};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use streamgage::calendar::Day;
use streamgage::query::METRICS_PATH;
use streamgage_edge::proxy::{
    self, FetchReply, FetchRequest, Headers, KvStore, PartitionCoordinator, PartitionState, PartitionStore,
    ProxyHandler, ProxySettings, RouteOutcome, Runtime, Transport, TransportError, UnavailableError, UpstreamRequest,
    UpstreamResponse, route_proxy_request,
};
use streamgage_edge::{Request, Settings, Statement, StatementResult, Url};

const HOUR: i64 = 3_600_000;
const QUESTIONS: usize = 2_000;
const RANGES: i32 = 30;
const SEEDS: u64 = 4;

/// SplitMix64, which is enough of a random number here.
struct Random(u64);

impl Random {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.unsigned_abs()) as i64
    }

    /// First and last days: half of the ranges hold today, the others are over for a week; all hold the day five weeks
    /// ago.
    fn range(&mut self, number: i32, today: Day) -> (Day, Day) {
        let back = |days: i64| Day::from_number(today.number() - days as i32);
        let start = back(35 + self.below(365 - 35));
        (start, if number % 2 == 0 { today } else { back(9 + self.below(26)) })
    }
}

/// The moments of the questions, in order, and the number of the range that each asks for.
fn questions(random: &mut Random, begin: i64) -> Vec<(i64, usize)> {
    let mut questions: Vec<(i64, usize)> =
        (0..QUESTIONS).map(|_| (begin + random.below(HOUR), random.below(RANGES.into()) as usize)).collect();
    questions.sort_unstable();
    questions
}

/// The upstream, which has no commits, and the clock.
#[derive(Clone, Default)]
struct Upstream(Rc<Counted>);

#[derive(Default)]
struct Counted {
    time: Cell<i64>,
    asked: Cell<usize>,
}

impl Transport for Upstream {
    fn now(&self) -> i64 {
        self.0.time.get()
    }

    fn random(&self) -> f64 {
        0.5
    }

    async fn sleep(&self, _: u32) {}

    async fn get(&self, _: UpstreamRequest, _: u32) -> Result<UpstreamResponse, TransportError> {
        self.0.asked.set(self.0.asked.get() + 1);
        let headers = Headers::new([("content-type".to_owned(), "application/json".to_owned())]);
        Ok(UpstreamResponse { sent_at: self.now(), status: 200, headers, body: br#"{"count":0,"results":[]}"#.into() })
    }
}

#[derive(Default)]
struct Durable {
    shelf: Memory,
    answers: RefCell<HashMap<String, Kept>>,
}

/// A text, and a body.
type Kept = (String, Vec<u8>);

impl KvStore for Durable {
    fn get(&self, kind: &str, key: &str) -> Option<String> {
        self.shelf.get(kind, key)
    }

    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)> {
        self.shelf.range(kind, first, end)
    }

    fn put(&self, kind: &str, key: &str, text: &str) {
        self.shelf.put(kind, key, text);
    }

    fn delete(&self, kind: &str, key: &str) {
        self.shelf.delete(kind, key);
    }
}

impl PartitionStore for Durable {
    type Body = Vec<u8>;

    fn get_response(&self, name: &str) -> Option<Kept> {
        self.answers.borrow().get(name).cloned()
    }

    fn put_response(&self, name: &str, entry: &str, body: &Vec<u8>, _: i64) {
        self.answers.borrow_mut().insert(name.to_owned(), (entry.to_owned(), body.clone()));
    }

    fn delete_response(&self, name: &str) {
        self.answers.borrow_mut().remove(name);
    }

    fn delete_all(&self) {
        panic!("the key stays good");
    }

    fn evict(&self, _: i64) {
        panic!("an hour is short");
    }
}

/// The proxy, with one partition.
struct Edge {
    upstream: Upstream,
    settings: ProxySettings,
    memory: RefCell<proxy::IsolateCache>,
    /// By address, and until when it is there.
    fast: RefCell<HashMap<String, (Kept, i64)>>,
    keeper: PartitionCoordinator<Upstream, Durable>,
}

impl Runtime for Edge {
    type Transport = Upstream;
    type Body = Vec<u8>;

    fn transport(&self) -> &Upstream {
        &self.upstream
    }

    fn isolate_cache(&self) -> &RefCell<proxy::IsolateCache> {
        &self.memory
    }

    async fn get_cached(&self, address: &str) -> Option<Kept> {
        let found = self.fast.borrow().get(address).cloned();
        found.filter(|(_, until)| self.now() < *until).map(|(kept, _)| kept)
    }

    async fn put_cached(&self, address: &str, text: &str, body: Vec<u8>, seconds: u32) {
        let until = self.now() + i64::from(seconds) * 1_000;
        self.fast.borrow_mut().insert(address.to_owned(), ((text.to_owned(), body), until));
    }

    async fn delete_cached(&self, address: &str) {
        self.fast.borrow_mut().remove(address);
    }

    async fn fetch_from_coordinator(
        &self,
        _: &str,
        request: &FetchRequest,
    ) -> Result<FetchReply<Vec<u8>>, UnavailableError> {
        Ok(self.keeper.fetch(request).await)
    }

    async fn purge_partition(&self, _: &str) -> Result<PartitionState, UnavailableError> {
        panic!("nobody purges");
    }

    async fn look_up_key(&self, _: Statement) -> Result<StatementResult, UnavailableError> {
        panic!("the keys are the upstream's");
    }

    async fn check_rate_limit(&self, _: &str) -> bool {
        true
    }

    async fn read_body(&self, body: Vec<u8>) -> Option<Vec<u8>> {
        Some(body)
    }
}

impl Edge {
    fn new() -> Edge {
        let variable = |name: &str| match name {
            "UPSTREAM" => Some("https://upstream.example".to_owned()),
            "CACHE_SECRET" => Some("of the tests".to_owned()),
            _ => None,
        };
        let settings = ProxySettings::read(variable).unwrap().unwrap();
        let upstream = Upstream::default();
        let keeper = PartitionCoordinator::new(upstream.clone(), Durable::default(), settings.clone());
        Edge { upstream, settings, memory: RefCell::default(), fast: RefCell::default(), keeper }
    }

    /// Answers a question, and does what is left to do.
    fn answer(&self, query: String) {
        let url = Url { origin: "https://gage.example".into(), path: METRICS_PATH.into(), query };
        let authorization = Some("Bearer one".to_owned());
        let request = Request { method: "GET".into(), url, authorization, ..Request::default() };
        let settings = Settings::default();
        let RouteOutcome::Request(call) = route_proxy_request(&request, &settings, self.now() as f64) else {
            panic!("a good question")
        };
        let handler =
            ProxyHandler { runtime: self, proxy_settings: &self.settings, settings: &settings, request: &request };
        let mut served = now(handler.handle(call));
        assert_eq!(served.status, 200);
        now(handler.run_background_tasks(std::mem::take(&mut served.background_tasks)));
    }
}

/// How many requests the upstream gets in an hour.
fn hour(today: &str, seed: u64, resolution: &str) -> usize {
    let (mut random, begin, day) = (Random(seed), midnight(today) + 10 * HOUR, Day::parse(today).unwrap());
    let ranges: Vec<(Day, Day)> = (0..RANGES).map(|number| random.range(number, day)).collect();
    let edge = Edge::new();
    for (time, number) in questions(&mut random, begin) {
        edge.upstream.0.time.set(time);
        let (start, end) = ranges[number];
        edge.answer(format!("start_date={start}&end_date={end}&resolution={resolution}&team_id=7"));
    }
    edge.upstream.0.asked.get()
}

#[test]
fn a_dashboards_hour_costs_the_upstream_a_twentieth() {
    println!("{QUESTIONS} questions over {RANGES} ranges in an hour; the most of {SEEDS} seeds, in requests upstream:");
    let percent = |requests: usize| 100.0 * requests as f64 / QUESTIONS as f64;
    // On Monday and Tuesday the last week is open beside the one that has begun.
    for (name, today) in [("Monday", "2026-08-24"), ("Thursday", "2026-08-27"), ("Sunday", "2026-08-30")] {
        let most = |resolution| (1..=SEEDS).map(|seed| hour(today, seed, resolution)).max().unwrap();
        let (weeks, periods) = (most("week"), most("period"));
        println!(
            "  {name:8}  resolution=week {weeks:4} ({:4.1} %)   resolution=period {periods:4} ({:4.1} %)",
            percent(weeks),
            percent(periods)
        );
        assert!(percent(weeks) <= 5.0, "{name}: {weeks}");
    }
}
