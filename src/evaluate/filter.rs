//! Evaluates a filter over rows, 64 at a time.

use super::bit_set::{BitSet, bits};
use super::column::NULL;
use super::join::{Class, JoinConditions};
use super::relations::{self, Relations, owner};
use super::row_condition::RowCondition;
use super::rows::Rows;
use super::ternary::TernaryMask;
use crate::query::{ListRequest, Node, Subject};
use crate::schema::{Flag, REPOS, Resource, USERS};
use alloc::vec::Vec;
use hashbrown::HashMap;

/// A filter bound to the rows that it reads.
pub(super) struct FilterEvaluator<'a> {
    rows: &'a Rows,
    /// Conditions on the row itself that must be true, cheap ones first.
    required: Vec<RowCondition<'a>>,
    /// The whole expression, if it is more than a conjunction.
    formula: Option<Formula<'a>>,
    joins: Vec<JoinConditions<'a>>,
    /// The id of each row's owner, by which joined rows are found.
    owners: &'a [i64],
}

/// An expression of conditions.
struct Formula<'a> {
    nodes: &'a [Node],
    /// The values of nodes that do not depend on the row.
    leaves: Vec<TernaryMask>,
    /// The other conditions on the row itself, by node.
    own: Vec<(usize, RowCondition<'a>)>,
}

/// The rows that match a filter.
pub(super) struct Matches {
    found: BitSet,
    /// The number of matches by position. It is empty if no row matches more than once.
    times: Vec<u64>,
}

/// Results that rows share.
#[derive(Default)]
struct SharedResults {
    /// The number of matches of each owner's rows, if they match.
    counts: HashMap<i64, u64>,
    /// The classes of joined rows of each kind of owner, by join. Conditions can not tell owners of a kind apart.
    kinds: Vec<Vec<Vec<Class>>>,
    kind_of: HashMap<i64, usize>,
    leaves: Vec<TernaryMask>,
    stack: Vec<TernaryMask>,
}

impl<'a> FilterEvaluator<'a> {
    pub(super) fn new(request: &'a ListRequest, rows: &'a Rows, relations: &'a Relations<'a>) -> FilterEvaluator<'a> {
        let nodes = request.filter.nodes.as_slice();
        let owners = rows.integers(owner(request.resource));
        let is_all = request.filter.conjunction().is_some();
        let mut required = Vec::new();
        let mut formula = Formula { nodes, leaves: alloc::vec![TernaryMask::default(); nodes.len()], own: Vec::new() };
        let required_nodes = required_of(nodes);
        for (node, condition) in nodes.iter().enumerate() {
            let Some(condition) = condition.condition().filter(|condition| condition.join.is_none()) else { continue };
            let own = RowCondition::new(condition, rows, relations, owners);
            if !required_nodes.contains(&node) {
                formula.own.push((node, own));
                continue;
            }
            required.push(own);
            if let Some(leaf) = formula.leaves.get_mut(node) {
                *leaf = TernaryMask::of(Some(true));
            }
        }
        required.sort_by_key(RowCondition::cost);
        let joins = JoinConditions::all(&request.filter, relations);
        FilterEvaluator { rows, required, formula: (!is_all).then_some(formula), joins, owners }
    }

    pub(super) fn matches(&self) -> Matches {
        let mut shared = SharedResults::default();
        let mut times = Vec::new();
        let found = self.rows.all().words().map(|(first, word)| {
            let mut counts = [1; 64];
            let found = self.find(first, word, &mut counts, &mut shared);
            if !self.joins.is_empty() {
                times.extend_from_slice(&counts);
            }
            found
        });
        Matches { found: found.collect(), times }
    }

    /// Reports whether the row at a position matches.
    pub(super) fn finds(&self, position: usize) -> bool {
        let row = self.rows.all().word(position) & 1 << (position % 64);
        self.find(position / 64 * 64, row, &mut [1; 64], &mut SharedResults::default()) != 0
    }

    /// Returns the bits of the rows that match and, with joins, how often each does.
    fn find(&self, first: usize, word: u64, times: &mut [u64; 64], shared: &mut SharedResults) -> u64 {
        let narrow = |word, own: &RowCondition<'_>| if word == 0 { 0 } else { word & own.truths(first).yes };
        let word = self.required.iter().fold(word, narrow);
        match &self.formula {
            _ if word == 0 => 0,
            None if self.joins.is_empty() => word,
            None => self.find_joined(first, word, times, shared),
            Some(formula) => self.find_formula(formula, first, word, times, shared),
        }
    }

    /// Evaluates a conjunction: the numbers of matching rows of all joins are multiplied.
    fn find_joined(&self, first: usize, word: u64, times: &mut [u64; 64], shared: &mut SharedResults) -> u64 {
        let mut found = 0;
        for (bit, times) in times.iter_mut().enumerate().filter(|&(bit, _)| word & 1 << bit != 0) {
            let owner = self.owner(first + bit);
            let count = || self.joins.iter().map(|join| join.count(owner)).fold(1, u64::saturating_mul);
            *times = *shared.counts.entry(owner).or_insert_with(count);
            found |= u64::from(*times > 0) << bit;
        }
        found
    }

    /// Evaluates any expression for each combination of classes of joined rows.
    fn find_formula(
        &self,
        formula: &Formula<'_>,
        first: usize,
        word: u64,
        times: &mut [u64; 64],
        shared: &mut SharedResults,
    ) -> u64 {
        shared.leaves.clone_from(&formula.leaves);
        for (node, own) in &formula.own {
            set(&mut shared.leaves, *node, own.truths(first));
        }
        if self.joins.is_empty() {
            return word & formula.truths(&shared.leaves, &mut shared.stack).yes;
        }
        *times = [0; 64];
        let mut kinds = [0; 64];
        for (bit, kind) in kinds.iter_mut().enumerate().filter(|&(bit, _)| word & 1 << bit != 0) {
            *kind = shared.kind(self.owner(first + bit), &self.joins);
        }
        let (mut found, mut rest) = (0, word);
        while let Some(&kind) = bits(rest).next().and_then(|bit| kinds.get(bit)) {
            let same = rest & super::bit_set::word(&kinds, 0, |other| other == kind);
            rest &= !same;
            let Some(classes) = shared.kinds.get(kind) else { continue };
            let mut chosen = alloc::vec![0; classes.len()];
            let mut is_left = classes.iter().all(|classes| !classes.is_empty());
            while is_left {
                let mut count = 1u64;
                for ((join, classes), &at) in self.joins.iter().zip(classes).zip(&chosen) {
                    let Some((truths, of_this)) = classes.get(at) else { continue };
                    count = count.saturating_mul(*of_this);
                    for (node, &truth) in join.nodes().zip(truths) {
                        set(&mut shared.leaves, node, TernaryMask::of(truth));
                    }
                }
                let yes = same & formula.truths(&shared.leaves, &mut shared.stack).yes;
                found |= yes;
                for bit in bits(yes) {
                    if let Some(times) = times.get_mut(bit) {
                        *times = times.saturating_add(count);
                    }
                }
                // Advances to the next combination, like a number with a digit for each join.
                is_left = chosen.iter_mut().zip(classes).any(|(at, classes)| {
                    *at = if *at + 1 < classes.len() { *at + 1 } else { 0 };
                    *at > 0
                });
            }
        }
        found
    }

    fn owner(&self, position: usize) -> i64 {
        self.owners.get(position).copied().unwrap_or(NULL)
    }
}

