//! The plan of an authorized request: a canonical request to the upstream, or a purge.

use super::cache_key::CacheKey;
use super::scopes::Scope;
use crate::http::authorize::AuthorizedRequest;
use crate::http::request::Request;
use crate::http::response::{Response, forbidden, method_not_allowed, not_found};
use crate::http::router::Target;
use crate::http::settings::Settings;
use streamgage::calendar::Day;
use streamgage::query::{Endpoint, MetricsRequest};

#[derive(Debug, PartialEq)]
pub(super) enum ProxyPlan {
    Fetch(CacheKey),
    Purge,
}

/// Returns the plan of a request. `now` is in milliseconds since 1970-01-01.
///
/// # Errors
/// Returns the response to an invalid request, or to one beyond the scope of its key.
pub(super) fn plan(
    authorized: &AuthorizedRequest,
    request: &Request,
    settings: &Settings,
    now: i64,
) -> Result<ProxyPlan, Response> {
    let today = settings.today(&request.url, now);
    let allowed = if authorized.target == Target::Purge { "POST" } else { "GET, HEAD" };
    if !allowed.split(", ").any(|method| method == request.method) {
        return Err(method_not_allowed(&request.method, allowed));
    }
    let cache_key = match &authorized.target {
        Target::Purge => return Ok(ProxyPlan::Purge),
        Target::Endpoint(Endpoint::Metrics) => {
            let query = request.url.query.as_str();
            MetricsRequest::parse(query, today).map_err(|errors| Response::bad_query(&errors))?;
            CacheKey::metrics(query)
        }
        Target::Upstream(cache_key) => cache_key.clone(),
        // The router returns other targets for the store only.
        Target::Endpoint(_) | Target::Dataset | Target::Import(_) => return Err(not_found()),
    };
    restrict_to_scope(authorized, cache_key, today).map(ProxyPlan::Fetch)
}

fn restrict_to_scope(authorized: &AuthorizedRequest, cache_key: CacheKey, today: Day) -> Result<CacheKey, Response> {
    let scopes = authorized.key.as_ref().and_then(|key| key.scopes.as_deref());
    let Some(text) = scopes else { return Ok(cache_key) };
    // An invalid scope permits nothing.
    let scope = Scope::parse(text).ok_or_else(forbidden)?;
    scope.restrict(cache_key, today).map_err(|_| forbidden())
}
