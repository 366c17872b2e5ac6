//! JSON text.

use alloc::borrow::Cow;
use alloc::string::String;
use serde::Serialize;
use serde::de::IgnoredAny;

/// The number of lists and objects that may lie inside each other, which is also the limit of serde_json for most types.
pub(crate) const MAX_DEPTH: usize = 127;

/// Serializes a value that serializes without errors: with text keys, and no failing implementation.
///
/// ```
/// use streamgage::{json, query::MetricsRequest, calendar::Day};
/// let errors = MetricsRequest::parse("resolution=week", Day::from_number(0)).unwrap_err();
/// assert_eq!(json::to_string(&errors), r#"{"start_date":["This field is required."]}"#);
/// ```
pub fn to_string(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Parses a JSON string; `None` if an escape stands for half a character.
pub(crate) fn decode_string(json: &str) -> Option<Cow<'_, str>> {
    #[derive(serde::Deserialize)]
    struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str(json).ok().map(|Borrowed(text)| text)
}

/// Reports whether a text is one JSON value that is not [nested too deeply](is_too_deep).
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok() && !is_too_deep(text)
}

/// Reports whether more than 127 lists and objects of a JSON text lie inside each other. Some programs refuse such texts.
pub fn is_too_deep(json: &str) -> bool {
    is_deeper_than(json, MAX_DEPTH)
}

pub(crate) fn is_deeper_than(json: &str, limit: usize) -> bool {
    let (mut depth, mut in_string, mut is_escaped) = (0usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth = depth.saturating_add(1),
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn texts_with_one_value_are_json() {
        for text in ["null", " [1, {\"a\": -1.5e+10}] ", r#""\ud800\"[""#, "1e400"] {
            assert!(is_json(text), "{text}");
        }
        for text in ["", "nul", "[1]x", "{", "[1,]", "01", "\"\n\"", "\u{a0}1"] {
            assert!(!is_json(text), "{text}");
        }
    }

    #[test]
    fn depth_is_limited() {
        for depth in [126, 127, 128, 100_000] {
            let lists = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(is_json(&lists), depth <= 127, "{depth}");
            let objects = format!("{}null{}", "{\"[\":".repeat(depth), "}".repeat(depth));
            assert_eq!(is_json(&objects), depth <= 127, "{depth}");
        }
        assert!(is_json(&format!("[{}]", ["[[]]"; 500].join(","))), "not nested");
        assert!(is_json(&format!(r#"["\"{}"]"#, "[".repeat(500))), "in a string");
    }
}
