//! Plain rows of JSON that lie one after the other in a text, read into cells.
//!
//! Rows of a page have their members in one order: the member that came next in the row before is expected next in this
//! one, and found by a comparison. What nobody wants is checked and passed over.

use crate::text::{is_same, plain_length};

/// A field, as far as reading goes.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Its name, which is plain.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether `null` is no value of it.
    pub is_required: bool,
    /// Whether its value is of interest; if not, it is checked all the same.
    pub is_wanted: bool,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number of at most 2⁵³ − 1.
    Integer,
    /// A number of at most four decimal places.
    Decimal,
    /// Any number.
    Number,
    /// `true` or `false`
    Boolean,
    /// Text.
    Text,
    /// A date and a time, as `YYYY-MM-DDThh:mm:ss`.
    DateTime,
    /// Any value.
    Any,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Cell<'a> {
    /// There is none, or `null`, or nobody wants it.
    #[default]
    None,
    /// `true` or `false`
    Boolean(bool),
    /// A whole number; of a decimal, in ten-thousandths.
    Integer(i64),
    /// A text without escapes.
    Text(&'a str),
    /// Seconds from 1970-01-01T00:00:00 to a date and time as written.
    Seconds(i64),
}

/// So many fields a resource has at most.
pub const FIELDS: usize = 64;

/// Reads rows of one resource.
#[derive(Clone, Debug)]
pub struct Rows {
    specs: &'static [Spec],
    /// The field that came after each of the fields, and at last the first one.
    next: [u8; FIELDS + 1],
}

impl Rows {
    /// Of a resource of these fields, at most [`FIELDS`].
    pub fn new(specs: &'static [Spec]) -> Rows {
        let mut next = [0; FIELDS + 1];
        for (next, place) in next.iter_mut().take(FIELDS).zip(1..) {
            *next = place;
        }
        Rows { specs, next }
    }

    /// Reads the row that a text begins with, and tells how long it is. Cells are those of the fields, in order.
    ///
    /// `None` where the row is not plain, is wrong, or lacks something; what the cells then hold is meaningless.
    // Inlined, it would be made as small as what is around it.
    #[inline(never)]
    pub fn read<'a>(&mut self, text: &'a str, cells: &mut [Cell<'a>]) -> Option<usize> {
        cells.fill(Cell::None);
        let mut found = 0u64;
        let mut place = FIELDS;
        let mut rest = text.as_bytes().strip_prefix(b"{")?;
        loop {
            let expected = usize::from(self.next.get(place).copied().unwrap_or(0));
            let spec = self.specs.get(expected);
            let spec = match spec.and_then(|spec| after_name(rest, spec.name)) {
                Some(after) => {
                    (rest, place) = (after, expected);
                    spec
                }
                None => {
                    let name = rest.strip_prefix(b"\"")?;
                    let (name, after) = name.split_at_checked(plain_length(name))?;
                    rest = after.strip_prefix(b"\":")?;
                    match self.specs.iter().position(|spec| spec.name.as_bytes() == name) {
                        Some(index) => {
                            if let Some(next) = self.next.get_mut(place) {
                                *next = index as u8;
                            }
                            place = index;
                            self.specs.get(index)
                        }
                        // A row that deletes is read by who knows what that means.
                        None if name == b"_deleted" => return None,
                        None => None,
                    }
                }
            };
            rest = rest.strip_prefix(b" ").unwrap_or(rest);
            let (cell, after) = value(rest, text, spec)?;
            if let Some(spec) = spec {
                found |= 1 << place;
                if let Some(kept) = cells.get_mut(place).filter(|_| spec.is_wanted) {
                    *kept = cell;
                }
            }
            let (&separator, after) = after.split_first()?;
            rest = after;
            match separator {
                b',' => rest = rest.strip_prefix(b" ").unwrap_or(rest),
                b'}' => break,
                _ => return None,
            }
        }
        let is_whole = self.specs.iter().enumerate().all(|(place, spec)| !spec.is_required || found >> place & 1 == 1);
        is_whole.then_some(text.len() - rest.len())
    }
}

