//! The core of streamgage: requests and responses of Flow's v3 coding metrics API.
//!
//! [`query`] parses requests, [`metrics`] turns commits into the figures, [`evaluate`] answers lists from rows in
//! memory, and [`schema`] describes all resources as data. The core has no clock and does no I/O: the current day is a
//! parameter, and callers bring the rows. Section numbers (§) refer to the project's specification of the v3 API.
//!
//! ```
//! use streamgage::{calendar::Day, metrics::{Commit, Organization}, query::MetricsRequest};
//!
//! let today = Day::parse("2021-07-01").ok_or("no date")?;
//! let request = MetricsRequest::parse("start_date=2021-06-01&end_date=2021-06-30&resolution=week", today);
//! let request = request.map_err(|errors| errors.to_string())?;
//!
//! let mut organization = Organization::default();
//! organization.commits.insert(1, Commit {
//!     apex_user_id: 7, repo_id: 3, day: Day::parse("2021-06-09").ok_or("no date")?,
//!     haloc: 40, churn: 10, impact: 185_000, ..Commit::default()
//! });
//! let answer = organization.table().evaluate(&request);
//! assert_eq!(
//!     serde_json::to_string(&answer)?,
//!     r#"{"count":1,"results":[{"period_start_date":"2021-06-07","active_days":1.0,"commit_count":1.0,"total_impact":18.5,"total_efficiency":75.0}]}"#,
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod calendar;
pub mod evaluate;
pub mod json;
pub mod metrics;
pub mod number;
pub mod query;
pub mod schema;
pub mod teams;
pub mod text;
