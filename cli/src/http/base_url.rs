//! Addresses of servers.

use super::api_key::KEY_VARIABLE;
use crate::error::CliError;
use std::fmt;
use url::{Host, ParseError, Position, Url};

/// An `http` or `https` URL of a server, optionally with a path; without user, query and fragment.
#[derive(Clone, Debug, PartialEq)]
pub struct BaseUrl(Url);

/// Reports whether the host is followed by a colon only.
fn has_empty_port(url: &str) -> bool {
    // The parser ignores tabs and line breaks, and takes backslashes for slashes.
    let text: String = url.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    let rest = text.split_once(':').map_or("", |(_, rest)| rest.trim_start_matches(['/', '\\']));
    rest.split(['/', '\\', '?', '#']).next().is_some_and(|authority| authority.ends_with(':'))
}

/// Returns the part of a path before that of the API, which may follow as a whole or in part.
pub fn path_before_api(path: &str) -> &str {
    let before = path.split_once("/v3/").map(|(before, _)| before);
    before.or_else(|| path.strip_suffix("/v3")).unwrap_or(path)
}

impl BaseUrl {
    /// Parses a URL. Plain HTTP is accepted for a loopback address, or with `insecure_http` for any server.
    pub fn parse(text: &str, insecure_http: bool) -> Result<BaseUrl, CliError> {
        let input_error = |message: &str| Err(CliError::Input(format!("{text}: {message}")));
        let url = match Url::parse(text) {
            Ok(url) => BaseUrl(url),
            Err(ParseError::RelativeUrlWithoutBase) => return input_error("expected a URL such as https://host"),
            Err(error) => return input_error(&error.to_string()),
        };
        if !matches!(url.0.scheme(), "http" | "https") {
            return input_error("only http and https are supported");
        }
        // The parser takes an empty port for port 80 or 443: as in `http://127.0.0.1:$PORT` without the variable.
        if url.0.port() == Some(0) || has_empty_port(text) {
            return input_error("the port is missing");
        }
        if !url.0.username().is_empty() || url.0.password().is_some() {
            return input_error(&format!("set the key in the environment variable {KEY_VARIABLE}, not in the URL"));
        }
        if url.0.query().is_some() || url.0.fragment().is_some() {
            return input_error("expected a URL without ? and #");
        }
        if url.0.scheme() == "http" && !url.is_loopback() && !insecure_http {
            return input_error("plain http exposes the key to others on the network; use https, or --insecure-http");
        }
        Ok(url)
    }

    /// Returns the path without a slash at the end.
    pub fn path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }

    /// Returns the host, followed by the port unless it is the default one.
    pub fn name(&self) -> String {
        self.0[Position::BeforeHost..Position::AfterPort].to_owned()
    }

    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Returns the URL of another path of the same server.
    pub fn with_path(&self, path: &str) -> BaseUrl {
        let mut url = self.0.clone();
        url.set_path(path);
        BaseUrl(url)
    }

    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

/// Formats the URL without a slash at the end.
impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.origin(), self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::BaseUrl;

    #[test]
    fn keys_need_https_or_a_loopback_address() {
        for good in [
            "https://flow.example",
            "https://flow.example:443/a:/",
            "http://127.0.0.1:8787/",
            "http://localhost",
            "http://[::1]:1/v3",
        ] {
            assert!(BaseUrl::parse(good, false).is_ok(), "{good}");
        }
        let bad = [
            "http://flow.example",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "ftp://flow.example",
            "https://key@flow.example",
            "https://flow.example/?a",
            "https://flow.example/#a",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:65536",
            "http://127.0.0.1:0",
            "http://127.0.0.1:",
            "http://127.0.0.1:/",
            "http://[::1]:/v3",
            "https://flow.example:?",
            "HTTPS:flow.example:",
            "https:\\\\flow.example:\\v3",
            "https://flow.example\t:\n",
            "http://127.0.0.1:-1",
            "http://127.0.0.1:x",
            "http://[::1]:99999",
            "https://flow.example:443443",
            "flow.example",
            "/v3",
            "",
        ];
        for bad in bad {
            assert!(BaseUrl::parse(bad, false).is_err(), "{bad}");
        }
        assert!(BaseUrl::parse("http://flow.example", true).is_ok());
    }

    #[test]
    fn urls_are_formatted_as_given() {
        for text in ["https://flow.example", "http://127.0.0.1:8787", "https://flow.example:8443/v3/customer"] {
            assert_eq!(BaseUrl::parse(text, false).unwrap().to_string(), text);
        }
        let url = BaseUrl::parse("http://[::1]:8787/v3/", false).unwrap();
        assert_eq!((url.name(), url.path()), ("[::1]:8787".to_owned(), "/v3"));
    }
}
