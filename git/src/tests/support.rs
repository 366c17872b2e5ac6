//! Repositories made by the `git` program, and runs over them.

use crate::options::{GitError, Options, Progress};
use crate::run::run;
use crate::{Report, state::State};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

pub const DAY: i64 = 86_400;
/// 2024-01-01T00:00:00Z
pub const START: i64 = 1_704_067_200;

pub const ADA: &str = "Ada <ada@example.org>";
pub const BOB: &str = "Bob <bob@example.org>";

/// A repository in a temporary folder.
pub struct Repo {
    folder: TempDir,
    pub path: PathBuf,
}

impl Repo {
    pub fn new() -> Repo {
        Repo::with(&[])
    }

    pub fn with(arguments: &[&str]) -> Repo {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app");
        fs::create_dir(&path).unwrap();
        let repo = Repo { folder, path };
        repo.git(&[&["init", "-q", "-b", "main"], arguments].concat());
        repo
    }

    /// A folder beside the repository.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S], environment: &[(&str, &str)]) -> Output {
        let mut command = Command::new("git");
        command.current_dir(&self.path).args(arguments).stdin(Stdio::null());
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for (name, value) in [("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.org")] {
            command.env(name, value).env(name.replace("AUTHOR", "COMMITTER"), value);
        }
        command.envs(environment.iter().copied()).output().unwrap()
    }

    pub fn git<S: AsRef<OsStr>>(&self, arguments: &[S]) -> String {
        self.git_with(arguments, &[])
    }

    pub fn git_with<S: AsRef<OsStr>>(&self, arguments: &[S], environment: &[(&str, &str)]) -> String {
        let output = self.command(arguments, environment);
        let names: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_owned()).collect();
        assert!(output.status.success(), "git {names:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Commits everything in the work tree.
    pub fn commit(&self, author: &str, seconds: i64, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.commit_staged(author, seconds, message)
    }

    pub fn commit_staged(&self, author: &str, seconds: i64, message: &str) -> String {
        let date = format!("@{seconds} +0000");
        let author = format!("--author={author}");
        let date_argument = format!("--date={date}");
        self.git_with(
            &["commit", "-q", "--allow-empty", "--no-verify", &author, &date_argument, "-m", message],
            &[("GIT_COMMITTER_DATE", &date)],
        );
        self.head()
    }

    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Stores a commit object with any text, and points a branch to it.
    pub fn raw_commit(&self, branch: &str, text: &str) -> String {
        let file = self.beside("raw-object");
        fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let id = self.git(&["hash-object", "-t", "commit", "-w", "--literally", file]).trim().to_owned();
        self.write(&format!(".git/refs/heads/{branch}"), format!("{id}\n"));
        id
    }
}

struct NoProgress;

impl Progress for NoProgress {
    fn stage(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
}

/// A dump with its state.
pub struct Dump {
    pub report: Report,
    pub folder: PathBuf,
    pub state: PathBuf,
}

pub fn options(repositories: &[&Path], output: &Path) -> Options {
    Options {
        repositories: repositories.iter().map(|path| path.to_path_buf()).collect(),
        branches: Vec::new(),
        tags: false,
        include: Vec::new(),
        exclude: Vec::new(),
        all_files: false,
        recent_days: 30,
        outlier_lines: 1000,
        people: None,
        join_people: true,
        co_authors: false,
        teams_from_codeowners: false,
        include_bots: false,
        pseudonyms: false,
        threads: Some(2),
        name: None,
        previous: None,
        state: output.with_extension("state"),
        output: output.to_owned(),
    }
}

pub fn try_dump(options: &Options) -> Result<Dump, GitError> {
    fs::create_dir_all(&options.output).unwrap();
    let finished = run(options, &NoProgress)?;
    finished.write_state().unwrap();
    Ok(Dump { report: finished.report, folder: options.output.clone(), state: options.state.clone() })
}

/// Runs over one repository with changed options.
pub fn dump_with(repo: &Repo, change: impl FnOnce(&mut Options)) -> Dump {
    let folder = repo.beside(&format!("dump-{}", fastrand::u64(..)));
    let mut options = options(&[&repo.path], &folder);
    change(&mut options);
    try_dump(&options).unwrap()
}

pub fn dump(repo: &Repo) -> Dump {
    dump_with(repo, |_| {})
}

impl Dump {
    pub fn rows(&self, resource: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join(format!("{resource}.ndjson"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns the commits by hash.
    pub fn commits(&self) -> BTreeMap<String, Value> {
        let live = self.rows("commits").into_iter().filter(|row| row.get("_deleted").is_none());
        live.map(|row| (row["hexsha"].as_str().unwrap().to_owned(), row)).collect()
    }

    /// Returns new work, legacy refactor, help others and churn of a commit.
    pub fn work(&self, id: &str) -> [u64; 4] {
        let commits = self.commits();
        ["new_work", "legacy_refactor", "help_others", "churn"].map(|field| commits[id][field].as_u64().unwrap())
    }

    /// Returns the commit of each line of each file, at the commits whose line origins are kept.
    pub fn origins(&self) -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
        let state = State::read(&self.state).unwrap().repositories.pop().unwrap();
        let hash = |index: u32| state.history.commits[index as usize].id.0.to_string();
        let mut origins = BTreeMap::new();
        for (commit, snapshot) in state.snapshots.load() {
            let files: &mut BTreeMap<String, Vec<String>> = origins.entry(hash(commit)).or_default();
            for (path, annotation) in &snapshot {
                let lines = annotation.iter().flat_map(|run| vec![hash(run.commit); run.lines as usize]);
                let path = String::from_utf8_lossy(&state.paths[*path as usize]).into_owned();
                files.insert(path, lines.collect());
            }
        }
        origins
    }

    /// Returns the content of all files.
    pub fn files(&self) -> BTreeMap<String, String> {
        let entries = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect()
    }
}

/// Compares all files of two dumps, and shows the first line that differs.
pub fn assert_same_files(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, text) in one {
        for (line, other_line) in text.lines().zip(other[name].lines()) {
            assert_eq!(line, other_line, "{name}");
        }
        assert_eq!(text.len(), other[name].len(), "{name}");
    }
}
