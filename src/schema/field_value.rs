//! The value of a field, parsed from its JSON.

use super::value::{MAX_INTEGER, Value};
use super::{Field, Kind, Missing, Range};
use crate::calendar::DateTime;
use crate::json::{self, decode_string};
use crate::number::{Number, parse_ten_thousandths};
use alloc::{format, string::String, vec::Vec};
use serde_json::value::RawValue;

/// Hands the value of a field to `take`, or returns what is wrong with it.
pub(super) fn with_value(field: &Field, json: &str, take: &mut dyn FnMut(Value<'_>)) -> Result<(), String> {
    let wrong = |expected: &str| format!("must be {expected}");
    let text;
    let value = match (field.kind, json.as_bytes().first()) {
        (Kind::Json, _) => Value::Json(json),
        (_, Some(b'n')) if field.missing == Missing::Required => return Err("is required".into()),
        (_, Some(b'n')) => Value::Null,
        (Kind::Boolean, _) => Value::Boolean(json.parse().map_err(|_| wrong("true or false"))?),
        (Kind::Integer, _) => {
            let value = integer(json).ok_or_else(|| wrong("a whole number of at most 2^53 - 1"))?;
            match field.range {
                range if range.contains(value) => Value::Integer(value),
                Range::NotNegative => return Err("must not be negative".into()),
                _ => return Err(wrong("a number of seconds within a day, from -86399 to 86399")),
            }
        }
        (Kind::Decimal, Some(b'-' | b'0'..=b'9')) => Value::Decimal(
            parse_ten_thousandths(json)
                .filter(|units| units.unsigned_abs() <= MAX_INTEGER.unsigned_abs())
                .ok_or_else(|| wrong("a number of at most 900,719,925,474"))?,
        ),
        (Kind::Decimal, _) => return Err(wrong("a number")),
        (Kind::Number, _) if Number::parse(json).is_some_and(|number| number.is_double()) => Value::Number(json),
        (Kind::Number, _) => return Err(wrong("a number")),
        (Kind::Text | Kind::DateTime, Some(b'"')) => {
            text = decode_string(json).ok_or("holds half a character")?;
            match field.kind {
                Kind::Text => Value::Text(&text),
                _ => Value::DateTime(&text, DateTime::parse(&text).ok_or_else(|| wrong(DATE_TIME))?),
            }
        }
        // Other values than texts are compared as JSON.
        (Kind::Text, _) if field.missing == Missing::Absent => Value::Text(json),
        (Kind::Text, _) => return Err(wrong("text")),
        (Kind::DateTime, _) => return Err(wrong(DATE_TIME)),
        // A generic row may give a single object in place of a list.
        (Kind::Ids, Some(b'{' | b'0'..=b'9')) if field.missing == Missing::Absent => {
            Value::Ids(parse_id(json).into_iter().collect())
        }
        (Kind::Ids, _) => Value::Ids(parse_ids(json).ok_or_else(|| wrong("a list of ids"))?),
        (Kind::Reference, _) => Value::Integer(parse_id(json).ok_or_else(|| wrong("an id"))?),
    };
    take(value);
    Ok(())
}

const DATE_TIME: &str = "a date-time, such as 2021-06-01T09:30:00";

/// Parses an integer of at most [`MAX_INTEGER`]. Some servers write integers as `10.0`.
pub(super) fn integer(json: &str) -> Option<i64> {
    plain_integer(json).or_else(|| checked_integer(Number::parse(json).filter(Number::is_whole)?.truncate().value()?))
}

fn plain_integer(json: &str) -> Option<i64> {
    json.parse().ok().and_then(checked_integer)
}

fn checked_integer(value: i64) -> Option<i64> {
    (value.unsigned_abs() <= MAX_INTEGER.unsigned_abs()).then_some(value)
}

/// Parses a JSON list of ids: numbers or, as the API shows them, objects with an `id`.
///
/// Returns `None` if the list contains anything else, or is none.
pub fn parse_ids(json: &str) -> Option<Vec<i64>> {
    let ids: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    ids.into_iter().map(|id| plain_integer(id.get()).or_else(|| nested_id(id.get()))).collect()
}

/// Parses the id of a [`Kind::Reference`].
fn parse_id(json: &str) -> Option<i64> {
    integer(json).or_else(|| nested_id(json))
}

fn nested_id(json: &str) -> Option<i64> {
    #[derive(serde::Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
    }
    // Structs could also be read from lists.
    let Object { id } = serde_json::from_str(json).ok().filter(|_| json.starts_with('{'))?;
    plain_integer(id.get())
}

/// The lists and objects of a value may be nested this deep. A page adds three levels and a row inside of a row two, so that
/// pages stay within the limit of all readers ([`json::is_too_deep`](crate::json::is_too_deep)).
pub(super) const MAX_DEPTH: usize = json::MAX_DEPTH - 7;

/// Reports whether a value is nested too deeply for readers of a whole page, such as `streamgage pull`.
pub(super) fn is_too_deep(json: &str) -> bool {
    json.starts_with(['[', '{']) && json::is_deeper_than(json, MAX_DEPTH)
}
