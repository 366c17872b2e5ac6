//! The rows of an organization.

use super::rows::Rows;
use crate::schema::Resource;
use alloc::vec::Vec;

/// The rows of an organization by resource. A resource that was not inserted has no rows.
///
/// A store is built once and queried many times. Data that requests share (texts folded for `icontains`, duplicates,
/// rows by user) is computed on first use and kept with the rows, so a request scans a few columns.
///
/// ```
/// use streamgage::{evaluate::{RowsBuilder, Store, list}, query::ListRequest, schema::TAGS};
/// let mut rows = RowsBuilder::new(&TAGS);
/// for line in [r#"{"id":7,"name":"backend"}"#, r#"{"id":3,"name":"Front"}"#] {
///     rows.add_text(line).map_err(|error| error.to_string())?;
/// }
/// let mut store = Store::default();
/// store.insert(rows.build());
/// for (query, positions) in [("id__in=7,9", vec![0]), ("ordering=name", vec![1, 0])] {
///     let request = ListRequest::parse(&TAGS, query).map_err(|errors| errors.to_string())?;
///     assert_eq!(list(&request, &store).positions, positions);
/// }
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Store(Vec<Rows>);

impl Store {
    /// Inserts the rows of a resource, in place of those that it had.
    pub fn insert(&mut self, rows: Rows) {
        self.0.retain(|other| other.resource().name != rows.resource().name);
        self.0.push(rows);
    }

    /// Removes and returns the rows of a resource.
    pub fn take(&mut self, resource: &Resource) -> Option<Rows> {
        let at = self.0.iter().position(|rows| rows.resource().name == resource.name)?;
        Some(self.0.swap_remove(at))
    }

    /// Returns the rows of a resource.
    pub fn rows(&self, resource: &Resource) -> Option<&Rows> {
        self.0.iter().find(|rows| rows.resource().name == resource.name)
    }
}
