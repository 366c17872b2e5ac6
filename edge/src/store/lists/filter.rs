//! Which rows a list finds, and in which order, as SQL.
//!
//! SQL's logic of three values is that of the core's filters, whose evaluation in memory this is tested against.

use super::rows::whole;
use crate::store::computed_columns::{Form, instant};
use crate::store::counts;
use crate::store::sql::Parameters;
use streamgage::query::{Comparison, Condition, ListRequest, Node, Predicate, Subject};
use streamgage::schema::{COMMITS, Field, FilterTarget, Flag, Kind, Missing, Relation, Resource};

/// How deep an expression may be before it becomes a chain. D1 takes a depth of 100.
const MAX_DEPTH: usize = 40;
/// What a condition and its conversions come to at most.
const CONDITION_DEPTH: usize = 12;
/// So many terms of a search are tested by themselves.
const MAX_TERMS: usize = 8;

/// ` FROM … WHERE …`: a row `t` of that table for each time that a row is found or, where there are several joins, for
/// [`times`] times of them.
///
/// Several joins are not of rows, of which all combinations would be looked at, but of how many rows there are for which
/// the conditions come to the same.
pub(super) fn found(request: &ListRequest, table: &str, parameters: &mut Parameters) -> String {
    let mut sql = format!(" FROM {table} AS t");
    if let [join] = request.filter.joins.as_slice() {
        let (rows, owner) = related(join.relation);
        let outer = if join.outer { "LEFT " } else { "" };
        sql += &format!(" {outer}JOIN {rows} AS j0 ON j0.{owner} = {}", owner_of(request.resource));
    } else {
        sql.extend((0..request.filter.joins.len()).filter_map(|index| joined(request, index, parameters)));
    }
    if !finds_all(request) {
        sql += " WHERE ";
        sql += &condition_of(request, parameters);
    }
    sql
}

/// How many times the rows of [`found`] are found, where that is not once.
pub(super) fn times(request: &ListRequest) -> Option<String> {
    let joins = request.filter.joins.iter().enumerate();
    let times = joins.map(|(index, join)| match join.outer {
        true => format!("coalesce(j{index}.times, 1)"),
        false => format!("j{index}.times"),
    });
    (request.filter.joins.len() > 1).then(|| times.collect::<Vec<_>>().join(" * "))
}

/// One of several joins: `j…`, which has the `owner`, how many `times`, and what the conditions come to, each as `v` and
/// the place of its node. Where all conditions must be true, it has only those for which they are.
fn joined(request: &ListRequest, index: usize, parameters: &mut Parameters) -> Option<String> {
    let join = request.filter.joins.get(index)?;
    let (rows, owner) = related(join.relation);
    let mut columns = vec![format!("r.{owner} AS owner"), "COUNT(*) AS times".to_owned()];
    let mut groups = vec!["owner".to_owned()];
    let mut is_narrowed = request.filter.conjunction().is_some();
    for (node, condition) in request.filter.nodes.iter().enumerate() {
        let Some(condition) = condition.condition().filter(|condition| condition.join == Some(index)) else { continue };
        let Subject::Filter(of) = condition.subject else { continue };
        let test = test_sql(&Value::related(of, "r"), &condition.predicate, parameters);
        columns.push(format!("{test} AS v{node}"));
        groups.push(format!("v{node}"));
        // That there are no rows is what a condition may ask for.
        is_narrowed &= condition.predicate != Predicate::Null(true);
    }
    let narrow = if is_narrowed { format!(" WHERE {}", groups.get(1..)?.join(" AND ")) } else { String::new() };
    Some(format!(
        " {}JOIN (SELECT {} FROM {rows} AS r{narrow} GROUP BY {}) AS j{index} ON j{index}.owner = {}",
        // All that is looked at for each row comes behind it (`CROSS`): so a page ends the search.
        match (is_narrowed, join.outer) {
            (true, _) => "",
            (false, true) => "LEFT ",
            (false, false) => "CROSS ",
        },
        columns.join(", "),
        groups.join(", "),
        owner_of(request.resource),
    ))
}

