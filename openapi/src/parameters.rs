//! The parameters of each endpoint.

use crate::about::about;
use crate::json::{Json, list, object};
use crate::schemas::{operand, reference};
use streamgage::query::{
    Aggregate, AggregateFunction, DEFAULT_LIMIT, FilterParameter, Group, MAX_LIMIT, METRICS_PARAMETERS,
    MetricsParameter, filter_parameters,
};
use streamgage::schema::{Flag, Lookup, OperandType, Resource};

/// A parameter of the query.
struct Parameter {
    name: String,
    description: String,
    schema: Json,
    /// What is read without an error although it is no such value, as a regular expression.
    lenient: &'static str,
    required: bool,
    example: Option<Json>,
    /// Further members.
    more: Json,
}

/// Whatever is sent, it is no error.
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

/// A list of some of these, with commas between.
fn choices<T: Into<Json>>(choices: impl IntoIterator<Item = T>) -> Json {
    object! { "type" => "array", "items" => object! { "type" => "string", "enum" => Json::list(choices) } }
}

/// Those of the metrics endpoint.
pub(crate) fn of_metrics() -> Json {
    Json::List(METRICS_PARAMETERS.iter().map(|parameter| metrics(parameter).json()).collect())
}

fn metrics(known: &MetricsParameter) -> Parameter {
    let (description, example): (_, Json) = match known.name {
        "start_date" => ("The first day that counts; at most 3 years before today.", "2021-06-01".into()),
        "end_date" => {
            ("The last day that counts; today (UTC) if absent. Not before `start_date`.", "2021-06-30".into())
        }
        "include_nested_teams" => ("Whether each team stands for those nested in it too.", "true".into()),
        "resolution" => ("A row for each week, or one for the whole period.", "week".into()),
        "apex_user_id" => ("Only this user.", 1_234_567.into()),
        "apex_user_id__in" => ("Only these users.", list![1_234_567]),
        "team_id" => ("Only users of this team: its members of type `contributor`.", 12_345.into()),
        "team_id__in" => ("Only users of these teams.", list![12_345]),
        "repo_id" => ("Only this repository.", 337_844.into()),
        "repo_id__in" => ("Only these repositories.", list![337_844]),
        "repo_id_not__in" => ("All but these repositories.", list![1, 2]),
        "repo_tag_id" => ("Only repositories with this tag.", 61.into()),
        "repo_tag_id__in" => ("Only repositories with one of these tags.", list![61]),
        "repo_name" => ("Only repositories whose name contains this, in any case.", "billing".into()),
        _ => ("", Json::null()),
    };
    let number = || object! { "type" => "number" };
    let schema = match known.operand {
        OperandType::Number => number(),
        OperandType::Numbers => object! { "type" => "array", "items" => number() },
        other => operand(other),
    };
    let parameter = Parameter::new(known.name, description, schema, known.operand.lenient_pattern()).example(example);
    // What no schema can say of a date.
    let more = match known.name {
        "start_date" => object! { "x-not-before" => "today - P3Y" },
        "end_date" => object! { "x-not-before" => "start_date" },
        _ => Json::object::<&str, Json>([]),
    };
    Parameter { required: known.required, more, ..parameter }
}

/// The conditions and flags of a resource.
pub(crate) fn conditions(resource: &'static Resource) -> Vec<(String, Json)> {
    let filters = filter_parameters(resource).map(|known| {
        let lenient = known.operand.lenient_pattern();
        Parameter::new(known.name.clone(), describe(resource, &known), operand(known.operand), lenient)
    });
    let flags = resource.flags.iter().map(|&flag| {
        let description = format!("{} Anything but true has no effect.", of_flag(flag));
        Parameter::new(flag.name(), description, operand(OperandType::Boolean), OperandType::Boolean.lenient_pattern())
    });
    let beside = |parameter: Parameter| Parameter { more: object! { "x-unread-beside" => "filters" }, ..parameter };
    filters.chain(flags).map(|parameter| (parameter.name.clone(), beside(parameter).json())).collect()
}

fn describe(resource: &Resource, known: &FilterParameter) -> String {
    let of = match about(resource.name, known.field) {
        Some(about) => format!("`{}` ({about})", known.field),
        None => format!("`{}`", known.field),
    };
    let (greater, less) =
        if known.operand == OperandType::DateTime { ("later", "earlier") } else { ("greater", "less") };
    let is = match known.lookup {
        Lookup::Exact => "is this".to_owned(),
        Lookup::Gt => format!("is {greater} than this"),
        Lookup::Gte => format!("is this or {greater}"),
        Lookup::Lt => format!("is {less} than this"),
        Lookup::Lte => format!("is this or {less}"),
        Lookup::In => "is one of these".to_owned(),
        Lookup::IContains => "contains this, in any case".to_owned(),
        Lookup::StartsWith => "begins with this, in the same case".to_owned(),
        Lookup::IsNull => "is null, or with `false` is not".to_owned(),
    };
    let only = if known.negated { "All but those of which" } else { "Only those of which" };
    format!("{only} {of} {is}.")
}

