//! The execution of steps, and the checks after all faults have ended.

use crate::checks::Exchange;
use crate::generator::{Caller, OWN_KEYS, POPULAR, UNKNOWN_KEYS, UPSTREAM_KEYS, popular_request, random_request};
use crate::steps::{Event, Step};
use crate::upstream::{FAULTS, Fault, UPSTREAM};
use crate::world::{Coordinator, ISOLATES, Isolate, SECOND, SimulatedTransport, World};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use streamgage_edge::proxy::{IsolateCache, ProxyHandler, ProxyResponse, ProxySettings};
use streamgage_edge::{Backend, Request, Routed, Settings, Url, route_request};

/// The number of tasks that run at the same time.
const MAX_TASKS: usize = 16;
/// The number of polls after which a task counts as endless.
const MAX_POLLS: u32 = 50_000;
/// The time after the faults in which all tasks end, in milliseconds: a caller waits for the request of another one, sends its
/// own, and refreshes a stale response, at 26 seconds each.
const MAX_REMAINING_TIME: i64 = 120 * SECOND;
/// The time in which work ends for which nobody waits, in milliseconds.
const MAX_IDLE_TIME: i64 = 600 * SECOND;
/// The time after which isolates and edge caches have forgotten states of partitions, and circuit breakers end their pauses, in
/// milliseconds.
const MAX_MEMORY: i64 = 361 * SECOND;
/// The time after which no stored response is fresh, in milliseconds. It exceeds all jumps of the clock.
const EXPIRY: i64 = 40 * 86_400 * SECOND;
/// The number of concurrent callers after the faults.
const CALLERS: usize = 6;

struct Task {
    name: String,
    polls: u32,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

pub struct Simulation {
    pub world: Rc<World>,
    /// The deployment without an upstream key of its own.
    shared_settings: Rc<ProxySettings>,
    /// The deployment with an upstream key of its own.
    own_settings: Rc<ProxySettings>,
    tasks: Vec<Task>,
    /// The number of executed steps.
    pub executed: usize,
}

/// Handles a request, and returns it with its response.
async fn handle(isolate: &Isolate, request: &Request) -> Option<ProxyResponse<crate::world::Body>> {
    let settings = Settings { public_origin: Some("https://gage.example".into()), ..Settings::default() };
    let pending = match route_request(request, &settings, Backend::Proxy, isolate.world.now.get()) {
        Routed::Pending(pending) => pending,
        Routed::Response(response) => {
            assert!((300..500).contains(&response.status), "{response:?}");
            isolate.world.count("refused by the router");
            return None;
        }
    };
    let handler = ProxyHandler { runtime: isolate, proxy_settings: &isolate.settings, settings: &settings, request };
    Some(handler.handle(pending).await)
}

async fn run_background_tasks(isolate: &Isolate, request: &Request, response: ProxyResponse<crate::world::Body>) {
    let settings = Settings::default();
    let handler = ProxyHandler { runtime: isolate, proxy_settings: &isolate.settings, settings: &settings, request };
    handler.run_background_tasks(response.background_tasks).await;
}

fn request_of(caller: Caller, method: &str, (path, query): (String, String)) -> Request {
    Request {
        method: method.to_owned(),
        url: Url { origin: "https://gage.example".into(), path, query },
        authorization: Some(format!("Bearer {}", caller.key)),
        ..Request::default()
    }
}

/// Handles one request of a caller, checks the response, and runs the background tasks.
async fn run_request(isolate: Isolate, caller: Caller, mut request: Request) {
    let world = Rc::clone(&isolate.world);
    let name =
        (format!("{} {}", caller.has_own_key, caller.key), format!("{}?{}", request.url.path, request.url.query));
    request.if_none_match = world.random_tag(&name);
    let started_at = world.now.get();
    let Some(response) = handle(&isolate, &request).await else { return };
    Exchange { world: &world, caller, request: &request, name, started_at }.check(&response);
    run_background_tasks(&isolate, &request, response).await;
}

/// The state that a response has after the faults.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Recovery {
    /// The upstream answers.
    Available,
    /// No response is stale.
    Fresh,
    /// All data is current.
    Current,
}

