//! Dump folders as wholes: written beside where they belong, and put there in one move.

use crate::failure::{Failure, printable};
use chrono::{DateTime, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use streamgage::schema;

/// What `dump.json` says about a dump (specification §4).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The format; only 1 is known, and it is meant where none is named.
    #[serde(default = "only_format")]
    pub format: u64,
    /// Whether the data is made up.
    #[serde(default, deserialize_with = "null_as_default")]
    pub demo: bool,
    /// What the data is of.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
}

fn only_format() -> u64 {
    1
}

/// Reads null as nothing said.
pub fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default)
}

/// A dump that is being written in a hidden folder beside its own.
pub struct Draft {
    target: PathBuf,
    path: PathBuf,
    retired: PathBuf,
    keep: bool,
    // Held until the draft is gone, so that of two runs one stops. The system lets go of it however a run ends.
    _lock: File,
    lock_path: PathBuf,
}

impl Draft {
    /// Begins a dump; what an earlier run has left is discarded. `may_replace` says why an existing dump must not be replaced.
    pub fn begin(target: &Path, may_replace: impl Fn(&Path) -> Result<(), String>) -> Result<Draft, Failure> {
        let mut draft = Draft::resume(target, may_replace)?;
        draft.keep = false;
        draft.clear()?;
        Ok(draft)
    }

    /// Goes on with what an earlier run has left, and leaves what this one does if it is broken off too.
    pub fn resume(target: &Path, may_replace: impl Fn(&Path) -> Result<(), String>) -> Result<Draft, Failure> {
        let refused = |why: &str| Failure::Input(format!("{}: {why}", target.display()));
        // Through a link: what it points to is replaced, not the link.
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        if fs::canonicalize(".").is_ok_and(|here| here == target) {
            return Err(refused("it is replaced as a whole, so it can't be the folder that you are in"));
        }
        let name = target.file_name().ok_or_else(|| refused("a folder of its own is needed"))?.to_string_lossy();
        let parent = match target.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&parent).map_err(|error| Failure::file(&parent, &error))?;
        let path = parent.join(format!(".{name}.draft"));
        let retired = parent.join(format!(".{name}.retired"));
        let lock_path = parent.join(format!(".{name}.lock"));
        let lock = File::create(&lock_path).map_err(|error| Failure::file(&lock_path, &error))?;
        lock.try_lock().map_err(|_| refused("another run is writing it"))?;
        // A run that ended between the two moves of `finish`.
        if retired.exists() {
            let moved = if target.exists() { fs::remove_dir_all(&retired) } else { fs::rename(&retired, &target) };
            moved.map_err(|error| Failure::file(&retired, &error))?;
        }
        let draft = Draft { target, path, retired, keep: true, _lock: lock, lock_path };
        draft.check_target(may_replace).map_err(|why| refused(&why))?;
        fs::create_dir_all(&draft.path).map_err(|error| Failure::file(&draft.path, &error))?;
        Ok(draft)
    }

    /// The folder to write into.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder as it was before, if it is there.
    pub fn existing(&self) -> Option<&Path> {
        self.target.exists().then_some(&self.target)
    }

    /// Empties the draft.
    pub fn clear(&self) -> Result<(), Failure> {
        for entry in entries(&self.path)? {
            let removed = if entry.is_dir() { fs::remove_dir_all(&entry) } else { fs::remove_file(&entry) };
            removed.map_err(|error| Failure::file(&entry, &error))?;
        }
        Ok(())
    }

    /// Puts the dump in its place.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.keep = true;
        self.put().map_err(|error| Failure::file(&self.target, &error))
    }

    fn put(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            File::open(entry?.path())?.sync_all()?;
        }
        let replaces = self.target.exists();
        if replaces {
            fs::rename(&self.target, &self.retired)?;
        }
        fs::rename(&self.path, &self.target).inspect_err(|_| {
            if replaces {
                let _ = fs::rename(&self.retired, &self.target);
            }
        })?;
        if replaces { fs::remove_dir_all(&self.retired) } else { Ok(()) }
    }

    /// What is there already must be a dump and nothing but a dump, or empty: nobody's other files are ever removed.
    fn check_target(&self, may_replace: impl Fn(&Path) -> Result<(), String>) -> Result<(), String> {
        if !self.target.exists() {
            return Ok(());
        }
        if !self.target.is_dir() {
            return Err("it is a file".to_owned());
        }
        let entries = entries(&self.target).map_err(|error| error.to_string())?;
        for entry in &entries {
            let name = entry.file_name().unwrap_or_default().to_string_lossy();
            // macOS leaves one wherever somebody has looked.
            if !is_dump_file(&name) && name != ".DS_Store" {
                return Err(format!("it holds {}, which is not of a dump", printable(&name)));
            }
        }
        if entries.is_empty() { Ok(()) } else { may_replace(&self.target) }
    }
}

