//! The filter of a list as `FROM … WHERE …`.
//!
//! SQL's three-valued logic is that of the core's filters. Tests compare the results with the core's evaluation in memory.

use super::column::Column;
use super::condition::{condition_sql, owner_column, related_table, search_sql};
use super::expression::{Expression, Operator};
use super::predicate::predicate_sql;
use crate::store::sql::Parameters;
use streamgage::query::{Condition, ListRequest, Node, Predicate, Subject};

/// Returns ` FROM … WHERE …` with the rows `t` of a table, which has the columns that the conditions compare.
///
/// A row appears once for each time it is found. With several joins it appears once for each of their groups, and is found
/// [`multiplicity`] times: joining groups of related rows with equal outcomes avoids all combinations of related rows.
pub(super) fn from_clause(request: &ListRequest, table: &str, parameters: &mut Parameters) -> String {
    let mut sql = format!(" FROM {table} AS t");
    if let [join] = request.filter.joins.as_slice() {
        let (related, reference) = related_table(join.relation);
        let outer = if join.outer { "LEFT " } else { "" };
        sql += &format!(" {outer}JOIN {related} AS j0 ON j0.{reference} = {}", owner_column(request.resource));
    } else {
        sql.extend((0..request.filter.joins.len()).filter_map(|index| grouped_join(request, index, parameters)));
    }
    if !matches_all(request) {
        sql += " WHERE ";
        sql += &where_clause(request, parameters);
    }
    sql
}

/// Reports whether the filter has no conditions. A negation of empty expressions is not true.
pub(super) fn matches_all(request: &ListRequest) -> bool {
    request.filter.nodes.iter().all(|node| match node {
        Node::Condition(_) => false,
        Node::All { of, negated } | Node::Any { of, negated } => *of == 0 || !negated,
    })
}

/// Returns the number of times that a row of [`from_clause`] is found, unless it is always 1.
pub(super) fn multiplicity(request: &ListRequest) -> Option<String> {
    let joins = request.filter.joins.iter().enumerate();
    let times = joins.map(|(index, join)| match join.outer {
        true => format!("coalesce(j{index}.times, 1)"),
        false => format!("j{index}.times"),
    });
    has_grouped_joins(request).then(|| times.collect::<Vec<_>>().join(" * "))
}

pub(super) fn has_grouped_joins(request: &ListRequest) -> bool {
    request.filter.joins.len() > 1
}

/// Returns one of several joins. A row of it has an `owner`, the number of related rows as `times`, and the outcome of each
/// condition on them as `v` and the index of the condition's node. If the conditions are a conjunction, it has only the
/// rows for which all of them are true.
fn grouped_join(request: &ListRequest, index: usize, parameters: &mut Parameters) -> Option<String> {
    let join = request.filter.joins.get(index)?;
    let (table, reference) = related_table(join.relation);
    let mut columns = vec![format!("r.{reference} AS owner"), "COUNT(*) AS times".to_owned()];
    let mut groups = vec!["owner".to_owned()];
    let mut is_narrowed = request.filter.conjunction().is_some();
    for (node, condition) in request.filter.nodes.iter().enumerate() {
        let Some(condition) = condition.condition().filter(|condition| condition.join == Some(index)) else { continue };
        let Subject::Filter(target) = condition.subject else { continue };
        let outcome = predicate_sql(&Column::of_related(target, "r"), &condition.predicate, parameters);
        columns.push(format!("{outcome} AS v{node}"));
        groups.push(format!("v{node}"));
        // This condition is true of owners without related rows, which the join has to keep.
        is_narrowed &= condition.predicate != Predicate::Null(true);
    }
    let narrow = if is_narrowed { format!(" WHERE {}", groups.get(1..)?.join(" AND ")) } else { String::new() };
    let kind = match (is_narrowed, join.outer) {
        (true, _) => "",
        (false, true) => "LEFT ",
        // A page ends the search only if the rows `t` are the outer loop.
        (false, false) => "CROSS ",
    };
    Some(format!(
        " {kind}JOIN (SELECT {} FROM {table} AS r{narrow} GROUP BY {}) AS j{index} ON j{index}.owner = {}",
        columns.join(", "),
        groups.join(", "),
        owner_column(request.resource),
    ))
}

/// Returns the outcome of a condition on the related rows of a [`grouped_join`].
fn joined_outcome(predicate: &Predicate, join: usize, node: usize, parameters: &mut Parameters) -> String {
    let missing = predicate_sql(&Column::null(), predicate, parameters);
    format!("iif(j{join}.owner IS NULL, {missing}, j{join}.v{node})")
}

/// An operand of the condition that is being written.
struct Operand {
    expression: Expression,
    /// The number of the filter's nodes that it stands for.
    nodes: usize,
}

fn where_clause(request: &ListRequest, parameters: &mut Parameters) -> String {
    let mut operands: Vec<Operand> = Vec::new();
    let mut nodes = request.filter.nodes.iter().enumerate().peekable();
    while let Some((index, node)) = nodes.next() {
        let (count, negated, operator) = match node {
            Node::Condition(condition) => {
                // The terms of a search are adjacent and all of them are required, so that they become one condition.
                let mut terms: Vec<&Condition> = vec![condition];
                if is_search_term(node) {
                    while let Some((_, next)) = nodes.next_if(|(_, next)| is_search_term(next)) {
                        terms.extend(next.condition());
                    }
                }
                let sql = match (terms.as_slice(), condition.join) {
                    (_, Some(join)) if has_grouped_joins(request) => {
                        joined_outcome(&condition.predicate, join, index, parameters)
                    }
                    ([condition], _) => condition_sql(request, condition, parameters),
                    (terms, _) => search_sql(request.resource, terms, parameters),
                };
                operands.push(Operand { expression: Expression::condition(sql), nodes: terms.len() });
                continue;
            }
            Node::All { of, negated } => (*of, *negated, Operator::And),
            Node::Any { of, negated } => (*of, *negated, Operator::Or),
        };
        let mut combined = Vec::new();
        let mut left = count;
        while left > 0
            && let Some(operand) = operands.pop()
        {
            left = left.saturating_sub(operand.nodes);
            combined.push(operand.expression);
        }
        combined.reverse();
        // No operands are true, negated or not.
        let negated = negated && !combined.is_empty();
        let expression = Expression::combine(combined, operator);
        operands.push(Operand { expression: if negated { expression.negate() } else { expression }, nodes: 1 });
    }
    operands.pop().map_or_else(|| "1".to_owned(), |operand| operand.expression.into_where_clause())
}

fn is_search_term(node: &Node) -> bool {
    node.condition().is_some_and(|condition| condition.subject == Subject::Search && !condition.negated)
}
