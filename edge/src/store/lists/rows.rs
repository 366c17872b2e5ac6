//! Rows: the columns that are selected, and the JSON that is made of them.

use super::filter;
use crate::codec::{Json, cells, elements, from_text};
use crate::store::counts;
use crate::store::sql::{Columns, DatabaseError, Parameters, Statement, StatementResult};
use streamgage::json::Reader;
use streamgage::query::{ListRequest, Page};
use streamgage::schema::{Field, Kind, MAX_INTEGER, Nested, NestedSource, OutputField};

/// What of a row is shown, in order.
fn shown(request: &ListRequest) -> impl Iterator<Item = OutputField> {
    let shown = request.resource.output_fields().enumerate();
    shown.filter(|&(place, _)| request.projection.shows(place)).map(|(_, shown)| shown)
}

/// The columns that rows are written from: what is shown, then `extra`.
pub(super) fn columns(request: &ListRequest) -> String {
    let mut columns = Columns::default();
    for shown in shown(request) {
        match shown {
            OutputField::Field(_, Field { name: "user_alias_id", .. }) if request.normalize_authors => {
                columns.add("t.apex_user_id".to_owned());
            }
            OutputField::Field(_, Field { name, kind: Kind::Number, .. }) => columns.add_double(&format!("t.{name}")),
            OutputField::Field(_, field) => columns.add(format!("t.{}", field.name)),
            OutputField::Nested(nested) => {
                // Of many rows this can be as long as a value can be.
                columns.end_list();
                columns.add(format!("json({})", nested_column(nested)));
                columns.end_list();
            }
        }
    }
    if request.projection.unknown || shown(request).next().is_none() {
        columns.add("t.extra".to_owned());
    }
    columns.into_sql()
}

