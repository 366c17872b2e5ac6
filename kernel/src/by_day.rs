//! Commits sorted by day, for repeated requests.
//!
//! A range of days is a slice of the columns. The last day on which each user was seen tells which users and days are
//! new in a week. Sums are made by blocks of rows, in as many lanes as the target has. `npm run bench -- text` measures
//! them.

use crate::{Selection, WeekSums, week_of};
use alloc::{vec, vec::Vec};
use core::ops::Range;

/// A commit that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// The author. Users are numbered from 0 without gaps.
    pub user: u32,
    /// The repository, numbered in the same way.
    pub repo: u32,
    /// The author's day, in days since 1970-01-01.
    pub day: i32,
    /// Lines of code.
    pub haloc: i64,
    /// Lines of code that rework recent ones.
    pub churn: i64,
    /// Impact, in ten-thousandths.
    pub impact: i64,
}

/// The days of the years 1 to 9999. No request reaches further; commits on other days are dropped.
const DAYS: Range<i32> = -719_162..2_932_897;

/// The number of rows that are summed at once: sums of lines fit 32 bits, and intermediate values fit a cache.
const BLOCK: usize = 512;

/// Commits as columns, in order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Commits {
    days: Vec<i32>,
    rows: Rows,
}

/// Commits as columns, sorted by day.
#[derive(Clone, Debug, Default)]
pub struct CommitsByDay {
    /// The days with a commit, ascending, and the first row of each.
    days: Vec<(i32, usize)>,
    rows: Rows,
}

#[derive(Clone, Debug, Default)]
struct Rows {
    users: Vec<u32>,
    repos: Vec<u32>,
    /// The number of user numbers and of repository numbers.
    user_ids: u32,
    repo_ids: u32,
    haloc: Vec<u16>,
    churn: Vec<u16>,
    impact: Vec<u32>,
    /// The values of rows that do not fit the columns, which have 0 there, with the positions of the rows, ascending.
    wide: Vec<(usize, Numbers)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    haloc: i64,
    churn: i64,
    impact: i64,
}

/// Adjacent rows.
struct Block<'a> {
    users: &'a [u32],
    repos: &'a [u32],
    haloc: &'a [u16],
    churn: &'a [u16],
    impact: &'a [u32],
}

struct BlockSums {
    users: u32,
    coding_days: u32,
    commits: u32,
    haloc: u32,
    churn: u32,
    impact: u64,
}

impl Commits {
    /// Adds a commit.
    pub fn push(&mut self, commit: Commit) {
        if !DAYS.contains(&commit.day) {
            return;
        }
        let Commit { haloc, churn, impact, .. } = commit;
        let narrow = (u16::try_from(haloc), u16::try_from(churn), u32::try_from(impact));
        let (haloc, churn, impact) = if let (Ok(haloc), Ok(churn), Ok(impact)) = narrow {
            (haloc, churn, impact)
        } else {
            self.rows.wide.push((self.days.len(), Numbers { haloc, churn, impact }));
            (0, 0, 0)
        };
        self.days.push(commit.day);
        self.rows.user_ids = self.rows.user_ids.max(commit.user.saturating_add(1));
        self.rows.repo_ids = self.rows.repo_ids.max(commit.repo.saturating_add(1));
        self.rows.users.push(commit.user);
        self.rows.repos.push(commit.repo);
        self.rows.haloc.push(haloc);
        self.rows.churn.push(churn);
        self.rows.impact.push(impact);
    }

    /// Sorts the commits by day, by counting the commits of each day.
    pub fn into_sorted(self) -> CommitsByDay {
        let Some((&first, &last)) = self.days.iter().min().zip(self.days.iter().max()) else {
            return CommitsByDay::default();
        };
        // Both days are in DAYS, so the difference is small and not negative.
        let offset = |day: i32| usize::try_from(day.wrapping_sub(first)).unwrap_or(0);
        let mut places = vec![0; offset(last) + 1];
        for &day in &self.days {
            places.get_mut(offset(day)).into_iter().for_each(|count| *count += 1);
        }
        let mut days = Vec::new();
        let mut begin = 0;
        for (day, place) in (first..).zip(&mut places) {
            let count = core::mem::replace(place, begin);
            if count > 0 {
                days.push((day, begin));
                begin += count;
            }
        }
        let target = |&day: &i32| {
            let place = places.get_mut(offset(day))?;
            *place += 1;
            Some(*place - 1)
        };
        let targets: Vec<usize> = self.days.iter().filter_map(target).collect();
        CommitsByDay { days, rows: self.rows.moved(&targets) }
    }
}