/// A condition on the rows of one of several joins.
fn verdict(test: &Predicate, join: usize, node: usize, parameters: &mut Parameters) -> String {
    let missing = Value { kind: Kind::Text, plain: "NULL".to_owned(), folded: "NULL".to_owned(), derived: None };
    format!("iif(j{join}.owner IS NULL, {}, j{join}.v{node})", test_sql(&missing, test, parameters))
}

/// Whether every row is found.
pub(super) fn finds_all(request: &ListRequest) -> bool {
    request.filter.conditions().next().is_none()
}

/// Returns a query for the number of rows found, if imports maintain a count that answers it.
pub(super) fn maintained_count(request: &ListRequest, parameters: &mut Parameters) -> Option<String> {
    if finds_all(request) {
        return Some(counts::all(request.resource));
    }
    let counts = uses_only_flags(request).then_some("commit_count")?;
    Some(format!("SELECT {} AS count{}", whole("t.count"), found(request, counts, parameters)))
}

/// Reports whether every condition is on a column of `commit_count`.
fn uses_only_flags(request: &ListRequest) -> bool {
    let resource = request.resource;
    let is_counted = |condition: &Condition| {
        condition.flag(resource).is_some()
            || match condition.subject {
                Subject::Field(position) => resource.fields.get(position).is_some_and(|field| field.name == "repo_id"),
                // Every filter of commits is one of the repository's tags.
                Subject::Filter(_) => true,
                _ => false,
            }
    };
    resource.name == COMMITS.name
        && request.filter.conjunction().is_some_and(|mut conditions| conditions.all(is_counted))
}

/// The fields with an index that a range can be looked up in.
const RANGED: [&str; 3] = ["author_date", "author_local_date", "new_work"];

/// Whether no row is found outside a range of an index.
pub(super) fn has_range(request: &ListRequest) -> bool {
    let is_range = |condition: &Condition| {
        let Subject::Field(place) = condition.subject else { return false };
        let field = request.resource.fields.get(place).filter(|_| request.resource.name == COMMITS.name);
        let is_bound = match condition.predicate {
            Predicate::AtLeast(_) | Predicate::AtMost(_) => true,
            Predicate::Number(comparison, _) => comparison != Comparison::Equal,
            _ => false,
        };
        is_bound && !condition.negated && field.is_some_and(|field| RANGED.contains(&field.name))
    };
    request.filter.conjunction().is_some_and(|mut conditions| conditions.any(is_range))
}

/// The terms of an `ORDER BY`.
pub(super) fn order(request: &ListRequest) -> String {
    let mut terms: Vec<String> = Vec::new();
    for order in &request.ordering {
        let Some(field) = request.resource.fields.get(order.field) else { continue };
        let column = self::field(request.resource, field);
        // Null is the greatest; to SQLite it is the least.
        terms.push(match (order.descending, field.missing) {
            (false, Missing::Required) => column,
            (true, Missing::Required) => format!("{column} DESC"),
            (false, _) => format!("{column} NULLS LAST"),
            (true, _) => format!("{column} DESC NULLS FIRST"),
        });
    }
    if request.ordering.iter().all(|order| order.field != 0) {
        terms.push("t.id".to_owned());
    }
    terms.join(", ")
}

/// The rows of a relation, and the column that names whose they are.
fn related(relation: Relation) -> (&'static str, &'static str) {
    match relation {
        Relation::Aliases => ("user_alias", "apex_user_id"),
        Relation::Memberships => ("team_membership", "apex_user_id"),
        Relation::Tags => (
            "(SELECT DISTINCT repos.id AS repo_id, tag.value AS tag_id FROM repos, json_each(repos.tags) AS tag)",
            "repo_id",
        ),
    }
}

/// The column by which rows belong to a row.
fn owner_of(resource: &Resource) -> &'static str {
    if resource.name == COMMITS.name { "t.repo_id" } else { "t.id" }
}

