//! Single conditions of a filter as SQL.

use super::column::{Column, like_pattern};
use super::predicate::predicate_sql;
use crate::store::sql::Parameters;
use streamgage::query::{Condition, Predicate, Subject};
use streamgage::schema::{COMMITS, Field, FilterTarget, Flag, Kind, Relation, Resource};

/// The number of search terms with a condition of their own.
const MAX_TERMS: usize = 8;

/// Returns a condition on a row `t`, in parentheses.
pub(super) fn condition_sql(resource: &Resource, condition: &Condition, parameters: &mut Parameters) -> String {
    let predicate = &condition.predicate;
    let sql = match (condition.subject, condition.join) {
        (Subject::Field(index), _) => {
            let field = resource.fields.get(index);
            let sql = field.map(|field| match field.kind {
                Kind::Ids => any_id(field, predicate, parameters),
                _ => predicate_sql(&Column::of_field(resource, "t", field), predicate, parameters),
            });
            sql.unwrap_or_default()
        }
        (Subject::Search, _) => {
            let term = if let Predicate::Contains(term) = predicate { term.as_str() } else { "" };
            contains_term(resource, term, parameters)
        }
        (Subject::Flag(flag), _) => flag_sql(flag).to_owned(),
        (Subject::Filter(target), join) => match (target.relation(), join) {
            (Some(_), Some(join)) => {
                predicate_sql(&Column::of_related(target, &format!("j{join}")), predicate, parameters)
            }
            (Some(relation), None) => any_related(resource, target, relation, predicate, parameters),
            (None, _) => team_filter(target, predicate, parameters),
        },
    };
    if condition.negated { format!("({sql} IS NOT TRUE)") } else { sql }
}

/// Returns the condition that one of a field's ids matches. A list without ids is null.
fn any_id(field: &Field, predicate: &Predicate, parameters: &mut Parameters) -> String {
    let ids = format!("json_each(t.filter_values, '$.{}') AS item", field.name);
    match predicate {
        Predicate::Null(true) => format!("(NOT EXISTS (SELECT 1 FROM {ids}))"),
        Predicate::Null(false) => format!("(EXISTS (SELECT 1 FROM {ids}))"),
        _ => {
            let matches = predicate_sql(&Column::integer("item.value"), predicate, parameters);
            format!("(EXISTS (SELECT 1 FROM {ids} WHERE {matches}))")
        }
    }
}

/// Returns the table of related rows, and its column that refers to [`owner_column`].
pub(super) fn related_table(relation: Relation) -> (&'static str, &'static str) {
    match relation {
        Relation::Aliases => ("user_alias", "apex_user_id"),
        Relation::Memberships => ("team_membership", "apex_user_id"),
        Relation::Tags => (
            "(SELECT DISTINCT repos.id AS repo_id, tag.value AS tag_id FROM repos, json_each(repos.tags) AS tag)",
            "repo_id",
        ),
    }
}

/// Returns the column of a row `t` that related rows refer to.
pub(super) fn owner_column(resource: &Resource) -> &'static str {
    if resource.name == COMMITS.name { "t.repo_id" } else { "t.id" }
}

/// Returns the condition that a predicate holds of any related row.
fn any_related(
    resource: &Resource,
    target: FilterTarget,
    relation: Relation,
    predicate: &Predicate,
    parameters: &mut Parameters,
) -> String {
    let (table, reference) = related_table(relation);
    let owner = owner_column(resource);
    let holds = predicate_sql(&Column::of_related(target, "r"), predicate, parameters);
    let matches = format!("{owner} IN (SELECT r.{reference} FROM {table} AS r WHERE {holds})");
    // The column of a related row that does not exist is null.
    if *predicate == Predicate::Null(true) {
        let all = format!("SELECT r.{reference} FROM {table} AS r WHERE r.{reference} IS NOT NULL");
        format!("({matches} OR {owner} NOT IN ({all}))")
    } else {
        format!("({matches})")
    }
}

