//! The row reader on serde_json, which takes any JSON and reports what is wrong.

use super::field_value::{is_too_deep, with_value};
use super::value::{RowError, RowSink, Value};
use super::{Field, Kind, Missing, Resource};
use alloc::{format, string::String};
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

/// The member that marks a row as one that deletes a record (§4).
pub(crate) const DELETED: &str = "_deleted";

/// Reads a row from a text that is one JSON object and nothing else.
///
/// Hands the value of each known field to `sink`, in the row's order. Unknown members are ignored. Decimals are rounded
/// as written, however many digits they have. [`RowReader`](super::RowReader) reads many rows faster.
///
/// # Errors
/// Returns an error for the first value that is not of its field's kind, for a required field that is missing, or if the
/// text is not one JSON object. `sink` may have received some values by then.
///
/// ```
/// use streamgage::schema::{RowSink, TAGS, Value, read_row};
/// struct Names(Vec<String>);
/// impl RowSink for Names {
///     fn value(&mut self, field: usize, value: Value<'_>) {
///         self.0.push(format!("{} is {value:?}", TAGS.fields[field].name));
///     }
/// }
/// let mut names = Names(Vec::new());
/// read_row(&TAGS, r#"{"id": 7, "name": "backend", "color": "red"}"#, &mut names)?;
/// assert_eq!(names.0, ["id is Integer(7)", "name is Text(\"backend\")"]);
/// let error = read_row(&TAGS, r#"{"name": "backend"}"#, &mut names);
/// assert_eq!(error.map_err(|error| error.to_string()), Err("id: is required".to_owned()));
/// # Ok::<(), streamgage::schema::RowError>(())
/// ```
pub fn read_row(resource: &'static Resource, text: &str, sink: &mut dyn RowSink) -> Result<(), RowError> {
    let mut visitor = RowVisitor {
        resource,
        sink,
        prefix: String::new(),
        found: FieldsFound::default(),
        is_deleted: false,
        error: None,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_map(&mut visitor).and_then(|()| json.end());
    let RowVisitor { sink, found, is_deleted, error, .. } = visitor;
    match (error, read) {
        (Some(error), _) => return Err(error),
        (None, Err(error)) => return Err(syntax_error(text, &error)),
        (None, Ok(())) => {}
    }
    if is_deleted {
        sink.deleted();
    }
    match found.first_missing(resource) {
        // A row that deletes needs nothing but its id.
        Some((index, field)) if index == 0 || !is_deleted => Err(RowError::new(field.name, "is required")),
        _ => Ok(()),
    }
}

fn syntax_error(text: &str, error: &serde_json::Error) -> RowError {
    if error.classify() == Category::Data {
        return RowError::of_row("must be an object");
    }
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let position = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
    RowError::of_row(format!("is no JSON from byte {position} on"))
}

/// The fields of a row that have a value, one bit each.
#[derive(Default)]
struct FieldsFound(u64);

impl FieldsFound {
    fn note(&mut self, index: usize, value: &Value<'_>) {
        // If a field is named twice, the later value counts.
        self.0 &= !(1 << index);
        self.0 |= u64::from(!matches!(value, Value::Null)) << index;
    }

    /// Returns the first required field without a value.
    fn first_missing(&self, resource: &'static Resource) -> Option<(usize, &'static Field)> {
        let is_missing = |index: usize| self.0 & (1u64 << index) == 0;
        let mut fields = resource.fields.iter().enumerate();
        fields.find(|&(index, field)| field.missing == Missing::Required && is_missing(index))
    }
}

struct RowVisitor<'s> {
    resource: &'static Resource,
    sink: &'s mut dyn RowSink,
    /// The start of the names of fields inside of an object of a generic row: `x__` for the object `x`.
    prefix: String,
    found: FieldsFound,
    is_deleted: bool,
    /// The error that ended the visit, as serde's errors have no field.
    error: Option<RowError>,
}

impl RowVisitor<'_> {
    fn member(&mut self, key: Key, json: &str) -> Result<(), RowError> {
        if is_too_deep(json) {
            let message = "is nested too deeply";
            return Err(match key {
                Key::Field(_, field) => RowError::new(field.name, message),
                Key::Deleted | Key::Unknown => RowError::of_row(message),
            });
        }
        match key {
            Key::Field(index, field) => {
                let Self { found, sink, .. } = self;
                let mut take = |value: Value<'_>| {
                    // A row may have a reference twice, as an id and as an object: the one that is not null counts.
                    if field.kind != Kind::Reference || value != Value::Null {
                        found.note(index, &value);
                        sink.value(index, value);
                    }
                };
                match with_value(field, json, &mut take) {
                    Err(_) if field.missing == Missing::Absent => {
                        take(Value::Null);
                        Ok(())
                    }
                    read => read.map_err(|message| RowError::new(field.name, message)),
                }
            }
            Key::Deleted => {
                self.is_deleted = match json {
                    "true" => true,
                    "false" | "null" => false,
                    _ => return Err(RowError::new(DELETED, "must be true or false")),
                };
                Ok(())
            }
            Key::Unknown => Ok(()),
        }
    }
}

