//! `streamgage query`: v3 requests in, their answers out, over a dump.

use crate::dump::{Dump, read_json};
use crate::failure::Failure;
use crate::folder;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use streamgage::calendar::Day;
use streamgage::metrics::Table;
use streamgage::query::{Endpoint, MetricsRequest, Page, Parameters, Route, route};
use streamgage::schema::{Missing, Resource, RowError, RowSink, Value, read_row};

/// Answers v3 requests over a dump, a line of JSON for each.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder of the dump
    dump: PathBuf,
    /// The request, such as '/v3/customer/core/teams/?limit=5'; with '-', or without one, they are read from standard input, one a line
    #[arg(default_value = "-")]
    request: String,
    /// The date that counts as today [default: today in UTC]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    today: Option<Day>,
    /// What links to other pages begin with
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8787")]
    base: String,
}

fn parse_day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "it is no date, such as 2026-09-01".to_owned())
}

/// Runs the command.
///
/// # Errors
/// The dump can't be read, or the answers can't be written.
pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let today = match arguments.today {
        Some(day) => day,
        None => folder::today().ok_or_else(|| Failure::Work("the clock tells no date".to_owned()))?.into(),
    };
    let dump = Dump::open(&arguments.dump)?;
    let table = dump.organization()?.table();
    let base = arguments.base.trim_end_matches('/').to_owned();
    let mut answers = Answers { dump, table, today, base, lists: BTreeMap::new() };
    let mut out = io::stdout().lock();
    let mut answer = |request: &str| match answers.answer(request)?.write(&mut out) {
        // Whoever reads the answers has heard enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).map_err(|error| Failure::Work(format!("standard output: {error}"))),
    };
    if arguments.request != "-" {
        return answer(&arguments.request).map(|_| ());
    }
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = input.read_until(b'\n', &mut line);
        if length.map_err(|error| Failure::Work(format!("standard input: {error}")))? == 0 {
            return Ok(());
        }
        if !answer(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']))? {
            return Ok(());
        }
    }
}

/// A status and the body that goes with it.
#[derive(Debug, Serialize)]
struct Response {
    status: u16,
    body: Box<RawValue>,
}

impl Response {
    fn new(status: u16, body: &impl Serialize) -> Result<Response, Failure> {
        let body = serde_json::value::to_raw_value(body);
        Ok(Response { status, body: body.map_err(|error| Failure::Work(error.to_string()))? })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

#[derive(Serialize)]
struct Detail<'a> {
    detail: &'a str,
}

#[derive(Serialize)]
struct Envelope {
    count: u64,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<Object>,
}

struct Answers {
    dump: Dump,
    table: Table,
    today: Day,
    base: String,
    /// The rows of each resource that a list was asked of, as they stand in the dump, by id.
    lists: BTreeMap<&'static str, BTreeMap<i64, Box<str>>>,
}

impl Answers {
    fn answer(&mut self, request: &str) -> Result<Response, Failure> {
        let (path, query) = request.split_once('?').unwrap_or((request, ""));
        match route(path) {
            Route::Endpoint(Endpoint::Metrics) => match MetricsRequest::parse(query, self.today) {
                Ok(request) => Response::new(200, &self.table.answer(&request)),
                Err(errors) => Response::new(400, &errors),
            },
            Route::Endpoint(Endpoint::List(resource)) => self.list(resource, path, query),
            Route::Endpoint(Endpoint::Object(resource, id)) => match self.rows(resource)?.get(&id) {
                Some(row) => Response::new(200, &object(resource, row)?),
                None => not_found(),
            },
            Route::Redirect(_) => Response::new(301, &()),
            Route::NotFound => not_found(),
        }
    }

    fn list(&mut self, resource: &'static Resource, path: &str, query: &str) -> Result<Response, Failure> {
        if let Some(parameter) = unanswered(query) {
            let detail = format!("Not implemented yet: lists take limit and offset, not {parameter}.");
            return Response::new(501, &Detail { detail: &detail });
        }
        let page = Page::parse(query);
        let address = format!("{}{path}", self.base);
        let rows = self.rows(resource)?;
        let count = rows.len() as u64;
        let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
        let take = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let results = rows.values().skip(skip).take(take).map(|row| object(resource, row));
        let results = results.collect::<Result<Vec<Object>, Failure>>()?;
        let next = page.next(count, &address, query);
        Response::new(200, &Envelope { count, next, previous: page.previous(&address, query), results })
    }

    fn rows(&mut self, resource: &'static Resource) -> Result<&BTreeMap<i64, Box<str>>, Failure> {
        if !self.lists.contains_key(resource.name) {
            let mut rows = BTreeMap::new();
            self.dump.lines(resource, |line| {
                let mut key = RowKey::default();
                read_json(line, |json| read_row(resource, json, &mut key)).map_err(|error| changed(&error))?;
                if key.deleted {
                    rows.remove(&key.id);
                } else {
                    rows.insert(key.id, line.into());
                }
                Ok(())
            })?;
            self.lists.insert(resource.name, rows);
        }
        Ok(self.lists.entry(resource.name).or_default())
    }
}

/// The first parameter that would change a list if lists were filtered; to leave it out would be a wrong answer.
fn unanswered(query: &str) -> Option<String> {
    let parameters = Parameters::parse(query);
    let plain = |(name, value): &(&str, &str)| {
        matches!(*name, "limit" | "offset") || (*name == "ordering" && matches!(*value, "" | "id"))
    };
    let other = parameters.iter().find(|parameter| !plain(parameter));
    other.map(|(name, _)| name.to_owned())
}

fn not_found() -> Result<Response, Failure> {
    Response::new(404, &Detail { detail: "Not found." })
}

/// All rows were read once when the dump was; what is wrong with one now has come since.
fn changed(error: &RowError) -> Failure {
    Failure::Input(format!("the dump has changed while it was read: {error}"))
}

#[derive(Default)]
struct RowKey {
    id: i64,
    deleted: bool,
}

impl RowSink for RowKey {
    fn value(&mut self, field: usize, value: Value<'_>) {
        if let (0, Value::Integer(id)) = (field, value) {
            self.id = id;
        }
    }

    fn deleted(&mut self) {
        self.deleted = true;
    }
}

/// A row as the API shows it: each field in the resource's order, then those that the resource does not know.
struct Object(Vec<(String, Box<RawValue>)>);

fn object(resource: &'static Resource, row: &str) -> Result<Object, Failure> {
    let failed = |error: serde_json::Error| Failure::Work(error.to_string());
    let mut found: BTreeMap<String, Box<RawValue>> = serde_json::from_str(row).map_err(failed)?;
    let mut fields = Vec::with_capacity(resource.fields.len());
    for field in resource.fields {
        let value = match found.remove(field.name) {
            Some(value) => value,
            None => RawValue::from_string(missing(field.missing).to_owned()).map_err(failed)?,
        };
        fields.push((field.name.to_owned(), value));
    }
    fields.extend(found);
    Ok(Object(fields))
}

fn missing(missing: Missing) -> &'static str {
    match missing {
        Missing::Required | Missing::Null => "null",
        Missing::Zero => "0",
        Missing::False => "false",
        Missing::EmptyList => "[]",
    }
}

impl Serialize for Object {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
