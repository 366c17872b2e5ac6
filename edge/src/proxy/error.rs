//! Errors of the upstream.

/// The reason for which the upstream gave no usable response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamError {
    /// The connection failed.
    Unreachable,
    TimedOut,
    /// A status of 500 and above, or 429, after retries.
    Status {
        status: u16,
        /// The seconds of `Retry-After`.
        retry_after: Option<u32>,
    },
    /// The body exceeds the limit.
    TooLarge,
    /// The body is not valid JSON, is not declared as JSON, or is incomplete.
    InvalidResponse,
    /// The request needs more subrequests than allowed. Partial results are stored, so that a repetition continues.
    BudgetExhausted,
}

impl UpstreamError {
    /// Returns true if a stale response may be served instead (RFC 5861 §4): after a status of 500 and above, and without
    /// a response.
    pub fn allows_stale(self) -> bool {
        matches!(
            self,
            UpstreamError::Unreachable | UpstreamError::TimedOut | UpstreamError::Status { status: 500.., .. }
        )
    }

    pub(super) fn status(self) -> Option<u16> {
        match self {
            UpstreamError::Status { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Returns the documented response: status, seconds of `Retry-After`, and body. The upstream's own text is not passed on.
    pub(super) fn response(self) -> (u16, Option<u32>, &'static str) {
        match self {
            UpstreamError::Unreachable => (502, None, r#"{"detail":"The upstream can't be reached."}"#),
            UpstreamError::TimedOut => (504, None, r#"{"detail":"The upstream did not answer in time."}"#),
            UpstreamError::Status { status: 429, retry_after } => {
                (429, retry_after, r#"{"detail":"Request was throttled."}"#)
            }
            UpstreamError::Status { status: status @ 502..=504, retry_after } => {
                (status, retry_after, r#"{"detail":"The upstream is not available."}"#)
            }
            UpstreamError::Status { .. } => (500, None, r#"{"error":["Unknown error occurred"]}"#),
            UpstreamError::TooLarge => (502, None, r#"{"detail":"The upstream's answer is too long."}"#),
            UpstreamError::InvalidResponse => (502, None, r#"{"detail":"The upstream's answer makes no sense."}"#),
            UpstreamError::BudgetExhausted => {
                (503, Some(2), r#"{"detail":"The answer is being prepared. Ask again."}"#)
            }
        }
    }
}
