//! The simulated platform: a clock, caches that lose data, Durable Objects that move, and a database of keys.

use crate::generator::{OWN_KEYS, Random, UPSTREAM_KEYS};
use crate::upstream::{Fault, LONG_BODY};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use streamgage_edge::proxy::{
    CoordinatedResponse, CoordinatorCommand, CoordinatorReport, FetchReply, FetchRequest, IsolateCache, KvStore,
    PartitionCoordinator, PartitionState, PartitionStore, ProxySettings, ReservedBody, Runtime, Transport,
    TransportError, UnavailableError, UpstreamRequest, UpstreamResponse,
};
use streamgage_edge::{Parameter, Statement, StatementResult};

pub const SECOND: i64 = 1_000;
/// 2026-11-22T12:00:00Z
const START: i64 = 1_795_348_800_000;
/// The number of isolates of each deployment.
pub const ISOLATES: usize = 3;

pub type Coordinator = PartitionCoordinator<SimulatedTransport, SimulatedStore>;

/// The number of times that a task may sleep without letting others run.
const MAX_SLEEPS: u32 = 1_000;

pub struct World {
    pub random: Random,
    /// The time that clocks show, in milliseconds since 1970-01-01.
    pub now: Cell<i64>,
    /// The milliseconds that passed. Timers count them, whatever clocks show.
    pub passed: Cell<i64>,
    /// The number of times that the current task slept since it was polled.
    pub sleeps: Cell<u32>,
    pub fault: Cell<Fault>,
    /// Permissions of upstream keys: metrics, core.
    pub allowed: RefCell<BTreeMap<&'static str, [bool; 2]>>,
    /// The last time at which the upstream accepted a key, for metrics and for core.
    pub authorized_at: RefCell<BTreeMap<(String, bool), i64>>,
    /// The version of the upstream's data.
    pub version: Cell<u64>,
    /// The metrics endpoint is missing, so that metrics are derived.
    pub has_no_metrics: Cell<bool>,
    /// The number of further requests for metrics that get a 404.
    pub single_404s: Cell<u32>,
    /// The number of 404s of the metrics endpoint, by key.
    pub missing_metrics: RefCell<BTreeMap<String, u32>>,
    /// Lists need more requests than one caller may cause.
    pub has_long_lists: Cell<bool>,
    pub edge_cache: RefCell<BTreeMap<String, (String, Body, i64)>>,
    pub stored: RefCell<BTreeMap<String, Rc<RefCell<StoredPartition>>>>,
    pub coordinators: RefCell<BTreeMap<String, Rc<Coordinator>>>,
    pub coordinators_fail: Cell<bool>,
    pub key_database_fails: Cell<bool>,
    /// No rate limit is exceeded, the upstream states no freshness, and the edge cache stores everything.
    pub is_calm: Cell<bool>,
    /// The number of failed keys that are admitted. Without it, chance decides.
    pub failed_keys_left: Cell<Option<u32>>,
    pub revoked: RefCell<BTreeSet<&'static str>>,
    pub isolate_caches: Vec<RefCell<IsolateCache>>,
    pub counts: RefCell<BTreeMap<String, u64>>,
    /// The number of requests to the upstream, by key and target.
    pub requested: RefCell<BTreeMap<String, usize>>,
    /// Entity tags that a caller received, by caller and target.
    pub tags: RefCell<BTreeMap<(String, String), BTreeSet<String>>>,
}

impl World {
    pub fn new(seed: u64) -> World {
        World {
            random: Random::new(seed),
            now: Cell::new(START),
            passed: Cell::new(0),
            sleeps: Cell::new(0),
            fault: Cell::new(Fault::None),
            allowed: RefCell::new(UPSTREAM_KEYS.iter().map(|key| (*key, [true, true])).collect()),
            authorized_at: RefCell::default(),
            version: Cell::new(0),
            has_no_metrics: Cell::new(false),
            single_404s: Cell::new(0),
            missing_metrics: RefCell::default(),
            has_long_lists: Cell::new(false),
            edge_cache: RefCell::default(),
            stored: RefCell::default(),
            coordinators: RefCell::default(),
            coordinators_fail: Cell::new(false),
            key_database_fails: Cell::new(false),
            is_calm: Cell::new(false),
            failed_keys_left: Cell::new(None),
            revoked: RefCell::default(),
            isolate_caches: (0..ISOLATES).map(|_| RefCell::default()).collect(),
            counts: RefCell::default(),
            requested: RefCell::default(),
            tags: RefCell::default(),
        }
    }

    /// Lets time pass.
    pub fn advance(&self, milliseconds: i64) {
        self.now.set(self.now.get() + milliseconds);
        self.passed.set(self.passed.get() + milliseconds);
    }

    pub fn count(&self, what: &str) {
        *self.counts.borrow_mut().entry(what.to_owned()).or_default() += 1;
    }

    /// Returns an entity tag for a conditional request: an old one of the same caller and target, or another caller's.
    pub fn random_tag(&self, name: &(String, String)) -> Option<String> {
        let tags = self.tags.borrow();
        let known = match self.random.below(16) {
            0 | 1 => tags.get(name),
            2 => tags.values().next(),
            _ => None,
        };
        known?.iter().next().cloned()
    }

