//! Sums of commits in columns by week, in any order, in one pass. `npm run bench -- columns` measures it.
//!
//! A byte for each user and week marks the days with a commit, one bit each, so the order of commits does not matter.
//! The sums of a day are two words of 64 bits with two numbers each, to which a row is added at once.

mod day_table;
mod vectors;

use crate::{WeekSums, week_of};
use alloc::vec::Vec;
pub use day_table::Block;
use day_table::{COMMIT, DayTable};

/// The number of rows that are added at once. They fit a cache together with the sums and marks.
pub const BLOCK: usize = 16_384;

/// The number of rows that are inspected when a row has no place yet.
const AHEAD: usize = 256;

/// The largest number of users times weeks, to limit memory.
const MAX_CELLS: usize = 1 << 28;

/// An error: the commits have more users times weeks than 2²⁸.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityError;

/// The number of rows of a day that can be added before a part of [`Packed`] may overflow: commits have 16 bits.
const MAX_ROWS: usize = u16::MAX as usize;

/// A running tally of commits by week.
#[derive(Clone, Debug)]
pub struct Tally {
    first_day: u16,
    last_day: u16,
    /// The days, and a row of marks for each requested week, after one row for all other days.
    places: DayTable,
    /// The sums of the requested weeks.
    sums: Vec<WeekSums>,
    /// The number of rows that can be added before the days have to be checked for overflow.
    room: usize,
}

impl Tally {
    /// Creates a tally of the days from the first to the last. It is empty if the last comes before the first.
    pub fn new(first_day: u16, last_day: u16) -> Tally {
        Tally { first_day, last_day, places: DayTable::new(0, 8), sums: Vec::new(), room: MAX_ROWS }
    }

    /// Adds the commits on requested days.
    ///
    /// # Errors
    /// Returns an error if there are too many users and weeks. The remaining rows are not added.
    pub fn add(&mut self, block: &Block<'_>) -> Result<(), CapacityError> {
        let mut at = 0;
        while let Some(rows) = block.part(at, BLOCK) {
            if rows.users.len() > self.room {
                self.look();
            }
            let added = self.places.add(&rows);
            (at, self.room) = (at.wrapping_add(added), self.room.saturating_sub(added));
            if let Some(Block { users, days, .. }) = rows.part(added, AHEAD) {
                let lowest = days.iter().fold(u16::MAX, |lowest, &day| lowest.min(day));
                let [user, day] = [users, days].map(|column| column.iter().fold(0, |highest, &each| highest.max(each)));
                self.make_room(usize::from(user) + 1, lowest, day)?;
            }
        }
        Ok(())
    }

    /// Computes how many rows can be added before a day may overflow, and makes that enough for a block.
    #[cold]
    fn look(&mut self) {
        let most = self.places.packed().map(|(_, [_, rest])| *rest / COMMIT).max().unwrap_or(0);
        self.room = MAX_ROWS - most as usize;
        if self.room < BLOCK {
            self.unpack();
            self.room = MAX_ROWS;
        }
    }

    /// Makes places for users, and for the days from the first to the last.
    #[cold]
    fn make_room(&mut self, users: usize, first: u16, last: u16) -> Result<(), CapacityError> {
        let width = self.places.width().max(users.next_power_of_two());
        let (lowest, next) = (self.places.lowest(), self.places.next());
        // Doubles the number of days, so that commits in order of time need few extensions, but does not add more days
        // that are not requested than necessary.
        let days = next - u32::from(lowest);
        let from = match days {
            0 => first,
            _ if first < lowest => first.min(lowest.saturating_sub(days as u16).max(self.first_day)),
            _ => lowest,
        };
        let until = match u32::from(last) {
            last if last < next => next,
            last => (next + days).min(u32::from(self.last_day) + 1).max(last + 1),
        };

        let asked = from.max(self.first_day)..=self.last_day.min((until - 1) as u16);
        let weeks = week_of((*asked.end()).into()) - week_of((*asked.start()).into()) + 1;
        if !asked.is_empty() && weeks as usize >= MAX_CELLS / width {
            return Err(CapacityError);
        }
        if from != lowest || width != self.places.width() {
            let places = core::mem::replace(&mut self.places, DayTable::new(from, width));
            let sums = core::mem::take(&mut self.sums);
            // The last week stays the same.
            self.push_until(next);
            self.places.take(&places);
            self.sums.iter_mut().rev().zip(sums.into_iter().rev()).for_each(|(to, sum)| *to = sum);
        }
        self.push_until(until);
        Ok(())
    }

