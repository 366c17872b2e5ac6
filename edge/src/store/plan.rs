//! The plan of an authorized request: a response, the statements of a query, or an import.

use super::import::{Import, dump_statement, read_dataset};
use super::sql::{DatabaseError, Statement, StatementResult};
use super::{lists, metrics};
use crate::http::authorize::short_hash;
use crate::http::methods::{IMPORT_METHODS, READ_METHODS};
use crate::http::response::{is_none_match, method_not_allowed, not_found};
use crate::http::router::Target;
use crate::http::{AuthorizedRequest, Request, Response, Settings};
use streamgage::json;
use streamgage::metrics::MetricsResponse;
use streamgage::query::{Endpoint, METRICS_PATH, MetricsRequest, ignored_filters};
use streamgage::schema::COMMITS;

/// The plan of an authorized request.
#[derive(Debug)]
pub enum Plan {
    /// The response does not depend on the database.
    Response(Response),
    /// The response is the result of a query.
    Query(Query),
    /// The body contains rows to import.
    Import(Import),
}

impl AuthorizedRequest {
    /// Returns the plan of the request. `now` is in milliseconds since 1970-01-01.
    pub fn plan(&self, request: &Request, settings: &Settings, now: i64) -> Plan {
        let method = request.method.as_str();
        match (&self.target, method) {
            (Target::Import(import), "POST") => Plan::Import(*import),
            (Target::Import(_), _) => Plan::Response(method_not_allowed(method, IMPORT_METHODS)),
            (target, "GET" | "HEAD") => target.query(request, settings, now).map_or_else(Plan::Response, Plan::Query),
            (target, "OPTIONS") => Plan::Response(options(target)),
            _ => Plan::Response(method_not_allowed(method, READ_METHODS)),
        }
    }
}

