//! The unsafe code of the kernel: loads and stores of vectors, and accesses without bounds checks after the bounds
//! of a group of rows have been checked. `npm run bench -- columns` measures it.
#![allow(unsafe_code)]

use super::day_table::{Block, COMMIT, Day, DayTable};
use crate::v128::{
    i16x8_shuffle, i32x4_add, i32x4_dot_i16x8, i32x4_shuffle, i64x2_add, i64x2_shuffle, u16x8_splat, u16x8_sub,
    u16x8_sub_sat, u32x4_extend_high_u16x8, u32x4_extend_low_u16x8, u32x4_extract_lane, u32x4_shr, u32x4_splat, v128,
    v128_any_true, v128_load, v128_or, v128_xor,
};
use core::hint::black_box;

/// The number of rows in a group: the lanes of a vector of 16-bit numbers.
const GROUP: usize = 8;

/// The number of rows after which the next ones are tested for being of one day.
const RUN: usize = 4 * GROUP;

/// Pointers into the table, and vectors of one number each.
struct Pass<'a> {
    first: *mut Day,
    marks: *mut u8,
    rows: &'a Block<'a>,
    lowest: v128,
    /// The last day with a place, counted from the lowest one.
    last: v128,
    /// The last user with a place.
    user: v128,
    half: v128,
    ones: v128,
    commit: v128,
}

impl DayTable {
    /// Adds the first rows as far as they fill vectors, and returns their number.
    #[inline(always)]
    pub(super) fn add_vectors(&mut self, rows: &Block<'_>) -> usize {
        let Some(last) = self.days.len().checked_sub(1) else { return 0 };
        // The length of the shortest column.
        let narrow = rows.users.len().min(rows.days.len()).min(rows.haloc.len()).min(rows.churn.len());
        let count = narrow.min(rows.impact.len()) / GROUP * GROUP;
        // `black_box` keeps engines from recomputing these constants wherever they are used.
        let (half, ones) = black_box((u16x8_splat(1 << 15), u16x8_splat(1)));
        let commit = black_box(u32x4_splat((COMMIT >> 32) as u32));
        let mut pass = Pass {
            first: self.days.as_mut_ptr().wrapping_sub(self.lowest.into()),
            marks: self.marks.as_mut_ptr(),
            rows,
            lowest: u16x8_splat(self.lowest),
            last: u16x8_splat(last as u16),
            user: u16x8_splat((self.width - 1) as u16),
            half,
            ones,
            commit,
        };
        let mut at = 0;
        // Rows are counted without a look at overflows: no column is that long.
        // SAFETY: nothing from `count` on is asked for; a day that has a place is one of `days`, and a user who has
        // one has it in the rows of marks of all of them, which `push` has made.
        unsafe {
            while at < count {
                let mut end = count.min(at.wrapping_add(RUN));
                let days = [at, end.wrapping_sub(1)].map(|at| rows.days.as_ptr().add(at).read());
                if days[0] == days[1] && pass.have_places(at, at.wrapping_add(GROUP)) {
                    let next = pass.add_run(at, count);
                    // The last group of a day is usually followed by a group of two days.
                    end = if next > at { count.min(next.wrapping_add(GROUP)) } else { end };
                    at = next;
                }
                if !pass.have_places(at, end) {
                    break;
                }
                while at < end {
                    pass.add_group(at);
                    at = at.wrapping_add(GROUP);
                }
            }
        }
        at
    }
}

