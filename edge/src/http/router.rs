//! The router of both backends. Checks run in the order 404 or 301, 401, 403, 429, 405, 400 (§3): the router answers the
//! first two and a missing key, `authorize` the next three, and the plan of a backend the rest.

use super::bearer_token::bearer_token;
use super::cors::{is_preflight, preflight_headers};
use super::methods::HEALTH_METHODS;
use super::request::Request;
use super::response::{Response, method_not_allowed, not_found};
use super::settings::Settings;
use crate::proxy::cache_key::CacheKey;
use crate::proxy::outcome::REFUSED;
use crate::store::Import;
use streamgage::query::{Endpoint, METRICS_PATH, Route, route};

/// The path at which a caller of the proxy empties the cache of a key.
pub const PURGE: &str = "/cache/purge";

/// The source of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The Worker's database.
    Store,
    /// An upstream, and a cache of its responses.
    Proxy,
}

/// The result of routing.
#[derive(Debug, PartialEq)]
pub enum Routed {
    /// The response needs neither a key nor a backend.
    Response(Response),
    /// The request needs authorization.
    Pending(PendingRequest),
}

/// A request for an existing resource, with a bearer token that is not checked yet.
#[derive(Debug, PartialEq)]
pub struct PendingRequest {
    pub(super) backend: Backend,
    pub(super) target: Target,
    pub(super) token: String,
}

/// The resource that a request names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    /// An endpoint of the API. The proxy serves only the metrics endpoint under this name.
    Endpoint(Endpoint),
    /// The description of the loaded data.
    Dataset,
    /// The import of rows.
    Import(Import),
    /// A resource of the upstream, other than metrics.
    Upstream(CacheKey),
    /// The purge of a key's cache.
    Purge,
}

/// Routes a request. `now` is in milliseconds since 1970-01-01.
pub fn route_request(request: &Request, settings: &Settings, backend: Backend, now: i64) -> Routed {
    let routed = match request.url.path.as_str() {
        "/healthz" => return Routed::Response(health(request, settings, now)),
        path if backend == Backend::Proxy && is_proxied(path) => {
            find_pending(request, settings, backend).map_err(|response| response.header("Cache-Status", REFUSED))
        }
        _ if backend == Backend::Proxy => Err(not_found()),
        _ => find_pending(request, settings, backend),
    };
    routed.map_or_else(Routed::Response, Routed::Pending)
}

fn is_proxied(path: &str) -> bool {
    matches!(path, PURGE | "/v3" | "/dataset") || ["/v3/", "/import/"].iter().any(|prefix| path.starts_with(prefix))
}

fn find_pending(request: &Request, settings: &Settings, backend: Backend) -> Result<PendingRequest, Response> {
    let target = match backend {
        Backend::Store => find_in_store(request)?,
        Backend::Proxy => find_upstream(request)?,
    };
    if is_preflight(request, settings) && !matches!(target, Target::Import(_) | Target::Purge) {
        return Err(Response { headers: preflight_headers(), ..Response::empty(204) });
    }
    let token = bearer_token(request.authorization.as_deref())?.to_owned();
    Ok(PendingRequest { backend, target, token })
}

fn find_in_store(request: &Request) -> Result<Target, Response> {
    match request.url.path.as_str() {
        "/dataset" => Ok(Target::Dataset),
        path => match path.strip_prefix("/import/") {
            Some(name) => Import::of(name).map(Target::Import).ok_or_else(not_found),
            None => match route(path) {
                Route::Endpoint(endpoint) => Ok(Target::Endpoint(endpoint)),
                Route::Redirect(path) => Err(redirect(path, &request.url.query)),
                Route::NotFound => Err(not_found()),
            },
        },
    }
}

fn find_upstream(request: &Request) -> Result<Target, Response> {
    let (path, query) = (request.url.path.as_str(), request.url.query.as_str());
    if METRICS_PATH.strip_suffix('/') == Some(path) {
        return Err(redirect(METRICS_PATH.to_owned(), query));
    }
    match path {
        PURGE => Ok(Target::Purge),
        METRICS_PATH => Ok(Target::Endpoint(Endpoint::Metrics)),
        _ => CacheKey::parse(path, query).map(Target::Upstream).ok_or_else(not_found),
    }
}

fn health(request: &Request, settings: &Settings, now: i64) -> Response {
    match request.method.as_str() {
        "GET" | "HEAD" => {
            let today = settings.today(&request.url, now);
            Response::json(200, format!(r#"{{"status":"ok","today":"{today}"}}"#))
        }
        method => method_not_allowed(method, HEALTH_METHODS),
    }
}

pub(crate) fn redirect(mut location: String, query: &str) -> Response {
    if !query.is_empty() {
        location.push('?');
        location.push_str(query);
    }
    Response::empty(301).header("Location", location)
}
