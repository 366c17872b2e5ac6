//! Maintenance of the rollup: the commits that count, summed by day, user and repository.
//!
//! An import recomputes each cell of which a commit changes, before or after. Cells are never incremented.

/// Reports whether a commit counts, by its own columns (§1).
const COUNTS: &str = "COALESCE(is_merge, 0) = 0 AND COALESCE(is_pr_orphan, 0) = 0 AND outlier_reason IS NULL \
     AND is_duplicate = 0";

/// Calculates `is_duplicate`: whether a commit with a lower id has the same `ignore_hash` (§1).
pub(crate) const IS_DUPLICATE: &str =
    "EXISTS (SELECT 1 FROM commits AS first WHERE first.ignore_hash = commits.ignore_hash AND first.id < commits.id)";

/// Returns the statement that records the current cells of commits in `scratch` under a name. `ids` is a query for the
/// commits' ids.
pub(crate) fn record_cells(name: &str, ids: &str) -> String {
    format!(
        "INSERT INTO scratch (name, value) SELECT '{name}', \
         json_group_array(json_array(day, apex_user_id, repo_id)) FROM commits WHERE id IN ({ids})"
    )
}

/// Returns the statements that recompute the cells recorded under `before` and `after`.
pub(crate) fn recompute_cells() -> [String; 2] {
    let cells = "SELECT DISTINCT cell.value ->> 0 AS day, cell.value ->> 1 AS apex_user_id, \
                 cell.value ->> 2 AS repo_id FROM scratch, json_each(scratch.value) AS cell \
                 WHERE scratch.name IN ('before', 'after')";
    [
        format!("DELETE FROM rollup WHERE (day, apex_user_id, repo_id) IN ({cells})"),
        format!(
            "INSERT INTO rollup (day, apex_user_id, repo_id, commits, haloc, churn, impact) \
             SELECT day, apex_user_id, repo_id, COUNT(*), SUM(COALESCE(haloc, 0)), SUM(COALESCE(churn, 0)), \
             SUM(COALESCE(impact, 0)) FROM ({cells}) CROSS JOIN commits INDEXED BY commits_user \
             USING (day, apex_user_id, repo_id) WHERE {COUNTS} GROUP BY day, apex_user_id, repo_id"
        ),
    ]
}
