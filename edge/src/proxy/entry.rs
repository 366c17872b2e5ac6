//! An answer of the upstream, as it is kept: what there is to know of it, beside its bytes.

use super::cache_key::CacheKey;
use super::deadlines::{Deadlines, deadlines};
use super::headers::Headers;
use super::links::{Link, find_links};
use crate::cache::Times;
use crate::codec::as_list;
use crate::http::authorize::short_hash;

/// An answer but for its bytes, which stay as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// The status.
    pub status: u16,
    /// The headers that pass.
    pub headers: Vec<(String, String)>,
    /// Names the bytes, as `ETag` does, without quotes.
    pub tag: String,
    /// The links to the upstream in them.
    pub links: Vec<Link>,
    /// What the upstream can be asked by whether they are still the same.
    pub validators: Validators,
    /// How long they serve; `None` if they are not to be kept.
    pub deadlines: Option<Deadlines>,
}

as_list!(CacheEntry { status, headers, tag, links, validators, deadlines });

/// `If-None-Match` and `If-Modified-Since`, as they go to the upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// The upstream's `ETag`.
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    pub last_modified: Option<String>,
}

as_list!(Validators { etag, last_modified });

impl CacheEntry {
    /// Reads a good answer, which is whole JSON text.
    ///
    /// # Errors
    /// It isn't.
    pub fn read(
        asked: &CacheKey,
        upstream: &str,
        status: u16,
        headers: &Headers,
        body: &[u8],
        times: Times,
    ) -> Result<CacheEntry, InvalidJsonError> {
        let text = std::str::from_utf8(body).ok().filter(|_| headers.is_json()).ok_or(InvalidJsonError)?;
        Ok(CacheEntry {
            status,
            headers: headers.passed(),
            tag: short_hash(body),
            links: find_links(text, upstream).map_err(|_| InvalidJsonError)?,
            validators: Validators::of(headers),
            deadlines: deadlines(asked, headers, times).filter(|_| status == 200),
        })
    }

    /// Metrics that were put together here, which is JSON text without links.
    pub fn assembled(body: &[u8], deadlines: Deadlines) -> CacheEntry {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        CacheEntry { deadlines: Some(deadlines), ..CacheEntry::own(200, headers, body) }
    }

    /// An answer of the proxy's own, which is not kept.
    pub fn own(status: u16, headers: Vec<(String, String)>, body: &[u8]) -> CacheEntry {
        CacheEntry {
            status,
            headers,
            tag: short_hash(body),
            links: Vec::new(),
            validators: Validators::default(),
            deadlines: None,
        }
    }

    /// What a 304 leaves of it: the same bytes, with the new headers and times.
    #[must_use]
    pub fn confirmed(&self, asked: &CacheKey, headers: &Headers, times: Times) -> CacheEntry {
        let mut entry = self.clone();
        for (name, value) in headers.passed() {
            if name != "content-type" {
                entry.headers.retain(|(known, _)| *known != name);
                entry.headers.push((name, value));
            }
        }
        let validators = Validators::of(headers);
        entry.validators.etag = validators.etag.or(entry.validators.etag);
        entry.validators.last_modified = validators.last_modified.or(entry.validators.last_modified);
        entry.deadlines = deadlines(asked, headers, times);
        entry
    }
}

impl Validators {
    fn of(headers: &Headers) -> Validators {
        let value = |name| headers.value(name).map(str::to_owned);
        Validators { etag: value("etag"), last_modified: value("last-modified") }
    }
}

/// A body that isn't JSON, or isn't declared to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidJsonError;
