//! How many rows there are, as imports keep it: of a resource in the table `row_count`, for counting them all, and for
//! finding a place deep among them; of commits in `commit_count`, `new_work_count` and `day_count`, for counting what is
//! found of them. So none of these rows is read.

use super::computed_columns::instant;
use super::sql::{Parameters, Statement};
use streamgage::schema::Resource;

/// Rows are counted by blocks of 2^10 ids, and as a whole: by 2^62, which no id comes to.
const BLOCK: u32 = 10;
const WHOLE: u32 = 62;

/// Adds the rows that an import stores and subtracts those it deletes, before it does so. `kept` is a JSON array of
/// rows, each an array that begins with its id; `deleted` is one of ids, none of which is among the rows.
pub(crate) fn update(resource: &Resource, kept: String, deleted: String) -> Statement {
    let name = resource.name;
    let sql = format!(
        "INSERT INTO row_count (resource, bits, block, count) \
         SELECT '{name}', column1, id >> column1, SUM(change) FROM (\
         SELECT value ->> 0 AS id, 1 AS change FROM json_each(?1) \
         WHERE NOT EXISTS (SELECT 1 FROM {name} WHERE id = value ->> 0) \
         UNION ALL SELECT id, -1 FROM {name} WHERE id IN (SELECT value FROM json_each(?2))\
         ), (VALUES ({BLOCK}), ({WHOLE})) GROUP BY column1, id >> column1 \
         ON CONFLICT (resource, bits, block) DO UPDATE SET count = count + excluded.count"
    );
    Statement::new(sql, [kept.into(), deleted.into()])
}

/// Adds these commits, as they are at this point, to the tallies of what is asked of them, `change` times. `ids` is a query.
pub(crate) fn tally(change: i32, ids: &str) -> [Statement; 3] {
    let add = |table: &str, names: &str, values: &str, groups: &str, condition: &str| {
        let sql = format!(
            "INSERT INTO {table} ({names}, count) SELECT {values}, {change} * COUNT(*) \
             FROM commits WHERE id IN ({ids}){condition} GROUP BY {groups} \
             ON CONFLICT DO UPDATE SET count = count + excluded.count"
        );
        Statement::new(sql, [])
    };
    [
        add(
            "commit_count",
            "repo_id, apex_user_id, is_duplicate, is_merge, is_pr_orphan, is_outlier, is_weekday",
            "repo_id, apex_user_id, is_duplicate, is_merge IS NOT 0, is_pr_orphan IS NOT 0, \
             outlier_reason IS NOT NULL, is_weekday IS 1",
            "1, 2, 3, 4, 5, 6, 7",
            "",
        ),
        add("new_work_count", "new_work", "new_work", "1", " AND new_work IS NOT NULL"),
        Statement::new(
            format!(
                "INSERT INTO day_count (field, day, count) SELECT field, substr(value, 1, 10), {change} * COUNT(*) FROM (\
                 {}) WHERE value IS NOT NULL GROUP BY 1, 2 ON CONFLICT DO UPDATE SET count = count + excluded.count",
                DAYS.map(|field| format!(
                    "SELECT '{field}' AS field, {} AS value FROM commits WHERE id IN ({ids})",
                    value(field)
                ))
                .join(" UNION ALL ")
            ),
            [],
        ),
    ]
}

/// The fields of commits that are counted by day.
pub(crate) const DAYS: [&str; 2] = ["author_date", "author_local_date"];
const DAY: i64 = 86_400_000_000;

/// The moment that a field names, as its index has it.
fn value(field: &str) -> String {
    format!("coalesce({field}_utc, {field})")
}

/// Counts the commits whose field lies between two moments, which are in microseconds and themselves within: by whole days,
/// and what of a day is beside these by the index.
pub(crate) fn of_days(field: &str, from: Option<i64>, until: Option<i64>, parameters: &mut Parameters) -> String {
    let day = |number: i64| instant(number.saturating_mul(DAY)).get(..10).unwrap_or_default().to_owned();
    // The first whole day, and the one after the last.
    let first = from.map(|from| from.div_euclid(DAY) + i64::from(from.rem_euclid(DAY) > 0));
    let end = until.map(|until| until.saturating_add(1).div_euclid(DAY));
    let value = value(field);
    let mut index = |conditions: [Option<(&str, String)>; 2]| {
        let conditions = conditions.into_iter().flatten();
        let conditions =
            conditions.map(|(comparison, moment)| format!("{value} {comparison} {}", parameters.bind(moment)));
        format!("(SELECT COUNT(*) FROM commits WHERE {})", conditions.collect::<Vec<_>>().join(" AND "))
    };
    let (from, until) = (from.map(|from| (">=", instant(from))), until.map(|until| ("<=", instant(until))));
    if first.zip(end).is_some_and(|(first, end)| first > end) {
        return format!("SELECT {} AS count", index([from, until]));
    }
    let before = first.map(|first| index([from, Some(("<", day(first)))]));
    let after = end.map(|end| index([Some((">=", day(end))), until]));
    let mut days = format!("(SELECT coalesce(SUM(count), 0) FROM day_count WHERE field = '{field}'");
    for (comparison, number) in [(">=", first), ("<", end)] {
        if let Some(number) = number {
            days += &format!(" AND day {comparison} {}", parameters.bind(day(number)));
        }
    }
    let parts: Vec<String> = before.into_iter().chain([days + ")"]).chain(after).collect();
    format!("SELECT {} AS count", parts.join(" + "))
}

/// Counts all rows.
pub(crate) fn all(resource: &Resource) -> String {
    let name = resource.name;
    format!("SELECT coalesce(SUM(count), 0) AS count FROM row_count WHERE resource = '{name}' AND bits = {WHOLE}")
}

/// A place among all rows in the order of their ids, or in the reverse.
pub(crate) struct Place {
    /// `WITH …`: the table `place` that the others read.
    pub with: String,
    /// The condition on `t.id` under which the block with the place in it comes first.
    pub from: &'static str,
    /// How many rows of that block come before the place.
    pub skipped: &'static str,
}

/// Finds the place behind so many rows; `offset` is what that number is bound to.
pub(crate) fn place(resource: &Resource, descending: bool, offset: String) -> Place {
    let name = resource.name;
    let (order, first, from) = if descending {
        ("block DESC", format!("((block + 1) << {BLOCK}) - 1"), "t.id <= (SELECT first FROM place)")
    } else {
        ("block", format!("block << {BLOCK}"), "t.id >= (SELECT first FROM place)")
    };
    let with = format!(
        "WITH place AS MATERIALIZED (SELECT {first} AS first, {offset} - passed + count AS skipped FROM (\
         SELECT block, count, SUM(count) OVER (ORDER BY {order}) AS passed FROM row_count \
         WHERE resource = '{name}' AND bits = {BLOCK}) WHERE passed > {offset} ORDER BY {order} LIMIT 1)"
    );
    // Behind the last row there is no place, and no id compares with that.
    Place { with, from, skipped: "coalesce((SELECT skipped FROM place), 0)" }
}
