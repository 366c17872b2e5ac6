//! The tables of rows: one for each resource with a column per field, and `generic_row` for all others.

use std::borrow::Cow;
use streamgage::schema::Resource;

/// The table of all generic resources.
pub(crate) const GENERIC_TABLE: &str = "generic_row";

/// Returns the rows of a resource as a table of a `FROM` clause.
pub(crate) fn table(resource: &Resource) -> Cow<'static, str> {
    if resource.is_generic {
        let columns = "id, filter_values, row";
        // SQLite moves conditions into the subquery, so that they use the primary key.
        format!("(SELECT {columns} FROM {GENERIC_TABLE} WHERE resource = '{}')", resource.name).into()
    } else {
        resource.name.into()
    }
}
