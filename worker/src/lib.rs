//! What the Worker does.
use wasm_bindgen::prelude::*;

/// Answers a request.
#[wasm_bindgen]
pub async fn fetch(request: web_sys::Request, env: worker::Env) -> Result<web_sys::Response, JsValue> {
    let _ = (request, env);
    let response = worker::Response::ok("hello")?;
    Ok(response.into())
}
