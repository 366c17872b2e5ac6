//! Compares commits on all cores and carries line origins through them in order.

use crate::annotate::{Ages, Paths, Snapshot, Work, advance};
use crate::diff::{CommitDiff, DiffCounts, Differ, Subject};
use crate::exclude::FileRules;
use crate::history::{Commit, position};
use crate::objects::Objects;
use crate::packs::PackFiles;
use crate::problems::Problems;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

/// The memory for decoded objects and for the bases of packed deltas, each.
const CACHE_BYTES: usize = 128 << 20;
/// The most commits that a thread takes at once.
const MAX_CHUNK: usize = 256;

/// The numbers of a commit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CommitStats {
    pub counts: DiffCounts,
    pub work: Work,
}

/// The input of an analysis.
pub(crate) struct Analysis<'a> {
    pub repository: &'a gix::ThreadSafeRepository,
    pub rules: &'a FileRules,
    pub ages: Ages<'a>,
    /// The number of commits whose numbers are already known.
    pub known: usize,
    /// Snapshots of known commits.
    pub snapshots: FxHashMap<u32, Snapshot>,
    /// The commits whose snapshots are wanted.
    pub keep: &'a FxHashSet<u32>,
    pub threads: usize,
}

/// The result of an analysis.
pub(crate) struct Analyzed {
    /// The numbers of the commits that were not known, in order.
    pub stats: Vec<CommitStats>,
    pub snapshots: BTreeMap<u32, Snapshot>,
    pub problems: Problems,
}