impl Rows {
    fn moved(self, targets: &[usize]) -> Rows {
        let target = |place: usize| targets.get(place).copied().unwrap_or(place);
        // A slot for each row sorts without comparisons. Usually there are no wide rows.
        let mut slots = vec![None; if self.wide.is_empty() { 0 } else { targets.len() }];
        for &(place, numbers) in &self.wide {
            let place = target(place);
            slots.get_mut(place).into_iter().for_each(|slot| *slot = Some((place, numbers)));
        }
        let wide = slots.into_iter().flatten().collect();
        Rows {
            users: moved(&self.users, targets),
            repos: moved(&self.repos, targets),
            haloc: moved(&self.haloc, targets),
            churn: moved(&self.churn, targets),
            impact: moved(&self.impact, targets),
            wide,
            ..self
        }
    }

    fn block(&self, rows: Range<usize>) -> Block<'_> {
        fn of<'a, T>(column: &'a [T], rows: &Range<usize>) -> &'a [T] {
            column.get(rows.clone()).unwrap_or_default()
        }
        Block {
            users: of(&self.users, &rows),
            repos: of(&self.repos, &rows),
            haloc: of(&self.haloc, &rows),
            churn: of(&self.churn, &rows),
            impact: of(&self.impact, &rows),
        }
    }

    /// Adds the selected wide rows.
    fn add_wide(&self, range: Range<usize>, selection: &Selection<'_>, sum: &mut WeekSums) {
        let from = self.wide.partition_point(|&(place, _)| place < range.start);
        for &(place, numbers) in self.wide.iter().skip(from).take_while(|&&(place, _)| place < range.end) {
            let user = self.users.get(place).is_some_and(|&user| is_selected(selection.users, user));
            let repo = self.repos.get(place).is_some_and(|&repo| is_selected(selection.repos, repo));
            if user && repo {
                sum.haloc += i128::from(numbers.haloc);
                sum.churn += i128::from(numbers.churn);
                sum.impact += i128::from(numbers.impact);
            }
        }
    }
}

fn moved<T: Copy + Default>(column: &[T], targets: &[usize]) -> Vec<T> {
    let mut moved = vec![T::default(); column.len()];
    for (&value, &target) in column.iter().zip(targets) {
        moved.get_mut(target).into_iter().for_each(|slot| *slot = value);
    }
    moved
}

impl CommitsByDay {
    /// Sums the selected commits by week. Returns the weeks with a commit, oldest first.
    pub fn week_sums(&self, selection: &Selection<'_>) -> Vec<WeekSums> {
        let mut pass = WeekPass::new(&self.rows, selection);
        let mut sums: Vec<WeekSums> = Vec::new();
        let from = self.days.partition_point(|&(day, _)| day < selection.first_day);
        let until = self.days.partition_point(|&(day, _)| day <= selection.last_day);
        for index in from..until {
            let Some(&(day, begin)) = self.days.get(index) else { break };
            let end = self.days.get(index + 1).map_or(self.rows.users.len(), |&(_, begin)| begin);
            let week = week_of(day);
            if sums.last().is_none_or(|sum| sum.week != week) {
                sums.push(WeekSums { week, ..WeekSums::default() });
            }
            let Some(sum) = sums.last_mut() else { break };
            for first in (begin..end).step_by(BLOCK) {
                let part = pass.part(&self.rows.block(first..end.min(first + BLOCK)), day);
                sum.users += u64::from(part.users);
                sum.coding_days += u64::from(part.coding_days);
                sum.commits += u64::from(part.commits);
                sum.haloc += i128::from(part.haloc);
                sum.churn += i128::from(part.churn);
                sum.impact += i128::from(part.impact);
            }
            self.rows.add_wide(begin..end, pass.selection, sum);
        }
        sums.retain(|sum| sum.commits > 0);
        sums
    }
}

