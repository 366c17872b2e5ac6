//! What was done on each day, out of commits; days are kept.

use super::lists::{Listed, integer, members};
use super::scope::Filter;
use super::{Derivation, Stop, is_remembered, remember};
use crate::http::authorize::short_hash;
use crate::proxy::weeks::freshness_after;
use crate::proxy::{KvStore, UpstreamClient, UpstreamError};
use std::iter;
use streamgage::calendar::Day;
use streamgage::json::Value;
use streamgage::metrics::Records;
use streamgage::number::Number;

/// How many rows are read at once: what is more is taken in shorter windows, so that what was found is kept before the
/// budget ends.
const MAX_ROWS: usize = 6_000;
/// How many days beyond today are kept apart. BackgroundTask ones, of which there should be none, are asked for each time.
const DAYS_AHEAD: i32 = 7;
/// 9999-12-30: the day after it is the last that can be written.
const LAST_DAY: Day = Day::from_number(2_932_895);

/// What days are kept under in the shelf: by filter and day.
const KIND: &str = "day";
const AGGREGATE_REFUSED: &str = "commits.agg";

/// What of commits is summed up as it is counted (§1). Whose authors are hidden, and what repositories are blocked, is
/// looked at when a question is answered.
const FLAGS: &str = "smart_dedupe=true&exclude_merge=true&exclude_outliers=true&exclude_pr_orphans=true";
const AGGREGATE: &str = "aggregate%5Bcount%5D=id&aggregate%5Bsum%5D=haloc%2Cchurn%2Cimpact\
    &group_by%5Bapex_user_id%2Cauthor_local_date__date%2Crepo_id%5D";
const FIELDS: &str = "fields=id%2Capex_user_id%2Crepo_id%2Cauthor_local_date%2Cis_merge%2Cis_pr_orphan\
    %2Coutlier_reason%2Cignore_hash%2Chaloc%2Cchurn%2Cimpact&ordering=id";

/// What somebody did on a day in a repository.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Contribution {
    pub user: i64,
    pub day: Day,
    pub repo: i64,
    pub commits: u64,
    pub haloc: i128,
    pub churn: i128,
    /// In ten-thousandths.
    pub impact: i128,
}

/// A day that is kept.
struct Kept {
    fetched: i64,
    fresh_until: i64,
    contributions: Vec<Contribution>,
}

/// Days from one to another, both included.
type Window = (Day, Day);

enum Found {
    Contributions(Vec<Contribution>),
    /// There are more rows than fit: that many times as many.
    TooMany(usize),
}

