//! The parameters of the endpoints.

use crate::field_descriptions::field_description;
use crate::json::{Json, list, object};
use crate::schemas::{operand, reference};
use streamgage::query::{
    Aggregate, AggregateFunction, DEFAULT_LIMIT, FilterParameter, Group, MAX_LIMIT, METRICS_PARAMETERS,
    MetricsParameter, filter_parameters, orderings,
};
use streamgage::schema::{Flag, Lookup, OperandType, Pagination, Resource, UNANSWERED_FILTERS};

/// A parameter of the query.
struct Parameter {
    name: String,
    description: String,
    schema: Json,
    /// A regular expression of values that are accepted although they do not have the type.
    lenient: &'static str,
    required: bool,
    example: Option<Json>,
    /// Further members.
    more: Json,
}

/// Accepts every value without an error.
const ANYTHING: &str = ".*";

impl Parameter {
    fn new(name: impl Into<String>, description: impl Into<String>, schema: Json, lenient: &'static str) -> Parameter {
        Parameter {
            name: name.into(),
            description: description.into(),
            schema,
            lenient,
            required: false,
            example: None,
            more: Json::object::<&str, Json>([]),
        }
    }

    fn example(self, example: impl Into<Json>) -> Parameter {
        Parameter { example: Some(example.into()), ..self }
    }

    fn json(self) -> Json {
        let mut json = object! { "name" => self.name, "in" => "query", "description" => self.description };
        if self.required {
            json = json.with("required", true);
        }
        if is_list(&self.schema) {
            json = json.with("style", "form").with("explode", false);
        }
        json = json.with("schema", self.schema);
        if let Some(example) = self.example {
            json = json.with("example", example);
        }
        if let Json::Object(members) = self.more {
            for (name, value) in members {
                json = json.with(name, value);
            }
        }
        json.with("x-lenient", self.lenient)
    }
}

fn is_list(schema: &Json) -> bool {
    let Json::Object(members) = schema else { return false };
    members.iter().any(|(name, value)| name == "type" && matches!(value, Json::Text(text) if text == "array"))
}

/// Returns the schema of a list of choices, separated by commas.
fn choices<T: Into<Json>>(choices: impl IntoIterator<Item = T>) -> Json {
    object! { "type" => "array", "items" => object! { "type" => "string", "enum" => Json::list(choices) } }
}

/// Returns the parameters of the metrics endpoint.
pub(crate) fn metrics_parameters() -> Json {
    Json::List(METRICS_PARAMETERS.iter().map(|parameter| metrics_parameter(parameter).json()).collect())
}

fn metrics_parameter(parameter: &MetricsParameter) -> Parameter {
    let (description, example): (_, Json) = match parameter.name {
        "start_date" => ("The first day, at most 3 years before today (UTC).", "2021-06-01".into()),
        "end_date" => (
            "The last day, not before `start_date`. The default is today (UTC), or `start_date` if that is tomorrow in UTC.",
            "2021-06-30".into(),
        ),
        "include_nested_teams" => ("Includes the teams nested in each team.", "true".into()),
        "resolution" => {
            ("`week` returns one row for each week with commits, `period` one row for the whole range.", "week".into())
        }
        "apex_user_id" => ("Only this user.", 1_234_567.into()),
        "apex_user_id__in" => ("Only these users.", list![1_234_567]),
        "team_id" => ("Only members of this team of type `contributor`.", 12_345.into()),
        "team_id__in" => ("Only members of these teams of type `contributor`.", list![12_345]),
        "repo_id" => ("Only this repository.", 337_844.into()),
        "repo_id__in" => ("Only these repositories.", list![337_844]),
        "repo_id_not__in" => ("Excludes these repositories.", list![1, 2]),
        "repo_tag_id" => ("Only repositories with this tag.", 61.into()),
        "repo_tag_id__in" => ("Only repositories with one of these tags.", list![61]),
        "repo_name" => ("Only repositories whose name contains this, ignoring case.", "billing".into()),
        _ => ("", Json::null()),
    };
    let number = || object! { "type" => "number" };
    let schema = match parameter.operand {
        OperandType::Number => number(),
        OperandType::Numbers => object! { "type" => "array", "items" => number() },
        other => operand(other),
    };
    let base =
        Parameter::new(parameter.name, description, schema, parameter.operand.lenient_pattern()).example(example);
    // A schema can't limit dates relative to others.
    let more = match parameter.name {
        "start_date" => object! { "x-not-before" => "today - P3Y" },
        "end_date" => object! { "x-not-before" => "start_date" },
        _ => Json::object::<&str, Json>([]),
    };
    Parameter { required: parameter.required, more, ..base }
}

