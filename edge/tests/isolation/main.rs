//! A simulation of the proxy: callers, keys, scopes, requests, an upstream that fails in many ways, caches that lose data, and
//! a clock that jumps. In any order of events, no caller receives data of another key or beyond the scope of its key.
//!
//! `npm test` takes 100,000 steps, `npm run isolation` one million. `ISOLATION_STEPS` and `ISOLATION_SEED` override them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

mod checks;
mod generator;
mod upstream;
mod world;

use checks::Exchange;
use generator::{Caller, OWN_KEYS, UPSTREAM_KEYS, random_request};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use streamgage_edge::proxy::{IsolateCache, ProxyHandler, ProxySettings};
use streamgage_edge::{Backend, Request, Routed, Settings, Url, route_request};
use upstream::{FAULTS, Fault, UPSTREAM};
use world::{ISOLATES, Isolate, SimulatedTransport, World};

/// The number of polls after which a task counts as endless.
const MAX_POLLS: u32 = 100_000;
/// The time until the next request after the faults, in milliseconds. It exceeds all jumps of the clock.
const RECOVERY: i64 = 40 * 86_400_000;
/// The number of concurrent callers after the faults.
const CALLERS: usize = 8;

/// Handles one request of a caller, checks the response, and runs the background tasks.
async fn run_request(world: Rc<World>, isolate: Isolate, caller: Caller) {
    let random = &world.random;
    let (path, query) = random_request(random);
    let is_purge = random.one_in(300);
    let name = (format!("{} {}", caller.has_own_key, caller.key), format!("{path}?{query}"));
    let method = match is_purge {
        true => "POST",
        false if random.one_in(20) => "HEAD",
        false => "GET",
    };
    let path = if is_purge { "/cache/purge".into() } else { path };
    let request = Request {
        method: method.to_owned(),
        url: Url { origin: "https://gage.example".into(), path, query },
        authorization: Some(format!("Bearer {}", caller.key)),
        if_none_match: world.random_tag(&name),
        ..Request::default()
    };
    let settings = Settings { public_origin: Some("https://gage.example".into()), ..Settings::default() };
    let started_at = world.now.get();
    let pending = match route_request(&request, &settings, Backend::Proxy, started_at as f64) {
        Routed::Pending(pending) => pending,
        Routed::Response(response) => {
            assert!((300..500).contains(&response.status), "{response:?}");
            world.count("refused by the router");
            return;
        }
    };
    let proxy_settings = Rc::clone(&isolate.settings);
    let handler =
        ProxyHandler { runtime: &isolate, proxy_settings: &proxy_settings, settings: &settings, request: &request };
    let response = handler.handle(pending).await;
    Exchange { world: &world, caller, request: &request, name, started_at }.check(&response);
    handler.run_background_tasks(response.background_tasks).await;
}

/// Handles a request that must succeed with current data.
async fn run_recovered_request(world: Rc<World>, isolate: Isolate) {
    let request = Request {
        method: "GET".to_owned(),
        url: Url {
            origin: "https://gage.example".into(),
            path: "/v3/customer/core/teams/".into(),
            query: "recovered=1".into(),
        },
        authorization: Some("Bearer one".to_owned()),
        ..Request::default()
    };
    let (settings, started_at) = (Settings::default(), world.now.get());
    let routed = route_request(&request, &settings, Backend::Proxy, started_at as f64);
    let Routed::Pending(pending) = routed else { panic!("{routed:?}") };
    let proxy_settings = Rc::clone(&isolate.settings);
    let handler =
        ProxyHandler { runtime: &isolate, proxy_settings: &proxy_settings, settings: &settings, request: &request };
    let response = handler.handle(pending).await;
    assert_eq!(response.status, 200, "{:?}", response.headers);
    let age = response.headers.iter().find(|(name, _)| name == "age").map(|(_, value)| value.parse::<i64>().unwrap());
    assert!(age.is_some_and(|age| age < 120), "{age:?}");
    handler.run_background_tasks(response.background_tasks).await;
}

