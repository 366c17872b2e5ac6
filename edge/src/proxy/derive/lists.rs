//! Whole lists of the upstream (§2).

use super::derivation::{Derivation, DerivationError};
use crate::proxy::error::UpstreamError;
use crate::proxy::kv_store::KvStore;
use crate::proxy::page::Page;
use crate::proxy::transport::MAX_RESPONSE_BYTES;
use crate::proxy::upstream_client::UpstreamClient;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use streamgage::query::{CORE_PATH, MAX_LIMIT};

/// The number of concurrent requests. A Worker has six connections.
const CONCURRENCY: usize = 6;
/// The number of attempts to read a list that changes meanwhile.
const MAX_ATTEMPTS: usize = 3;
/// The freshness of a list for each of its pages, in milliseconds: a long list is read less often.
const FRESHNESS_OF_PAGE: i64 = 60_000;
/// The longest freshness of a list, in milliseconds.
const MAX_FRESHNESS: i64 = 3_600_000;
/// The age up to which a stale list is used if the budget is exhausted, in milliseconds.
const MAX_STALE_AGE: i64 = 86_400_000;
/// The age up to which pages of an incomplete list are used, in milliseconds.
const MAX_PAGE_AGE: i64 = 900_000;
/// The length of a stored part of a list, in bytes. A row of the store holds 2 MB.
const PART_BYTES: usize = 1_000_000;

/// The kind of lists in the key-value store. Keys consist of the resource and the query, and the number of a further part.
const LIST_KIND: &str = "list";
/// The kind of pages of incomplete lists. Keys consist of the list, the length of a page, and the offset.
const PAGE_KIND: &str = "page";

pub(super) enum ListResult {
    /// The JSON text of each row.
    Rows(Vec<String>),
    /// The list has more rows than requested: this many.
    TooLong(usize),
}

/// A page whose rows outlive the response.
struct OwnedPage {
    count: usize,
    rows: Vec<String>,
}

/// A list in the store.
struct StoredList {
    fetched_at: i64,
    rows: Vec<String>,
}

impl StoredList {
    fn fresh_until(&self) -> i64 {
        let rows = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        let pages = i64::try_from(rows.div_ceil(MAX_LIMIT)).unwrap_or(i64::MAX);
        self.fetched_at.saturating_add(FRESHNESS_OF_PAGE.saturating_mul(pages.max(1)).min(MAX_FRESHNESS))
    }
}

