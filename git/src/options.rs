//! The settings, the progress and the errors of a run.

use crate::people_file::PeopleText;
use std::fmt;
use std::path::PathBuf;

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Paths in the repositories.
    pub repositories: Vec<PathBuf>,
    /// Names or globs of the branches to read; all if empty.
    pub branches: Vec<String>,
    /// Reads tags too. Commits that only tags reach are on no branch.
    pub tags: bool,
    /// Globs of the files to count; all if empty.
    pub include: Vec<String>,
    /// Globs of files not to count.
    pub exclude: Vec<String>,
    /// Counts all lines that git shows.
    pub all_files: bool,
    /// The age in days beyond which a line is legacy.
    pub recent_days: u32,
    /// The number of added or edited lines beyond which a commit is an outlier.
    pub outlier_lines: u32,
    /// The people file.
    pub people: Option<PeopleText>,
    /// Joins names and addresses into persons.
    pub join_people: bool,
    /// Adds a row for each co-author of a commit.
    pub co_authors: bool,
    /// Makes teams of the owners that CODEOWNERS files name.
    pub teams_from_codeowners: bool,
    /// Shows bots in reports.
    pub include_bots: bool,
    /// Replaces names and addresses, and leaves out messages and links.
    pub pseudonyms: bool,
    /// The number of threads; all cores if absent.
    pub threads: Option<usize>,
    /// The name of the dump.
    pub name: Option<String>,
    /// The dump of an earlier run.
    pub previous: Option<PathBuf>,
    /// The state of an earlier run, and the place for the new one.
    pub state: PathBuf,
    /// The folder to write into.
    pub output: PathBuf,
}

/// An error that ends a run.
#[derive(Debug)]
pub enum GitError {
    /// The arguments or the repositories cannot be used.
    Input(String),
    /// Reading or writing failed.
    Failed(String),
}

impl fmt::Display for GitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (GitError::Input(text) | GitError::Failed(text)) = self;
        formatter.write_str(text)
    }
}

impl std::error::Error for GitError {}

/// Receives the progress of a run.
pub trait Progress: Sync {
    /// Begins a stage of a number of commits, or of an unknown number.
    fn stage(&self, name: &str, commits: Option<u64>);
    /// Reports commits done.
    fn advance(&self, commits: u64);
}
