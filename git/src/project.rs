//! One repository during a run.

use crate::analyze::{Analysis, CommitStats};
use crate::annotate::{Ages, Paths, Snapshot};
use crate::co_authors::{CoAuthors, Credit};
use crate::codeowners::CodeOwners;
use crate::completeness::{partial_filter, shallow};
use crate::erasure::Erasures;
use crate::exclude::FileRules;
use crate::history::{Commit, History, Reach, position};
use crate::numbering::Numbering;
use crate::objects::Objects;
use crate::options::{GitError, Options, Progress};
use crate::packs::PackFiles;
use crate::people::{self, Mapped, People};
use crate::problems::Problems;
use crate::refs::{RefRules, Tips, tips};
use crate::remote::Remote;
use crate::state::{RepositoryState, State, StoredSnapshots};
use crate::teams::{self, TeamLines};
use crate::tree;
use gix::ObjectId;
use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The most branches and other refs whose line origins are kept for the next run.
const MAX_TIPS: usize = 256;

/// One repository during a run.
pub(crate) struct Project {
    path: PathBuf,
    repository: gix::ThreadSafeRepository,
    pub remote: Remote,
    rules: FileRules,
    settings: [u8; 32],
    pub state: RepositoryState,
    snapshots: FxHashMap<u32, Snapshot>,
    tips: Tips,
    pub reach: Vec<Reach>,
    co_authors: CoAuthors,
    /// The rows that credit co-authors, by commit.
    pub credits: Vec<Credit>,
    teams: Vec<TeamLines>,
    mailmap: gix::mailmap::Snapshot,
    pub new_commits: u64,
    pub number: u64,
}

/// Opens the repositories, with their parts of an earlier state.
///
/// # Errors
/// Returns an error if a path is not in a repository, or if two paths are in the same one.
pub(crate) fn open(options: &Options, state: &mut State) -> Result<Vec<Project>, GitError> {
    let mut projects: Vec<Project> = Vec::new();
    for path in &options.repositories {
        let unusable = |why: &dyn fmt::Display| GitError::Input(format!("{}: {why}", path.display()));
        if !path.exists() {
            return Err(unusable(&"no such folder"));
        }
        let repository = gix::ThreadSafeRepository::discover(path)
            .map_err(|error| unusable(&format!("no git repository can be opened: {error}")))?;
        let local = repository.to_thread_local();
        let mut remote = Remote::of(&local);
        let folder = std::fs::canonicalize(local.common_dir()).unwrap_or_else(|_| local.common_dir().to_owned());
        for other in &projects {
            let other_folder = other.repository.to_thread_local();
            if std::fs::canonicalize(other_folder.common_dir()).is_ok_and(|other| other == folder) {
                return Err(unusable(&format!("the same repository as {}", other.path.display())));
            }
        }
        let mut copy: usize = 1;
        let base = remote.key.clone();
        while projects.iter().any(|other| other.remote.key == remote.key) {
            copy = copy.saturating_add(1);
            remote.key = format!("{base} ({copy})");
        }
        let attributes = attributes(&local);
        let rules = FileRules::new(&attributes, &options.include, &options.exclude, options.all_files)
            .map_err(GitError::Input)?;
        let settings = settings(options, &attributes);
        let found = state.repositories.iter().position(|other| other.key == remote.key);
        let mut found = found.map(|index| state.repositories.swap_remove(index)).unwrap_or_default();
        let shallow = shallow(&local);
        if found.is_incomplete || shallow.as_ref().is_ok_and(|shallow| *shallow != found.shallow) {
            found = RepositoryState::default();
        }
        let mut state = found;
        if state.settings != settings {
            state.stats.clear();
            state.snapshots = StoredSnapshots::default();
            state.paths.clear();
        }
        projects.push(Project {
            path: path.clone(),
            mailmap: local.open_mailmap(),
            repository,
            remote,
            rules,
            settings,
            snapshots: std::mem::take(&mut state.snapshots).load(),
            state,
            tips: Tips::default(),
            reach: Vec::new(),
            co_authors: CoAuthors::default(),
            credits: Vec::new(),
            teams: Vec::new(),
            new_commits: 0,
            number: 0,
        });
    }
    Ok(projects)
}

/// Reads the `.gitattributes` files of the commit that HEAD names. Files in the work tree may change at any time.
fn attributes(repository: &gix::Repository) -> Vec<(Vec<u8>, Vec<u8>)> {
    let Ok(tree) = repository.head_tree_id() else { return Vec::new() };
    let packs = PackFiles::default();
    let mut objects = Objects::new(&repository.clone().into_sync(), &packs, 8 << 20);
    let found = tree::regular_files(&mut objects, tree.detach(), b".gitattributes").unwrap_or_default();
    found.into_iter().filter_map(|(path, id)| Some((path, objects.read(&id).ok()?.to_vec()))).collect()
}

