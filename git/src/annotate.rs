//! Carries the origin of every line from commit to commit, and classifies changed lines.

use crate::diff::{CommitDiff, FileDiff, Origin, Source};
use crate::history::{Commit, position};
use crate::lines::Hunk;
use imbl::OrdMap;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The origin of lines whose history is not known. They are older than any commit.
pub(crate) const UNKNOWN: u32 = u32::MAX;

/// Consecutive lines of the same origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub commit: u32,
    pub lines: u32,
}

/// The origins of a file's lines. Commits that do not change the file share them.
pub(crate) type Annotation = Arc<[Run]>;

/// The origins of the lines of all files at a commit, by number of the path. A copy shares all unchanged parts.
pub(crate) type Snapshot = OrdMap<u32, Annotation>;

/// The four kinds of changed lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Work {
    pub new_work: u32,
    pub legacy_refactor: u32,
    pub help_others: u32,
    pub churn: u32,
}

impl Work {
    pub fn haloc(&self) -> u64 {
        [self.new_work, self.legacy_refactor, self.help_others, self.churn].iter().map(|lines| u64::from(*lines)).sum()
    }
}

/// Numbers paths.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths {
    pub names: Vec<Box<[u8]>>,
    numbers: FxHashMap<Box<[u8]>, u32>,
}

impl Paths {
    pub fn new(names: Vec<Box<[u8]>>) -> Self {
        let numbers = names.iter().cloned().enumerate().map(|(index, name)| (name, position(index))).collect();
        Paths { names, numbers }
    }

    pub fn number(&mut self, path: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(path) {
            return *number;
        }
        let number = position(self.names.len());
        self.names.push(path.into());
        self.numbers.insert(path.into(), number);
        number
    }

    fn find(&self, path: &[u8]) -> Option<u32> {
        self.numbers.get(path).copied()
    }
}

/// Tells who wrote a commit and when.
pub(crate) struct Ages<'a> {
    pub commits: &'a [Commit],
    /// The person of each signature.
    pub persons: &'a [u32],
    pub recent_seconds: i64,
}

enum Class {
    Legacy,
    HelpOthers,
    Churn,
}

impl Ages<'_> {
    fn classify(&self, origin: u32, commit: &Commit) -> Class {
        let Some(origin) = self.commits.get(origin as usize) else { return Class::Legacy };
        let age = commit.committed.seconds.saturating_sub(origin.committed.seconds);
        if age > self.recent_seconds {
            Class::Legacy
        } else if self.persons.get(origin.author as usize) == self.persons.get(commit.author as usize) {
            Class::Churn
        } else {
            Class::HelpOthers
        }
    }

    /// Classifies the changes of a commit against the snapshot of its first parent.
    pub fn work(&self, commit: &Commit, diff: &CommitDiff, first: Option<&Snapshot>, paths: &Paths) -> Work {
        let mut work = Work::default();
        for file in &diff.files {
            let annotation = find(first, paths, file.old_path.as_ref().unwrap_or(&file.path));
            let mut lines = Cursor::new(annotation.map(|annotation| &**annotation).unwrap_or_default());
            for hunk in &file.hunks {
                work.new_work = work.new_work.saturating_add(hunk.new_lines.saturating_sub(hunk.old_lines));
                lines.skip(hunk.old_start.saturating_sub(lines.line));
                lines.take(hunk.old_lines, |run| {
                    let count = match self.classify(run.commit, commit) {
                        Class::Legacy => &mut work.legacy_refactor,
                        Class::HelpOthers => &mut work.help_others,
                        Class::Churn => &mut work.churn,
                    };
                    *count = count.saturating_add(run.lines);
                });
            }
        }
        work
    }
}

fn find<'a>(snapshot: Option<&'a Snapshot>, paths: &Paths, path: &[u8]) -> Option<&'a Annotation> {
    snapshot?.get(&paths.find(path)?)
}

/// Reads runs line by line. Lines after the last run are of unknown origin.
struct Cursor<'a> {
    runs: &'a [Run],
    /// Lines of the first run that are already read.
    used: u32,
    line: u32,
}

impl<'a> Cursor<'a> {
    fn new(runs: &'a [Run]) -> Self {
        Cursor { runs, used: 0, line: 0 }
    }

    fn skip(&mut self, lines: u32) {
        self.take(lines, |_| {});
    }

