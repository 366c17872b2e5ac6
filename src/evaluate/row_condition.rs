//! Conditions on the row itself, evaluated for 64 rows at a time.

use super::bit_set::{BitSet, bits, word};
use super::column::{Column, NULL};
use super::relations::{self, Relations};
use super::rows::Rows;
use super::team_condition::matching_teams;
use super::ternary::{Ternary, TernaryMask};
use super::text_column::{TextColumn, TextSearch};
use crate::query::{Comparison, Condition, IdSet, Predicate, ReferencedField, Subject};
use crate::schema::{COMMITS, FilterTarget, Flag, REPOS, Relation, Resource, TEAMS, USERS};
use crate::text::fold;
use alloc::vec::Vec;

pub(super) struct RowCondition<'a> {
    predicate: RowPredicate<'a>,
    negated: bool,
}

enum RowPredicate<'a> {
    Integers(&'a [i64], &'a Predicate),
    Doubles(&'a [f64], &'a Predicate),
    Texts(&'a TextColumn, &'a Predicate),
    /// One of the ids matches. A list without ids is null.
    AnyId(&'a [Vec<i64>], &'a Predicate),
    /// One of the texts contains a text.
    Contains(Vec<(&'a TextColumn, TextSearch<'a>)>),
    /// The number at a position is in the set, or, if `false`, is not.
    Keys(&'a [i64], IdSet, bool),
    Referenced(ReferencedPredicate<'a>),
    BitSet(&'a BitSet),
    /// The day at a position is from Monday to Friday.
    Weekdays(&'a [i64]),
    /// The condition never holds.
    Unknown,
}

/// A condition on the object whose id is at a position.
struct ReferencedPredicate<'a> {
    ids: &'a [i64],
    /// The objects for which the condition is true, and those for which it is false.
    yes: IdSet,
    no: IdSet,
    /// The result for an object that does not exist.
    missing: Ternary,
}

impl<'a> RowCondition<'a> {
    pub(super) fn new(
        condition: &'a Condition,
        rows: &'a Rows,
        relations: &Relations<'_>,
        owners: &'a [i64],
    ) -> RowCondition<'a> {
        let predicate = match condition.subject {
            Subject::Field(field) => RowPredicate::field(field, &condition.predicate, rows),
            Subject::Referenced(field) => RowPredicate::referenced(field, &condition.predicate, rows, relations),
            Subject::Search => RowPredicate::search(&condition.predicate, rows),
            Subject::Flag(flag) => RowPredicate::flag(flag, rows, relations),
            Subject::Filter(of) => match of.relation() {
                Some(relation) => RowPredicate::any(relation, of, &condition.predicate, relations, owners),
                None => {
                    let teams = relations.store.rows(&TEAMS);
                    let found = teams.map(|teams| matching_teams(of, &condition.predicate, teams)).unwrap_or_default();
                    RowPredicate::Keys(rows.integers(relations::team(rows.resource())), found, true)
                }
            },
        };
        RowCondition { predicate, negated: condition.negated }
    }

    /// Returns the relative cost of evaluation.
    pub(super) fn cost(&self) -> u8 {
        match &self.predicate {
            RowPredicate::BitSet(_) | RowPredicate::Unknown => 0,
            RowPredicate::Integers(..) | RowPredicate::Doubles(..) | RowPredicate::Weekdays(_) => 1,
            RowPredicate::Keys(..)
            | RowPredicate::Referenced(_)
            | RowPredicate::Texts(..)
            | RowPredicate::AnyId(..) => 2,
            RowPredicate::Contains(_) => 3,
        }
    }

    /// Evaluates the 64 positions from `first` on.
    #[inline]
    pub(super) fn truths(&self, first: usize) -> TernaryMask {
        let truths = self.predicate.truths(first);
        if self.negated { TernaryMask::known(!truths.yes) } else { truths }
    }
}

impl<'a> RowPredicate<'a> {
    fn field(field: usize, predicate: &'a Predicate, rows: &'a Rows) -> RowPredicate<'a> {
        match rows.column(field) {
            Column::Integers(values) => RowPredicate::Integers(values, predicate),
            Column::Doubles(values) => RowPredicate::Doubles(values, predicate),
            Column::Texts(texts) => match predicate {
                Predicate::Contains(part) => RowPredicate::Contains([(texts, texts.find(part))].into()),
                predicate => RowPredicate::Texts(texts, predicate),
            },
            Column::Ids(lists) => RowPredicate::AnyId(lists, predicate),
            Column::Unread => RowPredicate::Unknown,
        }
    }

    fn referenced(
        field: ReferencedField,
        predicate: &Predicate,
        rows: &'a Rows,
        relations: &Relations<'_>,
    ) -> RowPredicate<'a> {
        let Some((reference, resource, subject)) = field.follow(rows.resource()) else { return RowPredicate::Unknown };
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        if let Some(objects) = relations.store.rows(resource) {
            let condition = match subject {
                Subject::Referenced(field) => RowPredicate::referenced(field, predicate, objects, relations),
                Subject::Field(field) => RowPredicate::field(field, predicate, objects),
                Subject::Filter(_) | Subject::Flag(_) | Subject::Search => RowPredicate::Unknown,
            };
            for (first, word) in objects.all().words() {
                let truths = condition.truths(first);
                yes.extend(bits(word & truths.yes).map(|bit| objects.id(first + bit)));
                no.extend(bits(word & truths.no).map(|bit| objects.id(first + bit)));
            }
        }
        RowPredicate::Referenced(ReferencedPredicate {
            ids: rows.resource().position(reference.field).map_or(&[], |field| rows.integers(field)),
            yes: yes.into(),
            no: no.into(),
            missing: predicate.test_integer(None),
        })
    }

    fn search(predicate: &'a Predicate, rows: &'a Rows) -> RowPredicate<'a> {
        let Predicate::Contains(term) = predicate else { return RowPredicate::Unknown };
        let fields = rows.resource().fields.iter().enumerate().filter(|(_, field)| field.capabilities.is_searchable());
        let texts = fields.filter_map(|(index, _)| match rows.column(index) {
            Column::Texts(texts) => Some((texts, texts.find(term))),
            _ => None,
        });
        RowPredicate::Contains(texts.collect())
    }

    /// Creates the condition that any item of a row's owner matches.
    fn any(
        relation: Relation,
        target: FilterTarget,
        predicate: &Predicate,
        relations: &Relations<'_>,
        owners: &'a [i64],
    ) -> RowPredicate<'a> {
        let items = relations.all(relation);
        let holds = |item: i64| relations.truth(target, predicate, item) == Some(true);
        let found = items.iter().filter(|&&(_, item)| holds(item)).map(|&(owner, _)| owner);
        if *predicate != Predicate::Null(true) {
            return RowPredicate::Keys(owners, found.collect(), true);
        }
        // A user is in no team if no membership has a team.
        let found: IdSet = found.collect();
        let others = items.iter().map(|&(owner, _)| owner).filter(|&owner| !found.contains(owner));
        RowPredicate::Keys(owners, others.collect(), false)
    }

    fn flag(flag: Flag, rows: &'a Rows, relations: &Relations<'_>) -> RowPredicate<'a> {
        const APEX_USER_ID: usize = COMMITS.field_index("apex_user_id");
        const REPO_ID: usize = COMMITS.field_index("repo_id");
        const LOCAL_DATE: usize = COMMITS.field_index("author_local_date");
        const HIDDEN: usize = USERS.field_index("hidden_from_reports");
        const BLOCKED: usize = REPOS.field_index("blocked");
        const OLDEST: usize = REPOS.field_index("oldest_commit_date");
        let ids = |resource: &Resource, counts: &dyn Fn(&Rows, usize) -> bool| -> IdSet {
            let Some(others) = relations.store.rows(resource) else { return IdSet::default() };
            let positions = others.positions().iter().filter(|&&position| counts(others, position));
            positions.map(|&position| others.id(position)).collect()
        };
        match flag {
            Flag::SmartDedupe => RowPredicate::BitSet(rows.firsts()),
            Flag::ExcludeWeekends => RowPredicate::Weekdays(rows.integers(LOCAL_DATE)),
            Flag::RemoveExcluded => {
                let hidden = ids(&USERS, &|users, position| users.integer(HIDDEN, position) == Some(1));
                RowPredicate::Keys(rows.integers(APEX_USER_ID), hidden, false)
            }
            Flag::ExcludeBlocked => {
                let kept = ids(&REPOS, &|repos, position| {
                    repos.integer(BLOCKED, position) != Some(1) && repos.integer(OLDEST, position).is_some()
                });
                RowPredicate::Keys(rows.integers(REPO_ID), kept, true)
            }
            // The query parser replaces these flags with conditions on fields.
            Flag::ExcludeOutliers
            | Flag::ExcludePrOrphans
            | Flag::ExcludeMerge
            | Flag::NormalizeAuthors
            | Flag::ApplyDefaultFilters => RowPredicate::Unknown,
        }
    }

    #[inline]
    fn truths(&self, first: usize) -> TernaryMask {
        match self {
            RowPredicate::Integers(values, predicate) => of_integers(values, first, predicate),
            RowPredicate::Doubles(values, predicate) => of_doubles(values, first, predicate),
            RowPredicate::Texts(texts, predicate) => of_texts(texts, first, predicate),
            RowPredicate::AnyId(lists, predicate) => {
                let matches = |ids: &[i64]| match predicate {
                    Predicate::Null(wanted) => ids.is_empty() == *wanted,
                    _ => ids.iter().any(|&id| predicate.test_integer(Some(id)) == Some(true)),
                };
                let lists = lists.get(first..).unwrap_or_default().iter().take(64).enumerate();
                TernaryMask::known(lists.fold(0, |word, (bit, ids)| word | u64::from(matches(ids)) << bit))
            }
            RowPredicate::Contains(texts) => TernaryMask::any(
                texts.iter().map(|(texts, part)| TernaryMask::but_of(texts.nulls(first), part.holding(first))),
            ),
            RowPredicate::Keys(values, set, keep) => {
                TernaryMask::known(word(values, first, |value| set.contains(value) == *keep))
            }
            RowPredicate::Referenced(ReferencedPredicate { ids, yes, no, missing }) => {
                let yes = word(ids, first, |id| yes.contains(id));
                let no = word(ids, first, |id| no.contains(id));
                let missing = TernaryMask::of(*missing);
                TernaryMask { yes: yes | missing.yes & !no, no: no | missing.no & !yes }
            }
            RowPredicate::BitSet(positions) => TernaryMask::known(positions.word(first)),
            RowPredicate::Weekdays(times) => {
                // 1970-01-01 was a Thursday, three days after its Monday.
                let is_weekday = |time: i64| (time.div_euclid(86_400_000_000) + 3).rem_euclid(7) < 5;
                TernaryMask::but_of(word(times, first, |time| time == NULL), word(times, first, is_weekday))
            }
            RowPredicate::Unknown => TernaryMask::default(),
        }
    }
}

