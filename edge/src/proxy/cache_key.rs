//! What of the upstream is served, and what a request for it is called: one spelling for all that ask the same.
//!
//! The canonical text is both what is forwarded and what an answer is kept under, so nothing can change an answer
//! that isn't part of its name.

use crate::codec::{Json, as_list};
use std::fmt::Write;
use streamgage::json::Reader;
use streamgage::query::{CORE_PATH, METRICS_PARAMETERS, METRICS_PATH};

/// What upstreams let keys do apart: a key may lose one and keep the other (§3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionClass {
    /// The metrics endpoint.
    Metrics,
    /// Everything under `core/`.
    Core,
}

impl Json for PermissionClass {
    fn write_json(&self, out: &mut String) {
        out.push_str(match self {
            PermissionClass::Metrics => "\"Metrics\"",
            PermissionClass::Core => "\"Core\"",
        });
    }

    fn read_json(from: &mut Reader<'_>) -> Option<Self> {
        match from.value().ok()? {
            "\"Metrics\"" => Some(PermissionClass::Metrics),
            "\"Core\"" => Some(PermissionClass::Core),
            _ => None,
        }
    }
}

/// A request to the upstream, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheKey {
    /// Which permission it takes.
    pub class: PermissionClass,
    /// The path, without the upstream's own.
    pub path: String,
    /// The parameters.
    pub query: Query,
}

as_list!(CacheKey { class, path, query });

/// The parameters of a request, decoded: sorted by name, those of one name in the order they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<Parameter>);

/// A name, and what stands behind its `=`, if it has one. Bytes: escapes may stand for what is no UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parameter {
    name: Vec<u8>,
    value: Option<Vec<u8>>,
}

as_list!(Parameter { name, value });

impl Json for Query {
    fn write_json(&self, out: &mut String) {
        self.0.write_json(out);
    }

    fn read_json(from: &mut Reader<'_>) -> Option<Self> {
        Json::read_json(from).map(Query)
    }
}

impl CacheKey {
    /// Reads a path and a query string; `None` if the path is none that is served.
    ///
    /// A path that means another to a lenient server (`..` in any spelling, an escaped slash, a backslash, a
    /// parameter behind `;`) is not served: it could lead the key elsewhere on the upstream.
    pub fn read(path: &str, query: &str) -> Option<CacheKey> {
        if path == METRICS_PATH {
            return Some(CacheKey::metrics(query));
        }
        let rest = path.strip_prefix(CORE_PATH).filter(|rest| !rest.is_empty())?;
        let path = format!("{CORE_PATH}{}", canonical_path(rest)?);
        Some(CacheKey { class: PermissionClass::Core, path, query: Query::parse(query) })
    }

    /// Reads the query string of a request for metrics.
    pub(crate) fn metrics(query: &str) -> CacheKey {
        CacheKey {
            class: PermissionClass::Metrics,
            path: METRICS_PATH.to_owned(),
            query: Query::parse(query).without_inert(),
        }
    }

    /// The path and the query: what the upstream is asked for, and what the answer is kept under.
    pub fn target(&self) -> String {
        match self.query.encode() {
            query if query.is_empty() => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }
}

/// One spelling of each escape; `None` for what isn't served.
fn canonical_path(path: &str) -> Option<String> {
    let mut canonical = String::with_capacity(path.len());
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let decoded = decode(segment, b'+');
        let refused = |&byte: &u8| byte.is_ascii_control() || b"/\\%?#;".contains(&byte);
        if decoded.iter().any(refused) || matches!(decoded.as_slice(), b"." | b"..") {
            return None;
        }
        encode(&decoded, b"-._~!$&'()*+,=:@", &mut canonical);
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
    /// Splits on `&` alone, as the framework does (§0).
    pub fn parse(text: &str) -> Query {
        let parts = text.split('&').filter(|part| !part.is_empty());
        let mut parameters: Vec<Parameter> = parts
            .map(|part| {
                let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
                Parameter { name: decode(name, b' '), value: value.map(|value| decode(value, b' ')) }
            })
            .collect();
        parameters.sort_by(|one, other| one.name.cmp(&other.name));
        Query(parameters)
    }

    /// Form-encoded. A `;`, which some servers take for a separator, is escaped.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        for parameter in &self.0 {
            if !text.is_empty() {
                text.push('&');
            }
            encode_form(&parameter.name, &mut text);
            if let Some(value) = &parameter.value {
                text.push('=');
                encode_form(value, &mut text);
            }
        }
        text
    }

    /// The names, decoded.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|parameter| parameter.name.as_slice())
    }

    /// Puts one value in the place of all of a name.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.remove(name);
        let place = self.0.partition_point(|parameter| parameter.name.as_slice() < name.as_bytes());
        self.0.insert(place, Parameter { name: name.into(), value: Some(value.into()) });
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|parameter| parameter.name != name.as_bytes());
    }

    /// Without what the metrics endpoint proves inert: of its own parameters blank ones, and all but the last (§0).
    fn without_inert(self) -> Query {
        let documented = |name: &[u8]| METRICS_PARAMETERS.iter().any(|known| known.name.as_bytes() == name);
        let mut later = self.0.iter().skip(1).map(Some).chain([None]);
        let mut counts = |parameter: &Parameter| {
            let overridden = later.next().flatten().is_some_and(|next| next.name == parameter.name);
            let blank = parameter.value.as_ref().is_none_or(Vec::is_empty);
            !documented(&parameter.name) || !(overridden || blank)
        };
        Query(self.0.iter().filter(|parameter| counts(parameter)).cloned().collect())
    }
}

