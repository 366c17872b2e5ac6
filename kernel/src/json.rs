//! JSON text, one plain object at a time.
//!
//! Most rows are objects of numbers, booleans, nulls and texts without escapes, and most of the time of reading JSON
//! goes into being ready for all else. [`Members`] reads those rows alone, and says [`Step::Unusual`] as soon as
//! there is something else, right or wrong: the caller then reads the row with a whole JSON reader.

use crate::text::{is_same, plain_length};
use alloc::vec::Vec;

/// The members of an object, read one after the other.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    rest: &'a str,
    is_first: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step<'a> {
    /// The member that was expected: its value.
    Expected(Plain<'a>),
    /// Another member: its name and its value.
    Other(&'a str, Plain<'a>),
    /// The object has ended, and the text with it.
    End,
    /// Something that is not read here: a list, an object, an escape, an exponent, white space, or no JSON at all.
    Unusual,
}

/// A plain value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A whole number of at most 18 digits.
    Integer(i64),
    /// A number with a decimal point, as it is written, without an exponent.
    Fraction(&'a str),
    /// A text that holds no escape.
    Text(&'a str),
}

/// Numbers of so many digits fit 64 bits.
const MAX_DIGITS: usize = 18;

// What these return is taken apart at once. Inlined it is never put together: to build such a value in memory and to copy
// it takes longer than to read it.
impl<'a> Members<'a> {
    /// Of a text that should be one object.
    pub fn new(text: &'a str) -> Members<'a> {
        Members { rest: text, is_first: true }
    }

    /// The next member. One of the name `expected`, which must be plain, is found without a search for its name's end.
    #[inline(always)]
    pub fn step(&mut self, expected: &str) -> Step<'a> {
        self.read(expected).unwrap_or(Step::Unusual)
    }

    #[inline(always)]
    fn read(&mut self, expected: &str) -> Option<Step<'a>> {
        let separator = if self.is_first { b'{' } else { b',' };
        if let Some((head, rest)) = self.rest.split_at_checked(expected.len() + 4)
            && let [first, b'"', name @ .., b'"', b':'] = head.as_bytes()
            && *first == separator
            && is_same(name, expected.as_bytes())
        {
            self.rest = rest;
            self.is_first = false;
            return self.value().map(Step::Expected);
        }
        if self.rest == "}" && !self.is_first {
            return Some(Step::End);
        }
        self.is_first = false;
        self.take(separator)?;
        self.take(b'"')?;
        let name = self.until_quote()?;
        self.take(b':')?;
        self.value().map(|value| Step::Other(name, value))
    }

    #[inline(always)]
    fn value(&mut self) -> Option<Plain<'a>> {
        match self.rest.as_bytes().first()? {
            b'"' => {
                self.take(b'"')?;
                self.until_quote().map(Plain::Text)
            }
            b'n' => self.word("null", Plain::Null),
            b't' => self.word("true", Plain::Boolean(true)),
            b'f' => self.word("false", Plain::Boolean(false)),
            _ => self.number(),
        }
    }

    #[inline]
    fn advance(&mut self, length: usize) -> Option<&'a str> {
        let (passed, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(passed)
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        if self.rest.as_bytes().first() != Some(&byte) {
            return None;
        }
        self.advance(1).map(|_| ())
    }

    #[inline(always)]
    fn word(&mut self, word: &str, value: Plain<'a>) -> Option<Plain<'a>> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(value)
    }

    /// A text without escapes and control characters, and the quote behind it.
    #[inline]
    fn until_quote(&mut self) -> Option<&'a str> {
        let text = self.advance(plain_length(self.rest.as_bytes()))?;
        self.take(b'"')?;
        Some(text)
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?`
    #[inline(always)]
    fn number(&mut self) -> Option<Plain<'a>> {
        let bytes = self.rest.as_bytes();
        let unsigned = bytes.strip_prefix(b"-");
        let digits = unsigned.unwrap_or(bytes);
        let (size, length) = leading_number(digits);
        let has_leading_zero = length > 1 && digits.first() == Some(&b'0');
        if length == 0 || length > MAX_DIGITS || has_leading_zero {
            return None;
        }
        let sign = usize::from(unsigned.is_some());
        let Some([b'.', fraction @ ..]) = digits.get(length..) else {
            self.advance(sign + length)?;
            return Some(Plain::Integer(if unsigned.is_some() { -size } else { size }));
        };
        let (_, places) = leading_number(fraction);
        let text = self.advance(sign + length + 1 + places)?;
        (places > 0).then_some(Plain::Fraction(text))
    }
}

/// The number that the digits at the start of a text write, and how many they are. Of more than [`MAX_DIGITS`] the
/// number is meaningless.
#[inline]
fn leading_number(text: &[u8]) -> (i64, usize) {
    let mut number = 0i64;
    let mut length = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
        length += 1;
    }
    (number, length)
}

/// Takes a list of plain values apart, of texts without escapes, whole numbers and nulls: adds the text of each to `into`,
/// and gives what is behind the list. `None`, and nothing is added, where there is something else, right or wrong.
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

/// The length of the plain value that a text begins with.
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

    /// All members, if the object is plain to its end.
    fn members(text: &str) -> Option<Vec<(&str, Plain<'_>)>> {
        let mut members = Members::new(text);
        let mut found = Vec::new();
        loop {
            match members.step("b") {
                Step::Expected(value) => found.push(("b", value)),
                Step::Other(name, value) => found.push((name, value)),
                Step::End => return Some(found),
                Step::Unusual => return None,
            }
        }
    }

    #[test]
    fn plain_objects() {
        let text = r#"{"a":-1.50,"b":"é","c":null,"d":true,"e":false,"f":0}"#;
        let expected = [
            ("a", Plain::Fraction("-1.50")),
            ("b", Plain::Text("é")),
            ("c", Plain::Null),
            ("d", Plain::Boolean(true)),
            ("e", Plain::Boolean(false)),
            ("f", Plain::Integer(0)),
        ];
        assert_eq!(members(text).as_deref(), Some(expected.as_slice()));
    }

    #[test]
    fn texts_of_any_length() {
        for length in 0..40 {
            let text = "x".repeat(length);
            for (end, is_plain) in [("\"", true), ("é\"", true), ("\\n\"", false), ("\u{1f}\"", false), ("", false)] {
                let object = alloc::format!("{{\"a\":\"{text}{end}}}");
                assert_eq!(members(&object).is_some(), is_plain, "{object}");
            }
        }
    }

    #[test]
    fn all_else_is_unusual() {
        for text in [
            "",
            "{",
            "{}",
            "[]",
            "{}x",
            r#"{"a":1"#,
            r#"{"a":1}}"#,
            r#"{"a":1,}"#,
            r#"{"a":1 }"#,
            r#"{"a": 1}"#,
            r#"{,"a":1}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":.5}"#,
            r#"{"a":1e5}"#,
            r#"{"a":-}"#,
            r#"{"a":1234567890123456789}"#,
            r#"{"b:1}"#,
            r#"{"bc":01}"#,
            r#"{"a":+1}"#,
            r#"{"a":NaN}"#,
            r#"{"a":nul}"#,
            r#"{"a":nullx}"#,
            r#"{"a":[]}"#,
            r#"{"a":{}}"#,
            r#"{"a":"\n"}"#,
            "{\"a\":\"\n\"}",
            r#"{"a\u0062":1}"#,
            r#"{"a"}"#,
            r#"{a:1}"#,
        ] {
            assert_eq!(members(text), None, "{text}");
        }
    }

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