/// Handles a request of a known caller after the faults.
async fn run_recovered_request(isolate: Isolate, caller: Caller, request: Request, recovery: Recovery) {
    let name = format!("{} {}?{}", caller.key, request.url.path, request.url.query);
    let world = Rc::clone(&isolate.world);
    let response = handle(&isolate, &request).await.unwrap();
    let header = |name: &str| response.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let cache_status = header("cache-status").map(|(_, value)| value.clone()).unwrap_or_default();
    let description = format!("{name}: {} {cache_status} ({recovery:?})", response.status);
    // A request beyond a scope is refused.
    let is_refused = response.status == 403 && cache_status.contains("detail=refused") && caller.scopes().is_some();
    if !is_refused {
        assert_eq!(response.status, 200, "{description}");
        assert!(!cache_status.contains("stale-if-error"), "{description}");
        // An answer to this request is current, even if its headers do not let it be fresh.
        let is_answer = cache_status.contains("; stored");
        assert!(recovery == Recovery::Available || is_answer || !cache_status.contains("ttl=-"), "{description}");
        let body = match &response.body {
            streamgage_edge::proxy::ResponseBody::Stored(body) => body.0.to_vec(),
            streamgage_edge::proxy::ResponseBody::Bytes(bytes) => bytes.clone(),
        };
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        if recovery == Recovery::Current {
            let rows = body["results"].as_array().cloned().unwrap_or_else(|| vec![body]);
            let is_current = |row: &serde_json::Value| row["version"] == world.version.get();
            assert!(rows.iter().all(is_current), "{description}: {rows:?}");
        }
    }
    run_background_tasks(&isolate, &request, response).await;
}

impl Simulation {
    pub fn new(seed: u64) -> Simulation {
        let settings = |has_own_key: bool| {
            let variable = |name: &str| match name {
                "UPSTREAM" => Some(UPSTREAM.to_owned()),
                "CACHE_SECRET" => Some("secret of the test".to_owned()),
                "UPSTREAM_KEY" if has_own_key => Some("owned".to_owned()),
                _ => None,
            };
            Rc::new(ProxySettings::read(variable).unwrap().unwrap())
        };
        let (world, tasks) = (Rc::new(World::new(seed)), Vec::new());
        Simulation { world, shared_settings: settings(false), own_settings: settings(true), tasks, executed: 0 }
    }

    pub fn execute(&mut self, step: &Step) {
        let world = Rc::clone(&self.world);
        let random = &world.random;
        random.reseed(step.seed);
        let toggle = |flag: &Cell<bool>| flag.set(!flag.get());
        match step.event {
            Event::Request if self.tasks.len() < MAX_TASKS => self.start_request(),
            Event::Request | Event::Poll => self.poll_one(),
            Event::Wait => world.advance(random.below(500) as i64),
            Event::LongWait => world.advance(random.below(120_000) as i64),
            Event::VeryLongWait => world.advance(random.below(400_000) as i64),
            Event::Days => world.advance(random.below(200_000_000) as i64),
            Event::ClockSetBack => world.now.set(world.now.get() - random.below(5_000_000) as i64),
            Event::ChangeFault => {
                world.fault.set(if random.one_in(2) { Fault::None } else { *random.pick(&FAULTS) });
            }
            Event::ChangePermissions => {
                let permissions = [!random.one_in(6), !random.one_in(6)];
                world.allowed.borrow_mut().insert(*random.pick(&UPSTREAM_KEYS), permissions);
            }
            Event::ChangeData => world.version.set(world.version.get() + 1),
            Event::ChangeMetricsEndpoint => world.has_no_metrics.set(!random.one_in(3)),
            Event::SingleNotFound => world.single_404s.set(1),
            Event::ChangeListLength => toggle(&world.has_long_lists),
            Event::ClearEdgeCache => world.edge_cache.borrow_mut().clear(),
            Event::RestartIsolate => {
                *world.isolate_caches[random.below(ISOLATES)].borrow_mut() = IsolateCache::default();
            }
            Event::ChangeCoordinators => world.coordinators_fail.set(!random.one_in(3)),
            Event::ChangeKeyDatabase => world.key_database_fails.set(random.one_in(4)),
            Event::RestartCoordinator => {
                // The platform restarts a Durable Object, which ends its requests.
                let names: Vec<String> = world.coordinators.borrow().keys().cloned().collect();
                if !names.is_empty() {
                    world.coordinators.borrow_mut().remove(random.pick(&names));
                }
            }
            Event::ChangeOwnKey => {
                let key = random.pick(&OWN_KEYS).0;
                if !world.revoked.borrow_mut().remove(key) {
                    world.revoked.borrow_mut().insert(key);
                }
            }
            Event::LoseTask if !self.tasks.is_empty() => {
                let task = self.tasks.swap_remove(random.below(self.tasks.len()));
                if random.one_in(2) {
                    std::mem::forget(task);
                }
            }
            Event::LoseTask => {}
            Event::Evict => self.coordinators().iter().for_each(|coordinator| coordinator.evict()),
            Event::Alarm => {
                let now = world.now.get();
                let mut coordinators = self.coordinators().into_iter();
                if let Some(coordinator) = coordinators.find(|one| one.next_resumption().is_some_and(|due| due <= now))
                {
                    world.count("resumed");
                    self.spawn("an alarm".into(), async move { coordinator.resume_unfinished().await });
                }
            }
            Event::Cron => {
                let partition = self.own_settings.partitions.as_ref().unwrap().name("owned");
                let coordinator = self.isolate(&self.own_settings).coordinator(&partition);
                let today = (world.now.get() / (86_400 * SECOND)) as i32;
                self.spawn("a cron trigger".into(), async move { coordinator.refresh_recent(today).await });
            }
        }
        self.executed += 1;
    }

