//! The progress of a pull, in the folder of its draft.

use super::paging::Paging;
use crate::dump::draft::Draft;
use crate::error::CliError;
use crate::files;
use crate::progress::Progress;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// The lists that have been read completely or in part.
pub struct Checkpoint {
    folder: PathBuf,
    state: State,
}

#[derive(Serialize, Deserialize)]
struct State {
    /// The URL of the API.
    url: String,
    since: Option<String>,
    /// The time of the first request, in seconds since 1970.
    began: u64,
    resources: BTreeMap<String, ListProgress>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct ListProgress {
    /// The number of rows according to the server.
    pub count: u64,
    /// The same according to the first page.
    pub first_count: u64,
    /// The number of rows received.
    pub rows: u64,
    /// The length of the file of rows. An interrupted write may have left more.
    bytes: u64,
    /// The number of pages received.
    pub pages: u64,
    /// The link to the next page.
    pub next: Option<String>,
    /// The id of the last row.
    pub last_id: Option<i64>,
    pub paging: Paging,
    pub is_complete: bool,
    /// The status of the server if it does not provide the list.
    pub unavailable: Option<u16>,
}

impl ListProgress {
    pub fn new(count: u64) -> Self {
        ListProgress {
            count,
            first_count: count,
            rows: 0,
            bytes: 0,
            pages: 0,
            next: None,
            last_id: None,
            paging: Paging::AfterId,
            is_complete: false,
            unavailable: None,
        }
    }

    pub fn unavailable(status: u16) -> Self {
        ListProgress { unavailable: Some(status), ..ListProgress::new(0) }
    }
}

/// Lists that were read longer ago are too old to be consistent with those that are read now.
const MAX_AGE_SECONDS: u64 = 24 * 60 * 60;

const FOLDER: &str = "pull";
const STATE_FILE: &str = "state.json";
const MAX_STATE_BYTES: u64 = 1 << 20;

impl Checkpoint {
    /// Continues an earlier pull of the same lists, or starts a new one.
    pub fn open(draft: &Draft, url: &str, since: Option<&str>, progress: &Progress) -> Result<Checkpoint, CliError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let folder = draft.path().join(FOLDER);
        let earlier = files::check_folder(&folder).ok();
        let earlier = earlier.and_then(|_| files::read(&folder.join(STATE_FILE), MAX_STATE_BYTES).ok());
        let earlier = earlier.and_then(|text| serde_json::from_slice::<State>(&text).ok()).filter(|state| {
            state.url == url && state.since.as_deref() == since && now.saturating_sub(state.began) < MAX_AGE_SECONDS
        });
        if let Some(state) = earlier {
            progress.print("continuing the interrupted pull");
            return Ok(Checkpoint { folder, state });
        }
        draft.clear()?;
        fs::create_dir(&folder).map_err(|error| CliError::file(&folder, error))?;
        let since = since.map(str::to_owned);
        Ok(Checkpoint { folder, state: State { url: url.to_owned(), since, began: now, resources: BTreeMap::new() } })
    }

    /// Returns the progress of a list, if it has been started.
    pub fn list(&self, resource: &str) -> Option<ListProgress> {
        self.state.resources.get(resource).cloned()
    }

    pub fn has_rows(&self) -> bool {
        self.state.resources.values().any(|list| list.rows > 0)
    }

    /// Returns the path of the file of the received rows.
    pub fn rows_file(&self, resource: &str) -> PathBuf {
        self.folder.join(format!("{resource}.ndjson"))
    }

    /// Returns the path of a file for the rows of an earlier dump.
    pub fn earlier_rows_file(&self, resource: &str) -> PathBuf {
        self.folder.join(format!("{resource}.earlier.ndjson"))
    }

    /// Appends the rows of a page, then saves the progress. If the process ends in between, the page is read again.
    pub fn append(&mut self, resource: &str, rows: &str, progress: &mut ListProgress) -> Result<(), CliError> {
        let path = self.rows_file(resource);
        let write = || {
            let mut file = files::open_or_create(&path)?;
            file.set_len(progress.bytes)?;
            file.seek(SeekFrom::End(0))?;
            file.write_all(rows.as_bytes())
        };
        write().map_err(|error| CliError::file(&path, error))?;
        progress.bytes = progress.bytes.saturating_add(rows.len() as u64);
        self.set_list(resource, progress.clone())
    }

    pub fn set_list(&mut self, resource: &str, progress: ListProgress) -> Result<(), CliError> {
        self.state.resources.insert(resource.to_owned(), progress);
        self.write()
    }

    pub fn restart_list(&mut self, resource: &str) -> Result<(), CliError> {
        self.state.resources.remove(resource);
        self.write()
    }

    /// Removes all files of the checkpoint.
    pub fn remove(self) -> Result<(), CliError> {
        fs::remove_dir_all(&self.folder).map_err(|error| CliError::file(&self.folder, error))
    }

    fn write(&self) -> Result<(), CliError> {
        let path = self.folder.join(STATE_FILE);
        let write = || files::replace(&path, &serde_json::to_vec(&self.state)?);
        write().map_err(|error| CliError::file(&path, error))
    }
}
