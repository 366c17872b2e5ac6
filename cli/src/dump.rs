//! Dumps (specification §4): folders with a file for each resource and a line for each row.

pub mod draft;
pub mod header;
pub mod row_file;

use crate::error::CliError;
use header::Header;
pub use row_file::Line;
use row_file::{RowFile, io_message};
use std::fs;
use std::path::{Path, PathBuf};
use streamgage::metrics::{Organization, Record, Records, check_row};
use streamgage::schema::{COMMITS, REPOS, RESOURCES, Resource, TEAM_MEMBERSHIP, TEAMS, USERS};

/// Rows that no reader accepts, which a pull puts aside.
pub const REJECTED_FILE: &str = "rejected.ndjson";
/// The metrics of a server by week and team.
pub const PERIOD_METRICS_FILE: &str = "period_metrics.ndjson";

/// A dump with a valid header; its rows are not read yet.
#[derive(Debug)]
pub struct Dump {
    folder: PathBuf,
    pub header: Header,
}

/// The resources that [`Dump::organization`] keeps.
const METRICS_RESOURCES: [&str; 5] = [COMMITS.name, USERS.name, TEAMS.name, TEAM_MEMBERSHIP.name, REPOS.name];

impl Dump {
    pub fn open(folder: &Path) -> Result<Dump, CliError> {
        let input_error = |message: &str| CliError::Input(format!("{}: {message}", folder.display()));
        let metadata = fs::metadata(folder).map_err(|error| input_error(&io_message(&error)))?;
        if !metadata.is_dir() {
            return Err(input_error("not a folder"));
        }
        let header = Header::read(folder).map_err(|error| input_error(&error))?;
        if let Some(header) = header.as_ref().filter(|header| header.format != 1) {
            return Err(input_error(&format!("dump.json: format {} is not supported; expected 1", header.format)));
        }
        let mut is_dump = header.is_some();
        for resource in RESOURCES {
            is_dump |= RowFile::find(folder, resource.name)?.is_some();
        }
        if !is_dump {
            return Err(input_error("not a dump: it has neither a dump.json nor rows, such as commits.ndjson"));
        }
        let header = header.unwrap_or(Header::new(String::new(), false));
        Ok(Dump { folder: folder.to_owned(), header })
    }

    /// Reads and checks all rows, and returns those that metrics need.
    pub fn organization(&self) -> Result<Organization, CliError> {
        let organization = Organization {
            commits: self.records()?,
            users: self.records()?,
            teams: self.records()?,
            memberships: self.records()?,
            repos: self.records()?,
        };
        for &resource in RESOURCES.iter().filter(|resource| !METRICS_RESOURCES.contains(&resource.name)) {
            self.for_each_line(resource, |line| check_row(resource, line.text).map_err(|error| line.error(error)))?;
        }
        Ok(organization)
    }

    fn records<T: Record>(&self) -> Result<Records<T>, CliError> {
        let mut records = Records::default();
        self.for_each_line(T::RESOURCE, |line| records.read_text(line.text).map_err(|error| line.error(error)))?;
        Ok(records)
    }

    pub fn has_file(&self, resource: &Resource) -> Result<bool, CliError> {
        Ok(RowFile::find(&self.folder, resource.name)?.is_some())
    }

    /// Passes each line of the file of rejected rows to `take`.
    pub fn for_each_rejected(&self, take: impl FnMut(Line<'_>) -> Result<(), CliError>) -> Result<(), CliError> {
        match RowFile::find(&self.folder, "rejected")? {
            Some(file) => file.for_each_line(take),
            None => Ok(()),
        }
    }

    /// Passes each line of a resource that is not empty to `take`.
    pub fn for_each_line(
        &self,
        resource: &Resource,
        take: impl FnMut(Line<'_>) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        match RowFile::find(&self.folder, resource.name)? {
            Some(file) => file.for_each_line(take),
            None => Ok(()),
        }
    }
}
