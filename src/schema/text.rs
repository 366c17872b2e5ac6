//! A row that is JSON text of any form.

use super::row::{DELETED, FieldsFound, RowError, RowSink, Scalar, Value};
use super::{Field, Kind, Resource};
use crate::json::{self, Reader, Syntax, unescape};
use crate::number::Number;
use alloc::{format, string::String, vec::Vec};

/// Reads a row as [`read_row`](super::read_row) does, from a text that is one JSON value and nothing more.
///
/// A decimal is rounded as it is written, however many digits it has, not as the double that is nearest to it.
///
/// # ValidationErrors
/// As those of [`read_row`](super::read_row).
pub fn read_text_row(resource: &'static Resource, text: &str, sink: &mut dyn RowSink) -> Result<(), RowError> {
    let no_json = |Syntax(rest)| {
        let place = text.len() - rest;
        RowError { field: None, message: format!("is no JSON from byte {place} on") }
    };
    let mut reader = Reader::new(text);
    if !reader.begin(b'{') {
        reader.value().and_then(|_| reader.end()).map_err(no_json)?;
        return Err(RowError { field: None, message: "must be an object".into() });
    }
    let mut found = FieldsFound::default();
    let mut deleted = false;
    let mut expected = 0;
    while let Some((name, value)) = reader.member().map_err(no_json)? {
        let name = unescape(name);
        let Some(name) = name.as_deref() else { continue };
        if let Some(index) = resource.position_from(expected, name)
            && let Some(field) = resource.fields.get(index)
        {
            expected = index + 1;
            take(field, value, &mut |value| {
                found.note(index, &value);
                sink.value(index, value);
            })
            .map_err(|message| RowError::new(field.name, message))?;
        } else if name == DELETED {
            deleted = match json::Value::of(value) {
                json::Value::Boolean(deleted) => deleted,
                json::Value::Null => false,
                _ => return Err(RowError::new(DELETED, "must be true or false")),
            };
        }
    }
    reader.end().map_err(no_json)?;
    if deleted {
        sink.deleted();
    }
    match found.first_missing(resource) {
        // A row that deletes needs no more than its id.
        Some((index, field)) if index == 0 || !deleted => Err(RowError::new(field.name, "is required")),
        _ => Ok(()),
    }
}

