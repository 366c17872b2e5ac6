//! Writes the dump, and sums up the report.

use crate::analyze::CommitStats;
use crate::dump::{self, Activity, CommitRow};
use crate::erasure::Erasures;
use crate::history::{Commit, Reach};
use crate::impact::impacts;
use crate::numbering::{Numbering, PeopleNumbers};
use crate::options::Options;
use crate::people::{People, Person};
use crate::people_file::PeopleFile;
use crate::project::Project;
use crate::report::{PeopleReport, Report, RepositoryReport};
use crate::signature::Signature;
use rustc_hash::FxHashSet;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The number of an outlier by size.
const REASON_SIZE: u32 = 1;
/// The number of an outlier because its parents are not in the repository: all lines look new.
const REASON_BOUNDARY: u32 = 2;
/// The longest message in bytes.
const MAX_MESSAGE: usize = 16_384;

/// The commit of a row.
#[derive(Clone, Copy)]
struct Subject<'a> {
    project: &'a Project,
    index: usize,
    commit: &'a Commit,
    stats: &'a CommitStats,
    impact: f64,
}

/// The input of a dump.
pub(crate) struct Output<'a> {
    pub options: &'a Options,
    pub projects: &'a [Project],
    pub people: &'a People,
    pub signatures: &'a [Signature],
    pub numbers: &'a PeopleNumbers,
    pub file: &'a PeopleFile,
    pub has_file: bool,
    pub erasures: &'a Erasures,
    pub report: Report,
}

impl Output<'_> {
    /// Writes all files.
    pub fn write(&mut self, numbering: &mut Numbering) -> io::Result<()> {
        let folder = &self.options.output;
        let mut by_alias = vec![Activity::default(); self.signatures.len()];
        let mut commits = Vec::new();
        let mut repos = Vec::new();
        let mut offset: usize = 0;
        for project in self.projects {
            let (report, activity) = self.commits(project, offset, &mut by_alias, &mut commits);
            repos.push((project.number, self.repo(project, activity)));
            self.report.repositories.push(report);
            offset = offset.saturating_add(project.signature_count());
        }
        commits.sort_unstable_by_key(|(id, _)| *id);
        release_duplicates_of_orphans(&mut commits);
        self.count(&commits);
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
        let mut credits = project.credits.iter().peekable();
        for (index, commit, id, stats) in project.live() {
            activity.add(commit.committed);
            report.add_unlisted(commit, stats);
            let author = Some((id, commit.author, false));
            let others = std::iter::from_fn(|| {
                let credit = credits.next_if(|credit| credit.commit as usize == index)?;
                Some((credit.id, credit.signature, true))
            });
            for (id, signature, is_credit) in author.into_iter().chain(others) {
                let signature = offset.saturating_add(signature as usize);
                let impact = impacts.get(index).copied().unwrap_or_default();
                let subject = Subject { project, index, commit, stats, impact };
                let Some(row) = self.row(&subject, id, signature, is_credit) else { continue };
                if let Some(activity) = by_alias.get_mut(signature) {
                    activity.add(commit.authored);
                }
                rows.push((id, row));
            }
        }
        (report, activity)
    }

    /// Makes the row of a commit for its author or a co-author. The commits of an erased person may be removed.
    fn row<'b>(&self, subject: &Subject<'b>, id: u64, signature: usize, is_credit: bool) -> Option<CommitRow<'b>> {
        let Subject { project, index, commit, stats, impact } = *subject;
        let person = self.people.by_signature.get(signature).copied().unwrap_or_default();
        let user = self.numbers.users.get(person as usize).copied().unwrap_or_default();
        let erased = self.erasures.get(user);
        if erased.is_some_and(|erased| erased.commits) {
            return None;
        }
        let is_anonymous = self.options.pseudonyms || erased.is_some();
        let (counts, work) = (&stats.counts, &stats.work);
        let outlier_reason = if counts.insertions > self.options.outlier_lines {
            Some(REASON_SIZE)
        } else {
            commit.is_boundary().then_some(REASON_BOUNDARY)
        };
        let email = self.people.persons.get(person as usize).map(|person| person.email.as_str()).unwrap_or_default();
        let hexsha = commit.id.0.to_string();
        Some(CommitRow {
            is_credit,
            id,
            user_alias_id: self.numbers.aliases.get(signature).copied().unwrap_or_default(),
            apex_user_id: user,
            repo_id: project.number,
            author_date: dump::utc(commit.authored),
            author_tzoffset: commit.authored.offset,
            author_local_date: dump::local(commit.authored),
            committer_date: dump::utc(commit.committed),
            committer_tzoffset: commit.committed.offset,
            committer_local_date: dump::local(commit.committed),
            is_merge: commit.is_merge(),
            is_pr_orphan: project.reach.get(index) == Some(&Reach::Other),
            is_trivial: counts.is_trivial,
            outlier_reason,
            ignore_hash: (!commit.is_merge()).then(|| dump::ignore_hash(commit, email, &counts.patch)),
            haloc: work.haloc(),
            new_work: work.new_work,
            legacy_refactor: work.legacy_refactor,
            help_others: work.help_others,
            churn: work.churn,
            files: counts.files,
            hunks: counts.hunks,
            insertions: counts.insertions,
            deletions: counts.deletions,
            impact,
            message: (!is_anonymous).then(|| shorten(&commit.message)),
            external_commit_url: if is_anonymous { None } else { project.remote.commit_url(&hexsha) },
            hexsha,
        })
    }

    /// Adds the commits to the reports of their repositories.
    fn count(&mut self, rows: &[(u64, CommitRow<'_>)]) {
        let mut seen = FxHashSet::default();
        for (_, row) in rows {
            let is_duplicate = row.ignore_hash.as_ref().is_some_and(|hash| !seen.insert(hash));
            if let Some(report) = self.report.repositories.iter_mut().find(|report| report.id == row.repo_id) {
                report.add(row, is_duplicate);
            }
        }
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

/// Removes the hash of a commit on no branch if a later number has the same patch on a branch.
///
/// The lowest number stands for all commits of a patch, and a commit on no branch is not counted: the work of a rebased
/// pull request would count for nobody.
fn release_duplicates_of_orphans(rows: &mut [(u64, CommitRow<'_>)]) {
    let on_branch = rows.iter().filter(|(_, row)| !row.is_pr_orphan);
    let on_branch: FxHashSet<String> = on_branch.filter_map(|(_, row)| row.ignore_hash.clone()).collect();
    let mut seen = FxHashSet::default();
    for (_, row) in rows {
        let Some(hash) = row.ignore_hash.as_ref().filter(|hash| on_branch.contains(*hash)) else { continue };
        if !row.is_pr_orphan {
            seen.insert(hash.clone());
        } else if !seen.contains(hash) {
            row.ignore_hash = None;
        }
    }
}

/// Cuts a message that is longer than a row should be.
fn shorten(message: &str) -> &str {
    let message = message.trim_end();
    message.get(..message.floor_char_boundary(MAX_MESSAGE)).unwrap_or(message)
}
