//! Lists and single objects (§2).

mod aggregate;
mod column;
mod condition;
mod expression;
mod filter;
mod ordering;
mod predicate;
mod rows;
mod statements;

use crate::http::response::{Response, invalid_page, not_found};
use crate::json::quote;
use crate::store::sql::{DatabaseError, Statement, StatementResult};
use crate::store::table::table;
use streamgage::query::{AggregateRequest, ListRequest};
use streamgage::schema::Resource;

/// Parses a list request.
///
/// # Errors
/// Returns the 400 that names each bad parameter.
fn parse_request(resource: &'static Resource, query: &str) -> Result<ListRequest, Response> {
    ListRequest::parse(resource, query).map_err(|errors| Response::bad_query(&errors))
}

/// The request for a list.
#[derive(Debug, PartialEq)]
pub(crate) struct List {
    request: Request,
    /// The URL of the list without the query.
    url: String,
    /// The query as sent.
    query: String,
}

#[derive(Debug, PartialEq)]
enum Request {
    Rows(ListRequest),
    Aggregate(AggregateRequest),
}

impl List {
    /// Parses a request for rows of a resource.
    ///
    /// # Errors
    /// Returns the 400 that names each bad parameter.
    pub fn parse_rows(resource: &'static Resource, url: String, query: &str) -> Result<List, Response> {
        Ok(List { request: Request::Rows(parse_request(resource, query)?), url, query: query.to_owned() })
    }

    /// Parses a request for the aggregate of commits.
    ///
    /// # Errors
    /// Returns the 400 that names each bad parameter.
    pub fn parse_aggregate(url: String, query: &str) -> Result<List, Response> {
        let request = AggregateRequest::parse(query).map_err(|errors| Response::bad_query(&errors))?;
        Ok(List { request: Request::Aggregate(request), url, query: query.to_owned() })
    }

    /// Returns a statement for the number of rows and one for the page, or one statement for both.
    pub fn statements(&self) -> Vec<Statement> {
        match &self.request {
            Request::Rows(request) => statements::statements(request),
            Request::Aggregate(request) => aggregate::statements(request),
        }
    }

    /// Returns the response for the results of the statements.
    pub fn response(&self, results: &[StatementResult]) -> Result<Response, DatabaseError> {
        let (count, rows) = match results {
            [counted_page] => rows::read_counted_page(counted_page)?,
            [count, page] => {
                let [count] = count.read()?.pop().ok_or_else(|| DatabaseError::missing("count"))?;
                (count, page.cells()?)
            }
            _ => return Err(DatabaseError::missing("page")),
        };
        let page = match &self.request {
            Request::Rows(request) => request.page,
            Request::Aggregate(request) => request.list.page,
        };
        if !page.exists(count) {
            return Ok(invalid_page());
        }
        let link = |link: Option<String>| link.map_or_else(|| "null".to_owned(), |link| quote(&link));
        let next = link(page.next(count, &self.url, &self.query));
        let previous = link(page.previous(&self.url, &self.query));
        let mut body = format!(r#"{{"count":{count},"next":{next},"previous":{previous},"results":["#);
        match &self.request {
            Request::Rows(request) => {
                let writer = rows::RowWriter::new(request);
                for row in &rows {
                    for _ in 0..rows::times_on_page(request, row)? {
                        writer.write(row, &mut body)?;
                        body.push(',');
                    }
                }
            }
            Request::Aggregate(request) => {
                for row in &rows {
                    aggregate::write_row(request, row, &mut body)?;
                    body.push(',');
                }
            }
        }
        if body.ends_with(',') {
            body.pop();
        }
        body.push_str("]}");
        Ok(Response::json(200, body))
    }
}

/// The request for a single object.
#[derive(Debug, PartialEq)]
pub(crate) struct Object {
    resource: &'static Resource,
    id: i64,
    /// The filters, which the object has to match. A 404 takes precedence over a 400.
    request: Result<ListRequest, Response>,
}

impl Object {
    pub fn new(resource: &'static Resource, id: i64, query: &str) -> Object {
        Object { resource, id, request: parse_request(resource, query) }
    }

    /// Returns the statement that selects the object or, for a bad request, its id.
    pub fn statement(&self) -> Statement {
        Statement::build(|parameters| {
            let id = parameters.bind(self.id);
            let table = table(self.resource);
            match &self.request {
                Ok(request) => {
                    let from = filter::from_clause(request, &table, parameters);
                    let operator = if filter::matches_all(request) { "WHERE" } else { "AND" };
                    format!("SELECT {}{from} {operator} t.id = {id} LIMIT 1", rows::columns(request))
                }
                Err(_) => format!("SELECT id FROM {table} WHERE id = {id}"),
            }
        })
    }

    /// Returns the response for the result of the statement.
    pub fn response(&self, result: &StatementResult) -> Result<Response, DatabaseError> {
        let rows = result.cells()?;
        let Some(row) = rows.first() else { return Ok(not_found()) };
        Ok(match &self.request {
            Ok(request) => {
                let mut body = String::new();
                rows::RowWriter::new(request).write(row, &mut body)?;
                Response::json(200, body)
            }
            Err(response) => response.clone(),
        })
    }
}
