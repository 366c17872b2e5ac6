//! Loading data: `POST /import/RESOURCE` with a row a line. All of a body is stored, or nothing.

use super::computed_columns::{self, Form, derive};
use super::counts;
use super::sql::{DatabaseError, Parameter, Statement, StatementResult};
use crate::codec::{quote, to_text};
use crate::http::response::Response;
use std::borrow::Cow;
use std::collections::HashSet;
use std::iter;
use std::ops::Range;
use streamgage::calendar::{DateTime, Day};
use streamgage::json::{self, Reader, Syntax, unescape};
use streamgage::metrics::author_day;
use streamgage::schema::{COMMITS, Kind, Missing, Resource, RowError, RowSink, Value, read_text_row, resource};

/// What a body of gzip begins with (RFC 1952 §2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The most bytes of a body.
pub const MAX_BODY: usize = 1_000_000;
/// The most rows of a body: with these a transaction stays far below the 30 seconds that D1 gives it.
const MAX_ROWS: usize = 1_000;
/// The most bytes of a bound value that D1 takes. A body nearly never comes to that: rows are written without names.
const MAX_VALUE: usize = 2_000_000;

/// What is loaded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Import {
    /// Rows of a resource.
    Rows(&'static Resource),
    /// `dump.json`, which tells what the data is.
    Dump,
}

/// A transaction, and how its outcome is answered.
#[derive(Debug, PartialEq)]
pub struct ImportBatch {
    statements: Vec<Statement>,
    /// Which of them change rows of the resource, rather than what follows from those.
    stores: Range<usize>,
    rows: usize,
}

impl Import {
    /// What that name, behind `/import/`, stands for.
    pub fn of(name: &str) -> Option<Import> {
        if name == "dump" { Some(Import::Dump) } else { resource(name).map(Import::Rows) }
    }

    /// Reads a body into the statements of one batch.
    ///
    /// # Errors
    /// The 400 that names the line and the field, a 413, or a 415.
    pub fn read(self, body: &[u8]) -> Result<ImportBatch, Response> {
        if body.len() > MAX_BODY {
            return Err(Import::too_large());
        }
        if body.starts_with(&GZIP) {
            return Err(Import::compressed());
        }
        // Some editors write a byte order mark, which says nothing (RFC 8259 §8.1).
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        let text = std::str::from_utf8(body).map_err(|error| {
            let before = body.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
            refuse(line, RowError { field: None, message: "is not UTF-8".into() })
        })?;
        let mut batch = match self {
            Import::Rows(resource) => read_rows(resource, text)?,
            Import::Dump => read_dump(text).map_err(|error| refuse(1, error))?,
        };
        batch.statements.push(Statement::new("UPDATE generation SET value = hex(randomblob(16))", []));
        let mut values = batch.statements.iter().flat_map(|statement| &statement.parameters);
        if values.any(|value| matches!(value, Parameter::Text(text) if text.len() > MAX_VALUE)) {
            return Err(Import::too_large());
        }
        Ok(batch)
    }

    /// The answer to a body of more than [`MAX_BODY`] bytes.
    pub fn too_large() -> Response {
        let message = format!("a request holds at most {MAX_BODY} bytes; send fewer rows in each");
        error(413, None, &RowError { field: None, message })
    }

    /// The answer to a body that is compressed (RFC 9110 §15.5.16).
    pub fn compressed() -> Response {
        error(415, None, &RowError { field: None, message: "is compressed; send it as plain text".into() })
    }
}

