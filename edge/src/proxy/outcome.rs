//! The origin of a response, reported in `Cache-Status` (RFC 9211).

use super::error::UpstreamError;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The value of `Cache-Status` in responses that depend neither on the cache nor on the upstream.
pub(crate) const REFUSED: &str = "streamgage; detail=refused";
/// The value of `Cache-Status` in the response to a purge.
pub(super) const PURGED: &str = "streamgage; detail=purged";
/// The reason for which nothing is cached: the Worker has no secret to separate callers.
pub(super) const NO_SECRET: &str = "no-secret";

/// The origin of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CacheOutcome {
    /// A stored response was served.
    Hit,
    /// The upstream answered.
    Fetched {
        /// The status of the upstream.
        status: u16,
        stored: bool,
        /// A stored response existed, but it was stale.
        stale: bool,
        /// Another caller's request was awaited.
        collapsed: bool,
        /// The number of requests sent.
        tries: u32,
    },
    /// The upstream failed, and a stale response was served.
    #[serde(rename = "Excused")]
    StaleIfError {
        /// The status of the failure, if the upstream answered.
        status: Option<u16>,
    },
    /// The upstream failed.
    Failed {
        /// The status of the failure, if the upstream answered.
        status: Option<u16>,
    },
}

impl CacheOutcome {
    pub(super) fn stale_if_error(error: UpstreamError) -> CacheOutcome {
        CacheOutcome::StaleIfError { status: error.status() }
    }

    pub(super) fn failed(error: UpstreamError) -> CacheOutcome {
        CacheOutcome::Failed { status: error.status() }
    }

    /// Returns the outcome with the status of a response that was no usable answer.
    #[must_use]
    pub(super) fn with_status(mut self, received: u16) -> CacheOutcome {
        if let CacheOutcome::StaleIfError { status } | CacheOutcome::Failed { status } = &mut self {
            *status = Some(received);
        }
        self
    }

    /// Returns the outcome for a caller that awaited another caller's request.
    #[must_use]
    pub(super) fn as_collapsed(mut self) -> CacheOutcome {
        if let CacheOutcome::Fetched { collapsed, .. } = &mut self {
            *collapsed = true;
        }
        self
    }

    /// Returns the outcome of a response that was not stored after all.
    #[must_use]
    pub(super) fn as_not_stored(mut self) -> CacheOutcome {
        if let CacheOutcome::Fetched { stored, .. } = &mut self {
            *stored = false;
        }
        self
    }

    /// Returns the value of `Cache-Status`. `ttl` is the number of seconds of remaining freshness; `bypass` is the reason for
    /// which nothing is cached. `derived` marks metrics that were derived from lists.
    pub fn cache_status(self, ttl: Option<i64>, bypass: Option<&str>, derived: bool) -> String {
        let mut text = String::from("streamgage");
        let forward_reason = match self {
            CacheOutcome::Hit => "; hit",
            _ if bypass.is_some() => "; fwd=bypass",
            CacheOutcome::Fetched { stale: true, .. } | CacheOutcome::StaleIfError { .. } => "; fwd=stale",
            CacheOutcome::Fetched { .. } | CacheOutcome::Failed { .. } => "; fwd=uri-miss",
        };
        text.push_str(forward_reason);
        // Writing into a String can't fail.
        if let CacheOutcome::Fetched { status, .. }
        | CacheOutcome::StaleIfError { status: Some(status) }
        | CacheOutcome::Failed { status: Some(status) } = self
        {
            let _ = write!(text, "; fwd-status={status}");
        }
        if let Some(ttl) = ttl {
            let _ = write!(text, "; ttl={ttl}");
        }
        if let CacheOutcome::Fetched { stored, collapsed, .. } = self {
            text.push_str(if stored { "; stored" } else { "" });
            text.push_str(if collapsed { "; collapsed" } else { "" });
        }
        let detail = match self {
            CacheOutcome::StaleIfError { .. } if derived => Some("\"stale-if-error, derived\""),
            CacheOutcome::StaleIfError { .. } => Some("stale-if-error"),
            _ if derived => Some("derived"),
            _ => bypass,
        };
        if let Some(detail) = detail {
            let _ = write!(text, "; detail={detail}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_status_marks_derived_metrics() {
        assert_eq!(CacheOutcome::Hit.cache_status(Some(3), None, true), "streamgage; hit; ttl=3; detail=derived");
        let stale = CacheOutcome::StaleIfError { status: None };
        let expected = "streamgage; fwd=stale; ttl=-3; detail=\"stale-if-error, derived\"";
        assert_eq!(stale.cache_status(Some(-3), None, true), expected);
    }

    #[test]
    fn cache_status_reports_the_outcome() {
        let fetched = CacheOutcome::Fetched { status: 200, stored: true, stale: false, collapsed: false, tries: 1 };
        for (outcome, ttl, bypass, expected) in [
            (CacheOutcome::Hit, Some(-3), None, "streamgage; hit; ttl=-3"),
            (
                fetched.as_collapsed(),
                Some(60),
                None,
                "streamgage; fwd=uri-miss; fwd-status=200; ttl=60; stored; collapsed",
            ),
            (
                CacheOutcome::Fetched { status: 304, stored: true, stale: true, collapsed: false, tries: 1 },
                Some(60),
                None,
                "streamgage; fwd=stale; fwd-status=304; ttl=60; stored",
            ),
            (
                CacheOutcome::StaleIfError { status: Some(503) },
                Some(-9),
                None,
                "streamgage; fwd=stale; fwd-status=503; ttl=-9; detail=stale-if-error",
            ),
            (CacheOutcome::Failed { status: None }, None, None, "streamgage; fwd=uri-miss"),
            (
                CacheOutcome::Fetched { status: 200, stored: false, stale: false, collapsed: false, tries: 1 },
                None,
                Some("no-secret"),
                "streamgage; fwd=bypass; fwd-status=200; detail=no-secret",
            ),
        ] {
            assert_eq!(outcome.cache_status(ttl, bypass, false), expected);
        }
    }
}
