//! The state that a run leaves for the next one: commits, numbers, and line origins at the tips.
//!
//! The state is a cache. If it is missing, damaged or of other settings, everything is computed again.

use crate::analyze::CommitStats;
use crate::annotate::{Annotation, Run, Snapshot};
use crate::erasure::{Erasures, pseudonym};
use crate::history::{History, Id};
use crate::signature::Signature;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use tempfile::NamedTempFile;

/// Changes with the format and with every rule that changes numbers.
const VERSION: &[u8; 16] = b"streamgage-git-2";

/// The state of all repositories of a dump.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// The digest of commit numbers in the dump that was written together with this state.
    pub digest: String,
    pub repositories: Vec<RepositoryState>,
    /// The numbers of names and addresses.
    pub aliases: BTreeMap<Signature, (u64, u64)>,
    /// Signatures with a number for each person.
    pub groups: BTreeMap<Signature, u32>,
}

/// The state of one repository.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct RepositoryState {
    pub key: String,
    /// A hash of the settings on which the numbers depend.
    pub settings: [u8; 32],
    /// The commits at which the history was cut off.
    pub shallow: Vec<Id>,
    /// True if objects could not be read. A later run begins anew, because they may be there then.
    pub is_incomplete: bool,
    pub history: History,
    pub ids: Vec<u64>,
    /// The numbers of rows that credit co-authors, by commit.
    pub credits: BTreeMap<(u32, Signature), u64>,
    pub stats: Vec<CommitStats>,
    pub paths: Vec<Box<[u8]>>,
    pub snapshots: StoredSnapshots,
}

/// Snapshots as differences to each other, so that what they share is stored once.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct StoredSnapshots {
    annotations: Vec<Vec<Run>>,
    /// Commits with the entries that differ from the snapshot before.
    snapshots: Vec<(u32, Entries)>,
}

/// Paths with the number of an annotation, or without one if the file is removed.
type Entries = Vec<(u32, Option<u32>)>;

impl StoredSnapshots {
    pub fn new(snapshots: &BTreeMap<u32, Snapshot>) -> Self {
        let mut stored = StoredSnapshots::default();
        let mut numbers: FxHashMap<*const Run, u32> = FxHashMap::default();
        let mut number = |annotation: &Annotation| {
            *numbers.entry(annotation.as_ptr()).or_insert_with(|| {
                stored.annotations.push(annotation.to_vec());
                crate::history::position(stored.annotations.len().saturating_sub(1))
            })
        };
        let empty = Snapshot::new();
        let mut before = &empty;
        for (commit, snapshot) in snapshots {
            let mut entries: Entries = Vec::new();
            for item in before.diff(snapshot) {
                match item {
                    imbl::ordmap::DiffItem::Add(path, annotation)
                    | imbl::ordmap::DiffItem::Update { new: (path, annotation), .. } => {
                        entries.push((*path, Some(number(annotation))));
                    }
                    imbl::ordmap::DiffItem::Remove(path, _) => entries.push((*path, None)),
                }
            }
            stored.snapshots.push((*commit, entries));
            before = snapshot;
        }
        stored
    }

    pub fn load(self) -> FxHashMap<u32, Snapshot> {
        let annotations: Vec<Annotation> = self.annotations.into_iter().map(Arc::from).collect();
        let mut snapshot = Snapshot::new();
        let mut snapshots = FxHashMap::default();
        for (commit, entries) in self.snapshots {
            for (path, annotation) in entries {
                match annotation.and_then(|number| annotations.get(number as usize)) {
                    Some(annotation) => snapshot.insert(path, Arc::clone(annotation)),
                    None => snapshot.remove(&path),
                };
            }
            snapshots.insert(commit, snapshot.clone());
        }
        snapshots
    }
}

impl State {
    /// Replaces the names and addresses of erased persons.
    pub fn erase(&mut self, erasures: &Erasures) {
        let shown = |signature: &Signature| erasures.user(signature).map_or_else(|| signature.clone(), pseudonym);
        for repository in &mut self.repositories {
            repository.history.erase(erasures, Signature::clone);
            let credits = std::mem::take(&mut repository.credits).into_iter().rev();
            repository.credits = credits.map(|((commit, name), id)| ((commit, shown(&name)), id)).collect();
        }
        // Of several names that become one, the first alias stays.
        for (name, (alias, user)) in std::mem::take(&mut self.aliases) {
            let entry = self.aliases.entry(shown(&name)).or_insert((alias, user));
            entry.0 = entry.0.min(alias);
        }
        self.groups = std::mem::take(&mut self.groups).into_iter().map(|(name, group)| (shown(&name), group)).collect();
    }

    /// Reads a state, or nothing if there is none that can be used.
    pub fn read(path: &Path) -> Option<State> {
        // Another user could have made a link, or a pipe that never ends.
        std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        let bytes = std::fs::read(path).ok()?;
        let rest = bytes.strip_prefix(VERSION)?;
        let (checksum, body) = rest.split_at_checked(32)?;
        if Sha256::digest(body).as_slice() != checksum {
            return None;
        }
        postcard::from_bytes(body).ok()
    }

    /// Writes the state in place of an earlier one. Only this user can read it: it has names and addresses.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let body = postcard::to_stdvec(self).map_err(io::Error::other)?;
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let mut draft = NamedTempFile::new_in(folder)?;
        draft.write_all(VERSION)?;
        draft.write_all(Sha256::digest(&body).as_slice())?;
        draft.write_all(&body)?;
        draft.persist(path)?;
        Ok(())
    }
}
