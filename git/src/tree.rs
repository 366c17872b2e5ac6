//! Compares the tree of a commit with the trees of its parents.

use crate::objects::{ObjectError, Objects};
use gix::ObjectId;
use gix::objs::TreeRefIter;
use std::cmp::Ordering;
use std::rc::Rc;

/// The mode of a symbolic link.
const LINK: u16 = 0o120_000;
/// The mode of a submodule.
const SUBMODULE: u16 = 0o160_000;
const TREE: u16 = 0o040_000;
const TYPE_MASK: u16 = 0o170_000;

/// A file, symbolic link or submodule in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub mode: u16,
    pub id: ObjectId,
}

impl Entry {
    pub fn is_link(self) -> bool {
        self.mode & TYPE_MASK == LINK
    }

    pub fn is_submodule(self) -> bool {
        self.mode & TYPE_MASK == SUBMODULE
    }

    pub fn is_regular(self) -> bool {
        !self.is_link() && !self.is_submodule() && !self.is_tree()
    }

    /// Returns true if one is a file and the other a link or submodule.
    pub fn is_of_other_type(self, other: Entry) -> bool {
        self.mode & TYPE_MASK != other.mode & TYPE_MASK
    }

    fn is_tree(self) -> bool {
        self.mode & TYPE_MASK == TREE
    }
}

/// A path whose entry differs from the first parent's.
#[derive(Debug)]
pub(crate) struct Change {
    pub path: Box<[u8]>,
    pub new: Option<Entry>,
    /// The entry at the same path in each parent, the first parent's first.
    pub old: Vec<Option<Entry>>,
}

impl Change {
    pub fn first(&self) -> Option<Entry> {
        self.old.first().copied().flatten()
    }
}

/// Lists the paths that differ between a tree and the first of its parents' trees, in git's order.
///
/// # Errors
/// Returns an error if a tree cannot be read.
pub(crate) fn changes(
    objects: &mut Objects<'_>,
    new: Option<ObjectId>,
    parents: &[Option<ObjectId>],
) -> Result<Vec<Change>, ObjectError> {
    let mut walk = Walk { objects, path: Vec::new(), changes: Vec::new() };
    let as_tree = |id: Option<ObjectId>| id.map(|id| Entry { mode: TREE, id });
    let parents: Vec<Option<Entry>> = parents.iter().copied().map(as_tree).collect();
    walk.compare(as_tree(new), &parents)?;
    Ok(walk.changes)
}

struct Walk<'a, 'b> {
    objects: &'a mut Objects<'b>,
    path: Vec<u8>,
    changes: Vec<Change>,
}

/// An entry of a tree, with its name in the tree's data.
#[derive(Clone, Copy)]
struct Named<'a> {
    name: &'a [u8],
    entry: Entry,
}

/// Reads a tree entry by entry.
struct Entries<'a> {
    tree: ObjectId,
    rest: TreeRefIter<'a>,
    next: Option<Named<'a>>,
}

impl<'a> Entries<'a> {
    fn new(tree: ObjectId, data: &'a [u8]) -> Result<Self, ObjectError> {
        let rest = TreeRefIter::from_bytes(data, tree.kind());
        let mut entries = Entries { tree, rest, next: None };
        entries.advance()?;
        Ok(entries)
    }

    fn advance(&mut self) -> Result<(), ObjectError> {
        let next = self.rest.next().transpose();
        let next = next.map_err(|error| ObjectError { id: self.tree, why: error.to_string() })?;
        self.next = next.map(|entry| Named {
            name: entry.filename,
            entry: Entry { mode: entry.mode.value(), id: entry.oid.to_owned() },
        });
        Ok(())
    }

    /// Skips the entries before a name, and returns the entry of that name.
    fn take(&mut self, wanted: Named<'_>) -> Result<Option<Entry>, ObjectError> {
        while let Some(next) = self.next {
            match order(next, wanted) {
                Ordering::Less => self.advance()?,
                Ordering::Equal => {
                    self.advance()?;
                    return Ok(Some(next.entry));
                }
                Ordering::Greater => break,
            }
        }
        Ok(None)
    }
}

