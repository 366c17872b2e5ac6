//! The variables of the proxy.

use super::partition::PartitionNames;
use std::fmt;

/// What the proxy was told.
#[derive(Clone)]
pub struct ProxySettings {
    /// `UPSTREAM`: its address, without a slash at its end.
    pub upstream: String,
    /// `UPSTREAM_KEY`: the Worker's own key; callers then use keys of streamgage.
    pub upstream_key: Option<String>,
    /// How answers are kept apart. `None` without `CACHE_SECRET`, unless there is an `UPSTREAM_KEY`: nothing is kept.
    pub partitions: Option<PartitionNames>,
    /// `KEY_TTL` (seconds; 300): how long a key's last proof lets answers be served without asking the upstream.
    pub key_ttl: i64,
    /// `STALE_KEY_TTL` (seconds; 86,400): how long it does so while the upstream is down.
    pub stale_key_ttl: i64,
    /// `TRY_LIMIT` (seconds; 10): how long one try may take, body included.
    pub try_limit: i64,
    /// `TIME_LIMIT` (seconds; 25): how long a caller waits at most.
    pub time_limit: i64,
    /// `METRICS`.
    pub metrics: MetricsSource,
}

/// Where metrics come from. All times in [`ProxySettings`] are milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricsSource {
    /// The upstream's metrics endpoint.
    Upstream,
    /// The upstream's lists.
    Derive,
    /// The endpoint, or, where it is gone, the lists.
    #[default]
    Auto,
}

/// A variable that can't be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidVariableError(pub &'static str);

impl fmt::Display for InvalidVariableError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the variable {} can't be right", self.0)
    }
}

impl std::error::Error for InvalidVariableError {}

impl ProxySettings {
    /// Reads the variables; `None` without `UPSTREAM`: there is no proxy. A blank variable is as if absent.
    ///
    /// # Errors
    /// The first variable that can't be right.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<ProxySettings>, InvalidVariableError> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let Some(upstream) = variable("UPSTREAM") else { return Ok(None) };
        let upstream = upstream.trim_end_matches('/').to_owned();
        if !is_address(&upstream) {
            return Err(InvalidVariableError("UPSTREAM"));
        }
        let upstream_key = variable("UPSTREAM_KEY");
        if upstream_key.as_deref().is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(InvalidVariableError("UPSTREAM_KEY"));
        }
        let time = |name, default: i64| match variable(name) {
            None => Ok(default * 1_000),
            Some(text) => milliseconds(&text).ok_or(InvalidVariableError(name)),
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
            metrics,
        }))
    }
}

/// Seconds, perhaps with a fraction, in milliseconds: at least one, and less than thirty years.
fn milliseconds(text: &str) -> Option<i64> {
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

/// Whether it is an `http:` or `https:` address of a host, perhaps with a port, and nothing else: a key goes there.
fn is_address(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    !host.is_empty() && host.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<ProxySettings>, InvalidVariableError> {
        ProxySettings::read(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn without_an_upstream_there_is_no_proxy() {
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
    }

    #[test]
    fn what_cannot_be_right_is_named() {
        for upstream in [
            "flow.example",
            "ftp://flow.example",
            "https://",
            "https://u:p@flow.example",
            "https://a/b?c",
            "https://a b",
        ] {
            assert_eq!(read(&[("UPSTREAM", upstream)]).err(), Some(InvalidVariableError("UPSTREAM")), "{upstream}");
        }
        let with = |name, value| read(&[("UPSTREAM", "http://127.0.0.1:8000"), (name, value)]).err();
        for (name, value) in
            [("KEY_TTL", "-1"), ("KEY_TTL", "soon"), ("TIME_LIMIT", "inf"), ("METRICS", "yes"), ("UPSTREAM_KEY", "a b")]
        {
            assert_eq!(with(name, value), Some(InvalidVariableError(name)), "{name}={value}");
        }
        assert_eq!(with("METRICS", "derive"), None);
    }
}
