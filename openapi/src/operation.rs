//! Parts of operations that several paths share.

use crate::examples::{ExampleRequest, NamedExample, example_response};
use crate::json::{Json, list, object};
use crate::schemas::{reference, schema};
use streamgage_edge::{Response, method_not_allowed};

pub(crate) const METRICS_TAG: &str = "Metrics";
pub(crate) const CORE_TAG: &str = "Core";
pub(crate) const OWN_TAG: &str = "streamgage";

fn json_content(schema: Json, examples: Json) -> Json {
    object! { "application/json" => object! { "schema" => schema, "examples" => examples } }
}

pub(crate) fn json_response(description: &'static str, schema: Json, examples: Json) -> Json {
    object! { "description" => description, "content" => json_content(schema, examples) }
}

/// Returns an operation of the v3 API.
pub(crate) fn operation(tag: &'static str, id: String, summary: String, parameters: Json, ok: Json) -> Json {
    object! {
        "tags" => list![tag],
        "operationId" => id,
        "summary" => summary,
        "parameters" => parameters,
        "responses" => object! { "200" => ok },
    }
}

/// Adds responses to an operation.
pub(crate) fn with_responses<const COUNT: usize>(operation: Json, more: [(&'static str, Json); COUNT]) -> Json {
    let Json::Object(mut members) = operation else { return operation };
    for (name, value) in &mut members {
        if let ("responses", Json::Object(responses)) = (name.as_ref(), value) {
            responses.extend(more.iter().map(|(status, response)| ((*status).into(), response.clone())));
        }
    }
    Json::Object(members)
}

pub(crate) fn with_common_responses(operation: Json) -> Json {
    let common = |name: &str| reference("responses", name);
    with_responses(
        operation,
        [
            ("301", common("Moved")),
            ("401", common("Unauthorized")),
            ("403", common("Forbidden")),
            ("405", common("MethodNotAllowed")),
            ("429", common("TooMany")),
            ("500", common("Failure")),
        ],
    )
}

/// Adds the responses to bad parameters and the common responses to an operation.
pub(crate) fn with_bad_request(operation: Json, examples: impl IntoIterator<Item = NamedExample>) -> Json {
    let bad = json_response(
        "Some parameters are invalid. All errors are reported at once.",
        schema("Errors"),
        Json::object(examples),
    );
    with_responses(with_common_responses(operation), [("400", bad)])
}

/// Returns the response to a request with another method.
pub(crate) fn not_allowed_response(allowed: &'static str, request: ExampleRequest) -> Json {
    let response = method_not_allowed(request.method, allowed);
    let example = example_response("A method that is not allowed", request, &response);
    let description = "The path does not support this method. `Allow` lists the supported methods.";
    with_headers(json_response(description, schema("Detail"), Json::object([example])), &response)
}

/// Adds the headers of a response, except its type.
pub(crate) fn with_headers(documented: Json, response: &Response) -> Json {
    let headers = response.headers.iter().filter(|(name, _)| *name != "Content-Type");
    let headers = headers.map(|(name, value)| {
        (*name, object! { "required" => true, "schema" => object! { "type" => "string" }, "example" => value.clone() })
    });
    documented.with("headers", Json::object(headers.collect::<Vec<_>>()))
}
