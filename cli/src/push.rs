//! `streamgage push`: a dump into a Worker's database.
//!
//! Rows are sent as they stand in the dump. The whole dump is checked before the first is sent. A push that was broken
//! off goes on where it was: what the server has confirmed is noted in the user's state folder, never in the dump.

mod state;

use crate::dump::Dump;
use crate::failure::Failure;
use crate::http::{Base, Client, Reply, before_api};
use crate::progress::Progress;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use state::State;
use std::path::PathBuf;
use streamgage::schema::{RESOURCES, Resource};

/// Loads a dump into a Worker; the key is read from STREAMGAGE_KEY.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder of the dump
    dump: PathBuf,
    /// The Worker, such as https://streamgage.example.com
    #[arg(long, value_name = "URL")]
    to: String,
    /// Sends the key over plain http, where others can read it
    #[arg(long)]
    insecure_http: bool,
}

/// What an import takes at most.
const MAX_ROWS: u64 = 1000;
/// What an import takes at most.
const MAX_BYTES: usize = 1_000_000;
/// What is sent at once, rows that are larger apart: what the database is told of a batch may be twice as long.
const BATCH_BYTES: usize = 600_000;

/// Runs the command.
///
/// # Errors
/// The dump is bad, in which case nothing has been sent, or the server does not take it.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let progress = Progress::new();
    let base = Base::parse(&arguments.to, arguments.insecure_http)?;
    let client = Client::new(base.with_path(before_api(base.path())), progress.clone())?;
    let dump = Dump::open(&arguments.dump)?;
    dump.organization()?;
    let plans = RESOURCES.iter().map(|resource| Plan::new(&dump, resource)).collect::<Result<Vec<_>, Failure>>()?;

    let mut state = State::open(&arguments.dump, &client.base().to_string());
    let push = Push { client: &client, dump: &dump, progress: &progress };
    push.header()?;
    let mut lines = Vec::new();
    for plan in plans.iter().filter(|plan| plan.rows > 0) {
        lines.push(push.resource(plan, &mut state)?);
    }
    state.remove();
    progress.finish();
    for line in lines {
        println!("{line}");
    }
    Ok(())
}

/// A resource to send.
struct Plan {
    resource: &'static Resource,
    rows: u64,
    /// The hash of all rows.
    hash: String,
}

impl Plan {
    /// Counts and hashes the rows; one that is too long for an import is an error already here.
    fn new(dump: &Dump, resource: &'static Resource) -> Result<Plan, Failure> {
        let mut hash = Sha256::new();
        let mut rows = 0;
        dump.lines(resource, |line| {
            rows += 1;
            if line.len() >= MAX_BYTES {
                let why = format!("{}: row {rows} is longer than {MAX_BYTES} bytes", resource.name);
                return Err(Failure::Input(why));
            }
            hash.update(line);
            hash.update("\n");
            Ok(())
        })?;
        let hash = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Plan { resource, rows, hash })
    }
}

/// Rows that are sent together.
#[derive(Default)]
struct Batch {
    body: String,
    rows: u64,
    /// How many rows of the resource come before them.
    before: u64,
}

struct Push<'a> {
    client: &'a Client,
    dump: &'a Dump,
    progress: &'a Progress,
}

/// What an import answers.
#[derive(Deserialize)]
struct Imported {
    rows: u64,
    changed: u64,
}

/// What an import answers to a bad row.
#[derive(Deserialize)]
struct BadRow {
    line: u64,
    field: Option<String>,
    error: String,
}

impl Push<'_> {
    /// Says what the data is, and whether it is made up.
    fn header(&self) -> Result<(), Failure> {
        let header = &self.dump.header;
        let body = serde_json::to_vec(header).map_err(|error| Failure::Work(error.to_string()))?;
        let reply = self.client.post(&self.path("dump"), "application/json", &body)?;
        if reply.status == 200 { Ok(()) } else { Err(self.refused("dump.json", &reply)) }
    }

    fn path(&self, what: &str) -> String {
        format!("{}/import/{what}", self.client.base().path())
    }

    /// Sends a resource's rows, and says what came of it.
    fn resource(&self, plan: &Plan, state: &mut State) -> Result<String, Failure> {
        let name = plan.resource.name;
        let mut stored = state.stored(name, &plan.hash);
        self.progress.stage(name, plan.rows, stored);
        let mut done = Imported { rows: 0, changed: 0 };
        let mut send = |batch: &Batch| {
            let end = batch.before + batch.rows;
            // The first batch is sent in any case: if it changes something, the database is not the one that was there
            // before the interruption.
            if end <= stored && batch.before > 0 {
                return Ok(());
            }
            let imported = self.send(plan.resource, batch)?;
            done.rows += imported.rows;
            done.changed += imported.changed;
            if end <= stored && imported.changed == 0 {
                return Ok(());
            }
            if end <= stored {
                stored = 0;
                self.progress.stage(name, plan.rows, 0);
            }
            self.progress.advance(batch.rows);
            state.note(name, &plan.hash, end);
            Ok(())
        };
        let mut batch = Batch::default();
        self.dump.lines(plan.resource, |line| {
            if batch.rows == MAX_ROWS || batch.body.len() + line.len() + 1 > BATCH_BYTES {
                send(&batch)?;
                batch = Batch { before: batch.before + batch.rows, ..Batch::default() };
            }
            batch.body.push_str(line);
            batch.body.push('\n');
            batch.rows += 1;
            Ok(())
        })?;
        send(&batch)?;
        let Imported { rows, changed } = done;
        let before = if rows < plan.rows { format!(", {} stored before", plan.rows - rows) } else { String::new() };
        Ok(format!("{name}: {rows} rows sent, {changed} changed{before}"))
    }

    fn send(&self, resource: &Resource, batch: &Batch) -> Result<Imported, Failure> {
        let reply = self.client.post(&self.path(resource.name), "application/x-ndjson", batch.body.as_bytes())?;
        if reply.status == 400
            && let Ok(bad) = serde_json::from_slice::<BadRow>(&reply.body)
        {
            let row = batch.before.saturating_add(bad.line);
            let field = bad.field.map(|field| format!("{field}: ")).unwrap_or_default();
            return Err(Failure::Input(format!(
                "{}: row {row}: {field}{} (says the server)",
                resource.name, bad.error
            )));
        }
        if reply.status != 200 {
            return Err(self.refused(resource.name, &reply));
        }
        let imported: Option<Imported> = serde_json::from_slice(&reply.body).ok();
        imported
            .filter(|imported| imported.rows == batch.rows)
            .ok_or_else(|| Failure::Work(format!("{}: {} did not confirm the rows", resource.name, self.client.base())))
    }

    fn refused(&self, what: &str, reply: &Reply) -> Failure {
        Failure::Work(format!("{what}: {}: {}", self.client.base(), reply.complaint()))
    }
}
