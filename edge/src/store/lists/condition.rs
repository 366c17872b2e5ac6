//! Single conditions of a filter as SQL.

use super::column::{Column, like_pattern};
use super::predicate::predicate_sql;
use crate::store::sql::Parameters;
use crate::store::table::table as rows_of;
use streamgage::query::{Condition, ListRequest, Predicate, Subject};
use streamgage::schema::{COMMITS, Field, FilterTarget, Flag, Kind, Relation, Resource, TEAM_MEMBERSHIP, TEAMS};

/// The number of search terms with a condition of their own.
const MAX_TERMS: usize = 8;

/// Returns a condition on a row `t`, in parentheses.
pub(super) fn condition_sql(request: &ListRequest, condition: &Condition, parameters: &mut Parameters) -> String {
    let (resource, predicate) = (request.resource, &condition.predicate);
    let sql = match (condition.subject, condition.join) {
        (subject @ (Subject::Field(_) | Subject::Referenced(_)), _) => {
            // Sets of ids are faster, but do not tell false from unknown, and do not contain objects that do not exist.
            let uses_sets = request.filter.conjunction().is_some() && *predicate != Predicate::Null(true);
            subject_sql(resource, "t", subject, uses_sets, predicate, parameters).unwrap_or_default()
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
            (None, _) => team_filter(resource, target, predicate, parameters),
        },
    };
    if condition.negated { format!("({sql} IS NOT TRUE)") } else { sql }
}

/// Returns the condition that one of a field's ids matches. A list without ids is null.
fn any_id(table: &str, field: &Field, predicate: &Predicate, parameters: &mut Parameters) -> String {
    let ids = format!("json_each({table}.filter_values, '$.{}') AS item", field.name);
    match predicate {
        Predicate::Null(true) => format!("(NOT EXISTS (SELECT 1 FROM {ids}))"),
        Predicate::Null(false) => format!("(EXISTS (SELECT 1 FROM {ids}))"),
        _ => {
            let matches = predicate_sql(&Column::integer("item.value"), predicate, parameters);
            format!("(EXISTS (SELECT 1 FROM {ids} WHERE {matches}))")
        }
    }
}

/// Returns the condition on a field, or on that of an object that a field refers to. With sets, the condition is that the
/// object is in the set of those that match.
fn subject_sql(
    resource: &Resource,
    table: &str,
    subject: Subject,
    uses_sets: bool,
    predicate: &Predicate,
    parameters: &mut Parameters,
) -> Option<String> {
    let field = match subject {
        Subject::Field(index) if resource.fields.get(index)?.kind == Kind::Ids => {
            return Some(any_id(table, resource.fields.get(index)?, predicate, parameters));
        }
        Subject::Referenced(field) if uses_sets => field,
        _ => return Some(predicate_sql(&Column::of_subject(resource, table, subject)?, predicate, parameters)),
    };
    let (reference, other, subject) = field.follow(resource)?;
    let id = Column::of_name(resource, table, reference.field)?.plain;
    let object = format!("{table}_object");
    let matches = subject_sql(other, &object, subject, uses_sets, predicate, parameters)?;
    Some(format!("({id} IN (SELECT {object}.id FROM {} AS {object} WHERE {matches}))", rows_of(other)))
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

/// Returns the condition of a filter on the team of a row, or on the teams above and below it.
fn team_filter(
    resource: &Resource,
    target: FilterTarget,
    predicate: &Predicate,
    parameters: &mut Parameters,
) -> String {
    let mut column = |name: &str| {
        let column = Column::of_name(&TEAMS, "start", name);
        column.map_or_else(|| "0".to_owned(), |column| predicate_sql(&column, predicate, parameters))
    };
    let start = match (target, predicate) {
        (FilterTarget::Visible, Predicate::Equal(wanted)) => {
            return format!("((t.visibility IS 'SHOW') = {})", parameters.bind(*wanted));
        }
        (FilterTarget::Root, _) => {
            return "(t.parent IS NULL OR NOT EXISTS (SELECT 1 FROM teams WHERE teams.id = t.parent))".to_owned();
        }
        // UNION keeps each team once, so that the recursion ends even if teams are nested in a circle.
        (FilterTarget::Ancestor, Predicate::Equal(ancestor)) => {
            let below = format!(
                "WITH RECURSIVE below(id) AS (SELECT CAST({} AS INTEGER) \
                 UNION SELECT teams.id FROM below JOIN teams ON teams.parent = below.id) SELECT id FROM below",
                parameters.bind(*ancestor)
            );
            return match resource.name == TEAM_MEMBERSHIP.name {
                true => format!("(t.team_id IN ({below}) IS TRUE)"),
                false => format!("(t.id IN ({below}))"),
            };
        }
        (FilterTarget::Descendant, _) => column("id"),
        (FilterTarget::DescendantName, _) => column("name"),
        (FilterTarget::DescendantDescription, _) => column("description"),
        (FilterTarget::DescendantText, _) => format!("({} OR {})", column("name"), column("description")),
        _ => return "(0)".to_owned(),
    };
    format!(
        "(t.id IN (WITH RECURSIVE above(id) AS (SELECT start.id FROM teams AS start WHERE {start} \
         UNION SELECT teams.parent FROM above JOIN teams ON teams.id = above.id) SELECT id FROM above \
         WHERE id IS NOT NULL))"
    )
}
