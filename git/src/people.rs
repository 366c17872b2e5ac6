//! Finds out which names and addresses are one person.

use crate::history::position;
use crate::people_file::PeopleFile;
use crate::signature::{Signature, fold, noreply_login, person_key};
use gix::bstr::ByteSlice;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// A person with all names and addresses that they use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub name: String,
    pub email: String,
    /// Numbers of signatures.
    pub signatures: Vec<u32>,
    pub is_bot: bool,
    pub is_excluded: bool,
    /// True if the people file names the person.
    pub is_listed: bool,
}

/// The people of several repositories.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    pub persons: Vec<Person>,
    /// The person of each signature.
    pub by_signature: Vec<u32>,
}

/// A signature with the mailmap of its repository applied.
pub(crate) struct Mapped {
    pub raw: Signature,
    pub mapped: Signature,
}

/// Applies a mailmap.
pub(crate) fn map(mailmap: &gix::mailmap::Snapshot, signature: &Signature) -> Signature {
    let resolved = mailmap.resolve(gix::actor::SignatureRef {
        name: signature.name.as_bytes().as_bstr(),
        email: signature.email.as_bytes().as_bstr(),
        time: "0 +0000",
    });
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Signature { name: text(&resolved.name), email: text(&resolved.email) }
}

impl People {
    /// Joins signatures into persons. Without `join`, each address is a person.
    pub fn new(signatures: &[Mapped], file: &PeopleFile, join: bool) -> People {
        let mut keys: Vec<String> = Vec::with_capacity(signatures.len());
        let aliases = Aliases::new(file);
        for signature in signatures {
            let listed =
                join.then(|| aliases.find(&signature.mapped).or_else(|| aliases.find(&signature.raw))).flatten();
            keys.push(match listed {
                Some(email) => email.to_owned(),
                None if join => person_key(&signature.mapped),
                None => signature.raw.email.clone(),
            });
        }
        if join {
            join_noreply(signatures, &mut keys);
        }
        let mut people = People::default();
        let mut by_key: FxHashMap<&str, u32> = FxHashMap::default();
        for (index, (key, signature)) in keys.iter().zip(signatures).enumerate() {
            let number = *by_key.entry(key).or_insert_with(|| {
                let entry = file.users.iter().find(|user| join && fold(&user.email) == *key);
                people.persons.push(Person {
                    name: entry.and_then(|entry| entry.name.clone()).unwrap_or_else(|| signature.mapped.name.clone()),
                    email: entry.map_or_else(|| signature.mapped.email.clone(), |entry| entry.email.clone()),
                    signatures: Vec::new(),
                    is_bot: entry.and_then(|entry| entry.bot).unwrap_or(false),
                    is_excluded: entry.is_some_and(|entry| entry.excluded),
                    is_listed: entry.is_some(),
                });
                position(people.persons.len().saturating_sub(1))
            });
            people.by_signature.push(number);
            let Some(person) = people.persons.get_mut(number as usize) else { continue };
            person.signatures.push(position(index));
            let is_decided = file.users.iter().any(|user| user.bot.is_some() && fold(&user.email) == *key);
            person.is_bot |= !is_decided && is_bot(&signature.mapped);
            // An address that people use is nicer to show than one that a forge made.
            if !person.is_listed
                && noreply_login(&person.email).is_some()
                && noreply_login(&signature.mapped.email).is_none()
            {
                person.name.clone_from(&signature.mapped.name);
                person.email.clone_from(&signature.mapped.email);
            }
        }
        people
    }

    /// Hides the persons of some names and addresses from reports.
    pub fn hide(&mut self, signatures: &[Mapped], is_hidden: impl Fn(&Signature) -> bool) {
        for person in &mut self.persons {
            let mut own = person.signatures.iter().filter_map(|index| signatures.get(*index as usize));
            person.is_excluded |= own.any(|signature| is_hidden(&signature.raw));
        }
    }

    /// Returns signatures grouped by person, for comparison with those of an earlier run.
    pub fn groups(&self, signatures: &[Mapped]) -> BTreeMap<Signature, u32> {
        let mut first: FxHashMap<u32, u32> = FxHashMap::default();
        let grouped = signatures.iter().zip(&self.by_signature).enumerate();
        grouped
            .map(|(index, (signature, person))| {
                (signature.raw.clone(), *first.entry(*person).or_insert_with(|| position(index)))
            })
            .collect()
    }
}

struct Aliases<'a>(FxHashMap<String, &'a str>, Vec<String>);

impl<'a> Aliases<'a> {
    fn new(file: &'a PeopleFile) -> Self {
        let mut aliases = FxHashMap::default();
        let emails: Vec<String> = file.users.iter().map(|user| fold(&user.email)).collect();
        for user in &file.users {
            for alias in std::iter::once(&user.email).chain(&user.aliases) {
                aliases.insert(fold(alias), user.email.as_str());
            }
        }
        Aliases(aliases, emails)
    }

    fn find(&self, signature: &Signature) -> Option<&str> {
        let Aliases(aliases, emails) = self;
        let (name, email) = (fold(&signature.name), fold(&signature.email));
        let found =
            aliases.get(&format!("{name} <{email}>")).or_else(|| aliases.get(&email)).or_else(|| aliases.get(&name))?;
        emails.iter().find(|email| **email == fold(found)).map(String::as_str)
    }
}

