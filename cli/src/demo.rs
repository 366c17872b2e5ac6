//! `streamgage demo`: a believable organisation that nobody works for.
//!
//! The dump is a function of the seed, the number of people, the months and the day, and of nothing else; and of two
//! demos that begin in the same month the earlier one's commits are the beginning of the later one's.

mod calendar;
mod history;
mod organization;
mod random;
mod text;

use crate::failure::Failure;
use crate::folder::{self, Draft};
use chrono::{Days, Months, NaiveDate, NaiveDateTime, NaiveTime};
use history::{Commit, History};
use organization::{Organization, Person, Role, Team};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes a dump of a made-up organisation, the same for the same arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder to write: a new one, or an earlier demo, which is replaced
    #[arg(long, value_name = "DUMP")]
    out: PathBuf,
    /// Another seed, another organisation
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many people are in it
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u64).range(1..=1500))]
    users: u64,
    /// How many whole months its history has, before the one that is running
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=120))]
    months: u64,
    /// The day on which it is made; the last commits are of the day before
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day, default_value = "today")]
    until: NaiveDate,
}

/// Writes the demo, and says what is in it.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { out, seed, users, months, until } = arguments;
    let draft = Draft::begin(out, may_replace)?;
    let counts = write(draft.path(), *seed, *users, *months, *until)?;
    draft.finish()?;
    let counts: Vec<String> = counts.iter().map(|(resource, count)| format!("{count} {resource}")).collect();
    println!("{}: {} ({})", folder::shown(out), text::ORGANIZATION, counts.join(", "));
    Ok(())
}

/// A day, or `today` in UTC.
fn parse_day(text: &str) -> Result<NaiveDate, String> {
    let day = match text {
        "today" => folder::today(),
        _ => streamgage::calendar::Day::parse(text).and_then(|_| text.parse().ok()),
    };
    // Far from the ends of what four digits can say.
    day.filter(|day: &NaiveDate| (1990..=2990).contains(&chrono::Datelike::year(day)))
        .ok_or_else(|| "a day from 1990-01-01 to 2990-12-31, as YYYY-MM-DD, is expected".to_owned())
}

/// Only another demo may be replaced.
fn may_replace(folder: &Path) -> Result<(), String> {
    match folder::header(folder)? {
        Some(header) if header.demo => Ok(()),
        _ => Err("it is no demo, and is left alone".to_owned()),
    }
}

/// Writes every file, and counts the rows.
fn write(
    folder: &Path,
    seed: u64,
    users: u64,
    months: u64,
    until: NaiveDate,
) -> Result<Vec<(&'static str, u64)>, Failure> {
    let month = until.checked_sub_months(Months::new(u32::try_from(months).unwrap_or(u32::MAX)));
    let start = month.and_then(|day| chrono::Datelike::with_day(&day, 1)).unwrap_or(until);
    let organization = Organization::new(seed, users, months, start, until);
    folder::write_header(folder, &folder::Header { format: 1, demo: true, name: text::ORGANIZATION.to_owned() })?;

    let mut activity = Activity::default();
    let mut commits = Rows::create(folder, "commits")?;
    History::new(seed, &organization, start).write(until, |commit| {
        activity.note(commit);
        commits.row(commit)
    })?;
    Ok(vec![
        commits.finish()?,
        all(folder, "users", organization.people.iter().map(|person| User::new(person, &activity)))?,
        all(folder, "user_alias", organization.people.iter().flat_map(|person| aliases(person, &activity)))?,
        all(folder, "teams", organization.teams.iter().map(|team| TeamRow::new(team, &organization, start)))?,
        all(
            folder,
            "team_membership",
            (1..).zip(memberships(&organization)).map(|(id, row)| Membership { id, ..row }),
        )?,
        all(folder, "repos", organization.repos.iter().map(|repo| Repo::new(repo, &activity, start)))?,
        all(folder, "tags", (1..).zip(text::TAGS).map(|(id, name)| Tag { id, name, org_id: ORG }))?,
    ])
}

/// The organisation's id.
const ORG: u64 = 1;

/// When whom or what was first and last seen in commits.
#[derive(Default)]
struct Activity {
    aliases: BTreeMap<u64, Span>,
    users: BTreeMap<u64, Span>,
    repos: BTreeMap<u64, Span>,
}