/// Returns the filters and flags of a resource, by name.
pub(crate) fn conditions(resource: &'static Resource) -> Vec<(String, Json)> {
    let filters = filter_parameters(resource).map(|parameter| {
        let lenient = parameter.operand.lenient_pattern();
        Parameter::new(parameter.name.clone(), describe(resource, &parameter), operand(parameter.operand), lenient)
    });
    let flags = resource.flags.iter().map(|&flag| {
        let description = format!("{} Values other than `true` have no effect.", flag_description(flag));
        Parameter::new(flag.name(), description, operand(OperandType::Boolean), OperandType::Boolean.lenient_pattern())
    });
    let beside = |parameter: Parameter| Parameter { more: object! { "x-unread-beside" => "filters" }, ..parameter };
    let ignored = UNANSWERED_FILTERS.iter().filter(|filter| filter.resource == resource.name).map(|filter| {
        let description = format!("Ignored, and named in the header `Streamgage-Ignored`. {}", filter.reason);
        let parameter = Parameter::new(filter.name, description, operand(OperandType::Text), ANYTHING);
        Parameter { more: object! { "x-ignored" => true }, ..parameter }
    });
    let all = filters.chain(flags).map(beside).chain(ignored);
    all.map(|parameter| (parameter.name.clone(), parameter.json())).collect()
}

fn describe(resource: &Resource, parameter: &FilterParameter) -> String {
    let of = match field_description(resource.name, parameter.field) {
        Some(about) => format!("`{}` ({about})", parameter.field),
        None => format!("`{}`", parameter.field),
    };
    let (greater, less) =
        if parameter.operand == OperandType::DateTime { ("later", "earlier") } else { ("greater", "less") };
    let is = match parameter.lookup {
        Lookup::Exact => "is this".to_owned(),
        Lookup::Gt => format!("is {greater} than this"),
        Lookup::Gte => format!("is this or {greater}"),
        Lookup::Lt => format!("is {less} than this"),
        Lookup::Lte => format!("is this or {less}"),
        Lookup::In => "is one of these".to_owned(),
        Lookup::IContains | Lookup::Contains => "contains this, ignoring case".to_owned(),
        Lookup::StartsWith => "begins with this, respecting case".to_owned(),
        Lookup::IsNull => "is null (`true`) or is not null (`false`)".to_owned(),
        Lookup::DescendantsIn => "is one of these dotted paths, or lies below one of them".to_owned(),
    };
    let rows = if parameter.negated { "Excludes rows" } else { "Only rows" };
    let reference = resource.references.iter().find(|reference| reference.name == parameter.field);
    let fields = reference.and_then(|reference| reference.resource()).map(|other| {
        let name = parameter.field;
        format!(" Its fields filter too, such as `{name}__id__in`: see the filters of {}.", other.name)
    });
    format!("{rows} whose {of} {is}.{}", fields.unwrap_or_default())
}

fn flag_description(flag: Flag) -> &'static str {
    match flag {
        Flag::RemoveExcluded => "Only commits of users that are not `hidden_from_reports`.",
        Flag::SmartDedupe => "Keeps only the commit with the lowest id among commits with the same `ignore_hash`.",
        Flag::ExcludeWeekends => "Only commits whose `author_local_date` is from Monday to Friday.",
        Flag::ExcludeOutliers => "Only commits without an `outlier_reason`.",
        Flag::ExcludePrOrphans => "Only commits whose `is_pr_orphan` is false.",
        Flag::ExcludeMerge => "Only commits whose `is_merge` is false.",
        Flag::ExcludeBlocked => "Only commits of repositories that are processed and not blocked.",
        Flag::NormalizeAuthors => "Shows the id of the apex user as `user_alias_id`.",
        Flag::ApplyDefaultFilters => {
            "Includes `smart_dedupe`, `exclude_outliers`, `exclude_pr_orphans`, `exclude_merge` and \
             `exclude_blocked`."
        }
    }
}

