//! The metrics of a server, by week, for everyone and for each team.
//!
//! Servers compute them from data that their lists do not contain completely, and some no longer answer the endpoint.

use super::checkpoint::{Checkpoint, ListProgress};
use super::merge::row_ids;
use super::row_text::one_line;
use crate::dump::PERIOD_METRICS_FILE;
use crate::dump::draft::Draft;
use crate::dump::header::SavedRows;
use crate::error::CliError;
use crate::files;
use crate::http::{Client, Response};
use crate::progress::Progress;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use streamgage::calendar::Day;
use streamgage::query::{CORE_PATH, METRICS_PATH};
use streamgage::schema::TEAMS;

/// The name in reports and in the checkpoint.
pub const NAME: &str = "period_metrics";
/// The API answers requests for this many years.
const YEARS: u32 = 3;
/// The names that have another meaning in dumps. A row has its team from the request.
const RESERVED: [&str; 2] = ["team_id", "_deleted"];

#[derive(Deserialize)]
struct Metrics<'a> {
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
}

/// Reads the weeks of everyone, then those of each team. Returns the reason if the server does not answer the endpoint.
pub fn read_period_metrics(
    client: &Client,
    progress: &Progress,
    checkpoint: &mut Checkpoint,
    today: Day,
) -> Result<Result<(), String>, CliError> {
    let teams = match checkpoint.list(TEAMS.name) {
        Some(list) if list.unavailable.is_none() => row_ids(&checkpoint.rows_file(TEAMS.name))?,
        _ => Vec::new(),
    };
    let requests = || [None].into_iter().chain(teams.iter().copied().map(Some));
    let mut done = checkpoint.list(NAME).unwrap_or(ListProgress::new(0));
    // The day after today: the clock of the server may be ahead.
    let start = Day::from_number(today.number().saturating_add(1)).years_before(YEARS);
    let prefix = client.base().path().strip_suffix(CORE_PATH.trim_end_matches('/')).unwrap_or_default();
    progress.start_stage(NAME, requests().count() as u64, done.pages);
    for team in requests().skip(usize::try_from(done.pages).unwrap_or(usize::MAX)) {
        let team_filter = team.map(|id| format!("&team_id={id}")).unwrap_or_default();
        let target = format!("{prefix}{METRICS_PATH}?start_date={start}&resolution=week{team_filter}");
        let lines = match client.get(&target) {
            Ok(response) if response.status == 401 => {
                return Err(CliError::Failed(format!("{NAME}: {}: {}", client.base(), response.description())));
            }
            Ok(response) => lines(team, &response, progress).ok_or_else(|| match response.status {
                200 => "the response is not one of the API".to_owned(),
                _ => response.description(),
            }),
            // A server whose endpoint is gone may fail.
            Err(CliError::Failed(message)) if team.is_none() => Err(message),
            Err(error) => return Err(error),
        };
        match (lines, team) {
            (Ok(lines), _) => {
                done.rows = done.rows.saturating_add(lines.lines().count() as u64);
                done.pages = done.pages.saturating_add(1);
                checkpoint.append(NAME, &lines, &mut done)?;
            }
            (Err(reason), None) => return Ok(Err(reason)),
            (Err(reason), Some(id)) => {
                progress.print(&format!("{NAME}: team {id}: {reason}; left out"));
                done.pages = done.pages.saturating_add(1);
                checkpoint.set_list(NAME, done.clone())?;
            }
        }
        progress.advance(1);
    }
    Ok(Ok(()))
}

/// Returns the rows of a response as lines that begin with the team. Rows with a reserved name are reported and left out.
fn lines(team: Option<i64>, response: &Response, progress: &Progress) -> Option<String> {
    if response.status != 200 {
        return None;
    }
    let Metrics { results } = serde_json::from_slice(&response.body).ok()?;
    let team = team.map_or("null".to_owned(), |id| id.to_string());
    let is_reserved = |row: &RawValue| {
        let members: Option<BTreeMap<String, IgnoredAny>> = serde_json::from_str(row.get()).ok();
        let reserved = members.and_then(|members| RESERVED.into_iter().find(|name| members.contains_key(*name)));
        if let Some(name) = reserved {
            progress.print(&format!("{NAME}: team {team}: a row has the reserved name {name}; left out"));
        }
        reserved.is_some()
    };
    let rows = results.iter().filter(|row| !is_reserved(row)).map(|row| {
        let row = one_line(row.get());
        let members = row.strip_prefix('{').filter(|members| members.trim() != "}")?;
        Some(format!("{{\"team_id\":{team},{members}\n"))
    });
    rows.collect()
}

/// Writes the file of the dump: the received rows, or else those of the earlier dump.
pub fn write_period_metrics(
    draft: &Draft,
    checkpoint: &Checkpoint,
    is_received: bool,
) -> Result<Option<SavedRows>, CliError> {
    let file = match draft.existing() {
        _ if is_received => checkpoint.rows_file(NAME),
        Some(earlier) => earlier.join(PERIOD_METRICS_FILE),
        None => return Ok(None),
    };
    if !is_received && !file.exists() {
        return Ok(None);
    }
    let out = draft.path().join(PERIOD_METRICS_FILE);
    let copy = || {
        let (mut reader, mut writer) = (BufReader::new(File::open(&file)?), BufWriter::new(files::create(&out)?));
        let (mut line, mut rows) = (Vec::new(), 0);
        while reader.read_until(b'\n', &mut line)? > 0 {
            writer.write_all(&line)?;
            line.clear();
            rows += 1;
        }
        writer.flush()?;
        Ok(rows)
    };
    let rows = copy().map_err(|error: io::Error| CliError::file(&out, error))?;
    Ok(Some(SavedRows { rows, count: None, rejected: 0 }))
}
