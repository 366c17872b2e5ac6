//! The circuit breaker: an upstream that fails again and again is left alone for a while.

/// How many failures in a row it takes.
const FAILURES: u32 = 5;
/// How long the first rest is, in milliseconds; each further failure doubles it.
const FIRST_REST: i64 = 2_000;
/// No rest is longer, in milliseconds.
const LONGEST_REST: i64 = 60_000;

/// Whether the upstream is worth a request. A rest ends with a single request that tries.
#[derive(Clone, Debug, Default)]
pub struct CircuitBreaker {
    failures: u32,
    rests_until: i64,
}

impl CircuitBreaker {
    /// Lets a request through, or tells for how many milliseconds to ask no more. Times are milliseconds since
    /// 1970-01-01; a clock that jumped back ends a rest.
    pub fn try_acquire(&mut self, now: i64) -> Result<(), i64> {
        let left = self.rests_until - now;
        if self.failures >= FAILURES {
            if (1..=LONGEST_REST).contains(&left) {
                return Err(left);
            }
            // Others wait for what becomes of this one.
            self.rests_until = now + self.rest();
        }
        Ok(())
    }

    /// The upstream answered.
    pub fn record_success(&mut self) {
        *self = CircuitBreaker::default();
    }

    /// There was no connection, no answer in time, or a 502, 503 or 504.
    pub fn record_failure(&mut self, now: i64) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.rests_until = now + self.rest();
        }
    }

    fn rest(&self) -> i64 {
        let doublings = self.failures.saturating_sub(FAILURES).min(8);
        (FIRST_REST << doublings).min(LONGEST_REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_rests_and_tries_again() {
        let mut breaker = CircuitBreaker::default();
        for _ in 0..FAILURES {
            assert_eq!(breaker.try_acquire(1_000), Ok(()));
            breaker.record_failure(1_000);
        }
        assert_eq!(breaker.try_acquire(1_001), Err(1_999));
        // One tries; the others go on waiting.
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
    fn a_clock_that_jumps_back_ends_a_rest() {
        let mut breaker = CircuitBreaker { failures: FAILURES, rests_until: 10_000_000 };
        assert_eq!(breaker.try_acquire(0), Ok(()));
    }

    proptest! {
        #[test]
        fn one_success_opens_it_and_no_rest_is_endless(
            steps in proptest::collection::vec((-100_000i64..100_000, 0u8..3), 0..200)
        ) {
            let (mut breaker, mut now, mut in_a_row) = (CircuitBreaker::default(), 0i64, 0u32);
            for (passed, event) in steps {
                now += passed;
                match event {
                    0 => {
                        let asked = breaker.try_acquire(now);
                        prop_assert!(in_a_row >= FAILURES || asked.is_ok());
                        prop_assert!(asked.is_ok() || breaker.clone().try_acquire(now + LONGEST_REST).is_ok());
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
