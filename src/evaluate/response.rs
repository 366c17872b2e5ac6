//! The JSON of lists and rows (§2), made of the texts of the rows.

use super::generic_row::write_generic_row;
use super::list::list;
use super::nested_rows::nested_rows;
use super::store::Store;
use crate::json;
use crate::query::{ListRequest, MemberSelection, Page};
use crate::schema::{
    COMMITS, Field, Missing, Nested, NestedSource, OutputField, Resource, missing_local_date, write_canonical_value,
};
use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The texts of the rows of a [`Store`].
pub trait RowTexts {
    /// Returns the JSON of the row at a position, as [`read_row`](crate::schema::read_row) has read it without an error.
    fn row_text(&self, resource: &Resource, position: usize) -> &str;
}

/// Returns the body of a list, `{"count":1,"next":null,"previous":null,"results":[…]}`, or `None` if the list does not
/// have the numbered page.
///
/// The links to other pages are made of the `address` of the list and the `query` of the request.
pub fn list_body(
    request: &ListRequest,
    store: &Store,
    texts: &dyn RowTexts,
    address: &str,
    query: &str,
) -> Option<String> {
    let found = list(request, store);
    if !request.page.exists(found.count) {
        return None;
    }
    let mut out = String::new();
    write_page(&request.page, found.count, address, query, &mut out, |out| {
        let (layout, mut values) = (RowLayout::for_request(request), RowValues::default());
        for (index, &position) in found.positions.iter().enumerate() {
            out.push_str(if index == 0 { "" } else { "," });
            layout.write(store, texts, position, &mut values, out);
        }
    });
    Some(out)
}

/// Writes a page of a list: the count, the links to other pages, and the results that `rows` writes.
pub fn write_page(
    page: &Page,
    count: u64,
    address: &str,
    query: &str,
    out: &mut String,
    rows: impl FnOnce(&mut String),
) {
    out.push_str("{\"count\":");
    out.push_str(&count.to_string());
    let links = [("next", page.next(count, address, query)), ("previous", page.previous(address, query))];
    for (name, link) in links {
        out.push_str(",\"");
        out.push_str(name);
        out.push_str("\":");
        match link {
            Some(link) => out.push_str(&json::to_string(&link)),
            None => out.push_str("null"),
        }
    }
    out.push_str(",\"results\":[");
    rows(out);
    out.push_str("]}");
}

/// Writes a row: the requested fields in the order of the resource, then, unless the request names fields, the members
/// that the resource does not know.
pub fn write_row(request: &ListRequest, store: &Store, texts: &dyn RowTexts, position: usize, out: &mut String) {
    RowLayout::for_request(request).write(store, texts, position, &mut RowValues::default(), out);
}

/// The layout that all rows of a list share.
struct RowLayout {
    resource: &'static Resource,
    /// The text before each value, `,"name":` or `{"name":`, and the source of the value.
    members: Vec<(String, ValueSource)>,
    /// Reports whether members that the resource does not know are shown.
    shows_unknown: bool,
    /// The shown members of a row of a generic resource.
    selection: MemberSelection,
}

/// The source of a value.
enum ValueSource {
    /// A field of the row.
    Field(usize, &'static Field),
    /// Rows of another resource.
    Nested(&'static Nested, RowLayout),
}

impl RowLayout {
    fn for_request(request: &ListRequest) -> RowLayout {
        const ALIAS: usize = COMMITS.field_index("user_alias_id");
        const USER: usize = COMMITS.field_index("apex_user_id");
        let shown = request.resource.output_fields().enumerate().filter(|&(at, _)| request.projection.shows(at));
        let sources = shown.map(|(_, shown)| match shown {
            // Only requests for commits can normalize authors.
            OutputField::Field(ALIAS, field) if request.normalize_authors => {
                (field.name, ValueSource::Field(USER, field))
            }
            OutputField::Field(at, field) => (field.name, ValueSource::Field(at, field)),
            OutputField::Nested(nested) => {
                let fields = nested.resource.fields.iter().enumerate();
                let fields = fields.filter(|(_, field)| nested.fields.contains(&field.name));
                let layout = RowLayout::new(
                    nested.resource,
                    fields.map(|(at, field)| (field.name, ValueSource::Field(at, field))),
                );
                (nested.name, ValueSource::Nested(nested, layout))
            }
        });
        RowLayout {
            shows_unknown: request.projection.unknown,
            selection: request.projection.members.clone(),
            ..RowLayout::new(request.resource, sources)
        }
    }

    fn new(resource: &'static Resource, sources: impl Iterator<Item = (&'static str, ValueSource)>) -> RowLayout {
        let mut members: Vec<(String, ValueSource)> = Vec::new();
        for (name, source) in sources {
            let mut prefix = String::from(if members.is_empty() { "{" } else { "," });
            prefix.push_str(&json::to_string(&name));
            prefix.push(':');
            members.push((prefix, source));
        }
        RowLayout { resource, members, shows_unknown: false, selection: MemberSelection::AllExcept(Vec::new()) }
    }

    /// Writes the row at a position. `values` is a buffer.
    fn write<'a>(
        &self,
        store: &Store,
        texts: &'a dyn RowTexts,
        position: usize,
        values: &mut RowValues<'a>,
        out: &mut String,
    ) {
        let text = texts.row_text(self.resource, position);
        if self.resource.is_generic {
            return write_generic_row(text, &self.selection, out);
        }
        values.read(self.resource, text);
        for (name, source) in &self.members {
            out.push_str(name);
            match source {
                ValueSource::Field(at, field) => values.write(self.resource, *at, field, out),
                ValueSource::Nested(nested, layout) => {
                    layout.write_nested(nested, self.resource, store, texts, position, out)
                }
            }
        }
        let mut separator = if self.members.is_empty() { '{' } else { ',' };
        for (name, value) in values.unknown.iter().filter(|_| self.shows_unknown) {
            // Nested rows are written above.
            if self.resource.nested.iter().all(|nested| nested.name != name) {
                out.push(core::mem::replace(&mut separator, ','));
                out.push_str(&json::to_string(name));
                out.push(':');
                out.push_str(value);
            }
        }
        out.push_str(if separator == '{' { "{}" } else { "}" });
    }

