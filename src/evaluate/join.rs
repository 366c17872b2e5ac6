//! Rows that belong to rows: what conditions on them make of a row, and how often it is found.

use super::relations::{Relations, range};
use super::row_condition::Ternary;
use crate::query::{Filter, Subject};
use alloc::vec::Vec;
use core::ops::Range;

/// A join and the conditions on its rows.
pub(super) struct JoinConditions<'a> {
    items: &'a [(i64, i64)],
    outer: bool,
    conditions: Vec<Item>,
}

/// A condition on the rows of a join.
struct Item {
    node: usize,
    /// Of each of the relation's items.
    truths: Vec<Ternary>,
    /// Of an item that is missing.
    missing: Ternary,
}

/// What is known of rows that are joined, condition by condition, and of how many.
pub(super) type Class = (Vec<Ternary>, u64);

impl<'a> JoinConditions<'a> {
    /// The joins of a filter.
    pub(super) fn all(filter: &Filter, relations: &'a Relations<'a>) -> Vec<JoinConditions<'a>> {
        let joined = |(at, join): (usize, &crate::query::Join)| {
            let items = relations.all(join.relation);
            let conditions = filter.nodes.iter().enumerate().filter_map(|(node, condition)| {
                let condition = condition.condition().filter(|condition| condition.join == Some(at))?;
                let Subject::Filter(of) = condition.subject else { return None };
                let truths = items.iter().map(|&(_, item)| relations.truth(of, &condition.predicate, item)).collect();
                Some(Item { node, truths, missing: condition.predicate.test_integer(None) })
            });
            JoinConditions { items, outer: join.outer, conditions: conditions.collect() }
        };
        filter.joins.iter().enumerate().map(joined).collect()
    }

    /// The nodes that are conditions on its rows.
    pub(super) fn nodes(&self) -> impl Iterator<Item = usize> {
        self.conditions.iter().map(|item| item.node)
    }

    /// How many of an owner's rows all conditions are true of.
    pub(super) fn count(&self, owner: i64) -> u64 {
        let range = self.range(owner);
        let all = |truth: &dyn Fn(&Item) -> Ternary| self.conditions.iter().all(|item| truth(item) == Some(true));
        if range.is_empty() && self.outer {
            return u64::from(all(&|item| item.missing));
        }
        range.filter(|&at| all(&|item| item.at(at))).count() as u64
    }

    /// An owner's rows, by what is known of them.
    pub(super) fn classes(&self, owner: i64) -> Vec<Class> {
        let range = self.range(owner);
        if range.is_empty() && self.outer {
            return [(self.conditions.iter().map(|item| item.missing).collect(), 1)].into();
        }
        let truths = |at| self.conditions.iter().map(|item| item.at(at)).collect();
        let mut known: Vec<Vec<Ternary>> = range.map(truths).collect();
        known.sort_unstable();
        known.chunk_by(PartialEq::eq).filter_map(|same| Some((same.first()?.clone(), same.len() as u64))).collect()
    }

    /// Where the rows of an owner are.
    fn range(&self, owner: i64) -> Range<usize> {
        range(self.items, owner)
    }
}

impl Item {
    fn at(&self, at: usize) -> Ternary {
        self.truths.get(at).copied().flatten()
    }
}
