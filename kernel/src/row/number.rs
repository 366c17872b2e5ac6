//! Parsers of numbers.

use super::value::{Parsed, Window, byte, pack_span, word};

/// Eight bytes of which the first ones may be digits.
#[derive(Clone, Copy)]
struct Digits {
    /// In each byte a digit, or a value above 9.
    digits: u64,
    /// The highest bit of each byte that is no digit. Bits after the first one set are meaningless.
    others: u64,
}

impl Digits {
    #[inline(always)]
    fn of(bytes: u64) -> Digits {
        let digits = bytes ^ 0x3030_3030_3030_3030;
        // The addition sets the highest bit of each byte above 9. It only carries into later bytes.
        let others = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
        Digits { digits, others }
    }

    /// Returns the number of leading digits.
    #[inline(always)]
    fn length(self) -> usize {
        (self.others.trailing_zeros() / 8) as usize
    }

    /// Reports whether there are one to seven digits without a leading zero.
    #[inline(always)]
    fn is_number(self) -> bool {
        let (is_none, is_one, is_all) = (self.others & 0x80 != 0, self.others & 0x8000 != 0, self.others == 0);
        let is_zero = self.digits & 0xff == 0;
        !(is_none | is_all | (is_zero & !is_one))
    }

    /// Returns the number; meaningless unless [`is_number`](Self::is_number).
    #[inline(always)]
    fn value(self) -> i64 {
        // Moves the digits behind leading zeros. The first digit of a pair is in the lower byte.
        eight_digits(self.digits.wrapping_shl(64 - 8 * self.length() as u32))
    }
}

