//! Parts of a stored answer (RFC 9110 §14).

use super::Fields;
use super::date::read_date;

/// What of a stored body is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The bytes from `first` to before `end`: 206.
    Range {
        /// The first byte's place.
        first: u64,
        /// The place behind the last byte.
        end: u64,
    },
    /// Bytes that aren't there: 416.
    Unsatisfiable,
}

impl Part {
    /// The value of `Content-Range`, if the answer has one.
    pub fn content_range(self, length: u64) -> Option<String> {
        match self {
            Part::Whole => None,
            Part::Range { first, end } => Some(format!("bytes {first}-{}/{length}", end.saturating_sub(1))),
            Part::Unsatisfiable => Some(format!("bytes */{length}")),
        }
    }
}

/// The part that a `GET` asks for of a stored 200 of that many bytes. What asks for several, or in other units, or for a
/// part of something else (`If-Range`), gets all.
pub fn part(request: &Fields, stored: &Fields, length: u64) -> Part {
    let Some(range) = request.get("range") else { return Part::Whole };
    if !request.get("if-range").is_none_or(|condition| is_same(&condition, stored)) {
        return Part::Whole;
    }
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Part::Whole;
    };
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok());
    let (first, end) = match (number(first), number(last)) {
        (Some(None), Some(Some(suffix))) if first.is_empty() => (length.saturating_sub(suffix), length),
        (Some(Some(first)), Some(None)) if last.is_empty() => (first, length),
        (Some(Some(first)), Some(Some(last))) if first <= last => (first, length.min(last.saturating_add(1))),
        _ => return Part::Whole,
    };
    if first < end { Part::Range { first, end } } else { Part::Unsatisfiable }
}

/// Whether the caller's other parts are of what is stored: by strong comparison, or by the very date (RFC 9110 §13.1.5).
fn is_same(condition: &str, stored: &Fields) -> bool {
    if condition.starts_with('"') {
        return stored.get("etag").is_some_and(|tag| tag == condition);
    }
    let date = read_date(condition);
    date.is_some() && date == stored.get("last-modified").as_deref().and_then(read_date)
}
