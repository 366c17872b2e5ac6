//! The rows in a text that comes in pieces.

use super::RowError;
use crate::json::{Value, unescape};
use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// Finds the rows in a text, whatever they come in: one a line (NDJSON), a list, the pages of v3 (§2), or several of
/// these, one after the other.
///
/// ```
/// use streamgage::schema::Splitter;
/// let mut rows = Vec::new();
/// let mut splitter = Splitter::default();
/// for piece in ["{\"id\":1}\n{\"i", "d\":2}\n", r#"{"count":9,"next":"/?offset=1","results":[{"id":3}]}"#] {
///     splitter.push(piece.as_bytes(), &mut |row| Ok(rows.push(row.to_owned())))?;
/// }
/// assert_eq!(splitter.finish()?.next.as_deref(), Some("/?offset=1"));
/// assert_eq!(rows, [r#"{"id":1}"#, r#"{"id":2}"#, r#"{"id":3}"#]);
/// # Ok::<(), streamgage::schema::RowError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Splitter {
    /// Begins with what was not yet a whole value; behind it is room.
    text: Vec<u8>,
    /// How much that is.
    kept: usize,
    /// How far into it the scan for its end has come.
    scan: Scan,
    place: Place,
    /// Whether a value has just ended, so that a comma or a bracket has to follow.
    is_after_value: bool,
    /// The name of the page's member whose value comes next.
    member: Option<Member>,
    pages: Pages,
}

/// What was told beside the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// How many rows were found.
    pub rows: usize,
    /// How many the last page says that there are in all.
    pub count: Option<u64>,
    /// Where the last page says that the next one is.
    pub next: Option<String>,
}

/// Where the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Place {
    #[default]
    Top,
    /// In a list of rows.
    List,
    /// In the object of a page.
    Page,
    /// In the list of a page's rows.
    Results,
}

/// The members of a page. No resource has a field of these names.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Member {
    Count,
    Next,
    Previous,
    Results,
}

/// Whether the end of a value was found, and what is known if not.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    at: usize,
    depth: usize,
    in_text: bool,
    is_escaped: bool,
}

/// Hands on a row's text.
pub type Take<'t> = dyn FnMut(&str) -> Result<(), RowError> + 't;

/// A row of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row<'a> {
    /// What begins with it, up to the end of what has come; of which nothing is known yet. Who can read the row without
    /// knowing its end, and finds that it is UTF-8, answers with its length; who can't, with `None`, and is handed the
    /// whole of it.
    Head(&'a [u8]),
    /// All of it, and nothing else.
    Whole(&'a str),
}

/// Reads rows, and tells how long they are.
pub type Read<'r> = dyn FnMut(Row<'_>) -> Result<Option<usize>, RowError> + 'r;

impl Member {
    fn of(name: &[u8]) -> Option<Member> {
        match name {
            b"count" => Some(Member::Count),
            b"next" => Some(Member::Next),
            b"previous" => Some(Member::Previous),
            b"results" => Some(Member::Results),
            _ => None,
        }
    }
}

impl Splitter {
    /// Hands each row that ends in this piece to `take`, in order.
    ///
    /// # ValidationErrors
    /// The first of `take`'s; or the text is neither rows nor pages. Then nothing more can be pushed.
    pub fn push(&mut self, piece: &[u8], take: &mut Take<'_>) -> Result<(), RowError> {
        self.room(piece.len()).copy_from_slice(piece);
        self.read(piece.len(), &mut |row| match row {
            Row::Head(_) => Ok(None),
            Row::Whole(text) => take(text).map(|()| Some(text.len())),
        })
    }

    /// Room for the next piece, of so many bytes. What is written there counts when it is [`read`](Self::read).
    pub fn room(&mut self, size: usize) -> &mut [u8] {
        let end = self.kept.saturating_add(size);
        if self.text.len() < end {
            self.text.resize(end, 0);
        }
        self.text.get_mut(self.kept..end).unwrap_or_default()
    }

