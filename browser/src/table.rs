//! An organization's rows, and the requests that they answer.

use crate::lists::Lists;
use crate::messages::{Added, Error, MetricsColumns, Request, Response, to_js};
use crate::reader::Reader;
use core::cell::{Cell, OnceCell};
use streamgage::json;
use streamgage::metrics::{CommitReader, MetricsResponse, MetricsTable, Organization};
use streamgage::query::{Endpoint, MetricsRequest, Route, route};
use streamgage::schema::{COMMITS, RowSplitter, resource};
use wasm_bindgen::prelude::*;

/// An organization's rows, in wasm memory until `free` is called.
#[wasm_bindgen]
#[derive(Default)]
pub struct Table {
    organization: Organization,
    /// Contributions of all commits, computed by the first request after rows were added.
    contributions: OnceCell<MetricsTable>,
    lists: Option<Lists>,
    /// The last reader of commits, which has learned the order of their fields.
    commit_reader: Cell<Option<Box<CommitReader>>>,
}

#[wasm_bindgen]
impl Table {
    /// Creates an empty table. With `lists`, it keeps whole rows and answers requests for lists.
    #[wasm_bindgen(constructor)]
    pub fn new(lists: bool) -> Table {
        Table { lists: lists.then(Lists::default), ..Table::default() }
    }

    /// Creates a reader of a resource's rows, or returns `undefined` if the resource is unknown.
    pub fn reader(&self, name: &str) -> Option<Reader> {
        let resource = resource(name)?;
        Some(Reader {
            resource,
            splitter: RowSplitter::default(),
            organization: Organization::default(),
            commits: (resource.name == COMMITS.name).then(|| self.commit_reader.take().unwrap_or_default()),
            new_rows: self.lists.as_ref().and_then(|lists| lists.new_rows(resource)),
        })
    }

    /// Stores the rows of a reader. A later row replaces an earlier one of the same id (§4).
    ///
    /// # Errors
    /// Throws an [`Error`] if the text ends inside a row.
    #[wasm_bindgen(unchecked_return_type = "Added")]
    pub fn add(&mut self, reader: Reader) -> Result<JsValue, JsValue> {
        let index = reader.splitter.rows();
        let pages = reader.splitter.finish().map_err(|error| Error::row(reader.resource, index, error))?;
        self.organization.append(reader.organization);
        self.contributions = OnceCell::new();
        self.commit_reader.set(reader.commits);
        if let (Some(lists), Some(rows)) = (&mut self.lists, reader.new_rows) {
            lists.append(rows);
        }
        to_js(&Added::from(pages))
    }

    /// Answers a metrics request.
    ///
    /// # Errors
    /// Throws an [`Error`] if a parameter is invalid.
    #[wasm_bindgen(unchecked_return_type = "MetricsAnswer")]
    pub fn metrics(&self, request: &Request) -> Result<JsValue, JsValue> {
        let request = request.metrics()?;
        to_js(&self.metrics_answer(&request))
    }

    /// Answers a metrics request with one typed array per figure.
    ///
    /// # Errors
    /// Throws an [`Error`] if a parameter is invalid.
    #[wasm_bindgen(js_name = metricsColumns, unchecked_return_type = "MetricsColumns")]
    pub fn metrics_columns(&self, request: &Request) -> Result<JsValue, JsValue> {
        let request = request.metrics()?;
        to_js(&MetricsColumns::new(&self.metrics_answer(&request), &request))
    }

    /// Answers a request for a list, an object or an aggregate with JSON text.
    ///
    /// # Errors
    /// Throws an [`Error`] if a parameter is invalid, or if the table has no lists.
    pub fn list(&self, request: &Request) -> Result<String, JsValue> {
        match route(&request.path()) {
            Route::Endpoint(endpoint) => Ok(self.list_body(endpoint, request)?),
            Route::Redirect(_) | Route::NotFound => Err(Error::NotFound.into()),
        }
    }

    /// Answers any request with the status and body that the API sends. A request for a list gets the status 501 if the
    /// table has no lists.
    ///
    /// # Errors
    /// Throws if the response cannot be converted.
    #[wasm_bindgen(unchecked_return_type = "ApiResponse")]
    pub fn respond(&self, request: &Request) -> Result<JsValue, JsValue> {
        let answered = match route(&request.path()) {
            Route::Endpoint(Endpoint::Metrics) => {
                request.metrics().map(|request| json::to_string(&self.metrics_answer(&request)))
            }
            Route::Endpoint(endpoint) => self.list_body(endpoint, request),
            Route::Redirect(_) => return to_js(&Response { status: 301, body: String::new() }),
            Route::NotFound => Err(Error::NotFound),
        };
        to_js(&match answered {
            Ok(body) => Response { status: 200, body },
            Err(error) => error.response(),
        })
    }

    fn metrics_answer(&self, request: &MetricsRequest) -> MetricsResponse {
        self.contributions.get_or_init(|| self.organization.table()).evaluate(request)
    }

    fn list_body(&self, endpoint: Endpoint, request: &Request) -> Result<String, Error> {
        let lists = self.lists.as_ref().ok_or(Error::NoLists)?;
        lists.answer(endpoint, &format!("{}{}", request.origin(), request.path()), &request.query())
    }
}
