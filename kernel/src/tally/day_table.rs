//! Days and marks that rows are added to, in groups by vectors of 128 bits, and one by one where those end.

use alloc::vec::Vec;
use core::slice::ChunksExact;

/// Commits as columns of equal length.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Users: numbers from 0 with few gaps.
    pub users: &'a [u16],
    /// The authors' days, in days since 1970-01-01.
    pub days: &'a [u16],
    /// Lines of code.
    pub haloc: &'a [u16],
    /// Lines of code that rework recent ones.
    pub churn: &'a [u16],
    /// Impact, in ten-thousandths.
    pub impact: &'a [u32],
}

impl<'a> Block<'a> {
    /// Returns at most `rows` rows from `at` on; `None` after the last.
    pub(super) fn part(&self, at: usize, rows: usize) -> Option<Block<'a>> {
        let rows = at..self.users.len().min(at.saturating_add(rows));
        Some(Block {
            users: self.users.get(rows.clone()).filter(|rows| !rows.is_empty())?,
            days: self.days.get(rows.clone())?,
            haloc: self.haloc.get(rows.clone())?,
            churn: self.churn.get(rows.clone())?,
            impact: self.impact.get(rows)?,
        })
    }
}

/// The sums of a day: lines of code, with rework in the high half; impact, with commits in the high bits.
pub(super) type Packed = [u64; 2];

/// One commit beside impact. The bits below hold the impact of 2¹⁶ − 1 rows.
pub(super) const COMMIT: u64 = 1 << 48;

/// Consecutive days, and rows of marks of equal width.
#[derive(Clone, Debug)]
pub(super) struct DayTable {
    pub(super) lowest: u16,
    pub(super) width: usize,
    pub(super) days: Vec<Day>,
    /// Rows of marks, including those of all days.
    pub(super) marks: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub(super) struct Day {
    pub(super) packed: Packed,
    /// The start of its row of marks.
    pub(super) row: u32,
    /// Its bit in the marks.
    pub(super) mark: u8,
}

impl DayTable {
    /// Creates a table without days.
    pub(super) fn new(lowest: u16, width: usize) -> DayTable {
        DayTable { lowest, width, days: Vec::new(), marks: Vec::new() }
    }

    pub(super) fn lowest(&self) -> u16 {
        self.lowest
    }

    /// Returns the day after the last.
    pub(super) fn next(&self) -> u32 {
        u32::from(self.lowest) + self.days.len() as u32
    }

    /// Returns the number of users of each row of marks.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Adds the next day, with its row of marks and its bit in them.
    pub(super) fn push(&mut self, row: usize, mark: u8) {
        let begin = row.wrapping_mul(self.width);
        self.marks.resize(self.marks.len().max(begin.wrapping_add(self.width)), 0);
        self.days.push(Day { packed: [0; 2], row: begin as u32, mark });
    }

    /// Copies sums and marks from a table with the same last day and last row.
    pub(super) fn take(&mut self, other: &DayTable) {
        for (to, day) in self.days.iter_mut().rev().zip(other.days.iter().rev()) {
            to.packed = day.packed;
        }
        // Row 0 stands for no week.
        let rows = other.marks().skip(1).rev();
        for (to, marks) in self.marks.chunks_exact_mut(self.width).rev().zip(rows) {
            to.iter_mut().zip(marks).for_each(|(to, mark)| *to = *mark);
        }
    }

    /// Returns the row of marks and the sums of each day.
    pub(super) fn packed(&mut self) -> impl Iterator<Item = (usize, &mut Packed)> {
        let width = self.width;
        self.days.iter_mut().map(move |day| (day.row as usize / width, &mut day.packed))
    }

    pub(super) fn marks(&self) -> ChunksExact<'_, u8> {
        self.marks.chunks_exact(self.width)
    }

    /// Adds rows up to the first whose day or user has no place, and returns their number.
    // If it were inlined, it would be optimized for size like its caller.
    #[inline(never)]
    pub(super) fn add(&mut self, rows: &Block<'_>) -> usize {
        let mut added = self.add_vectors(rows);
        let lines = rows.haloc.iter().zip(rows.churn).zip(rows.impact);
        for ((&user, &day), ((&haloc, &churn), &impact)) in rows.users.iter().zip(rows.days).zip(lines).skip(added) {
            let user = usize::from(user);
            let Some(day) = day.checked_sub(self.lowest).and_then(|day| self.days.get_mut(usize::from(day))) else {
                break;
            };
            let Some(mark) = self.marks.get_mut((day.row as usize).wrapping_add(user)).filter(|_| user < self.width)
            else {
                break;
            };
            *mark |= day.mark;
            let [lines, rest] = day.packed;
            let lines = lines.wrapping_add(u64::from(haloc) | u64::from(churn) << 32);
            day.packed = [lines, rest.wrapping_add(u64::from(impact) | COMMIT)];
            added = added.wrapping_add(1);
        }
        added
    }
}
