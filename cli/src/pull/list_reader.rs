//! Lists of a server, read page by page.

use super::canonical_row::canonical_row;
use super::checkpoint::{Checkpoint, ListProgress};
use super::merge::count_distinct;
use crate::error::CliError;
use crate::http::{Client, Response};
use crate::progress::Progress;
use serde::Deserialize;
use serde_json::{Map, Value};
use streamgage::schema::{COMMITS, Resource};

/// The maximum of the API.
const PAGE_ROWS: u64 = 1000;
/// A list that changes during reading is read again this often.
const MAX_READS: u32 = 3;

pub struct ListReader<'a> {
    pub client: &'a Client,
    pub progress: &'a Progress,
    pub since: Option<&'a str>,
}

#[derive(Deserialize)]
struct Page {
    count: u64,
    next: Option<String>,
    results: Vec<Map<String, Value>>,
}

enum ReadError {
    /// The list is inconsistent with its first page; reading it again may succeed.
    Changed(String),
    Other(CliError),
}

impl From<CliError> for ReadError {
    fn from(error: CliError) -> Self {
        ReadError::Other(error)
    }
}

impl ListReader<'_> {
    /// Reads a whole list, again if it changes meanwhile.
    pub fn read_list(&self, resource: &'static Resource, checkpoint: &mut Checkpoint) -> Result<(), CliError> {
        let name = resource.name;
        let mut reads = 1;
        loop {
            match self.read_pages(resource, checkpoint) {
                Ok(()) => return Ok(()),
                Err(ReadError::Other(error)) => return Err(error),
                Err(ReadError::Changed(message)) if reads == MAX_READS => {
                    let message = format!("{name}: {message} ({reads} attempts); the list changes during reading");
                    return Err(CliError::Failed(message));
                }
                Err(ReadError::Changed(message)) => {
                    self.progress.print(&format!("{name}: {message}; reading the list again"));
                    checkpoint.restart_list(name)?;
                }
            }
            reads += 1;
        }
    }

    /// Reads a list from the next page on.
    fn read_pages(&self, resource: &'static Resource, checkpoint: &mut Checkpoint) -> Result<(), ReadError> {
        let name = resource.name;
        let path = format!("{}/{name}/", self.client.base().path());
        let mut progress = match checkpoint.list(name) {
            Some(progress) if progress.absent => return Ok(()),
            Some(progress) => {
                self.progress.start_stage(name, progress.count, progress.rows);
                progress
            }
            None => {
                let response = self.client.get(&self.first_page(&path, resource))?;
                if response.status == 404 && *resource != COMMITS {
                    self.progress.print(&format!("{name}: not available from {} (404)", self.client.base()));
                    checkpoint.set_list(name, ListProgress::absent())?;
                    return Ok(());
                }
                let page = self.parse_page(name, &response)?;
                self.progress.start_stage(name, page.count, 0);
                let mut progress = ListProgress::new(page.count);
                self.append_page(resource, &path, page, &mut progress, checkpoint)?;
                progress
            }
        };
        while let Some(next) = progress.next.take() {
            // The checkpoint is a file that others may be able to write: the key must not leave this list.
            if !is_page_of(&path, &next) {
                return Err(ReadError::Changed("the progress of the earlier run is invalid".to_owned()));
            }
            let page = self.parse_page(name, &self.client.get(&next)?)?;
            self.append_page(resource, &path, page, &mut progress, checkpoint)?;
        }
        let distinct = count_distinct(&checkpoint.rows_file(name))?;
        if progress.rows != progress.count || distinct != progress.count {
            let message = format!("received {distinct} distinct rows instead of {}", progress.count);
            return Err(ReadError::Changed(message));
        }
        Ok(())
    }

    fn first_page(&self, path: &str, resource: &Resource) -> String {
        let page = format!("{path}?limit={PAGE_ROWS}&ordering=id");
        match self.since {
            Some(since) if *resource == COMMITS => format!("{page}&author_date__gte={since}"),
            _ => page,
        }
    }

    fn parse_page(&self, name: &str, response: &Response) -> Result<Page, CliError> {
        if response.status != 200 {
            let message = format!("{name}: {}: {}", self.client.base(), response.description());
            return Err(CliError::Failed(message));
        }
        serde_json::from_slice(&response.body).map_err(|error| {
            CliError::Failed(format!(
                "{name}: the response of {} is not a list of the API: {error}",
                self.client.base()
            ))
        })
    }

    fn append_page(
        &self,
        resource: &'static Resource,
        path: &str,
        page: Page,
        progress: &mut ListProgress,
        checkpoint: &mut Checkpoint,
    ) -> Result<(), ReadError> {
        let name = resource.name;
        let rows = page.results.len() as u64;
        if page.count != progress.count {
            let message = format!("the count changed from {} to {}", progress.count, page.count);
            return Err(ReadError::Changed(message));
        }
        if progress.rows + rows > progress.count || (rows == 0 && page.next.is_some()) {
            let message = format!("the pages do not match the count of {} rows", progress.count);
            return Err(ReadError::Changed(message));
        }
        let mut lines = String::new();
        for row in page.results {
            let row = canonical_row(resource, row);
            lines += &row.map_err(|error| CliError::Failed(format!("{name}: {error}")))?;
            lines.push('\n');
        }
        progress.next = page.next.map(|link| self.next_page(name, path, &link)).transpose()?;
        progress.rows += rows;
        checkpoint.append(name, &lines, progress)?;
        self.progress.advance(rows);
        Ok(())
    }

    /// Returns the path and query of the next page. It must belong to the same list of the same server.
    fn next_page(&self, name: &str, path: &str, link: &str) -> Result<String, CliError> {
        let next = self.client.base().same_origin_target(link).filter(|next| is_page_of(path, next));
        next.ok_or_else(|| {
            let base = self.client.base();
            let message = format!("{name}: the link to the next page, {link}, leaves the list of {base}");
            CliError::Failed(format!("{message}; it is not followed"))
        })
    }
}

fn is_page_of(path: &str, target: &str) -> bool {
    target.strip_prefix(path).is_some_and(|rest| rest.starts_with('?'))
}

#[cfg(test)]
mod tests {
    use super::is_page_of;

    #[test]
    fn pages_of_other_lists_are_refused() {
        let path = "/v3/customer/core/commits/";
        assert!(is_page_of(path, "/v3/customer/core/commits/?limit=1000&offset=1000"));
        for elsewhere in ["@127.0.0.1:1/x", "//evil.example/", "/v3/customer/core/commits/@evil", "", path] {
            assert!(!is_page_of(path, elsewhere), "{elsewhere}");
        }
    }
}
