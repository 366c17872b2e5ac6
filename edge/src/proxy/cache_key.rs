//! Canonical requests to the upstream, which are also cache keys.
//!
//! The proxy forwards the canonical text and stores the response under it, so that nothing outside of the key can influence
//! a response.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use serde::{Deserialize, Serialize};
use streamgage::query::{CORE_PATH, METRICS_PARAMETERS, METRICS_PATH};

/// Permissions that the upstream grants separately: a key may lose one of them and keep the other (§3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PermissionClass {
    /// The metrics endpoint.
    Metrics,
    /// All resources under `core/`.
    Core,
}

/// A request to the upstream in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheKey {
    /// The permission that the request requires.
    pub class: PermissionClass,
    /// The path, relative to the upstream's address.
    pub path: String,
    pub query: Query,
}

/// Decoded parameters, sorted by name. Parameters of one name keep their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query(Vec<Parameter>);

/// A parameter; `value` is `None` without `=`. Names and values are bytes, because escapes need not encode UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Parameter {
    name: Vec<u8>,
    value: Option<Vec<u8>>,
}

impl CacheKey {
    /// Returns `None` if the path is not served.
    ///
    /// Paths that a lenient server resolves differently (`..` in any spelling, an escaped slash, a backslash, a parameter
    /// behind `;`) are not served: they could send the key to another resource of the upstream.
    pub fn parse(path: &str, query: &str) -> Option<CacheKey> {
        if path == METRICS_PATH {
            return Some(CacheKey::metrics(query));
        }
        let rest = path.strip_prefix(CORE_PATH).filter(|rest| !rest.is_empty())?;
        let path = format!("{CORE_PATH}{}", canonical_path(rest)?);
        Some(CacheKey { class: PermissionClass::Core, path, query: Query::parse(query) })
    }

    pub(crate) fn metrics(query: &str) -> CacheKey {
        let query = Query::parse(query).without_ignored_parameters();
        CacheKey { class: PermissionClass::Metrics, path: METRICS_PATH.to_owned(), query }
    }

    /// Returns the endpoint: the path of the metrics, or the name of a resource.
    pub(super) fn endpoint(&self) -> &str {
        match self.path.strip_prefix(CORE_PATH) {
            Some(rest) => rest.split('/').next().unwrap_or_default(),
            None => &self.path,
        }
    }

    /// Returns true for the path of one object of a resource.
    pub(super) fn is_object(&self) -> bool {
        let segments = self.path.strip_prefix(CORE_PATH).into_iter().flat_map(|rest| rest.split('/'));
        segments.filter(|segment| !segment.is_empty()).count() > 1
    }

    /// Returns the path and query.
    pub fn target(&self) -> String {
        match self.query.encode() {
            query if query.is_empty() => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }
}

const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Bytes that are escaped in a path segment (RFC 3986 §3.3).
const PATH_SEGMENT: AsciiSet = UNRESERVED
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');
/// Bytes that are escaped in a query. Some servers read `;` as a separator, so it is escaped.
const FORM: AsciiSet = UNRESERVED.remove(b',').remove(b':');

/// Returns `None` for paths that are not served.
fn canonical_path(path: &str) -> Option<String> {
    let mut canonical = String::with_capacity(path.len());
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let decoded: Vec<u8> = percent_decode_str(segment).collect();
        let is_refused = |&byte: &u8| byte.is_ascii_control() || b"/\\%?#;".contains(&byte);
        if decoded.iter().any(is_refused) || matches!(decoded.as_slice(), b"." | b"..") {
            return None;
        }
        canonical.extend(percent_encode(&decoded, &PATH_SEGMENT));
        if segments.peek().is_some() {
            if segment.is_empty() {
                return None;
            }
            canonical.push('/');
        }
    }
    Some(canonical)
}

impl Query {
    /// Splits at `&` alone, as the framework does (§0).
    pub fn parse(text: &str) -> Query {
        let parts = text.split('&').filter(|part| !part.is_empty());
        let mut parameters: Vec<Parameter> = parts
            .map(|part| {
                let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
                Parameter { name: decode_form(name), value: value.map(decode_form) }
            })
            .collect();
        parameters.sort_by(|one, other| one.name.cmp(&other.name));
        Query(parameters)
    }

    /// Returns the form-encoded query.
    pub fn encode(&self) -> String {
        let parameters = self.0.iter().map(|parameter| match &parameter.value {
            Some(value) => format!("{}={}", encode_form(&parameter.name), encode_form(value)),
            None => encode_form(&parameter.name),
        });
        parameters.collect::<Vec<_>>().join("&")
    }

    /// Returns the decoded names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|parameter| parameter.name.as_slice())
    }

    /// Replaces all values of a name by one.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.remove(name);
        let position = self.0.partition_point(|parameter| parameter.name.as_slice() < name.as_bytes());
        self.0.insert(position, Parameter { name: name.into(), value: Some(value.into()) });
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|parameter| parameter.name != name.as_bytes());
    }

    /// Removes parameters that the metrics endpoint ignores: blank documented ones, and all but the last of a name (§0).
    fn without_ignored_parameters(self) -> Query {
        let is_documented = |name: &[u8]| METRICS_PARAMETERS.iter().any(|known| known.name.as_bytes() == name);
        let mut next_parameters = self.0.iter().skip(1).map(Some).chain([None]);
        let mut is_used = |parameter: &Parameter| {
            let is_overridden = next_parameters.next().flatten().is_some_and(|next| next.name == parameter.name);
            let is_blank = parameter.value.as_ref().is_none_or(Vec::is_empty);
            !is_documented(&parameter.name) || !(is_overridden || is_blank)
        };
        Query(self.0.iter().filter(|parameter| is_used(parameter)).cloned().collect())
    }
}

