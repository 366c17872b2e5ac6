//! The generic resources: rows that are stored and shown as they came (§2).
//!
//! Lists filter and order by the fields below where a row has them, and `search` reads names, titles and bodies. A field
//! `x__y` is the member `y` of the object `x`.

use super::Kind::{Boolean, DateTime, Ids, Integer, Number, Reference, Text};
use super::capabilities::{COMPARED, CONTAINS_ITEM, EXACT, EXACT_CONTAINS, IN, ISNULL, MATCHED, ORDER, SEARCH};
use super::{Field, FieldCapabilities, Kind, Missing, Pagination, Range, Resource, refers};

/// The generic resources. Adding one here is all that is needed to import, list and dump it.
pub static GENERIC: [Resource; 17] = [
    referring(
        &[refers("project", "project_id", EXACT, "pull_request_projects")],
        generic(
            "pull_requests",
            &[
                ID,
                field("number", Integer, COMPARED | ORDER),
                field("title", Text, MATCHED | SEARCH | ORDER),
                field("body", Text, MATCHED | SEARCH),
                field("state", Text, EXACT | IN | ORDER),
                field("vendor", Text, EXACT | IN | ORDER),
                CREATED_AT,
                UPDATED_AT,
                time("closed_at"),
                field("project_id", Reference, BY_ID | ORDER),
                reference("apex_user_id"),
                reference("user_alias_id"),
                references("approvers"),
                references("assignees"),
                references("reviewers"),
                references("comments"),
                references("apex_approvers_id"),
                references("apex_assignees_id"),
                references("apex_reviewer_id"),
                field("commit_shas", Text, MATCHED | EXACT_CONTAINS | CONTAINS_ITEM),
                field("extracted_tags", Text, MATCHED),
                number("coding_time"),
                number("review_time"),
                number("follow_on_commit_count"),
                number("reviewer_comment_count"),
            ],
        ),
    ),
    generic(
        "pull_request_comments",
        &[
            ID,
            field("user_alias_id", Reference, BY_ID | ORDER),
            reference("apex_user_id"),
            reference("pull_request_id"),
            CREATED_AT,
            UPDATED_AT,
            field("body", Text, MATCHED | SEARCH),
        ],
    ),
    generic(
        "pull_request_events",
        &[
            ID,
            field("user_alias_id", Reference, BY_ID | ORDER),
            reference("apex_user_id"),
            reference("pull_request_id"),
            field("to_state", Text, EXACT | IN),
            CREATED_AT,
            UPDATED_AT,
        ],
    ),
    referring(
        &[refers("repo", "repo_id", EXACT, "repos")],
        generic(
            "pull_request_projects",
            &[
                ID,
                NAME,
                field("repo_id", Reference, BY_ID | ORDER),
                field("vendor_type", Text, EXACT | IN | ORDER),
                CREATED_AT,
                UPDATED_AT,
                field("integration__name", Text, ORDER),
                field("processing__updated_at", DateTime, ORDER),
                field("processing__processing_status__id", Integer, ORDER),
            ],
        ),
    ),
    referring(
        &[refers("project", "project_id", EXACT, "ticket_projects")],
        generic(
            "tickets",
            &[
                ID,
                field("number", Text, EXACT | IN | ORDER),
                field("parent_number", Number, COMPARED | ORDER),
                field("title", Text, MATCHED | SEARCH | ORDER),
                field("body", Text, MATCHED | SEARCH),
                field("state", Text, EXACT | IN | ORDER),
                field("vendor", Text, EXACT | IN | ORDER),
                CREATED_AT,
                UPDATED_AT,
                time("closed_at"),
                field("project_id", Reference, BY_ID | ORDER),
                field("created_by_id", Reference, BY_ID | ORDER),
                references("assignees"),
                references("comments"),
                field("integration__name", Text, ORDER),
                field("added_by__name", Text, ORDER),
            ],
        ),
    ),
    generic(
        "ticket_comments",
        &[
            ID,
            field("user_alias_id", Reference, BY_ID | ORDER),
            reference("ticket_id"),
            CREATED_AT,
            UPDATED_AT,
            field("body", Text, MATCHED | SEARCH),
        ],
    ),
    generic(
        "ticket_events",
        &[
            ID,
            field("user_alias_id", Reference, BY_ID | ORDER),
            reference("user_alias2_id"),
            reference("ticket_id"),
            field("to_state", Text, EXACT | IN | ORDER),
            field("vendor", Text, EXACT | IN | ORDER),
            CREATED_AT,
            UPDATED_AT,
        ],
    ),
    referring(
        &[refers("repo", "repo_id", EXACT, "repos")],
        generic(
            "ticket_projects",
            &[
                ID,
                NAME,
                field("parent_id", Reference, BY_ID | ORDER),
                reference("repo_id"),
                reference("added_by"),
                field("vendor_type", Text, EXACT | IN | ORDER),
                CREATED_AT,
                UPDATED_AT,
                field("integration__name", Text, ORDER),
                field("processing__updated_at", DateTime, ORDER),
                field("processing__processing_status__id", Integer, ORDER),
            ],
        ),
    ),
    generic(
        "integrations",
        &[
            ID,
            NAME,
            field("vendor_type", Text, EXACT | IN | ORDER),
            field("integration_type", Text, EXACT | IN),
            reference("audit_created_by"),
            field("audit_created_by__name", Text, ORDER),
            field("source_projects_last_updated", DateTime, COMPARED),
            CREATED_AT,
            UPDATED_AT,
        ],
    ),
    referring(
        &[refers("apex_user", "apex_user_id", EXACT, "users"), refers("user", "user_id", EXACT, "")],
        generic(
            "org_membership",
            &[
                ID,
                field("user_id", Reference, BY_ID | ORDER),
                field("org_id", Reference, BY_ID | ORDER),
                field("apex_user_id", Reference, BY_ID | ORDER),
                CREATED_AT,
                UPDATED_AT,
            ],
        ),
    ),
    by_page_number("roles", &[ID, NAME, references("grant"), CREATED_AT, UPDATED_AT]),
    generic("grants", &[ID, field("name", Text, MATCHED | SEARCH), CREATED_AT, UPDATED_AT]),
    generic("group_settings", &[ID, field("name", Text, MATCHED | SEARCH), reference("org"), CREATED_AT, UPDATED_AT]),
    referring(
        &[refers("apex_user", "apex_user_id", EXACT | IN, "users")],
        generic(
            "targets",
            &[
                ID,
                field("key", Text, MATCHED | ORDER),
                field("name", Text, MATCHED | SEARCH),
                field("team_id", Reference, BY_ID | ORDER),
                field("apex_user_id", Reference, BY_ID | ORDER),
                CREATED_AT,
                UPDATED_AT,
            ],
        ),
    ),
    generic(
        "user_groups",
        &[ID, NAME, references("users"), field("most_recent_activity", DateTime, ORDER), CREATED_AT, UPDATED_AT],
    ),
    referring(
        &[refers("integration", "integration_id", EXACT, "integrations")],
        by_page_number("available_repos", AVAILABLE),
    ),
    referring(
        &[refers("integration", "integration_id", EXACT, "integrations")],
        by_page_number("available_ticket_projects", AVAILABLE),
    ),
];