    fn coordinators(&self) -> Vec<Rc<Coordinator>> {
        self.world.coordinators.borrow().values().cloned().collect()
    }

    fn spawn(&mut self, name: String, future: impl Future<Output = ()> + 'static) {
        self.tasks.push(Task { name, polls: 0, future: Box::pin(future) });
    }

    fn start_request(&mut self) {
        let random = &self.world.random;
        let caller = Caller::random(random);
        let mut target = random_request(random);
        let method = match random.below(300) {
            0 => "POST",
            1..20 => "HEAD",
            _ => "GET",
        };
        if method == "POST" {
            target.0 = "/cache/purge".to_owned();
        }
        let request = request_of(caller, method, target);
        let isolate = self.isolate(if caller.has_own_key { &self.own_settings } else { &self.shared_settings });
        let name = format!("{method} {}?{} of {}", request.url.path, request.url.query, caller.key);
        self.spawn(name, run_request(isolate, caller, request));
    }

    fn isolate(&self, settings: &Rc<ProxySettings>) -> Isolate {
        let world = Rc::clone(&self.world);
        let (transport, index) = (SimulatedTransport(Rc::clone(&world)), world.random.below(ISOLATES));
        Isolate { world, transport, index, settings: Rc::clone(settings) }
    }

    fn poll_one(&mut self) {
        if !self.tasks.is_empty() {
            self.poll(self.world.random.below(self.tasks.len()));
        }
    }

