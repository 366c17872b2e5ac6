//! The values of a field by position.

use super::text_column::TextColumn;
use crate::calendar::DateTime;
use crate::schema::{Kind, Missing, Value};
use alloc::vec::Vec;

/// Stands for null among integers. No integer of a row is as small.
pub(super) const NULL: i64 = i64::MIN;

#[derive(Clone, Debug)]
pub(super) enum Column {
    /// Lists do not read the field.
    Unread,
    /// Integers as predicates compare them; null is [`NULL`].
    Integers(Vec<i64>),
    /// Doubles; null is NaN.
    Doubles(Vec<f64>),
    Texts(TextColumn),
    Ids(Vec<Vec<i64>>),
}

impl Column {
    pub(super) fn new(kind: Kind) -> Column {
        match kind {
            Kind::Integer | Kind::Decimal | Kind::Boolean | Kind::DateTime | Kind::Reference => {
                Column::Integers(Vec::new())
            }
            Kind::Number => Column::Doubles(Vec::new()),
            Kind::Text | Kind::Json => Column::Texts(TextColumn::default()),
            Kind::Ids => Column::Ids(Vec::new()),
        }
    }

    /// Returns the integer at a position; `None` for null and in other columns.
    #[inline]
    pub(super) fn integer(&self, position: usize) -> Option<i64> {
        let Column::Integers(values) = self else { return None };
        values.get(position).copied().filter(|&value| value != NULL)
    }

    /// Adds the value of a row that does not have the field.
    pub(super) fn push_missing(&mut self, missing: Missing) {
        let zero = matches!(missing, Missing::Zero | Missing::False);
        match self {
            Column::Unread => {}
            Column::Integers(values) => values.push(if zero { 0 } else { NULL }),
            Column::Doubles(values) => values.push(if zero { 0.0 } else { f64::NAN }),
            Column::Texts(texts) => texts.push(None),
            Column::Ids(lists) => lists.push(Vec::new()),
        }
    }

    pub(super) fn append(&mut self, other: Column) {
        match (self, other) {
            (Column::Integers(values), Column::Integers(others)) => values.extend(others),
            (Column::Doubles(values), Column::Doubles(others)) => values.extend(others),
            (Column::Ids(lists), Column::Ids(others)) => lists.extend(others),
            (Column::Texts(texts), Column::Texts(others)) => {
                texts.append(&others);
            }
            _ => {}
        }
    }

    pub(super) fn pop(&mut self) {
        match self {
            Column::Unread => {}
            Column::Integers(values) => drop(values.pop()),
            Column::Doubles(values) => drop(values.pop()),
            Column::Texts(texts) => texts.pop(),
            Column::Ids(lists) => drop(lists.pop()),
        }
    }

    pub(super) fn push(&mut self, value: Value<'_>) {
        match self {
            Column::Unread => {}
            Column::Integers(values) => values.push(match value {
                Value::Boolean(value) => i64::from(value),
                Value::Integer(value) | Value::Decimal(value) => value,
                Value::DateTime(_, time) => DateTime::microseconds(&time),
                _ => NULL,
            }),
            // -0 + 0 is 0: predicates treat both as equal, so the order has to.
            Column::Doubles(values) => values.push(value.number().map_or(f64::NAN, |value| value + 0.0)),
            Column::Texts(texts) => texts.push(value.filter_text().as_deref()),
            Column::Ids(lists) => lists.push(if let Value::Ids(ids) = value { ids } else { Vec::new() }),
        }
    }
}
