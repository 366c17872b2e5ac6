//! Resources as data (§2): their fields in the order in which the API shows them.
//!
//! Dumps, imports, database tables and lists all use this description. To add a field, add a line to [`RESOURCES`] and,
//! for the database, a migration.

mod canonical_value;
mod capabilities;
mod field_value;
mod filter;
mod generic;
mod list;
mod local_date;
mod operand_type;
mod reserved;
mod resources;
mod row_reader;
mod row_splitter;
mod serde_row;
mod unanswered;
mod value;

pub use canonical_value::write_canonical_value;
pub use capabilities::{FieldCapabilities, Lookup};
pub use field_value::parse_ids;
pub(crate) use filter::refers;
pub use filter::{FilterDefinition, FilterTarget, Flag, Reference, Relation};
pub use generic::GENERIC;
pub use list::RESOURCES;
pub use local_date::{LocalDateSink, missing_local_date};
pub use operand_type::OperandType;
pub use reserved::check_reserved_names;
pub use resources::{COMMITS, REPOS, TAGS, TEAM_MEMBERSHIP, TEAMS, USER_ALIAS, USERS};
pub use row_reader::RowReader;
pub(crate) use row_reader::field_spec;
pub use row_splitter::{ReadReport, RowHandler, RowSplitter, RowText};
pub use serde_row::read_row;
pub use unanswered::{UNANSWERED_FILTERS, UNANSWERED_ORDERINGS, Unanswered};
pub use value::{MAX_INTEGER, RowError, RowSink, Value};

/// A resource of the `core` API.
#[derive(Debug, PartialEq)]
pub struct Resource {
    /// The name in paths, dumps and tables.
    pub name: &'static str,
    /// The name of a row as a type.
    pub title: &'static str,
    /// The fields, in the order in which rows show them. The first is `id`.
    pub fields: &'static [Field],
    /// The rows of other resources that rows show.
    pub nested: &'static [Nested],
    /// The filters that are no fields.
    pub filters: &'static [FilterDefinition],
    /// The objects of other resources that fields refer to.
    pub references: &'static [Reference],
    /// The flags.
    pub flags: &'static [Flag],
    /// Reports whether rows are stored and shown as they came.
    pub is_generic: bool,
    /// The parameters that name a page of the list.
    pub pagination: Pagination,
}

/// The parameters that name a page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pagination {
    /// `limit` and `offset`.
    Offset,
    /// `page` and `page_size`.
    PageNumber,
}

/// A field of a resource.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// The type of the values.
    pub kind: Kind,
    /// The value of a row that does not have the field.
    pub missing: Missing,
    /// The lookups, ordering and search that lists support.
    pub capabilities: FieldCapabilities,
    /// The valid integers.
    pub range: Range,
}

impl Field {
    /// Returns the JSON that lists show for a row without the field, in its canonical form.
    pub const fn default_json(&self) -> &'static str {
        match (self.missing, self.kind) {
            (Missing::Required | Missing::Null | Missing::Absent, _) => "null",
            (Missing::Zero, Kind::Decimal | Kind::Number) => "0.0",
            (Missing::Zero, _) => "0",
            (Missing::False, _) => "false",
            (Missing::EmptyList, _) => "[]",
        }
    }
}

/// The valid values of an integer field (§4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// All integers of at most [`MAX_INTEGER`].
    Any,
    /// The integers that are not negative, such as numbers of lines.
    NotNegative,
    /// The seconds within a day, such as offsets from UTC.
    WithinDay,
}

impl Range {
    /// Returns the least and the greatest valid integer.
    pub const fn bounds(self) -> (i64, i64) {
        match self {
            Range::Any => (-MAX_INTEGER, MAX_INTEGER),
            Range::NotNegative => (0, MAX_INTEGER),
            Range::WithinDay => (-86_399, 86_399),
        }
    }

    /// Reports whether an integer is valid.
    #[inline]
    pub const fn contains(self, value: i64) -> bool {
        let (least, greatest) = self.bounds();
        least <= value && value <= greatest
    }
}

