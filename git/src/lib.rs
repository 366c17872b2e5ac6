//! Git history to a dump: commits with their lines classified by age and author.

mod analyze;
mod annotate;
mod cache;
mod diff;
mod dump;
mod exclude;
mod history;
mod impact;
mod lines;
mod numbering;
mod objects;
mod options;
mod output;
mod packs;
mod patch;
mod people;
mod problems;
mod project;
mod refs;
mod remote;
mod rename;
mod report;
mod run;
mod signature;
mod state;
mod tree;

pub use exclude::{COMMONLY_GENERATED, Exclusion};
pub use impact::IMPACT_VERSION;
pub use options::{GitError, Options, Progress};
pub use report::{ExcludedFiles, PeopleReport, Report, RepositoryReport};
pub use run::{Finished, run};

#[cfg(test)]
mod tests;
