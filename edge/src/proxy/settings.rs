//! The variables of the proxy.

use super::partition::PartitionNames;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Settings of the proxy. Times are milliseconds.
#[derive(Clone)]
pub struct ProxySettings {
    /// `UPSTREAM`: the address, without a slash at its end.
    pub upstream: String,
    /// `UPSTREAM_KEY`: the Worker's own key. Callers then use keys of streamgage.
    pub upstream_key: Option<String>,
    /// Names of partitions. `None` if neither `CACHE_SECRET` nor `UPSTREAM_KEY` is set: then nothing is cached.
    pub partitions: Option<PartitionNames>,
    /// `KEY_TTL` (seconds; default 300): the time for which cached responses are served after the upstream accepted a key.
    pub key_ttl: i64,
    /// `STALE_KEY_TTL` (seconds; default 86,400): the same while the upstream fails.
    pub stale_key_ttl: i64,
    /// `TRY_LIMIT` (seconds; default 10): the time limit of one try, including the body.
    pub try_limit: i64,
    /// `TIME_LIMIT` (seconds; default 25): the time limit of a caller's request.
    pub time_limit: i64,
    /// `LIST_TTL` (seconds; default 60): the freshness of lists without cache headers. 0 means that they are never fresh.
    pub list_ttl: i64,
    /// `METRICS`.
    pub metrics: MetricsSource,
}

/// The source of metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricsSource {
    /// The upstream's metrics endpoint.
    Upstream,
    /// The upstream's lists.
    Derive,
    /// The endpoint, or the lists if the endpoint no longer exists.
    #[default]
    Auto,
}

/// An invalid variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidVariableError(pub &'static str);

impl fmt::Display for InvalidVariableError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the variable {} is invalid", self.0)
    }
}

impl std::error::Error for InvalidVariableError {}

impl ProxySettings {
    /// Reads the variables. Returns `None` without `UPSTREAM`: then there is no proxy. Blank variables are ignored.
    ///
    /// # Errors
    /// Returns the first invalid variable.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<ProxySettings>, InvalidVariableError> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let Some(upstream) = variable("UPSTREAM") else { return Ok(None) };
        let upstream = upstream.trim_end_matches('/').to_owned();
        if !is_origin(&upstream) {
            return Err(InvalidVariableError("UPSTREAM"));
        }
        let upstream_key = variable("UPSTREAM_KEY");
        if upstream_key.as_deref().is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(InvalidVariableError("UPSTREAM_KEY"));
        }
        let time = |name, default: i64| match variable(name) {
            None => Ok(default * 1_000),
            Some(text) => parse_milliseconds(&text).ok_or(InvalidVariableError(name)),
        };
        let metrics = match variable("METRICS").as_deref() {
            None | Some("auto") => MetricsSource::Auto,
            Some("upstream") => MetricsSource::Upstream,
            Some("derive") => MetricsSource::Derive,
            Some(_) => return Err(InvalidVariableError("METRICS")),
        };
        let secret = variable("CACHE_SECRET").or_else(|| upstream_key.clone());
        Ok(Some(ProxySettings {
            partitions: secret.map(|secret| PartitionNames::new(&secret, &upstream)),
            upstream,
            upstream_key,
            key_ttl: time("KEY_TTL", 300)?,
            stale_key_ttl: time("STALE_KEY_TTL", 86_400)?,
            try_limit: time("TRY_LIMIT", 10)?,
            time_limit: time("TIME_LIMIT", 25)?,
            list_ttl: if variable("LIST_TTL").as_deref() == Some("0") { 0 } else { time("LIST_TTL", 60)? },
            metrics,
        }))
    }
}

