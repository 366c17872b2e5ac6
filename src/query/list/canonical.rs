//! Canonical query strings of list requests.

use super::filter::{Operator, Term};
use super::{Comparison, Condition, ListRequest, MemberSelection, Predicate, Subject};
use crate::calendar::{DateTime, Day};
use crate::query::{DEFAULT_LIMIT, encode_form, encode_query};
use crate::schema::{FieldCapabilities, Flag, Kind, Lookup, Pagination, Resource};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl ListRequest {
    /// Returns the query string that represents all equivalent ones. Parsing it gives this request again.
    ///
    /// ```
    /// use streamgage::{query::ListRequest, schema::USERS};
    /// let canonical = |query| ListRequest::parse(&USERS, query).map(|request| request.canonical());
    /// assert_eq!(canonical("name=+b&limit=x&id__gt=4.5&unknown=1&omit="), Ok("id__gte=5&name=b".to_owned()));
    /// assert_eq!(canonical("team__id=2&team__id__in=2,1"), Ok("team__id__in=1%2C2&team_member=2".to_owned()));
    /// assert_eq!(canonical("filters=(id=2)|~(id=1)"), Ok("filters=%28id%25253D2%29%7C~%28id%25253D1%29".to_owned()));
    /// ```
    pub fn canonical(&self) -> String {
        let resource = self.resource;
        let mut pairs: Vec<(String, String)> = Vec::new();
        let is_search = |condition: &&Condition| condition.subject == Subject::Search;
        if self.filter.terms.is_empty() {
            let conditions = self.filter.conditions().filter(|condition| !is_search(condition));
            pairs.extend(conditions.map(|condition| pair(resource, condition)));
        } else {
            pairs.push(("filters".to_owned(), expression(resource, &self.filter.terms)));
        }
        let terms: Vec<String> =
            self.filter.conditions().filter(is_search).map(|term| quoted(&term.predicate)).collect();
        let order = |order: &super::Order| {
            let (name, ..) = subject_name(resource, order.subject, false);
            format!("{}{name}", if order.descending { "-" } else { "" })
        };
        let ordering: Vec<String> = self.ordering.iter().map(order).collect();
        let places = |shown: bool| -> Vec<&str> {
            let places =
                resource.output_fields().enumerate().filter(|&(place, _)| self.projection.shows(place) == shown);
            places.map(|(_, shown)| shown.name()).collect()
        };
        for (name, values) in [("search", terms.join(" ")), ("ordering", ordering.join(","))] {
            if !values.is_empty() {
                pairs.push((name.to_owned(), values));
            }
        }
        match &self.projection.members {
            MemberSelection::Only(names) => pairs.push(("fields".to_owned(), names.join(","))),
            MemberSelection::AllExcept(names) if names.is_empty() => {}
            MemberSelection::AllExcept(names) => pairs.push(("omit".to_owned(), names.join(","))),
        }
        if !self.projection.unknown {
            pairs.push(("fields".to_owned(), places(true).join(",")));
        } else if !places(false).is_empty() {
            pairs.push(("omit".to_owned(), places(false).join(",")));
        }
        if self.normalize_authors {
            pairs.push((Flag::NormalizeAuthors.name().to_owned(), "true".to_owned()));
        }
        let (limit, start, first) = match self.page.pagination {
            Pagination::Offset => ("limit", "offset", self.page.offset),
            Pagination::PageNumber => ("page_size", "page", self.page.number()),
        };
        if self.page.limit != DEFAULT_LIMIT {
            pairs.push((limit.to_owned(), self.page.limit.to_string()));
        }
        if self.page.offset != 0 {
            pairs.push((start.to_owned(), first.to_string()));
        }
        pairs.sort();
        encode_query(texts(&pairs))
    }
}

