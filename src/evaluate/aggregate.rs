//! The aggregate of commits over rows in memory (§2).

use super::column::Column;
use super::list::matches;
use super::rows::Rows;
use super::store::Store;
use crate::calendar::Day;
use crate::number::{decimal_double, write_decimal};
use crate::query::{Aggregate, AggregateFunction, AggregateRequest, Group};
use crate::schema::{COMMITS, Kind};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::Hash;
use hashbrown::HashMap;
use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The result of an aggregate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AggregateResult {
    /// The number of rows on all pages.
    pub count: u64,
    /// The rows on the requested page, in order.
    pub rows: Vec<AggregateRow>,
}

/// A group of commits. It serializes as an object of its columns.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateRow {
    columns: Arc<[String]>,
    cells: Vec<Cell>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Cell {
    Null,
    Boolean(bool),
    Count(u64),
    Integer(i128),
    /// Ten-thousandths.
    #[serde(serialize_with = "serialize_decimal")]
    Decimal(i128),
    Number(f64),
    Text(String),
    Day(Day),
}

fn serialize_decimal<S: Serializer>(ten_thousandths: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    if let Some(double) = decimal_double(*ten_thousandths) {
        return serializer.serialize_f64(double);
    }
    let mut text = String::new();
    write_decimal(*ten_thousandths, &mut text);
    RawValue::from_string(text).map_err(S::Error::custom)?.serialize(serializer)
}

/// A running sum.
#[derive(Clone, Copy, Debug, Default)]
struct RunningSum {
    count: u64,
    whole: i128,
    double: f64,
    /// The rounding errors of `double`.
    lost: f64,
}

impl Serialize for AggregateRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns.iter().zip(&self.cells))
    }
}

/// The bits of the position in a key of [`group_keys`]. No column has more positions.
const POSITION: u64 = u32::MAX as u64;

/// Evaluates a request for an aggregate. Without commits there is no row.
pub fn aggregate(request: &AggregateRequest, store: &Store) -> AggregateResult {
    let Some(rows) = store.rows(&COMMITS) else { return AggregateResult::default() };
    let matches = matches(&request.list, rows, store);
    let found: Vec<usize> = rows.positions().iter().copied().filter(|&position| matches.times(position) > 0).collect();
    let parts: Vec<GroupValue<'_>> =
        request.groups.iter().map(|group| GroupValue::new(request, *group, rows)).collect();
    let group_keys = group_keys(&found, &parts);
    let groups = || group_keys.chunk_by(|one, other| one >> 32 == other >> 32);

    let page = request.list.page;
    let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let take = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let columns: Arc<[String]> = request.columns().into();
    let row = |group: &[u64]| {
        let positions = || group.iter().map(|key| (key & POSITION) as usize);
        let values = parts.iter().map(|part| part.cell(positions().next().unwrap_or_default()));
        let sums = request.aggregates.iter().map(|aggregate| {
            let mut sum = RunningSum::default();
            for position in positions() {
                sum.add(rows.column(aggregate.field), position, matches.times(position));
            }
            sum.cell(*aggregate)
        });
        AggregateRow { columns: columns.clone(), cells: values.chain(sums).collect() }
    };
    AggregateResult { count: groups().count() as u64, rows: groups().skip(skip).take(take).map(row).collect() }
}

