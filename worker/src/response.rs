//! Responses to callers, and bodies.

use crate::clock::now;
use futures_util::TryStreamExt;
use serde_json::{Map, Value, json};
use std::rc::Rc;
use std::time::Duration;
use streamgage_edge::proxy::{ByteBudget, MAX_UNCOUNTED_BYTES, Reservation, ReservedBody};
use worker::js_sys::{JSON, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::{ReadableStream, Response, ResponseInit};
use worker::{ByteStream, Delay, Error, ResponseBody, Result};

/// A body in memory, or a stream that can be read once.
#[derive(Clone)]
pub enum Body {
    Empty,
    Text(String),
    Bytes(Rc<ReservedBody>),
    /// A stream, and its length if that is known, or else 0.
    Stream(ReadableStream, usize),
}

/// The length from which a text crosses into JavaScript faster as bytes than as a string.
const LONG_TEXT: usize = 2_000;

impl From<String> for Body {
    fn from(text: String) -> Body {
        match text.len() {
            0 => Body::Empty,
            1..LONG_TEXT => Body::Text(text),
            _ => text.into_bytes().into(),
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        let reservation = count(bytes.len());
        ReservedBody::new(bytes, reservation).into()
    }
}

impl From<ReservedBody> for Body {
    fn from(body: ReservedBody) -> Body {
        if body.is_empty() { Body::Empty } else { Body::Bytes(Rc::new(body)) }
    }
}

impl From<Rc<ReservedBody>> for Body {
    fn from(body: Rc<ReservedBody>) -> Body {
        if body.is_empty() { Body::Empty } else { Body::Bytes(body) }
    }
}

impl Body {
    /// Adds the length that the sender of a stream states.
    #[must_use]
    pub fn with_length(self, length: Option<String>) -> Body {
        match self {
            Body::Stream(stream, _) => Body::Stream(stream, length.and_then(|text| text.parse().ok()).unwrap_or(0)),
            body => body,
        }
    }
}

impl From<ResponseBody> for Body {
    fn from(body: ResponseBody) -> Body {
        match body {
            ResponseBody::Empty => Body::Empty,
            ResponseBody::Body(bytes) => bytes.into(),
            ResponseBody::Stream(stream) => Body::Stream(stream, 0),
        }
    }
}

/// Builds a response. No header name may occur twice. A long body is copied chunk by chunk, as it is read.
///
/// All headers cross into JavaScript in one text. With `worker::ResponseBuilder`, which takes one call for each header,
/// the row "refusals" of the proxy benchmark is 20 % lower.
pub fn build(status: u16, headers: &[(impl AsRef<str>, impl AsRef<str>)], body: &Body) -> Result<Response> {
    match body {
        Body::Bytes(bytes) if bytes.len() > MAX_UNCOUNTED_BYTES => {
            build_copied(status, headers, &Body::Stream(stream(bytes), bytes.len()))
        }
        _ => build_copied(status, headers, body),
    }
}

/// Builds a response with a copy of the body, whose length is then known.
pub fn build_copied(status: u16, headers: &[(impl AsRef<str>, impl AsRef<str>)], body: &Body) -> Result<Response> {
    let headers: Map<String, Value> =
        headers.iter().map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().into())).collect();
    let init = JSON::parse(&json!({ "status": status, "headers": headers }).to_string())?;
    let init: &ResponseInit = init.unchecked_ref();
    let response = match body {
        Body::Text(text) => Response::new_with_opt_str_and_init(Some(text), init),
        Body::Bytes(bytes) => Response::new_with_opt_buffer_source_and_init(Some(&Uint8Array::from(&***bytes)), init),
        Body::Stream(stream, _) => Response::new_with_opt_readable_stream_and_init(Some(stream), init),
        Body::Empty => Response::new_with_opt_str_and_init(None, init),
    };
    response.map_err(Error::from)
}

