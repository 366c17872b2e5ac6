//! Metrics by week, out of weeks that are kept (§1).
//!
//! With `resolution=week` a row depends on the days of its own week alone. So rows are kept by week and by every other
//! parameter, as the upstream's own text, and of a question only those weeks are asked for that are missing or no
//! longer fresh. Over an unchanging upstream the answer is the one to the whole question.

use crate::codec::elements;
use crate::http::authorize::short_hash;
use crate::proxy::derive::members;
use crate::proxy::{CacheDirectives, Deadlines, JsonResponse, KvStore, UpstreamClient, UpstreamError, all};
use std::ops::Range;
use streamgage::calendar::{Day, Week};
use streamgage::json::{Reader, Value, unescape};
use streamgage::query::{METRICS_PARAMETERS, METRICS_PATH, MetricsRequest, Parameters, Resolution, encode_query};

/// What rows are kept under in the shelf: by [`Weeks::key`], first and last day.
const KIND: &str = "row";

/// The most weeks of a question that is taken apart: three years to today, and one to come.
const MAX_WEEKS: i32 = 4 * 53;

/// A week is closed this many days after its last day, at 0:00 UTC: 48 hours after its end.
const DAYS_TO_CLOSE: i32 = 3;
/// It is old this many days after its last day: 14 days after its end.
const DAYS_TO_AGE: i32 = 15;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How many milliseconds a week's figures are fresh, where the upstream doesn't say: an open week's for a minute, a
/// closed one's for an hour, an old one's for a day.
pub fn freshness(week: Week, today: Day) -> i64 {
    freshness_after(sunday(week), today)
}

/// The same of figures whose last day is this one.
pub(crate) fn freshness_after(last: Day, today: Day) -> i64 {
    match today.number().saturating_sub(last.number()) {
        ..DAYS_TO_CLOSE => MINUTE,
        DAYS_TO_CLOSE..DAYS_TO_AGE => HOUR,
        DAYS_TO_AGE.. => DAY,
    }
}

fn sunday(week: Week) -> Day {
    Day::from_number(week.monday().number().saturating_add(6))
}

/// A question by weeks, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Weeks {
    /// The weeks of its range, each as far as it lies in it; there is one at least.
    spans: Vec<Span>,
    /// All parameters but the range, encoded.
    filters: String,
    today: Day,
}

/// Days of one week.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    first: Day,
    last: Day,
}

/// An answer to a question by weeks.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricsResult {
    /// Put together.
    Assembled(AssembledMetrics),
    /// The upstream's own, to the whole question: an error, or rows that can't be told apart.
    Passthrough(JsonResponse),
}

/// An answer that is put together; its status is 200.
#[derive(Clone, Debug, PartialEq)]
pub struct AssembledMetrics {
    /// JSON text; rows as the upstream wrote them.
    pub body: String,
    /// Until when all of it serves.
    pub deadlines: Deadlines,
    /// What went wrong on the way: some of it may be no longer fresh.
    pub trouble: Option<UpstreamError>,
}

/// A row that is kept; its text is empty where the week has no row.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    deadlines: Deadlines,
    row: String,
}

impl Weeks {
    /// Takes a question apart. `None` where that can't be done: it is not by week, or not valid, or too long, or has
    /// parameters of which nothing is known.
    pub fn of(query: &str, today: Day) -> Option<Weeks> {
        let request = MetricsRequest::parse(query, today).ok()?;
        let parameters = Parameters::parse(query);
        let (first, last) = (request.start.week().number(), request.end.week().number());
        let is_fit = request.resolution == Resolution::Week
            && last.saturating_sub(first) < MAX_WEEKS
            && parameters.iter().all(|(name, _)| METRICS_PARAMETERS.iter().any(|known| known.name == name));
        let spans = (first..=last)
            .map(Week::from_number)
            .map(|week| Span { first: week.monday().max(request.start), last: sunday(week).min(request.end) });
        let filters = parameters.iter().filter(|(name, _)| !matches!(*name, "start_date" | "end_date"));
        is_fit.then(|| Weeks { spans: spans.collect(), filters: encode_query(filters), today })
    }

