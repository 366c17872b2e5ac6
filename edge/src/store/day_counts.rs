//! Counts of commits by day, in the table `day_count`. A client that synchronizes reads many pages of a range of dates; each
//! page contains the number of all commits of the range.
//!
//! Benchmark row that needs them, at a million commits: `commits/?limit=1000&author_date__gte=…` (4 ms instead of 27 ms, and
//! 1,000 rows read instead of 600,000).

use super::computed_columns::instant;
use super::sql::{Parameters, Statement};

/// The fields that are counted.
pub(crate) const DAY_FIELDS: [&str; 2] = ["author_date", "author_local_date"];

/// A day in microseconds.
const DAY: i64 = 86_400_000_000;

/// Adds commits in their current state to `day_count`, `sign` times. `ids` is a query for their ids.
pub(crate) fn add_to_day_counts(sign: i32, ids: &str) -> Statement {
    let values = DAY_FIELDS
        .map(|field| format!("SELECT '{field}' AS field, {} AS value FROM commits WHERE id IN ({ids})", value(field)));
    let sql = format!(
        "INSERT INTO day_count (field, day, count) SELECT field, substr(value, 1, 10), {sign} * COUNT(*) \
         FROM ({}) WHERE value IS NOT NULL GROUP BY 1, 2 ON CONFLICT DO UPDATE SET count = count + excluded.count",
        values.join(" UNION ALL ")
    );
    Statement::new(sql, [])
}

/// Returns the indexed expression for a field.
fn value(field: &str) -> String {
    format!("coalesce({field}_utc, {field})")
}

/// Returns a query for the number of commits whose field lies between two moments, inclusive, in microseconds since
/// 1970-01-01. Whole days are counted from `day_count`, the rest from the index of the field.
pub(crate) fn count_between(field: &str, from: Option<i64>, until: Option<i64>, parameters: &mut Parameters) -> String {
    let day = |number: i64| instant(number.saturating_mul(DAY)).get(..10).unwrap_or_default().to_owned();
    let first_day = from.map(|from| from.div_euclid(DAY) + i64::from(from.rem_euclid(DAY) > 0));
    let end_day = until.map(|until| until.saturating_add(1).div_euclid(DAY));
    let value = value(field);
    let mut count_in_index = |bounds: [Option<(&str, String)>; 2]| {
        let bounds = bounds.into_iter().flatten();
        let conditions: Vec<String> =
            bounds.map(|(comparison, moment)| format!("{value} {comparison} {}", parameters.bind(moment))).collect();
        format!("(SELECT COUNT(*) FROM commits WHERE {})", conditions.join(" AND "))
    };
    let (from, until) = (from.map(|from| (">=", instant(from))), until.map(|until| ("<=", instant(until))));
    if first_day.zip(end_day).is_some_and(|(first, end)| first > end) {
        return format!("SELECT {} AS count", count_in_index([from, until]));
    }
    let before = first_day.map(|first| count_in_index([from, Some(("<", day(first)))]));
    let after = end_day.map(|end| count_in_index([Some((">=", day(end))), until]));
    let mut whole_days = format!("(SELECT coalesce(SUM(count), 0) FROM day_count WHERE field = '{field}'");
    for (comparison, number) in [(">=", first_day), ("<", end_day)] {
        if let Some(number) = number {
            whole_days += &format!(" AND day {comparison} {}", parameters.bind(day(number)));
        }
    }
    let parts: Vec<String> = before.into_iter().chain([whole_days + ")"]).chain(after).collect();
    format!("SELECT {} AS count", parts.join(" + "))
}
