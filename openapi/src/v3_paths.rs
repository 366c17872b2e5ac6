//! The paths of the v3 API.

use crate::examples::{ExampleData, ExampleRequest, example, example_response};
use crate::json::{Json, object};
use crate::operation::{
    CORE_TAG, METRICS_TAG, json_response, operation, with_bad_request, with_common_responses, with_responses,
};
use crate::parameters;
use crate::schemas::{self, reference, schema, sentence};
use streamgage::query::{CORE_PATH, METRICS_PARAMETERS, METRICS_PATH, filter_parameters};
use streamgage::schema::{COMMITS, OperandType, Pagination, Resource};
use streamgage_edge::{invalid_page, not_found};

pub(crate) const AGGREGATE_PATH: &str = "/v3/customer/core/commits.agg/";
/// The origin of links in examples.
const ORIGIN: &str = "https://streamgage.example.com";

pub(crate) fn list_url(resource: &Resource) -> String {
    format!("{CORE_PATH}{}/", resource.name)
}

pub(crate) fn plural(resource: &Resource) -> String {
    match resource.name {
        "team_membership" => "team memberships".to_owned(),
        "user_alias" => "user aliases".to_owned(),
        name => name.replace('_', " "),
    }
}

/// Returns the name of a parameter's component, which may not contain `!`.
pub(crate) fn component_name(name: &str) -> String {
    format!("commits.{}", name.replace('!', ".not"))
}

pub(crate) fn metrics_path(data: &ExampleData) -> Json {
    let request = |query: &str| ExampleRequest::get(format!("{METRICS_PATH}?{query}"));
    let example_of = |summary: &'static str, query: &str| example(summary, request(query), data.metrics(query));
    let range = "start_date=2021-06-01&end_date=2021-06-30";
    let good = Json::object([
        example_of("By week", &format!("{range}&team_id=54321&include_nested_teams=true&resolution=week")),
        example_of("One row for the period", &format!("{range}&apex_user_id=1234567&resolution=period")),
        example_of("A range without commits", &format!("{range}&apex_user_id=1&resolution=week")),
    ]);
    let numbers = METRICS_PARAMETERS
        .iter()
        .filter(|parameter| matches!(parameter.operand, OperandType::Number | OperandType::Numbers));
    let numbers: String = numbers.map(|parameter| format!("&{}=x", parameter.name)).collect();
    let bad = [
        example_of("Invalid dates and choices", "start_date=2020-01-01&include_nested_teams=yes&resolution=month"),
        example_of("No parameters", ""),
        example_of("An end before the start", "start_date=2021-06-30&end_date=2021-06-01&resolution=week"),
        example_of("Values that are not numbers", &format!("{range}&resolution=week{numbers}")),
        example_of("A NUL character", &format!("{range}&resolution=week&repo_name=%00")),
    ];
    let operation = operation(
        METRICS_TAG,
        "period_metrics".to_owned(),
        "Returns coding metrics by week or for a period.".to_owned(),
        parameters::metrics_parameters(),
        json_response("The metrics.", schemas::metrics(), good),
    );
    object! { "get" => with_bad_request(operation, bad) }
}

pub(crate) fn list_path(resource: &'static Resource, data: &ExampleData) -> Json {
    let address = list_url(resource);
    let example_of = |summary: &'static str, query: &str| {
        let path = if query.is_empty() { address.clone() } else { format!("{address}?{query}") };
        example(summary, ExampleRequest::get(path), data.list(resource, &format!("{ORIGIN}{address}"), query))
    };
    let good = match resource.name {
        "commits" => Json::object([
            example_of(
                "Commits of one week, without merges",
                "author_date__gte=2021-06-08&author_date__lt=2021-06-15&exclude_merge=true&limit=1",
            ),
            example_of("Selected fields, highest id first", "fields=id,new_work,churn&limit=5&ordering=-id"),
            example_of(
                "Either of two conditions",
                "filters=(haloc__gt%253D100)%20%7C%20(message__icontains%253Dfix)&fields=id,haloc,message",
            ),
        ]),
        "users" => Json::object([example_of("Members of a team", "team_member=12345")]),
        "teams" => Json::object([example_of("Teams with a name", "name=ExampleTeam")]),
        "repos" => Json::object([example_of("Repositories of a vendor", "vendor_type=github")]),
        _ => Json::object([example_of("All rows", "")]),
    };
    let operation = operation(
        CORE_TAG,
        format!("list_{}", resource.name),
        sentence(&format!("lists {}", plural(resource))),
        Json::List(list_parameters(resource)),
        json_response("A page of the list.", schemas::page(schema(resource.title)), good),
    );
    let bad = bad_queries(resource).map(|(summary, query)| example_of(summary, &query));
    let operation = with_bad_request(operation, bad);
    let operation = match resource.pagination {
        Pagination::Offset => operation,
        Pagination::PageNumber => {
            let request = ExampleRequest::get(format!("{address}?page=9"));
            let missing = example_response("No such page", request, &invalid_page());
            let missing = json_response("The list has no such page.", schema("Detail"), Json::object([missing]));
            with_responses(operation, [("404", missing)])
        }
    };
    object! { "get" => operation }
}

