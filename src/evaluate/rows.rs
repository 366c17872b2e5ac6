//! The rows of a resource as columns, as far as lists read them.

use super::bit_set::BitSet;
use super::column::Column;
use crate::schema::{LocalDateSink, Resource, RowError, RowReader, RowSink, Value};
use alloc::vec::Vec;
use core::cell::OnceCell;
use hashbrown::HashSet;

/// The rows of one resource.
#[derive(Clone, Debug)]
pub struct Rows {
    resource: &'static Resource,
    /// By position: rows are numbered in the order in which they are added.
    ids: Vec<i64>,
    columns: Vec<Column>,
    /// By position, whether the row deletes a record.
    deleted: Vec<bool>,
    /// The positions of current rows, by id.
    order: Vec<usize>,
    all: BitSet,
    /// The positions of the first row of each `ignore_hash`.
    firsts: OnceCell<BitSet>,
    /// Pairs of a user and the position of one of the user's rows, sorted.
    by_user: OnceCell<Vec<(i64, i64)>>,
}

/// A builder of [`Rows`]. A later row replaces an earlier one of the same id, and a row can delete one (§4).
#[derive(Clone, Debug)]
pub struct RowsBuilder {
    rows: Rows,
    deleted: Vec<bool>,
    reader: RowReader,
}

impl RowsBuilder {
    /// Creates a builder without rows.
    pub fn new(resource: &'static Resource) -> RowsBuilder {
        let column = |field: &crate::schema::Field| {
            if field.capabilities.is_display_only() { Column::Unread } else { Column::new(field.kind) }
        };
        let columns = resource.fields.iter().map(column).collect();
        let rows = Rows {
            resource,
            ids: Vec::new(),
            columns,
            deleted: Vec::new(),
            order: Vec::new(),
            all: BitSet::default(),
            firsts: OnceCell::new(),
            by_user: OnceCell::new(),
        };
        RowsBuilder { rows, deleted: Vec::new(), reader: RowReader::new(resource) }
    }

    /// Adds a row from its JSON text. A row with an error is left out.
    ///
    /// # Errors
    /// Returns the errors of [`read_row`](crate::schema::read_row).
    pub fn add_text(&mut self, text: &str) -> Result<(), RowError> {
        let mut row = NewRow { rows: &mut self.rows, deleted: &mut self.deleted };
        row.begin();
        let resource = row.rows.resource;
        let mut sink = LocalDateSink::new(resource, &mut row);
        let read = self.reader.read(text, &mut sink);
        sink.finish();
        if read.is_err() {
            row.undo();
        }
        read
    }

    /// Adds all rows of another builder of the same resource.
    pub fn append(&mut self, others: RowsBuilder) {
        self.rows.ids.extend(others.rows.ids);
        self.deleted.extend(others.deleted);
        for (column, other) in self.rows.columns.iter_mut().zip(others.rows.columns) {
            column.append(other);
        }
    }

    /// Builds the rows.
    pub fn build(self) -> Rows {
        let RowsBuilder { mut rows, deleted, .. } = self;
        let mut order: Vec<usize> = (0..rows.ids.len()).collect();
        let id = |position: usize| rows.ids.get(position).copied();
        if !order.is_sorted_by(|&one, &next| id(one) < id(next)) {
            // The sort is stable: the last row of an id is kept.
            order.sort_by_key(|&position| id(position).unwrap_or_default());
            order.reverse();
            order.dedup_by_key(|&mut position| id(position));
            order.reverse();
        }
        order.retain(|&position| deleted.get(position) == Some(&false));
        rows.all = BitSet::new(rows.ids.len(), order.iter().copied());
        rows.order = order;
        rows.deleted = deleted;
        rows
    }
}

struct NewRow<'a> {
    rows: &'a mut Rows,
    deleted: &'a mut Vec<bool>,
}

impl NewRow<'_> {
    fn begin(&mut self) {
        self.rows.ids.push(0);
        self.deleted.push(false);
        for (column, field) in self.rows.columns.iter_mut().zip(self.rows.resource.fields) {
            column.push_missing(field.missing);
        }
    }

    fn undo(&mut self) {
        self.rows.ids.pop();
        self.deleted.pop();
        self.rows.columns.iter_mut().for_each(Column::pop);
    }
}