/// Reads a body of at most `limit` bytes, and returns `None` as soon as it is longer.
///
/// # Errors
/// Returns an error for which [`is_busy`] is true if other bodies take the memory for `patience` milliseconds.
pub async fn read(body: Body, limit: usize, patience: u32) -> Result<Option<Rc<ReservedBody>>> {
    let body = match body {
        Body::Empty => Rc::default(),
        Body::Text(text) => Rc::new(text.into_bytes().into()),
        Body::Bytes(body) => body,
        Body::Stream(stream, length) if length > limit => {
            drop(stream.cancel());
            return Ok(None);
        }
        Body::Stream(stream, length) => {
            let reservation = reserve(length, patience).await.inspect_err(|_| drop(stream.cancel()))?;
            return Ok(read_stream(stream.into(), limit, reservation, length).await?.map(Rc::new));
        }
    };
    Ok(Some(body).filter(|body| body.len() <= limit))
}

async fn read_stream(
    mut stream: ByteStream,
    limit: usize,
    mut reservation: Reservation,
    mut reserved: usize,
) -> Result<Option<ReservedBody>> {
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(chunk) = stream.try_next().await? {
        let length = bytes.len() + chunk.len();
        if length > limit {
            return Ok(None);
        }
        if length > reserved {
            reserved = length;
            let grown = BYTE_BUDGET.with(|budget| budget.replace(&reservation, reserved, now()));
            reservation = grown.ok_or_else(|| Error::from(BUSY))?;
        }
        // Doubling would take twice the memory.
        if length > bytes.capacity() {
            bytes.reserve_exact(bytes.len().min(MAX_GROWTH).max(chunk.len()));
        }
        bytes.extend_from_slice(&chunk);
    }
    let reservation = BYTE_BUDGET.with(|budget| budget.replace(&reservation, bytes.len(), now()));
    Ok(Some(ReservedBody::new(bytes, reservation.unwrap_or_default())))
}

/// Waits until memory is free.
async fn reserve(bytes: usize, patience: u32) -> Result<Reservation> {
    let end = now().saturating_add(patience.into());
    loop {
        if let Some(reservation) = BYTE_BUDGET.with(|budget| budget.reserve(bytes, now())) {
            return Ok(reservation);
        }
        if now() >= end {
            return Err(Error::from(BUSY));
        }
        Delay::from(RESERVATION_INTERVAL).await;
    }
}

/// Counts memory that a body takes already.
pub fn count(bytes: usize) -> Reservation {
    BYTE_BUDGET.with(|budget| budget.count(bytes, now()))
}

/// The message of the error for a body that finds no memory.
const BUSY: &str = "other bodies take the memory";
/// The time between two attempts to reserve memory.
const RESERVATION_INTERVAL: Duration = Duration::from_millis(50);
/// The number of bytes by which a long body grows.
const MAX_GROWTH: usize = 4 << 20;
/// The length of the chunks in which a long body is sent.
const CHUNK_BYTES: usize = 256 << 10;

thread_local! {
    static BYTE_BUDGET: ByteBudget = ByteBudget::default();
}

/// Returns a stream that holds the memory of a body until the last chunk is taken, or its reader goes away.
fn stream(body: &Rc<ReservedBody>) -> ReadableStream {
    let chunks = futures_util::stream::unfold((Rc::clone(body), 0), |(body, start)| async move {
        let end = body.len().min(start + CHUNK_BYTES);
        let chunk = body.get(start..end).filter(|chunk| !chunk.is_empty())?;
        let chunk = match body.is_revoked() {
            true => Err(JsValue::from_str("the reader is too slow")),
            false => Ok(Uint8Array::from(chunk).into()),
        };
        Some((chunk, (body, end)))
    });
    wasm_streams::ReadableStream::from_stream(chunks).into_raw()
}

pub fn is_busy(error: &Error) -> bool {
    matches!(error, Error::RustError(message) if message == BUSY)
}

/// Escapes the characters of JSON text that a header cannot contain. They occur only in strings.
pub fn escape_non_ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            character.encode_utf16(&mut units).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
        }
    }
    text
}
