//! Dumps that are being written: in a hidden folder beside the target, which they replace in one move.

use super::{PERIOD_METRICS_FILE, REJECTED_FILE};
use crate::error::CliError;
use crate::files;
use crate::terminal::printable;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use streamgage::schema;

pub struct Draft {
    target: PathBuf,
    path: PathBuf,
    retired: PathBuf,
    /// Keep the folder if the draft is dropped unfinished.
    keep: bool,
    // Excludes other runs while the draft exists. The operating system releases the lock when the process ends.
    _lock: File,
    lock_path: PathBuf,
}

impl Draft {
    /// Starts an empty draft. `check_replaceable` returns the reason if an existing dump must not be replaced.
    pub fn begin(target: &Path, check_replaceable: impl Fn(&Path) -> Result<(), String>) -> Result<Draft, CliError> {
        let mut draft = Draft::resume(target, check_replaceable)?;
        draft.keep = false;
        draft.clear()?;
        Ok(draft)
    }

    /// Continues the draft of an interrupted run, if there is one. An unfinished draft is kept for the next run.
    pub fn resume(target: &Path, check_replaceable: impl Fn(&Path) -> Result<(), String>) -> Result<Draft, CliError> {
        let input_error = |message: &str| CliError::Input(format!("{}: {message}", target.display()));
        // If the target is a link, replace the folder that it points to.
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        if target.is_symlink() {
            return Err(input_error("a link to something that does not exist"));
        }
        if fs::canonicalize(".").is_ok_and(|here| here == target) {
            return Err(input_error("the current folder cannot be replaced"));
        }
        let name = target
            .file_name()
            .ok_or_else(|| input_error("not the path of a folder that can be created"))?
            .to_string_lossy();
        let parent = match target.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&parent).map_err(|error| CliError::file(&parent, error))?;
        let path = parent.join(format!(".{name}.draft"));
        let retired = parent.join(format!(".{name}.retired"));
        let lock_path = parent.join(format!(".{name}.lock"));
        let lock = files::open_or_create(&lock_path).map_err(|error| CliError::file(&lock_path, error))?;
        // A run that ends removes the file, so that another run may have locked a new one.
        if lock.try_lock().is_err() || !files::is_at(&lock, &lock_path) {
            return Err(input_error("another run is writing this dump"));
        }
        // Undo or complete an interrupted `replace_target`.
        if files::check_folder(&retired).map_err(|error| CliError::file(&retired, error))? {
            let moved = if target.exists() { fs::remove_dir_all(&retired) } else { fs::rename(&retired, &target) };
            moved.map_err(|error| CliError::file(&retired, error))?;
        }
        let draft = Draft { target, path, retired, keep: true, _lock: lock, lock_path };
        draft.check_target(check_replaceable).map_err(|message| input_error(&message))?;
        files::create_folder(&draft.path).map_err(|error| CliError::file(&draft.path, error))?;
        Ok(draft)
    }

    /// Returns the folder to write into.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the dump that the draft will replace, unless there is none or the folder is empty.
    pub fn existing(&self) -> Option<&Path> {
        let has_entries = self.target.read_dir().is_ok_and(|mut entries| entries.next().is_some());
        has_entries.then_some(&self.target)
    }

    /// Removes all files of the draft.
    pub fn clear(&self) -> Result<(), CliError> {
        for entry in entries(&self.path)? {
            // A link to a folder is removed itself.
            let is_folder = entry.is_dir() && !entry.is_symlink();
            let removed = if is_folder { fs::remove_dir_all(&entry) } else { fs::remove_file(&entry) };
            removed.map_err(|error| CliError::file(&entry, error))?;
        }
        Ok(())
    }

    /// Moves the draft to its target.
    pub fn finish(mut self) -> Result<(), CliError> {
        self.keep = true;
        self.replace_target().map_err(|error| CliError::file(&self.target, error))
    }

    fn replace_target(&self) -> io::Result<()> {
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

    /// Accepts a target that does not exist, is empty, or contains only the files of a dump.
    fn check_target(&self, check_replaceable: impl Fn(&Path) -> Result<(), String>) -> Result<(), String> {
        if !self.target.exists() {
            return Ok(());
        }
        if !self.target.is_dir() {
            return Err("not a folder".to_owned());
        }
        let entries = entries(&self.target).map_err(|error| error.to_string())?;
        for entry in &entries {
            let name = entry.file_name().unwrap_or_default().to_string_lossy();
            // The Finder of macOS creates this file.
            if !is_dump_file(&name) && name != ".DS_Store" {
                return Err(format!("it contains {}, which does not belong to a dump", printable(&name)));
            }
            if !fs::symlink_metadata(entry).is_ok_and(|metadata| metadata.is_file()) {
                return Err(format!("its entry {} is not a file", printable(&name)));
            }
        }
        if entries.is_empty() { Ok(()) } else { check_replaceable(&self.target) }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // `remove_dir` removes an empty draft only.
        let _ = if self.keep { fs::remove_dir(&self.path) } else { fs::remove_dir_all(&self.path) };
        let _ = fs::remove_file(&self.lock_path);
    }
}

fn is_dump_file(name: &str) -> bool {
    let resource = name.strip_suffix(".ndjson").or_else(|| name.strip_suffix(".ndjson.gz"));
    matches!(name, "dump.json" | REJECTED_FILE | PERIOD_METRICS_FILE) || resource.and_then(schema::resource).is_some()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let failed = |error: io::Error| CliError::file(folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
}

#[cfg(test)]
mod tests {
    use super::Draft;
    use std::fs;
    use std::path::Path;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_finished_draft_replaces_the_dump() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("dump");
        for text in ["one", "two"] {
            let draft = Draft::begin(&target, |_| Ok(())).unwrap();
            fs::write(draft.path().join("dump.json"), text).unwrap();
            draft.finish().unwrap();
            assert_eq!(fs::read_to_string(target.join("dump.json")).unwrap(), text);
        }
        assert_eq!(names(home.path()), ["dump"]);
        let draft = Draft::begin(&target, |_| Ok(())).unwrap();
        fs::write(draft.path().join("dump.json"), "three").unwrap();
        drop(draft);
        assert_eq!(names(home.path()), ["dump"], "an unfinished draft is removed");
        assert_eq!(fs::read_to_string(target.join("dump.json")).unwrap(), "two");
    }

    #[test]
    fn a_second_run_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("dump");
        let draft = Draft::resume(&target, |_| Ok(())).unwrap();
        assert!(Draft::resume(&target, |_| Ok(())).is_err());
        drop(draft);
        assert!(names(home.path()).is_empty());
        assert!(Draft::resume(&target, |_| Ok(())).is_ok());
    }

    #[test]
    fn an_interrupted_move_is_undone() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".dump.retired")).unwrap();
        fs::write(home.path().join(".dump.retired/dump.json"), "old").unwrap();
        drop(Draft::resume(&home.path().join("dump"), |_| Ok(())).unwrap());
        assert_eq!(names(home.path()), ["dump"]);
        assert_eq!(fs::read_to_string(home.path().join("dump/dump.json")).unwrap(), "old");
    }

    #[test]
    fn the_root_and_the_current_folder_are_refused() {
        for bad in ["/", ".", ""] {
            assert!(Draft::resume(Path::new(bad), |_| Ok(())).is_err(), "{bad}");
        }
    }
}
