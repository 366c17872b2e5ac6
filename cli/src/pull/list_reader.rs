//! Lists of a server, read page by page.

use super::checkpoint::{Checkpoint, ListProgress};
use super::merge::count_distinct;
use super::paging::{ListAddress, Paging, is_numbered, overlapping_page};
use super::row_text::{one_line, row_id};
use crate::error::CliError;
use crate::http::{Client, Response};
use crate::progress::Progress;
use serde::Deserialize;
use serde_json::value::RawValue;
use streamgage::schema::{COMMITS, Resource};

/// A list that changes during reading is read again this often.
const MAX_READS: u32 = 3;

/// No server has more rows in a list.
const MAX_ROWS: u64 = 100_000_000;

/// Returns the most rows of a list with this count at first. A list may grow during reading, but not without end.
fn max_rows(first_count: u64) -> u64 {
    first_count.saturating_mul(2).saturating_add(100_000).min(MAX_ROWS)
}

pub struct ListReader<'a> {
    pub client: &'a Client,
    pub progress: &'a Progress,
    pub since: Option<&'a str>,
}

#[derive(Deserialize)]
struct Page<'a> {
    count: u64,
    next: Option<String>,
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
}

enum ReadError {
    /// The list is inconsistent with its earlier pages; reading it again may succeed.
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
        let core_path = self.client.base().path();
        let list = ListAddress::new(core_path, resource, self.since.filter(|_| *resource == COMMITS));
        let mut progress = match checkpoint.list(name) {
            Some(progress) if progress.unavailable.is_some() || progress.is_complete => return Ok(()),
            Some(progress) => {
                self.progress.start_stage(name, progress.count, progress.rows);
                progress
            }
            None => {
                let response = self.client.get(&list.first_page())?;
                if let status @ (403 | 404 | 410) = response.status {
                    self.progress.print(&format!("{name}: not available: {}", response.description()));
                    checkpoint.set_list(name, ListProgress::unavailable(status))?;
                    return Ok(());
                }
                let page = self.parse_page(name, &response)?;
                self.progress.start_stage(name, page.count, 0);
                let mut progress = ListProgress::new(page.count);
                self.append_page(name, &list, page, &mut progress, checkpoint)?;
                progress
            }
        };
        loop {
            while let Some(next) = progress.next.take() {
                // The checkpoint is a file that others may be able to write: the key must not leave this list.
                let Some(next) = list.linked_page(&next) else {
                    return Err(ReadError::Changed("the progress of the earlier run is invalid".to_owned()));
                };
                let is_read = progress.paging == Paging::AfterId
                    && self.read_page_after_id(name, &list, &mut progress, checkpoint)?;
                if !is_read {
                    progress.paging = Paging::Links;
                    self.read_linked_page(resource, &list, &next, &mut progress, checkpoint)?;
                }
            }
            // The count of a page after an id does not show that rows before it disappeared.
            if progress.pages == 1 || progress.paging == Paging::Links {
                break;
            }
            progress.count = self.count(name, &list.count())?;
            let has_new_rows = progress.count > progress.rows;
            let rows = progress.rows;
            if !has_new_rows || !self.read_page_after_id(name, &list, &mut progress, checkpoint)? {
                break;
            }
            if progress.rows == rows {
                progress.count = self.count(name, &list.count())?;
                break;
            }
        }
        let distinct = count_distinct(&checkpoint.rows_file(name))?;
        if progress.rows != progress.count || distinct != progress.count {
            let message = format!("received {distinct} distinct rows instead of {}", progress.count);
            return Err(ReadError::Changed(message));
        }
        // An update reads a part of the commits. The server's count of all of them tells whether the dump is complete.
        let whole = ListAddress::new(core_path, resource, None);
        if self.since.is_some() && *resource == COMMITS {
            progress.count = self.count(name, &whole.count())?;
        }
        progress.is_complete = true;
        checkpoint.set_list(name, progress)?;
        Ok(())
    }

    /// Reads the page after the last id. Returns false if the server ignores the filter or the order.
    fn read_page_after_id(
        &self,
        name: &str,
        list: &ListAddress<'_>,
        progress: &mut ListProgress,
        checkpoint: &mut Checkpoint,
    ) -> Result<bool, ReadError> {
        let Some(last_id) = progress.last_id else { return Ok(false) };
        let response = self.client.get(&list.page_after(last_id))?;
        if response.status == 400 {
            return Ok(false);
        }
        let page = self.parse_page(name, &response)?;
        if page.results.iter().any(|row| row_id(row.get()).is_none_or(|id| id <= last_id)) {
            return Ok(false);
        }
        progress.count = progress.rows.saturating_add(page.count);
        self.append_page(name, list, page, progress, checkpoint)?;
        Ok(true)
    }

    /// Reads the page that a link leads to, and verifies that it continues the page before.
    fn read_linked_page(
        &self,
        resource: &Resource,
        list: &ListAddress<'_>,
        next: &str,
        progress: &mut ListProgress,
        checkpoint: &mut Checkpoint,
    ) -> Result<(), ReadError> {
        let name = resource.name;
        let overlapping = progress.last_id.and_then(|_| overlapping_page(next));
        let response = self.client.get(overlapping.as_deref().unwrap_or(next))?;
        let mut page = self.parse_page(name, &response)?;
        if page.count != progress.count {
            let message = format!("the count changed from {} to {}", progress.count, page.count);
            return Err(ReadError::Changed(message));
        }
        let first_id = |page: &Page<'_>| page.results.first().and_then(|row| row_id(row.get()));
        let repeated_id = if overlapping.is_some() {
            let repeated = first_id(&page);
            page.results = page.results.split_off(page.results.len().min(1));
            repeated
        } else if is_numbered(resource) {
            let response = self.client.get(&list.row_at(progress.rows))?;
            first_id(&self.parse_page(name, &response)?)
        } else {
            progress.last_id
        };
        if repeated_id != progress.last_id {
            return Err(ReadError::Changed("the rows moved between two pages".to_owned()));
        }
        self.append_page(name, list, page, progress, checkpoint)
    }

    fn count(&self, name: &str, target: &str) -> Result<u64, CliError> {
        let response = self.client.get(target)?;
        Ok(self.parse_page(name, &response)?.count)
    }

    fn parse_page<'r>(&self, name: &str, response: &'r Response) -> Result<Page<'r>, CliError> {
        if response.status != 200 {
            let message = format!("{name}: {}: {}", self.client.base(), response.description());
            return Err(CliError::Failed(message));
        }
        let no_list = |error: &str| {
            let message = format!("{name}: the response of {} is not a list of the API: {error}", self.client.base());
            CliError::Failed(message)
        };
        let page: Page<'r> = serde_json::from_slice(&response.body).map_err(|error| no_list(&error.to_string()))?;
        let are_objects = page.results.iter().all(|row| row.get().starts_with('{'));
        if are_objects { Ok(page) } else { Err(no_list("a row is not an object")) }
    }

    fn append_page(
        &self,
        name: &str,
        list: &ListAddress<'_>,
        page: Page<'_>,
        progress: &mut ListProgress,
        checkpoint: &mut Checkpoint,
    ) -> Result<(), ReadError> {
        let rows = page.results.len() as u64;
        let all_rows = progress.rows.saturating_add(rows);
        if all_rows > progress.count || (rows == 0 && page.next.is_some()) {
            let message = format!("the pages do not match the count of {} rows", progress.count);
            return Err(ReadError::Changed(message));
        }
        let max_rows = max_rows(progress.first_count);
        if all_rows > max_rows {
            let message =
                format!("{name}: {} has more than {max_rows} rows; the list seems endless", self.client.base());
            return Err(CliError::Failed(message).into());
        }
        let mut lines = String::new();
        for row in &page.results {
            let id = row_id(row.get());
            if id.is_none() || id <= progress.last_id {
                progress.paging = Paging::Links;
            }
            progress.last_id = id;
            lines += &one_line(row.get());
            lines.push('\n');
        }
        if let Some(link) = page.next.as_deref().filter(|link| list.linked_page(link).is_none()) {
            let base = self.client.base();
            let message = format!("{name}: the link to the next page, {link}, leaves the list of {base}");
            return Err(CliError::Failed(format!("{message}; it is not followed")).into());
        }
        progress.next = page.next;
        progress.rows = all_rows;
        progress.pages = progress.pages.saturating_add(1);
        checkpoint.append(name, &lines, progress)?;
        self.progress.advance(rows);
        Ok(())
    }
}
