//! Moments until which a stored response may be served.

use serde::{Deserialize, Serialize};

/// The time after freshness during which a response without explicit freshness is served while it is revalidated.
pub(super) const STALE_WHILE_REVALIDATE_SECONDS: u64 = 600;
/// The time after freshness during which a response is served while the upstream fails. `STALE_KEY_TTL` ends it earlier,
/// unless other requests authorize the key again.
pub(super) const STALE_IF_ERROR_SECONDS: u64 = 30 * 86_400;

/// Headers cannot extend a deadline by more than ten years.
const MAX_SECONDS: i64 = 3_650 * 86_400;

/// The greatest difference between the clocks of two machines, in milliseconds.
pub(crate) const CLOCK_SKEW: i64 = 60_000;

/// Deadlines of a response, in milliseconds since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlines {
    /// The time at which the upstream generated the response. `Age` counts from here.
    pub generated_at: i64,
    /// The end of freshness.
    pub fresh_until: i64,
    /// The end of `stale-while-revalidate` (RFC 5861 §3).
    pub revalidate_until: i64,
    /// The end of `stale-if-error` (RFC 5861 §4).
    pub error_until: i64,
}

impl Deadlines {
    /// Returns the deadlines of a response generated here, so that no header states its freshness.
    pub(crate) fn with_defaults(generated_at: i64, fresh_until: i64) -> Deadlines {
        Deadlines {
            generated_at,
            fresh_until,
            revalidate_until: fresh_until.saturating_add(milliseconds(STALE_WHILE_REVALIDATE_SECONDS)),
            error_until: fresh_until.saturating_add(milliseconds(STALE_IF_ERROR_SECONDS)),
        }
    }

    /// Returns the deadlines of a response that is fresh until a moment and must not be served afterwards.
    pub(crate) fn expiring_at(time: i64) -> Deadlines {
        Deadlines { generated_at: time, fresh_until: time, revalidate_until: time, error_until: time }
    }

    /// Returns the deadlines of a response assembled from two others: the age of the older, the earliest deadlines.
    pub(crate) fn and(self, other: Deadlines) -> Deadlines {
        Deadlines {
            generated_at: self.generated_at.min(other.generated_at),
            fresh_until: self.fresh_until.min(other.fresh_until),
            revalidate_until: self.revalidate_until.min(other.revalidate_until),
            error_until: self.error_until.min(other.error_until),
        }
    }

    /// A response that seems to come from the future, because a clock was set back, is not fresh.
    pub fn is_fresh(&self, now: i64) -> bool {
        now < self.fresh_until && self.is_past(now)
    }

    /// Returns true if the response may be served while it is revalidated.
    pub fn may_serve_while_revalidating(&self, now: i64) -> bool {
        now < self.revalidate_until && self.is_past(now)
    }

    /// Returns true if the response may be served when the upstream fails.
    pub fn may_serve_on_error(&self, now: i64) -> bool {
        now < self.error_until
    }

    /// Returns the latest of all deadlines.
    pub(crate) fn last(&self) -> i64 {
        self.fresh_until.max(self.revalidate_until).max(self.error_until)
    }

    fn is_past(&self, now: i64) -> bool {
        self.generated_at.saturating_sub(now) < CLOCK_SKEW
    }

    /// Returns the value of `Age`, in seconds.
    pub fn age(&self, now: i64) -> i64 {
        now.saturating_sub(self.generated_at).max(0) / 1_000
    }
}

/// Converts seconds, limited to ten years.
pub(super) fn milliseconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(MAX_SECONDS).min(MAX_SECONDS) * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_headers_a_stale_response_is_served_for_ten_minutes_and_after_failures_for_thirty_days() {
        let deadlines = Deadlines::with_defaults(1_000, 5_000);
        assert_eq!((deadlines.generated_at, deadlines.fresh_until), (1_000, 5_000));
        assert_eq!(deadlines.revalidate_until, 5_000 + 600_000);
        assert_eq!(deadlines.error_until, 5_000 + 2_592_000_000);
        assert_eq!(deadlines.last(), deadlines.error_until);
        let [fresh, stale, failed] = [deadlines.fresh_until, deadlines.revalidate_until, deadlines.error_until];
        assert!(deadlines.is_fresh(fresh - 1) && !deadlines.is_fresh(fresh));
        assert!(deadlines.may_serve_while_revalidating(stale - 1) && !deadlines.may_serve_while_revalidating(stale));
        assert!(deadlines.may_serve_on_error(failed - 1) && !deadlines.may_serve_on_error(failed));
        assert_eq!([0, 1_000, 2_999, 3_000].map(|now| deadlines.age(now)), [0, 0, 1, 2]);
    }

    #[test]
    fn no_deadline_is_later_than_ten_years() {
        let ten_years = 315_360_000;
        assert_eq!(
            [0, 1, ten_years, ten_years + 1, u64::MAX].map(milliseconds),
            [0, 1_000, 315_360_000_000, 315_360_000_000, 315_360_000_000]
        );
    }

    #[test]
    fn a_response_of_two_parts_has_the_age_of_the_older_and_the_earliest_deadlines() {
        let of = |times: [i64; 4]| {
            let [generated_at, fresh_until, revalidate_until, error_until] = times;
            Deadlines { generated_at, fresh_until, revalidate_until, error_until }
        };
        assert_eq!(of([1, 6, 3, 8]).and(of([5, 2, 7, 4])), of([1, 2, 3, 4]));
        assert_eq!(Deadlines::expiring_at(7), of([7, 7, 7, 7]));
        assert_eq!([of([0, 9, 2, 3]), of([0, 1, 9, 3]), of([0, 1, 2, 9])].map(|each| each.last()), [9, 9, 9]);
    }

    #[test]
    fn a_response_from_the_future_is_not_fresh() {
        let now = 1_795_348_800_000;
        let deadlines = Deadlines::with_defaults(now, now + 60_000);
        assert!(deadlines.is_fresh(now) && deadlines.is_fresh(now - CLOCK_SKEW + 1));
        assert!(!deadlines.is_fresh(now - CLOCK_SKEW));
        assert!(!deadlines.may_serve_while_revalidating(now - CLOCK_SKEW));
        assert_eq!(deadlines.age(now - 86_400_000), 0);
    }
}
