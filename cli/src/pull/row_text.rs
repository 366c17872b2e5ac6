//! The JSON text of rows.

use serde::Deserialize;
use serde_json::Number;
use std::borrow::Cow;

/// Returns the integer id of a row, if it has one.
pub fn row_id(text: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Row {
        id: Number,
    }
    let Row { id } = serde_json::from_str(text).ok()?;
    // Some servers write integers as `10.0`.
    let whole = |id: f64| (id.fract() == 0.0 && id.abs() < 9_007_199_254_740_992.0).then_some(id as i64);
    id.as_i64().or_else(|| id.as_f64().and_then(whole))
}

/// Returns a JSON text as one line. Only a text of several lines is changed: white space between tokens is removed.
pub fn one_line(json: &str) -> Cow<'_, str> {
    if !json.contains(['\n', '\r']) {
        return json.into();
    }
    let (mut in_string, mut is_escaped) = (false, false);
    let is_kept = |character: &char| {
        let is_space = !in_string && matches!(character, ' ' | '\t' | '\n' | '\r');
        match character {
            '"' if !is_escaped => in_string = !in_string,
            _ => {}
        }
        is_escaped = in_string && !is_escaped && *character == '\\';
        !is_space
    };
    json.chars().filter(is_kept).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::{one_line, row_id};

    #[test]
    fn only_white_space_between_tokens_is_removed_from_several_lines() {
        let text = "{ \"b\" : [1.50, \"a \\\" b\\\\\" ],\r\n\t\"a\":\"é \\n\" }";
        assert_eq!(one_line(text), "{\"b\":[1.50,\"a \\\" b\\\\\"],\"a\":\"é \\n\"}");
        assert_eq!(one_line("{ \"a\": 1 }"), "{ \"a\": 1 }");
    }

    #[test]
    fn ids_are_whole_numbers() {
        for (text, id) in [(r#"{"id":7}"#, Some(7)), (r#"{"a":{"id":1},"id":7.0}"#, Some(7)), (r#"{"id":"7"}"#, None)] {
            assert_eq!(row_id(text), id, "{text}");
        }
        for text in ["{}", r#"{"id":null}"#, r#"{"id":1.5}"#, r#"{"id":{"id":1}}"#] {
            assert_eq!(row_id(text), None, "{text}");
        }
    }
}
