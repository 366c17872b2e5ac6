//! Weekly metrics, assembled from stored weeks (§1).
//!
//! With `resolution=week` a row depends on the days of its own week alone. Rows are stored by week and by all other
//! parameters, as the upstream wrote them. Only missing and stale weeks are requested. If the data of the upstream does not
//! change, the assembled response equals the response to the whole request.

use super::cache::{Deadlines, response_policy};
use super::default_freshness::{sunday, week_freshness};
use super::error::UpstreamError;
use super::kv_store::KvStore;
use super::metrics_result::{AssembledMetrics, MetricsResult};
use super::page::{Page, parse_object};
use super::upstream_client::{JsonResponse, UpstreamClient};
use crate::http::authorize::short_hash;
use futures_util::future::join_all;
use serde::Deserialize;
use std::borrow::Cow;
use std::ops::Range;
use streamgage::calendar::{Day, Week};
use streamgage::query::{METRICS_PARAMETERS, METRICS_PATH, MetricsRequest, Parameters, Resolution, encode_query};

/// The kind of rows in the key-value store. Keys consist of the filters, the first and the last day.
const ROW_KIND: &str = "row";

/// Longer requests are not split: three years until today, and one year in the future.
const MAX_WEEKS: i32 = 4 * 53;

const DAY: i64 = 86_400_000;

/// A request for weekly metrics, split into weeks.
#[derive(Clone, Debug, PartialEq)]
pub struct WeeklyMetrics {
    /// The weeks of the requested range, limited to its days. There is at least one.
    weeks: Vec<DaySpan>,
    /// All parameters except for the range, encoded.
    filters: String,
    today: Day,
}

/// The requested days of one week.
#[derive(Clone, Copy, Debug, PartialEq)]
struct DaySpan {
    first: Day,
    last: Day,
}

/// A stored row. The text is empty if the week has no row.
#[derive(Clone, Debug, PartialEq)]
struct StoredRow {
    deadlines: Deadlines,
    row: String,
}

impl WeeklyMetrics {
    /// Splits a request. Returns `None` if the request is not by week, invalid, too long, or has unknown parameters.
    pub fn plan(query: &str, today: Day) -> Option<WeeklyMetrics> {
        let request = MetricsRequest::parse(query, today).ok()?;
        let parameters = Parameters::parse(query);
        let (first, last) = (request.start.week().number(), request.end.week().number());
        let can_be_split = request.resolution == Resolution::Week
            && last.saturating_sub(first) < MAX_WEEKS
            && parameters.iter().all(|(name, _)| METRICS_PARAMETERS.iter().any(|known| known.name == name));
        let weeks = (first..=last)
            .map(Week::from_number)
            .map(|week| DaySpan { first: week.monday().max(request.start), last: sunday(week).min(request.end) });
        let filters = parameters.iter().filter(|(name, _)| !matches!(*name, "start_date" | "end_date"));
        can_be_split.then(|| WeeklyMetrics { weeks: weeks.collect(), filters: encode_query(filters), today })
    }

