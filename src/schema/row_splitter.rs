//! Finds the rows in a text that arrives in pieces.

use super::RowError;
use alloc::{string::String, vec::Vec};

/// Finds the rows in a text that arrives in pieces: one row a line (NDJSON), a list, pages of v3 (§2), or several of
/// these in sequence.
///
/// ```
/// use streamgage::schema::{RowSplitter, RowText};
/// let mut rows = Vec::new();
/// let mut splitter = RowSplitter::default();
/// for piece in ["{\"id\":1}\n{\"i", "d\":2}\n", r#"{"count":9,"next":"/?offset=1","results":[{"id":3}]}"#] {
///     splitter.buffer(piece.len()).copy_from_slice(piece.as_bytes());
///     splitter.read(piece.len(), &mut |row| match row {
///         RowText::Head(_) => Ok(None),
///         RowText::Whole(row) => {
///             rows.push(row.to_owned());
///             Ok(Some(row.len()))
///         }
///     })?;
/// }
/// assert_eq!(splitter.finish()?.next.as_deref(), Some("/?offset=1"));
/// assert_eq!(rows, [r#"{"id":1}"#, r#"{"id":2}"#, r#"{"id":3}"#]);
/// # Ok::<(), streamgage::schema::RowError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RowSplitter {
    /// An incomplete value, followed by free space.
    text: Vec<u8>,
    /// The length of the incomplete value.
    kept: usize,
    /// The progress of the scan for its end.
    scan: ValueScan,
    context: Context,
    /// Reports whether a value has just ended, so that a comma or a bracket has to follow.
    is_after_value: bool,
    /// The member of the page whose value follows.
    member: Option<PageMember>,
    report: ReadReport,
}

/// The findings beside the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// The number of rows found.
    pub rows: usize,
    /// The total number of rows according to the last page.
    pub count: Option<u64>,
    /// The link to the next page according to the last page.
    pub next: Option<String>,
}

/// The position of the next byte in the JSON text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Context {
    #[default]
    Top,
    /// A list of rows.
    List,
    /// The object of a page.
    Page,
    /// The list of rows of a page.
    Results,
}

/// The members of a page. No resource has a field of these names.
#[derive(Clone, Copy, Debug, PartialEq)]
enum PageMember {
    Count,
    Next,
    Previous,
    Results,
}

/// A scan for the end of a value.
#[derive(Clone, Copy, Debug, Default)]
struct ValueScan {
    at: usize,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

/// The text of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowText<'a> {
    /// All received text from the start of a row on. A handler that finds the row's end by itself, and that the row is
    /// UTF-8, returns its length. Otherwise it returns `None` and is called again with the whole row.
    Head(&'a [u8]),
    /// Exactly one row.
    Whole(&'a str),
}

/// Takes a row and returns its length.
pub type RowHandler<'h> = dyn FnMut(RowText<'_>) -> Result<Option<usize>, RowError> + 'h;

impl PageMember {
    fn from_name(name: &[u8]) -> Option<PageMember> {
        match name {
            b"count" => Some(PageMember::Count),
            b"next" => Some(PageMember::Next),
            b"previous" => Some(PageMember::Previous),
            b"results" => Some(PageMember::Results),
            _ => None,
        }
    }
}

impl RowSplitter {
    /// Returns a buffer of `size` bytes to write the next piece into, before [`read`](Self::read).
    pub fn buffer(&mut self, size: usize) -> &mut [u8] {
        let end = self.kept.saturating_add(size);
        if self.text.len() < end {
            self.text.resize(end, 0);
        }
        self.text.get_mut(self.kept..end).unwrap_or_default()
    }

    /// Reads a piece of `length` bytes from [`buffer`](Self::buffer) and hands each row that ends in it to `handle`.
    ///
    /// # Errors
    /// Returns the first error of `handle`, or an error if the text is neither rows nor pages. Nothing more can be read
    /// then.
    pub fn read(&mut self, length: usize, handle: &mut RowHandler<'_>) -> Result<(), RowError> {
        let end = self.kept.saturating_add(length).min(self.text.len());
        let mut text = core::mem::take(&mut self.text);
        let taken = self.split(text.get(..end).unwrap_or_default(), handle)?;
        text.copy_within(taken..end, 0);
        self.kept = end - taken;
        self.text = text;
        Ok(())
    }

