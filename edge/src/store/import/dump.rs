//! `dump.json`, the description of the data.

use super::batch::ImportBatch;
use super::row::members;
use crate::json::Members;
use crate::store::sql::{DatabaseError, Statement, StatementResult, parse};
use serde::Serialize;
use streamgage::schema::RowError;

/// Parses `dump.json`.
pub(super) fn read_dump(text: &str) -> Result<ImportBatch, RowError> {
    let members = members(text)?;
    let mut formats = members.iter().filter(|(name, _)| name == "format");
    let format = formats.next();
    if format.is_some_and(|(_, format)| !matches!(*format, "1" | "null")) || formats.next().is_some() {
        return Err(RowError::new("format", "must be 1"));
    }
    let value = text.trim_ascii().to_owned();
    let sql = "INSERT INTO dump (id, value) VALUES (1, ?1) \
               ON CONFLICT (id) DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value";
    Ok(ImportBatch { statements: vec![Statement::new(sql, [value.into()])], row_statements: 0..1, rows: 1 })
}

/// Selects `dump.json`.
pub(crate) fn dump_statement() -> Statement {
    Statement::new("SELECT json_quote(value) AS value FROM dump", [])
}

/// Returns the body of the response that describes the data, for the result of [`dump_statement`]. Without a valid name
/// the name is null; only `true` marks the data as a demo.
pub(crate) fn read_dataset(result: &StatementResult) -> Result<String, DatabaseError> {
    #[derive(Default, Serialize)]
    struct Dataset {
        name: Option<String>,
        demo: bool,
    }
    let dump = result.read()?.pop().map_or_else(|| "{}".to_owned(), |[value]: [String; 1]| value);
    let Members(members) = parse(&dump)?;
    let mut dataset = Dataset::default();
    for (name, value) in members {
        match &*name {
            "name" => dataset.name = serde_json::from_str(value).unwrap_or_default(),
            "demo" => dataset.demo = value == "true",
            _ => {}
        }
    }
    // Serializing a text and a flag can't fail.
    Ok(serde_json::to_string(&dataset).unwrap_or_default())
}
