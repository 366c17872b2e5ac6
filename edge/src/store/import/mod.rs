//! Imports: `POST /import/RESOURCE` with one row per line. Either the whole body is stored, or nothing.

mod batch;
mod dump;
mod row;
mod statements;

pub use batch::ImportBatch;
pub(crate) use dump::{dump_statement, read_dataset};

use super::sql::{Parameter, Statement};
use crate::http::response::Response;
use row::Row;
use serde::Serialize;
use std::iter;
use streamgage::schema::{Resource, RowError, resource};

/// The first bytes of gzip (RFC 1952 §2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The largest body, in bytes.
pub const MAX_BODY: usize = 1_000_000;
/// The largest number of rows. A transaction of as many rows stays far below D1's limit of 30 seconds.
const MAX_ROWS: usize = 1_000;
/// D1's limit of a bound value, in bytes. Bodies rarely exceed it, because rows are bound without the names of fields.
const MAX_VALUE: usize = 2_000_000;

/// The target of an import.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Import {
    /// Rows of a resource.
    Rows(&'static Resource),
    /// `dump.json`, the description of the data.
    Dump,
}

impl Import {
    /// Returns the import with a name, the part of the path after `/import/`.
    pub fn of(name: &str) -> Option<Import> {
        if name == "dump" { Some(Import::Dump) } else { resource(name).map(Import::Rows) }
    }

    /// Parses a body.
    ///
    /// # Errors
    /// Returns the 400 that names the line and the field, a 413, or a 415.
    pub fn read(self, body: &[u8]) -> Result<ImportBatch, Response> {
        if body.len() > MAX_BODY {
            return Err(Import::too_large());
        }
        if body.starts_with(&GZIP) {
            return Err(Import::compressed());
        }
        // Some editors write a byte order mark, which a reader may ignore (RFC 8259 §8.1).
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        let text = std::str::from_utf8(body).map_err(|error| {
            let valid = body.get(..error.valid_up_to()).unwrap_or_default();
            let line = valid.iter().filter(|&&byte| byte == b'\n').count() + 1;
            bad_line(line, RowError { field: None, message: "is not UTF-8".into() })
        })?;
        let mut batch = match self {
            Import::Rows(resource) => read_rows(resource, text)?,
            Import::Dump => dump::read_dump(text).map_err(|error| bad_line(1, error))?,
        };
        batch.statements.push(Statement::new("UPDATE generation SET value = hex(randomblob(16))", []));
        let mut values = batch.statements.iter().flat_map(|statement| &statement.parameters);
        if values.any(|value| matches!(value, Parameter::Text(text) if text.len() > MAX_VALUE)) {
            return Err(Import::too_large());
        }
        Ok(batch)
    }

    /// Returns the response to a body of more than [`MAX_BODY`] bytes.
    pub fn too_large() -> Response {
        let message = format!("a request holds at most {MAX_BODY} bytes; send fewer rows in each");
        error_response(413, None, &RowError { field: None, message })
    }

    /// Returns the response to a compressed body (RFC 9110 §15.5.16).
    pub fn compressed() -> Response {
        error_response(415, None, &RowError { field: None, message: "is compressed; send it as plain text".into() })
    }
}

fn bad_line(line: usize, error: RowError) -> Response {
    error_response(400, Some(line), &error)
}

fn error_response(status: u16, line: Option<usize>, error: &RowError) -> Response {
    #[derive(Serialize)]
    struct ImportError<'a> {
        line: Option<usize>,
        field: Option<&'a str>,
        error: &'a str,
    }
    let error = ImportError { line, field: error.field.as_deref(), error: &error.message };
    // Serializing numbers and texts can't fail.
    Response::json(status, serde_json::to_string(&error).unwrap_or_default())
}

fn read_rows(resource: &'static Resource, text: &str) -> Result<ImportBatch, Response> {
    let mut by_id: Vec<(i64, Option<String>)> = Vec::new();
    let mut rows = 0;
    for (line, text) in iter::zip(1.., text.split('\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        rows += 1;
        if rows > MAX_ROWS {
            let message = format!("a request holds at most {MAX_ROWS} rows");
            return Err(bad_line(line, RowError { field: None, message }));
        }
        let row = Row::read(resource, text).map_err(|error| bad_line(line, error))?;
        by_id.push((row.id(), row.columns()));
    }
    // The order of the table. Of rows with equal ids the last one takes effect, because the sort is stable.
    by_id.sort_by_key(|&(id, _)| id);
    by_id.dedup_by(|next, last| {
        let is_same = next.0 == last.0;
        if is_same {
            std::mem::swap(next, last);
        }
        is_same
    });
    let stored: Vec<&str> = by_id.iter().filter_map(|(_, columns)| columns.as_deref()).collect();
    let deleted = by_id.iter().filter(|(_, columns)| columns.is_none()).map(|(id, _)| id.to_string());
    let stored = format!("[{}]", stored.join(","));
    let deleted = format!("[{}]", deleted.collect::<Vec<_>>().join(","));
    let (statements, row_statements) = statements::statements(resource, stored, deleted);
    Ok(ImportBatch { statements, row_statements, rows })
}
