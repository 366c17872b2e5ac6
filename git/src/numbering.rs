//! Numbers that stay the same from run to run.

use crate::erasure::Erasures;
use crate::people::{People, Person};
use crate::people_file::PeopleFile;
use crate::signature::Signature;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The numbers in use. They are stored in `dump.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Numbering {
    /// The highest number of a commit so far.
    pub last_commit: u64,
    pub last_repo: u64,
    pub last_user: u64,
    pub last_alias: u64,
    pub last_team: u64,
    pub last_membership: u64,
    /// Repositories by the address of their remote, or by name.
    pub repos: BTreeMap<String, u64>,
    pub teams: BTreeMap<String, u64>,
    /// Team memberships by team and user.
    pub memberships: BTreeMap<String, u64>,
    /// Numbers of the alias and of the user, by `NAME <EMAIL>`. Not stored with `--pseudonyms`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, (u64, u64)>,
    #[serde(skip_serializing_if = "Erasures::is_empty")]
    pub erased: Erasures,
    /// Identifies the numbers of all commits.
    pub digest: String,
}

/// The numbers of signatures and persons.
#[derive(Debug, Default)]
pub(crate) struct PeopleNumbers {
    /// The alias of each signature.
    pub aliases: Vec<u64>,
    /// The user of each person.
    pub users: Vec<u64>,
}

fn next(last: &mut u64) -> u64 {
    *last = last.saturating_add(1);
    *last
}

pub(crate) fn alias_key(signature: &Signature) -> String {
    format!("{} <{}>", signature.name, signature.email)
}

impl Numbering {
    pub fn commit(&mut self) -> u64 {
        next(&mut self.last_commit)
    }

    pub fn repo(&mut self, key: &str) -> u64 {
        *self.repos.entry(key.to_owned()).or_insert_with(|| next(&mut self.last_repo))
    }

    pub fn membership(&mut self, team: u64, user: u64) -> u64 {
        *self.memberships.entry(format!("{team}/{user}")).or_insert_with(|| next(&mut self.last_membership))
    }

    /// Numbers the teams of the people file, parents first.
    pub fn teams(&mut self, file: &PeopleFile) {
        for team in &file.teams {
            if !self.teams.contains_key(&team.name) {
                let number = next(&mut self.last_team);
                self.teams.insert(team.name.clone(), number);
            }
        }
    }

    /// Numbers people. A person keeps the lowest number that one of their aliases had.
    pub fn people(&mut self, people: &People, signatures: &[Signature]) -> PeopleNumbers {
        let mut numbers = PeopleNumbers::default();
        let mut taken = BTreeSet::new();
        let known = |numbering: &Numbering, person: &Person| {
            let signatures = person.signatures.iter().filter_map(|index| signatures.get(*index as usize));
            let mut users: Vec<u64> = signatures
                .filter_map(|signature| numbering.aliases.get(&alias_key(signature)))
                .map(|(_, user)| *user)
                .collect();
            users.sort_unstable();
            users
        };
        for person in &people.persons {
            let kept = known(self, person).into_iter().find(|user| !taken.contains(user));
            let user = kept.unwrap_or_else(|| next(&mut self.last_user));
            taken.insert(user);
            numbers.users.push(user);
        }
        for (signature, person) in signatures.iter().zip(&people.by_signature) {
            let user = numbers.users.get(*person as usize).copied().unwrap_or_default();
            let last = &mut self.last_alias;
            let entry = self.aliases.entry(alias_key(signature)).or_insert_with(|| (next(last), user));
            entry.1 = user;
            numbers.aliases.push(entry.0);
        }
        numbers
    }
}
