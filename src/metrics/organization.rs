//! The records of an organization that metrics read.

use super::commit::Commit;
use super::record::{Record, RecordSink, Records};
use crate::schema::{COMMITS, REPOS, Resource, RowError, RowSink, TEAM_MEMBERSHIP, TEAMS, USERS, Value, read_row};
use alloc::{boxed::Box, vec::Vec};

/// The records of an organization.
#[derive(Clone, Debug, Default)]
pub struct Organization {
    /// Commits. Their users and repositories need no record.
    pub commits: Records<Commit>,
    /// Users.
    pub users: Records<User>,
    /// Teams.
    pub teams: Records<Team>,
    /// Memberships of teams.
    pub memberships: Records<Membership>,
    /// Repositories.
    pub repos: Records<Repo>,
}

impl Organization {
    /// Adds all records of another organization; its records replace those with equal ids.
    pub fn append(&mut self, others: Organization) {
        let Organization { commits, users, teams, memberships, repos } = others;
        self.commits.append(commits);
        self.users.append(users);
        self.teams.append(teams);
        self.memberships.append(memberships);
        self.repos.append(repos);
    }

    /// Reads a row from its JSON text. Rows of resources that metrics do not read are only checked.
    ///
    /// # ValidationErrors
    /// As [`read_row`].
    pub fn read_text(&mut self, resource: &'static Resource, text: &str) -> Result<(), RowError> {
        match resource.name {
            name if name == COMMITS.name => self.commits.read_text(text),
            name if name == USERS.name => self.users.read_text(text),
            name if name == TEAMS.name => self.teams.read_text(text),
            name if name == TEAM_MEMBERSHIP.name => self.memberships.read_text(text),
            name if name == REPOS.name => self.repos.read_text(text),
            _ => read_row(resource, text, &mut Unread),
        }
    }
}

/// Checks a row as all readers do: the value of each field, and the rules over several fields.
///
/// # Errors
/// Returns the errors of [`read_row`], or the rule that the row breaks.
pub fn check_row(resource: &'static Resource, text: &str) -> Result<(), RowError> {
    if resource.name != COMMITS.name {
        return read_row(resource, text, &mut Unread);
    }
    let mut sink = RecordSink::<Commit>::default();
    read_row(resource, text, &mut sink)?;
    sink.finish().map(drop)
}

struct Unread;

impl RowSink for Unread {
    fn value(&mut self, _: usize, _: Value<'_>) {}
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// Reports whether the user's commits are left out.
    pub hidden_from_reports: bool,
}

/// A team.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Team {
    /// The parent team.
    pub parent: Option<i64>,
}

/// A user's membership of a team.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Membership {
    /// The user.
    pub apex_user_id: Option<i64>,
    /// The team.
    pub team_id: Option<i64>,
    /// Reports whether its type is `contributor`, the only one that metrics count.
    pub is_contributor: bool,
}

/// A repository.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Repo {
    /// The name.
    pub name: Box<str>,
    /// Reports whether its commits are left out.
    pub blocked: bool,
    /// The ids of its tags.
    pub tags: Vec<i64>,
}

impl Record for User {
    const RESOURCE: &'static Resource = &USERS;
    type Draft = User;

    fn set(user: &mut User, place: usize, value: Value<'_>) {
        const HIDDEN: usize = USERS.field_index("hidden_from_reports");
        if place == HIDDEN {
            user.hidden_from_reports = value == Value::Boolean(true);
        }
    }

    fn finish(user: User) -> Result<User, RowError> {
        Ok(user)
    }
}

impl Record for Team {
    const RESOURCE: &'static Resource = &TEAMS;
    type Draft = Team;

    fn set(team: &mut Team, place: usize, value: Value<'_>) {
        const PARENT: usize = TEAMS.field_index("parent");
        if place == PARENT {
            team.parent = value.integer();
        }
    }

    fn finish(team: Team) -> Result<Team, RowError> {
        Ok(team)
    }
}

impl Record for Membership {
    const RESOURCE: &'static Resource = &TEAM_MEMBERSHIP;
    type Draft = Membership;

    fn set(membership: &mut Membership, place: usize, value: Value<'_>) {
        const USER: usize = TEAM_MEMBERSHIP.field_index("apex_user_id");
        const TEAM: usize = TEAM_MEMBERSHIP.field_index("team_id");
        const TYPE: usize = TEAM_MEMBERSHIP.field_index("membership_type");
        match place {
            USER => membership.apex_user_id = value.integer(),
            TEAM => membership.team_id = value.integer(),
            TYPE => membership.is_contributor = value.text() == Some("contributor"),
            _ => {}
        }
    }

