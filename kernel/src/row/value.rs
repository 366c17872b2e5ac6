//! Parsers of booleans, literals and texts, and what all parsers share.

use crate::text::{ends_of_16, ends_of_64, plain_length};

pub(super) const WINDOW: usize = 64;

/// The bytes of a text from some position on; zeros after its end.
pub(super) type Window = [u8; WINDOW];

/// A value and the position of its end in the window; `None` if there is no value that the parser takes.
pub(super) type Parsed = Option<(i64, usize)>;

/// The text of a field within a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextSpan {
    /// The position after the opening quote.
    pub begin: usize,
    /// The position of the closing quote.
    pub end: usize,
    /// Reports whether the text contains escapes.
    pub is_escaped: bool,
}

#[inline(always)]
pub(super) fn window_of<'a>(text: &'a [u8], spare: &'a mut Window) -> &'a Window {
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

/// Returns eight bytes, the first one lowest.
#[inline(always)]
pub(super) fn word(window: &Window, at: usize) -> u64 {
    window.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[inline(always)]
pub(super) fn byte(window: &Window, at: usize) -> u8 {
    window.get(at).copied().unwrap_or(0)
}

/// Returns the end of a literal if it is there.
#[inline(always)]
pub(super) fn literal<const LENGTH: usize>(window: &Window, begin: usize, literal: &[u8; LENGTH]) -> Option<usize> {
    let found: &[u8; LENGTH] = window.get(begin..)?.first_chunk()?;
    (found == literal).then_some(begin + LENGTH)
}

#[inline(always)]
pub(super) fn boolean(window: &Window, begin: usize) -> Parsed {
    let bytes = word(window, begin);
    let is_true = bytes as u32 == u32::from_le_bytes(*b"true");
    let is_false = bytes & 0xff_ffff_ffff == u64::from_le_bytes(*b"false\0\0\0");
    (is_true | is_false).then_some((i64::from(is_true), begin + 4 + usize::from(is_false)))
}

/// Parses an ASCII text in quotes. `at` is the window's position in the row.
#[inline(always)]
pub(super) fn text_in_quotes(text: &[u8], window: &Window, begin: usize, at: usize) -> Parsed {
    if byte(window, begin) != b'"' {
        return None;
    }
    let ends = ends_of_16(window.get(begin + 1..)?.first_chunk()?);
    let end = begin + 1 + ends.trailing_zeros() as usize;
    if ends != 0 && byte(window, end) == b'"' {
        return Some((pack_span(at, begin, end, false), end + 1));
    }
    let (end, is_escaped) = long_ascii(text, begin + 1)?;
    Some((pack_span(at, begin, end, is_escaped), end + 1))
}

/// Returns the end of an ASCII text that begins at `begin`, and whether it contains escapes. It does not take `\u00e9`,
/// nor a text that ends near the end of the whole text.
#[inline(always)]
fn long_ascii(text: &[u8], begin: usize) -> Option<(usize, bool)> {
    let mut is_escaped = false;
    let mut rest = text.get(begin..)?;
    loop {
        let window = rest.first_chunk()?;
        let mut ends = ends_of_64(window);
        let passed = loop {
            let at = ends.trailing_zeros() as usize;
            match byte(window, at) {
                _ if ends == 0 => break WINDOW,
                b'"' => return Some((text.len() - rest.len() + at, is_escaped)),
                // The escaped character lies in the next window.
                b'\\' if at == WINDOW - 1 => break at,
                b'\\' if is_escape(byte(window, at + 1)) => is_escaped = true,
                _ => return None,
            }
            // Clears the backslash and the escaped character.
            ends &= (u64::MAX << at) << 2;
        };
        rest = rest.get(passed..)?;
    }
}

/// Reports whether a character is a whole escape after a backslash.
#[inline(always)]
fn is_escape(byte: u8) -> bool {
    // Bits from the backslash on: \, b, f, n, r, t. A jump table would be predicted badly.
    const LETTERS: u32 = 1 | 1 << 6 | 1 << 10 | 1 << 18 | 1 << 22 | 1 << 24;
    let letter = u32::from(byte.wrapping_sub(b'\\'));
    (byte == b'"') | (byte == b'/') | ((letter < 32) & (LETTERS >> (letter % 32) & 1 == 1))
}

/// Parses a text in quotes of any characters. It does not take surrogates (`\ud800`).
#[cold]
pub(super) fn long_text(text: &[u8], at: usize) -> Parsed {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut is_escaped = false;
    loop {
        rest = rest.get(plain_length(rest)..)?;
        rest = match rest {
            [b'"', ..] => break,
            [b'\\', b'u', digits @ ..] => {
                let (digits, rest) = digits.split_first_chunk::<4>()?;
                let is_surrogate = matches!(digits, [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
                if is_surrogate || !digits.iter().all(u8::is_ascii_hexdigit) {
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
    Some((pack_span(at, 0, end, is_escaped), end + 1))
}

/// Packs a span into one number, from the positions of its quotes. A row is shorter than 2 GB.
#[inline(always)]
pub(super) fn pack_span(at: usize, begin: usize, end: usize, is_escaped: bool) -> i64 {
    let (begin, end) = (at.wrapping_add(begin + 1) as u64, at.wrapping_add(end) as u64);
    (begin | u64::from(is_escaped) << 32 | end << 33).cast_signed()
}

#[inline]
pub(super) fn unpack_span(packed: i64) -> TextSpan {
    let packed = packed.cast_unsigned();
    let (begin, end) = ((packed & 0xffff_ffff) as usize, (packed >> 33) as usize);
    TextSpan { begin, end, is_escaped: packed >> 32 & 1 == 1 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::string_slice, reason = "texts of tests")]

    use super::*;
    use alloc::string::String;
    use proptest::prelude::*;

    fn window(text: &[u8]) -> Window {
        let mut spare = [1; WINDOW];
        *window_of(text, &mut spare)
    }

    #[test]
    fn a_window_ends_with_zeros() {
        for length in 0..=80 {
            let text = [b'x'; 80];
            let expected = core::array::from_fn(|at| if at < length { b'x' } else { 0 });
            assert_eq!(window(&text[..length]), expected);
        }
        assert_eq!(word(&window(b"12345678"), 1), u64::from_le_bytes(*b"2345678\0"));
        assert_eq!((word(&[1; WINDOW], 57), byte(&[1; WINDOW], 64)), (0, 0));
    }

    #[test]
    fn booleans_and_literals_are_exact() {
        for text in ["true", "false", "null"] {
            for begin in [0, 5] {
                let mut right = [b' '; WINDOW];
                right[begin..begin + text.len()].copy_from_slice(text.as_bytes());
                let value = (text != "null").then_some((i64::from(text == "true"), begin + text.len()));
                assert_eq!(boolean(&right, begin), value);
                assert_eq!(literal(&right, begin, b"null"), (text == "null").then_some(begin + 4));
                for at in begin..begin + text.len() {
                    let mut wrong = right;
                    wrong[at] ^= 0x20;
                    assert_eq!((boolean(&wrong, begin), literal(&wrong, begin, b"null")), (None, None));
                }
            }
        }
    }

    /// Returns the end of the string that a text begins with, behind the closing quote, by serde_json.
    fn end_of_string(text: &str) -> Option<usize> {
        let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
        strings.next()?.ok()?;
        Some(strings.byte_offset())
    }

    /// Checks both parsers. They may refuse strings that serde_json takes, but not ones of usual characters.
    fn assert_read_as_by_serde(text: &str, before: usize, behind: usize) {
        let padded = ["x".repeat(before).as_str(), text, &" ".repeat(behind)].concat();
        let rest = &padded.as_bytes()[before..];
        let expected = end_of_string(&padded[before..]).map(|end| {
            let inner = &padded[before + 1..before + end - 1];
            (TextSpan { begin: before + 1, end: before + end - 1, is_escaped: inner.contains('\\') }, end)
        });
        let unpacked = |parsed: Parsed| parsed.map(|(packed, end)| (unpack_span(packed), end));
        let has_surrogate = ["\\ud", "\\uD"].iter().any(|escape| text.contains(escape));
        let slow = unpacked(long_text(rest, before));
        assert!(slow == expected || has_surrogate && slow.is_none(), "{text:?}: {slow:?} {expected:?}");
        let fast = unpacked(text_in_quotes(rest, &window(rest), 0, before));
        let is_plain = text.is_ascii() && !text.contains("\\u") && behind > 2 * WINDOW;
        assert!(fast == expected || !is_plain && fast.is_none(), "{text:?}: {fast:?} {expected:?}");
    }

    #[test]
    fn every_character_and_escape_in_a_text_is_read_as_by_serde() {
        for length in [0, 1, 13, 14, 15, 16, 30, 61, 62, 63, 64, 65, 126, 127, 128, 129] {
            let before = "a".repeat(length);
            for character in (0..=0x100).filter_map(char::from_u32) {
                for middle in [String::from(character), ["\\", &String::from(character)].concat()] {
                    let text = ["\"", &before, &middle, "b\""].concat();
                    for behind in [0, 20, 200] {
                        assert_read_as_by_serde(&text, 0, behind);
                    }
                }
            }
        }
        for text in
            ["", "x", "\"", "\"\\", "\"\\u00e", "\"\\u00eg\"", "\"\\u00E9\"", "\"\\uD7ff\\ue000\"", "\"\\ud800\""]
        {
            assert_read_as_by_serde(text, 3, 0);
            assert_read_as_by_serde(text, 3, 200);
        }
        // Bytes that are no UTF-8.
        assert_eq!(long_text(b"\"\xff\"", 0), None);
    }

    proptest! {
        #[test]
        fn texts_are_read_as_by_serde(
            text in "\"([a-zé]{0,40}|\\\\[\"\\\\/bfnrtu]|\\\\u[0-9a-fA-F]{4}|\u{1}){0,6}\"?",
            before in 0usize..4,
            behind in prop_oneof![Just(0usize), 0usize..300],
        ) {
            assert_read_as_by_serde(&text, before, behind);
        }
    }

    #[test]
    fn spans_are_packed_without_loss() {
        const POSITIONS: [usize; 9] =
            [1, 2, 0xff, 0x100, 0xffff, 0x1_0000, (1 << 30) - 1, (1 << 31) - 2, (1 << 31) - 1];
        for begin in POSITIONS {
            for end in POSITIONS {
                for is_escaped in [false, true] {
                    // The quotes lie before `begin` and at `end`, here by a position in the row and one in the window.
                    for at in [0, 1].into_iter().filter(|&at| at < begin) {
                        let packed = pack_span(at, begin - 1 - at, end - at, is_escaped);
                        assert_eq!(unpack_span(packed), TextSpan { begin, end, is_escaped });
                    }
                }
            }
        }
    }
}