    /// Returns the number of rows found so far.
    pub fn rows(&self) -> usize {
        self.report.rows
    }

    /// Ends the text.
    ///
    /// # Errors
    /// Returns an error if the text ends inside a value, a list or a page.
    pub fn finish(mut self) -> Result<ReadReport, RowError> {
        // Only a literal or a number could be complete without an end, and neither is a row.
        let kept = self.text.get(..self.kept).unwrap_or_default();
        let is_end = self.context == Context::Top && kept.iter().all(u8::is_ascii_whitespace);
        if is_end { Ok(core::mem::take(&mut self.report)) } else { Err(RowError::of_row("ends too early")) }
    }

    /// Splits a text and returns the length of its complete part.
    fn split(&mut self, text: &[u8], handle: &mut RowHandler<'_>) -> Result<usize, RowError> {
        let mut at = 0;
        loop {
            if self.scan.at == 0 {
                at += text.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            }
            let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) else { return Ok(at) };
            let taken = match self.step(rest, handle)? {
                Some(taken) => taken,
                None => return Ok(at),
            };
            at += taken;
        }
    }

    /// Takes the next token or value and returns its length; `None` if its end has not arrived yet.
    fn step(&mut self, rest: &[u8], handle: &mut RowHandler<'_>) -> Result<Option<usize>, RowError> {
        let Some(&first) = rest.first() else { return Ok(None) };
        match (self.context, self.is_after_value, first) {
            (Context::List | Context::Results, _, b']') => {
                self.is_after_value = self.context == Context::Results;
                self.context = if self.is_after_value { Context::Page } else { Context::Top };
                return Ok(Some(1));
            }
            (Context::Page, _, b'}') if self.member.is_none() => {
                self.context = Context::Top;
                self.is_after_value = false;
                return Ok(Some(1));
            }
            (Context::List | Context::Results | Context::Page, true, b',') => {
                self.is_after_value = false;
                return Ok(Some(1));
            }
            (_, true, _) => return Err(RowError::of_row("is no list of rows")),
            (Context::Top, _, b'[') => {
                self.context = Context::List;
                return Ok(Some(1));
            }
            (Context::Page, _, _) if self.member.is_none() => return self.member_name(rest),
            (Context::Page, _, b'[') if self.member == Some(PageMember::Results) => {
                self.member = None;
                self.context = Context::Results;
                return Ok(Some(1));
            }
            (Context::Top, _, b'{') if self.scan.at == 0 => match is_page(rest) {
                None => return Ok(None),
                Some(true) => {
                    self.context = Context::Page;
                    return Ok(Some(1));
                }
                Some(false) => {}
            },
            _ => {}
        }
        let is_row = first == b'{' && self.context != Context::Page;
        let was_begun = self.scan.at > 0;
        if is_row && !was_begun {
            let taken = self.adjacent_rows(rest, handle)?;
            if taken > 0 {
                return Ok(Some(taken));
            }
        }
        let Some(length) = self.scan.end(rest) else { return Ok(None) };
        self.scan = ValueScan::default();
        let value = rest.get(..length).unwrap_or(rest);
        // A row that began in an earlier piece may be one that the handler finds the end of.
        if is_row
            && was_begun
            && let Some(length) = handle(RowText::Head(value))?
        {
            self.report.rows += 1;
            self.is_after_value = self.context != Context::Top;
            return Ok(Some(length));
        }
        let value = core::str::from_utf8(value).map_err(|_| RowError::of_row("is not UTF-8"))?;
        self.is_after_value = self.context != Context::Top;
        if self.context == Context::Page {
            self.member_value(value);
        } else {
            handle(RowText::Whole(value))?;
            self.report.rows += 1;
        }
        Ok(Some(length))
    }