impl<'de> Visitor<'de> for &mut RowVisitor<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // The fields of rows mostly have the same order: the one after the last is tried first.
        let mut expected = 0;
        while let Some((key, prefix)) =
            map.next_key_seed(KeySeed { resource: self.resource, expected, prefix: &self.prefix })?
        {
            if let Key::Field(index, _) = key {
                expected = index + 1;
            }
            let value = map.next_value::<&RawValue>()?;
            if let Err(error) = self.member(key, value.get()) {
                self.error = Some(error);
                return Err(A::Error::custom("invalid field"));
            }
            if let Some(prefix) = prefix {
                let outer = core::mem::replace(&mut self.prefix, prefix);
                // Another value than an object has no fields.
                let _ = serde_json::Deserializer::from_str(value.get()).deserialize_map(&mut *self);
                self.prefix = outer;
            }
        }
        Ok(())
    }
}

enum Key {
    Field(usize, &'static Field),
    Deleted,
    Unknown,
}

struct KeySeed<'p> {
    resource: &'static Resource,
    expected: usize,
    prefix: &'p str,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = (Key, Option<String>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    /// The key, and the prefix of the fields inside of the member.
    type Value = (Key, Option<String>);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let KeySeed { resource, expected, prefix } = self;
        if resource.is_generic {
            let name = format!("{prefix}{name}");
            let inside = format!("{name}__");
            let is_object = resource.fields.iter().any(|field| field.name.starts_with(&inside));
            return Ok((Key::find(resource, expected, &name), is_object.then_some(inside)));
        }
        Ok((Key::find(resource, expected, name), None))
    }
}

