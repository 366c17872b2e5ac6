//! The types of rows in the npm package (`browser/js/rows.ts`) are those of the schema: each field, in order, with what
//! it may be, and what rows show of other resources.

use std::fs::read_to_string;
use streamgage::schema::{Field, Kind, Missing, Nested, NestedSource, RESOURCES, Resource, TEAMS};

fn member(field: &Field) -> String {
    let of_kind = match field.kind {
        Kind::Integer | Kind::Decimal | Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Text => "string",
        Kind::DateTime => "DateTime",
        Kind::Ids => "(number | { id: number })[]",
        // That may be null anyhow.
        Kind::Json => return format!("{}?: Json;", field.name),
    };
    match field.missing {
        Missing::Required => format!("{}: {of_kind};", field.name),
        _ => format!("{}?: {of_kind} | null;", field.name),
    }
}

fn names(names: &[&str]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" | ")
}

/// The fields of teams that teams in other rows don't have.
fn not_nested(nested: &Nested) -> Vec<&'static str> {
    nested.resource.fields.iter().map(|field| field.name).filter(|name| !nested.fields.contains(name)).collect()
}

fn nested_member(nested: &Nested) -> String {
    let whole = format!("Required<{}>", nested.resource.title);
    let shown = match not_nested(nested).len() {
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

/// What stands in an interface, in one line, without comments.
fn body(text: &str, interface: &str) -> String {
    let rest = text.split_once(&format!("export interface {interface} {{\n")).map_or("", |(_, rest)| rest);
    let body = rest.split_once("\n}").map_or("", |(body, _)| body);
    let lines = body.lines().map(str::trim).filter(|line| !line.starts_with(['/', '*']));
    lines.collect::<Vec<_>>().join(" ").replace("; }", " }")
}

/// That these members are in an interface, in any order, and nothing else.
fn hold(text: &str, interface: &str, members: impl Iterator<Item = String>) {
    let mut body = body(text, interface);
    for member in members {
        assert!(body.contains(&member), "{interface} lacks {member}");
        body = body.replacen(&member, "", 1);
    }
    assert_eq!(body.trim(), "", "{interface} has more");
}

#[test]
fn the_types_of_rows_are_those_of_the_schema() {
    let text = read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/browser/js/rows.ts")).expect("rows.ts");
    for resource in RESOURCES {
        let members: Vec<String> = resource.fields.iter().map(member).collect();
        assert_eq!(body(&text, resource.title), members.join(" "), "{}", resource.name);
        for nested in resource.nested.iter().filter(|nested| nested.resource == &TEAMS) {
            let omitted = format!("NestedTeam = Omit<Required<Team>, {}>;", names(&not_nested(nested)));
            assert!(text.contains(&omitted), "{omitted}");
        }
    }
    hold(&text, "Resources", RESOURCES.iter().map(|each| format!("{}: {};", each.name, each.title)));
    hold(&text, "Shown", RESOURCES.iter().map(|resource| shown(resource)));
}
