//! Joins: conditions on the rows that belong to a row.

use super::relations::{Relations, range};
use super::ternary::Ternary;
use crate::query::{Filter, Subject};
use alloc::vec::Vec;
use core::ops::Range;

pub(super) struct JoinConditions<'a> {
    items: &'a [(i64, i64)],
    outer: bool,
    conditions: Vec<Item>,
}

struct Item {
    node: usize,
    /// The result for each item of the relation.
    truths: Vec<Ternary>,
    /// The result for a missing item, of an outer join.
    missing: Ternary,
}

/// The results of all conditions for some joined rows, and the number of these rows.
pub(super) type Class = (Vec<Ternary>, u64);

impl<'a> JoinConditions<'a> {
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

    pub(super) fn nodes(&self) -> impl Iterator<Item = usize> {
        self.conditions.iter().map(|item| item.node)
    }

    /// Returns the number of an owner's rows that match all conditions.
    pub(super) fn count(&self, owner: i64) -> u64 {
        let range = self.range(owner);
        let all = |truth: &dyn Fn(&Item) -> Ternary| self.conditions.iter().all(|item| truth(item) == Some(true));
        if range.is_empty() && self.outer {
            return u64::from(all(&|item| item.missing));
        }
        range.filter(|&at| all(&|item| item.at(at))).count() as u64
    }

    /// Groups an owner's rows by the results of the conditions.
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

    fn range(&self, owner: i64) -> Range<usize> {
        range(self.items, owner)
    }
}

impl Item {
    fn at(&self, at: usize) -> Ternary {
        self.truths.get(at).copied().flatten()
    }
}