    /// Reads a piece of that length, which was written into [`room`](Self::room).
    ///
    /// # ValidationErrors
    /// As [`push`](Self::push).
    pub fn read(&mut self, length: usize, read: &mut Read<'_>) -> Result<(), RowError> {
        let end = self.kept.saturating_add(length).min(self.text.len());
        let mut text = core::mem::take(&mut self.text);
        let taken = self.split(text.get(..end).unwrap_or_default(), read)?;
        text.copy_within(taken..end, 0);
        self.kept = end - taken;
        self.text = text;
        Ok(())
    }

    /// How many rows were found so far.
    pub fn rows(&self) -> usize {
        self.pages.rows
    }

    /// The end of the text.
    ///
    /// # ValidationErrors
    /// It ends in the middle of something.
    pub fn finish(mut self) -> Result<Pages, RowError> {
        // Nothing but a word or a number could be whole without an end; neither is a row.
        let is_end = self.place == Place::Top && self.kept_text().iter().all(u8::is_ascii_whitespace);
        if is_end { Ok(core::mem::take(&mut self.pages)) } else { Err(broken("ends too early")) }
    }

    fn kept_text(&self) -> &[u8] {
        self.text.get(..self.kept).unwrap_or_default()
    }

    /// How much of the text was taken.
    fn split(&mut self, text: &[u8], read: &mut Read<'_>) -> Result<usize, RowError> {
        let mut at = 0;
        loop {
            if self.scan.at == 0 {
                at += text.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            }
            let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) else { return Ok(at) };
            let taken = match self.step(rest, read)? {
                Some(taken) => taken,
                None => return Ok(at),
            };
            at += taken;
        }
    }

    /// Takes what comes next, and tells how long it was; `None` if its end has not come yet.
    fn step(&mut self, rest: &[u8], read: &mut Read<'_>) -> Result<Option<usize>, RowError> {
        let Some(&first) = rest.first() else { return Ok(None) };
        match (self.place, self.is_after_value, first) {
            (Place::List | Place::Results, _, b']') => {
                self.is_after_value = self.place == Place::Results;
                self.place = if self.is_after_value { Place::Page } else { Place::Top };
                return Ok(Some(1));
            }
            (Place::Page, _, b'}') if self.member.is_none() => {
                self.place = Place::Top;
                self.is_after_value = false;
                return Ok(Some(1));
            }
            (Place::List | Place::Results | Place::Page, true, b',') => {
                self.is_after_value = false;
                return Ok(Some(1));
            }
            (_, true, _) => return Err(broken("is no list of rows")),
            (Place::Top, _, b'[') => {
                self.place = Place::List;
                return Ok(Some(1));
            }
            (Place::Page, _, _) if self.member.is_none() => return self.member_name(rest),
            (Place::Page, _, b'[') if self.member == Some(Member::Results) => {
                self.member = None;
                self.place = Place::Results;
                return Ok(Some(1));
            }
            (Place::Top, _, b'{') if self.scan.at == 0 => match page_begins(rest) {
                None => return Ok(None),
                Some(true) => {
                    self.place = Place::Page;
                    return Ok(Some(1));
                }
                Some(false) => {}
            },
            _ => {}
        }
        let is_row = first == b'{' && self.place != Place::Page;
        let was_begun = self.scan.at > 0;
        if is_row && !was_begun {
            let taken = self.rows_of_list(rest, read)?;
            if taken > 0 {
                return Ok(Some(taken));
            }
        }
        let Some(length) = self.scan.end(rest) else { return Ok(None) };
        self.scan = Scan::default();
        let value = rest.get(..length).unwrap_or(rest);
        // What an earlier piece has begun may be such a row too.
        if is_row
            && was_begun
            && let Some(length) = read(Row::Head(value))?
        {
            self.pages.rows += 1;
            self.is_after_value = self.place != Place::Top;
            return Ok(Some(length));
        }
        let value = core::str::from_utf8(value).map_err(|_| broken("is not UTF-8"))?;
        self.is_after_value = self.place != Place::Top;
        if self.place == Place::Page {
            self.page_member(value);
        } else {
            read(Row::Whole(value))?;
            self.pages.rows += 1;
        }
        Ok(Some(length))
    }

    /// Takes a row that can be read at once, and those that follow at once, and tells how long they are.
    fn rows_of_list(&mut self, text: &[u8], read: &mut Read<'_>) -> Result<usize, RowError> {
        let mut taken = 0;
        loop {
            let rest = text.get(taken..).unwrap_or_default();
            let Some(length) = read(Row::Head(rest))? else {
                self.is_after_value = false;
                return Ok(taken);
            };
            self.pages.rows += 1;
            taken += length;
            if self.place == Place::Top || !rest.get(length..).is_some_and(|rest| rest.starts_with(b",{")) {
                self.is_after_value = self.place != Place::Top;
                return Ok(taken);
            }
            taken += 1;
        }
    }

    fn member_name(&mut self, rest: &[u8]) -> Result<Option<usize>, RowError> {
        let Some((name, length)) = name(rest) else {
            return if rest.first() == Some(&b'"') { Ok(None) } else { Err(broken("is no page")) };
        };
        let after = rest.get(length..).unwrap_or_default();
        let spaces = after.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match after.get(spaces) {
            None => Ok(None),
            Some(b':') => {
                // Of a member that is not known the value is passed over, like that of `previous`.
                self.member = Some(Member::of(name).unwrap_or(Member::Previous));
                Ok(Some(length + spaces + 1))
            }
            Some(_) => Err(broken("is no page")),
        }
    }

    fn page_member(&mut self, value: &str) {
        match (self.member.take(), Value::of(value)) {
            (Some(Member::Count), Value::Number(count)) => self.pages.count = count.parse().ok(),
            (Some(Member::Next), Value::Text(next)) => {
                self.pages.next = unescape(next).map(|next| next.as_ref().to_owned());
            }
            (Some(Member::Next), _) => self.pages.next = None,
            _ => {}
        }
    }
}

