//! The aggregate of commits, `commits.agg` (§2).

use super::filter;
use super::rows::{Object, limit, read, whole, write_cell};
use crate::store::sql::{Columns, DatabaseError, Parameters};
use streamgage::json::write_text;
use streamgage::query::{Aggregate, AggregateFunction, AggregateRequest, Group};
use streamgage::schema::{COMMITS, Field, Kind};

/// Counts the rows.
pub(super) fn count(request: &AggregateRequest, parameters: &mut Parameters) -> String {
    let found = filter::found(&request.list, COMMITS.name, parameters);
    format!("SELECT COUNT(*) AS count FROM (SELECT 1{found} GROUP BY {})", groups(request).join(", "))
}

/// The page's rows: what each is grouped by, then what is told of it, with names by their places.
pub(super) fn page(request: &AggregateRequest, parameters: &mut Parameters) -> String {
    let limit = limit(request.list.page, parameters);
    let found = filter::found(&request.list, COMMITS.name, parameters);
    let groups = groups(request);
    let times = filter::times(&request.list);
    let mut columns = Columns::default();
    groups.iter().for_each(|group| columns.add(group.clone()));
    for aggregate in &request.aggregates {
        let Some(field) = place(aggregate.field) else { continue };
        let column = column(*aggregate, field, times.as_deref());
        match (aggregate.function, field.kind) {
            (AggregateFunction::Sum, Kind::Number | Kind::Decimal) => columns.add_double(&column),
            _ => columns.add(column),
        }
    }
    // Null is the greatest; to SQLite it is the least.
    let order: Vec<String> = groups.iter().map(|group| format!("{group} NULLS LAST")).collect();
    let (columns, groups, order) = (columns.into_sql(), groups.join(", "), order.join(", "));
    format!("SELECT {columns}{found} GROUP BY {groups} ORDER BY {order} {limit}")
}

fn place(field: usize) -> Option<&'static Field> {
    COMMITS.fields.get(field)
}

/// What commits are grouped by; a constant where that is nothing.
fn groups(request: &AggregateRequest) -> Vec<String> {
    let group = |group: &Group| {
        let field = place(group.field)?;
        let text = match field.name {
            "user_alias_id" if request.list.normalize_authors => "t.apex_user_id".to_owned(),
            _ => filter::field(&COMMITS, field),
        };
        // Not in the order of an index (`+`): commits are found by what they are filtered by.
        Some(if group.date { format!("substr({text}, 1, 10)") } else { format!("+{text}") })
    };
    let groups: Vec<String> = request.groups.iter().filter_map(group).collect();
    if groups.is_empty() { vec!["(NULL)".to_owned()] } else { groups }
}

/// The count or the sum of a field of commits that are found so many times.
fn column(aggregate: Aggregate, field: &Field, times: Option<&str>) -> String {
    let name = field.name;
    let each = times.map(|times| format!(" * ({times})")).unwrap_or_default();
    match (aggregate.function, field.kind) {
        (AggregateFunction::Count, _) if times.is_none() => format!("COUNT(t.{name})"),
        (AggregateFunction::Count, _) => whole(&format!("(t.{name} IS NOT NULL){each}")),
        // JSON has no infinity; nor has D1, which makes it null.
        (AggregateFunction::Sum, Kind::Number) => format!("nullif(nullif(SUM(t.{name}{each}), 9e999), -9e999)"),
        // In two parts, neither of which can overflow, nor be rounded before there are 2^26 rows. Up to 15 digits a quotient
        // of doubles shows the very decimal.
        (AggregateFunction::Sum, Kind::Decimal) => {
            format!("((SUM((t.{name} >> 26){each}) * 67108864.0 + SUM((t.{name} & 67108863){each})) / 10000)")
        }
        (AggregateFunction::Sum, _) => {
            format!("(SUM((t.{name} >> 26){each}) || ' ' || SUM((t.{name} & 67108863){each}))")
        }
    }
}

/// Writes a row.
pub(super) fn write(request: &AggregateRequest, row: &[&str], into: &mut String) -> Result<(), DatabaseError> {
    let mut object = Object::begin(into);
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
        return write_cell(place(group.field).map_or(Kind::Text, |field| field.kind), cell, into);
    }
    match read::<Option<String>>(cell)? {
        // The year after 9999, as `computed_columns::instant` has it.
        Some(day) => write_text(&day.replacen(':', "10", 1), into),
        None => into.push_str("null"),
    }
    Ok(())
}

fn write_aggregate(aggregate: Aggregate, cell: &str, into: &mut String) -> Result<(), DatabaseError> {
    let kind = place(aggregate.field).map_or(Kind::Integer, |field| field.kind);
    match (aggregate.function, kind) {
        (AggregateFunction::Count, _) => return write_cell(Kind::Integer, cell, into),
        (AggregateFunction::Sum, Kind::Number | Kind::Decimal) => return write_cell(Kind::Number, cell, into),
        (AggregateFunction::Sum, _) => {}
    }
    let Some(parts) = read::<Option<String>>(cell)? else {
        into.push_str("null");
        return Ok(());
    };
    let part = |text: &str| text.parse::<i128>().map_err(|error| DatabaseError(error.to_string()));
    let (high, low) = parts.split_once(' ').ok_or_else(|| DatabaseError::missing("sum"))?;
    let sum = (part(high)? << 26) + part(low)?;
    into.push_str(&sum.to_string());
    Ok(())
}
