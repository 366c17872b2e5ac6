//! A run: repositories and an earlier dump in, a dump and a state out.

use crate::dump;
use crate::impact::IMPACT_VERSION;
use crate::numbering::{Numbering, alias_key};
use crate::options::{GitError, Options, Progress};
use crate::output::Output;
use crate::people::{Mapped, People};
use crate::people_file::PeopleFile;
use crate::problems::Problems;
use crate::project::{Project, digest, open};
use crate::report::Report;
use crate::signature::Signature;
use crate::state::State;
use crate::teams::owning_teams;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// A dump that is written. The state is written after the dump is in its place.
pub struct Finished {
    /// The summary.
    pub report: Report,
    state: State,
    path: PathBuf,
}

impl Finished {
    /// Writes the state for the next run.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn write_state(&self) -> Result<(), GitError> {
        self.state.write(&self.path).map_err(|error| failed(&self.path, &error))
    }
}

fn failed(path: &Path, error: &dyn fmt::Display) -> GitError {
    GitError::Failed(format!("{}: {error}", path.display()))
}

/// Reads repositories and writes a dump.
///
/// # Errors
/// Returns an error if the options are not valid, a path is not in a repository, or the dump cannot be written.
/// Damaged objects do not end a run; the report lists them.
pub fn run(options: &Options, progress: &dyn Progress) -> Result<Finished, GitError> {
    let file = options.people.as_ref().map(PeopleFile::parse).transpose().map_err(GitError::Input)?;
    let mut people_file = file.clone().unwrap_or_default();
    let mut problems = Problems::default();
    let mut numbering = options.previous.as_deref().and_then(dump::read_numbering).unwrap_or_default();
    let mut state = State::read(&options.state).filter(|state| state.digest == numbering.digest).unwrap_or_default();
    let erasures = numbering.erased.clone();
    // A state may be older than an erasure.
    state.erase(&erasures);
    let mut projects = open(options, &mut state)?;

    for project in &mut projects {
        progress.stage(&project.remote.name, None);
        project.read_history(options, &erasures, &mut problems, progress)?;
    }
    let signatures: Vec<Mapped> = projects.iter().flat_map(Project::signatures).collect();
    let mut people = People::new(&signatures, &people_file, options.join_people);
    people.hide(&signatures, |signature| erasures.is_hidden(signature));
    let people = people;
    let groups = people.groups(&signatures);
    if !is_same_grouping(&state.groups, &groups) {
        projects.iter_mut().for_each(Project::forget_stats);
    }
    let mut offset = 0;
    for project in &mut projects {
        project.analyze(options, people_of(&people, project, &mut offset), &mut problems, progress);
    }
    if projects.iter().any(|project| project.state.ids.is_empty()) {
        projects.iter().for_each(|project| {
            numbering.repo(&project.remote.key);
        });
        recover_numbers(options, &mut numbering, &mut projects);
    }
    for (key, numbers) in &state.aliases {
        numbering.aliases.entry(alias_key(key)).or_insert(*numbers);
    }
    for (name, numbers) in erasures.pseudonyms() {
        numbering.aliases.insert(alias_key(&name), numbers);
    }
    let mut offset = 0;
    for project in &mut projects {
        let persons = people_of(&people, project, &mut offset);
        project.assign_numbers(&mut numbering, &people, persons);
    }
    let lines = projects.iter().flat_map(Project::team_lines);
    for team in owning_teams(lines, &people, &erasures) {
        people_file.add_team(team);
    }
    let raw: Vec<Signature> = signatures.iter().map(|signature| signature.raw.clone()).collect();
    let numbers = numbering.people(&people, &raw);
    numbering.teams(&people_file);
    numbering.digest = digest(&projects, &numbering);

    let mut output = Output {
        options,
        projects: &projects,
        people: &people,
        signatures: &raw,
        numbers: &numbers,
        has_file: file.is_some(),
        file: &people_file,
        erasures: &erasures,
        report: Report { impact_version: IMPACT_VERSION, ..Report::default() },
    };
    output.write(&mut numbering).map_err(|error| failed(&options.output, &error))?;
    let mut report = output.report;
    report.problems = problems.listed().to_vec();
    report.problem_count = problems.count();
    let aliases = raw.iter().filter_map(|signature| {
        numbering.aliases.get(&alias_key(signature)).map(|numbers| (signature.clone(), *numbers))
    });
    let state = State {
        digest: numbering.digest.clone(),
        aliases: aliases.collect(),
        groups,
        repositories: projects.into_iter().map(|project| project.state).collect(),
    };
    Ok(Finished { report, state, path: options.state.clone() })
}

/// Returns the persons of a project's signatures, which begin at `offset`. Moves the offset to the next project.
fn people_of<'a>(people: &'a People, project: &Project, offset: &mut usize) -> &'a [u32] {
    let (start, count) = (*offset, project.signature_count());
    *offset = start.saturating_add(count);
    people.by_signature.get(start..*offset).unwrap_or_default()
}

/// Returns true if signatures that were one person still are, and the others still are not.
fn is_same_grouping(before: &BTreeMap<Signature, u32>, now: &BTreeMap<Signature, u32>) -> bool {
    let (mut forward, mut backward) = (FxHashMap::default(), FxHashMap::default());
    before.iter().all(|(signature, old)| match now.get(signature) {
        Some(new) => *forward.entry(*old).or_insert(*new) == *new && *backward.entry(*new).or_insert(*old) == *old,
        None => true,
    })
}

/// Takes the numbers of an earlier dump whose state is lost.
fn recover_numbers(options: &Options, numbering: &mut Numbering, projects: &mut [Project]) {
    let Some(previous) = options.previous.as_deref() else { return };
    let mut by_repo: FxHashMap<u64, FxHashMap<String, Vec<dump::OldCommit>>> = FxHashMap::default();
    for commit in dump::read_commits(previous) {
        numbering.last_commit = numbering.last_commit.max(commit.id);
        numbering.last_alias = numbering.last_alias.max(commit.alias);
        numbering.last_user = numbering.last_user.max(commit.user);
        by_repo.entry(commit.repo).or_default().entry(commit.hexsha.clone()).or_default().push(commit);
    }
    for project in projects.iter_mut().filter(|project| project.state.ids.is_empty()) {
        let Some(known) = by_repo.get(&numbering.repo(&project.remote.key)) else { continue };
        let history = &project.state.history;
        project.state.ids = history
            .commits
            .iter()
            .map(|commit| {
                // Rows that credit co-authors have higher numbers than the author's.
                let Some(old) = known.get(&commit.id.0.to_string()).and_then(|rows| rows.first()) else { return 0 };
                if let Some(signature) = history.signatures.get(commit.author as usize) {
                    numbering.aliases.entry(alias_key(signature)).or_insert((old.alias, old.user));
                }
                old.id
            })
            .collect();
        let names: FxHashMap<u64, Signature> = project
            .signatures()
            .into_iter()
            .filter_map(|signature| Some((numbering.aliases.get(&alias_key(&signature.raw))?.0, signature.raw)))
            .collect();
        for (commit, index) in project.state.history.commits.iter().zip(0..) {
            for row in known.get(&commit.id.0.to_string()).into_iter().flatten().skip(1) {
                if let Some(name) = names.get(&row.alias) {
                    project.state.credits.insert((index, name.clone()), row.id);
                }
            }
        }
    }
}
