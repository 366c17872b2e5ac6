//! The columns of a list's rows, and the JSON objects made from them.

use super::filter::has_grouped_joins;
use crate::json::{Members, quote};
use crate::store::sql::{Columns, DatabaseError, StatementResult, parse};
use serde_json::value::RawValue;
use streamgage::evaluate::write_generic_row;
use streamgage::number::{write_decimal, write_double};
use streamgage::query::ListRequest;
use streamgage::schema::{Field, Kind, Nested, NestedSource, OutputField};

/// The JSON of each value in a row.
pub(super) type Row<'a> = Vec<&'a str>;

fn output_fields(request: &ListRequest) -> impl Iterator<Item = OutputField> {
    let fields = request.resource.output_fields().enumerate();
    fields.filter(|&(index, _)| request.projection.shows(index)).map(|(_, field)| field)
}

/// Returns the columns from which [`RowWriter`] writes rows.
pub(super) fn columns(request: &ListRequest) -> String {
    let mut columns = Columns::default();
    if request.resource.is_generic {
        columns.add_large("t.row".to_owned());
        return columns.into_sql();
    }
    for field in output_fields(request) {
        match field {
            OutputField::Field(_, Field { name: "user_alias_id", .. }) if request.normalize_authors => {
                columns.add("t.apex_user_id".to_owned());
            }
            OutputField::Field(_, Field { name, kind: Kind::Number, .. }) => columns.add_double(&format!("t.{name}")),
            OutputField::Field(_, field) => columns.add(format!("t.{}", field.name)),
            OutputField::Nested(nested) => columns.add_large(format!("json({})", nested_rows(nested))),
        }
    }
    // A row has at least one column.
    if request.projection.unknown || output_fields(request).next().is_none() {
        columns.add("t.extra".to_owned());
    }
    columns.into_sql()
}

/// Returns a subquery for nested rows as JSON, each an array of its fields.
fn nested_rows(nested: &Nested) -> String {
    let fields: Vec<String> = nested.fields.iter().map(|name| format!("n.{name}")).collect();
    let row = format!("json_array({})", fields.join(", "));
    let rows = format!("json_group_array({row} ORDER BY n.id) FROM {} AS n", nested.resource.name);
    match nested.source {
        NestedSource::TeamsOfUser => {
            format!("(SELECT {rows} WHERE n.id IN (SELECT team_id FROM team_membership WHERE apex_user_id = t.id))")
        }
        NestedSource::Ids => format!("(SELECT {rows} WHERE n.id IN (SELECT value FROM json_each(t.{})))", nested.after),
        NestedSource::Id => {
            format!("(SELECT {row} FROM {} AS n WHERE n.id = t.{})", nested.resource.name, nested.after)
        }
    }
}

/// Returns the count and the rows of a counted page.
pub(super) fn read_counted_page(result: &StatementResult) -> Result<(u64, Vec<Row<'_>>), DatabaseError> {
    let mut rows = result.cells()?;
    let count = rows.first().and_then(|row| row.first()).ok_or_else(|| DatabaseError::missing("count"))?;
    let count = parse(count)?;
    rows.retain(|row| row.get(1).is_some_and(|id| *id != "null"));
    rows.iter_mut().for_each(|row| drop(row.drain(..2)));
    Ok((count, rows))
}

/// Returns the number of times that a row appears on the page.
pub(super) fn times_on_page(request: &ListRequest, row: &[&str]) -> Result<usize, DatabaseError> {
    if !has_grouped_joins(request) {
        return Ok(1);
    }
    parse(row.last().ok_or_else(|| DatabaseError::missing("number of repetitions"))?)
}

/// Writes rows as JSON objects.
pub(super) struct RowWriter<'a> {
    request: &'a ListRequest,
    /// The fields, each with the text before its value.
    members: Vec<(OutputField, String)>,
}

