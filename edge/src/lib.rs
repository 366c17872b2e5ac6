//! The Worker's decisions as functions from values to values, without I/O and without a clock.
//!
//! Every request passes five stages:
//!
//! 1. Route: [`route_request`] answers requests that need no key, and turns all others into a [`PendingRequest`].
//! 2. Authorize: [`PendingRequest::authorize`] checks the key and returns an [`AuthorizedRequest`].
//! 3. Plan: [`AuthorizedRequest::plan`] returns a response, a [`Query`] or an [`Import`]. In proxy mode the plan is a
//!    request to the upstream, in canonical form.
//! 4. Execute: the Worker runs the statements, or [`proxy`] consults its cache and asks the upstream.
//! 5. Respond: [`finalize`] completes the response.
//!
//! Section numbers (§) refer to the project's specification of the v3 API.

mod http;
mod json;
mod log;
pub mod proxy;
mod store;

pub use http::{
    AuthorizationError, AuthorizedRequest, Backend, HEALTH_METHODS, IMPORT_METHODS, Key, KeyCache, PendingRequest,
    Permission, READ_METHODS, REQUEST_ID, RateLimit, RecentCache, Request, Response, Routed, Settings, Url,
    bearer_token, failure_response, finalize, forbidden, invalid_page, method_not_allowed, not_found,
    rate_limit_address, request_id, route_request, throttled, unauthorized, unknown_error,
};
pub use log::{Event, Level, error_text};
pub use store::{
    DatabaseError, ETag, Import, ImportBatch, MAX_BODY, Parameter, Plan, Query, Statement, StatementResult,
    generation_statement, read_generation,
};
