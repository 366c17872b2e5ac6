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
    fn a_response_from_the_future_is_not_fresh() {
        let now = 1_795_348_800_000;
        let deadlines = Deadlines::with_defaults(now, now + 60_000);
        assert!(deadlines.is_fresh(now) && deadlines.is_fresh(now - CLOCK_SKEW + 1));
        assert!(!deadlines.is_fresh(now - CLOCK_SKEW));
        assert!(!deadlines.may_serve_while_revalidating(now - CLOCK_SKEW));
        assert_eq!(deadlines.age(now - 86_400_000), 0);
    }
}
