//! The value of a field, and who takes the values of a row.

use crate::calendar::DateTime;
use crate::json::decode_string;
use alloc::borrow::{Cow, ToOwned};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// The largest magnitude of an integer in a row. JavaScript and D1 keep all integers up to it exactly, in doubles.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// The value of a field, according to its [`Kind`](super::Kind).
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A decimal, in ten-thousandths.
    Decimal(i64),
    /// A number of kind [`Kind::Number`](super::Kind::Number) as written. A double can hold it: see
    /// [`number`](Self::number).
    Number(&'a str),
    /// A text.
    Text(&'a str),
    /// A date-time: its text and its meaning.
    DateTime(&'a str, DateTime),
    /// A list of ids.
    Ids(Vec<i64>),
    /// The JSON of a field of kind [`Kind::Json`](super::Kind::Json).
    Json(&'a str),
}

impl<'a> Value<'a> {
    /// Returns the integer, or `None` for any other value.
    pub fn integer(&self) -> Option<i64> {
        if let Value::Integer(value) = self { Some(*value) } else { None }
    }

    /// Returns the decimal in ten-thousandths, or `None` for any other value.
    pub fn decimal(&self) -> Option<i64> {
        if let Value::Decimal(value) = self { Some(*value) } else { None }
    }

    /// Returns the double nearest to the number, or `None` for any other value.
    pub fn number(&self) -> Option<f64> {
        if let Value::Number(value) = self { value.parse().ok() } else { None }
    }

    /// Returns the text, or `None` for any other value.
    pub fn text(&self) -> Option<&'a str> {
        if let Value::Text(value) = self { Some(value) } else { None }
    }

    /// Returns the text that filters compare: that of a text or, of any JSON but null, the JSON itself or the text that it
    /// stands for.
    pub fn filter_text(&self) -> Option<Cow<'a, str>> {
        match self {
            Value::Text(text) => Some(Cow::Borrowed(text)),
            Value::Json("null") => None,
            Value::Json(json) => Some(decode_string(json).unwrap_or(Cow::Borrowed(json))),
            _ => None,
        }
    }

    /// Returns the date-time, or `None` for any other value.
    pub fn date_time(&self) -> Option<DateTime> {
        if let Value::DateTime(_, value) = self { Some(*value) } else { None }
    }
}

/// Receives the values of a row.
pub trait RowSink {
    /// Takes the value of `resource.fields[field]`. If a row names a field twice, the later value counts.
    fn value(&mut self, field: usize, value: Value<'_>);

    /// Marks the row as one that deletes the record of its id (§4, `"_deleted": true`).
    fn deleted(&mut self) {}
}

/// An error in a row. The fault is that of whoever wrote the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The field with the error; `None` if the row as a whole is invalid.
    pub field: Option<String>,
    /// The fault, as the predicate of a sentence: `must be text`.
    pub message: String,
}

impl RowError {
    /// Creates an error about a field.
    pub fn new(field: &str, message: impl Into<String>) -> RowError {
        RowError { field: Some(field.to_owned()), message: message.into() }
    }

    /// Creates an error about the row as a whole.
    pub fn of_row(message: impl Into<String>) -> RowError {
        RowError { field: None, message: message.into() }
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
