//! Whose work a question is about, and where: ids, out of the upstream's lists (§1).

use super::days::Contribution;
use super::lists::{integer, members};
use super::{Derivation, Stop};
use crate::proxy::{KvStore, UpstreamClient};
use streamgage::json::{Value, unescape};
use streamgage::query::{IdSet, MetricsRequest, encode_query};
use streamgage::schema::parse_ids;
use streamgage::teams::with_nested_teams;
use streamgage::text::fold;

/// How many ids a request lists, to stay far below what servers take for a long address (8 KB).
const MAX_IDS: usize = 100;
/// Of how many such requests a question is made up; beyond that everything is asked for, and picked out here.
const MAX_FILTERS: usize = 10;

/// What of an organization a question is about.
pub(super) struct Scope {
    /// All but the hidden ones, if `None`.
    users: Option<IdSet>,
    hidden: IdSet,
    /// All but the blocked ones, if `None`.
    repos: Option<IdSet>,
    not_repos: IdSet,
}

/// What of it one list of commits can be asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    All,
    Users(IdSet),
    Repos(IdSet),
}

impl Scope {
    /// Whether a contribution counts.
    pub fn counts(&self, contribution: &Contribution) -> bool {
        let Contribution { user, repo, .. } = contribution;
        let is_one_of = |ids: &Option<IdSet>, id: i64| ids.as_ref().is_none_or(|ids| ids.contains(id));
        is_one_of(&self.users, *user)
            && is_one_of(&self.repos, *repo)
            && !self.hidden.contains(*user)
            && !self.not_repos.contains(*repo)
    }

    /// What to ask for: all that counts, and no contribution twice.
    pub fn filters(&self) -> Vec<Filter> {
        let (asked, without, filter): (_, _, fn(IdSet) -> Filter) = match (&self.users, &self.repos) {
            (Some(users), _) => (users, &self.hidden, Filter::Users),
            (None, Some(repos)) => (repos, &self.not_repos, Filter::Repos),
            (None, None) => return vec![Filter::All],
        };
        let nothing = self.repos.as_ref().is_some_and(|repos| repos.as_slice().is_empty());
        let ids: Vec<i64> = asked.as_slice().iter().copied().filter(|&id| !without.contains(id) && !nothing).collect();
        if ids.len() > MAX_IDS * MAX_FILTERS {
            return vec![Filter::All];
        }
        ids.chunks(MAX_IDS).map(|ids| filter(ids.iter().copied().collect())).collect()
    }
}

impl Filter {
    /// The parameter, encoded.
    pub fn query(&self) -> String {
        match self {
            Filter::All => String::new(),
            Filter::Users(ids) => format!("&{}", in_list("apex_user_id__in", ids.as_slice())),
            Filter::Repos(ids) => format!("&{}", in_list("repo_id__in", ids.as_slice())),
        }
    }

    /// Whether the upstream heeded it.
    pub fn holds(&self, contribution: &Contribution) -> bool {
        match self {
            Filter::All => true,
            Filter::Users(ids) => ids.contains(contribution.user),
            Filter::Repos(ids) => ids.contains(contribution.repo),
        }
    }
}

fn in_list(name: &str, ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    encode_query([(name, ids.join(",").as_str())])
}

/// A row of `repos`.
#[derive(Default)]
struct Repo {
    id: i64,
    name: String,
    blocked: bool,
    tags: Vec<i64>,
}