    /// Assembles the response. With `must_ask` at least one request is sent, which authorizes the key.
    ///
    /// # Errors
    /// Returns an error if a request fails and no stored row may replace its result.
    pub async fn fetch(
        &self,
        client: &impl UpstreamClient,
        store: &impl KvStore,
        must_ask: bool,
    ) -> Result<MetricsResult, UpstreamError> {
        let now = client.now();
        let stored = self.stored_rows(store);
        let mut rows: Vec<Option<StoredRow>> = self.weeks.iter().map(|week| find(&stored, *week).cloned()).collect();
        let is_due = |row: &Option<StoredRow>| row.as_ref().is_none_or(|row| row.deadlines.fresh_until <= now);
        let mut due: Vec<usize> = (0..).zip(&rows).filter(|(_, row)| is_due(row)).map(|(index, _)| index).collect();
        if due.is_empty() && must_ask {
            due.extend(self.weeks.len().checked_sub(1));
        }
        let ranges = contiguous_ranges(&due);
        let responses = join_all(ranges.iter().map(|range| self.request(client, range))).await;
        let mut error = None;
        for (range, response) in ranges.iter().zip(responses) {
            let may_serve = |row: &&StoredRow| row.deadlines.may_serve_on_error(now);
            let stale_row =
                |week| find(&stored, week).filter(may_serve).or_else(|| find_open(&stored, week).filter(may_serve));
            let mut weeks = self.weeks.iter().skip(range.start).take(range.len());
            let response = match response {
                // A response that is no list does not replace stored rows.
                Ok(response)
                    if response.status < 300
                        && (response.status != 200 || Page::parse(&response.body).is_none())
                        && weeks.all(|week| stale_row(*week).is_some()) =>
                {
                    Err(UpstreamError::InvalidResponse)
                }
                response => response,
            };
            let response = match response {
                Ok(response) => response,
                Err(failure) if failure.allows_stale() => {
                    error = Some(failure);
                    for (week, row) in self.weeks.iter().zip(&mut rows).skip(range.start).take(range.len()) {
                        *row = stale_row(*week).cloned();
                    }
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            let Some(fetched_rows) = self.parse_rows(&response, range) else {
                if response.status == 403 {
                    self.delete_rows(store);
                }
                return self.pass_through(client, range, response).await;
            };
            let directives = response_policy(&response.headers, response.times);
            for ((week, slot), row) in self.weeks.iter().zip(&mut rows).skip(range.start).zip(fetched_rows) {
                let freshness = week_freshness(week.first.week(), self.today);
                let deadlines =
                    directives.map_or(Deadlines::expiring_at(now), |directives| directives.deadlines(freshness));
                let row = StoredRow { deadlines, row };
                if directives.is_some() {
                    store.put(ROW_KIND, &self.row_key(*week), &row.to_text());
                }
                *slot = Some(row);
            }
        }
        match error {
            Some(error) if rows.iter().any(Option::is_none) => Err(error),
            _ => Ok(MetricsResult::Assembled(assemble(rows.into_iter().flatten(), error))),
        }
    }

    /// Requests consecutive weeks.
    async fn request(&self, client: &impl UpstreamClient, range: &Range<usize>) -> Result<JsonResponse, UpstreamError> {
        let mut weeks = self.weeks.iter().skip(range.start).take(range.len());
        let Some(DaySpan { first, mut last }) = weeks.next().copied() else {
            return Err(UpstreamError::InvalidResponse);
        };
        last = weeks.next_back().map_or(last, |week| week.last);
        client.get(METRICS_PATH, &format!("start_date={first}&end_date={last}&{}", self.filters)).await
    }

    /// Returns the row of each week, empty for weeks without one. Returns `None` if the response is not a list of these weeks.
    fn parse_rows(&self, response: &JsonResponse, range: &Range<usize>) -> Option<Vec<String>> {
        let page = Page::parse_strict(&response.body).filter(|_| response.status == 200)?;
        let mut remaining = page.rows.iter().peekable();
        let rows = self.weeks.iter().skip(range.start).take(range.len()).map(|week| {
            let row = remaining.next_if(|row| period_start(row) == Some(week.first.week().monday()));
            row.map_or_else(String::new, |row| (*row).to_owned())
        });
        let rows: Vec<String> = rows.collect();
        (remaining.next().is_none() && page.count == page.rows.len()).then_some(rows)
    }

    /// Returns the upstream's response to the whole request, after a response to a part that cannot be used.
    async fn pass_through(
        &self,
        client: &impl UpstreamClient,
        range: &Range<usize>,
        response: JsonResponse,
    ) -> Result<MetricsResult, UpstreamError> {
        let whole = 0..self.weeks.len();
        let response = if *range == whole { response } else { self.request(client, &whole).await? };
        Ok(MetricsResult::Passthrough(response))
    }

    /// Returns stored rows of weeks that start in the requested range.
    fn stored_rows(&self, store: &impl KvStore) -> Vec<(DaySpan, StoredRow)> {
        let (Some(first), Some(last)) = (self.weeks.first(), self.weeks.last()) else { return Vec::new() };
        let prefix = self.key_prefix();
        let stored = store.range(ROW_KIND, &format!("{prefix}/{}", first.first), &format!("{prefix}/{}~", last.first));
        let parse = |(key, text): (String, String)| {
            let (start, last) = key.rsplit_once('/')?;
            let (_, first) = start.rsplit_once('/')?;
            Some((DaySpan { first: Day::parse(first)?, last: Day::parse(last)? }, StoredRow::parse(&text)?))
        };
        stored.into_iter().filter_map(parse).collect()
    }

    /// Deletes the stored rows of the requested range, which the upstream refuses.
    fn delete_rows(&self, store: &impl KvStore) {
        for (week, _) in self.stored_rows(store) {
            store.delete(ROW_KIND, &self.row_key(week));
        }
    }

    fn key_prefix(&self) -> String {
        short_hash(&self.filters)
    }

    fn row_key(&self, DaySpan { first, last }: DaySpan) -> String {
        format!("{}/{first}/{last}", self.key_prefix())
    }
}

/// The stored form is four deadlines and the row, separated by spaces.
impl StoredRow {
    fn to_text(&self) -> String {
        let Deadlines { generated_at, fresh_until, revalidate_until, error_until } = self.deadlines;
        format!("{generated_at} {fresh_until} {revalidate_until} {error_until} {}", self.row)
    }

    fn parse(text: &str) -> Option<StoredRow> {
        let mut parts = text.splitn(5, ' ');
        let mut time = || parts.next()?.parse().ok();
        let deadlines =
            Deadlines { generated_at: time()?, fresh_until: time()?, revalidate_until: time()?, error_until: time()? };
        Some(StoredRow { deadlines, row: parts.next()?.to_owned() })
    }
}

/// Returns the Monday of a row.
fn period_start(row: &str) -> Option<Day> {
    #[derive(Deserialize)]
    struct Row<'a> {
        #[serde(borrow)]
        period_start_date: Cow<'a, str>,
    }
    Day::parse(&parse_object::<Row<'_>>(row)?.period_start_date)
}

fn find(stored: &[(DaySpan, StoredRow)], week: DaySpan) -> Option<&StoredRow> {
    stored.iter().find(|(days, _)| *days == week).map(|(_, row)| row)
}

/// Returns the row of fewer days that was stored while its last day was the current one: its later days were still to come.
fn find_open(stored: &[(DaySpan, StoredRow)], week: DaySpan) -> Option<&StoredRow> {
    let was_open =
        |days: &DaySpan, row: &StoredRow| row.deadlines.generated_at.div_euclid(DAY) <= i64::from(days.last.number());
    let shorter =
        stored.iter().filter(|(days, row)| days.first == week.first && days.last < week.last && was_open(days, row));
    shorter.max_by_key(|(days, _)| days.last).map(|(_, row)| row)
}

fn contiguous_ranges(indices: &[usize]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for &index in indices {
        match ranges.last_mut().filter(|range| range.end == index) {
            Some(range) => range.end = index + 1,
            None => ranges.push(index..index + 1),
        }
    }
    ranges
}

fn assemble(parts: impl Iterator<Item = StoredRow>, error: Option<UpstreamError>) -> AssembledMetrics {
    let (mut deadlines, mut rows) = (Deadlines::expiring_at(i64::MAX), Vec::new());
    for part in parts {
        deadlines = deadlines.and(part.deadlines);
        rows.extend(Some(part.row).filter(|row| !row.is_empty()));
    }
    let body = format!(r#"{{"count":{},"results":[{}]}}"#, rows.len(), rows.join(","));
    AssembledMetrics { body, deadlines, error }
}
