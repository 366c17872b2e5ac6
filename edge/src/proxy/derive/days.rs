//! Contributions by day. Days are stored.

use super::commits::{DayRange, parse_aggregate, parse_commits};
use super::contribution::Contribution;
use super::derivation::{Derivation, DerivationError, is_missing, remember_missing_for_an_hour};
use super::lists::ListResult;
use super::selection::CommitFilter;
use crate::http::authorize::short_hash;
use crate::proxy::default_freshness::freshness_after;
use crate::proxy::error::UpstreamError;
use crate::proxy::kv_store::KvStore;
use crate::proxy::upstream_client::UpstreamClient;
use std::iter;
use streamgage::calendar::Day;

/// The number of rows that are read at once: those of six overlapping pages. Longer ranges are split, so that partial results are stored before the
/// subrequest budget is exhausted.
const MAX_ROWS: usize = 5_995;
/// The number of days after today that are stored. Later days are unlikely to have commits and are requested every time.
const STORED_DAYS_AHEAD: i32 = 7;
/// 9999-12-30, the last day whose successor can be written.
const LAST_DAY: Day = Day::from_number(2_932_895);

/// The kind of days in the key-value store. Keys consist of the filter and the day.
const DAY_KIND: &str = "day";
const AGGREGATE_ENDPOINT: &str = "commits.agg";

/// Flags that exclude commits as metrics do (§1). Hidden users and blocked repositories are excluded later, because they may
/// change.
const FLAGS: &str = "smart_dedupe=true&exclude_merge=true&exclude_outliers=true&exclude_pr_orphans=true";
const AGGREGATE: &str = "aggregate%5Bcount%5D=id&aggregate%5Bsum%5D=haloc%2Cchurn%2Cimpact\
    &group_by%5Bapex_user_id%2Cauthor_local_date__date%2Crepo_id%5D";
const FIELDS: &str = "fields=id%2Capex_user_id%2Crepo_id%2Cauthor_local_date%2Cis_merge%2Cis_pr_orphan\
    %2Coutlier_reason%2Cignore_hash%2Chaloc%2Cchurn%2Cimpact&ordering=id";

struct StoredDay {
    fetched_at: i64,
    fresh_until: i64,
    contributions: Vec<Contribution>,
}

enum RangeResult {
    Contributions(Vec<Contribution>),
    /// The range has this many times as many rows as allowed.
    TooManyRows(usize),
}

impl<C: UpstreamClient, S: KvStore> Derivation<'_, C, S> {
    /// Returns the contributions of a range of days.
    pub async fn contributions(
        &self,
        filter: &CommitFilter,
        first: Day,
        last: Day,
    ) -> Result<Vec<Contribution>, DerivationError> {
        let filter_key = short_hash(filter.query());
        let last = last.min(LAST_DAY);
        let last_stored = last.min(add_days(self.today, STORED_DAYS_AHEAD));
        let mut days = self.stored_days(&filter_key, first, last_stored);
        let mut contributions = Vec::new();

        let is_missing = |day: Day| days.get(day).is_none();
        let is_stale = |day: Day| days.get(day).is_some_and(|stored| stored.fresh_until <= self.now);
        // Ranges are taken from the end: missing days first, because stale days can be used if the budget is exhausted.
        let mut ranges = matching_ranges(first, last_stored, is_stale);
        ranges.extend(matching_ranges(first, last_stored, is_missing));
        if last_stored < last {
            ranges.push((first.max(add_days(last_stored, 1)), last));
        }
        while let Some(range) = ranges.pop() {
            let is_stored = range.1 <= last_stored;
            match self.fetch_range(filter, range).await {
                Ok(RangeResult::TooManyRows(times)) => ranges.extend(split(range, times)),
                Ok(RangeResult::Contributions(found)) if is_stored => {
                    self.store_days(&filter_key, range, found, &mut days);
                }
                Ok(RangeResult::Contributions(found)) => contributions.extend(found),
                Err(error) => {
                    let can_be_replaced = is_stored && days_of(range).all(|day| days.get(day).is_some());
                    let is_over_budget = matches!(error, DerivationError::Upstream(UpstreamError::BudgetExhausted));
                    if !can_be_replaced || !(is_over_budget || self.may_use_stale(&error)) {
                        return Err(error);
                    }
                }
            }
        }
        for day in days.stored.into_iter().flatten() {
            self.record_age(day.fetched_at, day.fresh_until);
            contributions.extend(day.contributions);
        }
        Ok(contributions)
    }

    /// Fetches a range from the aggregate if the upstream has one, or from the commits.
    async fn fetch_range(&self, filter: &CommitFilter, range: DayRange) -> Result<RangeResult, DerivationError> {
        let (first, last) = range;
        let dates = format!("author_local_date__gte={first}&author_local_date__lt={}", add_days(last, 1));
        let common = format!("{dates}&{FLAGS}{}", filter.query());
        // A single day cannot be split.
        let max_rows = if first == last { usize::MAX } else { MAX_ROWS };
        if !is_missing(self.store, AGGREGATE_ENDPOINT, self.now) {
            match self.read_list("commits.agg", &format!("{common}&{AGGREGATE}"), max_rows).await {
                Ok(ListResult::TooLong(count)) => return Ok(RangeResult::TooManyRows(count.div_ceil(MAX_ROWS))),
                Ok(ListResult::Rows(rows)) => {
                    if let Some(contributions) = parse_aggregate(&rows, filter, range) {
                        return Ok(RangeResult::Contributions(contributions));
                    }
                }
                Err(DerivationError::Refused(response)) if response.status != 401 => {}
                Err(error) => return Err(error),
            }
            remember_missing_for_an_hour(self.store, AGGREGATE_ENDPOINT, self.now);
        }
        match self.read_list("commits", &format!("{common}&{FIELDS}"), max_rows).await? {
            ListResult::TooLong(count) => Ok(RangeResult::TooManyRows(count.div_ceil(MAX_ROWS))),
            ListResult::Rows(rows) => match parse_commits(&rows, filter, range) {
                Some(contributions) => Ok(RangeResult::Contributions(contributions)),
                None => Err(UpstreamError::InvalidResponse.into()),
            },
        }
    }

    fn stored_days(&self, filter_key: &str, first: Day, last: Day) -> Days {
        let mut days = Days { first, stored: days_of((first, last)).map(|_| None).collect() };
        let (start, end) = (format!("{filter_key}/{first}"), format!("{filter_key}/{last}~"));
        for (key, text) in self.store.range(DAY_KIND, &start, &end) {
            let day = key.rsplit_once('/').and_then(|(_, day)| Day::parse(day));
            if let Some((day, stored)) = day.and_then(|day| Some((day, StoredDay::parse(day, &text)?))) {
                days.set(day, stored);
            }
        }
        days
    }

    fn store_days(&self, filter_key: &str, range: DayRange, mut found: Vec<Contribution>, days: &mut Days) {
        found.sort_by_key(|contribution| contribution.day);
        let mut found = found.into_iter().peekable();
        for day in days_of(range) {
            let fresh_until = self.now.saturating_add(freshness_after(day, self.today));
            let contributions = iter::from_fn(|| found.next_if(|contribution| contribution.day == day)).collect();
            let stored = StoredDay { fetched_at: self.now, fresh_until, contributions };
            self.store.put(DAY_KIND, &format!("{filter_key}/{day}"), &stored.to_text());
            days.set(day, stored);
        }
    }
}

