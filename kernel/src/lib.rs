//! The hot loops of streamgage, in a crate of their own because optimization levels are set by crate.
//!
//! [`row`] scans the text of plain rows. [`CommitsByDay`] keeps commits sorted by day and sums any selection of them by
//! week, exactly. [`tally`] sums columns in any order, once.
#![no_std]

extern crate alloc;

mod by_day;
pub mod row;
pub mod tally;
pub mod text;
pub mod v128;

pub use by_day::{Commit, Commits, CommitsByDay};

/// A selection of commits.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// For each user, whether its commits count.
    pub users: &'a [bool],
    /// For each repository, whether its commits count.
    pub repos: &'a [bool],
    /// The first day.
    pub first_day: i32,
    /// The last day.
    pub last_day: i32,
}

/// The exact sums of a week. Sums of disjoint users can be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WeekSums {
    /// Weeks since that of Monday, 1969-12-29.
    pub week: i32,
    /// Users with a commit in the week.
    pub users: u64,
    /// Pairs of a user and a day with a commit.
    pub coding_days: u64,
    /// Commits.
    pub commits: u64,
    /// Lines of code.
    pub haloc: i128,
    /// Lines of code that rework recent ones.
    pub churn: i128,
    /// Impact, in ten-thousandths.
    pub impact: i128,
}

/// Returns the week of a day, both as numbers.
pub const fn week_of(day: i32) -> i32 {
    // 64 bits can not overflow. 1970-01-01 was a Thursday, three days after its Monday.
    (day as i64 + 3).div_euclid(7) as i32
}
