//! The aggregate of commits over rows in hand (§2).

use super::rows::{Column, Rows};
use super::{Store, matches};
use crate::calendar::Day;
use crate::json::write_text;
use crate::query::{Aggregate, AggregateRequest, Function, Group};
use crate::schema::{COMMITS, Kind};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::Hash;
use hashbrown::HashMap;
use serde::{Serialize, Serializer};

/// The rows of an aggregate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aggregated {
    /// How many there are in all.
    pub count: u64,
    /// Those on the page that is asked for, in order.
    pub rows: Vec<AggregateRow>,
}

/// Commits that have something in common. Serializes as an object.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateRow {
    columns: Arc<[String]>,
    cells: Vec<Cell>,
}

/// A value of an [`AggregateRow`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Cell {
    Null,
    Boolean(bool),
    Count(u64),
    Integer(i128),
    Number(f64),
    Text(String),
    Day(Day),
}

/// What is known so far of the values of an aggregate.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    count: u64,
    whole: i128,
    double: f64,
}

impl Serialize for AggregateRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns.iter().zip(&self.cells))
    }
}

impl AggregateRow {
    /// Writes what serde's form would be as JSON; `double` writes a number.
    pub fn write_json(&self, double: &dyn Fn(f64) -> String, out: &mut String) {
        for (index, (name, cell)) in self.columns.iter().zip(&self.cells).enumerate() {
            out.push(if index == 0 { '{' } else { ',' });
            write_text(name, out);
            out.push(':');
            match cell {
                Cell::Null => out.push_str("null"),
                Cell::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
                Cell::Count(value) => out.push_str(&value.to_string()),
                Cell::Integer(value) => out.push_str(&value.to_string()),
                Cell::Number(value) => out.push_str(&double(*value)),
                Cell::Text(value) => write_text(value, out),
                Cell::Day(value) => write_text(&value.to_string(), out),
            }
        }
        out.push_str(if self.cells.is_empty() { "{}" } else { "}" });
    }
}

/// Answers a request for an aggregate. No commits make no row.
pub fn aggregate(request: &AggregateRequest, store: &Store) -> Aggregated {
    let Some(rows) = store.rows(&COMMITS) else { return Aggregated::default() };
    let matches = matches(&request.list, rows, store);
    let found: Vec<usize> = rows.places().iter().copied().filter(|&place| matches.times(place) > 0).collect();
    let parts: Vec<Part<'_>> = request.groups.iter().map(|group| Part::new(request, *group, rows)).collect();
    let keyed = keyed(&found, &parts);
    let groups = || keyed.chunk_by(|one, other| one.0 == other.0);

    let page = request.list.page;
    let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let take = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let columns: Arc<[String]> = request.columns().into();
    let row = |group: &[(u64, usize)]| {
        let first = group.first().map_or(0, |&(_, place)| place);
        let values = parts.iter().map(|part| part.cell(first));
        let sums = request.aggregates.iter().map(|aggregate| {
            let mut sum = Sum::default();
            for &(_, place) in group {
                sum.add(rows.column(aggregate.field), place, matches.times(place));
            }
            sum.cell(*aggregate)
        });
        AggregateRow { columns: columns.clone(), cells: values.chain(sums).collect() }
    };
    Aggregated { count: groups().count() as u64, rows: groups().skip(skip).take(take).map(row).collect() }
}

/// Places, each behind a number that those of its group have in common, in the order of groups.
fn keyed(places: &[usize], parts: &[Part<'_>]) -> Vec<(u64, usize)> {
    let mut keyed: Vec<(u64, usize)> = places.iter().map(|&place| (0, place)).collect();
    // How many numbers there may be.
    let mut bound = 1u64;
    for part in parts {
        let (ranks, count) = match part.column {
            Column::Texts(texts) => {
                ranks(places.iter().map(|&place| texts.at(place).map_or((true, ""), |text| (false, text))))
            }
            _ => ranks(places.iter().map(|&place| part.number(place).map_or((true, 0), |number| (false, number)))),
        };
        if bound.checked_mul(count).is_none() {
            let (dense, fewer) = self::ranks(keyed.iter().map(|&(key, _)| key));
            keyed.iter_mut().zip(dense).for_each(|((key, _), rank)| *key = rank);
            bound = fewer;
        }
        bound = bound.saturating_mul(count);
        keyed.iter_mut().zip(ranks).for_each(|((key, _), rank)| *key = *key * count + rank);
    }
    keyed.sort_unstable();
    keyed
}

/// Of each value how many different ones are less, and how many there are.
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
        if let Some(place) = ranks.get_mut(number) {
            *place = rank;
        }
    }
    let rank = |number: usize| ranks.get(number).copied().unwrap_or(0);
    (numbers.into_iter().map(rank).collect(), sorted.len() as u64)
}

