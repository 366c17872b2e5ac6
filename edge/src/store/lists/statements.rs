//! The statements of a list: the number of rows, and one page of them.

use super::filter::{from_clause, matches_all, multiplicity};
use super::ordering::{is_by_id, is_descending, order_by};
use super::rows::columns;
use crate::store::day_counts::{DAY_FIELDS, count_between};
use crate::store::row_counts;
use crate::store::sql::{Parameters, Statement, bounded_sum};
use crate::store::table::table;
use streamgage::query::{Comparison, Condition, ListRequest, Page, Predicate, Subject};
use streamgage::schema::{COMMITS, MAX_INTEGER};

/// The largest offset that is skipped by reading rows.
const MAX_SKIPPED: u64 = 1_000;

/// The largest number of ids that are sorted after they are found in the range of an index. Of more ids, the page is found
/// sooner in the order of ids.
const MAX_SORTED: u64 = 10_000;

/// The largest `FROM` clause that a statement repeats, in bytes. D1 accepts statements of 100,000 bytes.
const MAX_REPEATED: usize = 20_000;

/// Returns a statement for the number of rows and one for the page, or one statement for both.
pub(super) fn statements(request: &ListRequest) -> Vec<Statement> {
    if matches_all(request) && is_by_id(request) {
        let total = Statement::new(row_counts::total(request.resource), []);
        return vec![total, Statement::build(|parameters| unfiltered_page(request, parameters))];
    }
    let mut parameters = Parameters::default();
    let from = from_clause(request, &table(request.resource), &mut parameters);
    if multiplicity(request).is_some() || from.len() > MAX_REPEATED {
        return vec![
            Statement::build(|parameters| count(request, parameters)),
            Statement::build(|parameters| page(request, parameters)),
        ];
    }
    let sql = counted_page(request, &from, &mut parameters);
    vec![parameters.into_statement(sql)]
}

/// Returns `LIMIT … OFFSET …`.
pub(super) fn limit_clause(page: Page, parameters: &mut Parameters) -> String {
    let (limit, offset) = (parameters.bind_count(page.limit), parameters.bind_count(page.offset));
    format!("LIMIT {limit} OFFSET {offset}")
}

/// Returns a query for a page of all rows in the order of ids.
fn unfiltered_page(request: &ListRequest, parameters: &mut Parameters) -> String {
    let (resource, columns, order) = (request.resource, columns(request), order_by(request));
    let Page { limit, offset, .. } = request.page;
    if offset <= MAX_SKIPPED {
        let limit = limit_clause(request.page, parameters);
        return format!("SELECT {columns} FROM {} AS t ORDER BY {order} {limit}", table(resource));
    }
    let position = row_counts::position(resource, is_descending(request), &parameters.bind_count(offset));
    format!(
        "{} SELECT {columns} FROM {} AS t WHERE {} ORDER BY {order} LIMIT {} OFFSET {}",
        position.with,
        table(resource),
        position.condition,
        parameters.bind_count(limit),
        position.offset_in_block,
    )
}

fn count(request: &ListRequest, parameters: &mut Parameters) -> String {
    let count = multiplicity(request).map_or_else(|| "COUNT(*)".to_owned(), |times| bounded_sum(&times));
    format!("SELECT {count} AS count{}", from_clause(request, &table(request.resource), parameters))
}

/// Returns a query for the page. With several joins, the last column is the number of times that the row appears on the
/// page.
fn page(request: &ListRequest, parameters: &mut Parameters) -> String {
    let (table, columns, order) = (table(request.resource), columns(request), order_by(request));
    // Only ids are sorted. Of the rows on the page alone the other columns are read.
    let from = from_clause(request, &table, parameters);
    let whole_rows = format!("CROSS JOIN {table} AS t ON t.id = row_id ORDER BY {order}");
    let Page { limit, offset, .. } = request.page;
    let end = parameters.bind_count(offset.saturating_add(limit));
    let (limit, offset) = (parameters.bind_count(limit), parameters.bind_count(offset));
    let Some(times) = multiplicity(request) else {
        let ids = format!("SELECT t.id AS row_id{from} ORDER BY {order} LIMIT {limit} OFFSET {offset}");
        return format!("SELECT {columns} FROM ({ids}) {whole_rows}");
    };
    // The page has at most `limit` distinct rows: with this limit SQLite ends the search.
    format!(
        "SELECT {columns}, times FROM (\
         SELECT row_id, CAST(max(min(until, {end}) - max(until - times, {offset}), 0) AS INTEGER) AS times FROM (\
         SELECT t.id AS row_id, {times} AS times, \
         total({times}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) AS until{from}) \
         WHERE until > {offset} LIMIT {limit}) {whole_rows}"
    )
}

