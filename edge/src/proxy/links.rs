//! Pagination links of the upstream, which are rewritten to lead to the proxy.

use super::cache_key::CacheKey;
use super::json::to_json;
use serde::{Deserialize, Serialize};
use streamgage::json::{Reader, Syntax, Value, unescape};

/// A link to the upstream: the position of its JSON string in the body, with quotes, and its path and query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    start: usize,
    end: usize,
    path_and_query: String,
}

/// Finds `next` and `previous` in a body.
///
/// # Errors
/// Returns an error if the body is not valid JSON.
pub fn find_links(body: &str, upstream: &str) -> Result<Vec<Link>, Syntax> {
    let mut reader = Reader::new(body);
    let (mut next, mut previous) = (0, 0);
    let mut links = Vec::new();
    if reader.begin(b'{') {
        while let Some((name, value)) = reader.member()? {
            match unescape(name).as_deref() {
                Some("next") => next += 1,
                Some("previous") => previous += 1,
                _ => continue,
            }
            links.extend(parse_link(body, value, upstream));
        }
    } else {
        reader.value()?;
    }
    reader.end()?;
    // Readers disagree about the meaning of duplicate members.
    Ok(if next > 1 || previous > 1 { Vec::new() } else { links })
}

fn parse_link(body: &str, raw: &str, upstream: &str) -> Option<Link> {
    let Value::Text(text) = Value::of(raw) else { return None };
    let path_and_query = path_and_query(&unescape(text)?, upstream)?.to_owned();
    // Both are slices of the same text.
    let start = (raw.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    Some(Link { start, end: start + raw.len(), path_and_query })
}

/// Returns the path and query of an address of the upstream, if they are served.
///
/// Both schemes are accepted: behind a TLS proxy a server reports `http:`.
pub fn path_and_query<'a>(address: &'a str, upstream: &str) -> Option<&'a str> {
    let without_scheme = |text: &'a str| text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = upstream.split_once("://").map_or(upstream, |(_, host)| host);
    let rest = without_scheme(address)?.strip_prefix(host)?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic());
    (is_plain && CacheKey::parse(path, query).is_some()).then_some(rest)
}

/// Returns the body with its links leading to another origin.
pub fn rewrite_links(body: &[u8], links: &[Link], origin: &str) -> Vec<u8> {
    let mut rewritten = Vec::with_capacity(body.len() + links.len() * origin.len());
    let mut position = 0;
    for link in links {
        rewritten.extend_from_slice(body.get(position..link.start).unwrap_or_default());
        rewritten.extend_from_slice(to_json(&format!("{origin}{}", link.path_and_query)).as_bytes());
        position = link.end;
    }
    rewritten.extend_from_slice(body.get(position..).unwrap_or_default());
    rewritten
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPSTREAM: &str = "https://flow.example";

    fn rewritten(body: &str) -> String {
        let links = find_links(body, UPSTREAM).unwrap();
        String::from_utf8(rewrite_links(body.as_bytes(), &links, "https://gage.example")).unwrap()
    }

    #[test]
    fn next_and_previous_lead_to_the_proxy() {
        let body = r#"{"count": 3, "next": "https://flow.example/v3/customer/core/teams/?limit=1&offset=2",
 "previous":"http:\/\/flow.example/v3/customer/core/teams/?limit=1", "results": [{"next": "https://flow.example/v3/customer/core/x/"}]}"#;
        let expected = r#"{"count": 3, "next": "https://gage.example/v3/customer/core/teams/?limit=1&offset=2",
 "previous":"https://gage.example/v3/customer/core/teams/?limit=1", "results": [{"next": "https://flow.example/v3/customer/core/x/"}]}"#;
        assert_eq!(rewritten(body), expected);
    }

    #[test]
    fn other_text_is_unchanged() {
        for next in [
            r#""https://elsewhere.example/v3/customer/core/teams/""#,
            r#""https://flow.example.org/v3/customer/core/teams/""#,
            r#""https://flow.example@elsewhere.example/v3/customer/core/teams/""#,
            r#""https://flow.example:8443/v3/customer/core/teams/""#,
            r#""https://flow.example/v3/customer/core/../../admin/""#,
            r#""https://flow.example/admin/""#,
            r#""//flow.example/v3/customer/core/teams/""#,
            r#""https://flow.example/v3/customer/core/té/""#,
            "null",
            "7",
            r#"{"next":"https://flow.example/v3/customer/core/teams/"}"#,
        ] {
            let body = format!(r#"{{"next":{next},"results":[]}}"#);
            assert_eq!(rewritten(&body), body);
        }
        for body in [
            r#"["https://flow.example/v3/customer/core/teams/",null]"#,
            r#"{"next":"https://flow.example/v3/customer/core/teams/","next":null}"#,
            r#"{"previous":null,"previous":"https://flow.example/v3/customer/core/teams/"}"#,
            r#"{"next":null,"previous":"https://flow.example/v3/customer/core/teams/","n\u0065xt":null}"#,
            "7",
            r#""x""#,
        ] {
            assert_eq!(rewritten(body), body);
        }
    }

    #[test]
    fn member_names_may_contain_escapes() {
        let body = r#"{"pr\u0065vious":"https://flow.example/v3/customer/core/teams/"}"#;
        assert_eq!(rewritten(body), r#"{"pr\u0065vious":"https://gage.example/v3/customer/core/teams/"}"#);
    }

    #[test]
    fn invalid_json_is_refused() {
        // No legitimate response is nested this deeply.
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for body in ["", "{", r#"{"next":null"#, "<h1>", r#"{"a":1}x"#, "[1]x", "{\"a\":\"\n\"}", &deep] {
            assert!(find_links(body, UPSTREAM).is_err(), "{body}");
        }
    }
}
