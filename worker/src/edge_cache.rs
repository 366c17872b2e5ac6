//! The Cache API of the data centre. Entries may disappear at any time.

use crate::response::{self, Body};
use worker::{Cache, Result};

/// The header that contains the metadata of an entry, so that a body need not be read.
const METADATA: &str = "Streamgage-Metadata";

/// An entry: metadata as JSON text, and a body.
pub struct Entry {
    pub metadata: String,
    pub body: Body,
}

/// Returns the entry with a URL. URLs have an invalid host; only the Worker creates entries.
pub async fn get(url: &str) -> Result<Option<Entry>> {
    let Some(response) = Cache::default().get(url, false).await? else { return Ok(None) };
    let metadata = response.headers().get(METADATA)?.unwrap_or_default();
    let length = response.headers().get("Content-Length")?;
    let (_, body) = response.into_parts();
    Ok(Some(Entry { metadata, body: Body::from(body).with_length(length) }))
}

/// Creates or replaces an entry for at most `seconds`.
pub async fn put(url: &str, entry: Entry, seconds: u32) -> Result<()> {
    let headers =
        [("Cache-Control", format!("max-age={seconds}")), (METADATA, response::escape_non_ascii(&entry.metadata))];
    let length = if let Body::Bytes(body) = &entry.body { body.len() } else { 0 };
    let _copy = response::count(length);
    let response = response::build_copied(200, &headers, &entry.body)?;
    Cache::default().put(url, response.into()).await
}

pub async fn delete(url: &str) -> Result<()> {
    Cache::default().delete(url, false).await.map(drop)
}
