//! Answers and imports from a D1 database: statements out, rows in.

pub(crate) mod computed_columns;
mod counts;
mod import;
mod lists;
mod metrics;
mod plan;
mod sql;

pub use import::{Import, ImportBatch, MAX_BODY};
pub use plan::{ETag, Plan, Query, generation_statement, read_generation};
pub use sql::{DatabaseError, Parameter, Statement, StatementResult};