impl<S: UpstreamClient, K: KvStore> Derivation<'_, S, K> {
    /// What was done from one day to another.
    pub async fn contributions(&self, filter: &Filter, first: Day, last: Day) -> Result<Vec<Contribution>, Stop> {
        let scope = scope_of(filter);
        let last = last.min(LAST_DAY);
        let horizon = last.min(after(self.today, DAYS_AHEAD));
        let mut days = self.kept_days(&scope, first, horizon);
        let mut later = Vec::new();

        let is_missing = |day: Day| days.get(day).is_none();
        let is_due = |day: Day| days.get(day).is_some_and(|kept| kept.fresh_until <= self.now);
        let mut windows = self::windows(first, horizon, is_due);
        windows.extend(self::windows(first, horizon, is_missing));
        if horizon < last {
            windows.push((first.max(after(horizon, 1)), last));
        }
        // What is missing comes first: what is only no longer fresh can wait.
        while let Some((from, to)) = windows.pop() {
            match self.window(filter, from, to).await {
                Ok(Found::TooMany(times)) => windows.extend(split((from, to), times)),
                Ok(Found::Contributions(found)) if to > horizon => later.extend(found),
                Ok(Found::Contributions(found)) => self.keep_days(&scope, (from, to), found, &mut days),
                Err(stop) => {
                    let is_kept = days_of(from, to).all(|day| days.get(day).is_some()) && to <= horizon;
                    let is_over = matches!(stop, Stop::UpstreamError(UpstreamError::BudgetExhausted));
                    if !is_kept || !(is_over || self.excuses(&stop)) {
                        return Err(stop);
                    }
                }
            }
        }
        for kept in days.kept.into_iter().flatten() {
            self.note(kept.fetched, kept.fresh_until);
            later.extend(kept.contributions);
        }
        Ok(later)
    }

    /// What was done in a window, from the aggregate if there is one.
    async fn window(&self, filter: &Filter, from: Day, to: Day) -> Result<Found, Stop> {
        let range = format!("author_local_date__gte={from}&author_local_date__lt={}", after(to, 1));
        let common = format!("{range}&{FLAGS}{}", filter.query());
        let most = if from == to { usize::MAX } else { MAX_ROWS };
        if !is_remembered(self.shelf, AGGREGATE_REFUSED, self.now) {
            match self.read_list("commits.agg", &format!("{common}&{AGGREGATE}"), most).await {
                Ok(Listed::TooLong(count)) => return Ok(Found::TooMany(count.div_ceil(MAX_ROWS))),
                Ok(Listed::Rows(rows)) => {
                    if let Some(found) = read_aggregate(&rows, filter, (from, to)) {
                        return Ok(Found::Contributions(found));
                    }
                }
                Err(Stop::Refused(fetched)) if fetched.status != 401 => {}
                Err(stop) => return Err(stop),
            }
            remember(self.shelf, AGGREGATE_REFUSED, self.now);
        }
        match self.read_list("commits", &format!("{common}&{FIELDS}"), most).await? {
            Listed::TooLong(count) => Ok(Found::TooMany(count.div_ceil(MAX_ROWS))),
            Listed::Rows(rows) => match read_commits(&rows, filter, (from, to)) {
                Some(found) => Ok(Found::Contributions(found)),
                None => Err(UpstreamError::InvalidResponse.into()),
            },
        }
    }

    fn kept_days(&self, scope: &str, first: Day, last: Day) -> Days {
        let mut days = Days { first, kept: days_of(first, last).map(|_| None).collect() };
        for (key, text) in self.shelf.range(KIND, &format!("{scope}/{first}"), &format!("{scope}/{last}~")) {
            let day = key.rsplit_once('/').and_then(|(_, day)| Day::parse(day));
            if let Some((day, kept)) = day.and_then(|day| Some((day, Kept::parse(day, &text)?))) {
                days.put(day, kept);
            }
        }
        days
    }

    fn keep_days(&self, scope: &str, (from, to): Window, mut found: Vec<Contribution>, days: &mut Days) {
        found.sort_by_key(|contribution| contribution.day);
        let mut found = found.into_iter().peekable();
        for day in days_of(from, to) {
            let fresh_until = self.now.saturating_add(freshness_after(day, self.today));
            let contributions = iter::from_fn(|| found.next_if(|contribution| contribution.day == day)).collect();
            let kept = Kept { fetched: self.now, fresh_until, contributions };
            self.shelf.put(KIND, &format!("{scope}/{day}"), &kept.to_text());
            days.put(day, kept);
        }
    }
}

/// Days without a gap, and of each what is kept.
struct Days {
    first: Day,
    kept: Vec<Option<Kept>>,
}

impl Days {
    fn get(&self, day: Day) -> Option<&Kept> {
        self.kept.get(self.place(day)?)?.as_ref()
    }

    fn put(&mut self, day: Day, kept: Kept) {
        if let Some(place) = self.place(day).and_then(|place| self.kept.get_mut(place)) {
            *place = Some(kept);
        }
    }

    fn place(&self, day: Day) -> Option<usize> {
        usize::try_from(day.number().checked_sub(self.first.number())?).ok()
    }
}

/// Reads the rows of the aggregate; `None`, if they are not what was asked for.
fn read_aggregate(rows: &[String], filter: &Filter, (from, to): Window) -> Option<Vec<Contribution>> {
    let read = |row: &String| {
        let (mut user, mut day, mut repo, mut commits) = (None, None, None, None);
        let (mut haloc, mut churn, mut impact) = (None, None, None);
        for (name, value) in members(row) {
            match name {
                "apex_user_id" => user = integer(value),
                "repo_id" => repo = integer(value),
                "id_count" => commits = integer(value),
                "author_local_date_date" => day = if let Value::Text(day) = value { Day::parse(day) } else { None },
                "haloc_sum" => haloc = sum(value, 0),
                "churn_sum" => churn = sum(value, 0),
                "impact_sum" => impact = sum(value, 4),
                _ => {}
            }
        }
        let contribution = Contribution {
            user: user?,
            day: day?,
            repo: repo?,
            commits: commits?,
            haloc: haloc?,
            churn: churn?,
            impact: impact?,
        };
        let is_asked = from <= contribution.day && contribution.day <= to && filter.holds(&contribution);
        is_asked.then_some(contribution)
    };
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push(read(row)?);
    }
    sort(&mut found);
    let is_twice = found.iter().zip(found.iter().skip(1)).any(|(one, other)| one.key() == other.key());
    (!is_twice).then_some(found)
}

