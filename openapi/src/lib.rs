//! The OpenAPI document of the Worker: made of the schema that everything else reads, with examples that are answers.
//!
//! Three extensions say what a schema can't: `x-lenient`, a regular expression of what a parameter takes without an error
//! although its type does not have it, `x-unread-beside` another parameter, and `x-not-before` of dates.

mod about;
mod examples;
mod json;
mod parameters;
mod schemas;

use examples::{Asked, Example, Named, alone, example, replied};
use json::{Json, list, object};
use schemas::{capital, reference, schema};
use serde::Serialize;
use streamgage::query::{CORE_PATH, METRICS_PARAMETERS, METRICS_PATH, filter_parameters};
use streamgage::schema::{COMMITS, OperandType, RESOURCES, Resource};
use streamgage_edge::{
    HEALTH_METHODS, IMPORT_METHODS, Import, READ_METHODS, Response, bearer_token, forbidden, method_not_allowed,
    not_found, throttled, unauthorized, unknown_error,
};

const AGGREGATE: &str = "/v3/customer/core/commits.agg/";
/// What links in examples begin with.
const ORIGIN: &str = "https://streamgage.example.com";

/// The document.
///
/// # Errors
/// The rows of its examples are wrong.
pub fn document() -> Result<impl Serialize, String> {
    let example = Example::read()?;
    let mut paths: Vec<(String, Json)> = vec![(METRICS_PATH.to_owned(), metrics(&example))];
    // As people ask for them: who and where before what.
    let resources = || RESOURCES.into_iter().rev();
    for resource in resources() {
        paths.push((address(resource), list_of(resource, &example)));
        paths.push((format!("{}{{id}}/", address(resource)), object_of(resource, &example)));
        if resource == &COMMITS {
            paths.push((AGGREGATE.to_owned(), aggregate(&example)));
        }
    }
    for resource in resources() {
        paths.push((format!("/import/{}", resource.name), import(resource)));
    }
    paths.push(("/import/dump".to_owned(), import_dump()));
    paths.extend(ours().map(|(path, item)| (path.to_owned(), item)));
    Ok(object! {
        "openapi" => "3.1.1",
        "info" => object! {
            "title" => "streamgage",
            "version" => env!("CARGO_PKG_VERSION"),
            "summary" => "Flow's v3 coding metrics and core lists, from your own commits.",
            "description" => ABOUT,
            "license" => object! { "name" => "MIT OR Apache-2.0", "identifier" => "MIT OR Apache-2.0" },
        },
        "servers" => list![object! { "url" => "/", "description" => "The server that this document is from." }],
        "security" => list![object! { "key" => Json::List(Vec::new()) }],
        "tags" => list![
            tag(METRICS_TAG, "Coding days, commits, impact and efficiency, by week or period."),
            tag(CORE_TAG, "What the metrics are made of: lists and single objects, with one filter language for all."),
            tag(OURS_TAG, "What the v3 API did not have: loading data, and what the server says of itself."),
        ],
        "paths" => Json::object(paths),
        "components" => components(),
    })
}

const METRICS_TAG: &str = "Metrics";
const CORE_TAG: &str = "Core";
const OURS_TAG: &str = "streamgage";

const ABOUT: &str = "The v3 API of Pluralsight Flow (now Appfire Flow), as streamgage serves it.

**Query strings.** Parameters are split on `&` alone. Of a repeated one the last counts, a blank one is as if absent, \
and unknown ones are ignored. Numbers are read as Python's `Decimal` reads them (`1e2`, ` 12 `, `1_0`).

**Filters.** `field=v`, `field__gt=v`, `__gte`, `__lt`, `__lte`, `__in=v,w`, `__icontains`, `__startswith` and \
`__isnull=true`. A `!` at the end of the name (`field!=v`, `id__in!=1,2`) leaves out what matches, and keeps rows \
whose field is null.

**Errors.** 404 or 301 comes first, then 401, 403, 429, 405 and 400, which tells of every bad parameter at once. \
`HEAD` and `OPTIONS` are answered wherever `GET` is.

**Before an upstream** (with the variable `UPSTREAM`) no data is loaded: `/import/…` and `/dataset` are 404, and \
`OPTIONS` is 405 but for a browser's preflight. `POST /cache/purge` then forgets what is kept for the caller's key, and \
answers 204.

