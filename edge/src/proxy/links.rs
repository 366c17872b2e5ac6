//! Pagination links of the upstream, which are rewritten to lead to the proxy.

use super::cache_key::CacheKey;
use super::json::{from_json, to_json};
use crate::json::Members;
use serde::{Deserialize, Serialize};
use streamgage::json::{is_json, is_too_deep};
use streamgage::query::link_target;

/// A link to the upstream: the position of its JSON string in the body, with quotes, and its path and query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    start: usize,
    end: usize,
    /// `None` if the proxy does not serve the link.
    path_and_query: Option<String>,
}

/// The links of a body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Links {
    pub links: Vec<Link>,
    /// The body is a page of a list.
    pub is_list: bool,
}

/// Finds `next` and `previous` in a body. Returns `None` if the body is not valid JSON.
pub fn find_links(body: &str) -> Option<Links> {
    if !body.trim_ascii_start().starts_with('{') {
        return is_json(body).then(Links::default);
    }
    let Members(members) = from_json(body).filter(|_| !is_too_deep(body))?;
    // Readers disagree about the meaning of duplicate members, so that each of them counts.
    let links = members.iter().filter(|(name, _)| matches!(&**name, "next" | "previous"));
    let mut links: Vec<Link> = links.filter_map(|(_, json)| parse_link(body, json)).collect();
    // Other objects may have fields of these names.
    let is_list = members.iter().any(|(name, _)| name == "results");
    links.retain(|link| is_list || link.path_and_query.is_some());
    Some(Links { links, is_list })
}

fn parse_link(body: &str, json: &str) -> Option<Link> {
    if !json.starts_with('"') {
        return None;
    }
    let path_and_query = from_json::<String>(json).and_then(|link| served_target(&link).map(str::to_owned));
    // Both are slices of the same text.
    let start = (json.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    Some(Link { start, end: start + json.len(), path_and_query })
}

/// Returns the path and query of a link, if the proxy serves them.
fn served_target(link: &str) -> Option<&str> {
    let target = link_target(link)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    CacheKey::parse(path, query).map(|_| target)
}

/// Returns the body with its links leading to another origin. Links that the proxy does not serve become null.
pub fn rewrite_links(body: &[u8], links: &[Link], origin: &str) -> Vec<u8> {
    let mut rewritten = Vec::with_capacity(body.len() + links.len() * origin.len());
    let mut position = 0;
    for link in links {
        rewritten.extend_from_slice(body.get(position..link.start).unwrap_or_default());
        match &link.path_and_query {
            Some(target) => rewritten.extend_from_slice(to_json(&format!("{origin}{target}")).as_bytes()),
            None => rewritten.extend_from_slice(b"null"),
        }
        position = link.end;
    }
    rewritten.extend_from_slice(body.get(position..).unwrap_or_default());
    rewritten
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(body: &str) -> String {
        let links = find_links(body).unwrap().links;
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
    fn the_authority_of_a_link_is_ignored() {
        for start in [
            "http://10.0.0.7:8000",
            "https://elsewhere.example",
            "https://flow.example@elsewhere.example",
            "https://flow.example/prefix",
            "//elsewhere.example",
            "",
        ] {
            let body = format!(r#"{{"next":"{start}/v3/customer/core/teams/?offset=2","results":[]}}"#);
            let expected = r#"{"next":"https://gage.example/v3/customer/core/teams/?offset=2","results":[]}"#;
            assert_eq!(rewritten(&body), expected, "{start}");
        }
        let duplicates =
            r#"{"next":"//a.example/v3/customer/core/x/","n\u0065xt":null,"next":"//b.example/v3/customer/core/y/"}"#;
        let expected = r#"{"next":"https://gage.example/v3/customer/core/x/","n\u0065xt":null,"next":"https://gage.example/v3/customer/core/y/"}"#;
        assert_eq!(rewritten(duplicates), expected);
    }

    #[test]
    fn links_that_the_proxy_does_not_serve_are_removed() {
        for next in [
            "https://elsewhere.example/",
            "//elsewhere.example/",
            r"/\\elsewhere.example/",
            "https://flow.example/v3/customer/core/../../admin/",
            "https://flow.example/admin/",
            "https://flow.example/v3/customer/core/té/",
            r"\ud800",
        ] {
            let body = format!(r#"{{"next":"{next}","results":[]}}"#);
            assert_eq!(rewritten(&body), r#"{"next":null,"results":[]}"#, "{next}");
        }
    }

    #[test]
    fn other_text_is_unchanged() {
        for next in ["null", "7", r#"{"next":"https://flow.example/v3/customer/core/teams/"}"#] {
            let body = format!(r#"{{"next":{next},"results":[]}}"#);
            assert_eq!(rewritten(&body), body);
        }
        for body in [
            r#"["https://flow.example/v3/customer/core/teams/",null]"#,
            r#"{"id":7,"next":"https://elsewhere.example/","previous":"soon"}"#,
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
            assert_eq!(find_links(body), None, "{body}");
        }
    }
}
