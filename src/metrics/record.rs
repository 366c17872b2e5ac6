//! Records of a resource, by id: the later row counts, and a row can delete (§4).

use crate::schema::{Resource, RowError, RowSink, Value, read_plain_row, read_row, read_text_row};
use crate::sort::sort_by_key;
use alloc::vec::Vec;
use serde::de::Deserializer;

/// What is kept of a row.
pub trait Record: Sized {
    /// The resource of the rows.
    const RESOURCE: &'static Resource;
    /// What holds the fields while they are read.
    type Draft: Default;

    /// Takes the value of the field at that place.
    fn set(draft: &mut Self::Draft, place: usize, value: Value<'_>);

    /// Makes the record of its fields.
    ///
    /// # Errors
    /// What the fields lack as a whole.
    fn finish(draft: Self::Draft) -> Result<Self, RowError>;
}

/// Records by their ids.
#[derive(Clone, Debug)]
pub struct Records<T> {
    /// In the order in which they came; `None` deletes.
    changes: Vec<(i64, Option<T>)>,
}

impl<T> Records<T> {
    /// Adds a record, or replaces the one of that id.
    pub fn insert(&mut self, id: i64, record: T) {
        self.changes.push((id, Some(record)));
    }

    /// Deletes the record of that id.
    pub fn delete(&mut self, id: i64) {
        self.changes.push((id, None));
    }

    /// Adds all changes of others after these.
    pub fn append(&mut self, mut others: Records<T>) {
        self.changes.append(&mut others.changes);
    }

    /// The records that there are, in the order of their ids.
    pub fn into_sorted(mut self) -> Vec<(i64, T)> {
        if !self.changes.is_sorted_by(|one, next| one.0 < next.0) {
            sort_by_key(&mut self.changes, |&(id, _)| id);
            // Of the changes of an id the sort leaves the last one last.
            self.changes.reverse();
            self.changes.dedup_by_key(|&mut (id, _)| id);
            self.changes.reverse();
        }
        self.changes.into_iter().filter_map(|(id, record)| Some((id, record?))).collect()
    }
}

impl<T: Record> Records<T> {
    /// Reads a row.
    ///
    /// # Errors
    /// As [`read_row`].
    pub fn read<'de, D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), RowError> {
        let mut sink = Sink::<T>::default();
        read_row(T::RESOURCE, deserializer, &mut sink)?;
        self.changes.push(sink.finish()?);
        Ok(())
    }

    /// Reads a row that is JSON text.
    ///
    /// # Errors
    /// As [`read_text_row`].
    pub fn read_text(&mut self, text: &str) -> Result<(), RowError> {
        let mut sink = Sink::<T>::default();
        read_text_row(T::RESOURCE, text, &mut sink)?;
        self.changes.push(sink.finish()?);
        Ok(())
    }

    /// Reads a row that is a line of plain JSON, which is several times as fast; `None` where it is not plain, or
    /// something is wrong with it, which [`read`](Self::read) then tells.
    pub fn read_plain(&mut self, line: &str) -> Option<()> {
        let mut sink = Sink::<T>::default();
        read_plain_row(T::RESOURCE, line, &mut sink)?;
        self.changes.push(sink.finish().ok()?);
        Some(())
    }
}

impl<T> Default for Records<T> {
    fn default() -> Records<T> {
        Records { changes: Vec::new() }
    }
}

struct Sink<T: Record> {
    id: i64,
    deleted: bool,
    draft: T::Draft,
}

impl<T: Record> Default for Sink<T> {
    fn default() -> Sink<T> {
        Sink { id: 0, deleted: false, draft: T::Draft::default() }
    }
}

impl<T: Record> Sink<T> {
    fn finish(self) -> Result<(i64, Option<T>), RowError> {
        let record = if self.deleted { None } else { Some(T::finish(self.draft)?) };
        Ok((self.id, record))
    }
}

impl<T: Record> RowSink for Sink<T> {
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
        assert_eq!(records.into_sorted(), [(2, 'e'), (3, 'c')]);
    }
}
