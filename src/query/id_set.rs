//! Sets of ids, as parameters name them.

use crate::number::Number;
use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A sorted set of ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdSet(Vec<i64>);

impl IdSet {
    /// Parses one number. A number that no id can equal gives the empty set.
    pub(crate) fn parse_one(text: &str) -> Option<IdSet> {
        Some(Number::parse(text)?.truncate().value().into_iter().collect())
    }

    /// Parses a list: empty parts are skipped, and all others are numbers (§0).
    pub(crate) fn parse_list(text: &str) -> Option<IdSet> {
        let parts = text.split(',').filter(|part| !part.is_empty());
        let numbers: Option<Vec<Number>> = parts.map(Number::parse).collect();
        Some(numbers?.iter().filter_map(|number| number.truncate().value()).collect())
    }

    /// Returns the ids in ascending order.
    pub fn as_slice(&self) -> &[i64] {
        &self.0
    }

    /// Formats the set as a parameter. An empty list differs from no list.
    pub(crate) fn to_parameter(&self) -> String {
        let ids: Vec<String> = self.0.iter().map(i64::to_string).collect();
        if ids.is_empty() { ",".to_owned() } else { ids.join(",") }
    }

    /// Reports whether the set contains an id.
    pub fn contains(&self, id: i64) -> bool {
        self.0.binary_search(&id).is_ok()
    }

    /// Returns the ids that both sets contain.
    #[must_use]
    pub fn intersection(&self, other: &IdSet) -> IdSet {
        IdSet(self.0.iter().copied().filter(|&id| other.contains(id)).collect())
    }
}

impl FromIterator<i64> for IdSet {
    fn from_iter<I: IntoIterator<Item = i64>>(ids: I) -> IdSet {
        IdSet::from(ids.into_iter().collect::<Vec<i64>>())
    }
}

impl From<Vec<i64>> for IdSet {
    fn from(mut ids: Vec<i64>) -> IdSet {
        if !ids.is_sorted() {
            ids.sort_unstable();
        }
        ids.dedup();
        IdSet(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Option<Vec<i64>> {
        IdSet::parse_list(text).map(|set| set.0)
    }

    #[test]
    fn lists() {
        assert_eq!(list("3,1,,2,1,"), Some(std::vec![1, 2, 3]));
        assert_eq!(list(" 1 , 2"), Some(std::vec![1, 2]));
        assert_eq!(list(","), Some(std::vec![]));
        assert_eq!(list("1,1e40"), Some(std::vec![1]));
        assert_eq!(list("1, ,2"), None);
        assert_eq!(list("1,x"), None);
    }

    #[test]
    fn a_single_number_takes_no_list() {
        assert_eq!(IdSet::parse_one("1.9"), Some(IdSet(std::vec![1])));
        assert_eq!(IdSet::parse_one("1e40"), Some(IdSet::default()));
        assert_eq!(IdSet::parse_one("1,2"), None);
    }
}