/// An expression for the value of a field of a row `t`.
pub(super) fn field(resource: &Resource, field: &Field) -> String {
    Value::of(resource, "t", field).plain
}

/// An expression for a value, and for what `icontains` compares of it.
struct Value {
    kind: Kind,
    plain: String,
    folded: String,
    /// The derived column of a field of the row's own: NULL unless the field is folded otherwise than ASCII is.
    derived: Option<String>,
}

impl Value {
    fn of(resource: &Resource, table: &str, field: &Field) -> Value {
        let name = field.name;
        let form = Form::of(resource, field);
        let derived = form.map(|form| form.column(field)).unwrap_or_default();
        let plain = match form {
            Some(Form::Instant) => format!("coalesce({table}.{derived}, {table}.{name})"),
            _ => format!("{table}.{name}"),
        };
        let derived = format!("{table}.{derived}");
        let folded = format!("coalesce({derived}, upper({table}.{name}))");
        Value { kind: field.kind, plain, folded, derived: (form == Some(Form::Folded)).then_some(derived) }
    }

    /// Whether it contains a text. `needle` and `pattern` are what that, and its [`pattern`], are bound to.
    fn contains(&self, needle: &str, pattern: Option<&str>) -> String {
        match (&self.derived, pattern) {
            // LIKE folds ASCII as it goes: it takes half as long as to make an upper-case text of each.
            (Some(derived), Some(pattern)) => format!(
                "CASE WHEN {derived} IS NULL THEN {} LIKE {pattern} ELSE instr({derived}, {needle}) > 0 END",
                self.plain
            ),
            _ => format!("instr({}, {needle}) > 0", self.folded),
        }
    }

    /// What a filter looks at of a row that belongs to a row.
    fn related(of: FilterTarget, table: &str) -> Value {
        let text = |name: &str| Value {
            kind: Kind::Text,
            plain: format!("{table}.{name}"),
            folded: format!("coalesce({table}.{name}_folded, upper({table}.{name}))"),
            derived: None,
        };
        let name = |resource: &str, id: &str| Value {
            kind: Kind::Text,
            plain: format!("(SELECT name FROM {resource} WHERE id = {table}.{id})"),
            folded: format!("(SELECT coalesce(name_folded, upper(name)) FROM {resource} WHERE id = {table}.{id})"),
            derived: None,
        };
        let id = |id: &str| {
            let plain = format!("{table}.{id}");
            Value { kind: Kind::Integer, plain, folded: String::new(), derived: None }
        };
        match of {
            FilterTarget::AliasName => text("name"),
            FilterTarget::AliasEmail => text("email"),
            FilterTarget::Team | FilterTarget::AnyTeam => id("team_id"),
            FilterTarget::TeamName => name("teams", "team_id"),
            FilterTarget::Tag => id("tag_id"),
            FilterTarget::TagName => name("tags", "tag_id"),
            FilterTarget::Ancestor | FilterTarget::Visible => id("id"),
        }
    }
}

/// A part of the condition.
struct Part {
    value: Expression,
    /// How many of the filter's nodes it stands for.
    nodes: usize,
}

enum Expression {
    /// One that is not too deep.
    Plain { sql: String, depth: usize },
    /// One that would be: what is joined last decides first, and a `CASE` of any length is not deep. It has two values
    /// where the logic has three, so there is one `CASE` for whether it is true, and one for whether it is false.
    /// The steps are in the order in which they are joined.
    Chain { is_true: Vec<String>, is_false: Vec<String> },
}

impl Expression {
    fn one() -> Expression {
        Expression::Plain { sql: "1".to_owned(), depth: 1 }
    }

    fn is_deep(&self) -> bool {
        match self {
            Expression::Plain { depth, .. } => *depth > MAX_DEPTH,
            Expression::Chain { .. } => true,
        }
    }

