//! Scopes of keys: the part of the upstream that a key of streamgage may see.
//!
//! A scope is expressed by parameters of the upstream, written here from parsed values, so that a caller's spelling cannot mean
//! different things here and there. A request for which this is impossible is refused.

use super::cache_key::{CacheKey, PermissionClass};
use super::page::parse_object;
use serde::Deserialize;
use streamgage::calendar::Day;
use streamgage::query::{CORE_PATH, IdSet, METRICS_PARAMETERS, MetricsRequest, Parameters};
use streamgage::schema::{Lookup, resource};

/// Visible teams and repositories. `None` stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    #[serde(default)]
    teams: Option<Vec<i64>>,
    #[serde(default)]
    repos: Option<Vec<i64>>,
}

/// A request beyond the scope, or one that cannot be restricted to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfScopeError;

impl Scope {
    /// Parses the `scopes` of a key. Returns `None` for unknown or repeated members.
    pub fn parse(text: &str) -> Option<Scope> {
        parse_object(text)
    }

    fn is_unrestricted(&self) -> bool {
        self.teams.is_none() && self.repos.is_none()
    }

    /// Restricts a request to the scope. `today` is the day on which metrics are evaluated.
    ///
    /// # Errors
    /// Returns an error if the request cannot be restricted, or names ids outside of the scope.
    pub fn restrict(&self, mut cache_key: CacheKey, today: Day) -> Result<CacheKey, OutOfScopeError> {
        if self.is_unrestricted() {
            return Ok(cache_key);
        }
        if cache_key.class == PermissionClass::Metrics {
            return self.restrict_metrics(cache_key, today);
        }
        let path = cache_key.path.strip_prefix(CORE_PATH).ok_or(OutOfScopeError)?.to_owned();
        let (name, id) = path
            .strip_suffix('/')
            .unwrap_or(&path)
            .split_once('/')
            .map_or((path.trim_end_matches('/'), None), |(name, id)| (name, Some(id)));
        let (ids, single, list) = match name {
            "teams" => (self.teams.as_ref(), "id", "id__in"),
            "repos" => (self.repos.as_ref(), "id", "id__in"),
            // Commits have no filter by team.
            "commits" | "commits.agg" if self.teams.is_none() => (self.repos.as_ref(), "repo_id", "repo_id__in"),
            _ => return Err(OutOfScopeError),
        };
        let ids: IdSet = ids.ok_or(OutOfScopeError)?.iter().copied().collect();
        let sent = cache_key.query.encode();
        let uses_relations = |(name, value): (&str, &str)| names_columns(name) && value.contains("__");
        if !cache_key.query.names().all(|name_sent| uses_own_fields(name, name_sent))
            || Parameters::parse(&sent).iter().any(uses_relations)
        {
            return Err(OutOfScopeError);
        }
        match id {
            // The path of a commit does not contain its repository.
            Some(id) if single == "id" => {
                let id: Option<i64> = id.bytes().all(|byte| byte.is_ascii_digit()).then(|| id.parse().ok()).flatten();
                if id.is_some_and(|id| ids.contains(id)) { Ok(cache_key) } else { Err(OutOfScopeError) }
            }
            Some(_) => Err(OutOfScopeError),
            None => {
                let allowed = restricted_ids(&sent, single, list, &ids)?;
                cache_key.query.remove(single);
                cache_key.query.set(list, allowed);
                Ok(cache_key)
            }
        }
    }

    fn restrict_metrics(&self, mut cache_key: CacheKey, today: Day) -> Result<CacheKey, OutOfScopeError> {
        let documented = |name: &[u8]| METRICS_PARAMETERS.iter().any(|known| known.name.as_bytes() == name);
        let sent = cache_key.query.encode();
        let request = MetricsRequest::parse(&sent, today).map_err(|_| OutOfScopeError)?;
        // Nested teams may lie outside of the scope.
        if !cache_key.query.names().all(documented) || (self.teams.is_some() && request.include_nested_teams) {
            return Err(OutOfScopeError);
        }
        for (ids, single, list) in [(&self.teams, "team_id", "team_id__in"), (&self.repos, "repo_id", "repo_id__in")] {
            let Some(ids) = ids else { continue };
            let allowed = restricted_ids(&sent, single, list, &ids.iter().copied().collect())?;
            cache_key.query.remove(single);
            cache_key.query.set(list, allowed);
        }
        Ok(cache_key)
    }
}

