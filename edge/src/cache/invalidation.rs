//! What an unsafe request makes invalid (RFC 9111 §4.4).

use super::Fields;
use crate::http::Url;

/// The addresses whose stored answers are no longer to be used after this answer: that of the request, and those of the
/// same origin that `Location` and `Content-Location` name.
pub fn invalidated(method: &str, target: &str, status: u16, response: &Fields) -> Vec<String> {
    let safe = matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE");
    if safe || !(200..400).contains(&status) {
        return Vec::new();
    }
    let base = Url::parse(target);
    let named = ["location", "content-location"].into_iter().filter_map(|name| response.get(name));
    let named = named.filter_map(|reference| resolve(&base, &reference));
    std::iter::once(target.to_owned()).chain(named).collect()
}

/// The address that a reference leads to (RFC 3986 §5.2), if it is of the same origin.
fn resolve(base: &Url, reference: &str) -> Option<String> {
    let reference = reference.split_once('#').map_or(reference, |(reference, _)| reference);
    if reference.contains("://") || reference.starts_with("//") {
        let scheme = base.origin.split_once(':').map_or("", |(scheme, _)| scheme);
        let absolute = if reference.starts_with("//") { format!("{scheme}:{reference}") } else { reference.to_owned() };
        return (Url::parse(&absolute).origin.eq_ignore_ascii_case(&base.origin)).then_some(absolute);
    }
    let (path, query) = reference.split_once('?').map_or((reference, None), |(path, query)| (path, Some(query)));
    let mut segments: Vec<&str> = Vec::new();
    let parent = base.path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let whole = match path {
        "" => base.path.clone(),
        _ if path.starts_with('/') => path.to_owned(),
        _ => format!("{parent}/{path}"),
    };
    for segment in whole.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    if whole.ends_with("/.") || whole.ends_with("/..") {
        segments.push("");
    }
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    Some(format!("{}/{}{query}", base.origin, segments.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_where_they_say() {
        let base = Url::parse("http://a.example/b/c/d?q");
        for (reference, address) in [
            ("e", Some("http://a.example/b/c/e")),
            ("../e?f#g", Some("http://a.example/b/e?f")),
            ("/e/./f/..", Some("http://a.example/e/")),
            ("?x", Some("http://a.example/b/c/d?x")),
            ("", Some("http://a.example/b/c/d")),
            ("../../../e", Some("http://a.example/e")),
            ("//a.example/e", Some("http://a.example/e")),
            ("http://A.example/e", Some("http://A.example/e")),
            ("//b.example/e", None),
            ("https://a.example/e", None),
            ("http://a.example:8080/e", None),
        ] {
            assert_eq!(resolve(&base, reference).as_deref(), address, "{reference}");
        }
    }

    #[test]
    fn only_what_succeeded_and_may_change_something_invalidates() {
        let fields = [("Location", "/x"), ("Content-Location", "https://b.example/y")].into_iter().collect();
        let target = "http://a.example/t";
        assert_eq!(invalidated("M-SEARCH", target, 201, &fields), [target, "http://a.example/x"]);
        for (method, status) in [("GET", 200), ("HEAD", 200), ("POST", 404), ("POST", 500)] {
            assert!(invalidated(method, target, status, &fields).is_empty(), "{method} {status}");
        }
    }
}