/// Safety of all functions: the rows from `at` to `end` exist and are whole groups, and rows that are added have
/// places.
impl Pass<'_> {
    /// Reports whether the days and users of rows have places.
    #[inline(always)]
    unsafe fn have_places(&self, at: usize, end: usize) -> bool {
        let mut beyond = u16x8_splat(0);
        for at in (at..end).step_by(GROUP) {
            let (user, day) = unsafe { (narrow(self.rows.users, at), narrow(self.rows.days, at)) };
            beyond = v128_or(beyond, u16x8_sub_sat(user, self.user));
            beyond = v128_or(beyond, u16x8_sub_sat(u16x8_sub(day, self.lowest), self.last));
        }
        !v128_any_true(beyond)
    }

    /// Adds groups as long as all their rows are of the first one's day, which has a place, and their users have
    /// places. Returns the start of the next group.
    #[inline(always)]
    unsafe fn add_run(&mut self, at: usize, end: usize) -> usize {
        let Block { users, days, haloc, churn, impact } = *self.rows;
        let [mut of_haloc, mut of_churn, mut all, mut high] = [u32x4_splat(0); 4];
        let mut next = at;
        unsafe {
            let day = days.as_ptr().add(at).read();
            let place = &mut *self.first.wrapping_add(day.into());
            let (marks, mark, day) = (self.marks.add(place.row as usize), place.mark, u16x8_splat(day));
            while next < end {
                let other = v128_xor(narrow(days, next), day);
                if v128_any_true(v128_or(other, u16x8_sub_sat(narrow(users, next), self.user))) {
                    break;
                }
                for at in next..next.wrapping_add(GROUP) {
                    *marks.add(usize::from(users.as_ptr().add(at).read())) |= mark;
                }
                // `dot` multiplies pairs by 1 and adds them as signed numbers, so they are reduced by 2¹⁵ before.
                let pairs = |column| i32x4_dot_i16x8(v128_xor(narrow(column, next), self.half), self.ones);
                of_haloc = i32x4_add(of_haloc, pairs(haloc));
                of_churn = i32x4_add(of_churn, pairs(churn));
                // The sums of all bits overflow; the sums of the high halves recover the lost part.
                for impact in wide(impact, next) {
                    all = i32x4_add(all, impact);
                    high = i32x4_add(high, u32x4_shr(impact, 16));
                }
                next = next.wrapping_add(GROUP);
            }
            let rows = next.wrapping_sub(at) as u32;
            let lines = |sums| u64::from(total(sums).wrapping_add(rows << 15));
            let low = total(all).wrapping_sub(total(high) << 16);
            let impact = (u64::from(total(high)) << 16).wrapping_add(low.into());
            let [one, other] = place.packed;
            let one = one.wrapping_add(lines(of_haloc) | lines(of_churn) << 32);
            place.packed = [one, other.wrapping_add(impact).wrapping_add(COMMIT.wrapping_mul(rows.into()))];
        }
        next
    }

    /// Adds a group of rows of any days.
    #[inline(always)]
    unsafe fn add_group(&mut self, at: usize) {
        let Block { users, days, haloc, churn, impact } = *self.rows;
        unsafe {
            let sums = packed(narrow(haloc, at), narrow(churn, at), wide(impact, at), self.commit);
            for (at, sum) in (at..at.wrapping_add(GROUP)).zip(sums) {
                let [user, day] = [users, days].map(|column| usize::from(column.as_ptr().add(at).read()));
                let place = &mut *self.first.wrapping_add(day);
                *self.marks.add(place.row as usize).add(user) |= place.mark;
                // A `Day` is aligned for vectors.
                let to = (&raw mut place.packed).cast::<v128>();
                *to = i64x2_add(*to, sum);
            }
        }
    }
}

/// Packs eight rows like the sums of a day.
#[inline(always)]
fn packed(haloc: v128, churn: v128, [impact, later]: [v128; 2], commit: v128) -> [v128; 8] {
    let lines = i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(haloc, churn);
    let more = i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(haloc, churn);
    let pair = |lines, impact| [i64x2_shuffle::<0, 2>(lines, impact), i64x2_shuffle::<1, 3>(lines, impact)];
    let [a, b] = pair(u32x4_extend_low_u16x8(lines), i32x4_shuffle::<0, 4, 1, 5>(impact, commit));
    let [c, d] = pair(u32x4_extend_high_u16x8(lines), i32x4_shuffle::<2, 6, 3, 7>(impact, commit));
    let [e, f] = pair(u32x4_extend_low_u16x8(more), i32x4_shuffle::<0, 4, 1, 5>(later, commit));
    let [g, h] = pair(u32x4_extend_high_u16x8(more), i32x4_shuffle::<2, 6, 3, 7>(later, commit));
    [a, b, c, d, e, f, g, h]
}

#[inline(always)]
fn total(numbers: v128) -> u32 {
    let halves = i32x4_add(numbers, i64x2_shuffle::<1, 0>(numbers, numbers));
    u32x4_extract_lane::<0>(halves).wrapping_add(u32x4_extract_lane::<1>(halves))
}

/// Loads eight numbers, which have to exist.
#[inline(always)]
unsafe fn narrow(column: &[u16], at: usize) -> v128 {
    unsafe { v128_load(column.as_ptr().add(at).cast()) }
}

/// Loads eight numbers, which have to exist.
#[inline(always)]
unsafe fn wide(column: &[u32], at: usize) -> [v128; 2] {
    unsafe { [v128_load(column.as_ptr().add(at).cast()), v128_load(column.as_ptr().add(at + 4).cast())] }
}