    fn into_sql(self) -> (String, usize) {
        match self {
            Expression::Plain { sql, depth } => (sql, depth),
            Expression::Chain { is_true, is_false } => {
                let sql = format!("(CASE WHEN {} THEN 1 WHEN {} THEN 0 END)", case(&is_true), case(&is_false));
                (sql, MAX_DEPTH + CONDITION_DEPTH)
            }
        }
    }

    fn into_chain(self) -> (Vec<String>, Vec<String>) {
        match self {
            Expression::Plain { sql, .. } => {
                (vec![format!("ELSE {sql} IS TRUE")], vec![format!("ELSE {sql} IS FALSE")])
            }
            Expression::Chain { is_true, is_false } => (is_true, is_false),
        }
    }

    /// Joins what comes next to a deep one.
    fn extend(self, next: &str, operator: &str) -> Expression {
        let (mut is_true, mut is_false) = self.into_chain();
        if operator == "AND" {
            is_true.push(format!("WHEN {next} IS NOT TRUE THEN 0"));
            is_false.push(format!("WHEN {next} IS FALSE THEN 1"));
        } else {
            is_true.push(format!("WHEN {next} IS TRUE THEN 1"));
            is_false.push(format!("WHEN {next} IS NOT FALSE THEN 0"));
        }
        Expression::Chain { is_true, is_false }
    }

    fn negate(self) -> Expression {
        match self {
            Expression::Plain { sql, depth } => Expression::Plain { sql: format!("(NOT {sql})"), depth: depth + 1 },
            Expression::Chain { is_true, is_false } => Expression::Chain { is_true: is_false, is_false: is_true },
        }
    }
}

fn case(steps: &[String]) -> String {
    let steps: Vec<&str> = steps.iter().rev().map(String::as_str).collect();
    format!("(CASE {} END)", steps.join(" "))
}

fn condition_of(request: &ListRequest, parameters: &mut Parameters) -> String {
    let mut parts: Vec<Part> = Vec::new();
    let mut nodes = request.filter.nodes.iter().enumerate().peekable();
    while let Some((place, node)) = nodes.next() {
        let (of, negated, operator) = match node {
            Node::Condition(condition) => {
                // The terms of a search stand one after the other, and all of them must be found.
                let mut terms: Vec<&Condition> = vec![condition];
                if is_term(node) {
                    while let Some(next) = nodes.next_if(|(_, next)| is_term(next)) {
                        terms.extend(next.1.condition());
                    }
                }
                let sql = match (terms.as_slice(), condition.join) {
                    (_, Some(join)) if request.filter.joins.len() > 1 => {
                        verdict(&condition.predicate, join, place, parameters)
                    }
                    ([one], _) => condition_sql(request.resource, one, parameters),
                    (terms, _) => search(request.resource, terms, parameters),
                };
                parts.push(Part { value: Expression::Plain { sql, depth: CONDITION_DEPTH }, nodes: terms.len() });
                continue;
            }
            Node::All { of, negated } => (*of, *negated, "AND"),
            Node::Any { of, negated } => (*of, *negated, "OR"),
        };
        let mut joined = Vec::new();
        let mut left = of;
        while left > 0
            && let Some(part) = parts.pop()
        {
            left = left.saturating_sub(part.nodes);
            joined.push(part.value);
        }
        joined.reverse();
        let is_empty = joined.is_empty();
        let value = join(joined, operator);
        parts.push(Part { value: if negated && !is_empty { value.negate() } else { value }, nodes: 1 });
    }
    match parts.pop().map(|part| part.value) {
        // Of the whole nothing counts but whether it is true.
        Some(Expression::Chain { is_true, .. }) => case(&is_true),
        Some(plain) => plain.into_sql().0,
        None => "1".to_owned(),
    }
}

fn is_term(node: &Node) -> bool {
    node.condition().is_some_and(|condition| condition.subject == Subject::Search && !condition.negated)
}