**Extensions.** `x-lenient` is a regular expression of what a parameter takes without an error although its type does \
not have it; `x-unread-beside` another parameter, beside which this one is not read; `x-not-before` the earliest date \
that one takes; `x-request` the request that an example answers, asked \
on 2024-05-31 of what the examples of `POST /import/…` load.";

fn tag(name: &'static str, description: &'static str) -> Json {
    object! { "name" => name, "description" => description }
}

fn address(resource: &Resource) -> String {
    format!("{CORE_PATH}{}/", resource.name)
}

fn json_content(schema: Json, examples: Json) -> Json {
    object! { "application/json" => object! { "schema" => schema, "examples" => examples } }
}

fn answer(description: &'static str, schema: Json, examples: Json) -> Json {
    object! { "description" => description, "content" => json_content(schema, examples) }
}

/// An operation of the v3 API, with what each of them may answer.
fn operation(tag: &'static str, id: String, summary: String, parameters: Json, good: Json) -> Json {
    object! {
        "tags" => list![tag],
        "operationId" => id,
        "summary" => summary,
        "parameters" => parameters,
        "responses" => object! { "200" => good },
    }
}

/// Adds answers to an operation.
fn answering<const COUNT: usize>(operation: Json, more: [(&'static str, Json); COUNT]) -> Json {
    let Json::Object(mut members) = operation else { return operation };
    for (name, value) in &mut members {
        if let ("responses", Json::Object(responses)) = (name.as_ref(), value) {
            responses.extend(more.iter().map(|(status, answer)| ((*status).into(), answer.clone())));
        }
    }
    Json::Object(members)
}

fn usual(operation: Json) -> Json {
    let response = |name: &str| reference("responses", name);
    answering(
        operation,
        [
            ("301", response("Moved")),
            ("401", response("Unauthorized")),
            ("403", response("Forbidden")),
            ("405", response("MethodNotAllowed")),
            ("429", response("TooMany")),
            ("500", response("Failure")),
        ],
    )
}

fn metrics(known: &Example) -> Json {
    let asked = |query: &str| Asked::get(format!("{METRICS_PATH}?{query}"));
    let ask = |summary: &'static str, query: &str| example(summary, asked(query), known.metrics(query));
    let range = "start_date=2021-06-01&end_date=2021-06-30";
    let good = Json::object([
        ask("By week", &format!("{range}&team_id=54321&include_nested_teams=true&resolution=week")),
        ask("The whole period", &format!("{range}&apex_user_id=1234567&resolution=period")),
        ask("No commit", &format!("{range}&apex_user_id=1&resolution=week")),
    ]);
    let numbers =
        METRICS_PARAMETERS.iter().filter(|known| matches!(known.operand, OperandType::Number | OperandType::Numbers));
    let numbers: String = numbers.map(|known| format!("&{}=x", known.name)).collect();
    let bad = [
        ask("Dates and choices", "start_date=2020-01-01&include_nested_teams=yes&resolution=month"),
        ask("Nothing sent", ""),
        ask("A range the wrong way round", "start_date=2021-06-30&end_date=2021-06-01&resolution=week"),
        ask("No numbers", &format!("{range}&resolution=week{numbers}")),
        ask("NUL", &format!("{range}&resolution=week&repo_name=%00")),
    ];
    let operation = operation(
        METRICS_TAG,
        "period_metrics".to_owned(),
        "Coding metrics by week or period.".to_owned(),
        parameters::of_metrics(),
        answer("The numbers.", schemas::metrics(), good),
    );
    object! { "get" => refusing(operation, bad) }
}

/// An operation that refuses bad parameters.
fn refusing(operation: Json, bad: impl IntoIterator<Item = Named>) -> Json {
    let bad = answer("Bad parameters, all of them at once.", schema("Errors"), Json::object(bad));
    answering(usual(operation), [("400", bad)])
}

fn list_of(resource: &'static Resource, known: &Example) -> Json {
    let address = address(resource);
    let ask = |summary: &'static str, query: &str| {
        let path = if query.is_empty() { address.clone() } else { format!("{address}?{query}") };
        example(summary, Asked::get(path), known.list(resource, &format!("{ORIGIN}{address}"), query))
    };
    let good = match resource.name {
        "commits" => Json::object([
            ask(
                "Of a week, without merges",
                "author_date__gte=2021-06-08&author_date__lt=2021-06-15&exclude_merge=true&limit=1",
            ),
            ask("Some fields, the last first", "fields=id,new_work,churn&limit=5&ordering=-id"),
            ask(
                "Either of two",
                "filters=(haloc__gt%253D100)%20%7C%20(message__icontains%253Dfix)&fields=id,haloc,message",
            ),
        ]),
        "users" => Json::object([ask("Of a team", "team_member=12345")]),
        "teams" => Json::object([ask("Of a name", "name=ExampleTeam")]),
        "repos" => Json::object([ask("Of a vendor", "vendor_type=github")]),
        _ => Json::object([ask("All", "")]),
    };
    let operation = operation(
        CORE_TAG,
        format!("list_{}", resource.name),
        capital(&format!("a list of {}", plural(resource))),
        Json::List(list_parameters(resource)),
        answer("A page of the list.", schemas::page(schema(resource.title)), good),
    );
    let bad = bad(resource).map(|(summary, query)| ask(summary, &query));
    object! { "get" => refusing(operation, bad) }
}

fn list_parameters(resource: &'static Resource) -> Vec<Json> {
    let mut parameters = conditions(resource);
    parameters.push(reference("parameters", "filters"));
    parameters.extend(parameters::of_list(resource));
    parameters
}

/// Those of commits are components, since the aggregate has them too.
fn conditions(resource: &'static Resource) -> Vec<Json> {
    let conditions = parameters::conditions(resource).into_iter();
    if resource == &COMMITS {
        conditions.map(|(name, _)| reference("parameters", &component(&name))).collect()
    } else {
        conditions.map(|(_, parameter)| parameter).collect()
    }
}

/// Names of components have no `!`.
fn component(name: &str) -> String {
    format!("commits.{}", name.replace('!', ".not"))
}

/// Queries that are wrong, each in another way.
fn bad(resource: &'static Resource) -> impl Iterator<Item = (&'static str, String)> {
    let of = move |wanted: OperandType| {
        filter_parameters(resource).filter(move |known| known.operand == wanted).map(|known| known.name)
    };
    let every = [
        (OperandType::Number, "x"),
        (OperandType::Numbers, "1,x"),
        (OperandType::DateTime, "soon"),
        (OperandType::Text, "%00"),
    ];
    let every = every.into_iter().filter_map(move |(operand, value)| Some(format!("{}={value}", of(operand).nth(1)?)));
    [
        ("Of each kind one", every.collect::<Vec<_>>().join("&")),
        ("Too large a number", "id=1e51".to_owned()),
        ("No expression", "filters=bad".to_owned()),
        ("A bad operator", "filters=(id%253D1)%20%5E%20(id%253D2)".to_owned()),
        ("Something after the last bracket", "filters=(id%253D1)%20x".to_owned()),
        ("Bad parameters in brackets", "filters=(id%253Dx)%20%7C%20(id__in%253D1%252Cx)".to_owned()),
    ]
    .into_iter()
}

fn plural(resource: &Resource) -> String {
    match resource.name {
        "team_membership" => "team memberships".to_owned(),
        "user_alias" => "user aliases".to_owned(),
        name => name.to_owned(),
    }
}

fn object_of(resource: &'static Resource, known: &Example) -> Json {
    let address = address(resource);
    let shown = known
        .first(resource, "")
        .into_iter()
        .map(|(id, shown)| example("The whole object", Asked::get(format!("{address}{id}/")), shown));
    let some = known
        .first(resource, "fields=id")
        .into_iter()
        .map(|(id, shown)| example("Some fields", Asked::get(format!("{address}{id}/?fields=id")), shown));
    let good = Json::object(shown.chain(some).collect::<Vec<_>>());
    let id = object! {
        "name" => "id", "in" => "path", "required" => true, "description" => "The object's id.",
        "schema" => object! { "type" => "integer", "minimum" => 0, "maximum" => i64::MAX },
    };
    let mut parameters = vec![id];
    parameters.extend(parameters::shown(resource));
    let operation = operation(
        CORE_TAG,
        format!("get_{}", resource.name),
        capital(&format!("one of the {}, by its id", plural(resource))),
        Json::List(parameters),
        answer(
            "The object. The filters of the list are read too: what they leave out is not found.",
            schema(resource.title),
            good,
        ),
    );
    let missing = replied("No such object", Asked::get(format!("{address}0/")), &not_found());
    let missing = answer("There is none of that id.", schema("Detail"), Json::object([missing]));
    object! { "get" => answering(usual(operation), [("404", missing)]) }
}

fn aggregate(known: &Example) -> Json {
    let ask = |summary: &'static str, query: &str| {
        let path = format!("{AGGREGATE}?{query}");
        example(summary, Asked::get(path), known.aggregate(query))
    };
    let days = "aggregate[count]=id&aggregate[sum]=haloc,churn,impact&group_by[apex_user_id,author_local_date__date]";
    let good = Json::object([
        ask("Coding days", &format!("{days}&apply_default_filters=true&limit=5000")),
        ask("All in one row", "aggregate[count]=id"),
    ]);
    let mut parameters = parameters::of_aggregate();
    parameters.extend(conditions(&COMMITS));
    parameters.push(reference("parameters", "filters"));
    parameters.extend(parameters::search(&COMMITS));
    parameters.extend(["limit", "offset"].map(|name| reference("parameters", name)));
    let operation = operation(
        CORE_TAG,
        "aggregate_commits".to_owned(),
        "Counts and sums of commits, by group.".to_owned(),
        Json::List(parameters),
        answer("A page of rows, ordered by their groups.", schemas::page(schema("CommitAggregate")), good),
    );
    let bad = bad(&COMMITS).map(|(summary, query)| ask(summary, &query));
    object! { "get" => refusing(operation, bad) }
}

