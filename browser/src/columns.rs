//! Metrics of commits in typed arrays.

use crate::messages::{Error, MetricsColumns, Request, to_js};
use js_sys::{Uint16Array, Uint32Array};
use streamgage::metrics::{MetricsResponse, tally};
use streamgage::query::MetricsRequest;
use wasm_bindgen::prelude::*;

/// Computes the metrics of commits in arrays of equal length. Filters in the request have no effect.
///
/// # Errors
/// Throws an [`Error`] if a parameter is invalid, or if there are too many users and weeks.
#[wasm_bindgen(js_name = metricsOf, unchecked_return_type = "MetricsAnswer")]
pub fn metrics_of(
    request: &Request,
    users: &Uint16Array,
    days: &Uint16Array,
    haloc: &Uint16Array,
    churn: &Uint16Array,
    impact: &Uint32Array,
) -> Result<JsValue, JsValue> {
    let request = request.metrics()?;
    to_js(&answer(&request, &Columns { users, days, haloc, churn, impact })?)
}

/// Computes the same as [`metrics_of`], with one typed array per figure.
///
/// # Errors
/// Throws an [`Error`] like [`metrics_of`].
#[wasm_bindgen(js_name = metricsColumnsOf, unchecked_return_type = "MetricsColumns")]
pub fn metrics_columns_of(
    request: &Request,
    users: &Uint16Array,
    days: &Uint16Array,
    haloc: &Uint16Array,
    churn: &Uint16Array,
    impact: &Uint32Array,
) -> Result<JsValue, JsValue> {
    let request = request.metrics()?;
    let answer = answer(&request, &Columns { users, days, haloc, churn, impact })?;
    to_js(&MetricsColumns::new(&answer, &request))
}

struct Columns<'a> {
    users: &'a Uint16Array,
    days: &'a Uint16Array,
    haloc: &'a Uint16Array,
    churn: &'a Uint16Array,
    impact: &'a Uint32Array,
}

/// Copies one block at a time into wasm memory, so that the copy fits into the processor's cache.
fn answer(request: &MetricsRequest, columns: &Columns<'_>) -> Result<MetricsResponse, Error> {
    // A column holds the days from 0 to 65,535. A range outside of them contains no commits.
    let first = u16::try_from(request.start.number().max(0));
    let last = u16::try_from(request.end.number().min(u16::MAX.into()));
    let (first, last) = first.ok().zip(last.ok()).unwrap_or((1, 0));
    let mut tally = tally::Tally::new(first, last);

    let [mut users, mut days, mut haloc, mut churn] = [(); 4].map(|()| vec![0u16; tally::BLOCK]);
    let mut impact = vec![0u32; tally::BLOCK];
    let count = columns.impact.length();
    let mut begin = 0;
    while begin < count {
        let end = begin.saturating_add(tally::BLOCK as u32).min(count);
        let length = (end - begin) as usize;
        for (column, block) in [
            (columns.users, &mut users),
            (columns.days, &mut days),
            (columns.haloc, &mut haloc),
            (columns.churn, &mut churn),
        ] {
            block.truncate(length);
            column.subarray(begin, end).copy_to(block);
        }
        impact.truncate(length);
        columns.impact.subarray(begin, end).copy_to(&mut impact);
        let block = tally::Block { users: &users, days: &days, haloc: &haloc, churn: &churn, impact: &impact };
        tally.add(&block).map_err(|_| Error::TooManyCells)?;
        begin = end;
    }
    Ok(MetricsResponse::new(request, &tally.into_sums()))
}