impl SharedResults {
    fn kind(&mut self, owner: i64, joins: &[JoinConditions<'_>]) -> usize {
        *self.kind_of.entry(owner).or_insert_with(|| {
            let classes: Vec<Vec<Class>> = joins.iter().map(|join| join.classes(owner)).collect();
            self.kinds.iter().position(|other| *other == classes).unwrap_or_else(|| {
                self.kinds.push(classes);
                self.kinds.len() - 1
            })
        })
    }
}

impl Formula<'_> {
    fn truths(&self, leaves: &[TernaryMask], stack: &mut Vec<TernaryMask>) -> TernaryMask {
        stack.clear();
        for (node, &leaf) in self.nodes.iter().zip(leaves) {
            let (of, negated, decides) = match *node {
                Node::Condition(_) => {
                    stack.push(leaf);
                    continue;
                }
                Node::All { of, negated } => (of, negated, false),
                Node::Any { of, negated } => (of, negated, true),
            };
            let parts = stack.drain(stack.len().saturating_sub(of)..);
            let joined = if decides { TernaryMask::any(parts) } else { TernaryMask::all(parts) };
            stack.push(if of == 0 || !negated { joined } else { joined.opposite() });
        }
        stack.pop().unwrap_or_default()
    }
}

fn set(leaves: &mut [TernaryMask], node: usize, truths: TernaryMask) {
    if let Some(leaf) = leaves.get_mut(node) {
        *leaf = truths;
    }
}

/// Returns the conditions that the expression's last node requires, if it is a conjunction.
fn required_of(nodes: &[Node]) -> Vec<usize> {
    let Some((&Node::All { negated: false, of }, parts)) = nodes.split_last() else { return Vec::new() };
    // The start of each operand that no node has used yet.
    let mut starts: Vec<usize> = Vec::new();
    for (index, node) in parts.iter().enumerate() {
        let (Node::All { of, .. } | Node::Any { of, .. }) = *node else {
            starts.push(index);
            continue;
        };
        let joined = starts.len().saturating_sub(of);
        let start = starts.get(joined).copied().unwrap_or(index);
        starts.truncate(joined);
        starts.push(start);
    }
    let ends = starts.iter().skip(1).copied().chain([parts.len()]);
    let parts = starts.iter().zip(ends).skip(starts.len().saturating_sub(of));
    parts.filter(|(start, end)| **start + 1 == *end).map(|(&start, _)| start).collect()
}

impl Matches {
    /// Returns how often the row at a position matches.
    pub(super) fn times(&self, position: usize) -> u64 {
        if self.found.contains(position) { self.times.get(position).copied().unwrap_or(1) } else { 0 }
    }

    /// Returns the number of matches of all rows.
    pub(super) fn count(&self) -> u64 {
        if self.times.is_empty() {
            return self.found.words().map(|(_, word)| u64::from(word.count_ones())).sum();
        }
        let times = self.found.words().flat_map(|(first, word)| bits(word).map(move |bit| self.times(first + bit)));
        times.fold(0, u64::saturating_add)
    }
}

/// Returns the resources that a condition or an order reads, besides the row's own.
pub(super) fn required_resources(resource: &Resource, subject: Subject) -> Vec<&'static Resource> {
    match subject {
        Subject::Filter(of) => relations::required_resources(of).into(),
        Subject::Flag(Flag::RemoveExcluded) => [&USERS].into(),
        Subject::Flag(Flag::ExcludeBlocked) => [&REPOS].into(),
        Subject::Flag(_) | Subject::Field(_) | Subject::Search => Vec::new(),
        Subject::Referenced(field) => {
            let Some((_, other, subject)) = field.follow(resource) else { return Vec::new() };
            let mut resources = required_resources(other, subject);
            resources.push(other);
            resources
        }
    }
}
