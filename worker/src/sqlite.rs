//! The storage of a partition: the SQLite database of a Durable Object.

use crate::clock::{now, today};
use crate::exchange::log;
use crate::response::Body;
use std::cell::Cell;
use streamgage_edge::proxy::storage::{EVICT_AFTER_BYTES, HAS_CONTENT, LIMITS, TABLES};
use streamgage_edge::proxy::{KvStore, PartitionStore};
use streamgage_edge::{Event, Parameter, error_text};
use worker::{Result, SqlStorage, SqlStorageValue};

type Row = Vec<SqlStorageValue>;

pub struct SqliteStore {
    sql: SqlStorage,
    /// The number of bytes written since the last eviction.
    written: Cell<usize>,
    /// The tables are created by the first write, so that an object without an accepted key stores nothing.
    has_tables: Cell<bool>,
}

impl SqliteStore {
    pub fn open(sql: SqlStorage) -> Result<SqliteStore> {
        let tables = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'answer'", None)?;
        let has_tables = Cell::new(tables.raw().next().is_some());
        Ok(SqliteStore { sql, written: Cell::new(0), has_tables })
    }

    fn create_tables(&self) {
        if !self.has_tables.replace(true) {
            self.execute(TABLES, &[]);
        }
    }

    /// Returns the rows of a statement. A failure is logged and has no rows.
    fn execute(&self, sql: &str, values: &[SqlStorageValue]) -> Vec<Row> {
        if !self.has_tables.get() {
            return Vec::new();
        }
        let rows = self.sql.exec(sql, values.to_vec()).and_then(|cursor| cursor.raw().collect());
        rows.unwrap_or_else(|error| {
            log(None, &Event::StorageFailed { error: error_text(&error) });
            Vec::new()
        })
    }

    /// Selects columns, and updates `read_on` of the rows that were not read today.
    fn read(&self, columns: &str, table: &str, condition: &str, values: &[SqlStorageValue]) -> Vec<Row> {
        let rows = self.execute(&format!("SELECT {columns}, read_on FROM {table} WHERE {condition}"), values);
        let today = today();
        let is_outdated = |row: &Row| matches!(row.last(), Some(SqlStorageValue::Integer(read_on)) if *read_on < today);
        if rows.iter().any(is_outdated) {
            let mut values = values.to_vec();
            values.push(today.into());
            self.execute(&format!("UPDATE {table} SET read_on = ?{} WHERE {condition}", values.len()), &values);
        }
        rows
    }

    fn count_written(&self, bytes: usize) {
        self.written.set(self.written.get().saturating_add(bytes));
        if self.written.get() > EVICT_AFTER_BYTES as usize {
            self.evict(now());
        }
    }
}

fn into_text(value: SqlStorageValue) -> Option<String> {
    if let SqlStorageValue::String(text) = value { Some(text) } else { None }
}

impl KvStore for SqliteStore {
    fn get(&self, kind: &str, key: &str) -> Option<String> {
        let rows = self.read("text", "shelf", "kind = ?1 AND key = ?2", &[kind.into(), key.into()]);
        into_text(rows.into_iter().next()?.into_iter().next()?)
    }

    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)> {
        // The primary key determines the order.
        let condition = "kind = ?1 AND key >= ?2 AND key < ?3";
        let rows = self.read("key, text", "shelf", condition, &[kind.into(), first.into(), end.into()]);
        let pair = |row: Row| {
            let mut columns = row.into_iter();
            Some((into_text(columns.next()?)?, into_text(columns.next()?)?))
        };
        rows.into_iter().filter_map(pair).collect()
    }

    fn put(&self, kind: &str, key: &str, text: &str) {
        self.create_tables();
        let values = [kind.into(), key.into(), text.into(), today().into()];
        self.execute("INSERT OR REPLACE INTO shelf VALUES (?, ?, ?, ?)", &values);
        self.count_written(text.len());
    }

    fn delete(&self, kind: &str, key: &str) {
        self.execute("DELETE FROM shelf WHERE kind = ? AND key = ?", &[kind.into(), key.into()]);
    }
}

impl PartitionStore for SqliteStore {
    type Body = Body;

    fn get_response(&self, name: &str) -> Option<(String, Body)> {
        let rows = self.read("entry, body", "answer", "name = ?1", &[name.into()]);
        let mut columns = rows.into_iter().next()?.into_iter();
        let entry = into_text(columns.next()?)?;
        let SqlStorageValue::Blob(body) = columns.next()? else { return None };
        Some((entry, body.into()))
    }

    fn put_response(&self, name: &str, entry: &str, body: &Body, until: i64) {
        let bytes = match body {
            Body::Empty => Vec::new(),
            Body::Text(text) => text.clone().into_bytes(),
            Body::Bytes(bytes) => bytes.to_vec(),
            Body::Stream(..) => return,
        };
        self.create_tables();
        let length = bytes.len();
        let values = [name.into(), entry.into(), bytes.into(), (until as f64).into(), today().into()];
        self.execute("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?)", &values);
        self.count_written(length);
    }

    fn delete_response(&self, name: &str) {
        self.execute("DELETE FROM answer WHERE name = ?", &[name.into()]);
    }

    fn delete_all(&self) {
        self.execute("DELETE FROM answer", &[]);
        self.execute("DELETE FROM shelf", &[]);
    }

    fn evict(&self, now: i64) {
        self.written.set(0);
        for statement in LIMITS.eviction_statements(now, today()) {
            let values: Vec<SqlStorageValue> = statement.parameters.into_iter().map(to_value).collect();
            self.execute(&statement.sql, &values);
        }
        if self.execute(HAS_CONTENT, &[]).is_empty() {
            self.delete_all();
        }
    }
}

fn to_value(parameter: Parameter) -> SqlStorageValue {
    match parameter {
        Parameter::Integer(value) => (value as f64).into(),
        Parameter::Text(text) => text.into(),
    }
}
