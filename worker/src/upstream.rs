//! Requests to the upstream.

use crate::clock::now;
use crate::exchange::log;
use crate::response::{self, Body};
use std::rc::Rc;
use std::time::Duration;
use streamgage_edge::Event;
use streamgage_edge::proxy::{
    Headers, MAX_RESPONSE_BYTES, Transport, TransportError, UpstreamRequest, UpstreamResponse,
};
use worker::js_sys::Math;
use worker::{AbortSignal, CacheMode, Delay, Error, Fetch, Request, RequestInit, RequestRedirect, Result, web_sys};

/// The network, the clock and random numbers.
#[derive(Clone, Copy)]
pub struct FetchTransport;

impl Transport for FetchTransport {
    fn now(&self) -> i64 {
        now()
    }

    fn random(&self) -> f64 {
        Math::random()
    }

    async fn sleep(&self, milliseconds: u32) {
        Delay::from(Duration::from_millis(milliseconds.into())).await;
    }

    fn log(&self, request_id: Option<&str>, event: &Event) {
        log(request_id, event);
    }

    async fn get(&self, request: UpstreamRequest, limit: u32) -> std::result::Result<UpstreamResponse, TransportError> {
        match send(request, limit).await {
            Ok(response) => response,
            Err(error) if response::is_busy(&error) => Err(TransportError::Busy),
            Err(error) if is_timeout(&error) => Err(TransportError::Timeout),
            Err(_) => Err(TransportError::Connection),
        }
    }
}

/// The time that a body of the upstream waits for memory, in milliseconds.
const PATIENCE: u32 = 2_000;

/// Returns a signal that aborts a request. `worker` has no signal with a timeout.
fn timeout(milliseconds: u32) -> web_sys::AbortSignal {
    web_sys::AbortSignal::timeout_with_u32(milliseconds)
}

async fn send(request: UpstreamRequest, limit: u32) -> Result<std::result::Result<UpstreamResponse, TransportError>> {
    let sent_at = now();
    let mut init = RequestInit::new();
    // The platform's own cache does not separate keys.
    init.with_redirect(RequestRedirect::Manual).with_cache(CacheMode::NoStore);
    for (name, value) in &request.headers {
        init.headers.append(name, value)?;
    }
    let outgoing = Fetch::Request(Request::new_with_init(&request.address, &init)?);
    let response = outgoing.send_with_signal(&AbortSignal::from(timeout(limit))).await?;
    let status = response.status_code();
    let headers = Headers::new(response.headers().entries());
    let (_, body) = response.into_parts();
    // The length of a compressed body is less than that of its content.
    let body = Body::from(body).with_length(headers.value("content-length").map(str::to_owned));
    let body = response::read(body, MAX_RESPONSE_BYTES, PATIENCE).await?.map(Rc::unwrap_or_clone);
    Ok(body.map(|body| UpstreamResponse { sent_at, status, headers, body }).ok_or(TransportError::TooLarge))
}

fn is_timeout(error: &Error) -> bool {
    let Error::UnknownJsError { name: Some(name), .. } = error else { return false };
    matches!(name.as_str(), "TimeoutError" | "AbortError")
}
