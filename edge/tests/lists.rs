//! Lists from the database, compared with the core's evaluation of the same requests in memory.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]

mod store;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use store::{Store, request};
use streamgage::evaluate::{self, RowTexts, RowsBuilder};
use streamgage::query::{AggregateRequest, ListRequest, encode_form, encode_query, filter_parameters, orderings};
use streamgage::schema::{Field, Kind, Lookup, Missing, OperandType, Pagination, RESOURCES, Resource};

const TEXTS: &[&str] = &[
    "a",
    "A",
    "ab",
    "aB",
    "é",
    "É",
    "éa",
    "ß",
    "ǆ",
    "ı",
    "a%_",
    "a\u{d7ff}",
    "a\u{e000}",
    "a\u{10ffff}",
    "😀",
    "SHOW",
    "SHOW ",
    "1",
    "1.2",
    "1.2.3",
    "x\0y",
    "x",
    "a b",
    "b,a",
    "'",
    "\"",
    "",
];
const TIMES: &[&str] = &[
    "2021-06-04T23:59:59",
    "2021-06-04T23:59:59.5",
    "2021-06-04T23:59:59.500",
    "2021-06-05",
    "2021-06-05 00:00",
    "2021-06-05T00:00:00Z",
    "2021-06-05T02:00:00+02:00",
    "2021-06-05T02:00:00-0200",
    "2021-06-06T10:00:00.000001",
    "2021-06-06T10:00:00.0000019",
    "2021-06-07T00:00:00",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:30:00-01:00",
];
const NUMBERS: &[&str] = &[
    "-1",
    "0",
    "1",
    "2",
    "3",
    "4",
    "1.5",
    "-0.25",
    "0.0001",
    "0.1",
    "-0.0",
    "1e300",
    "2.5",
    "9007199254740991",
    "-9007199254740991",
];

/// The JSON of a field's value; `None` if the row lacks the field.
fn cell(field: &'static Field) -> BoxedStrategy<Option<String>> {
    if field.missing == Missing::Absent {
        // Rows have other values as well.
        let other =
            select(&["[{\"id\":2},{\"id\":1,\"name\":\"a\"}]", "{\"id\":2}", "[]", "1.0", "true", "\"a\"", "{}"][..]);
        return prop_oneof![4 => typed_cell(field), 1 => other.prop_map(|other| Some(other.to_owned()))].boxed();
    }
    typed_cell(field)
}

fn typed_cell(field: &'static Field) -> BoxedStrategy<Option<String>> {
    let text = |text: &str| Value::from(text).to_string();
    let value: BoxedStrategy<String> = match (field.kind, field.name) {
        (Kind::Integer, "apex_user_id" | "repo_id" | "team_id" | "parent") => {
            (1..6i64).prop_map(|id| id.to_string()).boxed()
        }
        (Kind::Integer, _) => {
            let range = field.range;
            let values = [-1, 0, 1, 2, 9_007_199_254_740_991].into_iter().filter(move |&value| range.contains(value));
            select(values.collect::<Vec<i64>>()).prop_map(|value| value.to_string()).boxed()
        }
        (Kind::Decimal, _) => {
            // The last is the largest decimal: sums of it are no longer exact as doubles.
            let decimals = &["-0.25", "0", "1.5", "0.0001", "2", "-123456789012.3457", "900719925474.0991"][..];
            select(decimals).prop_map(str::to_owned).boxed()
        }
        (Kind::Number, _) => select(&["-0.0", "0", "0.1", "2.5", "1e300", "-7"][..]).prop_map(str::to_owned).boxed(),
        (Kind::Boolean, _) => any::<bool>().prop_map(|value| value.to_string()).boxed(),
        (Kind::Text, _) => select(TEXTS).prop_map(text).boxed(),
        (Kind::DateTime, _) => select(TIMES).prop_map(text).boxed(),
        (Kind::Ids, _) => prop::collection::vec(1..5i64, 0..4).prop_map(|ids| json!(ids).to_string()).boxed(),
        (Kind::Json, _) => select(&["{\"a\":[1.50]}", "[\"É\", \"ab\"]", "\"ab\"", "\"\\u00e9a\"", "7", "[]"][..])
            .prop_map(str::to_owned)
            .boxed(),
        (Kind::Reference, _) => {
            select(&["1", "2", "{\"id\":1}", "{\"id\":3,\"name\":\"a\"}", "\"x\""][..]).prop_map(str::to_owned).boxed()
        }
    };
    match field.missing {
        Missing::Required => value.prop_map(Some).boxed(),
        _ if field.name == "author_date" => value.prop_map(Some).boxed(),
        _ => prop_oneof![6 => value.prop_map(Some), 1 => Just(None), 1 => Just(Some("null".to_owned()))].boxed(),
    }
}

