//! The aggregate of commits over rows in hand (§2).

use super::rows::{Column, Rows};
use super::{Store, found};
use crate::calendar::Day;
use crate::query::{Aggregate, AggregateRequest, Function, Group};
use crate::schema::{COMMITS, Kind};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
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
pub struct AggregateRow(Vec<(String, Cell)>);

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

/// A value that commits are grouped by, in the order of rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Integer(i64),
    Text(String),
    /// Null is the greatest.
    Null,
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
        serializer.collect_map(self.0.iter().map(|(name, cell)| (name, cell)))
    }
}

/// Answers a request for an aggregate. No commits make no row.
pub fn aggregate(request: &AggregateRequest, store: &Store) -> Aggregated {
    let Some(rows) = store.rows(&COMMITS) else { return Aggregated::default() };
    let mut groups: BTreeMap<Vec<Key>, Vec<Sum>> = BTreeMap::new();
    for (place, times) in found(&request.list, rows, store) {
        let key = request.groups.iter().map(|group| key(request, *group, rows, place)).collect();
        let sums = groups.entry(key).or_insert_with(|| alloc::vec![Sum::default(); request.aggregates.len()]);
        for (sum, aggregate) in sums.iter_mut().zip(&request.aggregates) {
            sum.add(rows.column(aggregate.field), place, times);
        }
    }
    let columns = request.columns();
    let page = request.list.page;
    let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let take = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let row = |(key, sums): (&Vec<Key>, &Vec<Sum>)| {
        let groups = key.iter().zip(&request.groups).map(|(key, group)| key.cell(*group));
        let aggregates = sums.iter().zip(&request.aggregates).map(|(sum, aggregate)| sum.cell(*aggregate));
        AggregateRow(columns.iter().cloned().zip(groups.chain(aggregates)).collect())
    };
    Aggregated { count: groups.len() as u64, rows: groups.iter().skip(skip).take(take).map(row).collect() }
}

fn key(request: &AggregateRequest, group: Group, rows: &Rows, place: usize) -> Key {
    const ALIAS: usize = COMMITS.place("user_alias_id");
    const USER: usize = COMMITS.place("apex_user_id");
    let field = if request.list.normalize_authors && group.field == ALIAS { USER } else { group.field };
    let key = match rows.column(field) {
        Column::Texts(texts) => texts.at(place).map(|text| Key::Text(text.into())),
        _ if group.date => rows.integer(field, place).map(|time| Key::Integer(time.div_euclid(86_400_000_000))),
        _ => rows.integer(field, place).map(Key::Integer),
    };
    key.unwrap_or(Key::Null)
}

fn kind(field: usize) -> Kind {
    COMMITS.fields.get(field).map_or(Kind::Json, |field| field.kind)
}

impl Key {
    fn cell(&self, group: Group) -> Cell {
        match self {
            Key::Null => Cell::Null,
            Key::Text(text) => Cell::Text(text.clone()),
            Key::Integer(day) if group.date => {
                i32::try_from(*day).map_or(Cell::Null, |day| Cell::Day(Day::from_number(day)))
            }
            Key::Integer(value) if kind(group.field) == Kind::Boolean => Cell::Boolean(*value != 0),
            Key::Integer(value) => Cell::Integer(i128::from(*value)),
        }
    }
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
