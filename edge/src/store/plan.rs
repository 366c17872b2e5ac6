//! The plan of an authorized request: a reply, the statements of a query, or an import.

use super::import::{Import, dump_statement, read_dataset};
use super::sql::{Broken, Outcome, Statement};
use super::{lists, metrics};
use crate::access::tag;
use crate::reply::{Reply, is_known, method_not_allowed};
use crate::request::{Request, Settings};
use crate::visit::{Admitted, IMPORT_METHODS, READ_METHODS, Target};
use streamgage::metrics::MetricsResponse;
use streamgage::query::{Endpoint, METRICS_PATH, MetricsRequest};

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
                let asked = format!("{METRICS_PATH}?{}", parsed.canonical());
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
            Kind::Metrics(request) => {
                Reply::json(200, MetricsResponse::new(request, &metrics::read(first)?).to_string())
            }
            Kind::List(list) => Reply::json(200, list.body(outcomes)?),
            Kind::Object(object) => object.reply(first)?,
            Kind::Dataset => Reply::json(200, read_dataset(first)?),
        };
        Ok(if reply.status == 200 { self.tagged(reply) } else { reply })
    }
}
