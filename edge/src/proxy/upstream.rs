//! Asking the upstream: within limits, again where that may help, and not at all while it rests.

use super::breaker::CircuitBreaker;
use super::deadlines::CacheDirectives;
use super::entry::Validators;
use super::headers::{Headers, UPSTREAM_HEADERS};
use super::retry::{Failed, seconds, wait};
use super::settings::ProxySettings;
use super::source::{JsonResponse, UpstreamClient, UpstreamError};
use crate::cache::Times;
use std::cell::{Cell, RefCell};
use std::future::Future;
use streamgage::json::is_json;

/// How long an answer may be, in bytes: a page of 1,000 commits has about one million. It is held in memory, of which an
/// isolate has 128 MB.
pub const MAX_RESPONSE_BYTES: usize = 32 << 20;

/// The network, the clock and chance.
pub trait Transport {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> i64;

    /// A number in [0, 1).
    fn random(&self) -> f64;

    /// Waits some milliseconds.
    fn sleep(&self, milliseconds: u32) -> impl Future<Output = ()>;

    /// Sends a request and reads the answer whole, all within `limit` milliseconds. Redirects are answers like others.
    fn get(
        &self,
        request: UpstreamRequest,
        limit: u32,
    ) -> impl Future<Output = Result<UpstreamResponse, TransportError>>;
}

/// A `GET` to the upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamRequest {
    /// The whole address.
    pub address: String,
    /// All of its headers.
    pub headers: Vec<(&'static str, String)>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamResponse {
    /// When it was asked for, in milliseconds since 1970-01-01.
    pub sent_at: i64,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body, at most [`MAX_RESPONSE_BYTES`] bytes.
    pub body: Vec<u8>,
}

/// Why nothing whole came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// No connection, or it broke before the end of the body.
    Connection,
    /// Not within the limit.
    Timeout,
    /// A body over [`MAX_RESPONSE_BYTES`].
    TooLarge,
}

/// The upstream, as one request of one key sees it.
pub struct UpstreamSession<'a, N> {
    net: &'a N,
    breaker: &'a RefCell<CircuitBreaker>,
    settings: &'a ProxySettings,
    key: &'a str,
    deadline: i64,
    tries: Cell<u32>,
    asked: Cell<u32>,
    proved: Cell<Option<i64>>,
    may_keep: Cell<bool>,
}

/// How many answers one request may take: a Worker on the free plan has 50 subrequests.
const BUDGET: u32 = 40;

impl<'a, N: Transport> UpstreamSession<'a, N> {
    /// The time limit runs from a moment on, in milliseconds since 1970-01-01.
    pub fn new(
        net: &'a N,
        breaker: &'a RefCell<CircuitBreaker>,
        settings: &'a ProxySettings,
        key: &'a str,
        since: i64,
    ) -> Self {
        let deadline = since.saturating_add(settings.time_limit);
        UpstreamSession {
            net,
            breaker,
            settings,
            key,
            deadline,
            tries: Cell::new(0),
            asked: Cell::new(0),
            proved: Cell::new(None),
            may_keep: Cell::new(true),
        }
    }

    /// When it was asked what it let the key in for, if it did; in milliseconds since 1970-01-01. What it decided, it
    /// decided no sooner.
    pub fn proved(&self) -> Option<i64> {
        self.proved.get()
    }

    /// Whether none of its answers forbade to keep it.
    pub fn may_keep(&self) -> bool {
        self.may_keep.get()
    }

    /// How many requests were sent.
    pub fn tries(&self) -> u32 {
        self.tries.get()
    }

    /// The answer to `GET {target}`, whatever its status but 500 and above.
    ///
    /// # Errors
    /// There is none.
    pub async fn ask(&self, target: &str, validators: &Validators) -> Result<UpstreamResponse, UpstreamError> {
        let mut tried = 0;
        loop {
            let now = self.net.now();
            let left = self.deadline - now;
            let Some(limit) = u32::try_from(left.min(self.settings.try_limit)).ok().filter(|&limit| limit > 0) else {
                return Err(UpstreamError::TimedOut);
            };
            // Last, since the one try that a breaker lets through is to be made.
            if let Err(left) = self.breaker.borrow_mut().try_acquire(now) {
                // At most a minute.
                return Err(UpstreamError::Status { status: 503, retry_after: u32::try_from(left / 1_000 + 1).ok() });
            }
            tried += 1;
            self.tries.set(self.tries.get() + 1);
            let answer = self.net.get(self.outgoing(target, validators), limit).await;
            let (failed, trouble) = match answer {
                Ok(answer) if answer.status < 500 => {
                    self.breaker.borrow_mut().record_success();
                    if matches!(answer.status, 200..=299 | 304) {
                        self.proved.set(self.proved.get().max(Some(answer.sent_at)));
                    }
                    return Ok(answer);
                }
                Ok(UpstreamResponse { status, headers, .. }) => {
                    let retry_after = headers.value("retry-after").and_then(seconds);
                    let trouble = UpstreamError::Status { status, retry_after };
                    if !(502..=504).contains(&status) {
                        return Err(trouble);
                    }
                    (Failed::Gateway(retry_after), trouble)
                }
                Err(TransportError::Connection) => (Failed::Connection, UpstreamError::Unreachable),
                Err(TransportError::Timeout) => {
                    self.breaker.borrow_mut().record_failure(self.net.now());
                    return Err(UpstreamError::TimedOut);
                }
                Err(TransportError::TooLarge) => return Err(UpstreamError::TooLarge),
            };
            let now = self.net.now();
            self.breaker.borrow_mut().record_failure(now);
            let Some(wait) = wait(failed, tried, self.net.random(), self.deadline - now) else { return Err(trouble) };
            self.net.sleep(wait).await;
        }
    }

