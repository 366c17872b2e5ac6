//! The steps of a simulation. Each has a seed of its own, so that the others mean the same if one is removed.

use fastrand::Rng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub event: Event,
    pub seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A task continues.
    Poll,
    /// A caller sends a request.
    Request,
    /// Less than a second passes.
    Wait,
    /// Up to two minutes pass.
    LongWait,
    /// Up to seven minutes pass.
    VeryLongWait,
    /// Days pass.
    Days,
    ClockSetBack,
    ChangeFault,
    ChangePermissions,
    ChangeData,
    /// The metrics endpoint of the upstream disappears or returns.
    ChangeMetricsEndpoint,
    /// One request for metrics gets a 404.
    SingleNotFound,
    /// The lists of the upstream need more requests than one caller may cause, or no longer do.
    ChangeListLength,
    ClearEdgeCache,
    RestartIsolate,
    /// Durable Objects do not answer, or do again.
    ChangeCoordinators,
    ChangeKeyDatabase,
    RestartCoordinator,
    /// A key of streamgage is revoked, or restored.
    ChangeOwnKey,
    /// A task goes away, or is neither polled nor dropped any more.
    LoseTask,
    Evict,
    /// A Durable Object resumes unfinished requests.
    Alarm,
    /// The cron trigger refreshes recent requests.
    Cron,
}

/// The number of occurrences of each event in 100,000 steps. The others are polls.
const FREQUENCIES: [(Event, u32); 22] = [
    (Event::Request, 30_000),
    (Event::Wait, 4_000),
    (Event::LongWait, 60),
    (Event::VeryLongWait, 25),
    (Event::Days, 10),
    (Event::ClockSetBack, 10),
    (Event::ChangeFault, 250),
    (Event::ChangePermissions, 60),
    (Event::ChangeData, 250),
    (Event::ChangeMetricsEndpoint, 100),
    (Event::SingleNotFound, 40),
    (Event::ChangeListLength, 80),
    (Event::ClearEdgeCache, 50),
    (Event::RestartIsolate, 100),
    (Event::ChangeCoordinators, 100),
    (Event::ChangeKeyDatabase, 100),
    (Event::RestartCoordinator, 100),
    (Event::ChangeOwnKey, 100),
    (Event::LoseTask, 125),
    (Event::Evict, 100),
    (Event::Alarm, 300),
    (Event::Cron, 20),
];

/// Returns the steps of a simulation.
pub fn steps(seed: u64, count: usize) -> Vec<Step> {
    let mut random = Rng::with_seed(seed);
    let mut step = || {
        let mut number = random.u32(0..100_000);
        let chosen = FREQUENCIES.iter().find(|(_, frequency)| match number.checked_sub(*frequency) {
            None => true,
            Some(rest) => {
                number = rest;
                false
            }
        });
        Step { event: chosen.map_or(Event::Poll, |(event, _)| *event), seed: random.u64(..) }
    };
    (0..count).map(|_| step()).collect()
}

/// The effort of a simulation without steps, as a number of steps.
const STEPS_OF_RUN: usize = 2_000;

/// Removes steps for as long as the rest fails: chunks first, then single steps. `effort` is the number of steps that may be
/// executed.
pub fn shrink(mut steps: Vec<Step>, mut effort: usize, mut fails: impl FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut length = steps.len().div_ceil(2);
    while length > 0 {
        let (mut start, mut has_removed) = (0, false);
        while start < steps.len() {
            let Some(rest) = effort.checked_sub(steps.len() + STEPS_OF_RUN) else { return steps };
            effort = rest;
            let end = (start + length).min(steps.len());
            let rest: Vec<Step> = steps[..start].iter().chain(&steps[end..]).copied().collect();
            if fails(&rest) {
                (steps, has_removed) = (rest, true);
            } else {
                start = end;
            }
        }
        if !has_removed || length > 1 {
            length /= 2;
        }
    }
    steps
}

#[test]
fn shrinking_leaves_the_steps_that_cause_a_failure() {
    let all = steps(7, 1_000);
    let causes = [all[3], all[500], all[999]];
    let fails = |steps: &[Step]| causes.iter().all(|cause| steps.contains(cause));
    assert_eq!(shrink(all.clone(), 10_000_000, fails), causes);
    assert!(shrink(all.clone(), 100_000, fails).len() < all.len(), "little effort removes some steps");
}

#[test]
fn steps_depend_on_the_seed_alone() {
    assert_eq!(steps(1, 100), steps(1, 200)[..100]);
    assert_ne!(steps(1, 100), steps(2, 100));
}
