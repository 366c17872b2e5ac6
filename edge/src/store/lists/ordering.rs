//! The order of a list's rows.

use super::column::Column;
use streamgage::query::ListRequest;
use streamgage::schema::Missing;

/// Returns the terms of `ORDER BY`. The id breaks ties.
pub(super) fn order_by(request: &ListRequest) -> String {
    let mut terms: Vec<String> = Vec::new();
    for order in &request.ordering {
        let Some(field) = request.resource.fields.get(order.field) else { continue };
        let column = Column::of_field(request.resource, "t", field).plain;
        // Null is the greatest value; to SQLite it is the least.
        terms.push(match (order.descending, field.missing) {
            (false, Missing::Required) => column,
            (true, Missing::Required) => format!("{column} DESC"),
            (false, _) => format!("{column} NULLS LAST"),
            (true, _) => format!("{column} DESC NULLS FIRST"),
        });
    }
    if !request.ordering.iter().any(|order| order.field == 0) {
        terms.push("t.id".to_owned());
    }
    terms.join(", ")
}

/// Reports whether the rows are ordered by id alone.
pub(super) fn is_by_id(request: &ListRequest) -> bool {
    request.ordering.iter().all(|order| order.field == 0)
}

/// Reports whether the first term is descending.
pub(super) fn is_descending(request: &ListRequest) -> bool {
    request.ordering.first().is_some_and(|order| order.descending)
}
