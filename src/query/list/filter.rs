//! Expressions of conditions, and the joins they make.

use super::{Condition, Predicate, Subject};
use crate::schema::{FilterTarget, Relation};
use alloc::vec::Vec;

/// The condition on a row, and how often a row matches.
///
/// The expression is evaluated for each combination of rows that [`joins`](Self::joins) yields for a row. The row
/// matches once for each combination for which it is true: neither false nor unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The joins of related rows that conditions refer to.
    pub joins: Vec<Join>,
    /// The expression in postfix order: operands come before their operator. The last node is the root.
    pub nodes: Vec<Node>,
    /// The queries of a `filters` with more than one query, as sent.
    pub(super) terms: Vec<Term>,
    /// The number of times the framework joins the repositories of commits, to get at their tags. The row is always the
    /// same.
    repos: usize,
}

/// A query of a `filters`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// The operator before it.
    pub(super) operator: Option<Operator>,
    pub(super) negated: bool,
    pub(super) conditions: Vec<Condition>,
}

/// A join with related rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Join {
    /// The related rows.
    pub relation: Relation,
    /// Reports whether a row without related rows is evaluated too, with nulls.
    pub outer: bool,
    /// For the tags of commits, the number of the join of the repository.
    repo: usize,
}

/// A node of a [`Filter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A condition.
    Condition(Condition),
    /// The conjunction of the last `of` operands, or its negation. An empty one is true, negated or not.
    All {
        /// The number of operands.
        of: usize,
        /// Reports whether it is negated.
        negated: bool,
    },
    /// The disjunction of the last `of` operands, or its negation.
    Any {
        /// The number of operands.
        of: usize,
        /// Reports whether it is negated.
        negated: bool,
    },
}

/// An operator between two queries of `filters`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
}

/// The largest number of conditions on related rows in `filters` with several joins. Each may double the combinations
/// to evaluate for a row.
pub const MAX_JOINED_CONDITIONS: usize = 8;

/// The same limit for commits if the expression is no conjunction: a database evaluates 16 combinations for each of a
/// million commits in its time limit.
pub const MAX_JOINED_CONDITIONS_OF_COMMITS: usize = 4;

/// The largest number of `icontains` conditions on commits in `filters`. No index helps with them, and this number over
/// a million commits takes a database five seconds.
pub const MAX_CONTAINS_CONDITIONS: usize = 20;

/// The largest number of conditions in `filters`. A statement of the size that D1 takes holds no more.
pub const MAX_CONDITIONS: usize = 500;

impl Filter {
    /// Creates a conjunction. Each condition on related rows is a join of its own.
    pub(super) fn all(conditions: Vec<Condition>) -> Filter {
        let mut joins = Vec::new();
        let of = conditions.len();
        // The framework joins the repository for a negated condition too, although it finds the tags in a subquery.
        let repos = conditions.iter().any(|condition| condition.subject == Subject::Filter(FilterTarget::Tag)).into();
        let mut nodes: Vec<Node> = Vec::with_capacity(of + 1);
        nodes.extend(conditions.into_iter().map(|mut condition| {
            if let Some(relation) = condition.subject.relation().filter(|_| !condition.negated) {
                condition.join = Some(joins.len());
                // "Is in no team" is true for a user without memberships.
                joins.push(Join { relation, outer: condition.predicate == Predicate::Null(true), repo: 0 });
            }
            Node::Condition(condition)
        }));
        nodes.push(Node::All { of, negated: false });
        Filter { joins, nodes, terms: Vec::new(), repos }
    }

    /// Returns the conditions if the expression is nothing but a conjunction.
    pub fn conjunction(&self) -> Option<impl Iterator<Item = &Condition>> {
        let (Node::All { negated: false, of }, conditions) = self.nodes.split_last()? else { return None };
        (conditions.len() == *of).then(|| conditions.iter().filter_map(Node::condition))
    }

    /// Returns all conditions in order.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.nodes.iter().filter_map(Node::condition)
    }

    /// Combines queries from left to right.
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
        // A single query in brackets is equivalent to that query.
        filter.terms = if matches!(terms.as_slice(), [Term { negated: false, .. }]) { Vec::new() } else { terms };
        filter
    }

    /// Negates the expression, like `~`.
    fn negate(&mut self) {
        if let Some(Node::All { negated, .. } | Node::Any { negated, .. }) = self.nodes.last_mut() {
            *negated = !*negated;
        }
    }

    /// Adds required conditions, such as those of `search`.
    pub(super) fn and_all(mut self, conditions: Vec<Condition>) -> Filter {
        if !conditions.is_empty() {
            self.add(Filter::all(conditions).nodes, Operator::And);
        }
        self
    }

    /// Combines with another filter, in the way of the framework.
    fn combine(&mut self, mut other: Filter, operator: Operator) {
        match operator {
            // Both sides may match different related rows. If those of the new side are missing, the other side still
            // counts.
            Operator::And => {
                let before = self.joins.len();
                other.move_joins(|join| join + before);
                self.joins.extend(other.joins.iter().map(|join| Join { outer: true, repo: self.repos, ..*join }));
                self.repos += other.repos;
            }
            // Both sides share joins where possible; if the related row is missing, the side that does not need it
            // counts. The framework reuses the last join of a repository, and joins the tags again unless their join
            // used that.
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

    /// Adds the tree of another expression.
    ///
    /// The framework adds to a negated expression inside of the negation.
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
    /// Returns the condition if the node is one.
    pub fn condition(&self) -> Option<&Condition> {
        if let Node::Condition(condition) = self { Some(condition) } else { None }
    }

    /// Returns the operator, the number of operands, and the negation. A condition counts as a conjunction of itself.
    fn joined(&self) -> (Operator, usize, bool) {
        match *self {
            Node::All { of, negated } => (Operator::And, of, negated),
            Node::Any { of, negated } => (Operator::Or, of, negated),
            Node::Condition(_) => (Operator::And, 1, false),
        }
    }
}