#[derive(Clone, Copy)]
struct Span {
    first: NaiveDateTime,
    last: NaiveDateTime,
}

impl Activity {
    fn note(&mut self, commit: &Commit) {
        let at = commit.author_date;
        let spans = [
            self.aliases.entry(commit.user_alias_id),
            self.users.entry(commit.apex_user_id),
            self.repos.entry(commit.repo_id),
        ];
        for entry in spans {
            let span = entry.or_insert(Span { first: at, last: at });
            *span = Span { first: span.first.min(at), last: span.last.max(at) };
        }
    }
}

/// Writes a whole file.
fn all<T: Serialize>(
    folder: &Path,
    resource: &'static str,
    rows: impl Iterator<Item = T>,
) -> Result<(&'static str, u64), Failure> {
    let mut file = Rows::create(folder, resource)?;
    for row in rows {
        file.row(&row)?;
    }
    file.finish()
}

/// A file of rows that is being written.
struct Rows {
    resource: &'static str,
    file: BufWriter<File>,
    count: u64,
}

impl Rows {
    fn create(folder: &Path, resource: &'static str) -> Result<Self, Failure> {
        let path = folder.join(format!("{resource}.ndjson"));
        let file = File::create(&path).map_err(|error| Failure::file(&path, &error))?;
        Ok(Rows { resource, file: BufWriter::new(file), count: 0 })
    }

    fn row(&mut self, row: &impl Serialize) -> Result<(), Failure> {
        self.count += 1;
        serde_json::to_writer(&mut self.file, row)
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .map_err(|error| Failure::file(Path::new(self.resource), &error))
    }

    fn finish(mut self) -> Result<(&'static str, u64), Failure> {
        self.file.flush().map_err(|error| Failure::file(Path::new(self.resource), &error))?;
        Ok((self.resource, self.count))
    }
}

/// A user as the API gives it, but for the teams: the memberships hold them.
#[derive(Serialize)]
struct User<'a> {
    id: u64,
    name: &'a str,
    email: String,
    hidden_from_reports: bool,
    org_id: u64,
    created_at: NaiveDateTime,
    has_login: bool,
    pending_invitation: bool,
    alias_count: u64,
    last_activity_at: Option<NaiveDateTime>,
    first_activity_at: Option<NaiveDateTime>,
    avatar_url: Option<String>,
    avatar_exists: bool,
    invitation_id: Option<u64>,
    login_enabled: bool,
    is_saml: bool,
    is_group_member: bool,
    hidden: bool,
    hidden_by: Option<u64>,
    hidden_at: Option<NaiveDateTime>,
    login: Option<u64>,
}

impl<'a> User<'a> {
    fn new(person: &'a Person, activity: &Activity) -> Self {
        let span = activity.users.get(&person.id);
        User {
            id: person.id,
            name: &person.name,
            email: email(person, 0),
            hidden_from_reports: person.role.is_bot(),
            org_id: ORG,
            created_at: morning(person.joined),
            has_login: !person.role.is_bot() && person.left.is_none(),
            pending_invitation: false,
            alias_count: person.aliases,
            last_activity_at: span.map(|span| span.last),
            first_activity_at: span.map(|span| span.first),
            avatar_url: None,
            avatar_exists: false,
            invitation_id: None,
            login_enabled: !person.role.is_bot() && person.left.is_none(),
            is_saml: false,
            is_group_member: false,
            hidden: false,
            hidden_by: None,
            hidden_at: None,
            login: None,
        }
    }
}

/// A name and an address that commits carry.
#[derive(Serialize)]
struct Alias {
    id: u64,
    name: String,
    username: Option<String>,
    email: String,
    apex_user_id: u64,
    created_at: NaiveDateTime,
    first_activity_at: Option<NaiveDateTime>,
    last_activity_at: Option<NaiveDateTime>,
}

fn aliases(person: &Person, activity: &Activity) -> impl Iterator<Item = Alias> {
    (0..person.aliases).map(|number| {
        let id = person.first_alias + number;
        let span = activity.aliases.get(&id);
        Alias {
            id,
            name: if number == 2 { person.handle.clone() } else { person.name.clone() },
            username: (number == 0).then(|| person.handle.clone()),
            email: email(person, number),
            apex_user_id: person.id,
            created_at: morning(person.joined),
            first_activity_at: span.map(|span| span.first),
            last_activity_at: span.map(|span| span.last),
        }
    })
}

