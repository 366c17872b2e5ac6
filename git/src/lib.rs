//! Git history to a dump: commits with their lines classified by age and author.

mod analyze;
mod annotate;
mod diff;
mod dump;
mod exclude;
mod history;
mod impact;
mod lines;
mod numbering;
mod objects;
mod packs;
mod people;
mod problems;
mod remote;
mod rename;
mod report;
mod run;
mod state;
mod tree;

pub use exclude::{COMMONLY_GENERATED, Exclusion};
pub use impact::IMPACT_VERSION;
pub use report::{ExcludedFiles, PeopleReport, Report, RepositoryReport};
pub use run::{Finished, GitError, Options, Progress, run};

#[cfg(test)]
mod tests;
