//! Plain rows of JSON that lie one after the other in a text, read into cells.
//!
//! RowReader of a page have their members in one order: the member that came next in the row before is expected next in this
//! one, and its name is compared as a whole, with the comma before it and the colon behind it. What is read of a member,
//! but for long texts, lies in a [`Window`] of 64 bytes, so that one look at where the text ends is enough for it.
//! Nothing branches by how long a number is: that is mostly by chance, and a processor guesses it wrongly.

use crate::text::{Name, ends_of_16, ends_of_64, plain_length};
use alloc::vec::Vec;

/// A field, as far as reading goes.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
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
    /// Any number; it is only checked.
    Number,
    /// `true` or `false`
    Boolean,
    /// Text.
    Text,
    /// A date and a time, as `YYYY-MM-DDThh:mm:ss`.
    DateTime,
    /// Any value; it is only checked.
    Any,
}

/// So many fields a resource has at most.
pub const FIELDS: usize = 62;

/// So many values of a row are kept: one for each field, and one of what is none.
const PLACES: usize = FIELDS + 2;

/// Reads rows of one resource.
#[derive(Clone, Debug)]
pub struct RowReader {
    specs: &'static [FieldSpec],
    /// The fields and the end of a row, in the order in which they came last; what did not come is behind the end.
    expected: Vec<Expected>,
    /// The place of the field that rows begin with.
    first: usize,
    /// A member that is no field.
    other: Expected,
    /// Whether spaces are behind commas and colons.
    is_spaced: bool,
    /// A bit for each field that has to be there.
    required: u64,
    /// A bit for each field of use that the row has, and its value.
    found: u64,
    values: [i64; PLACES],
    /// How far the row is read, and what is expected there: a place of the order.
    at: usize,
    place: usize,
    date: Date,
}

/// What may come next.
#[derive(Clone, Copy, Debug)]
struct Expected {
    /// `,"name":`
    name: Name,
    /// Its bit among those that were found; none if it is neither wanted nor required.
    bit: u64,
    place: u8,
    next: Next,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    /// `}`
    End,
    Integer,
    /// One that nobody wants.
    SomeInteger,
    Decimal,
    Boolean,
    Text,
    DateTime,
    SomeNumber,
    Anything,
}

/// A date and time, as it was written last: all of it, and the date alone.
#[derive(Clone, Copy, Debug)]
struct Date {
    words: [u64; 3],
    seconds: i64,
    midnight: i64,
}

/// The bytes of a text from some place on; behind its end, zeros.
type Window = [u8; WINDOW];

const WINDOW: usize = 64;

impl Expected {
    fn field(separator: &[u8], spec: &FieldSpec, place: usize, colon: &[u8]) -> Expected {
        let is_used = spec.is_wanted || spec.is_required;
        let next = match spec.kind {
            Kind::Integer if is_used => Next::Integer,
            Kind::Integer => Next::SomeInteger,
            Kind::Decimal => Next::Decimal,
            Kind::Number => Next::SomeNumber,
            Kind::Boolean => Next::Boolean,
            Kind::Text => Next::Text,
            Kind::DateTime => Next::DateTime,
            Kind::Any => Next::Anything,
        };
        let name = Name::new(&[separator, b"\"", spec.name.as_bytes(), b"\"", colon]);
        Expected { name, bit: u64::from(is_used) << (place % PLACES), place: place as u8, next }
    }

    fn other(name: &[u8], next: Next) -> Expected {
        Expected { name: Name::new(&[name]), bit: 0, place: FIELDS as u8, next }
    }
}

impl RowReader {
    /// Of a resource of these fields, at most [`FIELDS`].
    pub fn new(specs: &'static [FieldSpec]) -> RowReader {
        let required = specs.iter().zip(0..).map(|(spec, place)| u64::from(spec.is_required) << place);
        let mut rows = RowReader {
            specs,
            expected: Vec::new(),
            first: 0,
            other: Expected::other(b"", Next::Anything),
            is_spaced: false,
            required: required.sum(),
            found: 0,
            values: [0; PLACES],
            at: 0,
            place: 0,
            // No quote is behind these.
            date: Date { words: [u64::MAX; 3], seconds: 0, midnight: 0 },
        };
        rows.expect(0, false);
        rows
    }

