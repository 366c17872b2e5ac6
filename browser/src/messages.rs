//! Objects that cross the boundary to JavaScript.

use js_sys::Float64Array;
use serde::Serialize;
use serde_wasm_bindgen::{Serializer, preserve};
use streamgage::calendar::Day;
use streamgage::json;
use streamgage::metrics::{MetricsResponse, MetricsRow, Tenths};
use streamgage::query::{MetricsRequest, ValidationErrors};
use streamgage::schema::{ReadReport, Resource, RowError};
use wasm_bindgen::prelude::*;

/// Converts a value to the object that `JSON.parse` would make of its JSON.
pub fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    Ok(value.serialize(&Serializer::json_compatible())?)
}

// Getters instead of `Deserialize`: the error messages of `serde_wasm_bindgen::from_value` format `f64`, and that code adds
// 8.7 KB to the gzipped module, even for one string.
#[wasm_bindgen]
extern "C" {
    /// A request for a path of the API.
    #[wasm_bindgen(typescript_type = "ApiRequest")]
    pub type Request;

    #[wasm_bindgen(method, getter)]
    pub fn path(this: &Request) -> String;

    #[wasm_bindgen(method, getter)]
    pub fn query(this: &Request) -> String;

    /// The UTC date that counts as today.
    #[wasm_bindgen(method, getter)]
    fn today(this: &Request) -> String;

    /// The origin that links to other pages start with.
    #[wasm_bindgen(method, getter)]
    pub fn origin(this: &Request) -> String;
}

impl Request {
    /// Parses the query string as parameters of the metrics.
    pub fn metrics(&self) -> Result<MetricsRequest, Error> {
        let today = Day::parse(&self.today()).ok_or(Error::Request { errors: ParameterErrors::INVALID_TODAY })?;
        Ok(MetricsRequest::parse(&self.query(), today)?)
    }
}

/// An error that JavaScript catches. `browser/js/failures.ts` adds the message for people.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Error {
    Request {
        errors: ParameterErrors,
    },
    Row {
        row: BadRow,
    },
    NotFound,
    /// The list does not have the numbered page.
    InvalidPage,
    /// The table or the module has no lists.
    NoLists,
    /// Typed arrays name too many users and weeks.
    TooManyCells,
}

/// The messages for each invalid parameter.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ParameterErrors {
    Query(ValidationErrors),
    Today { today: [&'static str; 1] },
}

impl ParameterErrors {
    pub const INVALID_TODAY: ParameterErrors =
        ParameterErrors::Today { today: ["Provide a valid date, such as 2026-06-01."] };
}

/// A row that cannot be read.
#[derive(Debug, Serialize)]
pub struct BadRow {
    resource: &'static str,
    index: usize,
    field: Option<String>,
    error: String,
}

impl Error {
    pub fn row(resource: &Resource, index: usize, RowError { field, message, .. }: RowError) -> Error {
        Error::Row { row: BadRow { resource: resource.name, index, field, error: message } }
    }
}

impl Error {
    /// Returns the response that the API sends for this error.
    pub fn response(&self) -> Response {
        let (status, body) = match self {
            Error::Request { errors } => (400, json::to_string(errors)),
            Error::NotFound => (404, r#"{"detail":"Not found."}"#.to_owned()),
            Error::InvalidPage => (404, r#"{"detail":"Invalid page."}"#.to_owned()),
            Error::NoLists | Error::Row { .. } | Error::TooManyCells => (501, String::new()),
        };
        Response { status, body }
    }
}

impl From<ValidationErrors> for Error {
    fn from(errors: ValidationErrors) -> Error {
        Error::Request { errors: ParameterErrors::Query(errors) }
    }
}

impl From<Error> for JsValue {
    fn from(error: Error) -> JsValue {
        to_js(&error).unwrap_or_else(|error| error)
    }
}

/// An HTTP response: the status and the body to the byte.
#[derive(Debug, Serialize)]
pub struct Response {
    pub status: u16,
    pub body: String,
}

/// Rows added to a table and, if they came in a v3 page, what that page says about the other pages.
#[derive(Serialize)]
pub struct Added {
    rows: usize,
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

impl From<ReadReport> for Added {
    fn from(ReadReport { rows, next, count }: ReadReport) -> Added {
        Added { rows, next, count }
    }
}

/// The rows of an answer as one typed array per figure.
#[derive(Serialize)]
pub struct MetricsColumns {
    /// The first millisecond of each row's week, or of the range if the resolution is `period`.
    #[serde(with = "preserve")]
    period_start_date: Float64Array,
    #[serde(with = "preserve")]
    active_days: Float64Array,
    #[serde(with = "preserve")]
    commit_count: Float64Array,
    #[serde(with = "preserve")]
    total_impact: Float64Array,
    #[serde(with = "preserve")]
    total_efficiency: Float64Array,
}

impl MetricsColumns {
    pub fn new(answer: &MetricsResponse, request: &MetricsRequest) -> MetricsColumns {
        const DAY: f64 = 86_400_000.0;
        let column = |number: &dyn Fn(&MetricsRow) -> f64| {
            let numbers: Vec<f64> = answer.results.iter().map(number).collect();
            Float64Array::from(numbers.as_slice())
        };
        let figure = |figure: fn(&MetricsRow) -> Tenths| column(&|row| figure(row).0 as f64 / 10.0);
        MetricsColumns {
            period_start_date: column(&|row| f64::from(row.period_start_date.unwrap_or(request.start).number()) * DAY),
            active_days: figure(|row| row.active_days),
            commit_count: figure(|row| row.commit_count),
            total_impact: figure(|row| row.total_impact),
            total_efficiency: figure(|row| row.total_efficiency),
        }
    }
}
