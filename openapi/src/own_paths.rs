//! The paths that the v3 API did not have.

use crate::examples::{self, ExampleRequest, example, example_response, example_value};
use crate::json::{Json, list, object};
use crate::operation::{OWN_TAG, json_response, not_allowed_response, operation, with_common_responses};
use crate::schemas::{self, reference, schema, sentence};
use crate::v3_paths::plural;
use streamgage::schema::Resource;
use streamgage_edge::{HEALTH_METHODS, IMPORT_METHODS, Import};

pub(crate) fn import_path(resource: &'static Resource) -> Json {
    let rows = examples::rows(resource);
    let request = |body| ExampleRequest {
        method: "POST",
        body: Some(body),
        ..ExampleRequest::get(format!("/import/{}", resource.name))
    };
    let loaded = object! { "rows" => rows.lines().count() as i64, "changed" => rows.lines().count() as i64 };
    let content = object! { "application/x-ndjson" => object! {
        "schema" => object! {
            "type" => "array", "maxItems" => 1_000,
            "items" => object! { "anyOf" => list![
                schema(&schemas::import_row_name(resource)), schemas::deletion(),
            ]},
        },
        "examples" => Json::object([
            example_value("The rows of the other examples", Json::list(rows.lines().map(Json::raw))),
        ]),
    }};
    let description = "One row per line. A row replaces the stored row with the same id. A request has at most 1,000 rows and 1,000,000 bytes. \
        Either all rows are stored, or none. The key needs the permission `import`.";
    let rejected = [("An invalid value", "{\"id\":\"x\"}"), ("Text that is not JSON", "{\"id\":1}\n{")];
    let rejected = rejected.map(|(summary, body)| (summary, request(body)));
    import_operation(
        resource.name,
        &plural(resource),
        description,
        (false, content),
        ("Imported", request(rows), loaded),
        rejected,
    )
}

