//! Lists and single objects (§2).

mod filter;
mod rows;

pub(crate) use rows::{Members, Name, quote};

use crate::reply::{Reply, not_found};
use crate::sql::{Broken, Outcome, Parameters, Statement};
use serde::Deserialize;
use std::collections::BTreeMap;
use streamgage::query::{ListRequest, Subject};
use streamgage::schema::Resource;

/// Reads a list request.
///
/// # Errors
/// The 400.
fn parse(resource: &'static Resource, query: &str) -> Result<ListRequest, Reply> {
    let request = ListRequest::parse(resource, query).map_err(|errors| Reply::value(400, &errors))?;
    // Without `filters` there are no more conditions than fields have lookups, beside the terms of a search.
    let conditions = request.filter.conditions().filter(|condition| condition.subject != Subject::Search).count();
    if conditions > filter::MAX_CONDITIONS {
        let message = format!("Too many conditions: at most {} can be joined.", filter::MAX_CONDITIONS);
        return Err(Reply::value(400, &BTreeMap::from([("filters", [message])])));
    }
    Ok(request)
}

/// A list that is asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct List {
    request: ListRequest,
    /// The list's address, without the query.
    address: String,
    /// The query as sent.
    query: String,
}

impl List {
    /// Reads a request for a list.
    ///
    /// # Errors
    /// The 400.
    pub fn parse(resource: &'static Resource, address: String, query: &str) -> Result<List, Reply> {
        Ok(List { request: parse(resource, query)?, address, query: query.to_owned() })
    }

    /// How many rows there are, and the page.
    pub fn statements(&self) -> Vec<Statement> {
        let mut parameters = Parameters::default();
        let found = filter::found(&self.request, &mut parameters);
        let count = parameters.into_statement(format!("SELECT COUNT(*) AS count{found}"));
        let mut parameters = Parameters::default();
        let page = rows::page(&self.request, &mut parameters);
        vec![count, parameters.into_statement(page)]
    }

    /// The envelope around the rows.
    pub fn body(&self, outcomes: &[Outcome]) -> Result<String, Broken> {
        #[derive(Deserialize)]
        struct Count {
            count: u64,
        }
        let [counted, found] = outcomes else { return Err(Broken::missing("page")) };
        let count = counted.read::<Count>()?.pop().ok_or_else(|| Broken::missing("count"))?.count;
        let link = |link: Option<String>| link.map_or_else(|| "null".to_owned(), |link| quote(&link));
        let next = link(self.request.page.next(count, &self.address, &self.query));
        let previous = link(self.request.page.previous(&self.address, &self.query));
        let mut body = format!(r#"{{"count":{count},"next":{next},"previous":{previous},"results":["#);
        for (index, row) in rows::read(found)?.iter().enumerate() {
            if index > 0 {
                body.push(',');
            }
            rows::write(&self.request, row, &mut body)?;
        }
        body.push_str("]}");
        Ok(body)
    }
}

/// A single object that is asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Object {
    resource: &'static Resource,
    id: i64,
    /// It is looked for among what the filters find. What is wrong with them is told after that there is none of its id.
    request: Result<ListRequest, Reply>,
}

impl Object {
    pub fn new(resource: &'static Resource, id: i64, query: &str) -> Object {
        Object { resource, id, request: parse(resource, query) }
    }

    /// Finds it, as far as the request is a good one.
    pub fn statement(&self) -> Statement {
        let mut parameters = Parameters::default();
        let id = parameters.bind(self.id);
        let sql = match &self.request {
            Ok(request) => {
                let mut sql = format!("SELECT {}{}", rows::columns(request), filter::found(request, &mut parameters));
                sql += if filter::finds_all(request) { " WHERE" } else { " AND" };
                sql + &format!(" t.id = {id} LIMIT 1")
            }
            Err(_) => format!("SELECT id FROM {} WHERE id = {id}", self.resource.name),
        };
        parameters.into_statement(sql)
    }

    /// The answer.
    pub fn reply(&self, found: &Outcome) -> Result<Reply, Broken> {
        let rows = rows::read(found)?;
        let Some(row) = rows.first() else { return Ok(not_found()) };
        Ok(match &self.request {
            Ok(request) => {
                let mut body = String::new();
                rows::write(request, row, &mut body)?;
                Reply::json(200, body)
            }
            Err(reply) => reply.clone(),
        })
    }
}
