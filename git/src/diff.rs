//! Compares a commit with its parents: hunks, counts, and the sources of every file's lines.

use crate::exclude::{Decider, Exclusion, FileRules};
use crate::lines::{self, Hunk};
use crate::objects::{ObjectError, Objects};
use crate::patch::{NoText, Patch};
use crate::problems::Problems;
use crate::rename::{Rename, renames};
use crate::tree::{Change, Entry, changes};
use gix::ObjectId;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The commit to compare.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub id: ObjectId,
    pub tree: ObjectId,
    pub parent_trees: Vec<ObjectId>,
}

/// The differences of a commit.
#[derive(Debug, Default)]
pub(crate) struct CommitDiff {
    pub files: Vec<FileDiff>,
    pub counts: DiffCounts,
    pub problems: Problems,
}

/// Counts that do not depend on the age of lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DiffCounts {
    pub files: u32,
    pub hunks: u32,
    pub insertions: u32,
    pub deletions: u32,
    /// True if only white space changes.
    pub is_trivial: bool,
    /// A hash of the paths and lines that change.
    pub patch: [u8; 16],
    pub excluded: BTreeMap<Exclusion, u32>,
}

/// The differences of one file.
#[derive(Debug)]
pub(crate) struct FileDiff {
    pub path: Box<[u8]>,
    /// The path in the first parent, if it is another.
    pub old_path: Option<Box<[u8]>>,
    /// The hunks against the first parent. Their old lines are classified.
    pub hunks: Vec<Hunk>,
    pub new_lines: u32,
    pub origin: Origin,
}

/// The parents from which a file's unchanged lines come.
#[derive(Debug)]
pub(crate) enum Origin {
    /// The file is deleted or has no lines.
    Removed,
    /// All lines are of this commit.
    New,
    /// The lines outside of the hunks come from the first parent.
    First,
    /// The lines are those of a file in a parent.
    Same { parent: usize, path: Box<[u8]> },
    /// The lines come from several parents.
    Joined(Vec<Source>),
}

/// A file in a parent from which lines come.
#[derive(Debug)]
pub(crate) struct Source {
    pub parent: usize,
    pub path: Box<[u8]>,
    pub hunks: Vec<Hunk>,
}

/// Compares commits on one thread.
pub(crate) struct Differ<'a> {
    objects: Objects<'a>,
    decider: Decider<'a>,
    all_files: bool,
}

/// A file's content as lines are compared.
enum Content {
    Text(Rc<Vec<u8>>),
    Binary,
    Excluded(Exclusion),
}

struct Side<'a> {
    path: &'a [u8],
    entry: Entry,
}

impl<'a> Differ<'a> {
    pub fn new(objects: Objects<'a>, rules: &'a FileRules) -> Self {
        Differ { objects, decider: Decider::new(rules), all_files: rules.all_files }
    }

    pub fn commit(&mut self, subject: &Subject) -> CommitDiff {
        let mut diff = CommitDiff::default();
        let mut patch = Patch::default();
        if let Err(error) = self.compare(subject, &mut diff, &mut patch) {
            diff.problems.add_unreadable(format!("commit {}: {error}", subject.id));
        }
        diff.counts.is_trivial = !patch.has_content;
        diff.counts.patch = patch.finish();
        diff
    }

