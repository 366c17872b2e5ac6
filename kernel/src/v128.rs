//! Vector instructions: those of WebAssembly, and elsewhere functions with the same names and results, so that tests,
//! fuzzing and valgrind run the same code natively.
#![allow(unsafe_code)]

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod instructions {
    pub use core::arch::wasm32::{
        i8x16_lt, i8x16_splat, i16x8_shuffle, i32x4_add, i32x4_dot_i16x8, i32x4_shuffle, i64x2_add, i64x2_shuffle,
        u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u16x8_splat, u16x8_sub, u16x8_sub_sat, u32x4_extend_high_u16x8,
        u32x4_extend_low_u16x8, u32x4_extract_lane, u32x4_shr, u32x4_splat, u64x2, v128, v128_and, v128_any_true,
        v128_load, v128_or, v128_xor,
    };
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod instructions {
    use core::array::from_fn;

    /// Sixteen bytes, the first one lowest.
    #[allow(non_camel_case_types, reason = "the name of the instruction set")]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(C, align(16))]
    pub struct v128([u8; 16]);

    /// Defines how a vector is read and written as lanes of a type.
    macro_rules! lanes {
        ($name:ident, $new:ident, $type:ty, $count:literal) => {
            #[inline(always)]
            fn $name(vector: v128) -> [$type; $count] {
                let (lanes, _) = vector.0.as_chunks();
                from_fn(|lane| lanes.get(lane).map_or(0, |&bytes| <$type>::from_le_bytes(bytes)))
            }

            #[inline(always)]
            fn $new(lanes: [$type; $count]) -> v128 {
                let mut vector = v128([0; 16]);
                let (places, _) = vector.0.as_chunks_mut();
                places.iter_mut().zip(&lanes).for_each(|(place, lane)| *place = lane.to_le_bytes());
                vector
            }
        };
    }
    lanes!(u16x8, of_u16x8, u16, 8);
    lanes!(u32x4, of_u32x4, u32, 4);
    lanes!(i64x2, of_i64x2, i64, 2);

    /// Combines the lanes of two vectors.
    #[inline(always)]
    fn both<T: Copy, const N: usize>(left: [T; N], right: [T; N], combine: impl Fn(T, T) -> T) -> [T; N] {
        let mut lanes = left;
        lanes.iter_mut().zip(&right).for_each(|(lane, &right)| *lane = combine(*lane, right));
        lanes
    }

    /// Returns the lane with that number of two vectors one after the other.
    #[inline(always)]
    fn lane<T: Copy + Default, const N: usize>(left: [T; N], right: [T; N], lane: usize) -> T {
        left.get(lane).or_else(|| right.get(lane.wrapping_sub(N))).copied().unwrap_or_default()
    }

    /// All bits of a byte if a condition holds, otherwise none.
    #[inline(always)]
    fn mask(holds: bool) -> u8 {
        if holds { u8::MAX } else { 0 }
    }

    /// Loads a vector, at any alignment.
    ///
    /// # Safety
    /// The sixteen bytes at the address exist.
    #[inline(always)]
    pub unsafe fn v128_load(address: *const v128) -> v128 {
        // SAFETY: the caller's promise.
        unsafe { address.read_unaligned() }
    }

    #[inline(always)]
    pub fn u8x16_splat(lane: u8) -> v128 {
        v128([lane; 16])
    }

    #[inline(always)]
    pub fn i8x16_splat(lane: i8) -> v128 {
        v128([lane.cast_unsigned(); 16])
    }

    #[inline(always)]
    pub fn u16x8_splat(lane: u16) -> v128 {
        of_u16x8([lane; 8])
    }

    #[inline(always)]
    pub fn u32x4_splat(lane: u32) -> v128 {
        of_u32x4([lane; 4])
    }

    #[inline(always)]
    pub fn u64x2(low: u64, high: u64) -> v128 {
        of_i64x2([low.cast_signed(), high.cast_signed()])
    }

    #[inline(always)]
    pub fn v128_and(left: v128, right: v128) -> v128 {
        v128(both(left.0, right.0, |left, right| left & right))
    }

    #[inline(always)]
    pub fn v128_or(left: v128, right: v128) -> v128 {
        v128(both(left.0, right.0, |left, right| left | right))
    }

    #[inline(always)]
    pub fn v128_xor(left: v128, right: v128) -> v128 {
        v128(both(left.0, right.0, |left, right| left ^ right))
    }

    #[inline(always)]
    pub fn v128_any_true(vector: v128) -> bool {
        u128::from_le_bytes(vector.0) != 0
    }

    #[inline(always)]
    pub fn u8x16_eq(left: v128, right: v128) -> v128 {
        v128(both(left.0, right.0, |left, right| mask(left == right)))
    }

    #[inline(always)]
    pub fn u8x16_lt(left: v128, right: v128) -> v128 {
        v128(both(left.0, right.0, |left, right| mask(left < right)))
    }

    #[inline(always)]
    pub fn i8x16_lt(left: v128, right: v128) -> v128 {
        v128(both(left.0, right.0, |left, right| mask(left.cast_signed() < right.cast_signed())))
    }

    /// Collects the highest bit of each byte.
    #[inline(always)]
    pub fn u8x16_bitmask(vector: v128) -> u16 {
        let collect = |half: i64| {
            let highest = half.cast_unsigned() >> 7 & 0x0101_0101_0101_0101;
            // The factor moves the lowest bit of each byte next to those of the others, into the highest byte.
            (highest.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u16
        };
        let [low, high] = i64x2(vector).map(collect);
        low | high << 8
    }

    #[inline(always)]
    pub fn u16x8_sub(left: v128, right: v128) -> v128 {
        of_u16x8(both(u16x8(left), u16x8(right), u16::wrapping_sub))
    }

    #[inline(always)]
    pub fn u16x8_sub_sat(left: v128, right: v128) -> v128 {
        of_u16x8(both(u16x8(left), u16x8(right), u16::saturating_sub))
    }

    #[inline(always)]
    pub fn i32x4_add(left: v128, right: v128) -> v128 {
        of_u32x4(both(u32x4(left), u32x4(right), u32::wrapping_add))
    }

    #[inline(always)]
    pub fn i64x2_add(left: v128, right: v128) -> v128 {
        of_i64x2(both(i64x2(left), i64x2(right), i64::wrapping_add))
    }

    /// The amount is taken modulo 32.
    #[inline(always)]
    pub fn u32x4_shr(vector: v128, amount: u32) -> v128 {
        of_u32x4(u32x4(vector).map(|lane| lane.wrapping_shr(amount)))
    }

    #[inline(always)]
    pub fn u32x4_extract_lane<const LANE: usize>(vector: v128) -> u32 {
        lane(u32x4(vector), [0; 4], LANE)
    }

    #[inline(always)]
    pub fn u32x4_extend_low_u16x8(vector: v128) -> v128 {
        of_u32x4(from_fn(|at| lane(u16x8(vector), [0; 8], at).into()))
    }

    #[inline(always)]
    pub fn u32x4_extend_high_u16x8(vector: v128) -> v128 {
        of_u32x4(from_fn(|at| lane(u16x8(vector), [0; 8], at + 4).into()))
    }

    /// Multiplies signed lanes and adds neighbours.
    #[inline(always)]
    pub fn i32x4_dot_i16x8(left: v128, right: v128) -> v128 {
        let product = |at| {
            let [left, right] = [left, right].map(|vector| i32::from(lane(u16x8(vector), [0; 8], at).cast_signed()));
            left.wrapping_mul(right)
        };
        of_u32x4(from_fn(|at| product(2 * at).wrapping_add(product(2 * at + 1)).cast_unsigned()))
    }

    #[allow(clippy::many_single_char_names, reason = "the numbers of lanes")]
    #[inline(always)]
    pub fn i16x8_shuffle<
        const A: usize,
        const B: usize,
        const C: usize,
        const D: usize,
        const E: usize,
        const F: usize,
        const G: usize,
        const H: usize,
    >(
        left: v128,
        right: v128,
    ) -> v128 {
        of_u16x8([A, B, C, D, E, F, G, H].map(|at| lane(u16x8(left), u16x8(right), at)))
    }

    #[inline(always)]
    pub fn i32x4_shuffle<const A: usize, const B: usize, const C: usize, const D: usize>(
        left: v128,
        right: v128,
    ) -> v128 {
        of_u32x4([A, B, C, D].map(|at| lane(u32x4(left), u32x4(right), at)))
    }

    #[inline(always)]
    pub fn i64x2_shuffle<const A: usize, const B: usize>(left: v128, right: v128) -> v128 {
        of_i64x2([A, B].map(|at| lane(i64x2(left), i64x2(right), at)))
    }
}

pub use instructions::*;

#[cfg(test)]
mod tests {
    use super::*;

    fn shorts(numbers: [u16; 8]) -> v128 {
        let half = |from: usize| {
            numbers.iter().skip(from).take(4).rev().fold(0u64, |word, &number| word << 16 | u64::from(number))
        };
        u64x2(half(0), half(4))
    }

    fn words(numbers: [u32; 4]) -> v128 {
        let [a, b, c, d] = numbers.map(u64::from);
        u64x2(b << 32 | a, d << 32 | c)
    }

    /// The results follow from the WebAssembly specification ("Vector Instructions").
    #[test]
    fn functions_return_what_the_instructions_return() {
        let numbers = shorts([0, 1, 2, 0x7fff, 0x8000, 0xfffe, 0xffff, 9]);
        let others = shorts([1, 1, 0, 0x8000, 0x7fff, 0xffff, 0xfffe, 9]);
        assert_eq!(u16x8_sub(numbers, others), shorts([0xffff, 0, 2, 0xffff, 1, 0xffff, 1, 0]));
        assert_eq!(u16x8_sub_sat(numbers, others), shorts([0, 0, 2, 0, 1, 0, 1, 0]));
        // -0x8000 · -0x8000 · 2 overflows.
        let dot = i32x4_dot_i16x8(numbers, shorts([3, 5, 7, 11, 13, 0xffff, 1, 1]));
        let products = [5, 14 + 11 * 0x7fff, -13 * 0x8000 + 2, -1 + 9];
        assert_eq!(dot, words(products.map(i32::cast_unsigned)));
        assert_eq!(i32x4_dot_i16x8(u16x8_splat(0x8000), u16x8_splat(0x8000)), u32x4_splat(0x8000_0000));
        assert_eq!(u32x4_extend_low_u16x8(numbers), words([0, 1, 2, 0x7fff]));
        assert_eq!(u32x4_extend_high_u16x8(numbers), words([0x8000, 0xfffe, 0xffff, 9]));
        let shuffled = i16x8_shuffle::<0, 8, 1, 9, 6, 14, 7, 15>(numbers, others);
        assert_eq!(shuffled, shorts([0, 1, 1, 1, 0xffff, 0xfffe, 9, 9]));

        let (numbers, others) = (words([1, 2, 0x8000_0000, u32::MAX]), words([5, 6, 0x8000_0000, 1]));
        assert_eq!(i32x4_add(numbers, others), words([6, 8, 0, 0]));
        assert_eq!(i64x2_add(numbers, others), words([6, 8, 0, 1]));
        assert_eq!(i64x2_add(u64x2(u64::MAX, 1), u64x2(1, 1)), u64x2(0, 2));
        assert_eq!(u32x4_shr(numbers, 1), words([0, 1, 0x4000_0000, 0x7fff_ffff]));
        assert_eq!(i32x4_shuffle::<0, 4, 3, 7>(numbers, others), words([1, 5, u32::MAX, 1]));
        assert_eq!(i64x2_shuffle::<1, 2>(numbers, others), words([0x8000_0000, u32::MAX, 5, 6]));
        assert_eq!([u32x4_extract_lane::<0>(numbers), u32x4_extract_lane::<3>(numbers)], [1, u32::MAX]);

        assert_eq!(v128_and(numbers, others), words([1, 2, 0x8000_0000, 1]));
        assert_eq!(v128_or(numbers, others), words([5, 6, 0x8000_0000, u32::MAX]));
        assert_eq!(v128_xor(numbers, others), words([4, 4, 0, u32::MAX - 1]));
        assert!(v128_any_true(u64x2(0, 1 << 63)) && v128_any_true(u64x2(1, 0)) && !v128_any_true(u64x2(0, 0)));

        let bytes = u64x2(u64::from_le_bytes([0, 1, 0x7f, 0x80, 0xff, b'a', b'b', 0x81]), 0);
        let bits = |vector| u8x16_bitmask(vector) & 0xff;
        assert_eq!(u8x16_bitmask(bytes), 0b1001_1000);
        assert_eq!(u8x16_bitmask(u64x2(0, 1 << 63 | 1 << 7)), 1 << 15 | 1 << 8);
        assert_eq!(bits(u8x16_eq(bytes, u8x16_splat(b'a'))), 0b0010_0000);
        assert_eq!(bits(u8x16_lt(bytes, u8x16_splat(0x80))), 0b0110_0111);
        assert_eq!(bits(i8x16_lt(bytes, i8x16_splat(1))), 0b1001_1001);
        assert_eq!(i8x16_splat(-1), u8x16_splat(0xff));
        let unaligned = [0u8; 17];
        assert_eq!(unsafe { v128_load(unaligned.as_ptr().add(1).cast()) }, u64x2(0, 0));
    }
}
