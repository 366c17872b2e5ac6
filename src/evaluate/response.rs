//! Rows as the API shows them (§2), made of their own text.

use super::{Store, list, nested_rows};
use crate::json::{Reader, unescape, write_text};
use crate::query::{ListRequest, Page};
use crate::schema::{COMMITS, Field, Missing, Nested, NestedSource, OutputField, Resource};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The texts of the rows of a [`Store`].
pub trait RowTexts {
    /// The row at that position: JSON that `schema` has read without an error.
    fn row_text(&self, resource: &Resource, position: usize) -> &str;
}

/// The answer to a list request, `{"count":1,"next":null,"previous":null,"results":[…]}`.
///
/// `address` is that of the list, and `query` what it was asked with: links are made of them.
pub fn list_body(request: &ListRequest, store: &Store, texts: &dyn RowTexts, address: &str, query: &str) -> String {
    let found = list(request, store);
    let mut out = String::new();
    write_page(&request.page, found.count, address, query, &mut out, |out| {
        let (form, mut values) = (Form::of_request(request), Values::default());
        for (index, &position) in found.positions.iter().enumerate() {
            out.push_str(if index == 0 { "" } else { "," });
            form.write(store, texts, position, &mut values, out);
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

/// The row at a position: what the request asks for, in the resource's order, then, if it asks for nothing by name, what
/// the resource does not know.
pub fn write_row(request: &ListRequest, store: &Store, texts: &dyn RowTexts, position: usize, out: &mut String) {
    Form::of_request(request).write(store, texts, position, &mut Values::default(), out);
}

/// How rows are written: what is the same for all of them, found once.
struct Form {
    resource: &'static Resource,
    /// What a row shows, each behind its name as it is written: `,"name":`, and the first after a `{`.
    members: Vec<(String, Source)>,
    /// Whether what the resource does not know is shown.
    unknown: bool,
}

/// Where a value comes from.
enum Source {
    /// A field of the row; where the row does not have it, this text.
    Field(usize, &'static str),
    /// Rows of another resource.
    Nested(&'static Nested, Form),
}

impl Form {
    fn of_request(request: &ListRequest) -> Form {
        const ALIAS: usize = COMMITS.field_index("user_alias_id");
        const USER: usize = COMMITS.field_index("apex_user_id");
        let shown = request.resource.output_fields().enumerate().filter(|&(at, _)| request.projection.shows(at));
        let sources = shown.map(|(_, shown)| match shown {
            // Commits alone can be asked for so.
            OutputField::Field(ALIAS, field) if request.normalize_authors => (field.name, Source::field(USER, field)),
            OutputField::Field(at, field) => (field.name, Source::field(at, field)),
            OutputField::Nested(nested) => {
                let fields = nested.resource.fields.iter().enumerate();
                let fields = fields.filter(|(_, field)| nested.fields.contains(&field.name));
                let form = Form::new(nested.resource, fields.map(|(at, field)| (field.name, Source::field(at, field))));
                (nested.name, Source::Nested(nested, form))
            }
        });
        Form { unknown: request.projection.unknown, ..Form::new(request.resource, sources) }
    }

    fn new(resource: &'static Resource, sources: impl Iterator<Item = (&'static str, Source)>) -> Form {
        let mut members: Vec<(String, Source)> = Vec::new();
        for (name, source) in sources {
            let mut prefix = String::from(if members.is_empty() { "{" } else { "," });
            write_text(name, &mut prefix);
            prefix.push(':');
            members.push((prefix, source));
        }
        Form { resource, members, unknown: false }
    }

    /// Writes the row at a position; `values` is room for what is read of it.
    fn write<'a>(
        &self,
        store: &Store,
        texts: &'a dyn RowTexts,
        position: usize,
        values: &mut Values<'a>,
        out: &mut String,
    ) {
        values.read(self.resource, texts.row_text(self.resource, position));
        for (name, source) in &self.members {
            out.push_str(name);
            match source {
                Source::Field(at, missing) => {
                    out.push_str(values.fields.get(*at).copied().flatten().unwrap_or(missing))
                }
                Source::Nested(nested, form) => form.write_nested(nested, self.resource, store, texts, position, out),
            }
        }
        let mut separator = if self.members.is_empty() { '{' } else { ',' };
        for (name, value) in values.others.iter().filter(|_| self.unknown) {
            // What is nested has no position of its own among a row's values.
            if self.resource.nested.iter().all(|nested| nested.name != name) {
                out.push(core::mem::replace(&mut separator, ','));
                write_text(name, out);
                out.push(':');
                out.push_str(value);
            }
        }
        out.push_str(if separator == '{' { "{}" } else { "}" });
    }

    /// Writes the rows that a row of another resource shows.
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
        let mut values = Values::default();
        for (index, &position) in positions.iter().enumerate() {
            out.push_str(if index == 0 { "" } else { "," });
            self.write(store, texts, position, &mut values, out);
        }
        if is_list {
            out.push(']');
        }
    }
}

impl Source {
    fn field(at: usize, field: &Field) -> Source {
        let missing = match field.missing {
            Missing::Required | Missing::Null => "null",
            Missing::Zero => "0",
            Missing::False => "false",
            Missing::EmptyList => "[]",
        };
        Source::Field(at, missing)
    }
}

/// The texts of a row's values; of one that is named twice, the later.
#[derive(Default)]
struct Values<'a> {
    /// Of each field of the resource, if the row has it.
    fields: Vec<Option<&'a str>>,
    /// What is none of its fields, in the order of names.
    others: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Values<'a> {
    fn read(&mut self, resource: &Resource, line: &'a str) {
        self.fields.clear();
        self.fields.resize(resource.fields.len(), None);
        self.others.clear();
        let mut reader = Reader::new(line);
        reader.begin(b'{');
        let mut expected = 0;
        while let Ok(Some((name, value))) = reader.member() {
            let Some(name) = unescape(name) else { continue };
            if let Some(at) = resource.position_from(expected, &name) {
                expected = at + 1;
                self.fields.get_mut(at).into_iter().for_each(|field| *field = Some(value));
                continue;
            }
            match self.others.binary_search_by(|(other, _)| other.as_ref().cmp(name.as_ref())) {
                Ok(at) => self.others.get_mut(at).into_iter().for_each(|other| other.1 = value),
                Err(at) => self.others.insert(at, (name, value)),
            }
        }
    }
}
