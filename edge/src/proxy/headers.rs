//! Headers that pass through the proxy.
//!
//! Of a caller's headers only the key reaches the upstream, so that no header can change a response that others receive.
//! Of a response only `Last-Modified` reaches a caller.

/// Headers of every request to the upstream, besides the key and validators.
pub const UPSTREAM_HEADERS: [(&str, &str); 2] = [("Accept", "application/json"), ("User-Agent", "streamgage")];

/// Headers that decide how long a response may be used. They are stored, because a 304 may omit them.
const CACHING: [&str; 4] = ["cache-control", "cdn-cache-control", "expires", "vary"];

/// Response headers: names in lower case, each once, values joined with commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Ignores values with characters other than visible ASCII. In headers that restrict caching, only the characters are
    /// replaced.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Headers {
        let is_visible = |character: char| matches!(character, ' '..='~');
        let read = |(name, value): (String, String)| {
            let name = name.to_ascii_lowercase();
            if value.chars().all(is_visible) {
                Some((name, value))
            } else if CACHING.contains(&name.as_str()) {
                let value = value.replace('\t', " ").replace(|character| !is_visible(character), "?");
                Some((name, value))
            } else {
                None
            }
        };
        Headers(pairs.into_iter().filter_map(read).collect())
    }

    /// Returns the value of a name, which is in lower case.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the headers of a successful response for callers: the type, which is always JSON, and the valid ones of `Date`
    /// and `Last-Modified`. The proxy writes all others itself, and rewrites `Location`.
    pub fn passed(&self) -> Vec<(String, String)> {
        let content_type = ("content-type".to_owned(), "application/json".to_owned());
        let dates = ["date", "last-modified"].into_iter().filter_map(|name| {
            let date = httpdate::parse_http_date(self.value(name)?).ok()?;
            Some((name.to_owned(), httpdate::fmt_http_date(date)))
        });
        [content_type].into_iter().chain(dates).collect()
    }

    /// Returns the headers that decide how long a response may be used.
    pub fn caching(&self) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| CACHING.contains(&name.as_str())).cloned().collect()
    }

    /// Adds stored headers that this response omits (RFC 9111 §3.2).
    #[must_use]
    pub fn completed_by(&self, stored: &[(String, String)]) -> Headers {
        let missing = stored.iter().filter(|(name, _)| self.value(name).is_none());
        Headers(self.0.iter().chain(missing).cloned().collect())
    }

    /// Returns true if the body is declared as JSON.
    pub fn is_json(&self) -> bool {
        let declared = self.value("content-type").unwrap_or_default();
        let essence = declared.split_once(';').map_or(declared, |(essence, _)| essence).trim();
        essence.eq_ignore_ascii_case("application/json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        Headers::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn unlisted_headers_are_removed() {
        let all = headers(&[
            ("Content-Type", "application/json; charset=utf-16; upstream=\"1\""),
            ("Set-Cookie", "session=1"),
            ("Server", "nginx"),
            ("Content-Security-Policy", "default-src *"),
            ("Location", "http://elsewhere.example/"),
            ("X-Powered-By", "Django"),
            ("Access-Control-Allow-Origin", "*"),
            ("Retry-After", "5"),
            ("Date", "Fri, 31 Dec 1999 23:59:59 GMT"),
            ("Last-Modified", "Fri, 31 Dec 1999 23:59:59 GMT"),
            ("Last-Modified", "GÉT"),
            ("Allow", "GET"),
            ("WWW-Authenticate", "Basic realm=\"upstream\""),
        ]);
        let date = "Fri, 31 Dec 1999 23:59:59 GMT";
        let passed = [("content-type", "application/json"), ("date", date), ("last-modified", date)];
        assert_eq!(all.passed(), passed.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let invalid = headers(&[("Last-Modified", "a text of the upstream")]);
        assert_eq!(invalid.passed(), [("content-type".to_owned(), "application/json".to_owned())]);
    }

    #[test]
    fn unusual_characters_do_not_hide_directives() {
        let all = headers(&[("Cache-Control", "no-store,\tx=\"é\""), ("ETag", "\"é\"")]);
        assert_eq!((all.value("cache-control"), all.value("etag")), (Some("no-store, x=\"?\""), None));
    }

    #[test]
    fn json_is_recognized_by_its_media_type() {
        for declared in ["application/json", "Application/JSON; charset=utf-8", "application/json ;v=3"] {
            assert!(headers(&[("content-type", declared)]).is_json(), "{declared}");
        }
        for declared in ["text/html", "application/jsonp", "text/html; application/json", ""] {
            assert!(!headers(&[("content-type", declared)]).is_json(), "{declared}");
        }
        assert!(!Headers::default().is_json());
    }
}