/// The state of a pass over the rows, and a buffer.
struct WeekPass<'a> {
    /// The last day on which each user was seen. Users who are not selected count as seen after all days, so that no
    /// day is new.
    seen: Vec<i32>,
    /// For each repository, all bits if it is selected.
    repos: Vec<u32>,
    selection: &'a Selection<'a>,
    is_filtered: bool,
    /// For each row of a block, all bits if it is selected, otherwise none.
    masks: [u32; BLOCK],
}

impl<'a> WeekPass<'a> {
    fn new(rows: &Rows, selection: &'a Selection<'a>) -> WeekPass<'a> {
        let all_count = |selected: &[bool], ids: u32| selected.len() >= ids as usize && !selected.contains(&false);
        let are_all_repos = all_count(selection.repos, rows.repo_ids);
        let masks = selection.repos.iter().map(|&counts| if counts { u32::MAX } else { 0 });
        WeekPass {
            seen: selection.users.iter().map(|&counts| if counts { i32::MIN } else { i32::MAX }).collect(),
            repos: if are_all_repos { Vec::new() } else { masks.collect() },
            selection,
            is_filtered: !are_all_repos || !all_count(selection.users, rows.user_ids),
            masks: [0; BLOCK],
        }
    }

    /// Sums a block of rows of one day.
    // If it were inlined, it would be optimized for size like its caller.
    #[inline(never)]
    fn part(&mut self, block: &Block<'_>, day: i32) -> BlockSums {
        let monday = week_of(day).wrapping_mul(7).wrapping_sub(3);
        // Separate slices, so that no write to one can change another.
        let (last_seen, repos, masks) = (self.seen.as_mut_slice(), self.repos.as_slice(), &mut self.masks);
        let (mut users, mut coding_days, mut commits) = (0u32, 0u32, 0u32);
        // Blocks are short, so none of these sums can overflow.
        if !self.is_filtered {
            for &user in block.users {
                let Some(seen) = last_seen.get_mut(user as usize) else { continue };
                users = users.wrapping_add(u32::from(*seen < monday));
                coding_days = coding_days.wrapping_add(u32::from(*seen < day));
                *seen = day;
            }
            let [haloc, churn] =
                [block.haloc, block.churn].map(|column| sum(column.iter().map(|&lines| u32::from(lines))));
            let impact = block.impact.iter().fold(0u64, |sum, &impact| sum.wrapping_add(u64::from(impact)));
            return BlockSums { users, coding_days, commits: block.users.len() as u32, haloc, churn, impact };
        }
        if repos.is_empty() {
            masks.fill(u32::MAX);
        } else {
            for (mask, &repo) in masks.iter_mut().zip(block.repos) {
                *mask = repos.get(repo as usize).copied().unwrap_or(0);
            }
        }
        for (mask, &user) in masks.iter_mut().zip(block.users) {
            let Some(seen) = last_seen.get_mut(user as usize) else {
                *mask = 0;
                continue;
            };
            let before = *seen;
            *mask &= u32::from(before <= day).wrapping_neg();
            users = users.wrapping_add(u32::from(before < monday) & *mask);
            coding_days = coding_days.wrapping_add(u32::from(before < day) & *mask);
            commits = commits.wrapping_sub(*mask);
            *seen = before ^ ((before ^ day) & mask.cast_signed());
        }
        let masked =
            |column: &[u16]| sum(column.iter().zip(masks.iter()).map(|(&lines, &mask)| u32::from(lines) & mask));
        let impact = block.impact.iter().zip(masks.iter());
        let impact = impact.fold(0u64, |sum, (&impact, &mask)| sum.wrapping_add(u64::from(impact & mask)));
        BlockSums { users, coding_days, commits, haloc: masked(block.haloc), churn: masked(block.churn), impact }
    }
}

