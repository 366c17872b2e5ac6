//! The statements of an import.

use crate::http::response::Response;
use crate::store::sql::{DatabaseError, Statement, StatementResult};
use std::ops::Range;

/// The statements of an import, which belong into one transaction.
#[derive(Debug, PartialEq)]
pub struct ImportBatch {
    pub(super) statements: Vec<Statement>,
    /// The statements that store and delete rows. The others maintain what depends on the rows.
    pub(super) row_statements: Range<usize>,
    /// The number of rows in the body.
    pub(super) rows: usize,
}

impl ImportBatch {
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Returns the response for the results of the statements: `{"rows":…,"changed":…}`.
    ///
    /// # Errors
    /// Returns an error if there is not one result for each statement.
    pub fn response(&self, results: &[StatementResult]) -> Result<Response, DatabaseError> {
        if results.len() != self.statements.len() {
            return Err(DatabaseError::missing("result"));
        }
        let row_results = results.get(self.row_statements.clone()).unwrap_or_default();
        let changed: u64 = row_results.iter().map(|result| result.changes).sum();
        Ok(Response::json(200, format!(r#"{{"rows":{},"changed":{changed}}}"#, self.rows)))
    }
}
