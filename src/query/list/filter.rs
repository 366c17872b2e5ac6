//! Conditions, joined.

use super::{Condition, Predicate, Subject};
use crate::schema::{FilterTarget, Relation};
use alloc::vec::Vec;

/// What a row must be to be found, and how often it is found.
///
/// A row is looked at once for each combination of rows that [`joins`](Self::joins) yields for it, and found once for
/// each of these for which the condition is true: not false, and not unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The rows that belong to a row, as far as a condition looks at one of them.
    pub joins: Vec<Join>,
    /// The condition in postfix order: what a node joins stands before it. The last node joins all.
    pub nodes: Vec<Node>,
    /// The queries of a `filters` that is more than one query, as they were sent.
    pub(super) terms: Vec<Term>,
    /// How often the framework joins the repositories of commits, to get at their tags. It is always the same row.
    repos: usize,
}

/// A query of a `filters`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// How it is joined with what stands before it.
    pub(super) operator: Option<Operator>,
    pub(super) negated: bool,
    pub(super) conditions: Vec<Condition>,
}

/// A join with rows that belong to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Join {
    /// Which rows these are.
    pub relation: Relation,
    /// Whether a row that has none of them is looked at nevertheless, as with one all of nulls.
    pub outer: bool,
    /// Of tags of commits, by which join of the repository.
    repo: usize,
}

/// A part of a [`Filter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A condition.
    Condition(Condition),
    /// Whether all of the last `of` parts before it are true, or the opposite. All of none is true, negated or not.
    All {
        /// How many.
        of: usize,
        /// Whether the opposite.
        negated: bool,
    },
    /// Whether any of the last `of` parts before it is true, or the opposite.
    Any {
        /// How many.
        of: usize,
        /// Whether the opposite.
        negated: bool,
    },
}

/// How `filters` joins two queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
}

/// How many conditions on rows that belong to a row `filters` may join, where they look at several such rows at once: each
/// may double the combinations that have to be looked at for each row.
pub const MAX_JOINED_CONDITIONS: usize = 8;

/// The same of commits, of which there are many times as many, where it is more than that all of them must be true: 16
/// combinations for each of a million commits are what a database does in the time that it is given.
pub const MAX_JOINED_CONDITIONS_OF_COMMITS: usize = 4;

/// How many conditions on parts of texts of commits `filters` may join: no index helps with them, and these through a million
/// texts are some five seconds of a database.
pub const MAX_CONTAINS_CONDITIONS: usize = 20;

/// How many conditions `filters` may join: a statement of the size that D1 takes holds no more.
pub const MAX_CONDITIONS: usize = 500;

impl Filter {
    /// All of these conditions. Each that looks at rows that belong to a row is a join of its own.
    pub(super) fn all(conditions: Vec<Condition>) -> Filter {
        let mut joins = Vec::new();
        let of = conditions.len();
        // A negated condition joins the repository, too, although it then looks for tags by themselves.
        let repos = conditions.iter().any(|condition| condition.subject == Subject::Filter(FilterTarget::Tag)).into();
        let mut nodes: Vec<Node> = Vec::with_capacity(of + 1);
        nodes.extend(conditions.into_iter().map(|mut condition| {
            if let Some(relation) = condition.subject.relation().filter(|_| !condition.negated) {
                condition.join = Some(joins.len());
                // "Is in no team" is true of a user for whom there is nothing to join.
                joins.push(Join { relation, outer: condition.predicate == Predicate::Null(true), repo: 0 });
            }
            Node::Condition(condition)
        }));
        nodes.push(Node::All { of, negated: false });
        Filter { joins, nodes, terms: Vec::new(), repos }
    }

    /// The conditions, where all of them must be true and nothing else.
    pub fn conjunction(&self) -> Option<impl Iterator<Item = &Condition>> {
        let (Node::All { negated: false, of }, conditions) = self.nodes.split_last()? else { return None };
        (conditions.len() == *of).then(|| conditions.iter().filter_map(Node::condition))
    }

