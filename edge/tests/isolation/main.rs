//! A simulation of the proxy: callers, keys, scopes, requests, an upstream that fails in many ways, caches that lose data, tasks
//! that are lost, and a clock that jumps.
//!
//! In any order of events, no caller receives data of another key or beyond the scope of its key, no task runs forever, and once
//! the faults have ended, every caller finishes, concurrent callers share a request, and data becomes current.
//!
//! `npm test` takes 100,000 steps, `npm run isolation` one million. `ISOLATION_STEPS` and `ISOLATION_SEED` override them. A
//! failing sequence of steps is reported without the steps that do not matter. Seeds that failed once are run first.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

mod checks;
mod generator;
mod simulation;
mod steps;
mod upstream;
mod world;

use simulation::Simulation;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use steps::{Step, shrink, steps};

/// Caches fill up over time, so each simulation starts empty and has a limited number of steps.
const STEPS_PER_SIMULATION: u64 = 20_000;
/// The number of steps that are executed in order to find those that matter.
const SHRINKING_EFFORT: usize = 3_000_000;
/// Seeds of simulations that failed before a fault was corrected: a seed in each line, and what it found.
const FAILED_SEEDS: &str = include_str!("seeds.txt");

type Counts = BTreeMap<String, u64>;

#[derive(Debug)]
struct Failure {
    message: String,
    /// The line of the check that failed.
    line: String,
    /// The number of steps before the failure.
    executed: usize,
}

thread_local! {
    /// The file and line of the last panic.
    static LAST_PANIC: RefCell<String> = RefCell::default();
}

fn simulate(seed: u64, steps: &[Step]) -> Result<Counts, Failure> {
    let mut simulation = Simulation::new(seed);
    let result = catch_unwind(AssertUnwindSafe(|| {
        steps.iter().for_each(|step| simulation.execute(step));
        simulation.check_recovery();
    }));
    result.map(|()| simulation.world.counts.take()).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let message = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default().to_owned();
        Failure { message, line: LAST_PANIC.take(), executed: simulation.executed }
    })
}

/// Runs a simulation.
///
/// # Panics
/// Panics with the steps that cause a failure.
fn check(seed: u64, count: u64) -> Counts {
    let mut all = steps(seed, count as usize);
    let failure = match simulate(seed, &all) {
        Ok(counts) => return counts,
        Err(failure) => failure,
    };
    all.truncate(failure.executed + 1);
    let mut message = failure.message.clone();
    let cause = shrink(all, SHRINKING_EFFORT, |steps| match simulate(seed, steps) {
        Err(other) if other.line == failure.line => {
            message = other.message;
            true
        }
        _ => false,
    });
    let steps: Vec<String> = cause.iter().map(|Step { event, seed }| format!("{event:?} {seed}")).collect();
    panic!(
        "{}\nISOLATION_SEED={seed} ISOLATION_STEPS={count}; {} steps remain, which fail with: {message}\n{}",
        failure.message,
        steps.len(),
        steps.join("\n")
    );
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn isolation_and_liveness() {
    // Failures of simulations are reported once, by `check`.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let line = panic.location().map(ToString::to_string).unwrap_or_default();
        if line.contains("main.rs") || line.contains("steps.rs") {
            report(panic);
        }
        LAST_PANIC.set(line);
    }));
    for line in FAILED_SEEDS.lines() {
        let seed = line.split(' ').next().unwrap().parse().expect("a seed at the start of the line");
        check(seed, STEPS_PER_SIMULATION);
    }
    let (steps, seed) = (variable("ISOLATION_STEPS", 100_000), variable("ISOLATION_SEED", 1));
    let mut counts = Counts::new();
    for index in 0..steps.div_ceil(STEPS_PER_SIMULATION) {
        let count = STEPS_PER_SIMULATION.min(steps - index * STEPS_PER_SIMULATION);
        for (what, count) in check(seed + index, count) {
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
            ("resumed", 5),
        ] {
            let count = counts.get(what).copied().unwrap_or_default();
            assert!(count >= minimum, "only {count} of {what}: {counts:#?}");
        }
    }
}
