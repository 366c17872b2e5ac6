//! A run: repositories and an earlier dump in, a dump and a state out.

use crate::analyze::{Analysis, CommitStats};
use crate::annotate::{Ages, Paths, Snapshot};
use crate::dump::{self, Activity, CommitRow};
use crate::exclude::FileRules;
use crate::history::{Commit, History, Reach, RefRules, Signature, Tips, position, tips};
use crate::impact::{IMPACT_VERSION, impacts};
use crate::numbering::{Numbering, PeopleNumbers, alias_key};
use crate::objects::Objects;
use crate::packs::PackFiles;
use crate::people::{self, Mapped, People, PeopleFile, Person};
use crate::problems::Problems;
use crate::remote::Remote;
use crate::report::{PeopleReport, Report, RepositoryReport};
use crate::state::{RepositoryState, State, StoredSnapshots};
use crate::tree;
use gix::ObjectId;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The number of an outlier by size.
const REASON_SIZE: u32 = 1;
/// The number of an outlier because its parents are not in the repository: all lines look new.
const REASON_BOUNDARY: u32 = 2;
/// The most branches and other refs whose line origins are kept for the next run.
const MAX_TIPS: usize = 256;
/// The longest message in bytes.
const MAX_MESSAGE: usize = 16_384;

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Paths in the repositories.
    pub repositories: Vec<PathBuf>,
    /// Names or globs of the branches to read; all if empty.
    pub branches: Vec<String>,
    /// Reads tags too. Commits that only tags reach are on no branch.
    pub tags: bool,
    /// Globs of the files to count; all if empty.
    pub include: Vec<String>,
    /// Globs of files not to count.
    pub exclude: Vec<String>,
    /// Counts all lines that git shows.
    pub all_files: bool,
    /// The age in days beyond which a line is legacy.
    pub recent_days: u32,
    /// The number of added or edited lines beyond which a commit is an outlier.
    pub outlier_lines: u32,
    /// The text of the people file.
    pub people: Option<String>,
    /// Joins names and addresses into persons.
    pub join_people: bool,
    /// Shows bots in reports.
    pub include_bots: bool,
    /// Replaces names and addresses, and leaves out messages and links.
    pub pseudonyms: bool,
    /// The number of threads; all cores if absent.
    pub threads: Option<usize>,
    /// The name of the dump.
    pub name: Option<String>,
    /// The dump of an earlier run.
    pub previous: Option<PathBuf>,
    /// The state of an earlier run, and the place for the new one.
    pub state: PathBuf,
    /// The folder to write into.
    pub output: PathBuf,
}

/// An error that ends a run.
#[derive(Debug)]
pub enum GitError {
    /// The arguments or the repositories cannot be used.
    Input(String),
    /// Reading or writing failed.
    Failed(String),
}

impl fmt::Display for GitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (GitError::Input(text) | GitError::Failed(text)) = self;
        formatter.write_str(text)
    }
}

impl std::error::Error for GitError {}

/// Receives the progress of a run.
pub trait Progress: Sync {
    /// Begins a stage of a number of commits, or of an unknown number.
    fn stage(&self, name: &str, commits: Option<u64>);
    /// Reports commits done.
    fn advance(&self, commits: u64);
}

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

/// One repository during a run.
struct Project {
    path: PathBuf,
    repository: gix::ThreadSafeRepository,
    remote: Remote,
    rules: FileRules,
    settings: [u8; 32],
    state: RepositoryState,
    snapshots: FxHashMap<u32, Snapshot>,
    tips: Tips,
    reach: Vec<Reach>,
    mailmap: gix::mailmap::Snapshot,
    new_commits: u64,
    number: u64,
}

