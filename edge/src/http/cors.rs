//! Cross-origin resource sharing: preflights, and the headers that let pages of other origins read responses.

use super::methods::READ_METHODS;
use super::request::Request;
use super::settings::Settings;

/// The request headers that public clients of the v3 API send.
const REQUEST_HEADERS: &str = "Authorization, Accept, Content-Type, If-None-Match, Cache-Control, X-Requested-With";

/// The response headers that pages of other origins may read.
const RESPONSE_HEADERS: &str = "ETag, Link, Retry-After, Cache-Status, Server-Timing, X-Request-Id, Streamgage-Ignored";

/// Returns the value of `Access-Control-Allow-Origin` for an origin, if its pages may read responses.
fn allowed_origin<'a>(settings: &Settings, origin: &'a str) -> Option<&'a str> {
    let mut allowed = settings.cors_origins.split(',').map(str::trim);
    let found = allowed.find(|&allowed| allowed == "*" || (!allowed.is_empty() && allowed == origin))?;
    Some(if found == "*" { "*" } else { origin })
}

/// Reports whether a request is a CORS preflight from an allowed origin. Preflights carry no key.
pub(crate) fn is_preflight(request: &Request, settings: &Settings) -> bool {
    let origin = request.origin.as_deref().and_then(|origin| allowed_origin(settings, origin));
    request.method == "OPTIONS" && request.requested_method.is_some() && origin.is_some()
}

/// Returns the headers of the response to a preflight.
pub(crate) fn preflight_headers() -> Vec<(&'static str, String)> {
    vec![
        ("Access-Control-Allow-Methods", READ_METHODS.to_owned()),
        ("Access-Control-Allow-Headers", REQUEST_HEADERS.to_owned()),
        ("Access-Control-Max-Age", "86400".to_owned()),
    ]
}

/// Returns the CORS headers of a response.
pub(crate) fn cors_headers(request: &Request, settings: &Settings) -> Vec<(&'static str, String)> {
    match request.origin.as_deref().and_then(|origin| allowed_origin(settings, origin)) {
        None => Vec::new(),
        Some(origin) => vec![
            ("Access-Control-Allow-Origin", origin.to_owned()),
            ("Access-Control-Expose-Headers", RESPONSE_HEADERS.to_owned()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared_whole() {
        let settings = |list: &str| Settings { cors_origins: list.into(), ..Settings::default() };
        let some = settings("https://a.example, https://b.example");
        assert_eq!(allowed_origin(&some, "https://b.example"), Some("https://b.example"));
        assert_eq!(allowed_origin(&some, "https://b.example.org"), None);
        assert_eq!(allowed_origin(&some, "null"), None);
        assert_eq!(allowed_origin(&settings("*"), "https://c.example"), Some("*"));
        assert_eq!(allowed_origin(&settings(""), ""), None);
    }
}