impl Walk<'_, '_> {
    fn compare(&mut self, new: Option<Entry>, parents: &[Option<Entry>]) -> Result<(), ObjectError> {
        let first = parents.first().copied().flatten();
        if new == first {
            return Ok(());
        }
        let (new_id, new_data) = self.tree(new)?;
        let mut data = Vec::with_capacity(parents.len());
        for parent in parents {
            data.push(self.tree(*parent)?);
        }
        let mut news = Entries::new(new_id, &new_data)?;
        let mut olds = data.iter().map(|(id, data)| Entries::new(*id, data)).collect::<Result<Vec<_>, _>>()?;
        loop {
            let Some(first) = olds.first_mut() else { return Ok(()) };
            // Most entries are the same on both sides.
            while let (Some(new), Some(old)) = (news.next, first.next)
                && new.entry == old.entry
                && new.name == old.name
            {
                news.advance()?;
                first.advance()?;
            }
            let next = [news.next, first.next].into_iter().flatten().min_by(|one, other| order(*one, *other));
            let Some(named) = next else { return Ok(()) };
            let new = news.take(named)?;
            let old = olds.iter_mut().map(|entries| entries.take(named)).collect::<Result<Vec<_>, _>>()?;
            if new == old.first().copied().flatten() {
                continue;
            }
            let length = self.path.len();
            self.path.extend_from_slice(named.name);
            if named.entry.is_tree() {
                self.path.push(b'/');
                self.compare(new, &old)?;
            } else {
                self.changes.push(Change { path: self.path.as_slice().into(), new, old });
            }
            self.path.truncate(length);
        }
    }

    /// Returns the id and data of a tree; no tree is an empty one.
    fn tree(&mut self, tree: Option<Entry>) -> Result<(ObjectId, Rc<Vec<u8>>), ObjectError> {
        match tree {
            Some(Entry { id, .. }) => Ok((id, self.objects.read(&id)?)),
            None => Ok((ObjectId::empty_tree(self.objects.hash_kind()), Rc::new(Vec::new()))),
        }
    }
}

/// Compares entries as git orders a tree: a directory's name ends with a slash.
fn order(one: Named<'_>, other: Named<'_>) -> Ordering {
    let common = one.name.len().min(other.name.len());
    let (Some((head, tail)), Some((other_head, other_tail))) = (split_name(one, common), split_name(other, common))
    else {
        return Ordering::Equal;
    };
    head.cmp(other_head).then_with(|| {
        let end = |tail: &[u8], named: Named<'_>| match tail.first() {
            Some(byte) => Some(*byte),
            None => named.entry.is_tree().then_some(b'/'),
        };
        end(tail, one).cmp(&end(other_tail, other)).then_with(|| tail.len().cmp(&other_tail.len()))
    })
}

fn split_name(named: Named<'_>, at: usize) -> Option<(&[u8], &[u8])> {
    named.name.split_at_checked(at)
}

/// Lists the regular files of a name in a tree and its directories, by path.
///
/// # Errors
/// Returns an error if a tree cannot be read.
pub(crate) fn regular_files(
    objects: &mut Objects<'_>,
    tree: ObjectId,
    name: &[u8],
) -> Result<Vec<(Vec<u8>, ObjectId)>, ObjectError> {
    let mut found = Vec::new();
    let mut pending = vec![(Vec::new(), tree)];
    while let Some((folder, id)) = pending.pop() {
        let data = objects.read(&id)?;
        let mut entries = Entries::new(id, &data)?;
        while let Some(named) = entries.next {
            let mut path = folder.clone();
            path.extend_from_slice(named.name);
            if named.entry.is_tree() {
                path.push(b'/');
                pending.push((path, named.entry.id));
            } else if named.entry.is_regular() && *named.name == *name {
                found.push((path, named.entry.id));
            }
            entries.advance()?;
        }
    }
    found.sort();
    Ok(found)
}
