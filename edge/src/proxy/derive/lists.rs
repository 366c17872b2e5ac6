//! Lists of the upstream, whole (§2).

use super::{Derivation, Stop};
use crate::proxy::weeks::envelope;
use crate::proxy::{KvStore, UpstreamClient, UpstreamError, all};
use streamgage::json::{Reader, Value};
use streamgage::query::MAX_LIMIT;

/// How many pages are under way at a time: a Worker has six connections.
const AT_ONCE: usize = 6;
/// How often a list is begun again that changes while it is read.
const ATTEMPTS: usize = 3;
/// For how many milliseconds a list that was looked up is fresh.
const FRESH: i64 = 60_000;

/// What lists are kept under in the shelf: by resource and query.
const KIND: &str = "list";

/// A list.
pub(super) enum Listed {
    /// The text of each of its rows.
    Rows(Vec<String>),
    /// It is longer than was asked for, and this is how long.
    TooLong(usize),
}

struct Page {
    count: usize,
    rows: Vec<String>,
}

impl<S: UpstreamClient, K: KvStore> Derivation<'_, S, K> {
    /// The rows of a list, as they are kept if these are fresh.
    pub async fn list(&self, resource: &str, query: &str) -> Result<Vec<String>, Stop> {
        let key = format!("{resource}?{query}");
        let kept = self.shelf.get(KIND, &key).and_then(|text| {
            let (fetched, rows) = text.split_once('\n')?;
            Some((fetched.parse::<i64>().ok()?, rows.lines().map(str::to_owned).collect::<Vec<_>>()))
        });
        if let Some((fetched, rows)) = &kept
            && !self.must_ask
            && self.now < fetched.saturating_add(FRESH)
        {
            self.note(*fetched, fetched.saturating_add(FRESH));
            return Ok(rows.clone());
        }
        match (self.read_list(resource, query, usize::MAX).await, kept) {
            (Ok(Listed::Rows(rows)), _) => {
                // Between the members of a row a line's end is white space, and inside of texts there is none.
                let rows: Vec<String> = rows.into_iter().map(|row| row.replace(['\n', '\r'], " ")).collect();
                self.shelf.put(KIND, &key, &format!("{}\n{}", self.now, rows.join("\n")));
                self.note(self.now, self.now.saturating_add(FRESH));
                Ok(rows)
            }
            (Ok(Listed::TooLong(_)), _) => Err(UpstreamError::TooLarge.into()),
            (Err(stop), Some((fetched, rows))) if self.excuses(&stop) => {
                self.note(fetched, fetched.saturating_add(FRESH));
                Ok(rows)
            }
            (Err(stop), _) => Err(stop),
        }
    }

    /// Reads all pages of a list of at most so many rows. Every page tells how many there are: if that changes, rows
    /// have moved from page to page, and it is read again.
    pub async fn read_list(&self, resource: &str, query: &str, most: usize) -> Result<Listed, Stop> {
        for _ in 0..ATTEMPTS {
            let Page { count, mut rows } = self.page(resource, query, 0).await?;
            if count > most {
                return Ok(Listed::TooLong(count));
            }
            let mut is_whole = true;
            let step = if rows.is_empty() { usize::MAX } else { rows.len() };
            let offsets: Vec<usize> = (0..count).step_by(step).skip(1).collect();
            for offsets in offsets.chunks(AT_ONCE) {
                for page in all(offsets.iter().map(|&offset| self.page(resource, query, offset))).await {
                    let page = page?;
                    is_whole &= page.count == count;
                    rows.extend(page.rows);
                }
            }
            if is_whole && rows.len() == count {
                return Ok(Listed::Rows(rows));
            }
        }
        Err(UpstreamError::InvalidResponse.into())
    }

    async fn page(&self, resource: &str, query: &str, offset: usize) -> Result<Page, Stop> {
        let path = format!("/v3/customer/core/{resource}/");
        let fetched = self.source.get(&path, &format!("{query}&limit={MAX_LIMIT}&offset={offset}")).await?;
        if fetched.status != 200 {
            return Err(Stop::Refused(fetched));
        }
        match envelope(&fetched.body) {
            Some((count, rows, _)) if rows.iter().all(|row| row.starts_with('{')) => {
                Ok(Page { count, rows: rows.into_iter().map(str::to_owned).collect() })
            }
            _ => Err(UpstreamError::InvalidResponse.into()),
        }
    }
}

/// The members of a row: names between their quotes, and values. What is no object has none.
pub(crate) fn members(row: &str) -> impl Iterator<Item = (&str, Value<'_>)> {
    let mut reader = Reader::new(row);
    let is_object = reader.begin(b'{');
    std::iter::from_fn(move || reader.member().ok().flatten().filter(|_| is_object))
        .map(|(name, value)| (name, Value::of(value)))
}

/// A whole number.
pub(super) fn integer<T: std::str::FromStr>(value: Value<'_>) -> Option<T> {
    if let Value::Number(text) = value { text.parse().ok() } else { None }
}
