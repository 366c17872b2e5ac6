//! Statements for the database and their results.

use crate::json::quote;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::fmt;
use streamgage::schema::MAX_INTEGER;

/// A statement with its parameters, `?1` first.
///
/// Every selected column holds a number or JSON, never `NULL`, so that the Worker copies columns to
/// [`StatementResult::rows`] without looking at them. Most columns of a row are combined by `json_array`, because D1 and
/// the Worker spend time on each column of each row.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub parameters: Vec<Parameter>,
}

/// A bound value. Lists are bound as JSON and read through `json_each`, because D1 binds at most 100 values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// D1 binds a JavaScript number: beyond ±(2^53 − 1) it may be rounded, but never into that range.
    Integer(i64),
    Text(String),
}

impl Statement {
    pub(crate) fn new(sql: impl Into<String>, parameters: impl Into<Vec<Parameter>>) -> Statement {
        Statement { sql: sql.into(), parameters: parameters.into() }
    }

    /// Returns the statement that `write` writes, with the values that it binds.
    pub(crate) fn build(write: impl FnOnce(&mut Parameters) -> String) -> Statement {
        let mut parameters = Parameters::default();
        let sql = write(&mut parameters);
        parameters.into_statement(sql)
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

/// The values bound while a statement is written.
#[derive(Default)]
pub(crate) struct Parameters(Vec<Parameter>);

/// The number of values with a parameter of their own. The 100th parameter is a JSON array of the remaining values.
const MAX_SINGLE: usize = 99;

impl Parameters {
    /// Binds a value and returns the expression for it, such as `?3`.
    pub fn bind(&mut self, value: impl Into<Parameter>) -> String {
        let index = self.0.len();
        self.0.push(value.into());
        match index.checked_sub(MAX_SINGLE) {
            None => format!("?{}", index + 1),
            Some(index) => format!("(?{} ->> {index})", MAX_SINGLE + 1),
        }
    }

    /// Binds ids and returns a subquery of one column.
    pub fn bind_ids(&mut self, ids: &[i64]) -> String {
        let list = self.bind(json_array(ids.iter().map(i64::to_string)));
        format!("SELECT value FROM json_each({list})")
    }

    /// Binds texts and returns a subquery of one column.
    pub fn bind_texts(&mut self, texts: &[String]) -> String {
        let list = self.bind(json_array(texts.iter().map(|text| quote(text))));
        format!("SELECT value FROM json_each({list})")
    }

    /// Binds a limit or an offset.
    pub fn bind_count(&mut self, count: u64) -> String {
        // No table has as many rows.
        self.bind(i64::try_from(count).unwrap_or(MAX_INTEGER).min(MAX_INTEGER))
    }

    pub fn into_statement(self, sql: String) -> Statement {
        let mut parameters = self.0;
        let rest = parameters.split_off(parameters.len().min(MAX_SINGLE));
        if !rest.is_empty() {
            let values = rest.iter().map(|parameter| match parameter {
                Parameter::Integer(value) => value.to_string(),
                Parameter::Text(text) => quote(text),
            });
            parameters.push(json_array(values).into());
        }
        Statement { sql, parameters }
    }
}

/// Returns a JSON array of values that are JSON already.
fn json_array<T: AsRef<str>>(values: impl Iterator<Item = T>) -> String {
    let mut array = String::from("[");
    for value in values {
        if array.len() > 1 {
            array.push(',');
        }
        array.push_str(value.as_ref());
    }
    array.push(']');
    array
}

/// Returns the sum of an expression that is a whole number and not negative, limited to what a JavaScript number holds.
pub(crate) fn bounded_sum(expression: &str) -> String {
    format!("CAST(min(total({expression}), {MAX_INTEGER}) AS INTEGER)")
}

/// D1's limit of a function's arguments.
const MAX_ARGUMENTS: usize = 32;

/// The columns of a `SELECT`, combined into as few columns as possible.
#[derive(Default)]
pub(crate) struct Columns {
    columns: Vec<String>,
    /// The expressions of the list that is still open.
    list: Vec<String>,
}

impl Columns {
    /// Adds a whole number, a text, or a JSON function's result.
    pub fn add(&mut self, column: String) {
        if self.list.len() == MAX_ARGUMENTS {
            self.close_list();
        }
        self.list.push(column);
    }

    /// Adds a finite double. It is a column of its own, because SQLite's JSON functions write only 15 of its 17 digits.
    pub fn add_double(&mut self, column: &str) {
        self.close_list();
        self.columns.push(format!("coalesce({column}, 'null')"));
    }

    /// Adds a value that may have the size limit of a value, so that it can't share a list.
    pub fn add_large(&mut self, column: String) {
        self.close_list();
        self.list.push(column);
        self.close_list();
    }

    fn close_list(&mut self) {
        if !self.list.is_empty() {
            self.columns.push(format!("json_array({})", self.list.join(", ")));
            self.list.clear();
        }
    }

    /// Returns the text after `SELECT`. Columns have distinct names, because D1 returns rows as objects.
    pub fn into_sql(mut self) -> String {
        self.close_list();
        let columns = self.columns.iter().enumerate().map(|(index, column)| format!("{column} AS c{index}"));
        columns.collect::<Vec<_>>().join(", ")
    }
}

/// The result of a statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatementResult {
    /// The JSON of each column of each row.
    pub rows: Vec<Vec<String>>,
    /// The number of rows that the statement inserted, updated or deleted.
    pub changes: u64,
}

impl StatementResult {
    /// Returns the rows as values of a type.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<Vec<T>, DatabaseError> {
        self.rows.iter().map(|row| parse(&json_array(row.iter().map(String::as_str)))).collect()
    }

    /// Returns the JSON of each value in each row. A column that holds a list stands for the list's elements.
    pub(crate) fn cells(&self) -> Result<Vec<Vec<&str>>, DatabaseError> {
        let mut cells = Vec::with_capacity(self.rows.len());
        for columns in &self.rows {
            let mut row = Vec::new();
            for column in columns {
                if column.starts_with('[') {
                    let elements: Vec<&RawValue> = parse(column)?;
                    row.extend(elements.into_iter().map(RawValue::get));
                } else {
                    row.push(column);
                }
            }
            cells.push(row);
        }
        Ok(cells)
    }
}

/// Parses a value that the database returned.
pub(crate) fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, DatabaseError> {
    serde_json::from_str(json).map_err(|error| DatabaseError(format!("the database returned a wrong value: {error}")))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn result(rows: &[&[&str]]) -> StatementResult {
        let texts = |row: &&[&str]| row.iter().map(|&column| column.to_owned()).collect();
        StatementResult { rows: rows.iter().map(texts).collect(), changes: 0 }
    }

    #[test]
    fn a_list_in_a_column_stands_for_its_elements() {
        let result_of_rows = result(&[&["1", r#"["a\"]",null,[[2]]]"#, "1.50"], &["[]"], &[]]);
        let cells = result_of_rows.cells().unwrap();
        assert_eq!(cells, [vec!["1", r#""a\"]""#, "null", "[[2]]", "1.50"], vec![], vec![]]);
        for wrong in ["[1", "[1]]", "[1,]"] {
            assert!(result(&[&[wrong]]).cells().is_err(), "{wrong}");
        }
    }

    #[test]
    fn rows_are_read_by_type() {
        let result = result(&[&[r#"["a",null]"#, "7"]]);
        assert_eq!(result.read::<((String, Option<i64>), u64)>(), Ok(vec![(("a".to_owned(), None), 7)]));
        assert!(result.read::<(String, u64)>().is_err());
    }
}
