//! Parsing of commits and of their aggregate.

use super::contribution::{Contribution, merge};
use super::selection::CommitFilter;
use crate::proxy::page::parse_object;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use streamgage::calendar::Day;
use streamgage::metrics::{Commit, Records};
use streamgage::number::Number;

/// A range of days, both inclusive.
pub(super) type DayRange = (Day, Day);

#[derive(Deserialize)]
struct AggregateRow<'a> {
    apex_user_id: i64,
    #[serde(borrow)]
    author_local_date_date: Cow<'a, str>,
    repo_id: i64,
    id_count: u64,
    #[serde(borrow)]
    haloc_sum: &'a RawValue,
    #[serde(borrow)]
    churn_sum: &'a RawValue,
    #[serde(borrow)]
    impact_sum: &'a RawValue,
}

/// Parses rows of the aggregate. Returns `None` if a row was not requested or occurs twice.
pub(super) fn parse_aggregate(
    rows: &[String],
    filter: &CommitFilter,
    (first, last): DayRange,
) -> Option<Vec<Contribution>> {
    let parse = |row: &String| {
        let row: AggregateRow<'_> = parse_object(row)?;
        let contribution = Contribution {
            user: row.apex_user_id,
            day: Day::parse(&row.author_local_date_date)?,
            repo: row.repo_id,
            commits: row.id_count,
            haloc: parse_sum(row.haloc_sum, 0)?,
            churn: parse_sum(row.churn_sum, 0)?,
            impact: parse_sum(row.impact_sum, 4)?,
        };
        let is_requested = first <= contribution.day && contribution.day <= last && filter.contains(&contribution);
        is_requested.then_some(contribution)
    };
    let contributions: Vec<Contribution> = rows.iter().map(parse).collect::<Option<_>>()?;
    let merged = merge(contributions);
    (merged.len() == rows.len()).then_some(merged)
}

/// Parses a sum in units of `places` decimal places. The sum of no values is null.
fn parse_sum(value: &RawValue, places: i64) -> Option<i128> {
    match value.get() {
        "null" => Some(0),
        // Sums of doubles are exact up to the fourth decimal place.
        text => Number::parse(text)?.shifted(places).round().value().map(i128::from),
    }
}

/// Parses commits and adds them up. Returns `None` if a commit was not requested or occurs twice.
pub(super) fn parse_commits(
    rows: &[String],
    filter: &CommitFilter,
    (first, last): DayRange,
) -> Option<Vec<Contribution>> {
    let mut records: Records<Commit> = Records::default();
    rows.iter().try_for_each(|row| records.read_text(row).ok())?;
    let commits = records.sorted();
    // Of commits with the same hash the upstream returns one.
    let mut hashes: Vec<_> = commits.iter().filter_map(|(_, commit)| commit.ignore_hash.as_ref()).collect();
    hashes.sort_unstable();
    let has_duplicate_hash = hashes.iter().zip(hashes.iter().skip(1)).any(|(one, other)| one == other);
    if has_duplicate_hash || commits.len() != rows.len() {
        return None;
    }
    let mut contributions = Vec::with_capacity(commits.len());
    for &(_, commit) in &commits {
        let contribution = Contribution {
            user: commit.apex_user_id,
            day: commit.day,
            repo: commit.repo_id,
            commits: 1,
            haloc: commit.haloc.into(),
            churn: commit.churn.into(),
            impact: commit.impact.into(),
        };
        if commit.day < first || commit.day > last || !filter.contains(&contribution) {
            return None;
        }
        if !(commit.is_merge || commit.is_pr_orphan || commit.is_outlier) {
            contributions.push(contribution);
        }
    }
    Some(merge(contributions))
}
