//! The last stage: the response for a caller.

use super::background_task::BackgroundTask;
use super::entry::CacheEntry;
use super::error::UpstreamError;
use super::handler::ProxyHandler;
use super::links::rewrite_links;
use super::outcome::{CacheOutcome, NO_SECRET, REFUSED};
use super::runtime::Runtime;
use crate::http::authorize::key_hash;
use crate::http::cors::cors_headers;
use crate::http::response::{Response, finalize, is_not_modified};
use std::fmt::Write;

#[derive(Debug)]
pub struct ProxyResponse<B> {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: ResponseBody<B>,
    pub background_tasks: Vec<BackgroundTask<B>>,
}

#[derive(Debug)]
pub enum ResponseBody<B> {
    /// A stored or fetched body, unchanged.
    Stored(B),
    /// A body for this caller.
    Bytes(Vec<u8>),
}

/// A stored or fetched response, before it is adapted to the caller.
pub(super) struct ResolvedResponse<B> {
    pub entry: CacheEntry,
    pub body: B,
    pub outcome: CacheOutcome,
}

impl<R: Runtime> ProxyHandler<'_, R> {
    /// Sets the headers, rewrites links, and answers conditional and `HEAD` requests.
    pub(super) async fn finalize(
        &self,
        response: ResolvedResponse<R::Body>,
        timing: ServerTiming,
    ) -> ProxyResponse<R::Body> {
        let ResolvedResponse { entry, body, outcome } = response;
        let now = self.runtime.now();
        let origin = self.settings.link_origin(&self.request.url);
        // Rewritten links differ between origins.
        let tag = match entry.links.is_empty() {
            true => format!("\"{}\"", entry.tag),
            false => format!("\"{}-{}\"", entry.tag, key_hash(origin).get(..8).unwrap_or_default()),
        };
        let bypass = self.proxy_settings.partitions.is_none().then_some(NO_SECRET);
        let ttl = entry.deadlines.map(|deadlines| (deadlines.fresh_until - now).div_euclid(1_000));
        let mut headers = entry.headers;
        let last_modified = headers.iter().find(|(name, _)| name == "last-modified").map(|(_, date)| date.clone());
        let mut header = |name: &str, value: String| headers.push((name.to_owned(), value));
        header("cache-status", outcome.cache_status(ttl, bypass, entry.derived));
        header("server-timing", timing.header(outcome));
        header("x-content-type-options", "nosniff".into());
        let mut status = entry.status;
        if entry.status == 200 {
            header("cache-control", "private, no-cache".into());
            header("vary", "Authorization, Origin".into());
            if let Some(deadlines) = entry.deadlines {
                header("age", deadlines.age(now).to_string());
            }
            if is_not_modified(self.request, &tag, last_modified.as_deref()) {
                status = 304;
            }
            header("etag", tag);
        } else {
            header("cache-control", "private, no-store".into());
            header("vary", "Origin".into());
        }
        headers.extend(
            cors_headers(self.request, self.settings).into_iter().map(|(name, value)| (name.to_owned(), value)),
        );
        let body = if self.request.method == "HEAD" || matches!(status, 204 | 304) {
            ResponseBody::Bytes(Vec::new())
        } else if entry.links.is_empty() {
            ResponseBody::Stored(body)
        } else {
            match self.runtime.read_body(body).await {
                Some(bytes) => ResponseBody::Bytes(rewrite_links(&bytes, &entry.links, origin)),
                None => return self.finalize_local(busy()),
            }
        };
        ProxyResponse { status, headers, body, background_tasks: Vec::new() }
    }

    /// Completes a response that was created here.
    pub(super) fn finalize_local(&self, response: Response) -> ProxyResponse<R::Body> {
        let has_cache_status = response.headers.iter().any(|(name, _)| *name == "Cache-Status");
        let response = if has_cache_status { response } else { response.header("Cache-Status", REFUSED) };
        let Response { status, headers, body } = finalize(response, self.request, self.settings);
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        ProxyResponse { status, headers, body: ResponseBody::Bytes(body.into()), background_tasks: Vec::new() }
    }
}

/// Returns the 503 for a body that finds no memory.
fn busy() -> Response {
    let (status, retry_after, body) = UpstreamError::Busy.response();
    let response = Response::json(status, body);
    match retry_after {
        Some(seconds) => response.header("Retry-After", seconds.to_string()),
        None => response,
    }
}

/// Times for `Server-Timing`. The clock of a Worker advances during I/O only.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerTiming {
    pub started_at: i64,
    /// The end of the edge cache lookup.
    pub cache_checked_at: Option<i64>,
    /// The end of upstream requests.
    pub fetched_at: Option<i64>,
}

impl ServerTiming {
    fn header(self, outcome: CacheOutcome) -> String {
        let cache_checked_at = self.cache_checked_at.unwrap_or(self.started_at);
        let mut text = format!("edge-cache;dur={}", cache_checked_at - self.started_at);
        if let Some(fetched_at) = self.fetched_at {
            // Writing into a String can't fail.
            let _ = write!(text, ", upstream;dur={}", fetched_at - cache_checked_at);
            if let CacheOutcome::Fetched { tries, .. } = outcome {
                let _ = write!(text, ";desc=\"tries={tries}\"");
            }
        }
        text
    }
}
