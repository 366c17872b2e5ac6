//! The upstream as the assembly and derivation of metrics use it.

use super::byte_budget::Reservation;
use super::cache::ExchangeTimes;
use super::error::UpstreamError;
use super::headers::Headers;
use std::future::Future;

/// A client for one partition. The implementation adds the key, retries, time limits, the circuit breaker and the size limit.
pub trait UpstreamClient {
    /// Sends `GET {path}?{query}`. The query is encoded and may be empty. Several requests may run concurrently.
    fn get(&self, path: &str, query: &str) -> impl Future<Output = Result<JsonResponse, UpstreamError>>;

    /// Returns milliseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> i64;
}

/// A response with any status that is not an [`UpstreamError`].
#[derive(Clone, Debug, PartialEq)]
pub struct JsonResponse {
    pub status: u16,
    /// Valid JSON if the status is 200.
    pub body: String,
    pub headers: Headers,
    pub times: ExchangeTimes,
    /// The memory of the body.
    pub reservation: Reservation,
}
