//! HTTP caching (RFC 9111) as values: what may be stored, how long it may be used, what a stored answer answers.
//!
//! Time is a parameter everywhere: milliseconds since 1970-01-01T00:00:00Z. What an answer says of its own storing and
//! freshness is read once, when it comes in ([`response_policy`], [`Stored::new`]); from then on a decision is a comparison of
//! numbers ([`Stored::decide`]). The storing and freshness of RFC 9111 are those of `http-cache-semantics`, which gets its
//! header fields from here: parsed strictly, each directive once, dates in one form. Variants, what may be used when
//! stale (RFC 5861), conditional requests, ranges and invalidation are here.

mod conditional;
mod date;
mod directives;
mod fields;
mod invalidation;
mod range;
mod response_policy;
mod status;
mod stored;
#[cfg(test)]
mod tests;

pub use conditional::{not_modified, not_modified_fields};
pub use fields::Fields;
pub use invalidation::invalidated;
pub use range::{Part, part};
pub use response_policy::{FreshnessLifetime, ResponsePolicy, Rules, Stale, Times, response_policy};
pub use status::{CacheStatus, Forwarded};
pub use stored::{Decision, Failure, Stored, Wishes, variant};
