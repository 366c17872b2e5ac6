//! `streamgage query`: v3 requests in, their answers out, over a dump.

use crate::dump::Dump;
use crate::failure::{Failure, printable_json};
use crate::folder;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use streamgage::calendar::Day;
use streamgage::evaluate::{self, AggregateResult, RowTexts, RowsBuilder, Store};
use streamgage::metrics::MetricsTable;
use streamgage::query::{AggregateRequest, Endpoint, ListRequest, MetricsRequest, Route, route};
use streamgage::schema::Resource;

/// Answers v3 requests over a dump, a line of JSON for each.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder of the dump
    dump: PathBuf,
    /// The request, such as '/v3/customer/core/teams/?limit=5', or the whole address of one, as links are; with '-', or without one, they are read from standard input, one a line
    #[arg(default_value = "-")]
    request: String,
    /// The date that counts as today [default: today in UTC]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    today: Option<Day>,
    /// What links to other pages begin with, if not the address that was asked
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
    let mut answers = Answers { dump, table, today, base, lists: Lists::default() };
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

    fn of_text(status: u16, body: String) -> Result<Response, Failure> {
        let body = RawValue::from_string(body).map_err(|error| Failure::Work(error.to_string()))?;
        Ok(Response { status, body })
    }

    fn write(&self, out: &mut (impl Write + IsTerminal)) -> io::Result<()> {
        let line = serde_json::to_string(self)?;
        let line = if out.is_terminal() { printable_json(&line) } else { line };
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

#[derive(Serialize)]
struct Detail<'a> {
    detail: &'a str,
}

#[derive(Serialize)]
struct Envelope<T> {
    count: u64,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<T>,
}

struct Answers {
    dump: Dump,
    table: MetricsTable,
    today: Day,
    base: String,
    lists: Lists,
}

impl Answers {
    fn answer(&mut self, request: &str) -> Result<Response, Failure> {
        let (origin, request) = split_origin(&self.base, request);
        let (path, query) = request.split_once('?').unwrap_or((request, ""));
        let address = format!("{}{path}", origin.unwrap_or(&self.base));
        match route(path) {
            Route::Endpoint(Endpoint::Metrics) => match MetricsRequest::parse(query, self.today) {
                Ok(request) => Response::of_text(200, self.table.evaluate(&request).to_string()),
                Err(errors) => Response::new(400, &errors),
            },
            Route::Endpoint(Endpoint::List(resource)) => self.list(resource, &address, query),
            Route::Endpoint(Endpoint::Object(resource, id)) => self.object(resource, id, query),
            Route::Endpoint(Endpoint::Aggregate) => self.aggregate(&address, query),
            Route::Redirect(_) => Response::new(301, &()),
            Route::NotFound => not_found(),
        }
    }

    fn aggregate(&mut self, address: &str, query: &str) -> Result<Response, Failure> {
        let request = match AggregateRequest::parse(query) {
            Ok(request) => request,
            Err(errors) => return Response::new(400, &errors),
        };
        self.lists.read(&self.dump, &evaluate::required_resources(&request.list))?;
        let AggregateResult { count, rows: results } = evaluate::aggregate(&request, &self.lists.store);
        self.page(&request.list, address, query, count, results)
    }

    fn page<T: Serialize>(
        &self,
        request: &ListRequest,
        address: &str,
        query: &str,
        count: u64,
        results: Vec<T>,
    ) -> Result<Response, Failure> {
        let next = request.page.next(count, address, query);
        let previous = request.page.previous(address, query);
        Response::new(200, &Envelope { count, next, previous, results })
    }

    fn list(&mut self, resource: &'static Resource, address: &str, query: &str) -> Result<Response, Failure> {
        let request = match ListRequest::parse(resource, query) {
            Ok(request) => request,
            Err(errors) => return Response::new(400, &errors),
        };
        self.lists.read(&self.dump, &evaluate::required_resources(&request))?;
        Response::of_text(200, evaluate::list_body(&request, &self.lists.store, &self.lists.lines, address, query))
    }

    /// An object is looked for among what the filters find, as in the framework; that there is none of that id is told
    /// before what is wrong with them (§3).
    fn object(&mut self, resource: &'static Resource, id: i64, query: &str) -> Result<Response, Failure> {
        self.lists.read(&self.dump, &[resource])?;
        if self.lists.store.rows(resource).and_then(|rows| rows.find(id)).is_none() {
            return not_found();
        }
        let request = match ListRequest::parse(resource, query) {
            Ok(request) => request,
            Err(errors) => return Response::new(400, &errors),
        };
        self.lists.read(&self.dump, &evaluate::required_resources(&request))?;
        match evaluate::find_object(&request, &self.lists.store, id) {
            Some(place) => {
                let mut body = String::new();
                evaluate::write_row(&request, &self.lists.store, &self.lists.lines, place, &mut body);
                Response::of_text(200, body)
            }
            None => not_found(),
        }
    }
}

/// The request without `base`, or its origin and what is behind that: it may be a whole address, as links are.
fn split_origin<'a>(base: &str, request: &'a str) -> (Option<&'a str>, &'a str) {
    if let Some(path) = request.strip_prefix(base).filter(|path| path.starts_with('/')) {
        return (None, path);
    }
    let is_scheme = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match request.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => {
            let path = request.len() - rest.len() + rest.find(['/', '?']).unwrap_or(rest.len());
            request.split_at_checked(path).map_or((None, request), |(origin, target)| (Some(origin), target))
        }
        _ => (None, request),
    }
}

fn not_found() -> Result<Response, Failure> {
    Response::new(404, &Detail { detail: "Not found." })
}

/// The rows of the resources that lists were asked of.
#[derive(Default)]
struct Lists {
    store: Store,
    lines: Texts,
}

/// The rows of each resource as they stand in the dump, by their places in the store.
#[derive(Default)]
struct Texts(BTreeMap<&'static str, Vec<Box<str>>>);

impl RowTexts for Texts {
    fn row_text(&self, resource: &Resource, place: usize) -> &str {
        self.0.get(resource.name).and_then(|lines| lines.get(place)).map_or("{}", |line| line)
    }
}

impl Lists {
    /// Reads the rows of resources that were not read yet.
    fn read(&mut self, dump: &Dump, resources: &[&'static Resource]) -> Result<(), Failure> {
        for &resource in resources {
            if self.lines.0.contains_key(resource.name) {
                continue;
            }
            let mut rows = RowsBuilder::new(resource);
            let mut lines: Vec<Box<str>> = Vec::new();
            dump.lines(resource, |line| {
                // All rows were read once when the dump was; what is wrong with one now has come since.
                rows.add_text(line)
                    .map_err(|error| Failure::Input(format!("the dump has changed while it was read: {error}")))?;
                lines.push(line.into());
                Ok(())
            })?;
            self.store.insert(rows.build());
            self.lines.0.insert(resource.name, lines);
        }
        Ok(())
    }
}
