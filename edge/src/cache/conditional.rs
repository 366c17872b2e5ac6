//! Conditional requests of callers (RFC 9110 §13).

use super::Fields;
use super::date::read_date;

/// Whether a `GET` or `HEAD` is answered by 304, for what is stored is what the caller has (RFC 9110 §13.2.2).
pub fn not_modified(request: &Fields, status: u16, stored: &Fields) -> bool {
    if status != 200 {
        return false;
    }
    if let Some(wanted) = request.get("if-none-match") {
        let tag = stored.get("etag");
        return wanted.trim() == "*" || tag.is_some_and(|tag| tags(&wanted).any(|other| weakly_equal(other, &tag)));
    }
    let since = request.get("if-modified-since").as_deref().and_then(read_date);
    // Without Last-Modified it can't have been changed later than it was made (RFC 9111 §4.3.2).
    let modified = stored.get("last-modified").or_else(|| stored.get("date"));
    let modified = modified.as_deref().and_then(read_date);
    since.zip(modified).is_some_and(|(since, modified)| modified <= since)
}

/// The fields of that 304: without those that tell of a body (RFC 9110 §15.4.5).
pub fn not_modified_fields(fields: &Fields) -> Fields {
    let of_the_body = |name: &str| name.starts_with("content-") && name != "content-location";
    fields.iter().filter(|(name, _)| !of_the_body(name)).collect()
}

/// Weak comparison (RFC 9110 §8.8.3.2).
pub(super) fn weakly_equal(one: &str, other: &str) -> bool {
    one.strip_prefix("W/").unwrap_or(one) == other.strip_prefix("W/").unwrap_or(other)
}

/// The entity tags of a list. There may be commas in one, but no quotes.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let apart = move |letter: char| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    };
    list.split(apart).map(str::trim).filter(|tag| !tag.is_empty())
}
