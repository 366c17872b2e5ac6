//! The summary of a run.

use crate::analyze::CommitStats;
use crate::dump::CommitRow;
use crate::exclude::Exclusion;
use crate::history::Commit;
use crate::trailers::is_assisted;
use serde::Serialize;
use std::collections::BTreeMap;

/// The number of changed files that are not counted, by reason.
pub type ExcludedFiles = BTreeMap<Exclusion, u64>;

/// The summary of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The repositories in the order given.
    pub repositories: Vec<RepositoryReport>,
    /// The authors.
    pub people: PeopleReport,
    /// Descriptions of what could not be read, at most 100.
    pub problems: Vec<String>,
    /// The number of problems, with those that are not listed.
    pub problem_count: u64,
    /// The version of the impact formula.
    pub impact_version: u32,
}

/// The summary of one repository.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RepositoryReport {
    /// The number of the repository.
    pub id: u64,
    /// The name.
    pub name: String,
    /// All commits.
    pub commits: u64,
    /// Commits that this run compared for the first time.
    pub new_commits: u64,
    /// Commits with several parents.
    pub merges: u64,
    /// Commits on no branch.
    pub pr_orphans: u64,
    /// Commits above the limit for added or edited lines, and commits where the history is cut off.
    pub outliers: u64,
    /// Commits whose patch an earlier commit of the same author already has.
    pub duplicates: u64,
    /// Rows that credit co-authors, with `co_authors`. They are not in the other numbers.
    pub co_author_credits: u64,
    /// Commits that name a coding assistant in a trailer.
    pub assisted: u64,
    /// Lines by kind of work, without merges, outliers, commits on no branch and duplicates.
    pub new_work: u64,
    /// Lines that replace or delete old lines.
    pub legacy_refactor: u64,
    /// Lines that replace or delete recent lines of others.
    pub help_others: u64,
    /// Lines that replace or delete recent lines of their author.
    pub churn: u64,
    /// Changed files that are not counted, by reason.
    pub excluded_files: ExcludedFiles,
    /// True if no ref reaches a commit.
    pub is_empty: bool,
}

/// The summary of the authors.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PeopleReport {
    /// The number of persons.
    pub persons: u64,
    /// The number of names and addresses.
    pub aliases: u64,
    /// Recognized bots.
    pub bots: Vec<String>,
    /// Persons that the people file excludes.
    pub excluded: Vec<String>,
    /// Persons that the people file does not name. Empty without a people file.
    pub unknown: Vec<String>,
}

impl RepositoryReport {
    /// Adds what the row of a commit does not show.
    pub(crate) fn add_unlisted(&mut self, commit: &Commit, stats: &CommitStats) {
        self.assisted = self.assisted.saturating_add(u64::from(is_assisted(&commit.message)));
        for (reason, files) in &stats.counts.excluded {
            let count = self.excluded_files.entry(*reason).or_default();
            *count = count.saturating_add(u64::from(*files));
        }
    }

    pub(crate) fn add(&mut self, row: &CommitRow<'_>, is_duplicate: bool) {
        if row.is_credit {
            self.co_author_credits = self.co_author_credits.saturating_add(1);
            return;
        }
        let is_outlier = row.outlier_reason.is_some();
        for (count, is_counted) in [
            (&mut self.commits, true),
            (&mut self.merges, row.is_merge),
            (&mut self.pr_orphans, row.is_pr_orphan),
            (&mut self.outliers, is_outlier),
            (&mut self.duplicates, is_duplicate),
        ] {
            *count = count.saturating_add(u64::from(is_counted));
        }
        if row.is_merge || row.is_pr_orphan || is_outlier || is_duplicate {
            return;
        }
        for (sum, lines) in [
            (&mut self.new_work, row.new_work),
            (&mut self.legacy_refactor, row.legacy_refactor),
            (&mut self.help_others, row.help_others),
            (&mut self.churn, row.churn),
        ] {
            *sum = sum.saturating_add(u64::from(lines));
        }
    }
}
