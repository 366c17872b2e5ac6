//! The way of a request: in the order 404 or 301, 401, 403, 429, 405, 400 (§3).

use crate::access::{Key, Permission, Refusal, bearer_key, forbidden, key_hash, tag, unauthorized};
use crate::import::{Import, dump_statement, read_dataset};
use crate::reply::{Reply, is_known, method_not_allowed, not_found, throttled};
use crate::request::{Request, Settings};
use crate::sql::{Broken, Outcome, Statement};
use crate::{lists, metrics};
use streamgage::metrics::Answer;
use streamgage::query::{Endpoint, METRICS, MetricsRequest, Route, route};

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
enum Target {
    Endpoint(Endpoint),
    Dataset,
    Import(Import),
}

pub(crate) const READ_METHODS: &str = "GET, HEAD, OPTIONS";
pub(crate) const IMPORT_METHODS: &str = "POST";
pub(crate) const HEALTH_METHODS: &str = "GET, HEAD";

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
    target: Target,
    key: i64,
    /// Of the store, when the key was looked up.
    generation: String,
}

/// Which of the Worker's rate limits a request counts against, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Questions.
    Reads,
    /// Loading data: of a million commits each thousand is a request.
    Imports,
}

/// What answers a request.
#[derive(Debug, PartialEq)]
pub enum Plan {
    /// This.
    Reply(Reply),
    /// The database.
    Query(Query),
    /// The database, once the body is read.
    Import(Import),
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

    /// Finds out what answers the request. `now` is in milliseconds since 1970-01-01.
    pub fn plan(&self, request: &Request, settings: &Settings, now: f64) -> Plan {
        let method = request.method.as_str();
        match (self.target, method) {
            (Target::Import(import), "POST") => Plan::Import(import),
            (Target::Import(_), _) => Plan::Reply(method_not_allowed(method, IMPORT_METHODS)),
            (target, "GET" | "HEAD") => {
                target.query(request, settings, now, &self.generation).map_or_else(Plan::Reply, Plan::Query)
            }
            (target, "OPTIONS") => Plan::Reply(options(target)),
            _ => Plan::Reply(method_not_allowed(method, READ_METHODS)),
        }
    }
}

/// What the framework tells of an endpoint.
fn options(target: Target) -> Reply {
    let name = match target {
        Target::Endpoint(Endpoint::Metrics) => "Period Metrics".to_owned(),
        Target::Endpoint(Endpoint::List(resource)) => format!("{} List", resource.name),
        Target::Endpoint(Endpoint::Object(resource, _)) => format!("{} Instance", resource.name),
        Target::Endpoint(Endpoint::Aggregate) => "commits.agg List".to_owned(),
        Target::Dataset | Target::Import(_) => "Dataset".to_owned(),
    };
    let body =
        format!(r#"{{"name":"{name}","description":"","renders":["application/json"],"parses":["application/json"]}}"#);
    Reply::json(200, body).header("Allow", READ_METHODS)
}

impl Target {
    fn query(self, request: &Request, settings: &Settings, now: f64, generation: &str) -> Result<Query, Reply> {
        let sent = request.url.query.as_str();
        let address = || format!("{}{}", settings.public_origin(&request.url), request.url.path);
        // Links repeat the parameters as they were sent.
        let as_sent = || format!("{}?{sent}", address());
        let (statements, answer, asked) = match self {
            Target::Endpoint(Endpoint::Metrics) => {
                let parsed = MetricsRequest::parse(sent, settings.today(&request.url, now));
                let parsed = parsed.map_err(|errors| Reply::bad_query(&errors))?;
                let asked = format!("{METRICS}?{}", parsed.canonical());
                (vec![metrics::statement(&parsed)], Kind::Metrics(parsed), asked)
            }
            Target::Endpoint(Endpoint::List(resource)) => {
                let list = lists::List::of_rows(resource, address(), sent)?;
                (list.statements(), Kind::List(Box::new(list)), as_sent())
            }
            Target::Endpoint(Endpoint::Aggregate) => {
                let list = lists::List::of_aggregate(address(), sent)?;
                (list.statements(), Kind::List(Box::new(list)), as_sent())
            }
            Target::Endpoint(Endpoint::Object(resource, id)) => {
                let object = lists::Object::new(resource, id, sent);
                (vec![object.statement()], Kind::Object(Box::new(object)), as_sent())
            }
            Target::Dataset | Target::Import(_) => (vec![dump_statement()], Kind::Dataset, address()),
        };
        // None of these holds a line's end. Another version may answer otherwise.
        let tag = tag(format!("{}\n{generation}\n{asked}", env!("CARGO_PKG_VERSION")));
        Ok(Query { statements, answer, tag: format!("\"{tag}\"") })
    }
}

/// Statements, and how what they find is answered.
#[derive(Debug)]
pub struct Query {
    statements: Vec<Statement>,
    answer: Kind,
    /// Names the answer, as `ETag` does: all that it depends on is in it, and nothing of a caller, since every key that is
    /// let in sees the same.
    tag: String,
}

#[derive(Debug)]
enum Kind {
    Metrics(MetricsRequest),
    List(Box<lists::List>),
    Object(Box<lists::Object>),
    Dataset,
}

impl PartialEq for Query {
    fn eq(&self, other: &Query) -> bool {
        self.tag == other.tag
    }
}

impl Query {
    /// What the database is asked, in one batch.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Where its answer is kept: an address that leads nowhere, and that nobody can tell who does not know the generation.
    pub fn address(&self) -> String {
        format!("https://cache.invalid/store/{}", self.tag.trim_matches('"'))
    }

    /// Whether the caller has the answer and knows its tag.
    pub fn is_known(&self, request: &Request) -> bool {
        // `*` asks whether there is an answer, which has yet to be found out.
        let tags = request.if_none_match.as_deref().filter(|tags| tags.trim() != "*");
        is_known(tags, &self.tag)
    }

    /// The reply whose body is kept.
    pub fn kept(&self) -> Reply {
        self.tagged(Reply::json(200, "")).header("Cache-Status", "streamgage; hit")
    }

    fn tagged(&self, reply: Reply) -> Reply {
        reply.header("ETag", self.tag.clone())
    }

    /// The reply that its answers make.
    ///
    /// # Errors
    /// They make no sense.
    pub fn reply(&self, outcomes: &[Outcome]) -> Result<Reply, Broken> {
        let first = outcomes.first().ok_or_else(|| Broken::missing("outcome"))?;
        let reply = match &self.answer {
            Kind::Metrics(request) => Reply::json(200, Answer::new(request, &metrics::read(first)?).to_string()),
            Kind::List(list) => Reply::json(200, list.body(outcomes)?),
            Kind::Object(object) => object.reply(first)?,
            Kind::Dataset => Reply::json(200, read_dataset(first)?),
        };
        Ok(if reply.status == 200 { self.tagged(reply) } else { reply })
    }
}
