//! Pages of lists that the upstream returns.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The total number of rows, and the JSON text of the rows of this page.
#[derive(Debug, PartialEq)]
pub(super) struct Page<'a> {
    pub count: usize,
    pub rows: Vec<&'a str>,
}

#[derive(Deserialize)]
struct LenientPage<'a> {
    count: u32,
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictPage<'a> {
    count: u32,
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
}

impl<'a> Page<'a> {
    /// Parses a page. Members other than `count` and `results` are ignored.
    pub fn parse(body: &'a str) -> Option<Page<'a>> {
        let LenientPage { count, results } = parse_object(body)?;
        Page::new(count, results)
    }

    /// Parses a page without other members.
    pub fn parse_strict(body: &'a str) -> Option<Page<'a>> {
        let StrictPage { count, results } = parse_object(body)?;
        Page::new(count, results)
    }

    fn new(count: u32, results: Vec<&'a RawValue>) -> Option<Page<'a>> {
        Some(Page { count: usize::try_from(count).ok()?, rows: results.into_iter().map(RawValue::get).collect() })
    }
}

/// Parses an object. Structs of serde could also be read from lists.
pub(super) fn parse_object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    if !text.trim_ascii_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok()
}