/// Nested rows as JSON: each an array of its fields.
fn nested_column(nested: &Nested) -> String {
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

/// `LIMIT … OFFSET …`
pub(super) fn limit(page: Page, parameters: &mut Parameters) -> String {
    let (limit, offset) = (bind(page.limit, parameters), bind(page.offset, parameters));
    format!("LIMIT {limit} OFFSET {offset}")
}

fn bind(number: u64, parameters: &mut Parameters) -> String {
    // No table comes near the largest whole number that a JavaScript number holds.
    parameters.bind(i64::try_from(number).unwrap_or(MAX_INTEGER).min(MAX_INTEGER))
}

/// The sum of whole numbers that are not negative, as one that a JavaScript number holds.
pub(super) fn whole(sum: &str) -> String {
    format!("CAST(min(total({sum}), {MAX_INTEGER}) AS INTEGER)")
}

/// So many rows may be passed over by reading them.
const MAX_PASSED: u64 = 1_000;

/// So many ids, found by their range in an index, are sorted: of more, those of a page are found sooner in the order of
/// ids.
const MAX_SORTED: u64 = 10_000;

/// The most bytes of a condition that is written several times into a statement: D1 takes one of 100,000.
const MAX_REPEATED: usize = 20_000;

/// The statements that find a list: of how many rows it has and of a page, or one of both.
pub(super) fn statements(request: &ListRequest) -> Vec<Statement> {
    let by_id = request.ordering.iter().all(|order| order.field == 0);
    let statement = |write: &dyn Fn(&ListRequest, &mut Parameters) -> String| {
        let mut parameters = Parameters::default();
        let sql = write(request, &mut parameters);
        parameters.into_statement(sql)
    };
    if filter::finds_all(request) && by_id {
        return vec![Statement::new(counts::all(request.resource), []), statement(&all)];
    }
    let mut parameters = Parameters::default();
    let found = filter::found(request, request.resource.name, &mut parameters);
    if filter::times(request).is_some() || found.len() > MAX_REPEATED {
        return vec![statement(&count), statement(&page)];
    }
    let sql = both(request, by_id, &found, &mut parameters);
    vec![parameters.into_statement(sql)]
}

/// The page's rows of a list of all rows in the order of ids, each from the columns that [`columns`] names.
fn all(request: &ListRequest, parameters: &mut Parameters) -> String {
    let (resource, columns, order) = (request.resource.name, columns(request), filter::order(request));
    let Page { limit, offset } = request.page;
    if offset <= MAX_PASSED {
        let pages = self::limit(request.page, parameters);
        return format!("SELECT {columns} FROM {resource} AS t ORDER BY {order} {pages}");
    }
    let descending = request.ordering.first().is_some_and(|order| order.descending);
    let place = counts::place(request.resource, descending, bind(offset, parameters));
    format!(
        "{} SELECT {columns} FROM {resource} AS t WHERE {} ORDER BY {order} LIMIT {} OFFSET {}",
        place.with,
        place.from,
        bind(limit, parameters),
        place.skipped,
    )
}

/// Counts the rows.
fn count(request: &ListRequest, parameters: &mut Parameters) -> String {
    let count = filter::times(request).map_or_else(|| "COUNT(*)".to_owned(), |times| whole(&times));
    format!("SELECT {count} AS count{}", filter::found(request, request.resource.name, parameters))
}

/// The page's rows, each from the columns that [`columns`] names.
fn page(request: &ListRequest, parameters: &mut Parameters) -> String {
    let (resource, columns, order) = (request.resource.name, columns(request), filter::order(request));
    // What may have to be sorted is ids; the rows of the page alone are read whole.
    let found = filter::found(request, resource, parameters);
    let whole = format!("CROSS JOIN {resource} AS t ON t.id = found ORDER BY {order}");
    let Page { limit, offset } = request.page;
    let end = bind(offset.saturating_add(limit), parameters);
    let (limit, offset) = (bind(limit, parameters), bind(offset, parameters));
    let Some(times) = filter::times(request) else {
        let ids = format!("SELECT t.id AS found{found} ORDER BY {order} LIMIT {limit} OFFSET {offset}");
        return format!("SELECT {columns} FROM ({ids}) {whole}");
    };
    // What is found several times is given once, with how often it stands on the page; not at all where the page is
    // full before it. To ask for no more than `limit` rows, rather than for those on the page, ends the search.
    format!(
        "SELECT {columns}, times FROM (\
         SELECT found, CAST(max(min(until, {end}) - max(until - times, {offset}), 0) AS INTEGER) AS times FROM (\
         SELECT t.id AS found, {times} AS times, total({times}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) AS until\
         {found}) WHERE until > {offset} LIMIT {limit}) {whole}"
    )
}

/// The page's rows, each behind the count and its id; where there are none, one of the count alone. So nothing is read
/// twice: what is counted is what the page is taken from, or what comes behind it.
fn both(request: &ListRequest, by_id: bool, found: &str, parameters: &mut Parameters) -> String {
    let (resource, columns, order) = (request.resource.name, columns(request), filter::order(request));
    let (limit, offset) = (bind(request.page.limit, parameters), bind(request.page.offset, parameters));
    let ids = |order: &str, limit: &str| {
        format!("SELECT * FROM (SELECT t.id AS found{found} ORDER BY {order} LIMIT {limit} OFFSET {offset})")
    };
    let kept = filter::maintained_count(request, parameters);
    // What is less to read, a range of an index or the rows in their order, depends on how many are in it. One of the two
    // is told to find none, which costs nothing; where the order is no index's (`+`), the range's is used.
    let either = |sorted: &str| {
        let in_order = ids(&order, &format!("iif((SELECT few FROM few), 0, {limit})"));
        format!("page AS MATERIALIZED ({sorted} UNION ALL {in_order})")
    };
    let few = format!("iif((SELECT few FROM few), {limit}, 0)");
    let with = match (kept, by_id && filter::has_range(request)) {
        (Some(kept), _) => {
            format!("counted AS MATERIALIZED ({kept}), page AS MATERIALIZED ({})", ids(&order, &limit))
        }
        (None, true) => format!(
            "some AS MATERIALIZED (SELECT t.id{found} LIMIT {MAX_SORTED} + 1), \
             few AS MATERIALIZED (SELECT COUNT(*) AS count, COUNT(*) <= {MAX_SORTED} AS few FROM some), {}, \
             counted AS MATERIALIZED (SELECT iif(few, count, (SELECT COUNT(*){found})) AS count FROM few)",
            either(&format!(
                "SELECT * FROM (SELECT t.id AS found FROM some AS t ORDER BY {order} LIMIT {few} OFFSET {offset})"
            )),
        ),
        (None, false) => {
            // A page that is not full ends the list; behind one that is, what is left is counted.
            let rest = match request.ordering.first().is_some_and(|order| order.descending) {
                _ if !by_id || !request.filter.joins.is_empty() => format!("(SELECT COUNT(*){found})"),
                false => format!("until + (SELECT COUNT(*){found} AND t.id > last)"),
                true => format!("until + (SELECT COUNT(*){found} AND t.id < first)"),
            };
            format!(
                "page AS MATERIALIZED ({}), \
                 counted AS MATERIALIZED (SELECT iif(size < {limit} AND (size > 0 OR {offset} = 0), until, {rest}) AS count FROM (\
                 SELECT COUNT(*) AS size, iif(COUNT(*) > 0, {offset}, 0) + COUNT(*) AS until, \
                 coalesce(min(found), {MAX_INTEGER} + 1) AS first, coalesce(max(found), -{MAX_INTEGER} - 1) AS last FROM page))",
                ids(&order, &limit),
            )
        }
    };
    format!(
        "WITH {with} SELECT count, coalesce(found, 'null') AS found, {columns} FROM counted LEFT JOIN page LEFT JOIN {resource} AS t ON t.id = found \
         ORDER BY {order}"
    )
}

/// A row, column by column: the JSON text of each.
pub(super) type Cells<'a> = Vec<&'a str>;

/// The count that [`both`] found, and the rows without what comes before their columns.
pub(super) fn read_both(found: &StatementResult) -> Result<(u64, Vec<Cells<'_>>), DatabaseError> {
    let mut rows = found.cells()?;
    let count = rows.first().and_then(|row| row.first()).ok_or_else(|| DatabaseError::missing("count"))?;
    let count = read(count)?;
    rows.retain(|row| row.get(1).is_some_and(|id| *id != "null"));
    rows.iter_mut().for_each(|row| drop(row.drain(..2)));
    Ok((count, rows))
}

/// How often a row that [`page`] found stands on the page.
pub(super) fn times(request: &ListRequest, row: &[&str]) -> Result<usize, DatabaseError> {
    match request.filter.joins.len() {
        0 | 1 => Ok(1),
        _ => read(row.last().ok_or_else(|| DatabaseError::missing("times"))?),
    }
}

/// Writes rows as objects.
pub(super) struct Writer<'a> {
    request: &'a ListRequest,
    /// What is shown, and what stands before its value.
    members: Vec<(OutputField, String)>,
}