fn row(resource: &'static Resource) -> impl Strategy<Value = Vec<Option<String>>> {
    resource.fields.iter().map(cell).collect::<Vec<_>>()
}

/// Rows of a resource, one per line.
fn rows(resource: &'static Resource) -> BoxedStrategy<Vec<String>> {
    let line = |(id, cells): (usize, Vec<Option<String>>)| {
        let others = resource.fields.iter().zip(cells).skip(1);
        let others = others.filter_map(|(field, cell)| {
            // `x__y` is the member `y` of the object `x`.
            let (name, inner) = field.name.split_once("__").filter(|_| resource.is_generic).unwrap_or((field.name, ""));
            let value = inner
                .rsplit("__")
                .filter(|name| !name.is_empty())
                .try_fold(cell?, |value, name| Some(format!("{{\"{name}\":{value}}}")));
            // Rows name references in two ways.
            let suffix =
                if field.kind == Kind::Reference && id % 2 == 0 && !name.ends_with("_id") { "_id" } else { "" };
            Some(format!(",\"{name}{suffix}\":{}", value?))
        });
        format!("{{\"id\":{}{}}}", id + 1, others.collect::<String>())
    };
    prop::collection::vec(row(resource), 0..9)
        .prop_map(move |rows| rows.into_iter().enumerate().map(line).collect())
        .boxed()
}

/// A parameter that is a condition, in most cases a valid one.
fn condition(resource: &'static Resource) -> BoxedStrategy<(String, String)> {
    let mut parameters: Vec<(String, OperandType)> = Vec::new();
    let own = |resource| filter_parameters(resource).map(|filter| (filter.name, filter.operand));
    parameters.extend(own(resource));
    for reference in resource.references {
        let Some(other) = reference.resource() else { continue };
        parameters.extend(own(other).map(|(name, operand)| (format!("{}__{name}", reference.name), operand)));
        for next in other.references {
            let fields = next.resource().into_iter().flat_map(own);
            parameters
                .extend(fields.map(|(name, operand)| (format!("{}__{}__{name}", reference.name, next.name), operand)));
        }
    }
    // Parameters with joins are few but the most error-prone, so that they are repeated.
    let joins =
        parameters.iter().filter(|(name, _)| resource.filters.iter().any(|filter| name.starts_with(filter.name)));
    let joins: Vec<(String, OperandType)> = joins.cloned().collect();
    parameters.extend(joins.iter().cycle().take(joins.len() * 3).cloned());
    parameters.extend(resource.flags.iter().map(|flag| (flag.name().to_owned(), OperandType::Boolean)));
    let parameter = select(parameters).prop_flat_map(|(name, operand)| {
        let value: BoxedStrategy<String> = match operand {
            OperandType::Boolean => select(&["true", "false"][..]).prop_map(str::to_owned).boxed(),
            OperandType::Number => {
                prop_oneof![6 => select(NUMBERS).prop_map(str::to_owned), 1 => select(&["1e40", "-1e40", "9e18", "1.00005"][..]).prop_map(str::to_owned)]
                    .boxed()
            }
            OperandType::Numbers => {
                prop::collection::vec(select(NUMBERS), 0..4).prop_map(|ids| ids.join(",") + ",").boxed()
            }
            OperandType::DateTime => select(TIMES).prop_map(str::to_owned).boxed(),
            OperandType::Texts => prop::collection::vec(select(TEXTS), 1..3).prop_map(|texts| texts.join(",")).boxed(),
            _ => select(TEXTS).prop_map(str::to_owned).boxed(),
        };
        (Just(name), value)
    });
    parameter.boxed()
}

