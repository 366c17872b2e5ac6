//! Examples: requests to a small organization, and their responses. The responses are computed, so that they are correct.

use crate::json::{Json, object};
use streamgage::calendar::Day;
use streamgage::evaluate::{self, RowTexts, RowsBuilder, Store};
use streamgage::metrics::{MetricsTable, Organization, Record, Records};
use streamgage::query::{AggregateRequest, ListRequest, MetricsRequest};
use streamgage::schema::{RESOURCES, Resource};
use streamgage_edge::Response;

/// The date of the example requests.
pub(crate) const TODAY: &str = "2024-05-31";

/// Returns the rows of a resource, one per line.
pub(crate) fn rows(resource: &Resource) -> &'static str {
    match resource.name {
        "commits" => include_str!("example/commits.ndjson"),
        "users" => include_str!("example/users.ndjson"),
        "teams" => include_str!("example/teams.ndjson"),
        "team_membership" => include_str!("example/team_membership.ndjson"),
        "repos" => include_str!("example/repos.ndjson"),
        "tags" => include_str!("example/tags.ndjson"),
        "user_alias" => include_str!("example/user_alias.ndjson"),
        _ if resource.is_generic => GENERIC_ROWS,
        _ => "",
    }
}

/// The rows of each generic resource.
const GENERIC_ROWS: &str =
    r#"{"id":7,"name":"Example","state":"open","created_at":"2024-05-01T09:30:00","project":{"id":3}}"#;

/// The request of an example.
pub(crate) struct ExampleRequest {
    pub method: &'static str,
    pub path: String,
    /// The `Authorization` header, if it is not that of a valid key.
    pub authorization: Option<&'static str>,
    pub body: Option<&'static str>,
}

impl ExampleRequest {
    pub fn get(path: impl Into<String>) -> ExampleRequest {
        ExampleRequest { method: "GET", path: path.into(), authorization: None, body: None }
    }

    fn json(self) -> Json {
        let mut json = object! { "method" => self.method, "path" => self.path };
        if let Some(authorization) = self.authorization {
            json = json.with("authorization", authorization);
        }
        if let Some(body) = self.body {
            json = json.with("body", body);
        }
        json
    }
}

/// An example with its name.
pub(crate) type NamedExample = (String, Json);

/// Returns an example of a request and its result.
pub(crate) fn example(summary: &'static str, request: ExampleRequest, value: Json) -> NamedExample {
    named(summary, object! { "x-request" => request.json(), "value" => value })
}

/// Returns an example of a request and the body of its response.
pub(crate) fn example_response(summary: &'static str, request: ExampleRequest, response: &Response) -> NamedExample {
    example(summary, request, Json::raw(&response.body))
}

/// Returns an example without a request.
pub(crate) fn example_value(summary: &'static str, value: Json) -> NamedExample {
    named(summary, object! { "value" => value })
}

fn named(summary: &'static str, example: Json) -> NamedExample {
    let words = summary.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("_").to_ascii_lowercase();
    (name, example.with("summary", summary))
}

struct Texts;

impl RowTexts for Texts {
    fn row_text(&self, resource: &Resource, place: usize) -> &str {
        rows(resource).lines().nth(place).unwrap_or("{}")
    }
}

pub(crate) struct ExampleData {
    store: Store,
    table: MetricsTable,
    today: Day,
}

impl ExampleData {
    /// Reads the rows.
    ///
    /// # Errors
    /// Returns an error if a row is invalid.
    pub fn read() -> Result<ExampleData, String> {
        fn records<T: Record>() -> Result<Records<T>, String> {
            let mut records = Records::default();
            for line in rows(T::RESOURCE).lines() {
                records.read_text(line).map_err(|error| error.to_string())?;
            }
            Ok(records)
        }
        let mut store = Store::default();
        for resource in RESOURCES {
            let mut builder = RowsBuilder::new(resource);
            for line in rows(resource).lines() {
                builder.add_text(line).map_err(|error| error.to_string())?;
            }
            store.insert(builder.build());
        }
        let organization = Organization {
            commits: records()?,
            users: records()?,
            teams: records()?,
            memberships: records()?,
            repos: records()?,
        };
        let today = Day::parse(TODAY).ok_or("no date")?;
        Ok(ExampleData { store, table: organization.table(), today })
    }

    /// Returns the result of a metrics request.
    pub fn metrics(&self, query: &str) -> Json {
        match MetricsRequest::parse(query, self.today) {
            Ok(request) => Json::serialized(&self.table.evaluate(&request)),
            Err(errors) => Json::serialized(&errors),
        }
    }

    /// Returns the result of a list request.
    pub fn list(&self, resource: &'static Resource, address: &str, query: &str) -> Json {
        match ListRequest::parse(resource, query) {
            Ok(request) => {
                let body = evaluate::list_body(&request, &self.store, &Texts, address, query);
                body.map_or_else(Json::null, |body| Json::raw(&body))
            }
            Err(errors) => Json::serialized(&errors),
        }
    }

    /// Returns the result of a request for the aggregate of commits, which has one page.
    pub fn aggregate(&self, query: &str) -> Json {
        match AggregateRequest::parse(query) {
            Ok(request) => {
                let found = evaluate::aggregate(&request, &self.store);
                object! {
                    "count" => found.count as i64,
                    "next" => Json::null(),
                    "previous" => Json::null(),
                    "results" => Json::serialized(&found.rows),
                }
            }
            Err(errors) => Json::serialized(&errors),
        }
    }

    /// Returns the first object of a resource, and its id.
    pub fn first(&self, resource: &'static Resource, query: &str) -> Option<(i64, Json)> {
        let rows = self.store.rows(resource)?;
        let &place = rows.positions().first()?;
        let request = ListRequest::parse(resource, query).ok()?;
        let mut shown = String::new();
        evaluate::write_row(&request, &self.store, &Texts, place, &mut shown);
        Some((rows.id(place), Json::raw(&shown)))
    }
}