    /// Answers it. With `must_ask` the upstream is asked for something at least, which proves the key.
    ///
    /// # Errors
    /// What hinders, where what is kept can't stand in.
    pub async fn answer(
        &self,
        source: &impl UpstreamClient,
        shelf: &impl KvStore,
        must_ask: bool,
    ) -> Result<MetricsResult, UpstreamError> {
        let now = source.now();
        let kept = self.kept(shelf);
        let mut parts: Vec<Option<Kept>> = self.spans.iter().map(|span| find(&kept, *span).cloned()).collect();
        let is_due = |part: &Option<Kept>| part.as_ref().is_none_or(|kept| kept.deadlines.fresh <= now);
        let mut due: Vec<usize> = (0..).zip(&parts).filter(|(_, part)| is_due(part)).map(|(place, _)| place).collect();
        if due.is_empty() && must_ask {
            due.extend(self.spans.len().checked_sub(1));
        }
        let runs = runs(&due);
        let mut trouble = None;
        for (run, fetched) in runs.iter().zip(all(runs.iter().map(|run| self.ask(source, run))).await) {
            let fetched = match fetched {
                Ok(fetched) => fetched,
                Err(why) if why.allows_stale() => {
                    trouble = Some(why);
                    for (span, part) in self.spans.iter().zip(&mut parts).skip(run.start).take(run.len()) {
                        let may_serve = |kept: &Kept| kept.deadlines.may_serve_on_error(now);
                        let whole = part.take().filter(may_serve);
                        *part = whole.or_else(|| find_earlier(&kept, *span).cloned().filter(may_serve));
                    }
                    continue;
                }
                Err(why) => return Err(why),
            };
            let Some(rows) = self.read(&fetched, run) else { return self.as_it_came(source, run, fetched).await };
            let terms = CacheDirectives::of(&fetched.headers, fetched.times);
            for ((span, part), row) in self.spans.iter().zip(&mut parts).skip(run.start).zip(rows) {
                let freshness = freshness(span.first.week(), self.today);
                let deadlines = terms.map_or(Deadlines::none(now), |terms| terms.deadlines(freshness));
                let kept = Kept { deadlines, row };
                if terms.is_some() {
                    shelf.put(KIND, &self.key_of(*span), &kept.to_text());
                }
                *part = Some(kept);
            }
        }
        match trouble {
            Some(trouble) if parts.iter().any(Option::is_none) => Err(trouble),
            _ => Ok(MetricsResult::Assembled(assemble(parts.into_iter().flatten(), trouble))),
        }
    }

    /// Asks for a run of weeks.
    async fn ask(&self, source: &impl UpstreamClient, run: &Range<usize>) -> Result<JsonResponse, UpstreamError> {
        let mut spans = self.spans.iter().skip(run.start).take(run.len());
        let Some(Span { first, mut last }) = spans.next().copied() else { return Err(UpstreamError::InvalidResponse) };
        last = spans.next_back().map_or(last, |span| span.last);
        source.get(METRICS_PATH, &format!("start_date={first}&end_date={last}&{}", self.filters)).await
    }

    /// The row of each week of a run, empty where there is none; `None`, if the answer is no list of the run's weeks.
    fn read(&self, fetched: &JsonResponse, run: &Range<usize>) -> Option<Vec<String>> {
        let (count, results, _) = envelope(&fetched.body).filter(|(.., is_bare)| *is_bare && fetched.status == 200)?;
        let mut left = results.iter().peekable();
        let rows = self.spans.iter().skip(run.start).take(run.len()).map(|span| {
            let row = left.next_if(|row| monday(row) == Some(span.first.week().monday()));
            row.map_or_else(String::new, |row| (*row).to_owned())
        });
        let rows: Vec<String> = rows.collect();
        (left.next().is_none() && count == results.len()).then_some(rows)
    }

    /// The answer to the whole question, of which a part is in hand that can't be used as one.
    async fn as_it_came(
        &self,
        source: &impl UpstreamClient,
        run: &Range<usize>,
        fetched: JsonResponse,
    ) -> Result<MetricsResult, UpstreamError> {
        let whole = 0..self.spans.len();
        let fetched = if *run == whole { fetched } else { self.ask(source, &whole).await? };
        Ok(MetricsResult::Passthrough(fetched))
    }

