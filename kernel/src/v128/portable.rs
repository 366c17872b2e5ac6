//! Functions with the results of vector instructions, lane by lane.

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
pub fn i32x4_shuffle<const A: usize, const B: usize, const C: usize, const D: usize>(left: v128, right: v128) -> v128 {
    of_u32x4([A, B, C, D].map(|at| lane(u32x4(left), u32x4(right), at)))
}

#[inline(always)]
pub fn i64x2_shuffle<const A: usize, const B: usize>(left: v128, right: v128) -> v128 {
    of_i64x2([A, B].map(|at| lane(i64x2(left), i64x2(right), at)))
}
