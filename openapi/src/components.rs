//! The components of the document.

use crate::examples::{ExampleRequest, example_response, example_value};
use crate::json::{Json, list, object};
use crate::operation::{json_response, not_allowed_response, with_headers};
use crate::parameters;
use crate::schemas::{self, schema};
use crate::v3_paths::{component_name, list_url};
use streamgage::schema::{COMMITS, RESOURCES};
use streamgage_edge::{READ_METHODS, Response, bearer_token, forbidden, throttled, unauthorized, unknown_error};

pub(crate) fn components() -> Json {
    let typed = || RESOURCES.into_iter().filter(|resource| !resource.is_generic);
    let rows = typed().map(|resource| (resource.title.to_owned(), schemas::row(resource)));
    let imported = typed().map(|resource| (schemas::import_row_name(resource), schemas::import_row(resource)));
    let generic = schemas::generic().into_iter().map(|(name, schema)| (name.to_owned(), schema));
    let common = schemas::common().into_iter().map(|(name, schema)| (name.to_owned(), schema));
    let aggregate = [("CommitAggregate".to_owned(), schemas::aggregate_row())];
    let shared = parameters::common().into_iter().map(|(name, parameter)| (name.to_owned(), parameter));
    let conditions = parameters::conditions(&COMMITS).into_iter();
    let conditions = conditions.map(|(name, parameter)| (component_name(&name), parameter));
    object! {
        "securitySchemes" => object! { "key" => object! {
            "type" => "http", "scheme" => "bearer",
            "description" => "A key created by `npm run key`, with some of the permissions `metrics`, `core` and \
                `import`.",
        }},
        "responses" => responses(),
        "parameters" => Json::object(shared.chain(conditions)),
        "schemas" => Json::object(common.chain(rows).chain(aggregate).chain(imported).chain(generic)),
    }
}

fn responses() -> Json {
    let path = || list_url(&COMMITS);
    let with = |authorization| ExampleRequest { authorization: Some(authorization), ..ExampleRequest::get(path()) };
    let no_key = |summary: &'static str, authorization: &'static str| {
        let response =
            bearer_token(Some(authorization)).map_or_else(|response| response, |_| unauthorized("Invalid token."));
        example_response(summary, with(authorization), &response)
    };
    let unknown = unauthorized("Invalid token.");
    let no_keys = Json::object([
        no_key("No key", ""),
        no_key("An unsupported scheme", "Basic eDp5"),
        no_key("A scheme without a key", "Bearer"),
        no_key("A key with spaces", "Bearer a b"),
        no_key("An unknown, expired or revoked key", "Bearer unknown"),
    ]);
    let without_request =
        |summary: &'static str, response: &Response| Json::object([example_value(summary, Json::raw(&response.body))]);
    let detail = |description: &'static str, response: &Response, examples: Json| {
        with_headers(json_response(description, schema("Detail"), examples), response)
    };
    let location = object! {
        "required" => true, "schema" => object! { "type" => "string" }, "example" => format!("{}?limit=5", path()),
    };
    let error = object! {
        "type" => "object", "required" => list!["error"], "additionalProperties" => false,
        "properties" => object! { "error" => schema("Messages") },
    };
    let failed = json_response(
        "An internal error. The server's log has details.",
        error,
        without_request("Failure", &unknown_error()),
    );
    let refused = without_request("Not permitted", &forbidden());
    object! {
        "Moved" => object! {
            "description" => "The path lacks its trailing slash. `Location` has the path with the slash and the same query.",
            "headers" => object! { "Location" => location },
        },
        "Unauthorized" => detail("The key is missing or invalid.", &unknown, no_keys),
        "Forbidden" => json_response("The key lacks the permission.", schema("Detail"), refused),
        "MethodNotAllowed" => not_allowed_response(READ_METHODS, ExampleRequest { method: "POST", ..ExampleRequest::get(path()) }),
        "TooMany" => detail("Too many requests.", &throttled(), without_request("Throttled", &throttled())),
        "Failure" => failed,
    }
}
