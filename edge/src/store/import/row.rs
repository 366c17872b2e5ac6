//! One row of an import: from a line of the body to the JSON array that the statements read.

use crate::json::{Members, quote};
use crate::store::computed_columns::{Form, compute, filter_value};
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::HashSet;
use streamgage::calendar::{DateTime, Day};
use streamgage::metrics::require_author_day;
use streamgage::number::write_double;
use streamgage::schema::{COMMITS, Field, Kind, LocalDateSink, Missing, Resource, RowError, RowSink, Value, read_row};

/// A row, with the JSON of each stored value.
pub(super) struct Row {
    resource: &'static Resource,
    id: i64,
    deleted: bool,
    cells: Vec<Cow<'static, str>>,
    /// The fields that the schema does not have: names and JSON.
    extra: Vec<(String, String)>,
    /// The whole row of a generic resource.
    text: Option<String>,
    /// The value of each field's computed column.
    computed: Vec<Option<String>>,
    /// The members of the column `filter_values`, by field.
    filter_values: Vec<String>,
    /// The author's local day of a commit.
    day: Option<Day>,
    author_date: Option<DateTime>,
    author_local_date: Option<DateTime>,
    author_tzoffset: Option<i64>,
}

impl Row {
    /// Parses a line.
    ///
    /// # Errors
    /// Returns an error if a value is invalid, or if a required field is missing.
    pub fn read(resource: &'static Resource, line: &str) -> Result<Row, RowError> {
        let mut row = Row {
            resource,
            id: 0,
            deleted: false,
            cells: resource.fields.iter().map(|field| default_cell(field.missing).into()).collect(),
            extra: Vec::new(),
            text: None,
            computed: vec![None; resource.fields.len()],
            filter_values: vec![String::new(); resource.fields.len()],
            day: None,
            author_date: None,
            author_local_date: None,
            author_tzoffset: None,
        };
        let mut sink = LocalDateSink::new(resource, &mut row);
        read_row(resource, line, &mut sink)?;
        sink.finish();
        if row.deleted {
            return Ok(row);
        }
        let members = members(line)?;
        if resource.is_generic {
            row.text = Some(line.trim_ascii().to_owned());
            return Ok(row);
        }
        row.set_verbatim(members);
        if resource == &COMMITS {
            row.day = Some(require_author_day(row.author_local_date, row.author_date, row.author_tzoffset)?);
        }
        Ok(row)
    }

    pub fn id(&self) -> i64 {
        self.id
    }

