//! Lists over rows in hand (§2): the same requests that a database answers with SQL, and the same answers.

mod aggregate;
mod bound;
mod nested;
mod relations;
mod rows;
mod show;

pub use aggregate::{AggregateRow, Aggregated, aggregate};
pub use nested::nested;
pub use rows::{NewRow, Rows, RowsBuilder};
pub use show::{Lines, list_body, write_row};

use crate::query::{ListRequest, Order};
use crate::schema::{Resource, Shown};
use alloc::vec::Vec;
use bound::Bound;
use core::cmp::Ordering;
use relations::Relations;
use rows::{Column, NULL};

/// The rows of an organization, by resource. What was not put into it has no rows.
#[derive(Clone, Debug, Default)]
pub struct Store(Vec<Rows>);

impl Store {
    /// Puts in the rows of a resource.
    pub fn insert(&mut self, rows: Rows) {
        self.0.retain(|other| other.resource().name != rows.resource().name);
        self.0.push(rows);
    }

    /// The rows of a resource, if they were put in.
    pub fn rows(&self, resource: &Resource) -> Option<&Rows> {
        self.0.iter().find(|rows| rows.resource().name == resource.name)
    }
}

/// What a list request finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many rows there are in all; a row that joins find several times counts as often.
    pub count: u64,
    /// The places of those on the page that is asked for, in order.
    pub places: Vec<usize>,
}

/// The resources whose rows a request reads, its own first.
pub fn reads(request: &ListRequest) -> Vec<&'static Resource> {
    let shown = request.resource.shown().enumerate().filter(|&(place, _)| request.projection.shows(place));
    let nested = shown.filter_map(|(_, shown)| if let Shown::Nested(nested) = shown { Some(nested) } else { None });
    let mut reads = Vec::from([request.resource]);
    let filters = request.filter.conditions().flat_map(|condition| bound::reads(condition.subject).iter().copied());
    for resource in filters.chain(nested.flat_map(nested::reads)) {
        if reads.iter().all(|other| other.name != resource.name) {
            reads.push(resource);
        }
    }
    reads
}

/// Answers a list request.
pub fn list(request: &ListRequest, store: &Store) -> Found {
    let Some(rows) = store.rows(request.resource) else { return Found::default() };
    let mut found = found(request, rows, store);
    let count = found.iter().fold(0u64, |count, &(_, times)| count.saturating_add(times));
    let page = request.page;
    let end = page.offset.saturating_add(page.limit);
    let first = usize::try_from(end).unwrap_or(usize::MAX);
    if !request.ordering.is_empty() && page.offset < count {
        let keys: Vec<(&Column, bool)> =
            request.ordering.iter().map(|&Order { field, descending }| (rows.column(field), descending)).collect();
        let compare = |&(one, _): &(usize, u64), &(other, _): &(usize, u64)| {
            let by_keys = keys.iter().map(|&(column, descending)| {
                let order = column.compare(one, other);
                if descending { order.reverse() } else { order }
            });
            by_keys.fold(Ordering::Equal, Ordering::then).then_with(|| rows.id(one).cmp(&rows.id(other)))
        };
        // No page needs more rows than it ends at.
        if first < found.len() {
            found.select_nth_unstable_by(first, compare);
            found.truncate(first);
        }
        found.sort_unstable_by(compare);
    }
    let mut places = Vec::new();
    let mut at = 0u64;
    for (place, times) in found {
        if at >= end {
            break;
        }
        let from = page.offset.max(at);
        let to = at.saturating_add(times).min(end);
        places.extend((from..to).map(|_| place));
        at = at.saturating_add(times);
    }
    Found { count, places }
}

/// The places that a request's filters find, by id, and how often each.
fn found(request: &ListRequest, rows: &Rows, store: &Store) -> Vec<(usize, u64)> {
    let relations = Relations::new(store);
    let filter = Bound::new(request, rows, &relations);
    let found = rows.places().iter().map(|&place| (place, filter.times(place)));
    found.filter(|&(_, times)| times > 0).collect()
}

/// The place of the object of that id, if the request's filters find it.
pub fn object(request: &ListRequest, store: &Store, id: i64) -> Option<usize> {
    let rows = store.rows(request.resource)?;
    let place = rows.find(id)?;
    let relations = Relations::new(store);
    (Bound::new(request, rows, &relations).times(place) > 0).then_some(place)
}

impl Column {
    /// The order of two values, going up; null is the greatest.
    fn compare(&self, one: usize, other: usize) -> Ordering {
        match self {
            Column::Integers(values) => {
                let key = |place: usize| values.get(place).map(|&value| (value == NULL, value));
                key(one).cmp(&key(other))
            }
            Column::Doubles(values) => {
                let key = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
                key(one).total_cmp(&key(other))
            }
            Column::Texts(texts) => {
                let key = |place: usize| texts.at(place).map_or((true, ""), |text| (false, text));
                key(one).cmp(&key(other))
            }
            Column::Unread | Column::Ids(_) => Ordering::Equal,
        }
    }
}

#[cfg(test)]
mod tests;