    /// What is kept of weeks that begin in the range.
    fn kept(&self, shelf: &impl KvStore) -> Vec<(Span, Kept)> {
        let (Some(first), Some(last)) = (self.spans.first(), self.spans.last()) else { return Vec::new() };
        let key = self.key();
        let kept = shelf.range(KIND, &format!("{key}/{}", first.first), &format!("{key}/{}~", last.first));
        let read = |(key, text): (String, String)| {
            let (first, last) = key.rsplit_once('/').and_then(|(key, last)| Some((key.rsplit_once('/')?.1, last)))?;
            Some((Span { first: Day::parse(first)?, last: Day::parse(last)? }, Kept::parse(&text)?))
        };
        kept.into_iter().filter_map(read).collect()
    }

    /// The filters, in short.
    fn key(&self) -> String {
        short_hash(&self.filters)
    }

    fn key_of(&self, Span { first, last }: Span) -> String {
        format!("{}/{first}/{last}", self.key())
    }
}

impl Kept {
    fn to_text(&self) -> String {
        let Deadlines { born, fresh, revalidate, error } = self.deadlines;
        format!("{born} {fresh} {revalidate} {error} {}", self.row)
    }

    fn parse(text: &str) -> Option<Kept> {
        let mut parts = text.splitn(5, ' ');
        let mut time = || parts.next()?.parse().ok();
        let deadlines = Deadlines { born: time()?, fresh: time()?, revalidate: time()?, error: time()? };
        Some(Kept { deadlines, row: parts.next()?.to_owned() })
    }
}

/// The number that an answer tells, and the text of each of its rows; and whether there is nothing else in it.
pub(crate) fn envelope(body: &str) -> Option<(usize, Vec<&str>, bool)> {
    let (mut count, mut results, mut is_bare) = (None, None, true);
    let mut reader = Reader::new(body);
    if !reader.begin(b'{') {
        return None;
    }
    while let Some((name, value)) = reader.member().ok()? {
        match name {
            "count" if count.is_none() => count = Some(value.parse::<u32>().ok()?),
            "results" if results.is_none() => results = Some(elements(value)?),
            _ => is_bare = false,
        }
    }
    reader.end().ok()?;
    Some((usize::try_from(count?).ok()?, results?, is_bare))
}

/// The week of a row; of one that has several, or none, it can't be told.
fn monday(row: &str) -> Option<Day> {
    let mut dates = members(row).filter(|(name, _)| *name == "period_start_date");
    match (dates.next()?.1, dates.next()) {
        (Value::Text(text), None) => Day::parse(&unescape(text)?),
        _ => None,
    }
}

fn find(kept: &[(Span, Kept)], span: Span) -> Option<&Kept> {
    kept.iter().find(|(of, _)| *of == span).map(|(_, kept)| kept)
}

/// What was kept of a week's days on the last of them: the days since then were still to come.
fn find_earlier(kept: &[(Span, Kept)], span: Span) -> Option<&Kept> {
    let was_open = |of: &Span, kept: &Kept| kept.deadlines.born.div_euclid(DAY) <= i64::from(of.last.number());
    let earlier = kept.iter().filter(|(of, kept)| of.first == span.first && of.last < span.last && was_open(of, kept));
    earlier.max_by_key(|(of, _)| of.last).map(|(_, kept)| kept)
}

/// What to ask for at once: ranges of places, which are those that are due.
fn runs(due: &[usize]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for &place in due {
        match runs.last_mut().filter(|run| run.end == place) {
            Some(run) => run.end = place + 1,
            None => runs.push(place..place + 1),
        }
    }
    runs
}

fn assemble(parts: impl Iterator<Item = Kept>, trouble: Option<UpstreamError>) -> AssembledMetrics {
    let (mut deadlines, mut rows) = (Deadlines::none(i64::MAX), Vec::new());
    for part in parts {
        deadlines = deadlines.and(part.deadlines);
        rows.extend(Some(part.row).filter(|row| !row.is_empty()));
    }
    let body = format!(r#"{{"count":{},"results":[{}]}}"#, rows.len(), rows.join(","));
    AssembledMetrics { body, deadlines, trouble }
}