/// Joins an address that a forge made with the only other person of the same full name.
fn join_noreply(signatures: &[Mapped], keys: &mut [String]) {
    let mut by_name: FxHashMap<String, BTreeSet<String>> = FxHashMap::default();
    for (signature, key) in signatures.iter().zip(keys.iter()) {
        if noreply_login(&signature.mapped.email).is_none() {
            by_name.entry(fold(&signature.mapped.name)).or_default().insert(key.clone());
        }
    }
    let mut joined: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (signature, key) in signatures.iter().zip(keys.iter()) {
        let name = fold(&signature.mapped.name);
        if noreply_login(&signature.mapped.email).is_some()
            && name.contains(' ')
            && let Some(others) = by_name.get(&name)
        {
            joined.entry(key.clone()).or_default().extend(others.iter().cloned());
        }
    }
    for key in keys {
        if let Some(others) = joined.get(key)
            && let (Some(only), 1) = (others.first(), others.len())
        {
            key.clone_from(only);
        }
    }
}

/// Recognizes the accounts of machines by their names and addresses.
fn is_bot(signature: &Signature) -> bool {
    const LOGINS: &[&str] = &[
        "dependabot",
        "dependabot-preview",
        "renovate",
        "renovate-bot",
        "renovatebot",
        "greenkeeper",
        "github-actions",
        "github actions",
        "snyk-bot",
        "semantic-release-bot",
        "pre-commit-ci",
        "allcontributors",
        "mergify",
        "bors",
        "codecov-io",
        "imgbot",
        "web-flow",
        "weblate",
        "gitlab-bot",
        "jenkins",
        "travis-ci",
        "circleci",
        "copybara-service",
        "transifex-integration",
        "crowdin-bot",
        "step-security-bot",
        "pyup-bot",
        "whitesource-bolt",
        "depfu",
        "k8s-ci-robot",
        "rust-bors",
        "rust-highfive",
        "ci-bot",
        "svc-bot",
    ];
    let (name, email) = (fold(&signature.name), fold(&signature.email));
    let local = email.split('@').next().unwrap_or_default();
    let local = local.rsplit('+').next().unwrap_or_default();
    [name.as_str(), local].iter().any(|text| {
        text.ends_with("[bot]")
            || text.ends_with("-bot")
            || LOGINS.contains(text)
            || text.starts_with("project_") && text.contains("_bot")
    }) || email.ends_with("bot@renovateapp.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(signatures: &[(&str, &str)]) -> Vec<Mapped> {
        let signature =
            |(name, email): &(&str, &str)| Signature { name: (*name).to_owned(), email: (*email).to_owned() };
        signatures.iter().map(|pair| Mapped { raw: signature(pair), mapped: signature(pair) }).collect()
    }

    fn groups(signatures: &[(&str, &str)], file: &str, join: bool) -> Vec<u32> {
        People::new(&mapped(signatures), &PeopleFile::from_toml(file).unwrap(), join).by_signature
    }

    #[test]
    fn addresses_join_signatures() {
        let signatures = [
            ("Ada Lovelace", "ada@x.org"),
            ("ada", "ADA@x.org"),
            ("Ada Lovelace", "12+ada@users.noreply.github.com"),
            ("ada", "ada@users.noreply.github.com"),
            ("Bob", "bob@x.org"),
            ("Bob", "7+bob@users.noreply.github.com"),
        ];
        assert_eq!(groups(&signatures, "", true), [0, 0, 0, 0, 1, 2], "a single name is too little to join by");
        assert_eq!(groups(&signatures, "", false), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_name_of_two_people_joins_nobody() {
        let signatures = [("Ann Lee", "a@x"), ("Ann Lee", "b@x"), ("Ann Lee", "ann@users.noreply.github.com")];
        assert_eq!(groups(&signatures, "", true), [0, 1, 2]);
    }

    #[test]
    fn the_people_file_joins_and_excludes() {
        let file = r#"
            [[user]]
            name = "Ada"
            email = "ada@x.org"
            aliases = ["Lovelace", "old@x.org", "Root <root@x.org>"]
            excluded = true
            [[user]]
            email = "ci-bot@x.org"
            bot = false
        "#;
        let signatures = [
            ("Lovelace", "l@y"),
            ("z", "OLD@x.org"),
            ("root", "root@x.org"),
            ("Eve", "root@x.org"),
            ("CI", "ci-bot@x.org"),
        ];
        let people = People::new(&mapped(&signatures), &PeopleFile::from_toml(file).unwrap(), true);
        assert_eq!(people.by_signature, [0, 0, 0, 1, 2]);
        assert!(people.persons[0].is_excluded && people.persons[0].name == "Ada");
        assert!(!people.persons[2].is_bot && people.persons[2].is_listed);
    }

    #[test]
    fn bots_are_recognized() {
        for (name, email) in [
            ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com"),
            ("Renovate Bot", "bot@renovateapp.com"),
            ("acme-bot", "x@acme.com"),
            ("github-actions", "x@y"),
        ] {
            assert!(is_bot(&mapped(&[(name, email)])[0].raw), "{name}");
        }
        for (name, email) in [("Abbot", "abbot@x.org"), ("Bob Robot", "robot@x.org"), ("Jenkins Smith", "js@x.org")] {
            assert!(!is_bot(&mapped(&[(name, email)])[0].raw), "{name}");
        }
    }
}
