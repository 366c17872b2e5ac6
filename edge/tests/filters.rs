//! The vendor's filters and orderings, in memory and in the database.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod store;

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use store::{Store, request};
use streamgage::evaluate::{self, RowsBuilder};
use streamgage::query::ListRequest;
use streamgage::schema::{
    Field, Flag, Kind, Lookup, Missing, RESOURCES, Resource, UNANSWERED_FILTERS, UNANSWERED_ORDERINGS, Unanswered,
    resource,
};

/// The same rows in memory and in a database.
struct Stores {
    memory: evaluate::Store,
    database: Store,
}

impl Stores {
    fn new(rows: impl Fn(&'static Resource) -> Vec<String>) -> Stores {
        let mut stores = Stores { memory: evaluate::Store::default(), database: Store::new() };
        for resource in RESOURCES {
            let lines = rows(resource);
            let mut builder = RowsBuilder::new(resource);
            lines.iter().for_each(|line| builder.add_text(line).unwrap());
            stores.memory.insert(builder.build());
            stores.database.import(resource.name, &lines.join("\n"));
        }
        stores
    }

    /// Returns the ids that a query finds, the same in memory and in the database.
    fn ids(&self, resource: &'static Resource, query: &str) -> Vec<i64> {
        let parsed = ListRequest::parse(resource, query).unwrap_or_else(|errors| panic!("{query}: {errors}"));
        let rows = self.memory.rows(resource).unwrap();
        let found = evaluate::list(&parsed, &self.memory).positions;
        let found: Vec<i64> = found.into_iter().map(|position| rows.id(position)).collect();
        let path = format!("/v3/customer/core/{}/?{query}", resource.name);
        let page: Value = serde_json::from_str(&self.database.get(&path)).unwrap();
        let results = page["results"].as_array().unwrap();
        let stored: Vec<i64> = results.iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert_eq!(found, stored, "{path}");
        found
    }
}

/// Returns the value of a field in row 1, 2 or 3. Row 3 lacks all fields that rows need not have.
fn cell(resource: &Resource, field: &Field, row: i64) -> Option<Value> {
    let is_required = field.missing == Missing::Required || field.name == "author_date";
    match field.kind {
        _ if row == 3 && !is_required => None,
        _ if field.name == "parent" => (row == 2).then(|| json!(1)),
        Kind::Boolean => Some(json!(row == 1)),
        Kind::Integer | Kind::Reference => Some(json!(row)),
        Kind::Decimal | Kind::Number => Some(json!(row as f64 + 0.5)),
        // A Friday and a Saturday.
        Kind::DateTime => Some(json!(format!("2021-06-0{}T10:00:00", row + 3))),
        Kind::Text if field.name == "visibility" => Some(json!(if row == 1 { "SHOW" } else { "HIDE" })),
        Kind::Ids if resource.is_generic => Some(json!([{ "id": row }, { "id": row + 10 }])),
        Kind::Ids => Some(json!([row])),
        Kind::Text | Kind::Json => Some(json!(format!("{}{row}", field.name))),
    }
}

fn row(resource: &'static Resource, row: i64) -> Map<String, Value> {
    let mut object = Map::new();
    for field in resource.fields {
        let Some(value) = cell(resource, field, row) else { continue };
        // `x__y` is the member `y` of the object `x` of a generic row.
        let mut names = field.name.split("__").collect::<Vec<_>>();
        let last = names.pop().unwrap();
        let mut inner = &mut object;
        for name in names {
            let member = inner.entry(name).or_insert(Value::Null);
            if !member.is_object() {
                *member = json!({ "id": row });
            }
            inner = member.as_object_mut().unwrap();
        }
        inner.insert(last.to_owned(), value);
    }
    object
}

fn rows(resource: &'static Resource) -> Vec<String> {
    let mut rows: Vec<Map<String, Value>> = (1..4).map(|number| row(resource, number)).collect();
    if resource.name == "commits" {
        // A duplicate of the first commit.
        let mut duplicate = row(resource, 1);
        duplicate.insert("id".into(), json!(4));
        rows.push(duplicate);
        // A commit that no default filter excludes.
        let plain = json!({ "id": 5, "apex_user_id": 2, "repo_id": 2, "author_date": "2021-06-04" });
        rows.extend(plain.as_object().cloned());
    }
    rows.into_iter().map(|row| Value::Object(row).to_string()).collect()
}

/// Returns the resource and the field with the values that a filter compares.
fn compared(owner: &'static Resource, name: &str) -> Option<(&'static Resource, &'static str)> {
    let of = |name: &str, field: &'static str| Some((resource(name)?, field));
    match (owner.name, name) {
        ("users", "alias_name") => return of("user_alias", "name"),
        ("users", "alias_email") => return of("user_alias", "email"),
        ("users", "team_visibility") => return of("teams", "visibility"),
        ("users", "team_member__path") => return of("teams", "path"),
        ("teams", "ancestorsof_description") => return of("teams", "description"),
        ("teams", "ancestorsof_name" | "ancestorsof_name_description") => return of("teams", "name"),
        ("teams", "exclude_descendants" | "is_visible") => return of("users", "has_login"),
        ("repos", "tags") | ("commits", "repo_tags") => return of("tags", "id"),
        _ => {}
    }
    if owner.filters.iter().any(|filter| filter.name == name) {
        return Some((owner, "id"));
    }
    if let Some(field) = owner.fields.iter().find(|field| field.name == name) {
        return Some((owner, field.name));
    }
    owner.references.iter().find_map(|reference| match name.strip_prefix(reference.name)? {
        "" => Some((owner, reference.field)),
        rest => compared(reference.resource()?, rest.strip_prefix("__")?),
    })
}

/// Returns a value with which a lookup finds some of the rows.
fn operand((resource, field): (&'static Resource, &str), lookup: Option<Lookup>) -> String {
    let row = if matches!(lookup, Some(Lookup::Gte | Lookup::Lt)) { 2 } else { 1 };
    let field = &resource.fields[resource.position(field).unwrap()];
    let value = match (lookup, cell(resource, field, row)) {
        (Some(Lookup::IsNull), _) => return "true".to_owned(),
        (_, Some(Value::String(text))) => text,
        (_, Some(Value::Array(_))) => row.to_string(),
        (_, value) => value.unwrap().to_string(),
    };
    if lookup == Some(Lookup::IContains) { value.to_uppercase() } else { value }
}

/// The filters and orderings of a resource: a part of the table.
struct Section<'a> {
    resource: &'static Resource,
    /// Each with the suffixes of its lookups.
    filters: Vec<(&'a str, Vec<&'a str>)>,
    orderings: Vec<&'a str>,
}

fn sections(table: &str) -> Vec<Section<'_>> {
    table
        .split("\n## ")
        .skip(1)
        .map(|text| {
            let (name, rest) = text.split_once('\n').unwrap();
            let (filters, orderings) = rest.split_once("ordering:").unwrap();
            let filters = filters.trim().trim_end_matches('.').split("; ").filter_map(|filter| {
                let (name, rest) = filter.split_once(" (")?;
                let lookups = rest.trim_end_matches(')').split_once(": ").map_or("=", |(_, lookups)| lookups);
                Some((name, lookups.split(' ').collect()))
            });
            let orderings = orderings.lines().next().unwrap().trim().trim_end_matches('.').split(", ");
            Section {
                resource: resource(name.trim()).unwrap_or_else(|| panic!("no resource {name}")),
                filters: filters.collect(),
                // A comma is missing there.
                orderings: orderings
                    .flat_map(|name| {
                        if name == "idmost_recent_activity" { vec!["id", "most_recent_activity"] } else { vec![name] }
                    })
                    .collect(),
            }
        })
        .collect()
}