/// Joins expressions; the parser makes none but the first of them deep.
fn join(mut parts: Vec<Expression>, operator: &str) -> Expression {
    let deep = parts.first().is_some_and(Expression::is_deep).then(|| parts.remove(0));
    // In pairs, so that many of them are not deep.
    let mut parts: Vec<(String, usize)> = parts.into_iter().map(Expression::into_sql).collect();
    while parts.len() > 1 {
        let mut pairs = Vec::with_capacity(parts.len().div_ceil(2));
        let mut left = parts.into_iter();
        while let Some((one, depth)) = left.next() {
            pairs.push(match left.next() {
                Some((other, other_depth)) => (format!("({one} {operator} {other})"), depth.max(other_depth) + 1),
                None => (one, depth),
            });
        }
        parts = pairs;
    }
    match (deep, parts.pop()) {
        (Some(deep), Some((next, _))) => deep.extend(&next, operator),
        (Some(deep), None) => deep,
        (None, Some((sql, depth))) => Expression::Plain { sql, depth },
        (None, None) => Expression::one(),
    }
}

/// A condition, in brackets.
fn condition_sql(resource: &Resource, condition: &Condition, parameters: &mut Parameters) -> String {
    let test = &condition.predicate;
    let sql = match (condition.subject, condition.join) {
        (Subject::Field(place), _) => {
            let field = resource.fields.get(place);
            field.map(|field| test_sql(&Value::of(resource, "t", field), test, parameters)).unwrap_or_default()
        }
        (Subject::Search, _) => {
            let term = if let Predicate::Contains(term) = test { term.as_str() } else { "" };
            contained(resource, term, parameters)
        }
        (Subject::Flag(flag), _) => flag_sql(flag).to_owned(),
        (Subject::Filter(of), join) => match (of.relation(), join) {
            (Some(_), Some(join)) => test_sql(&Value::related(of, &format!("j{join}")), test, parameters),
            (Some(relation), None) => any(resource, of, relation, test, parameters),
            (None, _) => team_sql(of, test, parameters),
        },
    };
    if condition.negated { format!("({sql} IS NOT TRUE)") } else { sql }
}

/// Whether a test holds of any of the rows that belong to a row.
fn any(
    resource: &Resource,
    of: FilterTarget,
    relation: Relation,
    test: &Predicate,
    parameters: &mut Parameters,
) -> String {
    let (rows, owner) = related(relation);
    let own = owner_of(resource);
    let holds = test_sql(&Value::related(of, "r"), test, parameters);
    let found = format!("{own} IN (SELECT r.{owner} FROM {rows} AS r WHERE {holds})");
    // To be in no team is to have no membership.
    if *test == Predicate::Null(true) {
        format!("({found} OR {own} NOT IN (SELECT r.{owner} FROM {rows} AS r WHERE r.{owner} IS NOT NULL))")
    } else {
        format!("({found})")
    }
}

