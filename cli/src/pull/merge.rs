//! Rows of several files, merged and sorted by id.
//!
//! Only the ids and the positions of the rows are held in memory.

use super::canonical_row::canonical_line;
use super::checkpoint::Checkpoint;
use super::row_text::{one_line, row_id};
use crate::dump::draft::Draft;
use crate::dump::header::SavedRows;
use crate::dump::{Dump, REJECTED_FILE};
use crate::error::CliError;
use crate::files;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use streamgage::schema::{COMMITS, RESOURCES, Resource};

/// A list of a finished pull.
pub struct SavedList {
    pub resource: &'static Resource,
    /// The rows of the dump; `None` if it has no file for the list.
    pub saved: Option<SavedRows>,
    /// The status of the server if it does not provide the list.
    pub unavailable: Option<u16>,
    /// The first rejected rows, with the reasons.
    pub rejected: Vec<String>,
}

/// The reports name no more rejected rows of a list than these.
const MAX_REPORTED: usize = 5;

/// A line of the file of rejected rows.
#[derive(Serialize, Deserialize)]
struct Rejected<'a> {
    resource: &'a str,
    reason: String,
    #[serde(borrow)]
    row: &'a RawValue,
}

/// Writes the files of the dump.
///
/// The earlier rows of lists that the server does not provide are kept, and in an update those of the commits.
pub fn write_rows(draft: &Draft, checkpoint: &Checkpoint, is_update: bool) -> Result<Vec<SavedList>, CliError> {
    let status = |resource: &Resource| checkpoint.list(resource.name).and_then(|list| list.unavailable);
    let needs_earlier = is_update || RESOURCES.iter().any(|resource| status(resource).is_some());
    let earlier = draft.existing().filter(|_| needs_earlier).map(Dump::open).transpose()?;
    let rejected_path = draft.path().join(REJECTED_FILE);
    let file_error = |error: io::Error| CliError::file(&rejected_path, error);
    let mut rejected = BufWriter::new(files::create(&rejected_path).map_err(file_error)?);
    let mut has_rejected = false;
    let mut lists = Vec::new();
    for resource in RESOURCES {
        let name = resource.name;
        let (list, unavailable) = (checkpoint.list(name), status(resource));
        let is_received = list.is_some() && unavailable.is_none();
        let mut files = Vec::new();
        if let Some(earlier) = earlier.as_ref().filter(|_| !is_received || (is_update && *resource == COMMITS)) {
            let path = checkpoint.earlier_rows_file(name);
            if copy_rows(earlier, resource, &path)? || is_received {
                files.push(path);
            }
        }
        if is_received {
            files.push(checkpoint.rows_file(name));
        }
        let (mut saved, mut reasons) = (None, Vec::new());
        if !files.is_empty() {
            let out = draft.path().join(format!("{name}.ndjson"));
            let merged = merge(resource, &files, &out, &mut rejected, &mut reasons);
            let merged = merged.map_err(|error| CliError::file(&out, error))?;
            let earlier_record = earlier.as_ref().and_then(|earlier| earlier.header.resources.get(name));
            let count =
                if is_received { list.map(|list| list.count) } else { earlier_record.and_then(|saved| saved.count) };
            has_rejected |= merged.rejected > 0;
            saved = Some(SavedRows { count, ..merged });
        }
        lists.push(SavedList { resource, saved, unavailable, rejected: reasons });
    }
    rejected.flush().map_err(file_error)?;
    if !has_rejected {
        std::fs::remove_file(&rejected_path).map_err(file_error)?;
    }
    Ok(lists)
}

/// Copies the rows of an earlier dump, also the rejected ones. Returns false if there are none.
fn copy_rows(dump: &Dump, resource: &'static Resource, path: &Path) -> Result<bool, CliError> {
    let file_error = |error: io::Error| CliError::file(path, error);
    let mut file = BufWriter::new(files::create(path).map_err(file_error)?);
    let mut has_rows = dump.has_file(resource)?;
    dump.for_each_line(resource, |line| writeln!(file, "{}", line.text).map_err(file_error))?;
    dump.for_each_rejected(|line| {
        let Rejected { resource: name, row, .. } =
            serde_json::from_str(line.text).map_err(|error| line.error(error))?;
        if name != resource.name {
            return Ok(());
        }
        has_rows = true;
        writeln!(file, "{}", one_line(row.get())).map_err(file_error)
    })?;
    file.flush().map_err(file_error)?;
    Ok(has_rows)
}