    /// Lets other tasks run.
    async fn wait(&self) {
        for _ in 0..self.random.below(4) {
            YieldOnce(false).await;
        }
    }

    /// Waits until some time has passed.
    async fn sleep(&self, milliseconds: u32) {
        let end = self.passed.get() + i64::from(milliseconds);
        self.sleeps.set(self.sleeps.get() + 1);
        assert!(self.sleeps.get() < MAX_SLEEPS, "a task runs forever");
        while self.passed.get() < end {
            YieldOnce(false).await;
        }
    }
}

/// A future that is ready when it is polled for the second time.
struct YieldOnce(bool);

impl Future for YieldOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let ready = std::mem::replace(&mut self.0, true);
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[derive(Clone, Debug)]
pub struct Body(pub Rc<[u8]>);

impl From<ReservedBody> for Body {
    fn from(body: ReservedBody) -> Body {
        Body(body.into_parts().0.into())
    }
}

#[derive(Clone)]
pub struct SimulatedTransport(pub Rc<World>);

impl Transport for SimulatedTransport {
    fn now(&self) -> i64 {
        self.0.now.get()
    }

    fn random(&self) -> f64 {
        self.0.random.below(1_000) as f64 / 1_000.0
    }

    async fn sleep(&self, milliseconds: u32) {
        self.0.sleep(milliseconds).await;
    }

    async fn get(&self, request: UpstreamRequest, limit: u32) -> Result<UpstreamResponse, TransportError> {
        self.0.wait().await;
        let response = self.0.respond(&request);
        match &response {
            Err(TransportError::Timeout) => self.0.sleep(limit).await,
            _ => self.0.wait().await,
        }
        response
    }
}

#[derive(Default)]
pub struct StoredPartition {
    texts: BTreeMap<(String, String), String>,
    responses: BTreeMap<String, (String, Body)>,
    /// The instance of the Durable Object that may write.
    instance: u64,
}

impl StoredPartition {
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.responses.is_empty()
    }
}

/// The store of one instance of a Durable Object.
pub struct SimulatedStore {
    stored: Rc<RefCell<StoredPartition>>,
    instance: u64,
    world: Rc<World>,
}

impl SimulatedStore {
    /// Ignores writes of an instance that was replaced.
    fn write(&self, write: impl FnOnce(&mut StoredPartition)) {
        let mut stored = self.stored.borrow_mut();
        if stored.instance == self.instance {
            write(&mut stored);
        }
    }
}

fn text_key(kind: &str, key: &str) -> (String, String) {
    (kind.to_owned(), key.to_owned())
}

impl KvStore for SimulatedStore {
    fn get(&self, kind: &str, key: &str) -> Option<String> {
        self.stored.borrow().texts.get(&text_key(kind, key)).cloned()
    }

    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)> {
        let stored = self.stored.borrow();
        let entries = stored.texts.range(text_key(kind, first)..text_key(kind, end));
        entries.map(|((_, key), text)| (key.clone(), text.clone())).collect()
    }

    fn put(&self, kind: &str, key: &str, text: &str) {
        self.write(|stored| {
            stored.texts.insert(text_key(kind, key), text.to_owned());
        });
    }

    fn delete(&self, kind: &str, key: &str) {
        self.write(|stored| {
            stored.texts.remove(&text_key(kind, key));
        });
    }
}

impl PartitionStore for SimulatedStore {
    type Body = Body;

    fn get_response(&self, name: &str) -> Option<(String, Body)> {
        self.stored.borrow().responses.get(name).cloned()
    }

    fn put_response(&self, name: &str, entry: &str, body: &Body, _: i64) {
        self.write(|stored| {
            stored.responses.insert(name.to_owned(), (entry.to_owned(), body.clone()));
        });
    }

    fn delete_response(&self, name: &str) {
        self.write(|stored| {
            stored.responses.remove(name);
        });
    }

    fn delete_all(&self) {
        self.write(|stored| {
            stored.responses.clear();
            stored.texts.clear();
        });
    }

    /// Deletes any rows, even the partition state.
    fn evict(&self, _: i64) {
        let random = &self.world.random;
        self.write(|stored| {
            stored.responses.retain(|_, _| !random.one_in(4));
            stored.texts.retain(|_, _| !random.one_in(4));
        });
    }
}

/// One isolate of one deployment.
pub struct Isolate {
    pub world: Rc<World>,
    pub transport: SimulatedTransport,
    pub index: usize,
    pub settings: Rc<ProxySettings>,
}

