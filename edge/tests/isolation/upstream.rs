//! The simulated upstream. Its responses contain the key that was used, and the teams and repositories that they show.

use crate::generator::{UPSTREAM_KEYS, decoded};
use crate::world::{SECOND, World};
use serde_json::{Value, json};
use streamgage::calendar::{Day, Week};
use streamgage::query::{CORE_PATH, METRICS_PATH};
use streamgage_edge::proxy::{Headers, TransportError, UpstreamRequest, UpstreamResponse};

pub const UPSTREAM: &str = "https://upstream.example";

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    RefusesConnections,
    Hangs,
    TooLong,
    TooManyBytes,
    Status(u16),
    /// One path is refused.
    RefusesPath(u16),
    BrokenJson,
    NoBody,
    WrongType,
    PageAsJson,
    Partial,
    RedirectsElsewhere,
    RedirectsToLogin,
    RedirectsToItself,
    NotModified,
    /// The number of rows is 4·10⁹.
    FalseCount,
    /// Some bodies are too long for a Durable Object.
    LongBodies,
}

pub const FAULTS: [Fault; 22] = [
    Fault::RefusesConnections,
    Fault::Hangs,
    Fault::TooLong,
    Fault::TooManyBytes,
    Fault::RefusesPath(401),
    Fault::RefusesPath(403),
    Fault::NoBody,
    Fault::PageAsJson,
    Fault::Partial,
    Fault::RedirectsToLogin,
    Fault::FalseCount,
    Fault::LongBodies,
    Fault::Status(500),
    Fault::Status(503),
    Fault::Status(408),
    Fault::Status(425),
    Fault::Status(429),
    Fault::BrokenJson,
    Fault::WrongType,
    Fault::RedirectsElsewhere,
    Fault::RedirectsToItself,
    Fault::NotModified,
];

/// The path that is refused alone.
const REFUSED_PATH: &str = "/v3/customer/core/repos/";

/// Values of `Retry-After`, mostly invalid.
const RETRY_AFTERS: [&str; 6] = ["1", "0", "-1", "soon", "99999999999", "Fri, 31 Dec 1999 23:59:59 GMT"];

/// A length of bodies that a Durable Object does not store.
pub const LONG_BODY: usize = 2_000_000;

/// The number of rows of a page and of repositories while lists are long.
const SHORT_PAGE: usize = 2;
const MANY_REPOS: i64 = 60;

/// Values of `Cache-Control`.
const CACHE_CONTROLS: [&str; 5] = ["", "max-age=20", "no-store", "no-cache", "private, max-age=4000, must-revalidate"];

