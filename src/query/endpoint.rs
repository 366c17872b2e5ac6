//! The endpoints of the v3 API and their paths (§1–§3).

use super::parameters::unquote;
use crate::schema::{Resource, resource};
use alloc::{format, string::String};

/// The path of the metrics (§1).
pub const METRICS_PATH: &str = "/v3/customer/metrics/code_fundamentals/period_metrics/";
/// The prefix of the paths of all lists (§2).
pub const CORE_PATH: &str = "/v3/customer/core/";

/// An endpoint of the v3 API.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Endpoint {
    /// The coding metrics.
    Metrics,
    /// The list of a resource.
    List(&'static Resource),
    /// One object of a resource, by its id.
    Object(&'static Resource, i64),
    /// The aggregate of commits.
    Aggregate,
}

/// The target of a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    /// An endpoint.
    Endpoint(Endpoint),
    /// A redirect to the same path with a slash at the end, which is this.
    Redirect(String),
    /// No endpoint.
    NotFound,
}

/// Finds the endpoint of a path. Any of its characters may be percent-encoded.
///
/// ```
/// use streamgage::query::{route, Endpoint, Route};
/// let path = "/v3/customer/metrics/code_fundamentals/period_metrics";
/// assert_eq!(route(path), Route::Redirect(format!("{path}/")));
/// assert_eq!(route(&format!("{path}/")), Route::Endpoint(Endpoint::Metrics));
/// assert_eq!(route("/v3/customer/core/nope/"), Route::NotFound);
/// ```
pub fn route(path: &str) -> Route {
    let path = unquote(path);
    let Some(whole) = path.strip_suffix('/') else {
        return endpoint(&path).map_or(Route::NotFound, |_| Route::Redirect(format!("{path}/")));
    };
    endpoint(whole).map_or(Route::NotFound, Route::Endpoint)
}

/// Returns the endpoint of a path without its final slash.
fn endpoint(path: &str) -> Option<Endpoint> {
    if METRICS_PATH.strip_suffix('/') == Some(path) {
        return Some(Endpoint::Metrics);
    }
    let path = path.strip_prefix(CORE_PATH)?;
    match path.split_once('/') {
        None if path == "commits.agg" => Some(Endpoint::Aggregate),
        None => resource(path).map(Endpoint::List),
        Some((name, id)) => Some(Endpoint::Object(resource(name)?, parse_id(id)?)),
    }
}

/// An id in a path consists of digits alone.
fn parse_id(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_objects() {
        let teams = resource("teams").unwrap();
        assert_eq!(route("/v3/customer/core/teams/"), Route::Endpoint(Endpoint::List(teams)));
        assert_eq!(route("/v3/customer/core/teams/7/"), Route::Endpoint(Endpoint::Object(teams, 7)));
        assert_eq!(route("/v3/customer/core/teams/7"), Route::Redirect("/v3/customer/core/teams/7/".into()));
        assert_eq!(route("/v3/customer/%63ore/team%73"), Route::Redirect("/v3/customer/core/teams/".into()));
        assert_eq!(route("/v3/customer/core/commits.agg/"), Route::Endpoint(Endpoint::Aggregate));
    }

    #[test]
    fn unknown_paths() {
        for path in [
            "",
            "/",
            "/v3/customer/",
            "/v3/customer/core/",
            "/v3/customer/core/teams//",
            "/v3/customer/core/teams/x/",
            "/v3/customer/core/teams/+7/",
            "/v3/customer/core/teams/7/8/",
            "/v3/customer/core/commits.agg/7/",
            "/v3/customer/core/teams/99999999999999999999/",
            "/v3/customer/metrics/",
            "//v3/customer/core/teams/",
            "/v3/customer/core/nope",
            "/v3/customer/core/teams+/",
            "/v3/customer/core/teams%2/",
            "/v3/customer/core/%2574eams/",
        ] {
            assert_eq!(route(path), Route::NotFound, "{path}");
        }
    }
}
