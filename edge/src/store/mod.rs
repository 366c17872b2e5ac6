//! Answers and imports from a D1 database: statements out, rows in.

pub(crate) mod computed_columns;
mod counts;
mod import;
mod lists;
mod metrics;
mod plan;
mod sql;

pub use import::{Import, ImportBatch, MAX_BODY};
pub use plan::{Plan, Query};
pub use sql::{Broken, Outcome, Parameter, Statement};
