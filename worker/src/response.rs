//! Responses, made in one call: a text that crosses over costs more than all that is done with it.

use js_sys::JSON;
use serde::{Serialize, Serializer};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = Response)]
    type Made;

    /// web-sys has a constructor for each kind of body, and none for any.
    #[wasm_bindgen(constructor, catch, js_class = Response)]
    fn new(body: &JsValue, init: &JsValue) -> Result<Made, JsValue>;
}

/// A response with a body of any kind (bytes, a text, a stream, or null). No header may be named twice.
pub fn respond<N: Serialize, V: Serialize>(
    status: u16,
    headers: &[(N, V)],
    body: &JsValue,
) -> Result<web_sys::Response, JsValue> {
    Made::new(body, &JSON::parse(&head(status, headers)?)?).map(JsCast::unchecked_into)
}

/// What a response is made with beside its body, as JSON. No header may be named twice.
pub fn head<N: Serialize, V: Serialize>(status: u16, headers: &[(N, V)]) -> Result<String, JsValue> {
    #[derive(Serialize)]
    struct Head<'a, N: Serialize, V: Serialize> {
        status: u16,
        #[serde(serialize_with = "by_name")]
        headers: &'a [(N, V)],
    }
    Ok(serde_json::to_string(&Head { status, headers }).map_err(JsError::from)?)
}

fn by_name<N: Serialize, V: Serialize, S: Serializer>(headers: &&[(N, V)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(headers.iter().map(|(name, value)| (name, value)))
}
