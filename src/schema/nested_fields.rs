//! Fields `x__y`: the member `y` of the object `x` of a row.

use super::serde_row::with_value;
use super::{Resource, RowSink};
use core::fmt;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Hands the values of these fields to `sink`, where a row has them. The row is an object.
pub(super) fn read(resource: &Resource, text: &str, sink: &mut dyn RowSink) {
    if !resource.is_generic {
        return;
    }
    for (index, field) in resource.fields.iter().enumerate().filter(|(_, field)| field.name.contains("__")) {
        let value = field.name.split("__").try_fold(text, member);
        if let Some(value) = value {
            // A value of another type counts as null.
            let _ = with_value(field, value, &mut |value| sink.value(index, value));
        }
    }
}

/// Returns the JSON of a member of an object.
fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    serde_json::Deserializer::from_str(object).deserialize_map(MemberVisitor(name)).ok()?
}

struct MemberVisitor<'n>(&'n str);

impl<'de> Visitor<'de> for MemberVisitor<'_> {
    type Value = Option<&'de str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some((name, value)) = map.next_entry::<alloc::string::String, &RawValue>()? {
            if name == self.0 {
                found = Some(value.get());
            }
        }
        Ok(found)
    }
}
