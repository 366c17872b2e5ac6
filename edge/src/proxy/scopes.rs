//! Keys of streamgage before an `UPSTREAM_KEY`: what of the upstream they may see.
//!
//! A scope is expressed by parameters of the upstream's own, written by us from what was read: no spelling of a caller's
//! can mean one thing here and another there. What can't be expressed so is refused.

use super::cache_key::{CacheKey, PermissionClass};
use crate::codec::from_text;
use streamgage::calendar::Day;
use streamgage::json::Reader;
use streamgage::query::CORE_PATH;
use streamgage::query::{IdSet, METRICS_PARAMETERS, MetricsRequest, Parameters};
use streamgage::schema::{Lookup, resource};

/// Which teams and repositories a key may see; all of them, where there is no list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    teams: Option<Vec<i64>>,
    repos: Option<Vec<i64>>,
}

/// The scope can't be expressed, or it was asked for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfScopeError;

impl Scope {
    /// Reads a key's `scopes`. Whatever is not exactly one, a list that is misspelled or said twice, is none.
    pub fn read(text: &str) -> Option<Scope> {
        let (mut teams, mut repos) = (None, None);
        let mut reader = Reader::new(text);
        if !reader.begin(b'{') {
            return None;
        }
        while let Some((name, ids)) = reader.member().ok()? {
            let list = match name {
                "teams" => &mut teams,
                "repos" => &mut repos,
                _ => return None,
            };
            if list.replace(from_text(ids)?).is_some() {
                return None;
            }
        }
        reader.end().ok()?;
        Some(Scope { teams: teams.flatten(), repos: repos.flatten() })
    }

    /// Whether it leaves nothing out.
    fn is_whole(&self) -> bool {
        self.teams.is_none() && self.repos.is_none()
    }

    /// The request within the scope. `today` is the date that metrics are read by.
    ///
    /// # Errors
    /// It can't be put so, or it names what is not in the scope.
    pub fn narrow(&self, mut asked: CacheKey, today: Day) -> Result<CacheKey, OutOfScopeError> {
        if self.is_whole() {
            return Ok(asked);
        }
        if asked.class == PermissionClass::Metrics {
            return self.narrow_metrics(asked, today);
        }
        let path = asked.path.strip_prefix(CORE_PATH).ok_or(OutOfScopeError)?.to_owned();
        let (name, id) = path
            .strip_suffix('/')
            .unwrap_or(&path)
            .split_once('/')
            .map_or((path.trim_end_matches('/'), None), |(name, id)| (name, Some(id)));
        let (ids, one, list) = match name {
            "teams" => (self.teams.as_ref(), "id", "id__in"),
            "repos" => (self.repos.as_ref(), "id", "id__in"),
            // Which commits are a team's is not among their filters.
            "commits" | "commits.agg" if self.teams.is_none() => (self.repos.as_ref(), "repo_id", "repo_id__in"),
            _ => return Err(OutOfScopeError),
        };
        let ids: IdSet = ids.ok_or(OutOfScopeError)?.iter().copied().collect();
        let sent = asked.query.encode();
        let sees_others = |(name, value): (&str, &str)| names_columns(name) && value.contains("__");
        if !asked.query.names().all(|name_sent| is_plain(name, name_sent))
            || Parameters::parse(&sent).iter().any(sees_others)
        {
            return Err(OutOfScopeError);
        }
        match id {
            // A commit's own path doesn't tell its repository.
            Some(id) if one == "id" => {
                let id: Option<i64> = id.bytes().all(|byte| byte.is_ascii_digit()).then(|| id.parse().ok()).flatten();
                if id.is_some_and(|id| ids.contains(id)) { Ok(asked) } else { Err(OutOfScopeError) }
            }
            Some(_) => Err(OutOfScopeError),
            None => {
                let allowed = narrowed(&sent, one, list, &ids)?;
                asked.query.remove(one);
                asked.query.set(list, allowed);
                Ok(asked)
            }
        }
    }

