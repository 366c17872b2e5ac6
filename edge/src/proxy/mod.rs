//! The proxy before an upstream that serves the v3 API.
//!
//! ```text
//! caller ─► open ─► Front ──── hit ────────────────────► dress ─► caller
//!          (400,     │  ▲  the fast tier
//!           401…)    ▼  │
//!                   Keeper, one a partition ─► Upstream: limits, retries, the breaker ─► settle
//!                    what outlives the fast tier
//! ```
//!
//! Everything is written over traits: the same code runs in workerd, and in a simulated world by the million of steps.

mod breaker;
pub mod durable;
mod entry;
mod front;
mod headers;
mod keeper;
mod keys;
mod links;
mod policy;
mod requests;
mod retry;
mod scopes;
mod settings;
mod settle;
mod source;
mod status;
mod upstream;
mod wire;

pub use entry::Entry;
pub use front::{Call, Content, Front, Later, Memory, Opened, Served, Unavailable, World, open};
pub use headers::Headers;
pub use keeper::{Answered, Ask, Keeper, MAX_KEPT, Store, Told};
pub use keys::Record;
pub use policy::{Lifetimes, Terms};
pub use requests::{Asked, Class, Query};
pub use settings::{BadVariable, MetricsFrom, ProxySettings};
pub(crate) use source::all;
pub use source::{Fetched, Shelf, Source, Trouble};
pub use status::Way;
pub use upstream::{Incoming, MAX_ANSWER, Net, NoAnswer, Outgoing};
pub use wire::{Command, Report};
