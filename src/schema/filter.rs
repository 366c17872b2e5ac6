//! Filters of a resource that are none of its own fields: other tested values, references and flags (§2).

use super::{FieldCapabilities, Kind, Resource, resource};

/// A filter that is no field of its resource (§2).
#[derive(Debug, PartialEq)]
pub struct FilterDefinition {
    /// The name.
    pub name: &'static str,
    /// The type of the operands.
    pub kind: Kind,
    /// The supported lookups.
    pub capabilities: FieldCapabilities,
    /// The tested values.
    pub target: FilterTarget,
}

/// The name of an object that a field refers to (§2). Filters read the fields of the object after two underscores, such as
/// `repo__name`. An object that does not exist has nulls only.
#[derive(Debug, PartialEq)]
pub struct Reference {
    /// The name.
    pub name: &'static str,
    /// The field with the id.
    pub field: &'static str,
    /// The lookups of the name itself, which compare the id, and whether lists can be ordered by the fields of the object.
    pub capabilities: FieldCapabilities,
    /// The name of the resource of the object.
    pub resource: &'static str,
}

/// Creates a reference.
pub(crate) const fn refers(
    name: &'static str,
    field: &'static str,
    capabilities: u16,
    resource: &'static str,
) -> Reference {
    Reference { name, field, capabilities: FieldCapabilities(capabilities), resource }
}

impl Reference {
    /// Returns the resource of the object; `None` if no rows of it are kept.
    pub fn resource(&self) -> Option<&'static Resource> {
        resource(self.resource)
    }
}

/// The values that a [`FilterDefinition`] tests, in the order in which the framework makes the joins.
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
    /// The same as [`Team`](Self::Team), only tested for existence.
    AnyTeam,
    /// The `path` of each of these teams.
    TeamPath,
    /// The `visibility` of each of these teams.
    TeamVisibility,
    /// Each tag of a commit's repository.
    Tag,
    /// Each tag of a repository.
    OwnTag,
    /// The name of each of these tags.
    TagName,
    /// A team itself, the team that it is nested in, that team's, and so on. A membership has those of its team.
    Ancestor,
    /// A team itself and all teams nested in it, however deep.
    Descendant,
    /// The name of each [`Descendant`](Self::Descendant).
    DescendantName,
    /// The description of each [`Descendant`](Self::Descendant).
    DescendantDescription,
    /// The name and the description of each [`Descendant`](Self::Descendant), one of which must match.
    DescendantText,
    /// A team that is nested in no other. Only `true` has an effect.
    Root,
    /// A team whose `visibility` is `SHOW`.
    Visible,
}

impl FilterTarget {
    /// Returns the related rows if a row may have several.
    pub const fn relation(self) -> Option<Relation> {
        match self {
            FilterTarget::AliasName | FilterTarget::AliasEmail => Some(Relation::Aliases),
            FilterTarget::Team
            | FilterTarget::TeamName
            | FilterTarget::AnyTeam
            | FilterTarget::TeamPath
            | FilterTarget::TeamVisibility => Some(Relation::Memberships),
            FilterTarget::Tag | FilterTarget::OwnTag | FilterTarget::TagName => Some(Relation::Tags),
            FilterTarget::Ancestor
            | FilterTarget::Descendant
            | FilterTarget::DescendantName
            | FilterTarget::DescendantDescription
            | FilterTarget::DescendantText
            | FilterTarget::Root
            | FilterTarget::Visible => None,
        }
    }
}

/// Related rows of a row. A filter on them is a join: a row is found once for each of them (§2).
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
    /// Keeps commits of authors who are not `hidden_from_reports`.
    RemoveExcluded,
    /// Keeps commits that are no duplicates.
    SmartDedupe,
    /// Keeps commits from Monday to Friday in local time.
    ExcludeWeekends,
    /// Keeps commits without an `outlier_reason`.
    ExcludeOutliers,
    /// Keeps commits that are no orphans of a pull request.
    ExcludePrOrphans,
    /// Keeps commits that are no merges.
    ExcludeMerge,
    /// Keeps commits of repositories that are not blocked and have been processed.
    ExcludeBlocked,
    /// Shows the id of the apex user as that of the alias.
    NormalizeAuthors,
    /// Stands for `smart_dedupe`, `exclude_outliers`, `exclude_pr_orphans`, `exclude_merge` and `exclude_blocked`.
    ApplyDefaultFilters,
}

impl Flag {
    /// The name.
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