impl RowWriter<'_> {
    pub fn new(request: &ListRequest) -> RowWriter<'_> {
        let members = output_fields(request).enumerate().map(|(index, field)| {
            let separator = if index == 0 { '{' } else { ',' };
            (field, format!("{separator}\"{}\":", field.name()))
        });
        RowWriter { request, members: members.collect() }
    }

    pub fn write(&self, row: &[&str], into: &mut String) -> Result<(), DatabaseError> {
        let mut cells = row.iter().copied();
        if self.request.resource.is_generic {
            let row: String = parse(cells.next().ok_or_else(|| DatabaseError::missing("row"))?)?;
            write_generic_row(&row, &self.request.projection.members, into);
            return Ok(());
        }
        for ((field, prefix), cell) in self.members.iter().zip(&mut cells) {
            into.push_str(prefix);
            match field {
                OutputField::Field(_, field) => write_value(field.kind, cell, into)?,
                OutputField::Nested(nested) => write_nested(nested, cell, into)?,
            }
        }
        let mut separator = if self.members.is_empty() { "{" } else { "," };
        if self.request.projection.unknown {
            let extra: Option<String> = cells.next().map(parse).transpose()?.flatten();
            let extra = extra.unwrap_or_else(|| "{}".to_owned());
            let Members(members) = parse(&extra)?;
            for (name, value) in members {
                // Rows stored by older versions contain nested rows among the unknown fields.
                if self.request.resource.nested.iter().all(|nested| nested.name != name) {
                    into.extend([separator, &quote(&name), ":", value]);
                    separator = ",";
                }
            }
        }
        into.push_str(if separator == "{" { "{}" } else { "}" });
        Ok(())
    }
}

/// A JSON object that is being written.
pub(super) struct ObjectWriter<'a> {
    into: &'a mut String,
    is_empty: bool,
}

impl ObjectWriter<'_> {
    pub fn new(into: &mut String) -> ObjectWriter<'_> {
        into.push('{');
        ObjectWriter { into, is_empty: true }
    }

    /// Begins a member whose name needs no escapes. The caller writes the value.
    pub fn member(&mut self, name: &str) -> &mut String {
        if !self.is_empty {
            self.into.push(',');
        }
        self.is_empty = false;
        self.into.extend(["\"", name, "\":"]);
        self.into
    }

    pub fn end(self) {
        self.into.push('}');
    }
}

fn write_nested(nested: &Nested, cell: &str, into: &mut String) -> Result<(), DatabaseError> {
    if cell == "null" {
        into.push_str("null");
        return Ok(());
    }
    if nested.source == NestedSource::Id {
        return write_nested_row(nested, &parse::<Vec<&RawValue>>(cell)?, into);
    }
    into.push('[');
    for (index, row) in parse::<Vec<Vec<&RawValue>>>(cell)?.iter().enumerate() {
        if index > 0 {
            into.push(',');
        }
        write_nested_row(nested, row, into)?;
    }
    into.push(']');
    Ok(())
}

fn write_nested_row(nested: &Nested, row: &[&RawValue], into: &mut String) -> Result<(), DatabaseError> {
    let mut object = ObjectWriter::new(into);
    for (name, cell) in nested.fields.iter().zip(row) {
        let field = nested.resource.fields.iter().find(|field| field.name == *name);
        write_value(field.map_or(Kind::Text, |field| field.kind), cell.get(), object.member(name))?;
    }
    object.end();
    Ok(())
}

/// Writes a value as the API shows it.
pub(super) fn write_value(kind: Kind, cell: &str, into: &mut String) -> Result<(), DatabaseError> {
    match kind {
        _ if cell == "null" => into.push_str("null"),
        Kind::Boolean => into.push_str(if cell == "0" { "false" } else { "true" }),
        Kind::Decimal => write_decimal(parse(cell)?, into),
        // JavaScript writes some doubles in other ways, such as 3. The parser of serde_json is not exact.
        Kind::Number => write_double(cell.parse().map_err(|_| DatabaseError::missing("number"))?, into),
        Kind::Ids | Kind::Json => into.push_str(&parse::<String>(cell)?),
        Kind::Integer | Kind::Reference | Kind::Text | Kind::DateTime => into.push_str(cell),
    }
    Ok(())
}
