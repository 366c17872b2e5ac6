//! Log lines of the Worker: one JSON object each, with the keys `level`, `event` and `request_id`, and facts.
//!
//! No event contains a header, a query or a body, because they may contain keys and names. `docs/troubleshooting.md`
//! explains every event.

use serde::Serialize;

/// The longest text of an error of the platform, in characters.
const MAX_ERROR_LENGTH: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The caller got a usable response.
    Warn,
    Error,
}

/// Something that an operator may have to look into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The platform or the database failed, and the caller got a 500 or 503.
    RequestFailed { path: String, error: String },
    /// The upstream gave no usable response.
    UpstreamFailed {
        path: String,
        reason: &'static str,
        /// The status of the upstream.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// The number of requests sent.
        tries: u32,
        /// A stale response was served instead.
        served_stale: bool,
    },
    /// The upstream refused `UPSTREAM_KEY`.
    UpstreamKeyRefused { path: String },
    /// The upstream's metrics endpoint is missing, so that metrics are derived from lists.
    MetricsEndpointMissing { path: String },
    /// The Durable Object of a partition failed. The request continued without it.
    PartitionFailed { error: String },
    /// The storage of a Durable Object failed.
    StorageFailed { error: String },
    /// The key of a caller could not be looked up.
    KeyLookupFailed { error: String },
    /// The Cache API failed.
    EdgeCacheFailed { error: String },
    /// The scheduled refresh failed.
    RefreshFailed { error: String },
}

impl Event {
    pub fn level(&self) -> Level {
        match self {
            Event::UpstreamFailed { served_stale: true, .. }
            | Event::MetricsEndpointMissing { .. }
            | Event::PartitionFailed { .. }
            | Event::EdgeCacheFailed { .. } => Level::Warn,
            _ => Level::Error,
        }
    }

    /// Returns the line. `request_id` is absent for work that belongs to no request.
    pub fn to_line(&self, request_id: Option<&str>) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            level: Level,
            #[serde(flatten)]
            event: &'a Event,
            request_id: Option<&'a str>,
        }
        // Serialization of texts and numbers into a String can't fail.
        serde_json::to_string(&Line { level: self.level(), event: self, request_id }).unwrap_or_default()
    }
}

/// Returns the text of an error, cut off if it is long.
pub fn error_text(error: &dyn std::fmt::Display) -> String {
    error.to_string().chars().take(MAX_ERROR_LENGTH).collect()
}

/// Returns the values of a name in texts that contain JSON.
#[cfg(test)]
pub(crate) fn values<'a>(text: &'a str, name: &str) -> std::collections::BTreeSet<&'a str> {
    text.split(&format!("\"{name}\":\"")).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_line_is_a_json_object_with_stable_keys() {
        let failed = |served_stale, status| Event::UpstreamFailed {
            path: "/v3/customer/core/teams/".into(),
            reason: "status",
            status,
            tries: 3,
            served_stale,
        };
        assert_eq!(
            failed(false, Some(503)).to_line(Some("8f2b")),
            r#"{"level":"error","event":"upstream_failed","path":"/v3/customer/core/teams/","reason":"status","status":503,"tries":3,"served_stale":false,"request_id":"8f2b"}"#
        );
        assert_eq!(
            failed(true, None).to_line(None),
            r#"{"level":"warn","event":"upstream_failed","path":"/v3/customer/core/teams/","reason":"status","tries":3,"served_stale":true,"request_id":null}"#
        );
        assert_eq!(
            Event::StorageFailed { error: "a \"quoted\"\nline".into() }.to_line(None),
            r#"{"level":"error","event":"storage_failed","error":"a \"quoted\"\nline","request_id":null}"#
        );
    }

    #[test]
    fn the_troubleshooting_page_names_every_event_and_no_other() {
        let (path, error) = (String::new, String::new);
        let (reason, status, tries, served_stale) = ("", None, 0, false);
        let events = [
            Event::RequestFailed { path: path(), error: error() },
            Event::UpstreamFailed { path: path(), reason, status, tries, served_stale },
            Event::UpstreamKeyRefused { path: path() },
            Event::MetricsEndpointMissing { path: path() },
            Event::PartitionFailed { error: error() },
            Event::StorageFailed { error: error() },
            Event::KeyLookupFailed { error: error() },
            Event::EdgeCacheFailed { error: error() },
            Event::RefreshFailed { error: error() },
        ];
        let lines = events.map(|event| event.to_line(None)).join("\n");
        let page = include_str!("../../docs/troubleshooting.md");
        let documented = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let mut documented: BTreeSet<&str> = documented.collect();
        documented.extend(values(page, "event"));
        assert_eq!(documented, values(&lines, "event"));
    }

    #[test]
    fn a_long_error_is_cut_off() {
        assert_eq!(error_text(&"é".repeat(MAX_ERROR_LENGTH + 1)), "é".repeat(MAX_ERROR_LENGTH));
    }
}
