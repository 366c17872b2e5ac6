//! Commits in columns, in any order, into sums by week in one pass.
//!
//! What must be counted once is marked in a byte for each user and day, so it does not matter when it comes. Sums of a
//! day are two words of 64 bits that hold two numbers each, so that a row adds to them by two additions. Rows of one day
//! that follow each other, as they do in time order, are summed in lanes before.

use crate::{WeekSums, week_of};
use alloc::vec::Vec;

/// So many rows a [`Block`] may have: few enough to lie in a cache beside what they are added to.
pub const BLOCK: usize = 16_384;

/// Rows that are looked at together: if they are of one day, they are summed together.
const RUN: usize = 64;

/// So many users times days may be told apart: more marks would be too much to ask of a page.
const MAX_CELLS: usize = 1 << 28;

/// Some commits, as columns of one length, at most [`BLOCK`].
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Users: numbers from 0, with few gaps.
    pub users: &'a [u16],
    /// The authors' days, in days since 1970-01-01.
    pub days: &'a [u16],
    /// Lines of code, …
    pub haloc: &'a [u16],
    /// … how many of these rework young ones, …
    pub churn: &'a [u16],
    /// … and impact, in ten-thousandths.
    pub impact: &'a [u32],
}

/// There are more users times days than can be told apart (2²⁸).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// The sums of a day: lines, with rework in the high half; impact, with commits in the high bits.
type Packed = [u64; 2];

/// Where commits are counted beside impact. Below it there is room for the impact of [`MAX_ROWS`] rows.
const COMMIT: u64 = 1 << 48;

/// So many rows can be added before a part of a [`Packed`] may overflow: the count of commits, of 16 bits.
const MAX_ROWS: usize = u16::MAX as usize;

/// Sums commits by week as they come.
#[derive(Clone, Debug)]
pub struct Tally {
    first_day: u16,
    last_day: u16,
    /// Each day has 2 to this power of marks, one for each user.
    shift: u32,
    /// From the first day that is asked for to the last one that was seen.
    marks: Vec<u8>,
    /// Of the same days.
    packed: Vec<Packed>,
    /// How many rows these are of.
    rows: usize,
    /// Of the weeks of these days.
    sums: Vec<WeekSums>,
}

impl Tally {
    /// Of the days from the first to the last; of none if that comes before.
    pub fn new(first_day: u16, last_day: u16) -> Tally {
        // Eight users are the least that `into_sums` takes together.
        Tally { first_day, last_day, shift: 3, marks: Vec::new(), packed: Vec::new(), rows: 0, sums: Vec::new() }
    }

    /// Adds the commits of the days that are asked for.
    ///
    /// # Errors
    /// There are too many users and days; then nothing was added.
    pub fn add(&mut self, block: &Block<'_>) -> Result<(), TooMany> {
        self.make_room(highest(block.users), highest(block.days))?;
        self.rows += block.users.len();
        if self.rows > MAX_ROWS {
            self.unpack();
            self.rows = block.users.len();
        }
        self.add_all(block);
        Ok(())
    }

    /// Room for users and days up to these; but for no days that are not asked for, so that their rows find no place.
    fn make_room(&mut self, user: u16, day: u16) -> Result<(), TooMany> {
        let shift = self.shift.max(16 - user.leading_zeros());
        let days = day.min(self.last_day).checked_sub(self.first_day).map_or(0, |days| usize::from(days) + 1);
        let days = days.max(self.packed.len());
        if days > MAX_CELLS >> shift {
            return Err(TooMany);
        }
        if shift > self.shift {
            let mut marks = alloc::vec![0; self.packed.len() << shift];
            for (wide, marks) in marks.chunks_exact_mut(1 << shift).zip(self.marks.chunks_exact(1 << self.shift)) {
                wide.iter_mut().zip(marks).for_each(|(wide, &mark)| *wide = mark);
            }
            (self.marks, self.shift) = (marks, shift);
        }
        self.marks.resize(days << shift, 0);
        self.packed.resize(days, [0; 2]);
        Ok(())
    }

