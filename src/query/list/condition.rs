//! Conditions, and the parameters that name them.

use super::Predicate;
use crate::query::{Parameters, ValidationErrors};
use crate::schema::{
    COMMITS, FieldCapabilities, FilterTarget, Flag, Kind, Lookup, OperandType, Reference, Relation, Resource,
};
use alloc::collections::BTreeMap;
use alloc::{string::String, vec, vec::Vec};

/// A condition on a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// The values that are tested.
    pub subject: Subject,
    /// The test.
    pub predicate: Predicate,
    /// Reports whether the condition is negated (`!`): true if the predicate is false or unknown, as for a null. On
    /// related rows: true if no related row matches.
    pub negated: bool,
    /// For a condition on related rows that is not negated, the index in [`Filter::joins`](super::Filter::joins).
    pub join: Option<usize>,
}

/// The values that a condition tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A field, by its index in [`fields`](Resource::fields).
    Field(usize),
    /// A field of an object that a field refers to.
    Referenced(ReferencedField),
    /// The target of a filter that is no field.
    Filter(FilterTarget),
    /// A flag of commits that is no condition on a field. The predicate is [`Predicate::Equal`] with 1, for true.
    Flag(Flag),
    /// The search fields, one of which must match.
    Search,
}

impl Subject {
    /// Returns the related rows that are tested, if the row itself is not.
    pub const fn relation(self) -> Option<Relation> {
        match self {
            Subject::Filter(of) => of.relation(),
            Subject::Field(_) | Subject::Referenced(_) | Subject::Flag(_) | Subject::Search => None,
        }
    }

    /// Returns the same values of the object that a reference leads to. At most two references follow each other.
    pub(super) const fn through(self, reference: usize) -> Option<Subject> {
        Some(Subject::Referenced(match self {
            Subject::Field(field) => ReferencedField { reference, next: None, field },
            Subject::Referenced(ReferencedField { reference: second, next: None, field }) => {
                ReferencedField { reference, next: Some(second), field }
            }
            _ => return None,
        }))
    }
}

/// A field of an object that a field refers to, or of an object that this one refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReferencedField {
    /// The index in [`references`](Resource::references).
    reference: usize,
    /// The index in the references of the object's resource.
    next: Option<usize>,
    /// The index in the fields of the last resource.
    field: usize,
}

impl ReferencedField {
    /// Returns the reference of a resource, the resource that it leads to, and the values there.
    pub fn follow(self, resource: &Resource) -> Option<(&'static Reference, &'static Resource, Subject)> {
        let reference = resource.references.get(self.reference)?;
        let subject = match self.next {
            None => Subject::Field(self.field),
            Some(reference) => Subject::Referenced(ReferencedField { reference, next: None, field: self.field }),
        };
        Some((reference, reference.resource()?, subject))
    }
}

impl Condition {
    pub(super) fn new(subject: Subject, predicate: Predicate) -> Condition {
        Condition { subject, predicate, negated: false, join: None }
    }

    /// Returns the flag that is equivalent to the condition.
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

/// Parses the conditions of a query, sorted. They have no joins yet.
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
    // Drops repeated conditions and the wider of two bounds, except on joins. `dedup_by` drops `next`.
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

/// Reports whether a flag is set.
pub(super) fn is_set(resource: &Resource, parameters: &Parameters<'_>, flag: Flag) -> bool {
    let value = parameters.value(flag.name());
    resource.flags.contains(&flag) && value.and_then(super::predicate::boolean) == Some(true)
}

/// Returns the conditions of a flag.
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

/// Returns the parameters that are filters with their last values, unless blank, in the order of the fields, filters and
/// references of the resource.
fn sent<'a>(
    resource: &'static Resource,
    parameters: &'a Parameters<'_>,
) -> impl Iterator<Item = (&'a str, &'a str, FilterName)> {
    let named = parameters.iter().filter_map(|(name, value)| {
        let (base, negated) = name.strip_suffix('!').map_or((name, false), |base| (base, true));
        let filter = FilterName { negated, ..FilterName::find(resource, base)? };
        Some(((filter.place, filter.lookup, negated), (name, value, filter)))
    });
    let last: BTreeMap<_, _> = named.collect();
    last.into_values().filter(|(_, value, _)| !value.is_empty())
}

