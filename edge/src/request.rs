//! What of a request and of the Worker's settings decides.

use streamgage::calendar::Day;

/// A request, without its body.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// Where it went.
    pub url: Url,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The header `Origin`, which browsers send from a page of another origin.
    pub origin: Option<String>,
    /// Whether there is a header `Access-Control-Request-Method`.
    pub asks_for_method: bool,
    /// The header `If-None-Match`.
    pub if_none_match: Option<String>,
}

/// An absolute address in its parts, as they are written in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Url {
    /// Such as `https://example.com`.
    pub origin: String,
    /// Such as `/v3/`.
    pub path: String,
    /// What stands behind the first `?`.
    pub query: String,
}

impl Url {
    /// Takes an absolute `http:` or `https:` address apart.
    pub fn parse(text: &str) -> Url {
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        Url { origin: format!("{scheme}://{host}"), path: format!("/{path}"), query: query.to_owned() }
    }

    /// Whether it leads to this machine: nothing from outside can.
    pub fn is_loopback(&self) -> bool {
        let host = self.origin.split_once("://").map_or("", |(_, host)| host);
        let name = match host.split_once("]") {
            Some((address, _)) => address,
            None => host.split_once(':').map_or(host, |(name, _)| name),
        };
        matches!(name, "localhost" | "127.0.0.1" | "[::1")
    }
}

/// The Worker's variables.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `CORS_ORIGINS`: the origins whose pages may read answers, with commas between, or `*` for all.
    pub cors_origins: String,
    /// `PUBLIC_ORIGIN`: what links begin with, where that is not the address the request went to.
    pub public_origin: Option<String>,
    /// `TODAY`: another date for tests, heeded on this machine alone.
    pub today: Option<String>,
}

const DAY_MILLISECONDS: f64 = 86_400_000.0;

impl Settings {
    /// The UTC date that a request is answered by; `now` is in milliseconds since 1970-01-01, as JavaScript counts.
    pub fn today(&self, url: &Url, now: f64) -> Day {
        let set = self.today.as_deref().filter(|_| url.is_loopback()).and_then(Day::parse);
        set.unwrap_or_else(|| Day::from_number((now / DAY_MILLISECONDS).floor() as i32))
    }

    /// What absolute links begin with.
    pub(crate) fn public_origin<'a>(&'a self, url: &'a Url) -> &'a str {
        let set = self.public_origin.as_deref().filter(|origin| !origin.is_empty());
        set.map_or(url.origin.as_str(), |origin| origin.trim_end_matches('/'))
    }

    /// What links to a proxied upstream begin with instead: `PUBLIC_ORIGIN`; on this machine the address the request went
    /// to; and else nothing, which makes them references without a host. A `Host` of a caller's is never in an answer.
    pub(crate) fn link_origin<'a>(&'a self, url: &'a Url) -> &'a str {
        if self.public_origin.as_deref().is_none_or(str::is_empty) && !url.is_loopback() {
            return "";
        }
        self.public_origin(url)
    }

    /// What `Access-Control-Allow-Origin` says to a page of that origin.
    pub(crate) fn allowed_origin<'a>(&self, origin: &'a str) -> Option<&'a str> {
        let mut allowed = self.cors_origins.split(',').map(str::trim);
        let found = allowed.find(|&allowed| allowed == "*" || (!allowed.is_empty() && allowed == origin))?;
        Some(if found == "*" { "*" } else { origin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let url = Url::parse("https://example.com:8443/v3/customer/?a=b?c&d=%zz#e?f");
        assert_eq!(url.origin, "https://example.com:8443");
        assert_eq!(url.path, "/v3/customer/");
        assert_eq!(url.query, "a=b?c&d=%zz");
        assert_eq!(Url::parse("http://localhost").path, "/");
    }

    #[test]
    fn only_this_machine_may_set_today() {
        let settings = Settings { today: Some("2026-09-01".into()), ..Settings::default() };
        let today = |url: &str| settings.today(&Url::parse(url), 86_400_000.0 * 20_000.0 + 1.0).to_string();
        for url in ["http://localhost/", "http://127.0.0.1:8787/x", "http://[::1]:8787/", "http://[::1]/"] {
            assert_eq!(today(url), "2026-09-01", "{url}");
        }
        for url in
            ["https://example.com/", "https://localhost.example.com/", "https://127.0.0.1.example/", "http://[::2]/"]
        {
            assert_eq!(today(url), "2024-10-04", "{url}");
        }
        let no_date = Settings { today: Some("soon".into()), ..Settings::default() };
        assert_eq!(no_date.today(&Url::parse("http://localhost/"), -1.0).to_string(), "1969-12-31");
    }

    #[test]
    fn origins_are_compared_whole() {
        let settings = |list: &str| Settings { cors_origins: list.into(), ..Settings::default() };
        let some = settings("https://a.example, https://b.example");
        assert_eq!(some.allowed_origin("https://b.example"), Some("https://b.example"));
        assert_eq!(some.allowed_origin("https://b.example.org"), None);
        assert_eq!(some.allowed_origin("null"), None);
        assert_eq!(settings("*").allowed_origin("https://c.example"), Some("*"));
        assert_eq!(settings("").allowed_origin(""), None);
    }
}