    /// Writes the rows nested in a row of another resource.
    fn write_nested(
        &self,
        nested: &Nested,
        resource: &Resource,
        store: &Store,
        texts: &dyn RowTexts,
        position: usize,
        out: &mut String,
    ) {
        let positions = store.rows(resource).map(|rows| nested_rows(nested, rows, position, store)).unwrap_or_default();
        let is_list = nested.source != NestedSource::Id;
        out.push_str(match (is_list, positions.is_empty()) {
            (true, _) => "[",
            (false, true) => "null",
            (false, false) => "",
        });
        let mut values = RowValues::default();
        for (index, &position) in positions.iter().enumerate() {
            out.push_str(if index == 0 { "" } else { "," });
            self.write(store, texts, position, &mut values, out);
        }
        if is_list {
            out.push(']');
        }
    }
}

/// The JSON texts of a row's values. If a member is named twice, the later one counts.
#[derive(Default)]
struct RowValues<'a> {
    /// One entry for each field of the resource; `None` if the row does not have it.
    fields: Vec<Option<&'a str>>,
    /// The members that are no fields, sorted by name.
    unknown: Vec<(String, &'a str)>,
}

impl<'a> RowValues<'a> {
    /// Replaces the values with those of another row. A row that is no object has none.
    fn read(&mut self, resource: &Resource, text: &'a str) {
        self.fields.clear();
        self.fields.resize(resource.fields.len(), None);
        self.unknown.clear();
        let mut json = serde_json::Deserializer::from_str(text);
        // The schema's readers have read the row without an error before.
        let _ = json.deserialize_map(ValuesVisitor { values: self, resource });
    }
}

impl RowValues<'_> {
    /// Writes the value of a field in its canonical form, or what stands for it if the row does not have it.
    fn write(&self, resource: &Resource, index: usize, field: &Field, out: &mut String) {
        match self.fields.get(index).copied().flatten() {
            Some(json) if json != "null" => write_canonical_value(field.kind, json, out),
            given => match missing_local_date(resource, index, &self.fields) {
                Some(date) => out.push_str(&json::to_string(&date)),
                None => out.push_str(given.unwrap_or(field.default_json())),
            },
        }
    }
}

struct ValuesVisitor<'v, 'a> {
    values: &'v mut RowValues<'a>,
    resource: &'v Resource,
}

impl<'a> Visitor<'a> for ValuesVisitor<'_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let RowValues { fields, unknown } = self.values;
        let mut expected = 0;
        while let Some(name) = map.next_key_seed(NameSeed { resource: self.resource, expected })? {
            let value = map.next_value::<&RawValue>()?.get();
            match name {
                MemberName::Field(index) => {
                    expected = index + 1;
                    fields.get_mut(index).into_iter().for_each(|field| *field = Some(value));
                }
                MemberName::Unknown(name) => match unknown.binary_search_by(|(other, _)| other.cmp(&name)) {
                    Ok(at) => unknown.get_mut(at).into_iter().for_each(|other| other.1 = value),
                    Err(at) => unknown.insert(at, (name, value)),
                },
            }
        }
        Ok(())
    }
}

enum MemberName {
    Field(usize),
    Unknown(String),
}

struct NameSeed<'r> {
    resource: &'r Resource,
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = MemberName;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<MemberName, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = MemberName;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<MemberName, E> {
        let index = self.resource.member_position(self.expected, name);
        let is_in_each_row =
            |&index: &usize| self.resource.fields.get(index).is_some_and(|field| field.missing != Missing::Absent);
        Ok(index.filter(is_in_each_row).map_or_else(|| MemberName::Unknown(name.to_owned()), MemberName::Field))
    }
}
