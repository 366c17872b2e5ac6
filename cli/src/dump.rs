//! Dumps (specification §4): a folder with a file a resource, a row a line.

use crate::failure::Failure;
use crate::folder::{self, Header};
use flate2::read::MultiGzDecoder;
use memchr::memchr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::{fs, thread};
use streamgage::metrics::{Organization, Record, Records};
use streamgage::schema::{RESOURCES, Resource, RowError, RowSink, Value, read_row, resource};

/// A dump whose folder and header have been looked at; its rows have not.
#[derive(Debug)]
pub struct Dump {
    /// The folder.
    folder: PathBuf,
    /// What `dump.json` says.
    pub header: Header,
}

/// A file shorter than this is read by one thread.
const PARALLEL_BYTES: u64 = 1 << 20;
/// A line longer than this is no row: what a row may be in an import is far less.
const MAX_LINE_BYTES: usize = 64 << 20;
/// An error shows no more of a row than this.
const MAX_SHOWN: usize = 200;

impl Dump {
    /// Looks at a folder.
    ///
    /// # Errors
    /// It is no folder, holds nothing of a dump, or its format is not known.
    pub fn open(path: &Path) -> Result<Dump, Failure> {
        let refused = |why: &str| Failure::Input(format!("{}: {why}", path.display()));
        let metadata = fs::metadata(path).map_err(|error| refused(&reason(&error)))?;
        if !metadata.is_dir() {
            return Err(refused("is a file; a dump is a folder"));
        }
        let header = folder::header(path).map_err(|error| refused(&error))?;
        if let Some(header) = header.as_ref().filter(|header| header.format != 1) {
            return Err(refused(&format!("dump.json: format {} is not known, only 1 is", header.format)));
        }
        let has_header = header.is_some();
        let header = header.unwrap_or(Header { format: 1, demo: false, name: String::new() });
        let dump = Dump { folder: path.to_owned(), header };
        let mut has_rows = false;
        for resource in RESOURCES {
            has_rows |= dump.file(resource)?.is_some();
        }
        if !has_header && !has_rows {
            return Err(refused("is no dump: there is neither a dump.json nor a commits.ndjson in it"));
        }
        Ok(dump)
    }

    /// Reads and checks every row, and keeps what metrics need.
    ///
    /// # Errors
    /// The first bad row, by file, line and field.
    pub fn organization(&self) -> Result<Organization, Failure> {
        let organization = Organization {
            commits: self.records()?,
            users: self.records()?,
            teams: self.records()?,
            memberships: self.records()?,
            repos: self.records()?,
        };
        for resource in ["tags", "user_alias"].into_iter().filter_map(resource) {
            self.check(resource)?;
        }
        Ok(organization)
    }

    /// Checks every row of a resource; metrics need nothing of it.
    fn check(&self, resource: &'static Resource) -> Result<(), Failure> {
        let Some(file) = self.file(resource)? else { return Ok(()) };
        for_each_line(&file.name(), file.open()?, |line| {
            read_json(line, |json| read_row(resource, json, &mut Unread)).map_err(|error| error.to_string())
        })
    }

    fn records<T: Record + Send>(&self) -> Result<Records<T>, Failure> {
        match self.file(T::RESOURCE)? {
            Some(file) if !file.is_gzip => file.records_in_parallel(),
            Some(file) => {
                let mut records = Records::default();
                for_each_line(&file.name(), file.open()?, |line| read_record(&mut records, line))?;
                Ok(records)
            }
            None => Ok(Records::default()),
        }
    }

    /// Hands each line of a resource's file to `take`, with its number, as it stands; empty lines are passed over.
    ///
    /// # Errors
    /// The file can't be read, or `take` fails.
    pub fn lines(
        &self,
        resource: &'static Resource,
        mut take: impl FnMut(&str) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Some(file) = self.file(resource)? else { return Ok(()) };
        let mut failure = None;
        let read = for_each_line(&file.name(), file.open()?, |line| {
            take(line).map_err(|error| {
                failure = Some(error);
                String::new()
            })
        });
        match failure {
            Some(failure) => Err(failure),
            None => read,
        }
    }

    fn file(&self, resource: &'static Resource) -> Result<Option<RowFile>, Failure> {
        let plain = self.folder.join(format!("{}.ndjson", resource.name));
        let zipped = self.folder.join(format!("{}.ndjson.gz", resource.name));
        match (is_there(&plain)?, is_there(&zipped)?) {
            (true, true) => {
                let why = format!("{}: there is a {}.ndjson.gz too; which is meant?", plain.display(), resource.name);
                Err(Failure::Input(why))
            }
            (true, false) => Ok(Some(RowFile { path: plain, is_gzip: false })),
            (false, true) => Ok(Some(RowFile { path: zipped, is_gzip: true })),
            (false, false) => Ok(None),
        }
    }
}

/// A link to nothing is there, and can't be read: that is not the same as no rows.
fn is_there(path: &Path) -> Result<bool, Failure> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::Input(format!("{}: {}", path.display(), reason(&error)))),
    }
}

/// A file of rows.
struct RowFile {
    path: PathBuf,
    is_gzip: bool,
}

impl RowFile {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn open(&self) -> Result<Lines<Box<dyn Read>>, Failure> {
        let file = File::open(&self.path).map_err(|error| self.failure(&error))?;
        let reader: Box<dyn Read> = if self.is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        Ok(Lines::new(reader))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure::Input(format!("{}: {}", self.name(), reason(error)))
    }