/// A draft that is not finished leaves nothing behind, unless a later run can go on with it.
impl Drop for Draft {
    fn drop(&mut self) {
        // An empty draft is nothing to go on with.
        let _ = if self.keep { fs::remove_dir(&self.path) } else { fs::remove_dir_all(&self.path) };
        let _ = fs::remove_file(&self.lock_path);
    }
}

fn is_dump_file(name: &str) -> bool {
    let resource = name.strip_suffix(".ndjson").or_else(|| name.strip_suffix(".ndjson.gz"));
    name == "dump.json" || resource.and_then(schema::resource).is_some()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: io::Error| Failure::file(folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
}

/// What the `dump.json` of a folder says, if it has one.
pub fn header(folder: &Path) -> Result<Option<Header>, String> {
    let text = match fs::read(folder.join("dump.json")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("dump.json: {error}")),
    };
    serde_json::from_slice(without_byte_order_mark(&text)).map(Some).map_err(|error| format!("dump.json: {error}"))
}

/// A text without the byte order mark that some editors begin it with: it says nothing (RFC 8259 §8.1).
pub fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text)
}

/// Writes `dump.json`.
pub fn write_header(folder: &Path, header: &Header) -> Result<(), Failure> {
    let path = folder.join("dump.json");
    let text = serde_json::to_string(header).map_err(|error| Failure::file(&path, &error))?;
    fs::write(&path, text + "\n").map_err(|error| Failure::file(&path, &error))
}

/// A path as it may be shown on a terminal.
pub fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

/// Today in UTC, if the clock tells one.
pub fn today() -> Option<NaiveDate> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(DateTime::from_timestamp(i64::try_from(now.as_secs()).ok()?, 0)?.date_naive())
}

#[cfg(test)]
mod tests {
    use super::Draft;
    use std::fs;
    use std::path::{Path, PathBuf};

    fn home(name: &str) -> PathBuf {
        let home = std::env::temp_dir().join(format!("streamgage-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).unwrap();
        home
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_draft_replaces_a_dump_in_one_move() {
        let home = home("replace");
        let target = home.join("dump");
        for text in ["one", "two"] {
            let draft = Draft::begin(&target, |_| Ok(())).unwrap();
            fs::write(draft.path().join("dump.json"), text).unwrap();
            draft.finish().unwrap();
            assert_eq!(fs::read_to_string(target.join("dump.json")).unwrap(), text);
        }
        assert_eq!(names(&home), ["dump"]);
        let draft = Draft::begin(&target, |_| Ok(())).unwrap();
        fs::write(draft.path().join("dump.json"), "three").unwrap();
        drop(draft);
        assert_eq!(names(&home), ["dump"], "what is not finished leaves nothing behind");
        assert_eq!(fs::read_to_string(target.join("dump.json")).unwrap(), "two");
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn of_two_runs_one_stops() {
        let home = home("lock");
        let target = home.join("dump");
        let draft = Draft::resume(&target, |_| Ok(())).unwrap();
        assert!(Draft::resume(&target, |_| Ok(())).is_err());
        drop(draft);
        assert!(names(&home).is_empty());
        assert!(Draft::resume(&target, |_| Ok(())).is_ok());
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn a_move_that_was_broken_off_is_taken_back() {
        let home = home("broken");
        fs::create_dir(home.join(".dump.retired")).unwrap();
        fs::write(home.join(".dump.retired/dump.json"), "old").unwrap();
        drop(Draft::resume(&home.join("dump"), |_| Ok(())).unwrap());
        assert_eq!(names(&home), ["dump"]);
        assert_eq!(fs::read_to_string(home.join("dump/dump.json")).unwrap(), "old");
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn a_folder_needs_a_name_and_must_not_be_the_present_one() {
        for bad in ["/", ".", ""] {
            assert!(Draft::resume(Path::new(bad), |_| Ok(())).is_err(), "{bad}");
        }
    }
}
