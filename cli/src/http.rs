//! HTTP requests to one server.
//!
//! The key is sent to the given server only: redirects are not followed, and plain HTTP over a network needs a flag.
//! All requests are idempotent, so that they are retried after failures that are likely to pass.

mod api_key;
mod base_url;
mod client;
mod response;
mod retry;

pub use base_url::{BaseUrl, path_before_api};
pub use client::Client;
pub use response::Response;