    fn outgoing(&self, target: &str, validators: &Validators) -> UpstreamRequest {
        let mut headers: Vec<(&'static str, String)> =
            UPSTREAM_HEADERS.iter().map(|&(name, value)| (name, value.to_owned())).collect();
        headers.push(("Authorization", format!("Bearer {}", self.key)));
        let conditions = [("If-None-Match", &validators.etag), ("If-Modified-Since", &validators.last_modified)];
        headers.extend(conditions.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        UpstreamRequest { address: format!("{}{target}", self.settings.upstream), headers }
    }
}

impl<N: Transport> UpstreamClient for UpstreamSession<'_, N> {
    async fn get(&self, path: &str, query: &str) -> Result<JsonResponse, UpstreamError> {
        if self.asked.replace(self.asked.get() + 1) >= BUDGET {
            return Err(UpstreamError::BudgetExhausted);
        }
        let separator = if query.is_empty() { "" } else { "?" };
        let answer = self.ask(&format!("{path}{separator}{query}"), &Validators::default()).await?;
        let UpstreamResponse { sent_at, status, headers, body } = answer;
        if status == 429 {
            return Err(UpstreamError::Status { status, retry_after: headers.value("retry-after").and_then(seconds) });
        }
        let body = String::from_utf8(body).map_err(|_| UpstreamError::InvalidResponse)?;
        let is_json = || headers.is_json() && is_json(&body);
        if status < 400 && (status >= 300 || !is_json()) {
            return Err(UpstreamError::InvalidResponse);
        }
        let times = Times { asked: sent_at, answered: self.net.now() };
        if status < 300 && CacheDirectives::of(&headers, times).is_none() {
            self.may_keep.set(false);
        }
        Ok(JsonResponse { status, body, headers, times })
    }

    fn now(&self) -> i64 {
        self.net.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    /// An upstream with one answer.
    struct Canned(u16, &'static str, &'static [u8]);

    impl Transport for Canned {
        fn now(&self) -> i64 {
            0
        }

        fn random(&self) -> f64 {
            0.0
        }

        async fn sleep(&self, _: u32) {}

        async fn get(&self, _: UpstreamRequest, _: u32) -> Result<UpstreamResponse, TransportError> {
            let headers = Headers::new([("content-type".to_owned(), self.1.to_owned())]);
            Ok(UpstreamResponse { sent_at: 0, status: self.0, headers, body: self.2.into() })
        }
    }

    fn fetched(status: u16, declared: &'static str, body: &'static [u8]) -> Result<JsonResponse, UpstreamError> {
        let settings = ProxySettings::read(|name| (name == "UPSTREAM").then(|| "https://flow.example".to_owned()));
        let (settings, breaker) = (settings.unwrap().unwrap(), RefCell::default());
        let net = Canned(status, declared, body);
        let upstream = UpstreamSession::new(&net, &breaker, &settings, "key", 0);
        UpstreamClient::get(&upstream, "/v3/customer/core/teams/", "").now_or_never().unwrap()
    }

    #[test]
    fn what_an_answer_is_put_together_of_is_json() {
        let is_good = |status, declared, body| fetched(status, declared, body).map(|fetched| fetched.status);
        assert_eq!(is_good(200, "application/json", b"[1]"), Ok(200));
        assert_eq!(is_good(404, "text/html", b"<h1>"), Ok(404));
        for (status, declared, body) in [
            (200, "application/json", &b"[1"[..]),
            (200, "application/json", b"[1]]"),
            (200, "application/json", b"\"\xff\""),
            (200, "text/html", b"[1]"),
            (302, "application/json", b"[1]"),
        ] {
            assert_eq!(fetched(status, declared, body), Err(UpstreamError::InvalidResponse));
        }
    }
}
