//! Text functions of Python and PostgreSQL whose results the API shows.

use alloc::string::String;
use core::fmt::Write;

/// Trims like Python's `str.strip`: Unicode white space and the four ASCII information separators.
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// Folds a text for `icontains`: each character is upper-cased by itself, like PostgreSQL's `UPPER` does.
///
/// ```
/// use streamgage::text::fold;
/// assert_eq!(fold("Straße é"), "STRAßE É");
/// ```
pub fn fold(text: &str) -> String {
    text.chars().map(upper).collect()
}

fn upper(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_uppercase();
    }
    let code = u32::from(character);
    let begun = UPPER.partition_point(|&(first, ..)| first <= code);
    match begun.checked_sub(1).and_then(|last| UPPER.get(last)) {
        Some(&(first, length, step, distance))
            if code - first <= u32::from(length) && (code - first).checked_rem(step.into()) == Some(0) =>
        {
            code.checked_add_signed(distance).and_then(char::from_u32).unwrap_or(character)
        }
        _ => character,
    }
}

/// Runs of characters with an upper case, beyond ASCII: the first character, the length and step of the run, and the
/// distance to the upper case.
static UPPER: &[(u32, u16, u16, i32)] = &include!(concat!(env!("OUT_DIR"), "/upper.rs"));

/// Formats a string like Python's `repr` (§1, errors of choices).
///
/// ```
/// use streamgage::text::repr;
/// assert_eq!(repr("week "), "'week '");
/// assert_eq!(repr("it's\n"), "\"it's\\n\"");
/// assert_eq!(repr("\u{200b}"), "'\\u200b'");
/// ```
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for character in text.chars() {
        match character {
            '\\' => shown.push_str("\\\\"),
            '\t' => shown.push_str("\\t"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            _ if character == quote => shown.extend(['\\', quote]),
            _ if is_printable(character) => shown.push(character),
            _ => push_escape(&mut shown, u32::from(character)),
        }
    }
    shown.push(quote);
    shown
}

fn push_escape(shown: &mut String, code: u32) {
    // Writing into a String can't fail.
    let _ = match code {
        0..=0xff => write!(shown, "\\x{code:02x}"),
        0x100..=0xffff => write!(shown, "\\u{code:04x}"),
        _ => write!(shown, "\\U{code:08x}"),
    };
}

/// Reports whether a character is the space, or of none of the categories Cc Cf Cs Co Cn Zl Zp Zs.
fn is_printable(character: char) -> bool {
    let (mut is_printable, mut end, mut shift) = (true, 0, 0);
    for byte in PRINTABLE {
        end += u32::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            if u32::from(character) < end {
                break;
            }
            (is_printable, shift) = (!is_printable, 0);
        }
    }
    is_printable
}

/// Alternating lengths of runs of printable and other characters, in LEB128.
static PRINTABLE: &[u8] = &include!(concat!(env!("OUT_DIR"), "/printable.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_as_python_does() {
        assert_eq!(trim("\u{1c} \u{a0}\u{2003}a b\t\n"), "a b");
        assert_eq!(trim("\u{200b}a"), "\u{200b}a");
    }

    #[test]
    fn folds_character_by_character() {
        assert_eq!(fold("straße ŉ ﬁ ı ſ"), "STRAßE ŉ ﬁ I S");
        assert_eq!(
            fold("\u{1f80}\u{1f97}\u{1fa3}\u{1fb3}\u{1fc3}\u{1ff3}"),
            "\u{1f88}\u{1f9f}\u{1fab}\u{1fbc}\u{1fcc}\u{1ffc}"
        );
        assert_eq!(fold("\u{1f88}\u{1fbc}"), "\u{1f88}\u{1fbc}");
    }

    #[test]
    fn single_upper_case_characters_are_those_of_unicode() {
        for character in '\0'..=char::MAX {
            let mut upper = character.to_uppercase();
            if let (Some(single), None) = (upper.next(), upper.next()) {
                assert_eq!(super::upper(character), single, "{character:?}");
            }
        }
    }

    #[test]
    fn repr_picks_its_quotes() {
        assert_eq!(repr(""), "''");
        assert_eq!(repr("a\"b"), "'a\"b'");
        assert_eq!(repr("a'b"), "\"a'b\"");
        assert_eq!(repr("a'\"b"), "'a\\'\"b'");
    }

    #[test]
    fn repr_escapes_invisible_characters() {
        assert_eq!(repr("é\u{301}\\\t\r\n\0\u{7f}"), "'é\u{301}\\\\\\t\\r\\n\\x00\\x7f'");
        assert_eq!(
            repr("\u{a0}\u{ad}\u{2028}\u{fffd}\u{e000}\u{1f600}\u{10ffff}"),
            "'\\xa0\\xad\\u2028\u{fffd}\\ue000\u{1f600}\\U0010ffff'"
        );
    }
}
