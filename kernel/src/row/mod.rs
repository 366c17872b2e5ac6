//! A fast scanner for plain JSON rows that lie one after the other in a text.
//!
//! The rows of a page have their members in one order. The scanner expects the member that followed in the row before and
//! compares its name as a whole, with the comma before it and the colon after it. Everything but long texts is read
//! from a window of 64 bytes, so a single bounds check covers a member. The length of a number decides no branch,
//! because a processor predicts such a branch badly.
//!
//! Rows load several times faster than through serde: see `npm run bench -- text`.

mod date;
mod number;
#[cfg(test)]
mod tests;
mod value;

pub use value::TextSpan;

use crate::text::{Name, plain_length};
use alloc::vec::Vec;
use date::DateParser;
use number::{decimal, integer, long_decimal, long_integer, number, skip_count, skip_integer};
use value::{WINDOW, boolean, byte, literal, long_text, pack_span, text_in_quotes, window_of};

/// A field as far as scanning goes.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    /// The name, without characters that JSON escapes.
    pub name: &'static str,
    /// The type of the values.
    pub kind: Kind,
    /// Reports whether a row without a value is left to the caller.
    pub is_required: bool,
    /// Reports whether the value is kept. Other values are only checked.
    pub is_wanted: bool,
}

/// The type of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number of at most 2⁵³ − 1.
    Integer,
    /// A whole number of at most 2⁵³ − 1, and at least 0 unless it is wanted or required: then the caller checks it.
    Count,
    /// A number of at most four decimal places, kept in ten-thousandths.
    Decimal,
    /// Any number, kept as its text.
    Number,
    /// `true` or `false`, kept as 1 or 0.
    Boolean,
    /// A text.
    Text,
    /// A date and time, `YYYY-MM-DDThh:mm:ss`, kept in seconds since 1970-01-01T00:00:00.
    DateTime,
    /// An empty list. The caller reads rows with other lists.
    EmptyList,
    /// A scalar or an empty list, kept as its text. Quotes and brackets belong to the text.
    Any,
}

/// The largest number of fields.
pub const MAX_FIELDS: usize = 62;

/// The slots of a row's values: one for each field, and one for members that are no fields.
const SLOTS: usize = MAX_FIELDS + 2;

/// Scans rows of one resource.
#[derive(Clone, Debug)]
pub struct RowScanner {
    fields: Vec<FieldSpec>,
    /// The fields and the end of a row, in the order of the last row; fields that it did not have follow the end.
    expected: Vec<ExpectedMember>,
    /// The first expected member follows the brace that opens a row, and not a comma.
    begins_with_field: bool,
    /// Stands for any member that is no field.
    unknown: ExpectedMember,
    /// A bit for each required field.
    required: u64,
    /// A bit for each used field with a value, and for each that is null.
    found: u64,
    nulls: u64,
    values: [i64; SLOTS],
    /// The position in the text, and the index of the expected member.
    at: usize,
    next: usize,
    date: DateParser,
}

/// A member that may come next.
#[derive(Clone, Copy, Debug)]
struct ExpectedMember {
    /// The text `,"name":`
    name: Name,
    /// The bit of a used field, or no bit.
    bit: u64,
    slot: u8,
    token: Token,
}

#[derive(Clone, Copy, Debug)]
enum Token {
    EndOfRow,
    Integer,
    /// An integer whose value nobody uses.
    SkippedInteger,
    /// An integer that is not negative, whose value nobody uses.
    SkippedCount,
    Decimal,
    Number,
    Boolean,
    Text,
    DateTime,
    EmptyList,
    Any,
}

impl ExpectedMember {
    fn field(separator: &[u8], field: &FieldSpec, slot: usize, colon: &[u8]) -> ExpectedMember {
        let is_used = field.is_wanted || field.is_required;
        let token = match field.kind {
            Kind::Integer | Kind::Count if is_used => Token::Integer,
            Kind::Count => Token::SkippedCount,
            Kind::Integer => Token::SkippedInteger,
            Kind::Decimal => Token::Decimal,
            Kind::Number => Token::Number,
            Kind::Boolean => Token::Boolean,
            Kind::Text => Token::Text,
            Kind::DateTime => Token::DateTime,
            Kind::EmptyList => Token::EmptyList,
            Kind::Any => Token::Any,
        };
        let name = Name::new(&[separator, b"\"", field.name.as_bytes(), b"\"", colon]);
        ExpectedMember { name, bit: u64::from(is_used) << (slot % SLOTS), slot: slot as u8, token }
    }

    fn other(name: &[u8], token: Token) -> ExpectedMember {
        ExpectedMember { name: Name::new(&[name]), bit: 0, slot: MAX_FIELDS as u8, token }
    }
}