    /// All conditions, in order.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.nodes.iter().filter_map(Node::condition)
    }

    /// All of these queries, joined from left to right.
    pub(super) fn of_terms(terms: Vec<Term>) -> Filter {
        let mut filters = terms.iter().map(|term| {
            let mut filter = Filter::all(term.conditions.clone());
            if term.negated {
                filter.negate();
            }
            (filter, term.operator)
        });
        let mut filter = filters.next().map_or_else(|| Filter::all(Vec::new()), |(first, _)| first);
        for (other, operator) in filters {
            filter.combine(other, operator.unwrap_or(Operator::And));
        }
        // One query in brackets is that query.
        filter.terms = if matches!(terms.as_slice(), [Term { negated: false, .. }]) { Vec::new() } else { terms };
        filter
    }

    /// Turns the whole round, as a `~` does.
    fn negate(&mut self) {
        if let Some(Node::All { negated, .. } | Node::Any { negated, .. }) = self.nodes.last_mut() {
            *negated = !*negated;
        }
    }

    /// Adds conditions that must be true too, such as those of `search`.
    pub(super) fn and_all(mut self, conditions: Vec<Condition>) -> Filter {
        if !conditions.is_empty() {
            self.add(Filter::all(conditions).nodes, Operator::And);
        }
        self
    }

    /// Joins the filter of one more query, as the framework joins two of its queries.
    fn combine(&mut self, mut other: Filter, operator: Operator) {
        match operator {
            // What both look at may be different rows. Where the new ones are missing, the others count nevertheless.
            Operator::And => {
                let before = self.joins.len();
                other.move_joins(|join| join + before);
                self.joins.extend(other.joins.iter().map(|join| Join { outer: true, repo: self.repos, ..*join }));
                self.repos += other.repos;
            }
            // Both look at the same row, where they can; where it is missing, the side that does not need it counts. Of the
            // joins of a repository the framework takes the last one, and has to join the tags anew if none is by that.
            Operator::Or => {
                let repo = self.repos.saturating_sub(1);
                self.repos = self.repos.max(other.repos);
                let mut free: Vec<usize> = (0..self.joins.len()).collect();
                let mut shared = Vec::new();
                let mut places = Vec::new();
                for join in &other.joins {
                    let is_same = |own: &Join| own.relation == join.relation && own.repo == repo;
                    let is_same = |&&at: &&usize| self.joins.get(at).is_some_and(is_same);
                    let place = match free.iter().rev().find(is_same).copied() {
                        Some(at) => {
                            free.retain(|&other| other != at);
                            if !join.outer {
                                shared.push(at);
                            }
                            at
                        }
                        None => {
                            self.joins.push(Join { outer: true, repo, ..*join });
                            self.joins.len() - 1
                        }
                    };
                    places.push(place);
                }
                for (at, join) in self.joins.iter_mut().enumerate() {
                    join.outer |= !shared.contains(&at);
                }
                other.move_joins(|join| places.get(join).copied().unwrap_or(join));
            }
        }
        self.add(other.nodes, operator);
    }

    fn move_joins(&mut self, place: impl Fn(usize) -> usize) {
        for node in &mut self.nodes {
            if let Node::Condition(Condition { join: Some(join), .. }) = node {
                *join = place(*join);
            }
        }
    }

    /// Adds a whole tree to this one.
    ///
    /// The framework has a peculiar way of it: where this one is negated, what is added comes inside of the negation.
    fn add(&mut self, mut other: Vec<Node>, operator: Operator) {
        let (Some(own_root), Some(other_root)) = (self.nodes.pop(), other.last()) else { return };
        let (own, of, negated) = own_root.joined();
        let (others, count, other_negated) = other_root.joined();
        let of = if own != operator {
            self.nodes.push(own_root);
            2
        } else if !other_negated && (others == operator || count == 1) {
            other.pop();
            of + count
        } else {
            of + 1
        };
        self.nodes.append(&mut other);
        self.nodes.push(match operator {
            Operator::And => Node::All { of, negated },
            Operator::Or => Node::Any { of, negated },
        });
    }
}

impl Node {
    /// The condition, if it is one.
    pub fn condition(&self) -> Option<&Condition> {
        if let Node::Condition(condition) = self { Some(condition) } else { None }
    }

    /// What a node joins: how, how many, and whether it is negated. A condition stands for all of itself.
    fn joined(&self) -> (Operator, usize, bool) {
        match *self {
            Node::All { of, negated } => (Operator::And, of, negated),
            Node::Any { of, negated } => (Operator::Or, of, negated),
            Node::Condition(_) => (Operator::And, 1, false),
        }
    }
}