/// Returns a query for both. Each row begins with the count and the id. If the page is empty, there is one row with the
/// count and a null id. No row is read twice: the count reuses the page, or counts only the rows behind it.
fn counted_page(request: &ListRequest, from: &str, parameters: &mut Parameters) -> String {
    let (table, columns, order) = (table(request.resource), columns(request), order_by(request));
    let (limit, offset) = (parameters.bind_count(request.page.limit), parameters.bind_count(request.page.offset));
    let ids = |order: &str, limit: &str| {
        format!("SELECT * FROM (SELECT t.id AS row_id{from} ORDER BY {order} LIMIT {limit} OFFSET {offset})")
    };
    // Few rows are read from the range of the index and sorted; otherwise the rows are read in the order of ids. One of the
    // two queries has a limit of 0, which costs nothing.
    let when_few = format!("iif((SELECT is_few FROM few), {limit}, 0)");
    let when_many = format!("iif((SELECT is_few FROM few), 0, {limit})");
    let is_range_by_id = is_by_id(request) && has_index_range(request);
    let with = if let Some(count) = maintained_count(request, parameters) {
        let page = if is_range_by_id {
            // `+` keeps the planner from reading the few rows in the order of ids.
            format!("{} UNION ALL {}", ids(&format!("+{order}"), &when_few), ids(&order, &when_many))
        } else {
            ids(&order, &limit)
        };
        format!(
            "counted AS MATERIALIZED ({count}), \
             few AS MATERIALIZED (SELECT count <= {MAX_SORTED} AS is_few FROM counted), \
             page AS MATERIALIZED ({page})"
        )
    } else if is_range_by_id {
        format!(
            "sample AS MATERIALIZED (SELECT t.id{from} LIMIT {MAX_SORTED} + 1), \
             few AS MATERIALIZED (SELECT COUNT(*) AS count, COUNT(*) <= {MAX_SORTED} AS is_few FROM sample), \
             page AS MATERIALIZED (\
             SELECT * FROM (SELECT t.id AS row_id FROM sample AS t ORDER BY {order} LIMIT {when_few} OFFSET {offset}) \
             UNION ALL {}), \
             counted AS MATERIALIZED (SELECT iif(is_few, count, (SELECT COUNT(*){from})) AS count FROM few)",
            ids(&order, &when_many),
        )
    } else {
        // A page that is not full ends the list. Behind a full page, the remaining rows are counted.
        let count = if !is_by_id(request) || !request.filter.joins.is_empty() {
            format!("(SELECT COUNT(*){from})")
        } else if is_descending(request) {
            format!("until + (SELECT COUNT(*){from} AND t.id < first)")
        } else {
            format!("until + (SELECT COUNT(*){from} AND t.id > last)")
        };
        format!(
            "page AS MATERIALIZED ({}), \
             counted AS MATERIALIZED (SELECT iif(size < {limit} AND (size > 0 OR {offset} = 0), until, {count}) AS count FROM (\
             SELECT COUNT(*) AS size, iif(COUNT(*) > 0, {offset}, 0) + COUNT(*) AS until, \
             coalesce(min(row_id), {MAX_INTEGER} + 1) AS first, coalesce(max(row_id), -{MAX_INTEGER} - 1) AS last FROM page))",
            ids(&order, &limit),
        )
    };
    format!(
        "WITH {with} SELECT count, coalesce(row_id, 'null') AS row_id, {columns} \
         FROM counted LEFT JOIN page LEFT JOIN {table} AS t ON t.id = row_id ORDER BY {order}"
    )
}

