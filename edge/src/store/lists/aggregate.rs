//! The aggregate of commits, `commits.agg` (§2).

use super::column::Column;
use super::filter::{from_clause, multiplicity};
use super::rows::{ObjectWriter, write_value};
use super::statements::limit_clause;
use crate::json::quote;
use crate::store::sql::{Columns, DatabaseError, Parameters, Statement, bounded_sum, parse};
use streamgage::number::write_decimal;
use streamgage::query::{Aggregate, AggregateFunction, AggregateRequest, Group};
use streamgage::schema::{COMMITS, Field, Kind};

/// Returns a statement for the number of rows and one for the page.
pub(super) fn statements(request: &AggregateRequest) -> Vec<Statement> {
    vec![
        Statement::build(|parameters| count(request, parameters)),
        Statement::build(|parameters| page(request, parameters)),
    ]
}

fn count(request: &AggregateRequest, parameters: &mut Parameters) -> String {
    let from = from_clause(&request.list, COMMITS.name, parameters);
    format!("SELECT COUNT(*) AS count FROM (SELECT 1{from} GROUP BY {})", groups(request).join(", "))
}

/// Returns a query for the page. The groups of a row come first, then its aggregates.
fn page(request: &AggregateRequest, parameters: &mut Parameters) -> String {
    let limit = limit_clause(request.list.page, parameters);
    let from = from_clause(&request.list, COMMITS.name, parameters);
    let groups = groups(request);
    let times = multiplicity(&request.list);
    let mut columns = Columns::default();
    groups.iter().for_each(|group| columns.add(group.clone()));
    for aggregate in &request.aggregates {
        let Some(field) = field(aggregate.field) else { continue };
        let column = aggregate_column(*aggregate, field, times.as_deref());
        match (aggregate.function, field.kind) {
            (AggregateFunction::Sum, Kind::Number) => columns.add_double(&column),
            _ => columns.add(column),
        }
    }
    // Null is the greatest value; to SQLite it is the least.
    let order: Vec<String> = groups.iter().map(|group| format!("{group} NULLS LAST")).collect();
    let (columns, groups, order) = (columns.into_sql(), groups.join(", "), order.join(", "));
    format!("SELECT {columns}{from} GROUP BY {groups} ORDER BY {order} {limit}")
}

fn field(index: usize) -> Option<&'static Field> {
    COMMITS.fields.get(index)
}

/// Returns the terms of `GROUP BY`: a constant if there are no groups.
fn groups(request: &AggregateRequest) -> Vec<String> {
    let group = |group: &Group| {
        let field = field(group.field)?;
        let text = match field.name {
            "user_alias_id" if request.list.normalize_authors => "t.apex_user_id".to_owned(),
            _ => Column::of_field(&COMMITS, "t", field).plain,
        };
        // The unary `+` keeps SQLite from reading all commits in the order of an index instead of filtering them by one.
        Some(if group.date { format!("substr({text}, 1, 10)") } else { format!("+{text}") })
    };
    let groups: Vec<String> = request.groups.iter().filter_map(group).collect();
    if groups.is_empty() { vec!["(NULL)".to_owned()] } else { groups }
}

/// Returns the count or the sum of a field. `times` is the number of times that a commit is found.
fn aggregate_column(aggregate: Aggregate, field: &Field, times: Option<&str>) -> String {
    let name = field.name;
    let factor = times.map(|times| format!(" * ({times})")).unwrap_or_default();
    match (aggregate.function, field.kind) {
        (AggregateFunction::Count, _) if times.is_none() => format!("COUNT(t.{name})"),
        (AggregateFunction::Count, _) => bounded_sum(&format!("(t.{name} IS NOT NULL){factor}")),
        // JSON has no infinity, and D1 makes it null.
        (AggregateFunction::Sum, Kind::Number) => format!("nullif(nullif(SUM(t.{name}{factor}), 9e999), -9e999)"),
        // Neither of the two parts can overflow, or is rounded before there are 2^26 rows.
        (AggregateFunction::Sum, _) => {
            format!("(SUM((t.{name} >> 26){factor}) || ' ' || SUM((t.{name} & 67108863){factor}))")
        }
    }
}

/// Writes a row as a JSON object.
pub(super) fn write_row(request: &AggregateRequest, row: &[&str], into: &mut String) -> Result<(), DatabaseError> {
    let mut object = ObjectWriter::new(into);
    let columns = request.columns();
    let mut names = columns.iter();
    let mut cells = row.iter();
    for (group, name) in request.groups.iter().zip(&mut names) {
        let cell = cells.next().ok_or_else(|| DatabaseError::missing("group"))?;
        write_group(*group, cell, object.member(name))?;
    }
    if request.groups.is_empty() {
        cells.next();
    }
    for ((aggregate, name), cell) in request.aggregates.iter().zip(names).zip(cells) {
        write_aggregate(*aggregate, cell, object.member(name))?;
    }
    object.end();
    Ok(())
}

fn write_group(group: Group, cell: &str, into: &mut String) -> Result<(), DatabaseError> {
    if !group.date {
        return write_value(field(group.field).map_or(Kind::Text, |field| field.kind), cell, into);
    }
    match parse::<Option<String>>(cell)? {
        // `computed_columns::instant` writes the year 10000 as ":000".
        Some(day) => into.push_str(&quote(&day.replacen(':', "10", 1))),
        None => into.push_str("null"),
    }
    Ok(())
}

fn write_aggregate(aggregate: Aggregate, cell: &str, into: &mut String) -> Result<(), DatabaseError> {
    let kind = field(aggregate.field).map_or(Kind::Integer, |field| field.kind);
    match (aggregate.function, kind) {
        (AggregateFunction::Count, _) => return write_value(Kind::Integer, cell, into),
        (AggregateFunction::Sum, Kind::Number) => return write_value(Kind::Number, cell, into),
        (AggregateFunction::Sum, _) => {}
    }
    let Some(parts) = parse::<Option<String>>(cell)? else {
        into.push_str("null");
        return Ok(());
    };
    let part = |text: &str| text.parse::<i128>().map_err(|error| DatabaseError(error.to_string()));
    let (high, low) = parts.split_once(' ').ok_or_else(|| DatabaseError::missing("sum"))?;
    let sum = (part(high)? << 26) + part(low)?;
    match kind {
        Kind::Decimal => write_decimal(sum, into),
        _ => into.push_str(&sum.to_string()),
    }
    Ok(())
}