/// Rows of another resource that a row shows: objects in place of ids in a dump.
#[derive(Debug, PartialEq)]
pub struct Nested {
    /// The name.
    pub name: &'static str,
    /// The field that it follows, or, if that has the same name, replaces.
    pub after: &'static str,
    /// The shown rows.
    pub source: NestedSource,
    /// The resource of these rows.
    pub resource: &'static Resource,
    /// The fields that are shown.
    pub fields: &'static [&'static str],
}

/// The rows that a [`Nested`] shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NestedSource {
    /// The teams of a user, each once, by id.
    TeamsOfUser,
    /// The rows whose ids a field of the same name lists.
    Ids,
    /// The row whose id the field before it has; `null` if there is none.
    Id,
}

/// A member of a row in responses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OutputField {
    /// A field of the resource, and its index in [`fields`](Resource::fields).
    Field(usize, &'static Field),
    /// Rows of another resource.
    Nested(&'static Nested),
}

impl OutputField {
    /// The name.
    pub const fn name(&self) -> &'static str {
        match self {
            OutputField::Field(_, field) => field.name,
            OutputField::Nested(nested) => nested.name,
        }
    }
}

/// The type of the values of a field. Each value may be `null` unless the field is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Integer,
    /// A decimal with four places, like impact (§1).
    Decimal,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Text.
    Text,
    /// A date-time, as [`DateTime`](crate::calendar::DateTime) reads it.
    DateTime,
    /// A list of ids.
    Ids,
    /// Any JSON value, kept as received.
    Json,
    /// The id of an object of another resource. Rows name it `NAME` or `NAME_id`, and give the id or an object that has
    /// it.
    Reference,
}

/// The value of a missing field (§4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// None: the row is invalid.
    Required,
    /// `null`
    Null,
    /// `0`
    Zero,
    /// `false`
    False,
    /// `[]`
    EmptyList,
    /// The row does not have the field. Only some rows do, and they show its value as received. Other values than those
    /// of the [`Kind`] count as null.
    Absent,
}

impl Resource {
    /// Returns the members of a row in responses, in order. Members that only some rows have are not among them.
    pub fn output_fields(&self) -> impl Iterator<Item = OutputField> {
        self.row_fields().flat_map(|(index, field)| {
            let nested = self.nested.iter().find(|nested| nested.after == field.name);
            let own = nested.is_none_or(|nested| nested.name != field.name).then_some(OutputField::Field(index, field));
            own.into_iter().chain(nested.map(OutputField::Nested))
        })
    }

    /// Returns the fields that each row has, with their indexes in [`fields`](Self::fields).
    pub fn row_fields(&self) -> impl Iterator<Item = (usize, &'static Field)> {
        self.fields.iter().enumerate().filter(|(_, field)| field.missing != Missing::Absent)
    }

    /// Returns the index of a field in [`fields`](Self::fields).
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// Returns the index of the field that a member of a row is, probably at `expected` or soon after.
    #[inline]
    pub fn member_position(&self, expected: usize, name: &str) -> Option<usize> {
        let likely = self.fields.iter().enumerate().skip(expected);
        let others = self.fields.iter().enumerate().take(expected);
        likely.chain(others).find(|(_, field)| field.has_member_name(name)).map(|(index, _)| index)
    }

    /// Returns the index of a field that exists. In a constant, any other name does not compile.
    #[allow(clippy::panic, reason = "it is called in constants alone, where a panic is an error of the compiler")]
    pub(crate) const fn field_index(&self, name: &str) -> usize {
        let mut place = 0;
        let mut fields = self.fields;
        while let Some((field, rest)) = fields.split_first() {
            if same_text(field.name, name) {
                return place;
            }
            place += 1;
            fields = rest;
        }
        panic!("no such field")
    }
}

impl Field {
    /// Reports whether members of that name are this field.
    #[inline]
    fn has_member_name(&self, name: &str) -> bool {
        let stem = |name| str::strip_suffix(name, "_id").unwrap_or(name);
        self.name == name || self.kind == Kind::Reference && stem(self.name) == stem(name)
    }
}

const fn same_text(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    while let (Some((left, one_rest)), Some((right, other_rest))) = (one.split_first(), other.split_first()) {
        if *left != *right {
            return false;
        }
        (one, other) = (one_rest, other_rest);
    }
    one.is_empty() && other.is_empty()
}

/// Returns the resource with that name.
pub fn resource(name: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.name == name).copied()
}
