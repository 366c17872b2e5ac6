//! The bearer token of a request (§3).

use super::response::{Response, unauthorized};

/// Returns the token in the header `Authorization`.
///
/// # Errors
/// Returns the 401 for a header without a token.
pub fn bearer_token(authorization: Option<&str>) -> Result<&str, Response> {
    let mut words = authorization.unwrap_or_default().split_ascii_whitespace();
    let scheme = words.next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(unauthorized("Authentication credentials were not provided."));
    }
    let Some(token) = words.next() else {
        return Err(unauthorized("Invalid token header. No credentials provided."));
    };
    if words.next().is_some() {
        return Err(unauthorized("Invalid token header. Token string should not contain spaces."));
    }
    Ok(token)
}
