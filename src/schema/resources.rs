//! The resources (§2). One line a field.

use super::Kind::{Boolean, DateTime, Decimal, Ids, Integer, Json, Number, Text};
use super::Missing::{EmptyList, False, Null, Required, Zero};
use super::{Field, Kind, Missing, Resource};

/// All resources, in an order in which each comes after those it refers to.
pub static RESOURCES: [&Resource; 7] = [&TAGS, &REPOS, &TEAMS, &USERS, &TEAM_MEMBERSHIP, &USER_ALIAS, &COMMITS];

const fn field(name: &'static str, kind: Kind, missing: Missing) -> Field {
    Field { name, kind, missing }
}

/// Commits. An author date is required too, as any of the fields that tell the author's day (§4).
pub const COMMITS: Resource = Resource {
    name: "commits",
    fields: &[
        field("id", Integer, Required),
        field("hexsha", Text, Null),
        field("user_alias_id", Integer, Null),
        field("apex_user_id", Integer, Required),
        field("repo_id", Integer, Required),
        field("author_date", DateTime, Null),
        field("author_tzoffset", Integer, Null),
        field("author_local_date", DateTime, Null),
        field("committer_date", DateTime, Null),
        field("committer_tzoffset", Integer, Null),
        field("committer_local_date", DateTime, Null),
        field("is_merge", Boolean, False),
        field("is_pr_orphan", Boolean, False),
        field("is_trivial", Boolean, False),
        field("outlier_reason", Integer, Null),
        field("ignore_hash", Text, Null),
        field("haloc", Integer, Zero),
        field("new_work", Integer, Zero),
        field("legacy_refactor", Integer, Zero),
        field("help_others", Integer, Zero),
        field("churn", Integer, Zero),
        field("files", Integer, Zero),
        field("hunks", Integer, Zero),
        field("insertions", Integer, Zero),
        field("deletions", Integer, Zero),
        field("ins_del_ratio", Number, Null),
        field("levenshtein", Number, Null),
        field("impact", Decimal, Zero),
        field("risk", Number, Null),
        field("message", Text, Null),
        field("extracted_tags", Json, Null),
        field("external_commit_url", Text, Null),
    ],
};

/// Users: the people, each with one apex id for all of their aliases.
pub const USERS: Resource = Resource {
    name: "users",
    fields: &[
        field("id", Integer, Required),
        field("name", Text, Null),
        field("email", Text, Null),
        field("hidden_from_reports", Boolean, False),
        field("org_id", Integer, Null),
        field("created_at", DateTime, Null),
        field("has_login", Boolean, False),
        field("pending_invitation", Boolean, False),
        field("alias_count", Integer, Zero),
        field("last_activity_at", DateTime, Null),
        field("first_activity_at", DateTime, Null),
        field("avatar_url", Text, Null),
        field("avatar_exists", Boolean, False),
        field("invitation_id", Json, Null),
        field("login_enabled", Boolean, False),
        field("is_saml", Boolean, False),
        field("is_group_member", Boolean, False),
        field("hidden", Boolean, False),
        field("hidden_by", Json, Null),
        field("hidden_at", DateTime, Null),
        field("login", Json, Null),
    ],
};

/// Teams, nested by `parent`.
pub const TEAMS: Resource = Resource {
    name: "teams",
    fields: &[
        field("id", Integer, Required),
        field("name", Text, Null),
        field("description", Text, Null),
        field("org", Integer, Null),
        field("avatar", Json, Null),
        field("vendor", Json, Null),
        field("created_at", DateTime, Null),
        field("parent", Integer, Null),
        field("path", Text, Null),
        field("ancestors", Json, Null),
        field("visibility", Text, Null),
        field("team_level", Integer, Null),
        field("inherited_depth", Text, Null),
        field("nested_teams", Integer, Zero),
        field("all_users", Integer, Zero),
        field("unnested_users", Integer, Zero),
        field("depth", Text, Null),
    ],
};

/// Who is in which team, as what.
pub const TEAM_MEMBERSHIP: Resource = Resource {
    name: "team_membership",
    fields: &[
        field("id", Integer, Required),
        field("membership_type", Text, Null),
        field("apex_user_id", Integer, Null),
        field("team_id", Integer, Null),
        field("depth", Text, Null),
    ],
};

/// Repositories.
pub const REPOS: Resource = Resource {
    name: "repos",
    fields: &[
        field("id", Integer, Required),
        field("name", Text, Null),
        field("url", Text, Null),
        field("vendor_type", Text, Null),
        field("is_private", Boolean, False),
        field("blocked", Boolean, False),
        field("created_at", DateTime, Null),
        field("updated_at", DateTime, Null),
        field("youngest_commit_date", DateTime, Null),
        field("oldest_commit_date", DateTime, Null),
        field("tags", Ids, EmptyList),
    ],
};

/// The tags of repositories.
pub const TAGS: Resource = Resource {
    name: "tags",
    fields: &[field("id", Integer, Required), field("name", Text, Null), field("org_id", Integer, Null)],
};

/// The names under which users appear in repositories.
pub const USER_ALIAS: Resource = Resource {
    name: "user_alias",
    fields: &[
        field("id", Integer, Required),
        field("name", Text, Null),
        field("username", Text, Null),
        field("email", Text, Null),
        field("apex_user_id", Integer, Null),
        field("created_at", DateTime, Null),
        field("first_activity_at", DateTime, Null),
        field("last_activity_at", DateTime, Null),
    ],
};