impl<S: UpstreamClient, K: KvStore> Derivation<'_, S, K> {
    /// Looks up what a question is about.
    pub async fn scope(&self, request: &MetricsRequest) -> Result<Scope, Stop> {
        let mut users = request.users.clone();
        for teams in &request.teams {
            let mut teams = teams.clone();
            if request.include_nested_teams {
                let rows = self.list("teams", "fields=id%2Cparent&ordering=id").await?;
                teams = with_nested_teams(teams.as_slice().iter().copied(), &children(&rows));
            }
            let mut members = Vec::new();
            for ids in teams.as_slice().chunks(MAX_IDS) {
                let asked = in_list("team_id__in", ids);
                let fields = "fields=id%2Capex_user_id%2Cteam_id%2Cmembership_type&ordering=id";
                let query = format!("{asked}&membership_type=contributor&{fields}");
                let rows = self.list("team_membership", &query).await?;
                members.extend(rows.iter().filter_map(|row| contributor(row, &teams)));
            }
            let members: IdSet = members.into_iter().collect();
            users = Some(users.map_or_else(|| members.clone(), |users| users.intersection(&members)));
        }
        let query = "hidden_from_reports=true&fields=id%2Chidden_from_reports&ordering=id";
        let hidden = self.list("users", query).await?.iter().filter_map(|row| hidden_user(row)).collect();
        let repos = self.list("repos", "fields=id%2Cname%2Cblocked%2Ctags&ordering=id").await?;
        Ok(Scope::of(request, users, hidden, repos.iter().map(|row| Repo::read(row)).collect()))
    }
}

impl Scope {
    fn of(request: &MetricsRequest, users: Option<IdSet>, hidden: IdSet, repos: Vec<Repo>) -> Scope {
        let name = request.repo_name.as_deref().map(fold);
        let is_asked = |repo: &&Repo| {
            let has_tag = |tags: &IdSet| repo.tags.iter().any(|&tag| tags.contains(tag));
            request.repo_tags.iter().all(has_tag) && name.as_ref().is_none_or(|name| fold(&repo.name).contains(name))
        };
        let described: Option<IdSet> = (name.is_some() || !request.repo_tags.is_empty())
            .then(|| repos.iter().filter(is_asked).map(|repo| repo.id).collect());
        let blocked = repos.iter().filter(|repo| repo.blocked).map(|repo| repo.id);
        let left_out = request.repos_not.iter().flat_map(|ids| ids.as_slice().iter().copied());
        Scope {
            users,
            hidden,
            not_repos: blocked.chain(left_out).collect(),
            repos: match (described, &request.repos) {
                (Some(described), Some(ids)) => Some(described.intersection(ids)),
                (described, ids) => described.or_else(|| ids.clone()),
            },
        }
    }
}

/// Who contributes to one of the teams, by a row of `team_membership`.
fn contributor(row: &str, teams: &IdSet) -> Option<i64> {
    let (mut user, mut team, mut is_contributor) = (None, None, false);
    for (name, value) in members(row) {
        match name {
            "apex_user_id" => user = integer(value),
            "team_id" => team = integer(value),
            "membership_type" => is_contributor = value == Value::Text("contributor"),
            _ => {}
        }
    }
    user.filter(|_| is_contributor && team.is_some_and(|team| teams.contains(team)))
}

/// Pairs of a parent and a child from rows of `teams`, sorted.
fn children(rows: &[String]) -> Vec<(i64, i64)> {
    let read = |row: &String| {
        let (mut id, mut parent) = (None, None);
        for (name, value) in members(row) {
            match name {
                "id" => id = integer(value),
                "parent" => parent = integer(value),
                _ => {}
            }
        }
        parent.zip(id)
    };
    let mut children: Vec<(i64, i64)> = rows.iter().filter_map(read).collect();
    children.sort_unstable();
    children
}

/// Who is hidden, by a row of `users`.
fn hidden_user(row: &str) -> Option<i64> {
    let (mut id, mut is_hidden) = (None, false);
    for (name, value) in members(row) {
        match name {
            "id" => id = integer(value),
            "hidden_from_reports" => is_hidden = value == Value::Boolean(true),
            _ => {}
        }
    }
    id.filter(|_| is_hidden)
}

impl Repo {
    fn read(row: &str) -> Repo {
        let mut repo = Repo::default();
        for (name, value) in members(row) {
            match (name, value) {
                ("id", value) => repo.id = integer(value).unwrap_or_default(),
                ("name", Value::Text(text)) => repo.name = unescape(text).unwrap_or_default().into_owned(),
                ("blocked", value) => repo.blocked = value == Value::Boolean(true),
                ("tags", Value::List(list)) => repo.tags = parse_ids(list).unwrap_or_default(),
                _ => {}
            }
        }
        repo
    }
}