    /// Polls a task, and removes it if it is complete.
    fn poll(&mut self, index: usize) {
        self.world.sleeps.set(0);
        let task = &mut self.tasks[index];
        task.polls += 1;
        assert!(task.polls < MAX_POLLS, "a task never ends: {}", task.name);
        if task.future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            drop(self.tasks.swap_remove(index));
        }
    }

    /// Polls all tasks in turn until they are complete. Time passes meanwhile.
    fn finish(&mut self) {
        let (end, mut rounds) = (self.world.passed.get() + MAX_REMAINING_TIME, 0);
        while !self.tasks.is_empty() {
            for index in (0..self.tasks.len()).rev() {
                self.poll(index);
            }
            rounds += 1;
            self.world.advance(1 + rounds / 8);
            let names: Vec<&str> = self.tasks.iter().map(|task| task.name.as_str()).collect();
            assert!(self.world.passed.get() < end, "tasks never end: {names:?}");
        }
    }

    /// Checks that everything works again after all faults have ended: every caller finishes, work without callers ends,
    /// concurrent callers of one request share a flight, and data becomes current.
    pub fn check_recovery(&mut self) {
        let world = Rc::clone(&self.world);
        world.random.reseed(0);
        world.fault.set(Fault::None);
        for flag in [&world.coordinators_fail, &world.key_database_fails, &world.has_no_metrics, &world.has_long_lists]
        {
            flag.set(false);
        }
        world.single_404s.set(0);
        world.is_calm.set(true);
        world.allowed.borrow_mut().extend(UPSTREAM_KEYS.map(|key| (key, [true, true])));
        world.revoked.borrow_mut().clear();
        self.finish();
        self.finish_work_without_callers();
        self.check_that_unknown_keys_left_nothing();
        world.advance(MAX_MEMORY);
        self.request_everything(Recovery::Available);
        self.request_everything(Recovery::Fresh);
        world.advance(EXPIRY);
        world.version.set(world.version.get() + 1);
        for (target, requests) in self.request_everything(Recovery::Current) {
            assert_eq!(requests, 1, "{target} was requested {requests} times");
        }
    }

    fn finish_work_without_callers(&mut self) {
        let end = self.world.passed.get() + MAX_IDLE_TIME;
        let (mut coordinators, world) = (self.coordinators(), Rc::clone(&self.world));
        while let Some((index, due)) = (0..coordinators.len())
            .filter_map(|index| Some((index, coordinators[index].next_resumption()?)))
            .min_by_key(|(_, due)| *due)
        {
            world.advance((due - world.now.get()).max(1));
            assert!(self.world.passed.get() < end, "work for which nobody waits never ends");
            let coordinator = Rc::clone(&coordinators[index]);
            self.tasks.push(Task {
                name: "an alarm".into(),
                polls: 0,
                future: Box::pin(async move { coordinator.resume_unfinished().await }),
            });
            self.finish();
            coordinators = self.coordinators();
        }
    }

    fn check_that_unknown_keys_left_nothing(&self) {
        let partitions = self.shared_settings.partitions.as_ref().unwrap();
        let stored = self.world.stored.borrow();
        for key in UNKNOWN_KEYS {
            let is_empty = stored.get(&partitions.name(key)).is_none_or(|stored| stored.borrow().is_empty());
            assert!(is_empty, "something is stored for {key}");
        }
    }

    /// Sends each popular request of each caller several times at once. Returns the number of upstream requests by target.
    fn request_everything(&mut self, recovery: Recovery) -> BTreeMap<String, usize> {
        self.world.requested.borrow_mut().clear();
        let shared = UPSTREAM_KEYS[..4].iter().map(|key| Caller { key, has_own_key: false });
        let own = OWN_KEYS.iter().map(|(key, _)| Caller { key, has_own_key: true });
        for caller in shared.chain(own).collect::<Vec<_>>() {
            for popular in POPULAR {
                let settings = if caller.has_own_key { &self.own_settings } else { &self.shared_settings };
                let isolates: Vec<Isolate> = (0..CALLERS).map(|_| self.isolate(settings)).collect();
                for isolate in isolates {
                    let request = request_of(caller, "GET", popular_request(popular));
                    let name = format!("{popular:?} of {} after the faults", caller.key);
                    self.spawn(name, run_recovered_request(isolate, caller, request, recovery));
                }
                self.finish();
            }
        }
        self.world.requested.take()
    }
}

/// The numbers of responses by status, of upstream requests, and of Durable Objects.
type Costs = (BTreeMap<u16, usize>, u64, usize);

