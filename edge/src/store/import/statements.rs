//! The statements that store the rows of an import: `?1` is a JSON array of rows, each an array of its columns, and `?2` a
//! JSON array of ids to delete.

use crate::store::computed_columns::computed_columns;
use crate::store::day_counts;
use crate::store::rollup::{self, IS_DUPLICATE};
use crate::store::row_counts;
use crate::store::sql::Statement;
use crate::store::table::GENERIC_TABLE;
use std::ops::Range;
use streamgage::schema::{COMMITS, Resource};

/// Returns the statements for the rows of a resource, and the range of those that store and delete rows. `stored` and
/// `deleted` are the JSON arrays.
pub(super) fn statements(resource: &Resource, stored: String, deleted: String) -> (Vec<Statement>, Range<usize>) {
    if resource == &COMMITS {
        (commit_statements(stored, deleted), 7..9)
    } else {
        (row_statements(resource, stored, deleted), 1..3)
    }
}

/// Returns the columns of a table in the order of a row's array.
fn table_columns(resource: &Resource) -> Vec<String> {
    if resource.is_generic {
        return ["id", "row", "filter_values"].map(str::to_owned).into();
    }
    let fields = resource.row_fields().map(|(_, field)| field.name).chain(["extra"]).map(str::to_owned);
    fields.chain(computed_columns(resource)).chain(["filter_values".to_owned()]).collect()
}

/// Returns all columns but the id, each with a prefix.
fn other_columns(resource: &Resource, prefix: &str) -> String {
    let columns = table_columns(resource);
    let others = columns.iter().skip(1).map(|column| format!("{prefix}{column}"));
    others.collect::<Vec<_>>().join(", ")
}

/// Returns the statement that inserts and updates rows. `condition` is about `incoming.value`, a row.
fn upsert(resource: &Resource, condition: &str) -> String {
    let columns = table_columns(resource);
    let values: Vec<String> = (0..columns.len()).map(|index| format!("incoming.value ->> {index}")).collect();
    let sets = columns.iter().skip(1).map(|column| format!("{column} = excluded.{column}"));
    let sets: Vec<String> = sets.collect();
    let (columns, values, sets) = (columns.join(", "), values.join(", "), sets.join(", "));
    let name = resource.name;
    let (target, values, key) = if resource.is_generic {
        (format!("{GENERIC_TABLE} (resource, {columns})"), format!("'{name}', {values}"), "resource, id")
    } else {
        (format!("{name} ({columns})"), values, "id")
    };
    format!(
        "INSERT INTO {target} SELECT {values} FROM json_each(?1) AS incoming WHERE {condition} \
         ON CONFLICT ({key}) DO UPDATE SET {sets}"
    )
}

fn delete(resource: &Resource, deleted: String) -> Statement {
    let name = resource.name;
    let rows = if resource.is_generic {
        format!("{GENERIC_TABLE} WHERE resource = '{name}' AND")
    } else {
        format!("{name} WHERE")
    };
    let sql = format!("DELETE FROM {rows} id IN (SELECT value FROM json_each(?1))");
    Statement::new(sql, [deleted.into()])
}

fn row_statements(resource: &Resource, stored: String, deleted: String) -> Vec<Statement> {
    let table = if resource.is_generic { GENERIC_TABLE } else { resource.name };
    let own = other_columns(resource, &format!("{table}."));
    let differs = format!(" WHERE ({own}) IS NOT ({})", other_columns(resource, "excluded."));
    vec![
        row_counts::update_row_counts(resource, stored.clone(), deleted.clone()),
        Statement::new(upsert(resource, "true") + &differs, [stored.into()]),
        delete(resource, deleted),
    ]
}

/// The ids of the commits that the import changes.
const CHANGED: &str = "SELECT value FROM json_each((SELECT value FROM scratch WHERE name = 'changed'))";

/// The ids of the commits whose counting may change: the changed commits, and the first other commit of each of their
/// groups of duplicates. No other commit can become the first of its group, or cease to be it.
const AFFECTED: &str = "SELECT value FROM json_each((SELECT value FROM scratch WHERE name = 'affected'))";

/// Returns the statements for commits, which also maintain `is_duplicate`, the counts of commits and the rollup.
fn commit_statements(stored: String, deleted: String) -> Vec<Statement> {
    let columns = table_columns(&COMMITS);
    let values: Vec<String> = (1..columns.len()).map(|index| format!("incoming.value ->> {index}")).collect();
    let ignore_hash = columns.iter().position(|column| column == "ignore_hash").unwrap_or_default();
    let with_stored = |sql: String| Statement::new(sql, [stored.clone().into()]);
    let plain = |sql: String| Statement::new(sql, []);
    let mut statements = vec![
        row_counts::update_row_counts(&COMMITS, stored.clone(), deleted.clone()),
        Statement::new(
            format!(
                "INSERT INTO scratch (name, value) SELECT 'changed', json_group_array(id) FROM (\
                 SELECT incoming.value ->> 0 AS id FROM json_each(?1) AS incoming \
                 LEFT JOIN commits AS old ON old.id = incoming.value ->> 0 \
                 WHERE old.id IS NULL OR ({}) IS NOT ({}) \
                 UNION ALL SELECT id FROM commits WHERE id IN (SELECT value FROM json_each(?2)))",
                other_columns(&COMMITS, "old."),
                values.join(", "),
            ),
            [stored.clone().into(), deleted.clone().into()],
        ),
        with_stored(format!(
            "INSERT INTO scratch (name, value) SELECT 'affected', json_group_array(id) FROM (\
             SELECT value AS id FROM ({CHANGED}) UNION \
             SELECT (SELECT id FROM commits WHERE ignore_hash = grouped.ignore_hash AND id NOT IN ({CHANGED}) \
             ORDER BY id LIMIT 1) FROM (SELECT ignore_hash FROM commits WHERE id IN ({CHANGED}) \
             UNION SELECT value ->> {ignore_hash} FROM json_each(?1) WHERE value ->> 0 IN ({CHANGED})) AS grouped)"
        )),
        plain(rollup::record_cells("before", AFFECTED)),
        row_counts::add_to_commit_counts(-1, AFFECTED),
        row_counts::add_to_new_work_counts(-1, AFFECTED),
        day_counts::add_to_day_counts(-1, AFFECTED),
        with_stored(upsert(&COMMITS, &format!("incoming.value ->> 0 IN ({CHANGED})"))),
        delete(&COMMITS, deleted),
        plain(format!(
            "UPDATE commits SET is_duplicate = NOT is_duplicate \
             WHERE id IN ({AFFECTED}) AND is_duplicate <> ({IS_DUPLICATE})"
        )),
        row_counts::add_to_commit_counts(1, AFFECTED),
        row_counts::add_to_new_work_counts(1, AFFECTED),
        day_counts::add_to_day_counts(1, AFFECTED),
        plain(rollup::record_cells("after", AFFECTED)),
    ];
    statements.extend(rollup::recompute_cells().map(plain));
    statements.push(plain("DELETE FROM scratch".to_owned()));
    statements
}
