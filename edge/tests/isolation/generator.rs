//! Random numbers, callers and requests.

use fastrand::Rng;
use std::cell::RefCell;
use streamgage::query::{CORE_PATH, METRICS_PATH};

/// Keys of the upstream. The last is the Worker's own key, in the deployment that has one.
pub const UPSTREAM_KEYS: [&str; 5] = ["one", "two", "three", "tw", "owned"];

/// Keys that the upstream does not know.
pub const UNKNOWN_KEYS: [&str; 6] = ["unknown-1", "unknown-2", "unknown-3", "unknown-4", "unknown-5", "unknown-6"];

/// Keys of streamgage, and their scopes.
pub const OWN_KEYS: [(&str, Option<&str>); 6] = [
    ("all", None),
    ("team-1", Some(r#"{"teams":[1]}"#)),
    ("teams-1-2", Some(r#"{"teams":[1,2]}"#)),
    ("repo-7", Some(r#"{"repos":[7]}"#)),
    ("repos-7-8", Some(r#"{"repos":[7,8]}"#)),
    ("both", Some(r#"{"teams":[2],"repos":[8,9]}"#)),
];

/// A seeded generator that is shared by all parts of a simulation.
pub struct Random(RefCell<Rng>);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(RefCell::new(Rng::with_seed(seed)))
    }

    pub fn reseed(&self, seed: u64) {
        self.0.borrow_mut().seed(seed);
    }

    pub fn below(&self, end: usize) -> usize {
        self.0.borrow_mut().usize(0..end)
    }

    pub fn one_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// A caller of one of the two deployments.
#[derive(Clone, Copy)]
pub struct Caller {
    pub key: &'static str,
    /// The caller uses a key of streamgage; the Worker has an upstream key of its own.
    pub has_own_key: bool,
}

impl Caller {
    pub fn random(random: &Random) -> Caller {
        let has_own_key = random.one_in(2);
        let key = match has_own_key {
            true => random.pick(&OWN_KEYS).0,
            false if random.one_in(16) => random.pick(&UNKNOWN_KEYS),
            false => random.pick(&UPSTREAM_KEYS[..4]),
        };
        Caller { key, has_own_key }
    }

    /// Returns the key with which the upstream is asked.
    pub fn upstream_key(&self) -> &'static str {
        if self.has_own_key { "owned" } else { self.key }
    }

    pub fn scopes(&self) -> Option<&'static str> {
        OWN_KEYS.iter().find(|(key, _)| self.has_own_key && *key == self.key).and_then(|(_, scopes)| *scopes)
    }
}

/// Popular requests, so that many responses are stored.
pub const POPULAR: [(&str, &str); 5] = [
    ("teams/", ""),
    ("repos/", "id=7"),
    ("commits/", "repo_id__in=7,8&limit=10"),
    ("metrics", "start_date=2026-10-05&end_date=2026-11-01&resolution=week"),
    ("metrics", "start_date=2026-11-02&resolution=week&team_id=1"),
];
const RESOURCES: [&str; 7] = ["teams", "repos", "commits", "commits.agg", "users", "unknown", "te%61ms"];
const METRICS_NAMES: [&str; 8] =
    ["team_id", "team_id__in", "repo_id", "repo_id__in", "%74eam_id__in", "repo_name", "other", "include_nested_teams"];
const LIST_NAMES: [&str; 11] = [
    "id",
    "id__in",
    "repo_id",
    "repo_id__in",
    "repo_id__in!",
    "limit",
    "filters",
    "%66ilters",
    "fields",
    "tags__name",
    "ID__IN",
];
const VALUES: [&str; 14] =
    ["", "1", "2", "7", "8", "1,2", "7,8", "1,7,9", "true", "%31", "1,%2C2", ",", "+1", "x;id__in=1"];

/// Returns the path and query of a popular request.
pub fn popular_request((path, query): (&str, &str)) -> (String, String) {
    let path = if path == "metrics" { METRICS_PATH.to_owned() } else { format!("{CORE_PATH}{path}") };
    (path, query.to_owned())
}

/// Returns the path and query of a random request.
pub fn random_request(random: &Random) -> (String, String) {
    if !random.one_in(4) {
        return popular_request(*random.pick(&POPULAR));
    }
    let path = match random.below(12) {
        0..4 => METRICS_PATH.to_owned(),
        4 => format!("{CORE_PATH}repos/{}/", random.below(10)),
        5 => format!("{CORE_PATH}teams/{}/", random.below(4)),
        6 => format!("{CORE_PATH}missing/"),
        _ => format!("{CORE_PATH}{}/", random.pick(&RESOURCES)),
    };
    let is_metrics = path == METRICS_PATH;
    let mut parts = Vec::new();
    if is_metrics {
        let starts = ["start_date=2026-10-05", "start_date=2026-11-16", "start_date=%32026-11-02"];
        parts.push((*random.pick(&starts)).to_owned());
        parts.push((*random.pick(&["resolution=week", "resolution=period"])).to_owned());
        if random.one_in(2) {
            parts.push((*random.pick(&["end_date=2026-11-01", "end_date=2026-11-22", "end_date="])).to_owned());
        }
    }
    for _ in 0..random.below(3) {
        let names: &[&str] = if is_metrics { &METRICS_NAMES } else { &LIST_NAMES };
        let value = random.pick(&VALUES);
        parts.push(format!("{}={value}", random.pick(names)));
    }
    random.0.borrow_mut().shuffle(&mut parts);
    (path, parts.join("&"))
}

/// Decodes and sorts the parameters of a query, independently of the tested code.
pub fn decoded(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            let escaped = (*first == b'%' && after.len() >= 2)
                .then(|| std::str::from_utf8(&after[..2]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()))
                .flatten();
            bytes.push(escaped.unwrap_or(*first));
            rest = if escaped.is_some() { &after[2..] } else { after };
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let parts = query.split('&').filter(|part| !part.is_empty());
    let mut pairs: Vec<(String, String)> = parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    pairs.sort_by(|one, other| one.0.cmp(&other.0));
    pairs
}