/// Returns a query for the number of rows, if a maintained count answers it.
fn maintained_count(request: &ListRequest, parameters: &mut Parameters) -> Option<String> {
    if matches_all(request) {
        return Some(row_counts::total(request.resource));
    }
    if let Some((field, from, until)) = date_range(request) {
        return Some(count_between(field, from, until, parameters));
    }
    let table = if has_only_flags(request) {
        "commit_count"
    } else if has_only_new_work(request) {
        "new_work_count"
    } else {
        return None;
    };
    Some(format!("SELECT {} AS count{}", bounded_sum("t.count"), from_clause(request, table, parameters)))
}

/// Returns the field of commits and its first and last moment, in microseconds, if the only conditions are its bounds.
fn date_range(request: &ListRequest) -> Option<(&'static str, Option<i64>, Option<i64>)> {
    let (mut range_field, mut from, mut until) = (None, None, None);
    for condition in request.filter.conjunction()? {
        let Subject::Field(index) = condition.subject else { return None };
        if condition.negated || range_field.is_some_and(|field| field != index) {
            return None;
        }
        match condition.predicate {
            Predicate::AtLeast(moment) => from = from.max(Some(moment)),
            Predicate::AtMost(moment) => until = Some(until.map_or(moment, |until: i64| until.min(moment))),
            _ => return None,
        }
        range_field = Some(index);
    }
    let field = request.resource.fields.get(range_field?)?.name;
    (request.resource == &COMMITS && DAY_FIELDS.contains(&field)).then_some((field, from, until))
}

/// Reports whether `commit_count` has the columns of every condition.
fn has_only_flags(request: &ListRequest) -> bool {
    let resource = request.resource;
    let is_counted = |condition: &Condition| {
        condition.flag(resource).is_some()
            || match condition.subject {
                Subject::Field(index) => resource.fields.get(index).is_some_and(|field| field.name == "repo_id"),
                Subject::Referenced(field) => {
                    field.follow(resource).is_some_and(|(reference, ..)| reference.field == "repo_id")
                }
                // Every filter of commits looks at the tags of the repository.
                Subject::Filter(_) => true,
                Subject::Flag(_) | Subject::Search => false,
            }
    };
    resource.name == COMMITS.name
        && request.filter.conjunction().is_some_and(|mut conditions| conditions.all(is_counted))
}

/// Reports whether `new_work_count` has the column of every condition. It has no commits without new_work.
fn has_only_new_work(request: &ListRequest) -> bool {
    let resource = request.resource;
    let is_counted = |condition: &Condition| {
        let Subject::Field(index) = condition.subject else { return false };
        let is_of_values = !condition.negated && !matches!(condition.predicate, Predicate::Null(_));
        is_of_values && resource.fields.get(index).is_some_and(|field| field.name == "new_work")
    };
    resource.name == COMMITS.name
        && request.filter.conjunction().is_some_and(|mut conditions| conditions.all(is_counted))
}

/// The fields of commits with an index, of which a condition may be a range.
const RANGE_FIELDS: [&str; 3] = ["author_date", "author_local_date", "new_work"];

/// Reports whether all rows lie in a range of an index.
fn has_index_range(request: &ListRequest) -> bool {
    let is_range = |condition: &Condition| {
        let Subject::Field(index) = condition.subject else { return false };
        let is_bound = match condition.predicate {
            Predicate::AtLeast(_) | Predicate::AtMost(_) => true,
            Predicate::Number(comparison, _) => comparison != Comparison::Equal,
            _ => false,
        };
        let field = request.resource.fields.get(index);
        is_bound && !condition.negated && field.is_some_and(|field| RANGE_FIELDS.contains(&field.name))
    };
    request.resource.name == COMMITS.name
        && request.filter.conjunction().is_some_and(|mut conditions| conditions.any(is_range))
}