fn texts(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// Formats a `filters` expression. Each query is encoded twice more: as a query in brackets and as a part of the
/// expression.
fn expression(resource: &Resource, terms: &[Term]) -> String {
    let mut text = String::new();
    for term in terms {
        text.push_str(match term.operator {
            None => "",
            Some(Operator::And) => "&",
            Some(Operator::Or) => "|",
        });
        text.push_str(if term.negated { "~(" } else { "(" });
        let pairs: Vec<(String, String)> = term.conditions.iter().map(|condition| pair(resource, condition)).collect();
        // A query without conditions is still a query and needs some text.
        let query = if pairs.is_empty() { "_".to_owned() } else { encode_query(texts(&pairs)) };
        let mut once = String::new();
        encode_form(&query, &mut once);
        encode_form(&once, &mut text);
        text.push(')');
    }
    text
}

/// Returns the parameter of a condition.
fn pair(resource: &Resource, condition: &Condition) -> (String, String) {
    if let Some(flag) = condition.flag(resource) {
        return (flag.name().to_owned(), "true".to_owned());
    }
    let is_list = matches!(condition.predicate, Predicate::OneOf(_));
    let (name, kind, capabilities) = subject_name(resource, condition.subject, is_list);
    let whole = |value: i64| match kind {
        Kind::Boolean => (value != 0).to_string(),
        Kind::DateTime => date_time(value),
        Kind::Decimal => {
            let size = value.unsigned_abs();
            format!("{}{}.{:04}", if value < 0 { "-" } else { "" }, size / 10_000, size % 10_000)
        }
        _ => value.to_string(),
    };
    let list = |texts: &[String]| {
        let list = texts.join(",");
        if list.is_empty() { ",".to_owned() } else { list }
    };
    let (lookup, value) = match &condition.predicate {
        // No integer of 64 bits is as large.
        Predicate::Never if capabilities.is_some_and(|capabilities| capabilities.supports(Lookup::Gt)) => {
            (Lookup::Gt, "1e30".to_owned())
        }
        Predicate::Never if capabilities.is_some_and(|capabilities| capabilities.supports(Lookup::In)) => {
            (Lookup::In, "1e30".to_owned())
        }
        Predicate::Never => (Lookup::Exact, "1e30".to_owned()),
        Predicate::Always => (Lookup::Lt, "1e30".to_owned()),
        Predicate::Equal(value) => (Lookup::Exact, whole(*value)),
        Predicate::AtLeast(value) => (Lookup::Gte, whole(*value)),
        Predicate::AtMost(value) => (Lookup::Lte, whole(*value)),
        Predicate::OneOf(ids) => (Lookup::In, ids.to_parameter()),
        Predicate::Number(comparison, operand) => {
            let lookup = match comparison {
                Comparison::Equal => Lookup::Exact,
                Comparison::Greater => Lookup::Gt,
                Comparison::AtLeast => Lookup::Gte,
                Comparison::Less => Lookup::Lt,
                Comparison::AtMost => Lookup::Lte,
            };
            let value = operand.value();
            // Only negative numbers can be infinite, because there is no lower limit.
            (lookup, if value.is_finite() { format!("{value:e}") } else { "-1e999".to_owned() })
        }
        Predicate::Text(text) => (Lookup::Exact, text.clone()),
        Predicate::TextOneOf(texts) => (Lookup::In, list(texts)),
        Predicate::DescendantOf(paths) => (Lookup::DescendantsIn, list(paths)),
        Predicate::Contains(text) if capabilities.is_some_and(|capabilities| capabilities.exact_contains()) => {
            (Lookup::Exact, text.clone())
        }
        Predicate::Contains(text) => (Lookup::IContains, text.clone()),
        Predicate::StartsWith(text) => (Lookup::StartsWith, text.clone()),
        Predicate::Null(is_null) => (Lookup::IsNull, is_null.to_string()),
    };
    let separator = if lookup == Lookup::Exact { "" } else { "__" };
    (format!("{name}{separator}{}{}", lookup.suffix(), if condition.negated { "!" } else { "" }), value)
}

/// Returns the name of a field or filter, its kind and its capabilities.
fn subject_name(resource: &Resource, subject: Subject, is_list: bool) -> (String, Kind, Option<FieldCapabilities>) {
    let own = match subject {
        Subject::Field(place) => {
            resource.fields.get(place).map(|field| (field.name.to_owned(), field.kind, field.capabilities))
        }
        Subject::Referenced(field) => {
            return match field.follow(resource) {
                Some((reference, other, subject)) => {
                    let (name, kind, capabilities) = subject_name(other, subject, is_list);
                    (format!("{}__{name}", reference.name), kind, capabilities)
                }
                None => (String::new(), Kind::Json, None),
            };
        }
        subject => {
            // If two filters have the same target, only one may take lists.
            let is_same = |filter: &&crate::schema::FilterDefinition| {
                subject == Subject::Filter(filter.target) && (!is_list || filter.capabilities.supports(Lookup::In))
            };
            let filter = resource.filters.iter().find(is_same);
            filter.map(|filter| (filter.name.to_owned(), filter.kind, filter.capabilities))
        }
    };
    own.map_or((String::new(), Kind::Json, None), |(name, kind, capabilities)| (name, kind, Some(capabilities)))
}

/// Quotes a search term, so that it stays one term.
fn quoted(predicate: &Predicate) -> String {
    let Predicate::Contains(term) = predicate else { return String::new() };
    format!("\"{}\"", term.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Formats a date-time of the years 1 to 9999. If the year is outside of them in UTC, an offset moves it inside.
fn date_time(microseconds: i64) -> String {
    const DAY: i64 = 86_400_000_000;
    const ALMOST_A_DAY: i64 = DAY - 60_000_000;
    let write = |microseconds: i64, offset: &str| {
        let day = i32::try_from(microseconds.div_euclid(DAY)).unwrap_or(0);
        let second = microseconds.rem_euclid(DAY) / 1_000_000;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let fraction = microseconds.rem_euclid(1_000_000);
        format!("{}T{hour:02}:{minute:02}:{second:02}.{fraction:06}{offset}", Day::from_number(day))
    };
    let is_same = |text: &String| DateTime::parse(text).is_some_and(|time| time.microseconds() == microseconds);
    [(0, ""), (ALMOST_A_DAY, "+23:59"), (-ALMOST_A_DAY, "-23:59")]
        .into_iter()
        .map(|(shift, offset)| write(microseconds.saturating_add(shift), offset))
        .find(is_same)
        .unwrap_or_default()
}