fn is_listed(list: &[Unanswered], resource: &Resource, name: &str) -> bool {
    list.iter().any(|each| (each.resource, each.name) == (resource.name, name))
}

/// Each documented filter finds some of the rows, and its negation the others, or it is in a list with a reason.
#[test]
fn documented_filters_and_orderings_have_an_effect() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/spec/filters.md");
    let Ok(table) = std::fs::read_to_string(path) else { return };
    let stores = Stores::new(rows);
    let (mut filters, mut orderings) = (0, 0);
    for Section { resource, filters: named, orderings: orders } in sections(&table) {
        let all: BTreeSet<i64> = stores.ids(resource, "").into_iter().collect();
        for (name, lookups) in named {
            for suffix in lookups {
                let (base, lookup) = match name.strip_suffix("__descendantsin") {
                    Some(base) => (base, Some(Lookup::DescendantsIn)),
                    None => (name, Lookup::ALL.into_iter().find(|lookup| lookup.suffix() == suffix)),
                };
                let parameter = if suffix == "=" { name.to_owned() } else { format!("{name}__{suffix}") };
                let flag = resource.flags.iter().find(|flag| flag.name() == name);
                filters += 1;
                if is_listed(&UNANSWERED_FILTERS, resource, name) {
                    assert_eq!(
                        stores.ids(resource, &format!("{parameter}=1")).len(),
                        all.len(),
                        "{parameter} is answered"
                    );
                    continue;
                }
                let value = match flag {
                    // It changes rows, but finds all of them.
                    Some(Flag::NormalizeAuthors) => continue,
                    Some(_) => "true".to_owned(),
                    None => {
                        let compared = compared(resource, base);
                        let compared = compared.unwrap_or_else(|| panic!("{} has no filter {name}", resource.name));
                        operand(compared, lookup)
                    }
                };
                let find = |query: String| -> BTreeSet<i64> { stores.ids(resource, &query).into_iter().collect() };
                let found = find(format!("{parameter}={value}"));
                let about = format!("{} {parameter}={value}: {found:?}", resource.name);
                assert!(!found.is_empty() && found.len() < all.len(), "{about}");
                if flag.is_none() {
                    let others: BTreeSet<i64> = all.difference(&found).copied().collect();
                    assert_eq!(find(format!("{parameter}!={value}")), others, "{about}");
                }
            }
        }
        for name in orders {
            orderings += 1;
            let [up, down] = ["", "-"].map(|sign| stores.ids(resource, &format!("ordering={sign}{name}")));
            let is_answered = up != down;
            assert_eq!(is_answered, !is_listed(&UNANSWERED_ORDERINGS, resource, name), "{} {name}", resource.name);
        }
    }
    assert!(filters > 250 && orderings > 100, "{filters} filters, {orderings} orderings");
    for Unanswered { resource: name, name: filter, .. } in &UNANSWERED_FILTERS {
        let section = sections(&table).into_iter().find(|section| section.resource.name == *name).unwrap();
        assert!(section.filters.iter().any(|(name, _)| name == filter), "{name} {filter} is not documented");
    }
}

