//! The proxy before an upstream that serves the v3 API.
//!
//! ```text
//! caller ─► route ─► ProxyHandler ── hit ─────────────────► finalize ─► caller
//!          (400,     │  ▲  edge cache
//!           401…)    ▼  │
//!                   PartitionCoordinator (one per partition) ─► UpstreamSession (limits, retries, circuit breaker)
//!                    durable storage                             ─► classify_response
//! ```
//!
//! All modules are generic over traits: the same code runs in workerd and in a simulation.

mod breaker;
mod cache_key;
mod classify;
mod coordinator;
mod deadlines;
pub mod derive;
mod entry;
mod handler;
mod headers;
mod links;
mod outcome;
mod partition;
mod protocol;
mod retry;
mod scopes;
mod settings;
mod source;
pub mod storage;
mod upstream;
pub mod weeks;

pub use cache_key::{CacheKey, PermissionClass, Query};
pub use coordinator::{
    CoordinatedResponse, FetchReply, FetchRequest, MAX_STORED_BYTES, PartitionCoordinator, PartitionStore,
};
pub use deadlines::{CacheDirectives, Deadlines};
pub use entry::CacheEntry;
pub use handler::{
    BackgroundTask, IsolateCache, ProxyHandler, ProxyRequest, ProxyResponse, ResponseBody, RouteOutcome, Runtime,
    UnavailableError, route_proxy_request,
};
pub use headers::Headers;
pub use outcome::CacheOutcome;
pub use partition::PartitionState;
pub use protocol::{CoordinatorCommand, CoordinatorReport};
pub use settings::{InvalidVariableError, MetricsSource, ProxySettings};
pub(crate) use source::all;
pub use source::{JsonResponse, KvStore, UpstreamClient, UpstreamError};
pub use upstream::{MAX_RESPONSE_BYTES, Transport, TransportError, UpstreamRequest, UpstreamResponse};
