//! Commits in columns, in any order, into sums by week in one pass.
//!
//! What must be counted once is marked in a byte for each user and day, so it does not matter when it comes. Sums of a
//! day are two words of 64 bits that hold two numbers each, so that a row adds to them by two additions. Rows of one day
//! that follow each other, as they do in time order, are summed in lanes before.

use crate::{WeekSums, week_of};
use alloc::{vec, vec::Vec};
use core::ops::RangeInclusive;

/// So many rows a [`Block`] may have.
pub const BLOCK: usize = 4_096;

/// Rows that are looked at together: if they are of one day, they are summed together.
const RUN: usize = 64;

/// So many users times days may be told apart: a gigabyte of marks would be too much to ask of a page.
pub const MAX_CELLS: usize = 1 << 28;

/// Some commits, as columns of one length, at most [`BLOCK`].
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Users, numbered from 0.
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

/// Where a block has a user of a number that was not told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange(pub usize);

/// The sums of a day: lines, with rework in the high half; impact, with commits in the high bits.
type Packed = [u64; 2];

/// Where commits are counted beside impact. Below it there is room for the impact of [`MAX_ROWS`] rows.
const COMMIT: u64 = 1 << 48;

/// So many rows can be added before a half of a [`Packed`] may overflow: 2¹⁵ times 2¹⁶ lines, or 2³² of impact.
const MAX_ROWS: usize = 1 << 15;

/// Sums commits by week as they come.
#[derive(Clone, Debug)]
pub struct Tally {
    first_day: u16,
    last_day: u16,
    /// So many bytes a day has: the users, and what makes it whole words.
    stride: usize,
    users: usize,
    marks: Vec<u8>,
    packed: Vec<Packed>,
    rows: usize,
    sums: Vec<WeekSums>,
}

impl Tally {
    /// For so many users, and the days from the first to the last; `None` if these are more than [`MAX_CELLS`] or
    /// end before they begin.
    pub fn new(users: u16, first_day: u16, last_day: u16) -> Option<Tally> {
        let stride = usize::from(users).next_multiple_of(16);
        let days = usize::from(last_day.checked_sub(first_day)?) + 1;
        let cells = stride.checked_mul(days).filter(|&cells| cells <= MAX_CELLS)?;
        let weeks = week_of(first_day.into())..=week_of(last_day.into());
        Some(Tally {
            first_day,
            last_day,
            stride,
            users: users.into(),
            marks: vec![0; cells],
            packed: vec![[0; 2]; days],
            rows: 0,
            sums: weeks.map(|week| WeekSums { week, ..WeekSums::default() }).collect(),
        })
    }

    /// Adds the commits of the days that are asked for.
    ///
    /// # Errors
    /// The place of the first user that is out of range, where there is one; then nothing was added.
    pub fn add(&mut self, block: &Block<'_>) -> Result<(), OutOfRange> {
        let is_unknown = |user: &u16| usize::from(*user) >= self.users;
        let highest_user = block.users.iter().fold(0, |highest: u16, &user| highest.max(user));
        if is_unknown(&highest_user) {
            return block.users.iter().position(is_unknown).map_or(Ok(()), |place| Err(OutOfRange(place)));
        }
        let asked = self.first_day..=self.last_day;
        let (first, last) = bounds(block.days);
        if asked.contains(&first) && asked.contains(&last) {
            self.add_asked(block);
        } else {
            fn kept<T: Copy>(column: &[T], days: &[u16], asked: &RangeInclusive<u16>) -> Vec<T> {
                column.iter().zip(days).filter(|(_, day)| asked.contains(day)).map(|(&value, _)| value).collect()
            }
            self.add_asked(&Block {
                users: &kept(block.users, block.days, &asked),
                days: &kept(block.days, block.days, &asked),
                haloc: &kept(block.haloc, block.days, &asked),
                churn: &kept(block.churn, block.days, &asked),
                impact: &kept(block.impact, block.days, &asked),
            });
        }
        Ok(())
    }

    // Inlined, it would be made as small as what is around it; so with what else is hot.
    #[inline(never)]
    fn add_asked(&mut self, block: &Block<'_>) {
        self.rows += block.users.len();
        if self.rows > MAX_ROWS {
            self.unpack();
            self.rows = block.users.len();
        }
        let runs = block.users.chunks(RUN).zip(block.days.chunks(RUN));
        let lines = block.haloc.chunks(RUN).zip(block.churn.chunks(RUN)).zip(block.impact.chunks(RUN));
        for ((users, days), ((haloc, churn), impact)) in runs.zip(lines) {
            match bounds(days) {
                (first, last) if first == last => self.add_day(first, users, haloc, churn, impact),
                _ => self.add_rows(users, days, haloc, churn, impact),
            }
        }
    }

