//! The proxy's front and keeper, as they are, in a made-up runtime: callers, keys, scopes, requests, an upstream that answers
//! and fails in every way, tiers that forget, and a clock. Whatever happens in whatever order, no byte that is one key's
//! is served to another, nor one beyond a caller's scope.
//!
//! `npm test` takes 100,000 steps; `npm run isolation` a million. `ISOLATION_STEPS` and `ISOLATION_SEED` say otherwise.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use streamgage::calendar::{Day, Week};
use streamgage::query::{CORE_PATH, METRICS_PATH};
use streamgage_edge::proxy::{
    CoordinatedResponse, CoordinatorCommand, CoordinatorReport, FetchReply, FetchRequest, Headers, IsolateCache,
    KvStore, PartitionCoordinator, PartitionState, PartitionStore, ProxyHandler, ProxySettings, ResponseBody,
    RouteOutcome, Runtime, Transport, TransportError, UnavailableError, UpstreamRequest, UpstreamResponse,
    route_proxy_request,
};
use streamgage_edge::{Parameter, Request, Settings, Statement, StatementResult, Url};

const UPSTREAM: &str = "https://upstream.example";
const SECOND: i64 = 1_000;
const KEY_TTL: i64 = 300 * SECOND;
const STALE_KEY_TTL: i64 = 86_400 * SECOND;
/// 2026-11-22T12:00:00Z
const START: i64 = 1_795_348_800_000;

/// The upstream's keys. The last is the Worker's own, in the deployment that has one.
const KEYS: [&str; 5] = ["one", "two", "three", "tw", "owned"];