/// Returns the requested ids within the scope, or all ids of the scope. An empty list is refused: servers disagree about
/// whether it means none or all.
fn restricted_ids(query: &str, single: &str, list: &str, scope: &IdSet) -> Result<String, OutOfScopeError> {
    let parameters = Parameters::parse(query);
    let sent = [parameters.value(single), parameters.value(list)];
    let mut asked = scope.clone();
    for value in sent.into_iter().flatten() {
        let ids: Option<IdSet> = value.split(',').map(|id| id.parse::<i64>().ok()).collect();
        let ids = ids.ok_or(OutOfScopeError)?;
        if !ids.as_slice().iter().all(|&id| scope.contains(id)) {
            return Err(OutOfScopeError);
        }
        asked = asked.intersection(&ids);
    }
    if asked.as_slice().is_empty() {
        return Err(OutOfScopeError);
    }
    let ids: Vec<String> = asked.as_slice().iter().map(i64::to_string).collect();
    Ok(ids.join(","))
}

/// Parameters that select among the visible rows, or control their presentation.
const PRESENTATION: [&str; 6] = ["fields", "limit", "offset", "omit", "ordering", "search"];

/// Returns true for parameters whose values name columns. A name with `__` is a column of a related resource.
fn names_columns(name: &str) -> bool {
    matches!(name, "fields" | "omit" | "ordering") || name.contains('[')
}

