//! Who may ask: keys and what they permit (§3).

use crate::codec::as_list;
use crate::reply::{Reply, throttled};
use crate::store::{Broken, Outcome, Statement};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// What a key permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// The metrics endpoint.
    Metrics,
    /// The lists of the core resources.
    Core,
    /// Loading data.
    Import,
    /// Dropping what the proxy keeps.
    Purge,
}

impl Permission {
    /// Its name in the table of keys.
    const fn name(self) -> &'static str {
        match self {
            Permission::Metrics => "metrics",
            Permission::Core => "core",
            Permission::Import => "import",
            Permission::Purge => "purge",
        }
    }
}

/// Why a visitor is not let in.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The key is none of ours. Attempts are counted by address, and too many are told [`Refusal::throttled`].
    UnknownKey(Reply),
    /// The key is good, but not for this.
    Forbidden(Reply),
}

impl Refusal {
    /// The answer to too many attempts.
    pub fn throttled() -> Reply {
        throttled()
    }
}

/// A key's row, if it is neither expired nor revoked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub id: i64,
    permissions: String,
    /// What of an upstream it may see, as JSON; all of it, if there is none.
    pub scopes: Option<String>,
}

as_list!(Key { id, permissions, scopes });

impl Key {
    /// Finds a key that is good at a time, in seconds since 1970-01-01, and gives other columns with it.
    pub fn lookup(hash: &str, now: i64, others: &str) -> Statement {
        let sql = format!(
            "SELECT json_array(id, permissions, scopes) AS key{others} FROM api_key WHERE hash = ?1 \
             AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)"
        );
        Statement::new(sql, [hash.to_owned().into(), now.into()])
    }

    pub fn read(outcome: &Outcome) -> Result<Option<Key>, Broken> {
        Ok(outcome.read()?.pop().map(|[key]: [Key; 1]| key))
    }

    pub fn permits(&self, permission: Permission) -> bool {
        self.permissions.split(' ').any(|name| name == permission.name())
    }
}

/// Reads the key in the header `Authorization`.
///
/// # Errors
/// The 401 for a header that holds none.
pub fn bearer_key(authorization: Option<&str>) -> Result<&str, Reply> {
    let mut words = authorization.unwrap_or_default().split_ascii_whitespace();
    let scheme = words.next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(unauthorized("Authentication credentials were not provided."));
    }
    let Some(key) = words.next() else {
        return Err(unauthorized("Invalid token header. No credentials provided."));
    };
    if words.next().is_some() {
        return Err(unauthorized("Invalid token header. Token string should not contain spaces."));
    }
    Ok(key)
}

/// A key's SHA-256, in lower-case hexadecimal digits.
pub(crate) fn key_hash(key: &str) -> String {
    hexadecimal(&Sha256::digest(key))
}

/// 128 bits of the SHA-256 of bytes: nobody finds two of one tag.
pub(crate) fn tag(bytes: impl AsRef<[u8]>) -> String {
    hexadecimal(Sha256::digest(bytes).get(..16).unwrap_or_default())
}

/// Lower-case digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

pub fn unauthorized(detail: &str) -> Reply {
    Reply::detail(401, detail).header("WWW-Authenticate", "Bearer")
}

pub fn forbidden() -> Reply {
    Reply::detail(403, "You do not have permission to perform this action.")
}

/// What failed keys are counted by: the address, and of IPv6 the network of 64 bits that one caller commonly has.
///
/// Addresses are read as text: to read and write them by `std::net` is 4 KB of the Worker.
pub fn throttle_address(address: Option<&str>) -> String {
    let address = address.unwrap_or("unknown");
    if !address.contains(':') {
        return address.to_owned();
    }
    let (first, last) = address.split_once("::").unwrap_or((address, ""));
    let groups = |text| str::split(text, ':').filter(|group| !group.is_empty());
    // What `::` stands for.
    let zeros = 8usize.saturating_sub(groups(first).chain(groups(last)).count());
    let groups = groups(first).chain(std::iter::repeat_n("0", zeros)).chain(groups(last));
    groups.take(4).collect::<Vec<_>>().join(":").to_ascii_lowercase() + "::"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hashed() {
        // printf abc | sha256sum
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for header in ["Bearer abc", "bearer abc", "BEARER   abc "] {
            assert_eq!(key_hash(bearer_key(Some(header)).unwrap()), hash, "{header}");
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
    fn addresses_of_one_network_count_together() {
        assert_eq!(throttle_address(Some("192.0.2.7")), "192.0.2.7");
        assert_eq!(throttle_address(Some("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::");
        assert_eq!(throttle_address(Some("2001:DB8:1::5:6")), "2001:db8:1:0::");
        assert_eq!(throttle_address(Some("2001:db8::")), "2001:db8:0:0::");
        assert_eq!(throttle_address(Some("::1")), "0:0:0:0::");
        assert_eq!(throttle_address(Some("::ffff:192.0.2.7")), "0:0:0:0::");
        assert_eq!(throttle_address(None), "unknown");
    }
}
