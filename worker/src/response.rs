//! Responses and bodies of the `worker` crate.

use futures_util::TryStreamExt;
use worker::{ByteStream, Error, Response, ResponseBody, ResponseBuilder, Result};

/// Builds a response. No header name may occur twice.
pub fn build(status: u16, headers: &[(impl AsRef<str>, impl AsRef<str>)], body: ResponseBody) -> Result<Response> {
    // The conversion to a JavaScript response panics on other statuses.
    if !(200..=599).contains(&status) {
        return Err(Error::from(format!("{status} is not the status of a response")));
    }
    let mut builder = ResponseBuilder::new().with_status(status);
    for (name, value) in headers {
        builder = builder.with_header(name.as_ref(), value.as_ref())?;
    }
    Ok(builder.body(if matches!(status, 204 | 304) { ResponseBody::Empty } else { body }))
}

pub fn body(bytes: Vec<u8>) -> ResponseBody {
    if bytes.is_empty() { ResponseBody::Empty } else { ResponseBody::Body(bytes) }
}

/// Reads a body of at most `limit` bytes, and returns `None` as soon as it is longer.
pub async fn read(body: ResponseBody, limit: usize) -> Result<Option<Vec<u8>>> {
    match body {
        ResponseBody::Empty => Ok(Some(Vec::new())),
        ResponseBody::Body(bytes) => Ok(Some(bytes).filter(|bytes| bytes.len() <= limit)),
        ResponseBody::Stream(stream) => read_stream(stream.into(), limit).await,
    }
}

async fn read_stream(mut stream: ByteStream, limit: usize) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.try_next().await? {
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
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
