//! Descriptions of the fields and filters whose names do not explain them.

/// Returns the description of a field or filter. Descriptions of a single resource take precedence.
pub(crate) fn field_description(resource: &str, name: &str) -> Option<&'static str> {
    let own = match (resource, name) {
        ("teams", "parent") => "the id of the parent team",
        ("teams", "path") => "the ids of all teams from the root to the team, separated by dots",
        ("teams", "ancestors") => "the names of all teams from the root to the team",
        ("teams", "team_level") => "the depth of nesting, 1 at the root",
        ("teams", "ancestor_id") => "the id of the team or of any team above it",
        ("teams", "ancestorsof_id") => "the id of the team or of any team below it",
        ("teams", "ancestorsof_name") => "the name of the team or of any team below it",
        ("teams", "ancestorsof_description") => "the description of the team or of any team below it",
        ("teams", "ancestorsof_name_description") => "the name or description of the team or of any team below it",
        ("teams", "exclude_descendants") => "`true` if the team has no parent; `false` has no effect",
        ("teams", "is_visible") => "whether `visibility` is `SHOW`",
        ("users", "alias_name") => "the name of one of the user's aliases",
        ("users", "alias_email") => "the e-mail address of one of the user's aliases",
        ("users", "alias_count") => "the number of the user's aliases",
        ("users", "team") => "the user's teams",
        ("users", "team__id") => "the id of one of the user's teams",
        ("users", "team__name") => "the name of one of the user's teams",
        ("users", "team_member") => "the id of one of the user's teams",
        ("users", "team_member__path") => "the path of one of the user's teams",
        ("users", "team_visibility") => "the visibility of one of the user's teams",
        ("users", "hidden_from_reports") => "whether metrics exclude the user",
        ("repos", "blocked") => "whether metrics exclude the repository",
        ("repos", "oldest_commit_date") => "null until the repository has been processed",
        ("repos", "tags" | "tags__id") => "the id of one of the repository's tags",
        ("repos", "tags__name") => "the name of one of the repository's tags",
        ("team_membership", "team_ancestor_id") => "the id of the team or of any team above it",
        ("team_membership", "membership_type") => "for example `contributor`; metrics count contributors only",
        _ => "",
    };
    let any = match name {
        "apex_user_id" => "the id of the user to whom all aliases of the person belong",
        "user_alias_id" => "the id of the author's alias",
        "apex_user" => "the id of the user",
        "user_alias" => "the id of the author's alias",
        "repo" => "the id of the repository",
        "extracted_tags" => "the JSON of the value, or the text of a JSON string",
        "author_date" => "the time of authorship, in UTC",
        "author_local_date" => {
            "the time of authorship, in the author's local time; derived from `author_date` and `author_tzoffset` if missing"
        }
        "committer_date" => "the time of the commit, in UTC",
        "committer_local_date" => "the time of the commit, in the committer's local time",
        "author_tzoffset" | "committer_tzoffset" => "the offset of local time from UTC, in seconds",
        "is_pr_orphan" => "whether the pull request no longer contains the commit",
        "outlier_reason" => "the reason why the commit is an outlier, or null",
        "ignore_hash" => "a hash that duplicates have in common",
        "haloc" => "lines added or edited",
        "new_work" => "added lines that replace nothing",
        "legacy_refactor" => "lines that replace old lines",
        "help_others" => "lines that replace recent lines of another author",
        "churn" => "lines that replace the author's own recent lines",
        "hunks" => "edited places",
        "levenshtein" => "the edit distance between the old and the new text",
        "repo_tags" => "the ids of the repository's tags",
        _ => "",
    };
    [own, any].into_iter().find(|text| !text.is_empty())
}
