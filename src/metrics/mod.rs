//! The metrics: commits in, rows out (§1).
//!
//! What counts of an [`Organization`]'s commits becomes contributions in a [`MetricsTable`] (a user, a local day, a
//! repository, how much); contributions become exact sums by week; and sums become the documented rows of an
//! [`MetricsResponse`], each figure rounded once. Sums come from [`MetricsTable::evaluate`] where the commits are in hand, or from a
//! database that adds up the same whole numbers.

mod commit;
mod organization;
mod record;
mod response;
mod table;

pub use commit::{Commit, CommitReader, author_day};
pub use organization::{Membership, Organization, Repo, Team, User};
pub use record::{Record, Records};
pub use response::{MetricsResponse, MetricsRow, Tenths};
pub use streamgage_kernel::{WeekSums, tally};
pub use table::MetricsTable;