impl World {
    /// Returns the upstream's response to a request.
    pub fn respond(&self, request: &UpstreamRequest) -> Result<UpstreamResponse, TransportError> {
        self.count("upstream");
        let header =
            |name: &str| request.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        // The key is sent to the upstream only, and no header of a caller is sent with it.
        let target = request.address.strip_prefix(UPSTREAM).expect("the upstream's address").to_owned();
        assert!(target.starts_with(CORE_PATH) || target.starts_with(METRICS_PATH), "{target}");
        let known = ["Accept", "User-Agent", "Authorization", "If-None-Match", "If-Modified-Since"];
        assert!(request.headers.iter().all(|(name, _)| known.contains(name)));
        let key = header("Authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned();
        *self.requested.borrow_mut().entry(format!("{key} {target}")).or_default() += 1;
        let response = |status: u16, headers: &[(&str, String)], body: String| {
            let mut headers: Vec<(String, String)> =
                headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            headers.push(("set-cookie".into(), format!("session={key}")));
            let (sent_at, headers) = (self.now.get(), Headers::new(headers));
            Ok(UpstreamResponse { sent_at, status, headers, body: body.into_bytes().into() })
        };
        let json = ("content-type", "application/json".to_owned());
        let poison = format!("{{\"poison\":\"{key}\"}}");
        let fault = if self.random.one_in(4) { Fault::None } else { self.fault.get() };
        match fault {
            Fault::RefusesConnections => return Err(TransportError::Connection),
            Fault::Hangs => return Err(TransportError::Timeout),
            Fault::TooLong => return Err(TransportError::TooLarge),
            Fault::TooManyBytes => return Err(TransportError::Busy),
            Fault::Status(status) => {
                let retry_after = *self.random.pick(&RETRY_AFTERS);
                return response(status, &[json, ("retry-after", retry_after.to_owned())], poison);
            }
            Fault::RefusesPath(status) if target.starts_with(REFUSED_PATH) => return response(status, &[json], poison),
            _ => {}
        }
        let is_metrics = target.starts_with(METRICS_PATH);
        let is_single_404 = is_metrics && self.single_404s.get() > 0;
        if is_metrics && (self.has_no_metrics.get() || is_single_404) {
            self.single_404s.set(self.single_404s.get().saturating_sub(1));
            *self.missing_metrics.borrow_mut().entry(key.clone()).or_default() += 1;
            return response(404, &[json], r#"{"detail":"Not found."}"#.to_owned());
        }
        // Callers do not sort by id. The derivation of metrics does, and authorizes the key for metrics.
        let is_for_derivation = target.contains("ordering=id");
        let allowed = self.allowed.borrow().get(key.as_str()).copied().unwrap_or_default();
        if !allowed[usize::from(!is_metrics)] {
            let headers = [json, ("www-authenticate", "Basic".into()), ("retry-after", poison.clone())];
            return response(if self.random.one_in(2) { 401 } else { 403 }, &headers, poison);
        }
        for is_metrics in [is_metrics, is_metrics || is_for_derivation] {
            let mut authorized_at = self.authorized_at.borrow_mut();
            let time = authorized_at.entry((key.clone(), is_metrics)).or_insert(i64::MIN);
            *time = self.now.get().max(*time);
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let etag = format!("\"{}\"", self.version.get());
        let teams = format!("{CORE_PATH}teams/");
        match fault {
            Fault::BrokenJson => return response(200, &[json], format!("{{\"poison\":\"{key}\"")),
            Fault::NoBody => return response(200, &[json], String::new()),
            Fault::PageAsJson => return response(200, &[json], "<h1>poison</h1>".to_owned()),
            Fault::Partial => return response(206, &[json], poison),
            Fault::RedirectsToLogin => return response(302, &[("location", "/login/?poison".into())], poison),
            Fault::WrongType => return response(200, &[("content-type", "text/html".into())], poison),
            Fault::RedirectsElsewhere => {
                return response(302, &[("location", format!("https://elsewhere.example{teams}"))], poison);
            }
            Fault::RedirectsToItself => return response(302, &[("location", format!("{UPSTREAM}{teams}"))], poison),
            Fault::NotModified => return response(304, &[("etag", etag)], String::new()),
            _ => {}
        }
        let count = |rows: usize| if fault == Fault::FalseCount { 4_000_000_000 } else { rows };
        if is_for_derivation {
            let rows = rows_for_derivation(path, query, &key, self.has_long_lists.get());
            let parameter =
                |name: &str| decoded(query).into_iter().find(|(known, _)| known == name)?.1.parse::<usize>().ok();
            let longest = if self.has_long_lists.get() { SHORT_PAGE } else { 1_000 };
            let (offset, limit) = (parameter("offset").unwrap_or(0), parameter("limit").unwrap_or(longest));
            let page: Vec<&Value> = rows.iter().skip(offset).take(limit.min(longest)).collect();
            let body = json!({ "count": count(rows.len()), "next": request.address, "results": page });
            return response(200, &[json], body.to_string());
        }
        // This upstream has no aggregate of commits.
        if path.contains("/missing/") || query.contains("aggregate%5B") {
            return response(404, &[json], json!({ "key": key, "target": target }).to_string());
        }
        if header("If-None-Match").as_deref() == Some(etag.as_str()) {
            return response(304, &[("etag", etag)], String::new());
        }
        let shows = shows(path, query);
        let (now, version) = (self.now.get(), self.version.get());
        let row = |monday: Day| {
            let filters: Vec<_> = decoded(query).into_iter().filter(|(name, _)| !name.ends_with("_date")).collect();
            let monday = monday.to_string();
            json!({ "period_start_date": monday, "key": key, "filters": filters, "shows": shows, "version": version })
        };
        let mut body = match is_metrics.then(|| requested_weeks(query, now)).flatten() {
            Some(weeks) => {
                json!({ "count": count(weeks.len()), "results": weeks.into_iter().map(row).collect::<Vec<_>>() })
            }
            None => {
                let next = format!("{UPSTREAM}{teams}?offset=1");
                json!({ "next": next, "key": key, "target": target, "shows": shows, "version": version })
            }
        }
        .to_string();
        if fault == Fault::LongBodies && self.random.one_in(8) {
            body.extend(std::iter::repeat_n(' ', LONG_BODY));
        }
        let cache_control =
            if !self.is_calm.get() && self.random.one_in(3) { *self.random.pick(&CACHE_CONTROLS) } else { "" };
        let mut headers = vec![json, ("etag", etag)];
        if !cache_control.is_empty() {
            headers.push(("cache-control", cache_control.to_owned()));
        }
        response(200, &headers, body)
    }
}

/// Returns the impact of a commit, which identifies the key that sees it.
pub fn impact(key: &str) -> f64 {
    10f64.powi(3 + UPSTREAM_KEYS.iter().position(|known| *known == key).unwrap() as i32)
}

/// Returns rows from which metrics are derived. Each key sees one user, a member of team 1, who commits every Monday to
/// repository 7 and, with three times the impact, to repository 8.
fn rows_for_derivation(path: &str, query: &str, key: &str, has_many_repos: bool) -> Vec<Value> {
    let pairs = decoded(query);
    let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let matches = |name: &str, id: i64| value(name).is_none_or(|ids| ids.split(',').any(|one| one == id.to_string()));
    let user = impact(key) as i64;
    match path.strip_prefix(CORE_PATH).unwrap() {
        "team_membership/" if matches("team_id__in", 1) => {
            vec![json!({ "id": 1, "apex_user_id": user, "team_id": 1, "membership_type": "contributor" })]
        }
        "repos/" => (7..if has_many_repos { 7 + MANY_REPOS } else { 10 })
            .map(|id| json!({ "id": id, "name": "repo", "blocked": false, "tags": [] }))
            .collect(),
        "commits/" if matches("apex_user_id__in", user) => {
            let day = |name| Day::parse(value(name).unwrap()).unwrap().number();
            let days = (day("author_local_date__gte")..day("author_local_date__lt")).map(Day::from_number);
            let commit = |(day, repo): (Day, i64)| {
                json!({
                    "id": i64::from(day.number()) * 2 + repo, "apex_user_id": user, "repo_id": repo,
                    "impact": if repo == 7 { user } else { 3 * user }, "author_local_date": format!("{day}T12:00:00"),
                })
            };
            let mondays = days.filter(|day| day.week().monday() == *day);
            let all = mondays.flat_map(|day| [(day, 7), (day, 8)]);
            all.filter(|(_, repo)| matches("repo_id__in", *repo)).map(commit).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the teams and repositories that a response shows, by the documented filters; null stands for all.
fn shows(path: &str, query: &str) -> Value {
    let pairs: Vec<(String, String)> = decoded(query);
    let last = |name: &str| pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let ids = |names: [&str; 2]| -> Value {
        let mut shown: Option<Vec<i64>> = None;
        for value in names.into_iter().filter_map(last).filter(|value| !value.is_empty()) {
            let ids: Vec<i64> = value.split(',').filter_map(|id| id.trim().parse().ok()).collect();
            shown = Some(match shown {
                None => ids,
                Some(shown) => shown.into_iter().filter(|id| ids.contains(id)).collect(),
            });
        }
        json!(shown)
    };
    // `filters` replaces other filters, and nested teams are added to the selected ones.
    let replaces_filters = last("filters").is_some_and(|value| !value.is_empty());
    let adds_teams = last("include_nested_teams").as_deref() == Some("true");
    let unless = |shows_all: bool, shown: Value| if shows_all { Value::Null } else { shown };
    let single = |resource: &str| {
        let id = path.strip_prefix(CORE_PATH)?.strip_prefix(resource)?.trim_matches('/').parse::<i64>().ok()?;
        Some(json!([id]))
    };
    let listed = |resource: &str| unless(replaces_filters, single(resource).unwrap_or_else(|| ids(["id", "id__in"])));
    match path {
        METRICS_PATH => {
            let teams = unless(adds_teams, ids(["team_id", "team_id__in"]));
            json!({ "teams": teams, "repos": ids(["repo_id", "repo_id__in"]) })
        }
        _ if path.starts_with("/v3/customer/core/teams/") => json!({ "teams": listed("teams/"), "repos": [] }),
        _ if path.starts_with("/v3/customer/core/repos/") => json!({ "teams": [], "repos": listed("repos/") }),
        "/v3/customer/core/commits/" | "/v3/customer/core/commits.agg/" => {
            json!({ "teams": null, "repos": unless(replaces_filters, ids(["repo_id", "repo_id__in"])) })
        }
        _ => json!({ "teams": null, "repos": null }),
    }
}

/// Returns the Mondays of a request for weekly metrics. Some weeks have no row.
pub fn requested_weeks(query: &str, now: i64) -> Option<Vec<Day>> {
    let pairs = decoded(query);
    let last = |name: &str| pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let today = Day::from_number((now / (86_400 * SECOND)) as i32);
    let end = last("end_date").filter(|end| !end.is_empty()).map_or(Some(today), Day::parse)?;
    let first = Day::parse(last("start_date")?)?.week().number();
    (last("resolution") == Some("week")).then(|| {
        let mondays = (first..=end.week().number()).map(|week| Week::from_number(week).monday());
        mondays.filter(|monday| monday.number() % 5 != 0).collect()
    })
}
