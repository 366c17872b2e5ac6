//! Whole lists of the upstream (§2).

use super::derivation::{Derivation, DerivationError};
use crate::proxy::error::UpstreamError;
use crate::proxy::kv_store::KvStore;
use crate::proxy::page::Page;
use crate::proxy::upstream_client::UpstreamClient;
use futures_util::future::join_all;
use streamgage::query::{CORE_PATH, MAX_LIMIT};

/// The number of concurrent requests. A Worker has six connections.
const CONCURRENCY: usize = 6;
/// The number of attempts to read a list that changes meanwhile.
const MAX_ATTEMPTS: usize = 3;
/// The freshness of a list, in milliseconds.
const FRESHNESS: i64 = 60_000;

/// The kind of lists in the key-value store. Keys consist of the resource and the query.
const LIST_KIND: &str = "list";

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

impl<C: UpstreamClient, S: KvStore> Derivation<'_, C, S> {
    /// Returns a list from the store if it is fresh, or from the upstream.
    ///
    /// The stored form is the time of the request and the rows, one per line.
    pub async fn list(&self, resource: &str, query: &str) -> Result<Vec<String>, DerivationError> {
        let key = format!("{resource}?{query}");
        let stored = self.store.get(LIST_KIND, &key).and_then(|text| {
            let (fetched_at, rows) = text.split_once('\n')?;
            Some((fetched_at.parse::<i64>().ok()?, rows.lines().map(str::to_owned).collect::<Vec<_>>()))
        });
        if let Some((fetched_at, rows)) = &stored
            && !self.must_ask
            && self.now < fetched_at.saturating_add(FRESHNESS)
        {
            self.record_age(*fetched_at, fetched_at.saturating_add(FRESHNESS));
            return Ok(rows.clone());
        }
        match (self.read_list(resource, query, usize::MAX).await, stored) {
            (Ok(ListResult::Rows(rows)), _) => {
                // A newline in JSON text is white space.
                let rows: Vec<String> = rows.into_iter().map(|row| row.replace(['\n', '\r'], " ")).collect();
                self.store.put(LIST_KIND, &key, &format!("{}\n{}", self.now, rows.join("\n")));
                self.record_age(self.now, self.now.saturating_add(FRESHNESS));
                Ok(rows)
            }
            (Ok(ListResult::TooLong(_)), _) => Err(UpstreamError::TooLarge.into()),
            (Err(error), Some((fetched_at, rows))) if self.may_use_stale(&error) => {
                self.record_age(fetched_at, fetched_at.saturating_add(FRESHNESS));
                Ok(rows)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Reads all pages of a list of at most `max_rows` rows. If the total changes between pages, rows have moved from page to
    /// page, and the list is read again.
    pub async fn read_list(&self, resource: &str, query: &str, max_rows: usize) -> Result<ListResult, DerivationError> {
        for _ in 0..MAX_ATTEMPTS {
            let OwnedPage { count, mut rows } = self.read_page(resource, query, 0).await?;
            if count > max_rows {
                return Ok(ListResult::TooLong(count));
            }
            let mut is_consistent = true;
            let page_length = if rows.is_empty() { usize::MAX } else { rows.len() };
            let offsets: Vec<usize> = (0..count).step_by(page_length).skip(1).collect();
            for offsets in offsets.chunks(CONCURRENCY) {
                let pages = offsets.iter().map(|&offset| self.read_page(resource, query, offset));
                for page in join_all(pages).await {
                    let page = page?;
                    is_consistent &= page.count == count;
                    rows.extend(page.rows);
                }
            }
            if is_consistent && rows.len() == count {
                return Ok(ListResult::Rows(rows));
            }
        }
        Err(UpstreamError::InvalidResponse.into())
    }

    async fn read_page(&self, resource: &str, query: &str, offset: usize) -> Result<OwnedPage, DerivationError> {
        let path = format!("{CORE_PATH}{resource}/");
        let response = self.client.get(&path, &format!("{query}&limit={MAX_LIMIT}&offset={offset}")).await?;
        if response.status != 200 {
            return Err(DerivationError::Refused(response));
        }
        match Page::parse(&response.body) {
            Some(Page { count, rows }) if rows.iter().all(|row| row.starts_with('{')) => {
                Ok(OwnedPage { count, rows: rows.into_iter().map(str::to_owned).collect() })
            }
            _ => Err(UpstreamError::InvalidResponse.into()),
        }
    }
}
