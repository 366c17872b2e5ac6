//! The users and repositories that a request selects, from lists of the upstream (§1).

use super::contribution::Contribution;
use super::derivation::{Derivation, DerivationError};
use crate::proxy::kv_store::KvStore;
use crate::proxy::page::parse_object;
use crate::proxy::upstream_client::UpstreamClient;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use streamgage::query::{IdSet, MetricsRequest, encode_query};
use streamgage::schema::parse_ids;
use streamgage::teams::with_nested_teams;
use streamgage::text::fold;

/// The number of ids in one request. Servers refuse addresses of about 8 KB.
const MAX_IDS: usize = 100;
/// The number of such requests. Larger selections are made here, from all commits.
const MAX_FILTERS: usize = 10;

/// Selected users and repositories.
pub(super) struct Selection {
    /// `None` selects all users that are not hidden.
    users: Option<IdSet>,
    hidden_users: IdSet,
    /// `None` selects all repositories that are not excluded.
    repos: Option<IdSet>,
    excluded_repos: IdSet,
}

/// A filter of the list of commits.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum CommitFilter {
    All,
    Users(IdSet),
    Repos(IdSet),
}

impl Selection {
    pub fn contains(&self, contribution: &Contribution) -> bool {
        let Contribution { user, repo, .. } = contribution;
        let is_selected = |ids: &Option<IdSet>, id: i64| ids.as_ref().is_none_or(|ids| ids.contains(id));
        is_selected(&self.users, *user)
            && is_selected(&self.repos, *repo)
            && !self.hidden_users.contains(*user)
            && !self.excluded_repos.contains(*repo)
    }

    /// Returns filters that together match all selected commits, each once.
    pub fn commit_filters(&self) -> Vec<CommitFilter> {
        let (selected, excluded, filter): (_, _, fn(IdSet) -> CommitFilter) = match (&self.users, &self.repos) {
            (Some(users), _) => (users, &self.hidden_users, CommitFilter::Users),
            (None, Some(repos)) => (repos, &self.excluded_repos, CommitFilter::Repos),
            (None, None) => return vec![CommitFilter::All],
        };
        if self.repos.as_ref().is_some_and(|repos| repos.as_slice().is_empty()) {
            return Vec::new();
        }
        let ids: Vec<i64> = selected.as_slice().iter().copied().filter(|&id| !excluded.contains(id)).collect();
        if ids.len() > MAX_IDS * MAX_FILTERS {
            return vec![CommitFilter::All];
        }
        ids.chunks(MAX_IDS).map(|ids| filter(ids.iter().copied().collect())).collect()
    }

    fn new(request: &MetricsRequest, users: Option<IdSet>, hidden_users: IdSet, repos: &[RepoRow<'_>]) -> Selection {
        let name = request.repo_name.as_deref().map(fold);
        let matches = |repo: &&RepoRow<'_>| {
            let repo_tags = repo.tags.and_then(|tags| parse_ids(tags.get())).unwrap_or_default();
            let has_tag = |tags: &IdSet| repo_tags.iter().any(|&tag| tags.contains(tag));
            request.repo_tags.iter().all(has_tag) && name.as_ref().is_none_or(|name| fold(&repo.name).contains(name))
        };
        let matching: Option<IdSet> = (name.is_some() || !request.repo_tags.is_empty())
            .then(|| repos.iter().filter(matches).map(|repo| repo.id).collect());
        let blocked = repos.iter().filter(|repo| repo.blocked).map(|repo| repo.id);
        let excluded = request.repos_not.iter().flat_map(|ids| ids.as_slice().iter().copied());
        Selection {
            users,
            hidden_users,
            excluded_repos: blocked.chain(excluded).collect(),
            repos: match (matching, &request.repos) {
                (Some(matching), Some(ids)) => Some(matching.intersection(ids)),
                (matching, ids) => matching.or_else(|| ids.clone()),
            },
        }
    }
}

impl CommitFilter {
    /// Returns the encoded parameter, with a leading `&`.
    pub fn query(&self) -> String {
        match self {
            CommitFilter::All => String::new(),
            CommitFilter::Users(ids) => format!("&{}", in_list("apex_user_id__in", ids.as_slice())),
            CommitFilter::Repos(ids) => format!("&{}", in_list("repo_id__in", ids.as_slice())),
        }
    }