    /// Expects rows that begin with some field, and the others in their order.
    fn expect(&mut self, first: usize, is_spaced: bool) {
        let (comma, colon): (&[u8], &[u8]) = if is_spaced { (b", ", b": ") } else { (b",", b":") };
        self.expected.clear();
        let fields = self.specs.iter().enumerate();
        self.expected.extend(
            fields.map(|(place, spec)| Expected::field(if place == first { b"{" } else { comma }, spec, place, colon)),
        );
        self.expected.get_mut(..=first).into_iter().for_each(|to_first| to_first.rotate_right(1));
        self.expected.push(Expected::other(b"}", Next::End));
        (self.first, self.is_spaced) = (first, is_spaced);
    }

    /// The value of a wanted field in the row that was read last: a whole number; of a decimal, in ten-thousandths; of a
    /// date, seconds from 1970-01-01T00:00:00 to it as written; of a boolean, 0 or 1.
    #[inline]
    pub fn number(&self, place: usize) -> Option<i64> {
        self.values.get(place).copied().filter(|_| self.found >> (place % PLACES) & 1 == 1)
    }

    /// Where in the row the text of a wanted field begins and ends, and whether it has escapes.
    #[inline]
    pub fn text(&self, place: usize) -> Option<(usize, usize, bool)> {
        let packed = self.number(place)?.cast_unsigned();
        Some(((packed & 0xffff_ffff) as usize, (packed >> 33) as usize, packed >> 32 & 1 == 1))
    }

    /// Reads the row that a text begins with, and tells how long it is; so far the text is UTF-8.
    ///
    /// `None` where the row is not plain, is wrong, or lacks something; what is asked of it then is meaningless.
    #[inline(never)]
    pub fn read(&mut self, text: &[u8]) -> Option<usize> {
        (self.at, self.place, self.found) = (0, 0, 0);
        if !self.run(text) {
            while !self.step(text)? && !self.run(text) {}
        }
        (self.found & self.required == self.required).then_some(self.at)
    }