    /// Hands over adjacent rows whose ends the handler finds by itself, and returns their length.
    fn adjacent_rows(&mut self, text: &[u8], handle: &mut RowHandler<'_>) -> Result<usize, RowError> {
        let mut taken = 0;
        loop {
            let rest = text.get(taken..).unwrap_or_default();
            let Some(length) = handle(RowText::Head(rest))? else {
                self.is_after_value = false;
                return Ok(taken);
            };
            self.report.rows += 1;
            taken += length;
            if self.context == Context::Top || !rest.get(length..).is_some_and(|rest| rest.starts_with(b",{")) {
                self.is_after_value = self.context != Context::Top;
                return Ok(taken);
            }
            taken += 1;
        }
    }

    fn member_name(&mut self, rest: &[u8]) -> Result<Option<usize>, RowError> {
        let Some((name, length)) = leading_name(rest) else {
            return if rest.first() == Some(&b'"') { Ok(None) } else { Err(RowError::of_row("is no page")) };
        };
        let after = rest.get(length..).unwrap_or_default();
        let spaces = after.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match after.get(spaces) {
            None => Ok(None),
            Some(b':') => {
                // The values of unknown members are ignored, like that of `previous`.
                self.member = Some(PageMember::from_name(name).unwrap_or(PageMember::Previous));
                Ok(Some(length + spaces + 1))
            }
            Some(_) => Err(RowError::of_row("is no page")),
        }
    }

    fn member_value(&mut self, json: &str) {
        match self.member.take() {
            Some(PageMember::Count) => self.report.count = serde_json::from_str(json).ok(),
            Some(PageMember::Next) => self.report.next = serde_json::from_str(json).ok(),
            _ => {}
        }
    }
}

/// Returns the string that a text begins with and its length with both quotes; `None` if it has not ended.
fn leading_name(text: &[u8]) -> Option<(&[u8], usize)> {
    let inside = text.strip_prefix(b"\"")?;
    let length = inside.iter().position(|&byte| byte == b'"')?;
    Some((inside.get(..length)?, length + 2))
}

/// Reports whether an object is a page, by its first member; `None` if its name has not ended.
pub(super) fn is_page(object: &[u8]) -> Option<bool> {
    let inside = object.get(1..)?.trim_ascii_start();
    match inside.first()? {
        b'"' => leading_name(inside).map(|(name, _)| PageMember::from_name(name).is_some()),
        _ => Some(false),
    }
}

