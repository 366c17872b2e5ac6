//! Text scanning, several bytes at a time. `npm run bench -- text` measures it.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use vector_lanes::Lanes;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use word_lanes::Lanes;

/// Returns the number of bytes before the first quote, backslash or control character.
#[inline(always)]
pub fn plain_length(text: &[u8]) -> usize {
    let (chunks, rest) = text.as_chunks::<16>();
    for (index, chunk) in chunks.iter().enumerate() {
        let ends = Lanes::of(chunk).ends();
        if ends != 0 {
            return index * 16 + ends.trailing_zeros() as usize;
        }
    }
    let is_end = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    text.len() - rest.len() + rest.iter().position(is_end).unwrap_or(rest.len())
}

/// Returns a bit for each of sixteen bytes that is a quote, a backslash, a control character, or not ASCII.
#[inline(always)]
pub(crate) fn ends_of_16(bytes: &[u8; 16]) -> u16 {
    Lanes::of(bytes).ends_of_ascii()
}

/// Returns the same bits for 64 bytes.
#[inline(always)]
pub(crate) fn ends_of_64(bytes: &[u8; 64]) -> u64 {
    let mut ends = 0;
    for (place, chunk) in bytes.as_chunks().0.iter().enumerate() {
        ends |= u64::from(ends_of_16(chunk)) << (16 * place);
    }
    ends
}

/// A prefix of at most 31 bytes to compare with the start of a text. A longer or empty one matches no text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    bytes: [u8; NAME],
    /// All bits of each byte of the prefix.
    mask: [u8; NAME],
    length: u8,
}

const NAME: usize = 32;

impl Name {
    /// Creates a prefix from its parts.
    pub(crate) fn new(parts: &[&[u8]]) -> Name {
        let mut name = Name { bytes: [0; NAME], mask: [0; NAME], length: 0 };
        for part in parts {
            for &byte in *part {
                let at = usize::from(name.length);
                let (Some(slot), Some(mask), true) = (name.bytes.get_mut(at), name.mask.get_mut(at), at < NAME - 1)
                else {
                    return Name::NONE;
                };
                (*slot, *mask) = (byte, 0xff);
                name.length += 1;
            }
        }
        if name.length == 0 { Name::NONE } else { name }
    }

    /// Matches no text, because no text contains 32 zeros.
    const NONE: Name = Name { bytes: [0; NAME], mask: [0xff; NAME], length: 0 };

    #[inline(always)]
    pub(crate) fn length(&self) -> usize {
        usize::from(self.length) % NAME
    }

    #[inline(always)]
    pub(crate) fn is_at_start_of(&self, text: &[u8; 64]) -> bool {
        let ([one, two, ..], []) = text.as_chunks() else { return false };
        let ([one_own, two_own], [one_mask, two_mask]) = (halves(&self.bytes), halves(&self.mask));
        let differ = |text, own, mask| Lanes::of(text).xor(Lanes::of(own)).and(Lanes::of(mask));
        !differ(one, one_own, one_mask).or(differ(two, two_own, two_mask)).is_any()
    }
}

#[inline(always)]
fn halves(bytes: &[u8; NAME]) -> [&[u8; 16]; 2] {
    const NOTHING: &[u8; 16] = &[0; 16];
    match bytes.as_chunks() {
        ([one, two], []) => [one, two],
        _ => [NOTHING; 2],
    }
}

#[cfg(any(test, all(target_arch = "wasm32", target_feature = "simd128")))]
mod vector_lanes {
    use crate::v128::{
        i8x16_lt, i8x16_splat, u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u64x2, v128, v128_and, v128_any_true,
        v128_or, v128_xor,
    };

    #[derive(Clone, Copy)]
    pub struct Lanes(v128);

    impl Lanes {
        #[inline(always)]
        pub fn of(bytes: &[u8; 16]) -> Lanes {
            // Two loads. The compiler would make sixteen single bytes into as many loads.
            let &[a, b, c, d, e, f, g, h, ref high @ ..] = bytes;
            Lanes(u64x2(u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(*high)))
        }

        #[inline(always)]
        pub fn ends(self) -> u16 {
            let quotes = v128_or(u8x16_eq(self.0, u8x16_splat(b'"')), u8x16_eq(self.0, u8x16_splat(b'\\')));
            u8x16_bitmask(v128_or(quotes, u8x16_lt(self.0, u8x16_splat(0x20))))
        }

        #[inline(always)]
        pub fn or(self, other: Lanes) -> Lanes {
            Lanes(v128_or(self.0, other.0))
        }

        #[inline(always)]
        pub fn and(self, other: Lanes) -> Lanes {
            Lanes(v128_and(self.0, other.0))
        }

        #[inline(always)]
        pub fn xor(self, other: Lanes) -> Lanes {
            Lanes(v128_xor(self.0, other.0))
        }

        #[inline(always)]
        pub fn is_any(self) -> bool {
            v128_any_true(self.0)
        }

        #[inline(always)]
        pub fn ends_of_ascii(self) -> u16 {
            let quotes = v128_or(u8x16_eq(self.0, u8x16_splat(b'"')), u8x16_eq(self.0, u8x16_splat(b'\\')));
            // Signed comparison includes bytes that are not ASCII.
            u8x16_bitmask(v128_or(quotes, i8x16_lt(self.0, i8x16_splat(0x20))))
        }
    }
}