/// Returns the framework's response to `OPTIONS`.
fn options(target: &Target) -> Response {
    let name = match target {
        Target::Endpoint(Endpoint::Metrics) => "Period Metrics".to_owned(),
        Target::Endpoint(Endpoint::List(resource)) => format!("{} List", resource.name),
        Target::Endpoint(Endpoint::Object(resource, _)) => format!("{} Instance", resource.name),
        Target::Endpoint(Endpoint::Aggregate) => "commits.agg List".to_owned(),
        Target::Dataset | Target::Import(_) | Target::Upstream(_) | Target::Purge => "Dataset".to_owned(),
    };
    let body =
        format!(r#"{{"name":"{name}","description":"","renders":["application/json"],"parses":["application/json"]}}"#);
    Response::json(200, body).header("Allow", READ_METHODS)
}

impl Target {
    fn query(&self, request: &Request, settings: &Settings, now: i64) -> Result<Query, Response> {
        let query = request.url.query.as_str();
        let url = || format!("{}{}", settings.public_origin(&request.url), request.url.path);
        // Links repeat the parameters as they were sent, so that the response depends on them.
        let as_sent = || format!("{}?{query}", url());
        let (statements, kind, canonical) = match self {
            Target::Endpoint(Endpoint::Metrics) => {
                let parsed = MetricsRequest::parse(query, settings.today(&request.url, now));
                let parsed = parsed.map_err(|errors| Response::bad_query(&errors))?;
                let canonical = format!("{METRICS_PATH}?{}", parsed.canonical());
                (vec![metrics::statement(&parsed)], Kind::Metrics(parsed), canonical)
            }
            Target::Endpoint(Endpoint::List(resource)) => {
                let list = lists::List::parse_rows(resource, url(), query)?;
                (list.statements(), Kind::List(Box::new(list)), as_sent())
            }
            Target::Endpoint(Endpoint::Aggregate) => {
                let list = lists::List::parse_aggregate(url(), query)?;
                (list.statements(), Kind::List(Box::new(list)), as_sent())
            }
            Target::Endpoint(Endpoint::Object(resource, id)) => {
                let object = lists::Object::new(resource, *id, query);
                (vec![object.statement()], Kind::Object(Box::new(object)), as_sent())
            }
            Target::Dataset => (vec![dump_statement()], Kind::Dataset, url()),
            Target::Import(_) | Target::Upstream(_) | Target::Purge => return Err(not_found()),
        };
        let ignored = match self {
            Target::Endpoint(Endpoint::List(resource) | Endpoint::Object(resource, _)) => {
                ignored_filters(resource, query)
            }
            Target::Endpoint(Endpoint::Aggregate) => ignored_filters(&COMMITS, query),
            _ => Vec::new(),
        };
        Ok(Query { statements, kind, canonical, ignored: ignored.join(", ") })
    }
}

/// The statements of a query, and the form of its response.
#[derive(Debug)]
pub struct Query {
    statements: Vec<Statement>,
    kind: Kind,
    /// The canonical form of the request. Equal requests have equal responses, because no response depends on the key.
    canonical: String,
    /// The documented filters that the request uses and the store can not answer.
    ignored: String,
}

#[derive(Debug)]
enum Kind {
    Metrics(MetricsRequest),
    List(Box<lists::List>),
    Object(Box<lists::Object>),
    Dataset,
}

/// Selects the store's generation, which each import changes.
pub fn generation_statement() -> Statement {
    Statement::new("SELECT json_quote(value) AS value FROM generation", [])
}

/// Reads the result of [`generation_statement`].
///
/// # Errors
/// Returns an error if there is no generation.
pub fn read_generation(result: &StatementResult) -> Result<String, DatabaseError> {
    let generation = result.read()?.pop().map(|[generation]: [String; 1]| generation);
    generation.ok_or_else(|| DatabaseError::missing("generation"))
}

/// The entity tag of a response. It identifies the version of streamgage, the generation of the store and the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// Returns the URL under which the body is cached. Nobody can derive it without the generation.
    pub fn cache_url(&self) -> String {
        format!("https://cache.invalid/store/{}", self.0.trim_matches('"'))
    }

    /// Reports whether the caller already has the response.
    pub fn is_none_match(&self, request: &Request) -> bool {
        // `*` matches only if the response exists, which requires the query.
        let tags = request.if_none_match.as_deref().filter(|tags| tags.trim() != "*");
        tags.is_some_and(|tags| is_none_match(tags, &self.0))
    }

    fn add_to(&self, response: Response) -> Response {
        response.header("ETag", self.0.clone())
    }
}

impl Query {
    /// Returns the statements, which belong into one batch.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Returns the entity tag of the response at a generation.
    pub fn etag(&self, generation: &str) -> ETag {
        // None of the parts contains a line break.
        let parts = format!("{}\n{generation}\n{}", env!("CARGO_PKG_VERSION"), self.canonical);
        ETag(format!("\"{}\"", short_hash(parts)))
    }

    /// Returns the response for a cached body, without the body.
    pub fn cached_response(&self, etag: &ETag) -> Response {
        self.add_ignored(etag.add_to(Response::json(200, "")).header("Cache-Status", "streamgage; hit"))
    }

    /// Tells which filters had no effect.
    fn add_ignored(&self, response: Response) -> Response {
        if self.ignored.is_empty() { response } else { response.header("Streamgage-Ignored", self.ignored.clone()) }
    }

    /// Returns the response for the results of the statements.
    ///
    /// # Errors
    /// Returns an error if the results do not have the columns of the statements.
    pub fn response(&self, results: &[StatementResult], etag: &ETag) -> Result<Response, DatabaseError> {
        let first = results.first().ok_or_else(|| DatabaseError::missing("result"))?;
        let response = match &self.kind {
            Kind::Metrics(request) => {
                Response::json(200, json::to_string(&MetricsResponse::new(request, &metrics::read(first)?)))
            }
            Kind::List(list) => list.response(results)?,
            Kind::Object(object) => object.response(first)?,
            Kind::Dataset => Response::json(200, read_dataset(first)?),
        };
        Ok(self.add_ignored(if response.status == 200 { etag.add_to(response) } else { response }))
    }
}
