//! Writes the rows of a dump.

use crate::history::Commit;
use crate::numbering::Numbering;
use crate::signature::Moment;
use serde::Serialize;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

/// A row of `commits.ndjson`, in the order of the schema.
#[derive(Debug, Serialize)]
pub(crate) struct CommitRow<'a> {
    /// True for a row that credits a co-author.
    #[serde(skip)]
    pub is_credit: bool,
    pub id: u64,
    pub hexsha: String,
    pub user_alias_id: u64,
    pub apex_user_id: u64,
    pub repo_id: u64,
    pub author_date: String,
    pub author_tzoffset: i32,
    pub author_local_date: String,
    pub committer_date: String,
    pub committer_tzoffset: i32,
    pub committer_local_date: String,
    pub is_merge: bool,
    pub is_pr_orphan: bool,
    pub is_trivial: bool,
    pub outlier_reason: Option<u32>,
    pub ignore_hash: Option<String>,
    pub haloc: u64,
    pub new_work: u32,
    pub legacy_refactor: u32,
    pub help_others: u32,
    pub churn: u32,
    pub files: u32,
    pub hunks: u32,
    pub insertions: u32,
    pub deletions: u32,
    pub impact: f64,
    pub message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_commit_url: Option<String>,
}

/// Writes rows in order of their numbers. A number without a row becomes a row that deletes.
pub(crate) fn write_rows<T: Serialize>(
    folder: &Path,
    name: &str,
    mut rows: Vec<(u64, T)>,
    last: u64,
) -> io::Result<()> {
    rows.sort_by_key(|(id, _)| *id);
    let mut file = BufWriter::with_capacity(1 << 20, File::create_new(folder.join(format!("{name}.ndjson")))?);
    let mut rows = rows.into_iter().peekable();
    for id in 1..=last {
        match rows.next_if(|(row, _)| *row == id) {
            Some((_, row)) => serde_json::to_writer(&mut file, &row)?,
            None => serde_json::to_writer(&mut file, &json!({ "id": id, "_deleted": true }))?,
        }
        file.write_all(b"\n")?;
    }
    file.flush()
}

/// Writes `dump.json`.
pub(crate) fn write_header(folder: &Path, name: &str, numbering: &Numbering) -> io::Result<()> {
    let header = json!({ "format": 1, "demo": false, "name": name, "git": numbering });
    File::create_new(folder.join("dump.json"))?.write_all(format!("{header:#}\n").as_bytes())
}

/// Reads the numbers from the `dump.json` of an earlier run.
pub(crate) fn read_numbering(folder: &Path) -> Option<Numbering> {
    let text = std::fs::read(folder.join("dump.json")).ok()?;
    let mut header: Value = serde_json::from_slice(&text).ok()?;
    serde_json::from_value(header.get_mut("git")?.take()).ok()
}

/// The numbers of a commit in an earlier dump.
pub(crate) struct OldCommit {
    pub id: u64,
    pub hexsha: String,
    pub repo: u64,
    pub alias: u64,
    pub user: u64,
}

/// Reads the numbers of commits from an earlier dump. Rows that cannot be read are left out.
pub(crate) fn read_commits(folder: &Path) -> Vec<OldCommit> {
    let Ok(file) = File::open(folder.join("commits.ndjson")) else { return Vec::new() };
    let parse = |line: String| {
        let row: Value = serde_json::from_str(&line).ok()?;
        let number = |name: &str| row.get(name).and_then(Value::as_u64);
        Some(OldCommit {
            id: number("id")?,
            hexsha: row.get("hexsha")?.as_str()?.to_owned(),
            repo: number("repo_id")?,
            alias: number("user_alias_id")?,
            user: number("apex_user_id")?,
        })
    };
    BufReader::new(file).lines().map_while(Result::ok).filter_map(parse).collect()
}

/// Formats a moment in UTC.
pub(crate) fn utc(moment: Moment) -> String {
    format(moment.seconds)
}

/// Formats a moment in local time.
pub(crate) fn local(moment: Moment) -> String {
    format(moment.seconds.saturating_add(i64::from(moment.offset)))
}

fn format(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default().format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Identifies a commit that is rebased or cherry-picked: the patch, and the author with the date of authorship.
pub(crate) fn ignore_hash(commit: &Commit, email: &str, patch: &[u8; 16]) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(patch);
    hash.update(commit.authored.seconds.to_be_bytes());
    hash.update(email.to_lowercase());
    hex::encode(hash.finalize().get(..16).unwrap_or_default())
}

/// First and last activity.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Activity(Option<(i64, i64)>);

impl Activity {
    pub fn add(&mut self, moment: Moment) {
        let (first, last) = self.0.unwrap_or((moment.seconds, moment.seconds));
        self.0 = Some((first.min(moment.seconds), last.max(moment.seconds)));
    }

    pub fn join(&mut self, other: Activity) {
        if let (Some((first, last)), Some((other_first, other_last))) = (self.0, other.0) {
            self.0 = Some((first.min(other_first), last.max(other_last)));
        } else {
            self.0 = self.0.or(other.0);
        }
    }

    pub fn is_some(self) -> bool {
        self.0.is_some()
    }

    pub fn first(self) -> Option<String> {
        self.0.map(|(first, _)| format(first))
    }

    pub fn last(self) -> Option<String> {
        self.0.map(|(_, last)| format(last))
    }
}