    /// Reads members as long as they are usual, and tells whether the row has ended.
    // It calls nothing: an engine would keep in memory, not in registers, what a loop with a call in it knows, however
    // rare the call is. Inlined, it would be made as small as what is around it, and get such a call.
    #[inline(never)]
    fn run(&mut self, text: &[u8]) -> bool {
        let mut rest = text.get(self.at..).unwrap_or_default();
        let mut order = self.expected.get(self.place..).unwrap_or_default().iter();
        let mut found = self.found;
        let is_end = 'row: loop {
            let (Some(window), Some(expected)) = (rest.first_chunk(), order.as_slice().first()) else {
                break 'row false;
            };
            if !expected.name.is_at_start_of(window) {
                break 'row false;
            }
            let begin = expected.name.length();
            let end = 'end: {
                let read = match expected.next {
                    // Most are this, so it comes before all that is needed for the others.
                    Next::SomeInteger => match some_integer(window, begin) {
                        Some(end) => break 'end end,
                        None => None,
                    },
                    Next::Integer => integer(window, begin),
                    Next::Boolean => boolean(window, begin),
                    Next::DateTime => self.date.read(window, begin),
                    Next::Text => text_in_quotes(rest, window, begin, text.len() - rest.len()),
                    Next::Decimal => decimal(window, begin),
                    Next::SomeNumber | Next::Anything => break 'row false,
                    Next::End => {
                        rest = rest.get(begin..).unwrap_or_default();
                        break 'row true;
                    }
                };
                // Of a field that is named twice the later value counts.
                if let Some((value, end)) = read {
                    self.values.get_mut(usize::from(expected.place)).into_iter().for_each(|slot| *slot = value);
                    found |= expected.bit;
                    end
                } else if let Some(end) = word_of(window, begin, b"null") {
                    found &= !expected.bit;
                    end
                } else {
                    break 'row false;
                }
            };
            let Some(after) = rest.get(end..) else { break 'row false };
            rest = after;
            order.next();
        };
        self.at = text.len() - rest.len();
        self.place = self.expected.len() - order.len();
        self.found = found;
        is_end
    }

    /// Reads a member, whatever it is, or the end, and tells whether it was that.
    #[cold]
    #[inline(never)]
    fn step(&mut self, text: &[u8]) -> Option<bool> {
        let rest = text.get(self.at..)?;
        let (place, begin) = self.look_for(rest, self.place, self.at == 0)?;
        self.at += begin;
        let expected = match place {
            Some(place) => *self.expected.get(place)?,
            None => self.other,
        };
        if let Next::End = expected.next {
            return Some(true);
        }
        if place == Some(self.place) {
            self.place += 1;
        }
        let rest = text.get(self.at..)?;
        let mut spare = [0; WINDOW];
        let window = window_of(rest, &mut spare);
        if let Some(end) = word_of(window, 0, b"null") {
            self.found &= !expected.bit;
            self.at += end;
            return Some(false);
        }
        let (value, end) = match expected.next {
            Next::Integer | Next::SomeInteger => long_integer(window)?,
            Next::Decimal => long_decimal(window)?,
            Next::Boolean => boolean(window, 0)?,
            Next::DateTime => self.date.read_any(window)?,
            Next::Text => long_text(rest, self.at)?,
            Next::SomeNumber => some_number(window)?,
            Next::Anything | Next::End => match byte(window, 0) {
                b'"' => long_text(rest, self.at)?,
                b'[' => (0, word_of(window, 0, b"[]")?),
                b't' | b'f' => boolean(window, 0)?,
                _ => some_number(window)?,
            },
        };
        *self.values.get_mut(usize::from(expected.place))? = value;
        self.found |= expected.bit;
        self.at += end;
        Some(false)
    }

    /// What follows instead of what was expected at a place of the order: its place there, if it has one, and where
    /// its value begins.
    fn look_for(&mut self, text: &[u8], place: usize, is_first: bool) -> Option<(Option<usize>, usize)> {
        let (&separator, mut rest) = text.split_first()?;
        let field = match (separator, is_first) {
            (b'}', false) => FIELDS,
            (b'{', true) | (b',', false) => {
                if !is_first {
                    rest = rest.strip_prefix(b" ").unwrap_or(rest);
                }
                let quoted = rest.strip_prefix(b"\"")?;
                let (name, after) = quoted.split_at_checked(plain_length(quoted))?;
                let value = after.strip_prefix(b"\":")?;
                rest = value.strip_prefix(b" ").unwrap_or(value);
                let field = self.specs.iter().position(|spec| spec.name.as_bytes() == name);
                if let Some(field) = field.filter(|_| is_first) {
                    self.expect(field, rest.len() < value.len());
                }
                match field {
                    Some(field) => field,
                    // A row that deletes is read by who knows what that means.
                    None if name == b"_deleted" || core::str::from_utf8(name).is_err() => return None,
                    None => return Some((None, text.len() - rest.len())),
                }
            }
            _ => return None,
        };
        let mut found = self.expected.iter().position(|expected| usize::from(expected.place) == field)?;
        if found > place {
            // What is passed over here comes later, or not at all.
            self.expected.get_mut(place..)?.rotate_left(found - place);
            found = place;
        }
        Some((Some(found), text.len() - rest.len()))
    }
}

#[inline(always)]
fn window_of<'a>(text: &'a [u8], spare: &'a mut Window) -> &'a Window {
    match text.first_chunk() {
        Some(window) => window,
        None => {
            copy(text, spare);
            spare
        }
    }
}

#[cold]
#[inline(never)]
fn copy(text: &[u8], spare: &mut Window) {
    *spare = [0; WINDOW];
    spare.iter_mut().zip(text).for_each(|(spare, &byte)| *spare = byte);
}

