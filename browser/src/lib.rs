//! The core for JavaScript. `browser/js` makes the npm package `streamgage` of it.
//!
//! What crosses over is text and bytes: rows come in as JSON that JavaScript never takes apart, and answers go out as
//! the API's own bodies, which `JSON.parse` makes objects of faster than calls back into JavaScript could.

#![cfg_attr(feature = "small", no_std)]

extern crate alloc;

mod columns;
#[cfg(feature = "lists")]
mod lists;
#[cfg(not(feature = "lists"))]
#[path = "no_lists.rs"]
mod lists;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, OnceCell};
use lists::{Lists, NewRows};
use streamgage::calendar::Day;
use streamgage::json::{self, write_text};
use streamgage::metrics::{self, CommitReader, MetricsResponse, Organization, Tenths};
use streamgage::query::{Endpoint, MetricsRequest, Route, ValidationErrors, route};
use streamgage::schema::{COMMITS, ReadReport, Resource, RowError, RowSplitter, RowText, resource};
use wasm_bindgen::prelude::*;

/// The allocator of the standard library for wasm, which is not linked.
#[cfg(feature = "small")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// No panic is to be expected; one means that memory has run out.
#[cfg(feature = "small")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// What a path and its query are answered with: a status of three digits, and behind it the body.
///
/// `today` is the UTC date that counts as today, `YYYY-MM-DD`. Without rows it is a validation: what is valid is
/// answered with the status 200 alone, and what can't be known here, as in [`Table::answer`], with 501.
#[wasm_bindgen]
pub fn validate(path: &str, query: &str, today: &str) -> String {
    match route(path) {
        Route::Endpoint(Endpoint::Metrics) => {
            metrics_request(query, today).map_or_else(|refused| refused, |_| "200".to_owned())
        }
        Route::Endpoint(endpoint) => lists::validate(endpoint, without_mark(query)),
        Route::Redirect(_) => "301".to_owned(),
        Route::NotFound => NOT_FOUND.to_owned(),
    }
}

const NO_DAY: &str = "400{\"today\":[\"Provide a valid date, such as 2026-06-01.\"]}";
const NOT_FOUND: &str = "404{\"detail\":\"Not found.\"}";

fn without_mark(query: &str) -> &str {
    query.strip_prefix('?').unwrap_or(query)
}

fn metrics_request(query: &str, today: &str) -> Result<MetricsRequest, String> {
    let today = Day::parse(today).ok_or_else(|| NO_DAY.to_owned())?;
    MetricsRequest::parse(without_mark(query), today).map_err(|errors| refused(&errors))
}

fn refused(errors: &ValidationErrors) -> String {
    format!("400{}", json::to_string(errors))
}

/// An organization's rows, in wasm's memory until it is freed.
#[wasm_bindgen]
#[derive(Default)]
pub struct Table {
    organization: Organization,
    /// What counts of it, since it was last asked.
    tally: OnceCell<metrics::MetricsTable>,
    lists: Option<Lists>,
    /// What read commits last: mostly the next ones look the same.
    commits: Cell<Option<Box<CommitReader>>>,
}

#[wasm_bindgen]
impl Table {
    /// No rows yet. What lists show are whole rows: they are kept if `lists` is set.
    #[wasm_bindgen(constructor)]
    pub fn new(lists: bool) -> Table {
        Table { lists: lists.then(Lists::default), ..Table::default() }
    }

    /// What reads rows of a resource for this table; `None` if there is no such resource.
    pub fn reader(&self, name: &str) -> Option<Reader> {
        let resource = resource(name)?;
        let rows = self.lists.as_ref().and_then(|_| NewRows::new(resource));
        let commits = (resource.name == COMMITS.name).then(|| self.commits.take().unwrap_or_default());
        Some(Reader {
            resource,
            splitter: RowSplitter::default(),
            organization: Organization::default(),
            commits,
            rows,
        })
    }

    /// Puts in what a reader has read. The later row of an id takes the place of an earlier one (§4).
    ///
    /// The answer is what [`Reader::push`] says of a text that ends too early; or `{"rows":1,"next":null}`.
    pub fn add(&mut self, reader: Reader) -> String {
        let at = reader.splitter.rows();
        match reader.splitter.finish() {
            Ok(pages) => {
                self.organization.append(reader.organization);
                self.tally = OnceCell::new();
                self.commits.set(reader.commits);
                if let (Some(lists), Some(rows)) = (&mut self.lists, reader.rows) {
                    lists.append(rows);
                }
                report(&pages)
            }
            Err(error) => refusal(reader.resource, at, &error),
        }
    }

