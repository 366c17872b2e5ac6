//! The platform services that the proxy handler uses.

use super::byte_budget::ReservedBody;
use super::isolate_cache::IsolateCache;
use super::partition::PartitionState;
use super::protocol::{FetchReply, FetchRequest};
use super::transport::Transport;
use crate::store::{Statement, StatementResult};
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

/// Services of the platform. The handler chooses the addresses in the edge cache; they contain no key and no other data of
/// a caller.
pub trait Runtime {
    type Transport: Transport;

    /// A body. A body from the edge cache passes through without being read, where possible.
    type Body: Clone + From<ReservedBody>;

    fn transport(&self) -> &Self::Transport;

    /// Returns milliseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> i64 {
        self.transport().now()
    }

    /// Returns the id of the caller's request, for the log.
    fn request_id(&self) -> Option<String> {
        None
    }

    fn isolate_cache(&self) -> &RefCell<IsolateCache>;

    /// Returns the text and the body at an address of the edge cache.
    fn get_cached(&self, address: &str) -> impl Future<Output = Option<(String, Self::Body)>>;

    /// Writes to the edge cache. A failed write is logged by the implementation and otherwise ignored.
    fn put_cached(&self, address: &str, text: &str, body: Self::Body, max_age: u32) -> impl Future<Output = ()>;

    fn delete_cached(&self, address: &str) -> impl Future<Output = ()>;

    /// Sends a request to the coordinator of a partition.
    fn fetch_from_coordinator(
        &self,
        partition: &str,
        request: &FetchRequest,
    ) -> impl Future<Output = Result<FetchReply<Self::Body>, UnavailableError>>;

    /// Purges a partition and returns its new state.
    fn purge_partition(&self, partition: &str) -> impl Future<Output = Result<PartitionState, UnavailableError>>;

    /// Runs a statement that looks up a key.
    fn look_up_key(&self, statement: Statement) -> impl Future<Output = Result<StatementResult, UnavailableError>>;

    /// Counts a request against the rate limit of a caller. Returns false if the limit is exceeded.
    fn check_rate_limit(&self, caller: &str) -> impl Future<Output = bool>;

    /// Returns the network address of the caller, as rate limits count it.
    fn client_address(&self) -> String;

    /// Counts a request with an unknown key against the rate limit of its network address. Returns false if the limit is
    /// exceeded.
    fn check_failed_key_limit(&self) -> impl Future<Output = bool>;

    /// Reads a body. Returns `None` if reading fails, for example because other bodies take the memory.
    fn read_body(&self, body: Self::Body) -> impl Future<Output = Option<Rc<ReservedBody>>>;
}

/// A Durable Object or the database did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnavailableError;
