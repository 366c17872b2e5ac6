//! What has come of a pull so far, in the draft of its dump.

use crate::failure::Failure;
use crate::folder::Draft;
use crate::progress::Progress;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// The lists that have been read, in whole or in part.
pub struct Partial {
    folder: PathBuf,
    state: State,
}

#[derive(Serialize, Deserialize)]
struct State {
    /// From where, and since when; another pull does not go on with this one's pages.
    url: String,
    since: Option<String>,
    /// When it began, in seconds since 1970.
    began: u64,
    resources: BTreeMap<String, Fetched>,
}

/// How far a list is.
#[derive(Clone, Serialize, Deserialize)]
pub struct Fetched {
    /// How many rows it says it has.
    pub count: u64,
    /// How many have come.
    pub rows: u64,
    /// The length of the file with them: what lies behind was not confirmed.
    bytes: u64,
    /// The path of the next page; none after the last.
    pub next: Option<String>,
    /// The upstream does not have the list.
    pub absent: bool,
}

impl Fetched {
    /// Nothing yet, of a list of so many rows.
    pub fn new(count: u64) -> Self {
        Fetched { count, rows: 0, bytes: 0, next: None, absent: false }
    }

    /// There is no such list.
    pub fn absent() -> Self {
        Fetched { absent: true, ..Fetched::new(0) }
    }
}

/// Lists that were read longer ago than this do not belong together with those read now.
const MAX_AGE_SECONDS: u64 = 24 * 60 * 60;

impl Partial {
    /// Goes on with an earlier pull of the same lists, or begins one.
    pub fn open(draft: &Draft, url: &str, since: Option<&str>, progress: &Progress) -> Result<Partial, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let folder = draft.path().to_owned();
        let earlier = fs::read(folder.join(STATE)).ok();
        let earlier = earlier.and_then(|text| serde_json::from_slice::<State>(&text).ok()).filter(|state| {
            state.url == url && state.since.as_deref() == since && now.saturating_sub(state.began) < MAX_AGE_SECONDS
        });
        if let Some(state) = earlier {
            progress.note("going on with the pull that was broken off");
            return Ok(Partial { folder, state });
        }
        draft.clear()?;
        let state =
            State { url: url.to_owned(), since: since.map(str::to_owned), began: now, resources: BTreeMap::new() };
        Ok(Partial { folder, state })
    }

    /// How far a list is, if it was begun.
    pub fn fetched(&self, resource: &str) -> Option<Fetched> {
        self.state.resources.get(resource).cloned()
    }

    /// Whether any row has come.
    pub fn has_rows(&self) -> bool {
        self.state.resources.values().any(|fetched| fetched.rows > 0)
    }

    /// The file with the rows that have come.
    pub fn part(&self, resource: &str) -> PathBuf {
        self.folder.join(format!("{resource}.part"))
    }

    /// A file for the rows of an earlier dump.
    pub fn before(&self, resource: &str) -> PathBuf {
        self.folder.join(format!("{resource}.before.part"))
    }

    /// Adds the rows of a page, then says so: if it ends in between, the page is asked for again.
    pub fn append(&mut self, resource: &str, rows: &str, fetched: &mut Fetched) -> Result<(), Failure> {
        let path = self.part(resource);
        let before = fetched.bytes;
        fetched.bytes += rows.len() as u64;
        let write = || {
            let mut file = OpenOptions::new().create(true).write(true).truncate(false).open(&path)?;
            file.set_len(before)?;
            file.seek(SeekFrom::Start(before))?;
            file.write_all(rows.as_bytes())
        };
        write().map_err(|error| Failure::file(&path, &error))?;
        self.note(resource, fetched.clone())
    }

    /// Says how far a list is.
    pub fn note(&mut self, resource: &str, fetched: Fetched) -> Result<(), Failure> {
        self.state.resources.insert(resource.to_owned(), fetched);
        self.write()
    }

    /// Begins a list anew.
    pub fn forget(&mut self, resource: &str) -> Result<(), Failure> {
        self.state.resources.remove(resource);
        self.write()
    }

    /// Removes everything, when the dump is written.
    pub fn remove(self) -> Result<(), Failure> {
        for resource in self.state.resources.keys() {
            for path in [self.part(resource), self.before(resource)] {
                if path.exists() {
                    fs::remove_file(&path).map_err(|error| Failure::file(&path, &error))?;
                }
            }
        }
        let path = self.folder.join(STATE);
        fs::remove_file(&path).map_err(|error| Failure::file(&path, &error))
    }

    fn write(&self) -> Result<(), Failure> {
        let path = self.folder.join(STATE);
        let beside = self.folder.join("state.new");
        let write = || {
            fs::write(&beside, serde_json::to_vec(&self.state)?)?;
            fs::rename(&beside, &path)
        };
        write().map_err(|error: std::io::Error| Failure::file(&path, &error))
    }
}

const STATE: &str = "state.json";
