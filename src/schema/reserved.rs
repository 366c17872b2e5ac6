//! Names of members that dumps reserve.

use super::row_splitter::is_page;
use super::serde_row::DELETED;
use super::{Resource, RowError};
use alloc::{collections::BTreeMap, string::String};
use serde::de::IgnoredAny;

/// Checks that readers of a dump take a row of another server for nothing but a row.
///
/// A member `_deleted` would delete the row of its id (§4). A generic row, which is kept as it came, would be a page
/// ([`RowSplitter`](super::RowSplitter)) if it began with a member of pages.
///
/// # Errors
/// Returns an error that names the member.
///
/// ```
/// use streamgage::schema::{TAGS, check_reserved_names};
/// assert!(check_reserved_names(&TAGS, r#"{"id": 7, "name": "_deleted"}"#).is_ok());
/// let error = check_reserved_names(&TAGS, r#"{"id": 7, "_deleted": true}"#);
/// assert_eq!(error.map_err(|error| error.to_string()), Err("_deleted: is a reserved name".to_owned()));
/// ```
pub fn check_reserved_names(resource: &Resource, row: &str) -> Result<(), RowError> {
    // A reader of the row reports a text that is no object.
    let Ok(members) = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(row) else { return Ok(()) };
    if members.contains_key(DELETED) {
        return Err(RowError::new(DELETED, "is a reserved name"));
    }
    if resource.is_generic && is_page(row.trim_ascii().as_bytes()) == Some(true) {
        return Err(RowError::of_row("must not begin like a page, with count, next, previous or results"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{GENERIC, TAGS};
    use super::*;

    #[test]
    fn reserved_names_are_refused_in_every_spelling() {
        for row in [
            r#"{"id":7,"_deleted":true}"#,
            r#"{"_deleted":false,"id":7}"#,
            r#"{"id":7,"_deleted":null}"#,
            r#"{"id":7,"\u005fdele\u0074ed":true}"#,
            r#"{"id":7,"_deleted":[[]],"_deleted":{}}"#,
        ] {
            for resource in [&TAGS, &GENERIC[0]] {
                assert!(check_reserved_names(resource, row).is_err(), "{row}");
            }
        }
        for row in
            [r#"{"id":7,"x":{"_deleted":true}}"#, r#"{"id":7,"count":1}"#, r#"{"id":7,"deleted":true}"#, "{}", "[]"]
        {
            for resource in [&TAGS, &GENERIC[0]] {
                assert!(check_reserved_names(resource, row).is_ok(), "{row}");
            }
        }
    }

    #[test]
    fn generic_rows_do_not_begin_like_a_page() {
        for row in [r#"{"results":[],"id":7}"#, r#" { "count" : 1, "id":7}"#, r#"{"next":null,"id":7}"#] {
            assert!(check_reserved_names(&GENERIC[0], row).is_err(), "{row}");
            // Rows of other resources begin with their id in a dump.
            assert!(check_reserved_names(&TAGS, row).is_ok(), "{row}");
        }
    }
}
