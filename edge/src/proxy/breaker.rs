//! Circuit breakers: after repeated failures the upstream gets no requests for a while.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The number of circuits at which those without failures are removed.
const MAX_CIRCUITS: usize = 1_000;

/// Circuit breakers by caller and endpoint, so that failures of one caller's requests do not affect other callers.
#[derive(Debug, Default)]
pub struct CircuitBreakers(RefCell<HashMap<(String, String), SharedBreaker>>);

type SharedBreaker = Rc<RefCell<CircuitBreaker>>;

impl CircuitBreakers {
    pub fn get(&self, caller: &str, endpoint: &str) -> SharedBreaker {
        let mut circuits = self.0.borrow_mut();
        if circuits.len() >= MAX_CIRCUITS {
            circuits.retain(|_, circuit| circuit.borrow().failures > 0);
        }
        if circuits.len() >= MAX_CIRCUITS {
            circuits.clear();
        }
        Rc::clone(circuits.entry((caller.to_owned(), endpoint.to_owned())).or_default())
    }
}

/// The number of consecutive failures that opens the circuit.
const FAILURES: u32 = 5;
/// The first pause, in milliseconds. Each further failure doubles it.
const FIRST_PAUSE: i64 = 2_000;
/// The longest pause, in milliseconds.
const MAX_PAUSE: i64 = 60_000;

/// The state of the circuit. After a pause a single request probes the upstream.
#[derive(Clone, Debug, Default)]
pub struct CircuitBreaker {
    failures: u32,
    paused_until: i64,
}

impl CircuitBreaker {
    /// Admits a request.
    ///
    /// # Errors
    /// Returns the remaining milliseconds of a pause. A clock that was set back ends the pause.
    pub fn try_acquire(&mut self, now: i64) -> Result<(), i64> {
        let left = self.paused_until - now;
        if self.failures >= FAILURES {
            if (1..=MAX_PAUSE).contains(&left) {
                return Err(left);
            }
            // Until this request completes, others are refused.
            self.paused_until = now + self.pause();
        }
        Ok(())
    }

    /// Records a response.
    pub fn record_success(&mut self) {
        *self = CircuitBreaker::default();
    }

    /// Records a failed connection, a timeout, or a status of 502, 503 or 504.
    pub fn record_failure(&mut self, now: i64) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.paused_until = now + self.pause();
        }
    }

    fn pause(&self) -> i64 {
        let doublings = self.failures.saturating_sub(FAILURES).min(8);
        (FIRST_PAUSE << doublings).min(MAX_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_request_probes_the_upstream_after_a_pause() {
        let mut breaker = CircuitBreaker::default();
        for _ in 0..FAILURES {
            assert_eq!(breaker.try_acquire(1_000), Ok(()));
            breaker.record_failure(1_000);
        }
        assert_eq!(breaker.try_acquire(1_001), Err(1_999));
        // One request is admitted; others are still refused.
        assert_eq!(breaker.try_acquire(3_000), Ok(()));
        assert_eq!(breaker.try_acquire(3_000), Err(2_000));
        breaker.record_failure(3_100);
        assert_eq!(breaker.try_acquire(3_200), Err(3_900));
        assert_eq!(breaker.try_acquire(7_100), Ok(()));
        breaker.record_success();
        assert_eq!(breaker.try_acquire(7_101), Ok(()));
        breaker.record_failure(7_102);
        assert_eq!(breaker.try_acquire(7_103), Ok(()));
    }

    #[test]
    fn callers_and_endpoints_have_circuits_of_their_own() {
        let breakers = CircuitBreakers::default();
        for _ in 0..FAILURES {
            breakers.get("one", "commits").borrow_mut().record_failure(0);
        }
        let is_open = |caller, endpoint| breakers.get(caller, endpoint).borrow_mut().try_acquire(1).is_err();
        assert!(is_open("one", "commits") && !is_open("two", "commits") && !is_open("one", "teams"));
    }

    #[test]
    fn the_number_of_circuits_is_bounded() {
        let breakers = CircuitBreakers::default();
        breakers.get("failing", "").borrow_mut().record_failure(0);
        for caller in 0..2 * MAX_CIRCUITS {
            breakers.get(&caller.to_string(), "");
            assert!(breakers.0.borrow().len() <= MAX_CIRCUITS);
        }
        assert_eq!(breakers.get("failing", "").borrow().failures, 1);
    }

    #[test]
    fn a_clock_set_back_ends_a_pause() {
        let mut breaker = CircuitBreaker { failures: FAILURES, paused_until: 10_000_000 };
        assert_eq!(breaker.try_acquire(0), Ok(()));
    }

    proptest! {
        #[test]
        fn one_success_closes_the_circuit_and_no_pause_is_endless(
            steps in proptest::collection::vec((-100_000i64..100_000, 0u8..3), 0..200)
        ) {
            let (mut breaker, mut now, mut in_a_row) = (CircuitBreaker::default(), 0i64, 0u32);
            for (passed, event) in steps {
                now += passed;
                match event {
                    0 => {
                        let asked = breaker.try_acquire(now);
                        prop_assert!(in_a_row >= FAILURES || asked.is_ok());
                        prop_assert!(asked.is_ok() || breaker.clone().try_acquire(now + MAX_PAUSE).is_ok());
                    }
                    1 => {
                        breaker.record_failure(now);
                        in_a_row += 1;
                        prop_assert_eq!(breaker.clone().try_acquire(now).is_err(), in_a_row >= FAILURES);
                    }
                    _ => {
                        breaker.record_success();
                        in_a_row = 0;
                    }
                }
            }
        }
    }
}
