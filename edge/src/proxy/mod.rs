//! The proxy before an upstream that serves the v3 API.
//!
//! ```text
//! route ─► authorize ─► plan ─► execute ────────────────────────────────────────► respond
//!                               │ edge cache: hit
//!                               └ miss ─► PartitionCoordinator (one per partition)
//!                                         │ durable store: hit
//!                                         └ miss ─► UpstreamSession ─► classify_response
//! ```
//!
//! All modules are generic over the platform: the same code runs in workerd and in a simulation.

mod admission;
mod authorize;
mod background;
mod background_task;
mod breaker;
mod byte_budget;
mod cache;
pub(crate) mod cache_key;
mod classify;
mod coordinator;
mod default_freshness;
pub mod derive;
mod entry;
mod error;
mod execute;
mod handler;
mod headers;
mod isolate_cache;
mod json;
mod kv_store;
mod links;
mod metrics_result;
pub(crate) mod outcome;
mod page;
mod partition;
mod partition_store;
mod pipeline;
mod plan;
mod protocol;
mod recent_requests;
mod response;
mod retry;
mod runtime;
mod scopes;
mod settings;
mod single_flight;
pub mod storage;
mod transport;
mod unfinished;
mod unknown_keys;
mod upstream;
mod upstream_client;
mod weeks;

pub use background_task::BackgroundTask;
pub use byte_budget::{ByteBudget, MAX_UNCOUNTED_BYTES, Reservation, ReservedBody};
pub use cache::{Deadlines, ExchangeTimes};
pub use cache_key::CacheKey;
pub use coordinator::PartitionCoordinator;
pub use entry::CacheEntry;
pub use error::UpstreamError;
pub use handler::ProxyHandler;
pub use headers::Headers;
pub use isolate_cache::IsolateCache;
pub use kv_store::KvStore;
pub use metrics_result::{AssembledMetrics, MetricsResult};
pub use outcome::CacheOutcome;
pub use partition::PartitionState;
pub use partition_store::PartitionStore;
pub use protocol::{CoordinatedResponse, CoordinatorCommand, CoordinatorReport, FetchReply, FetchRequest};
pub use response::{ProxyResponse, ResponseBody};
pub use runtime::{Runtime, UnavailableError};
pub use settings::{InvalidVariableError, MetricsSource, ProxySettings};
pub use transport::{MAX_RESPONSE_BYTES, Transport, TransportError, UpstreamRequest, UpstreamResponse};
pub use upstream_client::{JsonResponse, UpstreamClient};
pub use weeks::WeeklyMetrics;
