//! Header fields (RFC 9110 §5), and the lists in them.

use serde::{Deserialize, Serialize};

/// Header fields in their order. Names are in lower case; a field may have several lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(Vec<(String, String)>);

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Fields {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(lines: T) -> Fields {
        Fields(lines.into_iter().map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.into())).collect())
    }
}

impl Fields {
    /// The lines, names in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a field, several lines joined by commas (RFC 9110 §5.3). The name is in lower case.
    pub fn get(&self, name: &str) -> Option<String> {
        let mut lines = self.lines(name);
        let first = lines.next()?.to_owned();
        Some(lines.fold(first, |joined, line| joined + ", " + line))
    }

    /// Whether there is such a field.
    pub fn has(&self, name: &str) -> bool {
        self.lines(name).next().is_some()
    }

    /// Puts a value in the place of all lines of that name.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.0.push((name.to_owned(), value.into()));
    }

    /// Takes all lines of a field out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }

    /// The members of a comma-separated list without quoted strings in it, in lower case.
    pub(super) fn list(&self, name: &str) -> impl Iterator<Item = String> {
        let members = self.lines(name).flat_map(|line| line.split(','));
        members.map(|member| member.trim().to_ascii_lowercase()).filter(|member| !member.is_empty())
    }

    /// Without what belongs to one connection or to one proxy (RFC 9110 §7.6.1, RFC 9111 §3.1): neither passed on
    /// nor stored.
    pub fn end_to_end(&self) -> Fields {
        let named: Vec<String> = self.list("connection").collect();
        let stays = |name: &str| !HOP_BY_HOP.contains(&name) && !named.iter().any(|other| other == name);
        Fields(self.0.iter().filter(|(name, _)| stays(name)).cloned().collect())
    }

    fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Puts the fields of a 304 in the place of stored ones (RFC 9111 §3.2).
    pub(super) fn update(&mut self, newer: Fields) {
        let replaces = |name: &str| !OF_THE_BODY.contains(&name);
        self.0.retain(|(name, _)| !(replaces(name) && newer.has(name)));
        self.0.extend(newer.0.into_iter().filter(|(name, _)| replaces(name)));
    }
}

const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// What tells of the stored body, which a 304 leaves as it is.
const OF_THE_BODY: [&str; 4] = ["content-encoding", "content-length", "content-md5", "content-range"];