/// Parses seconds with an optional fraction, from one millisecond to thirty years.
fn parse_milliseconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if whole.len() > 9 || fraction.len() > 9 || ![whole, fraction].iter().all(|part| is_digits(part)) {
        return None;
    }
    let thousandths: String = fraction.chars().chain("00".chars()).take(3).collect();
    let milliseconds = whole.parse::<i64>().ok()? * 1_000 + thousandths.parse::<i64>().ok()?;
    (milliseconds > 0).then_some(milliseconds)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns true for an `http:` or `https:` address with a host and optional port, without user, path and query.
///
/// The runtime sends requests to port 80 or 443 if it does not understand the port, and with them the keys.
fn is_origin(text: &str) -> bool {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, "1"),
    };
    is_host(host) && is_digits(port) && matches!(port.parse::<u16>(), Ok(1..))
}

/// Returns true for a name, an IPv4 address or an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    if let Some(address) = text.strip_prefix('[') {
        return address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let are_labels = text.split('.').all(|label| !label.is_empty() && label.bytes().all(is_plain));
    // A name whose last label is a number is an address (URL standard).
    let is_number = |label: &str| is_digits(label) || label.starts_with("0x") || label.starts_with("0X");
    let has_number = text.rsplit('.').next().is_some_and(is_number);
    are_labels && (!has_number || text.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<ProxySettings>, InvalidVariableError> {
        ProxySettings::read(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn there_is_no_proxy_without_an_upstream() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[("UPSTREAM", ""), ("CACHE_SECRET", "x")]).unwrap().is_none());
    }

    #[test]
    fn defaults_and_limits() {
        let settings = read(&[("UPSTREAM", "https://flow.example/"), ("TRY_LIMIT", "0.25")]).unwrap().unwrap();
        assert_eq!(settings.upstream, "https://flow.example");
        assert_eq!((settings.key_ttl, settings.stale_key_ttl), (300_000, 86_400_000));
        assert_eq!((settings.try_limit, settings.time_limit), (250, 25_000));
        assert!(settings.partitions.is_none() && settings.metrics == MetricsSource::Auto);
        assert_eq!(settings.list_ttl, 60_000);
        let never = read(&[("UPSTREAM", "https://flow.example"), ("LIST_TTL", "0")]).unwrap().unwrap();
        assert_eq!(never.list_ttl, 0);
    }

    #[test]
    fn invalid_variables_are_named() {
        for upstream in [
            "flow.example",
            "ftp://flow.example",
            "https://",
            "https://u:p@flow.example",
            "https://a/b?c",
            "https://a b",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:65536",
            "http://127.0.0.1:0",
            "http://127.0.0.1:",
            "http://127.0.0.1:+80",
            "http://127.0.0.1:80x",
            "http://127.0.0.1:80:80",
            "http://:80",
            "http://[::1",
            "http://[::1]:99999",
            "http://[::1]8080",
            "http://::1",
            "http://[x]",
            "http://1.2.3.999",
            "http://1.2",
            "http://0x7f.1",
            "http://flow..example",
        ] {
            assert_eq!(read(&[("UPSTREAM", upstream)]).err(), Some(InvalidVariableError("UPSTREAM")), "{upstream}");
        }
        for upstream in [
            "http://[::1]:8000",
            "http://[::1]",
            "http://localhost:65535",
            "https://a-b.c_d.example:1",
            "http://10.0.0.7",
        ] {
            assert!(read(&[("UPSTREAM", upstream)]).is_ok(), "{upstream}");
        }
        let with = |name, value| read(&[("UPSTREAM", "http://127.0.0.1:8000"), (name, value)]).err();
        for (name, value) in [
            ("KEY_TTL", "-1"),
            ("KEY_TTL", "soon"),
            ("KEY_TTL", "0"),
            ("LIST_TTL", "-1"),
            ("TIME_LIMIT", "inf"),
            ("METRICS", "yes"),
            ("UPSTREAM_KEY", "a b"),
        ] {
            assert_eq!(with(name, value), Some(InvalidVariableError(name)), "{name}={value}");
        }
        assert_eq!(with("METRICS", "derive"), None);
    }
}