/// What commits are grouped by.
struct Part<'a> {
    column: &'a Column,
    kind: Kind,
    /// Whether of a time the day alone counts.
    date: bool,
}

impl<'a> Part<'a> {
    fn new(request: &AggregateRequest, group: Group, rows: &'a Rows) -> Part<'a> {
        const ALIAS: usize = COMMITS.place("user_alias_id");
        const USER: usize = COMMITS.place("apex_user_id");
        let field = if request.list.normalize_authors && group.field == ALIAS { USER } else { group.field };
        Part { column: rows.column(field), kind: kind(field), date: group.date }
    }

    fn number(&self, place: usize) -> Option<i64> {
        let value = self.column.integer(place)?;
        Some(if self.date { value.div_euclid(86_400_000_000) } else { value })
    }

    fn cell(&self, place: usize) -> Cell {
        if let Column::Texts(texts) = self.column {
            return texts.at(place).map_or(Cell::Null, |text| Cell::Text(text.into()));
        }
        match self.number(place) {
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

impl Sum {
    fn add(&mut self, column: &Column, place: usize, times: u64) {
        match column {
            Column::Integers(values) => {
                let Some(&value) = values.get(place).filter(|&&value| value != super::rows::NULL) else { return };
                self.whole = self.whole.saturating_add(i128::from(value).saturating_mul(i128::from(times)));
            }
            Column::Doubles(values) => {
                let Some(&value) = values.get(place).filter(|value| !value.is_nan()) else { return };
                self.double += value * times as f64;
            }
            Column::Texts(texts) if texts.at(place).is_some() => {}
            Column::Texts(_) | Column::Ids(_) | Column::Unread => return,
        }
        self.count = self.count.saturating_add(times);
    }

    fn cell(&self, aggregate: Aggregate) -> Cell {
        match (aggregate.function, kind(aggregate.field)) {
            (Function::Count, _) => Cell::Count(self.count),
            (Function::Sum, _) if self.count == 0 => Cell::Null,
            // Up to 15 digits a quotient of doubles shows the very decimal.
            (Function::Sum, Kind::Decimal) => Cell::Number(self.whole as f64 / 10_000.0),
            (Function::Sum, Kind::Number) => Cell::Number(self.double),
            (Function::Sum, _) => Cell::Integer(self.whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::RowsBuilder;
    use crate::schema::read_row;

    fn store() -> Store {
        let mut rows = RowsBuilder::new(&COMMITS);
        for line in [
            r#"{"id":1,"apex_user_id":7,"user_alias_id":70,"repo_id":1,"author_local_date":"2021-06-05T23:59:59.5","haloc":5,"impact":0.1,"is_merge":true}"#,
            r#"{"id":2,"apex_user_id":7,"user_alias_id":71,"repo_id":1,"author_local_date":"2021-06-05","haloc":null,"impact":0.2}"#,
            r#"{"id":3,"apex_user_id":2,"repo_id":1,"author_local_date":"1969-12-31T23:00:00","haloc":null,"impact":null,"risk":0.5,"outlier_reason":1}"#,
            r#"{"id":4,"apex_user_id":2,"repo_id":2,"author_date":"2021-06-05","haloc":3,"message":"x"}"#,
        ] {
            rows.add(|row| read_row(&COMMITS, &mut serde_json::Deserializer::from_str(line), row)).unwrap();
        }
        let mut store = Store::default();
        store.insert(rows.build());
        store
    }

    /// The rows as JSON.
    fn answer(query: &str) -> (u64, String) {
        let answer = aggregate(&AggregateRequest::parse(query).unwrap(), &store());
        let mut written = String::from("[");
        for (index, row) in answer.rows.iter().enumerate() {
            written.push_str(if index == 0 { "" } else { "," });
            row.write_json(&|double| std::format!("{double:?}"), &mut written);
        }
        assert_eq!(written + "]", serde_json::to_string(&answer.rows).unwrap());
        (answer.count, serde_json::to_string(&answer.rows).unwrap())
    }

    #[test]
    fn a_row_a_coding_day() {
        let query = "aggregate[count]=id&aggregate[sum]=haloc,impact&group_by[apex_user_id,author_local_date__date]";
        let rows = [
            r#"{"apex_user_id":2,"author_local_date_date":"1969-12-31","id_count":1,"haloc_sum":null,"impact_sum":null}"#,
            r#"{"apex_user_id":2,"author_local_date_date":null,"id_count":1,"haloc_sum":3,"impact_sum":0.0}"#,
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
}
