//! Computed columns: forms of a field's value that SQL compares as the API does.
//!
//! A computed column is NULL if the value already has that form, which is true of nearly all values, and of rows stored
//! before the column existed.
//!
//! Fields that only some rows have share the column `filter_values`, a JSON object of the values that are not null. Values
//! are those that the core's predicates compare.

use crate::json::quote;
use streamgage::calendar::Day;
use streamgage::schema::{COMMITS, Field, Kind, Lookup, Missing, REPOS, Resource, TAGS, Value};
use streamgage::text::fold;

/// The form of a computed column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    /// `X_folded`: text as `icontains` compares it. For ASCII, SQLite's `upper` returns the same.
    Folded,
    /// `X_utc`: a date-time as written by [`instant`].
    Instant,
}

impl Form {
    /// Returns the form of a field's computed column, if the lookups of the field require one.
    pub fn of(resource: &Resource, field: &Field) -> Option<Form> {
        let contains = field.capabilities.supports(Lookup::IContains) || field.capabilities.is_searchable();
        match field.kind {
            // Repositories are filtered by the names of their tags.
            _ if field.missing == Missing::Absent => None,
            Kind::Text if contains || (resource.name == TAGS.name && field.name == "name") => Some(Form::Folded),
            Kind::DateTime if field.capabilities.supports(Lookup::Exact) => Some(Form::Instant),
            _ => None,
        }
    }

    /// Returns the name of the computed column.
    pub fn column(self, field: &Field) -> String {
        match self {
            Form::Folded => format!("{}_folded", field.name),
            Form::Instant => format!("{}_utc", field.name),
        }
    }
}

/// Returns the columns after `extra`: the day of a commit, then the computed columns in the order of their fields.
pub(crate) fn computed_columns(resource: &Resource) -> impl Iterator<Item = String> {
    let day = (resource.name == COMMITS.name).then(|| "day".to_owned());
    let forms = resource.fields.iter().filter_map(|field| Some(Form::of(resource, field)?.column(field)));
    day.into_iter().chain(forms)
}

/// Returns the value of the computed column for a field's value.
pub(crate) fn compute(resource: &Resource, form: Form, value: &Value<'_>) -> Option<String> {
    match (form, value) {
        (Form::Instant, Value::DateTime(text, time)) => {
            let instant = instant(time.microseconds());
            (instant != *text).then_some(instant)
        }
        // Names of repositories are always stored in this form, because metrics compare nothing else.
        (Form::Folded, Value::Text(text)) if resource.name == REPOS.name => Some(fold(text)),
        // LIKE, which searches the text itself, stops at NUL.
        (Form::Folded, Value::Text(text)) => fold_unless_ascii(text),
        _ => None,
    }
}

/// Returns the folded text if SQLite's `upper` returns another one.
fn fold_unless_ascii(text: &str) -> Option<String> {
    if text.is_ascii() && !text.contains('\0') {
        return None;
    }
    let folded = fold(text);
    (folded != text.to_ascii_uppercase() || text.contains('\0')).then_some(folded)
}

/// Reports whether `filter_values` has the folded text of a field that has a column, but no computed one.
pub(crate) fn has_folded_value(field: &Field) -> bool {
    match field.kind {
        Kind::Json => field.capabilities.supports(Lookup::IContains),
        Kind::Text => field.capabilities.is_read_by_filter(),
        _ => false,
    }
}

/// Returns the members of `filter_values` for a value of a field that only some rows have, or for its folded text.
pub(crate) fn filter_value(field: &Field, value: &Value<'_>) -> Option<String> {
    let name = field.name;
    if has_folded_value(field) {
        return Some(format!("\"{name}_folded\":{}", quote(&fold_unless_ascii(&value.filter_text()?)?)));
    }
    let value = match value {
        _ if field.missing != Missing::Absent => return None,
        Value::Null | Value::Json(_) => return None,
        Value::Boolean(value) => i64::from(*value).to_string(),
        Value::Integer(value) | Value::Decimal(value) => value.to_string(),
        Value::Number(text) => (*text).to_owned(),
        Value::DateTime(_, time) => quote(&instant(time.microseconds())),
        Value::Ids(ids) => format!("[{}]", ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",")),
        Value::Text(text) => match fold_unless_ascii(text) {
            Some(folded) => format!("{},\"{name}_folded\":{}", quote(text), quote(&folded)),
            None => quote(text),
        },
    };
    Some(format!("\"{name}\":{value}"))
}

/// Writes an instant, in microseconds since 1970-01-01T00:00:00Z, as most of the API's date-times are written: in UTC and
/// without trailing zeros of the fraction. The texts are ordered as the instants.
pub(crate) fn instant(microseconds: i64) -> String {
    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 86_400 * SECOND;
    let day = i32::try_from(microseconds.div_euclid(DAY)).unwrap_or_default();
    let mut text = Day::from_number(day).to_string();
    // In UTC the year may be 10000. A character greater than all digits replaces its first two, to keep the order.
    if text.len() > 10 {
        text = text.replacen("10", ":", 1);
    }
    let within = microseconds.rem_euclid(DAY);
    let (seconds, fraction) = (within / SECOND, within % SECOND);
    text.push_str(&format!("T{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60));
    if fraction > 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use streamgage::calendar::DateTime;

    fn instant_of(text: &str) -> String {
        instant(DateTime::parse(text).unwrap_or(DateTime { written: 0, microsecond: 0, offset: None }).microseconds())
    }

    #[test]
    fn instants_are_in_utc() {
        for (text, expected) in [
            ("2016-07-31T00:53:12", "2016-07-31T00:53:12"),
            ("2016-07-31", "2016-07-31T00:00:00"),
            ("2016-07-31 00:53:12.500+02:00", "2016-07-30T22:53:12.5"),
            ("1969-12-31T23:59:59.000001Z", "1969-12-31T23:59:59.000001"),
            ("0001-01-01T00:00:00+01:00", "0000-12-31T23:00:00"),
            ("9999-12-31T23:00:00-01:00", ":000-01-01T00:00:00"),
        ] {
            assert_eq!(instant_of(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn texts_are_ordered_as_instants(
            left in -62_135_683_140_000_000i64..253_402_387_140_000_000,
            right in -62_135_683_140_000_000i64..253_402_387_140_000_000,
            near in -3_000_000i64..3_000_000,
        ) {
            prop_assert_eq!(instant(left).cmp(&instant(right)), left.cmp(&right));
            prop_assert_eq!(instant(left).cmp(&instant(left + near)), 0.cmp(&near));
        }
    }
}