// Natively, rows are read twice as fast as with the functions in place of vector instructions.
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
mod word_lanes {
    #[derive(Clone, Copy)]
    pub struct Lanes(u64, u64);

    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;

    /// Collects the highest bits of eight bytes.
    #[inline(always)]
    fn side_by_side(bytes: u64) -> u16 {
        (((bytes & !LOW) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u16
    }

    impl Lanes {
        #[inline(always)]
        pub fn of(bytes: &[u8; 16]) -> Lanes {
            let &[a, b, c, d, e, f, g, h, ref high @ ..] = bytes;
            Lanes(u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(*high))
        }

        #[inline(always)]
        pub fn ends(self) -> u16 {
            // Sets the highest bit of each byte that is not 0. No byte carries into the next.
            let not_zero = |word: u64| ((word & LOW) + LOW) | word;
            let of = |word: u64| {
                let others = not_zero(word ^ (ONES * b'"' as u64))
                    & not_zero(word ^ (ONES * b'\\' as u64))
                    & not_zero(word & (ONES * 0xe0));
                side_by_side(!others)
            };
            of(self.0) | of(self.1) << 8
        }

        #[inline(always)]
        pub fn or(self, other: Lanes) -> Lanes {
            Lanes(self.0 | other.0, self.1 | other.1)
        }

        #[inline(always)]
        pub fn and(self, other: Lanes) -> Lanes {
            Lanes(self.0 & other.0, self.1 & other.1)
        }

        #[inline(always)]
        pub fn xor(self, other: Lanes) -> Lanes {
            Lanes(self.0 ^ other.0, self.1 ^ other.1)
        }

        #[inline(always)]
        pub fn is_any(self) -> bool {
            self.0 | self.1 != 0
        }

        #[inline(always)]
        pub fn ends_of_ascii(self) -> u16 {
            self.ends() | side_by_side(self.0) | side_by_side(self.1) << 8
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the results of all operations on bytes.
    macro_rules! results {
        ($lanes:ident, $one:expr, $other:expr) => {{
            let (one, other) = ($lanes::Lanes::of($one), $lanes::Lanes::of($other));
            let [or, and, xor] = [one.or(other), one.and(other), one.xor(other)];
            let masks = [one, or, and, xor].map(|lanes| (lanes.ends(), lanes.ends_of_ascii(), lanes.is_any()));
            (masks, and.xor(or).xor(xor).is_any(), one.and(other).xor(other).is_any())
        }};
    }

    fn assert_lanes_agree(one: &[u8; 16], other: &[u8; 16]) {
        assert_eq!(results!(vector_lanes, one, other), results!(word_lanes, one, other), "{one:?} {other:?}");
    }

    #[test]
    fn vectors_and_words_agree_about_each_byte_at_each_position() {
        for position in 0..16 {
            for byte in 0..=u8::MAX {
                for background in [0, b'x', b'"', 0x1f, 0x20, 0x7f, 0x80, 0xff] {
                    let mut one = [background; 16];
                    one[position] = byte;
                    assert_lanes_agree(&one, &[background; 16]);
                    assert_lanes_agree(&one, &[0; 16]);
                }
            }
        }
    }

    #[test]
    fn the_plain_part_of_a_text_of_any_length_ends_at_its_first_special_byte() {
        for length in 0..50 {
            let mut text = [b'x'; 50];
            assert_eq!(plain_length(&text[..length]), length);
            for at in 0..length {
                for (byte, is_end) in
                    [(b'"', true), (b'\\', true), (0x1f, true), (0x20, false), (0x7f, false), (0xe9, false)]
                {
                    text[at] = byte;
                    assert_eq!(plain_length(&text[..length]), if is_end { at } else { length });
                    // The first one counts.
                    text[length - 1] = b'"';
                    assert_eq!(plain_length(&text[..length]), if is_end { at } else { length - 1 });
                    text[length - 1] = b'x';
                }
                text[at] = b'x';
            }
        }
    }

    proptest! {
        #[test]
        fn vectors_and_words_agree(one in any::<[u8; 16]>(), other in any::<[u8; 16]>()) {
            assert_lanes_agree(&one, &other);
        }

        #[test]
        fn ends_as_they_are_defined(bytes in proptest::array::uniform32(prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\')])) {
            let mut all = [b'x'; 64];
            all[13..45].copy_from_slice(&bytes);
            let is_end = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            let ends = all.iter().rev().fold(0, |ends, byte| ends << 1 | u64::from(is_end(byte) || !byte.is_ascii()));
            prop_assert_eq!(ends_of_64(&all), ends);
            prop_assert_eq!(plain_length(&all), all.iter().position(is_end).unwrap_or(64));
        }

        #[test]
        fn names_as_they_begin_a_text(name in "[a-c\u{0}]{0,33}", text in "[a-c\u{0}]{0,33}", is_same in any::<bool>()) {
            let mut all = [0; 64];
            let begin = if is_same { &name } else { &text };
            all[..begin.len()].copy_from_slice(begin.as_bytes());
            let expected = (1..NAME).contains(&name.len()) && all.starts_with(name.as_bytes());
            let (first, second) = name.split_at(name.len() / 2);
            // A prefix that is too long or empty may match zeros.
            let is_known = (1..NAME).contains(&name.len()) || all[..NAME] != [0; NAME];
            prop_assert!(!is_known || Name::new(&[first.as_bytes(), second.as_bytes()]).is_at_start_of(&all) == expected);
        }
    }
}
