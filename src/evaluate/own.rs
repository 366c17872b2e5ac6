//! Conditions on rows themselves.

use super::places::{Places, word};
use super::relations::{Relations, range};
use super::rows::{Column, NULL, Rows};
use super::texts::{Part, Texts};
use crate::query::{Comparison, Condition, IdSet, Subject, Test};
use crate::schema::{COMMITS, FilterOf, Flag, REPOS, Relation, Resource, TEAMS, USERS};
use crate::text::fold;
use alloc::vec::Vec;
use hashbrown::HashSet;

/// What is known of a condition: true, false, or, of a null, nothing.
pub(super) type Truth = Option<bool>;

/// Of 64 places what is known of a condition. Of nulls it may be neither.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Truths {
    /// Where it is true.
    pub(super) yes: u64,
    /// Where it is false.
    pub(super) no: u64,
}

impl Truths {
    /// The same everywhere.
    pub(super) fn of(truth: Truth) -> Truths {
        let word = |wanted| if truth == Some(wanted) { u64::MAX } else { 0 };
        Truths { yes: word(true), no: word(false) }
    }

    /// Something of which all is known.
    pub(super) fn known(yes: u64) -> Truths {
        Truths { yes, no: !yes }
    }

    /// Whether all of some are true: one that is false decides, and then what is unknown.
    pub(super) fn all(truths: impl Iterator<Item = Truths>) -> Truths {
        truths.fold(Truths::known(u64::MAX), |all, one| Truths { yes: all.yes & one.yes, no: all.no | one.no })
    }

    /// Whether any of some is true.
    pub(super) fn any(truths: impl Iterator<Item = Truths>) -> Truths {
        truths.fold(Truths::known(0), |any, one| Truths { yes: any.yes | one.yes, no: any.no & one.no })
    }

    /// Whether it is not so.
    pub(super) fn opposite(self) -> Truths {
        Truths { yes: self.no, no: self.yes }
    }

    /// Something that is known but of nulls.
    fn but_of(nulls: u64, yes: u64) -> Truths {
        Truths { yes: yes & !nulls, no: !yes & !nulls }
    }
}

/// A condition on the row itself.
pub(super) struct Own<'a> {
    test: OwnTest<'a>,
    negated: bool,
}