/// Requests of clients, over a small organization.
#[test]
fn filters_look_at_other_rows() {
    let stores = Stores::new(|resource| {
        let rows = match resource.name {
            "tags" => json!([{ "id": 1, "org_id": 1 }, { "id": 2, "org_id": 2 }]),
            "repos" => json!([{ "id": 1, "name": "Tokio", "tags": [1, 2] }, { "id": 2, "tags": [] }]),
            "teams" => json!([
                { "id": 100, "name": "Heron", "path": "100", "description": "Éa" },
                { "id": 103, "name": "Crane", "path": "100.103", "parent": 100, "visibility": "SHOW" },
                { "id": 104, "path": "100.103.104", "parent": 103 },
                { "id": 110, "name": "Ibis", "path": "110", "parent": 9 },
            ]),
            "users" => json!([
                { "id": 5, "name": "user0005", "email": "b@x", "login_enabled": true, "pending_invitation": true },
                { "id": 6, "name": "user0001", "email": "a@x", "hidden_from_reports": true },
                { "id": 7 },
            ]),
            "user_alias" => json!([
                { "id": 51, "apex_user_id": 5 },
                { "id": 52, "apex_user_id": 6, "org_id": 3, "integration": { "id": 4, "name": "GitHub" } },
                { "id": 53, "apex_user_id": 8 },
                { "id": 54 },
            ]),
            "team_membership" => json!([
                { "id": 1, "apex_user_id": 5, "team_id": 103 },
                { "id": 2, "apex_user_id": 6, "team_id": 110 },
                { "id": 3, "apex_user_id": 5, "team_id": 104 },
                { "id": 4 },
            ]),
            "commits" => json!([
                { "id": 1, "repo_id": 1, "apex_user_id": 5, "user_alias_id": 51, "extracted_tags": ["É-1", "B"] },
                { "id": 2, "repo_id": 2, "apex_user_id": 6, "user_alias_id": 52, "extracted_tags": "é-1" },
                { "id": 3, "repo_id": 3, "apex_user_id": 7, "logical_code": 7 },
            ]),
            "integrations" => json!([{ "id": 4, "name": "GitHub" }, { "id": 5, "name": "GitLab" }]),
            _ => json!([]),
        };
        let with_date = |row: &Value| {
            let mut row = row.clone();
            row["author_date"] = json!("2021-06-04");
            row.to_string()
        };
        rows.as_array().unwrap().iter().map(with_date).collect()
    });
    for (path, expected) in [
        ("user_alias/?apex_user=5", &[51][..]),
        ("user_alias/?apex_user!=5", &[52, 53, 54]),
        ("user_alias/?apex_user__in=5,6", &[51, 52]),
        ("user_alias/?apex_user__name__icontains=USER0001", &[52]),
        ("user_alias/?apex_user__name!=user0001", &[51, 53, 54]),
        ("user_alias/?ordering=apex_user__name", &[52, 51, 53, 54]),
        ("user_alias/?ordering=-apex_user__name,-id", &[54, 53, 51, 52]),
        ("user_alias/?integration=4&org_id=3", &[52]),
        ("user_alias/?integration__name=GitHub", &[52]),
        ("user_alias/?integration__name!=GitHub", &[51, 53, 54]),
        ("team_membership/?team_ancestor_id=100", &[1, 3]),
        ("team_membership/?team_ancestor_id!=100", &[2, 4]),
        ("team_membership/?apex_user=5", &[1, 3]),
        ("team_membership/?team=103", &[1]),
        ("team_membership/?team__name=Ibis", &[2]),
        ("team_membership/?ordering=apex_user__hidden_from_reports,team_id", &[1, 3, 2, 4]),
        ("commits/?user_alias=51", &[1]),
        ("commits/?user_alias__apex_user__name=user0001", &[2]),
        ("commits/?user_alias__apex_user__email!=a@x", &[1, 3]),
        ("commits/?repo=1", &[1]),
        ("commits/?repo__name=Tokio", &[1]),
        ("commits/?filters=~(repo__name%253DTokio)", &[]),
        ("commits/?filters=(repo__name%253DTokio)|(user_alias__apex_user__id%253D6)", &[1, 2]),
        ("commits/?extracted_tags=%C3%A9-1", &[2]),
        ("commits/?extracted_tags__icontains=%C3%A9-1", &[1, 2]),
        ("commits/?extracted_tags__icontains!=%C3%A9-1", &[3]),
        ("commits/?logical_code__gte=7", &[3]),
        ("commits/?logical_code__isnull=true", &[1, 2]),
        ("tags/?org_id__in=999", &[]),
        ("tags/?org_id__in=2,3", &[2]),
        ("tags/?org=1", &[1]),
        ("repos/?tags=2", &[1]),
        ("repos/?tags!=2", &[2]),
        ("teams/?exclude_descendants=true", &[100, 110]),
        ("teams/?exclude_descendants=false", &[100, 103, 104, 110]),
        ("teams/?ancestorsof_id__in=103", &[100, 103]),
        ("teams/?ancestorsof_id=104", &[100, 103, 104]),
        ("teams/?ancestorsof_id!=104", &[110]),
        ("teams/?ancestorsof_name=Crane", &[100, 103]),
        ("teams/?ancestorsof_description__icontains=%C3%A9A", &[100]),
        ("teams/?ancestorsof_description__isnull=true", &[100, 103, 104, 110]),
        ("teams/?ancestorsof_name_description__icontains=%C3%A9a", &[100]),
        ("users/?pending_invitation=true", &[5]),
        ("users/?login_enabled=true", &[5]),
        ("users/?login_enabled=false", &[6, 7]),
        ("users/?team=110", &[6]),
        ("users/?team_member__path__descendantsin=100.103", &[5, 5]),
        ("users/?team_member__path__descendantsin!=100.103", &[6, 7]),
        ("users/?team_member__path__descendantsin=100.10,110", &[6]),
        ("users/?team_visibility=SHOW", &[5]),
    ] {
        let (name, query) = path.split_once("/?").unwrap();
        assert_eq!(stores.ids(resource(name).unwrap(), query), expected, "{path}");
    }
}

/// A response names the documented filters that had no effect.
#[test]
fn ignored_filters_are_named() {
    let store = Store::new();
    store.import("commits", r#"{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2021-06-04"}"#);
    let ignored = |path: &str| {
        let response = store.answer(&request("GET", &format!("/v3/customer/core/{path}")), b"");
        assert_eq!(response.status, 200, "{path}");
        response.headers.into_iter().find(|(name, _)| *name == "Streamgage-Ignored").map(|(_, names)| names)
    };
    for (path, expected) in [
        ("commits/?partition=1&partition_size=4&id=1", Some("partition, partition_size")),
        ("commits/?partition_size=4&partition__in!=1&partition_size=8", Some("partition_size, partition__in!")),
        ("commits/1/?pull_request_id=3", Some("pull_request_id")),
        ("commits.agg/?aggregate[count]=id&is_group_commit=x", Some("is_group_commit")),
        ("commits/?filters=(partition%253D1)%26(id%253D1)&partition_size=4", Some("partition")),
        ("commits/?partition=&nope=1&partition__%0D%0A=1", None),
        ("users/?partition=1", None),
    ] {
        assert_eq!(ignored(path).as_deref(), expected, "{path}");
    }
}