type Rest<'a> = &'a [u8];

/// What follows `"name":`.
#[inline(always)]
fn after_name<'a>(text: Rest<'a>, name: &str) -> Option<Rest<'a>> {
    let (head, rest) = text.split_at_checked(name.len() + 3)?;
    let [b'"', found @ .., b'"', b':'] = head else { return None };
    is_same(found, name.as_bytes()).then_some(rest)
}

#[inline(always)]
fn value<'a>(rest: Rest<'a>, text: &'a str, spec: Option<&Spec>) -> Option<(Cell<'a>, Rest<'a>)> {
    let kind = spec.map_or(Kind::Any, |spec| spec.kind);
    match *rest.first()? {
        b'"' => {
            let rest = rest.get(1..)?;
            match kind {
                Kind::DateTime => {
                    let (text, rest) = rest.split_first_chunk::<20>()?;
                    Some((Cell::Seconds(seconds(text)?), rest))
                }
                Kind::Text if spec.is_some_and(|spec| spec.is_wanted) => {
                    let (inside, after) = rest.split_at_checked(plain_length(rest))?;
                    let begin = text.len() - rest.len();
                    Some((Cell::Text(text.get(begin..begin + inside.len())?), after.strip_prefix(b"\"")?))
                }
                Kind::Text | Kind::Any => Some((Cell::None, after_text(rest)?)),
                _ => None,
            }
        }
        b'n' => {
            let is_wrong = spec.is_some_and(|spec| spec.is_required);
            rest.strip_prefix(b"null").filter(|_| !is_wrong).map(|rest| (Cell::None, rest))
        }
        b't' if matches!(kind, Kind::Boolean | Kind::Any) => {
            rest.strip_prefix(b"true").map(|rest| (Cell::Boolean(true), rest))
        }
        b'f' if matches!(kind, Kind::Boolean | Kind::Any) => {
            rest.strip_prefix(b"false").map(|rest| (Cell::Boolean(false), rest))
        }
        b'[' if kind == Kind::Any => rest.strip_prefix(b"[]").map(|rest| (Cell::None, rest)),
        _ => number(rest, kind),
    }
}

