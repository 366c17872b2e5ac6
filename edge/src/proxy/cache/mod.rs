//! HTTP caching as a private cache does it (RFC 9111, RFC 5861), as pure functions.
//!
//! Time is a parameter: milliseconds since 1970-01-01T00:00:00Z. The headers of a response are read once, when the
//! response arrives; later decisions compare the current time with its [`Deadlines`].

mod cache_control;
mod deadlines;
mod response_policy;

pub(crate) use deadlines::CLOCK_SKEW;
pub use deadlines::Deadlines;
pub use response_policy::{ExchangeTimes, response_policy};
