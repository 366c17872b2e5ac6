//! Errors of the upstream.

use crate::log::Event;

/// The pause after a 429 without a valid `Retry-After`, in seconds.
const RETRY_SECONDS: u32 = 60;
/// The longest pause that is passed on, in seconds.
const MAX_RETRY_SECONDS: u32 = 86_400;

/// The reason for which the upstream gave no usable response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamError {
    /// The connection failed.
    Unreachable,
    TimedOut,
    /// A status of 500 and above, 408, 425 or 429, after retries.
    Status {
        status: u16,
        /// The seconds of `Retry-After`.
        retry_after: Option<u32>,
    },
    /// The circuit breaker sent no request.
    CircuitOpen {
        /// The remaining seconds of the pause.
        retry_after: u32,
    },
    /// The body exceeds the limit.
    TooLarge,
    /// Other bodies take the memory.
    Busy,
    /// The body is not valid JSON, is not declared as JSON, or is incomplete.
    InvalidResponse,
    /// The upstream refused the Worker's own key.
    OwnKeyRefused,
    /// The request needs more subrequests than allowed. Partial results are stored, so that a repetition continues.
    BudgetExhausted,
}

impl UpstreamError {
    /// Returns true if a stale response may be served instead (RFC 5861 §4): after every failure of the upstream, because only
    /// a good response replaces a good response.
    pub fn allows_stale(self) -> bool {
        match self {
            UpstreamError::Unreachable
            | UpstreamError::TimedOut
            | UpstreamError::Status { .. }
            | UpstreamError::CircuitOpen { .. }
            | UpstreamError::TooLarge
            | UpstreamError::Busy
            | UpstreamError::InvalidResponse => true,
            UpstreamError::OwnKeyRefused | UpstreamError::BudgetExhausted => false,
        }
    }

    /// Returns the log event of a request that failed after a number of tries.
    pub(super) fn event(self, path: &str, tries: u32, served_stale: bool) -> Event {
        let (path, status) = (path.to_owned(), self.status());
        let reason = match self {
            UpstreamError::OwnKeyRefused => return Event::UpstreamKeyRefused { path },
            UpstreamError::Unreachable => "unreachable",
            UpstreamError::TimedOut => "timed_out",
            UpstreamError::Status { .. } => "status",
            UpstreamError::CircuitOpen { .. } => "circuit_open",
            UpstreamError::TooLarge => "too_large",
            UpstreamError::Busy => "busy",
            UpstreamError::InvalidResponse => "invalid_response",
            UpstreamError::BudgetExhausted => "budget_exhausted",
        };
        Event::UpstreamFailed { path, reason, status, tries, served_stale }
    }

    pub(super) fn status(self) -> Option<u16> {
        match self {
            UpstreamError::Status { status, .. } => Some(status),
            UpstreamError::OwnKeyRefused => Some(401),
            _ => None,
        }
    }

    /// Returns the documented response: status, seconds of `Retry-After`, and body. The upstream's own text is not passed on.
    pub(super) fn response(self) -> (u16, Option<u32>, String) {
        if let UpstreamError::Status { status: 429, retry_after } = self {
            let seconds = retry_after.unwrap_or(RETRY_SECONDS).clamp(1, MAX_RETRY_SECONDS);
            let detail = format!("Request was throttled. Expected available in {seconds} seconds.");
            return (429, Some(seconds), format!(r#"{{"detail":"{detail}"}}"#));
        }
        let (status, retry_after, body) = match self {
            UpstreamError::Unreachable => (502, None, r#"{"detail":"The upstream can't be reached."}"#),
            UpstreamError::TimedOut => (504, None, r#"{"detail":"The upstream did not answer in time."}"#),
            UpstreamError::Status { status: status @ 502..=504, retry_after } => {
                (status, retry_after, r#"{"detail":"The upstream is not available."}"#)
            }
            UpstreamError::CircuitOpen { retry_after } => {
                (503, Some(retry_after), r#"{"detail":"The upstream is not available."}"#)
            }
            UpstreamError::Status { status: 408 | 425, retry_after } => {
                (503, retry_after, r#"{"detail":"The upstream is not available."}"#)
            }
            UpstreamError::OwnKeyRefused => {
                (502, None, r#"{"detail":"The upstream refused the key of this service."}"#)
            }
            UpstreamError::Status { .. } => (500, None, r#"{"error":["Unknown error occurred"]}"#),
            UpstreamError::TooLarge => (502, None, r#"{"detail":"The upstream's answer is too long."}"#),
            UpstreamError::Busy => (503, Some(2), r#"{"detail":"Too many long answers at once. Ask again."}"#),
            UpstreamError::InvalidResponse => (502, None, r#"{"detail":"The upstream's answer makes no sense."}"#),
            UpstreamError::BudgetExhausted => {
                (503, Some(2), r#"{"detail":"The answer is being prepared. Ask again."}"#)
            }
        };
        (status, retry_after.map(|seconds| seconds.min(MAX_RETRY_SECONDS)), body.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::values;

    #[test]
    fn the_troubleshooting_page_names_every_reason_and_no_other() {
        let errors = [
            UpstreamError::Unreachable,
            UpstreamError::TimedOut,
            UpstreamError::Status { status: 503, retry_after: None },
            UpstreamError::CircuitOpen { retry_after: 1 },
            UpstreamError::TooLarge,
            UpstreamError::Busy,
            UpstreamError::InvalidResponse,
            UpstreamError::BudgetExhausted,
        ];
        let lines = errors.map(|error| error.event("", 1, false).to_line(None)).join("\n");
        let page = include_str!("../../../docs/troubleshooting.md");
        assert_eq!(values(page, "reason"), values(&lines, "reason"));
    }
}
