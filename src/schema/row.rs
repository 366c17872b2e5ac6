//! A row of a resource, read through serde from whatever holds it: JSON text, or an object of JavaScript.

use super::{Field, Kind, Missing, Resource};
use crate::calendar::DateTime;
use alloc::{borrow::ToOwned, format, string::String, string::ToString, vec::Vec};
use core::fmt;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The largest whole number of a row, either way: all up to it are exact in JavaScript and in D1, whose numbers are
/// doubles.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// The value of a field, as its [`Kind`] says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// A boolean.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A decimal, in ten-thousandths.
    Decimal(i64),
    /// Any other number.
    Number(f64),
    /// Text.
    Text(&'a str),
    /// A date-time, as it is written and as it is meant.
    DateTime(&'a str, DateTime),
    /// A list of ids.
    Ids(Vec<i64>),
    /// What a field of kind [`Kind::Json`] holds, whatever it is.
    Json,
}

impl<'a> Value<'a> {
    /// The whole number, if it is one.
    pub fn integer(&self) -> Option<i64> {
        if let Value::Integer(value) = self { Some(*value) } else { None }
    }

    /// The decimal in ten-thousandths, if it is one.
    pub fn decimal(&self) -> Option<i64> {
        if let Value::Decimal(value) = self { Some(*value) } else { None }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&'a str> {
        if let Value::Text(value) = self { Some(value) } else { None }
    }

    /// The date-time, if it is one.
    pub fn date_time(&self) -> Option<DateTime> {
        if let Value::DateTime(_, value) = self { Some(*value) } else { None }
    }
}

/// Takes what [`read_row`] finds.
pub trait RowSink {
    /// The value of `resource.fields[field]`. Where a row names a field twice, the later one counts.
    fn value(&mut self, field: usize, value: Value<'_>);

    /// The row deletes the one of its id (§4, `"_deleted": true`).
    fn deleted(&mut self) {}
}

/// What is wrong with a row. The fault is that of whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The field it is about; `None` where the whole row is no object.
    pub field: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl RowError {
    /// An error about a field.
    pub fn new(field: &str, message: impl Into<String>) -> RowError {
        RowError { field: Some(field.to_owned()), message: message.into() }
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(formatter, "{field}: {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

impl core::error::Error for RowError {}

/// Reads a row and hands each of its known fields to `sink`, in the row's own order; unknown fields are passed over.
///
/// # ValidationErrors
/// The first value that is not of its field's kind, or a required field that is missing.
pub fn read_row<'de, D: Deserializer<'de>>(
    resource: &'static Resource,
    deserializer: D,
    sink: &mut impl RowSink,
) -> Result<(), RowError> {
    let mut reader = RowReader { resource, sink, found: FieldsFound::default(), deleted: false, error: None };
    match deserializer.deserialize_any(&mut reader) {
        Ok(()) => match reader.found.first_missing(resource) {
            // A row that deletes needs no more than its id.
            Some((index, field)) if index == 0 || !reader.deleted => Err(RowError::new(field.name, "is required")),
            _ => Ok(()),
        },
        Err(error) => Err(reader.error.unwrap_or_else(|| RowError { field: None, message: error.to_string() })),
    }
}

/// Which fields of a row have a value: a bit for each.
#[derive(Default)]
pub(super) struct FieldsFound(u64);

impl FieldsFound {
    #[inline]
    pub(super) fn note(&mut self, index: usize, value: &Value<'_>) {
        // Of a field that is named twice the later value counts.
        self.0 &= !(1 << index);
        self.0 |= u64::from(!matches!(value, Value::Null)) << index;
    }

    /// The first required field that has none.
    pub(super) fn first_missing(&self, resource: &'static Resource) -> Option<(usize, &'static Field)> {
        let is_missing = |index: usize| self.0 & (1u64 << index) == 0;
        let mut fields = resource.fields.iter().enumerate();
        fields.find(|&(index, field)| field.missing == Missing::Required && is_missing(index))
    }
}

struct RowReader<'s, S> {
    resource: &'static Resource,
    sink: &'s mut S,
    found: FieldsFound,
    deleted: bool,
    error: Option<RowError>,
}

pub(super) const DELETED: &str = "_deleted";

impl<S: RowSink> RowReader<'_, S> {
    fn value(&mut self, index: usize, field: &Field, scalar: Scalar<'_>) -> Result<(), RowError> {
        let value = scalar.of_kind(field).map_err(|message| RowError::new(field.name, message))?;
        self.found.note(index, &value);
        self.sink.value(index, value);
        Ok(())
    }

    /// Keeps an error, beside the one of serde's that ends the reading.
    fn fail<E: Error>(&mut self, error: RowError) -> E {
        let ending = E::custom(&error.message);
        self.error = Some(error);
        ending
    }
}

impl<'de, S: RowSink> Visitor<'de> for &mut RowReader<'_, S> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // Rows mostly have their fields in the same order: the one after the last found is tried first.
        let mut expected = 0;
        while let Some(key) = map.next_key_seed(KeySeed { resource: self.resource, expected })? {
            match key {
                Key::Field(index) => {
                    expected = index + 1;
                    let Some(field) = self.resource.fields.get(index) else { continue };
                    map.next_value_seed(FieldSeed { reader: self, index, field })?;
                }
                Key::Deleted => match map.next_value::<Option<bool>>() {
                    Ok(deleted) => self.deleted = deleted == Some(true),
                    Err(_) => return Err(self.fail(RowError::new(DELETED, "must be true or false"))),
                },
                Key::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if self.deleted {
            self.sink.deleted();
        }
        Ok(())
    }
}

enum Key {
    Field(usize),
    Deleted,
    Unknown,
}

struct KeySeed {
    resource: &'static Resource,
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        Ok(match self.resource.position_from(self.expected, name) {
            Some(index) => Key::Field(index),
            None if name == DELETED => Key::Deleted,
            None => Key::Unknown,
        })
    }
}

/// Reads the value of a field. It lives no longer than the visit, so that text is never copied.
struct FieldSeed<'r, 's, S> {
    reader: &'r mut RowReader<'s, S>,
    index: usize,
    field: &'static Field,
}

impl<'de, S: RowSink> DeserializeSeed<'de> for FieldSeed<'_, '_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.field.kind == Kind::Json {
            IgnoredAny::deserialize(deserializer)?;
            return self.take(Scalar::Compound);
        }
        deserializer.deserialize_any(self)
    }
}

