//! D1: batches of statements, and their results.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt::{self, Write};
use streamgage_edge::{Parameter, Response, Statement, StatementResult};
use worker::js_sys::{self, Number};
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1ResultMeta, Env, Error, Result};

pub struct Database(D1Database);

/// The results of a batch, and what D1 reports about each statement.
#[derive(Default)]
pub struct Batch {
    pub results: Vec<StatementResult>,
    metas: Vec<D1ResultMeta>,
}

impl Database {
    pub fn open(env: &Env) -> Result<Database> {
        env.d1("DB").map(Database)
    }

    /// Runs statements in one transaction.
    pub async fn run(&self, statements: &[Statement]) -> Result<Batch> {
        let prepare = |statement: &Statement| {
            let values: Vec<JsValue> = statement.parameters.iter().map(to_js).collect();
            self.0.prepare(&statement.sql).bind(&values)
        };
        let prepared = statements.iter().map(prepare).collect::<Result<_>>()?;
        let mut batch = Batch::default();
        for result in self.0.batch(prepared).await? {
            let rows: Vec<Row> = result.results()?;
            let rows = rows.into_iter().map(|Row(columns)| columns).collect();
            let meta = result.meta()?.unwrap_or_else(empty_meta);
            let changes = meta.changes.unwrap_or_default() as u64;
            batch.results.push(StatementResult { rows, changes });
            batch.metas.push(meta);
        }
        Ok(batch)
    }
}

/// Returns the message of an error; for one of D1, the whole message instead of its cause.
pub fn error_message(error: &Error) -> String {
    match error {
        Error::D1(error) => AsRef::<js_sys::Error>::as_ref(error).message().into(),
        error => error.to_string(),
    }
}

impl Batch {
    /// Moves the results behind the first `at` into a batch of their own.
    pub fn split_off(&mut self, at: usize) -> Batch {
        let at = at.min(self.results.len());
        Batch { results: self.results.split_off(at), metas: self.metas.split_off(at) }
    }

    /// Returns the number of rows that D1 read.
    pub fn rows_read(&self) -> usize {
        self.metas.iter().filter_map(|meta| meta.rows_read).sum()
    }

    /// Adds the header `Server-Timing`: the rows that D1 charges for, and the duration in milliseconds.
    pub fn add_timing(&self, mut response: Response) -> Response {
        let written: usize = self.metas.iter().filter_map(|meta| meta.rows_written).sum();
        let written = if written == 0 { String::new() } else { format!(" rows_written={written}") };
        let duration: f64 = self.metas.iter().filter_map(|meta| meta.duration).sum();
        let timing = format!("d1;desc=\"rows_read={}{written}\";dur={duration}", self.rows_read());
        response.headers.push(("Server-Timing", timing));
        response
    }
}

const fn empty_meta() -> D1ResultMeta {
    D1ResultMeta {
        changed_db: None,
        changes: None,
        duration: None,
        last_row_id: None,
        rows_read: None,
        rows_written: None,
        size_after: None,
    }
}

fn to_js(parameter: &Parameter) -> JsValue {
    match parameter {
        Parameter::Integer(value) => JsValue::from_f64(*value as f64),
        Parameter::Text(text) => JsValue::from_str(text),
    }
}

/// The JSON text of each column of a row.
struct Row(Vec<String>);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Row, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut columns: A) -> std::result::Result<Row, A::Error> {
        let mut row = Vec::new();
        while let Some((IgnoredAny, Column(json))) = columns.next_entry()? {
            row.push(json);
        }
        Ok(Row(row))
    }
}

/// The JSON text of a column.
struct Column(String);

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Column, D::Error> {
        deserializer.deserialize_any(ColumnVisitor)
    }
}

struct ColumnVisitor;

impl Visitor<'_> for ColumnVisitor {
    type Value = Column;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number or JSON text")
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Column, E> {
        Ok(Column(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Column, E> {
        // JavaScript's notation is part of the response: 1e+21.
        let mut json = String::new();
        let number = Number::from(value).to_string_with_radix(10).map(String::from);
        let _ = write!(json, "{}", number.unwrap_or_else(|_| value.to_string()));
        Ok(Column(json))
    }

    fn visit_str<E>(self, json: &str) -> std::result::Result<Column, E> {
        Ok(Column(json.to_owned()))
    }

    fn visit_string<E>(self, json: String) -> std::result::Result<Column, E> {
        Ok(Column(json))
    }
}
