//! `streamgage pull`: saves the lists of a v3 server as a dump.
//!
//! Every list of the `core` API is read page by page into a draft, which replaces the dump when all lists are complete.
//! An interrupted pull continues with the next page. Rows are written in one canonical form and sorted by id: the same
//! rows give the same bytes, and a dump that is pushed to a Worker and pulled again does not change.

mod canonical_row;
mod checkpoint;
mod list_reader;
mod merge;

use crate::dump::draft::Draft;
use crate::dump::header::{Header, null_as_default};
use crate::error::CliError;
use crate::http::{BaseUrl, Client, path_before_api};
use crate::progress::Progress;
use checkpoint::Checkpoint;
use list_reader::ListReader;
use serde::Deserialize;
use std::path::PathBuf;
use streamgage::calendar::Day;
use streamgage::schema::RESOURCES;

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

const CORE_PATH: &str = "/v3/customer/core";

fn parse_day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "expected a date such as 2026-09-01".to_owned())
}

pub fn run(arguments: &Arguments) -> Result<(), CliError> {
    let progress = Progress::new();
    let base = BaseUrl::parse(&arguments.url, arguments.insecure_http)?;
    let client = Client::new(base.with_path(&core_path(base.path())), progress.clone())?;
    let draft = Draft::resume(&arguments.out, |_| Ok(()))?;
    let header = read_header(&client)?;
    check_same_source(&draft, &header)
        .map_err(|message| CliError::Input(format!("{}: {message}", arguments.out.display())))?;

    let since = arguments.since.map(|day| day.to_string());
    let mut checkpoint = Checkpoint::open(&draft, &client.base().to_string(), since.as_deref(), &progress)?;
    let reader = ListReader { client: &client, progress: &progress, since: since.as_deref() };
    // Commits are read first, so that the authors of the last commits are among the users that are read later.
    for resource in RESOURCES.iter().rev() {
        reader.read_list(resource, &mut checkpoint).inspect_err(|_| {
            if checkpoint.has_rows() {
                progress.print("the received rows are kept; run the same command again to continue");
            }
        })?;
    }
    let counts = merge::write_rows(&draft, &checkpoint, since.is_some())?;
    checkpoint.remove()?;
    header.write(draft.path())?;
    draft.finish()?;
    progress.finish();
    for (resource, count) in counts {
        match count {
            Some(count) => println!("{}: {count} rows", resource.name),
            None => println!("{}: not available (404), left out", resource.name),
        }
    }
    Ok(())
}

/// Returns the path of the `core` API. The given path may contain it as a whole, in part or not at all.
fn core_path(path: &str) -> String {
    if path.ends_with("/core") { path.to_owned() } else { format!("{}{CORE_PATH}", path_before_api(path)) }
}

/// Returns the header of the dump: the data set of a Worker, or else the name of the host.
fn read_header(client: &Client) -> Result<Header, CliError> {
    #[derive(Default, Deserialize)]
    struct DataSet {
        #[serde(default, deserialize_with = "null_as_default")]
        name: String,
        #[serde(default, deserialize_with = "null_as_default")]
        demo: bool,
    }
    let DataSet { name, demo } = match client.get("/dataset") {
        Ok(response) if response.status == 200 => serde_json::from_slice(&response.body).unwrap_or_default(),
        Err(error) if !client.has_responded() => return Err(error),
        _ => DataSet::default(),
    };
    let name = if name.is_empty() { client.base().name() } else { name };
    Ok(Header { format: 1, demo, name })
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
