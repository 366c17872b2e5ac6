//! Examples: a small organization, and what is answered about it. Nothing here is written by hand but the rows and the
//! requests, so no example can be wrong.

use super::json::{Json, object};
use crate::reply::Reply;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use streamgage::calendar::Day;
use streamgage::evaluate::{self, RowsBuilder, Store};
use streamgage::metrics::{Organization, Records, Table};
use streamgage::query::{AggregateRequest, ListRequest, MetricsRequest, Page};
use streamgage::schema::{Missing, RESOURCES, Resource, Shown, read_row};

/// The day on which the examples are asked.
pub(super) const TODAY: &str = "2024-05-31";

/// The rows of a resource, a line each.
pub(super) fn rows(resource: &Resource) -> &'static str {
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
pub(super) struct Asked {
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
pub(super) type Named = (String, Json);

/// An answer, with the request that it answers.
pub(super) fn example(summary: &'static str, asked: Asked, value: Json) -> Named {
    named(summary, object! { "x-request" => asked.json(), "value" => value })
}

/// The same of a reply.
pub(super) fn replied(summary: &'static str, asked: Asked, reply: &Reply) -> Named {
    example(summary, asked, Json::written(&reply.body))
}

/// What no single request leads to.
pub(super) fn alone(summary: &'static str, value: Json) -> Named {
    named(summary, object! { "value" => value })
}

fn named(summary: &'static str, example: Json) -> Named {
    let words = summary.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("_").to_ascii_lowercase();
    (name, example.with("summary", summary))
}

/// The organization.
pub(super) struct Example {
    store: Store,
    table: Table,
    today: Day,
}

type Members = BTreeMap<String, Box<RawValue>>;

impl Example {
    /// Reads the rows.
    ///
    /// # Errors
    /// They are wrong.
    pub fn read() -> Result<Example, String> {
        fn records<T: streamgage::metrics::Record>() -> Result<Records<T>, String> {
            let mut records = Records::default();
            for line in rows(T::RESOURCE).lines() {
                let mut json = serde_json::Deserializer::from_str(line);
                records.read(&mut json).map_err(|error| error.to_string())?;
            }
            Ok(records)
        }
        let mut store = Store::default();
        for resource in RESOURCES {
            let mut builder = RowsBuilder::new(resource);
            for line in rows(resource).lines() {
                let mut json = serde_json::Deserializer::from_str(line);
                builder.add(|row| read_row(resource, &mut json, row)).map_err(|error| error.to_string())?;
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
            Ok(request) => Json::of(&self.table.answer(&request)),
            Err(errors) => Json::of(&errors),
        }
    }

    /// What the list of a resource answers.
    pub fn list(&self, resource: &'static Resource, address: &str, query: &str) -> Json {
        match ListRequest::parse(resource, query) {
            Ok(request) => {
                let found = evaluate::list(&request, &self.store);
                let rows = found.places.iter().map(|&place| self.shown(&request, place));
                page(request.page, found.count, address, query, Json::list(rows))
            }
            Err(errors) => Json::of(&errors),
        }
    }

    /// What the aggregate of commits answers.
    pub fn aggregate(&self, address: &str, query: &str) -> Json {
        match AggregateRequest::parse(query) {
            Ok(request) => {
                let found = evaluate::aggregate(&request, &self.store);
                page(request.list.page, found.count, address, query, Json::of(&found.rows))
            }
            Err(errors) => Json::of(&errors),
        }
    }

    /// The first object of a resource, and its id.
    pub fn first(&self, resource: &'static Resource, query: &str) -> Option<(i64, Json)> {
        let rows = self.store.rows(resource)?;
        let &place = rows.places().first()?;
        let request = ListRequest::parse(resource, query).ok()?;
        Some((rows.id(place), self.shown(&request, place)))
    }

    fn shown(&self, request: &ListRequest, place: usize) -> Json {
        let resource = request.resource;
        let row = members(resource, place);
        let shown = resource.shown().enumerate().filter(|&(at, _)| request.projection.shows(at));
        Json::object(shown.map(|(_, shown)| match shown {
            Shown::Field(_, field) => (field.name, value(&row, field.name, field.missing)),
            Shown::Nested(nested) => {
                let rows = self.store.rows(resource);
                let places = rows.map(|rows| evaluate::nested(nested, rows, place, &self.store)).unwrap_or_default();
                let mut objects: Vec<Json> = places
                    .into_iter()
                    .map(|place| {
                        let row = members(nested.resource, place);
                        let fields = nested.resource.fields.iter();
                        let shown = fields.filter(|field| nested.fields.contains(&field.name));
                        Json::object(shown.map(|field| (field.name, value(&row, field.name, field.missing))))
                    })
                    .collect();
                let is_list = nested.of != streamgage::schema::NestedOf::Id;
                let json = if is_list { Json::List(objects) } else { objects.pop().unwrap_or_else(Json::null) };
                (nested.name, json)
            }
        }))
    }
}

/// A row as it is written.
fn members(resource: &Resource, place: usize) -> Members {
    let line = rows(resource).lines().nth(place).unwrap_or("{}");
    serde_json::from_str(line).unwrap_or_default()
}

fn value(row: &Members, name: &str, missing: Missing) -> Json {
    match (row.get(name), missing) {
        (Some(value), _) => Json::Written(value.clone()),
        (None, Missing::Required | Missing::Null) => Json::null(),
        (None, Missing::Zero) => 0.into(),
        (None, Missing::False) => false.into(),
        (None, Missing::EmptyList) => Json::List(Vec::new()),
    }
}

fn page(page: Page, count: u64, address: &str, query: &str, results: Json) -> Json {
    let link = |link: Option<String>| link.map_or_else(Json::null, Json::from);
    object! {
        "count" => count as i64,
        "next" => link(page.next(count, address, query)),
        "previous" => link(page.previous(address, query)),
        "results" => results,
    }
}