impl<C: UpstreamClient, S: KvStore> Derivation<'_, C, S> {
    /// Returns a list from the store if it is fresh, or from the upstream.
    pub async fn list(&self, resource: &str, query: &str) -> Result<Vec<String>, DerivationError> {
        let key = format!("{resource}?{query}");
        let stored = self.stored_list(&key);
        if let Some(list) = &stored
            && !self.must_ask
            && self.now < list.fresh_until()
        {
            self.record_age(list.fetched_at, list.fresh_until());
            return Ok(stored.map(|list| list.rows).unwrap_or_default());
        }
        match (self.read_list(resource, query, usize::MAX).await, stored) {
            (Ok(ListResult::Rows(rows)), _) => {
                let list = StoredList { fetched_at: self.now, rows };
                self.store_list(&key, &list);
                self.record_age(self.now, list.fresh_until());
                Ok(list.rows)
            }
            (Ok(ListResult::TooLong(_)), _) => Err(UpstreamError::TooLarge.into()),
            (Err(error), Some(list)) if self.may_use_stale_list(&error, &list) => {
                self.record_age(list.fetched_at, list.fresh_until());
                Ok(list.rows)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Returns true if a stale list may be used after an error. Pages read so far are stored, so the next requests complete a
    /// list that exceeds the budget.
    fn may_use_stale_list(&self, error: &DerivationError, list: &StoredList) -> bool {
        let is_over_budget = matches!(error, DerivationError::Upstream(UpstreamError::BudgetExhausted));
        let is_recent = self.now.saturating_sub(list.fetched_at) < MAX_STALE_AGE;
        (is_over_budget && is_recent) || self.may_use_stale(error)
    }

    /// The first part of a stored list is the time of the request, the number of further parts if there are any, and rows, one
    /// per line. Further parts are the same time and rows.
    fn stored_list(&self, key: &str) -> Option<StoredList> {
        let text = self.store.get(LIST_KIND, key)?;
        let (header, lines) = text.split_once('\n')?;
        let (time, parts) = header.split_once(' ').unwrap_or((header, "0"));
        let (fetched_at, parts) = (time.parse().ok()?, parts.parse::<usize>().ok()?);
        let mut rows: Vec<String> = lines.lines().map(str::to_owned).collect();
        let stored_parts = match parts {
            0 => Vec::new(),
            _ => self.store.range(LIST_KIND, &format!("{key}#"), &format!("{key}#~")),
        };
        if stored_parts.len() != parts {
            return None;
        }
        for (_, text) in stored_parts {
            let (part_time, lines) = text.split_once('\n')?;
            if part_time != time {
                return None;
            }
            rows.extend(lines.lines().map(str::to_owned));
        }
        Some(StoredList { fetched_at, rows })
    }

    fn store_list(&self, key: &str, list: &StoredList) {
        let mut parts = vec![String::new()];
        for row in &list.rows {
            if parts.last().is_some_and(|part| part.len() + row.len() > PART_BYTES) {
                parts.push(String::new());
            }
            if let Some(part) = parts.last_mut() {
                part.push('\n');
                part.push_str(row);
            }
        }
        let time = list.fetched_at;
        for (further, _) in self.store.range(LIST_KIND, &format!("{key}#"), &format!("{key}#~")) {
            self.store.delete(LIST_KIND, &further);
        }
        let mut parts = parts.into_iter();
        let first = parts.next().filter(|part| !part.is_empty()).unwrap_or_else(|| "\n".to_owned());
        let count = match parts.len() {
            0 => String::new(),
            count => format!(" {count}"),
        };
        for (number, part) in parts.enumerate() {
            self.store.put(LIST_KIND, &format!("{key}#{number:05}"), &format!("{time}{part}"));
        }
        self.store.put(LIST_KIND, key, &format!("{time}{count}{first}"));
    }

    /// Reads all pages of a list of at most `max_rows` rows. Pages overlap by one row. If it is not the last row of the page
    /// before, rows have moved from page to page, and the list is read again. If the total changes, rows were added or removed,
    /// and the list is read again from the pages that are still valid. Full pages of a long list are stored, so that a
    /// repetition continues, even if the list grows meanwhile.
    ///
    /// The total is the upstream's statement: it ends the list, and sizes nothing.
    pub async fn read_list(&self, resource: &str, query: &str, max_rows: usize) -> Result<ListResult, DerivationError> {
        for _ in 0..MAX_ATTEMPTS {
            let OwnedPage { count, rows } = self.read_page(resource, query, 0).await?;
            if count > max_rows {
                return Ok(ListResult::TooLong(count));
            }
            if rows.len() == count {
                return Ok(ListResult::Rows(rows));
            }
            if rows.is_empty() {
                continue;
            }
            if let Some(rows) = self.read_further_pages(resource, query, count, rows).await? {
                return Ok(ListResult::Rows(rows));
            }
        }
        Err(UpstreamError::InvalidResponse.into())
    }

    /// Returns `None` if the list has changed.
    async fn read_further_pages(
        &self,
        resource: &str,
        query: &str,
        count: usize,
        mut rows: Vec<String>,
    ) -> Result<Option<Vec<String>>, DerivationError> {
        let page_length = rows.len();
        let list_key = format!("{resource}?{query}#");
        let version = format!("{list_key}{page_length}/");
        // Short lists fit into one budget.
        let is_long = count.div_ceil(page_length) > CONCURRENCY;
        let mut stored = if is_long { self.stored_pages(&list_key, &version) } else { BTreeMap::new() };
        let mut length: usize = rows.iter().map(String::len).sum();
        let overlap = usize::from(page_length > 1);
        let (step, end) = (page_length.saturating_sub(overlap), count.saturating_sub(overlap));
        let mut offset = step;
        while offset < end {
            let offsets: Vec<usize> = (offset..end).step_by(step).take(CONCURRENCY).collect();
            let pages = offsets.iter().map(|&offset| {
                let stored = stored.remove(&offset);
                async move {
                    match stored {
                        Some(rows) => (true, Ok(OwnedPage { count, rows })),
                        None => (false, self.read_page(resource, query, offset).await),
                    }
                }
            });
            let (mut error, mut has_changed, mut has_moved) = (None, false, false);
            for (&offset, (is_stored, page)) in offsets.iter().zip(join_all(pages).await) {
                let page = match page {
                    Ok(page) => page,
                    Err(failure) => {
                        error = error.or(Some(failure));
                        continue;
                    }
                };
                let is_complete = page.rows.len() == page_length.min(page.count.saturating_sub(offset));
                if is_long && !is_stored && is_complete && page.rows.len() == page_length {
                    let text = format!("{}\n{}", self.now, page.rows.join("\n"));
                    self.store.put(PAGE_KIND, &format!("{version}{offset:010}"), &text);
                }
                has_changed |= !is_complete || page.count != count;
                has_moved |= !is_complete && is_stored;
                // Pages after a missing one are compared once it is there.
                if has_changed || error.is_some() {
                    continue;
                }
                has_moved |= overlap > 0 && page.rows.first() != rows.last();
                length += page.rows.iter().map(String::len).sum::<usize>();
                rows.extend(page.rows.into_iter().skip(overlap));
            }
            let is_too_long = length > MAX_RESPONSE_BYTES;
            if has_moved || is_too_long {
                self.delete_pages(&list_key, "");
            }
            match error {
                _ if is_too_long => return Err(UpstreamError::TooLarge.into()),
                _ if has_moved || has_changed => return Ok(None),
                Some(error) => return Err(error),
                None => {}
            }
            offset = offset.saturating_add(step.saturating_mul(CONCURRENCY));
        }
        if is_long {
            self.delete_pages(&list_key, "");
        }
        Ok(Some(rows))
    }

    /// Returns the stored pages of an incomplete list by offset, and deletes those of other versions of the list.
    fn stored_pages(&self, list_key: &str, version: &str) -> BTreeMap<usize, Vec<String>> {
        self.delete_pages(list_key, version);
        let stored = self.store.range(PAGE_KIND, version, &format!("{version}~"));
        let parse = |(key, text): (String, String)| {
            let (fetched_at, rows) = text.split_once('\n')?;
            let age = self.now.saturating_sub(fetched_at.parse().ok()?);
            let offset = key.rsplit_once('/')?.1.parse().ok()?;
            (0..MAX_PAGE_AGE).contains(&age).then(|| (offset, rows.lines().map(str::to_owned).collect()))
        };
        stored.into_iter().filter_map(parse).collect()
    }

    /// Deletes the stored pages of a list, except for those of a version, if one is given.
    fn delete_pages(&self, list_key: &str, except: &str) {
        for (key, _) in self.store.range(PAGE_KIND, list_key, &format!("{list_key}~")) {
            if except.is_empty() || !key.starts_with(except) {
                self.store.delete(PAGE_KIND, &key);
            }
        }
    }

    async fn read_page(&self, resource: &str, query: &str, offset: usize) -> Result<OwnedPage, DerivationError> {
        let path = format!("{CORE_PATH}{resource}/");
        let response = self.client.get(&path, &format!("{query}&limit={MAX_LIMIT}&offset={offset}")).await?;
        if response.status != 200 {
            return Err(DerivationError::Refused(response));
        }
        self.reservations.borrow_mut().push(response.reservation);
        match Page::parse(&response.body) {
            Some(Page { count, rows }) if rows.iter().all(|row| row.starts_with('{')) => {
                // A newline in JSON text is white space. Rows are stored one per line.
                let rows = rows.into_iter().map(|row| row.replace(['\n', '\r'], " ")).collect();
                Ok(OwnedPage { count, rows })
            }
            _ => Err(UpstreamError::InvalidResponse.into()),
        }
    }
}