struct Simulation {
    world: Rc<World>,
    /// The deployment without an upstream key of its own.
    shared_settings: Rc<ProxySettings>,
    /// The deployment with an upstream key of its own.
    own_settings: Rc<ProxySettings>,
    tasks: Vec<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Simulation {
    fn new(seed: u64) -> Simulation {
        let settings = |has_own_key: bool| {
            let variable = |name: &str| match name {
                "UPSTREAM" => Some(UPSTREAM.to_owned()),
                "CACHE_SECRET" => Some("secret of the test".to_owned()),
                "UPSTREAM_KEY" if has_own_key => Some("owned".to_owned()),
                _ => None,
            };
            Rc::new(ProxySettings::read(variable).unwrap().unwrap())
        };
        let world = Rc::new(World::new(seed));
        Simulation { world, shared_settings: settings(false), own_settings: settings(true), tasks: Vec::new() }
    }

    /// Lets one random event happen.
    fn step(&mut self) {
        let world = Rc::clone(&self.world);
        let random = &world.random;
        let advance = |milliseconds: usize| world.now.set(world.now.get() + milliseconds as i64);
        match random.below(100) {
            0..30 if self.tasks.len() < 40 => self.start_request(),
            30..34 => advance(random.below(5_000)),
            34 if random.one_in(8) => advance(random.below(120_000)),
            35 if random.one_in(40) => advance(random.below(400_000)),
            35 if random.one_in(100) => advance(random.below(200_000_000)),
            35 if random.one_in(100) => world.now.set(world.now.get() - random.below(5_000_000) as i64),
            36 if random.one_in(4) => {
                world.fault.set(if random.one_in(2) { Fault::None } else { *random.pick(&FAULTS) });
            }
            37 if random.one_in(16) => {
                let permissions = [!random.one_in(6), !random.one_in(6)];
                world.allowed.borrow_mut().insert(*random.pick(&UPSTREAM_KEYS), permissions);
            }
            38 if random.one_in(4) => world.version.set(world.version.get() + 1),
            39 if random.one_in(20) => world.edge_cache.borrow_mut().clear(),
            40 if random.one_in(10) => {
                *world.isolate_caches[random.below(ISOLATES)].borrow_mut() = IsolateCache::default();
            }
            41 if random.one_in(10) => world.coordinators_fail.set(!random.one_in(3)),
            42 if random.one_in(10) => world.key_database_fails.set(random.one_in(4)),
            43 if random.one_in(10) => {
                // The platform restarts a Durable Object, which ends its requests.
                let names: Vec<String> = world.coordinators.borrow().keys().cloned().collect();
                if !names.is_empty() {
                    world.coordinators.borrow_mut().remove(random.pick(&names));
                }
            }
            44 if random.one_in(10) => {
                let key = random.pick(&OWN_KEYS).0;
                if !world.revoked.borrow_mut().remove(key) {
                    world.revoked.borrow_mut().insert(key);
                }
            }
            45 if random.one_in(8) && !self.tasks.is_empty() => {
                // A caller disconnects. The platform may neither poll nor drop its task any more.
                let task = self.tasks.swap_remove(random.below(self.tasks.len()));
                if random.one_in(2) {
                    std::mem::forget(task);
                }
            }
            46 if random.one_in(10) => {
                for coordinator in world.coordinators.borrow().values() {
                    coordinator.evict();
                }
            }
            47 if random.one_in(20) => world.has_no_metrics.set(random.one_in(2)),
            48 if random.one_in(20) => world.has_no_metrics.set(true),
            _ => self.poll(),
        }
    }

    fn start_request(&mut self) {
        let world = Rc::clone(&self.world);
        let caller = Caller::random(&world.random);
        let settings = Rc::clone(if caller.has_own_key { &self.own_settings } else { &self.shared_settings });
        let isolate = self.isolate(&settings);
        self.tasks.push(Box::pin(run_request(world, isolate, caller)));
    }

    fn isolate(&self, settings: &Rc<ProxySettings>) -> Isolate {
        let world = Rc::clone(&self.world);
        let (transport, index) = (SimulatedTransport(Rc::clone(&world)), world.random.below(ISOLATES));
        Isolate { world, transport, index, settings: Rc::clone(settings) }
    }

    /// Polls tasks until all are complete. Time passes meanwhile.
    fn finish(&mut self) {
        let mut polls = 0;
        while !self.tasks.is_empty() {
            self.poll();
            polls += 1;
            if polls % 100 == 0 {
                self.world.now.set(self.world.now.get() + 1_000);
            }
            assert!(polls < MAX_POLLS, "{} tasks never end", self.tasks.len());
        }
    }

    /// Checks that everything works again after all faults have ended: concurrent callers of one request share a flight, and
    /// data is fresh.
    fn check_recovery(&mut self) {
        self.finish();
        let world = Rc::clone(&self.world);
        world.fault.set(Fault::None);
        world.coordinators_fail.set(false);
        world.has_no_metrics.set(false);
        world.is_calm.set(true);
        world.allowed.borrow_mut().insert("one", [true, true]);
        // Stored responses and pauses of circuit breakers end.
        for round in 0..2 {
            // The clock was set back by up to 5,000 seconds at a time.
            world.now.set(world.now.get() + RECOVERY);
            let before = world.counts.borrow().get("upstream").copied().unwrap_or_default();
            for _ in 0..CALLERS {
                let isolate = self.isolate(&self.shared_settings);
                self.tasks.push(Box::pin(run_recovered_request(Rc::clone(&world), isolate)));
            }
            self.finish();
            let requests = world.counts.borrow().get("upstream").copied().unwrap_or_default() - before;
            assert_eq!(requests, 1, "round {round}");
        }
    }

    /// Polls a random task.
    fn poll(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        let index = self.world.random.below(self.tasks.len());
        if self.tasks[index].as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            drop(self.tasks.swap_remove(index));
        }
    }
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn no_caller_receives_data_of_another_key_or_beyond_its_scope() {
    let (steps, seed) = (variable("ISOLATION_STEPS", 100_000), variable("ISOLATION_SEED", 1));
    /// Caches fill up over time, so each simulation starts empty and has a limited number of steps.
    const STEPS_PER_SIMULATION: u64 = 20_000;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for index in 0..steps.div_ceil(STEPS_PER_SIMULATION) {
        println!("ISOLATION_SEED={} ISOLATION_STEPS={STEPS_PER_SIMULATION}", seed + index);
        let mut simulation = Simulation::new(seed + index);
        for _ in 0..STEPS_PER_SIMULATION.min(steps - index * STEPS_PER_SIMULATION) {
            simulation.step();
        }
        simulation.check_recovery();
        for (what, count) in simulation.world.counts.take() {
            *counts.entry(what).or_default() += count;
        }
    }
    println!("{steps} steps: {counts:#?}");
    // All relevant events must have happened.
    if steps >= 100_000 {
        for (what, minimum) in [
            ("200 hit", 200),
            ("200 fetched", 500),
            ("200 stale", 20),
            ("403 fetched", 100),
            ("401 fetched", 5),
            ("304 hit", 5),
            ("derived", 30),
        ] {
            let count = counts.get(what).copied().unwrap_or_default();
            assert!(count >= minimum, "only {count} of {what}: {counts:#?}");
        }
    }
}