impl Isolate {
    pub fn coordinator(&self, partition: &str) -> Rc<Coordinator> {
        let world = &self.world;
        let mut coordinators = world.coordinators.borrow_mut();
        if let Some(coordinator) = coordinators.get(partition) {
            return Rc::clone(coordinator);
        }
        let stored = Rc::clone(world.stored.borrow_mut().entry(partition.to_owned()).or_default());
        stored.borrow_mut().instance += 1;
        let instance = stored.borrow().instance;
        let store = SimulatedStore { stored, instance, world: Rc::clone(world) };
        let coordinator = Rc::new(PartitionCoordinator::new(self.transport.clone(), store, (*self.settings).clone()));
        coordinators.insert(partition.to_owned(), Rc::clone(&coordinator));
        coordinator
    }

    fn coordinator_fails(&self) -> bool {
        self.world.coordinators_fail.get() && !self.world.random.one_in(3)
    }
}

impl Runtime for Isolate {
    type Transport = SimulatedTransport;
    type Body = Body;

    fn transport(&self) -> &SimulatedTransport {
        &self.transport
    }

    fn isolate_cache(&self) -> &RefCell<IsolateCache> {
        &self.world.isolate_caches[self.index]
    }

    async fn get_cached(&self, address: &str) -> Option<(String, Body)> {
        self.world.wait().await;
        // "tw" may occur in a hash by chance.
        let keys = UPSTREAM_KEYS.iter().chain(OWN_KEYS.iter().map(|(key, _)| key));
        assert!(keys.filter(|key| **key != "tw").all(|key| !address.contains(key)));
        let found = self.world.edge_cache.borrow().get(address).cloned();
        found.filter(|(_, _, until)| self.world.passed.get() < *until).map(|(text, body, _)| (text, body))
    }

    async fn put_cached(&self, address: &str, text: &str, body: Body, max_age: u32) {
        self.world.wait().await;
        if self.world.is_calm.get() || !self.world.random.one_in(20) {
            let until = self.world.passed.get() + i64::from(max_age) * SECOND;
            self.world.edge_cache.borrow_mut().insert(address.to_owned(), (text.to_owned(), body, until));
        }
    }

    async fn delete_cached(&self, address: &str) {
        self.world.wait().await;
        self.world.edge_cache.borrow_mut().remove(address);
    }

    async fn fetch_from_coordinator(
        &self,
        partition: &str,
        request: &FetchRequest,
    ) -> Result<FetchReply<Body>, UnavailableError> {
        if self.coordinator_fails() {
            return Err(UnavailableError);
        }
        // Messages are written and read as between isolates.
        let command = CoordinatorCommand::Fetch { request: request.clone() };
        let command = CoordinatorCommand::from_json(&command.to_json());
        let Some(CoordinatorCommand::Fetch { request }) = command else { panic!("{command:?}") };
        let reply = self.coordinator(partition).fetch(&request).await;
        if let FetchReply::Response(CoordinatedResponse { entry, state, outcome, .. }) = &reply {
            let report = CoordinatorReport::Response { entry: entry.clone(), state: *state, outcome: *outcome };
            assert_eq!(CoordinatorReport::from_json(&report.to_json()), Some(report));
        }
        self.world.wait().await;
        // Other bodies may take the memory of a long one.
        let is_long = matches!(&reply, FetchReply::Response(response) if response.body.0.len() >= LONG_BODY);
        match is_long && !self.world.is_calm.get() && self.world.random.one_in(4) {
            true => Ok(FetchReply::Busy),
            false if self.coordinator_fails() => Err(UnavailableError),
            false => Ok(reply),
        }
    }

    async fn purge_partition(&self, partition: &str) -> Result<PartitionState, UnavailableError> {
        self.world.wait().await;
        if self.coordinator_fails() { Err(UnavailableError) } else { Ok(self.coordinator(partition).purge()) }
    }

    async fn look_up_key(&self, statement: Statement) -> Result<StatementResult, UnavailableError> {
        self.world.wait().await;
        if self.world.key_database_fails.get() {
            return Err(UnavailableError);
        }
        let Some(Parameter::Text(hash)) = statement.parameters.first() else { panic!("{statement:?}") };
        let found = OWN_KEYS.iter().enumerate().find(|(_, (key, _))| sha256(key) == *hash);
        let found = found.filter(|(_, (key, _))| !self.world.revoked.borrow().contains(key));
        let rows = found.map(|(id, (_, scopes))| vec![json!([id, "metrics core import", scopes]).to_string()]);
        Ok(StatementResult { rows: rows.into_iter().collect(), changes: 0 })
    }

    fn client_address(&self) -> String {
        "192.0.2.1".to_owned()
    }

    async fn check_failed_key_limit(&self) -> bool {
        if let Some(left) = self.world.failed_keys_left.get() {
            self.world.failed_keys_left.set(Some(left.saturating_sub(1)));
            return left > 0;
        }
        self.world.is_calm.get() || !self.world.random.one_in(10)
    }

    async fn check_rate_limit(&self, _: &str) -> bool {
        self.world.is_calm.get() || !self.world.random.one_in(200)
    }

    async fn read_body(&self, body: Body) -> Option<Rc<ReservedBody>> {
        let has_memory = self.world.is_calm.get() || body.0.len() < LONG_BODY || !self.world.random.one_in(4);
        has_memory.then(|| Rc::new(body.0.to_vec().into()))
    }
}

fn sha256(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}
