//! Examples: a small organization, and what is answered about it. Nothing here is written by hand but the rows and the
//! requests, so no example can be wrong.

use crate::json::{Json, object};
use streamgage::calendar::Day;
use streamgage::evaluate::{self, RowTexts, RowsBuilder, Store};
use streamgage::metrics::{MetricsTable, Organization, Record, Records};
use streamgage::query::{AggregateRequest, ListRequest, MetricsRequest};
use streamgage::schema::{RESOURCES, Resource};
use streamgage_edge::Response;

/// The day on which the examples are asked.
pub(crate) const TODAY: &str = "2024-05-31";

/// The rows of a resource, a line each.
pub(crate) fn rows(resource: &Resource) -> &'static str {
    match resource.name {
        "commits" => include_str!("example/commits.ndjson"),
        "users" => include_str!("example/users.ndjson"),
        "teams" => include_str!("example/teams.ndjson"),
        "team_membership" => include_str!("example/team_membership.ndjson"),
        "repos" => include_str!("example/repos.ndjson"),
        "tags" => include_str!("example/tags.ndjson"),
        "user_alias" => include_str!("example/user_alias.ndjson"),
        _ => "",
    }
}

/// A request, as an example carries it along.
pub(crate) struct Asked {
    pub method: &'static str,
    pub path: String,
    /// The header `Authorization`, where it is not that of a good key.
    pub authorization: Option<&'static str>,
    pub body: Option<&'static str>,
}

impl Asked {
    pub fn get(path: impl Into<String>) -> Asked {
        Asked { method: "GET", path: path.into(), authorization: None, body: None }
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

/// An example under its name.
pub(crate) type Named = (String, Json);

/// An answer, with the request that it answers.
pub(crate) fn example(summary: &'static str, asked: Asked, value: Json) -> Named {
    named(summary, object! { "x-request" => asked.json(), "value" => value })
}

/// The same of a reply.
pub(crate) fn replied(summary: &'static str, asked: Asked, reply: &Response) -> Named {
    example(summary, asked, Json::written(&reply.body))
}

/// What no single request leads to.
pub(crate) fn alone(summary: &'static str, value: Json) -> Named {
    named(summary, object! { "value" => value })
}

fn named(summary: &'static str, example: Json) -> Named {
    let words = summary.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("_").to_ascii_lowercase();
    (name, example.with("summary", summary))
}

/// The texts of the rows.
struct Texts;

impl RowTexts for Texts {
    fn row_text(&self, resource: &Resource, place: usize) -> &str {
        rows(resource).lines().nth(place).unwrap_or("{}")
    }
}

/// The organization.
pub(crate) struct Example {
    store: Store,
    table: MetricsTable,
    today: Day,
}

impl Example {
    /// Reads the rows.
    ///
    /// # Errors
    /// They are wrong.
    pub fn read() -> Result<Example, String> {
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
        Ok(Example { store, table: organization.table(), today })
    }

    /// What metrics answer.
    pub fn metrics(&self, query: &str) -> Json {
        match MetricsRequest::parse(query, self.today) {
            Ok(request) => Json::of(&self.table.evaluate(&request)),
            Err(errors) => Json::of(&errors),
        }
    }

    /// What the list of a resource answers.
    pub fn list(&self, resource: &'static Resource, address: &str, query: &str) -> Json {
        match ListRequest::parse(resource, query) {
            Ok(request) => Json::written(&evaluate::list_body(&request, &self.store, &Texts, address, query)),
            Err(errors) => Json::of(&errors),
        }
    }

    /// What the aggregate of commits answers, which is one page.
    pub fn aggregate(&self, query: &str) -> Json {
        match AggregateRequest::parse(query) {
            Ok(request) => {
                let found = evaluate::aggregate(&request, &self.store);
                object! {
                    "count" => found.count as i64,
                    "next" => Json::null(),
                    "previous" => Json::null(),
                    "results" => Json::of(&found.rows),
                }
            }
            Err(errors) => Json::of(&errors),
        }
    }

    /// The first object of a resource, and its id.
    pub fn first(&self, resource: &'static Resource, query: &str) -> Option<(i64, Json)> {
        let rows = self.store.rows(resource)?;
        let &place = rows.positions().first()?;
        let request = ListRequest::parse(resource, query).ok()?;
        let mut shown = String::new();
        evaluate::write_row(&request, &self.store, &Texts, place, &mut shown);
        Some((rows.id(place), Json::written(&shown)))
    }
}