impl RowSink for NewRow<'_> {
    fn value(&mut self, field: usize, value: Value<'_>) {
        let rows = &mut *self.rows;
        // The first field of each resource is its id.
        if let (0, Value::Integer(id), Some(last)) = (field, &value, rows.ids.last_mut()) {
            *last = *id;
        }
        if let Some(column) = rows.columns.get_mut(field) {
            column.pop();
            column.push(value);
        }
    }

    fn deleted(&mut self) {
        if let Some(last) = self.deleted.last_mut() {
            *last = true;
        }
    }
}

impl Rows {
    /// Returns the resource.
    pub fn resource(&self) -> &'static Resource {
        self.resource
    }

    /// Turns the rows back into a builder, to add more.
    pub fn reopen(mut self) -> RowsBuilder {
        self.firsts = OnceCell::new();
        self.by_user = OnceCell::new();
        let deleted = core::mem::take(&mut self.deleted);
        for column in &mut self.columns {
            if let Column::Texts(texts) = column {
                texts.forget_folded();
            }
        }
        RowsBuilder { reader: RowReader::new(self.resource), rows: self, deleted }
    }

    /// Returns the number of positions, including those of replaced and deleted rows.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns the positions of all rows in the order of their ids. Rows are numbered in the order in which they were
    /// added.
    pub fn positions(&self) -> &[usize] {
        &self.order
    }

    /// Returns the position of the row with that id.
    pub fn find(&self, id: i64) -> Option<usize> {
        let at = self.order.binary_search_by_key(&id, |&position| self.id(position)).ok()?;
        self.order.get(at).copied()
    }

    /// Returns the id of the row at a position.
    pub fn id(&self, position: usize) -> i64 {
        self.ids.get(position).copied().unwrap_or_default()
    }

    /// Returns the integer of a field at a position, in microseconds for a date-time; `None` for null.
    pub fn integer(&self, field: usize, position: usize) -> Option<i64> {
        self.column(field).integer(position)
    }

    /// Returns the ids of a field at a position.
    pub fn ids(&self, field: usize, position: usize) -> &[i64] {
        let Some(Column::Ids(lists)) = self.columns.get(field) else { return &[] };
        lists.get(position).map_or(&[], Vec::as_slice)
    }

    pub(super) fn text(&self, field: usize, position: usize) -> Option<&str> {
        let Some(Column::Texts(texts)) = self.columns.get(field) else { return None };
        texts.at(position)
    }

    pub(super) fn integers(&self, field: usize) -> &[i64] {
        if let Some(Column::Integers(values)) = self.columns.get(field) { values } else { &[] }
    }

    pub(super) fn column(&self, field: usize) -> &Column {
        self.columns.get(field).unwrap_or(&Column::Unread)
    }

    /// Returns the positions of all rows as a set.
    pub(super) fn all(&self) -> &BitSet {
        &self.all
    }

    /// Returns the positions without a row of a lower id and the same `ignore_hash`; nulls are all different (§1).
    pub(super) fn firsts(&self) -> &BitSet {
        self.firsts.get_or_init(|| {
            let Some(field) = self.resource.position("ignore_hash") else { return self.all.clone() };
            let mut seen: HashSet<&str> = HashSet::new();
            let is_first = |&position: &usize| self.text(field, position).is_none_or(|hash| seen.insert(hash));
            BitSet::new(self.ids.len(), self.order.iter().copied().filter(is_first))
        })
    }

    /// Returns pairs of a user and the position of one of the user's rows, sorted.
    pub(super) fn by_user(&self) -> &[(i64, i64)] {
        self.by_user.get_or_init(|| {
            let Some(field) = self.resource.position("apex_user_id") else { return Vec::new() };
            let owned = |&position: &usize| Some((self.integer(field, position)?, i64::try_from(position).ok()?));
            let mut owned: Vec<(i64, i64)> = self.order.iter().filter_map(owned).collect();
            owned.sort_unstable();
            owned
        })
    }
}
