//! What a partition's answers are made from: the upstream, and what is kept of it.
//!
//! The plans by weeks and of deriving are written over these two traits, so that they run as they are in workerd and in
//! a test's memory.

use super::headers::Headers;
use crate::cache::Times;
use futures_util::future::maybe_done;
use std::future::{Future, poll_fn};
use std::task::Poll;

/// The upstream, as one partition sees it.
///
/// The key, retries, time limits, the circuit breaker and the limit of a body are the implementor's.
pub trait UpstreamClient {
    /// The answer to `GET {path}?{query}`; the query is encoded, and may be empty. More than one may be under way.
    fn get(&self, path: &str, query: &str) -> impl Future<Output = Result<JsonResponse, UpstreamError>>;

    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> i64;
}

/// An answer of the upstream: any status but those that are a [`UpstreamError`].
#[derive(Clone, Debug, PartialEq)]
pub struct JsonResponse {
    /// The status.
    pub status: u16,
    /// The body: of a 200 whole JSON text.
    pub body: String,
    /// Its headers.
    pub headers: Headers,
    /// When it was asked for, and came; in milliseconds since 1970-01-01T00:00:00Z.
    pub times: Times,
}

/// Why there is no answer. The fault is the upstream's, or the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamError {
    /// No connection; or the circuit breaker expects none.
    Unreachable,
    /// No whole answer in time.
    TimedOut,
    /// A status of 500 and above, or 429, after retries.
    Status {
        /// The status.
        status: u16,
        /// The seconds of its `Retry-After`.
        retry_after: Option<u32>,
    },
    /// A body over the limit.
    TooLarge,
    /// No JSON, another content type, or cut off.
    InvalidResponse,
    /// The request may ask the upstream no more: what it found is kept, and the next one goes on.
    BudgetExhausted,
}

impl UpstreamError {
    /// Whether what is no longer fresh may stand in (RFC 5861, section 4): for 500 and above, and for no answer, or none
    /// in time.
    pub fn allows_stale(self) -> bool {
        matches!(
            self,
            UpstreamError::Unreachable | UpstreamError::TimedOut | UpstreamError::Status { status: 500.., .. }
        )
    }
}

/// The results of all of them, which are under way at once. The `join_all` of futures-util has another way for more than
/// thirty, which is 3 KB of the bundle.
pub(crate) async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut parts: Vec<_> = futures.map(|future| Box::pin(maybe_done(future))).collect();
    poll_fn(|context| {
        let mut all = Poll::Ready(());
        for part in &mut parts {
            if part.as_mut().poll(context).is_pending() {
                all = Poll::Pending;
            }
        }
        all
    })
    .await;
    parts.iter_mut().filter_map(|part| part.as_mut().take_output()).collect()
}

/// What a partition keeps beyond the fast tier: texts under a kind and a key. Synchronous, as the SQLite of a Durable
/// Object is.
pub trait KvStore {
    /// The text that was put last.
    fn get(&self, kind: &str, key: &str) -> Option<String>;

    /// All of a kind whose keys are at least `first` and less than `end`, by key.
    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)>;

    /// Keeps a text. What can't be kept is as if it had not been put.
    fn put(&self, kind: &str, key: &str, text: &str);

    /// Forgets one.
    fn delete(&self, kind: &str, key: &str);
}