enum OwnTest<'a> {
    Integers(&'a [i64], &'a Test),
    Doubles(&'a [f64], &'a Test),
    Texts(&'a Texts, &'a Test),
    /// One of the texts holds another.
    Contains(Vec<(&'a Texts, Part<'a>)>),
    /// The number at a place is in the set, or is not.
    Keys(&'a [i64], IdSet, bool),
    Places(&'a Places),
    /// The day at a place is none of a weekend.
    Weekdays(&'a [i64]),
    /// There is no such field.
    Unknown,
}

impl<'a> Own<'a> {
    pub(super) fn new(
        condition: &'a Condition,
        rows: &'a Rows,
        relations: &Relations<'_>,
        owners: &'a [i64],
    ) -> Own<'a> {
        let test = match condition.subject {
            Subject::Field(field) => match rows.column(field) {
                Column::Integers(values) => OwnTest::Integers(values, &condition.test),
                Column::Doubles(values) => OwnTest::Doubles(values, &condition.test),
                Column::Texts(texts) => match &condition.test {
                    Test::Contains(part) => OwnTest::Contains([(texts, texts.find(part))].into()),
                    test => OwnTest::Texts(texts, test),
                },
                Column::Ids(_) | Column::Unread => OwnTest::Unknown,
            },
            Subject::Search => OwnTest::search(&condition.test, rows),
            Subject::Flag(flag) => OwnTest::flag(flag, rows, relations),
            Subject::Filter(of) => match of.relation() {
                Some(relation) => OwnTest::any(relation, of, &condition.test, relations, owners),
                None => OwnTest::team(of, &condition.test, rows),
            },
        };
        Own { test, negated: condition.negated }
    }

    /// What it costs to ask, beside others.
    pub(super) fn cost(&self) -> u8 {
        match &self.test {
            OwnTest::Places(_) | OwnTest::Unknown => 0,
            OwnTest::Integers(..) | OwnTest::Doubles(..) | OwnTest::Weekdays(_) => 1,
            OwnTest::Keys(..) | OwnTest::Texts(..) => 2,
            OwnTest::Contains(_) => 3,
        }
    }

    /// What is known of the 64 places from one on.
    #[inline]
    pub(super) fn truths(&self, first: usize) -> Truths {
        let truths = self.test.truths(first);
        if self.negated { Truths::known(!truths.yes) } else { truths }
    }
}

impl<'a> OwnTest<'a> {
    fn search(test: &'a Test, rows: &'a Rows) -> OwnTest<'a> {
        let Test::Contains(term) = test else { return OwnTest::Unknown };
        let fields = rows.resource().fields.iter().enumerate().filter(|(_, field)| field.uses.searches());
        let texts = fields.filter_map(|(index, _)| match rows.column(index) {
            Column::Texts(texts) => Some((texts, texts.find(term))),
            _ => None,
        });
        OwnTest::Contains(texts.collect())
    }

    /// Whether a test holds of any of the items of a row's owner.
    fn any(relation: Relation, of: FilterOf, test: &Test, relations: &Relations<'_>, owners: &'a [i64]) -> OwnTest<'a> {
        let items = relations.all(relation);
        let holds = |item: i64| relations.truth(of, test, item) == Some(true);
        let found = items.iter().filter(|&&(_, item)| holds(item)).map(|&(owner, _)| owner);
        if *test != Test::Null(true) {
            return OwnTest::Keys(owners, found.collect(), true);
        }
        // To be in no team is to have no membership.
        let found: IdSet = found.collect();
        let others = items.iter().map(|&(owner, _)| owner).filter(|&owner| !found.contains(owner));
        OwnTest::Keys(owners, others.collect(), false)
    }

    fn flag(flag: Flag, rows: &'a Rows, relations: &Relations<'_>) -> OwnTest<'a> {
        const APEX_USER_ID: usize = COMMITS.place("apex_user_id");
        const REPO_ID: usize = COMMITS.place("repo_id");
        const LOCAL_DATE: usize = COMMITS.place("author_local_date");
        const HIDDEN: usize = USERS.place("hidden_from_reports");
        const BLOCKED: usize = REPOS.place("blocked");
        const OLDEST: usize = REPOS.place("oldest_commit_date");
        let ids = |resource: &Resource, counts: &dyn Fn(&Rows, usize) -> bool| -> IdSet {
            let Some(others) = relations.store.rows(resource) else { return IdSet::default() };
            let places = others.places().iter().filter(|&&place| counts(others, place));
            places.map(|&place| others.id(place)).collect()
        };
        match flag {
            Flag::SmartDedupe => OwnTest::Places(rows.firsts()),
            Flag::ExcludeWeekends => OwnTest::Weekdays(rows.integers(LOCAL_DATE)),
            Flag::RemoveExcluded => {
                let hidden = ids(&USERS, &|users, place| users.integer(HIDDEN, place) == Some(1));
                OwnTest::Keys(rows.integers(APEX_USER_ID), hidden, false)
            }
            Flag::ExcludeBlocked => {
                let kept = ids(&REPOS, &|repos, place| {
                    repos.integer(BLOCKED, place) != Some(1) && repos.integer(OLDEST, place).is_some()
                });
                OwnTest::Keys(rows.integers(REPO_ID), kept, true)
            }
            // These are conditions on fields, or none.
            Flag::ExcludeOutliers
            | Flag::ExcludePrOrphans
            | Flag::ExcludeMerge
            | Flag::NormalizeAuthors
            | Flag::ApplyDefaultFilters => OwnTest::Unknown,
        }
    }

    fn team(of: FilterOf, test: &'a Test, rows: &'a Rows) -> OwnTest<'a> {
        const PARENT: usize = TEAMS.place("parent");
        const VISIBILITY: usize = TEAMS.place("visibility");
        match (of, test) {
            (FilterOf::Visible, Test::Equal(wanted)) => {
                let is_visible = |&place: &usize| rows.text(VISIBILITY, place) == Some("SHOW");
                let found = rows.places().iter().filter(|place| i64::from(is_visible(place)) == *wanted);
                OwnTest::Keys(rows.integers(0), found.map(|&place| rows.id(place)).collect(), true)
            }
            (FilterOf::Ancestor, &Test::Equal(ancestor)) => {
                let pair = |&place: &usize| Some((rows.integer(PARENT, place)?, rows.id(place)));
                let mut children: Vec<(i64, i64)> = rows.places().iter().filter_map(pair).collect();
                children.sort_unstable();
                let mut found = HashSet::new();
                let mut new: Vec<i64> = [ancestor].into();
                // It ends where there is nothing new: even if parents run in circles.
                while let Some(id) = new.pop() {
                    if found.insert(id) {
                        let below = children.get(range(&children, id)).unwrap_or_default();
                        new.extend(below.iter().map(|&(_, id)| id));
                    }
                }
                OwnTest::Keys(rows.integers(0), found.into_iter().collect(), true)
            }
            // No team has an id beyond 64 bits.
            _ => OwnTest::Keys(rows.integers(0), IdSet::default(), true),
        }
    }

    #[inline]
    fn truths(&self, first: usize) -> Truths {
        match self {
            OwnTest::Integers(values, test) => of_integers(values, first, test),
            OwnTest::Doubles(values, test) => of_doubles(values, first, test),
            OwnTest::Texts(texts, test) => of_texts(texts, first, test),
            OwnTest::Contains(texts) => {
                Truths::any(texts.iter().map(|(texts, part)| Truths::but_of(texts.nulls(first), part.holding(first))))
            }
            OwnTest::Keys(values, set, keep) => {
                Truths::known(word(values, first, |value| set.contains(value) == *keep))
            }
            OwnTest::Places(places) => Truths::known(places.word(first)),
            OwnTest::Weekdays(times) => {
                // 1970-01-01 was a Thursday: three days after its Monday.
                let is_weekday = |time: i64| (time.div_euclid(86_400_000_000) + 3).rem_euclid(7) < 5;
                Truths::but_of(word(times, first, |time| time == NULL), word(times, first, is_weekday))
            }
            OwnTest::Unknown => Truths::default(),
        }
    }
}

