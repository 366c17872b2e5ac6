//! Reading rows from JSON text that arrives in pieces.

use crate::lists::NewRows;
use crate::messages::Error;
use js_sys::Uint8Array;
use streamgage::metrics::{CommitReader, Organization};
use streamgage::schema::{Resource, RowSplitter, RowText};
use wasm_bindgen::prelude::*;

/// Reads rows of one resource from NDJSON, JSON arrays or v3 pages. [`Table::add`](crate::Table::add) stores them.
#[wasm_bindgen]
pub struct Reader {
    pub(crate) resource: &'static Resource,
    pub(crate) splitter: RowSplitter,
    pub(crate) organization: Organization,
    /// The fast path for commits.
    pub(crate) commits: Option<Box<CommitReader>>,
    /// Whole rows, if the table has lists.
    pub(crate) new_rows: Option<NewRows>,
}

#[wasm_bindgen]
impl Reader {
    /// Reads a piece of text. A row may continue in the next piece.
    ///
    /// # Errors
    /// Throws an [`Error`] for the first bad row. The reader must not be used afterwards.
    pub fn push(&mut self, piece: &Uint8Array) -> Result<(), Error> {
        let Reader { resource, splitter, organization, commits, new_rows } = self;
        let length = piece.length() as usize;
        piece.copy_to(splitter.buffer(length));
        let pushed = splitter.read(length, &mut |row| {
            let (text, length) = match row {
                RowText::Head(text) => {
                    let read = commits.as_mut().and_then(|reader| reader.read(text, &mut organization.commits));
                    let Some(length) = read else { return Ok(None) };
                    (text.get(..length).unwrap_or_default(), length)
                }
                RowText::Whole(text) => {
                    organization.read_text(resource, text)?;
                    (text.as_bytes(), text.len())
                }
            };
            if let Some(new_rows) = new_rows {
                new_rows.add(text)?;
            }
            Ok(Some(length))
        });
        pushed.map_err(|error| Error::row(self.resource, self.splitter.rows(), error))
    }

    /// The number of rows read so far.
    #[wasm_bindgen(getter)]
    pub fn rows(&self) -> usize {
        self.splitter.rows()
    }
}
