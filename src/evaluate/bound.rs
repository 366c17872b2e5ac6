//! A filter, bound to the rows that it looks at.

use super::relations::{self, Relations, owner, range};
use super::rows::{Column, NULL, Rows, Texts};
use crate::query::{Comparison, Condition, IdSet, ListRequest, Node, Subject, Test};
use crate::schema::{COMMITS, FilterOf, Flag, REPOS, Relation, Resource, TEAMS, USERS};
use crate::text::fold;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

/// What is known of a condition: true, false, or, of a null, nothing.
type Truth = Option<bool>;

/// A filter that can be asked how often it finds a row.
pub(super) struct Bound<'a> {
    /// The conditions on the row itself, by their places among the nodes.
    own: Vec<(usize, Own<'a>)>,
    joins: Vec<Joined<'a>>,
    /// The nodes, where they are more than conditions that must all be true.
    nodes: Option<&'a [Node]>,
    /// Whose are the rows that joins look at, by place.
    owners: &'a [i64],
}

/// A condition on the row itself.
struct Own<'a> {
    test: OwnTest<'a>,
    negated: bool,
}

enum OwnTest<'a> {
    Integers(&'a [i64], &'a Test),
    Doubles(&'a [f64], &'a Test),
    Texts(&'a Texts, &'a Test),
    /// One of the texts holds another: which is known of each place.
    Contains(Vec<(&'a Texts, Vec<bool>)>),
    /// The number at a place is in the set, or is not.
    Keys(&'a [i64], IdSet, bool),
    /// It is true at a place or false.
    Places(Cow<'a, [bool]>),
    /// The day at a place is none of a weekend.
    Weekdays(&'a [i64]),
    /// There is no such field.
    Unknown,
}

/// A join and the conditions on its rows.
struct Joined<'a> {
    items: &'a [(i64, i64)],
    outer: bool,
    conditions: Vec<Item>,
}

/// A condition on the rows of a join.
struct Item {
    node: usize,
    /// Of each of the relation's items.
    truths: Vec<Truth>,
    /// Of an item that is missing.
    missing: Truth,
}

impl<'a> Bound<'a> {
    pub(super) fn new(request: &'a ListRequest, rows: &'a Rows, relations: &'a Relations<'a>) -> Bound<'a> {
        let filter = &request.filter;
        let owners = rows.integers(owner(request.resource));
        let joined = |join: &crate::query::Join| Joined {
            items: relations.all(join.relation),
            outer: join.outer,
            conditions: Vec::new(),
        };
        let mut joins: Vec<Joined<'_>> = filter.joins.iter().map(joined).collect();
        let mut own = Vec::new();
        for (node, condition) in filter.nodes.iter().enumerate() {
            let Some(condition) = condition.condition() else { continue };
            match (condition.join.and_then(|join| joins.get_mut(join)), condition.subject) {
                (Some(join), Subject::Filter(of)) => {
                    let truths =
                        join.items.iter().map(|&(_, item)| relations.truth(of, &condition.test, item)).collect();
                    join.conditions.push(Item { node, truths, missing: condition.test.of_integer(None) });
                }
                _ => own.push((node, Own::new(condition, rows, relations, owners))),
            }
        }
        let nodes = filter.conjunction().is_none().then_some(filter.nodes.as_slice());
        Bound { own, joins, nodes, owners }
    }

    /// How often the row at that place is found.
    pub(super) fn times(&self, place: usize) -> u64 {
        match self.nodes {
            None => self.times_of_all(place),
            Some(nodes) => self.times_of_nodes(nodes, place),
        }
    }

    /// Where all conditions must be true, each join multiplies by how many of its rows are.
    fn times_of_all(&self, place: usize) -> u64 {
        if !self.own.iter().all(|(_, condition)| condition.truth(place) == Some(true)) {
            return 0;
        }
        let times = self.joins.iter().map(|join| {
            let range = join.range(self.owner(place));
            let all = |truth: &dyn Fn(&Item) -> Truth| join.conditions.iter().all(|item| truth(item) == Some(true));
            let found = range.clone().filter(|&at| all(&|item| item.at(at))).count();
            if range.is_empty() && join.outer { u64::from(all(&|item| item.missing)) } else { found as u64 }
        });
        times.fold(1, u64::saturating_mul)
    }

    /// Each combination of joined rows is looked at; rows of which the same is known are looked at once.
    fn times_of_nodes(&self, nodes: &[Node], place: usize) -> u64 {
        let mut truths: Vec<Truth> = alloc::vec![None; nodes.len()];
        let set = |truths: &mut Vec<Truth>, node: usize, truth: Truth| {
            if let Some(known) = truths.get_mut(node) {
                *known = truth;
            }
        };
        for (node, condition) in &self.own {
            set(&mut truths, *node, condition.truth(place));
        }
        let mut joins = Vec::with_capacity(self.joins.len());
        for join in &self.joins {
            let classes = join.classes(self.owner(place));
            if classes.is_empty() {
                return 0;
            }
            joins.push((join, classes, 0usize));
        }
        let mut stack = Vec::new();
        let mut times = 0u64;
        loop {
            let mut of_this = 1u64;
            for (join, classes, at) in &joins {
                let Some((known, count)) = classes.get(*at) else { continue };
                of_this = of_this.saturating_mul(*count);
                for (item, &truth) in join.conditions.iter().zip(known) {
                    set(&mut truths, item.node, truth);
                }
            }
            if truth_of_nodes(nodes, &truths, &mut stack) == Some(true) {
                times = times.saturating_add(of_this);
            }
            // The next combination: like counting, with a digit for each join.
            let turned = joins.iter_mut().find_map(|(_, classes, at)| {
                *at = if *at + 1 < classes.len() { *at + 1 } else { 0 };
                (*at > 0).then_some(())
            });
            if turned.is_none() {
                return times;
            }
        }
    }

    fn owner(&self, place: usize) -> i64 {
        self.owners.get(place).copied().unwrap_or(NULL)
    }
}

fn truth_of_nodes(nodes: &[Node], truths: &[Truth], stack: &mut Vec<Truth>) -> Truth {
    stack.clear();
    for (node, &truth) in nodes.iter().zip(truths) {
        let (of, negated, decides) = match *node {
            Node::Condition(_) => {
                stack.push(truth);
                continue;
            }
            Node::All { of, negated } => (of, negated, false),
            Node::Any { of, negated } => (of, negated, true),
        };
        let joined = join(stack.drain(stack.len().saturating_sub(of)..), decides);
        stack.push(if of == 0 { Some(true) } else { joined.map(|truth| truth != negated) });
    }
    stack.pop().flatten()
}

/// All of the truths, or any of them: one that is `decides` decides, and then what is unknown.
fn join(truths: impl Iterator<Item = Truth>, decides: bool) -> Truth {
    let mut joined = Some(!decides);
    for truth in truths {
        if joined != Some(decides) && truth != Some(!decides) {
            joined = truth;
        }
    }
    joined
}

impl Item {
    fn at(&self, at: usize) -> Truth {
        self.truths.get(at).copied().flatten()
    }
}

impl Joined<'_> {
    /// Where the items of an owner are.
    fn range(&self, owner: i64) -> Range<usize> {
        range(self.items, owner)
    }

    /// What is known of the rows of an owner, and of how many.
    fn classes(&self, owner: i64) -> Vec<(Vec<Truth>, u64)> {
        let range = self.range(owner);
        if range.is_empty() && self.outer {
            return [(self.conditions.iter().map(|item| item.missing).collect(), 1)].into();
        }
        let mut classes: Vec<(Vec<Truth>, u64)> = Vec::new();
        for at in range {
            let known: Vec<Truth> = self.conditions.iter().map(|item| item.at(at)).collect();
            match classes.iter_mut().find(|(other, _)| *other == known) {
                Some((_, count)) => *count += 1,
                None => classes.push((known, 1)),
            }
        }
        classes
    }
}

impl<'a> Own<'a> {
    fn new(condition: &'a Condition, rows: &'a Rows, relations: &'a Relations<'a>, owners: &'a [i64]) -> Own<'a> {
        let test = match condition.subject {
            Subject::Field(field) => match rows.column(field) {
                Column::Integers(values) => OwnTest::Integers(values, &condition.test),
                Column::Doubles(values) => OwnTest::Doubles(values, &condition.test),
                Column::Texts(texts) => match &condition.test {
                    Test::Contains(part) => OwnTest::Contains([(texts, texts.folded().holding(part))].into()),
                    test => OwnTest::Texts(texts, test),
                },
                Column::Ids(_) | Column::Unread => OwnTest::Unknown,
            },
            Subject::Search => OwnTest::search(&condition.test, rows),
            Subject::Flag(flag) => OwnTest::flag(flag, rows, relations),
            Subject::Filter(of) => match of.relation() {
                Some(relation) => {
                    let places = any(relation, of, &condition.test, relations, owners);
                    OwnTest::Places(places.into())
                }
                None => OwnTest::team(of, &condition.test, rows),
            },
        };
        Own { test, negated: condition.negated }
    }

    #[inline]
    fn truth(&self, place: usize) -> Truth {
        let truth = self.test.truth(place);
        if self.negated { Some(truth != Some(true)) } else { truth }
    }
}

/// Of each place, whether a test holds of any of the items of its owner.
fn any(relation: Relation, of: FilterOf, test: &Test, relations: &Relations<'_>, owners: &[i64]) -> Vec<bool> {
    let items = relations.all(relation);
    let found = items.iter().filter(|&&(_, item)| relations.truth(of, test, item) == Some(true));
    let found: IdSet = found.map(|&(owner, _)| owner).collect();
    // To be in no team is to have no membership.
    let none_is_found = *test == Test::Null(true);
    let has_any = |owner: i64| !range(items, owner).is_empty();
    owners.iter().map(|&owner| found.contains(owner) || none_is_found && !has_any(owner)).collect()
}

impl<'a> OwnTest<'a> {
    fn search(test: &'a Test, rows: &'a Rows) -> OwnTest<'a> {
        let Test::Contains(term) = test else { return OwnTest::Unknown };
        let fields = rows.resource().fields.iter().enumerate().filter(|(_, field)| field.uses.searches());
        let texts = fields.filter_map(|(index, _)| match rows.column(index) {
            Column::Texts(texts) => Some((texts, texts.folded().holding(term))),
            _ => None,
        });
        OwnTest::Contains(texts.collect())
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
            Flag::SmartDedupe => OwnTest::Places(rows.firsts().into()),
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
                let mut found = IdSet::default();
                let mut new: Vec<i64> = [ancestor].into();
                // Each round goes one level down, and ends where there is nothing new: even if parents run in circles.
                while !new.is_empty() {
                    found = found.as_slice().iter().chain(&new).copied().collect();
                    let below = new.iter().flat_map(|&id| children.get(range(&children, id)).unwrap_or_default());
                    new = below.map(|&(_, id)| id).filter(|&id| !found.contains(id)).collect();
                }
                OwnTest::Keys(rows.integers(0), found, true)
            }
            // No team has an id beyond 64 bits.
            _ => OwnTest::Keys(rows.integers(0), IdSet::default(), true),
        }
    }

    #[inline]
    fn truth(&self, place: usize) -> Truth {
        match self {
            OwnTest::Integers(values, test) => {
                test.of_integer(values.get(place).copied().filter(|&value| value != NULL))
            }
            OwnTest::Doubles(values, test) => {
                test.of_double(values.get(place).copied().filter(|value| !value.is_nan()))
            }
            OwnTest::Texts(texts, test) => test.of_text(texts.at(place)),
            OwnTest::Contains(texts) => {
                let truth =
                    |(texts, holding): &(&Texts, Vec<bool>)| texts.at(place).and_then(|_| holding.get(place).copied());
                join(texts.iter().map(truth), true)
            }
            OwnTest::Keys(values, set, keep) => values.get(place).map(|&value| set.contains(value) == *keep),
            OwnTest::Places(places) => places.get(place).copied(),
            OwnTest::Weekdays(times) => {
                let time = times.get(place).copied().filter(|&time| time != NULL)?;
                // 1970-01-01 was a Thursday: three days after its Monday.
                Some((time.div_euclid(86_400_000_000) + 3).rem_euclid(7) < 5)
            }
            OwnTest::Unknown => None,
        }
    }
}

