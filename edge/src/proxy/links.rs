//! The links of a list, which lead to the upstream, and are served leading here.

use super::cache_key::CacheKey;
use crate::codec::{as_list, quote};
use streamgage::json::{Reader, Syntax, Value, unescape};

/// A link to the upstream in a body: the bytes of its JSON text, quotes included, and what stands behind the origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    start: usize,
    end: usize,
    rest: String,
}

as_list!(Link { start, end, rest });

/// Reads a body, which is whole JSON text or none at all.
///
/// # Errors
/// It is no JSON.
pub fn find_links(body: &str, upstream: &str) -> Result<Vec<Link>, Syntax> {
    let mut reader = Reader::new(body);
    let (mut next, mut previous) = (Vec::new(), Vec::new());
    let mut links = Vec::new();
    if reader.begin(b'{') {
        while let Some((name, value)) = reader.member()? {
            match unescape(name).as_deref() {
                Some("next") => next.push(value),
                Some("previous") => previous.push(value),
                _ => continue,
            }
            links.extend(link(body, value, upstream));
        }
    } else {
        reader.value()?;
    }
    reader.end()?;
    // Which of several is meant, readers differ in.
    Ok(if next.len() > 1 || previous.len() > 1 { Vec::new() } else { links })
}

fn link(body: &str, raw: &str, upstream: &str) -> Option<Link> {
    let Value::Text(text) = Value::of(raw) else { return None };
    let rest = rest_of(&unescape(text)?, upstream)?.to_owned();
    // Both are of the same text.
    let start = (raw.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    Some(Link { start, end: start + raw.len(), rest })
}

/// What stands behind the upstream's address in an address that leads to something served: path and query.
///
/// Either scheme is the upstream's: behind a TLS proxy servers take themselves for `http:`.
pub fn rest_of<'a>(address: &'a str, upstream: &str) -> Option<&'a str> {
    let without_scheme = |text: &'a str| text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = upstream.split_once("://").map_or(upstream, |(_, host)| host);
    let rest = without_scheme(address)?.strip_prefix(host)?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let plain = rest.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && CacheKey::read(path, query).is_some()).then_some(rest)
}

/// The body with its links behind another origin.
pub fn rewrite(body: &[u8], links: &[Link], origin: &str) -> Vec<u8> {
    let mut rewritten = Vec::with_capacity(body.len() + links.len() * origin.len());
    let mut from = 0;
    for link in links {
        rewritten.extend_from_slice(body.get(from..link.start).unwrap_or_default());
        rewritten.extend_from_slice(quote(&format!("{origin}{}", link.rest)).as_bytes());
        from = link.end;
    }
    rewritten.extend_from_slice(body.get(from..).unwrap_or_default());
    rewritten
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPSTREAM: &str = "https://flow.example";

    fn served(body: &str) -> String {
        let links = find_links(body, UPSTREAM).unwrap();
        String::from_utf8(rewrite(body.as_bytes(), &links, "https://gage.example")).unwrap()
    }

    #[test]
    fn next_and_previous_lead_here() {
        let body = r#"{"count": 3, "next": "https://flow.example/v3/customer/core/teams/?limit=1&offset=2",
 "previous":"http:\/\/flow.example/v3/customer/core/teams/?limit=1", "results": [{"next": "https://flow.example/v3/customer/core/x/"}]}"#;
        let expected = r#"{"count": 3, "next": "https://gage.example/v3/customer/core/teams/?limit=1&offset=2",
 "previous":"https://gage.example/v3/customer/core/teams/?limit=1", "results": [{"next": "https://flow.example/v3/customer/core/x/"}]}"#;
        assert_eq!(served(body), expected);
    }

    #[test]
    fn all_else_stays_as_it_is() {
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
            assert_eq!(served(&body), body);
        }
        for body in [
            r#"["https://flow.example/v3/customer/core/teams/",null]"#,
            r#"{"next":"https://flow.example/v3/customer/core/teams/","next":null}"#,
            r#"{"previous":null,"previous":"https://flow.example/v3/customer/core/teams/"}"#,
            r#"{"next":null,"previous":"https://flow.example/v3/customer/core/teams/","n\u0065xt":null}"#,
            "7",
            r#""x""#,
        ] {
            assert_eq!(served(body), body);
        }
    }

    #[test]
    fn names_may_be_written_with_escapes() {
        let body = r#"{"pr\u0065vious":"https://flow.example/v3/customer/core/teams/"}"#;
        assert_eq!(served(body), r#"{"pr\u0065vious":"https://gage.example/v3/customer/core/teams/"}"#);
    }

    #[test]
    fn what_is_no_json() {
        // As deep as this nothing is: who sends it has something in mind.
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for body in ["", "{", r#"{"next":null"#, "<h1>", r#"{"a":1}x"#, "[1]x", "{\"a\":\"\n\"}", &deep] {
            assert!(find_links(body, UPSTREAM).is_err(), "{body}");
        }
    }
}