/// What is known of whole numbers; null is [`NULL`].
#[inline]
fn of_integers(values: &[i64], first: usize, test: &Test) -> Truths {
    let nulls = word(values, first, |value| value == NULL);
    let yes = match test {
        Test::Null(wanted) => return Truths::known(if *wanted { nulls } else { !nulls }),
        Test::OneOf(ids) if ids.as_slice().is_empty() => return Truths::known(0),
        Test::Always => u64::MAX,
        Test::Equal(operand) => word(values, first, |value| value == *operand),
        Test::AtLeast(operand) => word(values, first, |value| value >= *operand),
        Test::AtMost(operand) => word(values, first, |value| value <= *operand),
        Test::OneOf(ids) => word(values, first, |value| ids.contains(value)),
        _ => 0,
    };
    Truths::but_of(nulls, yes)
}

/// What is known of doubles; null is NaN.
fn of_doubles(values: &[f64], first: usize, test: &Test) -> Truths {
    let nulls = word(values, first, f64::is_nan);
    let yes = match test {
        Test::Null(wanted) => return Truths::known(if *wanted { nulls } else { !nulls }),
        Test::Number(comparison, operand) => {
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
    Truths::but_of(nulls, yes)
}

fn of_texts(texts: &Texts, first: usize, test: &Test) -> Truths {
    let (mut yes, mut no) = (0, 0);
    for bit in 0..64 {
        match test.of_text(texts.at(first + bit)) {
            Some(true) => yes |= 1 << bit,
            Some(false) => no |= 1 << bit,
            None => {}
        }
    }
    Truths { yes, no }
}

impl Test {
    /// What is known of a whole number.
    pub(super) fn of_integer(&self, value: Option<i64>) -> Truth {
        let truths = of_integers(&[value.unwrap_or(NULL)], 0, self);
        (truths.yes & 1 != truths.no & 1).then_some(truths.yes & 1 != 0)
    }

    /// What is known of a text.
    pub(super) fn of_text(&self, value: Option<&str>) -> Truth {
        if let Test::Null(wanted) = self {
            return Some(value.is_none() == *wanted);
        }
        let value = value?;
        Some(match self {
            Test::Text(operand) => value == operand,
            Test::TextOneOf(texts) => texts.binary_search_by(|text| text.as_str().cmp(value)).is_ok(),
            Test::StartsWith(start) => value.starts_with(start),
            Test::Contains(part) => fold(value).contains(part),
            _ => false,
        })
    }
}