impl Test {
    #[inline]
    pub(super) fn of_integer(&self, value: Option<i64>) -> Truth {
        match self {
            Test::Null(wanted) => return Some(value.is_none() == *wanted),
            Test::OneOf(ids) if ids.as_slice().is_empty() => return Some(false),
            _ => {}
        }
        let value = value?;
        Some(match self {
            Test::Always => true,
            Test::Equal(operand) => value == *operand,
            Test::AtLeast(operand) => value >= *operand,
            Test::AtMost(operand) => value <= *operand,
            Test::OneOf(ids) => ids.contains(value),
            _ => false,
        })
    }

    fn of_double(&self, value: Option<f64>) -> Truth {
        match self {
            Test::Null(wanted) => Some(value.is_none() == *wanted),
            Test::Number(comparison, operand) => {
                let (value, operand) = (value?, operand.value());
                Some(match comparison {
                    Comparison::Equal => value == operand,
                    Comparison::Greater => value > operand,
                    Comparison::AtLeast => value >= operand,
                    Comparison::Less => value < operand,
                    Comparison::AtMost => value <= operand,
                })
            }
            _ => value.map(|_| false),
        }
    }

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

/// The resources that a condition reads besides the row's own.
pub(super) fn reads(subject: Subject) -> &'static [&'static Resource] {
    match subject {
        Subject::Filter(of) => relations::reads(of),
        Subject::Flag(Flag::RemoveExcluded) => &[&USERS],
        Subject::Flag(Flag::ExcludeBlocked) => &[&REPOS],
        Subject::Flag(_) | Subject::Field(_) | Subject::Search => &[],
    }
}
