//! The npm package `streamgage`: the core for JavaScript.
//!
//! Parameters and rows come in through serde-wasm-bindgen, so the same schema reads JavaScript's objects as reads the
//! lines of a dump; answers go out as plain objects. Nothing is thrown: each function returns a tagged union.

mod rows;
mod types;

use js_sys::Reflect;
use rows::BadRow;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use streamgage::calendar::Day;
use streamgage::metrics::{self, Answer};
use streamgage::query::{Errors, MetricsRequest};
use wasm_bindgen::prelude::*;

/// Checks the query string of a metrics request as the API does.
///
/// `today` is the UTC date that "3 years prior to now" counts from, as `YYYY-MM-DD`.
#[wasm_bindgen(js_name = validateMetricsQuery, unchecked_return_type = "Validation")]
pub fn validate_metrics_query(query: &str, today: &str) -> JsValue {
    to_js(&match parse(query, today) {
        Ok(_) => Validation { ok: true, errors: None },
        Err(errors) => Validation { ok: false, errors: Some(errors) },
    })
}

/// Answers a metrics request over an organization's rows, as the API gives them.
///
/// Reads all rows each time: to ask more than once, [`read_table`] once.
#[wasm_bindgen(js_name = periodMetrics, unchecked_return_type = "MetricsResult")]
pub fn period_metrics(
    query: &str,
    today: &str,
    #[wasm_bindgen(unchecked_param_type = "Organization")] organization: &JsValue,
) -> JsValue {
    match rows::read(organization) {
        Ok(organization) => Table(organization.table()).period_metrics(query, today),
        Err(row) => to_js(&Refused { ok: false, row }),
    }
}

/// Reads an organization's rows into a table that can be asked again and again.
#[wasm_bindgen(js_name = readTable, unchecked_return_type = "TableResult")]
pub fn read_table(#[wasm_bindgen(unchecked_param_type = "Organization")] organization: &JsValue) -> JsValue {
    match rows::read(organization) {
        Ok(organization) => {
            let read = to_js(&Validation { ok: true, errors: None });
            // The object is ours and takes any property.
            let _ = Reflect::set(&read, &JsValue::from_str("table"), &Table(organization.table()).into());
            read
        }
        Err(row) => to_js(&Refused { ok: false, row }),
    }
}

/// What counts of an organization's commits, in wasm's memory until it is freed.
#[wasm_bindgen]
pub struct Table(metrics::Table);

#[wasm_bindgen]
impl Table {
    /// Answers a metrics request.
    #[wasm_bindgen(js_name = periodMetrics, unchecked_return_type = "MetricsResult")]
    pub fn period_metrics(&self, query: &str, today: &str) -> JsValue {
        match parse(query, today) {
            Ok(request) => to_js(&Answered { ok: true, answer: self.0.answer(&request) }),
            Err(errors) => to_js(&Validation { ok: false, errors: Some(errors) }),
        }
    }
}

fn parse(query: &str, today: &str) -> Result<MetricsRequest, Errors> {
    let query = query.strip_prefix('?').unwrap_or(query);
    // A "today" that is no date lets every start be too old, which says where to look.
    let today = Day::parse(today).unwrap_or(Day::from_number(i32::MAX));
    MetricsRequest::parse(query, today)
}

#[derive(Serialize)]
struct Validation {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Errors>,
}

#[derive(Serialize)]
struct Answered {
    ok: bool,
    answer: Answer,
}

#[derive(Serialize)]
struct Refused {
    ok: bool,
    row: BadRow,
}

fn to_js(value: &impl Serialize) -> JsValue {
    // Plain objects and numbers of these types always have a form in JavaScript.
    value.serialize(&Serializer::json_compatible()).unwrap_or(JsValue::UNDEFINED)
}