/// A value before its kind is looked at.
pub(super) enum Scalar<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    /// A number in ten-thousandths, where it has a form in them.
    Decimal(Option<i64>),
    Text(&'a str),
    Ids(Vec<i64>),
    Compound,
}

impl<S: RowSink> FieldSeed<'_, '_, S> {
    fn take<E: Error>(self, scalar: Scalar<'_>) -> Result<(), E> {
        self.reader.value(self.index, self.field, scalar).map_err(|error| self.reader.fail(error))
    }
}

impl<'de, S: RowSink> Visitor<'de> for FieldSeed<'_, '_, S> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.take(Scalar::Null)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.take(Scalar::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.take(Scalar::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.take(Scalar::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.take(Scalar::Integer(value)),
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        let scalar = if self.field.kind == Kind::Decimal {
            Scalar::Decimal(ten_thousandths(value))
        } else {
            Scalar::Number(value)
        };
        self.take(scalar)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.take(Scalar::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.field.kind != Kind::Ids {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return self.take(Scalar::Compound);
        }
        let mut ids = Vec::new();
        loop {
            match list.next_element::<Id>() {
                Ok(Some(Id(id))) => ids.push(id),
                Ok(None) => return self.take(Scalar::Ids(ids)),
                Err(_) => return self.take(Scalar::Compound),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.take(Scalar::Compound)
    }
}

/// An id: a number or, as the API shows it, an object that has it.
struct Id(i64);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl<'de> Visitor<'de> for IdVisitor {
    type Value = Id;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an id, or an object that has one")
    }

    fn visit_i64<E: Error>(self, id: i64) -> Result<Id, E> {
        Ok(Id(id))
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Id, E> {
        i64::try_from(id).map(Id).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Id, A::Error> {
        let mut id = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == "id" {
                id = Some(map.next_value::<i64>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        id.map(Id).ok_or_else(|| A::Error::missing_field("id"))
    }
}

impl<'a> Scalar<'a> {
    pub(super) fn of_kind(self, field: &Field) -> Result<Value<'a>, String> {
        let wrong = |what: &str| Err(format!("must be {what}"));
        match (field.kind, self) {
            (Kind::Json, _) => Ok(Value::Json),
            (_, Scalar::Null) if field.missing == Missing::Required => Err("is required".into()),
            (_, Scalar::Null) => Ok(Value::Null),
            (Kind::Boolean, Scalar::Boolean(value)) => Ok(Value::Boolean(value)),
            (Kind::Boolean, _) => wrong("true or false"),
            (Kind::Integer, Scalar::Integer(value)) if value.unsigned_abs() <= MAX_INTEGER.unsigned_abs() => {
                Ok(Value::Integer(value))
            }
            // Some servers write whole numbers as `10.0`.
            (Kind::Integer, Scalar::Number(value)) if is_whole(value) => Ok(Value::Integer(value as i64)),
            (Kind::Integer, _) => wrong("a whole number of at most 2^53 - 1"),
            (Kind::Decimal, Scalar::Integer(value)) => decimal(value.checked_mul(10_000)),
            (Kind::Decimal, Scalar::Decimal(units)) => decimal(units),
            (Kind::Decimal, _) => wrong("a number"),
            (Kind::Number, Scalar::Integer(value)) => Ok(Value::Number(value as f64)),
            (Kind::Number, Scalar::Number(value)) if value.is_finite() => Ok(Value::Number(value)),
            (Kind::Number, _) => wrong("a number"),
            (Kind::Text, Scalar::Text(value)) => Ok(Value::Text(value)),
            (Kind::Text, _) => wrong("text"),
            (Kind::DateTime, Scalar::Text(text)) => match DateTime::parse(text) {
                Some(time) => Ok(Value::DateTime(text, time)),
                None => wrong("a date-time, such as 2021-06-01T09:30:00"),
            },
            (Kind::DateTime, _) => wrong("a date-time, such as 2021-06-01T09:30:00"),
            (Kind::Ids, Scalar::Ids(ids)) if ids.iter().all(|id| id.unsigned_abs() <= MAX_INTEGER.unsigned_abs()) => {
                Ok(Value::Ids(ids))
            }
            (Kind::Ids, _) => wrong("a list of ids"),
        }
    }
}

fn is_whole(value: f64) -> bool {
    let limit = MAX_INTEGER as f64;
    (-limit..=limit).contains(&value) && value as i64 as f64 == value
}

fn decimal<'a>(units: Option<i64>) -> Result<Value<'a>, String> {
    match units.filter(|units| units.unsigned_abs() <= MAX_INTEGER.unsigned_abs()) {
        Some(units) => Ok(Value::Decimal(units)),
        None => Err("must be a number of at most 900,719,925,474".into()),
    }
}

/// A number in ten-thousandths, ties rounded to even (§1).
///
/// Where a double stands for a decimal of at most 15 digits, its shortest text is that decimal: what is rounded is
/// the number that was written, not the double's binary value.
fn ten_thousandths(value: f64) -> Option<i64> {
    let scaled = value * 10_000.0;
    if is_whole(scaled) && (scaled as i64 as f64) / 10_000.0 == value {
        return Some(scaled as i64);
    }
    let limit = MAX_INTEGER as f64;
    if !(-limit..=limit).contains(&scaled) {
        return None;
    }
    let text = format!("{value}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let negative = whole.starts_with('-');
    let mut units: i64 = whole.trim_start_matches('-').parse().ok()?;
    let mut digits = fraction.bytes().map(|digit| i64::from(digit - b'0'));
    for _ in 0..4 {
        units = units.checked_mul(10)?.checked_add(digits.next().unwrap_or(0))?;
    }
    let next = digits.next().unwrap_or(0);
    let beyond_half = next > 5 || (next == 5 && digits.any(|digit| digit > 0));
    if beyond_half || (next == 5 && units % 2 == 1) {
        units += 1;
    }
    Some(if negative { -units } else { units })
}

#[cfg(test)]
mod tests {
    use super::super::{COMMITS, REPOS, RESOURCES, USERS};
    use super::*;
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
        let mut json = serde_json::Deserializer::from_str(text);
        read_row(resource, &mut json, &mut seen).map_err(|error| error.to_string())?;
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
        assert_eq!(user("login", "{\"a\":[1,{}]}").unwrap(), "Json");
        assert!(user("created_at", "\"2020-01-01T00:00:00\"").unwrap().starts_with("DateTime(\"2020"));
        let tags = read(&REPOS, r#"{"tags":[3,1],"id":1}"#).unwrap().values;
        assert_eq!(tags.first().unwrap().1, "Ids([3, 1])");
        let shown = r#"{"id":1,"tags":[{"name":"a","id":3},1,{"id":4,"org_id":null}]}"#;
        assert_eq!(read(&REPOS, shown).unwrap().values.pop().unwrap().1, "Ids([3, 1, 4])");
    }

    #[test]
    fn and_refuses_others() {
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
    fn what_is_no_row() {
        for text in ["[]", "7", "\"a\"", "null", "{\"id\":1", "{\"id\":NaN}", ""] {
            let mut json = serde_json::Deserializer::from_str(text);
            let error = read_row(&USERS, &mut json, &mut Seen::default()).unwrap_err();
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

    proptest! {
        #[test]
        fn impact_of_four_places_is_exact(units in -999_999_999_999i64..999_999_999_999) {
            let text = format!("{}{}.{:04}", if units < 0 { "-" } else { "" }, units.abs() / 10_000, units.abs() % 10_000);
            prop_assert_eq!(impact(&text).unwrap(), format!("Decimal({units})"));
        }
    }
}
