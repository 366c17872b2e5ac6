//! The parameters of the OpenAPI document, compared with the parsers of requests.

use serde_json::Value;
use streamgage::calendar::Day;
use streamgage::query::{AggregateRequest, Endpoint, ListRequest, MetricsRequest, Route, route};
use streamgage_openapi::document;

/// Returns a parameter with a value that has an effect.
fn sample(parameter: &Value, name: &str) -> String {
    let schema = |name: &str| parameter.pointer(&format!("/schema/{name}")).and_then(Value::as_str).unwrap_or_default();
    let kind = |wanted: &str| schema("type") == wanted;
    let reference = schema("$ref");
    match name {
        "ordering" => "ordering=-id".into(),
        "fields" | "omit" => format!("{name}=id"),
        "filters" => "filters=(id%253D1)".into(),
        "group_by" => "group_by[apex_user_id]=".into(),
        "resolution" => "resolution=period".into(),
        "start_date" | "end_date" => format!("{name}=2024-05-20"),
        "include_nested_teams" => "include_nested_teams=true".into(),
        _ if kind("array") && name.starts_with("aggregate") => format!("{name}=id"),
        _ if kind("array") => format!("{name}=1,2"),
        _ if kind("boolean") => format!("{name}=true"),
        _ if kind("integer") || kind("number") || reference.ends_with("/Number") => format!("{name}=7"),
        _ if reference.ends_with("/DateTime") => format!("{name}=2021-06-01"),
        _ => format!("{name}=x"),
    }
}

#[test]
fn every_parameter_has_an_effect() {
    let document = serde_json::to_value(document().unwrap()).unwrap();
    let today = Day::parse("2024-05-31").unwrap();
    let mut read = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let parameters = item["get"]["parameters"].as_array().cloned().unwrap_or_default();
        for parameter in parameters {
            let parameter = match parameter["$ref"].as_str() {
                Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap().clone(),
                None => parameter,
            };
            let name = parameter["name"].as_str().unwrap();
            if parameter["in"] == "path" || parameter["x-ignored"] == true {
                continue;
            }
            let query = sample(&parameter, name);
            let differs = match route(&path.replace("{id}", "1")) {
                Route::Endpoint(Endpoint::Metrics) => {
                    let base = "start_date=2024-05-01&end_date=2024-05-30&resolution=week";
                    let read = |query: &str| MetricsRequest::parse(query, today).unwrap();
                    read(&format!("{base}&{query}")) != read(base)
                }
                Route::Endpoint(Endpoint::List(resource) | Endpoint::Object(resource, _)) => {
                    ListRequest::parse(resource, &query).unwrap() != ListRequest::parse(resource, "").unwrap()
                }
                Route::Endpoint(Endpoint::Aggregate) => {
                    AggregateRequest::parse(&query).unwrap() != AggregateRequest::parse("").unwrap()
                }
                _ => false,
            };
            assert!(differs, "{path}: {query} has no effect");
            read += 1;
        }
    }
    assert!(read > 500, "only {read} parameters");
}

#[test]
fn lenient_values_are_accepted() {
    let document = serde_json::to_value(document().unwrap()).unwrap();
    // For each kind of parameter, a value that `x-lenient` allows and the type does not.
    for (name, value) in [
        ("id", "1_0"),
        ("id", "+12+"),
        ("id__in", "1,,2_0"),
        ("author_date__gt", "+2021-06-01+"),
        ("is_merge", "yes"),
        ("exclude_merge", "yes"),
        ("limit", "5000"),
        ("limit", "many"),
        ("offset", "-1"),
        ("ordering", "nope"),
        ("fields", "nope"),
        ("filters", "x(id%253D1)"),
    ] {
        let parameters = document["components"]["parameters"].as_object().unwrap().values();
        let lists = document["paths"]["/v3/customer/core/commits/"]["get"]["parameters"].as_array().unwrap();
        let known = parameters.chain(lists).find(|parameter| parameter["name"] == name).unwrap();
        assert!(known["x-lenient"].is_string(), "{name}");
        let query = format!("{name}={value}");
        assert!(ListRequest::parse(&streamgage::schema::COMMITS, &query).is_ok(), "{query}");
    }
}

#[test]
fn parameters_that_filters_disables_are_marked() {
    let document = serde_json::to_value(document().unwrap()).unwrap();
    let mut marked = 0;
    for resource in streamgage::schema::RESOURCES {
        let path = format!("/v3/customer/core/{}/", resource.name);
        for parameter in document["paths"][path]["get"]["parameters"].as_array().unwrap() {
            let shared = parameter["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
            let parameter = shared.map_or(parameter, |pointer| document.pointer(pointer).unwrap());
            let name = parameter["name"].as_str().unwrap();
            let is_wrong = |query: &str| ListRequest::parse(resource, query).is_err();
            // Every parameter that can be invalid rejects NUL.
            if name != "filters" && is_wrong(&format!("{name}=%00")) {
                let beside = parameter["x-unread-beside"].as_str() == Some("filters");
                assert_eq!(is_wrong(&format!("filters=(id%253D1)&{name}=%00")), !beside, "{name}");
                marked += usize::from(beside);
            }
        }
    }
    assert!(marked > 100, "{marked}");
}
