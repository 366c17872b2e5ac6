//! The people file: users with their aliases, and teams, as TOML or CSV.

use serde::Deserialize;
use std::collections::BTreeSet;

/// The text of a people file.
#[derive(Clone, Debug)]
pub enum PeopleText {
    /// Tables `[[user]]` and `[[team]]`.
    Toml(String),
    /// A row for each user, after a row of column names.
    Csv(String),
}

/// A row of a people file in CSV. Lists are separated by semicolons.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CsvRow {
    email: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    aliases: String,
    /// Paths of teams, such as `Company > Core`.
    #[serde(default)]
    teams: String,
    #[serde(default)]
    excluded: String,
    #[serde(default)]
    bot: String,
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(';').map(str::trim).filter(|item| !item.is_empty())
}

fn flag(column: &str, text: &str) -> Result<Option<bool>, String> {
    match text.to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "true" | "yes" | "1" => Ok(Some(true)),
        "false" | "no" | "0" => Ok(Some(false)),
        _ => Err(format!("{column} is {text}, and not true or false")),
    }
}

/// Users with their aliases, and teams.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PeopleFile {
    #[serde(rename = "user")]
    pub users: Vec<UserEntry>,
    #[serde(rename = "team")]
    pub teams: Vec<TeamEntry>,
}

/// A person.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UserEntry {
    pub name: Option<String>,
    pub email: String,
    /// Addresses, names, or `Name <address>`.
    pub aliases: Vec<String>,
    /// Leaves the person out of reports.
    pub excluded: bool,
    /// Overrides the recognition of bots.
    pub bot: Option<bool>,
}

/// A team.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TeamEntry {
    pub name: String,
    pub parent: Option<String>,
    /// Addresses of users.
    pub members: Vec<String>,
}

impl PeopleFile {
    /// Parses a people file.
    ///
    /// # Errors
    /// Returns the first mistake.
    pub fn parse(people: &PeopleText) -> Result<PeopleFile, String> {
        match people {
            PeopleText::Toml(text) => PeopleFile::from_toml(text),
            PeopleText::Csv(text) => PeopleFile::from_csv(text),
        }
    }

    pub fn from_toml(text: &str) -> Result<PeopleFile, String> {
        let file: PeopleFile = toml::from_str(text).map_err(|error| error.to_string())?;
        if let Some(index) = file.users.iter().position(|user| user.email.trim().is_empty()) {
            return Err(format!("user {} has no email", index.saturating_add(1)));
        }
        file.check_teams()?;
        Ok(file)
    }

    /// Reads a table with a row for each user.
    fn from_csv(text: &str) -> Result<PeopleFile, String> {
        let mut file = PeopleFile::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        for (index, row) in reader.deserialize::<CsvRow>().enumerate() {
            let row = row.map_err(|error| error.to_string())?;
            let failed = |why: String| format!("user {}: {why}", index.saturating_add(1));
            if row.email.is_empty() {
                return Err(format!("user {} has no email", index.saturating_add(1)));
            }
            for path in items(&row.teams) {
                file.add_member(path, &row.email).map_err(failed)?;
            }
            file.users.push(UserEntry {
                name: row.name.filter(|name| !name.is_empty()),
                aliases: items(&row.aliases).map(str::to_owned).collect(),
                excluded: flag("excluded", &row.excluded).map_err(failed)?.unwrap_or(false),
                bot: flag("bot", &row.bot).map_err(failed)?,
                email: row.email,
            });
        }
        file.check_teams()?;
        Ok(file)
    }

    /// Adds a member to the last team of a path such as `Company > Product > Core`.
    fn add_member(&mut self, path: &str, member: &str) -> Result<(), String> {
        let mut parent: Option<&str> = None;
        for name in path.split('>').map(str::trim) {
            match self.teams.iter().find(|team| team.name == name) {
                // A path may begin with any team, such as `Core` after `Company > Core`.
                Some(team) if parent.is_none() || team.parent.as_deref() == parent => {}
                Some(_) => return Err(format!("team {name} is in two places")),
                None => self.teams.push(TeamEntry {
                    name: name.to_owned(),
                    parent: parent.map(str::to_owned),
                    members: Vec::new(),
                }),
            }
            parent = Some(name);
        }
        if let Some(team) = self.teams.iter_mut().find(|team| Some(team.name.as_str()) == parent) {
            team.members.push(member.to_owned());
        }
        Ok(())
    }