    fn finish(membership: Membership) -> Result<Membership, RowError> {
        Ok(membership)
    }
}

impl Record for Repo {
    const RESOURCE: &'static Resource = &REPOS;
    type Draft = Repo;

    fn set(repo: &mut Repo, place: usize, value: Value<'_>) {
        const NAME: usize = REPOS.field_index("name");
        const BLOCKED: usize = REPOS.field_index("blocked");
        const TAGS: usize = REPOS.field_index("tags");
        match (place, value) {
            (NAME, value) => repo.name = value.text().unwrap_or_default().into(),
            (BLOCKED, value) => repo.blocked = value == Value::Boolean(true),
            (TAGS, Value::Ids(tags)) => repo.tags = tags,
            (TAGS, _) => repo.tags.clear(),
            _ => {}
        }
    }

    fn finish(repo: Repo) -> Result<Repo, RowError> {
        Ok(repo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::TAGS;
    use alloc::vec;

    const COMMIT: &str = r#"{"id":1,"apex_user_id":2,"repo_id":3,"author_local_date":"2024-02-29T10:00:00"}"#;

    #[test]
    fn rows_become_records_of_their_resource() {
        let mut organization = Organization::default();
        let rows: [(&'static Resource, &str); 10] = [
            (&COMMITS, COMMIT),
            (&USERS, r#"{"id":1,"name":"a","hidden_from_reports":true}"#),
            (&USERS, r#"{"id":2,"hidden_from_reports":false,"alias_count":1}"#),
            (&TEAMS, r#"{"id":1,"name":"a","parent":2}"#),
            (&TEAMS, r#"{"id":2,"parent":null}"#),
            (&TEAM_MEMBERSHIP, r#"{"id":1,"apex_user_id":4,"team_id":5,"membership_type":"contributor"}"#),
            (&TEAM_MEMBERSHIP, r#"{"id":2,"apex_user_id":4,"team_id":5,"membership_type":"viewer"}"#),
            (&REPOS, r#"{"id":1,"name":"a","blocked":true,"tags":[1,2]}"#),
            // The later of two values counts.
            (&REPOS, r#"{"id":2,"name":"a","name":null,"blocked":true,"blocked":null,"tags":[1],"tags":null}"#),
            (&TAGS, r#"{"id":1,"name":"a"}"#),
        ];
        for (resource, row) in rows {
            assert_eq!(organization.read_text(resource, row), Ok(()), "{row}");
        }
        assert_eq!(organization.commits.sorted().iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1]);
        let users = [1, 2].map(|id| (id, User { hidden_from_reports: id == 1 }));
        assert!(organization.users.sorted().into_iter().eq(users.iter().map(|(id, user)| (*id, user))));
        let teams = [Team { parent: Some(2) }, Team { parent: None }];
        assert!(organization.teams.sorted().into_iter().map(|(_, team)| team).eq(&teams));
        let memberships =
            [true, false].map(|is_contributor| Membership { apex_user_id: Some(4), team_id: Some(5), is_contributor });
        assert!(organization.memberships.sorted().into_iter().map(|(_, membership)| membership).eq(&memberships));
        let repos = [Repo { name: "a".into(), blocked: true, tags: vec![1, 2] }, Repo::default()];
        assert!(organization.repos.sorted().into_iter().map(|(_, repo)| repo).eq(&repos));

        let mut all = Organization::default();
        all.append(organization);
        assert_eq!(
            [all.commits.sorted().len(), all.users.sorted().len(), all.teams.sorted().len(), all.repos.sorted().len()],
            [1, 2, 2, 2]
        );
        assert_eq!(all.memberships.sorted().len(), 2);
    }

    #[test]
    fn rows_are_checked_by_their_resource() {
        for resource in [&COMMITS, &USERS, &TEAMS, &TEAM_MEMBERSHIP, &REPOS, &TAGS] {
            for row in [r#"{"id":"x"}"#, r#"{"name":"a"}"#, "[]"] {
                assert!(Organization::default().read_text(resource, row).is_err(), "{row}");
                assert_eq!(Organization::default().read_text(resource, row), check_row(resource, row), "{row}");
            }
        }
        assert_eq!((check_row(&COMMITS, COMMIT), check_row(&TAGS, r#"{"id":1}"#)), (Ok(()), Ok(())));
    }
}
