//! Filters and orderings of the vendor that stored rows can not answer. They are ignored.

/// A parameter that stored rows can not answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The name of the resource.
    pub resource: &'static str,
    /// The name of the filter, or of the field that `ordering` names.
    pub name: &'static str,
    /// The reason, as a sentence.
    pub reason: &'static str,
}

const fn unanswered(resource: &'static str, name: &'static str, reason: &'static str) -> Unanswered {
    Unanswered { resource, name, reason }
}

const PARTITIONS: &str = "It divides the work of reading among servers.";
const NO_PULL_REQUEST: &str = "Rows of commits do not name their pull requests.";
const NO_LOGIN: &str = "Rows of users do not contain their logins.";
const NO_PROCESSING: &str = "Rows do not contain the state of processing.";

/// The filters.
pub static UNANSWERED_FILTERS: [Unanswered; 16] = [
    unanswered("commits", "activate_partitioning", PARTITIONS),
    unanswered("commits", "is_group_commit", "Rows of commits do not contain groups."),
    unanswered("commits", "partition", PARTITIONS),
    unanswered("commits", "partition_size", PARTITIONS),
    unanswered("commits", "pull_request_follow_on_id", NO_PULL_REQUEST),
    unanswered("commits", "pull_request_id", NO_PULL_REQUEST),
    unanswered("commits", "technology_labels", "Rows of commits do not contain labels."),
    unanswered("users", "access", "Rows of users do not contain what they may see."),
    unanswered("users", "login_email", NO_LOGIN),
    unanswered("users", "login_preferred_name", NO_LOGIN),
    unanswered("users", "needs_password_reset", NO_LOGIN),
    unanswered("users", "password_change_allowed", NO_LOGIN),
    unanswered("users", "role", "Rows of users do not contain their roles."),
    unanswered("users", "roles_managed_via_gitprime", NO_LOGIN),
    unanswered("users", "sign_up_method", NO_LOGIN),
    unanswered("users", "user_visibility", "Rows of users do not contain who sees them."),
];

/// The fields that `ordering` names.
pub static UNANSWERED_ORDERINGS: [Unanswered; 6] = [
    unanswered("commits", "aliases", "Rows of commits name one alias, `user_alias_id`."),
    unanswered("repos", "project__integration__name", NO_PROCESSING),
    unanswered("repos", "project__name", "Rows of repositories do not contain the names of projects."),
    unanswered("repos", "project__processing__last_processing_success_at", NO_PROCESSING),
    unanswered("repos", "project__processing__updated_at", NO_PROCESSING),
    unanswered("repos", "sortable_state", NO_PROCESSING),
];
