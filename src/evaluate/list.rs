//! Evaluation of list requests.

use super::filter::{self, FilterEvaluator, Matches};
use super::nested_rows::nested_resources;
use super::ordering::{self, SortKey};
use super::relations::Relations;
use super::rows::Rows;
use super::store::Store;
use crate::query::{ListRequest, Page};
use crate::schema::{OutputField, Resource};
use alloc::vec::Vec;

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
    let mut resources = Vec::from([request.resource]);
    let conditions = request.filter.conditions().map(|condition| condition.subject);
    let read = conditions.chain(request.ordering.iter().map(|order| order.subject));
    let read = read.flat_map(|subject| filter::required_resources(request.resource, subject));
    for resource in read.chain(nested.flat_map(nested_resources)) {
        if resources.iter().all(|other| other.name != resource.name) {
            resources.push(resource);
        }
    }
    resources
}

/// Answers a list request.
pub fn list(request: &ListRequest, store: &Store) -> ListResult {
    let Some(rows) = store.rows(request.resource) else { return ListResult::default() };
    let matches = matches(request, rows, store);
    let Page { limit, offset, .. } = request.page;
    let end = offset.saturating_add(limit);
    let found = rows.positions().iter().copied().filter(|&position| matches.times(position) > 0);
    // Rows after the end of the page are not needed.
    let most = usize::try_from(end).unwrap_or(usize::MAX);
    let first: Vec<usize> = if request.ordering.is_empty() {
        found.take(most).collect()
    } else {
        ordering::first(found, most, &SortKey::all(rows, &request.ordering, store))
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
pub(super) fn matches(request: &ListRequest, rows: &Rows, store: &Store) -> Matches {
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
