//! Lists and aggregates over rows in memory (§2). The results are those of the SQL that a database executes.

mod aggregate;
mod bit_set;
mod column;
mod filter;
mod generic_row;
mod join;
mod list;
mod nested_rows;
mod ordering;
mod relations;
mod response;
mod row_condition;
mod rows;
mod store;
mod team_condition;
mod ternary;
mod text_column;

pub use aggregate::{AggregateResult, AggregateRow, aggregate};
pub use generic_row::write_generic_row;
pub use list::{ListResult, find_object, list, required_resources};
pub use nested_rows::nested_rows;
pub use response::{RowTexts, list_body, write_page, write_row};
pub use rows::{Rows, RowsBuilder};
pub use store::Store;

#[cfg(test)]
mod tests;