/// Decodes what is percent-encoded; a bad escape stays as it is. `plus` is what a `+` stands for.
fn decode(text: &str, plus: u8) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(first),
            },
            (b'+', _) => bytes.push(plus),
            _ => bytes.push(first),
        }
    }
    bytes
}

fn encode_form(bytes: &[u8], into: &mut String) {
    let mut words = bytes.split(|&byte| byte == b' ');
    if let Some(first) = words.next() {
        encode(first, b"-._~,:", into);
    }
    for word in words {
        into.push('+');
        encode(word, b"-._~,:", into);
    }
}

/// Escapes all bytes but letters, digits and `plain`.
fn encode(bytes: &[u8], plain: &[u8], into: &mut String) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            into.push(char::from(byte));
        } else {
            // Writing into a String can't fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target(path: &str, query: &str) -> Option<String> {
        CacheKey::read(path, query).map(|asked| asked.target())
    }

    fn query(text: &str) -> String {
        Query::parse(text).encode()
    }

    #[test]
    fn paths() {
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
    fn paths_that_lead_elsewhere() {
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
    fn queries_are_sorted_and_spelled_one_way() {
        assert_eq!(query("b=1&a=%7e+%2B&b=0&a"), "a=~+%2B&a&b=1&b=0");
        assert_eq!(query("a%5b%5d=x&&%61=%zz&a=%ff;b"), "a=%25zz&a=%FF%3Bb&a%5B%5D=x");
        assert_eq!(query("id__in=1,2&t=10:00"), "id__in=1,2&t=10:00");
    }

    #[test]
    fn of_the_metrics_parameters_only_what_counts_is_kept() {
        let target =
            target(METRICS_PATH, "team_id=1&x=&x=2&team_id=2&repo_id=7&repo_id=&resolution=week&end_date").unwrap();
        assert_eq!(target, format!("{METRICS_PATH}?resolution=week&team_id=2&x=&x=2"));
    }

    #[test]
    fn a_list_keeps_them_all() {
        assert_eq!(
            target("/v3/customer/core/teams/", "fields=&fields=id").unwrap(),
            "/v3/customer/core/teams/?fields=&fields=id"
        );
    }

    #[test]
    fn one_value_in_the_place_of_many() {
        let mut query = Query::parse("repo_id=1&a=1&repo_id=2&z=1");
        query.remove("repo_id");
        query.set("repo_id__in", "1,2".into());
        assert_eq!(query.encode(), "a=1&repo_id__in=1,2&z=1");
    }

    proptest! {
        #[test]
        fn canonical_is_canonical(path in "[a-z./%\\\\;2e5cf]{0,12}", text in "[a-z=&%+;2e]{0,24}") {
            if let Some(asked) = CacheKey::read(&format!("{CORE_PATH}{path}"), &text) {
                let target = asked.target();
                let (path, query) = target.split_once('?').unwrap_or((&target, ""));
                prop_assert_eq!(CacheKey::read(path, query), Some(asked.clone()));
                prop_assert!(path.starts_with(CORE_PATH) && !path.split('/').any(|segment| segment == ".."));
            }
        }

        /// What the framework reads from the canonical text is what it reads from the text that was sent.
        #[test]
        fn the_framework_reads_the_same(text in "[ab=&%+;0-9é]{0,24}") {
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
