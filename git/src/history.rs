//! Lists the commits of a repository and puts them in the order in which the mainline includes them.

use crate::erasure::{Erasures, pseudonym};
use crate::objects::Objects;
use crate::problems::Problems;
use crate::refs::Tips;
use crate::signature::{Moment, Signature, decode, parse_signature};
use gix::ObjectId;
use gix::objs::{CommitRef, Kind};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A commit as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Commit {
    pub id: Id,
    pub tree: Id,
    /// Indices of the parents that could be read.
    pub parents: Vec<u32>,
    /// The number of parents that the commit names.
    pub parent_count: u32,
    pub author: u32,
    pub authored: Moment,
    pub committed: Moment,
    pub message: String,
}

impl Commit {
    pub fn is_merge(&self) -> bool {
        self.parent_count > 1
    }

    /// Returns true if a parent is not in the repository, so that the history is cut off here.
    pub fn is_boundary(&self) -> bool {
        self.parents.len() < self.parent_count as usize
    }
}

/// An object id that can be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(pub ObjectId);

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_bytes())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        ObjectId::try_from(bytes).map(Id).map_err(serde::de::Error::custom)
    }
}

/// The commits of a repository. Parents come before their children.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    pub commits: Vec<Commit>,
    pub signatures: Vec<Signature>,
}

/// The commits that were read but are not numbered yet.
struct Unordered {
    commits: Vec<Commit>,
    parents: Vec<Vec<ObjectId>>,
    by_id: FxHashMap<ObjectId, usize>,
}

impl History {
    /// Adds the commits that the tips reach and that the history does not contain. Returns for each commit of the
    /// history if a branch reaches it, if another ref reaches it, or if no ref does.
    pub fn extend(
        &mut self,
        objects: &mut Objects<'_>,
        tips: &Tips,
        shallow: &FxHashSet<ObjectId>,
        problems: &mut Problems,
        mut advance: impl FnMut(u64),
    ) -> Vec<Reach> {
        let mut known: FxHashMap<ObjectId, u32> = FxHashMap::default();
        for (index, commit) in self.commits.iter().enumerate() {
            known.insert(commit.id.0, position(index));
        }
        let mut signatures: FxHashMap<Signature, u32> = FxHashMap::default();
        for (index, signature) in self.signatures.iter().enumerate() {
            signatures.insert(signature.clone(), position(index));
        }
        let mut unordered = Unordered { commits: Vec::new(), parents: Vec::new(), by_id: FxHashMap::default() };
        let mut pending: Vec<ObjectId> = tips.branches.iter().chain(&tips.others).copied().collect();
        let mut unreadable: FxHashSet<ObjectId> = FxHashSet::default();
        while let Some(id) = pending.pop() {
            if known.contains_key(&id) || unordered.by_id.contains_key(&id) || unreadable.contains(&id) {
                continue;
            }
            let mut sign = |signature: Signature| {
                let next = position(self.signatures.len());
                *signatures.entry(signature).or_insert_with_key(|signature| {
                    self.signatures.push(signature.clone());
                    next
                })
            };
            match read(objects, id, &mut sign, problems) {
                Ok((commit, parents)) => {
                    let parents = if shallow.contains(&id) { Vec::new() } else { parents };
                    pending.extend(parents.iter().copied());
                    unordered.by_id.insert(id, unordered.commits.len());
                    unordered.commits.push(commit);
                    unordered.parents.push(parents);
                    advance(1);
                }
                Err(why) => {
                    problems.add_unreadable(format!("commit {id}: {why}"));
                    unreadable.insert(id);
                }
            }
        }
        let order = unordered.order(tips, &known);
        for index in order {
            let (Some(commit), Some(parents)) = (unordered.commits.get_mut(index), unordered.parents.get(index)) else {
                continue;
            };
            commit.parents = parents.iter().filter_map(|parent| known.get(parent).copied()).collect();
            known.insert(commit.id.0, position(self.commits.len()));
            self.commits.push(commit.clone());
        }
        self.renumber_signatures();
        self.reach(tips, &known)
    }

