//! Records of a resource by id. Later rows replace earlier ones, and a row can delete a record (§4).

use crate::schema::{Resource, RowError, RowReader, RowSink, Value};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The part of a row that is kept.
pub trait Record: Sized {
    /// The resource of the rows.
    const RESOURCE: &'static Resource;
    /// Holds the fields while they are read.
    type Draft: Default;

    /// Sets the field with that index.
    fn set(draft: &mut Self::Draft, place: usize, value: Value<'_>);

    /// Creates the record from its fields.
    ///
    /// # ValidationErrors
    /// Returns an error if the fields are incomplete.
    fn finish(draft: Self::Draft) -> Result<Self, RowError>;
}

/// Records by id.
#[derive(Clone, Debug)]
pub struct Records<T> {
    /// All changes but the last ones, in parts that are never moved.
    parts: Vec<Vec<Change<T>>>,
    /// The last changes, at most [`PART`].
    changes: Vec<Change<T>>,
    /// Reads rows. It is created for the first one.
    reader: Option<Box<RowReader>>,
}

/// A new record of an id; `None` deletes it.
type Change<T> = (i64, Option<T>);

/// The length of a part. A single vector would be copied as it grows.
const PART: usize = 1024;

impl<T> Records<T> {
    /// Adds or replaces a record.
    #[inline(always)]
    pub fn insert(&mut self, id: i64, record: T) {
        self.push((id, Some(record)));
    }

    /// Deletes a record.
    pub fn delete(&mut self, id: i64) {
        self.push((id, None));
    }

    #[inline(always)]
    fn push(&mut self, change: Change<T>) {
        if self.changes.len() == PART {
            self.end_part();
        }
        self.changes.push(change);
    }

    #[cold]
    #[inline(never)]
    fn end_part(&mut self) {
        if !self.changes.is_empty() {
            self.parts.push(core::mem::take(&mut self.changes));
        }
    }

    /// Applies the changes of other records after these.
    pub fn append(&mut self, mut others: Records<T>) {
        if others.parts.is_empty() && self.changes.len() + others.changes.len() <= PART {
            self.changes.append(&mut others.changes);
        } else {
            self.end_part();
            self.parts.append(&mut others.parts);
            self.changes = others.changes;
        }
    }

    /// Returns the current records in the order of their ids.
    pub fn sorted(&self) -> Vec<(i64, &T)> {
        let mut all: Vec<(i64, Option<&T>)> = Vec::with_capacity(self.parts.len() * PART + self.changes.len());
        // Most changes come in this order.
        let (mut last, mut is_sorted) = (i64::MIN, true);
        for part in self.parts.iter().chain([&self.changes]) {
            for (id, record) in part {
                is_sorted &= last < *id;
                last = *id;
                all.push((*id, record.as_ref()));
            }
        }
        if !is_sorted {
            let ids = all.iter().map(|&(id, _)| id).zip(0..).collect();
            let places = last_of_ids(ids).into_iter();
            all = places.filter_map(|place| all.get(usize::try_from(place).ok()?).copied()).collect();
        }
        let mut sorted = Vec::with_capacity(all.len());
        for (id, record) in all {
            if let Some(record) = record {
                sorted.push((id, record));
            }
        }
        sorted
    }
}

/// Returns the positions of the last change of each id, in the order of the ids. Positions are `i64`, so that all pairs of
/// ids are sorted by the same code.
fn last_of_ids(mut ids: Vec<(i64, i64)>) -> Vec<i64> {
    ids.sort_unstable();
    let nexts = ids.iter().skip(1).map(|&(next, _)| Some(next)).chain([None]);
    ids.iter().zip(nexts).filter(|&(&(id, _), next)| next != Some(id)).map(|(&(_, place), _)| place).collect()
}

impl<T: Record> Records<T> {
    /// Reads a row from its JSON text.
    ///
    /// # Errors
    /// Returns the errors of [`read_row`](crate::schema::read_row), or what the record lacks as a whole.
    pub fn read_text(&mut self, text: &str) -> Result<(), RowError> {
        let mut sink = RecordSink::<T>::default();
        self.reader.get_or_insert_with(|| RowReader::new(T::RESOURCE).into()).read(text, &mut sink)?;
        self.push(sink.finish()?);
        Ok(())
    }
}

impl<T> Default for Records<T> {
    fn default() -> Records<T> {
        Records { parts: Vec::new(), changes: Vec::new(), reader: None }
    }
}

pub(super) struct RecordSink<T: Record> {
    id: i64,
    deleted: bool,
    draft: T::Draft,
}

impl<T: Record> Default for RecordSink<T> {
    fn default() -> RecordSink<T> {
        RecordSink { id: 0, deleted: false, draft: T::Draft::default() }
    }
}

impl<T: Record> RecordSink<T> {
    pub(super) fn finish(self) -> Result<(i64, Option<T>), RowError> {
        let record = if self.deleted { None } else { Some(T::finish(self.draft)?) };
        Ok((self.id, record))
    }
}

impl<T: Record> RowSink for RecordSink<T> {
    #[inline]
    fn value(&mut self, field: usize, value: Value<'_>) {
        match (field, value) {
            // The first field of each resource is its id.
            (0, Value::Integer(id)) => self.id = id,
            (_, value) => T::set(&mut self.draft, field, value),
        }
    }

    fn deleted(&mut self) {
        self.deleted = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_counts() {
        let mut records = Records::default();
        for (id, record) in [(3, Some('a')), (1, Some('b')), (3, Some('c')), (2, Some('d')), (1, None), (2, Some('e'))]
        {
            match record {
                Some(record) => records.insert(id, record),
                None => records.delete(id),
            }
        }
        assert_eq!(records.sorted(), [(2, &'e'), (3, &'c')]);
    }

    #[test]
    fn appended_parts_keep_their_order() {
        let mut all = Records::default();
        for size in [0, 1, 3, PART - 5, PART, PART + 1, 3 * PART, 7] {
            let mut some = Records::default();
            let from = all.sorted().len() as i64;
            (from..from + size as i64).for_each(|id| some.insert(id, id));
            all.append(some);
        }
        let expected: Vec<i64> = (0..all.sorted().len() as i64).collect();
        assert_eq!(expected.len(), 6 * PART + 7);
        assert!(all.sorted().into_iter().eq(expected.iter().map(|id| (*id, id))));
        all.insert(5, 7);
        all.delete(6);
        assert_eq!(all.sorted().get(4..7), Some([(4, &4), (5, &7), (7, &7)].as_slice()));
    }
}
