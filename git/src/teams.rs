//! Makes teams of the owners that CODEOWNERS files name.

use crate::annotate::Annotation;
use crate::codeowners::CodeOwners;
use crate::erasure::Erasures;
use crate::exclude::{Decider, FileRules};
use crate::people::People;
use crate::people_file::TeamEntry;
use std::collections::BTreeMap;

/// The lines that persons wrote in files of a team.
pub(crate) type TeamLines = (String, BTreeMap<u32, u64>);

/// Sums up the lines that each person wrote in the files of each team.
pub(crate) fn lines<'a>(
    owners: &CodeOwners,
    files: impl Iterator<Item = (&'a [u8], &'a Annotation)>,
    rules: &FileRules,
    author: impl Fn(u32) -> Option<u32>,
) -> Vec<TeamLines> {
    let mut decider = Decider::new(rules);
    let mut teams: BTreeMap<&str, BTreeMap<u32, u64>> = BTreeMap::new();
    for (path, annotation) in files {
        let owners = owners.teams(path);
        if owners.is_empty() || decider.decide(path).excluded.is_some() {
            continue;
        }
        for run in annotation.iter() {
            let Some(person) = author(run.commit) else { continue };
            for team in owners {
                let lines = teams.entry(team).or_default().entry(person).or_default();
                *lines = lines.saturating_add(u64::from(run.lines));
            }
        }
    }
    teams.into_iter().map(|(team, lines)| (team.to_owned(), lines)).collect()
}

/// Makes teams of the owners in CODEOWNERS files. A person belongs to the teams whose files contain most of the person's
/// lines.
pub(crate) fn owning_teams<'a>(
    lines: impl Iterator<Item = &'a TeamLines>,
    people: &People,
    erasures: &Erasures,
) -> Vec<TeamEntry> {
    let mut teams: BTreeMap<&str, BTreeMap<u32, u64>> = BTreeMap::new();
    for (team, persons) in lines {
        let sums = teams.entry(team).or_default();
        for (person, lines) in persons {
            let sum = sums.entry(*person).or_default();
            *sum = sum.saturating_add(*lines);
        }
    }
    let mut most: BTreeMap<u32, u64> = BTreeMap::new();
    for (person, lines) in teams.values().flatten() {
        let found = most.entry(*person).or_default();
        *found = (*found).max(*lines);
    }
    let member = |person: u32| {
        let person = people.persons.get(person as usize)?;
        let is_member = !person.is_bot && !person.email.is_empty() && !erasures.is_pseudonym(&person.email);
        is_member.then(|| person.email.clone())
    };
    let teams = teams.into_iter().map(|(name, lines)| {
        let members = lines.into_iter().filter(|(person, lines)| most.get(person) == Some(lines));
        let members = members.filter_map(|(person, _)| member(person)).collect();
        TeamEntry { name: name.to_owned(), parent: None, members }
    });
    teams.collect()
}
