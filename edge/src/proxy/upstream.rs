//! Requests to the upstream, with limits, retries and a circuit breaker.

use super::breaker::CircuitBreaker;
use super::cache::{ExchangeTimes, response_policy};
use super::cache_key::CacheKey;
use super::classify::Exchange;
use super::default_freshness::default_freshness;
use super::entry::Validators;
use super::error::UpstreamError;
use super::headers::UPSTREAM_HEADERS;
use super::retry::{RetryableFailure, parse_retry_after, retry_delay};
use super::settings::ProxySettings;
use super::transport::{Transport, TransportError, UpstreamRequest, UpstreamResponse};
use super::upstream_client::{JsonResponse, UpstreamClient};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use streamgage::json::is_json;

/// The number of requests that [`UpstreamClient`] may send for one caller. A Worker on the free plan has 50 subrequests.
const MAX_REQUESTS: u32 = 40;

/// The pause in which a request waits for another one of the same session that probes the upstream, in milliseconds.
const PROBE_DELAY: u32 = 50;

/// Lists that tell if the upstream knows a key.
const PROBES: [&str; 2] = ["/v3/customer/core/teams/", "/v3/customer/core/repos/"];

/// All requests to the upstream for one request of a caller.
pub struct UpstreamSession<'a, T> {
    transport: &'a T,
    breaker: Rc<RefCell<CircuitBreaker>>,
    settings: &'a ProxySettings,
    key: &'a str,
    deadline: i64,
    tries: Cell<u32>,
    requests: Cell<u32>,
    authorized_at: Cell<Option<i64>>,
    may_store: Cell<bool>,
    /// The number of requests that await a response.
    in_flight: Cell<u32>,
    /// The upstream accepted the key before this session.
    was_accepted: bool,
    is_key_refused: Cell<bool>,
}

