//! Lists and single objects (§2).

mod aggregate;
mod filter;
mod rows;

use crate::codec::quote;
use crate::http::response::{Response, not_found};
use crate::store::sql::{DatabaseError, Parameters, Statement, StatementResult};
use streamgage::query::{AggregateRequest, ListRequest};
use streamgage::schema::Resource;

/// Reads a list request.
///
/// # Errors
/// The 400.
fn parse(resource: &'static Resource, query: &str) -> Result<ListRequest, Response> {
    ListRequest::parse(resource, query).map_err(|errors| Response::bad_query(&errors))
}

/// A list that is asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct List {
    of: Of,
    /// The list's address, without the query.
    address: String,
    /// The query as sent.
    query: String,
}

#[derive(Debug, PartialEq)]
enum Of {
    Rows(ListRequest),
    Aggregate(AggregateRequest),
}

impl List {
    /// Reads a request for rows.
    ///
    /// # Errors
    /// The 400.
    pub fn of_rows(resource: &'static Resource, address: String, query: &str) -> Result<List, Response> {
        Ok(List { of: Of::Rows(parse(resource, query)?), address, query: query.to_owned() })
    }

    /// Reads a request for the aggregate of commits.
    ///
    /// # Errors
    /// The 400.
    pub fn of_aggregate(address: String, query: &str) -> Result<List, Response> {
        let request = AggregateRequest::parse(query).map_err(|errors| Response::bad_query(&errors))?;
        Ok(List { of: Of::Aggregate(request), address, query: query.to_owned() })
    }

    /// How many rows there are, and the page; or both in one.
    pub fn statements(&self) -> Vec<Statement> {
        let statement = |write: &dyn Fn(&mut Parameters) -> String| {
            let mut parameters = Parameters::default();
            let sql = write(&mut parameters);
            parameters.into_statement(sql)
        };
        match &self.of {
            Of::Rows(request) => rows::statements(request),
            Of::Aggregate(request) => vec![
                statement(&|parameters| aggregate::count(request, parameters)),
                statement(&|parameters| aggregate::page(request, parameters)),
            ],
        }
    }

    /// The envelope around the rows.
    pub fn body(&self, outcomes: &[StatementResult]) -> Result<String, DatabaseError> {
        let (count, found) = match outcomes {
            [both] => rows::read_both(both)?,
            [counted, found] => {
                let [count] = counted.read()?.pop().ok_or_else(|| DatabaseError::missing("count"))?;
                (count, found.cells()?)
            }
            _ => return Err(DatabaseError::missing("page")),
        };
        let page = match &self.of {
            Of::Rows(request) => request.page,
            Of::Aggregate(request) => request.list.page,
        };
        let link = |link: Option<String>| link.map_or_else(|| "null".to_owned(), |link| quote(&link));
        let next = link(page.next(count, &self.address, &self.query));
        let previous = link(page.previous(&self.address, &self.query));
        let mut body = format!(r#"{{"count":{count},"next":{next},"previous":{previous},"results":["#);
        match &self.of {
            Of::Rows(request) => {
                let writer = rows::Writer::new(request);
                for row in &found {
                    for _ in 0..rows::times(request, row)? {
                        writer.write(row, &mut body)?;
                        body.push(',');
                    }
                }
            }
            Of::Aggregate(request) => {
                for row in &found {
                    aggregate::write(request, row, &mut body)?;
                    body.push(',');
                }
            }
        }
        if body.ends_with(',') {
            body.pop();
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
    request: Result<ListRequest, Response>,
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
                let mut sql = format!(
                    "SELECT {}{}",
                    rows::columns(request),
                    filter::found(request, self.resource.name, &mut parameters)
                );
                sql += if filter::finds_all(request) { " WHERE" } else { " AND" };
                sql + &format!(" t.id = {id} LIMIT 1")
            }
            Err(_) => format!("SELECT id FROM {} WHERE id = {id}", self.resource.name),
        };
        parameters.into_statement(sql)
    }

    /// The answer.
    pub fn response(&self, found: &StatementResult) -> Result<Response, DatabaseError> {
        let rows = found.cells()?;
        let Some(row) = rows.first() else { return Ok(not_found()) };
        Ok(match &self.request {
            Ok(request) => {
                let mut body = String::new();
                rows::Writer::new(request).write(row, &mut body)?;
                Response::json(200, body)
            }
            Err(response) => response.clone(),
        })
    }
}