impl Key {
    fn find(resource: &'static Resource, expected: usize, name: &str) -> Key {
        let index = resource.member_position(expected, name);
        match index.and_then(|index| Some((index, resource.fields.get(index)?))) {
            Some((index, field)) => Key::Field(index, field),
            None if name == DELETED => Key::Deleted,
            None => Key::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::field_value::MAX_DEPTH;
    use super::super::{COMMITS, REPOS, RESOURCES, USERS};
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Seen {
        values: Vec<(usize, String)>,
        deleted: bool,
    }

    impl RowSink for Seen {
        fn value(&mut self, field: usize, value: Value<'_>) {
            self.values.push((field, format!("{value:?}")));
        }

        fn deleted(&mut self) {
            self.deleted = true;
        }
    }

    fn read(resource: &'static Resource, text: &str) -> Result<Seen, String> {
        let mut seen = Seen::default();
        read_row(resource, text, &mut seen).map_err(|error| error.to_string())?;
        Ok(seen)
    }

    fn user(field: &str, value: &str) -> Result<String, String> {
        let index = USERS.position(field).unwrap();
        let seen = read(&USERS, &format!(r#"{{"id":1,"{field}":{value}}}"#))?;
        let found = seen.values.into_iter().rev().find(|&(found, _)| found == index);
        Ok(found.unwrap().1)
    }

    fn impact(text: &str) -> Result<String, String> {
        let row = format!(r#"{{"id":1,"apex_user_id":2,"repo_id":3,"impact":{text}}}"#);
        Ok(read(&COMMITS, &row)?.values.pop().unwrap().1)
    }

    #[test]
    fn resources_begin_with_their_id() {
        for resource in RESOURCES {
            let id = resource.fields.first().unwrap();
            assert_eq!((id.name, id.kind, id.missing), ("id", Kind::Integer, Missing::Required));
            assert!(resource.fields.len() < 64, "a bit for each field");
        }
    }

    #[test]
    fn each_kind_takes_its_values() {
        assert_eq!(user("name", "\"a\\u00e9\"").unwrap(), "Text(\"aé\")");
        assert_eq!(user("name", "null").unwrap(), "Null");
        assert_eq!(user("hidden", "true").unwrap(), "Boolean(true)");
        assert_eq!(user("alias_count", "10.0").unwrap(), "Integer(10)");
        assert_eq!(user("login", "{\"a\":[1,{}]}").unwrap(), "Json(\"{\\\"a\\\":[1,{}]}\")");
        assert!(user("created_at", "\"2020-01-01T00:00:00\"").unwrap().starts_with("DateTime(\"2020"));
        let tags = read(&REPOS, r#"{"tags":[3,1],"id":1}"#).unwrap().values;
        assert_eq!(tags.first().unwrap().1, "Ids([3, 1])");
        let shown = r#"{"id":1,"tags":[{"name":"a","id":3},1,{"id":4,"org_id":null}]}"#;
        assert_eq!(read(&REPOS, shown).unwrap().values.pop().unwrap().1, "Ids([3, 1, 4])");
    }

    #[test]
    fn each_kind_refuses_other_values() {
        let count = "alias_count: must be a whole number of at most 2^53 - 1";
        for value in ["\"1\"", "1.5", "9007199254740992", "1e300", "[1]", "{}", "true"] {
            assert_eq!(user("alias_count", value).unwrap_err(), count, "{value}");
        }
        assert_eq!(user("hidden", "1").unwrap_err(), "hidden: must be true or false");
        assert_eq!(user("name", "[\"a\"]").unwrap_err(), "name: must be text");
        let date = "created_at: must be a date-time, such as 2021-06-01T09:30:00";
        assert_eq!(user("created_at", "\"2020-02-30\"").unwrap_err(), date);
        assert_eq!(user("created_at", "0").unwrap_err(), date);
        assert_eq!(user("id", "null").unwrap_err(), "id: is required");
        for tags in ["[\"a\"]", "[1.5]", "7", "[[1]]", "[9007199254740992]", "[{}]", "[{\"id\":\"1\"}]"] {
            let error = read(&REPOS, &format!(r#"{{"id":1,"tags":{tags}}}"#)).map(|_| ()).unwrap_err();
            assert_eq!(error, "tags: must be a list of ids", "{tags}");
        }
    }

    #[test]
    fn required_fields() {
        assert_eq!(read(&USERS, "{}").map(|_| ()).unwrap_err(), "id: is required");
        let row = r#"{"id":1,"apex_user_id":2}"#;
        assert_eq!(read(&COMMITS, row).map(|_| ()).unwrap_err(), "repo_id: is required");
        assert!(read(&COMMITS, r#"{"_deleted":true,"id":1}"#).unwrap().deleted);
        assert!(read(&COMMITS, r#"{"_deleted":true}"#).is_err());
        assert_eq!(
            read(&USERS, r#"{"id":1,"_deleted":7}"#).map(|_| ()).unwrap_err(),
            "_deleted: must be true or false"
        );
        assert!(!read(&USERS, r#"{"id":1,"_deleted":false}"#).unwrap().deleted);
    }

    #[test]
    fn rows_that_are_no_objects() {
        for text in ["[]", "7", "\"a\"", "null", "{\"id\":1", "{\"id\":NaN}", ""] {
            let error = read_row(&USERS, text, &mut Seen::default()).unwrap_err();
            assert_eq!(error.field, None, "{text}");
        }
    }

    #[test]
    fn impact_is_rounded_half_to_even_at_four_places() {
        for (text, units) in [
            ("16.6", 166_000),
            ("5.67", 56_700),
            ("0.00005", 0),
            ("0.00015", 2),
            ("1.00005", 10_000),
            ("1.00025", 10_002),
            ("1.000050000001", 10_001),
            ("-0.00015", -2),
            ("-3", -30_000),
            ("1e3", 10_000_000),
            ("0.30000000000000004", 3_000),
            ("123456.78905", 1_234_567_890),
        ] {
            assert_eq!(impact(text).unwrap(), format!("Decimal({units})"), "{text}");
        }
        assert!(impact("900719925474.0991").is_ok());
        for text in ["900719925475", "1e300", "9007199254740993"] {
            assert_eq!(impact(text).unwrap_err(), "impact: must be a number of at most 900,719,925,474", "{text}");
        }
        assert_eq!(impact("\"1\"").unwrap_err(), "impact: must be a number");
    }

    #[test]
    fn decimals_are_rounded_as_written() {
        assert_eq!(impact("1.00005").unwrap(), "Decimal(10000)");
        assert_eq!(impact("1.000050000000000000000001").unwrap(), "Decimal(10001)");
        assert_eq!(impact("-1.25e-2").unwrap(), "Decimal(-125)");
        assert_eq!(impact("900719925474.0991").unwrap(), "Decimal(9007199254740991)");
        for text in ["900719925474.0992", "1e400"] {
            assert_eq!(impact(text).unwrap_err(), "impact: must be a number of at most 900,719,925,474", "{text}");
        }
    }

    #[test]
    fn numbers_are_the_nearest_doubles() {
        struct Last(Option<f64>);
        impl RowSink for Last {
            fn value(&mut self, _: usize, value: Value<'_>) {
                self.0 = value.number();
            }
        }
        let risk = |text: &str| {
            let mut last = Last(None);
            let row = format!(r#"{{"id":1,"apex_user_id":2,"repo_id":3,"risk":{text}}}"#);
            read_row(&COMMITS, &row, &mut last).map(|()| last.0.unwrap()).map_err(|error| error.to_string())
        };
        for text in ["9007199254740993", "1.7976931348623158e308", "5e-324", "4.35", "-0", "0.1", "123456789012345678"]
        {
            let expected: f64 = text.parse().unwrap();
            assert_eq!(risk(text).map(f64::to_bits), Ok(expected.to_bits()), "{text}");
        }
        for text in ["1e400", "-1e309", "1.7976931348623159e308", "\"1\"", "true", "[1]"] {
            assert_eq!(risk(text), Err("risk: must be a number".into()), "{text}");
        }
    }

    #[test]
    fn syntax_errors_tell_their_position() {
        let error = |text: &str| {
            let error = read_row(&REPOS, text, &mut Seen::default()).unwrap_err();
            (error.field, error.message)
        };
        assert_eq!(error("{\"id\":1,x}"), (None, "is no JSON from byte 8 on".into()));
        assert_eq!(error("{\"id\":1}}"), (None, "is no JSON from byte 8 on".into()));
        assert_eq!(error("{\"id\":1,\n\"é\":1,x}"), (None, "is no JSON from byte 16 on".into()));
        assert_eq!(error(" 7 "), (None, "must be an object".into()));
        assert_eq!(error(""), (None, "is no JSON from byte 0 on".into()));
        assert_eq!(error(r#"{"id":1,"name":"\ud800"}"#), (Some("name".into()), "holds half a character".into()));
        assert_eq!(error(r#"{"id":1e400}"#).0, Some("id".into()));
    }

    /// Whatever the kind of the field is.
    #[test]
    fn values_are_not_nested_without_limit() {
        let resource = |name: &str| RESOURCES.into_iter().find(|resource| resource.name == name).unwrap();
        for (name, field, [begin, end]) in [
            ("tags", "other", ["", ""]),
            ("commits", "extracted_tags", ["", ""]),
            ("repos", "tags", [r#"[{"id":1,"a":"#, "}]"]),
            ("repos", "project_id", [r#"{"id":1,"a":"#, "}"]),
            ("users", "teams", [r#"[{"id":1,"a":"#, "}]"]),
            ("pull_requests", "other", ["", ""]),
            ("pull_requests", "title", ["", ""]),
            ("pull_requests", "title", [r#"{"a":"#, "}"]),
            ("pull_requests", "number", ["", ""]),
            ("pull_requests", "created_at", ["", ""]),
            ("pull_requests", "project", [r#"{"id":1,"a":"#, "}"]),
            ("pull_requests", "project_id", [r#"{"id":1,"a":"#, "}"]),
            ("pull_requests", "approvers", [r#"[{"id":1,"a":"#, "}]"]),
            ("pull_requests", "approvers", [r#"{"id":1,"a":"#, "}"]),
        ] {
            let resource = resource(name);
            for depth in [MAX_DEPTH, MAX_DEPTH + 1, 127, 128, 10_000] {
                let lists = depth - begin.matches(['[', '{']).count();
                let value = format!("{begin}{}{}{end}", "[".repeat(lists), "]".repeat(lists));
                let row =
                    format!(r#"{{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2026-01-02","{field}":{value}}}"#);
                let is_read = read(resource, &row).is_ok();
                assert_eq!(is_read, depth <= MAX_DEPTH, "{name} {field} {depth}");
                // An accepted row can be read from a page, also if it is shown inside of another row.
                let page = format!(r#"{{"count":1,"results":[{{"nested":[{row}]}}]}}"#);
                assert!(!is_read || crate::json::is_json(&page), "{name} {field} {depth}");
            }
        }
    }

    proptest! {
        #[test]
        fn impact_of_four_places_is_exact(units in -999_999_999_999i64..999_999_999_999) {
            let text = format!("{}{}.{:04}", if units < 0 { "-" } else { "" }, units.abs() / 10_000, units.abs() % 10_000);
            prop_assert_eq!(impact(&text).unwrap(), format!("Decimal({units})"));
        }
    }
}