const ID: Field = Field {
    name: "id",
    kind: Integer,
    missing: Missing::Required,
    capabilities: FieldCapabilities(COMPARED | IN | ORDER),
    range: Range::Any,
};
const NAME: Field = field("name", Text, MATCHED | SEARCH | ORDER);
const CREATED_AT: Field = time("created_at");
const UPDATED_AT: Field = time("updated_at");

/// The fields of repositories and ticket projects that an integration offers.
const AVAILABLE: &[Field] = &[
    ID,
    NAME,
    field("user_id", Reference, BY_ID | ORDER),
    field("vendor_type", Text, EXACT | IN | ORDER),
    field("owner_vendor_id", Text, EXACT | IN | ORDER),
    field("owner_name", Text, MATCHED | ORDER),
    field("integration_id", Reference, BY_ID | ORDER),
    field("integration__name", Text, ORDER),
    reference("added_by"),
    field("show_in_repos_page", Boolean, EXACT | ORDER),
    field("auto_import_enabled", Boolean, EXACT | ORDER),
    CREATED_AT,
    UPDATED_AT,
];

/// The lookups of a field with ids of other objects.
const BY_ID: u16 = EXACT | IN | ISNULL;

const fn generic(name: &'static str, fields: &'static [Field]) -> Resource {
    Resource {
        name,
        title: "GenericRow",
        fields,
        nested: &[],
        filters: &[],
        references: &[],
        flags: &[],
        is_generic: true,
        pagination: Pagination::Offset,
    }
}

/// Adds the names of objects that fields refer to.
const fn referring(references: &'static [super::Reference], resource: Resource) -> Resource {
    Resource { references, ..resource }
}

const fn by_page_number(name: &'static str, fields: &'static [Field]) -> Resource {
    Resource { pagination: Pagination::PageNumber, ..generic(name, fields) }
}

const fn field(name: &'static str, kind: Kind, capabilities: u16) -> Field {
    Field { name, kind, missing: Missing::Absent, capabilities: FieldCapabilities(capabilities), range: Range::Any }
}

const fn time(name: &'static str) -> Field {
    field(name, DateTime, COMPARED | ORDER)
}

const fn number(name: &'static str) -> Field {
    field(name, Number, COMPARED | ORDER)
}

/// A field that refers to one object.
const fn reference(name: &'static str) -> Field {
    field(name, Reference, BY_ID)
}

/// A field that refers to any number of objects. A filter matches if it matches one of them.
const fn references(name: &'static str) -> Field {
    field(name, Ids, BY_ID)
}
