//! `streamgage push`: imports a dump into the database of a Worker.
//!
//! The whole dump is checked before the first request. Rows are sent unchanged. An interrupted push continues after the
//! last rows that the server has confirmed; they are noted in the user's state folder, never in the dump.

mod state;

use crate::dump::{Dump, Line};
use crate::error::CliError;
use crate::http::{BaseUrl, Client, Response, path_before_api};
use crate::progress::Progress;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use state::PushState;
use std::path::PathBuf;
use streamgage::schema::{RESOURCES, Resource};

/// Imports a dump into a Worker; the key is read from STREAMGAGE_KEY
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder of the dump
    dump: PathBuf,
    /// The URL of the Worker, such as https://streamgage.example.com
    #[arg(long, value_name = "URL")]
    to: String,
    /// Send the key over plain http, where others can read it
    #[arg(long)]
    insecure_http: bool,
}

/// The limits of an import request.
const MAX_ROWS: u64 = 1000;
const MAX_BYTES: usize = 1_000_000;
/// The size of a batch, unless a single row is larger. The Worker may need twice as much for its database requests.
const BATCH_BYTES: usize = 600_000;

pub fn run(arguments: &Arguments) -> Result<(), CliError> {
    let progress = Progress::new();
    let base = BaseUrl::parse(&arguments.to, arguments.insecure_http)?;
    let client = Client::new(base.with_path(path_before_api(base.path())), progress.clone())?;
    let dump = Dump::open(&arguments.dump)?;
    dump.organization()?;
    let mut too_long = Vec::new();
    let summaries = RESOURCES.iter().map(|resource| RowsSummary::new(&dump, resource, &mut too_long));
    let summaries = summaries.collect::<Result<Vec<_>, CliError>>()?;

    let mut state = PushState::open(&arguments.dump, &client.base().to_string());
    let push = Push { client: &client, dump: &dump, progress: &progress };
    push.send_header()?;
    let mut reports = Vec::new();
    for summary in summaries.iter().filter(|summary| summary.count > 0) {
        let report = push.send_resource(summary, &mut state).map_err(|error| match error {
            CliError::RetryLater(message) => {
                let name = summary.resource.name;
                let stored = state.stored_rows(name, &summary.hash);
                CliError::RetryLater(format!("{message} So far, {stored} of {} {name} are stored.", summary.count))
            }
            error => error,
        })?;
        reports.push(report);
    }
    state.remove();
    progress.finish();
    for report in reports {
        println!("{report}");
    }
    for error in &too_long {
        eprintln!("streamgage: {error}");
    }
    match too_long.len() {
        0 => Ok(()),
        rows => Err(CliError::Input(format!("{rows} rows are too long for an import; all others are pushed"))),
    }
}

/// Reports whether a row is too long for an import.
fn is_too_long(line: &Line<'_>) -> bool {
    line.text.len() >= MAX_BYTES
}

/// The number and the hash of the rows of a resource, without those that are too long.
struct RowsSummary {
    resource: &'static Resource,
    count: u64,
    hash: String,
}

impl RowsSummary {
    /// Reads the rows. Adds an error to `too_long` for each row that is too long for an import.
    fn new(dump: &Dump, resource: &'static Resource, too_long: &mut Vec<CliError>) -> Result<RowsSummary, CliError> {
        let mut hash = Sha256::new();
        let mut count = 0;
        dump.for_each_line(resource, |line| {
            if is_too_long(&line) {
                too_long.push(line.error(format!("the row is longer than {MAX_BYTES} bytes; it is not pushed")));
                return Ok(());
            }
            count += 1;
            hash.update(line.text);
            hash.update("\n");
            Ok(())
        })?;
        Ok(RowsSummary { resource, count, hash: hex::encode(hash.finalize()) })
    }
}

/// The rows of one request.
#[derive(Default)]
struct Batch {
    body: String,
    rows: u64,
    /// The number of rows of the resource in earlier batches.
    rows_before: u64,
}