    fn compare(&mut self, subject: &Subject, diff: &mut CommitDiff, patch: &mut Patch) -> Result<(), ObjectError> {
        let mut trees: Vec<Option<ObjectId>> = subject.parent_trees.iter().copied().map(Some).collect();
        if trees.is_empty() {
            trees.push(None);
        }
        let changes = changes(&mut self.objects, Some(subject.tree), &trees)?;
        let mut from = FxHashMap::default();
        let mut is_source = vec![false; changes.len()];
        for Rename { from: source, to } in renames(&mut self.objects, &changes, 0) {
            from.insert(to, source);
            if let Some(is_source) = is_source.get_mut(source) {
                *is_source = true;
            }
        }
        let mut others = OtherParents { trees: &trees, found: FxHashMap::default() };
        for (index, change) in changes.iter().enumerate() {
            if is_source.get(index).copied().unwrap_or_default() {
                // The renamed file is reported under its new path. The old path has no lines any more.
                diff.files.push(FileDiff::without_lines(&change.path));
                continue;
            }
            let source = from.get(&index).and_then(|source| changes.get(*source));
            if let Err(error) = self.file(subject, change, source, &mut others, diff, patch) {
                let path = String::from_utf8_lossy(&change.path);
                diff.problems.add_unreadable(format!("commit {}: {path}: {error}", subject.id));
                diff.files.push(FileDiff::without_lines(&change.path));
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        subject: &Subject,
        change: &Change,
        renamed_from: Option<&Change>,
        others: &mut OtherParents<'_>,
        diff: &mut CommitDiff,
        patch: &mut Patch,
    ) -> Result<(), ObjectError> {
        let decision = self.decider.decide(&change.path);
        if let Some(reason) = decision.excluded {
            diff.exclude(reason);
            return Ok(());
        }
        let first = renamed_from.unwrap_or(change);
        let old = first.first().map(|entry| Side { path: &first.path, entry });
        let new = change.new.map(|entry| Side { path: &change.path, entry });
        let is_same = old.as_ref().zip(new.as_ref()).is_some_and(|(old, new)| old.entry.id == new.entry.id);
        let mut file = FileDiff {
            path: change.path.clone(),
            old_path: renamed_from.map(|from| from.path.clone()),
            hunks: Vec::new(),
            new_lines: 0,
            origin: Origin::First,
        };
        if is_same && !old.as_ref().zip(new.as_ref()).is_some_and(|(old, new)| old.entry.is_of_other_type(new.entry)) {
            if let Some(reason) = new.as_ref().and_then(|new| self.excluded_type(new.entry)) {
                diff.exclude(reason);
                return Ok(());
            }
            diff.counts.files = diff.counts.files.saturating_add(1);
            patch.file(file.old_path.as_deref(), &file.path);
            patch.has_content = true;
            let same_path = change.old.iter().position(|old| old.map(|old| old.id) == change.new.map(|new| new.id));
            let path = if same_path.is_some() { None } else { file.old_path.clone() };
            let path = path.unwrap_or_else(|| file.path.clone());
            file.origin = Origin::Same { parent: same_path.unwrap_or_default(), path };
            diff.files.push(file);
            return Ok(());
        }
        let new_content = new.as_ref().map(|new| self.content(new)).transpose()?;
        let old_content = old.as_ref().map(|old| self.content(old)).transpose()?;
        if let Some(Content::Excluded(reason)) = new_content.as_ref().or(old_content.as_ref()) {
            diff.exclude(*reason);
            diff.files.push(FileDiff::without_lines(&change.path));
            return Ok(());
        }
        diff.counts.files = diff.counts.files.saturating_add(1);
        patch.file(file.old_path.as_deref(), &file.path);
        let is_binary = |content: &Option<Content>| matches!(content, Some(Content::Binary));
        if decision.is_binary || is_binary(&old_content) || is_binary(&new_content) {
            patch.has_content = true;
            if !self.all_files {
                diff.counts.files = diff.counts.files.saturating_sub(1);
                diff.exclude(Exclusion::Binary);
            }
            patch.binary(new.as_ref().map(|new| new.entry.id));
            match new_content {
                Some(Content::Text(text)) if !decision.is_binary => {
                    file.new_lines = lines::count(&text);
                    file.origin = Origin::New;
                }
                _ => file.origin = Origin::Removed,
            }
            diff.files.push(file);
            return Ok(());
        }
        let empty = Rc::new(Vec::new());
        let text = |content: Option<Content>| match content {
            Some(Content::Text(text)) => text,
            _ => Rc::clone(&empty),
        };
        let (old_text, new_text) = (text(old_content), text(new_content));
        file.new_lines = lines::count(&new_text);
        let is_split = old.as_ref().zip(new.as_ref()).is_some_and(|(old, new)| old.entry.is_of_other_type(new.entry));
        file.hunks = if is_split {
            // A file that becomes a link is deleted and created, as in git's patches.
            let mut hunks = lines::diff(&old_text, &[], patch);
            hunks.append(&mut lines::diff(&[], &new_text, patch));
            hunks
        } else {
            lines::diff(&old_text, &new_text, patch)
        };
        for hunk in &file.hunks {
            let counts = &mut diff.counts;
            counts.hunks = counts.hunks.saturating_add(1);
            counts.insertions = counts.insertions.saturating_add(hunk.new_lines);
            counts.deletions = counts.deletions.saturating_add(hunk.old_lines);
        }
        file.origin = match &new {
            None => Origin::Removed,
            Some(_) if is_split => Origin::New,
            Some(new) if subject.parent_trees.len() > 1 => {
                self.join(subject, change, new, &new_text, old.as_ref().map(|_| &file), others)?
            }
            Some(_) => Origin::First,
        };
        diff.files.push(file);
        Ok(())
    }

    /// Finds the sources of a merged file's lines, as `git blame` does: a parent that has the same file gives all
    /// lines; otherwise each parent in turn gives the lines that it has.
    fn join(
        &mut self,
        subject: &Subject,
        change: &Change,
        new: &Side<'_>,
        new_text: &[u8],
        first: Option<&FileDiff>,
        others: &mut OtherParents<'_>,
    ) -> Result<Origin, ObjectError> {
        let mut sources: Vec<(usize, Box<[u8]>, ObjectId)> = Vec::new();
        for (parent, entry) in change.old.iter().enumerate() {
            let Some(entry) = entry.filter(|entry| entry.is_regular()) else { continue };
            if entry.id == new.entry.id {
                return Ok(Origin::Same { parent, path: change.path.clone() });
            }
            sources.push((parent, change.path.clone(), entry.id));
        }
        for parent in 1..change.old.len() {
            if sources.iter().any(|(other, ..)| *other == parent) {
                continue;
            }
            if let Some((path, id)) = others.renamed_from(&mut self.objects, subject, parent, &change.path)? {
                if id == new.entry.id {
                    return Ok(Origin::Same { parent, path });
                }
                sources.push((parent, path, id));
            }
        }
        sources.sort_unstable_by_key(|(parent, ..)| *parent);
        let mut joined = Vec::new();
        if let Some(file) = first {
            let path = file.old_path.as_ref().unwrap_or(&file.path).clone();
            joined.push(Source { parent: 0, path, hunks: file.hunks.clone() });
        }
        let mut seen: Vec<ObjectId> = sources.iter().filter(|(parent, ..)| *parent == 0).map(|(.., id)| *id).collect();
        for (parent, path, id) in sources {
            if parent == 0 || seen.contains(&id) {
                continue;
            }
            seen.push(id);
            let old = self.objects.read(&id)?;
            if lines::is_binary(&old) {
                continue;
            }
            let hunks = lines::diff(&old, new_text, &mut NoText);
            joined.push(Source { parent, path, hunks });
        }
        Ok(if joined.is_empty() { Origin::New } else { Origin::Joined(joined) })
    }

    /// Returns the exclusion that the type of an entry implies.
    fn excluded_type(&self, entry: Entry) -> Option<Exclusion> {
        let by_type = [(entry.is_submodule(), Exclusion::Submodule), (entry.is_link(), Exclusion::SymbolicLink)];
        by_type.into_iter().find(|(is_excluded, _)| *is_excluded && !self.all_files).map(|(_, reason)| reason)
    }

    fn content(&mut self, side: &Side<'_>) -> Result<Content, ObjectError> {
        if let Some(reason) = self.excluded_type(side.entry) {
            return Ok(Content::Excluded(reason));
        }
        if side.entry.is_submodule() {
            // Git shows the commit of a submodule as a line.
            return Ok(Content::Text(Rc::new(format!("Subproject commit {}\n", side.entry.id).into_bytes())));
        }
        let data = self.objects.read(&side.entry.id)?;
        if lines::is_binary(&data) || self.decider.decide(side.path).is_binary {
            return Ok(Content::Binary);
        }
        if !self.all_files && is_lfs_pointer(&data) {
            return Ok(Content::Excluded(Exclusion::LfsPointer));
        }
        Ok(Content::Text(data))
    }
}

fn is_lfs_pointer(data: &[u8]) -> bool {
    data.len() < 1024 && data.starts_with(b"version https://git-lfs.github.com/spec/v1\n")
}

impl FileDiff {
    fn without_lines(path: &[u8]) -> Self {
        let (hunks, origin) = (Vec::new(), Origin::Removed);
        FileDiff { path: path.into(), old_path: None, hunks, new_lines: 0, origin }
    }
}

impl CommitDiff {
    fn exclude(&mut self, reason: Exclusion) {
        let count = self.counts.excluded.entry(reason).or_default();
        *count = count.saturating_add(1);
    }
}

/// Renames between the other parents and a merge, found when the first file needs them.
struct OtherParents<'a> {
    trees: &'a [Option<ObjectId>],
    found: FxHashMap<usize, FxHashMap<Box<[u8]>, OldFile>>,
}

/// The path and content of a file in a parent.
type OldFile = (Box<[u8]>, ObjectId);

impl OtherParents<'_> {
    fn renamed_from(
        &mut self,
        objects: &mut Objects<'_>,
        subject: &Subject,
        parent: usize,
        path: &[u8],
    ) -> Result<Option<OldFile>, ObjectError> {
        if !self.found.contains_key(&parent) {
            let tree = self.trees.get(parent).copied().flatten();
            let changes = changes(objects, Some(subject.tree), &[tree])?;
            let mut found = FxHashMap::default();
            for Rename { from, to } in renames(objects, &changes, 0) {
                if let (Some(from), Some(to)) = (changes.get(from), changes.get(to))
                    && let Some(entry) = from.first()
                {
                    found.insert(to.path.clone(), (from.path.clone(), entry.id));
                }
            }
            self.found.insert(parent, found);
        }
        Ok(self.found.get(&parent).and_then(|found| found.get(path)).cloned())
    }
}
