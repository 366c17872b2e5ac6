//! The proxy before an upstream that serves the v3 API.

mod source;

pub use source::{Fetched, Shelf, Source, Trouble};