impl ValueScan {
    /// Returns the length of the value that a text begins with, by its brackets and quotes alone.
    fn end(&mut self, text: &[u8]) -> Option<usize> {
        for &byte in text.get(self.at..)? {
            self.at += 1;
            if self.in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return Some(self.at);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                // A literal or a number ends where another token begins.
                b'}' | b']' | b',' | b' ' | b'\n' | b'\r' | b'\t' if self.depth == 0 && self.at > 1 => {
                    return Some(self.at - 1);
                }
                b'}' | b']' if self.depth <= 1 => return Some(self.at),
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::RESOURCES;
    use super::*;
    use alloc::{format, string::ToString};
    use proptest::prelude::*;

    fn split(pieces: &[&[u8]]) -> Result<(Vec<String>, ReadReport), String> {
        let mut rows = Vec::new();
        let mut splitter = RowSplitter::default();
        let mut handle = |row: RowText<'_>| {
            let RowText::Whole(row) = row else { return Ok(None) };
            // The splitter leaves it to the handler to check a row.
            serde_json::from_str::<serde::de::IgnoredAny>(row).map_err(|_| RowError::of_row("is no JSON"))?;
            rows.push(row.to_string());
            Ok(Some(row.len()))
        };
        for piece in pieces {
            splitter.buffer(piece.len()).copy_from_slice(piece);
            splitter.read(piece.len(), &mut handle).map_err(|error| error.to_string())?;
        }
        let report = splitter.finish().map_err(|error| error.to_string())?;
        Ok((rows, report))
    }

    fn rows(text: &str) -> Result<Vec<String>, String> {
        split(&[text.as_bytes()]).map(|(rows, _)| rows)
    }

    #[test]
    fn rows_in_every_form() {
        let two = Ok([r#"{"id":1,"t":"a}\"]["}"#.to_string(), r#"{"id":2,"l":[{}]}"#.into()].into());
        for text in [
            "{\"id\":1,\"t\":\"a}\\\"][\"}\n{\"id\":2,\"l\":[{}]}",
            "\r\n {\"id\":1,\"t\":\"a}\\\"][\"}\r\n\n{\"id\":2,\"l\":[{}]}\r\n\n",
            "[{\"id\":1,\"t\":\"a}\\\"][\"},{\"id\":2,\"l\":[{}]}]",
            " [ {\"id\":1,\"t\":\"a}\\\"][\"} , {\"id\":2,\"l\":[{}]} ] ",
            "{\"count\":2,\"next\":null,\"previous\":null,\"results\":[{\"id\":1,\"t\":\"a}\\\"][\"},{\"id\":2,\"l\":[{}]}]}",
            "{ \"results\" : [ {\"id\":1,\"t\":\"a}\\\"][\"} ] , \"count\" : 2 }{\"id\":2,\"l\":[{}]}",
            "[{\"id\":1,\"t\":\"a}\\\"][\"}]\n{\"count\":1,\"other\":{\"a\":[]},\"results\":[{\"id\":2,\"l\":[{}]}]}",
        ] {
            assert_eq!(rows(text), two, "{text}");
        }
        for text in ["", " \n", "[]", "{\"results\":[]}", "{\"count\":0,\"results\":null}"] {
            assert_eq!(rows(text), Ok(Vec::new()), "{text}");
        }
        assert_eq!(rows("{}\n7\n\"a\"\n"), Ok(["{}", "7", "\"a\""].map(String::from).into()));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "{",
            "[",
            "[{}",
            "[{},",
            "[{} {}]",
            "[,{}]",
            "[{},]x",
            "{\"count\"",
            "{\"count\":1",
            "{\"count\":1 \"next\":null}",
            "{\"count\":1,}x",
            "{\"count\" 1}",
            "{\"count\":1,x",
            "{\"results\":[{}}",
            "\"a",
            "]",
            "}",
            ",",
            "{\"a\":\"}",
            "7",
            "{\"id\":1},{\"id\":2}",
        ] {
            assert!(rows(text).is_err(), "{text}: {:?}", rows(text));
        }
        assert_eq!(split(&[b"{\"a\":\"\xff\"}"]).unwrap_err(), "is not UTF-8");
    }

    #[test]
    fn no_field_is_named_like_a_member_of_a_page() {
        for field in RESOURCES.iter().flat_map(|resource| resource.fields) {
            assert_eq!(PageMember::from_name(field.name.as_bytes()), None);
        }
    }

    proptest! {
        /// The rows do not depend on where the text is cut.
        #[test]
        fn pieces_do_not_matter(cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12)) {
            let page = r#"{"count": 3, "next":"http:\/\/h/?offset=2", "previous":null,"results":[{"id":1,"é":"\"{"}, {"id":2}]}"#;
            let text = format!("{page}\n{{\"id\":3}}\n[{{\"id\":4,\"a\":[[]]}}]\n7\n");
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).collect();
            places.sort_unstable();
            let mut pieces = Vec::new();
            let mut rest = text.as_bytes();
            for place in places.into_iter().rev() {
                let (left, right) = rest.split_at(place.min(rest.len()));
                pieces.insert(0, right);
                rest = left;
            }
            pieces.insert(0, rest);
            let (rows, report) = split(&pieces).unwrap();
            prop_assert_eq!(rows.len(), 5);
            prop_assert_eq!(report, ReadReport { rows: 5, count: Some(3), next: Some("http://h/?offset=2".into()) });
            prop_assert_eq!(rows.first().map(String::as_str), Some(r#"{"id":1,"é":"\"{"}"#));
        }
    }
}
