//! JSON objects whose members keep their order and their text.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Returns a text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    // Serializing a text can't fail.
    serde_json::to_string(text).unwrap_or_default()
}

/// The members of an object in order: the name, and the JSON of the value.
pub(crate) struct Members<'a>(pub Vec<(Cow<'a, str>, &'a str)>);

#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'a>, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Vec<(Cow<'de, str>, &'de str)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(MembersVisitor).map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_text() {
        let Members(members) = serde_json::from_str(r#"{ "b\u0041" : [1.50 , 2], "a":null,"b":"\ud800" }"#).unwrap();
        let expected = [("bA", "[1.50 , 2]"), ("a", "null"), ("b", r#""\ud800""#)];
        assert_eq!(members, expected.map(|(name, value)| (name.into(), value)));
        for wrong in ["[]", "1", r#"{"\ud800":1}"#, "{", "{} 1"] {
            assert!(serde_json::from_str::<Members>(wrong).is_err(), "{wrong}");
        }
    }
}