/// Hashes the settings on which counts depend.
fn settings(options: &Options, attributes: &[(Vec<u8>, Vec<u8>)]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(options.recent_days.to_be_bytes());
    hash.update([u8::from(options.all_files), u8::from(options.join_people)]);
    for globs in [&options.include, &options.exclude] {
        for glob in globs {
            hash.update(glob);
            hash.update(b"\0");
        }
        hash.update(b"\n");
    }
    for (path, bytes) in attributes {
        hash.update(path);
        hash.update(b"\0");
        hash.update(bytes);
        hash.update(b"\n");
    }
    hash.finalize().into()
}

/// Hashes the numbers of the commits that a dump holds.
pub(crate) fn digest(projects: &[Project], numbering: &Numbering) -> String {
    let mut hash = Sha256::new();
    hash.update(numbering.last_commit.to_be_bytes());
    for project in projects {
        hash.update(&project.remote.key);
        let mut commits: Vec<_> = project.live().map(|(_, commit, id, _)| (id, commit.id)).collect();
        commits.extend(
            project
                .credits
                .iter()
                .filter_map(|credit| Some((credit.id, project.state.history.commits.get(credit.commit as usize)?.id))),
        );
        commits.sort_unstable();
        for (number, id) in commits {
            hash.update(number.to_be_bytes());
            hash.update(id.0.as_slice());
        }
    }
    hex::encode(hash.finalize().get(..16).unwrap_or_default())
}

impl Project {
    pub fn read_history(
        &mut self,
        options: &Options,
        erasures: &Erasures,
        problems: &mut Problems,
        progress: &dyn Progress,
    ) -> Result<(), GitError> {
        let unusable = |why: String| GitError::Input(format!("{}: {why}", self.path.display()));
        let repository = self.repository.to_thread_local();
        let mut found = Problems::default();
        let rules = RefRules { branches: options.branches.clone(), tags: options.tags };
        self.tips = tips(&repository, &rules, &mut found).map_err(unusable)?;
        let shallow = shallow(&repository).unwrap_or_else(|error| {
            found.add(format!("the list of shallow commits cannot be read: {error}"));
            Vec::new()
        });
        if !shallow.is_empty() {
            found.add(format!(
                "the repository is shallow: history before {} of its commits is missing, and their lines look new (git fetch --unshallow)",
                shallow.len()
            ));
        }
        let packs = PackFiles::default();
        let mut objects = Objects::new(&self.repository, &packs, 8 << 20);
        self.reach = self.state.history.extend(
            &mut objects,
            &self.tips,
            &shallow.iter().map(|id| id.0).collect(),
            &mut found,
            |commits| progress.advance(commits),
        );
        self.state.shallow = shallow;
        self.state.is_incomplete = found.unreadable() > 0;
        problems.append(found, &format!("{}: ", self.remote.name));
        self.state.history.erase(erasures, |signature| people::map(&self.mailmap, signature));
        if options.co_authors {
            self.co_authors = CoAuthors::read(&self.state.history);
        }
        if options.teams_from_codeowners && self.mainline_tip().is_some_and(|tip| self.is_without_snapshot(tip)) {
            self.forget_stats();
        }
        Ok(())
    }

    fn mainline_tip(&self) -> Option<u32> {
        self.state.history.mainline(self.tips.mainline).first().copied()
    }

    /// Returns true if a commit is known, but not the origins of its lines.
    fn is_without_snapshot(&self, commit: u32) -> bool {
        (commit as usize) < self.state.stats.len() && !self.snapshots.contains_key(&commit)
    }

    pub fn signatures(&self) -> Vec<Mapped> {
        let signatures = self.state.history.signatures.iter().chain(&self.co_authors.others);
        signatures.map(|raw| Mapped { mapped: people::map(&self.mailmap, raw), raw: raw.clone() }).collect()
    }

    pub fn signature_count(&self) -> usize {
        self.state.history.signatures.len().saturating_add(self.co_authors.others.len())
    }

    pub fn forget_stats(&mut self) {
        self.state.stats.clear();
        self.snapshots.clear();
    }

    /// Returns the commits whose line origins the next run is likely to need: tips, and commits on the mainline at
    /// growing distances from its tip.
    fn kept(&self) -> FxHashSet<u32> {
        let commits = &self.state.history.commits;
        let by_id: FxHashMap<ObjectId, u32> =
            commits.iter().enumerate().map(|(index, commit)| (commit.id.0, position(index))).collect();
        let mut kept = FxHashSet::default();
        for tips in [&self.tips.branches, &self.tips.others] {
            let mut tips: Vec<u32> = tips.iter().filter_map(|tip| by_id.get(tip).copied()).collect();
            tips.sort_by_key(|index| {
                let commit = commits.get(*index as usize);
                std::cmp::Reverse(commit.map(|commit| (commit.committed.seconds, commit.id)))
            });
            kept.extend(tips.into_iter().take(MAX_TIPS));
        }
        let mainline = self.state.history.mainline(self.tips.mainline);
        for (distance, index) in mainline.into_iter().enumerate() {
            if distance.is_power_of_two() || distance == 0 {
                kept.insert(index);
            }
        }
        kept
    }

