//! Descriptions of the fields and filters whose names do not explain them.

/// Returns the description of a field or filter. Descriptions of a single resource take precedence.
pub(crate) fn field_description(resource: &str, name: &str) -> Option<&'static str> {
    let own = match (resource, name) {
        ("teams", "parent") => "the id of the team that it is nested in",
        ("teams", "path") => "the ids from the root down to the team, with dots between",
        ("teams", "ancestors") => "the names from the root down to the team",
        ("teams", "team_level") => "the depth of nesting; 1 at the root",
        ("teams", "ancestor_id") => "the team itself, or one that it is nested in, however deep",
        ("teams", "is_visible") => "whether `visibility` is `SHOW`",
        ("users", "alias_name") => "the name of one of the user's aliases",
        ("users", "alias_email") => "the e-mail address of one of the user's aliases",
        ("users", "alias_count") => "the number of the user's aliases",
        ("users", "team") => "the user's teams",
        ("users", "team__id") => "the id of one of the user's teams",
        ("users", "team__name") => "the name of one of the user's teams",
        ("users", "team_member") => "the id of one of the user's teams",
        ("users", "hidden_from_reports") => "whether metrics exclude the user",
        ("repos", "blocked") => "whether metrics exclude the repository",
        ("repos", "oldest_commit_date") => "null until the repository has been processed",
        ("repos", "tags__name") => "the name of one of the repository's tags",
        ("team_membership", "membership_type") => "such as `contributor`, the only one that counts in metrics",
        _ => "",
    };
    let any = match name {
        "apex_user_id" => "the id of the user, which is one for all of a person's aliases",
        "user_alias_id" => "the id of the alias under which the user wrote it",
        "author_date" => "when it was written, in UTC",
        "author_local_date" => "when it was written, in the author's local time",
        "committer_date" => "when it was committed, in UTC",
        "committer_local_date" => "when it was committed, in the committer's local time",
        "author_tzoffset" | "committer_tzoffset" => "the offset of local time from UTC, in seconds",
        "is_pr_orphan" => "whether its pull request no longer contains it",
        "outlier_reason" => "the reason why it is an outlier; null if it is not",
        "ignore_hash" => "equal for commits that are duplicates of each other",
        "haloc" => "lines added or edited",
        "new_work" => "lines that replace nothing",
        "legacy_refactor" => "lines that replace old ones",
        "help_others" => "lines that replace recent ones of somebody else",
        "churn" => "lines that replace recent ones of the author's own",
        "hunks" => "places that were edited",
        "levenshtein" => "the edit distance between before and after",
        "repo_tags" => "the ids of the repository's tags",
        _ => "",
    };
    [own, any].into_iter().find(|text| !text.is_empty())
}