impl Writer<'_> {
    pub fn new(request: &ListRequest) -> Writer<'_> {
        let members = shown(request).enumerate().map(|(index, shown)| {
            let separator = if index == 0 { '{' } else { ',' };
            (shown, format!("{separator}\"{}\":", shown.name()))
        });
        Writer { request, members: members.collect() }
    }

    pub fn write(&self, row: &[&str], into: &mut String) -> Result<(), DatabaseError> {
        let mut cells = row.iter().copied();
        for ((shown, before), cell) in self.members.iter().zip(&mut cells) {
            into.push_str(before);
            match shown {
                OutputField::Field(_, field) => write_cell(field.kind, cell, into)?,
                OutputField::Nested(nested) => write_nested(nested, cell, into)?,
            }
        }
        let mut separator = if self.members.is_empty() { "{" } else { "," };
        if self.request.projection.unknown {
            let extra: Option<String> = cells.next().map(read).transpose()?.flatten();
            let extra = extra.unwrap_or_else(|| "{}".to_owned());
            let mut reader = Reader::new(&extra);
            reader.begin(b'{');
            while let Some((name, value)) = reader.member().map_err(|_| DatabaseError::missing("members"))? {
                // Of rows that were stored before anything was nested.
                if self.request.resource.nested.iter().all(|nested| nested.name != name) {
                    into.extend([separator, "\"", name, "\":", value]);
                    separator = ",";
                }
            }
        }
        into.push_str(if separator == "{" { "{}" } else { "}" });
        Ok(())
    }
}

/// A JSON object that is being written.
pub(super) struct Object<'a> {
    into: &'a mut String,
    is_empty: bool,
}

impl Object<'_> {
    pub fn begin(into: &mut String) -> Object<'_> {
        into.push('{');
        Object { into, is_empty: true }
    }

    /// Begins a member, whose name stands so between quotes; its value is to be written.
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
    let unread = || DatabaseError::missing("nested rows");
    if cell == "null" {
        into.push_str("null");
        return Ok(());
    }
    if nested.source == NestedSource::Id {
        return write_nested_row(nested, &elements(cell).ok_or_else(unread)?, into);
    }
    into.push('[');
    for (index, row) in cells(cell).ok_or_else(unread)?.iter().enumerate() {
        if index > 0 {
            into.push(',');
        }
        write_nested_row(nested, row, into)?;
    }
    into.push(']');
    Ok(())
}

fn write_nested_row(nested: &Nested, row: &[&str], into: &mut String) -> Result<(), DatabaseError> {
    let mut object = Object::begin(into);
    for (name, cell) in nested.fields.iter().zip(row) {
        let field = nested.resource.fields.iter().find(|field| field.name == *name);
        write_cell(field.map_or(Kind::Text, |field| field.kind), cell, object.member(name))?;
    }
    object.end();
    Ok(())
}

pub(super) fn write_cell(kind: Kind, cell: &str, into: &mut String) -> Result<(), DatabaseError> {
    match kind {
        _ if cell == "null" => into.push_str("null"),
        Kind::Boolean => into.push_str(if cell == "0" { "false" } else { "true" }),
        Kind::Decimal => write_decimal(read(cell)?, into),
        Kind::Number => {
            // JavaScript shows 3.0 without its point; Python, which the callers know, with it.
            let is_whole = !cell.contains(['.', 'e', 'E']);
            into.extend([cell, if is_whole { ".0" } else { "" }]);
        }
        Kind::Ids | Kind::Json => into.push_str(&read::<String>(cell)?),
        Kind::Integer | Kind::Text | Kind::DateTime => into.push_str(cell),
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

/// Reads a cell.
pub(super) fn read<T: Json>(cell: &str) -> Result<T, DatabaseError> {
    from_text(cell).ok_or_else(|| DatabaseError::missing("such cell"))
}