/// The largest size of a number: doubles are exact up to here.
const MAX: i64 = (1 << 53) - 1;

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?`, and no exponent.
#[inline(always)]
fn number<'a>(text: Rest<'a>, kind: Kind) -> Option<(Cell<'a>, Rest<'a>)> {
    let unsigned = text.strip_prefix(b"-");
    let digits = unsigned.unwrap_or(text);
    let (mut size, mut rest) = leading_number(digits);
    let length = digits.len() - rest.len();
    // Numbers of so many digits fit 64 bits; a decimal's four more have to fit too.
    if length == 0 || length > 14 || (length > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    let fraction = rest.strip_prefix(b".");
    if let Some(fraction) = fraction {
        let (part, after) = leading_number(fraction);
        let places = fraction.len() - after.len();
        rest = after;
        match (kind, places) {
            (_, 0) | (Kind::Integer, _) => return None,
            (Kind::Decimal, 1..=4) => {
                const TENS: [i64; 5] = [1, 10, 100, 1_000, 10_000];
                let tens = |places: usize| TENS.get(places).copied().unwrap_or(1);
                // At most 18 digits: nothing overflows, and it costs to ask.
                size = size.wrapping_mul(10_000).wrapping_add(part.wrapping_mul(tens(4 - places)));
            }
            (Kind::Decimal, _) => return None,
            _ => {}
        }
    } else if kind == Kind::Decimal {
        size = size.wrapping_mul(10_000);
    }
    if matches!(rest.first(), Some(b'e' | b'E' | b'0'..=b'9')) {
        return None;
    }
    // Of -0 others have their own opinion.
    let is_unclear = unsigned.is_some() && size == 0;
    match kind {
        Kind::Integer | Kind::Decimal if size <= MAX && !is_unclear => {
            Some((Cell::Integer(if unsigned.is_some() { -size } else { size }), rest))
        }
        Kind::Number | Kind::Any => Some((Cell::None, rest)),
        _ => None,
    }
}

/// The number that the digits at the start of a text write, and what follows. Of more than 18 it is meaningless.
#[inline(always)]
fn leading_number(text: Rest<'_>) -> (i64, Rest<'_>) {
    let mut number = 0i64;
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
        rest = after;
    }
    (number, rest)
}

/// What follows a text that begins here. Its escapes are looked at; half characters (`\ud800`) are left to others.
#[inline]
fn after_text(mut text: Rest<'_>) -> Option<Rest<'_>> {
    loop {
        text = text.get(plain_length(text)..)?;
        let (&end, rest) = text.split_first()?;
        text = match (end, rest) {
            (b'"', rest) => return Some(rest),
            (b'\\', [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..]) => rest,
            (b'\\', [b'u', digits @ ..]) => {
                let (digits, rest) = digits.split_first_chunk::<4>()?;
                let is_half = matches!(digits, [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
                if is_half || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                rest
            }
            _ => return None,
        };
    }
}

/// Seconds from 1970-01-01T00:00:00 to `YYYY-MM-DDThh:mm:ss"`.
#[inline(always)]
fn seconds(text: &[u8; 20]) -> Option<i64> {
    let (date, rest) = text.split_first_chunk::<8>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let [b':', s1, s2, b'"'] = *rest else { return None };
    let date = pairs(date, b"0000-00-")?;
    let time = pairs(time, b"00T00:00")?;
    let [year, _, years, _, _, month, ..] = date;
    let [day, _, _, hour, _, _, minute, _] = time;
    let (s1, s2) = (s1.wrapping_sub(b'0'), s2.wrapping_sub(b'0'));
    if s1 > 5 || s2 > 9 || hour > 23 || minute > 59 {
        return None;
    }
    let day = day_number(i32::from(year) * 100 + i32::from(years), month, day)?;
    let second = i32::from(hour) * 3600 + i32::from(minute) * 60 + i32::from(s1 * 10 + s2);
    Some(i64::from(day).wrapping_mul(86_400).wrapping_add(i64::from(second)))
}

/// Of each byte and the next the number that two digits write, where a text has digits where its form has zeros, and
/// the form's other characters.
#[inline(always)]
fn pairs(text: &[u8; 8], form: &[u8; 8]) -> Option<[u8; 8]> {
    let digits = u64::from_le_bytes(*text) ^ u64::from_le_bytes(*form);
    // What is added takes a byte to 128 or more if it is more than 9; and others if they are more than 0.
    let mut beyond = [0x76; 8];
    for (beyond, &form) in beyond.iter_mut().zip(form) {
        *beyond = if form == b'0' { 0x76 } else { 0x7f };
    }
    const HIGH: u64 = 0x8080_8080_8080_8080;
    if digits & HIGH != 0 || digits.wrapping_add(u64::from_le_bytes(beyond)) & HIGH != 0 {
        return None;
    }
    // No byte is more than 99: none carries into the next.
    Some((digits.wrapping_mul(10).wrapping_add(digits >> 8)).to_le_bytes())
}

/// Days from 1970-01-01 to a day of the years 1 to 9999; `None` if there is no such day.
#[inline(always)]
fn day_number(year: i32, month: u8, day: u8) -> Option<i32> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u8::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > days || year == 0 {
        return None;
    }
    // Years that begin with March end with the leap day; 306 days lie between March and January.
    let (month, year) = (i32::from(month), year - i32::from(month < 3));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i32::from(day) - 1;
    Some(year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468)
}