/// A test of a value, in brackets.
fn test_sql(value: &Value, test: &Predicate, parameters: &mut Parameters) -> String {
    let Value { kind, plain, .. } = value;
    let mut number = |number: i64| match kind {
        Kind::DateTime => parameters.bind(instant(number)),
        _ => parameters.bind(number),
    };
    match test {
        Predicate::Never => format!("(CASE WHEN {plain} IS NOT NULL THEN 0 END)"),
        Predicate::Always => format!("(CASE WHEN {plain} IS NOT NULL THEN 1 END)"),
        Predicate::Equal(operand) => format!("({plain} = {})", number(*operand)),
        Predicate::AtLeast(operand) => format!("({plain} >= {})", number(*operand)),
        Predicate::AtMost(operand) => format!("({plain} <= {})", number(*operand)),
        Predicate::OneOf(ids) if ids.as_slice().is_empty() => "(0)".to_owned(),
        Predicate::OneOf(ids) => format!("({plain} IN ({}))", parameters.bind_ids(ids.as_slice())),
        Predicate::Number(comparison, operand) => {
            let operand = match operand.value() {
                f64::INFINITY => "9e999".to_owned(),
                f64::NEG_INFINITY => "-9e999".to_owned(),
                finite => double(finite, parameters),
            };
            let operator = match comparison {
                Comparison::Equal => "=",
                Comparison::Greater => ">",
                Comparison::AtLeast => ">=",
                Comparison::Less => "<",
                Comparison::AtMost => "<=",
            };
            format!("({plain} {operator} {operand})")
        }
        Predicate::Text(text) => format!("({plain} = {})", parameters.bind(text.clone())),
        Predicate::TextOneOf(texts) => format!("({plain} IN ({}))", parameters.bind_texts(texts)),
        Predicate::Contains(part) => {
            let needle = parameters.bind(part.clone());
            // What is bound has to be asked for.
            let pattern = value.derived.as_ref().and_then(|_| pattern(part)).map(|pattern| parameters.bind(pattern));
            format!("({})", value.contains(&needle, pattern.as_deref()))
        }
        Predicate::StartsWith(start) => {
            let from = format!("{plain} >= {}", parameters.bind(start.clone()));
            match after(start) {
                Some(end) => format!("({from} AND {plain} < {})", parameters.bind(end)),
                None => format!("({from})"),
            }
        }
        Predicate::Null(true) => format!("({plain} IS NULL)"),
        Predicate::Null(false) => format!("({plain} IS NOT NULL)"),
    }
}

/// A double, as SQL: a whole number, as often halved or doubled as it takes. Nothing of it is rounded, and no fraction is
/// written.
fn double(value: f64, parameters: &mut Parameters) -> String {
    const HIDDEN_BIT: u64 = 1 << 52;
    // The most bits that SQLite shifts a 1 by to the left without a sign.
    const MAX_SHIFT: i32 = 62;
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i32, bits & (HIDDEN_BIT - 1));
    let whole = if exponent == 0 { fraction } else { fraction | HIDDEN_BIT };
    let zeros = whole.trailing_zeros().min(52);
    let mut exponent = if whole == 0 { 0 } else { exponent.max(1) - 1_075 + zeros as i32 };
    let whole = (whole >> zeros) as i64;
    let mut sql = format!("({} * 1.0", parameters.bind(if value < 0.0 { -whole } else { whole }));
    while exponent != 0 {
        let shift = exponent.clamp(-MAX_SHIFT, MAX_SHIFT);
        sql.push_str(&format!(" {} (1 << {})", if shift < 0 { '/' } else { '*' }, shift.abs()));
        exponent -= shift;
    }
    sql.push(')');
    sql
}