/// Returns positions in the order of their groups, in the low 32 bits; the high 32 bits number the groups.
fn group_keys(positions: &[usize], parts: &[GroupValue<'_>]) -> Vec<u64> {
    let mut keys: Vec<u64> = alloc::vec![0; positions.len()];
    // All keys are below it.
    let mut bound = 1;
    for part in parts {
        let (numbers, count) = part.numbers(positions);
        // Both are below 2³², so nothing overflows.
        keys.iter_mut().zip(numbers).for_each(|(key, number)| *key = *key * count + number);
        bound *= count;
        if bound > u64::from(u32::MAX) {
            (keys, bound) = narrow(keys);
        }
    }
    keys.iter_mut().zip(positions).for_each(|(key, &position)| *key = *key << 32 | position as u64 & POSITION);
    radsort::sort_by_key(&mut keys, |key| key >> 32);
    keys
}

/// Replaces numbers with smaller ones in the same order, below a bound that is below 2³²: differences from the least
/// or, if these are too large, ranks. [`u64::MAX`], a null, does not count as a large difference.
fn narrow(mut numbers: Vec<u64>) -> (Vec<u64>, u64) {
    let known = || numbers.iter().copied().filter(|&number| number != u64::MAX);
    let (least, greatest) = (known().min().unwrap_or(0), known().max().unwrap_or(0));
    let null = (greatest - least).saturating_add(1);
    if null >= u64::from(u32::MAX) {
        return ranks(numbers.into_iter());
    }
    numbers.iter_mut().for_each(|number| *number = (*number - least).min(null));
    (numbers, null + 1)
}

/// Returns the rank of each value among the distinct ones, and the number of these.
fn ranks<T: Copy + Ord + Hash>(values: impl Iterator<Item = T>) -> (Vec<u64>, u64) {
    let mut seen: HashMap<T, usize> = HashMap::new();
    let numbers: Vec<usize> = values
        .map(|value| {
            let next = seen.len();
            *seen.entry(value).or_insert(next)
        })
        .collect();
    let mut sorted: Vec<(T, usize)> = seen.into_iter().collect();
    sorted.sort_unstable();
    let mut ranks = alloc::vec![0; sorted.len()];
    for (rank, &(_, number)) in (0..).zip(&sorted) {
        if let Some(position) = ranks.get_mut(number) {
            *position = rank;
        }
    }
    let rank = |number: usize| ranks.get(number).copied().unwrap_or(0);
    (numbers.into_iter().map(rank).collect(), sorted.len() as u64)
}

/// A value that commits are grouped by.
struct GroupValue<'a> {
    column: &'a Column,
    kind: Kind,
    /// Reports whether only the day of a date-time counts.
    date: bool,
}

impl<'a> GroupValue<'a> {
    fn new(request: &AggregateRequest, group: Group, rows: &'a Rows) -> GroupValue<'a> {
        const ALIAS: usize = COMMITS.field_index("user_alias_id");
        const USER: usize = COMMITS.field_index("apex_user_id");
        let field = if request.list.normalize_authors && group.field == ALIAS { USER } else { group.field };
        GroupValue { column: rows.column(field), kind: kind(field), date: group.date }
    }

    /// Returns numbers in the order of the values at some positions, and a bound above all of them.
    fn numbers(&self, positions: &[usize]) -> (Vec<u64>, u64) {
        const SIGN: u64 = 1 << 63;
        if let Column::Texts(texts) = self.column {
            return ranks(
                positions.iter().map(|&position| texts.at(position).map_or((true, ""), |text| (false, text))),
            );
        }
        // Null is the greatest; no value is as great.
        let number = |&position: &usize| self.number(position).map_or(u64::MAX, |number| number.cast_unsigned() ^ SIGN);
        narrow(positions.iter().map(number).collect())
    }

    fn number(&self, position: usize) -> Option<i64> {
        let value = self.column.integer(position)?;
        Some(if self.date { value.div_euclid(86_400_000_000) } else { value })
    }

    fn cell(&self, position: usize) -> Cell {
        if let Column::Texts(texts) = self.column {
            return texts.at(position).map_or(Cell::Null, |text| Cell::Text(text.into()));
        }
        match self.number(position) {
            None => Cell::Null,
            Some(day) if self.date => i32::try_from(day).map_or(Cell::Null, |day| Cell::Day(Day::from_number(day))),
            Some(value) if self.kind == Kind::Boolean => Cell::Boolean(value != 0),
            Some(value) => Cell::Integer(i128::from(value)),
        }
    }
}

fn kind(field: usize) -> Kind {
    COMMITS.fields.get(field).map_or(Kind::Json, |field| field.kind)
}

impl RunningSum {
    fn add(&mut self, column: &Column, position: usize, times: u64) {
        match column {
            Column::Integers(values) => {
                let Some(&value) = values.get(position).filter(|&&value| value != super::column::NULL) else { return };
                self.whole = self.whole.saturating_add(i128::from(value).saturating_mul(i128::from(times)));
            }
            Column::Doubles(values) => {
                let Some(&value) = values.get(position).filter(|value| !value.is_nan()) else { return };
                // Neumaier's sum, like SQLite's, so that both agree.
                let value = value * times as f64;
                let sum = self.double + value;
                let (larger, smaller) =
                    if self.double.abs() > value.abs() { (self.double, value) } else { (value, self.double) };
                self.lost += (larger - sum) + smaller;
                self.double = sum;
            }
            Column::Texts(texts) if texts.at(position).is_some() => {}
            Column::Texts(_) | Column::Ids(_) | Column::Unread => return,
        }
        self.count = self.count.saturating_add(times);
    }

