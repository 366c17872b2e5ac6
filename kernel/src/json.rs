//! JSON text, one plain object at a time.
//!
//! Most rows are objects of numbers, booleans, nulls and texts without escapes, and most of the time of reading JSON
//! goes into being ready for all else. [`Members`] reads those rows alone, and says [`Step::Unusual`] as soon as
//! there is something else, right or wrong: the caller then reads the row with a whole JSON reader.

/// The members of an object, read one after the other.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    text: &'a str,
    position: usize,
    is_first: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step<'a> {
    /// A member: its name and its value.
    Member(&'a str, Plain<'a>),
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

impl<'a> Members<'a> {
    /// Of a text that should be one object.
    pub fn new(text: &'a str) -> Members<'a> {
        Members { text, position: 0, is_first: true }
    }

    /// The next member; where it is that of the name `expected`, its name need not be searched for its end.
    #[inline]
    pub fn step(&mut self, expected: &str) -> Step<'a> {
        self.read(expected).unwrap_or(Step::Unusual)
    }

    #[inline]
    fn read(&mut self, expected: &str) -> Option<Step<'a>> {
        let separator = if self.is_first { b'{' } else { b',' };
        if !self.take(separator) {
            let is_end = !self.is_first && self.take(b'}') && self.position == self.text.len();
            return is_end.then_some(Step::End);
        }
        self.is_first = false;
        let name = match self.expected_name(expected) {
            Some(name) => name,
            None => self.quoted()?,
        };
        if !self.take(b':') {
            return None;
        }
        let value = match self.rest().first()? {
            b'"' => Plain::Text(self.quoted()?),
            b'n' => self.word(b"null", Plain::Null)?,
            b't' => self.word(b"true", Plain::Boolean(true))?,
            b'f' => self.word(b"false", Plain::Boolean(false))?,
            _ => self.number()?,
        };
        Some(Step::Member(name, value))
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.position..).unwrap_or_default()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.rest().first() == Some(&byte);
        self.position += usize::from(is_next);
        is_next
    }

    #[inline]
    fn word(&mut self, word: &[u8], value: Plain<'a>) -> Option<Plain<'a>> {
        self.rest().starts_with(word).then(|| self.position += word.len())?;
        Some(value)
    }

    #[inline]
    fn expected_name(&mut self, expected: &str) -> Option<&'a str> {
        let after = self.rest().strip_prefix(b"\"")?.strip_prefix(expected.as_bytes())?.strip_prefix(b"\"")?;
        let end = self.text.len() - after.len();
        let name = self.text.get(self.position + 1..end - 1)?;
        self.position = end;
        Some(name)
    }

    /// A text in quotes, without escapes and control characters.
    #[inline]
    fn quoted(&mut self) -> Option<&'a str> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.position;
        self.position += plain_length(self.rest());
        let text = self.text.get(start..self.position)?;
        self.take(b'"').then_some(text)
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?`
    #[inline]
    fn number(&mut self) -> Option<Plain<'a>> {
        let start = self.position;
        let negative = self.take(b'-');
        let (size, digits) = leading_number(self.rest());
        let has_leading_zero = digits > 1 && self.rest().first() == Some(&b'0');
        if digits == 0 || digits > MAX_DIGITS || has_leading_zero {
            return None;
        }
        self.position += digits;
        if !self.take(b'.') {
            return Some(Plain::Integer(if negative { -size } else { size }));
        }
        let (_, places) = leading_number(self.rest());
        self.position += places;
        let text = self.text.get(start..self.position)?;
        (places > 0).then_some(Plain::Fraction(text))
    }
}

/// How many bytes there are before the first quote, backslash or control character.
#[inline]
fn plain_length(text: &[u8]) -> usize {
    // Eight at a time: a byte of the word that is less than a bound, or equal to one, sets its highest bit. What is
    // not ASCII may set one falsely, but only above a true one, or where the slow loop looks again.
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut length = 0;
    for chunk in text.chunks_exact(8) {
        let Ok(bytes) = <[u8; 8]>::try_from(chunk) else { break };
        let word = u64::from_le_bytes(bytes);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        if control | has_zero(word ^ (ONES * u64::from(b'"'))) | has_zero(word ^ (ONES * u64::from(b'\\'))) != 0 {
            break;
        }
        length += 8;
    }
    let rest = text.get(length..).unwrap_or_default();
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    length + rest.iter().position(ends).unwrap_or(rest.len())
}

/// The number that the digits at the start of a text write, and how many they are. Of more than [`MAX_DIGITS`] the
/// number is meaningless.
#[inline]
fn leading_number(text: &[u8]) -> (i64, usize) {
    let mut number = 0i64;
    let mut digits = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
        digits += 1;
    }
    (number, digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// All members, if the object is plain to its end.
    fn members(text: &str) -> Option<Vec<(&str, Plain<'_>)>> {
        let mut members = Members::new(text);
        let mut found = Vec::new();
        loop {
            match members.step("b") {
                Step::Member(name, value) => found.push((name, value)),
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
}