fn encoded(parameters: &[(String, String)]) -> String {
    encode_query(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

fn query(resource: &'static Resource) -> impl Strategy<Value = String> {
    let conditions = move |most: usize| prop::collection::vec(condition(resource), 0..most);
    let term = move |conditions| {
        (any::<bool>(), conditions, select(&[" & ", " | "][..])).prop_map(
            |(negated, conditions, operator): (bool, Vec<(String, String)>, &str)| {
                let mut inside = String::new();
                encode_form(&encoded(&conditions), &mut inside);
                format!("{operator}{}({inside})", if negated { "~" } else { "" })
            },
        )
    };
    let filters = |terms: Vec<String>| vec![("filters".to_owned(), terms.concat()[3..].to_owned())];
    let some = prop::collection::vec(term(conditions(3).boxed()), 1..5).prop_map(filters);
    // Enough conditions for a chain instead of a plain expression. Joins are excluded, because their number is limited.
    let is_field = move |name: &str| resource.filters.iter().all(|filter| !name.starts_with(filter.name));
    let is_good =
        move |pair: &(String, String)| ListRequest::parse(resource, &encoded(std::slice::from_ref(pair))).is_ok();
    let plain = condition(resource).prop_filter("a join", move |(name, _)| is_field(name)).prop_filter("bad", is_good);
    let many = prop::collection::vec(term(prop::collection::vec(plain, 1..2).boxed()), 90..130).prop_map(filters);
    let orderings: Vec<String> = orderings(resource).flat_map(|name| [format!("-{name}"), name]).collect();
    let ordering = prop::collection::vec(select(orderings), 0..4).prop_map(|terms| terms.join(","));
    // Including more terms than have a condition of their own.
    let terms = |many| prop::collection::vec(select(TEXTS), many);
    let search = prop_oneof![4 => terms(0..3), 1 => terms(9..20)].prop_map(|terms| terms.join(" "));
    let page = (select(&["", "1", "2", "5"][..]), select(&["", "0", "1", "3"][..]));
    let which = prop_oneof![12 => conditions(4), 8 => some, 2 => many];
    let omitted = prop::option::weighted(0.2, select(&["name,title", "created_at,nope", ""][..]));
    let rest = (prop::option::weighted(0.2, search), omitted);
    (which, ordering, rest, page).prop_map(move |(mut parameters, ordering, (search, omitted), page)| {
        parameters.extend(omitted.map(|names| ("omit".to_owned(), names.to_owned())));
        parameters.push(("ordering".into(), ordering));
        parameters.extend(search.map(|search| ("search".to_owned(), search)));
        let names = match resource.pagination {
            Pagination::Offset => ["limit", "offset"],
            Pagination::PageNumber => ["page_size", "page"],
        };
        parameters.extend([(names[0].into(), page.0.into()), (names[1].into(), page.1.into())]);
        encoded(&parameters)
    })
}

fn queries() -> impl Strategy<Value = Vec<(usize, String, Index)>> {
    let one = (0..RESOURCES.len()).prop_flat_map(|at| (Just(at), query(RESOURCES[at]), any::<Index>()));
    prop::collection::vec(one, 24)
}

/// Returns the same rows in a database and in memory.
fn stores(organization: &[Vec<String>]) -> (Store, evaluate::Store) {
    let store = Store::new();
    let mut memory = evaluate::Store::default();
    for (resource, lines) in RESOURCES.iter().zip(organization) {
        store.import(resource.name, &lines.join("\n"));
        let mut rows = RowsBuilder::new(resource);
        for line in lines {
            rows.add_text(line).unwrap();
        }
        memory.insert(rows.build());
    }
    (store, memory)
}

struct Lines<'a>(&'a [Vec<String>]);

impl RowTexts for Lines<'_> {
    fn row_text(&self, resource: &Resource, position: usize) -> &str {
        let at = RESOURCES.iter().position(|other| other.name == resource.name).unwrap();
        &self.0[at][position]
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn lists_agree_with_evaluation_in_memory(
        organization in RESOURCES.iter().map(|resource| rows(resource)).collect::<Vec<_>>(),
        queries in queries(),
    ) {
        let (store, memory) = stores(&organization);
        for (at, query, object) in queries {
            let resource = RESOURCES[at];
            let path = format!("/v3/customer/core/{}/", resource.name);
            let response = store.answer(&request("GET", &format!("{path}?{query}")), b"");
            let listed = match ListRequest::parse(resource, &query) {
                Ok(listed) => listed,
                Err(errors) => {
                    prop_assert_eq!(response.status, 400);
                    prop_assert_eq!(response.body, serde_json::to_string(&errors).unwrap());
                    continue;
                }
            };
            let found = evaluate::list(&listed, &memory);
            if !listed.page.exists(found.count) {
                prop_assert_eq!((response.status, response.body.as_str()), (404, r#"{"detail":"Invalid page."}"#));
                continue;
            }
            prop_assert_eq!(response.status, 200, "{} {} {}", path, query, response.body);
            let answer: Value = serde_json::from_str(&response.body).unwrap();
            let rows = memory.rows(resource).unwrap();
            let ids: Vec<i64> = found.positions.iter().map(|&place| rows.id(place)).collect();
            let results: Vec<i64> = answer["results"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
            prop_assert_eq!((answer["count"].as_u64(), results), (Some(found.count), ids), "{} {} {:#?}", path, query, organization);
            if resource.is_generic {
                let url = format!("http://127.0.0.1:8787{path}");
                let body = evaluate::list_body(&listed, &memory, &Lines(&organization), &url, &query);
                prop_assert_eq!(Some(response.body), body, "{} {}", path, query);
            }
            let id = object.index(10) as i64;
            let response = store.answer(&request("GET", &format!("{path}{id}/?{query}")), b"");
            let expected = if evaluate::find_object(&listed, &memory, id).is_some() { 200 } else { 404 };
            prop_assert_eq!(response.status, expected, "{}{} {}", path, id, query);
        }
    }
}

/// The grouped fields. Sums of doubles are excluded, because they depend on the order of the rows.
const GROUPS: &[&str] = &[
    "apex_user_id",
    "author_local_date__date",
    "user_alias_id",
    "is_merge",
    "message",
    "committer_date__date",
    "outlier_reason",
    "nope",
];
const AGGREGATES: &[&str] = &["id", "haloc", "impact", "churn", "message", "author_date", "is_merge", "outlier_reason"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn aggregates_agree_with_evaluation_in_memory(
        organization in RESOURCES.iter().map(|resource| rows(resource)).collect::<Vec<_>>(),
        queries in prop::collection::vec((
            query(&streamgage::schema::COMMITS),
            prop::collection::vec(select(GROUPS), 0..4),
            prop::collection::vec(select(AGGREGATES), 0..4),
            prop::collection::vec(select(AGGREGATES), 0..4),
        ), 12),
    ) {
        let (store, memory) = stores(&organization);
        for (query, groups, counts, sums) in queries {
            let query = format!(
                "{query}&group_by[{}]&aggregate[count]={}&aggregate[sum]={}",
                groups.join(","), counts.join(","), sums.join(",")
            );
            let Ok(asked) = AggregateRequest::parse(&query) else { continue };
            let found = evaluate::aggregate(&asked, &memory);
            let answer: Value = serde_json::from_str(&store.get(&format!("{AGGREGATE}?{query}"))).unwrap();
            prop_assert_eq!(&answer["count"], &json!(found.count), "{} {:#?}", query, organization);
            let (rows, expected) = (rounded(&answer["results"]), rounded(&json!(found.rows)));
            prop_assert_eq!(rows, expected, "{} {:#?}", query, organization);
        }
    }
}

/// Rounds doubles to 15 digits, because SQLite writes the 17th digit of some doubles differently.
fn rounded(value: &Value) -> Value {
    match value {
        Value::Array(rows) => rows.iter().map(rounded).collect(),
        Value::Object(row) => row.iter().map(|(name, value)| (name.clone(), rounded(value))).collect(),
        Value::Number(number) if number.is_f64() => json!(format!("{:.14e}", number.as_f64().unwrap())),
        other => other.clone(),
    }
}

const COMMITS: &str = "/v3/customer/core/commits/";
const AGGREGATE: &str = "/v3/customer/core/commits.agg/";

#[test]
fn extreme_requests_are_answered() {
    let store = Store::new();
    store.import("commits", r#"{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2026-01-02","message":"a b c"}"#);
    store.import("users", r#"{"id":1,"name":"a"}"#);
    store.import("teams", r#"{"id":1,"name":"a","parent":1}"#);
    let ids: Vec<String> = (0..10_000).map(|id| id.to_string()).collect();
    let fields: Vec<String> = RESOURCES[6]
        .fields
        .iter()
        .flat_map(|field| {
            let name = field.name;
            Lookup::ALL.into_iter().flat_map(move |lookup| {
                let value = match field.kind {
                    Kind::Text => "a",
                    Kind::DateTime => "2026-01-01",
                    Kind::Boolean => "true",
                    _ => "1",
                };
                ["", "!"].map(|bang| match lookup {
                    Lookup::Exact => format!("{name}{bang}={value}"),
                    _ => format!("{name}__{}{bang}={value}", lookup.suffix()),
                })
            })
        })
        .collect();
    let words: Vec<String> = (0..4_000).map(|word| format!("{word:x}")).collect();
    let repeated = |term: &str, times: usize| format!("filters={}", vec![term; times].join("%26"));
    for (query, status) in [
        (format!("id__in={}", ids.join(",")), 200),
        (format!("id__in!={}", ids.join(",")), 200),
        (format!("hexsha__in={}", ids.join(",")), 200),
        (fields.join("&"), 200),
        (format!("search={}", words.join("+")), 200),
        (format!("filters=~(id%3D1)&search={}", words.join("+")), 200),
        (format!("message={}", "é".repeat(8_000)), 200),
        (format!("message={}", "%25".repeat(5_000)), 200),
        ("message=%00".to_owned(), 400),
        ("search=a%00".to_owned(), 400),
        ("hexsha=%ED%A0%80".to_owned(), 200),
        ("message__startswith=%F4%8F%BF%BF".to_owned(), 200),
        (repeated("(id%3D1)", 500), 200),
        (repeated("(id%3D1)", 501), 400),
        (format!("filters={}", ["(haloc%3D0)", "~(hexsha%3Da)"].repeat(240).join("%7C")), 200),
        (
            format!(
                "filters={}",
                ["~(hexsha%3Da)%26", "(committer_local_date__gte%3D2021-01-01)%7C"].repeat(240).concat() + "(id%3D1)"
            ),
            200,
        ),
        (
            format!(
                "filters={}",
                ["~(hexsha%3Da)%7C", "~(author_date__lt%3D2021-01-01)%26"].repeat(249).concat() + "~(id%3D1)"
            ),
            200,
        ),
        (format!("filters={}", "(".repeat(16_000)), 400),
        (format!("filters={}", "%25".repeat(5_000)), 400),
        (repeated("(message%3Da)", 20), 200),
        (repeated("(message%3Da)", 21), 400),
        (repeated("(repo_tags__in%3D1)", 8), 200),
        (repeated("(repo_tags__in%3D1)", 9), 400),
        (repeated("~(repo_tags__in%3D1)", 4), 200),
        (repeated("~(repo_tags__in%3D1)", 5), 400),
        ("limit=99999999999999999999&offset=99999999999999999999".to_owned(), 200),
        ("id__gte=-1e40&impact__lt=1e40&risk__lt=1e40&id__lt=9007199254740993".to_owned(), 200),
    ] {
        let response = store.answer(&request("GET", &format!("{COMMITS}?{query}")), b"");
        let shown: String = query.chars().take(80).collect();
        assert_eq!(response.status, status, "{shown}: {}", response.body);
    }
    for path in ["teams/?ancestor_id=1", "teams/?ancestor_id=1e40", "users/?team__isnull=true&alias_name!=a"] {
        assert_eq!(store.answer(&request("GET", &format!("/v3/customer/core/{path}")), b"").status, 200, "{path}");
    }
}

/// Without a narrowing condition, or with a search of texts, rows are read in the order of ids, and reading ends with the
/// page.
#[test]
fn documented_examples_use_indexes() {
    let store = Store::new();
    for (path, index) in [
        ("commits/?limit=100&offset=100", "SCAN t"),
        ("commits/?fields=id,new_work,churn&limit=5&ordering=-id", "SCAN t"),
        ("commits/?apply_default_filters=true", "SCAN t"),
        ("commits/?exclude_blocked=true", "SCAN t"),
        ("commits/?remove_excluded=true", "SCAN t"),
        ("commits/?smart_dedupe=true", "SCAN t"),
        ("commits/?message=progress", "SCAN t"),
        (
            "commits/?author_date__gte=2018-06-08&author_date__lt=2018-06-15",
            "INDEX commits_author_date (<expr>>? AND <expr><?)",
        ),
        (
            "commits/?author_local_date__gte=2021-01-01&ordering=-author_local_date",
            "INDEX commits_author_local_date (<expr>>?)",
        ),
        ("commits/?new_work__gte=2695", "INDEX commits_new_work (new_work>?)"),
        ("commits/?new_work__gte=2695&is_merge=false", "INDEX commits_new_work (new_work>?)"),
        ("commits/?author_date__gt=2026-06-01&is_merge=false", "INDEX commits_author_date (<expr>>?)"),
        ("commits/?repo_id__in=337844", "INDEX commits_repo (repo_id=?)"),
        ("commits/?apex_user_id=3", "INDEX commits_user (apex_user_id=?)"),
        ("commits/?repo__name=tokio", "INDEX commits_repo (repo_id=?)"),
        ("commits/?id__in=1,2", "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)"),
        ("commits/?hexsha__startswith=ab", "INDEX commits_hexsha (hexsha>? AND hexsha<?)"),
        ("repos/?vendor_type=github", "INDEX repos_vendor_type (vendor_type=?)"),
        ("teams/?name=ExampleTeam", "INDEX teams_name (name=?)"),
        ("teams/?ancestor_id=3", "SEARCH teams USING COVERING INDEX teams_parent (parent=?)"),
        ("users/?fields=id,name&ordering=name&limit=5", "SCAN t USING COVERING INDEX users_name"),
        ("users/?id=1234567890", "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)"),
        ("users/?name__startswith=chris", "INDEX users_name (name>? AND name<?)"),
        ("users/?team_member=12345", "INDEX team_membership_user"),
        ("users/?omit=email", "INDEX team_membership_user (apex_user_id=?)"),
        ("team_membership/?team_id=3", "INDEX team_membership_team (team_id=?)"),
        ("tickets/?limit=5", "SEARCH generic_row USING PRIMARY KEY (resource=?)"),
        ("tickets/?limit=5&offset=5000", "SEARCH generic_row USING PRIMARY KEY (resource=? AND id>?)"),
        ("tickets/?id__in=1,2", "SEARCH generic_row USING PRIMARY KEY (resource=? AND id=?)"),
        ("tickets/?state=open", "SEARCH generic_row USING PRIMARY KEY (resource=? AND id=?) LEFT-JOIN"),
        ("pull_request_comments/?pull_request_id=7", "INDEX pull_request_comments_pull_request (<expr>=?"),
        ("ticket_events/?ticket_id=7", "INDEX ticket_events_ticket (<expr>=?"),
        ("tickets/7/", "SEARCH generic_row USING PRIMARY KEY (resource=? AND id=?)"),
        (
            "commits.agg/?aggregate[count]=id&group_by[apex_user_id,author_local_date__date]&author_local_date__gte=2021-01-01",
            "INDEX commits_author_local_date (<expr>>?)",
        ),
    ] {
        let plans = store.plans(&request("GET", &format!("/v3/customer/core/{path}")), b"");
        assert!(plans.iter().any(|plan| plan.contains(index)), "{path}: {plans:#?}");
        // With one end of a range, the planner would read all rows in the order of ids, because it knows no row counts.
        let page = plans.last().unwrap();
        if path.contains("__gt") && path.contains("is_merge=false") {
            // The index tells whether there are few rows, and counts them otherwise.
            assert_eq!(page.matches(index).count(), 2, "{path}: {page}");
        } else if path.contains("new_work__gte") {
            // Only few rows are read from the index.
            assert_eq!(page.matches(index).count(), 1, "{path}: {page}");
        }
        // The order of ids requires no sorting before the page is known.
        if index == "SCAN t" {
            let before = page.split("SEARCH t USING INTEGER PRIMARY KEY (rowid=?)").next().unwrap();
            assert!(!before.contains("ORDER BY"), "{path}: {page}");
        }
    }
}

/// Counting neither reads the rows of the page again, nor repeats for each of its rows.
#[test]
fn page_and_count_read_each_row_once() {
    let store = Store::new();
    for ids in [1..1_001, 1_001..2_001, 2_001..3_001] {
        let row = |id: i64| json!({ "id": id, "apex_user_id": 1, "repo_id": 1, "author_date": "2026-01-02", "message": format!("{:04}", id) });
        store.import("commits", &ids.map(|id| row(id).to_string()).collect::<Vec<_>>().join("\n"));
    }
    let steps = |query: &str| {
        store.steps.set(0);
        let page: Value = serde_json::from_str(&store.get(&format!("{COMMITS}?fields=id&limit=50&{query}"))).unwrap();
        (page["count"].as_u64().unwrap(), page["results"].as_array().unwrap().len(), store.steps.get())
    };
    let (_, _, once) = steps("message=none");
    assert!(once > 3_000);
    for (query, count, shown) in [
        ("message=29", 159, 50),
        ("message=29&offset=140", 159, 19),
        ("message=29&offset=500", 159, 0),
        ("message=0", 1_542, 50),
        ("message=0&ordering=-id", 1_542, 50),
        ("message=300", 4, 4),
    ] {
        let (found, rows, steps) = steps(query);
        assert_eq!((found, rows), (count, shown), "{query}");
        let passes = if query.contains("offset=500") { 2 } else { 1 };
        assert!(steps < once * passes * 3 / 2, "{query}: {steps} steps, {once} for all texts");
    }
}

/// The counts do not change when the commits are deleted, which shows that they are not read.
#[test]
fn flags_and_ranges_are_counted_without_reading_commits() {
    let store = Store::new();
    store.import("users", "{\"id\":1,\"hidden_from_reports\":true}\n{\"id\":2}");
    store.import("repos", "{\"id\":1,\"blocked\":true}\n{\"id\":2,\"oldest_commit_date\":\"2021-06-01\",\"tags\":[7]}");
    let row = |id: i64| {
        json!({
            "id": id, "apex_user_id": id % 3, "repo_id": id / 3 % 3, "is_merge": id % 5 == 0, "is_pr_orphan": id % 7 == 0,
            "outlier_reason": (id % 11 == 0).then_some(1), "ignore_hash": (id % 13 > 9).then(|| (id % 17).to_string()),
            "author_local_date": format!("2021-06-{:02}", id % 30 + 1), "new_work": id % 19,
        })
        .to_string()
    };
    let rows: Vec<String> = (0..300).map(row).collect();
    store.import("commits", &rows.join("\n"));
    let count = |query: &str| {
        let page: Value = serde_json::from_str(&store.get(&format!("{COMMITS}?{query}&limit=1"))).unwrap();
        page["count"].as_u64().unwrap()
    };
    let queries = [
        "remove_excluded=true",
        "smart_dedupe=true",
        "exclude_weekends=true",
        "exclude_outliers=true",
        "exclude_pr_orphans=true",
        "exclude_merge=true",
        "exclude_blocked=true",
        "apply_default_filters=true",
        "apply_default_filters=true&remove_excluded=true&exclude_weekends=true&repo_tags__in=7&repo_tags__in!=8",
        "repo_id__in=1,2&smart_dedupe=true",
        "author_local_date__gte=2021-06-03",
        "author_local_date__gte=2021-06-03&author_local_date__lt=2021-06-09T00:00:00",
        "new_work__gte=8",
        "new_work__lt=3",
        "new_work__gt=3&new_work__lte=8",
        "new_work=8",
    ];
    let before = queries.map(count);
    assert!(before.iter().all(|&count| count > 0 && count < 300), "{before:?}");
    store.database.execute_batch("DELETE FROM commits").unwrap();
    assert_eq!(queries.map(count), before);
}

/// A row that joins find many times is counted and shown as many times, without being read as often.
#[test]
fn joins_are_not_multiplied_out() {
    const MANY: u64 = 5;
    let mut organization = vec![Vec::new(); RESOURCES.len()];
    let at = |name: &str| RESOURCES.iter().position(|resource| resource.name == name).unwrap();
    for user in 1..4 {
        organization[at("users")].push(json!({ "id": user }).to_string());
        for team in 1..=MANY {
            let id = user * 100 + team;
            let member = json!({ "id": id, "apex_user_id": user, "team_id": team, "membership_type": "contributor" });
            organization[at("team_membership")].push(member.to_string());
            let alias = json!({ "id": id, "apex_user_id": user, "name": "ab", "email": "ab" });
            organization[at("user_alias")].push(alias.to_string());
        }
    }
    for team in 1..=MANY {
        organization[at("teams")].push(json!({ "id": team, "name": "ab" }).to_string());
    }
    let (store, memory) = stores(&organization);
    let many = |term: &str, times: usize, operator: &str| format!("filters={}", vec![term; times].join(operator));
    for (query, times) in [
        (
            "team__isnull=false&team__name=ab&team__name__icontains=a&team__name__startswith=a&alias_name=ab\
             &alias_name__icontains=a&alias_email=ab&alias_email__startswith=a"
                .to_owned(),
            MANY.pow(8),
        ),
        (many("(team__isnull%3Dfalse)", 8, "%26"), MANY.pow(8)),
        // The first negation applies to the whole conjunction.
        (many("~(team_member%3D1)", 8, "%26"), MANY.pow(8) - (MANY - 1).pow(7)),
        (many("(team_member%3D1)", 40, "%7C"), 1),
        (
            "filters=(team_member%3D1)%7C(team_member%3D2)%26(team__name%3Dab)%7C(team_member%3D3)".to_owned(),
            3 * MANY - 2,
        ),
    ] {
        let query = format!("{query}&fields=id&limit=3&offset={}", times - 1);
        store.steps.set(0);
        let page: Value = serde_json::from_str(&store.get(&format!("/v3/customer/core/users/?{query}"))).unwrap();
        assert!(store.steps.get() < 150_000, "{query}: {}", store.steps.get());
        let found = evaluate::list(&ListRequest::parse(RESOURCES[at("users")], &query).unwrap(), &memory);
        assert_eq!(
            (page["count"].as_u64().unwrap(), page["results"].as_array().unwrap().len()),
            (3 * times, 3),
            "{query}"
        );
        let places: Vec<usize> =
            page["results"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap() as usize - 1).collect();
        assert_eq!((found.count, found.positions), (3 * times, places), "{query}");
    }
}

/// A page is the same whether the range of an index has few rows or many.
#[test]
fn index_ranges_of_any_size() {
    let store = Store::new();
    let new_work = |id: i64| id * 7 % 10_007;
    let ids: Vec<i64> = (1..=11_000).collect();
    for ids in ids.chunks(1_000) {
        let row = |&id: &i64| json!({ "id": id, "apex_user_id": 1, "repo_id": 1, "author_date": "2026-01-02", "new_work": new_work(id) });
        let rows: Vec<String> = ids.iter().map(|id| row(id).to_string()).collect();
        store.import("commits", &rows.join("\n"));
    }
    for least in [0, 900, 902, 904, 10_000] {
        for (ordering, offset) in [("id", 0), ("id", 5_000), ("-id", 3), ("-id", 9_999), ("id", 20_000)] {
            let mut found: Vec<i64> = ids.iter().copied().filter(|&id| new_work(id) >= least).collect();
            if ordering == "-id" {
                found.reverse();
            }
            let query = format!("new_work__gte={least}&ordering={ordering}&offset={offset}&limit=5&fields=id");
            let page: Value = serde_json::from_str(&store.get(&format!("{COMMITS}?{query}"))).unwrap();
            let expected = found.iter().skip(offset).take(5).map(|id| json!({ "id": id }));
            assert_eq!(page["count"], found.len(), "{query}");
            assert_eq!(page["results"], expected.collect::<Value>(), "{query}");
        }
    }
}

/// A filter deep enough for a chain, whose last condition is on a null, negated and not.
#[test]
fn a_null_at_the_end_of_a_deep_filter() {
    let organization = vec![
        Vec::new(),
        Vec::new(),
        Vec::new(),
        Vec::new(),
        Vec::new(),
        Vec::new(),
        vec![r#"{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2026-01-02"}"#.to_owned()],
    ];
    let (store, memory) = stores(&organization);
    for first in ["", "~"] {
        for last in ["id%3D1", "id%3D2", "outlier_reason%3D1", "outlier_reason!%3D1"] {
            for turns in 30..34 {
                for operator in ["%26", "%7C"] {
                    let steps = ["%26(id__gt%3D0)", "%7C(id%3D2)"].iter().cycle().take(turns);
                    let steps: String = steps.copied().collect();
                    let query = format!("filters={first}(id%3D1){steps}{operator}({last})");
                    let listed = ListRequest::parse(RESOURCES[6], &query).unwrap();
                    let answer: Value = serde_json::from_str(&store.get(&format!("{COMMITS}?{query}"))).unwrap();
                    assert_eq!(answer["count"], evaluate::list(&listed, &memory).count, "{query}");
                }
            }
        }
    }
}
