//! wasm-bindgen bindings of the core. `browser/js` wraps them as the npm package `streamgage`.
//!
//! Requests, results, reports and errors cross the boundary as objects. Rows cross as bytes of JSON text and lists as
//! JSON text, since an object per row is 4 to 7 times slower. The types of all objects are written in `browser/js`.

mod columns;
#[cfg(feature = "lists")]
mod lists;
#[cfg(not(feature = "lists"))]
#[path = "no_lists.rs"]
mod lists;
mod messages;
mod reader;
mod table;

use messages::Error;
pub use messages::Request;
pub use reader::Reader;
use streamgage::query::{Endpoint, METRICS_PARAMETERS, Route, route};
pub use table::Table;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const IMPORTS: &str = r#"
import type { ApiRequest, ApiResponse } from "./request.js";
import type { MetricsAnswer, MetricsColumns } from "./rows.js";
import type { Added } from "./results.js";
"#;

/// Returns the path and query of a link to another page, or `undefined` if it is no link of the API.
#[wasm_bindgen(js_name = linkTarget)]
pub fn link_target(link: &str) -> Option<String> {
    streamgage::query::link_target(link).map(str::to_owned)
}

/// Checks a request without answering it.
///
/// # Errors
/// Throws an [`Error`]. Without the feature `lists`, every request for a list fails with `no-lists`.
#[wasm_bindgen]
pub fn validate(request: &Request) -> Result<(), JsValue> {
    match route(&request.path()) {
        Route::Endpoint(Endpoint::Metrics) => request.metrics().map(drop)?,
        Route::Endpoint(endpoint) => lists::validate(endpoint, &request.query())?,
        Route::Redirect(_) => {}
        Route::NotFound => return Err(Error::NotFound.into()),
    }
    Ok(())
}

/// Returns the names of a path's parameters, separated by spaces. Returns `undefined` if the path is unknown, or if the
/// module has no lists and the path is one of a list.
#[wasm_bindgen(js_name = parameterNames)]
pub fn parameter_names(path: &str) -> Option<String> {
    match route(path) {
        Route::Endpoint(Endpoint::Metrics) => Some(METRICS_PARAMETERS.map(|parameter| parameter.name).join(" ")),
        Route::Endpoint(endpoint) => lists::parameter_names(endpoint),
        Route::Redirect(_) | Route::NotFound => None,
    }
}
