//! Requests, responses, routing and authorization. Both backends use them: the store and the proxy.

pub(crate) mod authorize;
pub(crate) mod bearer_token;
pub(crate) mod cors;
pub(crate) mod methods;
pub(crate) mod recent;
pub(crate) mod request;
pub(crate) mod request_id;
pub(crate) mod response;
pub(crate) mod router;
pub(crate) mod settings;

pub use authorize::{AuthorizationError, AuthorizedRequest, Key, KeyCache, Permission, RateLimit, rate_limit_address};
pub use bearer_token::bearer_token;
pub use methods::{HEALTH_METHODS, IMPORT_METHODS, READ_METHODS};
pub use recent::RecentCache;
pub use request::{Request, Url};
pub use request_id::{REQUEST_ID, request_id};
pub use response::{
    Response, failure_response, finalize, forbidden, invalid_page, method_not_allowed, not_found, throttled,
    unauthorized, unknown_error,
};
pub use router::{Backend, PendingRequest, Routed, route_request};
pub use settings::Settings;