#[inline(always)]
fn word(window: &Window, at: usize) -> u64 {
    window.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[inline(always)]
fn byte(window: &Window, at: usize) -> u8 {
    window.get(at).copied().unwrap_or(0)
}

/// What a reader of values finds: the value, and where it ends, from the beginning of the window on. `None` where there
/// is something else, or nothing usual.
type Read = Option<(i64, usize)>;

/// Where a word ends that has to be there.
#[inline(always)]
fn word_of<const LENGTH: usize>(window: &Window, begin: usize, word: &[u8; LENGTH]) -> Option<usize> {
    let found: &[u8; LENGTH] = window.get(begin..)?.first_chunk()?;
    (found == word).then_some(begin + LENGTH)
}

#[inline(always)]
fn boolean(window: &Window, begin: usize) -> Read {
    let bytes = word(window, begin);
    let is_true = bytes as u32 == u32::from_le_bytes(*b"true");
    let is_false = bytes & 0xff_ffff_ffff == u64::from_le_bytes(*b"false\0\0\0");
    (is_true | is_false).then_some((i64::from(is_true), begin + 4 + usize::from(is_false)))
}

/// Eight bytes, of which the first ones may be digits.
#[derive(Clone, Copy)]
struct Digits {
    /// A digit, or something that is more than 9, in each byte.
    digits: u64,
    /// The highest bit of each byte that is no digit; behind the first such byte, of others too.
    others: u64,
}

impl Digits {
    #[inline(always)]
    fn of(bytes: u64) -> Digits {
        let digits = bytes ^ 0x3030_3030_3030_3030;
        // What is added takes a byte to 128 or more if it is more than 9. What that carries is behind it.
        let others = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
        Digits { digits, others }
    }

    /// How many there are.
    #[inline(always)]
    fn length(self) -> usize {
        (self.others.trailing_zeros() / 8) as usize
    }

    /// Whether there are one to seven, and no zero in front of another digit.
    #[inline(always)]
    fn is_number(self) -> bool {
        let (is_none, is_one, is_all) = (self.others & 0x80 != 0, self.others & 0x8000 != 0, self.others == 0);
        let is_zero = self.digits & 0xff == 0;
        !(is_none | is_all | (is_zero & !is_one))
    }

    /// The number that they write; meaningless if there is none.
    #[inline(always)]
    fn value(self) -> i64 {
        // Zeros in front, then the digits: the first of a pair is the lower byte.
        eight_digits(self.digits.wrapping_shl(64 - 8 * self.length() as u32))
    }
}

/// The number that eight digits write, a digit in each byte.
#[inline(always)]
fn eight_digits(digits: u64) -> i64 {
    let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
    let eight = (fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xffff_ffff;
    eight.cast_signed()
}

/// The largest size of a number: doubles are exact up to here.
const MAX: i64 = (1 << 53) - 1;

/// Where a whole number ends.
#[inline(always)]
fn some_integer(window: &Window, begin: usize) -> Option<usize> {
    let digits = Digits::of(word(window, begin));
    if digits.is_number() {
        return Some(begin + digits.length());
    }
    let digits = Digits::of(word(window, begin + 1));
    is_negative(window, begin, digits).then_some(begin + 1 + digits.length())
}

#[inline(always)]
fn integer(window: &Window, begin: usize) -> Read {
    let digits = Digits::of(word(window, begin));
    if digits.is_number() {
        return Some((digits.value(), begin + digits.length()));
    }
    let digits = Digits::of(word(window, begin + 1));
    is_negative(window, begin, digits).then_some((-digits.value(), begin + 1 + digits.length()))
}

/// Whether there is a negative number; of -0 others have their own opinion.
#[inline(always)]
fn is_negative(window: &Window, begin: usize, digits: Digits) -> bool {
    byte(window, begin) == b'-' && digits.is_number() && byte(window, begin + 1) != b'0'
}

#[cold]
fn long_integer(window: &Window) -> Read {
    let (size, is_negative, end) = whole(window)?;
    signed(size, is_negative).map(|number| (number, end))
}

fn signed(size: i64, is_negative: bool) -> Option<i64> {
    let is_clear = size <= MAX && !(is_negative && size == 0);
    is_clear.then_some(if is_negative { -size } else { size })
}

/// A decimal of at most four digits before the point, and at most four behind it.
#[inline(always)]
fn decimal(window: &Window, begin: usize) -> Read {
    let whole = Digits::of(word(window, begin));
    let point = begin + whole.length();
    let places = Digits::of(word(window, point + 1));
    let is_short = whole.is_number() & (whole.length() <= 4) & (byte(window, point) == b'.');
    if !is_short || places.length() == 0 || places.length() > 4 {
        return None;
    }
    // The four digits up to the point, then the four behind it: of what is not there, zeros.
    let before = u64::from((whole.digits << (32 - 8 * whole.length())) as u32);
    let own = (1 << (8 * places.length())) - 1;
    let number = eight_digits(before | (places.digits & own) << 32);
    Some((number, point + 1 + places.length()))
}

#[cold]
fn long_decimal(window: &Window) -> Read {
    let (size, is_negative, end) = whole(window)?;
    let has_point = byte(window, end) == b'.';
    let (part, end) = if has_point { ten_thousandths(window, end)? } else { (0, end) };
    // At most 18 digits.
    signed(size.wrapping_mul(10_000).wrapping_add(part), is_negative).map(|number| (number, end))
}

/// The decimal places behind a point, at most four.
#[cold]
fn ten_thousandths(window: &Window, point: usize) -> Read {
    const TENS: [i64; 5] = [0, 1_000, 100, 10, 1];
    let places = Digits::of(word(window, point + 1));
    let tens = TENS.get(places.length()).copied().filter(|&tens| tens > 0)?;
    Some((places.value().wrapping_mul(tens), point + 1 + places.length()))
}

/// `-?(0|[1-9][0-9]*)`, of at most 14 digits: the size, whether it is negative, and where it ends. What follows is a
/// comma, a bracket, or looked at by the caller.
#[cold]
fn whole(window: &Window) -> Option<(i64, bool, usize)> {
    let is_negative = byte(window, 0) == b'-';
    let begin = usize::from(is_negative);
    let digits = window.get(begin..)?.iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.clone().count();
    let has_leading_zero = length > 1 && byte(window, begin) == b'0';
    if length == 0 || length > 14 || has_leading_zero {
        return None;
    }
    Some((digits.fold(0, |size, digit| size * 10 + i64::from(digit - b'0')), is_negative, begin + length))
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?`, and no exponent.
#[cold]
fn some_number(window: &Window) -> Read {
    let (_, _, end) = whole(window)?;
    if byte(window, end) != b'.' {
        return Some((0, end));
    }
    let places = window.get(end + 1..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (places > 0).then_some((0, end + 1 + places))
}

/// A text of ASCII in quotes, in a row that is read up to `at`.
#[inline(always)]
fn text_in_quotes(text: &[u8], window: &Window, begin: usize, at: usize) -> Read {
    if byte(window, begin) != b'"' {
        return None;
    }
    let ends = ends_of_16(window.get(begin + 1..)?.first_chunk()?);
    let end = begin + 1 + ends.trailing_zeros() as usize;
    if ends != 0 && byte(window, end) == b'"' {
        return Some((packed(at, begin, end, false), end + 1));
    }
    let (end, is_escaped) = long_ascii(text, begin + 1)?;
    Some((packed(at, begin, end, is_escaped), end + 1))
}

/// Where a text of ASCII ends that begins at some place, and whether it has escapes. Neither `\u00e9` is read here, nor
/// what ends near the end of all.
#[inline(always)]
fn long_ascii(text: &[u8], begin: usize) -> Option<(usize, bool)> {
    let mut is_escaped = false;
    let mut rest = text.get(begin..)?;
    loop {
        let window = rest.first_chunk()?;
        let mut ends = ends_of_64(window);
        let passed = loop {
            let place = ends.trailing_zeros() as usize;
            match byte(window, place) {
                _ if ends == 0 => break WINDOW,
                b'"' => return Some((text.len() - rest.len() + place, is_escaped)),
                // What is behind it lies in the next window.
                b'\\' if place == WINDOW - 1 => break place,
                b'\\' if is_escape(byte(window, place + 1)) => is_escaped = true,
                _ => return None,
            }
            // Neither the backslash nor what it stands before.
            ends &= (u64::MAX << place) << 2;
        };
        rest = rest.get(passed..)?;
    }
}

/// Whether a backslash may stand before it, and nothing has to follow.
#[inline(always)]
fn is_escape(byte: u8) -> bool {
    // Bits from the backslash on: \, b, f, n, r, t. To look them up in a table of jumps would be guessing.
    const LETTERS: u32 = 1 | 1 << 6 | 1 << 10 | 1 << 18 | 1 << 22 | 1 << 24;
    let letter = u32::from(byte.wrapping_sub(b'\\'));
    (byte == b'"') | (byte == b'/') | ((letter < 32) & (LETTERS >> (letter % 32) & 1 == 1))
}

/// A text that begins a text, of any characters. Its escapes are looked at; half characters (`\ud800`) are left to
/// others.
#[cold]
fn long_text(text: &[u8], at: usize) -> Read {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut is_escaped = false;
    loop {
        rest = rest.get(plain_length(rest)..)?;
        rest = match rest {
            [b'"', ..] => break,
            [b'\\', b'u', digits @ ..] => {
                let (digits, rest) = digits.split_first_chunk::<4>()?;
                let is_half = matches!(digits, [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
                if is_half || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                rest
            }
            [b'\\', escape, rest @ ..] if is_escape(*escape) => rest,
            _ => return None,
        };
        is_escaped = true;
    }
    let end = text.len() - rest.len();
    core::str::from_utf8(text.get(..end)?).ok()?;
    Some((packed(at, 0, end, is_escaped), end + 1))
}

/// Where in a row a text begins and ends, of which the places of its quotes are known, and whether it has escapes.
#[inline(always)]
fn packed(at: usize, begin: usize, end: usize, is_escaped: bool) -> i64 {
    // A row is shorter than 2 GB.
    let (begin, end) = (at.wrapping_add(begin + 1) as u64, at.wrapping_add(end) as u64);
    (begin | u64::from(is_escaped) << 32 | end << 33).cast_signed()
}

impl Date {
    /// Seconds from 1970-01-01T00:00:00 to a date and time in quotes, on the date that was read last.
    #[inline(always)]
    fn read(&mut self, window: &Window, begin: usize) -> Read {
        let (date, time, end) = (word(window, begin + 1), word(window, begin + 9), word(window, begin + 13));
        let [last_date, last_time, last_end] = self.words;
        if byte(window, begin) != b'"' || date != last_date || time as u16 != last_time as u16 {
            return None;
        }
        // Those of a row are often the same.
        if time != last_time || end != last_end {
            self.seconds = self.midnight.wrapping_add(second_of_day(time, end)?);
            self.words = [date, time, end];
        }
        Some((self.seconds, begin + 21))
    }

    /// The same, on any date.
    #[cold]
    fn read_any(&mut self, window: &Window) -> Read {
        let (date, time) = (word(window, 1), word(window, 9));
        let [year, _, years, _, _, month, ..] = pairs(date, b"0000-00-")?;
        let [day, ..] = pairs(time, b"00T00:00")?;
        let day = day_number(i32::from(year) * 100 + i32::from(years), month, day)?;
        self.midnight = i64::from(day).wrapping_mul(86_400);
        // Only what stood behind this date is no longer what was read last.
        self.words = [date, time, 0];
        self.read(window, 0)
    }
}

/// The second of the day, of `DDThh:mm` and `h:mm:ss"`.
#[inline(always)]
fn second_of_day(time: u64, end: u64) -> Option<i64> {
    let [_, _, _, hour, _, _, minute, _] = pairs(time, b"00T00:00")?;
    let [_, _, _, _, _, second, ..] = pairs(end, b"0:00:00\"")?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

/// Of each byte and the next the number that two digits write, where a text has digits where its form has zeros, and
/// the form's other characters.
#[inline(always)]
fn pairs(text: u64, form: &[u8; 8]) -> Option<[u8; 8]> {
    let digits = text ^ u64::from_le_bytes(*form);
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