/// Tests integers; null is [`NULL`].
#[inline]
fn of_integers(values: &[i64], first: usize, predicate: &Predicate) -> TernaryMask {
    let nulls = word(values, first, |value| value == NULL);
    let yes = match predicate {
        Predicate::Null(wanted) => return TernaryMask::known(if *wanted { nulls } else { !nulls }),
        Predicate::OneOf(ids) if ids.as_slice().is_empty() => return TernaryMask::known(0),
        Predicate::Always => u64::MAX,
        Predicate::Equal(operand) => word(values, first, |value| value == *operand),
        Predicate::AtLeast(operand) => word(values, first, |value| value >= *operand),
        Predicate::AtMost(operand) => word(values, first, |value| value <= *operand),
        Predicate::OneOf(ids) => word(values, first, |value| ids.contains(value)),
        _ => 0,
    };
    TernaryMask::but_of(nulls, yes)
}

/// Tests doubles; null is NaN.
fn of_doubles(values: &[f64], first: usize, predicate: &Predicate) -> TernaryMask {
    let nulls = word(values, first, f64::is_nan);
    let yes = match predicate {
        Predicate::Null(wanted) => return TernaryMask::known(if *wanted { nulls } else { !nulls }),
        Predicate::Number(comparison, operand) => {
            let operand = operand.value();
            match comparison {
                Comparison::Equal => word(values, first, |value| value == operand),
                Comparison::Greater => word(values, first, |value| value > operand),
                Comparison::AtLeast => word(values, first, |value| value >= operand),
                Comparison::Less => word(values, first, |value| value < operand),
                Comparison::AtMost => word(values, first, |value| value <= operand),
            }
        }
        _ => 0,
    };
    TernaryMask::but_of(nulls, yes)
}