/// Returns the sorted ids of the rows of a file.
pub fn row_ids(path: &Path) -> Result<Vec<i64>, CliError> {
    let locations = locate_rows(0, path).map_err(|error| CliError::file(path, error))?;
    let mut ids: Vec<i64> = locations.iter().filter_map(|location| location.id).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Counts the distinct rows of a file: those with different ids, and those without an id.
pub fn count_distinct(path: &Path) -> Result<u64, CliError> {
    let mut locations = locate_rows(0, path).map_err(|error| CliError::file(path, error))?;
    locations.sort_unstable_by_key(|location| location.id);
    locations.dedup_by(|one, other| one.id.is_some() && one.id == other.id);
    Ok(locations.len() as u64)
}

struct RowLocation {
    id: Option<i64>,
    /// The index of the file.
    file: usize,
    offset: u64,
    length: usize,
}

/// Writes the rows of all files, sorted by id. Of rows with the same id, the last one counts. Rows that no reader accepts
/// are written to `rejected`, and the first ones are added to `reasons`.
fn merge(
    resource: &'static Resource,
    files: &[PathBuf],
    out: &Path,
    rejected: &mut impl Write,
    reasons: &mut Vec<String>,
) -> io::Result<SavedRows> {
    let mut rows = Vec::new();
    for (index, path) in files.iter().enumerate() {
        rows.extend(locate_rows(index, path)?);
    }
    // `dedup_by` keeps the first of equal rows, which must be the last one of the files.
    rows.sort_unstable_by_key(|row| (row.id.is_none(), row.id, Reverse((row.file, row.offset))));
    rows.dedup_by(|one, other| one.id.is_some() && one.id == other.id);
    let mut readers = Vec::new();
    for path in files {
        readers.push((BufReader::new(File::open(path)?), 0));
    }
    let mut out = BufWriter::new(files::create(out)?);
    let mut saved = SavedRows { rows: 0, count: None, rejected: 0 };
    let mut bytes = Vec::new();
    for row in &rows {
        let Some((reader, position)) = readers.get_mut(row.file) else { continue };
        // Most rows are in order. A seek would discard the buffer.
        if *position != row.offset {
            reader.seek(SeekFrom::Start(row.offset))?;
        }
        bytes.resize(row.length, 0);
        reader.read_exact(&mut bytes)?;
        *position = row.offset + row.length as u64;
        let text = str::from_utf8(&bytes).map_err(io::Error::other)?.trim_ascii();
        match canonical_line(resource, text) {
            Ok(line) => {
                writeln!(out, "{line}")?;
                saved.rows += 1;
            }
            Err(error) => {
                if reasons.len() < MAX_REPORTED {
                    let id = row.id.map_or("without id".to_owned(), |id| id.to_string());
                    reasons.push(format!("{}: row {id}: {error}", resource.name));
                }
                let row = serde_json::from_str(text)?;
                let line = Rejected { resource: resource.name, reason: error.to_string(), row };
                writeln!(rejected, "{}", serde_json::to_string(&line)?)?;
                saved.rejected += 1;
            }
        }
    }
    out.flush()?;
    Ok(saved)
}

fn locate_rows(file: usize, path: &Path) -> io::Result<Vec<RowLocation>> {
    let mut locations = Vec::new();
    let mut reader = BufReader::new(File::open(path)?);
    let (mut line, mut offset) = (Vec::new(), 0);
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(locations);
        }
        let id = str::from_utf8(&line).ok().and_then(row_id);
        locations.push(RowLocation { id, file, offset, length });
        offset += length as u64;
    }
}
