//! Lists and aggregates over rows in memory (§2). The results are those of the SQL that a database executes.

mod aggregate;
mod bit_set;
mod filter;
mod join;
mod nested_rows;
mod ordering;
mod relations;
mod response;
mod row_condition;
mod rows;
mod text_column;

pub use aggregate::{AggregateResult, AggregateRow, aggregate};
pub use nested_rows::nested_rows;
pub use response::{RowTexts, list_body, write_page, write_row};
pub use rows::{Rows, RowsBuilder};

use crate::query::{ListRequest, Page};
use crate::schema::{OutputField, Resource};
use alloc::vec::Vec;
use filter::{FilterEvaluator, Matches};
use ordering::SortKey;
use relations::Relations;

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

/// The result of a list request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListResult {
    /// The number of rows on all pages. A row that joins find several times counts as often.
    pub count: u64,
    /// The positions of the rows on the requested page, in order.
    pub positions: Vec<usize>,
}

/// Returns the resources whose rows a request reads, its own first.
pub fn required_resources(request: &ListRequest) -> Vec<&'static Resource> {
    let shown =
        request.resource.output_fields().enumerate().filter(|&(position, _)| request.projection.shows(position));
    let nested =
        shown.filter_map(|(_, shown)| if let OutputField::Nested(nested) = shown { Some(nested) } else { None });
    let mut reads = Vec::from([request.resource]);
    let filters =
        request.filter.conditions().flat_map(|condition| filter::required_resources(condition.subject).iter().copied());
    for resource in filters.chain(nested.flat_map(nested_rows::required_resources)) {
        if reads.iter().all(|other| other.name != resource.name) {
            reads.push(resource);
        }
    }
    reads
}

/// Answers a list request.
pub fn list(request: &ListRequest, store: &Store) -> ListResult {
    let Some(rows) = store.rows(request.resource) else { return ListResult::default() };
    let matches = matches(request, rows, store);
    let Page { limit, offset } = request.page;
    let end = offset.saturating_add(limit);
    let found = rows.positions().iter().copied().filter(|&position| matches.times(position) > 0);
    // Rows after the end of the page are not needed.
    let most = usize::try_from(end).unwrap_or(usize::MAX);
    let first: Vec<usize> = if request.ordering.is_empty() {
        found.take(most).collect()
    } else {
        ordering::first(found, most, &SortKey::all(rows, &request.ordering))
    };
    let mut positions = Vec::new();
    let mut at = 0u64;
    for position in first {
        let next = at.saturating_add(matches.times(position));
        positions.extend((offset.max(at)..next.min(end)).map(|_| position));
        at = next;
    }
    ListResult { count: matches.count(), positions }
}

/// Finds the rows that match a request's filter.
fn matches(request: &ListRequest, rows: &Rows, store: &Store) -> Matches {
    let relations = Relations::new(store);
    FilterEvaluator::new(request, rows, &relations).matches()
}

/// Returns the position of the object with that id if it matches the request's filter.
pub fn find_object(request: &ListRequest, store: &Store, id: i64) -> Option<usize> {
    let rows = store.rows(request.resource)?;
    let position = rows.find(id)?;
    let relations = Relations::new(store);
    FilterEvaluator::new(request, rows, &relations).finds(position).then_some(position)
}

#[cfg(test)]
mod tests;
