//! JSON text, taken apart where it lies: what is read is a part of the text, and nothing is copied.
//!
//! Most rows are plain, and [`read_plain_row`](crate::schema::read_plain_row) reads these. This reads all others, and
//! shows rows from their own text.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;
use streamgage_kernel::json::plain_list;
use streamgage_kernel::text::plain_length;

/// A value, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number.
    Number(&'a str),
    /// What stands between the quotes of a text: see [`unescape`].
    Text(&'a str),
    /// A list: see [`Reader::element`].
    List(&'a str),
    /// An object: see [`Reader::member`].
    Object(&'a str),
}

/// Where a text is not JSON: that many bytes from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syntax(pub usize);

/// Reads a text from its start.
///
/// ```
/// use streamgage::json::{Reader, Value};
/// let mut reader = Reader::new(r#" {"a":[1, 2],"b":"x"} "#);
/// assert!(reader.begin(b'{'));
/// assert_eq!(reader.member(), Ok(Some(("a", "[1, 2]"))));
/// assert_eq!(reader.member().map(|member| member.map(|(_, text)| Value::of(text))), Ok(Some(Value::Text("x"))));
/// assert_eq!(reader.member(), Ok(None));
/// assert_eq!(reader.end(), Ok(()));
/// ```
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a str,
    /// Whether nothing was read yet of the list or object that was begun.
    is_first: bool,
}

/// Lists and objects may lie inside each other so deep.
const MAX_DEPTH: u32 = 127;

impl<'a> Value<'a> {
    /// Of a text that is one value, as [`Reader::value`] gives it.
    pub fn of(text: &'a str) -> Value<'a> {
        match text.as_bytes().first() {
            Some(b'n') => Value::Null,
            Some(b't') => Value::Boolean(true),
            Some(b'f') => Value::Boolean(false),
            Some(b'"') => Value::Text(text.get(1..text.len() - 1).unwrap_or_default()),
            Some(b'[') => Value::List(text),
            Some(b'{') => Value::Object(text),
            _ => Value::Number(text),
        }
    }
}

impl<'a> Reader<'a> {
    /// At the start of a text.
    pub fn new(text: &'a str) -> Reader<'a> {
        Reader { rest: text, is_first: true }
    }

    /// Begins a list (`[`) or an object (`{`), if it comes next.
    pub fn begin(&mut self, bracket: u8) -> bool {
        self.space();
        self.is_first = self.take(bracket);
        self.is_first
    }

    /// The next member of the object that was begun: its name between the quotes, and the text of its value; `None` at
    /// its end.
    ///
    /// # ValidationErrors
    /// The text is not JSON.
    pub fn member(&mut self) -> Result<Option<(&'a str, &'a str)>, Syntax> {
        if self.ends(b'}')? {
            return Ok(None);
        }
        let name = self.name().ok_or(self.syntax())?;
        self.value().map(|value| Some((name, value)))
    }

    /// The text of the next element of the list that was begun; `None` at its end.
    ///
    /// # ValidationErrors
    /// The text is not JSON.
    pub fn element(&mut self) -> Result<Option<&'a str>, Syntax> {
        if self.more()? { self.value().map(Some) } else { Ok(None) }
    }

    /// Whether the list that was begun has one more element, which is to be read then: what it is, may be begun too.
    ///
    /// ```
    /// use streamgage::json::Reader;
    /// let mut reader = Reader::new("[[], [7]]");
    /// assert!(reader.begin(b'[') && reader.more() == Ok(true));
    /// assert!(reader.begin(b'[') && reader.more() == Ok(false));
    /// assert!(reader.more() == Ok(true) && reader.begin(b'['));
    /// assert_eq!(reader.element(), Ok(Some("7")));
    /// assert_eq!((reader.more(), reader.more(), reader.end()), (Ok(false), Ok(false), Ok(())));
    /// ```
    ///
    /// # ValidationErrors
    /// The text is not JSON.
    pub fn more(&mut self) -> Result<bool, Syntax> {
        self.ends(b']').map(|ends| !ends)
    }

    /// Whether a list comes next. If so, it is read to its end, and the texts of its elements are added to `into`.
    ///
    /// ```
    /// use streamgage::json::Reader;
    /// let mut reader = Reader::new("[7, [null]] 8");
    /// let mut elements = Vec::new();
    /// assert_eq!(reader.elements(&mut elements), Ok(true));
    /// assert_eq!(elements, ["7", "[null]"]);
    /// assert_eq!((reader.elements(&mut elements), reader.value()), (Ok(false), Ok("8")));
    /// ```
    ///
    /// # ValidationErrors
    /// The text is not JSON.
    pub fn elements(&mut self, into: &mut Vec<&'a str>) -> Result<bool, Syntax> {
        if let Some(rest) = plain_list(self.rest, into) {
            self.rest = rest;
            self.is_first = false;
            return Ok(true);
        }
        if !self.begin(b'[') {
            return Ok(false);
        }
        while let Some(element) = self.element()? {
            into.push(element);
        }
        Ok(true)
    }

    /// Passes over a `null`, if it comes next.
    pub fn null(&mut self) -> bool {
        self.space();
        self.word("null").is_some()
    }

    /// The text of the next value, whatever it is.
    ///
    /// # ValidationErrors
    /// The text is not JSON.
    pub fn value(&mut self) -> Result<&'a str, Syntax> {
        self.space();
        let start = self.rest;
        self.skip().ok_or(self.syntax())?;
        start.get(..start.len() - self.rest.len()).ok_or(self.syntax())
    }

    /// That there is nothing more.
    ///
    /// # ValidationErrors
    /// There is.
    pub fn end(&mut self) -> Result<(), Syntax> {
        self.space();
        if self.rest.is_empty() { Ok(()) } else { Err(self.syntax()) }
    }

    fn syntax(&self) -> Syntax {
        Syntax(self.rest.len())
    }

    /// Whether the list or object ends here; if not, what comes next is its next part.
    fn ends(&mut self, bracket: u8) -> Result<bool, Syntax> {
        self.space();
        // What ends, or is begun, lies in something that is no longer at its first part.
        let is_first = core::mem::replace(&mut self.is_first, false);
        if self.take(bracket) {
            return Ok(true);
        }
        if is_first || self.take(b',') { Ok(false) } else { Err(self.syntax()) }
    }

    fn name(&mut self) -> Option<&'a str> {
        self.space();
        let name = self.text()?;
        self.space();
        self.take(b':').then_some(name)
    }

    /// Passes over a value. What it lies in is a stack of bits, one for each object.
    fn skip(&mut self) -> Option<()> {
        let mut objects = 0u128;
        let mut depth = 0;
        loop {
            self.space();
            match self.rest.as_bytes().first()? {
                bracket @ (b'{' | b'[') => {
                    let is_object = *bracket == b'{';
                    self.advance(1)?;
                    self.space();
                    if !self.take(bracket + 2) {
                        depth += 1;
                        if depth > MAX_DEPTH {
                            return None;
                        }
                        objects = objects << 1 | u128::from(is_object);
                        if is_object {
                            self.name()?;
                        }
                        continue;
                    }
                }
                b'"' => drop(self.text()?),
                b'n' => self.word("null")?,
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                _ => self.number()?,
            }
            // A value has ended, and with it perhaps what it lies in.
            loop {
                if depth == 0 {
                    return Some(());
                }
                self.space();
                let is_object = objects & 1 == 1;
                if self.take(b',') {
                    if is_object {
                        self.name()?;
                    }
                    break;
                }
                if !self.take(if is_object { b'}' } else { b']' }) {
                    return None;
                }
                objects >>= 1;
                depth -= 1;
            }
        }
    }

    fn advance(&mut self, length: usize) -> Option<&'a str> {
        let (passed, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(passed)
    }

    fn space(&mut self) {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        let length = self.rest.bytes().take_while(is_space).count();
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    fn take(&mut self, byte: u8) -> bool {
        self.rest.as_bytes().first() == Some(&byte) && self.advance(1).is_some()
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    /// What stands between two quotes.
    fn text(&mut self) -> Option<&'a str> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.rest;
        loop {
            self.advance(plain_length(self.rest.as_bytes()))?;
            match self.advance(1)? {
                "\"" => return start.get(..start.len() - self.rest.len() - 1),
                "\\" => match self.advance(1)? {
                    "\"" | "\\" | "/" | "b" | "f" | "n" | "r" | "t" => {}
                    "u" => {
                        self.advance(4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
                    }
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        self.advance(length).filter(|digits| !digits.is_empty()).map(drop)
    }
}

/// Whether a text is one value, of lists and objects that lie no deeper inside each other than is read here.
pub fn is_json(text: &str) -> bool {
    let mut reader = Reader::new(text);
    reader.value().is_ok() && reader.end().is_ok()
}

/// The text that is written so between two quotes; `None` where an escape stands for half a character.
pub fn unescape(text: &str) -> Option<Cow<'_, str>> {
    let Some((plain, _)) = text.split_once('\\') else { return Some(Cow::Borrowed(text)) };
    let mut whole = String::with_capacity(text.len());
    whole.push_str(plain);
    let mut rest = text.get(plain.len()..)?;
    while let Some((plain, escape)) = rest.split_once('\\') {
        whole.push_str(plain);
        let mut characters = escape.chars();
        whole.push(match characters.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (unit, others) = unit(characters.as_str())?;
                characters = others.chars();
                match unit {
                    0xd800..=0xdbff => {
                        let (low, others) = self::unit(others.strip_prefix("\\u")?)?;
                        characters = others.chars();
                        let low = low.checked_sub(0xdc00).filter(|&low| low < 0x400)?;
                        char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + low)?
                    }
                    _ => char::from_u32(unit)?,
                }
            }
            character => character,
        });
        rest = characters.as_str();
    }
    whole.push_str(rest);
    Some(Cow::Owned(whole))
}

/// The number that four hexadecimal digits write.
fn unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

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

/// Writes a text between quotes, with the escapes that it needs.
pub fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => {
                let code = u32::from(character);
                let digit = char::from_digit(code % 16, 16).unwrap_or('0');
                out.push_str(if code < 16 { "\\u000" } else { "\\u001" });
                out.push(digit);
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
    use std::{format, string::ToString, vec::Vec};

    fn whole(text: &str) -> Result<&str, Syntax> {
        let mut reader = Reader::new(text);
        let value = reader.value()?;
        reader.end().map(|()| value)
    }

    /// Whether a text is JSON, as it is known elsewhere. It may be of any depth there.
    fn is_json_elsewhere(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    #[test]
    fn what_is_json_and_what_is_not() {
        for text in [
            "null",
            " true ",
            "false",
            "0",
            "-0",
            "-1.5e+10",
            "1E-5",
            "\"\"",
            "\"\\u00e9\\n\\\"\"",
            "[]",
            "[ ]",
            "{}",
            "[1,[2,{\"a\":[]}],{}]",
            "{\"a\" : {\"b\" : null } , \"c\":[1 ,2]}",
            "\u{a0}1",
            "",
            " ",
            "nul",
            "nullx",
            "01",
            "1.",
            ".5",
            "-",
            "+1",
            "1e",
            "1e+",
            "NaN",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "[",
            "[1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "[}",
            "{]",
            "[1}",
            "1 1",
            "'a'",
        ] {
            assert_eq!(is_json(text), is_json_elsewhere(text), "{text}");
        }
        for depth in [126, 127, 128, 200] {
            let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            // The innermost is empty, and needs no stack.
            assert_eq!(whole(&text).is_ok(), depth <= 128, "{depth}");
        }
        assert_eq!(whole("[1, x]"), Err(Syntax(2)));
    }

    #[test]
    fn escapes() {
        for text in ["", "a", "\\u0041\\ud83d\\ude00é\\/\\\\\\\"\\b\\f\\n\\r\\t", "x\\n", "\\\\u0041"] {
            let expected: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            assert_eq!(unescape(text).as_deref(), Some(expected.as_str()), "{text}");
        }
        for text in ["\\ud83d", "\\ude00", "\\ud83dx", "\\ud83d\\u0041", "\\ud83d\\n"] {
            assert_eq!(unescape(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_another_reader(text in "[\\[\\]{}:,\"\\\\ ntrue01.eE+a-]{0,12}") {
            prop_assert_eq!(is_json(&text), is_json_elsewhere(&text));
        }

        #[test]
        fn agrees_with_another_reader_as_far_as_it_goes_down(
            objects in proptest::collection::vec(any::<bool>(), 0..2 * MAX_DEPTH as usize),
            inside in "[1 ,x]{0,2}",
        ) {
            let mut text: String = objects.iter().map(|&is_object| if is_object { "{\"\": " } else { "[" }).collect();
            text.push_str(&inside);
            text.extend(objects.iter().rev().map(|&is_object| if is_object { '}' } else { ']' }));
            let is_read = is_json_elsewhere(&text) && objects.len() <= MAX_DEPTH as usize;
            // Where nothing is inside, the innermost needs no place.
            let is_empty = inside.trim().is_empty() && objects.len() == MAX_DEPTH as usize + 1;
            prop_assert_eq!(is_json(&text), is_read || (is_empty && is_json_elsewhere(&text)), "{}", text);
        }

        #[test]
        fn texts_are_written_as_elsewhere(text in any::<String>()) {
            let mut written = String::new();
            write_text(&text, &mut written);
            prop_assert_eq!(&written, &serde_json::to_string(&text).unwrap());
            let inside = written.strip_prefix("\"").and_then(|rest| rest.strip_suffix("\"")).unwrap();
            prop_assert_eq!(unescape(inside).unwrap(), text);
        }

        #[test]
        fn members_are_those_of_an_object(names in proptest::collection::vec("[a-z]{0,3}", 0..5)) {
            let members: Vec<String> = names.iter().map(|name| format!(" \"{name}\" : [\"{name}\"]")).collect();
            let text = format!("{{{}}}", members.join(" ,"));
            let mut reader = Reader::new(&text);
            let begins = reader.begin(b'{');
            prop_assert!(begins);
            let mut found = Vec::new();
            while let Some((name, value)) = reader.member().unwrap() {
                prop_assert_eq!(value.to_string(), format!("[\"{}\"]", name));
                found.push(name);
            }
            prop_assert_eq!(found, names);
            prop_assert_eq!(reader.end(), Ok(()));
        }
    }
}
