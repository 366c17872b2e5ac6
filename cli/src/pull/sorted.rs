//! Rows in the order of their ids, without holding them in memory.

use crate::failure::Failure;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Where a row stands.
struct Place {
    id: i64,
    file: usize,
    offset: u64,
    length: usize,
}

/// How many different ids the rows of a file have.
pub fn distinct(path: &Path) -> Result<u64, Failure> {
    let mut places = places(0, path).map_err(|error| Failure::file(path, &error))?;
    places.sort_unstable_by_key(|place| place.id);
    places.dedup_by_key(|place| place.id);
    Ok(places.len() as u64)
}

/// Writes the rows of the files to one file by id; of the rows with the same id, the last file's. Counts them.
pub fn write(files: &[PathBuf], out: &Path) -> Result<u64, Failure> {
    merge(files, out).map_err(|error| Failure::file(out, &error))
}

fn merge(files: &[PathBuf], out: &Path) -> io::Result<u64> {
    let mut all = Vec::new();
    for (number, path) in files.iter().enumerate() {
        all.extend(places(number, path)?);
    }
    // Later rows first, so that of equal ids the first is kept.
    all.sort_unstable_by_key(|place| (place.id, std::cmp::Reverse((place.file, place.offset))));
    all.dedup_by_key(|place| place.id);
    let mut readers = Vec::new();
    for path in files {
        readers.push((BufReader::new(File::open(path)?), 0));
    }
    let mut out = BufWriter::new(File::create(out)?);
    let mut row = Vec::new();
    for place in &all {
        let Some((reader, position)) = readers.get_mut(place.file) else { continue };
        // Rows mostly stand in their order already; then nothing is sought and the buffer is used.
        if *position != place.offset {
            reader.seek(SeekFrom::Start(place.offset))?;
        }
        row.resize(place.length, 0);
        reader.read_exact(&mut row)?;
        out.write_all(&row)?;
        *position = place.offset + place.length as u64;
    }
    out.flush()?;
    Ok(all.len() as u64)
}

fn places(number: usize, path: &Path) -> io::Result<Vec<Place>> {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
    }
    let mut places = Vec::new();
    let mut reader = BufReader::new(File::open(path)?);
    let (mut line, mut offset) = (Vec::new(), 0);
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(places);
        }
        let Row { id } = serde_json::from_slice(&line)?;
        places.push(Place { id, file: number, offset, length });
        offset += length as u64;
    }
}
