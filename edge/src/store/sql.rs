//! What goes to the database and what comes back.

use crate::codec::{Json, cells, from_text, quote};
use std::fmt;

/// A statement with its parameters, `?1` first.
///
/// What it selects is numbers and JSON: each text is a JSON value, so that it goes from the database to [`StatementResult::rows`]
/// as it is, and nothing is `NULL`. The columns of a row mostly come as one list, that `json_array` makes of them: for
/// D1 each column of each row is work, and for the Worker another.
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

/// The most arguments of a function that D1 takes.
const MAX_ARGUMENTS: usize = 32;

/// Columns to be selected, of which a row's cells are made.
#[derive(Default)]
pub(crate) struct Columns {
    columns: Vec<String>,
    /// The last of them, as long as it is a list that is to be gone on with.
    list: Vec<String>,
}

impl Columns {
    /// A column of whole numbers, texts or, of a function that makes it, JSON.
    pub fn add(&mut self, column: String) {
        if self.list.len() == MAX_ARGUMENTS {
            self.end_list();
        }
        self.list.push(column);
    }

    /// A column of doubles, none of them infinite: in JSON, SQLite writes 15 digits of them, and they have up to 17.
    pub fn add_double(&mut self, column: &str) {
        self.end_list();
        self.columns.push(format!("coalesce({column}, 'null')"));
    }

    /// Has what is added next stand in a list of its own.
    pub fn end_list(&mut self) {
        if !self.list.is_empty() {
            self.columns.push(format!("json_array({})", self.list.join(", ")));
            self.list.clear();
        }
    }

    /// As they stand behind `SELECT`. Each has a name of its own, because D1 gives rows as objects.
    pub fn into_sql(mut self) -> String {
        self.end_list();
        let columns = self.columns.iter().enumerate().map(|(index, column)| format!("{column} AS c{index}"));
        columns.collect::<Vec<_>>().join(", ")
    }
}

/// The result of a statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatementResult {
    /// The rows as JSON: an array of rows, each an array of the columns' values.
    pub rows: String,
    /// The number of rows that the statement inserted, updated or deleted.
    pub changes: u64,
}

impl StatementResult {
    pub(crate) fn read<T: Json>(&self) -> Result<Vec<T>, DatabaseError> {
        from_text(&self.rows).ok_or_else(|| DatabaseError::missing("rows of these columns"))
    }

    /// The text of each cell of each row: of each column, and of each element of one that holds a list.
    pub(crate) fn cells(&self) -> Result<Vec<Vec<&str>>, DatabaseError> {
        cells(&self.rows).ok_or_else(|| DatabaseError::missing("rows"))
    }
}

/// An unexpected result of a statement. It means a bug in streamgage or a damaged database.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseError(pub(crate) String);

impl DatabaseError {
    pub(crate) fn missing(what: &str) -> DatabaseError {
        DatabaseError(format!("the database returned no {what}"))
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for DatabaseError {}