/// Returns true if a parameter uses the rows' own fields only. Others use relations or, like `filters=`, replace all filters.
fn uses_own_fields(path: &str, name: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else { return false };
    let Some(resource) = resource(path.strip_suffix(".agg").unwrap_or(path)) else { return false };
    let is_field = |name: &str| resource.fields.iter().any(|field| field.name == name);
    if PRESENTATION.contains(&name) || resource.flags.iter().any(|flag| flag.name() == name) {
        return true;
    }
    if path.ends_with(".agg")
        && let Some((function, columns)) = name.strip_suffix(']').and_then(|name| name.split_once('['))
    {
        let column = |column: &str| is_field(column.strip_suffix("__date").unwrap_or(column));
        return match function {
            "group_by" => columns.split(',').all(column),
            "aggregate" => columns.bytes().all(|byte| byte.is_ascii_lowercase()),
            _ => false,
        };
    }
    let name = name.strip_suffix('!').unwrap_or(name);
    let (field, lookup) = name.split_once("__").unwrap_or((name, ""));
    is_field(field) && (lookup.is_empty() || Lookup::ALL.iter().any(|known| known.suffix() == lookup))
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamgage::query::METRICS_PATH;

    fn restricted(scope: &str, path: &str, query: &str) -> Option<String> {
        let scope = Scope::parse(scope).unwrap();
        let today = Day::parse("2026-11-22").unwrap();
        scope.restrict(CacheKey::parse(path, query).unwrap(), today).ok().map(|cache_key| cache_key.query.encode())
    }

    fn metrics(scope: &str, query: &str) -> Option<String> {
        let query = format!("resolution=week&start_date=2026-11-02&{query}");
        let restricted = restricted(scope, METRICS_PATH, &query)?;
        Some(
            restricted
                .replace("&resolution=week", "")
                .replace("resolution=week&", "")
                .replace("start_date=2026-11-02", ""),
        )
    }

    fn list(scope: &str, name: &str, query: &str) -> Option<String> {
        restricted(scope, &format!("{CORE_PATH}{name}/"), query)
    }

    const TEAMS: &str = r#"{"teams":[1,2]}"#;
    const REPOS: &str = r#"{"repos":[7,8]}"#;

    #[test]
    fn metrics_are_restricted_to_teams_and_repositories() {
        assert_eq!(metrics(TEAMS, "").as_deref(), Some("&team_id__in=1,2"));
        assert_eq!(metrics(TEAMS, "team_id=2").as_deref(), Some("&team_id__in=2"));
        assert_eq!(metrics(TEAMS, "team_id__in=2,1&repo_id=9").as_deref(), Some("repo_id=9&&team_id__in=1,2"));
        assert_eq!(metrics(REPOS, "repo_id=7&repo_id__in=7,8").as_deref(), Some("repo_id__in=7&"));
        assert_eq!(metrics(r#"{"teams":[1],"repos":[7]}"#, "").as_deref(), Some("repo_id__in=7&&team_id__in=1"));
        assert_eq!(metrics("{}", "other=1").as_deref(), Some("other=1&"));
    }

    #[test]
    fn metrics_beyond_the_scope_are_refused() {
        for query in [
            "team_id=3",
            "team_id__in=1,3",
            "team_id=1&team_id__in=2",
            "team_id__in=,",
            "team_id=1e0",
            "team_id=1.5",
            "team_id__in=+1",
            "include_nested_teams=true",
            "team_id__not_in=1",
            "other=1",
            "team_id%00=1",
        ] {
            assert_eq!(metrics(TEAMS, query), None, "{query}");
        }
        assert_eq!(metrics(r#"{"teams":[]}"#, ""), None);
    }

    #[test]
    fn lists_are_restricted_to_ids() {
        assert_eq!(
            list(TEAMS, "teams", "limit=5&name__icontains!=a").as_deref(),
            Some("id__in=1,2&limit=5&name__icontains%21=a")
        );
        assert_eq!(list(REPOS, "repos", "id=7&id__in=7,8").as_deref(), Some("id__in=7"));
        assert_eq!(list(REPOS, "repos/7", "fields=id").as_deref(), Some("fields=id"));
        assert_eq!(
            list(REPOS, "commits", "smart_dedupe=true&repo_id=8").as_deref(),
            Some("repo_id__in=8&smart_dedupe=true")
        );
        let group = "group_by[apex_user_id,author_local_date__date]&aggregate[sum]=haloc";
        assert_eq!(
            list(REPOS, "commits.agg", group).as_deref(),
            Some("aggregate%5Bsum%5D=haloc&group_by%5Bapex_user_id,author_local_date__date%5D&repo_id__in=7,8")
        );
    }

    #[test]
    fn lists_beyond_the_scope_are_refused() {
        for (scope, name, query) in [
            (TEAMS, "commits", ""),
            (TEAMS, "commits", "repo_id=7"),
            (TEAMS, "repos", ""),
            (TEAMS, "users", ""),
            (TEAMS, "team_membership", "team_id=1"),
            (TEAMS, "unknown", ""),
            (TEAMS, "teams/3", ""),
            (TEAMS, "teams/+1", ""),
            (TEAMS, "teams/1/members", ""),
            (TEAMS, "teams", "id=3"),
            (TEAMS, "teams", "parent__name=x"),
            (TEAMS, "teams", "filters=(id=3)"),
            (TEAMS, "teams", "%66ilters=(id=3)"),
            (REPOS, "teams", ""),
            (REPOS, "commits/1", ""),
            (REPOS, "commits", "repo_id=9"),
            (REPOS, "commits", "repo_id__in=7,9"),
            (REPOS, "commits", "repo_tags__in=1"),
            (REPOS, "commits", "filters="),
            (REPOS, "commits.agg", "group_by[repo__name]"),
            (REPOS, "commits.agg", "group_by[repo_id]&aggregate[max]=haloc,apex_user__email"),
            (REPOS, "commits", "ordering=-apex_user__email"),
            (REPOS, "commits", "fields=id,apex_user__email"),
            (REPOS, "commits", "omit=apex_user__email"),
            (REPOS, "commits.agg/x", ""),
            (REPOS, "repos", "tags__name=x"),
            (REPOS, "repos/9", ""),
        ] {
            assert_eq!(list(scope, name, query), None, "{scope} {name} {query}");
        }
    }

    #[test]
    fn an_invalid_scope_is_refused() {
        for text in [
            r#"{"team":[1]}"#,
            r#"{"teams":[1],"teams":[2]}"#,
            r#"{"teams":null,"teams":[2]}"#,
            r#"{"teams":["1"]}"#,
            r#"{"teams":[1.0]}"#,
            r#"{"teams":1}"#,
            r#"{"teams":[1],}"#,
            r#"{"teams":[1]}]"#,
            r#"{"teams":[1]"#,
            "[[1],[2]]",
            "null",
            "",
        ] {
            assert_eq!(Scope::parse(text), None, "{text}");
        }
    }

    #[test]
    fn lists_of_a_scope_are_optional() {
        let scope = |teams, repos| Some(Scope { teams, repos });
        assert_eq!(Scope::parse(r#" { "teams" : [ 1 , -2 ] , "repos" : null } "#), scope(Some(vec![1, -2]), None));
        assert_eq!(Scope::parse(r#"{"repos":[]}"#), scope(None, Some(Vec::new())));
        assert_eq!(Scope::parse("{}"), scope(None, None));
    }
}
