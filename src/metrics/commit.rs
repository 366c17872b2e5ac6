//! A commit, as far as metrics go.

use super::Record;
use crate::calendar::{DateTime, Day};
use crate::schema::{COMMITS, Resource, RowError, Value};
use compact_str::CompactString;

/// A commit: who, where, on which of the author's days, how much, and what may exclude it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    /// Its author.
    pub apex_user_id: i64,
    /// Its repository.
    pub repo_id: i64,
    /// The calendar day in the author's local time.
    pub day: Day,
    /// Merges are not counted.
    pub is_merge: bool,
    /// Nor commits of pull requests that were never merged.
    pub is_pr_orphan: bool,
    /// Nor outliers: those with an `outlier_reason`.
    pub is_outlier: bool,
    /// Of the commits that share one, only the first is counted. Most are short enough to need no memory of their own.
    pub ignore_hash: Option<CompactString>,
    /// Lines of code, added or edited.
    pub haloc: i64,
    /// How many of these rework the author's own young ones.
    pub churn: i64,
    /// Impact, in ten-thousandths.
    pub impact: i64,
}

/// The calendar day of a commit in its author's local time (§1, §4).
///
/// That of `author_local_date`, as it is written; else of `author_date`, moved by `author_tzoffset` (seconds east of
/// UTC); else as written, where it names its own offset.
///
/// ```
/// use streamgage::{calendar::{DateTime, Day}, metrics::author_day};
/// let date = DateTime::parse("2016-07-31T00:53:12");
/// assert_eq!(author_day(None, date, Some(-25_200)), Day::parse("2016-07-30"));
/// assert_eq!(author_day(date, None, Some(-25_200)), Day::parse("2016-07-31"));
/// ```
pub fn author_day(
    author_local_date: Option<DateTime>,
    author_date: Option<DateTime>,
    author_tzoffset: Option<i64>,
) -> Option<Day> {
    let of_date = |date: DateTime| match author_tzoffset {
        Some(offset) => date.day_at_offset(offset),
        None => date.written_day(),
    };
    author_local_date.map(|date| date.written_day()).or_else(|| author_date.map(of_date))
}

/// The fields of a commit as they are read, before its day is known.
#[derive(Debug, Default)]
pub struct CommitDraft {
    commit: Commit,
    author_date: Option<DateTime>,
    author_local_date: Option<DateTime>,
    author_tzoffset: Option<i64>,
}

impl Record for Commit {
    const RESOURCE: &'static Resource = &COMMITS;
    type Draft = CommitDraft;

    #[inline]
    fn set(draft: &mut CommitDraft, place: usize, value: Value<'_>) {
        const APEX_USER_ID: usize = COMMITS.place("apex_user_id");
        const REPO_ID: usize = COMMITS.place("repo_id");
        const AUTHOR_DATE: usize = COMMITS.place("author_date");
        const AUTHOR_LOCAL_DATE: usize = COMMITS.place("author_local_date");
        const AUTHOR_TZOFFSET: usize = COMMITS.place("author_tzoffset");
        const IS_MERGE: usize = COMMITS.place("is_merge");
        const IS_PR_ORPHAN: usize = COMMITS.place("is_pr_orphan");
        const OUTLIER_REASON: usize = COMMITS.place("outlier_reason");
        const IGNORE_HASH: usize = COMMITS.place("ignore_hash");
        const HALOC: usize = COMMITS.place("haloc");
        const CHURN: usize = COMMITS.place("churn");
        const IMPACT: usize = COMMITS.place("impact");
        let commit = &mut draft.commit;
        match place {
            APEX_USER_ID => commit.apex_user_id = value.integer().unwrap_or(0),
            REPO_ID => commit.repo_id = value.integer().unwrap_or(0),
            AUTHOR_DATE => draft.author_date = value.date_time(),
            AUTHOR_LOCAL_DATE => draft.author_local_date = value.date_time(),
            AUTHOR_TZOFFSET => draft.author_tzoffset = value.integer(),
            IS_MERGE => commit.is_merge = value == Value::Boolean(true),
            IS_PR_ORPHAN => commit.is_pr_orphan = value == Value::Boolean(true),
            OUTLIER_REASON => commit.is_outlier = value != Value::Null,
            IGNORE_HASH => commit.ignore_hash = value.text().map(CompactString::from),
            HALOC => commit.haloc = value.integer().unwrap_or(0),
            CHURN => commit.churn = value.integer().unwrap_or(0),
            IMPACT => commit.impact = value.decimal().unwrap_or(0),
            _ => {}
        }
    }

    fn finish(draft: CommitDraft) -> Result<Commit, RowError> {
        match author_day(draft.author_local_date, draft.author_date, draft.author_tzoffset) {
            Some(day) => Ok(Commit { day, ..draft.commit }),
            None => Err(RowError::new("author_date", "is required, or author_local_date")),
        }
    }
}
