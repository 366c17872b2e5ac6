//! Vector instructions: those of WebAssembly, and elsewhere functions with the same names and results, so that tests,
//! fuzzing and valgrind run the same code natively.
#![allow(unsafe_code)]

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use core::arch::wasm32::{
    i8x16_lt, i8x16_splat, i16x8_shuffle, i32x4_add, i32x4_dot_i16x8, i32x4_shuffle, i64x2_add, i64x2_shuffle,
    u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u16x8_splat, u16x8_sub, u16x8_sub_sat, u32x4_extend_high_u16x8,
    u32x4_extend_low_u16x8, u32x4_extract_lane, u32x4_shr, u32x4_splat, u64x2, v128, v128_and, v128_any_true,
    v128_load, v128_or, v128_xor,
};
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub use portable::{
    i8x16_lt, i8x16_splat, i16x8_shuffle, i32x4_add, i32x4_dot_i16x8, i32x4_shuffle, i64x2_add, i64x2_shuffle,
    u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u16x8_splat, u16x8_sub, u16x8_sub_sat, u32x4_extend_high_u16x8,
    u32x4_extend_low_u16x8, u32x4_extract_lane, u32x4_shr, u32x4_splat, u64x2, v128, v128_and, v128_any_true,
    v128_load, v128_or, v128_xor,
};

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
