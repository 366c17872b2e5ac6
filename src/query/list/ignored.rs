//! Filters of the vendor that stored rows can not answer.

use super::complex;
use crate::query::Parameters;
use crate::schema::{Resource, UNANSWERED_FILTERS};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// Returns the names of the filters in a query string that are documented but ignored, each once, in the order sent.
///
/// ```
/// use streamgage::{query::ignored_filters, schema::COMMITS};
/// let query = "partition_size=4&id__in=1,2&partition__gt!=1&partition_size=8&pull_request_id=";
/// assert_eq!(ignored_filters(&COMMITS, query), ["partition_size", "partition__gt!"]);
/// ```
pub fn ignored_filters(resource: &Resource, query_string: &str) -> Vec<String> {
    let is_unanswered = |name: &str| {
        let base = name.strip_suffix('!').unwrap_or(name);
        let is_end = |rest: &str| {
            rest.is_empty()
                || rest.starts_with("__") && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let is_of = |filter: &str| base.strip_prefix(filter).is_some_and(is_end);
        UNANSWERED_FILTERS.iter().any(|filter| filter.resource == resource.name && is_of(filter.name))
    };
    let mut ignored: Vec<String> = Vec::new();
    let mut add = |parameters: &Parameters<'_>| {
        let sent = parameters.iter().filter(|(name, value)| !value.is_empty() && is_unanswered(name));
        for (name, _) in sent {
            if ignored.iter().all(|other| other != name) {
                ignored.push(name.to_owned());
            }
        }
    };
    let parameters = Parameters::parse(query_string);
    match parameters.value("filters") {
        None => add(&parameters),
        // Filters beside it are ignored too, as documented.
        Some(expression) => complex::queries(expression).iter().for_each(|query| add(&Parameters::parse(query))),
    }
    ignored
}
