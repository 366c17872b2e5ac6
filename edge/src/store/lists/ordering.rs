//! The order of a list's rows.

use super::column::Column;
use streamgage::query::{ListRequest, Subject};
use streamgage::schema::Missing;

/// The first field of each resource is its id.
const ID: Subject = Subject::Field(0);

/// Returns the terms of `ORDER BY`. The id breaks ties.
pub(super) fn order_by(request: &ListRequest) -> String {
    let mut terms: Vec<String> = Vec::new();
    for order in &request.ordering {
        let Some(Column { plain: column, .. }) = Column::of_subject(request.resource, "t", order.subject) else {
            continue;
        };
        let is_required = match order.subject {
            Subject::Field(index) => {
                request.resource.fields.get(index).is_some_and(|field| field.missing == Missing::Required)
            }
            _ => false,
        };
        // Null is the greatest value; to SQLite it is the least.
        terms.push(match (order.descending, is_required) {
            (false, true) => column,
            (true, true) => format!("{column} DESC"),
            (false, false) => format!("{column} NULLS LAST"),
            (true, false) => format!("{column} DESC NULLS FIRST"),
        });
    }
    if !request.ordering.iter().any(|order| order.subject == ID) {
        terms.push("t.id".to_owned());
    }
    terms.join(", ")
}

/// Reports whether the rows are ordered by id alone.
pub(super) fn is_by_id(request: &ListRequest) -> bool {
    request.ordering.iter().all(|order| order.subject == ID)
}

/// Reports whether the first term is descending.
pub(super) fn is_descending(request: &ListRequest) -> bool {
    request.ordering.first().is_some_and(|order| order.descending)
}