impl RowScanner {
    /// Creates a scanner for rows of these fields; those beyond [`MAX_FIELDS`] count as unknown.
    pub fn new(fields: impl IntoIterator<Item = FieldSpec>) -> RowScanner {
        let fields: Vec<FieldSpec> = fields.into_iter().take(MAX_FIELDS).collect();
        let required = fields.iter().zip(0..).map(|(field, slot)| u64::from(field.is_required) << slot).sum();
        let mut scanner = RowScanner {
            fields,
            expected: Vec::new(),
            begins_with_field: false,
            unknown: ExpectedMember::other(b"", Token::Any),
            required,
            found: 0,
            nulls: 0,
            values: [0; SLOTS],
            at: 0,
            next: 0,
            date: DateParser::default(),
        };
        scanner.expect(Some(0), false);
        scanner
    }

    /// Expects rows that begin with the field `first`, or with a member that is no field, followed by the others in their
    /// order.
    fn expect(&mut self, first: Option<usize>, is_spaced: bool) {
        let (comma, colon): (&[u8], &[u8]) = if is_spaced { (b", ", b": ") } else { (b",", b":") };
        self.expected.clear();
        let fields = self.fields.iter().enumerate();
        self.expected.extend(fields.map(|(slot, field)| {
            ExpectedMember::field(if Some(slot) == first { b"{" } else { comma }, field, slot, colon)
        }));
        if let Some(to_first) = first.and_then(|first| self.expected.get_mut(..=first)) {
            to_first.rotate_right(1);
        }
        self.begins_with_field = first.is_some();
        self.expected.push(ExpectedMember::other(b"}", Token::EndOfRow));
    }

    /// Returns the value of a wanted field in the last row: an integer, ten-thousandths, seconds, 0 or 1.
    #[inline]
    pub fn integer(&self, field: usize) -> Option<i64> {
        self.values.get(field).copied().filter(|_| self.found >> (field % SLOTS) & 1 == 1)
    }

    /// Returns where the text, or the number of kind [`Kind::Number`], of a wanted field lies in the last row. A value of
    /// kind [`Kind::Any`] begins one byte before the span, and ends with the byte at its end.
    #[inline]
    pub fn text(&self, field: usize) -> Option<TextSpan> {
        self.integer(field).map(value::unpack_span)
    }

    /// Returns the seconds of a wanted date-time in the last row, and the position of its text of 19 bytes.
    #[inline]
    pub fn date_time(&self, field: usize) -> Option<(i64, usize)> {
        self.integer(field).map(date::unpack)
    }

    /// Reports whether a wanted field of the last row has a value that is not null.
    #[inline]
    pub fn has_value(&self, field: usize) -> bool {
        self.found >> (field % SLOTS) & 1 == 1
    }

    /// Reports whether a wanted field of the last row is null.
    #[inline]
    pub fn is_null(&self, field: usize) -> bool {
        self.nulls >> (field % SLOTS) & !(self.found >> (field % SLOTS)) & 1 == 1
    }

    /// Scans the row that a text begins with, and returns its length. The bytes up to there are UTF-8.
    ///
    /// Returns `None` if the row is not plain, is invalid, or lacks a required field. Values are meaningless then.
    #[inline(never)]
    pub fn read(&mut self, text: &[u8]) -> Option<usize> {
        (self.at, self.next, self.found, self.nulls) = (0, 0, 0, 0);
        if !self.read_expected(text) {
            while !self.read_unexpected(text)? && !self.read_expected(text) {}
        }
        (self.found & self.required == self.required).then_some(self.at)
    }

