//! The canonical form of a row, which does not depend on the server.
//!
//! The form follows the API (specification §2): the fields of the resource in their order, missing ones with their
//! default, then unknown fields sorted by name. Nested objects are replaced by their ids (§4), and equal numbers are
//! written equally.

use serde_json::{Map, Value as Json};
use streamgage::metrics::check_row;
use streamgage::schema::{Missing, Resource, RowError, RowSink, Value, read_row};

/// Returns the line of a dump for a row. Rows of generic resources are kept as they came.
///
/// # Errors
/// Returns an error if no reader accepts the row.
pub fn canonical_line(resource: &'static Resource, text: &str) -> Result<String, RowError> {
    if resource.is_generic {
        return check_row(resource, text).map(|()| text.to_owned());
    }
    let row = serde_json::from_str(text).map_err(|error| RowError { field: None, message: error.to_string() })?;
    let line = canonical_row(resource, row)?;
    check_row(resource, &line)?;
    Ok(line)
}

/// Formats a row as a line of a dump. Errors contain the id of the row, if it has one.
fn canonical_row(resource: &'static Resource, row: Map<String, Json>) -> Result<String, RowError> {
    let json = Json::Object(replace_nested(resource, row));
    let mut texts = FieldTexts(vec![None; resource.fields.len()]);
    read_row(resource, &json.to_string(), &mut texts).map_err(|error| {
        let id = json.get("id").map(|id| format!(" (in the row with id {id})")).unwrap_or_default();
        RowError { message: error.message + &id, ..error }
    })?;
    let Json::Object(mut row) = json else { return Ok(String::new()) };
    let mut line = String::from("{");
    for (index, field) in resource.row_fields() {
        let text = texts.0.get_mut(index).and_then(Option::take);
        let given = row.remove(field.name);
        let text = match (text, given) {
            (Some(FieldText::Formatted(text)), _) => text,
            (Some(FieldText::Unchanged), Some(value)) => value.to_string(),
            _ => default(field.missing).to_owned(),
        };
        push_field(&mut line, field.name, &text);
    }
    for (name, value) in row {
        push_field(&mut line, &name, &value.to_string());
    }
    line.push('}');
    Ok(line)
}

fn push_field(line: &mut String, name: &str, text: &str) {
    if line.len() > 1 {
        line.push(',');
    }
    *line += &Json::from(name).to_string();
    line.push(':');
    *line += text;
}

const fn default(missing: Missing) -> &'static str {
    match missing {
        Missing::Required | Missing::Null | Missing::Absent => "null",
        Missing::Zero => "0",
        Missing::False => "false",
        Missing::EmptyList => "[]",
    }
}

/// Replaces nested objects by their ids. Omits the teams of a user, which the memberships contain.
fn replace_nested(resource: &Resource, row: Map<String, Json>) -> Map<String, Json> {
    let mut replaced = Map::new();
    let mut ids = Vec::new();
    for (name, value) in row {
        let id_name = format!("{name}_id");
        match value {
            _ if resource.name == "users" && name == "teams" => {}
            Json::Object(mut object) if object.contains_key("id") => {
                let id = object.remove("id").unwrap_or_default();
                if resource.position(&id_name).is_some() {
                    ids.push((id_name, id));
                } else {
                    replaced.insert(name, id);
                }
            }
            Json::Array(items) if !items.is_empty() && items.iter().all(|item| item.get("id").is_some()) => {
                let ids = items.into_iter().filter_map(|mut item| item.get_mut("id").map(Json::take));
                replaced.insert(name, ids.collect());
            }
            value => {
                replaced.insert(name, value);
            }
        }
    }
    for (name, id) in ids {
        replaced.entry(name).or_insert(id);
    }
    replaced
}

/// The JSON texts of the fields that have a value.
struct FieldTexts(Vec<Option<FieldText>>);

#[derive(Clone)]
enum FieldText {
    Formatted(String),
    /// As in the row.
    Unchanged,
}

impl RowSink for FieldTexts {
    fn value(&mut self, field: usize, value: Value<'_>) {
        let Some(place) = self.0.get_mut(field) else { return };
        *place = match value {
            Value::Null => None,
            Value::Json(_) => Some(FieldText::Unchanged),
            Value::Boolean(value) => Some(FieldText::Formatted(value.to_string())),
            Value::Integer(value) => Some(FieldText::Formatted(value.to_string())),
            Value::Decimal(value) => Some(FieldText::Formatted(decimal(value))),
            Value::Number(_) => value.number().map(|value| FieldText::Formatted(number(value))),
            Value::Text(value) | Value::DateTime(value, _) => Some(FieldText::Formatted(Json::from(value).to_string())),
            Value::Ids(ids) => Some(FieldText::Formatted(Json::from(ids).to_string())),
        };
    }
}

/// Formats ten-thousandths with one to four decimal places.
fn decimal(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let (whole, places) = (value.unsigned_abs() / 10_000, format!("{:04}", value.unsigned_abs() % 10_000));
    let places = places.trim_end_matches('0');
    format!("{sign}{whole}.{}", if places.is_empty() { "0" } else { places })
}

/// Formats a number; whole numbers have no decimal point.
fn number(value: f64) -> String {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT { (value as i64).to_string() } else { Json::from(value).to_string() }
}

#[cfg(test)]
mod tests {
    use super::canonical_row;
    use serde_json::json;
    use streamgage::schema::{COMMITS, REPOS, Resource, TAGS, TEAM_MEMBERSHIP, USERS};

    fn line(resource: &'static Resource, row: serde_json::Value) -> String {
        match row {
            serde_json::Value::Object(row) => canonical_row(resource, row).unwrap_or_else(|error| error.to_string()),
            _ => String::new(),
        }
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
            line(&TAGS, json!({"zeta": {"b": 1.50, "a": [null]}, "name": "x\u{1b}", "alpha": "é", "id": 2.0})),
            r#"{"id":2,"name":"x\u001b","org_id":null,"alpha":"é","zeta":{"a":[null],"b":1.5}}"#
        );
    }

    #[test]
    fn equal_numbers_are_written_equally() {
        let commit = |impact: &str, risk: &str| {
            let text = format!(
                r#"{{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2026-01-01T00:00:00","impact":{impact},"risk":{risk}}}"#
            );
            line(&COMMITS, serde_json::from_str(&text).unwrap_or_default())
        };
        assert_eq!(commit("58", "1"), commit("58.00", "1.0"));
        assert_eq!(commit("5.80", "1e1"), commit("5.8", "10"));
        assert!(commit("58", "0.1").contains(r#""impact":58.0,"risk":0.1"#));
        assert!(commit("-0.0625", "3.3333333333333335").contains(r#""impact":-0.0625,"risk":3.3333333333333335"#));
    }

    #[test]
    fn the_canonical_form_is_stable() {
        let row =
            json!({"id": 1, "apex_user_id": 2, "repo_id": 3, "author_date": "2026-01-01T00:00:00", "impact": 2.5});
        let once = line(&COMMITS, row);
        assert_eq!(line(&COMMITS, serde_json::from_str(&once).unwrap_or_default()), once);
    }

    #[test]
    fn errors_contain_the_id() {
        let row = json!({"id": 9, "apex_user_id": 2, "repo_id": 3, "author_date": "soon"});
        let error = line(&COMMITS, row);
        assert!(error.starts_with("author_date: ") && error.ends_with("(in the row with id 9)"), "{error}");
    }
}
