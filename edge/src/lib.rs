//! All that the Worker decides, as functions from values to values: no I/O, no clock.
//!
//! A request is answered in at most three steps, each of which the Worker only carries out:
//!
//! 1. [`receive`] answers at once what needs no database, or names a [`Visit`].
//! 2. The visit names the statement that looks its key up, and from that row decides whether it is let in ([`Visit::admit`]).
//! 3. [`Admitted::plan`] is a reply, or the statements of a [`Query`], or an [`Import`] that wants the body first.
//!    What the database answers becomes the reply.
//!
//! [`dress`] puts onto every reply what all have in common. Section numbers (§) are those of the project's
//! specification of the v3 API.

mod access;
pub mod cache;
mod codec;
pub mod proxy;
mod reply;
mod request;
mod store;
mod visit;

pub use access::{Permission, Refusal, bearer_key, forbidden, throttle_address, unauthorized};
pub use reply::{Reply, dress, method_not_allowed, not_found, throttled, unknown_error};
pub use request::{Request, Settings, Url};
pub use store::{Broken, Import, ImportBatch, MAX_BODY, Outcome, Parameter, Plan, Query, Statement};
pub use visit::{Admitted, HEALTH_METHODS, IMPORT_METHODS, Limit, READ_METHODS, Received, Visit, receive};