    /// Adds a team, or members to the team of that name.
    pub fn add_team(&mut self, team: TeamEntry) {
        match self.teams.iter_mut().find(|other| other.name == team.name) {
            Some(known) => known.members.extend(team.members),
            None => self.teams.push(team),
        }
    }

    fn check_teams(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        for team in &self.teams {
            if team.name.trim().is_empty() {
                return Err("a team has no name".to_owned());
            }
            if !names.insert(team.name.as_str()) {
                return Err(format!("team {} is listed twice", team.name));
            }
        }
        for team in &self.teams {
            let mut above = team.parent.as_deref();
            for _ in 0..=self.teams.len() {
                let Some(name) = above else { break };
                let Some(parent) = self.teams.iter().find(|other| other.name == name) else {
                    return Err(format!("team {}: its parent {name} is not listed", team.name));
                };
                above = parent.parent.as_deref();
            }
            if above.is_some() {
                return Err(format!("team {} is nested in itself", team.name));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_in_the_people_file_are_named() {
        for (text, expected) in [
            ("[[user]]\nname = 'A'", "user 1 has no email"),
            ("[[team]]\nname = 'A'\nparent = 'B'", "team A: its parent B is not listed"),
            ("[[team]]\nname = 'A'\nparent = 'A'", "team A is nested in itself"),
            ("[[team]]\nname = 'A'\n[[team]]\nname = 'A'", "team A is listed twice"),
        ] {
            assert_eq!(PeopleFile::from_toml(text).unwrap_err(), expected);
        }
        assert!(PeopleFile::from_toml("[[person]]").unwrap_err().contains("person"));
    }

    #[test]
    fn a_table_names_users_aliases_and_nested_teams() {
        let text = "\u{feff}name,email,aliases,teams,excluded,bot\r\n\
            \"Lovelace, Ada\",ada@x.org,old@x.org; Lovelace,Company > Core; Guests,,\r\n\
            ,bob@x.org,,Core,YES,\n\
            CI,ci@x.org,,,no,true\n";
        let file = PeopleFile::parse(&PeopleText::Csv(text.to_owned())).unwrap();
        let [ada, bob, ci] = &file.users[..] else { panic!("{:?}", file.users) };
        assert_eq!(
            (ada.name.as_deref(), &ada.aliases[..]),
            (Some("Lovelace, Ada"), &["old@x.org", "Lovelace"].map(str::to_owned)[..])
        );
        assert_eq!((ada.excluded, ada.bot, &bob.name, bob.excluded, ci.bot), (false, None, &None, true, Some(true)));
        let teams: Vec<_> = file
            .teams
            .iter()
            .map(|team| (team.name.as_str(), team.parent.as_deref(), team.members.join(" ")))
            .collect();
        assert_eq!(
            teams,
            [
                ("Company", None, String::new()),
                ("Core", Some("Company"), "ada@x.org bob@x.org".to_owned()),
                ("Guests", None, "ada@x.org".to_owned()),
            ]
        );
    }

    #[test]
    fn mistakes_in_a_table_are_named() {
        for (text, expected) in [
            ("name,email\nA,", "user 1 has no email"),
            ("name\nA", "missing field `email`"),
            ("email,team\na@x,Core", "unknown field `team`"),
            ("email,bot\na@x,perhaps", "user 1: bot is perhaps, and not true or false"),
            ("email,teams\na@x,A>B;C>B", "user 1: team B is in two places"),
            ("email,teams\na@x,A>>B", "a team has no name"),
            ("email,name\na@x", "CSV error: record 1"),
        ] {
            let error = PeopleFile::parse(&PeopleText::Csv(text.to_owned())).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
