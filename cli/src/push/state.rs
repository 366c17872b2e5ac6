//! The progress of an interrupted push.

use crate::files;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The rows that a server has confirmed. The state only saves work: without a file, a push starts from the beginning.
pub struct PushState {
    file: Option<PathBuf>,
    resources: BTreeMap<String, StoredRows>,
}

#[derive(Serialize, Deserialize)]
struct StoredRows {
    /// The hash of all rows of the resource.
    hash: String,
    /// The number of stored rows, from the first one on.
    rows: u64,
}

const MAX_BYTES: u64 = 1 << 20;
/// Older states are ignored. A push that stops at a daily limit may need several days.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl PushState {
    /// Reads the state for a dump and a server.
    pub fn open(dump: &Path, server: &str) -> PushState {
        let file = state_folder().map(|folder| {
            let dump = fs::canonicalize(dump).unwrap_or_else(|_| dump.to_owned());
            let hash = hex::encode(Sha256::digest(format!("{server}\n{}", dump.display())));
            folder.join(format!("{hash:.32}.json"))
        });
        let resources = file.as_deref().and_then(read).unwrap_or_default();
        PushState { file, resources }
    }

    /// Returns the number of stored rows, if the rows have this hash.
    pub fn stored_rows(&self, resource: &str, hash: &str) -> u64 {
        self.resources.get(resource).filter(|stored| stored.hash == hash).map_or(0, |stored| stored.rows)
    }

    /// Writes the number of stored rows.
    pub fn set_stored_rows(&mut self, resource: &str, hash: &str, rows: u64) {
        self.resources.insert(resource.to_owned(), StoredRows { hash: hash.to_owned(), rows });
        if self.write().is_none() {
            self.file = None;
        }
    }

    /// Removes the file after a complete push.
    pub fn remove(self) {
        if let Some(file) = self.file {
            let _ = fs::remove_file(file);
        }
    }

    fn write(&self) -> Option<()> {
        let file = self.file.as_deref()?;
        let folder = file.parent()?;
        fs::create_dir_all(folder).ok()?;
        files::replace(file, &serde_json::to_vec(&self.resources).ok()?).ok()
    }
}

fn read(file: &Path) -> Option<BTreeMap<String, StoredRows>> {
    let modified = fs::metadata(file).ok()?.modified().ok()?;
    let age = SystemTime::now().duration_since(modified).unwrap_or_default();
    if age > MAX_AGE {
        return None;
    }
    serde_json::from_slice(&files::read(file, MAX_BYTES).ok()?).ok()
}

/// Returns the folder for the user's state files (XDG Base Directory Specification).
fn state_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("streamgage/push"))
}