/// The first text that comes after all that begin with this one; `None` if there is none.
fn after(start: &str) -> Option<String> {
    let mut text = start.to_owned();
    while let Some(last) = text.pop() {
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

/// The most bytes of a pattern that D1 takes.
const MAX_PATTERN: usize = 50;

/// The pattern of LIKE for what contains a text; `None` where D1 would not take it, or LIKE would take it otherwise.
fn pattern(text: &str) -> Option<String> {
    let is_special = |byte| matches!(byte, b'%' | b'_' | 0);
    (text.len() + 2 <= MAX_PATTERN && !text.bytes().any(is_special)).then(|| format!("%{text}%"))
}

/// Whether one of the search fields holds a term.
fn contained(resource: &Resource, term: &str, parameters: &mut Parameters) -> String {
    let needle = parameters.bind(term.to_owned());
    let pattern = pattern(term).map(|pattern| parameters.bind(pattern));
    any_contains(resource, &needle, pattern.as_deref())
}

/// The same, of what a term and its [`pattern`] are bound to.
fn any_contains(resource: &Resource, needle: &str, pattern: Option<&str>) -> String {
    let fields = resource.fields.iter().filter(|field| field.capabilities.is_searchable());
    let contains: Vec<String> = fields.map(|field| Value::of(resource, "t", field).contains(needle, pattern)).collect();
    format!("({})", contains.join(" OR "))
}

/// Whether all terms are found. The longest, which the fewest texts hold, go first, so that most texts are looked through
/// once; of many the database goes through the list of those that are left.
fn search(resource: &Resource, terms: &[&Condition], parameters: &mut Parameters) -> String {
    let term =
        |term: &&Condition| if let Predicate::Contains(term) = &term.predicate { Some(term.clone()) } else { None };
    let mut texts: Vec<String> = terms.iter().filter_map(term).collect();
    texts.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    texts.dedup();
    let rest = texts.split_off(texts.len().min(MAX_TERMS));
    let mut conditions: Vec<String> = texts.iter().map(|term| contained(resource, term, parameters)).collect();
    if !rest.is_empty() {
        let terms = parameters.bind_texts(&rest);
        let contained = any_contains(resource, "value", None);
        conditions.push(format!(
            "(SELECT CASE WHEN min(is_found) = 0 THEN 0 WHEN count(is_found) = count(*) THEN 1 END \
             FROM (SELECT {contained} AS is_found FROM ({terms})))"
        ));
    }
    format!("({})", conditions.join(" AND "))
}

/// A flag that is no condition on a field. It keeps most rows: so no index is to be used for it (`+`), but the order of
/// ids, in which a page ends the search.
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

/// A filter of teams that looks at more than a field.
fn team_sql(of: FilterTarget, test: &Predicate, parameters: &mut Parameters) -> String {
    match (of, test) {
        (FilterTarget::Visible, Predicate::Equal(wanted)) => {
            format!("((t.visibility IS 'SHOW') = {})", parameters.bind(*wanted))
        }
        // UNION keeps each team once: so a circle of parents comes to its end.
        (FilterTarget::Ancestor, Predicate::Equal(ancestor)) => format!(
            "(t.id IN (WITH RECURSIVE below(id) AS (SELECT CAST({} AS INTEGER) \
             UNION SELECT teams.id FROM below JOIN teams ON teams.parent = below.id) SELECT id FROM below))",
            parameters.bind(*ancestor)
        ),
        _ => "(0)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{after, double};
    use crate::store::sql::{Parameter, Parameters};
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    use proptest::prelude::*;

    #[test]
    fn what_comes_after_a_start() {
        for (start, end) in [
            ("a", Some("b")),
            ("a\u{7f}", Some("a\u{80}")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
        ] {
            assert_eq!(after(start).as_deref(), end, "{start}");
        }
    }

    fn of_sqlite(value: f64, integers: bool) -> f64 {
        let mut parameters = Parameters::default();
        let sql = double(value, &mut parameters);
        let statement = parameters.into_statement(format!("SELECT {sql}"));
        let [Parameter::Integer(whole)] = statement.parameters[..] else { panic!("{statement:?}") };
        let database = rusqlite::Connection::open_in_memory().unwrap();
        // A value that is bound is a double; one of the list of those that are left is whole.
        let whole = if integers { whole.into() } else { rusqlite::types::Value::Real(whole as f64) };
        database.query_row(&statement.sql, [whole], |row| row.get(0)).unwrap()
    }

    #[test]
    fn doubles() {
        for (value, sql) in [
            (0.0, "(?1 * 1.0)"),
            (-7.0, "(?1 * 1.0)"),
            (8.0, "(?1 * 1.0 * (1 << 3))"),
            (0.75, "(?1 * 1.0 / (1 << 2))"),
            (0.1, "(?1 * 1.0 / (1 << 55))"),
            (1e30, "(?1 * 1.0 * (1 << 48))"),
        ] {
            assert_eq!(double(value, &mut Parameters::default()), sql);
        }
        for value in [0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::from_bits(1), -f64::from_bits(1)] {
            assert_eq!((of_sqlite(value, false), of_sqlite(value, true)), (value, value));
        }
    }

    proptest! {
        #[test]
        fn a_double_is_itself(value in POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO, integers in any::<bool>()) {
            prop_assert_eq!(of_sqlite(value, integers), value);
        }
    }
}
