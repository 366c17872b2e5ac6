//! Files of rows: `RESOURCE.ndjson`, or the same compressed as `RESOURCE.ndjson.gz`.

use super::header::without_byte_order_mark;
use crate::error::CliError;
use crate::files;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::fmt::Display;
use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

pub struct RowFile {
    path: PathBuf,
    is_gzip: bool,
}

/// A line of a file of rows, without surrounding white space.
pub struct Line<'a> {
    pub text: &'a str,
    file: &'a RowFile,
    number: u64,
}

/// The limit bounds the memory for a file that is not a dump. Rows of an import are far shorter.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// Rows are compressed to a tenth; gzip can expand a thousand times. Small files may expand to the length of a line.
const MAX_EXPANSION: u64 = 100;

impl RowFile {
    /// Finds the file of a resource, or another one of rows, if there is one.
    pub fn find(folder: &Path, name: &str) -> Result<Option<RowFile>, CliError> {
        let plain = folder.join(format!("{name}.ndjson"));
        let gzip = folder.join(format!("{name}.ndjson.gz"));
        match (exists(&plain)?, exists(&gzip)?) {
            (true, true) => {
                let message = format!("{}: {}.ndjson.gz exists, too; remove one", plain.display(), name);
                Err(CliError::Input(message))
            }
            (true, false) => Ok(Some(RowFile { path: plain, is_gzip: false })),
            (false, true) => Ok(Some(RowFile { path: gzip, is_gzip: true })),
            (false, false) => Ok(None),
        }
    }

    /// Writes a file of the same name and compression into another folder, with each line changed by `change`.
    pub fn rewrite(
        &self,
        folder: &Path,
        change: impl FnMut(&Line<'_>) -> Result<String, CliError>,
    ) -> Result<(), CliError> {
        let path = folder.join(self.path.file_name().unwrap_or_default());
        let failed = |error: io::Error| CliError::file(&path, error);
        let mut file = BufWriter::with_capacity(1 << 18, files::create(&path).map_err(failed)?);
        if self.is_gzip {
            let mut encoder = GzEncoder::new(&mut file, Compression::default());
            self.write_lines(&mut encoder, &path, change)?;
            encoder.finish().map_err(failed)?;
        } else {
            self.write_lines(&mut file, &path, change)?;
        }
        file.flush().map_err(failed)
    }

    fn write_lines(
        &self,
        writer: &mut impl Write,
        path: &Path,
        mut change: impl FnMut(&Line<'_>) -> Result<String, CliError>,
    ) -> Result<(), CliError> {
        self.for_each_line(|line| {
            let text = change(&line)? + "\n";
            writer.write_all(text.as_bytes()).map_err(|error| CliError::file(path, error))
        })
    }

    /// Passes each line that is not empty to `take`.
    pub fn for_each_line(&self, mut take: impl FnMut(Line<'_>) -> Result<(), CliError>) -> Result<(), CliError> {
        let file = files::open(&self.path).map_err(|error| self.error(&error))?;
        let length = file.metadata().map_err(|error| self.error(&error))?.len();
        let mut left = if self.is_gzip { length.saturating_mul(MAX_EXPANSION).max(MAX_LINE_BYTES) } else { u64::MAX };
        let reader: Box<dyn Read> = if self.is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        let mut reader = BufReader::with_capacity(1 << 18, reader);
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            let mut line = Line { text: "", file: self, number };
            let length = (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes);
            let length = length.map_err(|error| line.error(io_message(&error)))? as u64;
            match length {
                0 => break,
                MAX_LINE_BYTES.. => return Err(line.error("the line is too long for a row")),
                _ => {}
            }
            left = left.checked_sub(length).ok_or_else(|| {
                line.error(format!("the file expands to more than {MAX_EXPANSION} times its size; it is no dump"))
            })?;
            let text = str::from_utf8(without_byte_order_mark(&bytes));
            line.text = text.map_err(|_| line.error("invalid UTF-8"))?.trim_ascii();
            if !line.text.is_empty() {
                take(line)?;
            }
        }
        Ok(())
    }

    fn error(&self, error: &io::Error) -> CliError {
        CliError::Input(format!("{}: {}", self.path.display(), io_message(error)))
    }
}

impl Line<'_> {
    /// Creates an error with the position of the line.
    pub fn error(&self, message: impl Display) -> CliError {
        CliError::Input(format!("{}:{}: {message}", self.file.path.display(), self.number))
    }
}

/// A dangling link exists: it must fail when it is read, and not pass for a dump without rows.
fn exists(path: &Path) -> Result<bool, CliError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(CliError::Input(format!("{}: {}", path.display(), io_message(&error)))),
    }
}

/// Returns the message of the operating system, without its error number in the most frequent case.
pub fn io_message(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        _ => error.to_string(),
    }
}
