//! `filters=(q) & (q) | ~(q)`, parsed like the framework does.

use super::Predicate;
use super::condition;
use super::filter::{
    Filter, MAX_CONDITIONS, MAX_CONTAINS_CONDITIONS, MAX_JOINED_CONDITIONS, MAX_JOINED_CONDITIONS_OF_COMMITS, Operator,
    Term,
};
use crate::query::errors::{
    bad_operator, no_expression, too_many_conditions, too_many_contained, too_many_joined, trailing,
};
use crate::query::parameters::unquote;
use crate::query::{Parameters, ValidationErrors};
use crate::schema::{COMMITS, Resource};
use crate::text::trim;
use alloc::string::String;
use alloc::vec::Vec;

const FILTERS: &str = "filters";

/// A query in brackets.
struct BracketedQuery<'a> {
    negated: bool,
    query: &'a str,
    /// The text between its bracket and the next; `None` if there is no next bracket.
    operator: Option<&'a str>,
}

/// Parses an expression that is not blank.
pub(super) fn parse(resource: &'static Resource, expression: &str) -> Result<Filter, ValidationErrors> {
    let decoded = unquote(expression);
    let (terms, rest) = terms(&decoded);
    let mut errors = ValidationErrors::default();
    if terms.is_empty() {
        errors.add(FILTERS, no_expression(&decoded));
        return Err(errors);
    }
    let mut operators = Vec::with_capacity(terms.len());
    let between = terms.split_last().map_or(&[][..], |(_, before)| before);
    for text in between.iter().filter_map(|term| term.operator) {
        match trim(text) {
            "&" => operators.push(Operator::And),
            "|" => operators.push(Operator::Or),
            _ => errors.add(FILTERS, bad_operator(text)),
        }
    }
    if !rest.is_empty() {
        errors.add(FILTERS, trailing(rest));
    }
    if !errors.is_empty() {
        return Err(errors);
    }

    let mut queries = Vec::with_capacity(terms.len());
    let mut inside = ValidationErrors::default();
    // Sorted, to report each invalid query once.
    let mut failed: Vec<String> = Vec::new();
    // The first query has no operator.
    let operators = core::iter::once(None).chain(operators.into_iter().map(Some));
    for (term, operator) in terms.iter().zip(operators) {
        let query = unquote(term.query);
        match condition::parse(resource, &Parameters::parse(&query)) {
            Ok(conditions) => queries.push(Term { operator, negated: term.negated, conditions }),
            Err(errors) => {
                if let Err(place) = failed.binary_search_by(|other| other.as_str().cmp(&query)) {
                    failed.insert(place, query.clone().into_owned());
                    inside.add_inside(&query, errors);
                }
            }
        }
    }
    if !inside.is_empty() {
        errors.add_inside(FILTERS, inside);
        return Err(errors);
    }
    let filter = Filter::of_terms(queries);
    let joined = filter.conditions().filter(|condition| condition.join.is_some()).count();
    let is_many = resource.name == COMMITS.name && filter.conjunction().is_none();
    let most = if is_many { MAX_JOINED_CONDITIONS_OF_COMMITS } else { MAX_JOINED_CONDITIONS };
    if filter.joins.len() > 1 && joined > most {
        errors.add(FILTERS, too_many_joined(most));
        return Err(errors);
    }
    let contained =
        filter.conditions().filter(|condition| matches!(condition.predicate, Predicate::Contains(_))).count();
    if resource.name == COMMITS.name && contained > MAX_CONTAINS_CONDITIONS {
        errors.add(FILTERS, too_many_contained(MAX_CONTAINS_CONDITIONS));
        return Err(errors);
    }
    if filter.conditions().count() > MAX_CONDITIONS {
        errors.add(FILTERS, too_many_conditions(MAX_CONDITIONS));
        return Err(errors);
    }
    Ok(filter)
}

/// Returns the queries of an expression, decoded.
pub(super) fn queries(expression: &str) -> Vec<String> {
    let decoded = unquote(expression);
    terms(&decoded).0.iter().map(|term| unquote(term.query).into_owned()).collect()
}

/// Returns the queries in brackets and the text after the last. Text before the first query and empty pairs of brackets
/// are skipped.
fn terms(text: &str) -> (Vec<BracketedQuery<'_>>, &str) {
    let mut terms = Vec::new();
    let mut rest = text;
    let mut after_last = text;
    while let Some((before, after)) = rest.split_once('(') {
        let Some((query, after)) = after.split_once(')') else { break };
        rest = after;
        if query.is_empty() {
            continue;
        }
        let operator = after.split_once('(').map(|(operator, _)| operator.strip_suffix('~').unwrap_or(operator));
        terms.push(BracketedQuery { negated: before.ends_with('~'), query, operator });
        after_last = after.get(operator.map_or(0, str::len)..).unwrap_or_default();
    }
    (terms, after_last)
}
