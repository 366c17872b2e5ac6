//! `streamgage erase`: removes a person from a dump.

use crate::dump::draft::Draft;
use crate::dump::header::read_json;
use crate::dump::row_file::{Line, RowFile};
use crate::dump::{Dump, PERIOD_METRICS_FILE, REJECTED_FILE};
use crate::error::CliError;
use crate::files;
use crate::git::state_beside;
use serde_json::{Map, Value};
use std::io::Write;
use std::path::PathBuf;
use streamgage::schema::RESOURCES;
use streamgage_git::Eraser;

/// Removes a person from a dump: names, addresses, aliases, memberships, and the messages and links of commits
///
/// The numbers of the commits stay, under a pseudonym. Later runs of `streamgage git` into the same dump do not bring
/// the person back.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder of the dump
    dump: PathBuf,
    /// The id of the person in users.ndjson
    #[arg(long, value_name = "ID")]
    user: u64,
    /// Remove the person's commits, too
    #[arg(long)]
    commits: bool,
    /// The state file of `streamgage git` [default: a hidden file beside the dump]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<(), CliError> {
    Dump::open(&arguments.dump)?;
    let draft = Draft::begin(&arguments.dump, |_| Ok(()))?;
    let Some(folder) = draft.existing() else {
        return Err(CliError::Input(format!("{}: the folder is empty", arguments.dump.display())));
    };
    let header: Option<Value> =
        read_json(folder).map_err(|error| CliError::Input(format!("{}: {error}", arguments.dump.display())))?;
    let mut header = header.unwrap_or_default();
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| CliError::Failed(format!("no random numbers: {error}")))?;
    let state = arguments.state.clone().unwrap_or_else(|| state_beside(&arguments.dump));
    let mut eraser = Eraser::new(&header, &state, arguments.user, arguments.commits, salt);
    for resource in ["users", "user_alias"] {
        if let Some(file) = RowFile::find(folder, resource)? {
            file.for_each_line(|line| {
                eraser.learn(resource, &parse(&line)?);
                Ok(())
            })?;
        }
    }
    eraser.prepare()?;
    let mut changed: u64 = 0;
    let side_files = [REJECTED_FILE, PERIOD_METRICS_FILE].map(|name| name.trim_end_matches(".ndjson"));
    for name in RESOURCES.iter().map(|resource| resource.name).chain(side_files) {
        let Some(file) = RowFile::find(folder, name)? else { continue };
        file.rewrite(draft.path(), |line| {
            let row = parse(line)?;
            let erased = eraser.erase(name, row.clone());
            // Other rows keep their text.
            if erased == Value::Object(row) {
                return Ok(line.text.to_owned());
            }
            changed = changed.saturating_add(1);
            Ok(erased.to_string())
        })?;
    }
    if !header.is_null() {
        eraser.erase_header(&mut header)?;
        let path = draft.path().join("dump.json");
        let write = || files::create(&path)?.write_all(format!("{header:#}\n").as_bytes());
        write().map_err(|error| CliError::file(&path, error))?;
    }
    draft.finish()?;
    eraser.write_state()?;
    println!("user {}: {} names and addresses erased, {changed} rows changed", arguments.user, eraser.names());
    Ok(())
}

fn parse(line: &Line<'_>) -> Result<Map<String, Value>, CliError> {
    serde_json::from_str(line.text).map_err(|error| line.error(error))
}
