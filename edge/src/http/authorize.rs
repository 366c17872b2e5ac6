//! Authorization: API keys, their permissions, and rate-limit classes (§3).

use super::recent::RecentCache;
use super::request::Request;
use super::response::{Response, forbidden, unauthorized};
use super::router::{Backend, PendingRequest, Target};
use crate::store::{DatabaseError, Statement, StatementResult};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::net::IpAddr;
use streamgage::query::Endpoint;

/// A permission of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// The metrics endpoint.
    Metrics,
    /// The lists of the core resources.
    Core,
    /// The import of rows.
    Import,
    /// The purge of the proxy's cache.
    Purge,
}

impl Permission {
    /// Returns the name in the column `api_key.permissions`.
    const fn name(self) -> &'static str {
        match self {
            Permission::Metrics => "metrics",
            Permission::Core => "core",
            Permission::Import => "import",
            Permission::Purge => "purge",
        }
    }
}

/// The row of an API key that is neither expired nor revoked.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Key {
    pub(crate) id: i64,
    permissions: String,
    /// The part of an upstream that the key may read, as JSON. Without it, the key may read everything.
    pub(crate) scopes: Option<String>,
}

impl Key {
    /// Selects the key with a hash, if it is valid at a time in milliseconds since 1970-01-01.
    pub fn lookup(hash: &str, now: i64) -> Statement {
        let sql = "SELECT json_array(id, permissions, scopes) AS key FROM api_key WHERE hash = ?1 \
                   AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)";
        Statement::new(sql, [hash.to_owned().into(), now.div_euclid(1_000).into()])
    }

    /// Reads the result of [`Key::lookup`].
    ///
    /// # Errors
    /// Returns an error if the row has unexpected columns.
    pub fn read(outcome: &StatementResult) -> Result<Option<Key>, DatabaseError> {
        Ok(outcome.read()?.pop().map(|[key]: [Key; 1]| key))
    }

    pub(crate) fn permits(&self, permission: Permission) -> bool {
        self.permissions.split(' ').any(|name| name == permission.name())
    }
}

/// Recently accepted keys by hash. A revoked or changed key may be accepted as it was for up to one minute.
pub type KeyCache = RecentCache<Key>;

/// The reason why a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationError {
    /// The token is not a valid key. Such requests are counted by network address.
    UnknownKey,
    /// The key lacks a permission.
    Forbidden,
}

impl AuthorizationError {
    /// Returns the 401 or 403.
    pub fn response(self) -> Response {
        match self {
            AuthorizationError::UnknownKey => unauthorized("Invalid token."),
            AuthorizationError::Forbidden => forbidden(),
        }
    }
}

/// A request whose key permits it.
#[derive(Debug, PartialEq)]
pub struct AuthorizedRequest {
    pub(crate) target: Target,
    /// The bearer token.
    pub(crate) token: String,
    /// The key. `None` if the upstream checks the token.
    pub(crate) key: Option<Key>,
}

impl PendingRequest {
    /// Returns the hash that [`Key::lookup`] takes.
    pub fn key_hash(&self) -> String {
        key_hash(&self.token)
    }

    /// Accepts the request if its key permits it. `key` is `None` if the database has no valid key of this hash.
    ///
    /// # Errors
    /// Returns the reason for a 401 or 403.
    pub fn authorize(self, key: Option<Key>) -> Result<AuthorizedRequest, AuthorizationError> {
        let key = key.ok_or(AuthorizationError::UnknownKey)?;
        let permissions: &[Permission] = match self.target {
            Target::Endpoint(Endpoint::Metrics) => &[Permission::Metrics],
            Target::Endpoint(_) | Target::Upstream(_) => &[Permission::Core],
            Target::Import(_) => &[Permission::Import],
            Target::Purge => &[Permission::Purge, Permission::Import],
            Target::Dataset => &[],
        };
        let is_permitted = permissions.is_empty() || permissions.iter().any(|&permission| key.permits(permission));
        // Only the proxy can apply a scope. The purge would affect responses that the key may not read.
        let ignores_scopes = self.backend == Backend::Store || self.target == Target::Purge;
        if !is_permitted || (key.scopes.is_some() && ignores_scopes) {
            return Err(AuthorizationError::Forbidden);
        }
        Ok(AuthorizedRequest { target: self.target, token: self.token, key: Some(key) })
    }

    /// Accepts the request without a check, because the upstream checks the token.
    pub fn authorize_by_upstream(self) -> AuthorizedRequest {
        AuthorizedRequest { target: self.target, token: self.token, key: None }
    }
}

/// A rate limit of the Worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// Reads of the API, counted by key.
    Reads,
    /// Imports, counted by key.
    Imports,
    /// Requests with an unknown key, counted by network address.
    FailedKeys,
}

impl RateLimit {
    /// Returns the name of the binding.
    pub const fn binding(self) -> &'static str {
        match self {
            RateLimit::Reads => "READS",
            RateLimit::Imports => "IMPORTS",
            RateLimit::FailedKeys => "FAILED_KEYS",
        }
    }
}

impl AuthorizedRequest {
    /// Returns the rate limit of the request and the key to count it by. Requests to this machine are not limited.
    pub fn rate_limit(&self, request: &Request) -> Option<(RateLimit, String)> {
        if request.url.is_loopback() {
            return None;
        }
        let limit = if matches!(self.target, Target::Import(_)) { RateLimit::Imports } else { RateLimit::Reads };
        Some((limit, self.key.as_ref()?.id.to_string()))
    }
}

/// Returns the SHA-256 of a token, in lowercase hexadecimal digits.
pub(crate) fn key_hash(token: &str) -> String {
    hexadecimal(&Sha256::digest(token))
}

/// Returns the first 128 bits of the SHA-256 of some bytes, in lowercase hexadecimal digits.
pub(crate) fn short_hash(bytes: impl AsRef<[u8]>) -> String {
    hexadecimal(Sha256::digest(bytes).get(..16).unwrap_or_default())
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Returns the rate-limit key of a client address: an IPv4 address, or the /64 network of an IPv6 address.
pub fn rate_limit_address(address: Option<&str>) -> String {
    let address = address.unwrap_or("unknown");
    match address.parse() {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::")
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bearer_token::bearer_token;
    use super::*;

    #[test]
    fn the_token_of_the_header_is_hashed() {
        // printf abc | sha256sum
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for header in ["Bearer abc", "bearer abc", "BEARER   abc "] {
            assert_eq!(key_hash(bearer_token(Some(header)).unwrap()), hash, "{header}");
        }
    }

    #[test]
    fn permissions_are_whole_words() {
        let key = Key { id: 1, permissions: "metrics core".into(), scopes: None };
        assert!(key.permits(Permission::Metrics) && key.permits(Permission::Core));
        assert!(!key.permits(Permission::Import));
        assert!(!Key { id: 1, permissions: "imports".into(), scopes: None }.permits(Permission::Import));
    }

    #[test]
    fn ipv6_addresses_of_one_network_share_a_rate_limit() {
        assert_eq!(rate_limit_address(Some("192.0.2.7")), "192.0.2.7");
        assert_eq!(rate_limit_address(Some("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::");
        assert_eq!(rate_limit_address(Some("2001:DB8:1::5:6")), "2001:db8:1:0::");
        assert_eq!(rate_limit_address(Some("2001:db8::")), "2001:db8:0:0::");
        assert_eq!(rate_limit_address(Some("::1")), "0:0:0:0::");
        assert_eq!(rate_limit_address(Some("::ffff:192.0.2.7")), "0:0:0:0::");
        assert_eq!(rate_limit_address(None), "unknown");
    }
}