    // Inlined, it would be made as small as what is around it; so with what else is hot.
    #[inline(never)]
    fn add_all(&mut self, block: &Block<'_>) {
        let runs = block.users.chunks(RUN).zip(block.days.chunks(RUN));
        let lines = block.haloc.chunks(RUN).zip(block.churn.chunks(RUN)).zip(block.impact.chunks(RUN));
        for ((users, days), ((haloc, churn), impact)) in runs.zip(lines) {
            // In time order hardly any run is of more than one day; in another, the ends of hardly any are of one.
            match (days.first(), days.last()) {
                (Some(&day), Some(last))
                    if day == *last && days.iter().fold(0, |other, one| other | (one ^ day)) == 0 =>
                {
                    self.add_day(day, users, haloc, churn, impact);
                }
                _ => self.add_rows(users, days, haloc, churn, impact),
            }
        }
    }

    #[inline(always)]
    fn add_day(&mut self, day: u16, users: &[u16], haloc: &[u16], churn: &[u16], impact: &[u32]) {
        let day = usize::from(day.wrapping_sub(self.first_day));
        let Some(marks) = self.marks.get_mut(day << self.shift..) else { return };
        for &user in users {
            // To leave the loop is what never happens; but it keeps the compiler from doing this in lanes.
            let Some(mark) = marks.get_mut(usize::from(user)) else { return };
            *mark = 1;
        }
        let lines = |column: &[u16]| column.iter().fold(0u32, |sum, &lines| sum.wrapping_add(lines.into()));
        let impact = impact.iter().fold(0u64, |sum, &impact| sum.wrapping_add(impact.into()));
        let lines = u64::from(lines(haloc)) | u64::from(lines(churn)) << 32;
        if let Some(packed) = self.packed.get_mut(day) {
            *packed = plus(*packed, [lines, impact.wrapping_add(COMMIT.wrapping_mul(users.len() as u64))]);
        }
    }

    #[inline(always)]
    fn add_rows(&mut self, users: &[u16], days: &[u16], haloc: &[u16], churn: &[u16], impact: &[u32]) {
        let (first_day, shift) = (self.first_day, self.shift);
        let (marks, sums) = (self.marks.as_mut_slice(), self.packed.as_mut_slice());
        let lines = haloc.iter().zip(churn).zip(impact);
        for ((&user, &day), ((&haloc, &churn), &impact)) in users.iter().zip(days).zip(lines) {
            let day = usize::from(day.wrapping_sub(first_day));
            let (Some(mark), Some(packed)) = (marks.get_mut(day << shift | usize::from(user)), sums.get_mut(day))
            else {
                continue;
            };
            *mark = 1;
            *packed = plus(*packed, [u64::from(haloc) | u64::from(churn) << 32, u64::from(impact) | COMMIT]);
        }
    }

    /// Empties the packed sums.
    fn unpack(&mut self) {
        for (day, packed) in (i32::from(self.first_day)..).zip(&mut self.packed) {
            let week = week_of(day);
            if self.sums.last().is_none_or(|last| last.week < week) {
                self.sums.push(WeekSums { week, ..WeekSums::default() });
            }
            let first = self.sums.first().map_or(week, |first| first.week);
            let Some(sum) = self.sums.get_mut(week.abs_diff(first) as usize) else { break };
            let [lines, rest] = core::mem::take(packed);
            sum.haloc += i128::from(lines as u32);
            sum.churn += i128::from(lines >> 32);
            sum.impact += i128::from(rest % COMMIT);
            sum.commits += rest / COMMIT;
        }
    }

    /// The weeks that have a commit, oldest first.
    #[inline(never)]
    pub fn into_sums(mut self) -> Vec<WeekSums> {
        self.unpack();
        // Eight users at a time, a byte each: no week has more than seven days of one.
        const ONES: u64 = 0x0101_0101_0101_0101;
        let all_of = |bytes: u64| bytes.wrapping_mul(ONES) >> 56;
        let words = 1 << self.shift >> 3;
        let (mut marks, _) = self.marks.as_chunks::<8>();
        let mut days = 7 - (usize::from(self.first_day) + 3) % 7;
        for sum in &mut self.sums {
            let (week, later) = marks.split_at_checked(days * words).unwrap_or((marks, &[]));
            (marks, days) = (later, 7);
            for word in 0..words {
                let days = week.iter().skip(word).step_by(words);
                let days = days.fold(0u64, |sum, &marks| sum.wrapping_add(u64::from_le_bytes(marks)));
                sum.coding_days += all_of(days);
                sum.users += all_of(days.wrapping_add(7 * ONES) >> 3 & ONES);
            }
        }
        self.sums.retain(|sum| sum.commits > 0);
        self.sums
    }
}