    /// Replaces the names and addresses of erased persons, and empties their messages.
    pub fn erase(&mut self, erasures: &Erasures, resolve: impl Fn(&Signature) -> Signature) {
        if erasures.is_empty() {
            return;
        }
        let mut kept: FxHashMap<Signature, u32> = FxHashMap::default();
        let mut numbers = Vec::with_capacity(self.signatures.len());
        let mut signatures = Vec::new();
        for signature in std::mem::take(&mut self.signatures) {
            let user = erasures.user(&signature).or_else(|| erasures.user(&resolve(&signature)));
            let shown = user.map_or(signature, pseudonym);
            let number = *kept.entry(shown.clone()).or_insert_with(|| {
                signatures.push(shown);
                position(signatures.len().saturating_sub(1))
            });
            numbers.push((number, user.is_some()));
        }
        self.signatures = signatures;
        for commit in &mut self.commits {
            let (number, is_erased) = numbers.get(commit.author as usize).copied().unwrap_or_default();
            commit.author = number;
            if is_erased {
                commit.message.clear();
            } else if let Cow::Owned(message) = erasures.scrub(&commit.message) {
                commit.message = message;
            }
        }
    }

    /// Numbers signatures in the order of their first commit, so that the numbers do not depend on the traversal.
    fn renumber_signatures(&mut self) {
        let mut numbers: Vec<Option<u32>> = vec![None; self.signatures.len()];
        let mut ordered = Vec::with_capacity(self.signatures.len());
        for commit in &mut self.commits {
            let Some(number) = numbers.get_mut(commit.author as usize) else { continue };
            if number.is_none() {
                *number = Some(position(ordered.len()));
                ordered.extend(self.signatures.get(commit.author as usize).cloned());
            }
            commit.author = number.unwrap_or_default();
        }
        self.signatures = ordered;
    }

    fn reach(&self, tips: &Tips, known: &FxHashMap<ObjectId, u32>) -> Vec<Reach> {
        let mut reach = vec![Reach::None; self.commits.len()];
        for (ids, kind) in [(&tips.branches, Reach::Branch), (&tips.others, Reach::Other)] {
            let mut pending: Vec<u32> = ids.iter().filter_map(|id| known.get(id).copied()).collect();
            while let Some(index) = pending.pop() {
                if let Some(found) = reach.get_mut(index as usize)
                    && *found == Reach::None
                {
                    *found = kind;
                    pending.extend(self.commits.get(index as usize).into_iter().flat_map(|commit| &commit.parents));
                }
            }
        }
        reach
    }

    /// Returns the mainline: the first parents of a commit, the newest first.
    pub fn mainline(&self, tip: Option<ObjectId>) -> Vec<u32> {
        let mut next = tip.and_then(|tip| self.commits.iter().rposition(|commit| commit.id.0 == tip)).map(position);
        let mut line = Vec::new();
        while let Some(index) = next {
            line.push(index);
            next = self.commits.get(index as usize).and_then(|commit| commit.parents.first().copied());
        }
        line
    }
}

/// The refs that reach a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Branch,
    Other,
    None,
}

