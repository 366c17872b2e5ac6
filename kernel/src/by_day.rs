//! Commits in the order of their days: what is asked again and again.
//!
//! A range of days is a slice of the columns. What must be counted once (a user in a week, a day of a user) shows by the
//! last day that each user was seen on; sums go through a block of rows at a time, in as many lanes as the target has.

use crate::{Selection, WeekSums, week_of};
use alloc::{vec, vec::Vec};
use core::ops::Range;

/// A commit that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Its author: users are numbered from 0 without gaps.
    pub user: u32,
    /// Its repository: these too.
    pub repo: u32,
    /// The author's day, in days since 1970-01-01.
    pub day: i32,
    /// Lines of code, …
    pub haloc: i64,
    /// … how many of these rework young ones, …
    pub churn: i64,
    /// … and impact, in ten-thousandths.
    pub impact: i64,
}

/// The days of the years 1 to 9999. No request reaches further, and what lies beyond is left out.
const DAYS: Range<i32> = -719_162..2_932_897;

/// Rows that are summed at once: few enough that sums of lines fit 32 bits, and that what is kept of each fits a cache.
const BLOCK: usize = 512;

/// Commits as columns, in the order in which they come.
#[derive(Clone, Debug, Default)]
pub struct Commits {
    days: Vec<i32>,
    rows: Rows,
}

/// Commits as columns, sorted by day.
#[derive(Clone, Debug, Default)]
pub struct CommitsByDay {
    /// The days that have a commit, ascending, and where the rows of each begin.
    days: Vec<(i32, usize)>,
    rows: Rows,
}

#[derive(Clone, Debug, Default)]
struct Rows {
    users: Vec<u32>,
    repos: Vec<u32>,
    /// How many numbers the users have, and the repositories.
    user_ids: u32,
    repo_ids: u32,
    haloc: Vec<u16>,
    churn: Vec<u16>,
    impact: Vec<u32>,
    /// The numbers of rows that these can't hold, with the rows' places, ascending. The columns have 0 there.
    wide: Vec<(usize, Numbers)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    haloc: i64,
    churn: i64,
    impact: i64,
}

/// Some rows, one after the other.
struct Block<'a> {
    users: &'a [u32],
    repos: &'a [u32],
    haloc: &'a [u16],
    churn: &'a [u16],
    impact: &'a [u32],
}

/// The sums of a block.
struct Part {
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

    /// Sorts them: days are counted, so each row's place is known when it is reached.
    pub fn into_sorted(self) -> CommitsByDay {
        let Some((&first, &last)) = self.days.iter().min().zip(self.days.iter().max()) else {
            return CommitsByDay::default();
        };
        // Both are of DAYS: the difference is small, and not negative.
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
        // A slot for each row is a sort without the code of one. Mostly there is nothing to sort.
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

    /// Adds what the columns can't hold of the rows that count.
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
    /// Sums what counts by week: the weeks that have a commit, oldest first.
    pub fn week_sums(&self, selection: &Selection<'_>) -> Vec<WeekSums> {
        let mut pass = Pass::new(&self.rows, selection);
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

/// What is known while weeks are summed, and room to work in.
struct Pass<'a> {
    /// The last day that each user was seen on. Users who don't count were seen after all days, so no day is new of them.
    seen: Vec<i32>,
    /// For each repository, all bits if it counts.
    repos: Vec<u32>,
    selection: &'a Selection<'a>,
    is_filtered: bool,
    /// Of the rows of a block: all bits of one that counts, and none of another.
    masks: [u32; BLOCK],
}

impl<'a> Pass<'a> {
    fn new(rows: &Rows, selection: &'a Selection<'a>) -> Pass<'a> {
        let all_count = |selected: &[bool], ids: u32| selected.len() >= ids as usize && !selected.contains(&false);
        let are_all_repos = all_count(selection.repos, rows.repo_ids);
        let masks = selection.repos.iter().map(|&counts| if counts { u32::MAX } else { 0 });
        Pass {
            seen: selection.users.iter().map(|&counts| if counts { i32::MIN } else { i32::MAX }).collect(),
            repos: if are_all_repos { Vec::new() } else { masks.collect() },
            selection,
            is_filtered: !are_all_repos || !all_count(selection.users, rows.user_ids),
            masks: [0; BLOCK],
        }
    }

    /// The sums of a block of rows of one day.
    // Inlined, it would be made as small as what is around it.
    #[inline(never)]
    fn part(&mut self, block: &Block<'_>, day: i32) -> Part {
        let monday = week_of(day).wrapping_mul(7).wrapping_sub(3);
        // As slices of their own, which no write to another can move.
        let (last_seen, repos, masks) = (self.seen.as_mut_slice(), self.repos.as_slice(), &mut self.masks);
        let (mut users, mut coding_days, mut commits) = (0u32, 0u32, 0u32);
        // Blocks are short: none of these sums can overflow.
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
            return Part { users, coding_days, commits: block.users.len() as u32, haloc, churn, impact };
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
        Part { users, coding_days, commits, haloc: masked(block.haloc), churn: masked(block.churn), impact }
    }
}

/// A sum of some numbers of 16 bits.
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

    /// By the words of the specification (§1), with sets.
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
    fn days_that_no_request_reaches_are_left_out() {
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
        /// Rows enough for more than a block of them to fall on one day.
        #[test]
        fn sums_are_the_simple_ones(
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