fn list_parameters(resource: &'static Resource) -> Vec<Json> {
    let mut parameters = conditions(resource);
    parameters.push(reference("parameters", "filters"));
    parameters.extend(parameters::list_parameters(resource));
    parameters
}

/// Returns the parameters of the filters. Those of commits are components, because the aggregate shares them.
fn conditions(resource: &'static Resource) -> Vec<Json> {
    let conditions = parameters::conditions(resource).into_iter();
    if resource == &COMMITS {
        conditions.map(|(name, _)| reference("parameters", &component_name(&name))).collect()
    } else {
        conditions.map(|(_, parameter)| parameter).collect()
    }
}

/// Returns queries with different errors.
fn bad_queries(resource: &'static Resource) -> impl Iterator<Item = (&'static str, String)> {
    let of = move |wanted: OperandType| {
        filter_parameters(resource).filter(move |parameter| parameter.operand == wanted).map(|parameter| parameter.name)
    };
    let every = [
        (OperandType::Number, "x"),
        (OperandType::Numbers, "1,x"),
        (OperandType::DateTime, "soon"),
        (OperandType::Text, "%00"),
    ];
    let every = every.into_iter().filter_map(move |(operand, value)| Some(format!("{}={value}", of(operand).nth(1)?)));
    [
        ("One invalid value of each type", every.collect::<Vec<_>>().join("&")),
        ("A number that is too large", "id=1e51".to_owned()),
        ("Text that is not an expression", "filters=bad".to_owned()),
        ("An unknown operator", "filters=(id%253D1)%20%5E%20(id%253D2)".to_owned()),
        ("Text after the last parenthesis", "filters=(id%253D1)%20x".to_owned()),
        ("Invalid parameters in parentheses", "filters=(id%253Dx)%20%7C%20(id__in%253D1%252Cx)".to_owned()),
    ]
    .into_iter()
}

pub(crate) fn object_path(resource: &'static Resource, data: &ExampleData) -> Json {
    let address = list_url(resource);
    let shown = data
        .first(resource, "")
        .into_iter()
        .map(|(id, shown)| example("All fields", ExampleRequest::get(format!("{address}{id}/")), shown));
    let some = data
        .first(resource, "fields=id")
        .into_iter()
        .map(|(id, shown)| example("Selected fields", ExampleRequest::get(format!("{address}{id}/?fields=id")), shown));
    let good = Json::object(shown.chain(some).collect::<Vec<_>>());
    let id = object! {
        "name" => "id", "in" => "path", "required" => true, "description" => "The id of the object.",
        "schema" => object! { "type" => "integer", "minimum" => 0, "maximum" => i64::MAX },
    };
    let mut parameters = vec![id];
    parameters.extend(parameters::shown(resource));
    let operation = operation(
        CORE_TAG,
        format!("get_{}", resource.name),
        sentence(&format!("returns one of the {} by its id", plural(resource))),
        Json::List(parameters),
        json_response(
            "The object. The filters of the list also apply: the response is 404 if they exclude the object.",
            schema(resource.title),
            good,
        ),
    );
    let missing =
        example_response("An id that does not exist", ExampleRequest::get(format!("{address}0/")), &not_found());
    let missing = json_response("No object has this id.", schema("Detail"), Json::object([missing]));
    object! { "get" => with_responses(with_common_responses(operation), [("404", missing)]) }
}

pub(crate) fn aggregate_path(data: &ExampleData) -> Json {
    let example_of = |summary: &'static str, query: &str| {
        let path = format!("{AGGREGATE_PATH}?{query}");
        example(summary, ExampleRequest::get(path), data.aggregate(query))
    };
    let days = "aggregate[count]=id&aggregate[sum]=haloc,churn,impact&group_by[apex_user_id,author_local_date__date]";
    let good = Json::object([
        example_of("Coding days", &format!("{days}&apply_default_filters=true&limit=5000")),
        example_of("All commits in one row", "aggregate[count]=id"),
    ]);
    let mut parameters = parameters::aggregate_parameters();
    parameters.extend(conditions(&COMMITS));
    parameters.push(reference("parameters", "filters"));
    parameters.extend(parameters::search(&COMMITS));
    parameters.extend(["limit", "offset"].map(|name| reference("parameters", name)));
    let operation = operation(
        CORE_TAG,
        "aggregate_commits".to_owned(),
        "Returns counts and sums of commits by group.".to_owned(),
        Json::List(parameters),
        json_response("A page of rows in the order of their groups.", schemas::page(schema("CommitAggregate")), good),
    );
    let bad = bad_queries(&COMMITS).map(|(summary, query)| example_of(summary, &query));
    object! { "get" => with_bad_request(operation, bad) }
}
