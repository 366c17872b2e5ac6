//! What goes to the database and what comes back.

use crate::codec::{Json, from_text, quote, rows};
use std::fmt;

/// A statement with its parameters, `?1` first.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The text.
    pub sql: String,
    /// The values.
    pub parameters: Vec<Parameter>,
}

/// A value that is bound. Lists are bound as JSON text and read through `json_each`: D1 binds at most 100 values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// A whole number; one of more than 2^53 - 1 in size may be rounded, but not to one of less.
    Integer(i64),
    /// Text.
    Text(String),
}

impl Statement {
    pub(crate) fn new(sql: impl Into<String>, parameters: impl Into<Vec<Parameter>>) -> Statement {
        Statement { sql: sql.into(), parameters: parameters.into() }
    }
}

impl From<i64> for Parameter {
    fn from(value: i64) -> Parameter {
        Parameter::Integer(value)
    }
}

impl From<String> for Parameter {
    fn from(text: String) -> Parameter {
        Parameter::Text(text)
    }
}

/// Values bound while the text of a statement is written.
#[derive(Default)]
pub(crate) struct Parameters(Vec<Parameter>);

/// How many values are bound by themselves. D1 binds one more: a JSON array of those that are left.
const MAX_SINGLE: usize = 99;

impl Parameters {
    /// Binds a value and gives its place, such as `?3`.
    pub fn bind(&mut self, value: impl Into<Parameter>) -> String {
        let place = self.0.len();
        self.0.push(value.into());
        match place.checked_sub(MAX_SINGLE) {
            None => format!("?{}", place + 1),
            Some(place) => format!("(?{} ->> {place})", MAX_SINGLE + 1),
        }
    }

    /// Binds ids, as a subquery of one column.
    pub fn bind_ids(&mut self, ids: &[i64]) -> String {
        let place = self.bind(json_array(ids.iter().map(i64::to_string)));
        format!("SELECT value FROM json_each({place})")
    }

    /// Binds texts, as a subquery of one column.
    pub fn bind_texts(&mut self, texts: &[String]) -> String {
        let place = self.bind(json_array(texts.iter().map(|text| quote(text))));
        format!("SELECT value FROM json_each({place})")
    }

    pub fn into_statement(self, sql: String) -> Statement {
        let mut parameters = self.0;
        let rest = parameters.split_off(parameters.len().min(MAX_SINGLE));
        if !rest.is_empty() {
            let texts = rest.iter().map(|parameter| match parameter {
                Parameter::Integer(value) => value.to_string(),
                Parameter::Text(text) => quote(text),
            });
            parameters.push(json_array(texts).into());
        }
        Statement { sql, parameters }
    }
}

/// The text of a JSON array, of the texts of its values.
fn json_array(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(","))
}

/// What a statement did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Its rows: JSON text, an array of rows, each an array of its columns in their order.
    pub rows: String,
    /// How many rows it changed.
    pub changes: u64,
}

impl Outcome {
    pub(crate) fn read<T: Json>(&self) -> Result<Vec<T>, Broken> {
        from_text(&self.rows).ok_or_else(|| Broken::missing("rows of these columns"))
    }

    /// The text of each cell of each row.
    pub(crate) fn cells(&self) -> Result<Vec<Vec<&str>>, Broken> {
        rows(&self.rows).ok_or_else(|| Broken::missing("rows"))
    }
}

/// The database did not answer what its tables can hold. The fault is ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken(pub(crate) String);

impl Broken {
    pub(crate) fn missing(what: &str) -> Broken {
        Broken(format!("the database answered no {what}"))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}
