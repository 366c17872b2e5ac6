//! The header of a dump: its `dump.json` (specification §4).

use crate::error::CliError;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::Path;
use std::{fs, io};

const FILE: &str = "dump.json";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format; only 1 exists.
    #[serde(default = "default_format")]
    pub format: u64,
    /// True if the data is made up.
    #[serde(default, deserialize_with = "null_as_default")]
    pub demo: bool,
    /// The name of the organization or of the server.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
}

fn default_format() -> u64 {
    1
}

/// Deserializes null as the default value.
pub fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default)
}

impl Header {
    /// Reads the header of a dump folder, if there is one.
    pub fn read(folder: &Path) -> Result<Option<Header>, String> {
        let text = match fs::read(folder.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{FILE}: {error}")),
        };
        let header = serde_json::from_slice(without_byte_order_mark(&text));
        header.map(Some).map_err(|error| format!("{FILE}: {error}"))
    }

    pub fn write(&self, folder: &Path) -> Result<(), CliError> {
        let path = folder.join(FILE);
        let text = serde_json::to_string(self).map_err(|error| CliError::file(&path, error))?;
        fs::write(&path, text + "\n").map_err(|error| CliError::file(&path, error))
    }
}

/// Removes the byte order mark that some editors write; it carries no information (RFC 8259 §8.1).
pub fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text)
}
