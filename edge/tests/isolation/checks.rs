//! Checks of responses: each contains data of the caller's key and scope only.

use crate::generator::{Caller, UNKNOWN_KEYS, decoded};
use crate::upstream::{impact, requested_weeks};
use crate::world::{Body, SECOND, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use streamgage::calendar::Day;
use streamgage::query::{CORE_PATH, METRICS_PATH};
use streamgage_edge::Request;
use streamgage_edge::proxy::{ProxyResponse, ResponseBody};

const KEY_TTL: i64 = 300 * SECOND;
const STALE_KEY_TTL: i64 = 86_400 * SECOND;

/// A request with everything that is needed to check its response.
pub struct Exchange<'a> {
    pub world: &'a World,
    pub caller: Caller,
    pub request: &'a Request,
    /// The caller and the target.
    pub name: (String, String),
    pub started_at: i64,
}

impl Exchange<'_> {
    pub fn check(&self, response: &ProxyResponse<Body>) {
        let Exchange { world, name, request, caller, .. } = self;
        let status = response.status;
        let header = |name: &str| {
            let mut headers = response.headers.iter();
            headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        let cache_status = header("cache-status").expect("every response has Cache-Status");
        let source = if cache_status.contains("; hit") {
            "hit"
        } else if cache_status.contains("stale-if-error") {
            "stale"
        } else if cache_status.contains("detail=refused") {
            "refused"
        } else {
            "fetched"
        };
        world.count(&format!("{status} {source}"));
        // A refusal of the Worker's own key is no refusal of the caller's.
        assert!(!caller.has_own_key || status != 401 || source == "refused", "{name:?}: {cache_status}");
        assert!(status != 200 || !UNKNOWN_KEYS.contains(&caller.key), "{name:?}: {cache_status}");
        for name in ["set-cookie", "server", "location", "content-security-policy"] {
            let value = header(name);
            assert!(value.is_none_or(|value| value.starts_with(CORE_PATH)), "{name}: {value:?}");
        }
        assert!(header("www-authenticate").is_none_or(|value| value == "Bearer"));
        assert!(header("retry-after").is_none_or(|value| value.parse::<u32>().is_ok()));
        assert!(header("cache-control").is_some_and(|value| value.starts_with("private")));
        let body: &[u8] = match &response.body {
            ResponseBody::Stored(body) => &body.0,
            ResponseBody::Bytes(bytes) => bytes,
        };
        let text = std::str::from_utf8(body).unwrap();
        if status == 304 {
            // A 304 confirms only tags that the caller received for this target.
            let sent = request.if_none_match.clone().unwrap();
            assert!(world.tags.borrow().get(name).is_some_and(|tags| tags.contains(&sent)), "{name:?}: {sent}");
            return;
        }
        if status != 200 {
            assert!(!text.contains("poison"), "{status} {text}");
            assert!(!text.contains("elsewhere"));
            return;
        }
        world.tags.borrow_mut().entry(name.clone()).or_default().extend(header("etag").map(str::to_owned));
        if request.method == "HEAD" {
            assert!(text.is_empty());
            return;
        }
        self.check_body(text, cache_status);
        self.check_authorization(source, cache_status);
    }

    fn check_body(&self, text: &str, cache_status: &str) {
        let Exchange { world, name, request, caller, .. } = self;
        let upstream_key = caller.upstream_key();
        let body: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let is_week = |row: &Value| row["period_start_date"].is_string();
        let rows = body["results"].as_array().filter(|rows| !rows.is_empty());
        if let Some(rows) = rows.filter(|rows| rows[0]["total_impact"].is_number()) {
            world.count("derived");
            assert!(cache_status.contains("derived"), "{name:?} got unmarked derived metrics: {cache_status}");
            let missing = world.missing_metrics.borrow().get(upstream_key).copied().unwrap_or_default();
            assert!(missing > 1, "{name:?} got derived metrics after {missing} responses with 404");
            for row in rows {
                let figure = |name: &str| row[name].as_f64().unwrap();
                let impact_per_commit = figure("total_impact") / figure("active_days") / figure("commit_count");
                let repos: &[i64] = match (impact_per_commit / impact(upstream_key)).round() {
                    1.0 => &[7],
                    2.0 => &[7, 8],
                    3.0 => &[8],
                    _ => panic!("{name:?} got {text}"),
                };
                self.check_scope(&json!({ "shows": { "teams": [1], "repos": repos } }));
            }
        } else if let Some(rows) = rows.filter(|rows| rows.iter().all(is_week)) {
            for row in rows {
                assert_eq!(row["key"], upstream_key, "{name:?} got {text}");
                self.check_scope(row);
                let mut requested: BTreeMap<String, String> = decoded(&request.url.query).into_iter().collect();
                requested.retain(|name, value| !name.ends_with("_date") && (name == "other" || !value.is_empty()));
                let filters: Vec<(String, String)> = serde_json::from_value(row["filters"].clone()).unwrap();
                if caller.scopes().is_none() {
                    assert_eq!(filters.into_iter().collect::<BTreeMap<_, _>>(), requested, "{name:?} got {text}");
                }
            }
            let mondays: Vec<&str> = rows.iter().filter_map(|row| row["period_start_date"].as_str()).collect();
            if request.url.query.contains("end_date=2026") {
                let weeks = requested_weeks(&request.url.query, 0).unwrap();
                assert_eq!(mondays, weeks.iter().map(Day::to_string).collect::<Vec<_>>(), "{name:?}");
            }
        } else if body["count"].is_null() {
            self.check_unassembled(&body);
        }
    }

    /// Checks that the upstream accepted the key recently; the longer time is for an upstream that fails.
    fn check_authorization(&self, source: &str, cache_status: &str) {
        let Exchange { world, name, request, caller, .. } = self;
        let class = (caller.upstream_key().to_owned(), request.url.path == METRICS_PATH);
        let authorized_at = world.authorized_at.borrow().get(&class).copied();
        // The clock may have been set back meanwhile.
        let started_at = self.started_at.min(world.now.get());
        let limit = match source {
            "hit" => KEY_TTL,
            "stale" => STALE_KEY_TTL,
            // The upstream was asked for this request, however long ago that seems.
            _ => i64::MAX,
        };
        let authorized_at = authorized_at.expect("the upstream accepted the key once");
        let seconds = (started_at - authorized_at) / SECOND;
        let is_recent = started_at.saturating_sub(authorized_at) < limit;
        assert!(is_recent, "{name:?}: {cache_status}, authorized {seconds} s before");
    }

    /// Checks that a response shows only what is in the caller's scope.
    fn check_scope(&self, response: &Value) {
        let Some(scopes) = self.caller.scopes() else { return };
        let name = &self.name;
        let scopes: Value = serde_json::from_str(scopes).unwrap();
        for what in ["teams", "repos"] {
            let Some(scope) = scopes[what].as_array() else { continue };
            let shown =
                response["shows"][what].as_array().unwrap_or_else(|| panic!("{name:?} got all {what}: {response}"));
            assert!(shown.iter().all(|id| scope.contains(id)), "{name:?} got {response}");
        }
    }

    /// Checks that a response of the upstream belongs to the caller's key and request.
    fn check_unassembled(&self, response: &Value) {
        let Exchange { name, request, caller, .. } = self;
        assert_eq!(response["key"], caller.upstream_key(), "{name:?} got {response}");
        assert_eq!(response["next"], format!("https://gage.example{CORE_PATH}teams/?offset=1"));
        let target = response["target"].as_str().unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        assert_eq!(path, request.url.path.replace("te%61ms", "teams"));
        if caller.scopes().is_some() {
            self.check_scope(response);
        } else if path == METRICS_PATH {
            assert_eq!(effective_parameters(query), effective_parameters(&request.url.query));
        } else {
            assert_eq!(decoded(query), decoded(&request.url.query));
        }
    }
}

/// Returns the parameters that the metrics endpoint uses: the last of each name, unless it is blank.
fn effective_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = decoded(query).into_iter().collect();
    parameters.retain(|name, value| name == "other" || !value.is_empty());
    parameters
}
