//! The metrics of commits (§1).
//!
//! An [`Organization`] holds records. [`MetricsTable`] keeps the commits that count as columns and sums them by week,
//! exactly. [`MetricsResponse`] turns sums of weeks, from a table or a database, into the documented rows and rounds
//! each figure once.

mod commit;
mod organization;
mod record;
mod response;
mod table;

pub use commit::{Commit, CommitReader, author_day, require_author_day};
pub use organization::{Membership, Organization, Repo, Team, User, check_row};
pub use record::{Record, Records};
pub use response::{MetricsResponse, MetricsRow, Tenths};
pub use streamgage_kernel::{WeekSums, tally};
pub use table::MetricsTable;
