//! What a resource is, as data (§2): the fields of each, in the order in which the API shows them.
//!
//! Everything that has to know a field reads it here: dumps, imports, the database's tables, lists. To add a field
//! is to add a line to [`RESOURCES`] (and, for the database, a migration).

mod capabilities;
mod operand_type;
mod resources;
mod row_reader;
mod row_splitter;
mod serde_row;
mod value;

pub use capabilities::{FieldCapabilities, Lookup};
pub use operand_type::OperandType;
pub use resources::{COMMITS, REPOS, RESOURCES, TAGS, TEAM_MEMBERSHIP, TEAMS, USER_ALIAS, USERS};
pub use row_reader::RowReader;
pub(crate) use row_reader::field_spec;
pub use row_splitter::{ReadReport, RowHandler, RowSplitter, RowText};
pub use serde_row::{parse_ids, read_row};
pub use value::{MAX_INTEGER, RowError, RowSink, Value};

/// A resource of the `core` API.
#[derive(Debug, PartialEq)]
pub struct Resource {
    /// Its name in paths, dumps and tables.
    pub name: &'static str,
    /// What one of its rows is called, as a type.
    pub title: &'static str,
    /// Its fields, in the order in which rows show them. The first is `id`.
    pub fields: &'static [Field],
    /// What rows show of other resources.
    pub nested: &'static [Nested],
    /// Filters that are no fields.
    pub filters: &'static [FilterDefinition],
    /// Its flags.
    pub flags: &'static [Flag],
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
    /// What lists do with it: lookups, ordering, search.
    pub capabilities: FieldCapabilities,
}

/// What a row shows of another resource's rows: objects where a dump has ids.
#[derive(Debug, PartialEq)]
pub struct Nested {
    /// Its name.
    pub name: &'static str,
    /// The field that it comes after; or, where that is its own name, instead of.
    pub after: &'static str,
    /// Which rows it shows.
    pub source: NestedSource,
    /// The resource of these.
    pub resource: &'static Resource,
    /// Those of their fields that it shows.
    pub fields: &'static [&'static str],
}

/// Which rows a [`Nested`] shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NestedSource {
    /// A list of a user's teams, each once, by id.
    TeamsOfUser,
    /// A list of those whose ids a field of the same name holds.
    Ids,
    /// The one whose id the field before it holds; `null` where there is none.
    Id,
}

/// A filter that is no field of its resource (§2).
#[derive(Debug, PartialEq)]
pub struct FilterDefinition {
    /// Its name.
    pub name: &'static str,
    /// What its operands are.
    pub kind: Kind,
    /// The lookups that it has.
    pub capabilities: FieldCapabilities,
    /// What it looks at.
    pub target: FilterTarget,
}

/// What a [`FilterDefinition`] looks at, in the order in which the framework makes the joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FilterTarget {
    /// The name of each alias of a user.
    AliasName,
    /// The e-mail address of each alias of a user.
    AliasEmail,
    /// Each team that a user is a member of, as anything.
    Team,
    /// The name of each of these teams.
    TeamName,
    /// The same as [`Team`](Self::Team), but that it is asked only whether there is one.
    AnyTeam,
    /// Each tag of a repository, or of a commit's repository.
    Tag,
    /// The name of each of these tags.
    TagName,
    /// A team itself, the team that it is nested in, that team's, and so on.
    Ancestor,
    /// Whether a team's `visibility` is `SHOW`.
    Visible,
}

impl FilterTarget {
    /// The rows that belong to one row, if there may be several.
    pub const fn relation(self) -> Option<Relation> {
        match self {
            FilterTarget::AliasName | FilterTarget::AliasEmail => Some(Relation::Aliases),
            FilterTarget::Team | FilterTarget::TeamName | FilterTarget::AnyTeam => Some(Relation::Memberships),
            FilterTarget::Tag | FilterTarget::TagName => Some(Relation::Tags),
            FilterTarget::Ancestor | FilterTarget::Visible => None,
        }
    }
}

/// Rows that belong to a row. A filter that looks at them is a join: a row is found once for each of them (§2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// The aliases of a user: rows of `user_alias`.
    Aliases,
    /// The memberships of a user: rows of `team_membership`.
    Memberships,
    /// The tags of a repository, or of a commit's.
    Tags,
}

/// A flag of commits (§2). Only `true` has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// Keeps authors who are not `hidden_from_reports`.
    RemoveExcluded,
    /// Keeps what is no duplicate.
    SmartDedupe,
    /// Keeps what the author did from Monday to Friday.
    ExcludeWeekends,
    /// Keeps what has no `outlier_reason`.
    ExcludeOutliers,
    /// Keeps what is no orphan of a pull request.
    ExcludePrOrphans,
    /// Keeps what is no merge.
    ExcludeMerge,
    /// Keeps what is of a repository that is not blocked and has been processed.
    ExcludeBlocked,
    /// Shows the id of the apex user as that of the alias.
    NormalizeAuthors,
    /// Stands for `smart_dedupe`, `exclude_outliers`, `exclude_pr_orphans`, `exclude_merge` and `exclude_blocked`.
    ApplyDefaultFilters,
}

impl Flag {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Flag::RemoveExcluded => "remove_excluded",
            Flag::SmartDedupe => "smart_dedupe",
            Flag::ExcludeWeekends => "exclude_weekends",
            Flag::ExcludeOutliers => "exclude_outliers",
            Flag::ExcludePrOrphans => "exclude_pr_orphans",
            Flag::ExcludeMerge => "exclude_merge",
            Flag::ExcludeBlocked => "exclude_blocked",
            Flag::NormalizeAuthors => "normalize_authors",
            Flag::ApplyDefaultFilters => "apply_default_filters",
        }
    }
}

/// What a row shows at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OutputField {
    /// A field of its own: its place in [`fields`](Resource::fields).
    Field(usize, &'static Field),
    /// Rows of another resource.
    Nested(&'static Nested),
}

impl OutputField {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            OutputField::Field(_, field) => field.name,
            OutputField::Nested(nested) => nested.name,
        }
    }
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
    /// What rows show, in order.
    pub fn output_fields(&self) -> impl Iterator<Item = OutputField> {
        self.fields.iter().enumerate().flat_map(|(index, field)| {
            let nested = self.nested.iter().find(|nested| nested.after == field.name);
            let own = nested.is_none_or(|nested| nested.name != field.name).then_some(OutputField::Field(index, field));
            own.into_iter().chain(nested.map(OutputField::Nested))
        })
    }

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