fn of_texts(texts: &TextColumn, first: usize, predicate: &Predicate) -> TernaryMask {
    let (mut yes, mut no) = (0, 0);
    for bit in 0..64 {
        match predicate.test_text(texts.at(first + bit)) {
            Some(true) => yes |= 1 << bit,
            Some(false) => no |= 1 << bit,
            None => {}
        }
    }
    TernaryMask { yes, no }
}

impl Predicate {
    /// Tests an integer.
    pub(super) fn test_integer(&self, value: Option<i64>) -> Ternary {
        let truths = of_integers(&[value.unwrap_or(NULL)], 0, self);
        (truths.yes & 1 != truths.no & 1).then_some(truths.yes & 1 != 0)
    }

    /// Tests a text.
    pub(super) fn test_text(&self, value: Option<&str>) -> Ternary {
        if let Predicate::Null(wanted) = self {
            return Some(value.is_none() == *wanted);
        }
        let value = value?;
        Some(match self {
            Predicate::Text(operand) => value == operand,
            Predicate::TextOneOf(texts) => texts.binary_search_by(|text| text.as_str().cmp(value)).is_ok(),
            Predicate::StartsWith(start) => value.starts_with(start),
            Predicate::Contains(part) => fold(value).contains(part),
            Predicate::DescendantOf(paths) => paths.iter().any(|path| {
                let rest = value.strip_prefix(path.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }),
            _ => false,
        })
    }
}