    fn take(&mut self, lines: u32, mut each: impl FnMut(Run)) {
        let mut left = lines;
        while left > 0 {
            let Some((run, rest)) = self.runs.split_first() else {
                each(Run { commit: UNKNOWN, lines: left });
                break;
            };
            let available = run.lines.saturating_sub(self.used);
            let taken = available.min(left);
            if taken > 0 {
                each(Run { commit: run.commit, lines: taken });
            }
            left = left.saturating_sub(taken);
            if taken == available {
                self.runs = rest;
                self.used = 0;
            } else {
                self.used = self.used.saturating_add(taken);
            }
        }
        self.line = self.line.saturating_add(lines);
    }
}

fn push(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        Some(last) if last.commit == run.commit => last.lines = last.lines.saturating_add(run.lines),
        _ if run.lines > 0 => runs.push(run),
        _ => {}
    }
}

/// Replaces the old lines of hunks by new lines of a commit.
fn edit(old: &[Run], hunks: &[Hunk], new_lines: u32, commit: u32) -> Vec<Run> {
    let mut runs = Vec::with_capacity(old.len().saturating_add(hunks.len()));
    let mut cursor = Cursor::new(old);
    let mut line: u32 = 0;
    for hunk in hunks {
        let kept = hunk.old_start.saturating_sub(cursor.line);
        cursor.take(kept, |run| push(&mut runs, run));
        cursor.skip(hunk.old_lines);
        push(&mut runs, Run { commit, lines: hunk.new_lines });
        line = line.saturating_add(kept).saturating_add(hunk.new_lines);
    }
    cursor.take(new_lines.saturating_sub(line), |run| push(&mut runs, run));
    runs
}

/// Takes each line from the first source that has it unchanged, and the rest from the commit.
fn join(sources: &[(&[Run], &Source)], new_lines: u32, commit: u32) -> Vec<Run> {
    let mut origins: Vec<Option<u32>> = vec![None; new_lines as usize];
    for (annotation, source) in sources {
        // The commit's own number marks lines that this source does not have.
        let mut line: usize = 0;
        for run in edit(annotation, &source.hunks, new_lines, commit) {
            let end = line.saturating_add(run.lines as usize);
            for origin in origins.get_mut(line..end).unwrap_or_default() {
                if run.commit != commit {
                    origin.get_or_insert(run.commit);
                }
            }
            line = end;
        }
    }
    let mut runs = Vec::new();
    for origin in origins {
        push(&mut runs, Run { commit: origin.unwrap_or(commit), lines: 1 });
    }
    runs
}

/// Returns the snapshot of a commit. The first parent's snapshot is consumed, those of others are read.
pub(crate) fn advance(
    first: Option<Snapshot>,
    parents: &[Option<&Snapshot>],
    diff: &CommitDiff,
    commit: u32,
    paths: &mut Paths,
) -> Snapshot {
    let mut updates: Vec<(u32, Option<Annotation>)> = Vec::with_capacity(diff.files.len());
    {
        let parent = |index: usize| if index == 0 { first.as_ref() } else { parents.get(index).copied().flatten() };
        for file in &diff.files {
            let runs = annotate(file, &parent, commit, paths);
            updates.push((paths.number(&file.path), runs));
        }
    }
    let mut snapshot = first.unwrap_or_default();
    // Removals come first: another file may be renamed to the path of a removed one.
    for (path, _) in updates.iter().filter(|(_, runs)| runs.is_none()) {
        snapshot.remove(path);
    }
    for (path, runs) in updates {
        if let Some(runs) = runs {
            snapshot.insert(path, runs);
        }
    }
    snapshot
}

fn annotate<'a>(
    file: &FileDiff,
    parent: &impl Fn(usize) -> Option<&'a Snapshot>,
    commit: u32,
    paths: &Paths,
) -> Option<Annotation> {
    let runs = match &file.origin {
        Origin::Removed => return None,
        Origin::New => vec![Run { commit, lines: file.new_lines }],
        Origin::First => {
            let old = find(parent(0), paths, file.old_path.as_ref().unwrap_or(&file.path));
            edit(old.map(|old| &**old).unwrap_or_default(), &file.hunks, file.new_lines, commit)
        }
        Origin::Same { parent: index, path } => return find(parent(*index), paths, path).cloned(),
        Origin::Joined(sources) => {
            let sources: Vec<(&[Run], &Source)> = sources
                .iter()
                .map(|source| {
                    let old = find(parent(source.parent), paths, &source.path);
                    (old.map(|old| &**old).unwrap_or_default(), source)
                })
                .collect();
            join(&sources, file.new_lines, commit)
        }
    };
    Some(runs.into())
}