/// Returns the condition that one of the search fields contains a term.
fn contains_term(resource: &Resource, term: &str, parameters: &mut Parameters) -> String {
    let text = parameters.bind(term.to_owned());
    // D1 rejects bound values that the statement does not use.
    let uses_pattern = search_columns(resource).any(|column| column.uses_pattern());
    let pattern = like_pattern(term).filter(|_| uses_pattern).map(|pattern| parameters.bind(pattern));
    any_field_contains(resource, &text, pattern.as_deref())
}

/// Returns the same condition for the parameters of a term and of its [`like_pattern`].
fn any_field_contains(resource: &Resource, text: &str, pattern: Option<&str>) -> String {
    let conditions = search_columns(resource).map(|column| column.contains(text, pattern));
    format!("({})", conditions.collect::<Vec<_>>().join(" OR "))
}

fn search_columns(resource: &Resource) -> impl Iterator<Item = Column> {
    let fields = resource.fields.iter().filter(|field| field.capabilities.is_searchable());
    fields.map(|field| Column::of_field(resource, "t", field))
}

/// Returns the condition that each search term is contained in one of the search fields. The longest terms, which the
/// fewest texts contain, come first, so that most texts are searched once.
pub(super) fn search_sql(resource: &Resource, terms: &[&Condition], parameters: &mut Parameters) -> String {
    let term = |term: &&Condition| match &term.predicate {
        Predicate::Contains(term) => Some(term.clone()),
        _ => None,
    };
    let mut texts: Vec<String> = terms.iter().filter_map(term).collect();
    texts.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    texts.dedup();
    let rest = texts.split_off(texts.len().min(MAX_TERMS));
    let mut conditions: Vec<String> = texts.iter().map(|term| contains_term(resource, term, parameters)).collect();
    if !rest.is_empty() {
        let terms = parameters.bind_texts(&rest);
        let contains = any_field_contains(resource, "value", None);
        conditions.push(format!(
            "(SELECT CASE WHEN min(is_found) = 0 THEN 0 WHEN count(is_found) = count(*) THEN 1 END \
             FROM (SELECT {contains} AS is_found FROM ({terms})))"
        ));
    }
    format!("({})", conditions.join(" AND "))
}

/// Returns the condition of a flag that is not a condition on a field. Most rows pass, so that the unary `+` excludes
/// indexes: in the order of ids a page ends the search.
fn flag_sql(flag: Flag) -> &'static str {
    match flag {
        Flag::RemoveExcluded => "(+t.apex_user_id NOT IN (SELECT id FROM users WHERE hidden_from_reports = 1))",
        Flag::SmartDedupe => "(t.is_duplicate = 0)",
        Flag::ExcludeWeekends => "(t.is_weekday)",
        Flag::ExcludeBlocked => {
            "(+t.repo_id IN (SELECT id FROM repos WHERE blocked IS NOT 1 AND oldest_commit_date IS NOT NULL))"
        }
        Flag::ExcludeOutliers
        | Flag::ExcludePrOrphans
        | Flag::ExcludeMerge
        | Flag::NormalizeAuthors
        | Flag::ApplyDefaultFilters => "(1)",
    }
}

/// Returns the condition of a filter of teams that is not a condition on a field.
fn team_filter(target: FilterTarget, predicate: &Predicate, parameters: &mut Parameters) -> String {
    match (target, predicate) {
        (FilterTarget::Visible, Predicate::Equal(wanted)) => {
            format!("((t.visibility IS 'SHOW') = {})", parameters.bind(*wanted))
        }
        // UNION keeps each team once, so that the recursion ends even if teams are nested in a circle.
        (FilterTarget::Ancestor, Predicate::Equal(ancestor)) => format!(
            "(t.id IN (WITH RECURSIVE below(id) AS (SELECT CAST({} AS INTEGER) \
             UNION SELECT teams.id FROM below JOIN teams ON teams.parent = below.id) SELECT id FROM below))",
            parameters.bind(*ancestor)
        ),
        _ => "(0)".to_owned(),
    }
}