    /// Each thread reads the lines that begin in its share of the file.
    fn records_in_parallel<T: Record + Send>(&self) -> Result<Records<T>, Failure> {
        let length = fs::metadata(&self.path).map_err(|error| self.failure(&error))?.len();
        let threads = thread::available_parallelism().map_or(1, NonZero::get) as u64;
        let threads = threads.min(length / PARALLEL_BYTES).max(1);
        let bounds: Vec<u64> = (0..=threads).map(|share| length * share / threads).collect();
        let shares: Vec<Result<Share<T>, io::Error>> = thread::scope(|scope| {
            let readers: Vec<_> = bounds
                .windows(2)
                .filter_map(|bounds| if let &[from, to] = bounds { Some((from, to)) } else { None })
                .map(|(from, to)| scope.spawn(move || self.read_share(from, to)))
                .collect();
            readers
                .into_iter()
                .map(|reader| reader.join().unwrap_or_else(|_| Err(io::Error::other("a thread failed"))))
                .collect()
        });
        let mut records = Records::default();
        let mut lines = 0;
        for share in shares {
            let share = share.map_err(|error| self.failure(&error))?;
            lines += share.lines;
            if let Some(error) = share.error {
                return Err(Failure::Input(format!("{}:{lines}: {error}", self.name())));
            }
            records.append(share.records);
        }
        Ok(records)
    }

    fn read_share<T: Record>(&self, from: u64, to: u64) -> Result<Share<T>, io::Error> {
        let mut lines = Lines::new(File::open(&self.path)?);
        // The line that the share before this one has begun ends at the first line break from the last byte before it on.
        let mut position = from.saturating_sub(1);
        lines.reader.seek(SeekFrom::Start(position))?;
        if from > 0 {
            position += lines.next(<[u8]>::len)?.unwrap_or(0) as u64;
        }
        let mut share = Share { records: Records::default(), lines: 0, error: None };
        while position < to && share.error.is_none() {
            let records = &mut share.records;
            let take = |line: &[u8]| (line.len() as u64, text_of(line).and_then(|text| read_record(records, text)));
            let Some((length, read)) = lines.next(take)? else { break };
            position += length;
            share.lines += 1;
            share.error = read.err();
        }
        Ok(share)
    }
}

/// The lines of a file, handed on where they lie in the buffer.
struct Lines<R> {
    reader: BufReader<R>,
    /// A line that the buffer does not hold as a whole.
    spilled: Vec<u8>,
}

impl<R: Read> Lines<R> {
    fn new(reader: R) -> Lines<R> {
        Lines { reader: BufReader::with_capacity(1 << 18, reader), spilled: Vec::new() }
    }

    /// Hands the next line, with its line break, to `take`; `None` at the end.
    fn next<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> io::Result<Option<T>> {
        self.spilled.clear();
        loop {
            let buffer = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            let (line, is_whole) = match memchr(b'\n', buffer) {
                Some(end) => (buffer.get(..=end).unwrap_or(buffer), true),
                None => (buffer, buffer.is_empty()),
            };
            let length = line.len();
            if is_whole && self.spilled.is_empty() {
                let taken = (length > 0).then(|| take(line));
                self.reader.consume(length);
                return Ok(taken);
            }
            self.spilled.extend_from_slice(line);
            self.reader.consume(length);
            if is_whole || self.spilled.len() > MAX_LINE_BYTES {
                return Ok(Some(take(&self.spilled)));
            }
        }
    }
}

/// What one thread has read.
struct Share<T> {
    records: Records<T>,
    lines: u64,
    /// What is wrong with the last line.
    error: Option<String>,
}

fn read_record<T: Record>(records: &mut Records<T>, line: &str) -> Result<(), String> {
    if line.is_empty() || records.read_plain(line).is_some() {
        return Ok(());
    }
    read_json(line, |json| records.read(json)).map_err(|error| error.to_string())
}

/// Hands each line that is not empty to `take`; what it says is wrong is told with the file and the line.
fn for_each_line(
    name: &str,
    mut lines: Lines<Box<dyn Read>>,
    mut take: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), Failure> {
    for number in 1u64.. {
        let failed = |error: &str| Failure::Input(format!("{name}:{number}: {error}"));
        let read = lines.next(|line| match text_of(line) {
            Ok("") => Ok(()),
            text => take(text?),
        });
        match read.map_err(|error| failed(&reason(&error)))? {
            Some(taken) => taken.map_err(|error| failed(&error))?,
            None => break,
        }
    }
    Ok(())
}

fn text_of(line: &[u8]) -> Result<&str, String> {
    if line.len() > MAX_LINE_BYTES {
        return Err("the line is too long for a row".to_owned());
    }
    str::from_utf8(folder::without_byte_order_mark(line)).map(str::trim_ascii).map_err(|_| "is not UTF-8".to_owned())
}

/// Reads a text that is one JSON value and nothing more.
///
/// # Errors
/// What `read` finds, or where the text is no JSON.
pub fn read_json<'a>(
    text: &'a str,
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'a>>) -> Result<(), RowError>,
) -> Result<(), RowError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let syntax = |message: String| RowError { field: None, message: shorten(&message) };
    read(&mut json).map_err(|error| match error.field {
        Some(_) => error,
        None => syntax(error.message),
    })?;
    json.end().map_err(|error| syntax(error.to_string()))
}

/// The message of the JSON reader, which knows of one line alone: `… at line 1 column 7` becomes `… (column 7)`.
fn shorten(message: &str) -> String {
    let (what, place) = message.rsplit_once(" at line 1 column ").unwrap_or((message, ""));
    let end = what.char_indices().nth(MAX_SHOWN).map_or(what.len(), |(end, _)| end);
    let what = what.get(..end).unwrap_or(what);
    if place.is_empty() { what.to_owned() } else { format!("{what} (column {place})") }
}

/// The system's words, without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        _ => error.to_string(),
    }
}

/// Takes a row that is only to be checked.
struct Unread;

impl RowSink for Unread {
    fn value(&mut self, _: usize, _: Value<'_>) {}
}