    pub fn analyze(&mut self, options: &Options, persons: &[u32], problems: &mut Problems, progress: &dyn Progress) {
        let keep = self.kept();
        let known = self.state.stats.len();
        let mut paths = Paths::new(std::mem::take(&mut self.state.paths));
        // A snapshot that is new on the list is not worth comparing known commits.
        let keep: FxHashSet<u32> =
            keep.into_iter().filter(|index| *index as usize >= known || self.snapshots.contains_key(index)).collect();
        let history: &History = &self.state.history;
        let analysis = Analysis {
            repository: &self.repository,
            rules: &self.rules,
            ages: Ages {
                commits: &history.commits,
                persons,
                recent_seconds: i64::from(options.recent_days).saturating_mul(86_400),
            },
            known,
            snapshots: std::mem::take(&mut self.snapshots),
            keep: &keep,
            threads: options.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        };
        progress.stage(&self.remote.name, Some(analysis.needed().len() as u64));
        let analyzed = analysis.run(&mut paths, &|commits| progress.advance(commits));
        self.new_commits = analyzed.stats.len() as u64;
        self.state.stats.extend(analyzed.stats);
        let mut found = Problems::default();
        let unreadable = analyzed.problems.unreadable();
        if unreadable > 0 {
            self.state.is_incomplete = true;
            if let Some(filter) = partial_filter(&self.repository.to_thread_local()) {
                found.add(format!(
                    "the repository is a partial clone with the filter {filter}: {unreadable} files or commits cannot be \
                     compared, and their lines are not counted (git fetch --refetch --no-filter)"
                ));
            }
        }
        if options.teams_from_codeowners {
            self.teams = self.count_team_lines(&analyzed.snapshots, &paths.names, persons, &mut found);
        }
        self.state.snapshots = StoredSnapshots::new(&analyzed.snapshots);
        self.state.paths = paths.names;
        self.state.key.clone_from(&self.remote.key);
        self.state.settings = self.settings;
        problems.append(found, &format!("{}: ", self.remote.name));
        problems.append(analyzed.problems, &format!("{}: ", self.remote.name));
    }

    fn count_team_lines(
        &self,
        snapshots: &BTreeMap<u32, Snapshot>,
        paths: &[Box<[u8]>],
        persons: &[u32],
        problems: &mut Problems,
    ) -> Vec<TeamLines> {
        let history = &self.state.history;
        let Some(tip) = self.mainline_tip() else { return Vec::new() };
        let (Some(commit), Some(snapshot)) = (history.commits.get(tip as usize), snapshots.get(&tip)) else {
            return Vec::new();
        };
        let packs = PackFiles::default();
        let mut objects = Objects::new(&self.repository, &packs, 8 << 20);
        let owners = CodeOwners::read(&mut objects, commit.tree.0, problems);
        let files = snapshot.iter().filter_map(|(path, lines)| Some((&**paths.get(*path as usize)?, lines)));
        let author = |commit: u32| {
            let commit = history.commits.get(commit as usize)?;
            persons.get(commit.author as usize).copied()
        };
        teams::lines(&owners, files, &self.rules, author)
    }

    pub fn team_lines(&self) -> &[TeamLines] {
        &self.teams
    }

    /// Numbers commits, and the rows that credit co-authors. `persons` are those of the signatures.
    pub fn assign_numbers(&mut self, numbering: &mut Numbering, people: &People, persons: &[u32]) {
        self.number = numbering.repo(&self.remote.key);
        let RepositoryState { history, ids, credits, .. } = &mut self.state;
        ids.resize(history.commits.len(), 0);
        let person = |signature: u32| persons.get(signature as usize).copied().unwrap_or(u32::MAX);
        let is_bot = |person: u32| people.persons.get(person as usize).is_some_and(|person| person.is_bot);
        for ((index, commit), (id, reach)) in (0..).zip(&history.commits).zip(ids.iter_mut().zip(&self.reach)) {
            if *reach == Reach::None {
                continue;
            }
            if *id == 0 {
                *id = numbering.commit();
            }
            let mut credited = vec![person(commit.author)];
            for signature in self.co_authors.of(index) {
                let co_author = person(signature);
                let Some(name) = self.co_authors.signature(history, signature) else { continue };
                if credited.contains(&co_author) || is_bot(co_author) {
                    continue;
                }
                credited.push(co_author);
                let id = *credits.entry((index, name.clone())).or_insert_with(|| numbering.commit());
                self.credits.push(Credit { commit: index, signature, id });
            }
        }
    }

    /// Iterates over the commits that refs reach, with their index, number and numbers.
    pub fn live(&self) -> impl Iterator<Item = (usize, &Commit, u64, &CommitStats)> {
        let commits = self.state.history.commits.iter().zip(&self.state.ids).zip(&self.state.stats).enumerate();
        let live = commits.zip(&self.reach).filter(|(_, reach)| **reach != Reach::None);
        live.map(|((index, ((commit, id), stats)), _)| (index, commit, *id, stats))
    }
}
