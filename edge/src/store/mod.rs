//! The backend on a D1 database: requests become statements, their results become responses.

pub(crate) mod computed_columns;
mod day_counts;
mod import;
mod lists;
mod metrics;
mod plan;
mod rollup;
mod row_counts;
mod sql;
mod table;

pub use import::{Import, ImportBatch, MAX_BODY};
pub use plan::{ETag, Plan, Query, generation_statement, read_generation};
pub use sql::{DatabaseError, Parameter, Statement, StatementResult};
