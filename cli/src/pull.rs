//! `streamgage pull`: saves the lists of a v3 server as a dump.
//!
//! Every list of the `core` API is read page by page into a draft, which replaces the dump when all lists are complete.
//! An interrupted pull continues with the next page. Rows are written in one canonical form and sorted by id: the same
//! rows give the same bytes, and a dump that is pushed to a Worker and pulled again does not change. Rows that no reader
//! accepts are put aside, and lists that the server does not provide are reported.

mod canonical_row;
mod checkpoint;
mod list_reader;
mod merge;
mod paging;
mod period_metrics;
mod report;
mod row_text;

use crate::dump::draft::Draft;
use crate::dump::header::{Header, null_as_default};
use crate::error::CliError;
use crate::http::{BaseUrl, Client, path_before_api};
use crate::progress::Progress;
use checkpoint::Checkpoint;
use chrono::Utc;
use list_reader::ListReader;
use period_metrics::{read_period_metrics, write_period_metrics};
use serde::Deserialize;
use std::path::PathBuf;
use streamgage::calendar::Day;
use streamgage::schema::{COMMITS, RESOURCES, Resource};

/// Saves the lists of a v3 server as a dump; the key is read from STREAMGAGE_KEY
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The URL of the server, such as https://workspace.appfireflow.com
    url: String,
    /// The folder to write: a new one, or an earlier dump of the same server, which is replaced at the end
    #[arg(long, value_name = "DUMP")]
    out: PathBuf,
    /// Read only the commits authored on or after this day, and add them to the existing dump
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    since: Option<Day>,
    /// Send the key over plain http, where others can read it
    #[arg(long)]
    insecure_http: bool,
}

/// The path of the lists, without a slash at the end.
const CORE_PATH: &str = "/v3/customer/core";

fn parse_day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "expected a date such as 2026-09-01".to_owned())
}

pub fn run(arguments: &Arguments) -> Result<(), CliError> {
    let progress = Progress::new();
    let base = BaseUrl::parse(&arguments.url, arguments.insecure_http)?;
    let client = Client::new(base.with_path(&core_path(base.path())), progress.clone())?;
    let draft = Draft::resume(&arguments.out, |_| Ok(()))?;
    let (mut header, is_worker) = read_header(&client)?;
    check_same_source(&draft, &header)
        .map_err(|message| CliError::Input(format!("{}: {message}", arguments.out.display())))?;

    let since = arguments.since.map(|day| day.to_string());
    let mut checkpoint = Checkpoint::open(&draft, &client.base().to_string(), since.as_deref(), &progress)?;
    let reader = ListReader { client: &client, progress: &progress, since: since.as_deref() };
    // A Worker computes its metrics from the commits of the dump.
    let metrics = read_all(&reader, &mut checkpoint, !is_worker).inspect_err(|_| {
        if checkpoint.has_rows() {
            progress.print("the received rows are kept; run the same command again to continue");
        }
    })?;
    let lists = merge::write_rows(&draft, &checkpoint, since.is_some())?;
    let saved_metrics = write_period_metrics(&draft, &checkpoint, matches!(metrics, Some(Ok(()))))?;
    checkpoint.remove()?;
    let saved =
        lists.iter().map(|list| (list.resource.name, list.saved)).chain([(period_metrics::NAME, saved_metrics)]);
    header.resources = saved.filter_map(|(name, saved)| Some((name.to_owned(), saved?))).collect();
    header.write(draft.path())?;
    draft.finish()?;
    progress.finish();
    report::print(&lists, saved_metrics, metrics);
    Ok(())
}

/// Reads all lists, and optionally the metrics. Returns the reason if the server does not answer requests for metrics.
fn read_all(
    reader: &ListReader<'_>,
    checkpoint: &mut Checkpoint,
    with_metrics: bool,
) -> Result<Option<Result<(), String>>, CliError> {
    // Commits are read first, so that the authors of the last commits are among the users that are read later.
    let others = RESOURCES.into_iter().rev().filter(|resource| **resource != COMMITS);
    for resource in [&COMMITS].into_iter().chain(others) {
        reader.read_list(resource, checkpoint)?;
    }
    let is_unavailable =
        |resource: &&Resource| checkpoint.list(resource.name).is_some_and(|list| list.unavailable.is_some());
    if RESOURCES.iter().all(is_unavailable) {
        let message = format!("{}: the server does not provide any list", reader.client.base());
        return Err(CliError::Failed(message));
    }
    if !with_metrics {
        return Ok(None);
    }
    let today = Utc::now().date_naive().into();
    read_period_metrics(reader.client, reader.progress, checkpoint, today).map(Some)
}

/// Returns the path of the `core` API. The given path may contain it as a whole, in part or not at all.
fn core_path(path: &str) -> String {
    if path.ends_with(CORE_PATH) { path.to_owned() } else { format!("{}{CORE_PATH}", path_before_api(path)) }
}

/// Returns the header of the dump: the data set of a Worker, or else the name of the host. The flag reports a Worker.
fn read_header(client: &Client) -> Result<(Header, bool), CliError> {
    #[derive(Default, Deserialize)]
    struct DataSet {
        #[serde(default, deserialize_with = "null_as_default")]
        name: String,
        #[serde(default, deserialize_with = "null_as_default")]
        demo: bool,
    }
    let data_set = match client.get("/dataset") {
        Ok(response) if response.status == 200 => serde_json::from_slice(&response.body).ok(),
        Err(error) if !client.has_responded() => return Err(error),
        _ => None,
    };
    let is_worker = data_set.is_some();
    let DataSet { name, demo } = data_set.unwrap_or_default();
    let name = if name.is_empty() { client.base().name() } else { name };
    Ok((Header::new(name, demo), is_worker))
}

/// Returns an error if the existing dump has another source: ids of different sources must not be mixed, and a backup
/// must not be replaced by that of another source.
fn check_same_source(draft: &Draft, header: &Header) -> Result<(), String> {
    let Some(folder) = draft.existing() else { return Ok(()) };
    match Header::read(folder)? {
        Some(existing) if existing.name == header.name => Ok(()),
        Some(existing) => Err(format!("a dump of {}, not of {}; choose another folder", existing.name, header.name)),
        None => Err("no dump.json names the source of the dump; choose another folder".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::core_path;

    #[test]
    fn the_path_of_the_api_is_optional() {
        for path in ["", "/v3/customer", "/v3/customer/core"] {
            assert_eq!(core_path(path), "/v3/customer/core");
        }
        assert_eq!(core_path("/flow"), "/flow/v3/customer/core");
        assert_eq!(core_path("/flow/v3"), "/flow/v3/customer/core");
    }
}