    #[inline(always)]
    fn add_day(&mut self, day: u16, users: &[u16], haloc: &[u16], churn: &[u16], impact: &[u32]) {
        let day = usize::from(day.wrapping_sub(self.first_day));
        let begin = day.wrapping_mul(self.stride);
        let Some(marks) = self.marks.get_mut(begin..begin.wrapping_add(self.stride)) else { return };
        for &user in users {
            marks.get_mut(usize::from(user)).into_iter().for_each(|mark| *mark = 1);
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
        let (first_day, stride) = (self.first_day, self.stride);
        let (marks, sums) = (self.marks.as_mut_slice(), self.packed.as_mut_slice());
        let lines = haloc.iter().zip(churn).zip(impact);
        for ((&user, &day), ((&haloc, &churn), &impact)) in users.iter().zip(days).zip(lines) {
            let day = usize::from(day.wrapping_sub(first_day));
            let mark = marks.get_mut(day.wrapping_mul(stride).wrapping_add(user.into()));
            mark.into_iter().for_each(|mark| *mark = 1);
            if let Some(packed) = sums.get_mut(day) {
                let lines = u64::from(haloc) | u64::from(churn) << 32;
                *packed = plus(*packed, [lines, u64::from(impact) | COMMIT]);
            }
        }
    }

    /// Adds the numbers of one commit that a [`Block`] has no room for; that of its lines has zeros there.
    pub fn add_wide(&mut self, day: u16, haloc: i64, churn: i64, impact: i64) {
        let week = week_of(day.into());
        if let Some(sum) = self.sums.iter_mut().find(|sum| sum.week == week) {
            sum.haloc += i128::from(haloc);
            sum.churn += i128::from(churn);
            sum.impact += i128::from(impact);
        }
    }

    /// Empties the packed sums.
    fn unpack(&mut self) {
        let mut sums = self.sums.iter_mut();
        let mut sum = sums.next();
        for (day, packed) in (i32::from(self.first_day)..).zip(&mut self.packed) {
            if sum.as_ref().is_some_and(|sum| sum.week != week_of(day)) {
                sum = sums.next();
            }
            let Some(sum) = &mut sum else { break };
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
        // No week has more than seven days.
        let mut days_of_users = vec![0u8; self.stride];
        let mut days = (i32::from(self.first_day)..).zip(self.marks.chunks_exact(self.stride.max(1))).peekable();
        for sum in &mut self.sums {
            days_of_users.fill(0);
            while let Some((_, marks)) = days.next_if(|&(day, _)| week_of(day) == sum.week) {
                for (days, &mark) in days_of_users.iter_mut().zip(marks) {
                    *days = days.wrapping_add(mark);
                }
            }
            for days in days_of_users.chunks(16) {
                // Sixteen users have no more than 112 days.
                let (days, users) = days
                    .iter()
                    .fold((0u8, 0u8), |(sum, users), &days| (sum.wrapping_add(days), users.wrapping_add(days.min(1))));
                sum.coding_days += u64::from(days);
                sum.users += u64::from(users);
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

/// The first day and the last one.
#[inline(always)]
fn bounds(days: &[u16]) -> (u16, u16) {
    days.iter().fold((u16::MAX, 0), |(first, last), &day| (first.min(day), last.max(day)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Commit, Commits, Selection};
    use proptest::prelude::*;

    type Row = (u16, u16, u16, u16, u32);

    fn tallied(rows: &[Row], users: u16, first: u16, last: u16) -> Result<Vec<WeekSums>, OutOfRange> {
        let mut tally = Tally::new(users, first, last).unwrap();
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
        let users = [true; 40];
        let selection = Selection { users: &users, repos: &[true], first_day: i32::MIN, last_day: i32::MAX };
        commits.into_sorted().week_sums(&selection)
    }

    #[test]
    fn the_largest_numbers_are_exact() {
        for users in [1, 3] {
            let of = |place: u16, day| (place % users, day, u16::MAX, u16::MAX, u32::MAX);
            // More than would fit if they were not unpacked in between.
            let rows: Vec<Row> = [0..50_000, 0..50_000].into_iter().flatten().map(|place| of(place, 20_000)).collect();
            assert_eq!(tallied(&rows, 3, 19_999, 20_001), Ok(by_table(&rows)));
            let rows: Vec<Row> = (0..50_000).map(|place| of(place, 20_000 + place % 2)).collect();
            assert_eq!(tallied(&rows, 3, 20_000, 20_001), Ok(by_table(&rows)));
        }
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let row: Row = (1, 20_000, 1, 1, 1);
        assert_eq!(tallied(&[row, (2, 20_000, 1, 1, 1)], 2, 20_000, 20_000), Err(OutOfRange(1)));
        assert_eq!(tallied(&[], 0, 0, 0), Ok(Vec::new()));
        assert!(Tally::new(1, 2, 1).is_none());
        assert!(Tally::new(u16::MAX, 0, u16::MAX).is_none());
    }

    #[test]
    fn wide_numbers_are_added_apart() {
        let mut tally = Tally::new(1, 20_000, 20_020).unwrap();
        tally.add(&Block { users: &[0], days: &[20_010], haloc: &[0], churn: &[0], impact: &[7] }).unwrap();
        tally.add_wide(20_010, i64::MAX, -1, 1);
        tally.add_wide(20_010, i64::MAX, -1, 1);
        let sums = tally.into_sums();
        assert_eq!((sums[0].haloc, sums[0].churn, sums[0].impact), (i128::from(i64::MAX) * 2, -2, 9));
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
            prop_assert_eq!(tallied(&rows, 40, 19_988, 20_020), Ok(by_table(&rows)));
            let asked: Vec<Row> = rows.iter().copied().filter(|row| (19_995..=20_003).contains(&row.1)).collect();
            prop_assert_eq!(tallied(&rows, 40, 19_995, 20_003), Ok(by_table(&asked)));
        }
    }
}