fn import(resource: &'static Resource) -> Json {
    let rows = examples::rows(resource);
    let asked = |body| Asked { method: "POST", body: Some(body), ..Asked::get(format!("/import/{}", resource.name)) };
    let loaded = object! { "rows" => rows.lines().count() as i64, "changed" => rows.lines().count() as i64 };
    let content = object! { "application/x-ndjson" => object! {
        "schema" => object! {
            "type" => "array", "maxItems" => 1_000,
            "items" => object! { "anyOf" => list![
                schema(&format!("{}Row", resource.title)), schemas::deletion(),
            ]},
        },
        "examples" => Json::object([
            alone("The rows that the other examples are about", Json::list(rows.lines().map(Json::written))),
        ]),
    }};
    let says = "A row a line: it is stored, or takes the place of the one of its id. At most 1,000 rows and 1,000,000 \
        bytes. All of them are stored, or none. The key needs the permission `import`.";
    let refused = [("A field that can't be right", "{\"id\":\"x\"}"), ("No JSON", "{\"id\":1}\n{")];
    let refused = refused.map(|(summary, body)| (summary, asked(body)));
    import_of(resource.name, &plural(resource), says, (false, content), ("Loaded", asked(rows), loaded), refused)
}

/// `dump.json`
fn import_dump() -> Json {
    let asked = |body| Asked { method: "POST", body: Some(body), ..Asked::get("/import/dump") };
    let body = r#"{"format":1,"name":"Example Company","demo":true}"#;
    let content = object! { "application/json" => object! {
        "schema" => object! { "type" => "object", "properties" => object! {
            "format" => object! { "enum" => list![1, Json::null()] },
            "name" => object! { "description" => "What the data is of; nothing, if it is no text." },
            "demo" => object! { "description" => "Whether it is made up; only `true` says so." },
        }},
        "examples" => Json::object([alone("A name", Json::written(body))]),
    }};
    let loaded = object! { "rows" => 1, "changed" => 1 };
    let refused = [("Another format", asked(r#"{"format":2}"#)), ("No JSON", asked("{"))];
    let says = "What `GET /dataset` tells. The key needs the permission `import`.";
    import_of("dump", "what the data is", says, (true, content), ("Loaded", asked(body), loaded), refused)
}

fn import_of(
    name: &'static str,
    what: &str,
    says: &'static str,
    (required, content): (bool, Json),
    (summary, asked, loaded): (&'static str, Asked, Json),
    refused: [(&'static str, Asked); 2],
) -> Json {
    let counts = |what: &str| object! { "type" => "integer", "minimum" => 0, "description" => capital(what) };
    let done = object! {
        "type" => "object", "required" => list!["rows", "changed"], "additionalProperties" => false,
        "properties" => object! {
            "rows" => counts("how many rows were sent"),
            "changed" => counts("how many of them changed something"),
        },
    };
    let refused = refused.into_iter().filter_map(|(summary, asked)| {
        let reply = Import::of(name)?.read(asked.body?.as_bytes()).err()?;
        Some(replied(summary, asked, &reply))
    });
    let wrong = "A row can't be right: its line, its field and why. Nothing is stored.";
    let too_large = Json::object([alone("Too large", Json::written(&Import::too_large().body))]);
    let compressed = Json::object([alone("Compressed", Json::written(&Import::compressed().body))]);
    let operation = object! {
        "tags" => list![OURS_TAG],
        "operationId" => format!("import_{name}"),
        "summary" => capital(&format!("load {what}")),
        "description" => says,
        "requestBody" => object! { "required" => required, "content" => content },
        "responses" => object! {
            "200" => answer("All are stored.", done, Json::object([example(summary, asked, loaded)])),
            "400" => answer(wrong, schema("ImportError"), Json::object(refused.collect::<Vec<_>>())),
            "401" => reference("responses", "Unauthorized"),
            "403" => reference("responses", "Forbidden"),
            "405" => not_allowed(IMPORT_METHODS, Asked::get(format!("/import/{name}"))),
            "413" => answer("The body is too large.", schema("ImportError"), too_large),
            "415" => answer("The body is compressed.", schema("ImportError"), compressed),
            "429" => reference("responses", "TooMany"),
            "500" => reference("responses", "Failure"),
        },
    };
    object! { "post" => operation }
}

/// Endpoints that are not of the v3 API.
fn ours() -> [(&'static str, Json); 4] {
    let open = |id: &'static str, summary: &'static str, responses: Json| {
        object! { "get" => object! {
            "tags" => list![OURS_TAG], "operationId" => id, "summary" => summary, "security" => Json::List(Vec::new()),
            "responses" => responses,
        }}
    };
    let health = object! {
        "type" => "object", "required" => list!["status", "today"], "additionalProperties" => false,
        "properties" => object! {
            "status" => object! { "const" => "ok" },
            "today" => object! {
                "type" => "string", "format" => "date", "description" => "The date that it takes for today (UTC).",
            },
        },
    };
    let healthy = object! { "status" => "ok", "today" => examples::TODAY };
    let dataset = object! {
        "type" => "object", "required" => list!["name", "demo"], "additionalProperties" => false,
        "properties" => object! {
            "name" => object! { "type" => list!["string", "null"], "description" => "What the data is of." },
            "demo" => object! { "type" => "boolean", "description" => "Whether it is made up." },
        },
    };
    let known = object! { "name" => "Example Company", "demo" => true };
    let unchanged = object! { "description" => "It is what `If-None-Match` tells." };
    [
        (
            "/dataset",
            object! { "get" => usual(operation(
                OURS_TAG, "dataset".to_owned(), "What the data is; any key may ask.".to_owned(), Json::List(Vec::new()),
                answer("What `dump.json` says.", dataset, Json::object([
                    example("The example", Asked::get("/dataset"), known),
                ])),
            )) },
        ),
        (
            "/healthz",
            open(
                "health",
                "Whether the server is up; without a key.",
                object! {
                    "200" => answer("It is.", health, Json::object([
                        example("Healthy", Asked::get("/healthz"), healthy),
                    ])),
                    "405" => not_allowed(HEALTH_METHODS, Asked { method: "POST", ..Asked::get("/healthz") }),
                },
            ),
        ),
        (
            "/openapi.json",
            open(
                "openapi",
                "This document; without a key.",
                object! {
                    "200" => object! {
                        "description" => "OpenAPI 3.1.",
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
                "The same to read; without a key.",
                object! {
                    "200" => object! {
                        "description" => "A page.",
                        "content" => object! { "text/html" => object! { "schema" => object! { "type" => "string" } } },
                    },
                    "304" => unchanged,
                },
            ),
        ),
    ]
}

fn not_allowed(allowed: &'static str, asked: Asked) -> Json {
    let reply = method_not_allowed(asked.method, allowed);
    let example = replied("Another method", asked, &reply);
    with_headers(answer("It is asked by another method.", schema("Detail"), Json::object([example])), &reply)
}

/// Tells of the headers that a reply has beside its type.
fn with_headers(answer: Json, reply: &Response) -> Json {
    let headers = reply.headers.iter().filter(|(name, _)| *name != "Content-Type");
    let headers = headers.map(|(name, value)| {
        (*name, object! { "required" => true, "schema" => object! { "type" => "string" }, "example" => value.clone() })
    });
    answer.with("headers", Json::object(headers.collect::<Vec<_>>()))
}

fn components() -> Json {
    let rows = RESOURCES.map(|resource| (resource.title.to_owned(), schemas::row(resource)));
    let imported = RESOURCES.map(|resource| (format!("{}Row", resource.title), schemas::import_row(resource)));
    let common = schemas::common().into_iter().map(|(name, schema)| (name.to_owned(), schema));
    let aggregate = [("CommitAggregate".to_owned(), schemas::aggregate_row())];
    let shared = parameters::common().into_iter().map(|(name, parameter)| (name.to_owned(), parameter));
    let conditions = parameters::conditions(&COMMITS).into_iter();
    let conditions = conditions.map(|(name, parameter)| (component(&name), parameter));
    object! {
        "securitySchemes" => object! { "key" => object! {
            "type" => "http", "scheme" => "bearer",
            "description" => "A key of the server, made by `npm run key`. What it may ask is set then: `metrics`, \
                `core`, `import`.",
        }},
        "responses" => responses(),
        "parameters" => Json::object(shared.chain(conditions)),
        "schemas" => Json::object(common.chain(rows).chain(aggregate).chain(imported)),
    }
}

fn responses() -> Json {
    let path = || address(&COMMITS);
    let with = |authorization| Asked { authorization: Some(authorization), ..Asked::get(path()) };
    let no_key = |summary: &'static str, authorization: &'static str| {
        let reply = bearer_token(Some(authorization)).map_or_else(|reply| reply, |_| unauthorized("Invalid token."));
        replied(summary, with(authorization), &reply)
    };
    let unknown = unauthorized("Invalid token.");
    let no_keys = Json::object([
        no_key("No key", ""),
        no_key("Another scheme", "Basic eDp5"),
        no_key("No key after the scheme", "Bearer"),
        no_key("Spaces", "Bearer a b"),
        no_key("Unknown, expired or revoked", "Bearer unknown"),
    ]);
    let without_request =
        |summary: &'static str, reply: &Response| Json::object([alone(summary, Json::written(&reply.body))]);
    let detail = |description: &'static str, reply: &Response, examples: Json| {
        with_headers(answer(description, schema("Detail"), examples), reply)
    };
    let location = object! {
        "required" => true, "schema" => object! { "type" => "string" }, "example" => format!("{}?limit=5", path()),
    };
    let error = object! {
        "type" => "object", "required" => list!["error"], "additionalProperties" => false,
        "properties" => object! { "error" => schema("Messages") },
    };
    let failed = answer(
        "Something failed behind the server; the log tells what.",
        error,
        without_request("Failure", &unknown_error()),
    );
    let refused = without_request("Not permitted", &forbidden());
    object! {
        "Moved" => object! {
            "description" => "To the path without the slash at its end: the same with it, and the query is kept.",
            "headers" => object! { "Location" => location },
        },
        "Unauthorized" => detail("There is no good key.", &unknown, no_keys),
        "Forbidden" => answer("The key is not for this.", schema("Detail"), refused),
        "MethodNotAllowed" => not_allowed(READ_METHODS, Asked { method: "POST", ..Asked::get(path()) }),
        "TooMany" => detail("Too many requests.", &throttled(), without_request("Throttled", &throttled())),
        "Failure" => failed,
    }
}