impl ImportBatch {
    /// What the database is told, in one batch.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// `{"rows":…,"changed":…}`
    ///
    /// # Errors
    /// The outcomes are not those of the statements.
    pub fn response(&self, outcomes: &[StatementResult]) -> Result<Response, DatabaseError> {
        if outcomes.len() != self.statements.len() {
            return Err(DatabaseError::missing("outcome"));
        }
        let stored = outcomes.get(self.stores.clone()).unwrap_or_default();
        let changed: u64 = stored.iter().map(|outcome| outcome.changes).sum();
        Ok(Response::json(200, format!(r#"{{"rows":{},"changed":{changed}}}"#, self.rows)))
    }
}

fn refuse(line: usize, problem: RowError) -> Response {
    error(400, Some(line), &problem)
}

fn error(status: u16, line: Option<usize>, problem: &RowError) -> Response {
    let (line, field, message) = (to_text(&line), to_text(&problem.field), quote(&problem.message));
    Response::json(status, format!(r#"{{"line":{line},"field":{field},"error":{message}}}"#))
}

fn read_rows(resource: &'static Resource, text: &str) -> Result<ImportBatch, Response> {
    // By id, so that of the rows with one id the last counts; and in the order in which the table is stored.
    let mut by_id: Vec<(i64, Option<String>)> = Vec::new();
    let mut rows = 0;
    for (line, text) in iter::zip(1.., text.split('\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        rows += 1;
        if rows > MAX_ROWS {
            let message = format!("a request holds at most {MAX_ROWS} rows");
            return Err(refuse(line, RowError { field: None, message }));
        }
        let row = Row::read(resource, text).map_err(|error| refuse(line, error))?;
        by_id.push((row.id, (!row.deleted).then(|| row.columns())));
    }
    by_id.sort_by_key(|&(id, _)| id);
    by_id.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            std::mem::swap(next, kept);
        }
        is_same
    });
    let kept: Vec<&str> = by_id.iter().filter_map(|(_, row)| row.as_deref()).collect();
    let deleted = by_id.iter().filter(|(_, row)| row.is_none()).map(|(id, _)| id.to_string());
    let kept = format!("[{}]", kept.join(","));
    let deleted = format!("[{}]", deleted.collect::<Vec<_>>().join(","));
    let table = Table { resource };
    let (statements, stores) = if resource == &COMMITS {
        (table.replace_commits(kept, deleted), 5..7)
    } else {
        (table.replace(kept, deleted), 1..3)
    };
    Ok(ImportBatch { statements, stores, rows })
}

/// A row, field by field as the JSON text that is stored of it.
struct Row {
    resource: &'static Resource,
    id: i64,
    deleted: bool,
    cells: Vec<Cow<'static, str>>,
    /// What is not in the schema: names and JSON texts.
    extra: Vec<(String, String)>,
    /// What only the database needs, behind `extra`: of each field, and a commit's day.
    derived: Vec<Option<String>>,
    day: Option<Day>,
    author_date: Option<DateTime>,
    author_local_date: Option<DateTime>,
    author_tzoffset: Option<i64>,
}

impl Row {
    fn read(resource: &'static Resource, text: &str) -> Result<Row, RowError> {
        let mut row = Row {
            resource,
            id: 0,
            deleted: false,
            cells: resource.fields.iter().map(|field| default_cell(field.missing).into()).collect(),
            extra: Vec::new(),
            derived: vec![None; resource.fields.len()],
            day: None,
            author_date: None,
            author_local_date: None,
            author_tzoffset: None,
        };
        read_text_row(resource, text, &mut row)?;
        if row.deleted {
            return Ok(row);
        }
        row.take_as_written(members(text)?);
        if resource == &COMMITS {
            let day = author_day(row.author_local_date, row.author_date, row.author_tzoffset);
            row.day = Some(day.ok_or_else(|| RowError::new("author_date", "is required, or author_local_date"))?);
        }
        Ok(row)
    }

    /// Takes over, as it is written, what [`read_text_row`] looks at no closer: fields of any kind and such whose numbers
    /// must not be rounded on the way, and what is not in the schema.
    fn take_as_written(&mut self, members: Vec<(Cow<'_, str>, &str)>) {
        let resource = self.resource;
        // Rows mostly have their fields in the same order: the one after the last found is tried first.
        let mut expected = 0;
        for (name, text) in members {
            let next = resource.fields.get(expected).filter(|field| field.name == name);
            let place = next.map(|_| expected).or_else(|| resource.position(&name));
            expected = place.map_or(expected, |place| place + 1);
            match place.map(|place| (place, resource.fields.get(place).map(|field| field.kind))) {
                Some((place, Some(Kind::Json))) => {
                    self.set(place, if text == "null" { text.to_owned() } else { quote(text) });
                }
                Some((place, Some(Kind::Number))) => self.set(place, text.to_owned()),
                Some(_) => {}
                // What rows show of other resources is put together when they are read.
                None if name != "_deleted" && resource.nested.iter().all(|nested| nested.name != name) => {
                    self.extra.push((name.into_owned(), text.to_owned()));
                }
                None => {}
            }
        }
        // Of members of one name the last counts.
        let mut later = HashSet::new();
        self.extra.reverse();
        self.extra.retain(|(name, _)| later.insert(name.clone()));
        self.extra.reverse();
    }

    fn set(&mut self, field: usize, text: impl Into<Cow<'static, str>>) {
        if let Some(cell) = self.cells.get_mut(field) {
            *cell = text.into();
        }
    }

    /// The row as the JSON array that the statements read, in the order of [`Table::columns`].
    fn columns(&self) -> String {
        let mut columns = String::with_capacity(512);
        columns.push('[');
        for cell in &self.cells {
            columns.extend([cell, ","]);
        }
        let members = self.extra.iter().map(|(name, text)| format!("{}:{text}", quote(name)));
        let members: Vec<String> = members.collect();
        let extra = (!members.is_empty()).then(|| quote(&format!("{{{}}}", members.join(","))));
        columns.push_str(extra.as_deref().unwrap_or("null"));
        if let Some(day) = self.day {
            columns.push_str(&format!(",{}", day.number()));
        }
        for (field, derived) in self.resource.fields.iter().zip(&self.derived) {
            if Form::of(self.resource, field).is_some() {
                columns.push(',');
                columns.push_str(&derived.as_deref().map_or_else(|| "null".to_owned(), quote));
            }
        }
        columns.push(']');
        columns
    }
}

impl RowSink for Row {
    fn value(&mut self, index: usize, value: Value<'_>) {
        let Some(field) = self.resource.fields.get(index) else { return };
        let name = field.name;
        if let (Some(form), Some(derived)) = (Form::of(self.resource, field), self.derived.get_mut(index)) {
            *derived = derive(self.resource, form, &value);
        }
        match (self.resource.name, name) {
            ("commits", "author_date") => self.author_date = value.date_time(),
            ("commits", "author_local_date") => self.author_local_date = value.date_time(),
            ("commits", "author_tzoffset") => self.author_tzoffset = value.integer(),
            _ => {}
        }
        match value {
            // What is kept as it is written, `take_as_written` fills in.
            Value::Null | Value::Number(_) | Value::Json => self.set(index, "null"),
            Value::Boolean(value) => self.set(index, if value { "1" } else { "0" }),
            Value::Integer(value) | Value::Decimal(value) => {
                if name == "id" {
                    self.id = value;
                }
                self.set(index, value.to_string());
            }
            Value::Text(text) | Value::DateTime(text, _) => self.set(index, quote(text)),
            Value::Ids(ids) => {
                let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
                self.set(index, format!("\"[{}]\"", ids.join(",")));
            }
        }
    }

    fn deleted(&mut self) {
        self.deleted = true;
    }
}

/// The members of an object, in their order: names, and the JSON texts of values.
fn members(text: &str) -> Result<Vec<(Cow<'_, str>, &str)>, RowError> {
    let refused = |message: &str| RowError { field: None, message: message.to_owned() };
    let no_json = |Syntax(rest)| refused(&format!("is no JSON from byte {} on", text.len() - rest));
    let mut reader = Reader::new(text);
    if !reader.begin(b'{') {
        reader.value().and_then(|_| reader.end()).map_err(no_json)?;
        return Err(refused("must be an object"));
    }
    let mut members = Vec::new();
    while let Some((name, value)) = reader.member().map_err(no_json)? {
        members.push((unescape(name).ok_or_else(|| refused("a name holds half a character"))?, value));
    }
    reader.end().map_err(no_json)?;
    Ok(members)
}

/// What is stored where a row doesn't have a field: its default, so that a row reads back as it is stored. A null that
/// was sent is NULL.
const fn default_cell(missing: Missing) -> &'static str {
    match missing {
        Missing::Required | Missing::Null => "null",
        Missing::Zero | Missing::False => "0",
        Missing::EmptyList => r#""[]""#,
    }
}

/// The statements that load rows: `?1` is a JSON array of rows, each an array of its columns; `?2` one of the ids of
/// rows to delete.
struct Table {
    resource: &'static Resource,
}

/// The ids of the commits that a batch changes, as one of its statements found them.
const CHANGED: &str = "SELECT value FROM json_each((SELECT value FROM scratch WHERE name = 'changed'))";

/// The ids of these, and of the first of each group they belong to that they leave as it is: all commits that count
/// otherwise before than after. Of a group no other can become the first, or cease to be it.
const TOUCHED: &str = "SELECT value FROM json_each((SELECT value FROM scratch WHERE name = 'touched'))";

/// The cells of commits, as they are at this point.
const CELLS_NOW: &str = "json_group_array(json_array(day, apex_user_id, repo_id)) FROM commits";

/// The cells that a batch touches, before or after.
const CELLS: &str = "SELECT DISTINCT cell.value ->> 0 AS day, cell.value ->> 1 AS apex_user_id, \
     cell.value ->> 2 AS repo_id FROM scratch, json_each(scratch.value) AS cell WHERE scratch.name IN ('before', 'after')";

/// Which commits count, by what is known of the commit alone (§1).
const COUNTED: &str = "COALESCE(is_merge, 0) = 0 AND COALESCE(is_pr_orphan, 0) = 0 AND outlier_reason IS NULL \
     AND is_duplicate = 0";

/// Whether a commit is a duplicate (§1): `is_duplicate`, found anew.
const DUPLICATE: &str =
    "EXISTS (SELECT 1 FROM commits AS first WHERE first.ignore_hash = commits.ignore_hash AND first.id < commits.id)";

impl Table {
    fn columns(&self) -> Vec<String> {
        let fields = self.resource.fields.iter().map(|field| field.name).chain(["extra"]);
        fields.map(str::to_owned).chain(computed_columns::columns(self.resource)).collect()
    }

    /// `prefix.column`, for all columns but `id`.
    fn others(&self, prefix: &str) -> String {
        let columns = self.columns();
        let others = columns.iter().skip(1).map(|column| format!("{prefix}{column}"));
        others.collect::<Vec<_>>().join(", ")
    }

    /// Inserts rows, or changes those that are there already. `condition` is about `incoming.value`, a row.
    fn upsert(&self, condition: &str) -> String {
        let columns = self.columns();
        let values = (0..columns.len()).map(|index| format!("incoming.value ->> {index}"));
        let values: Vec<String> = values.collect();
        let sets = columns.iter().skip(1).map(|column| format!("{column} = excluded.{column}"));
        let sets: Vec<String> = sets.collect();
        format!(
            "INSERT INTO {name} ({}) SELECT {} FROM json_each(?1) AS incoming WHERE {condition} \
             ON CONFLICT (id) DO UPDATE SET {}",
            columns.join(", "),
            values.join(", "),
            sets.join(", "),
            name = self.resource.name,
        )
    }

    fn replace(&self, kept: String, deleted: String) -> Vec<Statement> {
        let name = self.resource.name;
        let differs = format!(" WHERE ({}) IS NOT ({})", self.others(&format!("{name}.")), self.others("excluded."));
        vec![
            counts::update(self.resource, kept.clone(), deleted.clone()),
            Statement::new(self.upsert("true") + &differs, [kept.into()]),
            Statement::new(
                format!("DELETE FROM {name} WHERE id IN (SELECT value FROM json_each(?1))"),
                [deleted.into()],
            ),
        ]
    }

    /// Loads commits and recomputes each cell of the rollup that holds one of those that are touched, before or after. A
    /// cell is never incremented.
    fn replace_commits(&self, kept: String, deleted: String) -> Vec<Statement> {
        let columns = self.columns();
        let values = (1..columns.len()).map(|index| format!("incoming.value ->> {index}"));
        let values: Vec<String> = values.collect();
        let group = columns.iter().position(|column| column == "ignore_hash").unwrap_or_default();
        let rows = |sql: String| Statement::new(sql, [kept.clone().into()]);
        let plain = |sql: String| Statement::new(sql, []);
        vec![
            counts::update(self.resource, kept.clone(), deleted.clone()),
            Statement::new(
                format!(
                    "INSERT INTO scratch (name, value) SELECT 'changed', json_group_array(id) FROM (\
                     SELECT incoming.value ->> 0 AS id FROM json_each(?1) AS incoming \
                     LEFT JOIN commits AS old ON old.id = incoming.value ->> 0 \
                     WHERE old.id IS NULL OR ({}) IS NOT ({}) \
                     UNION ALL SELECT id FROM commits WHERE id IN (SELECT value FROM json_each(?2)))",
                    self.others("old."),
                    values.join(", "),
                ),
                [kept.clone().into(), deleted.clone().into()],
            ),
            rows(format!(
                "INSERT INTO scratch (name, value) SELECT 'touched', json_group_array(id) FROM (\
                 SELECT value AS id FROM ({CHANGED}) UNION \
                 SELECT (SELECT id FROM commits WHERE ignore_hash = grouped.ignore_hash AND id NOT IN ({CHANGED}) \
                 ORDER BY id LIMIT 1) FROM (SELECT ignore_hash FROM commits WHERE id IN ({CHANGED}) \
                 UNION SELECT value ->> {group} FROM json_each(?1) WHERE value ->> 0 IN ({CHANGED})) AS grouped)"
            )),
            plain(format!("INSERT INTO scratch (name, value) SELECT 'before', {CELLS_NOW} WHERE id IN ({TOUCHED})")),
            counts::add_to_flag_counts(-1, TOUCHED),
            rows(self.upsert(&format!("incoming.value ->> 0 IN ({CHANGED})"))),
            Statement::new("DELETE FROM commits WHERE id IN (SELECT value FROM json_each(?1))", [deleted.into()]),
            plain(format!(
                "UPDATE commits SET is_duplicate = NOT is_duplicate WHERE id IN ({TOUCHED}) AND is_duplicate <> ({DUPLICATE})"
            )),
            counts::add_to_flag_counts(1, TOUCHED),
            plain(format!("INSERT INTO scratch (name, value) SELECT 'after', {CELLS_NOW} WHERE id IN ({TOUCHED})")),
            plain(format!("DELETE FROM rollup WHERE (day, apex_user_id, repo_id) IN ({CELLS})")),
            plain(format!(
                "INSERT INTO rollup (day, apex_user_id, repo_id, commits, haloc, churn, impact) \
                 SELECT day, apex_user_id, repo_id, COUNT(*), SUM(COALESCE(haloc, 0)), SUM(COALESCE(churn, 0)), \
                 SUM(COALESCE(impact, 0)) FROM ({CELLS}) CROSS JOIN commits INDEXED BY commits_user \
                 USING (day, apex_user_id, repo_id) WHERE {COUNTED} GROUP BY day, apex_user_id, repo_id"
            )),
            plain("DELETE FROM scratch".to_owned()),
        ]
    }
}

/// Reads `dump.json`.
fn read_dump(text: &str) -> Result<ImportBatch, RowError> {
    let mut formats = members(text)?.into_iter().filter(|(name, _)| name == "format");
    let format = formats.next();
    if format.is_some_and(|(_, format)| !matches!(format, "1" | "null")) || formats.next().is_some() {
        return Err(RowError::new("format", "must be 1"));
    }
    let value = text.trim_ascii().to_owned();
    let sql = "INSERT INTO dump (id, value) VALUES (1, ?1) \
               ON CONFLICT (id) DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value";
    Ok(ImportBatch { statements: vec![Statement::new(sql, [value.into()])], stores: 0..1, rows: 1 })
}

/// Finds `dump.json`.
pub(crate) fn dump_statement() -> Statement {
    Statement::new("SELECT json_quote(value) AS value FROM dump", [])
}

/// What is told of the data, out of what [`dump_statement`] found. What is not said in `dump.json` is not known: no name,
/// and no demo.
pub(crate) fn read_dataset(found: &StatementResult) -> Result<String, DatabaseError> {
    let dump = found.read()?.pop().map_or_else(|| "{}".to_owned(), |[value]: [String; 1]| value);
    let (mut dataset_name, mut demo) = (None, false);
    for (name, value) in members(&dump).map_err(|error| DatabaseError(error.to_string()))? {
        match (&*name, json::Value::of(value)) {
            ("name", json::Value::Text(text)) => dataset_name = unescape(text).map(Cow::into_owned),
            ("name", _) => dataset_name = None,
            ("demo", value) => demo = value == json::Value::Boolean(true),
            _ => {}
        }
    }
    Ok(format!(r#"{{"name":{},"demo":{demo}}}"#, to_text(&dataset_name)))
}