#[inline(always)]
fn plus([a, b]: Packed, [c, d]: Packed) -> Packed {
    [a.wrapping_add(c), b.wrapping_add(d)]
}

#[inline(always)]
fn highest(numbers: &[u16]) -> u16 {
    numbers.iter().fold(0, |highest, &number| highest.max(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Commit, Commits, Selection};
    use proptest::prelude::*;

    type Row = (u16, u16, u16, u16, u32);

    fn tallied(rows: &[Row], first_day: u16, last_day: u16) -> Result<Vec<WeekSums>, TooMany> {
        let mut tally = Tally::new(first_day, last_day);
        for rows in rows.chunks(BLOCK) {
            let users: Vec<u16> = rows.iter().map(|row| row.0).collect();
            let days: Vec<u16> = rows.iter().map(|row| row.1).collect();
            let haloc: Vec<u16> = rows.iter().map(|row| row.2).collect();
            let churn: Vec<u16> = rows.iter().map(|row| row.3).collect();
            let impact: Vec<u32> = rows.iter().map(|row| row.4).collect();
            tally.add(&Block { users: &users, days: &days, haloc: &haloc, churn: &churn, impact: &impact })?;
        }
        Ok(tally.into_sums())
    }

    /// As the table of the same commits has it.
    fn by_table(rows: &[Row]) -> Vec<WeekSums> {
        let mut commits = Commits::default();
        for &(user, day, haloc, churn, impact) in rows {
            let (haloc, churn, impact) = (haloc.into(), churn.into(), impact.into());
            commits.push(Commit { user: user.into(), repo: 0, day: day.into(), haloc, churn, impact });
        }
        let users = [true; 1 << 16];
        let selection = Selection { users: &users, repos: &[true], first_day: i32::MIN, last_day: i32::MAX };
        commits.into_sorted().week_sums(&selection)
    }

    #[test]
    fn the_largest_numbers_are_exact() {
        for users in [1, 3] {
            let of = |place: u16, day| (place % users, day, u16::MAX, u16::MAX, u32::MAX);
            // More than would fit if they were not unpacked in between.
            let rows: Vec<Row> = [0..50_000, 0..50_000].into_iter().flatten().map(|place| of(place, 20_000)).collect();
            assert_eq!(tallied(&rows, 19_999, 20_001), Ok(by_table(&rows)));
            let rows: Vec<Row> = (0..u16::MAX).map(|place| of(place, 20_000 + place % 2)).collect();
            assert_eq!(tallied(&rows, 20_000, 20_001), Ok(by_table(&rows)));
        }
    }

    #[test]
    fn users_and_days_beyond_what_was_seen() {
        let rows = [(2, 20_005, 1, 1, 1), (65_535, 19_990, 1, 1, 1), (40, 20_100, 1, 1, 1), (2, 20_005, 1, 1, 1)];
        let mut tally = Tally::new(19_990, u16::MAX);
        for (user, day, haloc, churn, impact) in rows {
            let block = Block { users: &[user], days: &[day], haloc: &[haloc], churn: &[churn], impact: &[impact] };
            tally.add(&block).unwrap();
        }
        assert_eq!(tally.into_sums(), by_table(&rows));
        assert_eq!(tallied(&[], 0, 9), Ok(Vec::new()));
        assert_eq!(tallied(&[(u16::MAX, u16::MAX, 1, 1, 1)], 0, u16::MAX), Err(TooMany));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// In any order, and in order of time.
        #[test]
        fn sums_are_those_of_the_table(
            mut rows in proptest::collection::vec((0u16..40, 19_990u16..20_010, any::<u16>(), 0u16..50, any::<u32>()), 1..500),
            is_sorted in any::<bool>(),
        ) {
            if is_sorted {
                rows.sort_unstable_by_key(|row| row.1);
            }
            prop_assert_eq!(tallied(&rows, 19_988, 20_020), Ok(by_table(&rows)));
            let asked: Vec<Row> = rows.iter().copied().filter(|row| (19_995..=20_003).contains(&row.1)).collect();
            prop_assert_eq!(tallied(&rows, 19_995, 20_003), Ok(by_table(&asked)));
            prop_assert_eq!(tallied(&rows, 1, 0), Ok(Vec::new()));
        }
    }
}