/// The address of an alias.
fn email(person: &Person, alias: u64) -> String {
    let Person { id, handle, .. } = person;
    match alias {
        0 => format!("{handle}@example.com"),
        1 => format!("{handle}+laptop@example.com"),
        _ => format!("{id}+{handle}@example.com"),
    }
}

/// A team as the API gives it.
#[derive(Serialize)]
struct TeamRow<'a> {
    id: u64,
    name: &'a str,
    description: &'static str,
    org: u64,
    avatar: Option<String>,
    vendor: Option<String>,
    created_at: NaiveDateTime,
    parent: Option<u64>,
    path: String,
    ancestors: &'a [String],
    visibility: &'static str,
    team_level: usize,
    inherited_depth: Option<&'static str>,
    nested_teams: usize,
    all_users: usize,
    unnested_users: usize,
    depth: &'static str,
}

impl<'a> TeamRow<'a> {
    fn new(team: &'a Team, organization: &Organization, start: NaiveDate) -> Self {
        let is_under = |other: &Team| other.id != team.id && other.path.contains(&team.id);
        let under: Vec<u64> = organization.teams.iter().filter(|other| is_under(other)).map(|other| other.id).collect();
        let members =
            |of: &dyn Fn(&u64) -> bool| organization.people.iter().filter(|person| person.teams.iter().any(of)).count();
        TeamRow {
            id: team.id,
            name: &team.name,
            description: "",
            org: ORG,
            avatar: None,
            vendor: None,
            created_at: morning(start - Days::new(400)),
            parent: team.parent,
            path: team.path.iter().map(u64::to_string).collect::<Vec<_>>().join("."),
            ancestors: &team.ancestors,
            visibility: "SHOW",
            team_level: team.path.len(),
            inherited_depth: None,
            nested_teams: under.len(),
            all_users: members(&|id| *id == team.id || under.contains(id)),
            unnested_users: members(&|id| *id == team.id),
            depth: "inherit",
        }
    }
}

/// Who is in a team.
#[derive(Serialize)]
struct Membership {
    id: u64,
    membership_type: &'static str,
    apex_user_id: u64,
    team_id: u64,
    depth: &'static str,
}

/// The memberships; their ids are given by the caller.
fn memberships(organization: &Organization) -> impl Iterator<Item = Membership> {
    organization.people.iter().flat_map(|person| {
        person.teams.iter().map(|team_id| Membership {
            id: 0,
            membership_type: if person.role == Role::Manager { "viewer" } else { "contributor" },
            apex_user_id: person.id,
            team_id: *team_id,
            depth: "atomic",
        })
    })
}

/// A repository as the API gives it.
#[derive(Serialize)]
struct Repo {
    id: u64,
    name: &'static str,
    url: String,
    vendor_type: &'static str,
    is_private: bool,
    blocked: bool,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    youngest_commit_date: Option<NaiveDateTime>,
    oldest_commit_date: Option<NaiveDateTime>,
    tags: &'static [u64],
}

impl Repo {
    fn new(repo: &organization::Repo, activity: &Activity, start: NaiveDate) -> Self {
        let span = activity.repos.get(&repo.id);
        let created_at = morning(start - Days::new(90 + 31 * repo.id));
        Repo {
            id: repo.id,
            name: repo.kind.name,
            url: format!("https://example.com/{}.git", repo.kind.name),
            vendor_type: repo.kind.vendor_type,
            is_private: !repo.kind.name.ends_with("docs"),
            blocked: repo.kind.blocked,
            created_at,
            updated_at: span.map_or(created_at, |span| span.last),
            youngest_commit_date: span.map(|span| span.last),
            oldest_commit_date: span.map(|span| span.first),
            tags: repo.kind.tags,
        }
    }
}

/// A tag of repositories.
#[derive(Serialize)]
struct Tag {
    id: u64,
    name: &'static str,
    org_id: u64,
}

/// Nine o'clock on a day.
fn morning(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN) + chrono::TimeDelta::hours(9)
}
