//! What a resource is, as data (§2): the fields of each, in the order in which the API shows them.
//!
//! Everything that has to know a field reads it here: dumps, imports, the database's tables, lists. To add a field
//! is to add a line to [`RESOURCES`] (and, for the database, a migration).

mod plain;
mod resources;
mod row;

pub use plain::read_plain_row;
pub use resources::{COMMITS, REPOS, RESOURCES, TAGS, TEAM_MEMBERSHIP, TEAMS, USER_ALIAS, USERS};
pub use row::{MAX_INTEGER, RowError, RowSink, Value, read_row};

/// A resource of the `core` API.
#[derive(Debug, PartialEq)]
pub struct Resource {
    /// Its name in paths, dumps and tables.
    pub name: &'static str,
    /// Its fields, in the order in which rows show them. The first is `id`.
    pub fields: &'static [Field],
}

/// A field of a resource.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// What a row reads as that does not have it.
    pub missing: Missing,
}

/// What the values of a field are. Each may be `null` unless the field is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Integer,
    /// A decimal of four places, as impact is (§1).
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
    /// Any JSON value; it is kept as it came.
    Json,
}

/// What a missing field reads as (§4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The row is no row without it.
    Required,
    /// `null`
    Null,
    /// `0`
    Zero,
    /// `false`
    False,
    /// `[]`
    EmptyList,
}

impl Resource {
    /// The place of a field in [`fields`](Self::fields).
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The same, where it is likely to be that place or one soon after it.
    #[inline]
    pub(crate) fn position_from(&self, expected: usize, name: &str) -> Option<usize> {
        let likely = self.fields.iter().enumerate().skip(expected);
        let others = self.fields.iter().enumerate().take(expected);
        likely.chain(others).find(|(_, field)| field.name == name).map(|(index, _)| index)
    }

    /// The place of a field that is known to exist; to name another does not compile in a constant.
    #[allow(clippy::panic, reason = "it is called in constants alone, where a panic is an error of the compiler")]
    pub(crate) const fn place(&self, name: &str) -> usize {
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

/// The resource of that name.
pub fn resource(name: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.name == name).copied()
}
