//! The header of a dump: its `dump.json` (specification §4).

use crate::error::CliError;
use crate::files;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

const FILE: &str = "dump.json";
/// The numbers of a dump from git are the most of it.
const MAX_BYTES: u64 = 64 << 20;

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
    /// The completeness of a pulled dump, by file name without extension.
    #[serde(default, deserialize_with = "invalid_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, SavedRows>,
}

/// The rows that a pull saved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedRows {
    pub rows: u64,
    /// The number of rows according to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The number of rows that no reader accepts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rejected: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn default_format() -> u64 {
    1
}

/// Deserializes null as the default value.
pub fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default)
}

/// Deserializes a value of another type as the default value.
fn invalid_as_default<'de, D: Deserializer<'de>, T: Default + DeserializeOwned>(value: D) -> Result<T, D::Error> {
    let value = serde_json::Value::deserialize(value)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

impl Header {
    pub fn new(name: String, demo: bool) -> Header {
        Header { format: 1, demo, name, resources: BTreeMap::new() }
    }

    /// Returns the members that describe the data rather than the file.
    pub fn description(&self) -> Header {
        Header { resources: BTreeMap::new(), ..self.clone() }
    }

    /// Reads the header of a dump folder, if there is one.
    pub fn read(folder: &Path) -> Result<Option<Header>, String> {
        read_json(folder)
    }

    pub fn write(&self, folder: &Path) -> Result<(), CliError> {
        let path = folder.join(FILE);
        let text = serde_json::to_string(self).map_err(|error| CliError::file(&path, error))?;
        let write = || files::create(&path)?.write_all((text + "\n").as_bytes());
        write().map_err(|error| CliError::file(&path, error))
    }
}

/// Reads the `dump.json` of a folder, if there is one.
pub fn read_json<T: DeserializeOwned>(folder: &Path) -> Result<Option<T>, String> {
    let text = match files::open(&folder.join(FILE)).and_then(|file| files::read_at_most(file, MAX_BYTES)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{FILE}: {error}")),
    };
    let header = serde_json::from_slice(without_byte_order_mark(&text));
    header.map(Some).map_err(|error| format!("{FILE}: {error}"))
}

/// Removes the byte order mark that some editors write; it carries no information (RFC 8259 §8.1).
pub fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text)
}
