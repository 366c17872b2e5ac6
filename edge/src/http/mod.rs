//! Requests, responses, routing and authorization. Both backends use them: the store and the proxy.

pub(crate) mod authorize;
pub(crate) mod cors;
pub(crate) mod recent;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod router;
pub(crate) mod settings;

pub use authorize::{
    AuthorizationError, AuthorizedRequest, Key, KeyCache, Permission, RateLimit, bearer_token, rate_limit_address,
};
pub use recent::RecentCache;
pub use request::{Request, Url};
pub use response::{
    Response, failure_response, finalize, forbidden, method_not_allowed, not_found, throttled, unauthorized,
    unknown_error,
};
pub use router::{Backend, HEALTH_METHODS, IMPORT_METHODS, PendingRequest, READ_METHODS, Routed, route_request};
pub use settings::Settings;
