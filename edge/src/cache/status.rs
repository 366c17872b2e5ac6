//! `Cache-Status` (RFC 9211): how an answer came to be.

use std::fmt;

/// Why a request was forwarded (RFC 9211 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// This cache doesn't cache here.
    Bypass,
    /// The method's semantics ask for it.
    Method,
    /// Nothing was stored for that address.
    UriMiss,
    /// What was stored for it is for other header fields.
    VaryMiss,
    /// What was stored was fresh, but the request asked for more.
    Request,
    /// What was stored was stale.
    Stale,
    /// Only a part was stored.
    Partial,
    /// It is not told.
    Miss,
}

/// One member of the field: what this cache did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheStatus {
    /// Whether it was answered from what was stored, without the upstream.
    pub hit: bool,
    /// Why the upstream was asked.
    pub forwarded: Option<Forwarded>,
    /// What the upstream answered, if that differs from the status of the answer.
    pub forwarded_status: Option<u16>,
    /// For how many seconds the answer stays fresh; negative once it is stale.
    pub time_to_live: Option<i64>,
    /// Whether the upstream's answer was stored.
    pub stored: bool,
    /// Whether another request's answer served this one as well.
    pub collapsed: bool,
    /// More, in a word of letters, digits and hyphens.
    pub detail: Option<&'static str>,
}

impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("streamgage")?;
        if self.hit {
            f.write_str("; hit")?;
        }
        if let Some(why) = self.forwarded {
            f.write_str("; fwd=")?;
            f.write_str(match why {
                Forwarded::Bypass => "bypass",
                Forwarded::Method => "method",
                Forwarded::UriMiss => "uri-miss",
                Forwarded::VaryMiss => "vary-miss",
                Forwarded::Request => "request",
                Forwarded::Stale => "stale",
                Forwarded::Partial => "partial",
                Forwarded::Miss => "miss",
            })?;
        }
        if let Some(status) = self.forwarded_status {
            write!(f, "; fwd-status={status}")?;
        }
        if let Some(seconds) = self.time_to_live {
            write!(f, "; ttl={seconds}")?;
        }
        for (is, word) in [(self.stored, "; stored"), (self.collapsed, "; collapsed")] {
            if is {
                f.write_str(word)?;
            }
        }
        self.detail.map_or(Ok(()), |detail| write!(f, "; detail={detail}"))
    }
}
