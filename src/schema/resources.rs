//! The resources (§2), with a line for each field.

use super::Kind::{Boolean, DateTime, Decimal, Ids, Integer, Json, Number, Reference, Text};
use super::Missing::{Absent, EmptyList, False, Null, Required, Zero};
use super::capabilities::{
    COMPARED, CONTAINS, DESCENDANTS_IN, DISPLAY_ONLY, EXACT, EXACT_CONTAINS, IN, ISNULL, MATCHED, ORDER,
    READ_BY_FILTER, SEARCH,
};
use super::{
    Field, FieldCapabilities, FilterDefinition, FilterTarget, Flag, Kind, Missing, Nested, NestedSource, Pagination,
    Range, Resource, refers,
};

const fn field(name: &'static str, kind: Kind, missing: Missing, capabilities: u16) -> Field {
    Field { name, kind, missing, capabilities: FieldCapabilities(capabilities), range: Range::Any }
}

/// A number of lines, files or hunks.
const fn count(name: &'static str) -> Field {
    Field { range: Range::NotNegative, ..field(name, Integer, Zero, COMPARED | ORDER) }
}

/// An offset from UTC, in seconds.
const fn offset(name: &'static str) -> Field {
    Field { range: Range::WithinDay, ..field(name, Integer, Null, COMPARED | ORDER) }
}

const fn filter(name: &'static str, kind: Kind, capabilities: u16, target: FilterTarget) -> FilterDefinition {
    FilterDefinition { name, kind, capabilities: FieldCapabilities(capabilities), target }
}

/// The fields of a team that is nested in another object. It has neither ancestors nor a level (§2).
const NESTED_TEAM: &[&str] = &[
    "id",
    "name",
    "description",
    "org",
    "avatar",
    "vendor",
    "created_at",
    "parent",
    "path",
    "visibility",
    "inherited_depth",
    "nested_teams",
    "all_users",
    "unnested_users",
    "depth",
];

/// Commits. An author date is required too: one of the fields that determine the day (§4).
pub const COMMITS: Resource = Resource {
    name: "commits",
    title: "Commit",
    fields: &[
        field("id", Integer, Required, COMPARED | IN | ORDER),
        field("hexsha", Text, Null, MATCHED | IN | ORDER | SEARCH),
        field("user_alias_id", Integer, Null, COMPARED | IN | ORDER),
        field("apex_user_id", Integer, Required, COMPARED | IN | ORDER),
        field("repo_id", Integer, Required, COMPARED | IN | ORDER),
        field("author_date", DateTime, Null, COMPARED | ORDER),
        offset("author_tzoffset"),
        field("author_local_date", DateTime, Null, COMPARED | ORDER),
        field("committer_date", DateTime, Null, COMPARED | ORDER),
        offset("committer_tzoffset"),
        field("committer_local_date", DateTime, Null, COMPARED | ORDER),
        field("is_merge", Boolean, False, EXACT | ORDER),
        field("is_pr_orphan", Boolean, False, EXACT | ORDER),
        field("is_trivial", Boolean, False, EXACT),
        field("outlier_reason", Integer, Null, COMPARED | IN | ISNULL | ORDER),
        field("ignore_hash", Text, Null, MATCHED | ISNULL),
        count("haloc"),
        count("new_work"),
        count("legacy_refactor"),
        count("help_others"),
        count("churn"),
        count("files"),
        count("hunks"),
        count("insertions"),
        count("deletions"),
        field("ins_del_ratio", Number, Null, COMPARED | ORDER),
        field("levenshtein", Number, Null, COMPARED | ORDER),
        field("impact", Decimal, Zero, COMPARED | ORDER),
        field("risk", Number, Null, COMPARED | ORDER),
        field("message", Text, Null, MATCHED | EXACT_CONTAINS | SEARCH),
        field("extracted_tags", Json, Null, EXACT | CONTAINS),
        field("external_commit_url", Text, Null, DISPLAY_ONLY),
        field("logical_code", Integer, Absent, COMPARED | ISNULL),
        field("multi_line_comments", Integer, Absent, COMPARED | ISNULL),
        field("single_line_comments", Integer, Absent, COMPARED | ISNULL),
        field("whitespace_and_punctuation", Integer, Absent, COMPARED | ISNULL),
    ],
    nested: &[],
    filters: &[filter("repo_tags", Integer, IN, FilterTarget::Tag)],
    references: &[
        refers("repo", "repo_id", EXACT, "repos"),
        refers("user_alias", "user_alias_id", EXACT, "user_alias"),
    ],
    flags: &[
        Flag::RemoveExcluded,
        Flag::SmartDedupe,
        Flag::ExcludeWeekends,
        Flag::ExcludeOutliers,
        Flag::ExcludePrOrphans,
        Flag::ExcludeMerge,
        Flag::ExcludeBlocked,
        Flag::NormalizeAuthors,
        Flag::ApplyDefaultFilters,
    ],
    is_generic: false,
    pagination: Pagination::Offset,
};

