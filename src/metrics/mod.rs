//! The metrics: commits in, rows out (§1).
//!
//! What counts of an [`Organization`]'s commits becomes contributions in a [`Table`] (a user, a local day, a
//! repository, how much); contributions become exact sums by week; and sums become the documented rows of an
//! [`Answer`], each figure rounded once. Sums come from [`Table::answer`] where the commits are in hand, or from a
//! database that adds up the same whole numbers.

mod answer;
mod commit;
mod organization;
mod record;
mod table;

pub use answer::{Answer, Row, Tenths};
pub use commit::{Commit, CommitReader, author_day};
pub use organization::{Membership, Organization, Repo, Team, User};
pub use record::{Record, Records};
pub use streamgage_kernel::{WeekSums, tally};
pub use table::Table;
