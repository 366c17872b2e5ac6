//! The canonical form of a row, which does not depend on the server.
//!
//! The form follows the API (specification §2): the fields of the resource in their order, missing ones with their
//! default, then unknown fields, as they came, sorted by name. Nested objects are replaced by their ids (§4), and equal
//! values are written equally.

use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use streamgage::json;
use streamgage::metrics::check_row;
use streamgage::schema::{Resource, RowError, check_reserved_names, missing_local_date, write_canonical_value};

/// The JSON of the members of a row, by name.
type Members<'a> = BTreeMap<String, Cow<'a, str>>;

/// Returns the line of a dump for a row without line breaks. Rows of generic resources are kept as they came.
///
/// # Errors
/// Returns an error if no reader accepts the row, or if it has a name that dumps reserve.
pub fn canonical_line(resource: &'static Resource, text: &str) -> Result<String, RowError> {
    check_reserved_names(resource, text)?;
    if resource.is_generic {
        return check_row(resource, text).map(|()| text.to_owned());
    }
    let members: BTreeMap<String, &RawValue> =
        serde_json::from_str(text).map_err(|error| RowError { field: None, message: error.to_string() })?;
    let members = replace_nested(resource, members);
    let line = canonical_row(resource, &members);
    check_row(resource, &line).map(|()| line)
}

fn canonical_row(resource: &Resource, members: &Members<'_>) -> String {
    let fields: Vec<Option<&str>> =
        resource.fields.iter().map(|field| members.get(field.name).map(|json| &**json)).collect();
    let mut line = String::from("{");
    for (index, field) in resource.row_fields() {
        push_name(&mut line, field.name);
        match fields.get(index).copied().flatten().filter(|json| *json != "null") {
            Some(json) => write_canonical_value(field.kind, json, &mut line),
            None => match missing_local_date(resource, index, &fields) {
                Some(date) => line += &json::to_string(&date),
                None => line += field.default_json(),
            },
        }
    }
    for (name, json) in members.iter().filter(|(name, _)| resource.row_fields().all(|(_, field)| field.name != **name))
    {
        push_name(&mut line, name);
        line += json;
    }
    line.push('}');
    line
}

fn push_name(line: &mut String, name: &str) {
    if line.len() > 1 {
        line.push(',');
    }
    *line += &json::to_string(&name);
    line.push(':');
}

/// Replaces nested objects by their ids. Omits the teams of a user, which the memberships contain.
fn replace_nested<'a>(resource: &Resource, row: BTreeMap<String, &'a RawValue>) -> Members<'a> {
    let mut replaced = Members::new();
    let mut ids = Vec::new();
    for (name, value) in row {
        let value = value.get();
        let id_name = format!("{name}_id");
        if resource.name == "users" && name == "teams" {
            continue;
        }
        if let Some(id) = object_id(value) {
            if resource.position(&id_name).is_some() {
                ids.push((id_name, id));
            } else {
                replaced.insert(name, id.into());
            }
        } else if let Some(ids) = list_ids(value) {
            replaced.insert(name, ids.into());
        } else {
            replaced.insert(name, value.into());
        }
    }
    for (name, id) in ids {
        replaced.entry(name).or_insert(id.into());
    }
    replaced
}

/// Returns the JSON of the id of an object.
fn object_id(json: &str) -> Option<&str> {
    let object: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    object.get("id").map(|id| id.get())
}

/// Returns the JSON of the ids of a list of objects, all of which have one.
fn list_ids(json: &str) -> Option<String> {
    let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let ids: Vec<&str> = items.iter().map(|item| object_id(item.get())).collect::<Option<_>>()?;
    (!ids.is_empty()).then(|| format!("[{}]", ids.join(",")))
}

#[cfg(test)]
mod tests {
    use super::canonical_line;
    use serde_json::json;
    use streamgage::schema::{COMMITS, REPOS, Resource, TAGS, TEAM_MEMBERSHIP, USERS};

    fn line(resource: &'static Resource, row: serde_json::Value) -> String {
        line_of(resource, &row.to_string())
    }

    fn line_of(resource: &'static Resource, row: &str) -> String {
        canonical_line(resource, row).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn nested_objects_are_replaced_by_ids() {
        let membership = json!({
            "team": {"id": 3, "name": "Heron"}, "id": 1, "apex_user": {"id": 7, "email": "a@example.com"},
            "membership_type": "contributor", "depth": "atomic", "apex_user_id": 7
        });
        assert_eq!(
            line(&TEAM_MEMBERSHIP, membership),
            r#"{"id":1,"membership_type":"contributor","apex_user_id":7,"team_id":3,"depth":"atomic"}"#
        );
        let repo = line(&REPOS, json!({"id": 1, "tags": [{"id": 4, "name": "a"}, {"id": 5, "name": "b"}]}));
        assert!(repo.contains(r#""tags":[4,5]"#), "{repo}");
        let user = line(&USERS, json!({"id": 1, "teams": [{"id": 4}], "login": {"id": 9, "username": "ada"}}));
        assert!(!user.contains("teams") && user.contains(r#""login":9"#), "{user}");
    }

    #[test]
    fn unknown_fields_are_kept_and_missing_fields_are_added() {
        assert_eq!(
            line_of(
                &TAGS,
                r#"{"zeta":{"b":1.50,"a":[null]},"name":"x\u001b","alpha":"\u00e9","big":12345678901234567890,"id":2.0}"#
            ),
            r#"{"id":2,"name":"x\u001b","org_id":null,"alpha":"\u00e9","big":12345678901234567890,"zeta":{"b":1.50,"a":[null]}}"#
        );
    }

    #[test]
    fn equal_numbers_are_written_equally() {
        let commit = |impact: &str, risk: &str| {
            let text = format!(
                r#"{{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2026-01-01T00:00:00","impact":{impact},"risk":{risk}}}"#
            );
            line_of(&COMMITS, &text)
        };
        assert_eq!(commit("58", "1"), commit("58.00", "1.0"));
        assert_eq!(commit("5.80", "1e1"), commit("5.8", "10"));
        assert!(commit("58", "0.1").contains(r#""impact":58.0,"risk":0.1"#));
        assert!(commit("-0.0625", "3.3333333333333335").contains(r#""impact":-0.0625,"risk":3.3333333333333335"#));
    }

    #[test]
    fn dumps_have_the_form_of_lists() {
        let rows = include_str!("../../../tests/values/commits.ndjson").lines().map(|row| line_of(&COMMITS, row));
        let mut rows: Vec<String> = rows.collect();
        // The second row has the greatest id.
        rows[1..].rotate_left(1);
        assert_eq!(rows, include_str!("../../../tests/values/shown.ndjson").lines().collect::<Vec<_>>());
    }

    #[test]
    fn the_canonical_form_is_stable() {
        let row =
            json!({"id": 1, "apex_user_id": 2, "repo_id": 3, "author_date": "2026-01-01T00:00:00", "impact": 2.5});
        let once = line(&COMMITS, row);
        assert_eq!(line_of(&COMMITS, &once), once);
    }
}
