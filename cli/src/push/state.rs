//! How far a push came, for the case that it is broken off.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a server has confirmed of a dump. It saves work and nothing else: where it cannot be kept, a push works without.
pub struct State {
    file: Option<PathBuf>,
    resources: BTreeMap<String, Stored>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    /// The hash of the rows of the resource.
    hash: String,
    /// How many of them are stored.
    rows: u64,
}

/// What is older is not trusted: much can have happened to a database since.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

impl State {
    /// What is known of a dump and a server.
    pub fn open(dump: &Path, server: &str) -> State {
        let file = folder().map(|folder| {
            let dump = fs::canonicalize(dump).unwrap_or_else(|_| dump.to_owned());
            let key = Sha256::digest(format!("{server}\n{}", dump.display()));
            let name: String = key.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            folder.join(format!("{name}.json"))
        });
        let resources = file.as_deref().and_then(read).unwrap_or_default();
        State { file, resources }
    }

    /// How many of the rows of that hash are stored.
    pub fn stored(&self, resource: &str, hash: &str) -> u64 {
        self.resources.get(resource).filter(|stored| stored.hash == hash).map_or(0, |stored| stored.rows)
    }

    /// Notes that so many are.
    pub fn note(&mut self, resource: &str, hash: &str, rows: u64) {
        self.resources.insert(resource.to_owned(), Stored { hash: hash.to_owned(), rows });
        if self.write().is_none() {
            self.file = None;
        }
    }

    /// Forgets everything: the push is complete.
    pub fn remove(self) {
        if let Some(file) = self.file {
            let _ = fs::remove_file(file);
        }
    }

    fn write(&self) -> Option<()> {
        let file = self.file.as_deref()?;
        fs::create_dir_all(file.parent()?).ok()?;
        let beside = file.with_extension(format!("{}.new", std::process::id()));
        fs::write(&beside, serde_json::to_vec(&self.resources).ok()?).ok()?;
        fs::rename(&beside, file).ok()
    }
}

fn read(file: &Path) -> Option<BTreeMap<String, Stored>> {
    let written = fs::metadata(file).ok()?.modified().ok()?;
    let age = SystemTime::now().duration_since(written).unwrap_or_default();
    if age > MAX_AGE {
        return None;
    }
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// The user's state folder.
fn folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("streamgage/push"))
}