    /// Stores the values that are kept as they came: JSON, and fields that the schema does not have, sorted by name.
    fn set_verbatim(&mut self, members: Vec<(Cow<'_, str>, &str)>) {
        let resource = self.resource;
        // Most rows have their fields in the order of the schema, so that the next field is tried first.
        let mut expected = 0;
        for (name, text) in members {
            let index = resource.member_position(expected, &name);
            expected = index.map_or(expected, |index| index + 1);
            let field = index.and_then(|index| Some((index, resource.fields.get(index)?)));
            match field.filter(|(_, field)| field.missing != Missing::Absent) {
                Some((index, Field { kind: Kind::Json, .. })) => {
                    self.set(index, if text == "null" { text.to_owned() } else { quote(text) });
                }
                Some(_) => {}
                // Nested rows are not stored. They are selected when the row is read.
                None if name != "_deleted" && resource.nested.iter().all(|nested| nested.name != name) => {
                    self.extra.push((name.into_owned(), text.to_owned()));
                }
                None => {}
            }
        }
        // Of members with equal names the last one takes effect.
        let mut later = HashSet::new();
        self.extra.reverse();
        self.extra.retain(|(name, _)| later.insert(name.clone()));
        self.extra.sort();
    }

    fn set(&mut self, index: usize, text: impl Into<Cow<'static, str>>) {
        if let Some(cell) = self.cells.get_mut(index) {
            *cell = text.into();
        }
    }

    /// Returns the JSON array of the row's columns, in the order of [`table_columns`](super::statements::table_columns);
    /// `None` if the row deletes the stored row with its id.
    pub fn columns(&self) -> Option<String> {
        if self.deleted {
            return None;
        }
        let mut columns = String::with_capacity(512);
        columns.push('[');
        for cell in self.resource.row_fields().filter_map(|(index, _)| self.cells.get(index)) {
            columns.extend([cell, ","]);
        }
        let members = self.extra.iter().map(|(name, text)| format!("{}:{text}", quote(name)));
        let members: Vec<String> = members.collect();
        let extra = (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")));
        let text = self.text.as_ref().or(extra.as_ref());
        columns.push_str(&text.map_or_else(|| "null".to_owned(), |text| quote(text)));
        if let Some(day) = self.day {
            columns.push_str(&format!(",{}", day.number()));
        }
        for (field, computed) in self.resource.fields.iter().zip(&self.computed) {
            if Form::of(self.resource, field).is_some() {
                columns.push(',');
                columns.push_str(&computed.as_deref().map_or_else(|| "null".to_owned(), quote));
            }
        }
        let filter_values: Vec<&str> =
            self.filter_values.iter().map(String::as_str).filter(|member| !member.is_empty()).collect();
        columns.push(',');
        columns.push_str(&match filter_values.as_slice() {
            [] => "null".to_owned(),
            members => quote(&format!("{{{}}}", members.join(","))),
        });
        columns.push(']');
        Some(columns)
    }
}

impl RowSink for Row {
    fn value(&mut self, index: usize, value: Value<'_>) {
        let Some(field) = self.resource.fields.get(index) else { return };
        let name = field.name;
        if let (Some(form), Some(computed)) = (Form::of(self.resource, field), self.computed.get_mut(index)) {
            *computed = compute(self.resource, form, &value);
        }
        if let Some(members) = self.filter_values.get_mut(index) {
            *members = filter_value(field, &value).unwrap_or_default();
        }
        if field.missing == Missing::Absent {
            return;
        }
        match (self.resource.name, name) {
            ("commits", "author_date") => self.author_date = value.date_time(),
            ("commits", "author_local_date") => self.author_local_date = value.date_time(),
            ("commits", "author_tzoffset") => self.author_tzoffset = value.integer(),
            _ => {}
        }
        match value {
            // `set_verbatim` stores JSON.
            Value::Null | Value::Json(_) => self.set(index, "null"),
            Value::Number(_) => {
                let mut text = String::new();
                value.number().into_iter().for_each(|value| write_double(value, &mut text));
                self.set(index, text);
            }
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

/// Returns the members of an object: names, and the JSON of values.
pub(super) fn members(text: &str) -> Result<Vec<(Cow<'_, str>, &str)>, RowError> {
    let error = match serde_json::from_str(text) {
        Ok(Members(members)) => return Ok(members),
        Err(error) => error,
    };
    let message = match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => format!("is no JSON from byte {} on", byte_of(&error, text)),
        Ok(_) if error.is_data() => "must be an object".to_owned(),
        Ok(_) => "a name holds half a character".to_owned(),
    };
    Err(RowError { field: None, message })
}

/// Returns the index of the byte where parsing failed.
fn byte_of(error: &serde_json::Error, text: &str) -> usize {
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let line_start: usize = lines.map(str::len).sum();
    // Columns begin at 1. At the end of the text, the column is that of the last byte.
    line_start + if error.is_eof() { error.column() } else { error.column().saturating_sub(1) }
}

/// Returns the stored value of a missing field: its default, as the API shows it. A null that was sent is stored as NULL.
const fn default_cell(missing: Missing) -> &'static str {
    match missing {
        Missing::Required | Missing::Null | Missing::Absent => "null",
        Missing::Zero | Missing::False => "0",
        Missing::EmptyList => r#""[]""#,
    }
}

#[cfg(test)]
mod tests {
    use super::members;

    #[test]
    fn errors_name_the_byte() {
        for (text, error) in [
            ("{", "is no JSON from byte 1 on"),
            ("{x", "is no JSON from byte 1 on"),
            ("{\n  \"a\": 01}", "is no JSON from byte 10 on"),
            ("[] x", "is no JSON from byte 3 on"),
            ("[]", "must be an object"),
            ("7", "must be an object"),
            (r#"{"\ud800":1}"#, "a name holds half a character"),
        ] {
            assert_eq!(members(text).unwrap_err().message, error, "{text}");
        }
    }
}
