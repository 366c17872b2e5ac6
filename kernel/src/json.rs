//! Lists of plain values in JSON text.

use crate::text::plain_length;
use alloc::vec::Vec;

/// Splits a list of plain values: strings without escapes, integers and nulls.
///
/// Adds the text of each value to `into` and returns the text after the list. Returns `None` and adds nothing if the list
/// contains anything else.
pub fn plain_list<'a>(text: &'a str, into: &mut Vec<&'a str>) -> Option<&'a str> {
    let before = into.len();
    let rest = read_plain_list(text, into);
    if rest.is_none() {
        into.truncate(before);
    }
    rest
}

fn read_plain_list<'a>(text: &'a str, into: &mut Vec<&'a str>) -> Option<&'a str> {
    let mut rest = text.strip_prefix('[')?;
    loop {
        let (value, behind) = rest.split_at_checked(plain_value(rest.as_bytes())?)?;
        into.push(value);
        rest = behind.get(1..)?;
        match behind.as_bytes().first()? {
            b',' => {}
            b']' => return Some(rest),
            _ => return None,
        }
    }
}

/// Returns the length of the plain value that a text begins with.
#[inline(always)]
fn plain_value(text: &[u8]) -> Option<usize> {
    match text {
        [b'"', text @ ..] => {
            let length = plain_length(text);
            (text.get(length) == Some(&b'"')).then_some(length + 2)
        }
        [b'n', b'u', b'l', b'l', ..] => Some(4),
        _ => {
            let digits = text.strip_prefix(b"-").unwrap_or(text);
            let length = digits.iter().position(|byte| !byte.is_ascii_digit())?;
            let is_number = length == 1 || length > 1 && digits.first() != Some(&b'0');
            is_number.then_some(text.len() - digits.len() + length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lists() {
        let mut cells = Vec::from(["before"]);
        let text = r#"[-12,"é, ]",null,0,"",9007199254740993] rest"#;
        assert_eq!(plain_list(text, &mut cells), Some(" rest"));
        assert_eq!(cells, ["before", "-12", "\"é, ]\"", "null", "0", "\"\"", "9007199254740993"]);
        for text in [
            "",
            "[",
            "[]",
            "1",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[ 1]",
            "[1 ]",
            "[01]",
            "[-]",
            "[-01]",
            "[+1]",
            "[1.5]",
            "[1e5]",
            "[true]",
            "[nul]",
            "[nullx]",
            "[[]]",
            "[{}]",
            r#"["\n"]"#,
            "[\"\n\"]",
            r#"["a]"#,
            r#"["a"b]"#,
            "[1}",
        ] {
            assert_eq!(plain_list(text, &mut cells), None, "{text}");
            assert_eq!(cells.len(), 7, "{text}");
        }
    }
}
