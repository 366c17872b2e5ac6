//! Contributions of users, and their weekly sums.

use streamgage::calendar::Day;
use streamgage::metrics::WeekSums;

/// The sums of a user's commits to a repository on one day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Contribution {
    pub user: i64,
    pub day: Day,
    pub repo: i64,
    pub commits: u64,
    pub haloc: i128,
    pub churn: i128,
    /// In ten-thousandths.
    pub impact: i128,
}

impl Contribution {
    pub fn key(&self) -> (i64, Day, i64) {
        (self.user, self.day, self.repo)
    }

    fn add(&mut self, other: &Contribution) {
        self.commits = self.commits.saturating_add(other.commits);
        self.haloc = self.haloc.saturating_add(other.haloc);
        self.churn = self.churn.saturating_add(other.churn);
        self.impact = self.impact.saturating_add(other.impact);
    }
}

/// Adds contributions with the same key.
pub(super) fn merge(mut contributions: Vec<Contribution>) -> Vec<Contribution> {
    contributions.sort_by_key(Contribution::key);
    contributions.dedup_by(|next, sum| {
        let has_same_key = next.key() == sum.key();
        if has_same_key {
            sum.add(next);
        }
        has_same_key
    });
    contributions
}

/// Returns the sums of each week with contributions, ordered by week.
pub(super) fn weekly_sums(mut contributions: Vec<Contribution>) -> Vec<WeekSums> {
    contributions.sort_by_key(Contribution::key);
    let mut weeks: Vec<WeekSums> = Vec::new();
    let mut previous: Option<(i64, Day)> = None;
    for Contribution { user, day, commits, haloc, churn, impact, .. } in contributions {
        let week = day.week().number();
        let index = weeks.partition_point(|sums| sums.week < week);
        if weeks.get(index).is_none_or(|sums| sums.week > week) {
            weeks.insert(index, WeekSums { week, ..WeekSums::default() });
        }
        let Some(sums) = weeks.get_mut(index) else { continue };
        // Contributions are ordered by user and day, so each user and each day is new once.
        sums.users += u64::from(previous.is_none_or(|(other, on)| (other, on.week()) != (user, day.week())));
        sums.coding_days += u64::from(previous != Some((user, day)));
        sums.commits = sums.commits.saturating_add(commits);
        sums.haloc = sums.haloc.saturating_add(haloc);
        sums.churn = sums.churn.saturating_add(churn);
        sums.impact = sums.impact.saturating_add(impact);
        previous = Some((user, day));
    }
    weeks
}