/// Hands the value of a field to `sink`, or tells what is wrong with it.
fn take(field: &Field, text: &str, sink: &mut dyn FnMut(Value<'_>)) -> Result<(), String> {
    let unescaped;
    let scalar = match json::Value::of(text) {
        json::Value::Null => Scalar::Null,
        json::Value::Boolean(value) => Scalar::Boolean(value),
        json::Value::Number(text) => match text.parse() {
            Ok(value) if text != "-0" => Scalar::Integer(value),
            _ if field.kind == Kind::Decimal => {
                Scalar::Decimal(Number::parse(text).and_then(|number| number.shifted(4).round().value()))
            }
            _ => Scalar::Number(text.parse().unwrap_or(f64::NAN)),
        },
        json::Value::Text(text) => {
            unescaped = unescape(text).ok_or("holds half a character")?;
            Scalar::Text(&unescaped)
        }
        json::Value::List(text) if field.kind == Kind::Ids => ids(text).map_or(Scalar::Compound, Scalar::Ids),
        json::Value::List(_) | json::Value::Object(_) => Scalar::Compound,
    };
    sink(scalar.of_kind(field)?);
    Ok(())
}

/// The ids that a JSON list holds, as numbers or, as the API shows it, as objects that have them; `None` where it holds
/// anything else.
pub fn ids(list: &str) -> Option<Vec<i64>> {
    let mut reader = Reader::new(list);
    if !reader.begin(b'[') {
        return None;
    }
    let mut ids = Vec::new();
    while let Some(element) = reader.element().ok()? {
        // A number has no members.
        let (mut object, mut id) = (Reader::new(element), element);
        object.begin(b'{');
        while let Ok(Some((name, value))) = object.member() {
            if name == "id" {
                id = value;
            }
        }
        ids.push(id.parse().ok()?);
    }
    Some(ids)
}

#[cfg(test)]
mod tests {
    use super::super::{COMMITS, REPOS, RESOURCES, read_row};
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[derive(Debug, Default, PartialEq)]
    struct Seen(Vec<(usize, String)>, bool);

    impl RowSink for Seen {
        fn value(&mut self, field: usize, value: Value<'_>) {
            self.0.push((field, format!("{value:?}")));
        }

        fn deleted(&mut self) {
            self.1 = true;
        }
    }

    /// What a row holds, or the field that it is refused for, and why.
    type Read = Result<Seen, (Option<String>, String)>;

    fn from_text(resource: &'static Resource, text: &str) -> Read {
        let mut seen = Seen::default();
        read_text_row(resource, text, &mut seen).map_err(|error| (error.field, error.message))?;
        Ok(seen)
    }

    fn from_serde(resource: &'static Resource, text: &str) -> Read {
        let mut seen = Seen::default();
        let mut json = serde_json::Deserializer::from_str(text);
        let no_json = |error: serde_json::Error| RowError { field: None, message: format!("{error}") };
        let read = read_row(resource, &mut json, &mut seen).and_then(|()| json.end().map_err(no_json));
        read.map_err(|error| (error.field, error.message))?;
        Ok(seen)
    }

    fn impact(text: &str) -> String {
        let row = format!(r#"{{"id":1,"apex_user_id":2,"repo_id":3,"impact":{text}}}"#);
        from_text(&COMMITS, &row).map_or_else(|error| format!("{error:?}"), |mut seen| seen.0.pop().unwrap().1)
    }

    #[test]
    fn a_decimal_is_rounded_as_it_is_written() {
        assert_eq!(impact("1.00005"), "Decimal(10000)");
        assert_eq!(impact("1.000050000000000000000001"), "Decimal(10001)");
        assert_eq!(impact("-1.25e-2"), "Decimal(-125)");
        assert_eq!(impact("900719925474.0991"), "Decimal(9007199254740991)");
        assert!(impact("900719925474.0992").contains("must be a number of at most 900,719,925,474"));
        assert!(impact("1e400").contains("must be a number of at most"));
    }

    #[test]
    fn what_is_no_row() {
        let error = |text: &str| from_text(&REPOS, text).unwrap_err();
        assert_eq!(error("{\"id\":1,x}"), (None, "is no JSON from byte 8 on".into()));
        assert_eq!(error("{\"id\":1}}"), (None, "is no JSON from byte 8 on".into()));
        assert_eq!(error(" 7 "), (None, "must be an object".into()));
        assert_eq!(error(""), (None, "is no JSON from byte 0 on".into()));
        assert_eq!(error(r#"{"id":1,"name":"\ud800"}"#), (Some("name".into()), "holds half a character".into()));
        assert_eq!(error(r#"{"id":1e400}"#).0, Some("id".into()));
    }

    proptest! {
        /// Both readers read the same, and name the same field for the same reason.
        #[test]
        fn both_readers_agree(
            resource in 0usize..7,
            members in proptest::collection::vec(
                (any::<prop::sample::Index>(), prop_oneof![
                    "-?(0|[1-9][0-9]{0,2})(\\.[0-9]{1,6})?", "-?[1-9][0-9]{13,20}", "-?[1-9][0-9]{0,8}\\.[0-9]{1,6}",
                    "true|false|null", "\"([a-z\\u00e9 ]|\\\\n|\\\\u00e9){0,6}\"",
                    "\"20[0-9]{2}-0[1-9]-[0-3][0-9](T10:00:00)?\"", "\\[1, ?-2\\]", "\\[1\\.5\\]",
                    "\\[(\\{(\"a\": \\[\\],)?\"id\": ?(7|8|null)(, \"(a|id)\":[0-9])?\\}|3)(, ?5)?\\]", " 1 ", "-?1e3", "-0(\\.0)?",
                    "\\{\"a\": ?\\[\\]\\}",
                ]), 0..8),
            others in "(,\"_deleted\": (true|false|null|7)|,\"[a-z]{1,3}\":\\[\\{\\}, 1\\]|)",
        ) {
            let resource = RESOURCES[resource];
            let required = ["id", "apex_user_id", "repo_id"].map(|name| format!("\"{name}\":1"));
            let fields = members.iter().map(|(index, value)| {
                let name = index.get(resource.fields).name.replace('a', "\\u0061");
                format!("\"{name}\" :{value}")
            });
            let members: Vec<String> = required.into_iter().chain(fields).collect();
            let row = format!("{{{}{others}}}", members.join(","));
            prop_assert_eq!(from_text(resource, &row), from_serde(resource, &row), "{}", row);
        }
    }
}
