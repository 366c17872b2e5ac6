//! Answers of v3 requests over a dump.

use crate::dump::Dump;
use crate::error::CliError;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use streamgage::calendar::Day;
use streamgage::evaluate::{self, AggregateResult, RowTexts, RowsBuilder, Store};
use streamgage::json;
use streamgage::metrics::MetricsTable;
use streamgage::query::{AggregateRequest, Endpoint, ListRequest, MetricsRequest, Route, route};
use streamgage::schema::Resource;

#[derive(Debug, Serialize)]
pub struct Response {
    status: u16,
    body: Box<RawValue>,
}

impl Response {
    fn new(status: u16, body: &impl Serialize) -> Result<Response, CliError> {
        let body = serde_json::value::to_raw_value(body);
        Ok(Response { status, body: body.map_err(|error| CliError::Failed(error.to_string()))? })
    }

    fn from_json(status: u16, body: String) -> Result<Response, CliError> {
        let body = RawValue::from_string(body).map_err(|error| CliError::Failed(error.to_string()))?;
        Ok(Response { status, body })
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

/// A dump in memory, as far as requests need it.
pub struct Answerer {
    dump: Dump,
    table: MetricsTable,
    today: Day,
    base: String,
    lists: Lists,
}

impl Answerer {
    /// `base` is the start of links for requests without an origin.
    pub fn new(dump: Dump, table: MetricsTable, today: Day, base: &str) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Answerer { dump, table, today, base, lists: Lists::default() }
    }

    /// Answers a request: a path with a query, or a whole URL.
    pub fn answer(&mut self, request: &str) -> Result<Response, CliError> {
        let (origin, request) = split_origin(&self.base, request);
        let (path, query) = request.split_once('?').unwrap_or((request, ""));
        let address = format!("{}{path}", origin.unwrap_or(&self.base));
        match route(path) {
            Route::Endpoint(Endpoint::Metrics) => match MetricsRequest::parse(query, self.today) {
                Ok(request) => Response::from_json(200, json::to_string(&self.table.evaluate(&request))),
                Err(errors) => Response::new(400, &errors),
            },
            Route::Endpoint(Endpoint::List(resource)) => self.list(resource, &address, query),
            Route::Endpoint(Endpoint::Object(resource, id)) => self.object(resource, id, query),
            Route::Endpoint(Endpoint::Aggregate) => self.aggregate(&address, query),
            Route::Redirect(_) => Response::new(301, &()),
            Route::NotFound => not_found(),
        }
    }

    fn aggregate(&mut self, address: &str, query: &str) -> Result<Response, CliError> {
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
    ) -> Result<Response, CliError> {
        let next = request.page.next(count, address, query);
        let previous = request.page.previous(address, query);
        Response::new(200, &Envelope { count, next, previous, results })
    }

    fn list(&mut self, resource: &'static Resource, address: &str, query: &str) -> Result<Response, CliError> {
        let request = match ListRequest::parse(resource, query) {
            Ok(request) => request,
            Err(errors) => return Response::new(400, &errors),
        };
        self.lists.read(&self.dump, &evaluate::required_resources(&request))?;
        match evaluate::list_body(&request, &self.lists.store, &self.lists.texts, address, query) {
            Some(body) => Response::from_json(200, body),
            None => Response::new(404, &Detail { detail: "Invalid page." }),
        }
    }

    /// Looks up an object among the rows that match the filters. An unknown id takes precedence over invalid filters (§3).
    fn object(&mut self, resource: &'static Resource, id: i64, query: &str) -> Result<Response, CliError> {
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
                evaluate::write_row(&request, &self.lists.store, &self.lists.texts, place, &mut body);
                Response::from_json(200, body)
            }
            None => not_found(),
        }
    }
}

/// Splits a request into its origin and its target. The origin is `None` if it is `base` or missing.
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

fn not_found() -> Result<Response, CliError> {
    Response::new(404, &Detail { detail: "Not found." })
}

/// The resources that have been read for lists.
#[derive(Default)]
struct Lists {
    store: Store,
    texts: Texts,
}

/// The JSON texts of the rows of each resource, by their positions in the store.
#[derive(Default)]
struct Texts(BTreeMap<&'static str, Vec<Box<str>>>);

impl RowTexts for Texts {
    fn row_text(&self, resource: &Resource, place: usize) -> &str {
        self.0.get(resource.name).and_then(|texts| texts.get(place)).map_or("{}", |text| text)
    }
}

impl Lists {
    /// Reads the resources that have not been read yet.
    fn read(&mut self, dump: &Dump, resources: &[&'static Resource]) -> Result<(), CliError> {
        for &resource in resources {
            if self.texts.0.contains_key(resource.name) {
                continue;
            }
            let mut rows = RowsBuilder::new(resource);
            let mut texts: Vec<Box<str>> = Vec::new();
            dump.for_each_line(resource, |line| {
                // `Dump::organization` has checked all rows.
                rows.add_text(line.text)
                    .map_err(|error| CliError::Input(format!("the dump changed while it was read: {error}")))?;
                texts.push(line.text.into());
                Ok(())
            })?;
            self.store.insert(rows.build());
            self.texts.0.insert(resource.name, texts);
        }
        Ok(())
    }
}
