//! The core for JavaScript. `browser/js` makes the npm package `streamgage` of it.
//!
//! What crosses over is text and bytes: rows come in as JSON that JavaScript never takes apart, and answers go out as
//! the API's own bodies, which `JSON.parse` makes objects of faster than calls back into JavaScript could.

mod lists;

use core::cell::OnceCell;
use lists::{Lists, NewRows};
use streamgage::calendar::Day;
use streamgage::json::write_text;
use streamgage::metrics::{self, Organization};
use streamgage::query::{AggregateRequest, Endpoint, ListRequest, MetricsRequest, Route, route};
use streamgage::schema::{Pages, Resource, RowError, Splitter, resource};
use wasm_bindgen::prelude::*;

/// What a path and its query are answered with: a status of three digits, and behind it the body.
///
/// `today` is the UTC date that counts as today, `YYYY-MM-DD`. Without rows it is a validation: what is valid is
/// answered with the status 200 alone.
#[wasm_bindgen]
pub fn validate(path: &str, query: &str, today: &str) -> String {
    match Request::parse(path, query, today) {
        Ok(_) => "200".to_owned(),
        Err(refusal) => refusal,
    }
}

enum Request {
    Metrics(MetricsRequest),
    List(ListRequest),
    Object(ListRequest, i64),
    Aggregate(AggregateRequest),
}

impl Request {
    fn parse(path: &str, query: &str, today: &str) -> Result<Request, String> {
        let query = query.strip_prefix('?').unwrap_or(query);
        let parsed = match route(path) {
            // A "today" that is no date lets every start be too old, which says where to look.
            Route::Endpoint(Endpoint::Metrics) => {
                MetricsRequest::parse(query, Day::parse(today).unwrap_or(Day::from_number(i32::MAX)))
                    .map(Request::Metrics)
            }
            Route::Endpoint(Endpoint::List(resource)) => ListRequest::parse(resource, query).map(Request::List),
            Route::Endpoint(Endpoint::Object(resource, id)) => {
                ListRequest::parse(resource, query).map(|request| Request::Object(request, id))
            }
            Route::Endpoint(Endpoint::Aggregate) => AggregateRequest::parse(query).map(Request::Aggregate),
            Route::Redirect(_) | Route::NotFound => return Err(not_found()),
        };
        parsed.map_err(|errors| {
            let mut refusal = String::from("400");
            errors.write_json(&mut refusal);
            refusal
        })
    }
}

fn not_found() -> String {
    "404{\"detail\":\"Not found.\"}".to_owned()
}

/// An organization's rows, in wasm's memory until it is freed.
#[wasm_bindgen]
#[derive(Default)]
pub struct Table {
    organization: Organization,
    /// What counts of it, since it was last asked.
    tally: OnceCell<metrics::Table>,
    lists: Option<Lists>,
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
        let rows = self.lists.is_some().then(|| NewRows::new(resource));
        Some(Reader { resource, splitter: Splitter::default(), organization: Organization::default(), rows })
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
                if let (Some(lists), Some(rows)) = (&mut self.lists, reader.rows) {
                    lists.append(rows);
                }
                report(&pages)
            }
            Err(error) => refusal(reader.resource, at, &error),
        }
    }

    /// Answers a request, as [`validate`] does it; `address` is what links to other pages begin with. Lists of a table
    /// that keeps no rows are answered with `501`.
    pub fn answer(&self, path: &str, query: &str, today: &str, address: &str) -> String {
        // Whether an object is there is told before what is wrong with the request (§3).
        if let (Some(lists), Route::Endpoint(Endpoint::Object(resource, id))) = (&self.lists, route(path))
            && !lists.has(resource, id)
        {
            return not_found();
        }
        let request = match Request::parse(path, query, today) {
            Ok(request) => request,
            Err(refusal) => return refusal,
        };
        let query = query.strip_prefix('?').unwrap_or(query);
        let address = format!("{address}{path}");
        match (request, &self.lists) {
            (Request::Metrics(request), _) => {
                let tally = self.tally.get_or_init(|| self.organization.clone().table());
                format!("200{}", tally.answer(&request))
            }
            (Request::List(request), Some(lists)) => lists.list(&request, &address, query),
            (Request::Object(request, id), Some(lists)) => lists.object(&request, id),
            (Request::Aggregate(request), Some(lists)) => lists.aggregate(&request, &address, query),
            (_, None) => "501".to_owned(),
        }
    }
}

/// Reads rows from text that comes in pieces: NDJSON, lists, v3 pages.
#[wasm_bindgen]
pub struct Reader {
    resource: &'static Resource,
    splitter: Splitter,
    organization: Organization,
    rows: Option<NewRows>,
}

#[wasm_bindgen]
impl Reader {
    /// Reads the next piece; a row may end in a later one.
    ///
    /// The answer is `None`, or what is wrong with the first bad row, as
    /// `{"resource":"commits","index":1,"field":"id","error":"is required"}`; then nothing more can be pushed.
    pub fn push(&mut self, piece: &[u8]) -> Option<String> {
        let Reader { resource, splitter, organization, rows } = self;
        let pushed = splitter.push(piece, &mut |text| {
            organization.read_text(resource, text)?;
            if let Some(rows) = rows {
                rows.add(text)?;
            }
            Ok(())
        });
        pushed.err().map(|error| refusal(self.resource, self.splitter.rows(), &error))
    }

    /// How many rows were read.
    #[wasm_bindgen(getter)]
    pub fn rows(&self) -> usize {
        self.splitter.rows()
    }
}

fn report(pages: &Pages) -> String {
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
