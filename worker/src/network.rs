//! The upstream, over the network: one request, read whole, within a time and a length.

use js_sys::{Array, Date, Function, Math, Promise, Reflect, Uint8Array};
use streamgage_edge::proxy::{
    Headers, MAX_RESPONSE_BYTES, Transport, TransportError, UpstreamRequest, UpstreamResponse,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// The network, the clock and chance.
#[derive(Clone, Copy)]
pub struct Network;

impl Transport for Network {
    fn now(&self) -> i64 {
        // Whole milliseconds, in doubles exact.
        Date::now() as i64
    }

    fn random(&self) -> f64 {
        Math::random()
    }

    async fn sleep(&self, milliseconds: u32) {
        let promise = Promise::new(&mut |resolve: Function, _| {
            if let Err(error) = set_timeout(&resolve, milliseconds) {
                // A wait that fails is none.
                let _ = resolve.call1(&JsValue::NULL, &error);
            }
        });
        // It never rejects.
        let _ = JsFuture::from(promise).await;
    }

    async fn get(&self, request: UpstreamRequest, limit: u32) -> Result<UpstreamResponse, TransportError> {
        send(request, limit)
            .await
            .map_err(|error| if is_timeout(&error) { TransportError::Timeout } else { TransportError::Connection })?
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout, catch)]
    fn set_timeout(then: &Function, milliseconds: u32) -> Result<JsValue, JsValue>;
}

fn global() -> web_sys::WorkerGlobalScope {
    js_sys::global().unchecked_into()
}

async fn send(request: UpstreamRequest, limit: u32) -> Result<Result<UpstreamResponse, TransportError>, JsValue> {
    let sent_at = Network.now();
    let headers = web_sys::Headers::new()?;
    for (name, value) in &request.headers {
        headers.append(name, value)?;
    }
    let init = web_sys::RequestInit::new();
    init.set_headers(&headers);
    init.set_redirect(web_sys::RequestRedirect::Manual);
    // The platform's own cache knows nothing of keys.
    init.set_cache(web_sys::RequestCache::NoStore);
    init.set_signal(Some(&web_sys::AbortSignal::timeout_with_u32(limit)));
    let promise = global().fetch_with_str_and_init(&request.address, &init);
    let response: web_sys::Response = JsFuture::from(promise).await?.unchecked_into();
    let Some(body) = read(response.body(), MAX_RESPONSE_BYTES).await? else { return Ok(Err(TransportError::TooLarge)) };
    Ok(Ok(UpstreamResponse {
        sent_at,
        status: response.status(),
        headers: Headers::new(pairs(&response.headers())),
        body,
    }))
}

fn pairs(headers: &web_sys::Headers) -> impl Iterator<Item = (String, String)> {
    Array::from(headers).into_iter().map(|pair| {
        let pair: Array = pair.unchecked_into();
        let text = |index| pair.get(index).as_string().unwrap_or_default();
        (text(0), text(1))
    })
}

fn is_timeout(error: &JsValue) -> bool {
    let name = Reflect::get(error, &"name".into()).ok().and_then(|name| name.as_string());
    matches!(name.as_deref(), Some("TimeoutError" | "AbortError"))
}

/// Reads a stream; `None` where it is longer than the limit, as soon as that shows.
pub async fn read(stream: Option<web_sys::ReadableStream>, limit: usize) -> Result<Option<Vec<u8>>, JsValue> {
    let mut bytes = Vec::new();
    let Some(stream) = stream else { return Ok(Some(bytes)) };
    let reader: web_sys::ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    loop {
        let step = JsFuture::from(reader.read()).await?;
        if Reflect::get(&step, &"done".into())?.is_truthy() {
            return Ok(Some(bytes));
        }
        let chunk: Uint8Array = Reflect::get(&step, &"value".into())?.unchecked_into();
        let length = bytes.len();
        if length + chunk.length() as usize > limit {
            // The sender learns it; whether the stream took the cancellation matters to no one.
            let _ = reader.cancel();
            return Ok(None);
        }
        bytes.resize(length + chunk.length() as usize, 0);
        if let Some(place) = bytes.get_mut(length..) {
            chunk.copy_to(place);
        }
    }
}