/// Returns the parameters that all lists share.
pub(crate) fn common() -> Vec<(&'static str, Json)> {
    let whole = |least: i64| object! { "type" => "integer", "minimum" => least };
    let limit = whole(1).with("maximum", MAX_LIMIT as i64).with("default", DEFAULT_LIMIT as i64);
    let page_size = limit.clone();
    let limit_description =
        "The maximum number of rows on a page. Values above 1,000 mean 1,000, and invalid values mean 100.";
    let filters_description = "An expression such as `(q) & (q) | ~(q)`. Each q is a query string of filters that is percent-encoded a second time. \
        Operators are applied from left to right without precedence. All filters outside the expression are ignored. An \
        expression has at most 500 conditions, of which at most 20 search the texts of commits.";
    // Text before the first parenthesis and empty parentheses are ignored.
    let filters = object! { "type" => "string", "pattern" => r"^~?\([a-z_=0-9]+\)( [&|] ~?\([a-z_=0-9]+\))*$" };
    let lenient_filters = r"^$|\([^)]+\)\s*$";
    vec![
        ("limit", Parameter::new("limit", limit_description, limit, ANYTHING).example(5).json()),
        (
            "offset",
            Parameter::new(
                "offset",
                "The number of rows to skip. Invalid values mean 0.",
                whole(0).with("default", 0),
                ANYTHING,
            )
            .example(0)
            .json(),
        ),
        (
            "page",
            Parameter::new("page", "The number of the page. The first page is 1.", whole(1).with("default", 1), "^$")
                .example(1)
                .json(),
        ),
        ("page_size", Parameter::new("page_size", limit_description, page_size, ANYTHING).example(5).json()),
        (
            "filters",
            Parameter::new("filters", filters_description, filters, lenient_filters)
                .example("(id%3D1) | ~(id__gt%3D5)")
                .json(),
        ),
    ]
}

/// Returns the parameters of a list besides its filters.
pub(crate) fn list_parameters(resource: &'static Resource) -> Vec<Json> {
    let mut parameters: Vec<Json> = search(resource).into_iter().collect();
    let orderings = choices(orderings(resource).flat_map(|name| [name.clone(), format!("-{name}")]));
    let description = "The fields to order by. A leading `-` means descending order. The default is `id`, which also breaks ties. Null is \
        the greatest value. Unknown names are ignored.";
    parameters.push(Parameter::new("ordering", description, orderings, ANYTHING).example(list!["-id"]).json());
    parameters.extend(shown(resource));
    let page = match resource.pagination {
        Pagination::Offset => ["limit", "offset"],
        Pagination::PageNumber => ["page", "page_size"],
    };
    parameters.extend(page.map(|name| reference("parameters", name)));
    parameters
}

pub(crate) fn search(resource: &Resource) -> Option<Json> {
    let fields = resource.fields.iter().filter(|field| field.capabilities.is_searchable());
    let fields: Vec<String> = fields.map(|field| format!("`{}`", field.name)).collect();
    let description = format!(
        "Words separated by spaces or commas. Each must be contained in {}, ignoring case.",
        fields.join(" or ")
    );
    let parameter =
        Parameter::new("search", description, operand(OperandType::Text), OperandType::Text.lenient_pattern());
    (!fields.is_empty()).then(|| parameter.json())
}

/// Returns the parameters `fields` and `omit`.
pub(crate) fn shown(resource: &'static Resource) -> [Json; 2] {
    let parameter = |name: &'static str, description: &'static str| {
        let names = if resource.is_generic {
            object! { "type" => "array", "items" => object! { "type" => "string" } }
        } else {
            choices(resource.output_fields().map(|shown| shown.name()))
        };
        Parameter::new(name, description, names, ANYTHING).json()
    };
    [
        parameter("fields", "The fields to show, in the order of the resource. Unknown names are ignored."),
        parameter("omit", "The fields to omit, even if `fields` names them. Unknown names are ignored."),
    ]
}

/// Returns the parameters of the aggregate of commits besides its filters.
pub(crate) fn aggregate_parameters() -> Vec<Json> {
    let aggregates = |name: &'static str, description: &'static str, function: AggregateFunction| {
        let names = choices(Aggregate::all(function).map(|aggregate| aggregate.name()));
        Parameter::new(name, description, names, ANYTHING)
    };
    let groups = Group::all().map(|group| (group.name(), object! { "const" => "" }));
    let group_by = object! { "type" => "object", "properties" => Json::object(groups.collect::<Vec<_>>()) };
    let description = "The fields to group by: commits with equal values share a row. The names are in the brackets, separated by \
        commas, and the parameter has no value: `group_by[apex_user_id,author_local_date__date]`. Without it, all commits \
        share one row.";
    let group_by = Parameter {
        more: object! { "style" => "deepObject", "explode" => true },
        ..Parameter::new("group_by", description, group_by, ANYTHING)
    };
    vec![
        aggregates("aggregate[count]", "The number of values that are not null.", AggregateFunction::Count)
            .example(list!["id"])
            .json(),
        aggregates("aggregate[sum]", "The sum of the values, or null if there are no values.", AggregateFunction::Sum)
            .example(list!["haloc", "churn", "impact"])
            .json(),
        group_by.example(object! { "apex_user_id" => "", "author_local_date__date" => "" }).json(),
    ]
}
