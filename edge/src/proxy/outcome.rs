//! Where an answer came from, as `Cache-Status` says it (RFC 9211).

use super::source::UpstreamError;
use crate::codec::as_tagged_list;
use std::fmt::Write;

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheOutcome {
    /// It was kept.
    Hit,
    /// The upstream was asked.
    Fetched {
        /// What it answered.
        status: u16,
        /// Whether that is kept.
        stored: bool,
        /// Whether there was something kept that no longer served.
        stale: bool,
        /// Whether another caller's request was waited for.
        collapsed: bool,
        /// How many requests it took.
        tries: u32,
    },
    /// The upstream was asked, and failed: what was kept serves, though stale.
    Excused {
        /// The status of the failure, if there was an answer.
        status: Option<u16>,
    },
    /// The upstream was asked, and failed.
    Failed {
        /// The status of the failure, if there was an answer.
        status: Option<u16>,
    },
}

as_tagged_list!(CacheOutcome {
    Hit,
    Fetched { status, stored, stale, collapsed, tries },
    Excused { status },
    Failed { status }
});

impl CacheOutcome {
    pub(crate) fn excused(trouble: UpstreamError) -> CacheOutcome {
        CacheOutcome::Excused { status: status(trouble) }
    }

    pub(crate) fn failed(trouble: UpstreamError) -> CacheOutcome {
        CacheOutcome::Failed { status: status(trouble) }
    }

    /// The same, for one who waited.
    #[must_use]
    pub(crate) fn collapsed(self) -> CacheOutcome {
        match self {
            CacheOutcome::Fetched { status, stored, stale, tries, .. } => {
                CacheOutcome::Fetched { status, stored, stale, collapsed: true, tries }
            }
            way => way,
        }
    }

    /// The value of `Cache-Status`. `ttl` are the seconds for which the answer is fresh; `bypass`, why nothing is kept at all.
    pub fn cache_status(self, ttl: Option<i64>, bypass: Option<&str>) -> String {
        let mut text = String::from("streamgage");
        let fwd = match self {
            CacheOutcome::Hit => "; hit",
            _ if bypass.is_some() => "; fwd=bypass",
            CacheOutcome::Fetched { stale: true, .. } | CacheOutcome::Excused { .. } => "; fwd=stale",
            CacheOutcome::Fetched { .. } | CacheOutcome::Failed { .. } => "; fwd=uri-miss",
        };
        text.push_str(fwd);
        if let CacheOutcome::Fetched { status, .. }
        | CacheOutcome::Excused { status: Some(status) }
        | CacheOutcome::Failed { status: Some(status) } = self
        {
            // Writing into a String can't fail.
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
            CacheOutcome::Excused { .. } => Some("stale-if-error"),
            _ => bypass,
        };
        if let Some(detail) = detail {
            let _ = write!(text, "; detail={detail}");
        }
        text
    }
}

fn status(trouble: UpstreamError) -> Option<u16> {
    match trouble {
        UpstreamError::Status { status, .. } => Some(status),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_status() {
        let fetched = CacheOutcome::Fetched { status: 200, stored: true, stale: false, collapsed: false, tries: 1 };
        for (way, ttl, bypass, expected) in [
            (CacheOutcome::Hit, Some(-3), None, "streamgage; hit; ttl=-3"),
            (
                fetched.collapsed(),
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
                CacheOutcome::Excused { status: Some(503) },
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
            assert_eq!(way.cache_status(ttl, bypass), expected);
        }
    }
}