/// Combines eight digits, one in each byte, into their number.
#[inline(always)]
fn eight_digits(digits: u64) -> i64 {
    let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
    let eight = (fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xffff_ffff;
    eight.cast_signed()
}

/// The largest magnitude of an integer; doubles are exact up to here.
const MAX: i64 = (1 << 53) - 1;

/// Returns the end of an integer that is not negative.
#[inline(always)]
pub(super) fn skip_count(window: &Window, begin: usize) -> Option<usize> {
    let digits = Digits::of(word(window, begin));
    digits.is_number().then_some(begin + digits.length())
}

/// Returns the end of an integer.
#[inline(always)]
pub(super) fn skip_integer(window: &Window, begin: usize) -> Option<usize> {
    if let Some(end) = skip_count(window, begin) {
        return Some(end);
    }
    let digits = Digits::of(word(window, begin + 1));
    is_negative(window, begin, digits).then_some(begin + 1 + digits.length())
}

#[inline(always)]
pub(super) fn integer(window: &Window, begin: usize) -> Parsed {
    let digits = Digits::of(word(window, begin));
    if digits.is_number() {
        return Some((digits.value(), begin + digits.length()));
    }
    let digits = Digits::of(word(window, begin + 1));
    is_negative(window, begin, digits).then_some((-digits.value(), begin + 1 + digits.length()))
}

/// Reports whether there is a negative number other than -0, which the caller decides about.
#[inline(always)]
fn is_negative(window: &Window, begin: usize, digits: Digits) -> bool {
    byte(window, begin) == b'-' && digits.is_number() && byte(window, begin + 1) != b'0'
}

#[cold]
pub(super) fn long_integer(window: &Window) -> Parsed {
    let (size, is_negative, end) = whole(window)?;
    signed(size, is_negative).map(|number| (number, end))
}

fn signed(size: i64, is_negative: bool) -> Option<i64> {
    let is_exact = size <= MAX && !(is_negative && size == 0);
    is_exact.then_some(if is_negative { -size } else { size })
}

/// Parses a decimal of at most four digits on each side of the point.
#[inline(always)]
pub(super) fn decimal(window: &Window, begin: usize) -> Parsed {
    let whole = Digits::of(word(window, begin));
    let point = begin + whole.length();
    let places = Digits::of(word(window, point + 1));
    let is_short = whole.is_number() & (whole.length() <= 4) & (byte(window, point) == b'.');
    if !is_short || places.length() == 0 || places.length() > 4 {
        return None;
    }
    // Four digits before the point, padded on the left, and four after it, padded on the right.
    let before = u64::from((whole.digits << (32 - 8 * whole.length())) as u32);
    let own = (1 << (8 * places.length())) - 1;
    let number = eight_digits(before | (places.digits & own) << 32);
    Some((number, point + 1 + places.length()))
}

#[cold]
pub(super) fn long_decimal(window: &Window) -> Parsed {
    let (size, is_negative, end) = whole(window)?;
    let has_point = byte(window, end) == b'.';
    let (part, end) = if has_point { ten_thousandths(window, end)? } else { (0, end) };
    // At most 18 digits.
    signed(size.wrapping_mul(10_000).wrapping_add(part), is_negative).map(|number| (number, end))
}

/// Parses at most four decimal places after a point, as ten-thousandths.
#[cold]
fn ten_thousandths(window: &Window, point: usize) -> Parsed {
    const TENS: [i64; 5] = [0, 1_000, 100, 10, 1];
    let places = Digits::of(word(window, point + 1));
    let tens = TENS.get(places.length()).copied().filter(|&tens| tens > 0)?;
    Some((places.value().wrapping_mul(tens), point + 1 + places.length()))
}

/// Parses `-?(0|[1-9][0-9]*)` of at most 14 digits: returns the magnitude, whether it is negative, and its end.
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

/// Parses `-?(0|[1-9][0-9]*)(\.[0-9]+)?` and returns its span. `at` is the window's position in the row.
#[cold]
pub(super) fn number(window: &Window, at: usize) -> Parsed {
    let (_, _, mut end) = whole(window)?;
    if byte(window, end) == b'.' {
        let places = window.get(end + 1..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        end = (places > 0).then_some(end + 1 + places)?;
    }
    // A span begins after a quote, which a number does not have.
    Some((pack_span(at.wrapping_sub(1), 0, end + 1, false), end))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::string_slice, reason = "texts of tests")]

    use super::super::value::unpack_span;
    use super::*;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// The parts of `-?DIGITS(.DIGITS)?` at the start of a text.
    struct Parts<'a> {
        is_negative: bool,
        whole: &'a str,
        /// The digits after a point, if there is one.
        places: Option<&'a str>,
    }

    fn digits(text: &str) -> &str {
        &text[..text.bytes().take_while(u8::is_ascii_digit).count()]
    }

    fn parts(text: &str) -> Parts<'_> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let whole = digits(unsigned);
        let places = unsigned[whole.len()..].strip_prefix('.').map(digits);
        Parts { is_negative: unsigned.len() < text.len(), whole, places }
    }

    /// Returns the whole number, if it has at most so many digits and no leading zero.
    fn whole_number(parts: &Parts<'_>, most: usize) -> Option<i64> {
        let is_number =
            (1..=most).contains(&parts.whole.len()) && (parts.whole == "0" || !parts.whole.starts_with('0'));
        let number = parts.whole.parse::<i64>().ok().filter(|_| is_number)?;
        Some(if parts.is_negative { -number } else { number })
    }

    fn window(begin: usize, text: &str) -> Window {
        let mut window = [b'7'; 64];
        window[begin..].fill(0);
        window[begin..begin + text.len()].copy_from_slice(text.as_bytes());
        window
    }

    fn assert_parsed_as_defined(text: &str) {
        let parts = parts(text);
        let Parts { is_negative, whole, places } = parts;
        let end = usize::from(is_negative) + whole.len();
        let is_minus_zero = is_negative && whole.starts_with('0');
        for begin in [0, 3] {
            let window = window(begin, text);
            let integers = whole_number(&parts, 7).filter(|_| !is_minus_zero).map(|number| (number, begin + end));
            assert_eq!(integer(&window, begin), integers, "{text}");
            assert_eq!(skip_integer(&window, begin), integers.map(|(_, end)| end), "{text}");
            let counts = integers.filter(|_| !is_negative).map(|(_, end)| end);
            assert_eq!(skip_count(&window, begin), counts, "{text}");
            let short = whole_number(&parts, 4).zip(places).filter(|(_, places)| (1..=4).contains(&places.len()));
            let decimals = short.filter(|_| !is_negative).map(|(number, places)| {
                let part: i64 = [places, &"0000"[places.len()..]].concat().parse().unwrap();
                (number * 10_000 + part, begin + end + 1 + places.len())
            });
            assert_eq!(decimal(&window, begin), decimals, "{text}");
        }

        let window = window(0, text);
        let number_of = whole_number(&parts, 14).map(|_| whole.parse::<i64>().unwrap());
        let sign = if is_negative { -1 } else { 1 };
        // -0 is left to the caller.
        let is_kept = |size: i64| size < 1 << 53 && !(is_negative && size == 0);
        let integers = number_of.filter(|&size| is_kept(size)).map(|size| (sign * size, end));
        assert_eq!(long_integer(&window), integers, "{text}");
        let decimals = number_of.and_then(|number| match places {
            None => Some((number * 10_000, end)),
            Some(places) if (1..=4).contains(&places.len()) => {
                let part: i64 = [places, &"0000"[places.len()..]].concat().parse().unwrap();
                Some((number * 10_000 + part, end + 1 + places.len()))
            }
            Some(_) => None,
        });
        let decimals = decimals.filter(|&(size, _)| is_kept(size)).map(|(size, end)| (sign * size, end));
        assert_eq!(long_decimal(&window), decimals, "{text}");
        let ends = number_of.and_then(|_| match places {
            None => Some(end),
            Some("") => None,
            Some(places) => Some(end + 1 + places.len()),
        });
        let read = number(&window, 10).map(|(packed, end)| {
            let span = unpack_span(packed);
            assert_eq!((span.begin, span.end, span.is_escaped), (10, 10 + end, false), "{text}");
            end
        });
        assert_eq!(read, ends, "{text}");
    }

    #[test]
    fn every_short_text_is_parsed_as_defined() {
        let mut texts = Vec::from([String::new()]);
        for _ in 0..6 {
            let longer = texts.iter().flat_map(|text| ["0", "1", "9", "-", ".", ","].map(|next| [text, next].concat()));
            texts = longer.collect();
            texts.iter().for_each(|text| assert_parsed_as_defined(text));
        }
    }

    #[test]
    fn bytes_beside_the_digits_end_a_number() {
        for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit() && *byte != b'.') {
            for (text, value) in [("12", 12), ("1234567", 1_234_567)] {
                let mut window = window(0, text);
                window[text.len()] = byte;
                assert_eq!(integer(&window, 0), Some((value, text.len())), "{byte}");
                assert_eq!(long_integer(&window), Some((value, text.len())), "{byte}");
                window[0] = byte;
                assert_eq!(skip_count(&window, 0), None, "{byte}");
            }
        }
    }

    proptest! {
        #[test]
        fn long_texts_are_parsed_as_defined(text in "-?(0|[1-9][0-9]{0,17}|[0-9]{1,9})(\\.[0-9]{0,9})?[,}]") {
            assert_parsed_as_defined(&text);
        }

        #[test]
        fn numbers_near_the_largest_are_parsed_as_defined(distance in -9i64..9, places in 0u32..5, is_negative in any::<bool>()) {
            let digits = ((1i64 << 53) + distance).to_string();
            let (whole, part) = digits.split_at(digits.len() - places as usize);
            assert_parsed_as_defined(&[if is_negative { "-" } else { "" }, whole, ".", part, ","].concat());
            assert_parsed_as_defined(&[whole, ","].concat());
        }
    }
}
