//! Persons who are erased from a dump.
//!
//! Their commits stay in the repositories, so that every later run reads their names again. Hashes of the names and
//! addresses, which `dump.json` holds, tell such a run what to replace.

use crate::signature::{Signature, fold, parse_signature, person_key};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// All erased persons of a dump, by user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Erasures {
    /// Makes the hashes differ from those of other dumps.
    salt: String,
    users: BTreeMap<u64, Erased>,
}

/// An erased person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Erased {
    hashes: BTreeSet<String>,
    /// The alias that stands for all aliases of the person.
    alias: u64,
    /// True if the commits are removed.
    pub commits: bool,
    /// True if the person was hidden from reports.
    pub hidden: bool,
}

/// The name and address that replace those of a user.
pub(crate) fn pseudonym(user: u64) -> Signature {
    Signature { name: format!("User {user}"), email: format!("user{user}@example.invalid") }
}

impl Erasures {
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    pub fn get(&self, user: u64) -> Option<&Erased> {
        self.users.get(&user)
    }

    /// Adds a person, or more names of a person. The salt is used if there is none yet.
    pub fn add(
        &mut self,
        (user, alias): (u64, u64),
        names: &BTreeSet<Signature>,
        commits: bool,
        hidden: bool,
        salt: &[u8],
    ) {
        if self.salt.is_empty() {
            self.salt = hex::encode(salt);
        }
        let keys = names.iter().flat_map(|signature| [person_key(signature), name_key(&signature.name)]);
        let hashes: Vec<String> = keys.filter(|key| key.len() > 2).map(|key| self.hash(&key)).collect();
        let erased = self.users.entry(user).or_default();
        erased.hashes.extend(hashes);
        erased.alias = alias;
        erased.commits |= commits;
        erased.hidden |= hidden;
    }

    fn hash(&self, key: &str) -> String {
        let hash = Sha256::new().chain_update(&self.salt).chain_update("\n").chain_update(key).finalize();
        hex::encode(hash.get(..16).unwrap_or_default())
    }

    fn find(&self, key: &str) -> Option<u64> {
        if self.is_empty() {
            return None;
        }
        let hash = self.hash(key);
        self.users.iter().find(|(_, erased)| erased.hashes.contains(&hash)).map(|(user, _)| *user)
    }

    /// Returns the user of an erased address, or of an erased name without an address.
    pub fn user(&self, signature: &Signature) -> Option<u64> {
        self.find(&person_key(signature))
    }

    /// Returns the pseudonyms with the numbers of alias and user.
    pub fn pseudonyms(&self) -> impl Iterator<Item = (Signature, (u64, u64))> {
        self.users.iter().map(|(user, erased)| (pseudonym(*user), (erased.alias, *user)))
    }

    /// Returns true for the pseudonym of a person who was hidden from reports.
    pub fn is_hidden(&self, signature: &Signature) -> bool {
        self.users.iter().any(|(user, erased)| erased.hidden && pseudonym(*user) == *signature)
    }

    /// Returns true for a pseudonym.
    pub fn is_pseudonym(&self, email: &str) -> bool {
        self.users.keys().any(|user| pseudonym(*user).email == email)
    }

    /// Replaces erased addresses everywhere in a text, and erased names in trailers such as `Reviewed-by`.
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.is_empty() || !(text.contains('@') || text.contains("-by:") || text.contains("-By:")) {
            return Cow::Borrowed(text);
        }
        let lines = text.split_inclusive('\n').map(|line| self.scrub_line(line));
        Cow::Owned(lines.collect())
    }

    fn scrub_line<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if let Some((token, value)) = line.split_once(':')
            && token.to_ascii_lowercase().ends_with("-by")
        {
            let ((name, email), _) = parse_signature(value.as_bytes());
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let signature = Signature { name: text(name), email: text(email) };
            if let Some(user) = self.user(&signature).or_else(|| self.find(&name_key(&signature.name))) {
                let Signature { name, email } = pseudonym(user);
                let end = if line.ends_with('\n') { "\n" } else { "" };
                return Cow::Owned(format!("{token}: {name} <{email}>{end}"));
            }
        }
        let is_separator = |letter: char| letter.is_whitespace() || "<>()[]{},;:\"'`|".contains(letter);
        let mut line = Cow::Borrowed(line);
        let words: BTreeSet<String> = line
            .split(is_separator)
            .map(|word| word.trim_end_matches(['.', '!', '?']))
            .filter(|word| word.contains('@'))
            .map(str::to_owned)
            .collect();
        for word in words {
            if let Some(user) = self.user(&Signature { name: String::new(), email: word.clone() }) {
                line = Cow::Owned(line.replace(&word, &pseudonym(user).email));
            }
        }
        line
    }

    /// Returns the pseudonym of an erased name.
    pub fn name(&self, name: &str) -> Option<String> {
        self.find(&name_key(name)).map(|user| pseudonym(user).name)
    }
}

/// Returns a name in a comparable form. A name without an address is the same key.
fn name_key(name: &str) -> String {
    format!("<{}>", fold(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_in_trailers_are_replaced() {
        let mut erasures = Erasures::default();
        let ada = Signature { name: "Ada Lovelace".to_owned(), email: "Ada@x.org".to_owned() };
        let forge = Signature { name: "ada".to_owned(), email: "7+ada@users.noreply.github.com".to_owned() };
        erasures.add((3, 1), &BTreeSet::from([ada, forge]), false, false, b"salt");
        let text = "Ada says: write to ada@x.org.\r\n\
            Or to <ada@users.noreply.github.com>, not to ada@y.org or bada@x.org\n\
            Reviewed-By: ADA LOVELACE\nSigned-off-by: Ada L <ada@x.org>\nSigned-off-by: Bob <bob@x.org>";
        assert_eq!(
            erasures.scrub(text),
            "Ada says: write to user3@example.invalid.\r\n\
            Or to <user3@example.invalid>, not to ada@y.org or bada@x.org\n\
            Reviewed-By: User 3 <user3@example.invalid>\nSigned-off-by: User 3 <user3@example.invalid>\n\
            Signed-off-by: Bob <bob@x.org>"
        );
        assert!(!serde_json::to_string(&erasures).unwrap().to_lowercase().contains("ada"));
    }
}
