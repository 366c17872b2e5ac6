//! The way of a request: in the order 404 or 301, 401, 403, 429, 405, 400 (§3).

use crate::access::{Key, Permission, Refusal, bearer_key, forbidden, key_hash, unauthorized};
use crate::reply::{Reply, method_not_allowed, not_found, throttled};
use crate::request::{Request, Settings};
use crate::store::{Broken, Import, Outcome, Statement};
use streamgage::query::{Endpoint, Route, route};

/// What becomes of a request without a look into the database.
#[derive(Debug, PartialEq)]
pub enum Received {
    /// It is answered.
    Reply(Reply),
    /// Its key has to be looked up.
    Visit(Visit),
}

/// A request for something that there is, with something that may be a key.
#[derive(Debug, PartialEq)]
pub struct Visit {
    target: Target,
    hash: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    Endpoint(Endpoint),
    Dataset,
    Import(Import),
}

pub const READ_METHODS: &str = "GET, HEAD, OPTIONS";
pub const IMPORT_METHODS: &str = "POST";
pub const HEALTH_METHODS: &str = "GET, HEAD";

/// Takes a request in. `now` is in milliseconds since 1970-01-01.
pub fn receive(request: &Request, settings: &Settings, now: f64) -> Received {
    match find_visit(request, settings, now) {
        Ok(visit) => Received::Visit(visit),
        Err(reply) => Received::Reply(reply),
    }
}

fn find_visit(request: &Request, settings: &Settings, now: f64) -> Result<Visit, Reply> {
    let target = match request.url.path.as_str() {
        "/healthz" => return Err(health(request, settings, now)),
        "/dataset" => Target::Dataset,
        path => match path.strip_prefix("/import/") {
            Some(name) => Target::Import(Import::of(name).ok_or_else(not_found)?),
            None => match route(path) {
                Route::Endpoint(endpoint) => Target::Endpoint(endpoint),
                Route::Redirect(path) => return Err(redirect(path, &request.url.query)),
                Route::NotFound => return Err(not_found()),
            },
        },
    };
    if is_preflight(request, settings) && !matches!(target, Target::Import(_)) {
        return Err(preflight());
    }
    Ok(Visit { target, hash: key_hash(bearer_key(request.authorization.as_deref())?) })
}

fn health(request: &Request, settings: &Settings, now: f64) -> Reply {
    match request.method.as_str() {
        "GET" | "HEAD" => {
            let today = settings.today(&request.url, now);
            Reply::json(200, format!(r#"{{"status":"ok","today":"{today}"}}"#))
        }
        method => method_not_allowed(method, HEALTH_METHODS),
    }
}

pub(crate) fn redirect(mut location: String, query: &str) -> Reply {
    if !query.is_empty() {
        location.push('?');
        location.push_str(query);
    }
    Reply::empty(301).header("Location", location)
}

/// A browser asks, without a key, whether a page of another origin may ask with one.
pub(crate) fn is_preflight(request: &Request, settings: &Settings) -> bool {
    let origin = request.origin.as_deref().and_then(|origin| settings.allowed_origin(origin));
    request.method == "OPTIONS" && request.asks_for_method && origin.is_some()
}

pub(crate) fn preflight() -> Reply {
    Reply::empty(204)
        .header("Access-Control-Allow-Methods", READ_METHODS)
        .header("Access-Control-Allow-Headers", "Authorization")
        .header("Access-Control-Max-Age", "86400")
}

impl Visit {
    /// What names its key.
    pub fn key_hash(&self) -> &str {
        &self.hash
    }

    /// Looks its key up, and with it the store's generation. `now` is in milliseconds since 1970-01-01.
    pub fn lookup(&self, now: f64) -> Statement {
        let generation = ", json_quote((SELECT value FROM generation)) AS generation";
        Key::lookup(&self.hash, (now / 1_000.0).floor() as i64, generation)
    }

    /// Decides by what this found.
    ///
    /// # Errors
    /// The database's answer makes no sense.
    pub fn admit(&self, found: &Outcome) -> Result<Result<Admitted, Refusal>, Broken> {
        let Some((key, generation)) = found.read::<(Key, String)>()?.pop() else {
            return Ok(Err(Refusal::UnknownKey(unauthorized("Invalid token."))));
        };
        let permission = match self.target {
            Target::Endpoint(Endpoint::Metrics) => Some(Permission::Metrics),
            Target::Endpoint(_) => Some(Permission::Core),
            Target::Import(_) => Some(Permission::Import),
            Target::Dataset => None,
        };
        // A scope is for what the proxy forwards; here it can't be kept to.
        if key.scopes.is_some() || permission.is_some_and(|permission| !key.permits(permission)) {
            return Ok(Err(Refusal::Forbidden(forbidden())));
        }
        Ok(Ok(Admitted { target: self.target, key: key.id, generation }))
    }
}

/// A request with a key that permits it.
#[derive(Debug, PartialEq)]
pub struct Admitted {
    pub(crate) target: Target,
    key: i64,
    /// Of the store, when the key was looked up.
    pub(crate) generation: String,
}

/// Which of the Worker's rate limits a request counts against, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Questions.
    Reads,
    /// Loading data: of a million commits each thousand is a request.
    Imports,
}

impl Admitted {
    /// The limit that holds; none on this machine, where whoever has the key owns the database.
    pub fn limit(&self, request: &Request) -> Option<Limit> {
        let limit = match self.target {
            Target::Import(_) => Limit::Imports,
            _ => Limit::Reads,
        };
        (!request.url.is_loopback()).then_some(limit)
    }

    /// What requests of this key are counted by.
    pub fn throttle_key(&self) -> String {
        self.key.to_string()
    }

    /// The answer beyond the limit.
    pub fn throttled() -> Reply {
        throttled()
    }
}
