//! Git history to a dump: commits with their lines classified by age and author.

mod analyze;
mod annotate;
mod cache;
mod co_authors;
mod codeowners;
mod completeness;
mod diff;
mod dump;
mod erase;
mod erasure;
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
mod people_file;
mod problems;
mod project;
mod refs;
mod remote;
mod rename;
mod report;
mod run;
mod signature;
mod state;
mod teams;
mod trailers;
mod tree;

pub use erase::Eraser;
pub use exclude::{COMMONLY_GENERATED, Exclusion};
pub use impact::IMPACT_VERSION;
pub use options::{GitError, Options, Progress};
pub use people_file::PeopleText;
pub use report::{ExcludedFiles, PeopleReport, Report, RepositoryReport};
pub use run::{Finished, run};

#[cfg(test)]
mod tests;
