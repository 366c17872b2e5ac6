//! Rows of generic resources, which are shown as they came (§2).

use crate::json;
use crate::query::MemberSelection;
use alloc::string::String;
use core::fmt;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Writes a row from its JSON text: the text itself, or an object of the selected members.
///
/// ```
/// use streamgage::{evaluate::write_generic_row, query::ListRequest, schema::resource};
/// let tickets = resource("tickets").ok_or("no resource")?;
/// for (query, expected) in [("", r#"{"id": 7, "z":[1.0]}"#), ("fields=z,id", r#"{"id":7,"z":[1.0]}"#), ("omit=id", r#"{"z":[1.0]}"#)] {
///     let request = ListRequest::parse(tickets, query).map_err(|errors| errors.to_string())?;
///     let mut row = String::new();
///     write_generic_row(r#"{"id": 7, "z":[1.0]}"#, &request.projection.members, &mut row);
///     assert_eq!(row, expected);
/// }
/// # Ok::<(), String>(())
/// ```
pub fn write_generic_row(text: &str, selection: &MemberSelection, out: &mut String) {
    if selection.is_all() {
        out.push_str(text.trim_ascii());
        return;
    }
    out.push('{');
    let mut json = serde_json::Deserializer::from_str(text);
    // The row was read without an error before.
    let _ = json.deserialize_map(SelectedMembers { selection, out });
    out.push('}');
}

struct SelectedMembers<'a> {
    selection: &'a MemberSelection,
    out: &'a mut String,
}

impl<'de> Visitor<'de> for SelectedMembers<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut separator = "";
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            if self.selection.shows(&name) {
                self.out.push_str(separator);
                self.out.push_str(&json::to_string(&name));
                self.out.push(':');
                self.out.push_str(value.get());
                separator = ",";
            }
        }
        Ok(())
    }
}