impl Analysis<'_> {
    /// Returns the commits to compare: the new ones, and known ones between them and the snapshots that exist.
    pub fn needed(&self) -> Vec<u32> {
        let commits = self.ages.commits;
        let mut needed: FxHashSet<u32> = FxHashSet::default();
        let mut pending: Vec<u32> = (self.known..commits.len()).map(position).collect();
        while let Some(index) = pending.pop() {
            let is_known = (index as usize) < self.known;
            if (is_known && self.snapshots.contains_key(&index)) || !needed.insert(index) {
                continue;
            }
            pending.extend(commits.get(index as usize).into_iter().flat_map(|commit| &commit.parents));
        }
        order(commits, &needed)
    }

    /// Runs the analysis. The result does not depend on the number of threads.
    pub fn run(mut self, paths: &mut Paths, progress: &(dyn Fn(u64) + Sync)) -> Analyzed {
        let needed = self.needed();
        let threads = self.threads.max(1);
        let chunk = needed.len().div_ceil(threads.saturating_mul(4)).clamp(1, MAX_CHUNK);
        let chunks: Vec<&[u32]> = needed.chunks(chunk).collect();
        let gate = Gate::new(threads.saturating_mul(3));
        let next = AtomicUsize::new(0);
        let commits = self.ages.commits;
        let packs = &PackFiles::open(&self.repository.to_thread_local());
        let (repository, rules) = (self.repository, self.rules);
        let snapshots = std::mem::take(&mut self.snapshots);
        let mut carrier = Carrier::new(&self, &needed, snapshots);
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            for _ in 0..threads.min(chunks.len()) {
                let (sender, chunks, gate, next) = (sender.clone(), &chunks, &gate, &next);
                scope.spawn(move || {
                    let mut differ = Differ::new(Objects::new(repository, packs, CACHE_BYTES / threads), rules);
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(chunk) = chunks.get(number) else { break };
                        gate.wait(number);
                        // Packs store old objects as deltas against newer ones: reading backward decodes each once.
                        let mut diffs: Vec<CommitDiff> = chunk
                            .iter()
                            .rev()
                            .map(|index| {
                                let subject = subject(commits, *index);
                                let diff = subject.map(|subject| differ.commit(&subject)).unwrap_or_default();
                                progress(1);
                                diff
                            })
                            .collect();
                        diffs.reverse();
                        if sender.send((number, diffs)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let mut early: BTreeMap<usize, Vec<CommitDiff>> = BTreeMap::new();
            let mut number: usize = 0;
            for (finished, diffs) in receiver {
                early.insert(finished, diffs);
                while let Some(diffs) = early.remove(&number) {
                    for (index, diff) in chunks.get(number).into_iter().copied().flatten().zip(diffs) {
                        carrier.commit(*index, diff, paths);
                    }
                    number = number.saturating_add(1);
                    gate.open(number);
                }
            }
        });
        carrier.finish()
    }
}

/// Orders commits so that few snapshots are in use at a time: a branch is followed to its end before the next one, and
/// before the mainline, whose commits have the lowest numbers.
fn order(commits: &[Commit], needed: &FxHashSet<u32>) -> Vec<u32> {
    let mut children: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    let mut waiting: FxHashMap<u32, usize> = FxHashMap::default();
    let mut sorted: Vec<u32> = needed.iter().copied().collect();
    sorted.sort_unstable();
    let mut ready = Vec::new();
    for index in &sorted {
        let mut parents = commits.get(*index as usize).map(|commit| commit.parents.clone()).unwrap_or_default();
        parents.retain(|parent| needed.contains(parent));
        parents.sort_unstable();
        parents.dedup();
        for parent in &parents {
            children.entry(*parent).or_default().push(*index);
        }
        if parents.is_empty() {
            ready.push(*index);
        }
        waiting.insert(*index, parents.len());
    }
    let mut order = Vec::with_capacity(sorted.len());
    while let Some(index) = ready.pop() {
        order.push(index);
        for child in children.remove(&index).unwrap_or_default() {
            let Some(open) = waiting.get_mut(&child) else { continue };
            *open = open.saturating_sub(1);
            if *open == 0 {
                ready.push(child);
            }
        }
    }
    order
}

fn subject(commits: &[Commit], index: u32) -> Option<Subject> {
    let commit = commits.get(index as usize)?;
    let parents = commit.parents.iter().filter_map(|parent| commits.get(*parent as usize));
    Some(Subject { id: commit.id.0, tree: commit.tree.0, parent_trees: parents.map(|parent| parent.tree.0).collect() })
}

/// Carries snapshots from parents to children.
struct Carrier<'a, 'b> {
    analysis: &'b Analysis<'a>,
    snapshots: FxHashMap<u32, Snapshot>,
    /// The number of children that still need the snapshot of a commit.
    children: FxHashMap<u32, u32>,
    result: Analyzed,
}

impl<'a, 'b> Carrier<'a, 'b> {
    fn new(analysis: &'b Analysis<'a>, needed: &[u32], mut snapshots: FxHashMap<u32, Snapshot>) -> Self {
        let mut children: FxHashMap<u32, u32> = FxHashMap::default();
        for index in needed {
            for parent in analysis.ages.commits.get(*index as usize).into_iter().flat_map(|commit| &commit.parents) {
                let count = children.entry(*parent).or_default();
                *count = count.saturating_add(1);
            }
        }
        let new = analysis.ages.commits.len().saturating_sub(analysis.known);
        let stats = vec![CommitStats::default(); new];
        let mut result = Analyzed { stats, snapshots: BTreeMap::new(), problems: Problems::default() };
        for index in analysis.keep {
            if let Some(snapshot) = snapshots.get(index) {
                result.snapshots.insert(*index, snapshot.clone());
            }
        }
        snapshots.retain(|index, _| children.contains_key(index));
        Carrier { analysis, snapshots, children, result }
    }

    fn commit(&mut self, index: u32, diff: CommitDiff, paths: &mut Paths) {
        let Some(commit) = self.analysis.ages.commits.get(index as usize) else { return };
        let first = commit.parents.first().copied();
        let first_snapshot = first.and_then(|first| self.snapshots.get(&first));
        let is_new = index as usize >= self.analysis.known;
        let work = if is_new { self.analysis.ages.work(commit, &diff, first_snapshot, paths) } else { Work::default() };
        // The snapshots that no other child needs are moved, so that they are changed in place.
        let others: Vec<(u32, Option<Snapshot>)> =
            commit.parents.iter().skip(1).map(|parent| (*parent, self.snapshots.get(parent).cloned())).collect();
        let first_snapshot = first.and_then(|first| self.release(first));
        for (parent, _) in &others {
            self.release(*parent);
        }
        let parents: Vec<Option<&Snapshot>> =
            std::iter::once(None).chain(others.iter().map(|(_, snapshot)| snapshot.as_ref())).collect();
        let snapshot = advance(first_snapshot, &parents, &diff, index, paths);
        if self.analysis.keep.contains(&index) {
            self.result.snapshots.insert(index, snapshot.clone());
        }
        if self.children.contains_key(&index) {
            self.snapshots.insert(index, snapshot);
        }
        if is_new {
            self.result.problems.append(diff.problems, "");
            let stats = self.result.stats.get_mut((index as usize).saturating_sub(self.analysis.known));
            if let Some(stats) = stats {
                *stats = CommitStats { counts: diff.counts, work };
            }
        }
    }

    /// Takes the snapshot of a parent for one of its children.
    fn release(&mut self, parent: u32) -> Option<Snapshot> {
        let left = self.children.get_mut(&parent)?;
        *left = left.saturating_sub(1);
        if *left == 0 { self.snapshots.remove(&parent) } else { self.snapshots.get(&parent).cloned() }
    }

    fn finish(self) -> Analyzed {
        self.result
    }
}

/// Holds threads back that are too far ahead of the consumer, which bounds the memory for results.
struct Gate {
    open: Mutex<usize>,
    opened: Condvar,
    ahead: usize,
}

impl Gate {
    fn new(ahead: usize) -> Self {
        Gate { open: Mutex::new(0), opened: Condvar::new(), ahead }
    }

    fn wait(&self, number: usize) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ahead = |open: &mut usize| number >= open.saturating_add(self.ahead);
        drop(self.opened.wait_while(open, is_ahead).unwrap_or_else(PoisonError::into_inner));
    }

    fn open(&self, number: usize) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = number;
        self.opened.notify_all();
    }
}
