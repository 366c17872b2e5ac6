//! The rate limits of wrangler.jsonc.

use streamgage_edge::{RateLimit, rate_limit_address};
use worker::web_sys::Request;
use worker::{Env, Result};

/// Counts a request against a rate limit and reports whether it is allowed.
pub async fn check(env: &Env, limit: RateLimit, key: String) -> Result<bool> {
    Ok(env.rate_limiter(limit.binding())?.limit(key).await?.success)
}

/// Counts a request with an unknown key against the limit of its network address.
pub async fn check_failed_key(env: &Env, source: &Request) -> Result<bool> {
    let address = source.headers().get("CF-Connecting-IP")?;
    check(env, RateLimit::FailedKeys, rate_limit_address(address.as_deref())).await
}