    /// Reads members as long as they are the expected ones, and reports whether the row has ended.
    // It makes no calls: around a call, WebAssembly engines keep the loop's variables in memory instead of registers. If it
    // were inlined, it would be optimized for size like its caller.
    #[inline(never)]
    fn read_expected(&mut self, text: &[u8]) -> bool {
        let mut rest = text.get(self.at..).unwrap_or_default();
        let mut members = self.expected.get(self.next..).unwrap_or_default().iter();
        let (mut found, mut nulls) = (self.found, self.nulls);
        let is_end = 'row: loop {
            let (Some(window), Some(expected)) = (rest.first_chunk(), members.as_slice().first()) else {
                break 'row false;
            };
            if !expected.name.is_at_start_of(window) {
                break 'row false;
            }
            let begin = expected.name.length();
            let at = text.len() - rest.len();
            let end = 'end: {
                let read = match expected.token {
                    // Most fields of a commit are of this token. It is tried before what only the others need.
                    Token::SkippedCount => match skip_count(window, begin) {
                        Some(end) => break 'end end,
                        None => None,
                    },
                    Token::SkippedInteger => match skip_integer(window, begin) {
                        Some(end) => break 'end end,
                        None => None,
                    },
                    Token::Integer => integer(window, begin),
                    Token::Boolean => boolean(window, begin),
                    Token::DateTime => self.date.read(window, begin, at),
                    Token::Text => text_in_quotes(rest, window, begin, at),
                    Token::Decimal => decimal(window, begin),
                    Token::Number | Token::EmptyList | Token::Any => break 'row false,
                    Token::EndOfRow => {
                        rest = rest.get(begin..).unwrap_or_default();
                        break 'row true;
                    }
                };
                // If a field is named twice, the later value counts.
                if let Some((value, end)) = read {
                    self.values.get_mut(usize::from(expected.slot)).into_iter().for_each(|slot| *slot = value);
                    found |= expected.bit;
                    end
                } else if let Some(end) = literal(window, begin, b"null") {
                    found &= !expected.bit;
                    nulls |= expected.bit;
                    end
                } else {
                    break 'row false;
                }
            };
            let Some(after) = rest.get(end..) else { break 'row false };
            rest = after;
            members.next();
        };
        self.at = text.len() - rest.len();
        self.next = self.expected.len() - members.len();
        (self.found, self.nulls) = (found, nulls);
        is_end
    }

    /// Reads one member, or the end of the row, whichever it is, and reports whether the row has ended.
    #[cold]
    #[inline(never)]
    fn read_unexpected(&mut self, text: &[u8]) -> Option<bool> {
        let rest = text.get(self.at..)?;
        let (index, begin) = self.find_member(rest, self.next, self.at == 0)?;
        self.at += begin;
        let expected = match index {
            Some(index) => *self.expected.get(index)?,
            None => self.unknown,
        };
        if let Token::EndOfRow = expected.token {
            return Some(true);
        }
        if index == Some(self.next) {
            self.next += 1;
        }
        let rest = text.get(self.at..)?;
        let mut spare = [0; WINDOW];
        let window = window_of(rest, &mut spare);
        if let Some(end) = literal(window, 0, b"null") {
            self.found &= !expected.bit;
            self.nulls |= expected.bit;
            self.at += end;
            return Some(false);
        }
        let (value, end) = match expected.token {
            Token::Integer | Token::SkippedInteger => long_integer(window)?,
            Token::SkippedCount => long_integer(window).filter(|&(count, _)| count >= 0)?,
            Token::Decimal => long_decimal(window)?,
            Token::Number => number(window, self.at)?,
            Token::Boolean => boolean(window, 0)?,
            Token::DateTime => self.date.read_any(window, self.at)?,
            Token::Text => long_text(rest, self.at)?,
            Token::EmptyList => (0, literal(window, 0, b"[]")?),
            Token::Any | Token::EndOfRow => {
                let (_, end) = match byte(window, 0) {
                    b'"' => long_text(rest, self.at)?,
                    b'[' => (0, literal(window, 0, b"[]")?),
                    b't' | b'f' => boolean(window, 0)?,
                    _ => number(window, self.at)?,
                };
                (pack_span(self.at, 0, end - 1, false), end)
            }
        };
        *self.values.get_mut(usize::from(expected.slot))? = value;
        self.found |= expected.bit;
        self.at += end;
        Some(false)
    }

    /// Finds the member that follows in place of the expected one at `next`. Returns its index among the expected
    /// members, if it has one, and where its value begins.
    fn find_member(&mut self, text: &[u8], next: usize, is_first: bool) -> Option<(Option<usize>, usize)> {
        let (&separator, mut rest) = text.split_first()?;
        let slot = match (separator, is_first) {
            (b'}', false) => MAX_FIELDS,
            (b'{', true) | (b',', false) => {
                if !is_first {
                    rest = rest.strip_prefix(b" ").unwrap_or(rest);
                }
                let quoted = rest.strip_prefix(b"\"")?;
                let (name, after) = quoted.split_at_checked(plain_length(quoted))?;
                let value = after.strip_prefix(b"\":")?;
                rest = value.strip_prefix(b" ").unwrap_or(value);
                let field = self.fields.iter().position(|field| field.name.as_bytes() == name);
                // The field that opened other rows must not follow another member with a brace.
                if is_first && (field.is_some() || self.begins_with_field) {
                    self.expect(field, rest.len() < value.len());
                }
                match field {
                    Some(field) => field,
                    // The caller reads rows that delete a record.
                    None if name == b"_deleted" || core::str::from_utf8(name).is_err() => return None,
                    None => return Some((None, text.len() - rest.len())),
                }
            }
            _ => return None,
        };
        let mut index = self.expected.iter().position(|expected| usize::from(expected.slot) == slot)?;
        if index > next {
            // The members that are passed over here come later, or not at all.
            self.expected.get_mut(next..)?.rotate_left(index - next);
            index = next;
        }
        Some((Some(index), text.len() - rest.len()))
    }
}
