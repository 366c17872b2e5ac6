//! Parameters that are conditions.

use super::Predicate;
use crate::query::{Parameters, ValidationErrors};
use crate::schema::{
    COMMITS, Field, FieldCapabilities, FilterTarget, Flag, Kind, Lookup, OperandType, Relation, Resource,
};
use alloc::{string::String, vec, vec::Vec};

/// A condition on a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// What is looked at.
    pub subject: Subject,
    /// What must hold of it.
    pub predicate: Predicate,
    /// Whether it is turned round (`!`): true where the predicate is false, and where it is unknown, as of a null. On rows
    /// that belong to the row: true where the predicate holds of none of them.
    pub negated: bool,
    /// Where rows that belong to the row are looked at, and it is not negated: the join whose row is meant, as a
    /// place in [`Filter::joins`](super::Filter::joins).
    pub join: Option<usize>,
}

/// What a condition looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A field, by its place in [`fields`](Resource::fields).
    Field(usize),
    /// What a filter looks at that is no field.
    Filter(FilterTarget),
    /// A flag of commits that is no condition on a field; the predicate is [`Predicate::Equal`] with 1, which is true.
    Flag(Flag),
    /// The fields that `search` looks at: the predicate must hold of one of them.
    Search,
}

impl Subject {
    /// The rows that it is looked for in, where these are others than the row itself.
    pub const fn relation(self) -> Option<Relation> {
        match self {
            Subject::Filter(of) => of.relation(),
            Subject::Field(_) | Subject::Flag(_) | Subject::Search => None,
        }
    }
}

impl Condition {
    pub(super) fn new(subject: Subject, predicate: Predicate) -> Condition {
        Condition { subject, predicate, negated: false, join: None }
    }

    /// The flag that it stands for, if it does.
    pub fn flag(&self, resource: &Resource) -> Option<Flag> {
        const OUTLIER_REASON: usize = COMMITS.field_index("outlier_reason");
        const IS_PR_ORPHAN: usize = COMMITS.field_index("is_pr_orphan");
        const IS_MERGE: usize = COMMITS.field_index("is_merge");
        match (self.subject, &self.predicate) {
            (Subject::Flag(flag), _) => Some(flag),
            _ if self.negated || resource.flags.is_empty() => None,
            (Subject::Field(OUTLIER_REASON), Predicate::Null(true)) => Some(Flag::ExcludeOutliers),
            (Subject::Field(IS_PR_ORPHAN), Predicate::Equal(0)) => Some(Flag::ExcludePrOrphans),
            (Subject::Field(IS_MERGE), Predicate::Equal(0)) => Some(Flag::ExcludeMerge),
            _ => None,
        }
    }
}

/// The conditions of a query's parameters, sorted; which join each is of is not yet known.
pub(super) fn parse(
    resource: &'static Resource,
    parameters: &Parameters<'_>,
) -> Result<Vec<Condition>, ValidationErrors> {
    let mut conditions = Vec::new();
    let mut errors = ValidationErrors::default();
    for (name, value, filter) in sent(resource, parameters) {
        match filter.predicate(value) {
            Ok(Some(predicate)) => {
                conditions.push(Condition { negated: filter.negated, ..Condition::new(filter.subject, predicate) })
            }
            Ok(None) => {}
            Err(message) => errors.add(name, message),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    for &flag in resource.flags.iter().filter(|&&flag| is_set(resource, parameters, flag)) {
        conditions.extend(of_flag(resource, flag));
    }
    conditions.sort();
    // Of what is no join, once is as good as twice, and the narrower of two bounds as good as both. The later one in
    // order is dropped or, where it is the narrower, takes the place of the other.
    conditions.dedup_by(|next, kept| {
        let same = (next.subject, next.negated) == (kept.subject, kept.negated);
        if !same || !next.negated && next.subject.relation().is_some() {
            return false;
        }
        let next_is_narrower = match (&kept.predicate, &next.predicate) {
            (Predicate::AtLeast(_), Predicate::AtLeast(_)) => !next.negated,
            (Predicate::AtMost(_), Predicate::AtMost(_)) => next.negated,
            (kept, next) => return kept == next,
        };
        if next_is_narrower {
            core::mem::swap(next, kept);
        }
        true
    });
    Ok(conditions)
}

/// Whether a flag is set.
pub(super) fn is_set(resource: &Resource, parameters: &Parameters<'_>, flag: Flag) -> bool {
    let value = parameters.value(flag.name());
    resource.flags.contains(&flag) && value.and_then(super::predicate::boolean) == Some(true)
}

/// What a flag that is set asks of a row.
fn of_flag(resource: &Resource, flag: Flag) -> Vec<Condition> {
    let field = |name, predicate| {
        let place = resource.position(name).map(Subject::Field);
        place.map(|subject| Condition::new(subject, predicate)).into_iter().collect()
    };
    match flag {
        Flag::ExcludeOutliers => field("outlier_reason", Predicate::Null(true)),
        Flag::ExcludePrOrphans => field("is_pr_orphan", Predicate::Equal(0)),
        Flag::ExcludeMerge => field("is_merge", Predicate::Equal(0)),
        Flag::RemoveExcluded | Flag::SmartDedupe | Flag::ExcludeWeekends | Flag::ExcludeBlocked => {
            vec![Condition::new(Subject::Flag(flag), Predicate::Equal(1))]
        }
        Flag::NormalizeAuthors => vec![],
        Flag::ApplyDefaultFilters => {
            [Flag::SmartDedupe, Flag::ExcludeOutliers, Flag::ExcludePrOrphans, Flag::ExcludeMerge, Flag::ExcludeBlocked]
                .into_iter()
                .flat_map(|flag| of_flag(resource, flag))
                .collect()
        }
    }
}

/// The parameters that are filters, each with the value that counts, where that is not blank; in the order of the
/// resource's fields and filters.
fn sent<'a>(
    resource: &'static Resource,
    parameters: &'a Parameters<'_>,
) -> impl Iterator<Item = (&'a str, &'a str, FilterName)> {
    let mut values = vec![None; (resource.fields.len() + resource.filters.len()) * NAMES];
    for (name, value) in parameters.iter() {
        let Some(filter) = FilterName::find(resource, name) else { continue };
        if let Some(place) = values.get_mut(filter.place) {
            *place = Some((name, value, filter));
        }
    }
    values.into_iter().flatten().filter(|(_, value, _)| !value.is_empty())
}

/// A parameter that is a condition on a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterParameter {
    /// Its name, such as `id__in!`.
    pub name: String,
    /// The field or filter that it looks at.
    pub field: &'static str,
    /// How it compares, which is not always as its name says: `message=` is `icontains`.
    pub lookup: Lookup,
    /// Whether it leaves out what matches.
    pub negated: bool,
    /// What its value is.
    pub operand: OperandType,
}

