//! The one form in which a row is written, whoever it comes from.
//!
//! It is that of the API (specification §2): the resource's fields in their order, a missing one with its default,
//! then, by name, what the resource does not know. Ids stand for nested objects (§4), and a number has one spelling.

use serde_json::{Map, Value as Json};
use streamgage::schema::{Missing, Resource, RowError, RowSink, Value, read_row};

/// The row as a line of a dump.
///
/// # Errors
/// A field is not of its kind; with the row's id, if it has one.
pub fn canonical(resource: &'static Resource, row: Map<String, Json>) -> Result<String, RowError> {
    let mut row = flat(resource, row);
    let mut texts = Texts(vec![None; resource.fields.len()]);
    let json = Json::Object(std::mem::take(&mut row));
    read_row(resource, &json, &mut texts).map_err(|error| {
        let id = json.get("id").map(|id| format!(" (in the row with id {id})")).unwrap_or_default();
        RowError { message: error.message + &id, ..error }
    })?;
    if let Json::Object(object) = json {
        row = object;
    }
    let mut line = String::from("{");
    for (field, text) in resource.fields.iter().zip(texts.0) {
        let given = row.remove(field.name);
        let text = match (text, given) {
            (Some(Text::Written(text)), _) => text,
            (Some(Text::AsGiven), Some(value)) => value.to_string(),
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
        Missing::Required | Missing::Null => "null",
        Missing::Zero => "0",
        Missing::False => "false",
        Missing::EmptyList => "[]",
    }
}

/// The row with ids in the place of nested objects. A user's teams are left out: the memberships say the same.
fn flat(resource: &Resource, row: Map<String, Json>) -> Map<String, Json> {
    let mut flat = Map::new();
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
                    flat.insert(name, id);
                }
            }
            Json::Array(items) if !items.is_empty() && items.iter().all(|item| item.get("id").is_some()) => {
                let ids = items.into_iter().filter_map(|mut item| item.get_mut("id").map(Json::take));
                flat.insert(name, ids.collect());
            }
            value => {
                flat.insert(name, value);
            }
        }
    }
    for (name, id) in ids {
        flat.entry(name).or_insert(id);
    }
    flat
}

/// The JSON text of each field of a row.
struct Texts(Vec<Option<Text>>);

#[derive(Clone)]
enum Text {
    Written(String),
    AsGiven,
}

impl RowSink for Texts {
    fn value(&mut self, field: usize, value: Value<'_>) {
        let Some(place) = self.0.get_mut(field) else { return };
        *place = match value {
            Value::Null => None,
            Value::Json => Some(Text::AsGiven),
            Value::Boolean(value) => Some(Text::Written(value.to_string())),
            Value::Integer(value) => Some(Text::Written(value.to_string())),
            Value::Decimal(value) => Some(Text::Written(decimal(value))),
            Value::Number(value) => Some(Text::Written(number(value))),
            Value::Text(value) | Value::DateTime(value, _) => Some(Text::Written(Json::from(value).to_string())),
            Value::Ids(ids) => Some(Text::Written(Json::from(ids).to_string())),
        };
    }
}

/// Ten-thousandths, with as many places as are needed, but one at least.
fn decimal(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let (whole, places) = (value.unsigned_abs() / 10_000, format!("{:04}", value.unsigned_abs() % 10_000));
    let places = places.trim_end_matches('0');
    format!("{sign}{whole}.{}", if places.is_empty() { "0" } else { places })
}

/// A number, whole ones without a point.
fn number(value: f64) -> String {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT { (value as i64).to_string() } else { Json::from(value).to_string() }
}

#[cfg(test)]
mod tests {
    use super::canonical;
    use serde_json::json;
    use streamgage::schema::{COMMITS, REPOS, Resource, TAGS, TEAM_MEMBERSHIP, USERS};

    fn line(resource: &'static Resource, row: serde_json::Value) -> String {
        match row {
            serde_json::Value::Object(row) => canonical(resource, row).unwrap_or_else(|error| error.to_string()),
            _ => String::new(),
        }
    }

    #[test]
    fn ids_stand_for_nested_objects() {
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
    fn unknown_fields_are_kept_and_known_ones_filled_in() {
        assert_eq!(
            line(&TAGS, json!({"zeta": {"b": 1.50, "a": [null]}, "name": "x\u{1b}", "alpha": "é", "id": 2.0})),
            r#"{"id":2,"name":"x\u001b","org_id":null,"alpha":"é","zeta":{"a":[null],"b":1.5}}"#
        );
    }

    #[test]
    fn a_number_has_one_spelling() {
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
    fn the_form_of_a_row_in_that_form_is_itself() {
        let row =
            json!({"id": 1, "apex_user_id": 2, "repo_id": 3, "author_date": "2026-01-01T00:00:00", "impact": 2.5});
        let once = line(&COMMITS, row);
        assert_eq!(line(&COMMITS, serde_json::from_str(&once).unwrap_or_default()), once);
    }

    #[test]
    fn a_bad_row_is_named() {
        let row = json!({"id": 9, "apex_user_id": 2, "repo_id": 3, "author_date": "soon"});
        let error = line(&COMMITS, row);
        assert!(error.starts_with("author_date: ") && error.ends_with("(in the row with id 9)"), "{error}");
    }
}