struct Push<'a> {
    client: &'a Client,
    dump: &'a Dump,
    progress: &'a Progress,
}

/// The response to an import.
#[derive(Deserialize)]
struct ImportCounts {
    rows: u64,
    changed: u64,
}

/// The response to an import of an invalid row.
#[derive(Deserialize)]
struct ImportError {
    line: u64,
    field: Option<String>,
    error: String,
}

impl Push<'_> {
    fn send_header(&self) -> Result<(), CliError> {
        let body =
            serde_json::to_vec(&self.dump.header.description()).map_err(|error| CliError::Failed(error.to_string()))?;
        let response = self.client.post(&self.import_path("dump"), "application/json", &body)?;
        if response.status == 200 { Ok(()) } else { Err(self.unexpected("dump.json", &response)) }
    }

    fn import_path(&self, name: &str) -> String {
        format!("{}/import/{name}", self.client.base().path())
    }

    /// Sends the rows of a resource and returns a report for the user.
    fn send_resource(&self, summary: &RowsSummary, state: &mut PushState) -> Result<String, CliError> {
        let name = summary.resource.name;
        let mut stored = state.stored_rows(name, &summary.hash);
        self.progress.start_stage(name, summary.count, stored);
        let mut sent = ImportCounts { rows: 0, changed: 0 };
        let mut send = |batch: &Batch| {
            let end = batch.rows_before + batch.rows;
            // The first batch is always sent: if it changes rows, the database is not the one of the interrupted push.
            if end <= stored && batch.rows_before > 0 {
                return Ok::<(), CliError>(());
            }
            let counts = self.send_batch(summary.resource, batch)?;
            sent.rows += counts.rows;
            sent.changed += counts.changed;
            if end <= stored && counts.changed == 0 {
                return Ok(());
            }
            if end <= stored {
                stored = 0;
                self.progress.start_stage(name, summary.count, 0);
            }
            self.progress.advance(batch.rows);
            state.set_stored_rows(name, &summary.hash, end);
            Ok(())
        };
        let mut batch = Batch::default();
        self.dump.for_each_line(summary.resource, |line| {
            if is_too_long(&line) {
                return Ok(());
            }
            if batch.rows == MAX_ROWS || batch.body.len() + line.text.len() + 1 > BATCH_BYTES {
                send(&batch)?;
                batch = Batch { rows_before: batch.rows_before + batch.rows, ..Batch::default() };
            }
            batch.body.push_str(line.text);
            batch.body.push('\n');
            batch.rows += 1;
            Ok(())
        })?;
        send(&batch)?;
        let ImportCounts { rows, changed } = sent;
        let skipped = summary.count.saturating_sub(rows);
        let before = if skipped > 0 { format!(", {skipped} stored before") } else { String::new() };
        Ok(format!("{name}: {rows} rows sent, {changed} changed{before}"))
    }

    fn send_batch(&self, resource: &Resource, batch: &Batch) -> Result<ImportCounts, CliError> {
        let path = self.import_path(resource.name);
        let response = self.client.post(&path, "application/x-ndjson", batch.body.as_bytes())?;
        if response.status == 400
            && let Ok(ImportError { line, field, error }) = serde_json::from_slice(&response.body)
        {
            let row = batch.rows_before.saturating_add(line);
            let field = field.map(|field| format!("{field}: ")).unwrap_or_default();
            return Err(CliError::Input(format!("{}: row {row}: {field}{error} (from the server)", resource.name)));
        }
        if response.status != 200 {
            return Err(self.unexpected(resource.name, &response));
        }
        let counts: Option<ImportCounts> = serde_json::from_slice(&response.body).ok();
        counts.filter(|counts| counts.rows == batch.rows).ok_or_else(|| {
            CliError::Failed(format!("{}: {} did not confirm the rows", resource.name, self.client.base()))
        })
    }

    fn unexpected(&self, name: &str, response: &Response) -> CliError {
        CliError::Failed(format!("{name}: {}: {}", self.client.base(), response.description()))
    }
}
