//! Row counts that imports maintain, so that a list does not read all rows to count them: `row_count` by resource and
//! block of ids, `commit_count` by flag, `new_work_count` by new_work.
//!
//! Benchmark rows that need them, at a million commits: `commits/?limit=1000&offset=900000`; those of flags, such as
//! `commits/?exclude_weekends=true` (0.4 ms instead of 150 ms, 2,600 rows read instead of 1,000,000); those of new_work,
//! such as `commits/?new_work__lt=10`.

use super::sql::Statement;
use super::table::table;
use streamgage::schema::Resource;

/// Blocks hold 2^10 ids. Total counts use a block of 2^62 ids, which exceeds every id.
const BLOCK_BITS: u32 = 10;
const TOTAL_BITS: u32 = 62;

/// Updates `row_count` before an import stores and deletes rows. `stored` is a JSON array of rows, each an array that
/// begins with the id; `deleted` is a JSON array of other ids.
pub(crate) fn update_row_counts(resource: &Resource, stored: String, deleted: String) -> Statement {
    let (name, table) = (resource.name, table(resource));
    let sql = format!(
        "INSERT INTO row_count (resource, bits, block, count) \
         SELECT '{name}', column1, id >> column1, SUM(change) FROM (\
         SELECT value ->> 0 AS id, 1 AS change FROM json_each(?1) \
         WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE id = value ->> 0) \
         UNION ALL SELECT id, -1 FROM {table} WHERE id IN (SELECT value FROM json_each(?2))\
         ), (VALUES ({BLOCK_BITS}), ({TOTAL_BITS})) GROUP BY column1, id >> column1 \
         ON CONFLICT (resource, bits, block) DO UPDATE SET count = count + excluded.count"
    );
    Statement::new(sql, [stored.into(), deleted.into()])
}

/// Adds commits in their current state to `commit_count`, `sign` times. `ids` is a query for their ids.
pub(crate) fn add_to_commit_counts(sign: i32, ids: &str) -> Statement {
    let sql = format!(
        "INSERT INTO commit_count \
         (repo_id, apex_user_id, is_duplicate, is_merge, is_pr_orphan, is_outlier, is_weekday, count) \
         SELECT repo_id, apex_user_id, is_duplicate, is_merge IS NOT 0, is_pr_orphan IS NOT 0, \
         outlier_reason IS NOT NULL, is_weekday IS 1, {sign} * COUNT(*) \
         FROM commits WHERE id IN ({ids}) GROUP BY 1, 2, 3, 4, 5, 6, 7 \
         ON CONFLICT DO UPDATE SET count = count + excluded.count"
    );
    Statement::new(sql, [])
}

/// Adds commits in their current state to `new_work_count`, `sign` times. `ids` is a query for their ids.
pub(crate) fn add_to_new_work_counts(sign: i32, ids: &str) -> Statement {
    let sql = format!(
        "INSERT INTO new_work_count (new_work, count) SELECT new_work, {sign} * COUNT(*) \
         FROM commits WHERE id IN ({ids}) AND new_work IS NOT NULL GROUP BY 1 \
         ON CONFLICT DO UPDATE SET count = count + excluded.count"
    );
    Statement::new(sql, [])
}

/// Returns a query for the number of rows of a resource.
pub(crate) fn total(resource: &Resource) -> String {
    let name = resource.name;
    format!("SELECT coalesce(SUM(count), 0) AS count FROM row_count WHERE resource = '{name}' AND bits = {TOTAL_BITS}")
}

/// A position among all rows of a resource, in ascending or descending order of ids.
pub(crate) struct Position {
    /// A `WITH` clause that defines the table `position`, which the other expressions read.
    pub with: String,
    /// The condition on `t.id` that starts at the block of the position.
    pub condition: &'static str,
    /// The number of rows of that block before the position.
    pub offset_in_block: &'static str,
}

/// Returns the position behind a number of rows. `offset` is the parameter of that number.
pub(crate) fn position(resource: &Resource, descending: bool, offset: &str) -> Position {
    let name = resource.name;
    let (order, first, condition) = if descending {
        ("block DESC", format!("((block + 1) << {BLOCK_BITS}) - 1"), "t.id <= (SELECT first FROM position)")
    } else {
        ("block", format!("block << {BLOCK_BITS}"), "t.id >= (SELECT first FROM position)")
    };
    let with = format!(
        "WITH position AS MATERIALIZED (SELECT {first} AS first, {offset} - until + count AS skipped FROM (\
         SELECT block, count, SUM(count) OVER (ORDER BY {order}) AS until FROM row_count \
         WHERE resource = '{name}' AND bits = {BLOCK_BITS}) WHERE until > {offset} ORDER BY {order} LIMIT 1)"
    );
    // Behind the last row the table is empty: then the condition is NULL, and no row matches.
    Position { with, condition, offset_in_block: "coalesce((SELECT skipped FROM position), 0)" }
}