    fn narrow_metrics(&self, mut asked: CacheKey, today: Day) -> Result<CacheKey, OutOfScopeError> {
        let documented = |name: &[u8]| METRICS_PARAMETERS.iter().any(|known| known.name.as_bytes() == name);
        let sent = asked.query.encode();
        let request = MetricsRequest::parse(&sent, today).map_err(|_| OutOfScopeError)?;
        // Nested teams may be others'.
        if !asked.query.names().all(documented) || (self.teams.is_some() && request.include_nested_teams) {
            return Err(OutOfScopeError);
        }
        for (ids, one, list) in [(&self.teams, "team_id", "team_id__in"), (&self.repos, "repo_id", "repo_id__in")] {
            let Some(ids) = ids else { continue };
            let allowed = narrowed(&sent, one, list, &ids.iter().copied().collect())?;
            asked.query.remove(one);
            asked.query.set(list, allowed);
        }
        Ok(asked)
    }
}

/// The list of ids that is asked for, all of the scope if none is. An empty one is refused: servers differ in whether it
/// means none or all.
fn narrowed(query: &str, one: &str, list: &str, scope: &IdSet) -> Result<String, OutOfScopeError> {
    let parameters = Parameters::parse(query);
    let sent = [parameters.value(one), parameters.value(list)];
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

/// Parameters of lists that only choose among the rows in scope, or say how to show them.
const SHOWING: [&str; 6] = ["fields", "limit", "offset", "omit", "ordering", "search"];

/// Whether the value of a parameter names columns: with `__` in it, those of other resources, through relations.
fn names_columns(name: &str) -> bool {
    matches!(name, "fields" | "omit" | "ordering") || name.contains('[')
}

/// Whether a parameter looks at the rows' own fields alone: not through relations, nor, as `filters=` does, past all else.
fn is_plain(path: &str, name: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else { return false };
    let Some(resource) = resource(path.strip_suffix(".agg").unwrap_or(path)) else { return false };
    let is_field = |name: &str| resource.fields.iter().any(|field| field.name == name);
    if SHOWING.contains(&name) || resource.flags.iter().any(|flag| flag.name() == name) {
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

    fn narrowed(scope: &str, path: &str, query: &str) -> Option<String> {
        let scope = Scope::read(scope).unwrap();
        let today = Day::parse("2026-11-22").unwrap();
        scope.narrow(CacheKey::read(path, query).unwrap(), today).ok().map(|asked| asked.query.encode())
    }

    fn metrics(scope: &str, query: &str) -> Option<String> {
        let query = format!("resolution=week&start_date=2026-11-02&{query}");
        let narrowed = narrowed(scope, METRICS_PATH, &query)?;
        Some(
            narrowed
                .replace("&resolution=week", "")
                .replace("resolution=week&", "")
                .replace("start_date=2026-11-02", ""),
        )
    }

    fn list(scope: &str, name: &str, query: &str) -> Option<String> {
        narrowed(scope, &format!("{CORE_PATH}{name}/"), query)
    }

    const TEAMS: &str = r#"{"teams":[1,2]}"#;
    const REPOS: &str = r#"{"repos":[7,8]}"#;

    #[test]
    fn metrics_of_the_teams_and_repositories_in_scope() {
        assert_eq!(metrics(TEAMS, "").as_deref(), Some("&team_id__in=1,2"));
        assert_eq!(metrics(TEAMS, "team_id=2").as_deref(), Some("&team_id__in=2"));
        assert_eq!(metrics(TEAMS, "team_id__in=2,1&repo_id=9").as_deref(), Some("repo_id=9&&team_id__in=1,2"));
        assert_eq!(metrics(REPOS, "repo_id=7&repo_id__in=7,8").as_deref(), Some("repo_id__in=7&"));
        assert_eq!(metrics(r#"{"teams":[1],"repos":[7]}"#, "").as_deref(), Some("repo_id__in=7&&team_id__in=1"));
        assert_eq!(metrics("{}", "other=1").as_deref(), Some("other=1&"));
    }

    #[test]
    fn metrics_beyond_it() {
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
    fn lists_of_what_is_in_scope() {
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
    fn lists_beyond_it() {
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
    fn a_scope_that_is_misspelled_is_none() {
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
            assert_eq!(Scope::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_scope_may_leave_a_list_out() {
        let scope = |teams, repos| Some(Scope { teams, repos });
        assert_eq!(Scope::read(r#" { "teams" : [ 1 , -2 ] , "repos" : null } "#), scope(Some(vec![1, -2]), None));
        assert_eq!(Scope::read(r#"{"repos":[]}"#), scope(None, Some(Vec::new())));
        assert_eq!(Scope::read("{}"), scope(None, None));
    }
}
