//! Rows as the API shows them (§2), made of their own text.

use super::{Store, list, nested};
use crate::json::{Reader, unescape, write_text};
use crate::query::{ListRequest, Page};
use crate::schema::{Missing, Nested, NestedOf, Resource, Shown};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The texts of the rows of a [`Store`].
pub trait Lines {
    /// The row at that place: JSON that `schema` has read without an error.
    fn line(&self, resource: &Resource, place: usize) -> &str;
}

/// The answer to a list request, `{"count":1,"next":null,"previous":null,"results":[…]}`.
///
/// `address` is that of the list, and `query` what it was asked with: links are made of them.
pub fn list_body(request: &ListRequest, store: &Store, lines: &dyn Lines, address: &str, query: &str) -> String {
    let found = list(request, store);
    let mut out = String::new();
    write_page(&request.page, found.count, address, query, &mut out, |out| {
        for (index, &place) in found.places.iter().enumerate() {
            out.push_str(if index == 0 { "" } else { "," });
            write_row(request, store, lines, place, out);
        }
    });
    out
}

/// Writes a page of a list: how much there is, the links to others, and what `rows` writes between the brackets.
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
            Some(link) => write_text(&link, out),
            None => out.push_str("null"),
        }
    }
    out.push_str(",\"results\":[");
    rows(out);
    out.push_str("]}");
}

/// The row at a place: what the request asks for, in the resource's order, then, if it asks for nothing by name, what
/// the resource does not know.
pub fn write_row(request: &ListRequest, store: &Store, lines: &dyn Lines, place: usize, out: &mut String) {
    let resource = request.resource;
    let members = Members::read(lines.line(resource, place));
    let mut object = Object::begin(out);
    for (at, what) in resource.shown().enumerate() {
        if !request.projection.shows(at) {
            continue;
        }
        object.name(what.name());
        match what {
            Shown::Field(_, field) => {
                let user = || members.value("apex_user_id").filter(|_| request.normalize_authors);
                let value = if field.name == "user_alias_id" { user() } else { None };
                object.0.push_str(value.or_else(|| members.value(field.name)).unwrap_or(missing(field.missing)));
            }
            Shown::Nested(nested) => write_nested(nested, resource, store, lines, place, object.0),
        }
    }
    if request.projection.unknown {
        let is_shown = |name: &str| resource.shown().any(|shown| shown.name() == name);
        for (name, value) in members.0.iter().filter(|(name, _)| !is_shown(name)) {
            object.name(name);
            object.0.push_str(value);
        }
    }
    object.end();
}

/// The rows of another resource that a row shows.
fn write_nested(of: &Nested, resource: &Resource, store: &Store, lines: &dyn Lines, place: usize, out: &mut String) {
    let places = store.rows(resource).map(|rows| nested(of, rows, place, store)).unwrap_or_default();
    let is_list = of.of != NestedOf::Id;
    out.push_str(match (is_list, places.is_empty()) {
        (true, _) => "[",
        (false, true) => "null",
        (false, false) => "",
    });
    for (index, &place) in places.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let members = Members::read(lines.line(of.resource, place));
        let mut object = Object::begin(out);
        for field in of.resource.fields.iter().filter(|field| of.fields.contains(&field.name)) {
            object.name(field.name);
            object.0.push_str(members.value(field.name).unwrap_or(missing(field.missing)));
        }
        object.end();
    }
    if is_list {
        out.push(']');
    }
}

/// The members of a row and the texts of their values, by name; of one that is named twice, the later.
struct Members<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Members<'a> {
    fn read(line: &'a str) -> Members<'a> {
        let mut members: Vec<(Cow<'a, str>, &'a str)> = Vec::new();
        let mut reader = Reader::new(line);
        reader.begin(b'{');
        while let Ok(Some((name, value))) = reader.member() {
            let Some(name) = unescape(name) else { continue };
            match members.binary_search_by(|(other, _)| other.as_ref().cmp(name.as_ref())) {
                Ok(at) => members.get_mut(at).into_iter().for_each(|member| member.1 = value),
                Err(at) => members.insert(at, (name, value)),
            }
        }
        Members(members)
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        let at = self.0.binary_search_by(|(other, _)| other.as_ref().cmp(name)).ok()?;
        self.0.get(at).map(|&(_, value)| value)
    }
}

/// An object that is being written.
struct Object<'a>(&'a mut String, char);

impl<'a> Object<'a> {
    fn begin(out: &'a mut String) -> Object<'a> {
        Object(out, '{')
    }

    fn name(&mut self, name: &str) {
        self.0.push(core::mem::replace(&mut self.1, ','));
        write_text(name, self.0);
        self.0.push(':');
    }

    fn end(self) {
        self.0.push_str(if self.1 == '{' { "{}" } else { "}" });
    }
}

fn missing(missing: Missing) -> &'static str {
    match missing {
        Missing::Required | Missing::Null => "null",
        Missing::Zero => "0",
        Missing::False => "false",
        Missing::EmptyList => "[]",
    }
}