/// All parameters of a resource that are conditions, in the order in which their errors are listed.
///
/// ```
/// use streamgage::{query::filter_parameters, schema::TAGS};
/// let names: Vec<String> = filter_parameters(&TAGS).map(|parameter| parameter.name).take(4).collect();
/// assert_eq!(names, ["id", "id!", "id__gt", "id__gt!"]);
/// ```
pub fn filter_parameters(resource: &'static Resource) -> impl Iterator<Item = FilterParameter> {
    let fields = resource.fields.iter().map(|field| (field.name, field.kind, field.capabilities));
    let filters = resource.filters.iter().map(|filter| (filter.name, filter.kind, filter.capabilities));
    fields.chain(filters).flat_map(|(field, kind, capabilities)| {
        let lookups = Lookup::ALL.into_iter().filter(move |&lookup| capabilities.supports(lookup));
        let both = lookups.flat_map(|lookup| [(lookup, false), (lookup, true)]);
        both.map(move |(lookup, negated)| {
            let mut name = String::from(field);
            if lookup != Lookup::Exact {
                name.extend(["__", lookup.suffix()]);
            }
            if negated {
                name.push('!');
            }
            let lookup = effective(capabilities, lookup);
            FilterParameter { name, field, lookup, negated, operand: OperandType::for_lookup(kind, lookup) }
        })
    })
}

/// What a lookup means of what has those capabilities.
const fn effective(capabilities: FieldCapabilities, lookup: Lookup) -> Lookup {
    if matches!(lookup, Lookup::Exact) && capabilities.exact_contains() { Lookup::IContains } else { lookup }
}

/// How many names a field may have: one a lookup, and that with a `!`.
const NAMES: usize = 2 * Lookup::ALL.len();

/// What a parameter's name names.
#[derive(Clone, Copy)]
struct FilterName {
    subject: Subject,
    kind: Kind,
    capabilities: FieldCapabilities,
    lookup: Lookup,
    negated: bool,
    /// Its place among all that the resource has.
    place: usize,
}

impl FilterName {
    fn find(resource: &'static Resource, name: &str) -> Option<FilterName> {
        let (base, negated) = name.strip_suffix('!').map_or((name, false), |base| (base, true));
        let field =
            |(index, field): (usize, &Field)| (field.name, Subject::Field(index), field.kind, field.capabilities);
        let fields = resource.fields.iter().enumerate().map(field);
        let filters = resource
            .filters
            .iter()
            .map(|filter| (filter.name, Subject::Filter(filter.target), filter.kind, filter.capabilities));
        for (index, (name, subject, kind, capabilities)) in fields.chain(filters).enumerate() {
            let Some(rest) = base.strip_prefix(name) else { continue };
            let found = Lookup::ALL.iter().position(|&lookup| match rest.strip_prefix("__") {
                Some(suffix) => lookup != Lookup::Exact && suffix == lookup.suffix(),
                None => lookup == Lookup::Exact && rest.is_empty(),
            });
            if let Some((at, &lookup)) = found.and_then(|at| Some((at, Lookup::ALL.get(at)?)))
                && capabilities.supports(lookup)
            {
                let place = index * NAMES + at * 2 + usize::from(negated);
                return Some(FilterName { subject, kind, capabilities, lookup, negated, place });
            }
        }
        None
    }

    fn predicate(&self, value: &str) -> Result<Option<Predicate>, &'static str> {
        Predicate::parse(self.kind, effective(self.capabilities, self.lookup), value)
    }
}