fn sum(numbers: impl Iterator<Item = u32>) -> u32 {
    numbers.fold(0, u32::wrapping_add)
}

fn is_selected(selected: &[bool], index: u32) -> bool {
    selected.get(index as usize).copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::{BTreeMap, BTreeSet};
    use proptest::prelude::*;

    fn sorted(rows: &[Commit]) -> CommitsByDay {
        let mut commits = Commits::default();
        rows.iter().for_each(|&row| commits.push(row));
        commits.into_sorted()
    }

    /// Follows the words of the specification (§1), with sets.
    fn simply(rows: &[Commit], selection: &Selection<'_>) -> Vec<WeekSums> {
        type Week = (WeekSums, BTreeSet<u32>, BTreeSet<(u32, i32)>);
        let mut weeks: BTreeMap<i32, Week> = BTreeMap::new();
        for row in rows {
            let in_range = (selection.first_day..=selection.last_day).contains(&row.day);
            if !in_range || !selection.users[row.user as usize] || !selection.repos[row.repo as usize] {
                continue;
            }
            let week = (row.day + 3).div_euclid(7);
            let (sums, users, days) = weeks.entry(week).or_default();
            users.insert(row.user);
            days.insert((row.user, row.day));
            *sums = WeekSums {
                week,
                users: users.len() as u64,
                coding_days: days.len() as u64,
                commits: sums.commits + 1,
                haloc: sums.haloc + i128::from(row.haloc),
                churn: sums.churn + i128::from(row.churn),
                impact: sums.impact + i128::from(row.impact),
            };
        }
        weeks.into_values().map(|(sums, ..)| sums).collect()
    }

    const ALL: Selection<'_> =
        Selection { users: &[true; 6], repos: &[true; 3], first_day: i32::MIN, last_day: i32::MAX };

    #[test]
    fn users_and_repositories_beyond_the_selection_do_not_count() {
        let rows = [Commit { user: 1, repo: 1, ..Commit::default() }];
        assert_eq!(sorted(&rows).week_sums(&ALL).len(), 1);
        assert_eq!(sorted(&rows).week_sums(&Selection { users: &[true], ..ALL }), []);
        assert_eq!(sorted(&rows).week_sums(&Selection { repos: &[true], ..ALL }), []);
        assert_eq!(sorted(&[]).week_sums(&ALL), []);
    }

    #[test]
    fn unreachable_days_are_left_out() {
        let of = |day| sorted(&[Commit { day, ..Commit::default() }]).week_sums(&ALL).len();
        assert_eq!(
            [i32::MIN, DAYS.start - 1, DAYS.start, DAYS.end - 1, DAYS.end, i32::MAX].map(of),
            [0, 0, 1, 1, 0, 0]
        );
    }

    #[test]
    fn sums_beyond_64_bits_are_exact() {
        let row = Commit { haloc: i64::MAX, churn: i64::MIN, impact: i64::from(i32::MAX), ..Commit::default() };
        let rows = [row; 1_100];
        assert_eq!(sorted(&rows).week_sums(&ALL), simply(&rows, &ALL));
    }

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![0i64..1_000, any::<i32>().prop_map(i64::from), any::<i64>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Enough rows for more than a block of them on one day.
        #[test]
        fn sums_agree_with_a_simple_implementation(
            rows in proptest::collection::vec(
                (0u32..6, 0u32..3, -4i32..6, number(), number(), number()).prop_map(|(user, repo, day, haloc, churn, impact)| {
                    Commit { user, repo, day, haloc, churn, impact }
                }),
                0..900,
            ),
            users in any::<[bool; 6]>(),
            repos in any::<[bool; 3]>(),
            (first_day, last_day) in (-6i32..8, -6i32..8),
            is_all in any::<bool>(),
        ) {
            let selection = if is_all { ALL } else { Selection { users: &users, repos: &repos, ..ALL } };
            let selection = Selection { first_day, last_day, ..selection };
            prop_assert_eq!(sorted(&rows).week_sums(&selection), simply(&rows, &selection));
        }
    }
}