/// Returns the path that imports `dump.json`.
pub(crate) fn dump_path() -> Json {
    let request = |body| ExampleRequest { method: "POST", body: Some(body), ..ExampleRequest::get("/import/dump") };
    let body = r#"{"format":1,"name":"Example Company","demo":true}"#;
    let content = object! { "application/json" => object! {
        "schema" => object! { "type" => "object", "properties" => object! {
            "format" => object! { "enum" => list![1, Json::null()] },
            "name" => object! { "description" => "The name of the data. Other types than text are ignored." },
            "demo" => object! { "description" => "`true` marks generated data. Other values are ignored." },
        }},
        "examples" => Json::object([example_value("A name", Json::raw(body))]),
    }};
    let loaded = object! { "rows" => 1, "changed" => 1 };
    let rejected = [("An unsupported format", request(r#"{"format":2}"#)), ("Text that is not JSON", request("{"))];
    let description = "Stores the description that `GET /dataset` returns. The key needs the permission `import`.";
    import_operation(
        "dump",
        "the description of the data",
        description,
        (true, content),
        ("Imported", request(body), loaded),
        rejected,
    )
}

/// Returns the paths for information about the server and its data.
pub(crate) fn service_paths() -> [(&'static str, Json); 4] {
    let open = |id: &'static str, summary: &'static str, responses: Json| {
        object! { "get" => object! {
            "tags" => list![OWN_TAG], "operationId" => id, "summary" => summary, "security" => Json::List(Vec::new()),
            "responses" => responses,
        }}
    };
    let health = object! {
        "type" => "object", "required" => list!["status", "today"], "additionalProperties" => false,
        "properties" => object! {
            "status" => object! { "const" => "ok" },
            "today" => object! {
                "type" => "string", "format" => "date", "description" => "The current date (UTC).",
            },
        },
    };
    let healthy = object! { "status" => "ok", "today" => examples::TODAY };
    let dataset = object! {
        "type" => "object", "required" => list!["name", "demo"], "additionalProperties" => false,
        "properties" => object! {
            "name" => object! { "type" => list!["string", "null"], "description" => "The name of the data." },
            "demo" => object! { "type" => "boolean", "description" => "`true` for generated data." },
        },
    };
    let known = object! { "name" => "Example Company", "demo" => true };
    let unchanged = object! { "description" => "`If-None-Match` matches." };
    [
        (
            "/dataset",
            object! { "get" => with_common_responses(operation(
                OWN_TAG, "dataset".to_owned(), "Describes the data. Any valid key may read it.".to_owned(), Json::List(Vec::new()),
                json_response("The contents of `dump.json`.", dataset, Json::object([
                    example("Example data", ExampleRequest::get("/dataset"), known),
                ])),
            )) },
        ),
        (
            "/healthz",
            open(
                "health",
                "Reports that the server is running. No key is needed.",
                object! {
                    "200" => json_response("The server is running.", health, Json::object([
                        example("Healthy", ExampleRequest::get("/healthz"), healthy),
                    ])),
                    "405" => not_allowed_response(HEALTH_METHODS, ExampleRequest { method: "POST", ..ExampleRequest::get("/healthz") }),
                },
            ),
        ),
        (
            "/openapi.json",
            open(
                "openapi",
                "Returns this document. No key is needed.",
                object! {
                    "200" => object! {
                        "description" => "The OpenAPI 3.1 document.",
                        "content" => object! {
                            "application/json" => object! { "schema" => object! { "type" => "object" } },
                        },
                    },
                    "304" => unchanged.clone(),
                },
            ),
        ),
        (
            "/docs/",
            open(
                "docs",
                "Returns the documentation page. No key is needed.",
                object! {
                    "200" => object! {
                        "description" => "An HTML page.",
                        "content" => object! { "text/html" => object! { "schema" => object! { "type" => "string" } } },
                    },
                    "304" => unchanged,
                },
            ),
        ),
    ]
}

fn import_operation(
    name: &'static str,
    what: &str,
    description: &'static str,
    (required, content): (bool, Json),
    (summary, request, loaded): (&'static str, ExampleRequest, Json),
    rejected: [(&'static str, ExampleRequest); 2],
) -> Json {
    let counts = |what: &str| object! { "type" => "integer", "minimum" => 0, "description" => sentence(what) };
    let done = object! {
        "type" => "object", "required" => list!["rows", "changed"], "additionalProperties" => false,
        "properties" => object! {
            "rows" => counts("the number of rows sent"),
            "changed" => counts("the number of rows that changed the stored data"),
        },
    };
    let rejected = rejected.into_iter().filter_map(|(summary, request)| {
        let response = Import::of(name)?.read(request.body?.as_bytes()).err()?;
        Some(example_response(summary, request, &response))
    });
    let wrong = "A row is invalid. The response names the line, the field and the reason. Nothing is stored.";
    let too_large = Json::object([example_value("Too large", Json::raw(&Import::too_large().body))]);
    let compressed = Json::object([example_value("Compressed", Json::raw(&Import::compressed().body))]);
    let operation = object! {
        "tags" => list![OWN_TAG],
        "operationId" => format!("import_{name}"),
        "summary" => sentence(&format!("imports {what}")),
        "description" => description,
        "requestBody" => object! { "required" => required, "content" => content },
        "responses" => object! {
            "200" => json_response("All rows are stored.", done, Json::object([example(summary, request, loaded)])),
            "400" => json_response(wrong, schema("ImportError"), Json::object(rejected.collect::<Vec<_>>())),
            "401" => reference("responses", "Unauthorized"),
            "403" => reference("responses", "Forbidden"),
            "405" => not_allowed_response(IMPORT_METHODS, ExampleRequest::get(format!("/import/{name}"))),
            "413" => json_response("The body is too large.", schema("ImportError"), too_large),
            "415" => json_response("The body is compressed.", schema("ImportError"), compressed),
            "429" => reference("responses", "TooMany"),
            "500" => reference("responses", "Failure"),
        },
    };
    object! { "post" => operation }
}