    /// Answers a request, as [`validate`] does it; `address` is what links to other pages begin with. Lists are
    /// answered with 501 by a table that keeps no rows, and by a module without them.
    pub fn answer(&self, path: &str, query: &str, today: &str, address: &str) -> String {
        match (route(path), &self.lists) {
            (Route::Endpoint(Endpoint::Metrics), _) => match metrics_request(query, today) {
                Ok(request) => format!("200{}", json::to_string(&self.metrics(&request))),
                Err(refused) => refused,
            },
            (Route::Endpoint(endpoint), Some(lists)) => {
                lists.answer(endpoint, &format!("{address}{path}"), without_mark(query))
            }
            (Route::Endpoint(_), None) => "501".to_owned(),
            (Route::Redirect(_), _) => "301".to_owned(),
            (Route::NotFound, _) => NOT_FOUND.to_owned(),
        }
    }

    /// The metrics as numbers, five columns one after the other: the first millisecond of each row's week (in the row of
    /// a period, of the range), coding days per active user and week, commits per coding day, impact, efficiency.
    /// `None` if the request is not valid, which [`validate`] explains.
    pub fn columns(&self, query: &str, today: &str) -> Option<Vec<f64>> {
        let request = metrics_request(query, today).ok()?;
        Some(metrics_columns(&self.metrics(&request), &request))
    }

    fn metrics(&self, request: &MetricsRequest) -> MetricsResponse {
        self.tally.get_or_init(|| self.organization.table()).evaluate(request)
    }
}

fn metrics_columns(answer: &MetricsResponse, request: &MetricsRequest) -> Vec<f64> {
    const DAY: f64 = 86_400_000.0;
    let rows = &answer.results;
    let first = rows.iter().map(|row| f64::from(row.period_start_date.unwrap_or(request.start).number()) * DAY);
    let figures: [fn(&metrics::MetricsRow) -> Tenths; 4] =
        [|row| row.active_days, |row| row.commit_count, |row| row.total_impact, |row| row.total_efficiency];
    let figures = figures.into_iter().flat_map(|figure| rows.iter().map(move |row| figure(row).0 as f64 / 10.0));
    first.chain(figures).collect()
}

/// Reads rows from text that comes in pieces: NDJSON, lists, v3 pages.
#[wasm_bindgen]
pub struct Reader {
    resource: &'static Resource,
    splitter: RowSplitter,
    organization: Organization,
    /// Of commits, the fast way.
    commits: Option<Box<CommitReader>>,
    rows: Option<NewRows>,
}

#[wasm_bindgen]
impl Reader {
    /// Where the next piece is written, of so many bytes.
    pub fn room(&mut self, size: usize) -> *const u8 {
        self.splitter.buffer(size).as_ptr()
    }

    /// Reads the next piece, which was written into [`room`](Self::room); a row may end in a later one.
    ///
    /// The answer is `None`, or what is wrong with the first bad row, as
    /// `{"resource":"commits","index":1,"field":"id","error":"is required"}`; then nothing more can be pushed.
    pub fn push(&mut self, length: usize) -> Option<String> {
        let Reader { resource, splitter, organization, commits, rows } = self;
        let pushed = splitter.read(length, &mut |row| {
            let (text, length) = match row {
                RowText::Head(text) => {
                    let read = commits.as_mut().and_then(|reader| reader.read(text, &mut organization.commits));
                    let Some(length) = read else { return Ok(None) };
                    (text.get(..length).unwrap_or_default(), length)
                }
                RowText::Whole(text) => {
                    organization.read_text(resource, text)?;
                    (text.as_bytes(), text.len())
                }
            };
            if let Some(rows) = rows {
                rows.add(text)?;
            }
            Ok(Some(length))
        });
        pushed.err().map(|error| refusal(self.resource, self.splitter.rows(), &error))
    }

    /// How many rows were read.
    #[wasm_bindgen(getter)]
    pub fn rows(&self) -> usize {
        self.splitter.rows()
    }
}

fn report(pages: &ReadReport) -> String {
    let mut report = format!("{{\"rows\":{},\"next\":", pages.rows);
    match &pages.next {
        Some(next) => write_text(next, &mut report),
        None => report.push_str("null"),
    }
    if let Some(count) = pages.count {
        report.push_str(&format!(",\"count\":{count}"));
    }
    report.push('}');
    report
}

fn refusal(resource: &Resource, index: usize, error: &RowError) -> String {
    let mut refusal = format!("{{\"resource\":\"{}\",\"index\":{index},\"field\":", resource.name);
    match &error.field {
        Some(field) => write_text(field, &mut refusal),
        None => refusal.push_str("null"),
    }
    refusal.push_str(",\"error\":");
    write_text(&error.message, &mut refusal);
    refusal.push('}');
    refusal
}