/// A parameter that is a condition on a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterParameter {
    /// The name, such as `id__in!`.
    pub name: String,
    /// The name of the field or filter.
    pub field: &'static str,
    /// The effective lookup, which may differ from the name: `message=` is `icontains`.
    pub lookup: Lookup,
    /// Reports whether rows that match are left out.
    pub negated: bool,
    /// The type of the value.
    pub operand: OperandType,
}

/// Returns all parameters of a resource that are conditions, in the order of their errors.
///
/// ```
/// use streamgage::{query::filter_parameters, schema::TAGS};
/// let names: Vec<String> = filter_parameters(&TAGS).map(|parameter| parameter.name).take(4).collect();
/// assert_eq!(names, ["id", "id!", "id__gt", "id__gt!"]);
/// ```
pub fn filter_parameters(resource: &'static Resource) -> impl Iterator<Item = FilterParameter> {
    names(resource).flat_map(|Named { name: field, kind, capabilities, .. }| {
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

/// Returns the effective lookup.
const fn effective(capabilities: FieldCapabilities, lookup: Lookup) -> Lookup {
    match lookup {
        Lookup::Exact if capabilities.exact_contains() => Lookup::IContains,
        Lookup::Contains => Lookup::IContains,
        lookup => lookup,
    }
}

/// A name that filters begin with.
struct Named {
    name: &'static str,
    subject: Subject,
    kind: Kind,
    capabilities: FieldCapabilities,
}

/// Returns the names of a resource's own filters, in the order of their errors.
fn names(resource: &'static Resource) -> impl Iterator<Item = Named> {
    let fields = resource.fields.iter().enumerate().map(|(index, field)| Named {
        name: field.name,
        subject: Subject::Field(index),
        kind: field.kind,
        capabilities: field.capabilities,
    });
    let filters = resource.filters.iter().map(|filter| Named {
        name: filter.name,
        subject: Subject::Filter(filter.target),
        kind: filter.kind,
        capabilities: filter.capabilities,
    });
    let references = resource.references.iter().filter_map(|reference| {
        let field = resource.position(reference.field)?;
        let (name, capabilities) = (reference.name, reference.capabilities);
        Some(Named { name, subject: Subject::Field(field), kind: resource.fields.get(field)?.kind, capabilities })
    });
    fields.chain(filters).chain(references)
}

/// The parsed name of a parameter.
#[derive(Clone, Copy)]
struct FilterName {
    subject: Subject,
    kind: Kind,
    capabilities: FieldCapabilities,
    lookup: Lookup,
    negated: bool,
    /// The index among the names of the resource and, after a reference, those among the names of the others.
    place: [usize; 3],
}

impl FilterName {
    /// Finds the filter of a name without `!`.
    fn find(resource: &'static Resource, name: &str) -> Option<FilterName> {
        let mut count = 0;
        for (index, named) in names(resource).enumerate() {
            count = index + 1;
            let Named { subject, kind, capabilities, .. } = named;
            if let Some(rest) = name.strip_prefix(named.name)
                && let Some(lookup) = Lookup::of_suffix(rest)
                && capabilities.supports(lookup)
            {
                return Some(FilterName { subject, kind, capabilities, lookup, negated: false, place: [index, 0, 0] });
            }
        }
        let through = |(index, reference): (usize, &Reference)| {
            let rest = name.strip_prefix(reference.name)?.strip_prefix("__")?;
            // Lists of ids are not reached: an object may match once.
            let found = FilterName::find(reference.resource()?, rest).filter(|found| found.kind != Kind::Ids)?;
            let [first, second, _] = found.place;
            Some(FilterName { subject: found.subject.through(index)?, place: [count + index, first, second], ..found })
        };
        resource.references.iter().enumerate().find_map(through)
    }

    fn predicate(&self, value: &str) -> Result<Option<Predicate>, &'static str> {
        let predicate = Predicate::parse(self.kind, effective(self.capabilities, self.lookup), value)?;
        let has_no_effect =
            self.subject == Subject::Filter(FilterTarget::Root) && predicate == Some(Predicate::Equal(0));
        Ok(predicate.filter(|_| !has_no_effect))
    }
}