/// Users: people, each with one apex id for all aliases.
pub const USERS: Resource = Resource {
    name: "users",
    title: "User",
    fields: &[
        field("id", Integer, Required, COMPARED | IN | ORDER),
        field("name", Text, Null, MATCHED | ORDER | SEARCH),
        field("email", Text, Null, MATCHED | ORDER | SEARCH),
        field("hidden_from_reports", Boolean, False, EXACT | ORDER),
        field("org_id", Integer, Null, DISPLAY_ONLY),
        field("created_at", DateTime, Null, COMPARED | ORDER),
        field("has_login", Boolean, False, EXACT | ORDER),
        field("pending_invitation", Boolean, False, EXACT),
        field("alias_count", Integer, Zero, COMPARED | ORDER),
        field("last_activity_at", DateTime, Null, COMPARED | ORDER),
        field("first_activity_at", DateTime, Null, COMPARED | ORDER),
        field("avatar_url", Text, Null, DISPLAY_ONLY),
        field("avatar_exists", Boolean, False, DISPLAY_ONLY),
        field("invitation_id", Json, Null, DISPLAY_ONLY),
        field("login_enabled", Boolean, False, EXACT),
        field("is_saml", Boolean, False, DISPLAY_ONLY),
        field("is_group_member", Boolean, False, ORDER),
        field("hidden", Boolean, False, DISPLAY_ONLY),
        field("hidden_by", Json, Null, DISPLAY_ONLY),
        field("hidden_at", DateTime, Null, DISPLAY_ONLY),
        field("login", Json, Null, DISPLAY_ONLY),
    ],
    nested: &[Nested {
        name: "teams",
        after: "created_at",
        source: NestedSource::TeamsOfUser,
        resource: &TEAMS,
        fields: NESTED_TEAM,
    }],
    filters: &[
        filter("alias_name", Text, MATCHED, FilterTarget::AliasName),
        filter("alias_email", Text, MATCHED, FilterTarget::AliasEmail),
        filter("team_member", Integer, EXACT, FilterTarget::Team),
        // Not documented by the vendor, but used by clients.
        filter("team__id", Integer, EXACT | IN, FilterTarget::Team),
        filter("team__name", Text, MATCHED, FilterTarget::TeamName),
        filter("team", Integer, EXACT, FilterTarget::Team),
        filter("team", Integer, ISNULL, FilterTarget::AnyTeam),
        filter("team_member__path", Text, DESCENDANTS_IN, FilterTarget::TeamPath),
        filter("team_visibility", Text, EXACT, FilterTarget::TeamVisibility),
    ],
    references: &[],
    flags: &[],
    is_generic: false,
    pagination: Pagination::Offset,
};

/// Teams, nested by `parent`.
pub const TEAMS: Resource = Resource {
    name: "teams",
    title: "Team",
    fields: &[
        field("id", Integer, Required, COMPARED | IN | ORDER),
        field("name", Text, Null, MATCHED | ORDER | SEARCH),
        field("description", Text, Null, READ_BY_FILTER),
        field("org", Integer, Null, DISPLAY_ONLY),
        field("avatar", Json, Null, DISPLAY_ONLY),
        field("vendor", Json, Null, DISPLAY_ONLY),
        field("created_at", DateTime, Null, DISPLAY_ONLY),
        field("parent", Integer, Null, COMPARED | ISNULL),
        field("path", Text, Null, READ_BY_FILTER),
        field("ancestors", Json, Null, DISPLAY_ONLY),
        field("visibility", Text, Null, READ_BY_FILTER),
        field("team_level", Integer, Null, COMPARED | ORDER),
        field("inherited_depth", Text, Null, DISPLAY_ONLY),
        field("nested_teams", Integer, Zero, DISPLAY_ONLY),
        field("all_users", Integer, Zero, ORDER),
        field("unnested_users", Integer, Zero, DISPLAY_ONLY),
        field("depth", Text, Null, DISPLAY_ONLY),
    ],
    nested: &[],
    filters: &[
        filter("ancestor_id", Integer, EXACT, FilterTarget::Ancestor),
        filter("ancestorsof_id", Integer, EXACT | IN, FilterTarget::Descendant),
        filter("ancestorsof_name", Text, MATCHED, FilterTarget::DescendantName),
        filter("ancestorsof_description", Text, CONTAINS | ISNULL, FilterTarget::DescendantDescription),
        filter("ancestorsof_name_description", Text, CONTAINS, FilterTarget::DescendantText),
        filter("exclude_descendants", Boolean, EXACT, FilterTarget::Root),
        filter("is_visible", Boolean, EXACT, FilterTarget::Visible),
    ],
    references: &[],
    flags: &[],
    is_generic: false,
    pagination: Pagination::Offset,
};