/// Consecutive days.
struct Days {
    first: Day,
    stored: Vec<Option<StoredDay>>,
}

impl Days {
    fn get(&self, day: Day) -> Option<&StoredDay> {
        self.stored.get(self.index(day)?)?.as_ref()
    }

    fn set(&mut self, day: Day, stored: StoredDay) {
        if let Some(slot) = self.index(day).and_then(|index| self.stored.get_mut(index)) {
            *slot = Some(stored);
        }
    }

    fn index(&self, day: Day) -> Option<usize> {
        usize::try_from(day.number().checked_sub(self.first.number())?).ok()
    }
}

/// The stored form is two times and the numbers of each contribution: `fetched_at fresh_until user,repo,…`.
impl StoredDay {
    fn to_text(&self) -> String {
        let mut text = format!("{} {}", self.fetched_at, self.fresh_until);
        for Contribution { user, repo, commits, haloc, churn, impact, .. } in &self.contributions {
            text += &format!(" {user},{repo},{commits},{haloc},{churn},{impact}");
        }
        text
    }

    fn parse(day: Day, text: &str) -> Option<StoredDay> {
        let mut parts = text.split(' ');
        let (fetched_at, fresh_until) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let parse = |part: &str| {
            let mut numbers = part.split(',').map(|number| number.parse::<i128>().ok());
            let mut next = || numbers.next().flatten();
            Some(Contribution {
                user: next()?.try_into().ok()?,
                day,
                repo: next()?.try_into().ok()?,
                commits: next()?.try_into().ok()?,
                haloc: next()?,
                churn: next()?,
                impact: next()?,
            })
        };
        Some(StoredDay { fetched_at, fresh_until, contributions: parts.map(parse).collect::<Option<_>>()? })
    }
}

fn add_days(day: Day, days: i32) -> Day {
    Day::from_number(day.number().saturating_add(days))
}

fn days_of((first, last): DayRange) -> impl Iterator<Item = Day> {
    (first.number()..=last.number()).map(Day::from_number)
}

/// Returns the longest ranges of days that all match.
fn matching_ranges(first: Day, last: Day, matches: impl Fn(Day) -> bool) -> Vec<DayRange> {
    let mut ranges: Vec<DayRange> = Vec::new();
    for day in days_of((first, last)).filter(|day| matches(*day)) {
        match ranges.last_mut().filter(|(_, last)| add_days(*last, 1) == day) {
            Some((_, last)) => *last = day,
            None => ranges.push((day, day)),
        }
    }
    ranges
}

/// The number of parts of a range. The upstream states the number of rows, which may be false.
const MAX_PARTS: i32 = 64;

/// Splits a range into about `parts` parts of at least one day.
fn split((first, last): DayRange, parts: usize) -> Vec<DayRange> {
    let days = last.number().saturating_sub(first.number()).saturating_add(1);
    let parts = i32::try_from(parts).unwrap_or(MAX_PARTS).clamp(2, MAX_PARTS).min(days.max(2));
    let length = days.div_euclid(parts).max(1);
    let starts = (first.number()..=last.number()).step_by(usize::try_from(length).unwrap_or(1));
    starts.map(|start| (Day::from_number(start), add_days(Day::from_number(start), length - 1).min(last))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_stored_by_earlier_versions_are_read() {
        let day = Day::parse("2026-08-05").unwrap();
        let text = "1795348800000 1795348860000 1,7,2,40,-3,185000 2,8,1,0,0,0";
        let stored = StoredDay::parse(day, text).unwrap();
        assert_eq!((stored.fetched_at, stored.fresh_until), (1_795_348_800_000, 1_795_348_860_000));
        let first = Contribution { user: 1, day, repo: 7, commits: 2, haloc: 40, churn: -3, impact: 185_000 };
        assert_eq!(stored.contributions.first(), Some(&first));
        assert_eq!(stored.contributions.len(), 2);
        assert_eq!(stored.to_text(), text);
    }
}