impl<'a, T: Transport> UpstreamSession<'a, T> {
    /// The time limit starts at `started_at`, in milliseconds since 1970-01-01. `was_accepted` states that the upstream accepted
    /// the key before.
    pub fn new(
        transport: &'a T,
        breaker: Rc<RefCell<CircuitBreaker>>,
        settings: &'a ProxySettings,
        (key, was_accepted): (&'a str, bool),
        started_at: i64,
    ) -> Self {
        UpstreamSession {
            transport,
            breaker,
            settings,
            key,
            deadline: started_at.saturating_add(settings.time_limit),
            tries: Cell::new(0),
            requests: Cell::new(0),
            authorized_at: Cell::new(None),
            may_store: Cell::new(true),
            in_flight: Cell::new(0),
            was_accepted,
            is_key_refused: Cell::new(false),
        }
    }

    /// Returns the time of the last request for which the upstream accepted the key. The upstream decided no earlier.
    pub fn authorized_at(&self) -> Option<i64> {
        self.authorized_at.get()
    }

    /// Returns false if a response must not be stored.
    pub fn may_store(&self) -> bool {
        self.may_store.get()
    }

    /// Returns the number of requests sent.
    pub fn tries(&self) -> u32 {
        self.tries.get()
    }

    /// Returns the circumstances in which a response is classified.
    pub(super) fn exchange<'b>(
        &'b self,
        cache_key: &'b CacheKey,
        has_partition: bool,
        may_serve_stale: bool,
        now: i64,
    ) -> Exchange<'b> {
        Exchange {
            cache_key,
            upstream: &self.settings.upstream,
            has_partition,
            may_serve_stale,
            has_own_key: self.settings.upstream_key.is_some(),
            is_key_refused: self.is_key_refused.get(),
            tries: self.tries(),
            now,
            default_freshness: default_freshness(cache_key, self.settings.list_ttl, now),
        }
    }

    /// Sends `GET {target}`. After a 401, finds out if the key itself is refused.
    ///
    /// # Errors
    /// Returns an error if no response arrives, or one with a status of 500 and above, 408, 425 or 429.
    pub async fn send(&self, target: &str, validators: &Validators) -> Result<UpstreamResponse, UpstreamError> {
        let response = self.send_with_retries(target, validators).await?;
        if response.status == 401 && !self.is_key_refused.get() {
            self.is_key_refused.set(!self.was_accepted || self.is_refused_elsewhere(target).await);
        }
        Ok(response)
    }

    /// Returns true unless the upstream knows the key at another path.
    async fn is_refused_elsewhere(&self, target: &str) -> bool {
        let [first, second] = PROBES;
        let probe = if target.starts_with(first) { second } else { first };
        let authorized_at = self.authorized_at.get();
        let response = self.send_with_retries(&format!("{probe}?limit=1"), &Validators::default()).await;
        // It authorizes no request for another permission.
        self.authorized_at.set(authorized_at);
        response.map_or(true, |response| response.status == 401)
    }

    async fn send_with_retries(
        &self,
        target: &str,
        stored_validators: &Validators,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let (mut tries, mut validators) = (0, stored_validators.clone());
        loop {
            let now = self.transport.now();
            let remaining = self.deadline - now;
            let limit = u32::try_from(remaining.min(self.settings.try_limit)).ok().filter(|&limit| limit > 0);
            let Some(limit) = limit else { return Err(UpstreamError::TimedOut) };
            // The breaker is asked last: a request that it admits must be sent.
            let acquired = self.breaker.borrow_mut().try_acquire(now);
            if let Err(pause) = acquired {
                if self.in_flight.get() > 0 {
                    self.transport.sleep(PROBE_DELAY).await;
                    continue;
                }
                let retry_after = u32::try_from(pause / 1_000 + 1).unwrap_or(1);
                return Err(UpstreamError::CircuitOpen { retry_after });
            }
            tries += 1;
            self.tries.set(self.tries.get() + 1);
            self.in_flight.set(self.in_flight.get() + 1);
            let result = self.transport.get(self.request(target, &validators), limit).await;
            self.in_flight.set(self.in_flight.get() - 1);
            let (failure, error) = match result {
                Ok(response) if response.status < 500 => {
                    self.breaker.borrow_mut().record_success();
                    if let status @ (408 | 425 | 429) = response.status {
                        let retry_after = response.headers.value("retry-after").and_then(parse_retry_after);
                        return Err(UpstreamError::Status { status, retry_after });
                    }
                    let is_conditional = !validators.are_empty();
                    // A 304 about another response updates none (RFC 9111 §4.3.4).
                    if response.status == 304 && is_conditional && validators.is_contradicted_by(&response.headers) {
                        validators = Validators::default();
                        continue;
                    }
                    if response.status == 304 && !is_conditional && !stored_validators.are_empty() {
                        return Err(UpstreamError::InvalidResponse);
                    }
                    // A page, for example of a login form, is no proof that the key was accepted. Neither is a 304 that nobody
                    // asked for.
                    let is_confirmed = response.status == 304 && is_conditional;
                    if is_confirmed || (matches!(response.status, 200..=299) && response.headers.is_json()) {
                        self.authorized_at.set(self.authorized_at.get().max(Some(response.sent_at)));
                    }
                    return Ok(response);
                }
                Ok(UpstreamResponse { status, headers, .. }) => {
                    let retry_after = headers.value("retry-after").and_then(parse_retry_after);
                    let error = UpstreamError::Status { status, retry_after };
                    if !(502..=504).contains(&status) {
                        return Err(error);
                    }
                    (RetryableFailure::Gateway(retry_after), error)
                }
                Err(TransportError::Connection) => (RetryableFailure::Connection, UpstreamError::Unreachable),
                Err(TransportError::Timeout) => {
                    self.breaker.borrow_mut().record_failure(self.transport.now());
                    return Err(UpstreamError::TimedOut);
                }
                Err(TransportError::TooLarge) => return Err(UpstreamError::TooLarge),
                Err(TransportError::Busy) => return Err(UpstreamError::Busy),
            };
            let now = self.transport.now();
            self.breaker.borrow_mut().record_failure(now);
            let delay = retry_delay(failure, tries, self.transport.random(), self.deadline - now);
            let Some(delay) = delay else { return Err(error) };
            self.transport.sleep(delay).await;
        }
    }

    fn request(&self, target: &str, validators: &Validators) -> UpstreamRequest {
        let mut headers: Vec<(&'static str, String)> =
            UPSTREAM_HEADERS.iter().map(|&(name, value)| (name, value.to_owned())).collect();
        headers.push(("Authorization", format!("Bearer {}", self.key)));
        let conditions = [("If-None-Match", &validators.etag), ("If-Modified-Since", &validators.last_modified)];
        headers.extend(conditions.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        UpstreamRequest { address: format!("{}{target}", self.settings.upstream), headers }
    }
}

impl<T: Transport> UpstreamClient for UpstreamSession<'_, T> {
    async fn get(&self, path: &str, query: &str) -> Result<JsonResponse, UpstreamError> {
        if self.requests.replace(self.requests.get() + 1) >= MAX_REQUESTS {
            return Err(UpstreamError::BudgetExhausted);
        }
        let separator = if query.is_empty() { "" } else { "?" };
        let response = self.send(&format!("{path}{separator}{query}"), &Validators::default()).await?;
        let UpstreamResponse { sent_at, status, headers, body } = response;
        let (body, reservation) = body.into_parts();
        let body = String::from_utf8(body).map_err(|_| UpstreamError::InvalidResponse)?;
        let is_json = || headers.is_json() && is_json(&body);
        if status < 400 && (status >= 300 || status == 206 || !is_json()) {
            return Err(UpstreamError::InvalidResponse);
        }
        let times = ExchangeTimes { sent_at, received_at: self.transport.now() };
        if status < 300 && response_policy(&headers, times).is_none() {
            self.may_store.set(false);
        }
        Ok(JsonResponse { status, body, headers, times, reservation })
    }

    fn now(&self) -> i64 {
        self.transport.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::headers::Headers;
    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// An upstream that always returns the same response.
    struct FixedResponse(u16, &'static str, &'static [u8]);

    impl Transport for FixedResponse {
        fn now(&self) -> i64 {
            0
        }

        fn random(&self) -> f64 {
            0.0
        }

        async fn sleep(&self, _: u32) {}

        async fn get(&self, _: UpstreamRequest, _: u32) -> Result<UpstreamResponse, TransportError> {
            let headers = Headers::new([("content-type".to_owned(), self.1.to_owned())]);
            Ok(UpstreamResponse { sent_at: 0, status: self.0, headers, body: self.2.to_vec().into() })
        }
    }

    fn fetched(status: u16, declared: &'static str, body: &'static [u8]) -> Result<JsonResponse, UpstreamError> {
        let settings = ProxySettings::read(|name| (name == "UPSTREAM").then(|| "https://flow.example".to_owned()));
        let (settings, breaker) = (settings.unwrap().unwrap(), Rc::default());
        let transport = FixedResponse(status, declared, body);
        let upstream = UpstreamSession::new(&transport, breaker, &settings, ("key", false), 0);
        UpstreamClient::get(&upstream, "/v3/customer/core/teams/", "").now_or_never().unwrap()
    }

    #[test]
    fn a_page_is_no_proof_of_authorization() {
        for (declared, is_authorized) in [("application/json", true), ("text/html", false)] {
            let settings = ProxySettings::read(|name| (name == "UPSTREAM").then(|| "https://flow.example".to_owned()));
            let (settings, breaker) = (settings.unwrap().unwrap(), Rc::default());
            let transport = FixedResponse(200, declared, b"[]");
            let session = UpstreamSession::new(&transport, breaker, &settings, ("key", false), 0);
            let sent = session.send("/v3/customer/core/teams/", &Validators::default()).now_or_never().unwrap();
            assert_eq!((sent.unwrap().status, session.authorized_at().is_some()), (200, is_authorized));
        }
    }

    /// An upstream that answers conditional requests with 304 and a fixed tag, others with a fixed status. Counts requests.
    struct ConditionalUpstream(&'static str, u16, Cell<u32>);

    impl Transport for ConditionalUpstream {
        fn now(&self) -> i64 {
            0
        }

        fn random(&self) -> f64 {
            0.0
        }

        async fn sleep(&self, _: u32) {}

        async fn get(&self, request: UpstreamRequest, _: u32) -> Result<UpstreamResponse, TransportError> {
            self.2.set(self.2.get() + 1);
            let is_conditional = request.headers.iter().any(|(name, _)| *name == "If-None-Match");
            let status = if is_conditional { 304 } else { self.1 };
            let headers = [("etag", self.0), ("content-type", "application/json")];
            let headers = Headers::new(headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
            Ok(UpstreamResponse { sent_at: 0, status, headers, body: b"[]".to_vec().into() })
        }
    }

    /// Returns the status for a request with a stored tag, and the number of requests.
    fn sent_with(known: Option<&str>, received: &'static str, status: u16) -> (Result<u16, UpstreamError>, u32) {
        let settings = ProxySettings::read(|name| (name == "UPSTREAM").then(|| "https://flow.example".to_owned()));
        let (settings, breaker) = (settings.unwrap().unwrap(), Rc::default());
        let transport = ConditionalUpstream(received, status, Cell::new(0));
        let session = UpstreamSession::new(&transport, breaker, &settings, ("key", false), 0);
        let validators = Validators { etag: known.map(str::to_owned), last_modified: None };
        let sent = session.send("/v3/customer/core/teams/", &validators).now_or_never().unwrap();
        (sent.map(|response| response.status), transport.2.get())
    }

    /// An upstream that answers after a while.
    struct SlowUpstream(Cell<u32>);

    async fn wait() {
        let mut polls = 0;
        std::future::poll_fn(|_| {
            polls += 1;
            if polls > 3 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    impl Transport for SlowUpstream {
        fn now(&self) -> i64 {
            1_000_000
        }

        fn random(&self) -> f64 {
            0.0
        }

        async fn sleep(&self, _: u32) {
            wait().await;
        }

        async fn get(&self, _: UpstreamRequest, _: u32) -> Result<UpstreamResponse, TransportError> {
            self.0.set(self.0.get() + 1);
            wait().await;
            Ok(UpstreamResponse { sent_at: 0, status: 200, headers: Headers::default(), body: Vec::new().into() })
        }
    }

    #[test]
    fn simultaneous_requests_of_a_session_wait_for_the_one_that_probes_the_upstream() {
        let settings = ProxySettings::read(|name| (name == "UPSTREAM").then(|| "https://flow.example".to_owned()));
        let (settings, breaker) = (settings.unwrap().unwrap(), Rc::<RefCell<CircuitBreaker>>::default());
        for _ in 0..5 {
            breaker.borrow_mut().record_failure(0);
        }
        let transport = SlowUpstream(Cell::new(0));
        let session = UpstreamSession::new(&transport, breaker, &settings, ("key", false), 1_000_000);
        let validators = Validators::default();
        let requests =
            ["/v3/customer/core/teams/", "/v3/customer/core/repos/"].map(|path| session.send(path, &validators));
        let mut all = pin!(join_all(requests));
        let mut context = Context::from_waker(Waker::noop());
        let answers = (0..20).find_map(|_| match all.as_mut().poll(&mut context) {
            Poll::Ready(answers) => Some(answers),
            Poll::Pending => None,
        });
        assert!(answers.unwrap().iter().all(Result::is_ok));
        assert_eq!(transport.0.get(), 2);
    }

    #[test]
    fn a_304_about_another_response_is_repeated_without_conditions() {
        assert_eq!(sent_with(Some("\"a\""), "\"a\"", 200), (Ok(304), 1));
        assert_eq!(sent_with(Some("\"a\""), "\"b\"", 200), (Ok(200), 2));
        // Weak tags prove nothing.
        assert_eq!(sent_with(Some("W/\"a\""), "\"b\"", 200), (Ok(304), 1));
        assert_eq!(sent_with(Some("\"a\""), "W/\"b\"", 200), (Ok(304), 1));
    }

    #[test]
    fn a_304_to_the_repetition_without_conditions_is_invalid() {
        assert_eq!(sent_with(Some("\"a\""), "\"b\"", 304), (Err(UpstreamError::InvalidResponse), 2));
    }

    #[test]
    fn a_304_that_nobody_asked_for_is_no_proof_of_authorization() {
        let settings = ProxySettings::read(|name| (name == "UPSTREAM").then(|| "https://flow.example".to_owned()));
        let settings = settings.unwrap().unwrap();
        for etag in [None, Some("\"1\"".to_owned())] {
            let transport = FixedResponse(304, "", b"");
            let session = UpstreamSession::new(&transport, Rc::default(), &settings, ("key", false), 0);
            let validators = Validators { etag: etag.clone(), last_modified: None };
            let sent = session.send("/v3/customer/core/teams/", &validators).now_or_never().unwrap();
            assert_eq!((sent.unwrap().status, session.authorized_at().is_some()), (304, etag.is_some()));
        }
    }

    #[test]
    fn temporary_refusals_are_failures() {
        for status in [408, 425, 429] {
            let expected = Err(UpstreamError::Status { status, retry_after: None });
            assert_eq!(fetched(status, "application/json", b"{}"), expected);
        }
    }

    #[test]
    fn responses_must_be_json() {
        let is_good = |status, declared, body| fetched(status, declared, body).map(|fetched| fetched.status);
        assert_eq!(is_good(200, "application/json", b"[1]"), Ok(200));
        assert_eq!(is_good(404, "text/html", b"<h1>"), Ok(404));
        for (status, declared, body) in [
            (200, "application/json", &b"[1"[..]),
            (200, "application/json", b"[1]]"),
            (200, "application/json", b"\"\xff\""),
            (200, "text/html", b"[1]"),
            (302, "application/json", b"[1]"),
            (206, "application/json", b"[1]"),
        ] {
            assert_eq!(fetched(status, declared, body), Err(UpstreamError::InvalidResponse));
        }
    }
}