/// Sends requests with these values of `Authorization`. The network address may use three unknown keys.
fn costs_of_unknown_keys(method: &str, path: &str, authorizations: impl Iterator<Item = String>) -> Costs {
    let mut simulation = Simulation::new(1);
    let world = Rc::clone(&simulation.world);
    world.failed_keys_left.set(Some(3));
    let statuses: Rc<RefCell<BTreeMap<u16, usize>>> = Rc::default();
    for authorization in authorizations {
        let (isolate, statuses) =
            (Isolate { index: 0, ..simulation.isolate(&simulation.shared_settings) }, Rc::clone(&statuses));
        let url = Url { origin: "https://gage.example".into(), path: path.into(), query: String::new() };
        let (method, authorization) = (method.to_owned(), Some(authorization));
        let request = Request { method, url, authorization, ..Request::default() };
        simulation.spawn("an unknown key".into(), async move {
            let settings = Settings::default();
            let status = match route_request(&request, &settings, Backend::Proxy, isolate.world.now.get()) {
                Routed::Response(response) => response.status,
                Routed::Pending(_) => handle(&isolate, &request).await.unwrap().status,
            };
            *statuses.borrow_mut().entry(status).or_default() += 1;
        });
        simulation.finish();
    }
    let upstream = world.counts.borrow().get("upstream").copied().unwrap_or_default();
    (statuses.take(), upstream, world.coordinators.borrow().len())
}

#[test]
fn unknown_keys_cost_little() {
    const TEAMS: &str = "/v3/customer/core/teams/";
    let keys = || (0..40).map(|number| format!("Bearer unknown-{number}"));
    for method in ["GET", "HEAD"] {
        // The first refusal of an address and three more are counted; the upstream refuses some keys with 403.
        let (statuses, upstream, objects) = costs_of_unknown_keys(method, TEAMS, keys());
        assert!(upstream <= 8 && objects <= 8, "{method}: {statuses:?}, {upstream} requests, {objects} objects");
        assert!(statuses[&429] >= 32, "{method}: {statuses:?}");
    }
    let (statuses, upstream, objects) = costs_of_unknown_keys("POST", "/cache/purge", keys());
    assert_eq!((statuses, upstream, objects), ([(204, 7), (429, 33)].into(), 0, 7));
    // One key is counted again after some requests.
    let (statuses, upstream, objects) =
        costs_of_unknown_keys("POST", "/cache/purge", (0..400).map(|_| "Bearer unknown".to_owned()));
    assert_eq!((statuses, upstream, objects), ([(204, 7 * 32), (429, 400 - 7 * 32)].into(), 0, 1));
}

#[test]
fn what_is_no_key_costs_nothing() {
    const TEAMS: &str = "/v3/customer/core/teams/";
    let headers = [
        "",
        "Bearer",
        "Bearer ",
        "bearer\t",
        "Token one",
        "Basic b25lOg==",
        "one",
        "Bearer one two",
        "Bearer \u{e9}\u{e8}",
    ];
    let no_keys = || headers.map(str::to_owned).into_iter().chain([format!("Bearer {}", "x".repeat(100_000))]);
    for (method, path) in [("GET", TEAMS), ("HEAD", TEAMS), ("OPTIONS", TEAMS), ("POST", "/cache/purge")] {
        assert_eq!(costs_of_unknown_keys(method, path, no_keys()), ([(401, 10)].into(), 0, 0), "{method} {path}");
    }
    let keys = (0..40).map(|number| format!("Bearer unknown-{number}"));
    assert_eq!(costs_of_unknown_keys("OPTIONS", TEAMS, keys), ([(405, 40)].into(), 0, 0));
}

#[test]
#[should_panic = "a task never ends: hanging"]
fn a_task_that_never_ends_is_reported() {
    let mut simulation = Simulation::new(1);
    simulation.spawn("hanging".into(), std::future::pending());
    for seed in 0..u64::from(MAX_POLLS) {
        simulation.execute(&Step { event: Event::Poll, seed });
    }
}

#[test]
#[should_panic = "tasks never end: [\"hanging\"]"]
fn a_task_that_hangs_after_the_faults_is_reported() {
    let mut simulation = Simulation::new(1);
    simulation.spawn("hanging".into(), std::future::pending());
    simulation.check_recovery();
}

#[test]
#[should_panic = "a task runs forever"]
fn a_task_that_does_not_let_others_run_is_reported() {
    let mut simulation = Simulation::new(1);
    let world = Rc::clone(&simulation.world);
    simulation.spawn("spinning".into(), async move {
        use streamgage_edge::proxy::Transport;
        loop {
            SimulatedTransport(Rc::clone(&world)).sleep(0).await;
        }
    });
    simulation.check_recovery();
}