    fn cell(&self, aggregate: Aggregate) -> Cell {
        match (aggregate.function, kind(aggregate.field)) {
            (AggregateFunction::Count, _) => Cell::Count(self.count),
            (AggregateFunction::Sum, _) if self.count == 0 => Cell::Null,
            (AggregateFunction::Sum, Kind::Decimal) => Cell::Decimal(self.whole),
            // -0 + 0 is 0.
            (AggregateFunction::Sum, Kind::Number) if self.double.is_finite() => {
                Cell::Number(self.double + self.lost + 0.0)
            }
            // JSON has no infinity.
            (AggregateFunction::Sum, Kind::Number) => Cell::Null,
            (AggregateFunction::Sum, _) => Cell::Integer(self.whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::RowsBuilder;
    use alloc::string::ToString;

    fn store() -> Store {
        store_of(&[
            r#"{"id":1,"apex_user_id":7,"user_alias_id":70,"repo_id":1,"author_local_date":"2021-06-05T23:59:59.5","haloc":5,"impact":0.1,"is_merge":true}"#,
            r#"{"id":2,"apex_user_id":7,"user_alias_id":71,"repo_id":1,"author_local_date":"2021-06-05","haloc":null,"impact":0.2}"#,
            r#"{"id":3,"apex_user_id":2,"repo_id":1,"author_local_date":"1969-12-31T23:00:00","haloc":null,"impact":null,"risk":0.5,"outlier_reason":1}"#,
            r#"{"id":4,"apex_user_id":2,"repo_id":2,"author_date":"2021-06-05","haloc":3,"message":"x"}"#,
        ])
    }

    fn store_of(lines: &[&str]) -> Store {
        let mut rows = RowsBuilder::new(&COMMITS);
        for line in lines {
            rows.add_text(line).unwrap();
        }
        let mut store = Store::default();
        store.insert(rows.build());
        store
    }

    fn answer(query: &str) -> (u64, String) {
        let answer = aggregate(&AggregateRequest::parse(query).unwrap(), &store());
        (answer.count, serde_json::to_string(&answer.rows).unwrap())
    }

    #[test]
    fn sums_of_doubles_are_compensated() {
        let row = |id: usize, risk: &str| {
            alloc::format!(r#"{{"id":{id},"apex_user_id":1,"repo_id":1,"author_date":"2021-06-05","risk":{risk}}}"#)
        };
        for (risks, sum) in [(["0.1", "0.2", "0.3"], "0.6"), (["1", "1e100", "-1e100"], "1.0"), (["1e308"; 3], "null")]
        {
            let lines: Vec<String> = risks.iter().enumerate().map(|(id, risk)| row(id, risk)).collect();
            let store = store_of(&lines.iter().map(String::as_str).collect::<Vec<_>>());
            let found = aggregate(&AggregateRequest::parse("aggregate[sum]=risk").unwrap(), &store);
            let expected = alloc::format!(r#"[{{"risk_sum":{sum}}}]"#);
            assert_eq!(serde_json::to_string(&found.rows).unwrap(), expected);
        }
    }

    #[test]
    fn sums_of_decimals_beyond_exact_doubles_keep_all_digits() {
        let store = store_of(&[
            r#"{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2021-06-05","impact":900719925474.0991}"#,
            r#"{"id":2,"apex_user_id":1,"repo_id":1,"author_date":"2021-06-05","impact":0.0004}"#,
        ]);
        let found = aggregate(&AggregateRequest::parse("aggregate[sum]=impact").unwrap(), &store);
        assert_eq!(serde_json::to_string(&found.rows).unwrap(), r#"[{"impact_sum":900719925474.0995}]"#);
    }

    #[test]
    fn a_row_for_each_coding_day() {
        let query = "aggregate[count]=id&aggregate[sum]=haloc,impact&group_by[apex_user_id,author_local_date__date]";
        let rows = [
            r#"{"apex_user_id":2,"author_local_date_date":"1969-12-31","id_count":1,"haloc_sum":null,"impact_sum":null}"#,
            r#"{"apex_user_id":2,"author_local_date_date":"2021-06-05","id_count":1,"haloc_sum":3,"impact_sum":0.0}"#,
            r#"{"apex_user_id":7,"author_local_date_date":"2021-06-05","id_count":2,"haloc_sum":5,"impact_sum":0.3}"#,
        ];
        assert_eq!(answer(query), (3, alloc::format!("[{}]", rows.join(","))));
        assert_eq!(answer(&alloc::format!("{query}&limit=1&offset=1")), (3, alloc::format!("[{}]", rows[1])));
    }

    #[test]
    fn other_kinds() {
        let of = |query: &str| answer(query).1;
        assert_eq!(
            of("group_by[is_merge]&aggregate[count]=message"),
            r#"[{"is_merge":false,"message_count":1},{"is_merge":true,"message_count":0}]"#
        );
        assert_eq!(of("group_by[message]&aggregate[sum]=risk&repo_id=2"), r#"[{"message":"x","risk_sum":null}]"#);
        assert_eq!(of("aggregate[sum]=risk,haloc"), r#"[{"risk_sum":0.5,"haloc_sum":8}]"#);
        assert_eq!(of("group_by[user_alias_id]&id__lt=3"), r#"[{"user_alias_id":70},{"user_alias_id":71}]"#);
        assert_eq!(of("group_by[user_alias_id]&id__lt=3&normalize_authors=true"), r#"[{"user_alias_id":7}]"#);
        assert_eq!(answer("aggregate[count]=id&id=9"), (0, "[]".into()));
    }

    #[test]
    fn groups_of_distant_numbers() {
        for far in [(1i64 << 53) - 1, 1 << 31] {
            let mut keys = Vec::new();
            for user in [1, 2, far] {
                for repo in [-far, 5, far] {
                    for reason in [Some(-far), Some(far), None] {
                        let reason = reason.map_or("null".into(), |reason| reason.to_string());
                        keys.push(alloc::format!(
                            r#""apex_user_id":{user},"repo_id":{repo},"outlier_reason":{reason}"#
                        ));
                    }
                }
            }
            // In descending order, each twice.
            let lines = (0..2).flat_map(|turn| keys.iter().rev().zip((turn..).step_by(2)));
            let lines: Vec<String> = lines.map(|(key, id)| alloc::format!(r#"{{"id":{id},{key}}}"#)).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let query = "group_by[apex_user_id,repo_id,outlier_reason]&aggregate[count]=id";
            let answer = aggregate(&AggregateRequest::parse(query).unwrap(), &store_of(&lines));
            let rows: Vec<String> = keys.iter().map(|key| alloc::format!(r#"{{{key},"id_count":2}}"#)).collect();
            assert_eq!(serde_json::to_string(&answer.rows).unwrap(), alloc::format!("[{}]", rows.join(",")));
        }
    }
}
