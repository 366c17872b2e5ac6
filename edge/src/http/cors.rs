//! Cross-origin resource sharing: preflights, and the headers that let pages of other origins read responses.

use super::request::Request;
use super::response::Response;
use super::router::READ_METHODS;
use super::settings::Settings;

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

pub(crate) fn preflight_response() -> Response {
    Response::empty(204)
        .header("Access-Control-Allow-Methods", READ_METHODS)
        .header("Access-Control-Allow-Headers", "Authorization")
        .header("Access-Control-Max-Age", "86400")
}

/// Returns the CORS headers of a response.
pub(crate) fn cors_headers(request: &Request, settings: &Settings) -> Vec<(&'static str, String)> {
    match request.origin.as_deref().and_then(|origin| allowed_origin(settings, origin)) {
        None => Vec::new(),
        Some(origin) => vec![
            ("Access-Control-Allow-Origin", origin.to_owned()),
            ("Access-Control-Expose-Headers", "Retry-After, Server-Timing, Cache-Status".to_owned()),
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
