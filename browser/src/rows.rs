//! JavaScript's rows into an organization.

use js_sys::{Array, Reflect};
use serde::Serialize;
use serde_wasm_bindgen::Deserializer;
use streamgage::metrics::{Organization, Record, Records};
use wasm_bindgen::prelude::*;

/// A row that can't be used.
#[derive(Debug, Serialize)]
pub struct BadRow {
    resource: &'static str,
    /// Its place in its array; `None` where that is no array.
    index: Option<u32>,
    field: Option<String>,
    error: String,
}

/// Reads every row of every array.
pub fn read(organization: &JsValue) -> Result<Organization, BadRow> {
    Ok(Organization {
        commits: records(organization)?,
        users: records(organization)?,
        teams: records(organization)?,
        memberships: records(organization)?,
        repos: records(organization)?,
    })
}

fn records<T: Record>(organization: &JsValue) -> Result<Records<T>, BadRow> {
    let resource = T::RESOURCE.name;
    let mut records = Records::default();
    let rows = Reflect::get(organization, &JsValue::from_str(resource)).unwrap_or(JsValue::UNDEFINED);
    if rows.is_null() || rows.is_undefined() {
        return Ok(records);
    }
    if !Array::is_array(&rows) {
        return Err(BadRow { resource, index: None, field: None, error: "must be an array of rows".into() });
    }
    for (index, row) in (0..).zip(Array::from(&rows).iter()) {
        let bad = |error: streamgage::schema::RowError| BadRow {
            resource,
            index: Some(index),
            field: error.field,
            error: error.message,
        };
        records.read(Deserializer::from(row)).map_err(bad)?;
    }
    Ok(records)
}