fn of_flag(flag: Flag) -> &'static str {
    match flag {
        Flag::RemoveExcluded => "Only those of authors who are not `hidden_from_reports`.",
        Flag::SmartDedupe => "Each once: of those that share an `ignore_hash`, the one of the lowest id.",
        Flag::ExcludeWeekends => "Only those of which `author_local_date` is from Monday to Friday.",
        Flag::ExcludeOutliers => "Only those without an `outlier_reason`.",
        Flag::ExcludePrOrphans => "Only those that are no `is_pr_orphan`.",
        Flag::ExcludeMerge => "Only those that are no `is_merge`.",
        Flag::ExcludeBlocked => "Only those of repositories that are not blocked, and have been processed.",
        Flag::NormalizeAuthors => "Shows the id of the apex user as `user_alias_id`.",
        Flag::ApplyDefaultFilters => {
            "Stands for `smart_dedupe`, `exclude_outliers`, `exclude_pr_orphans`, `exclude_merge` and \
             `exclude_blocked`."
        }
    }
}

/// The parameters that are the same for all lists.
pub(crate) fn common() -> Vec<(&'static str, Json)> {
    let whole = |least: i64| object! { "type" => "integer", "minimum" => least };
    let limit = whole(1).with("maximum", MAX_LIMIT as i64).with("default", DEFAULT_LIMIT as i64);
    let limit_says = "How many rows a page has at most. More than 1,000 is read as 1,000, what is no good as 100.";
    let filters_says = "`(q) & (q) | ~(q)`: each q is a query string of filters, percent-encoded once more; they are \
        joined from left to right without precedence. The other filters beside it are ignored. Of conditions it takes 500, \
        of which 20 may look for parts of a commit's texts.";
    // What stands before the first bracket, and an empty pair of them, is passed over.
    let filters = object! { "type" => "string", "pattern" => r"^~?\([a-z_=0-9]+\)( [&|] ~?\([a-z_=0-9]+\))*$" };
    let lenient_filters = r"^$|\([^)]+\)\s*$";
    vec![
        ("limit", Parameter::new("limit", limit_says, limit, ANYTHING).example(5).json()),
        (
            "offset",
            Parameter::new(
                "offset",
                "How many rows are passed over. What is no good is read as 0.",
                whole(0).with("default", 0),
                ANYTHING,
            )
            .example(0)
            .json(),
        ),
        (
            "filters",
            Parameter::new("filters", filters_says, filters, lenient_filters)
                .example("(id%3D1) | ~(id__gt%3D5)")
                .json(),
        ),
    ]
}

/// What a list of a resource is searched, ordered and shown by.
pub(crate) fn of_list(resource: &'static Resource) -> Vec<Json> {
    let mut parameters: Vec<Json> = search(resource).into_iter().collect();
    let orderings = resource.fields.iter().filter(|field| field.capabilities.is_orderable());
    let orderings = choices(orderings.flat_map(|field| [field.name.to_owned(), format!("-{}", field.name)]));
    let says = "What rows are ordered by, with `-` going down; by `id` if absent, which also breaks ties. Nulls are \
        last going up. Names that are none of these are ignored.";
    parameters.push(Parameter::new("ordering", says, orderings, ANYTHING).example(list!["-id"]).json());
    parameters.extend(shown(resource));
    parameters.extend(["limit", "offset"].map(|name| reference("parameters", name)));
    parameters
}

pub(crate) fn search(resource: &Resource) -> Option<Json> {
    let fields = resource.fields.iter().filter(|field| field.capabilities.is_searchable());
    let fields: Vec<String> = fields.map(|field| format!("`{}`", field.name)).collect();
    let says = format!(
        "Words with spaces or commas between; each must be contained, in any case, in {}.",
        fields.join(" or ")
    );
    let parameter = Parameter::new("search", says, operand(OperandType::Text), OperandType::Text.lenient_pattern());
    (!fields.is_empty()).then(|| parameter.json())
}

/// `fields` and `omit`.
pub(crate) fn shown(resource: &'static Resource) -> [Json; 2] {
    let parameter = |name: &'static str, says: &'static str| {
        let names = choices(resource.output_fields().map(|shown| shown.name()));
        Parameter::new(name, says, names, ANYTHING).json()
    };
    [
        parameter("fields", "Only these fields are shown, in the resource's order. Unknown names are ignored."),
        parameter("omit", "These fields are not shown, even if `fields` names them. Unknown names are ignored."),
    ]
}

/// What the aggregate of commits groups by and tells.
pub(crate) fn of_aggregate() -> Vec<Json> {
    let aggregates = |name: &'static str, says: &'static str, function: AggregateFunction| {
        let names = choices(Aggregate::all(function).map(|aggregate| aggregate.name()));
        Parameter::new(name, says, names, ANYTHING)
    };
    let groups = Group::all().map(|group| (group.name(), object! { "const" => "" }));
    let group_by = object! { "type" => "object", "properties" => Json::object(groups.collect::<Vec<_>>()) };
    let says = "What the commits of a row have in common. The names stand in the brackets, with commas between, and \
        there is no value: `group_by[apex_user_id,author_local_date__date]`. Without it all commits are one row.";
    let group_by = Parameter {
        more: object! { "style" => "deepObject", "explode" => true },
        ..Parameter::new("group_by", says, group_by, ANYTHING)
    };
    vec![
        aggregates("aggregate[count]", "How many values there are that are not null.", AggregateFunction::Count)
            .example(list!["id"])
            .json(),
        aggregates("aggregate[sum]", "The sum of the values; null, if there are none.", AggregateFunction::Sum)
            .example(list!["haloc", "churn", "impact"])
            .json(),
        group_by.example(object! { "apex_user_id" => "", "author_local_date__date" => "" }).json(),
    ]
}
