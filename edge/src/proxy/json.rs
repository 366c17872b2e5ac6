//! JSON text of stored and transmitted values.
//!
//! Commit 79a5dd1 and earlier wrote structs as lists of their fields. The derived `Deserialize` reads both forms.

use serde::{Deserialize, Serialize};

pub(super) fn to_json(value: &impl Serialize) -> String {
    // Serialization fails only for maps with keys that are not strings, which no stored type contains.
    serde_json::to_string(value).unwrap_or_default()
}

/// Returns `None` for text that another version wrote in an unknown form. Such text counts as absent.
pub(super) fn from_json<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}