    pub fn contains(&self, contribution: &Contribution) -> bool {
        match self {
            CommitFilter::All => true,
            CommitFilter::Users(ids) => ids.contains(contribution.user),
            CommitFilter::Repos(ids) => ids.contains(contribution.repo),
        }
    }
}

fn in_list(name: &str, ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    encode_query([(name, ids.join(",").as_str())])
}

/// A row of `team_membership`.
#[derive(Deserialize)]
struct MembershipRow {
    #[serde(default, deserialize_with = "valid_or_default")]
    apex_user_id: Option<i64>,
    #[serde(default, deserialize_with = "valid_or_default")]
    team_id: Option<i64>,
    #[serde(default, deserialize_with = "valid_or_default")]
    membership_type: String,
}

/// A row of `teams`.
#[derive(Deserialize)]
struct TeamRow {
    #[serde(default, deserialize_with = "valid_or_default")]
    id: Option<i64>,
    #[serde(default, deserialize_with = "valid_or_default")]
    parent: Option<i64>,
}

/// A row of `users`.
#[derive(Deserialize)]
struct UserRow {
    #[serde(default, deserialize_with = "valid_or_default")]
    id: Option<i64>,
    #[serde(default, deserialize_with = "valid_or_default")]
    hidden_from_reports: bool,
}

/// A row of `repos`.
#[derive(Deserialize)]
struct RepoRow<'a> {
    #[serde(default, deserialize_with = "valid_or_default")]
    id: i64,
    #[serde(default, deserialize_with = "valid_or_default")]
    name: String,
    #[serde(default, deserialize_with = "valid_or_default")]
    blocked: bool,
    /// Ids, or objects with an id.
    #[serde(default, borrow)]
    tags: Option<&'a RawValue>,
}

/// Replaces a value of another type by the default.
fn valid_or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    let value = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(value.get()).unwrap_or_default())
}

impl<C: UpstreamClient, S: KvStore> Derivation<'_, C, S> {
    /// Reads the lists that a request refers to.
    pub async fn select(&self, request: &MetricsRequest) -> Result<Selection, DerivationError> {
        let mut users = request.users.clone();
        for teams in &request.teams {
            let mut teams = teams.clone();
            if request.include_nested_teams {
                let rows = self.list("teams", "fields=id%2Cparent&ordering=id").await?;
                teams = with_nested_teams(teams.as_slice().iter().copied(), &child_teams(&rows));
            }
            let mut contributors = Vec::new();
            for ids in teams.as_slice().chunks(MAX_IDS) {
                let filter = in_list("team_id__in", ids);
                let fields = "fields=id%2Capex_user_id%2Cteam_id%2Cmembership_type&ordering=id";
                let query = format!("{filter}&membership_type=contributor&{fields}");
                let rows = self.list("team_membership", &query).await?;
                contributors.extend(rows.iter().filter_map(|row| contributor(row, &teams)));
            }
            let contributors: IdSet = contributors.into_iter().collect();
            users = Some(users.map_or_else(|| contributors.clone(), |users| users.intersection(&contributors)));
        }
        let query = "hidden_from_reports=true&fields=id%2Chidden_from_reports&ordering=id";
        let hidden_users = self.list("users", query).await?.iter().filter_map(|row| hidden_user(row)).collect();
        let repos = self.list("repos", "fields=id%2Cname%2Cblocked%2Ctags&ordering=id").await?;
        let repos: Vec<RepoRow<'_>> = repos.iter().filter_map(|row| parse_object(row)).collect();
        Ok(Selection::new(request, users, hidden_users, &repos))
    }
}

/// Returns the user of a membership, if the user contributes to one of the teams.
fn contributor(row: &str, teams: &IdSet) -> Option<i64> {
    let row: MembershipRow = parse_object(row)?;
    let is_selected = row.membership_type == "contributor" && row.team_id.is_some_and(|team| teams.contains(team));
    row.apex_user_id.filter(|_| is_selected)
}

/// Returns sorted pairs of a parent and a child.
fn child_teams(rows: &[String]) -> Vec<(i64, i64)> {
    let parse = |row: &String| parse_object(row).and_then(|TeamRow { id, parent }| parent.zip(id));
    let mut children: Vec<(i64, i64)> = rows.iter().filter_map(parse).collect();
    children.sort_unstable();
    children
}

fn hidden_user(row: &str) -> Option<i64> {
    let row: UserRow = parse_object(row)?;
    row.id.filter(|_| row.hidden_from_reports)
}
