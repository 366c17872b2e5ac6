//! The hot loops of streamgage, apart from the rest because speed and size are set by crate.
//!
//! [`json`] reads the text of plain rows. [`week_sums`] turns columns of contributions into exact sums by week, in one pass and without a table of users:
//! the columns are sorted by user and day, so what must be counted once (a user in a week, a day of a user) shows
//! as a change from one row to the next.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

pub mod json;

/// Contributions as columns of one length, sorted by user, then by day.
///
/// Columns that differ in length count as far as the shortest.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// Users, numbered from 0 without gaps.
    pub users: &'a [u32],
    /// Days since 1970-01-01.
    pub days: &'a [i32],
    /// Repositories, numbered from 0 without gaps.
    pub repos: &'a [u32],
    /// Commits of that user, day and repository.
    pub commits: &'a [u32],
    /// Their lines of code, …
    pub haloc: &'a [i64],
    /// … how many of these rework young ones, …
    pub churn: &'a [i64],
    /// … and their impact, in ten-thousandths.
    pub impact: &'a [i64],
}

/// What of the columns counts.
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

/// Sums what counts by week: the weeks that have a commit, oldest first.
pub fn week_sums(columns: &Columns<'_>, selection: &Selection<'_>) -> Vec<WeekSums> {
    let mut sums: Vec<WeekSums> = Vec::new();
    let Some((first_week, weeks)) = weeks_to_sum(columns.days, selection) else { return sums };
    sums.resize(weeks, WeekSums::default());

    let mut last = None;
    let keys = columns.users.iter().zip(columns.days).zip(columns.repos);
    let values = columns.commits.iter().zip(columns.haloc).zip(columns.churn).zip(columns.impact);
    for (((&user, &day), &repo), (((&commits, &haloc), &churn), &impact)) in keys.zip(values) {
        let counts = day >= selection.first_day
            && day <= selection.last_day
            && is_selected(selection.users, user)
            && is_selected(selection.repos, repo);
        if !counts {
            continue;
        }
        let week = week_of(day);
        let slot = usize::try_from(i64::from(week) - i64::from(first_week)).unwrap_or(usize::MAX);
        let Some(sum) = sums.get_mut(slot) else { continue };
        sum.users += u64::from(last.is_none_or(|(last_user, last_week, _)| (last_user, last_week) != (user, week)));
        sum.coding_days += u64::from(last.is_none_or(|(last_user, _, last_day)| (last_user, last_day) != (user, day)));
        sum.commits += u64::from(commits);
        sum.haloc += i128::from(haloc);
        sum.churn += i128::from(churn);
        sum.impact += i128::from(impact);
        last = Some((user, week, day));
    }

    for (week, sum) in (first_week..).zip(&mut sums) {
        sum.week = week;
    }
    sums.retain(|sum| sum.commits > 0);
    sums
}

/// The first week that can have a sum, and how many there are: no more than the columns' own days reach.
fn weeks_to_sum(days: &[i32], selection: &Selection<'_>) -> Option<(i32, usize)> {
    let first = week_of(*days.iter().min()?.max(&selection.first_day));
    let last = week_of(*days.iter().max()?.min(&selection.last_day));
    let weeks = usize::try_from(i64::from(last) - i64::from(first) + 1).ok()?;
    Some((first, weeks))
}

fn is_selected(selected: &[bool], index: u32) -> bool {
    usize::try_from(index).ok().and_then(|index| selected.get(index)).copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of user, day, repository and commits; lines and impact follow from the commits.
    fn sums(rows: &[(u32, i32, u32, u32)], selection: Selection<'_>) -> Vec<(i32, u64, u64, u64, i128)> {
        let users: Vec<u32> = rows.iter().map(|row| row.0).collect();
        let days: Vec<i32> = rows.iter().map(|row| row.1).collect();
        let repos: Vec<u32> = rows.iter().map(|row| row.2).collect();
        let commits: Vec<u32> = rows.iter().map(|row| row.3).collect();
        let haloc: Vec<i64> = rows.iter().map(|row| i64::from(row.3) * 10).collect();
        let columns = Columns {
            users: &users,
            days: &days,
            repos: &repos,
            commits: &commits,
            haloc: &haloc,
            churn: &haloc,
            impact: &haloc,
        };
        let sums = week_sums(&columns, &selection);
        sums.iter().map(|sum| (sum.week, sum.users, sum.coding_days, sum.commits, sum.haloc)).collect()
    }

    const ALL: Selection<'_> =
        Selection { users: &[true, true], repos: &[true, true], first_day: i32::MIN, last_day: i32::MAX };

    #[test]
    fn counts_users_and_days_once() {
        // Days 4 to 10 are the week after that of 1970-01-01.
        let rows = [(0, 3, 0, 1), (0, 4, 0, 2), (0, 4, 1, 1), (0, 5, 0, 1), (1, 4, 0, 1)];
        assert_eq!(sums(&rows, ALL), [(0, 1, 1, 1, 10), (1, 2, 3, 5, 50)]);
    }

    #[test]
    fn selects() {
        let rows = [(0, 3, 0, 1), (0, 4, 0, 2), (0, 4, 1, 1), (1, 40, 0, 1)];
        assert_eq!(sums(&rows, Selection { users: &[false, true], ..ALL }), [(6, 1, 1, 1, 10)]);
        assert_eq!(sums(&rows, Selection { repos: &[false, true], ..ALL }), [(1, 1, 1, 1, 10)]);
        assert_eq!(sums(&rows, Selection { first_day: 4, last_day: 4, ..ALL }), [(1, 1, 1, 3, 30)]);
        assert_eq!(sums(&rows, Selection { first_day: 50, ..ALL }), []);
        assert_eq!(sums(&rows, Selection { last_day: 2, ..ALL }), []);
        assert_eq!(sums(&rows, Selection { users: &[], ..ALL }), []);
    }

    #[test]
    fn takes_any_day() {
        let rows = [(0, i32::MIN, 0, 1)];
        assert_eq!(sums(&rows, ALL).len(), 1);
        assert_eq!(sums(&[(0, i32::MAX, 0, 1)], ALL).len(), 1);
    }
}
