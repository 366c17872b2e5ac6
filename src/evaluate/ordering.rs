//! The order of rows, computed as far as a page needs it.

use super::column::Column;
use super::rows::Rows;
use super::store::Store;
use crate::query::{Order, Subject};
use alloc::vec::Vec;
use core::cmp::Ordering;

/// A column that rows are ordered by.
pub(super) struct SortKey<'a> {
    column: &'a Column,
    /// For the column of objects that rows refer to, the position of the object of each row.
    referenced: Option<Vec<usize>>,
    descending: bool,
}

/// Returns the first `count` positions in an order. The sort is stable.
pub(super) fn first(positions: impl Iterator<Item = usize>, count: usize, by: &[SortKey<'_>]) -> Vec<usize> {
    // A key that decides in most cases, the number of the row among the given ones, which decides last, and the
    // position.
    type Row = (u64, usize, usize);
    let compare = |one: &Row, other: &Row| {
        let by_key = one.0.cmp(&other.0);
        let by_all = || by.iter().fold(Ordering::Equal, |order, by| order.then_with(|| by.compare(one.2, other.2)));
        by_key.then_with(by_all).then(one.1.cmp(&other.1))
    };
    let Some(last) = count.checked_sub(1) else { return Vec::new() };
    let mut kept: Vec<Row> = Vec::new();
    let mut worst: Option<Row> = None;
    for (number, position) in positions.enumerate() {
        let row = (by.first().map_or(0, |by| by.key(position)), number, position);
        if worst.is_some_and(|worst| compare(&row, &worst).is_gt()) {
            continue;
        }
        kept.push(row);
        // Drops the rows that can not be among the first, each time their number has about doubled.
        if kept.len() >= count.saturating_mul(2).saturating_add(1_000) {
            worst = Some(*kept.select_nth_unstable_by(last, compare).1);
            kept.truncate(count);
        }
    }
    kept.sort_unstable_by(compare);
    kept.truncate(count);
    kept.into_iter().map(|(_, _, position)| position).collect()
}

impl<'a> SortKey<'a> {
    pub(super) fn all(rows: &'a Rows, ordering: &[Order], store: &'a Store) -> Vec<SortKey<'a>> {
        let by = |order: &Order| {
            let (column, referenced) = column(rows, order.subject, store)?;
            Some(SortKey { column, referenced, descending: order.descending })
        };
        ordering.iter().filter_map(by).collect()
    }

    /// Returns the position in the column. Behind the end, all values are null.
    fn place(&self, position: usize) -> usize {
        let Some(referenced) = &self.referenced else { return position };
        referenced.get(position).copied().unwrap_or(usize::MAX)
    }

    /// Returns a number that orders rows, but for equal numbers. Null is the greatest: last in ascending order, first
    /// in descending order.
    fn key(&self, position: usize) -> u64 {
        const SIGN: u64 = 1 << 63;
        let position = self.place(position);
        let key = match self.column {
            // No integer is as great as the key of null, and no text begins with a byte FF.
            Column::Integers(_) => {
                self.column.integer(position).map_or(u64::MAX, |number| number.cast_unsigned() ^ SIGN)
            }
            // Orders doubles like `f64::total_cmp`.
            Column::Doubles(values) => {
                let bits = values.get(position).copied().unwrap_or(f64::NAN).to_bits();
                if bits & SIGN == 0 { bits | SIGN } else { !bits }
            }
            Column::Texts(texts) => texts.at(position).map_or(u64::MAX, |text| {
                let bytes = text.bytes().chain(core::iter::repeat(0)).take(8);
                bytes.fold(0, |key, byte| key << 8 | u64::from(byte))
            }),
            Column::Unread | Column::Ids(_) => 0,
        };
        if self.descending { !key } else { key }
    }

    fn compare(&self, one: usize, other: usize) -> Ordering {
        let by_key = self.key(one).cmp(&self.key(other));
        let Column::Texts(texts) = self.column else { return by_key };
        // If the keys are equal, both texts are null or neither is.
        by_key.then_with(|| {
            let order = texts.at(self.place(one)).cmp(&texts.at(self.place(other)));
            if self.descending { order.reverse() } else { order }
        })
    }
}

/// Returns the column of a field and, if it is one of objects that rows refer to, the position of each row's object.
/// Returns `None` if there are no such objects.
fn column<'a>(rows: &'a Rows, subject: Subject, store: &'a Store) -> Option<(&'a Column, Option<Vec<usize>>)> {
    let field = match subject {
        Subject::Field(field) => return Some((rows.column(field), None)),
        Subject::Referenced(field) => field,
        Subject::Filter(_) | Subject::Flag(_) | Subject::Search => return None,
    };
    let (reference, resource, subject) = field.follow(rows.resource())?;
    let objects = store.rows(resource)?;
    let (column, next) = column(objects, subject, store)?;
    let id = rows.resource().position(reference.field)?;
    let object = |position: usize| {
        let object = objects.find(rows.integer(id, position)?)?;
        next.as_ref().map_or(Some(object), |next| next.get(object).copied())
    };
    Some((column, Some((0..rows.len()).map(|position| object(position).unwrap_or(usize::MAX)).collect())))
}
