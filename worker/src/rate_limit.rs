//! The rate limits of wrangler.jsonc.

use streamgage_edge::{RateLimit, rate_limit_address};
use worker::web_sys::Request;
use worker::{Env, Result};

/// Counts a request against a rate limit and reports whether it is allowed.
pub async fn check(env: &Env, limit: RateLimit, key: String) -> Result<bool> {
    Ok(env.rate_limiter(limit.binding())?.limit(key).await?.success)
}

/// Returns the network address of a caller, as rate limits count it.
pub fn client_address(source: &Request) -> Result<String> {
    Ok(rate_limit_address(source.headers().get("CF-Connecting-IP")?.as_deref()))
}

/// Counts a request with an unknown key against the limit of its network address.
pub async fn check_failed_key(env: &Env, address: String) -> Result<bool> {
    check(env, RateLimit::FailedKeys, address).await
}