impl Unordered {
    /// Orders the commits: the mainline from its oldest commit, before each the commits that it merges; then the
    /// other tips, the oldest first. Among commits that do not depend on each other, the older comes first.
    fn order(&self, tips: &Tips, known: &FxHashMap<ObjectId, u32>) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.commits.len());
        let mut is_ordered = vec![false; self.commits.len()];
        let mut line = Vec::new();
        let mut next = tips.mainline.and_then(|tip| self.by_id.get(&tip).copied());
        while let Some(index) = next {
            line.push(index);
            next = self.parents.get(index).and_then(|parents| self.by_id.get(parents.first()?).copied());
        }
        line.reverse();
        let key = |index: &usize| self.commits.get(*index).map(|commit| (commit.committed.seconds, commit.id));
        let mut rest: Vec<usize> = tips.branches.iter().filter_map(|tip| self.by_id.get(tip).copied()).collect();
        rest.sort_by_key(key);
        let mut others: Vec<usize> = tips.others.iter().filter_map(|tip| self.by_id.get(tip).copied()).collect();
        others.sort_by_key(key);
        for tip in line.into_iter().chain(rest).chain(others) {
            self.order_ancestors(tip, known, &mut is_ordered, &mut order);
        }
        order
    }

    fn order_ancestors(
        &self,
        tip: usize,
        known: &FxHashMap<ObjectId, u32>,
        is_ordered: &mut [bool],
        order: &mut Vec<usize>,
    ) {
        let parents = |index: usize| {
            let parents = self.parents.get(index).into_iter().flatten();
            parents.filter(|parent| !known.contains_key(*parent)).filter_map(|parent| self.by_id.get(parent).copied())
        };
        let is_done = |is_ordered: &[bool], index: usize| is_ordered.get(index).copied().unwrap_or(true);
        if is_done(is_ordered, tip) {
            return;
        }
        let mut waiting: FxHashMap<usize, usize> = FxHashMap::default();
        let mut children: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
        let mut ready = BinaryHeap::new();
        let mut pending = vec![tip];
        while let Some(index) = pending.pop() {
            if waiting.contains_key(&index) {
                continue;
            }
            let mut open: Vec<usize> = parents(index).filter(|parent| !is_done(is_ordered, *parent)).collect();
            open.sort_unstable();
            open.dedup();
            waiting.insert(index, open.len());
            if open.is_empty() {
                ready.extend(
                    self.commits.get(index).map(|commit| Reverse((commit.committed.seconds, commit.id, index))),
                );
            }
            for parent in open {
                children.entry(parent).or_default().push(index);
                pending.push(parent);
            }
        }
        while let Some(Reverse((_, _, index))) = ready.pop() {
            order.push(index);
            if let Some(done) = is_ordered.get_mut(index) {
                *done = true;
            }
            for child in children.remove(&index).unwrap_or_default() {
                let Some(open) = waiting.get_mut(&child) else { continue };
                *open = open.saturating_sub(1);
                if *open == 0 {
                    ready.extend(
                        self.commits.get(child).map(|commit| Reverse((commit.committed.seconds, commit.id, child))),
                    );
                }
            }
        }
    }
}

pub(crate) fn position(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Reads a commit and the ids of its parents.
fn read(
    objects: &mut Objects<'_>,
    id: ObjectId,
    sign: &mut impl FnMut(Signature) -> u32,
    problems: &mut Problems,
) -> Result<(Commit, Vec<ObjectId>), String> {
    let (kind, data) = objects.load(&id).map_err(|error| error.why)?;
    if kind != Kind::Commit {
        return Err(format!("it is a {kind}"));
    }
    let commit = CommitRef::from_bytes(data, id.kind()).map_err(|error| error.to_string())?;
    let parse_id = |hex: &[u8]| ObjectId::from_hex(hex).map_err(|error| error.to_string());
    let parents = commit.parents.iter().map(|parent| parse_id(parent)).collect::<Result<Vec<_>, _>>()?;
    let encoding = commit.encoding.map(|encoding| encoding.to_vec());
    let (author, authored) = parse_signature(commit.author);
    let (_, committed) = parse_signature(commit.committer);
    let mut report = |who: &str, why: &str| problems.add(format!("commit {id}: the {who}'s {why}"));
    let committed = committed.check(|why| report("committer", why)).unwrap_or_default();
    let authored = authored.check(|why| report("author", why)).unwrap_or(committed);
    let text = |bytes: &[u8]| decode(bytes, encoding.as_deref());
    let author = Signature { name: text(author.0), email: text(author.1) };
    let commit = Commit {
        id: Id(id),
        tree: Id(parse_id(commit.tree)?),
        parents: Vec::new(),
        parent_count: position(parents.len()),
        author: sign(author),
        authored,
        committed,
        message: text(commit.message),
    };
    Ok((commit, parents))
}
