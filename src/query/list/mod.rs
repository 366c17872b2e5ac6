//! Parameters of the list of any resource (§2).

mod canonical;
mod complex;
mod condition;
mod filter;
mod ignored;
mod predicate;
mod search;

pub use condition::{Condition, FilterParameter, ReferencedField, Subject, filter_parameters};
pub use filter::{
    Filter, Join, MAX_CONDITIONS, MAX_CONTAINS_CONDITIONS, MAX_JOINED_CONDITIONS, MAX_JOINED_CONDITIONS_OF_COMMITS,
    Node,
};
pub use ignored::ignored_filters;
pub use predicate::{Comparison, OrderedDouble, Predicate};

use super::errors::ValidationErrors;
use super::{Page, Parameters};
use crate::schema::{Field, Flag, Resource};
use crate::text::trim;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A valid request for a list, in canonical form: equivalent requests are equal.
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
    /// The resource.
    pub resource: &'static Resource,
    /// The filter of the rows.
    pub filter: Filter,
    /// The order of the rows. Rows that are equal in it are ordered by id.
    pub ordering: Vec<Order>,
    /// The requested page.
    pub page: Page,
    /// The shown fields.
    pub projection: Projection,
    /// Reports whether the id of the apex user is shown as the id of the alias.
    pub normalize_authors: bool,
}

/// A field that orders a list. Nulls are the greatest: last in ascending order, first in descending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The field, of the row or of an object that it refers to.
    pub subject: Subject,
    /// Reports whether the order is descending.
    pub descending: bool,
}

/// The shown fields of a row: `fields` and `omit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    /// A bit for each field of [`output_fields`](Resource::output_fields).
    places: u64,
    /// Reports whether members that the resource does not know are shown.
    pub unknown: bool,
    /// The members of rows of a generic resource.
    pub members: MemberSelection,
}

/// The shown members of a row of a generic resource. Names are sorted. Other resources show all members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberSelection {
    /// All members except these.
    AllExcept(Vec<String>),
    /// Only these members.
    Only(Vec<String>),
}

impl MemberSelection {
    /// Reports whether a member is shown.
    pub fn shows(&self, name: &str) -> bool {
        let contains = |names: &[String]| names.binary_search_by(|other| other.as_str().cmp(name)).is_ok();
        match self {
            MemberSelection::AllExcept(names) => !contains(names),
            MemberSelection::Only(names) => contains(names),
        }
    }

    /// Reports whether all members are shown.
    pub fn is_all(&self) -> bool {
        matches!(self, MemberSelection::AllExcept(names) if names.is_empty())
    }

    fn parse(parameters: &Parameters<'_>) -> MemberSelection {
        let names = |name: &str| {
            let mut names: Vec<String> = parameters
                .last(name)
                .into_iter()
                .flat_map(|names| names.split(','))
                .filter(|name| !name.is_empty())
                .map(String::from)
                .collect();
            names.sort();
            names.dedup();
            names
        };
        let omitted = MemberSelection::AllExcept(names("omit"));
        if parameters.last("fields").is_none() {
            return omitted;
        }
        let mut only = names("fields");
        only.retain(|name| omitted.shows(name));
        MemberSelection::Only(only)
    }
}

impl ListRequest {
    /// Parses a query string.
    ///
    /// # ValidationErrors
    /// Returns the errors of all parameters: fields in the order of the resource, each with its lookups in the order of
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
            page: Page::parse(resource.pagination, query_string),
            projection: Projection::parse(resource, &parameters),
            normalize_authors: complex.is_none() && condition::is_set(resource, &parameters, Flag::NormalizeAuthors),
        })
    }
}

/// Parses `ordering`. Terms are trimmed, and invalid ones are dropped. Terms after the id have no effect, and ascending
/// id is the default.
fn ordering(resource: &'static Resource, parameters: &Parameters<'_>) -> Vec<Order> {
    let mut ordering: Vec<Order> = Vec::new();
    for term in parameters.value("ordering").into_iter().flat_map(|terms| terms.split(',')).map(trim) {
        let (name, descending) = term.strip_prefix('-').map_or((term, false), |name| (name, true));
        let Some(subject) = orderable(resource, name) else { continue };
        if subject == Subject::Field(0) {
            if descending {
                ordering.push(Order { subject, descending });
            }
            break;
        }
        if ordering.iter().all(|order| order.subject != subject) {
            ordering.push(Order { subject, descending });
        }
    }
    ordering
}

/// Returns the field that `ordering` can name.
fn orderable(resource: &'static Resource, name: &str) -> Option<Subject> {
    let is_named = |field: &Field| field.name == name && field.capabilities.is_orderable();
    if let Some(field) = resource.fields.iter().position(is_named) {
        return Some(Subject::Field(field));
    }
    let mut references = resource.references.iter().enumerate();
    references.find_map(|(index, reference)| {
        let name = name.strip_prefix(reference.name)?.strip_prefix("__")?;
        let other = reference.resource().filter(|_| reference.capabilities.is_orderable())?;
        orderable(other, name)?.through(index)
    })
}

/// Returns the names that `ordering` can have: fields, and fields of objects that a field refers to.
pub fn orderings(resource: &'static Resource) -> impl Iterator<Item = String> {
    let own = |resource: &'static Resource| {
        resource.fields.iter().filter(|field| field.capabilities.is_orderable()).map(|field| field.name)
    };
    let references = resource.references.iter().filter(|reference| reference.capabilities.is_orderable());
    let referenced = references.flat_map(move |reference| {
        let fields = reference.resource().into_iter().flat_map(own);
        fields.map(|field| format!("{}__{field}", reference.name))
    });
    own(resource).map(String::from).chain(referenced)
}

impl Projection {
    fn parse(resource: &Resource, parameters: &Parameters<'_>) -> Projection {
        let named = |names: &str| {
            let bit = |name: &str| {
                resource.output_fields().position(|shown| shown.name() == name).map_or(0, |place| 1 << place)
            };
            names.split(',').map(bit).fold(0u64, |bits, bit| bits | bit)
        };
        if resource.is_generic {
            return Projection { places: u64::MAX, unknown: true, members: MemberSelection::parse(parameters) };
        }
        let only = parameters.last("fields").map(named);
        let omitted = parameters.last("omit").map_or(0, named);
        let every = (1u64 << resource.output_fields().count()) - 1;
        Projection {
            places: only.unwrap_or(every) & !omitted,
            unknown: only.is_none(),
            members: MemberSelection::AllExcept(Vec::new()),
        }
    }

    /// Reports whether the field at an index of [`output_fields`](Resource::output_fields) is shown.
    pub fn shows(&self, place: usize) -> bool {
        self.places & (1 << place) != 0
    }
}

#[cfg(test)]
mod tests;
