//! The impact of a commit. `docs/impact.md` describes the formula.

use crate::annotate::Work;
use crate::diff::DiffCounts;
use crate::history::History;

/// The version of the formula.
pub const IMPACT_VERSION: u32 = 1;

/// Lines beyond this number do not count.
const MAX_LINES: f64 = 1000.0;
/// The root of the lines that a commit is expected to change before the history says otherwise.
const INITIAL_PACE: f64 = 5.0;
/// The number of commits over which the pace follows the history.
const PACE_COMMITS: f64 = 64.0;
/// Scales the impact so that a typical week of an engineer sums to about a hundred.
const SCALE: f64 = 1.0;

/// Returns the impact of each commit.
///
/// Only square roots and basic arithmetic are used: IEEE 754 defines their results exactly, so they are the same on
/// every machine.
pub(crate) fn impacts<'a>(history: &History, stats: impl Iterator<Item = (&'a DiffCounts, &'a Work)>) -> Vec<f64> {
    let mut paces: Vec<f64> = Vec::with_capacity(history.commits.len());
    let mut impacts = Vec::with_capacity(history.commits.len());
    for (commit, (counts, work)) in history.commits.iter().zip(stats) {
        let parents = commit.parents.iter().filter_map(|parent| paces.get(*parent as usize));
        let (count, sum) = parents.fold((0.0, 0.0), |(count, sum), pace| (count + 1.0, sum + pace));
        let pace = if count > 0.0 { sum / count } else { INITIAL_PACE };
        let size = lines(work).min(MAX_LINES).sqrt();
        // The work of a merge is counted in the commits that it merges.
        if commit.is_merge() {
            paces.push(pace);
            impacts.push(0.0);
        } else {
            paces.push(pace + (size - pace) / PACE_COMMITS);
            impacts.push(impact(counts, work, size, pace));
        }
    }
    impacts
}

fn impact(counts: &DiffCounts, work: &Work, size: f64, pace: f64) -> f64 {
    let lines = lines(work);
    if lines == 0.0 {
        return 0.0;
    }
    let spread = (f64::from(counts.hunks).sqrt() + f64::from(counts.files).sqrt()) / 2.0;
    let old_share = f64::from(work.legacy_refactor.saturating_add(work.help_others)) / lines;
    let relative = 0.5 + size / (size + pace);
    let impact = SCALE * (size + spread) * (1.0 + old_share / 2.0) * relative;
    (impact * 10_000.0).round() / 10_000.0
}

fn lines(work: &Work) -> f64 {
    [work.new_work, work.legacy_refactor, work.help_others, work.churn].iter().map(|lines| f64::from(*lines)).sum()
}
