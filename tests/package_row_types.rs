//! Compares the row types of the npm package (`browser/js/rows.ts`) with the schema: the fields in order, their types, and
//! the nested resources.

use std::fs::read_to_string;
use streamgage::schema::{Field, Kind, Missing, Nested, NestedSource, RESOURCES, Resource, TEAMS};

fn member(field: &Field) -> String {
    let type_name = match field.kind {
        Kind::Integer | Kind::Decimal | Kind::Number | Kind::Reference => "number",
        Kind::Boolean => "boolean",
        Kind::Text => "string",
        Kind::DateTime => "DateTime",
        Kind::Ids => "(number | { id: number })[]",
        // The type `Json` includes null.
        Kind::Json => return format!("{}?: Json;", field.name),
    };
    match field.missing {
        Missing::Required => format!("{}: {type_name};", field.name),
        _ => format!("{}?: {type_name} | null;", field.name),
    }
}

fn names(names: &[&str]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" | ")
}

/// Returns the fields that a resource does not have when it is nested in another row.
fn omitted_fields(nested: &Nested) -> Vec<&'static str> {
    nested.resource.row_fields().map(|(_, field)| field.name).filter(|name| !nested.fields.contains(name)).collect()
}

fn nested_member(nested: &Nested) -> String {
    let whole = format!("Required<{}>", nested.resource.title);
    let shown = match omitted_fields(nested).len() {
        0 => whole,
        _ if nested.resource == &TEAMS => "NestedTeam".into(),
        _ => format!("Pick<{whole}, {}>", names(nested.fields)),
    };
    match nested.source {
        NestedSource::TeamsOfUser | NestedSource::Ids => format!("{}: {shown}[]", nested.name),
        NestedSource::Id => format!("{}: {shown} | null", nested.name),
    }
}

fn shown(resource: &Resource) -> String {
    if resource.is_generic {
        return format!("{}: {};", resource.name, resource.title);
    }
    let whole = format!("Required<{}>", resource.title);
    let replaced: Vec<&str> =
        resource.nested.iter().filter(|each| each.after == each.name).map(|each| each.name).collect();
    let own = if replaced.is_empty() { whole } else { format!("Omit<{whole}, {}>", names(&replaced)) };
    match resource.nested {
        [] => format!("{}: {own};", resource.name),
        nested => {
            let members: Vec<String> = nested.iter().map(nested_member).collect();
            format!("{}: {own} & {{ {} }};", resource.name, members.join("; "))
        }
    }
}

/// Returns the members of an interface on one line, without comments.
fn interface_body(text: &str, interface: &str) -> String {
    let rest = text.split_once(&format!("export interface {interface} {{\n")).map_or("", |(_, rest)| rest);
    let body = rest.split_once("\n}").map_or("", |(body, _)| body);
    let lines = body.lines().map(str::trim).filter(|line| !line.starts_with(['/', '*']));
    lines.collect::<Vec<_>>().join(" ").replace("; }", " }")
}

/// Asserts that an interface has exactly these members, in any order.
fn assert_members(text: &str, interface: &str, members: impl Iterator<Item = String>) {
    let mut body = interface_body(text, interface);
    for member in members {
        assert!(body.contains(&member), "{interface} lacks {member}");
        body = body.replacen(&member, "", 1);
    }
    assert_eq!(body.trim(), "", "{interface} has additional members");
}

#[test]
fn row_types_match_the_schema() {
    let text = read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/browser/js/rows.ts")).expect("rows.ts");
    for resource in RESOURCES {
        let mut members: Vec<String> = resource.row_fields().map(|(_, field)| member(field)).collect();
        members.extend(resource.is_generic.then(|| "[name: string]: Json;".to_owned()));
        assert_eq!(interface_body(&text, resource.title), members.join(" "), "{}", resource.name);
        for nested in resource.nested.iter().filter(|nested| nested.resource == &TEAMS) {
            let omitted = format!("NestedTeam = Omit<Required<Team>, {}>;", names(&omitted_fields(nested)));
            assert!(text.contains(&omitted), "{omitted}");
        }
    }
    assert_members(&text, "Resources", RESOURCES.iter().map(|each| format!("{}: {};", each.name, each.title)));
    assert_members(&text, "Shown", RESOURCES.iter().map(|resource| shown(resource)));
}
