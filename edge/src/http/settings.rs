//! The Worker's variables.

use super::request::Url;
use streamgage::calendar::Day;

/// The variables that both backends read.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `CORS_ORIGINS`: the origins whose pages may read responses, separated by commas, or `*`.
    pub cors_origins: String,
    /// `PUBLIC_ORIGIN`: the origin of links in responses, if it differs from the origin of the request.
    pub public_origin: Option<String>,
    /// `TODAY`: a fixed date for tests. Ignored unless the request was sent to this machine.
    pub today: Option<String>,
}

const DAY_MILLISECONDS: i64 = 86_400_000;

impl Settings {
    /// Returns the UTC date that relative dates of a request refer to. `now` is in milliseconds since 1970-01-01.
    pub fn today(&self, url: &Url, now: i64) -> Day {
        let set = self.today.as_deref().filter(|_| url.is_loopback()).and_then(Day::parse);
        set.unwrap_or_else(|| Day::from_number(now.div_euclid(DAY_MILLISECONDS) as i32))
    }

    /// Returns the origin of absolute links.
    pub(crate) fn public_origin<'a>(&'a self, url: &'a Url) -> &'a str {
        let set = self.public_origin.as_deref().filter(|origin| !origin.is_empty());
        set.map_or(url.origin.as_str(), |origin| origin.trim_end_matches('/'))
    }

    /// Returns the origin that replaces the upstream's in links: `PUBLIC_ORIGIN`; on this machine the origin of the
    /// request; otherwise nothing, which makes links relative. Cached responses must not contain a caller's `Host`.
    pub(crate) fn link_origin<'a>(&'a self, url: &'a Url) -> &'a str {
        if self.public_origin.as_deref().is_none_or(str::is_empty) && !url.is_loopback() {
            return "";
        }
        self.public_origin(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn today_is_ignored_unless_the_request_was_sent_to_this_machine() {
        let settings = Settings { today: Some("2026-09-01".into()), ..Settings::default() };
        let today = |url: &str| settings.today(&Url::parse(url), 86_400_000 * 20_000 + 1).to_string();
        for url in ["http://localhost/", "http://127.0.0.1:8787/x", "http://[::1]:8787/", "http://[::1]/"] {
            assert_eq!(today(url), "2026-09-01", "{url}");
        }
        for url in
            ["https://example.com/", "https://localhost.example.com/", "https://127.0.0.1.example/", "http://[::2]/"]
        {
            assert_eq!(today(url), "2024-10-04", "{url}");
        }
        let no_date = Settings { today: Some("soon".into()), ..Settings::default() };
        assert_eq!(no_date.today(&Url::parse("http://localhost/"), -1).to_string(), "1969-12-31");
    }
}