    /// Makes places for all days before `day`.
    #[cold]
    fn push_until(&mut self, day: u32) {
        for day in self.places.next()..day {
            let week = week_of(day as i32);
            let is_asked = (u32::from(self.first_day)..=self.last_day.into()).contains(&day);
            if is_asked && self.sums.last().is_none_or(|last| last.week != week) {
                self.sums.push(WeekSums { week, ..WeekSums::default() });
            }
            self.places.push(if is_asked { self.sums.len() } else { 0 }, 1 << ((day + 3) % 7));
        }
    }

    /// Moves the packed sums of all days to their weeks.
    fn unpack(&mut self) {
        for (row, packed) in self.places.packed() {
            let [lines, rest] = core::mem::take(packed);
            let Some(sum) = row.checked_sub(1).and_then(|week| self.sums.get_mut(week)) else { continue };
            sum.haloc += i128::from(lines as u32);
            sum.churn += i128::from(lines >> 32);
            sum.impact += i128::from(rest % COMMIT);
            sum.commits += rest / COMMIT;
        }
    }

    /// Returns the sums of the weeks with a commit, oldest first.
    #[inline(never)]
    pub fn into_sums(mut self) -> Vec<WeekSums> {
        self.unpack();
        // Eight users at a time, a byte each. The days of a week leave the highest bit free.
        const HIGHEST: u64 = 0x8080_8080_8080_8080;
        for (sum, marks) in self.sums.iter_mut().zip(self.places.marks().skip(1)) {
            for &marks in marks.as_chunks().0 {
                let marks = u64::from_le_bytes(marks);
                sum.coding_days += u64::from(marks.count_ones());
                sum.users += u64::from((marks.wrapping_add(!HIGHEST) & HIGHEST).count_ones());
            }
        }
        self.sums.retain(|sum| sum.commits > 0);
        self.sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Commit, Commits, Selection};
    use alloc::vec;
    use proptest::prelude::*;

    type Row = (u16, u16, u16, u16, u32);

    fn tallied(rows: &[Row], first_day: u16, last_day: u16) -> Result<Vec<WeekSums>, CapacityError> {
        tallied_by(usize::MAX, rows, first_day, last_day)
    }

    /// Adds `size` rows at a time.
    fn tallied_by(size: usize, rows: &[Row], first_day: u16, last_day: u16) -> Result<Vec<WeekSums>, CapacityError> {
        let mut tally = Tally::new(first_day, last_day);
        for rows in rows.chunks(size) {
            let users: Vec<u16> = rows.iter().map(|row| row.0).collect();
            let days: Vec<u16> = rows.iter().map(|row| row.1).collect();
            let haloc: Vec<u16> = rows.iter().map(|row| row.2).collect();
            let churn: Vec<u16> = rows.iter().map(|row| row.3).collect();
            let impact: Vec<u32> = rows.iter().map(|row| row.4).collect();
            tally.add(&Block { users: &users, days: &days, haloc: &haloc, churn: &churn, impact: &impact })?;
        }
        Ok(tally.into_sums())
    }

    /// Sums the same commits by [`CommitsByDay`].
    fn by_table(rows: &[Row]) -> Vec<WeekSums> {
        let mut commits = Commits::default();
        for &(user, day, haloc, churn, impact) in rows {
            let (haloc, churn, impact) = (haloc.into(), churn.into(), impact.into());
            commits.push(Commit { user: user.into(), repo: 0, day: day.into(), haloc, churn, impact });
        }
        let users = vec![true; rows.iter().map(|row| usize::from(row.0) + 1).max().unwrap_or(0)];
        let selection = Selection { users: &users, repos: &[true], first_day: i32::MIN, last_day: i32::MAX };
        commits.into_sorted().week_sums(&selection)
    }

    #[test]
    fn the_largest_numbers_are_exact() {
        for users in [1, 3] {
            let of = |place: u16, day| (place % users, day, u16::MAX, u16::MAX, u32::MAX);
            // More rows than fit without unpacking in between.
            let rows: Vec<Row> = [0..50_000, 0..50_000].into_iter().flatten().map(|place| of(place, 20_000)).collect();
            assert_eq!(tallied(&rows, 19_999, 20_001), Ok(by_table(&rows)));
            let rows: Vec<Row> = (0..u16::MAX).map(|place| of(place, 20_000 + place % 2)).collect();
            assert_eq!(tallied(&rows, 20_000, 20_001), Ok(by_table(&rows)));
        }
    }

