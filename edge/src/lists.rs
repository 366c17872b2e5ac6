//! Lists and single objects: plain pages in the order of ids, each row with every field of the schema (§2).

use crate::sql::{Broken, Outcome, Parameter, Statement};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use streamgage::query::Page;
use streamgage::schema::{Field, Kind, MAX_INTEGER, Resource};

/// A page of a list that is asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct List {
    resource: &'static Resource,
    page: Page,
    /// The list's address, without the query.
    address: String,
    /// The query as sent.
    query: String,
}

impl List {
    pub fn new(resource: &'static Resource, address: String, query: String) -> List {
        List { resource, page: Page::parse(&query), address, query }
    }

    /// How many rows there are, and the page.
    pub fn statements(&self) -> Vec<Statement> {
        let name = self.resource.name;
        // No table comes near the largest whole number that a JavaScript number holds.
        let limit = |number: u64| Parameter::Integer(i64::try_from(number).unwrap_or(MAX_INTEGER).min(MAX_INTEGER));
        vec![
            Statement::new(format!("SELECT COUNT(*) AS count FROM {name}"), []),
            Statement::new(
                format!("SELECT {} FROM {name} ORDER BY id LIMIT ?1 OFFSET ?2", columns(self.resource)),
                [limit(self.page.limit), limit(self.page.offset)],
            ),
        ]
    }

    /// The envelope around the rows.
    pub fn body(&self, outcomes: &[Outcome]) -> Result<String, Broken> {
        #[derive(Deserialize)]
        struct Count {
            count: u64,
        }
        let [counted, found] = outcomes else { return Err(Broken::missing("page")) };
        let count = counted.read::<Count>()?.pop().ok_or_else(|| Broken::missing("count"))?.count;
        let link = |link: Option<String>| link.map_or_else(|| "null".to_owned(), |link| quote(&link));
        let next = link(self.page.next(count, &self.address, &self.query));
        let previous = link(self.page.previous(&self.address, &self.query));
        let mut body = format!(r#"{{"count":{count},"next":{next},"previous":{previous},"results":["#);
        for (index, row) in rows(found)?.iter().enumerate() {
            if index > 0 {
                body.push(',');
            }
            write_row(self.resource, row, &mut body)?;
        }
        body.push_str("]}");
        Ok(body)
    }
}

/// Finds one object.
pub(crate) fn object_statement(resource: &Resource, id: i64) -> Statement {
    let sql = format!("SELECT {} FROM {} WHERE id = ?1", columns(resource), resource.name);
    Statement::new(sql, [id.into()])
}

/// The object that was found.
pub(crate) fn object_body(resource: &Resource, found: &Outcome) -> Result<Option<String>, Broken> {
    let rows = rows(found)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut body = String::new();
    write_row(resource, row, &mut body)?;
    Ok(Some(body))
}

/// The columns that rows are written from: the fields in their order, then `extra`.
fn columns(resource: &Resource) -> String {
    let names = resource.fields.iter().map(|field| field.name).chain(["extra"]);
    names.collect::<Vec<_>>().join(", ")
}

/// A JSON object's members in their order; what is not read is not parsed.
#[derive(Default)]
pub(crate) struct Members<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or_default());
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// A member's name; borrowed where it holds no escape.
#[derive(Deserialize)]
pub(crate) struct Name<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// A row, column by column.
type Cells<'a> = Vec<&'a RawValue>;

fn rows(found: &Outcome) -> Result<Vec<Cells<'_>>, Broken> {
    parse_text(&found.rows)
}

fn write_row(resource: &Resource, row: &Cells<'_>, into: &mut String) -> Result<(), Broken> {
    let mut cells = row.iter().copied();
    let fields: Vec<(&Field, &RawValue)> = resource.fields.iter().zip(&mut cells).collect();
    let extra: Option<String> = cells.next().map(parse).transpose()?.flatten();
    let extra: Members<'_> = extra.as_deref().map(parse_text).transpose()?.unwrap_or_default();
    into.push('{');
    for (index, (field, cell)) in fields.into_iter().enumerate() {
        if index > 0 {
            into.push(',');
        }
        into.push('"');
        into.push_str(field.name);
        into.push_str("\":");
        write_cell(field.kind, cell, into)?;
    }
    for (name, value) in &extra.0 {
        into.push(',');
        into.push_str(&quote(name));
        into.push(':');
        into.push_str(value.get());
    }
    into.push('}');
    Ok(())
}

fn write_cell(kind: Kind, cell: &RawValue, into: &mut String) -> Result<(), Broken> {
    match kind {
        _ if cell.get() == "null" => into.push_str("null"),
        Kind::Boolean => into.push_str(if cell.get() == "0" { "false" } else { "true" }),
        Kind::Decimal => write_decimal(parse(cell)?, into),
        Kind::Number => {
            // JavaScript shows 3.0 without its point; Python, which the callers know, with it.
            let is_whole = !cell.get().contains(['.', 'e', 'E']);
            into.extend([cell.get(), if is_whole { ".0" } else { "" }]);
        }
        Kind::Ids | Kind::Json => into.push_str(&parse::<String>(cell)?),
        Kind::Integer | Kind::Text | Kind::DateTime => into.push_str(cell.get()),
    }
    Ok(())
}

/// Ten-thousandths as the shortest decimal that has a point.
fn write_decimal(units: i64, into: &mut String) {
    let sign = if units < 0 { "-" } else { "" };
    let size = units.unsigned_abs();
    let fraction = format!("{:04}", size % 10_000);
    let fraction = fraction.trim_end_matches('0');
    into.push_str(&format!("{sign}{}.{}", size / 10_000, if fraction.is_empty() { "0" } else { fraction }));
}

fn parse<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, Broken> {
    parse_text(value.get())
}

fn parse_text<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Broken> {
    serde_json::from_str(text).map_err(|error| Broken(error.to_string()))
}

/// Text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    // Serializing text into memory can't fail.
    serde_json::to_string(text).unwrap_or_default()
}