/// A sum in units of that many decimal places; of nothing it is null.
fn sum(value: Value<'_>, places: i64) -> Option<i128> {
    match value {
        Value::Null => Some(0),
        // What doubles add to the decimals lies beyond the fourth.
        Value::Number(text) => Number::parse(text)?.shifted(places).round().value().map(i128::from),
        _ => None,
    }
}

/// Sums up commits; `None`, if they are not what was asked for.
fn read_commits(rows: &[String], filter: &Filter, (from, to): Window) -> Option<Vec<Contribution>> {
    let mut records: Records<streamgage::metrics::Commit> = Records::default();
    rows.iter().try_for_each(|row| records.read_text(row).ok())?;
    let commits = records.sorted();
    // Of what shares a hash the upstream gives one, of all commits there are.
    let mut hashes: Vec<_> = commits.iter().filter_map(|(_, commit)| commit.ignore_hash.as_ref()).collect();
    hashes.sort();
    // As many ids as rows: none came twice.
    if hashes.iter().zip(hashes.iter().skip(1)).any(|(one, other)| one == other) || commits.len() != rows.len() {
        return None;
    }
    let mut found = Vec::with_capacity(commits.len());
    for &(_, commit) in &commits {
        let contribution = Contribution {
            user: commit.apex_user_id,
            day: commit.day,
            repo: commit.repo_id,
            commits: 1,
            haloc: commit.haloc.into(),
            churn: commit.churn.into(),
            impact: commit.impact.into(),
        };
        if commit.day < from || commit.day > to || !filter.holds(&contribution) {
            return None;
        }
        if !(commit.is_merge || commit.is_pr_orphan || commit.is_outlier) {
            found.push(contribution);
        }
    }
    sort(&mut found);
    found.dedup_by(|next, sum| {
        let is_same = next.key() == sum.key();
        if is_same {
            sum.add(next);
        }
        is_same
    });
    Some(found)
}

/// By user, day and repository.
pub(super) fn sort(contributions: &mut Vec<Contribution>) {
    contributions.sort_by_key(|contribution| contribution.repo);
    contributions.sort_by_key(|contribution| contribution.day);
    contributions.sort_by_key(|contribution| contribution.user);
}

impl Contribution {
    fn key(&self) -> (i64, Day, i64) {
        (self.user, self.day, self.repo)
    }

    fn add(&mut self, other: &Contribution) {
        self.commits = self.commits.saturating_add(other.commits);
        self.haloc = self.haloc.saturating_add(other.haloc);
        self.churn = self.churn.saturating_add(other.churn);
        self.impact = self.impact.saturating_add(other.impact);
    }
}

impl Kept {
    fn to_text(&self) -> String {
        let mut text = format!("{} {}", self.fetched, self.fresh_until);
        for Contribution { user, repo, commits, haloc, churn, impact, .. } in &self.contributions {
            text += &format!(" {user},{repo},{commits},{haloc},{churn},{impact}");
        }
        text
    }

    fn parse(day: Day, text: &str) -> Option<Kept> {
        let mut parts = text.split(' ');
        let (fetched, fresh_until) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let read = |part: &str| {
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
        Some(Kept { fetched, fresh_until, contributions: parts.map(read).collect::<Option<_>>()? })
    }
}

/// The filter, in short.
fn scope_of(filter: &Filter) -> String {
    short_hash(filter.query())
}

fn after(day: Day, days: i32) -> Day {
    Day::from_number(day.number().saturating_add(days))
}

fn days_of(from: Day, to: Day) -> impl Iterator<Item = Day> {
    (from.number()..=to.number()).map(Day::from_number)
}

/// The longest windows of days that are all like that.
fn windows(first: Day, last: Day, is_like_that: impl Fn(Day) -> bool) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    for day in days_of(first, last).filter(|day| is_like_that(*day)) {
        match windows.last_mut().filter(|(_, to)| after(*to, 1) == day) {
            Some((_, to)) => *to = day,
            None => windows.push((day, day)),
        }
    }
    windows
}

/// A window in so many parts, or in days.
fn split((from, to): Window, parts: usize) -> Vec<Window> {
    let days = to.number().saturating_sub(from.number()).saturating_add(1);
    let parts = i32::try_from(parts).unwrap_or(days).clamp(2, days.max(2));
    let length = days.div_euclid(parts).max(1);
    let starts = (from.number()..=to.number()).step_by(usize::try_from(length).unwrap_or(1));
    starts.map(|start| (Day::from_number(start), after(Day::from_number(start), length - 1).min(to))).collect()
}
