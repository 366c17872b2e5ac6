//! The OpenAPI document of the Worker, generated from the schema, with examples whose responses are computed.
//!
//! The document describes its own extensions in `info`.

mod components;
mod examples;
mod field_descriptions;
mod json;
mod operation;
mod own_paths;
mod parameters;
mod schemas;
mod v3_paths;

use examples::ExampleData;
use json::{Json, list, object};
use operation::{CORE_TAG, METRICS_TAG, OWN_TAG};
use serde::Serialize;
use streamgage::query::METRICS_PATH;
use streamgage::schema::{COMMITS, RESOURCES};
use v3_paths::AGGREGATE_PATH;

/// Returns the document.
///
/// # Errors
/// Returns an error if a row of the examples is invalid.
pub fn document() -> Result<impl Serialize, String> {
    let data = ExampleData::read()?;
    let mut paths: Vec<(String, Json)> = vec![(METRICS_PATH.to_owned(), v3_paths::metrics_path(&data))];
    let resources = || RESOURCES.into_iter().rev();
    for resource in resources() {
        paths.push((v3_paths::list_url(resource), v3_paths::list_path(resource, &data)));
        paths.push((format!("{}{{id}}/", v3_paths::list_url(resource)), v3_paths::object_path(resource, &data)));
        if resource == &COMMITS {
            paths.push((AGGREGATE_PATH.to_owned(), v3_paths::aggregate_path(&data)));
        }
    }
    for resource in resources() {
        paths.push((format!("/import/{}", resource.name), own_paths::import_path(resource)));
    }
    paths.push(("/import/dump".to_owned(), own_paths::dump_path()));
    paths.extend(own_paths::service_paths().map(|(path, item)| (path.to_owned(), item)));
    Ok(object! {
        "openapi" => "3.1.1",
        "info" => object! {
            "title" => "streamgage",
            "version" => env!("CARGO_PKG_VERSION"),
            "summary" => "Flow's v3 coding metrics and core lists, from your own commits.",
            "description" => DESCRIPTION,
            "license" => object! { "name" => "MIT OR Apache-2.0", "identifier" => "MIT OR Apache-2.0" },
        },
        "servers" => list![object! { "url" => "/", "description" => "This server." }],
        "security" => list![object! { "key" => Json::List(Vec::new()) }],
        "tags" => list![
            tag(METRICS_TAG, "Coding days, commits, impact and efficiency, by week or period."),
            tag(CORE_TAG, "The data behind the metrics: lists and single objects, with one filter language."),
            tag(OWN_TAG, "Endpoints that the v3 API did not have: imports and information about the server."),
        ],
        "paths" => Json::object(paths),
        "components" => components::components(),
    })
}

const DESCRIPTION: &str = "The v3 API of Pluralsight Flow (now Appfire Flow), as streamgage serves it.

**Query strings.** Parameters are separated by `&` alone. The last of repeated parameters takes effect, and blank and \
unknown parameters are ignored. Numbers have the syntax of Python's `Decimal` (`1e2`, ` 12 `, `1_0`).

**Filters.** `field=v`, `field__gt=v`, `__gte`, `__lt`, `__lte`, `__in=v,w`, `__icontains`, `__startswith` and \
`__isnull=true`. A `!` at the end of the name (`field!=v`, `id__in!=1,2`) excludes matching rows, and keeps rows \
whose field is null.

**Errors.** The order is 404 or 301, then 401, 403, 429, 405 and 400, which reports all bad parameters at once. \
Every path with `GET` has `HEAD` and `OPTIONS`, too.

**Proxy mode** (with the variable `UPSTREAM`) has no imports: `/import/…` and `/dataset` are 404, and `OPTIONS` is 405 \
except for a browser's preflight. `POST /cache/purge` deletes the cached responses of the caller's key, and returns 204.

**Extensions.** `x-lenient` is a regular expression of values that a parameter accepts without an error although they do \
not have its type. `x-unread-beside` names another parameter that disables this one. `x-not-before` is the earliest date \
that a parameter accepts. `x-request` is the request of an example, sent on 2024-05-31 to a server with the rows of the \
examples of `POST /import/…`.";

fn tag(name: &'static str, description: &'static str) -> Json {
    object! { "name" => name, "description" => description }
}
