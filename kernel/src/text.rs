//! Texts, several bytes at a time.

/// Whether two short texts of one length are the same: by words, the last of which may overlap another.
#[inline(always)]
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    fn word(text: Option<&[u8; 8]>) -> u64 {
        text.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
    fn half(text: Option<&[u8; 4]>) -> u32 {
        text.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }
    match one.len() {
        8.. => {
            let mut pairs = one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0);
            word(one.last_chunk()) == word(other.last_chunk())
                && pairs.all(|(one, other)| word(Some(one)) == word(Some(other)))
        }
        4..8 => {
            half(one.first_chunk()) == half(other.first_chunk()) && half(one.last_chunk()) == half(other.last_chunk())
        }
        _ => one.iter().zip(other).all(|(one, other)| one == other),
    }
}

/// How many bytes there are before the first quote, backslash or control character.
#[inline(always)]
pub fn plain_length(text: &[u8]) -> usize {
    let (chunks, rest) = text.as_chunks::<16>();
    for (index, chunk) in chunks.iter().enumerate() {
        let ends = ends(chunk);
        if ends != 0 {
            return index * 16 + ends.trailing_zeros() as usize;
        }
    }
    let is_end = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    text.len() - rest.len() + rest.iter().position(is_end).unwrap_or(rest.len())
}

/// A bit for each byte that is a quote, a backslash or a control character.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline(always)]
fn ends(chunk: &[u8; 16]) -> u16 {
    use core::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u64x2, v128_or};
    // Two loads; of sixteen bytes one by one the compiler would make as many.
    let &[a, b, c, d, e, f, g, h, ref high @ ..] = chunk;
    let bytes = u64x2(u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(*high));
    let quotes = v128_or(u8x16_eq(bytes, u8x16_splat(b'"')), u8x16_eq(bytes, u8x16_splat(b'\\')));
    u8x16_bitmask(v128_or(quotes, u8x16_lt(bytes, u8x16_splat(0x20))))
}

/// The same; above the first such byte a bit may be set falsely.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline(always)]
fn ends(chunk: &[u8; 16]) -> u16 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // A byte that is less than a bound (of two of them: that is 0, after the exclusive or) sets its highest bit.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGH;
    let of = |word: u64| {
        let ends = below(word, 0x20) | below(word ^ (ONES * b'"' as u64), 1) | below(word ^ (ONES * b'\\' as u64), 1);
        // The highest bits of the bytes, side by side.
        ((ends >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u16
    };
    let &[a, b, c, d, e, f, g, h, ref high @ ..] = chunk;
    of(u64::from_le_bytes([a, b, c, d, e, f, g, h])) | of(u64::from_le_bytes(*high)) << 8
}