    /// Rows of each combination, alone and between others: by groups of one day and of several, and one by one.
    #[test]
    fn packed_sums_are_exact_for_all_combinations_of_extreme_values() {
        const SHORT: [u16; 7] = [0, 1, 0x7f, 0xff, 0x7fff, 0x8000, 0xffff];
        const LONG: [u32; 8] = [0, 1, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_0000, u32::MAX];
        let values = SHORT.iter().flat_map(|&haloc| SHORT.iter().map(move |&churn| (haloc, churn)));
        let values: Vec<_> = values.flat_map(|(haloc, churn)| LONG.map(|impact| (haloc, churn, impact))).collect();
        for &(haloc, churn, impact) in &values {
            for count in [1, 8, 9, 40] {
                let one_day: Vec<Row> = (0..count).map(|user| (user, 20_000, haloc, churn, impact)).collect();
                assert_eq!(tallied(&one_day, 19_999, 20_001), Ok(by_table(&one_day)));
                let days: Vec<Row> = (0..count).map(|user| (user, 20_000 + user % 3, haloc, churn, impact)).collect();
                assert_eq!(tallied(&days, 19_999, 20_003), Ok(by_table(&days)));
            }
        }
        for days in [1, 2, 8, 15] {
            let mixed = (0..)
                .zip(&values)
                .map(|(at, &(haloc, churn, impact))| (at % 5, 20_000 + at % days, haloc, churn, impact));
            let mixed: Vec<Row> = mixed.collect();
            assert_eq!(tallied(&mixed, 0, u16::MAX), Ok(by_table(&mixed)));
        }
    }

    #[test]
    fn a_day_has_room_after_many_rows_on_other_days() {
        // A block of rows for the last day is as large as the room that is left then.
        let others = (0..3 * BLOCK).map(|at| (0, at as u16, 1, 1, 1));
        let rows: Vec<Row> = others.chain((0..MAX_ROWS).map(|_| (0, 7, 1, 1, u32::MAX))).collect();
        assert_eq!(tallied(&rows, 0, u16::MAX), Ok(by_table(&rows)));
    }

    #[test]
    fn users_and_days_extend_the_table() {
        let rows = [(2, 20_005, 1, 1, 1), (65_535, 19_990, 1, 1, 1), (40, 20_100, 1, 1, 1), (2, 20_005, 1, 1, 1)];
        assert_eq!(tallied_by(1, &rows, 19_990, u16::MAX), Ok(by_table(&rows)));
        // The mark of the first user without a place would be that of the first user of the next week.
        let rows = [(0, 20_000, 1, 1, 1), (7, 20_007, 1, 1, 1), (8, 20_000, 1, 1, 1), (0, 20_007, 1, 1, 1)];
        // One by one, and in groups.
        for count in [1, 8] {
            let rows: Vec<Row> = rows.into_iter().flat_map(|row| core::iter::repeat_n(row, count)).collect();
            assert_eq!(tallied_by(count, &rows, 19_990, u16::MAX), Ok(by_table(&rows)));
        }
        assert_eq!(tallied(&[], 0, 9), Ok(Vec::new()));
        let far = [(u16::MAX, u16::MAX, 1, 1, 1), (0, 0, 1, 1, 1)];
        assert_eq!(tallied(&far[..1], 0, u16::MAX), Ok(by_table(&far[..1])));
        assert_eq!(tallied(&far, 0, u16::MAX), Err(CapacityError));
        assert_eq!(tallied_by(1, &far, 0, u16::MAX), Err(CapacityError));
        // The first day of the 4,096th week: 2¹⁶ users times 2¹² weeks.
        let too_far = [(u16::MAX, 0, 1, 1, 1), (u16::MAX, 28_662, 1, 1, 1)];
        assert_eq!(tallied(&too_far, 0, u16::MAX), Err(CapacityError));
        // Days that are not requested need no marks.
        assert_eq!(tallied(&far, 65_000, u16::MAX), Ok(by_table(&far[..1])));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// In any order and in order of time, up and down, in blocks and at once.
        #[test]
        fn sums_agree_with_those_by_day(
            mut rows in proptest::collection::vec((0u16..40, 19_970u16..20_030, any::<u16>(), 0u16..50, any::<u32>()), 1..900),
            (order, size) in (0..3, 1usize..900),
        ) {
            match order {
                0 => {}
                1 => rows.sort_unstable_by_key(|row| row.1),
                _ => rows.sort_unstable_by_key(|row| u16::MAX - row.1),
            }
            prop_assert_eq!(tallied_by(size, &rows, 19_968, 20_040), Ok(by_table(&rows)));
            let asked: Vec<Row> = rows.iter().copied().filter(|row| (19_995..=20_003).contains(&row.1)).collect();
            prop_assert_eq!(tallied_by(size, &rows, 19_995, 20_003), Ok(by_table(&asked)));
            prop_assert_eq!(tallied(&rows, 1, 0), Ok(Vec::new()));
        }
    }
}