fn broken(what: &str) -> RowError {
    RowError { field: None, message: what.into() }
}

/// The first name of a text that begins with a quote, and how long it is with both; `None` if it has not ended.
fn name(text: &[u8]) -> Option<(&[u8], usize)> {
    let inside = text.strip_prefix(b"\"")?;
    let length = inside.iter().position(|&byte| byte == b'"')?;
    Some((inside.get(..length)?, length + 2))
}

/// Whether an object is a page: by its first member. `None` if that has not ended.
fn page_begins(object: &[u8]) -> Option<bool> {
    let inside = object.get(1..)?.trim_ascii_start();
    match inside.first()? {
        b'"' => name(inside).map(|(name, _)| Member::of(name).is_some()),
        _ => Some(false),
    }
}

impl Scan {
    /// The length of the value that a text begins with; what is inside of it is not looked at.
    fn end(&mut self, text: &[u8]) -> Option<usize> {
        for &byte in text.get(self.at..)? {
            self.at += 1;
            if self.in_text {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => {
                        self.in_text = false;
                        if self.depth == 0 {
                            return Some(self.at);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_text = true,
                b'{' | b'[' => self.depth += 1,
                // A word or a number ends where something else begins.
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
    use crate::json::Reader;
    use alloc::{format, string::ToString};
    use proptest::prelude::*;

    fn split(pieces: &[&[u8]]) -> Result<(Vec<String>, Pages), String> {
        let mut rows = Vec::new();
        let mut splitter = Splitter::default();
        let mut take = |row: &str| {
            // What a row is, is the affair of who reads it.
            Reader::new(row).value().map_err(|_| broken("is no JSON"))?;
            rows.push(row.to_string());
            Ok(())
        };
        for piece in pieces {
            splitter.push(piece, &mut take).map_err(|error| error.to_string())?;
        }
        let pages = splitter.finish().map_err(|error| error.to_string())?;
        Ok((rows, pages))
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
    fn what_is_none() {
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
    fn no_field_is_called_as_a_member_of_a_page() {
        for field in RESOURCES.iter().flat_map(|resource| resource.fields) {
            assert_eq!(Member::of(field.name.as_bytes()), None);
        }
    }

    proptest! {
        /// However a text is cut, its rows are the same.
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
            let (rows, pages) = split(&pieces).unwrap();
            prop_assert_eq!(rows.len(), 5);
            prop_assert_eq!(pages, Pages { rows: 5, count: Some(3), next: Some("http://h/?offset=2".into()) });
            prop_assert_eq!(rows.first().map(String::as_str), Some(r#"{"id":1,"é":"\"{"}"#));
        }
    }
}
