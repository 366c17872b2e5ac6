//! The parameters of a list (§2), whatever its resource.

mod canonical;
mod complex;
mod condition;
mod filter;
mod predicate;
mod search;

pub use condition::{Condition, FilterParameter, Subject, filter_parameters};
pub use filter::{
    Filter, Join, MAX_CONDITIONS, MAX_CONTAINS_CONDITIONS, MAX_JOINED_CONDITIONS, MAX_JOINED_CONDITIONS_OF_COMMITS,
    Node,
};
pub use predicate::{Comparison, OrderedDouble, Predicate};

use super::errors::ValidationErrors;
use super::{Page, Parameters};
use crate::schema::{Flag, Resource};
use crate::text::trim;
use alloc::vec::Vec;

/// A valid request for a list, in canonical form: what asks the same is equal.
///
/// ```
/// use streamgage::{query::ListRequest, schema::USERS};
/// let parse = |query| ListRequest::parse(&USERS, query);
/// assert_eq!(parse("name=a&id__gt=4.7&ordering=id,name"), parse("id__gte=5&name=+a+&unknown=1&id__in="));
/// let errors = parse("id__in!=1,x&created_at__lt=soon").map_err(|errors| errors.to_string());
/// assert_eq!(errors, Err("id__in!: Enter a number. created_at__lt: Enter a valid date/time.".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ListRequest {
    /// The resource whose rows are asked for.
    pub resource: &'static Resource,
    /// Which rows are found.
    pub filter: Filter,
    /// What they are ordered by, before their ids.
    pub ordering: Vec<Order>,
    /// Which of them are asked for.
    pub page: Page,
    /// What is asked of each.
    pub projection: Projection,
    /// Whether the id of the apex user is shown as that of the alias.
    pub normalize_authors: bool,
}

/// A field that a list is ordered by. Nulls are the greatest: last going up, first going down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its place in [`fields`](Resource::fields).
    pub field: usize,
    /// Whether the order goes down.
    pub descending: bool,
}

/// What is shown of a row: `fields` and `omit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Projection {
    /// A bit for each place of [`shown`](Resource::shown).
    places: u64,
    /// Whether fields are shown that the resource does not know.
    pub unknown: bool,
}

impl ListRequest {
    /// Reads a query string.
    ///
    /// # ValidationErrors
    /// Every bad parameter: those that are fields in the resource's order, each with its lookups in that of
    /// [`Lookup::ALL`](crate::schema::Lookup::ALL), then the other filters, then `search`.
    pub fn parse(resource: &'static Resource, query_string: &str) -> Result<ListRequest, ValidationErrors> {
        let parameters = Parameters::parse(query_string);
        let complex = parameters.value("filters");
        let filter = match complex {
            Some(expression) => complex::parse(resource, expression),
            None => condition::parse(resource, &parameters).map(Filter::all),
        };
        let terms = search::conditions(resource, &parameters);
        let (filter, terms) = match (filter, terms) {
            (Ok(filter), Ok(terms)) => (filter, terms),
            (filter, terms) => {
                let mut errors = filter.err().unwrap_or_default();
                if let Err(message) = terms {
                    errors.add("search", message);
                }
                return Err(errors);
            }
        };
        Ok(ListRequest {
            resource,
            filter: filter.and_all(terms),
            ordering: ordering(resource, &parameters),
            page: Page::parse(query_string),
            projection: Projection::parse(resource, &parameters),
            normalize_authors: complex.is_none() && condition::is_set(resource, &parameters, Flag::NormalizeAuthors),
        })
    }
}

/// Terms are trimmed, bad ones dropped. An id leaves nothing to order: nothing after it counts, and by the id going
/// up is how lists are ordered anyway.
fn ordering(resource: &Resource, parameters: &Parameters<'_>) -> Vec<Order> {
    let mut ordering: Vec<Order> = Vec::new();
    for term in parameters.value("ordering").into_iter().flat_map(|terms| terms.split(',')).map(trim) {
        let (name, descending) = term.strip_prefix('-').map_or((term, false), |name| (name, true));
        let found = resource.fields.iter().position(|field| field.name == name && field.capabilities.is_orderable());
        let Some(field) = found else { continue };
        if field == 0 {
            if descending {
                ordering.push(Order { field, descending });
            }
            break;
        }
        if ordering.iter().all(|order| order.field != field) {
            ordering.push(Order { field, descending });
        }
    }
    ordering
}

impl Projection {
    fn parse(resource: &Resource, parameters: &Parameters<'_>) -> Projection {
        let named = |names: &str| {
            let bit = |name: &str| {
                resource.output_fields().position(|shown| shown.name() == name).map_or(0, |place| 1 << place)
            };
            names.split(',').map(bit).fold(0u64, |bits, bit| bits | bit)
        };
        let only = parameters.last("fields").map(named);
        let omitted = parameters.last("omit").map_or(0, named);
        let every = (1u64 << resource.output_fields().count()) - 1;
        Projection { places: only.unwrap_or(every) & !omitted, unknown: only.is_none() }
    }

    /// Whether that place of [`shown`](Resource::shown) is shown.
    pub fn shows(&self, place: usize) -> bool {
        self.places & (1 << place) != 0
    }
}

#[cfg(test)]
mod tests;
