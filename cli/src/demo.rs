//! `streamgage demo`: writes a dump of a made-up organization.
//!
//! The dump depends only on the arguments. A later `--until` with the same first month only appends commits.

mod commits;
mod organization;

use crate::dump::draft::Draft;
use crate::dump::header::Header;
use crate::error::CliError;
use crate::files;
use crate::terminal::printable_path;
use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use organization::{Person, REPOS, Repo, TAGS, TEAMS, Team};
use serde_json::{Value, json};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes a dump of a made-up organization; the same arguments give the same bytes
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder to write: a new one, or an earlier demo, which is replaced
    #[arg(long, value_name = "DUMP")]
    out: PathBuf,
    /// The seed of the random numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The number of people
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u32).range(1..=1500))]
    users: u32,
    /// The number of whole months of history before the current month
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=120))]
    months: u32,
    /// The day after the last commits [default: today in UTC]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    until: Option<NaiveDate>,
}

const NAME: &str = "Demo: Brambleworth Canal Company";
const ORGANIZATION_ID: u64 = 1;

pub fn run(arguments: &Arguments) -> Result<(), CliError> {
    let until = arguments.until.unwrap_or_else(|| Utc::now().date_naive());
    let draft = Draft::begin(&arguments.out, check_is_demo)?;
    let counts = write_dump(draft.path(), arguments, until)?;
    draft.finish()?;
    let counts: Vec<String> = counts.iter().map(|(resource, count)| format!("{count} {resource}")).collect();
    println!("{}: {NAME} ({})", printable_path(&arguments.out), counts.join(", "));
    Ok(())
}

fn parse_day(text: &str) -> Result<NaiveDate, String> {
    // The bounds keep all dates within the range of four-digit years.
    let day = text.parse().ok().filter(|day: &NaiveDate| (1990..=2990).contains(&day.year()));
    day.ok_or_else(|| "expected a day from 1990-01-01 to 2990-12-31, as YYYY-MM-DD".to_owned())
}

fn check_is_demo(folder: &Path) -> Result<(), String> {
    match Header::read(folder)? {
        Some(header) if header.demo => Ok(()),
        _ => Err("not a demo, and therefore not replaced".to_owned()),
    }
}

/// Writes every file and returns the number of rows of each resource.
fn write_dump(folder: &Path, arguments: &Arguments, until: NaiveDate) -> Result<Vec<(&'static str, usize)>, CliError> {
    let first_month = until - Months::new(arguments.months);
    let start = first_month - Days::new(first_month.day0().into());
    let people = organization::people(arguments.seed, arguments.users);
    Header::new(NAME.to_owned(), true).write(folder)?;

    let write = |resource, rows: &mut dyn Iterator<Item = Value>| write_rows(folder, resource, rows);
    let memberships = people.iter().filter_map(|person| Some((person, person.team?)));
    let tags = (1..).zip(TAGS).map(|(id, name)| json!({"id": id, "name": name, "org_id": ORGANIZATION_ID}));
    Ok(vec![
        write("commits", &mut commits::commits(arguments.seed, &people, start, until))?,
        write("users", &mut people.iter().map(|person| user_row(person, start)))?,
        write("user_alias", &mut people.iter().flat_map(|person| alias_rows(person, start)))?,
        write("teams", &mut TEAMS.iter().map(|team| team_row(team, &people, start)))?,
        write("team_membership", &mut (1..).zip(memberships).map(membership_row))?,
        write("repos", &mut REPOS.iter().map(|repo| repo_row(repo, start, until)))?,
        write("tags", &mut tags.into_iter())?,
    ])
}

fn write_rows(
    folder: &Path,
    resource: &'static str,
    rows: &mut dyn Iterator<Item = Value>,
) -> Result<(&'static str, usize), CliError> {
    let path = folder.join(format!("{resource}.ndjson"));
    let write = || {
        let mut file = BufWriter::new(files::create(&path)?);
        let mut count = 0;
        for row in rows {
            writeln!(file, "{row}")?;
            count += 1;
        }
        file.flush()?;
        Ok((resource, count))
    };
    write().map_err(|error: std::io::Error| CliError::file(&path, error))
}

fn user_row(person: &Person, start: NaiveDate) -> Value {
    json!({
        "id": person.id,
        "name": person.name,
        "email": person.email(0),
        "hidden_from_reports": person.is_bot,
        "org_id": ORGANIZATION_ID,
        "created_at": morning(start),
        "has_login": !person.is_bot,
        "alias_count": person.alias_count,
        "login_enabled": !person.is_bot,
    })
}

fn alias_rows(person: &Person, start: NaiveDate) -> impl Iterator<Item = Value> {
    (0..person.alias_count).map(move |number| {
        json!({
            "id": person.first_alias + number,
            "name": if number == 0 { &person.name } else { &person.handle },
            "username": person.handle,
            "email": person.email(number),
            "apex_user_id": person.id,
            "created_at": morning(start),
        })
    })
}

fn team_row(team: &Team, people: &[Person], start: NaiveDate) -> Value {
    let ancestors = team.with_ancestors();
    let path: Vec<String> = ancestors.iter().map(|team| team.id.to_string()).collect();
    let nested = TEAMS.iter().filter(|other| other.with_ancestors().iter().any(|above| above.id == team.id));
    let nested: Vec<u64> = nested.map(|team| team.id).collect();
    let members = |ids: &[u64]| people.iter().filter(|person| person.team.is_some_and(|id| ids.contains(&id))).count();
    json!({
        "id": team.id,
        "name": team.name,
        "description": "",
        "org": ORGANIZATION_ID,
        "created_at": morning(start),
        "parent": team.parent,
        "path": path.join("."),
        "ancestors": ancestors.iter().map(|team| team.name).collect::<Vec<_>>(),
        "visibility": "SHOW",
        "team_level": path.len(),
        "nested_teams": nested.len() - 1,
        "all_users": members(&nested),
        "unnested_users": members(&[team.id]),
        "depth": "inherit",
    })
}

fn membership_row((id, (person, team)): (u64, (&Person, u64))) -> Value {
    json!({
        "id": id,
        "membership_type": if person.is_manager { "viewer" } else { "contributor" },
        "apex_user_id": person.id,
        "team_id": team,
        "depth": "atomic",
    })
}

fn repo_row(repo: &Repo, start: NaiveDate, until: NaiveDate) -> Value {
    json!({
        "id": repo.id,
        "name": repo.name,
        "url": format!("https://example.com/{}.git", repo.name),
        "vendor_type": repo.vendor_type,
        "is_private": true,
        "blocked": repo.is_blocked,
        "created_at": morning(start),
        "updated_at": morning(until),
        "oldest_commit_date": repo.has_commits.then(|| morning(start)),
        "youngest_commit_date": repo.has_commits.then(|| morning(until)),
        "tags": repo.tags,
    })
}

fn morning(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN) + TimeDelta::hours(9)
}
