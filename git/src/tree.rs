//! Compares the tree of a commit with the trees of its parents.

use crate::objects::{ObjectError, Objects};
use gix::ObjectId;
use gix::objs::TreeRefIter;
use std::cmp::Ordering;

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
    objects: &mut Objects,
    new: Option<ObjectId>,
    parents: &[Option<ObjectId>],
) -> Result<Vec<Change>, ObjectError> {
    let mut walk = Walk { objects, path: Vec::new(), changes: Vec::new() };
    let as_tree = |id: Option<ObjectId>| id.map(|id| Entry { mode: TREE, id });
    let parents: Vec<Option<Entry>> = parents.iter().copied().map(as_tree).collect();
    walk.compare(as_tree(new), &parents)?;
    Ok(walk.changes)
}

struct Walk<'a> {
    objects: &'a mut Objects,
    path: Vec<u8>,
    changes: Vec<Change>,
}

struct Named {
    name: Box<[u8]>,
    entry: Entry,
}

impl Walk<'_> {
    fn compare(&mut self, new: Option<Entry>, parents: &[Option<Entry>]) -> Result<(), ObjectError> {
        let first = parents.first().copied().flatten();
        if new == first {
            return Ok(());
        }
        let news = self.entries(new)?;
        let mut lists = Vec::with_capacity(parents.len());
        for parent in parents {
            lists.push(self.entries(*parent)?);
        }
        let mut news = news.into_iter().peekable();
        let mut lists: Vec<_> = lists.into_iter().map(|list| list.into_iter().peekable()).collect();
        loop {
            let next = [news.peek(), lists.first_mut().and_then(|list| list.peek())];
            let Some((name, is_tree)) = next
                .into_iter()
                .flatten()
                .min_by(|one, other| order(one, other))
                .map(|named| (named.name.clone(), named.entry.is_tree()))
            else {
                return Ok(());
            };
            let mut take = |list: &mut std::iter::Peekable<std::vec::IntoIter<Named>>| {
                while let Some(named) = list.peek() {
                    match order_names(&named.name, named.entry.is_tree(), &name, is_tree) {
                        Ordering::Less => list.next(),
                        Ordering::Equal => return list.next().map(|named| named.entry),
                        Ordering::Greater => break,
                    };
                }
                None
            };
            let new = take(&mut news);
            let old: Vec<Option<Entry>> = lists.iter_mut().map(&mut take).collect();
            if new == old.first().copied().flatten() {
                continue;
            }
            let length = self.path.len();
            self.path.extend_from_slice(&name);
            if is_tree {
                self.path.push(b'/');
                self.compare(new, &old)?;
            } else {
                self.changes.push(Change { path: self.path.as_slice().into(), new, old });
            }
            self.path.truncate(length);
        }
    }

    fn entries(&mut self, tree: Option<Entry>) -> Result<Vec<Named>, ObjectError> {
        let Some(Entry { id, .. }) = tree else { return Ok(Vec::new()) };
        let data = self.objects.read(&id)?;
        TreeRefIter::from_bytes(&data, self.objects.hash_kind())
            .map(|entry| {
                let entry = entry.map_err(|error| ObjectError { id, why: error.to_string() })?;
                let mode = entry.mode.value();
                Ok(Named { name: entry.filename.to_vec().into(), entry: Entry { mode, id: entry.oid.to_owned() } })
            })
            .collect()
    }
}

fn order(one: &Named, other: &Named) -> Ordering {
    order_names(&one.name, one.entry.is_tree(), &other.name, other.entry.is_tree())
}

/// Compares names as git orders a tree: a directory's name ends with a slash.
fn order_names(one: &[u8], one_is_tree: bool, other: &[u8], other_is_tree: bool) -> Ordering {
    let common = one.len().min(other.len());
    let (head, tail) = (one.get(..common), one.get(common..));
    let (other_head, other_tail) = (other.get(..common), other.get(common..));
    head.cmp(&other_head).then_with(|| {
        let end = |tail: Option<&[u8]>, is_tree: bool| match tail.and_then(|tail| tail.first()) {
            Some(byte) => Some(*byte),
            None => is_tree.then_some(b'/'),
        };
        end(tail, one_is_tree).cmp(&end(other_tail, other_is_tree)).then_with(|| one.len().cmp(&other.len()))
    })
}

/// Lists the regular files of a name in a tree and its directories, by path.
///
/// # Errors
/// Returns an error if a tree cannot be read.
pub(crate) fn regular_files(
    objects: &mut Objects,
    tree: ObjectId,
    name: &[u8],
) -> Result<Vec<(Vec<u8>, ObjectId)>, ObjectError> {
    let mut found = Vec::new();
    let mut pending = vec![(Vec::new(), tree)];
    while let Some((path, id)) = pending.pop() {
        let mut walk = Walk { objects, path: Vec::new(), changes: Vec::new() };
        for named in walk.entries(Some(Entry { mode: TREE, id }))? {
            let mut path = path.clone();
            path.extend_from_slice(&named.name);
            if named.entry.is_tree() {
                path.push(b'/');
                pending.push((path, named.entry.id));
            } else if named.entry.is_regular() && *named.name == *name {
                found.push((path, named.entry.id));
            }
        }
    }
    found.sort();
    Ok(found)
}
