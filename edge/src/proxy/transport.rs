//! Access to the network, the clock and random numbers.

use super::byte_budget::ReservedBody;
use super::headers::Headers;
use crate::log::Event;
use std::future::Future;

/// The greatest length of a response, in bytes. A page of 1,000 commits has about one million. Responses are held in memory,
/// and an isolate has 128 MB.
pub const MAX_RESPONSE_BYTES: usize = 32 << 20;

pub trait Transport {
    /// Returns milliseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> i64;

    /// Returns a number in [0, 1).
    fn random(&self) -> f64;

    fn sleep(&self, milliseconds: u32) -> impl Future<Output = ()>;

    /// Writes a log line.
    fn log(&self, _request_id: Option<&str>, _event: &Event) {}

    /// Sends a request and reads the whole response within `limit` milliseconds. Redirects are not followed.
    fn get(
        &self,
        request: UpstreamRequest,
        limit: u32,
    ) -> impl Future<Output = Result<UpstreamResponse, TransportError>>;
}

/// A `GET` request to the upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamRequest {
    /// The absolute address.
    pub address: String,
    pub headers: Vec<(&'static str, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamResponse {
    /// The time at which the request was sent, in milliseconds since 1970-01-01.
    pub sent_at: i64,
    pub status: u16,
    pub headers: Headers,
    /// At most [`MAX_RESPONSE_BYTES`].
    pub body: ReservedBody,
}

/// The reason for which no complete response arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The connection failed, or broke before the end of the body.
    Connection,
    Timeout,
    /// The body exceeds [`MAX_RESPONSE_BYTES`].
    TooLarge,
    /// Other bodies take the memory.
    Busy,
}