/// Memberships of teams, with their types.
pub const TEAM_MEMBERSHIP: Resource = Resource {
    name: "team_membership",
    title: "TeamMembership",
    fields: &[
        field("id", Integer, Required, COMPARED | IN | ORDER),
        field("membership_type", Text, Null, MATCHED | ORDER),
        field("apex_user_id", Integer, Null, COMPARED | IN | ORDER),
        field("team_id", Integer, Null, COMPARED | IN | ORDER),
        field("depth", Text, Null, ORDER),
    ],
    nested: &[
        Nested {
            name: "apex_user",
            after: "apex_user_id",
            source: NestedSource::Id,
            resource: &USERS,
            fields: &["id", "name", "email"],
        },
        Nested { name: "team", after: "team_id", source: NestedSource::Id, resource: &TEAMS, fields: NESTED_TEAM },
    ],
    filters: &[filter("team_ancestor_id", Integer, EXACT, FilterTarget::Ancestor)],
    references: &[
        refers("apex_user", "apex_user_id", EXACT | ORDER, "users"),
        refers("team", "team_id", EXACT | ORDER, "teams"),
    ],
    flags: &[],
    is_generic: false,
    pagination: Pagination::Offset,
};

/// Repositories.
pub const REPOS: Resource = Resource {
    name: "repos",
    title: "Repo",
    fields: &[
        field("id", Integer, Required, COMPARED | IN | ORDER),
        field("name", Text, Null, MATCHED | ORDER | SEARCH),
        field("url", Text, Null, DISPLAY_ONLY),
        field("vendor_type", Text, Null, MATCHED | ORDER),
        field("is_private", Boolean, False, DISPLAY_ONLY),
        field("blocked", Boolean, False, EXACT),
        field("created_at", DateTime, Null, COMPARED | ORDER),
        field("updated_at", DateTime, Null, COMPARED | ORDER),
        field("youngest_commit_date", DateTime, Null, COMPARED | ORDER),
        field("oldest_commit_date", DateTime, Null, COMPARED | ORDER),
        field("tags", Ids, EmptyList, READ_BY_FILTER),
        field("project_id", Reference, Absent, COMPARED | IN | ORDER),
        field("added_by", Reference, Absent, EXACT | IN),
        field("integration", Reference, Absent, EXACT | IN),
        field("owner_name", Text, Absent, ORDER),
        field("last_failure_or_success_at", DateTime, Absent, COMPARED | ORDER),
        field("last_processing_success_at", DateTime, Absent, COMPARED | ORDER),
    ],
    nested: &[Nested {
        name: "tags",
        after: "tags",
        source: NestedSource::Ids,
        resource: &TAGS,
        fields: &["id", "name", "org_id"],
    }],
    filters: &[
        filter("tags", Integer, EXACT | IN, FilterTarget::OwnTag),
        filter("tags__id", Integer, EXACT | IN, FilterTarget::OwnTag),
        filter("tags__name", Text, MATCHED, FilterTarget::TagName),
    ],
    references: &[refers("integration", "integration", DISPLAY_ONLY, "integrations")],
    flags: &[],
    is_generic: false,
    pagination: Pagination::Offset,
};

/// The tags of repositories.
pub const TAGS: Resource = Resource {
    name: "tags",
    title: "Tag",
    fields: &[
        field("id", Integer, Required, COMPARED | IN | ORDER),
        field("name", Text, Null, ORDER),
        field("org_id", Integer, Null, COMPARED | IN | ORDER),
    ],
    nested: &[],
    filters: &[],
    references: &[refers("org", "org_id", EXACT, "orgs")],
    flags: &[],
    is_generic: false,
    pagination: Pagination::Offset,
};

/// The names under which users appear in repositories.
pub const USER_ALIAS: Resource = Resource {
    name: "user_alias",
    title: "UserAlias",
    fields: &[
        field("id", Integer, Required, COMPARED | IN | ORDER),
        field("name", Text, Null, MATCHED | ORDER),
        field("username", Text, Null, MATCHED | ORDER),
        field("email", Text, Null, MATCHED | ORDER),
        field("apex_user_id", Integer, Null, COMPARED | IN | ORDER),
        field("created_at", DateTime, Null, COMPARED | ORDER),
        field("first_activity_at", DateTime, Null, COMPARED | ORDER),
        field("last_activity_at", DateTime, Null, COMPARED | ORDER),
        field("org_id", Integer, Absent, COMPARED | IN | ORDER),
        field("integration", Reference, Absent, EXACT | IN),
    ],
    nested: &[],
    filters: &[],
    references: &[
        refers("apex_user", "apex_user_id", EXACT | IN | ORDER, "users"),
        refers("integration", "integration", DISPLAY_ONLY, "integrations"),
    ],
    flags: &[],
    is_generic: false,
    pagination: Pagination::Offset,
};
