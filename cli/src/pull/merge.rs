//! Rows of several files, merged and sorted by id.
//!
//! Only the ids and the positions of the rows are held in memory.

use super::canonical_row::canonical_row;
use super::checkpoint::Checkpoint;
use crate::dump::Dump;
use crate::dump::draft::Draft;
use crate::error::CliError;
use serde::Deserialize;
use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use streamgage::schema::{COMMITS, RESOURCES, Resource};

/// Writes the files of the dump and returns the number of rows of each resource; `None` if there is no file.
///
/// An update keeps the earlier commits, and the earlier rows of the lists that the server does not have.
pub fn write_rows(
    draft: &Draft,
    checkpoint: &Checkpoint,
    is_update: bool,
) -> Result<Vec<(&'static Resource, Option<u64>)>, CliError> {
    let earlier = draft.existing().filter(|_| is_update).map(Dump::open).transpose()?;
    let mut counts = Vec::new();
    for resource in RESOURCES {
        let name = resource.name;
        let is_absent = checkpoint.list(name).is_none_or(|list| list.absent);
        let mut files = Vec::new();
        if let Some(earlier) = earlier.as_ref().filter(|_| is_absent || *resource == COMMITS) {
            files.push(checkpoint.earlier_rows_file(name));
            write_canonical(earlier, resource, &checkpoint.earlier_rows_file(name))?;
        }
        if !is_absent {
            files.push(checkpoint.rows_file(name));
        }
        let out = draft.path().join(format!("{name}.ndjson"));
        let count = if files.is_empty() { None } else { Some(merge(&files, &out)) };
        counts.push((resource, count.transpose().map_err(|error| CliError::file(&out, error))?));
    }
    Ok(counts)
}

/// Writes the rows of an earlier dump in the canonical form.
fn write_canonical(dump: &Dump, resource: &'static Resource, path: &Path) -> Result<(), CliError> {
    let file_error = |error: io::Error| CliError::file(path, error);
    let mut file = BufWriter::new(File::create(path).map_err(file_error)?);
    dump.for_each_line(resource, |line| {
        let row = serde_json::from_str(line.text).map_err(|error| line.error(error))?;
        let row = canonical_row(resource, row).map_err(|error| line.error(error))?;
        writeln!(file, "{row}").map_err(file_error)
    })?;
    file.flush().map_err(file_error)
}

/// Counts the distinct ids of the rows of a file.
pub fn count_distinct(path: &Path) -> Result<u64, CliError> {
    let mut locations = locate_rows(0, path).map_err(|error| CliError::file(path, error))?;
    locations.sort_unstable_by_key(|location| location.id);
    locations.dedup_by_key(|location| location.id);
    Ok(locations.len() as u64)
}

struct RowLocation {
    id: i64,
    /// The index of the file.
    file: usize,
    offset: u64,
    length: usize,
}

/// Writes the rows of all files, sorted by id, and returns their number. Of rows with the same id, the last one counts.
fn merge(files: &[PathBuf], out: &Path) -> io::Result<u64> {
    let mut rows = Vec::new();
    for (index, path) in files.iter().enumerate() {
        rows.extend(locate_rows(index, path)?);
    }
    // `dedup_by_key` keeps the first of equal rows, which must be the last one of the files.
    rows.sort_unstable_by_key(|row| (row.id, Reverse((row.file, row.offset))));
    rows.dedup_by_key(|row| row.id);
    let mut readers = Vec::new();
    for path in files {
        readers.push((BufReader::new(File::open(path)?), 0));
    }
    let mut out = BufWriter::new(File::create(out)?);
    let mut text = Vec::new();
    for row in &rows {
        let Some((reader, position)) = readers.get_mut(row.file) else { continue };
        // Most rows are in order. A seek would discard the buffer.
        if *position != row.offset {
            reader.seek(SeekFrom::Start(row.offset))?;
        }
        text.resize(row.length, 0);
        reader.read_exact(&mut text)?;
        out.write_all(&text)?;
        *position = row.offset + row.length as u64;
    }
    out.flush()?;
    Ok(rows.len() as u64)
}

fn locate_rows(file: usize, path: &Path) -> io::Result<Vec<RowLocation>> {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
    }
    let mut locations = Vec::new();
    let mut reader = BufReader::new(File::open(path)?);
    let (mut line, mut offset) = (Vec::new(), 0);
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(locations);
        }
        let Row { id } = serde_json::from_slice(&line)?;
        locations.push(RowLocation { id, file, offset, length });
        offset += length as u64;
    }
}