/// Reads repositories and writes a dump.
///
/// # Errors
/// Returns an error if the options are not valid, a path is not in a repository, or the dump cannot be written.
/// Damaged objects do not end a run; the report lists them.
pub fn run(options: &Options, progress: &dyn Progress) -> Result<Finished, GitError> {
    let file = options.people.as_deref().map(PeopleFile::parse).transpose().map_err(GitError::Input)?;
    let people_file = file.clone().unwrap_or_default();
    let mut problems = Problems::default();
    let mut numbering = options.previous.as_deref().and_then(dump::read_numbering).unwrap_or_default();
    let mut state = State::read(&options.state).filter(|state| state.digest == numbering.digest).unwrap_or_default();
    let mut projects = open(options, &mut state)?;

    for project in &mut projects {
        progress.stage(&project.remote.name, None);
        project.read_history(options, &mut problems, progress)?;
    }
    let signatures: Vec<Mapped> = projects.iter().flat_map(Project::signatures).collect();
    let people = People::new(&signatures, &people_file, options.join_people);
    let groups = people.groups(&signatures);
    if !is_same_grouping(&state.groups, &groups) {
        projects.iter_mut().for_each(Project::forget_stats);
    }
    let mut offset = 0;
    for project in &mut projects {
        let count = project.state.history.signatures.len();
        let persons = people.by_signature.get(offset..).and_then(|rest| rest.get(..count)).unwrap_or_default();
        project.analyze(options, persons, &mut problems, progress);
        offset = offset.saturating_add(count);
    }
    if state.digest.is_empty() || state.digest != numbering.digest {
        projects.iter().for_each(|project| {
            numbering.repo(&project.remote.key);
        });
        recover_numbers(options, &mut numbering, &mut projects);
    }
    for (key, numbers) in &state.aliases {
        numbering.aliases.entry(alias_key(key)).or_insert(*numbers);
    }
    for project in &mut projects {
        project.assign_numbers(&mut numbering);
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

fn open(options: &Options, state: &mut State) -> Result<Vec<Project>, GitError> {
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
        let rules = FileRules::new(&attributes(&local), &options.include, &options.exclude, options.all_files)
            .map_err(GitError::Input)?;
        let settings = settings(options, &local);
        let found = state.repositories.iter().position(|other| other.key == remote.key);
        let mut state = found.map(|index| state.repositories.swap_remove(index)).unwrap_or_default();
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
fn settings(options: &Options, repository: &gix::Repository) -> [u8; 32] {
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
    for (path, bytes) in attributes(repository) {
        hash.update(path);
        hash.update(b"\0");
        hash.update(bytes);
        hash.update(b"\n");
    }
    hash.finalize().into()
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
    let mut by_repo: FxHashMap<u64, FxHashMap<String, dump::OldCommit>> = FxHashMap::default();
    for commit in dump::read_commits(previous) {
        numbering.last_commit = numbering.last_commit.max(commit.id);
        numbering.last_alias = numbering.last_alias.max(commit.alias);
        numbering.last_user = numbering.last_user.max(commit.user);
        by_repo.entry(commit.repo).or_default().insert(commit.hexsha.clone(), commit);
    }
    for project in projects {
        let Some(known) = by_repo.get(&numbering.repo(&project.remote.key)) else { continue };
        let history = &project.state.history;
        project.state.ids = history
            .commits
            .iter()
            .map(|commit| {
                let Some(old) = known.get(&commit.id.0.to_string()) else { return 0 };
                if let Some(signature) = history.signatures.get(commit.author as usize) {
                    numbering.aliases.entry(alias_key(signature)).or_insert((old.alias, old.user));
                }
                old.id
            })
            .collect();
    }
}

/// Hashes the numbers of the commits that a dump holds.
fn digest(projects: &[Project], numbering: &Numbering) -> String {
    let mut hash = Sha256::new();
    hash.update(numbering.last_commit.to_be_bytes());
    for project in projects {
        hash.update(&project.remote.key);
        let mut commits: Vec<_> = project.live().map(|(_, commit, id, _)| (id, commit.id)).collect();
        commits.sort_unstable();
        for (number, id) in commits {
            hash.update(number.to_be_bytes());
            hash.update(id.0.as_slice());
        }
    }
    hex::encode(hash.finalize().get(..16).unwrap_or_default())
}

impl Project {
    fn read_history(
        &mut self,
        options: &Options,
        problems: &mut Problems,
        progress: &dyn Progress,
    ) -> Result<(), GitError> {
        let unusable = |why: String| GitError::Input(format!("{}: {why}", self.path.display()));
        let repository = self.repository.to_thread_local();
        let mut found = Problems::default();
        let rules = RefRules { branches: options.branches.clone(), tags: options.tags };
        self.tips = tips(&repository, &rules, &mut found).map_err(unusable)?;
        let shallow = match repository.shallow_commits() {
            Ok(commits) => commits.iter().flat_map(|commits| commits.iter().copied()).collect(),
            Err(error) => {
                found.add(format!("the list of shallow commits cannot be read: {error}"));
                FxHashSet::default()
            }
        };
        if !shallow.is_empty() {
            found.add(format!(
                "the repository is shallow: history before {} of its commits is missing, and their lines look new (git fetch --unshallow)",
                shallow.len()
            ));
        }
        let packs = PackFiles::default();
        let mut objects = Objects::new(&self.repository, &packs, 8 << 20);
        self.reach = self
            .state
            .history
            .extend(&mut objects, &self.tips, &shallow, &mut found, |commits| progress.advance(commits));
        problems.append(found, &format!("{}: ", self.remote.name));
        Ok(())
    }

    fn signatures(&self) -> Vec<Mapped> {
        let signatures = self.state.history.signatures.iter();
        signatures.map(|raw| Mapped { mapped: people::map(&self.mailmap, raw), raw: raw.clone() }).collect()
    }

    fn forget_stats(&mut self) {
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

    fn analyze(&mut self, options: &Options, persons: &[u32], problems: &mut Problems, progress: &dyn Progress) {
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
        self.state.snapshots = StoredSnapshots::new(&analyzed.snapshots);
        self.state.paths = paths.names;
        self.state.key.clone_from(&self.remote.key);
        self.state.settings = self.settings;
        problems.append(analyzed.problems, &format!("{}: ", self.remote.name));
    }

    fn assign_numbers(&mut self, numbering: &mut Numbering) {
        self.number = numbering.repo(&self.remote.key);
        self.state.ids.resize(self.state.history.commits.len(), 0);
        for (id, reach) in self.state.ids.iter_mut().zip(&self.reach) {
            if *id == 0 && *reach != Reach::None {
                *id = numbering.commit();
            }
        }
    }

    /// Iterates over the commits that refs reach, with their index, number and numbers.
    fn live(&self) -> impl Iterator<Item = (usize, &Commit, u64, &CommitStats)> {
        let commits = self.state.history.commits.iter().zip(&self.state.ids).zip(&self.state.stats).enumerate();
        let live = commits.zip(&self.reach).filter(|(_, reach)| **reach != Reach::None);
        live.map(|((index, ((commit, id), stats)), _)| (index, commit, *id, stats))
    }
}

struct Output<'a> {
    options: &'a Options,
    projects: &'a [Project],
    people: &'a People,
    signatures: &'a [Signature],
    numbers: &'a PeopleNumbers,
    file: &'a PeopleFile,
    has_file: bool,
    report: Report,
}

impl Output<'_> {
    fn write(&mut self, numbering: &mut Numbering) -> io::Result<()> {
        let folder = &self.options.output;
        let mut by_alias = vec![Activity::default(); self.signatures.len()];
        let mut commits = Vec::new();
        let mut repos = Vec::new();
        let mut offset: usize = 0;
        let mut seen = FxHashSet::default();
        for project in self.projects {
            let (report, activity) = self.commits(project, offset, &mut by_alias, &mut commits, &mut seen);
            repos.push((project.number, self.repo(project, activity)));
            self.report.repositories.push(report);
            offset = offset.saturating_add(project.state.history.signatures.len());
        }
        dump::write_rows(folder, "commits", commits, numbering.last_commit)?;
        dump::write_rows(folder, "repos", repos, numbering.last_repo)?;
        let users = self.users(&by_alias);
        let user_numbers: BTreeSet<u64> = users.iter().map(|(number, _)| *number).collect();
        dump::write_rows(folder, "users", users, numbering.last_user)?;
        dump::write_rows(folder, "user_alias", self.aliases(&by_alias), numbering.last_alias)?;
        if !self.file.teams.is_empty() || numbering.last_team > 0 {
            let memberships = self.memberships(numbering, &user_numbers);
            dump::write_rows(folder, "teams", self.teams(numbering), numbering.last_team)?;
            dump::write_rows(folder, "team_membership", memberships, numbering.last_membership)?;
        }
        let names: Vec<&str> = self.projects.iter().map(|project| project.remote.name.as_str()).collect();
        let name = self.options.name.clone().unwrap_or_else(|| names.join(", "));
        let mut shown = numbering.clone();
        if self.options.pseudonyms {
            shown.aliases.clear();
        }
        dump::write_header(folder, &name, &shown)
    }

    /// Adds the rows of a repository's commits.
    fn commits<'b>(
        &self,
        project: &'b Project,
        offset: usize,
        by_alias: &mut [Activity],
        rows: &mut Vec<(u64, CommitRow<'b>)>,
        seen: &mut FxHashSet<String>,
    ) -> (RepositoryReport, Activity) {
        let state = &project.state;
        let mut report = RepositoryReport {
            id: project.number,
            name: project.remote.name.clone(),
            new_commits: project.new_commits,
            is_empty: state.history.commits.is_empty(),
            ..RepositoryReport::default()
        };
        let mut activity = Activity::default();
        let impacts = impacts(&state.history, state.stats.iter().map(|stats| (&stats.counts, &stats.work)));
        for (index, commit, id, stats) in project.live() {
            let signature = offset.saturating_add(commit.author as usize);
            let person = self.people.by_signature.get(signature).copied().unwrap_or_default();
            if let Some(activity) = by_alias.get_mut(signature) {
                activity.add(commit.authored);
            }
            activity.add(commit.committed);
            let (counts, work) = (&stats.counts, &stats.work);
            let outlier_reason = if counts.insertions > self.options.outlier_lines {
                Some(REASON_SIZE)
            } else {
                commit.is_boundary().then_some(REASON_BOUNDARY)
            };
            let email =
                self.people.persons.get(person as usize).map(|person| person.email.as_str()).unwrap_or_default();
            let ignore_hash = (!commit.is_merge()).then(|| dump::ignore_hash(commit, email, &counts.patch));
            let is_pr_orphan = project.reach.get(index) == Some(&Reach::Other);
            let is_duplicate = ignore_hash.as_ref().is_some_and(|hash| !seen.insert(hash.clone()));
            report.add(commit, stats, is_pr_orphan, outlier_reason.is_some(), is_duplicate);
            let hexsha = commit.id.0.to_string();
            rows.push((
                id,
                CommitRow {
                    id,
                    user_alias_id: self.numbers.aliases.get(signature).copied().unwrap_or_default(),
                    apex_user_id: self.numbers.users.get(person as usize).copied().unwrap_or_default(),
                    repo_id: project.number,
                    author_date: dump::utc(commit.authored),
                    author_tzoffset: commit.authored.offset,
                    author_local_date: dump::local(commit.authored),
                    committer_date: dump::utc(commit.committed),
                    committer_tzoffset: commit.committed.offset,
                    committer_local_date: dump::local(commit.committed),
                    is_merge: commit.is_merge(),
                    is_pr_orphan,
                    is_trivial: counts.is_trivial,
                    outlier_reason,
                    ignore_hash,
                    haloc: work.haloc(),
                    new_work: work.new_work,
                    legacy_refactor: work.legacy_refactor,
                    help_others: work.help_others,
                    churn: work.churn,
                    files: counts.files,
                    hunks: counts.hunks,
                    insertions: counts.insertions,
                    deletions: counts.deletions,
                    impact: impacts.get(index).copied().unwrap_or_default(),
                    message: (!self.options.pseudonyms).then(|| shorten(&commit.message)),
                    external_commit_url: if self.options.pseudonyms {
                        None
                    } else {
                        project.remote.commit_url(&hexsha)
                    },
                    hexsha,
                },
            ));
        }
        (report, activity)
    }

    fn repo(&self, project: &Project, activity: Activity) -> Value {
        json!({
            "id": project.number,
            "name": project.remote.name,
            "url": project.remote.url,
            "vendor_type": project.remote.vendor,
            "is_private": false,
            "blocked": false,
            "created_at": activity.first(),
            "updated_at": activity.last(),
            "youngest_commit_date": activity.last(),
            "oldest_commit_date": activity.first(),
            "tags": [],
        })
    }

    fn is_hidden(&self, person: &Person) -> bool {
        person.is_excluded || (person.is_bot && !self.options.include_bots)
    }

    fn users(&mut self, by_alias: &[Activity]) -> Vec<(u64, Value)> {
        let mut report = PeopleReport::default();
        let mut rows: BTreeMap<u64, Value> = BTreeMap::new();
        for (person, number) in self.people.persons.iter().zip(&self.numbers.users) {
            let mut activity = Activity::default();
            let mut aliases: BTreeSet<u64> = BTreeSet::new();
            for signature in &person.signatures {
                if let Some(found) = by_alias.get(*signature as usize).filter(|activity| activity.is_some()) {
                    activity.join(*found);
                    aliases.extend(self.numbers.aliases.get(*signature as usize));
                }
            }
            if !activity.is_some() {
                continue;
            }
            report.persons = report.persons.saturating_add(1);
            report.aliases = report.aliases.saturating_add(aliases.len() as u64);
            let (name, email) = self.shown(*number, &person.name, &person.email);
            let label = if self.options.pseudonyms { name.clone() } else { format!("{name} <{email}>") };
            if person.is_bot {
                report.bots.push(label);
            } else if person.is_excluded {
                report.excluded.push(label);
            } else if self.has_file && !person.is_listed {
                report.unknown.push(label);
            }
            rows.insert(
                *number,
                json!({
                    "id": number,
                    "name": name,
                    "email": email,
                    "hidden_from_reports": self.is_hidden(person),
                    "org_id": 1,
                    "created_at": activity.first(),
                    "alias_count": aliases.len(),
                    "last_activity_at": activity.last(),
                    "first_activity_at": activity.first(),
                }),
            );
        }
        self.report.people = report;
        rows.into_iter().collect()
    }

    /// Returns a name and address as they may be shown.
    fn shown(&self, number: u64, name: &str, email: &str) -> (String, String) {
        if self.options.pseudonyms {
            (format!("User {number}"), format!("user{number}@example.invalid"))
        } else {
            (name.to_owned(), email.to_owned())
        }
    }

    fn aliases(&self, by_alias: &[Activity]) -> Vec<(u64, Value)> {
        let mut rows: BTreeMap<u64, (Activity, Value)> = BTreeMap::new();
        for (index, signature) in self.signatures.iter().enumerate() {
            let (Some(number), Some(person)) = (self.numbers.aliases.get(index), self.people.by_signature.get(index))
            else {
                continue;
            };
            let Some(found) = by_alias.get(index).filter(|activity| activity.is_some()) else { continue };
            let user = self.numbers.users.get(*person as usize).copied().unwrap_or_default();
            let (name, email) = self.shown(*number, &signature.name, &signature.email);
            let mut activity = *found;
            if let Some((other, _)) = rows.get(number) {
                activity.join(*other);
            }
            let row = json!({
                "id": number,
                "name": name,
                "email": email,
                "apex_user_id": user,
                "created_at": activity.first(),
                "first_activity_at": activity.first(),
                "last_activity_at": activity.last(),
            });
            rows.insert(*number, (activity, row));
        }
        rows.into_iter().map(|(number, (_, row))| (number, row)).collect()
    }

    fn teams(&self, numbering: &Numbering) -> Vec<(u64, Value)> {
        let number = |name: &str| numbering.teams.get(name).copied().unwrap_or_default();
        let rows = self.file.teams.iter().map(|team| {
            let mut line = vec![team];
            while let Some(parent) = line.last().and_then(|team| team.parent.as_deref())
                && let Some(parent) = self.file.teams.iter().find(|team| team.name == parent)
            {
                line.push(parent);
            }
            line.reverse();
            let path: Vec<String> = line.iter().map(|team| number(&team.name).to_string()).collect();
            let ancestors: Vec<&str> = line.iter().map(|team| team.name.as_str()).collect();
            let row = json!({
                "id": number(&team.name),
                "name": team.name,
                "description": "",
                "org": 1,
                "parent": team.parent.as_deref().map(number),
                "path": path.join("."),
                "ancestors": ancestors,
                "visibility": "SHOW",
                "team_level": line.len(),
                "depth": "inherit",
            });
            (number(&team.name), row)
        });
        rows.collect()
    }

    fn memberships(&self, numbering: &mut Numbering, users: &BTreeSet<u64>) -> Vec<(u64, Value)> {
        let mut rows = BTreeMap::new();
        for team in &self.file.teams {
            let team_number = numbering.teams.get(&team.name).copied().unwrap_or_default();
            for member in &team.members {
                let person = self.people.persons.iter().zip(&self.numbers.users).find(|(person, number)| {
                    let mut signatures =
                        person.signatures.iter().filter_map(|index| self.signatures.get(*index as usize));
                    users.contains(number)
                        && (person.email.eq_ignore_ascii_case(member)
                            || signatures.any(|signature| signature.email.eq_ignore_ascii_case(member)))
                });
                let Some((_, user)) = person else { continue };
                let number = numbering.membership(team_number, *user);
                let row = json!({
                    "id": number,
                    "membership_type": "contributor",
                    "apex_user_id": user,
                    "team_id": team_number,
                    "depth": "atomic",
                });
                rows.insert(number, row);
            }
        }
        rows.into_iter().collect()
    }
}

/// Cuts a message that is longer than a row should be.
fn shorten(message: &str) -> &str {
    let message = message.trim_end();
    message.get(..message.floor_char_boundary(MAX_MESSAGE)).unwrap_or(message)
}

impl RepositoryReport {
    fn add(&mut self, commit: &Commit, stats: &CommitStats, is_orphan: bool, is_outlier: bool, is_duplicate: bool) {
        let increase = |count: &mut u64, is_counted: bool| *count = count.saturating_add(u64::from(is_counted));
        increase(&mut self.commits, true);
        increase(&mut self.merges, commit.is_merge());
        increase(&mut self.pr_orphans, is_orphan);
        increase(&mut self.outliers, is_outlier);
        increase(&mut self.duplicates, is_duplicate);
        increase(&mut self.assisted, is_assisted(&commit.message));
        for (reason, files) in &stats.counts.excluded {
            let count = self.excluded_files.entry(*reason).or_default();
            *count = count.saturating_add(u64::from(*files));
        }
        if commit.is_merge() || is_orphan || is_outlier || is_duplicate {
            return;
        }
        let work = &stats.work;
        for (sum, lines) in [
            (&mut self.new_work, work.new_work),
            (&mut self.legacy_refactor, work.legacy_refactor),
            (&mut self.help_others, work.help_others),
            (&mut self.churn, work.churn),
        ] {
            *sum = sum.saturating_add(u64::from(lines));
        }
    }
}

/// Returns true if a trailer names a coding assistant.
fn is_assisted(message: &str) -> bool {
    const ASSISTANTS: &[&str] =
        &["claude", "copilot", "cursor", "codex", "aider", "devin", "gemini", "chatgpt", "windsurf", "amazon q"];
    message.lines().map(str::to_lowercase).any(|line| {
        ["co-authored-by:", "assisted-by:", "generated-by:", "ai-assisted-by:"]
            .iter()
            .any(|trailer| line.starts_with(trailer))
            && ASSISTANTS.iter().any(|assistant| line.contains(assistant))
    })
}
