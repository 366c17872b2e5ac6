//! Which headers pass. Nothing of a caller's request reaches the upstream but its key, so no header of his can change
//! an answer that others get; and nothing of an answer reaches a caller that isn't listed, cookies least of all.

/// What every request to the upstream carries beside the key and the validators of what is kept.
pub const UPSTREAM_HEADERS: [(&str, &str); 2] = [("Accept", "application/json"), ("User-Agent", "streamgage")];

/// What passes from an answer, in lower case. `ETag`, `Age`, `Vary` and `Cache-Control` are the proxy's own, `Location` is
/// rewritten.
const PASSED: [&str; 5] = ["allow", "content-type", "last-modified", "retry-after", "www-authenticate"];

/// The headers of an answer: names in lower case, each once, its values joined with commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Keeps those that are visible ASCII: all that has a meaning here is.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Headers {
        let visible = |value: &str| value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let pairs = pairs.into_iter().filter(|(_, value)| visible(value));
        Headers(pairs.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
    }

    /// The value of a name in lower case.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Those that reach a caller.
    pub fn passed(&self) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| PASSED.contains(&name.as_str())).cloned().collect()
    }

    /// Whether the body is declared to be JSON.
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
    fn what_is_not_listed_does_not_pass() {
        let all = headers(&[
            ("Content-Type", "application/json"),
            ("Set-Cookie", "session=1"),
            ("Location", "http://elsewhere.example/"),
            ("X-Powered-By", "Django"),
            ("Access-Control-Allow-Origin", "*"),
            ("Retry-After", "5"),
            ("Allow", "GÉT"),
        ]);
        let passed = [("content-type", "application/json"), ("retry-after", "5")];
        assert_eq!(all.passed(), passed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn json() {
        for declared in ["application/json", "Application/JSON; charset=utf-8", "application/json ;v=3"] {
            assert!(headers(&[("content-type", declared)]).is_json(), "{declared}");
        }
        for declared in ["text/html", "application/jsonp", "text/html; application/json", ""] {
            assert!(!headers(&[("content-type", declared)]).is_json(), "{declared}");
        }
        assert!(!Headers::default().is_json());
    }
}