/// Decodes form-encoded text. Invalid escapes are kept.
fn decode_form(text: &str) -> Vec<u8> {
    percent_decode_str(&text.replace('+', " ")).collect()
}

fn encode_form(bytes: &[u8]) -> String {
    let words: Vec<String> =
        bytes.split(|&byte| byte == b' ').map(|word| percent_encode(word, &FORM).to_string()).collect();
    words.join("+")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target(path: &str, query: &str) -> Option<String> {
        CacheKey::parse(path, query).map(|asked| asked.target())
    }

    fn query(text: &str) -> String {
        Query::parse(text).encode()
    }

    #[test]
    fn escapes_in_paths_are_normalized() {
        let same = |path: &str| assert_eq!(target(path, "").as_deref(), Some(path), "{path}");
        for path in [METRICS_PATH, "/v3/customer/core/x", "/v3/customer/core/x/7/y/", "/v3/customer/core/commits.agg/"]
        {
            same(path);
        }
        same("/v3/customer/core/...");
        assert_eq!(target("/v3/customer/core/te%61ms/", "").unwrap(), "/v3/customer/core/teams/");
        assert_eq!(target("/v3/customer/core/%c3%a9+/", "").unwrap(), "/v3/customer/core/%C3%A9+/");
    }

    #[test]
    fn paths_that_may_lead_to_other_resources_are_refused() {
        for rest in [
            "",
            "../",
            "..",
            ".",
            "a/../b",
            "a/./b",
            "%2e%2e/",
            ".%2e/",
            "%2E/",
            "a//b",
            "/",
            "a%2fb",
            "a%5cb",
            "a\\b",
            "a;b",
            "..;/",
            "%00",
            "a%0d%0ab",
            "%252e%252e/",
            "a%25",
            "a%",
            "a%3fb",
            "a%23b",
            "a%3bb",
        ] {
            assert_eq!(target(&format!("{CORE_PATH}{rest}"), ""), None, "{rest}");
        }
        for path in [
            "/",
            "",
            "/v3/customer/core",
            "/v3/customer/",
            "/v3/customer/metrics/x/",
            "//v3/customer/core/teams/",
            "/V3/customer/core/teams/",
        ] {
            assert_eq!(target(path, ""), None, "{path}");
        }
        assert_eq!(target(METRICS_PATH.trim_end_matches('/'), ""), None);
    }

    #[test]
    fn queries_are_sorted_and_escapes_are_normalized() {
        assert_eq!(query("b=1&a=%7e+%2B&b=0&a"), "a=~+%2B&a&b=1&b=0");
        assert_eq!(query("a%5b%5d=x&&%61=%zz&a=%ff;b"), "a=%25zz&a=%FF%3Bb&a%5B%5D=x");
        assert_eq!(query("id__in=1,2&t=10:00"), "id__in=1,2&t=10:00");
    }

    #[test]
    fn ignored_metrics_parameters_are_removed() {
        let target =
            target(METRICS_PATH, "team_id=1&x=&x=2&team_id=2&repo_id=7&repo_id=&resolution=week&end_date").unwrap();
        assert_eq!(target, format!("{METRICS_PATH}?resolution=week&team_id=2&x=&x=2"));
    }

    #[test]
    fn lists_keep_all_parameters() {
        assert_eq!(
            target("/v3/customer/core/teams/", "fields=&fields=id").unwrap(),
            "/v3/customer/core/teams/?fields=&fields=id"
        );
    }

    #[test]
    fn set_replaces_all_values() {
        let mut query = Query::parse("repo_id=1&a=1&repo_id=2&z=1");
        query.remove("repo_id");
        query.set("repo_id__in", "1,2".into());
        assert_eq!(query.encode(), "a=1&repo_id__in=1,2&z=1");
    }

    proptest! {
        #[test]
        fn canonical_requests_are_stable(path in "[a-z./%\\\\;2e5cf]{0,12}", text in "[a-z=&%+;2e]{0,24}") {
            if let Some(asked) = CacheKey::parse(&format!("{CORE_PATH}{path}"), &text) {
                let target = asked.target();
                let (path, query) = target.split_once('?').unwrap_or((&target, ""));
                prop_assert_eq!(CacheKey::parse(path, query), Some(asked.clone()));
                prop_assert!(path.starts_with(CORE_PATH) && !path.split('/').any(|segment| segment == ".."));
            }
        }

        #[test]
        fn the_framework_reads_the_same_parameters_from_the_canonical_query(text in "[ab=&%+;0-9é]{0,24}") {
            use streamgage::query::Parameters;
            let pairs = |text: &str| {
                let parameters = Parameters::parse(text);
                let mut pairs: Vec<_> = parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                pairs.sort_by(|one, other| one.0.cmp(&other.0));
                pairs
            };
            prop_assert_eq!(pairs(&query(&text)), pairs(&text));
        }
    }
}
