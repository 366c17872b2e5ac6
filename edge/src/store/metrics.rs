//! The statement of a metrics request: whole-number sums by week, read from the rollup.

use super::sql::{DatabaseError, Parameters, Statement, StatementResult};
use streamgage::metrics::WeekSums;
use streamgage::query::{IdSet, MetricsRequest};
use streamgage::text::fold;

/// The users and repositories that metrics exclude. A user or repository without a row is included.
const HIDDEN_USERS: &str = "SELECT id FROM users WHERE hidden_from_reports = 1";
const BLOCKED_REPOS: &str = "SELECT id FROM repos WHERE blocked = 1";

pub(crate) fn statement(request: &MetricsRequest) -> Statement {
    let mut parameters = Parameters::default();
    let start = parameters.bind(i64::from(request.start.number()));
    let end = parameters.bind(i64::from(request.end.number()));
    let mut tables = Vec::new();
    // For selected users, the index that begins with the user limits reading to their own cells.
    let from = match users(request, &mut parameters, &mut tables) {
        Some(users) => {
            tables.push(format!("member(id) AS ({users} EXCEPT {HIDDEN_USERS})"));
            "member CROSS JOIN rollup INDEXED BY rollup_by_user ON rollup.apex_user_id = member.id".to_owned()
        }
        None => "rollup".to_owned(),
    };
    let mut conditions = vec![format!("day BETWEEN {start} AND {end}")];
    if tables.is_empty() {
        conditions.push(format!("apex_user_id NOT IN ({HIDDEN_USERS})"));
    }
    conditions.push(match repos(request, &mut parameters) {
        Some(repos) => format!("repo_id IN ({repos} EXCEPT {BLOCKED_REPOS})"),
        None => format!("repo_id NOT IN ({BLOCKED_REPOS})"),
    });
    if let Some(ids) = &request.repos_not {
        conditions.push(format!("repo_id NOT IN ({})", parameters.bind_ids(ids.as_slice())));
    }
    let tables = if tables.is_empty() { String::new() } else { format!("WITH RECURSIVE {} ", tables.join(", ")) };
    // Weeks begin on Monday, and day 0 was a Thursday; SQLite's division rounds toward zero. Within a week, the user and
    // the day modulo 7 identify a coding day. Sums are text, because a JavaScript number would round them.
    parameters.into_statement(format!(
        "{tables}SELECT (day + 3) / 7 - ((day + 3) % 7 < 0) AS week, COUNT(DISTINCT apex_user_id) AS users, \
         COUNT(DISTINCT apex_user_id * 7 + day % 7) AS coding_days, CAST(SUM(commits) AS TEXT) AS commits, \
         CAST(SUM(haloc) AS TEXT) AS haloc, CAST(SUM(churn) AS TEXT) AS churn, CAST(SUM(impact) AS TEXT) AS impact \
         FROM {from} WHERE {} GROUP BY week",
        conditions.join(" AND ")
    ))
}

/// Returns a query for the selected users, if the request selects any. Recursive tables that it uses are added to `tables`.
fn users(request: &MetricsRequest, parameters: &mut Parameters, tables: &mut Vec<String>) -> Option<String> {
    let mut sets: Vec<String> = request.users.iter().map(|ids| parameters.bind_ids(ids.as_slice())).collect();
    for (index, teams) in request.teams.iter().enumerate() {
        let mut teams = parameters.bind_ids(teams.as_slice());
        if request.include_nested_teams {
            // UNION keeps each team once, so that the recursion ends even if teams are nested in a circle.
            tables.push(format!(
                "team{index}(id) AS ({teams} UNION SELECT teams.id FROM teams JOIN team{index} ON teams.parent = team{index}.id)"
            ));
            teams = format!("SELECT id FROM team{index}");
        }
        sets.push(format!(
            "SELECT apex_user_id FROM team_membership WHERE membership_type = 'contributor' AND team_id IN ({teams})"
        ));
    }
    intersect(&sets)
}

/// Returns a query for the selected repositories, if the request selects any.
fn repos(request: &MetricsRequest, parameters: &mut Parameters) -> Option<String> {
    let mut sets: Vec<String> = request.repos.iter().map(|ids| parameters.bind_ids(ids.as_slice())).collect();
    for tags in &request.repo_tags {
        sets.push(tagged(tags, parameters));
    }
    if let Some(name) = &request.repo_name {
        let name = parameters.bind(fold(name));
        sets.push(format!("SELECT id FROM repos WHERE instr(name_folded, {name}) > 0"));
    }
    intersect(&sets)
}

fn tagged(tags: &IdSet, parameters: &mut Parameters) -> String {
    let tags = parameters.bind_ids(tags.as_slice());
    format!("SELECT repos.id FROM repos, json_each(repos.tags) AS tag WHERE tag.value IN ({tags})")
}

fn intersect(sets: &[String]) -> Option<String> {
    (!sets.is_empty()).then(|| sets.join(" INTERSECT "))
}

/// Reads the result of [`statement`].
pub(crate) fn read(result: &StatementResult) -> Result<Vec<WeekSums>, DatabaseError> {
    let sums = result.cells()?.into_iter().map(|row| {
        let mut cells = row.into_iter();
        Some(WeekSums {
            week: cells.next()?.parse().ok()?,
            users: cells.next()?.parse().ok()?,
            coding_days: cells.next()?.parse().ok()?,
            commits: cells.next()?.parse().ok()?,
            haloc: cells.next()?.parse().ok()?,
            churn: cells.next()?.parse().ok()?,
            impact: cells.next()?.parse().ok()?,
        })
    });
    sums.collect::<Option<_>>().ok_or_else(|| DatabaseError::missing("whole number"))
}
