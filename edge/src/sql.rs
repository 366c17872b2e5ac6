//! What goes to the database and what comes back.

use serde::de::DeserializeOwned;
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
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// A whole number, at most 2^53 - 1 in size.
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

impl Parameters {
    /// Binds a value and gives its place, such as `?3`.
    pub fn bind(&mut self, value: impl Into<Parameter>) -> String {
        self.0.push(value.into());
        format!("?{}", self.0.len())
    }

    /// Binds ids, as a subquery of one column.
    pub fn bind_ids(&mut self, ids: &[i64]) -> String {
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        let place = self.bind(format!("[{}]", ids.join(",")));
        format!("SELECT value FROM json_each({place})")
    }

    pub fn into_statement(self, sql: String) -> Statement {
        Statement { sql, parameters: self.0 }
    }
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
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<Vec<T>, Broken> {
        serde_json::from_str(&self.rows).map_err(|error| Broken(error.to_string()))
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
