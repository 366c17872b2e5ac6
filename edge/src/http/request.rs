//! Requests as values.

/// A request, without its body.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The URL.
    pub url: Url,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The header `Origin`.
    pub origin: Option<String>,
    /// The header `Access-Control-Request-Method`.
    pub requested_method: Option<String>,
    /// The header `If-None-Match`.
    pub if_none_match: Option<String>,
    /// The header `If-Modified-Since`.
    pub if_modified_since: Option<String>,
}

/// An absolute URL, split but not decoded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Url {
    /// The scheme, host and port: `https://example.com`.
    pub origin: String,
    /// The path: `/v3/`.
    pub path: String,
    /// The text after the first `?`.
    pub query: String,
}

impl Url {
    /// Splits an absolute `http:` or `https:` URL.
    pub fn parse(text: &str) -> Url {
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        Url { origin: format!("{scheme}://{host}"), path: format!("/{path}"), query: query.to_owned() }
    }

    /// Reports whether the host is this machine, which requests from outside cannot name.
    pub fn is_loopback(&self) -> bool {
        let host = self.origin.split_once("://").map_or("", |(_, host)| host);
        let name = match host.split_once("]") {
            Some((address, _)) => address,
            None => host.split_once(':').map_or(host, |(name, _)| name),
        };
        matches!(name, "localhost" | "127.0.0.1" | "[::1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_without_decoding() {
        let url = Url::parse("https://example.com:8443/v3/customer/?a=b?c&d=%zz#e?f");
        assert_eq!(url.origin, "https://example.com:8443");
        assert_eq!(url.path, "/v3/customer/");
        assert_eq!(url.query, "a=b?c&d=%zz");
        assert_eq!(Url::parse("http://localhost").path, "/");
    }
}