/// Keys of streamgage, and their scopes.
const OWN: [(&str, Option<&str>); 6] = [
    ("all", None),
    ("team-1", Some(r#"{"teams":[1]}"#)),
    ("teams-1-2", Some(r#"{"teams":[1,2]}"#)),
    ("repo-7", Some(r#"{"repos":[7]}"#)),
    ("repos-7-8", Some(r#"{"repos":[7,8]}"#)),
    ("both", Some(r#"{"teams":[2],"repos":[8,9]}"#)),
];

/// xorshift64*: enough to be anywhere, and the same again from the same seed.
struct Random(Cell<u64>);

impl Random {
    fn next(&self) -> u64 {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// How the upstream misbehaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Refuses,
    Hangs,
    TooLong,
    Status(u16),
    BrokenJson,
    WrongType,
    RedirectsElsewhere,
    RedirectsHere,
    NotModified,
}

const FAULTS: [Fault; 11] = [
    Fault::Refuses,
    Fault::Hangs,
    Fault::TooLong,
    Fault::Status(500),
    Fault::Status(503),
    Fault::Status(429),
    Fault::BrokenJson,
    Fault::WrongType,
    Fault::RedirectsElsewhere,
    Fault::RedirectsHere,
    Fault::NotModified,
];

type Body = Rc<[u8]>;

/// The body of an answer, which the library makes out of bytes.
#[derive(Clone, Debug)]
struct Bytes(Body);

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        Bytes(bytes.into())
    }
}

#[derive(Default)]
struct Kept {
    shelf: BTreeMap<(String, String), String>,
    answers: BTreeMap<String, (String, Bytes)>,
    /// Which instance of the object may write.
    instance: u64,
}

struct Simulation {
    random: Random,
    now: Cell<i64>,
    fault: Cell<Fault>,
    /// Which classes a key is let into: metrics, core.
    allowed: RefCell<BTreeMap<&'static str, [bool; 2]>>,
    /// When it was let in last.
    proofs: RefCell<BTreeMap<(String, bool), i64>>,
    /// Goes up when the data of the upstream changes.
    version: Cell<u64>,
    /// Whether its metrics endpoint is gone: then metrics are derived.
    is_gone: Cell<bool>,
    fast: RefCell<BTreeMap<String, (String, Bytes, i64)>>,
    kept: RefCell<BTreeMap<String, Rc<RefCell<Kept>>>>,
    keepers: RefCell<BTreeMap<String, Rc<PartitionCoordinator<Network, Database>>>>,
    keepers_fail: Cell<bool>,
    keys_fail: Cell<bool>,
    revoked: RefCell<BTreeSet<&'static str>>,
    memories: Vec<RefCell<IsolateCache>>,
    counts: RefCell<BTreeMap<String, u64>>,
    /// The tags that a caller saw: by caller, path and query.
    tags: RefCell<BTreeMap<(String, String), BTreeSet<String>>>,
}

impl Simulation {
    fn count(&self, what: &str) {
        *self.counts.borrow_mut().entry(what.to_owned()).or_default() += 1;
    }

    /// The tag of an answer that somebody has: an old one of his own, or somebody else's.
    fn some_tag(&self, name: &(String, String)) -> Option<String> {
        let tags = self.tags.borrow();
        let known = match self.random.below(16) {
            0 | 1 => tags.get(name),
            2 => tags.values().next(),
            _ => None,
        };
        known?.iter().next().cloned()
    }

    /// Others may go first.
    async fn wait(&self) {
        for _ in 0..self.random.below(4) {
            Once(false).await;
        }
    }

    fn answer(&self, request: &UpstreamRequest) -> Result<UpstreamResponse, TransportError> {
        self.count("upstream");
        let header =
            |name: &str| request.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        // The key goes nowhere else, and nothing of a caller goes along with it.
        let target = request.address.strip_prefix(UPSTREAM).expect("the upstream's address").to_owned();
        assert!(target.starts_with(CORE_PATH) || target.starts_with(METRICS_PATH), "{target}");
        let known = ["Accept", "User-Agent", "Authorization", "If-None-Match", "If-Modified-Since"];
        assert!(request.headers.iter().all(|(name, _)| known.contains(name)));
        let key = header("Authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned();
        let incoming = |status: u16, headers: &[(&str, String)], body: String| {
            let mut headers: Vec<(String, String)> =
                headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            headers.push(("set-cookie".into(), format!("session={key}")));
            Ok(UpstreamResponse {
                sent_at: self.now.get(),
                status,
                headers: Headers::new(headers),
                body: body.into_bytes(),
            })
        };
        let json = ("content-type", "application/json".to_owned());
        let poison = format!("{{\"poison\":\"{key}\"}}");
        let fault = if self.random.one_in(4) { Fault::None } else { self.fault.get() };
        match fault {
            Fault::Refuses => return Err(TransportError::Connection),
            Fault::Hangs => return Err(TransportError::Timeout),
            Fault::TooLong => return Err(TransportError::TooLarge),
            Fault::Status(status) => return incoming(status, &[json], poison),
            _ => {}
        }
        let is_metrics = target.starts_with(METRICS_PATH);
        if is_metrics && self.is_gone.get() {
            return incoming(404, &[json], r#"{"detail":"Not found."}"#.to_owned());
        }
        // No caller sorts by id: this is asked for to derive metrics, and proves the key for those.
        let is_part = target.contains("ordering=id");
        let allowed = self.allowed.borrow().get(key.as_str()).copied().unwrap_or_default();
        if !allowed[usize::from(!is_metrics)] {
            return incoming(if self.random.one_in(2) { 401 } else { 403 }, &[json], poison);
        }
        for is_metrics in [is_metrics, is_metrics || is_part] {
            let mut proofs = self.proofs.borrow_mut();
            let proof = proofs.entry((key.clone(), is_metrics)).or_insert(i64::MIN);
            *proof = self.now.get().max(*proof);
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let etag = format!("\"{}\"", self.version.get());
        match fault {
            Fault::BrokenJson => return incoming(200, &[json], format!("{{\"poison\":\"{key}\"")),
            Fault::WrongType => return incoming(200, &[("content-type", "text/html".into())], poison),
            Fault::RedirectsElsewhere => {
                return incoming(302, &[("location", format!("https://elsewhere.example{CORE_PATH}teams/"))], poison);
            }
            Fault::RedirectsHere => {
                return incoming(302, &[("location", format!("{UPSTREAM}{CORE_PATH}teams/"))], poison);
            }
            Fault::NotModified => return incoming(304, &[("etag", etag)], String::new()),
            _ => {}
        }
        if is_part {
            let rows = part(path, query, &key);
            return incoming(200, &[json], json!({ "count": rows.len(), "next": null, "results": rows }).to_string());
        }
        // The aggregate of commits, which this upstream doesn't have.
        if path.contains("/missing/") || query.contains("aggregate%5B") {
            return incoming(404, &[json], json!({ "key": key, "target": target }).to_string());
        }
        if header("If-None-Match").as_deref() == Some(etag.as_str()) {
            return incoming(304, &[("etag", etag)], String::new());
        }
        let weeks = is_metrics.then(|| weeks(query, self.now.get())).flatten();
        let row = |monday: Day| {
            let filters: Vec<_> = decoded(query).into_iter().filter(|(name, _)| !name.ends_with("_date")).collect();
            json!({ "period_start_date": monday.to_string(), "key": key, "filters": filters, "shows": shows(path, query), "at": self.now.get() })
        };
        let body = weeks
            .map(|weeks| json!({ "count": weeks.len(), "results": weeks.into_iter().map(row).collect::<Vec<_>>() }));
        let body = body.unwrap_or_else(|| {
            json!({
                "next": format!("{UPSTREAM}{CORE_PATH}teams/?offset=1"),
                "key": key, "target": target, "shows": shows(path, query), "at": self.now.get(),
            })
        });
        let says: &[&str] = &["", "max-age=20", "no-store", "no-cache", "private, max-age=4000, must-revalidate"];
        let says = if self.random.one_in(3) { *self.random.pick(says) } else { "" };
        let mut headers = vec![json, ("etag", etag)];
        if !says.is_empty() {
            headers.push(("cache-control", says.to_owned()));
        }
        incoming(200, &headers, body.to_string())
    }
}

/// The impact of a commit tells whose key sees it.
fn impact(key: &str) -> f64 {
    10f64.powi(3 + KEYS.iter().position(|known| *known == key).unwrap() as i32)
}

/// What metrics are derived from: with each key somebody is seen, of team 1, who on Mondays commits to repository 7, and three
/// times as much to repository 8.
fn part(path: &str, query: &str, key: &str) -> Vec<Value> {
    let pairs = decoded(query);
    let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let holds = |name: &str, id: i64| value(name).is_none_or(|ids| ids.split(',').any(|one| one == id.to_string()));
    let user = impact(key) as i64;
    match path.strip_prefix(CORE_PATH).unwrap() {
        "team_membership/" if holds("team_id__in", 1) => {
            vec![json!({ "id": 1, "apex_user_id": user, "team_id": 1, "membership_type": "contributor" })]
        }
        "repos/" => (7..10).map(|id| json!({ "id": id, "name": "repo", "blocked": false, "tags": [] })).collect(),
        "commits/" if holds("apex_user_id__in", user) => {
            let day = |name| Day::parse(value(name).unwrap()).unwrap().number();
            let days = (day("author_local_date__gte")..day("author_local_date__lt")).map(Day::from_number);
            let commit = |(day, repo): (Day, i64)| {
                json!({
                    "id": i64::from(day.number()) * 2 + repo, "apex_user_id": user, "repo_id": repo,
                    "impact": if repo == 7 { user } else { 3 * user }, "author_local_date": format!("{day}T12:00:00"),
                })
            };
            let mondays = days.filter(|day| day.week().monday() == *day);
            let all = mondays.flat_map(|day| [(day, 7), (day, 8)]);
            all.filter(|(_, repo)| holds("repo_id__in", *repo)).map(commit).collect()
        }
        _ => Vec::new(),
    }
}

/// Which teams and repositories the upstream's answer tells of, by the filters that are documented; `null` is all.
fn shows(path: &str, query: &str) -> Value {
    let pairs: Vec<(String, String)> = decoded(query);
    let last = |name: &str| pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let ids = |names: [&str; 2]| -> Value {
        let mut shown: Option<Vec<i64>> = None;
        for value in names.into_iter().filter_map(last).filter(|value| !value.is_empty()) {
            let ids: Vec<i64> = value.split(',').filter_map(|id| id.trim().parse().ok()).collect();
            shown = Some(match shown {
                None => ids,
                Some(shown) => shown.into_iter().filter(|id| ids.contains(id)).collect(),
            });
        }
        json!(shown)
    };
    // Other filters are ignored beside `filters`, and nested teams come along.
    let is_wide = last("filters").is_some_and(|value| !value.is_empty());
    let is_nested = last("include_nested_teams").as_deref() == Some("true");
    let wide = |shown: Value, wide: bool| if wide { Value::Null } else { shown };
    let one = |resource: &str| {
        let id = path.strip_prefix(CORE_PATH)?.strip_prefix(resource)?.trim_matches('/').parse::<i64>().ok()?;
        Some(json!([id]))
    };
    match path {
        METRICS_PATH => {
            json!({ "teams": wide(ids(["team_id", "team_id__in"]), is_nested), "repos": ids(["repo_id", "repo_id__in"]) })
        }
        _ if path.starts_with("/v3/customer/core/teams/") => {
            json!({ "teams": wide(one("teams/").unwrap_or_else(|| ids(["id", "id__in"])), is_wide), "repos": [] })
        }
        _ if path.starts_with("/v3/customer/core/repos/") => {
            json!({ "teams": [], "repos": wide(one("repos/").unwrap_or_else(|| ids(["id", "id__in"])), is_wide) })
        }
        "/v3/customer/core/commits/" | "/v3/customer/core/commits.agg/" => {
            json!({ "teams": null, "repos": wide(ids(["repo_id", "repo_id__in"]), is_wide) })
        }
        _ => json!({ "teams": null, "repos": null }),
    }
}

/// The Mondays of a question by weeks.
fn weeks(query: &str, now: i64) -> Option<Vec<Day>> {
    let pairs = decoded(query);
    let last = |name: &str| pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let today = Day::from_number((now / (86_400 * SECOND)) as i32);
    let end = last("end_date").filter(|end| !end.is_empty()).map_or(Some(today), Day::parse)?;
    let first = Day::parse(last("start_date")?)?.week().number();
    (last("resolution") == Some("week")).then(|| {
        let mondays = (first..=end.week().number()).map(|week| Week::from_number(week).monday());
        // Some weeks have no row.
        mondays.filter(|monday| monday.number() % 5 != 0).collect()
    })
}

/// A query string, decoded and sorted: independent of the code that is tested.
fn decoded(query: &str) -> Vec<(String, String)> {
    let plain = |text: &str| {
        let text = text.replace('+', " ");
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            let escaped = (*first == b'%' && after.len() >= 2)
                .then(|| std::str::from_utf8(&after[..2]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()))
                .flatten();
            bytes.push(escaped.unwrap_or(*first));
            rest = if escaped.is_some() { &after[2..] } else { after };
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let parts = query.split('&').filter(|part| !part.is_empty());
    let mut pairs: Vec<(String, String)> = parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (plain(name), plain(value)))
        .collect();
    pairs.sort_by(|one, other| one.0.cmp(&other.0));
    pairs
}

/// Ready the second time it is asked.
struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let ready = std::mem::replace(&mut self.0, true);
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[derive(Clone)]
struct Network(Rc<Simulation>);

impl Transport for Network {
    fn now(&self) -> i64 {
        self.0.now.get()
    }

    fn random(&self) -> f64 {
        self.0.random.below(1_000) as f64 / 1_000.0
    }

    async fn sleep(&self, _: u32) {
        self.0.wait().await;
    }

    async fn get(&self, request: UpstreamRequest, _: u32) -> Result<UpstreamResponse, TransportError> {
        self.0.wait().await;
        let answer = self.0.answer(&request);
        self.0.wait().await;
        answer
    }
}

struct Database {
    kept: Rc<RefCell<Kept>>,
    instance: u64,
    simulation: Rc<Simulation>,
}

impl Database {
    /// An instance that was replaced writes no more.
    fn write(&self, write: impl FnOnce(&mut Kept)) {
        let mut kept = self.kept.borrow_mut();
        if kept.instance == self.instance {
            write(&mut kept);
        }
    }
}

impl KvStore for Database {
    fn get(&self, kind: &str, key: &str) -> Option<String> {
        self.kept.borrow().shelf.get(&(kind.to_owned(), key.to_owned())).cloned()
    }

    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)> {
        let kept = self.kept.borrow();
        let within = kept.shelf.range((kind.to_owned(), first.to_owned())..(kind.to_owned(), end.to_owned()));
        within.map(|((_, key), text)| (key.clone(), text.clone())).collect()
    }

    fn put(&self, kind: &str, key: &str, text: &str) {
        self.write(|kept| {
            kept.shelf.insert((kind.to_owned(), key.to_owned()), text.to_owned());
        });
    }

    fn delete(&self, kind: &str, key: &str) {
        self.write(|kept| {
            kept.shelf.remove(&(kind.to_owned(), key.to_owned()));
        });
    }
}

impl PartitionStore for Database {
    type Body = Bytes;

    fn get_response(&self, name: &str) -> Option<(String, Bytes)> {
        self.kept.borrow().answers.get(name).cloned()
    }

    fn put_response(&self, name: &str, entry: &str, body: &Bytes, _: i64) {
        self.write(|kept| {
            kept.answers.insert(name.to_owned(), (entry.to_owned(), body.clone()));
        });
    }

    fn delete_response(&self, name: &str) {
        self.write(|kept| {
            kept.answers.remove(name);
        });
    }

    fn delete_all(&self) {
        self.write(|kept| {
            kept.answers.clear();
            kept.shelf.clear();
        });
    }

    /// Whatever goes, and be it the record.
    fn evict(&self, _: i64) {
        let random = &self.simulation.random;
        self.write(|kept| {
            kept.answers.retain(|_, _| !random.one_in(4));
            kept.shelf.retain(|_, _| !random.one_in(4));
        });
    }
}

/// One isolate of one deployment.
struct Isolate {
    simulation: Rc<Simulation>,
    network: Network,
    memory: usize,
    proxy: Rc<ProxySettings>,
}

impl Isolate {
    fn keeper(&self, partition: &str) -> Rc<PartitionCoordinator<Network, Database>> {
        let simulation = &self.simulation;
        let mut keepers = simulation.keepers.borrow_mut();
        if let Some(keeper) = keepers.get(partition) {
            return Rc::clone(keeper);
        }
        let kept = Rc::clone(simulation.kept.borrow_mut().entry(partition.to_owned()).or_default());
        kept.borrow_mut().instance += 1;
        let instance = kept.borrow().instance;
        let database = Database { kept, instance, simulation: Rc::clone(simulation) };
        let keeper = Rc::new(PartitionCoordinator::new(self.network.clone(), database, (*self.proxy).clone()));
        keepers.insert(partition.to_owned(), Rc::clone(&keeper));
        keeper
    }

    fn fails(&self) -> bool {
        self.simulation.keepers_fail.get() && !self.simulation.random.one_in(3)
    }
}

impl Runtime for Isolate {
    type Transport = Network;
    type Body = Bytes;

    fn transport(&self) -> &Network {
        &self.network
    }

    fn isolate_cache(&self) -> &RefCell<IsolateCache> {
        &self.simulation.memories[self.memory]
    }

    async fn get_cached(&self, address: &str) -> Option<(String, Bytes)> {
        self.simulation.wait().await;
        assert!(KEYS.iter().chain(OWN.iter().map(|(key, _)| key)).all(|key| *key == "tw" || !address.contains(key)));
        let found = self.simulation.fast.borrow().get(address).cloned();
        found.filter(|(_, _, until)| self.now() < *until).map(|(text, body, _)| (text, body))
    }

    async fn put_cached(&self, address: &str, text: &str, body: Bytes, seconds: u32) {
        self.simulation.wait().await;
        if !self.simulation.random.one_in(20) {
            let until = self.now() + i64::from(seconds) * SECOND;
            self.simulation.fast.borrow_mut().insert(address.to_owned(), (text.to_owned(), body, until));
        }
    }

    async fn delete_cached(&self, address: &str) {
        self.simulation.wait().await;
        self.simulation.fast.borrow_mut().remove(address);
    }

    async fn fetch_from_coordinator(
        &self,
        partition: &str,
        request: &FetchRequest,
    ) -> Result<FetchReply<Bytes>, UnavailableError> {
        if self.fails() {
            return Err(UnavailableError);
        }
        // Across the wire and back.
        let command = CoordinatorCommand::read(&CoordinatorCommand::Fetch { request: request.clone() }.to_text());
        let Some(CoordinatorCommand::Fetch { request }) = command else { panic!("{command:?}") };
        let mut told = self.keeper(partition).fetch(&request).await;
        if let FetchReply::Response(CoordinatedResponse { entry, state, outcome, .. }) = &mut told {
            let report = CoordinatorReport::Response { entry: entry.clone(), state: *state, outcome: *outcome };
            assert_eq!(CoordinatorReport::read(&report.to_text()), Some(report));
        }
        self.simulation.wait().await;
        if self.fails() { Err(UnavailableError) } else { Ok(told) }
    }

    async fn purge_partition(&self, partition: &str) -> Result<PartitionState, UnavailableError> {
        self.simulation.wait().await;
        if self.fails() { Err(UnavailableError) } else { Ok(self.keeper(partition).purge()) }
    }

    async fn look_up_key(&self, statement: Statement) -> Result<StatementResult, UnavailableError> {
        self.simulation.wait().await;
        if self.simulation.keys_fail.get() {
            return Err(UnavailableError);
        }
        let Some(Parameter::Text(hash)) = statement.parameters.first() else { panic!("{statement:?}") };
        let found = OWN.iter().enumerate().find(|(_, (key, _))| hex(key) == *hash);
        let found = found.filter(|(_, (key, _))| !self.simulation.revoked.borrow().contains(key));
        let rows: Vec<Value> =
            found.map(|(id, (_, scopes))| json!([[id, "metrics core import", scopes]])).into_iter().collect();
        Ok(StatementResult { rows: json!(rows).to_string(), changes: 0 })
    }

    async fn check_rate_limit(&self, _: &str) -> bool {
        !self.simulation.random.one_in(200)
    }

    async fn read_body(&self, body: Bytes) -> Option<Vec<u8>> {
        Some(body.0.to_vec())
    }
}

fn hex(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A request that somebody may think of.
fn make_request(random: &Random) -> (String, String) {
    // What everybody asks, so that much is kept.
    const POPULAR: [(&str, &str); 5] = [
        ("teams/", ""),
        ("repos/", "id=7"),
        ("commits/", "repo_id__in=7,8&limit=10"),
        ("metrics", "start_date=2026-10-05&end_date=2026-11-01&resolution=week"),
        ("metrics", "start_date=2026-11-02&resolution=week&team_id=1"),
    ];
    if !random.one_in(4) {
        let (path, query) = *random.pick(&POPULAR);
        let path = if path == "metrics" { METRICS_PATH.to_owned() } else { format!("{CORE_PATH}{path}") };
        return (path, query.to_owned());
    }
    let path = match random.below(12) {
        0..4 => METRICS_PATH.to_owned(),
        4 => format!("{CORE_PATH}repos/{}/", random.below(10)),
        5 => format!("{CORE_PATH}teams/{}/", random.below(4)),
        6 => format!("{CORE_PATH}missing/"),
        _ => format!(
            "{CORE_PATH}{}/",
            random.pick(&["teams", "repos", "commits", "commits.agg", "users", "unknown", "te%61ms"])
        ),
    };
    let mut parts = Vec::new();
    if path == METRICS_PATH {
        parts.push(
            (*random.pick(&["start_date=2026-10-05", "start_date=2026-11-16", "start_date=%32026-11-02"])).to_owned(),
        );
        parts.push((*random.pick(&["resolution=week", "resolution=period"])).to_owned());
        if random.one_in(2) {
            parts.push((*random.pick(&["end_date=2026-11-01", "end_date=2026-11-22", "end_date="])).to_owned());
        }
    }
    for _ in 0..random.below(3) {
        let names: &[&str] = match path == METRICS_PATH {
            true => &[
                "team_id",
                "team_id__in",
                "repo_id",
                "repo_id__in",
                "%74eam_id__in",
                "repo_name",
                "other",
                "include_nested_teams",
            ],
            false => &[
                "id",
                "id__in",
                "repo_id",
                "repo_id__in",
                "repo_id__in!",
                "limit",
                "filters",
                "%66ilters",
                "fields",
                "tags__name",
                "ID__IN",
            ],
        };
        let value = *random.pick(&[
            "",
            "1",
            "2",
            "7",
            "8",
            "1,2",
            "7,8",
            "1,7,9",
            "true",
            "%31",
            "1,%2C2",
            ",",
            "+1",
            "x;id__in=1",
        ]);
        parts.push(format!("{}={value}", random.pick(names)));
    }
    // The order in which a caller writes them is his.
    for index in (1..parts.len()).rev() {
        parts.swap(index, random.below(index + 1));
    }
    (path, parts.join("&"))
}

/// One request, from the door to the check of what came back.
async fn call(simulation: Rc<Simulation>, isolate: Isolate, key: &'static str, is_own: bool) {
    let random = &simulation.random;
    let (path, query) = make_request(random);
    let is_purge = random.one_in(300);
    let name = (format!("{is_own} {key}"), format!("{path}?{query}"));
    let if_none_match = simulation.some_tag(&name);
    let request = Request {
        method: if is_purge {
            "POST"
        } else if random.one_in(20) {
            "HEAD"
        } else {
            "GET"
        }
        .to_owned(),
        url: Url {
            origin: "https://gage.example".into(),
            path: if is_purge { "/cache/purge".into() } else { path.clone() },
            query: query.clone(),
        },
        authorization: Some(format!("Bearer {key}")),
        if_none_match: if_none_match.clone(),
        ..Request::default()
    };
    let settings = Settings { public_origin: Some("https://gage.example".into()), ..Settings::default() };
    let began = simulation.now.get();
    let served = match route_proxy_request(&request, &settings, began as f64) {
        RouteOutcome::Request(call) => {
            let proxy = Rc::clone(&isolate.proxy);
            let handler =
                ProxyHandler { runtime: &isolate, proxy_settings: &proxy, settings: &settings, request: &request };
            let mut served = handler.handle(call).await;
            let tasks = std::mem::take(&mut served.background_tasks);
            check(&simulation, &name, key, is_own, began, &request, &served.status, &served.headers, &served.content);
            handler.run_background_tasks(tasks).await;
            return;
        }
        RouteOutcome::Response(reply) => reply,
        RouteOutcome::NotProxied => panic!("{path} is elsewhere"),
    };
    assert!((300..500).contains(&served.status), "{served:?}");
    simulation.count("refused at the door");
}

#[allow(clippy::too_many_arguments, reason = "all that there is to be checked")]
fn check(
    simulation: &Simulation,
    name: &(String, String),
    key: &'static str,
    is_own: bool,
    began: i64,
    request: &Request,
    status: &u16,
    headers: &[(String, String)],
    content: &ResponseBody<Bytes>,
) {
    let header = |name: &str| {
        headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    };
    let how = header("cache-status").expect("Cache-Status is on every answer");
    let source = if how.contains("; hit") {
        "hit"
    } else if how.contains("stale-if-error") {
        "stale"
    } else {
        "asked"
    };
    simulation.count(&format!("{status} {source}"));
    assert!(header("set-cookie").is_none());
    assert!(header("cache-control").is_some_and(|value| value.starts_with("private")));
    let body: &[u8] = match content {
        ResponseBody::Stored(body) => &body.0,
        ResponseBody::Bytes(bytes) => bytes,
    };
    let text = std::str::from_utf8(body).unwrap();
    let tag = header("etag").map(str::to_owned);
    if *status == 304 {
        // Nobody's tag but one of his own names what he gets.
        let sent = request.if_none_match.clone().unwrap();
        assert!(simulation.tags.borrow().get(name).is_some_and(|tags| tags.contains(&sent)), "{name:?}: {sent}");
        return;
    }
    if *status != 200 {
        assert!(!text.contains("poison") || matches!(status, 401 | 403 | 429), "{status} {text}");
        assert!(!text.contains("elsewhere"));
        return;
    }
    simulation.tags.borrow_mut().entry(name.clone()).or_default().extend(tag);
    if request.method == "HEAD" {
        assert!(text.is_empty());
        return;
    }
    // Whose it is, and what it tells of.
    let stamped: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let upstream_key = if is_own { "owned" } else { key };
    let scopes = OWN.iter().find(|(known, _)| is_own && *known == key).and_then(|(_, scopes)| *scopes);
    let is_week = |row: &Value| row["period_start_date"].is_string();
    let derived = stamped["results"].as_array().and_then(|rows| Some((rows, rows.first()?["total_impact"].as_f64()?)));
    let rows = stamped["results"].as_array().filter(|rows| !rows.is_empty() && rows.iter().all(is_week));
    if let Some((rows, _)) = derived {
        simulation.count("derived");
        for row in rows {
            let figure = |name: &str| row[name].as_f64().unwrap();
            let of_one = figure("total_impact") / figure("active_days") / figure("commit_count");
            let repos: &[i64] = match (of_one / impact(upstream_key)).round() {
                1.0 => &[7],
                2.0 => &[7, 8],
                3.0 => &[8],
                _ => panic!("{name:?} got {text}"),
            };
            assert_scope(name, scopes, &json!({ "shows": { "teams": [1], "repos": repos } }));
        }
    } else if let Some(rows) = rows {
        for row in rows {
            assert_eq!(row["key"], upstream_key, "{name:?} got {text}");
            assert_scope(name, scopes, row);
            let mut asked: BTreeMap<String, String> = decoded(&request.url.query).into_iter().collect();
            asked.retain(|name, value| !name.ends_with("_date") && (name == "other" || !value.is_empty()));
            let filters: Vec<(String, String)> = serde_json::from_value(row["filters"].clone()).unwrap();
            if scopes.is_none() {
                assert_eq!(filters.into_iter().collect::<BTreeMap<_, _>>(), asked, "{name:?} got {text}");
            }
        }
        let mondays: Vec<&str> = rows.iter().filter_map(|row| row["period_start_date"].as_str()).collect();
        if request.url.query.contains("end_date=2026") {
            let asked: Vec<String> = weeks(&request.url.query, 0).unwrap().iter().map(Day::to_string).collect();
            assert_eq!(mondays, asked, "{name:?}");
        }
    } else if stamped["count"].is_null() {
        assert_whole(name, scopes, upstream_key, request, &stamped);
    }
    // The key was let in lately; the longer time is for an upstream that fails.
    let proved = simulation.proofs.borrow().get(&(upstream_key.to_owned(), request.url.path == METRICS_PATH)).copied();
    // A clock may have jumped back while he waited.
    let began = began.min(simulation.now.get());
    let limit = match source {
        "hit" => KEY_TTL,
        "stale" => STALE_KEY_TTL,
        // The upstream was asked for this, however long ago that is by a clock that jumps.
        _ => i64::MAX,
    };
    let proved = proved.expect("it was let in once");
    assert!(began.saturating_sub(proved) < limit, "{name:?}: {how}, proved {} s before", (began - proved) / SECOND);
}

/// What is shown lies in the scope.
fn assert_scope(name: &(String, String), scopes: Option<&str>, stamped: &Value) {
    let Some(scopes) = scopes else { return };
    let scopes: Value = serde_json::from_str(scopes).unwrap();
    for what in ["teams", "repos"] {
        let Some(scope) = scopes[what].as_array() else { continue };
        let shown = stamped["shows"][what].as_array().unwrap_or_else(|| panic!("{name:?} got all {what}: {stamped}"));
        assert!(shown.iter().all(|id| scope.contains(id)), "{name:?} got {stamped}");
    }
}

/// An answer that came in one piece is one's own, and to what was asked.
fn assert_whole(name: &(String, String), scopes: Option<&str>, key: &str, request: &Request, stamped: &Value) {
    assert_eq!(stamped["key"], key, "{name:?} got {stamped}");
    assert_eq!(stamped["next"], format!("https://gage.example{CORE_PATH}teams/?offset=1"));
    let target = stamped["target"].as_str().unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    assert_eq!(path, request.url.path.replace("te%61ms", "teams"));
    match scopes {
        None if path == METRICS_PATH => {
            // The upstream reads the same from it: of each name the last, if it isn't blank.
            let read = |query: &str| {
                let mut read = BTreeMap::new();
                decoded(query).into_iter().for_each(|(name, value)| {
                    read.insert(name, value);
                });
                read.retain(|name, value| name == "other" || !value.is_empty());
                read
            };
            assert_eq!(read(query), read(&request.url.query));
        }
        None => assert_eq!(decoded(query), decoded(&request.url.query)),
        Some(_) => assert_scope(name, scopes, stamped),
    }
}

struct Run {
    simulation: Rc<Simulation>,
    theirs: Rc<ProxySettings>,
    ours: Rc<ProxySettings>,
    tasks: Vec<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Run {
    fn new(seed: u64) -> Run {
        let settings = |own: bool| {
            let variable = |name: &str| match name {
                "UPSTREAM" => Some(UPSTREAM.to_owned()),
                "CACHE_SECRET" => Some("of the tests".to_owned()),
                "UPSTREAM_KEY" if own => Some("owned".to_owned()),
                _ => None,
            };
            Rc::new(ProxySettings::read(variable).unwrap().unwrap())
        };
        let simulation = Simulation {
            random: Random(Cell::new(seed.wrapping_mul(2).wrapping_add(0x9E37_79B9_7F4A_7C15))),
            now: Cell::new(START),
            fault: Cell::new(Fault::None),
            allowed: RefCell::new(KEYS.iter().map(|key| (*key, [true, true])).collect()),
            proofs: RefCell::default(),
            version: Cell::new(0),
            is_gone: Cell::new(false),
            fast: RefCell::default(),
            kept: RefCell::default(),
            keepers: RefCell::default(),
            keepers_fail: Cell::new(false),
            keys_fail: Cell::new(false),
            revoked: RefCell::default(),
            memories: (0..3).map(|_| RefCell::default()).collect(),
            counts: RefCell::default(),
            tags: RefCell::default(),
        };
        Run { simulation: Rc::new(simulation), theirs: settings(false), ours: settings(true), tasks: Vec::new() }
    }

    /// Something happens.
    fn step(&mut self) {
        let simulation = Rc::clone(&self.simulation);
        let random = &simulation.random;
        match random.below(100) {
            0..30 if self.tasks.len() < 40 => {
                let is_own = random.one_in(2);
                let proxy = Rc::clone(if is_own { &self.ours } else { &self.theirs });
                let isolate = Isolate {
                    simulation: Rc::clone(&simulation),
                    network: Network(Rc::clone(&simulation)),
                    memory: random.below(3),
                    proxy,
                };
                let key = match is_own {
                    true => random.pick(&OWN).0,
                    false => random.pick(&KEYS[..4]),
                };
                self.tasks.push(Box::pin(call(Rc::clone(&simulation), isolate, key, is_own)));
            }
            30..34 => simulation.now.set(simulation.now.get() + random.below(5_000) as i64),
            34 if random.one_in(8) => simulation.now.set(simulation.now.get() + random.below(120_000) as i64),
            35 if random.one_in(40) => simulation.now.set(simulation.now.get() + random.below(400_000) as i64),
            35 if random.one_in(100) => simulation.now.set(simulation.now.get() + random.below(200_000_000) as i64),
            35 if random.one_in(100) => simulation.now.set(simulation.now.get() - random.below(5_000_000) as i64),
            36 if random.one_in(4) => {
                simulation.fault.set(if random.one_in(2) { Fault::None } else { *random.pick(&FAULTS) });
            }
            37 if random.one_in(16) => {
                let may = [!random.one_in(6), !random.one_in(6)];
                simulation.allowed.borrow_mut().insert(*random.pick(&KEYS), may);
            }
            38 if random.one_in(4) => simulation.version.set(simulation.version.get() + 1),
            39 if random.one_in(20) => simulation.fast.borrow_mut().clear(),
            40 if random.one_in(10) => *simulation.memories[random.below(3)].borrow_mut() = IsolateCache::default(),
            41 if random.one_in(10) => simulation.keepers_fail.set(!random.one_in(3)),
            42 if random.one_in(10) => simulation.keys_fail.set(random.one_in(4)),
            43 if random.one_in(10) => {
                // The platform moves objects as it likes; what was under way there is lost.
                let names: Vec<String> = simulation.keepers.borrow().keys().cloned().collect();
                if !names.is_empty() {
                    simulation.keepers.borrow_mut().remove(random.pick(&names));
                }
            }
            44 if random.one_in(10) => {
                let key = random.pick(&OWN).0;
                if !simulation.revoked.borrow_mut().remove(key) {
                    simulation.revoked.borrow_mut().insert(key);
                }
            }
            45 if random.one_in(100) && !self.tasks.is_empty() => {
                // A caller hangs up.
                drop(self.tasks.swap_remove(random.below(self.tasks.len())));
            }
            47 if random.one_in(20) => simulation.is_gone.set(!simulation.is_gone.get()),
            46 if random.one_in(10) => {
                for keeper in simulation.keepers.borrow().values() {
                    keeper.evict();
                }
            }
            _ => self.poll(),
        }
    }

    /// One of those who wait goes on.
    fn poll(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        let index = self.simulation.random.below(self.tasks.len());
        if self.tasks[index].as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            drop(self.tasks.swap_remove(index));
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn nothing_of_one_key_or_beyond_a_scope_is_served_to_another() {
    let (steps, seed) = (number("ISOLATION_STEPS", 100_000), number("ISOLATION_SEED", 1));
    /// A world grows old: each has so many steps.
    const OF_A_WORLD: u64 = 20_000;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for world in 0..steps.div_ceil(OF_A_WORLD) {
        println!("ISOLATION_SEED={} ISOLATION_STEPS={OF_A_WORLD}", seed + world);
        let mut run = Run::new(seed + world);
        for _ in 0..OF_A_WORLD.min(steps - world * OF_A_WORLD) {
            run.step();
        }
        while !run.tasks.is_empty() {
            run.poll();
        }
        for (what, count) in run.simulation.counts.take() {
            *counts.entry(what).or_default() += count;
        }
    }
    println!("{steps} steps: {counts:#?}");
    // What the test is for has to have happened.
    if steps >= 100_000 {
        for (what, least) in [
            ("200 hit", 200),
            ("200 asked", 500),
            ("200 stale", 20),
            ("403 asked", 100),
            ("401 asked", 5),
            ("304 hit", 5),
            ("derived", 30),
        ] {
            let count = counts.get(what).copied().unwrap_or_default();
            assert!(count >= least, "only {count} of {what}: {counts:#?}");
        }
    }
}
