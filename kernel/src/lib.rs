//! The hot loops of streamgage, apart from the rest because speed and size are set by crate.
//!
//! [`json`] and [`row`] read the text of plain rows. [`CommitsByDay`] holds commits by day, and turns any selection of them into
//! exact sums by week; [`tally`] does the same of columns in any order, once.
#![no_std]

extern crate alloc;

mod by_day;
pub mod json;
pub mod row;
pub mod tally;
pub mod text;

pub use by_day::{Commit, Commits, CommitsByDay};

/// Which commits count.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// For each user, whether it counts.
    pub users: &'a [bool],
    /// For each repository, whether it counts.
    pub repos: &'a [bool],
    /// The first day that counts.
    pub first_day: i32,
    /// The last one.
    pub last_day: i32,
}

/// The exact sums of a week. Those of disjoint sets of users add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WeekSums {
    /// Weeks since that of Monday, 1969-12-29.
    pub week: i32,
    /// Users with a commit in it.
    pub users: u64,
    /// Days of users with a commit on them.
    pub coding_days: u64,
    /// Commits.
    pub commits: u64,
    /// Lines of code.
    pub haloc: i128,
    /// Lines of code that rework young ones.
    pub churn: i128,
    /// Impact, in ten-thousandths.
    pub impact: i128,
}

/// The week of a day, both as numbers.
pub const fn week_of(day: i32) -> i32 {
    // In 64 bits, so that no day can overflow; 1970-01-01 was a Thursday, three days after its Monday.
    (day as i64 + 3).div_euclid(7) as i32
}
