//! The metrics, derived from commits: for an upstream that no longer has the metrics endpoint (§1, §2).
//!
//! Who and what is asked for is looked up in the lists of teams, members, users and repositories ([`scope`]). What they
//! did is read by days ([`days`]), from the aggregate of commits or, where that is refused, from the commits; days are
//! kept as contributions, whatever was asked, so that later questions need only those that are open. The rounding is
//! the core's.

mod days;
mod lists;
mod scope;

pub(crate) use lists::members;

use crate::proxy::weeks::{AssembledMetrics, MetricsResult};
use crate::proxy::{Deadlines, JsonResponse, KvStore, UpstreamClient, UpstreamError};
use days::Contribution;
use std::cell::Cell;
use streamgage::calendar::Day;
use streamgage::json;
use streamgage::metrics::{MetricsResponse, WeekSums};
use streamgage::query::MetricsRequest;

/// For how many milliseconds it is remembered that an endpoint is gone.
const GONE: i64 = 3_600_000;

/// What is remembered of the upstream in the shelf.
const KIND: &str = "derive";
const METRICS_GONE: &str = "metrics";

/// Whether the metrics endpoint was found to be gone within the hour.
pub fn is_gone(shelf: &impl KvStore, now: i64) -> bool {
    is_remembered(shelf, METRICS_GONE, now)
}

/// Remembers that it is: after a 404 or a 410.
pub fn remember_gone(shelf: &impl KvStore, now: i64) {
    remember(shelf, METRICS_GONE, now);
}

fn is_remembered(shelf: &impl KvStore, what: &str, now: i64) -> bool {
    shelf.get(KIND, what).and_then(|until| until.parse().ok()).is_some_and(|until: i64| now < until)
}

fn remember(shelf: &impl KvStore, what: &str, now: i64) {
    shelf.put(KIND, what, &now.saturating_add(GONE).to_string());
}

/// Derives an answer. With `must_ask` the upstream is asked for something at least, which proves the key.
///
/// # Errors
/// What hinders, where what is kept can't stand in. After [`UpstreamError::BudgetExhausted`] the same question goes on from what
/// was found by then.
pub async fn answer(
    request: &MetricsRequest,
    today: Day,
    source: &impl UpstreamClient,
    shelf: &impl KvStore,
    must_ask: bool,
) -> Result<MetricsResult, UpstreamError> {
    let now = source.now();
    let age = Cell::new(Age { fetched: now, fresh_until: i64::MAX, trouble: None });
    let derivation = Derivation { source, shelf, today, now, must_ask, age };
    match derivation.derive(request).await {
        Ok(body) => {
            let Age { fetched, fresh_until, trouble } = derivation.age.get();
            Ok(MetricsResult::Assembled(AssembledMetrics {
                body,
                deadlines: Deadlines::ours(fetched, fresh_until),
                trouble,
            }))
        }
        Err(Stop::Refused(fetched)) => Ok(MetricsResult::Passthrough(fetched)),
        Err(Stop::UpstreamError(trouble)) => Err(trouble),
    }
}

/// An answer in the making.
struct Derivation<'a, S, K> {
    source: &'a S,
    shelf: &'a K,
    today: Day,
    now: i64,
    must_ask: bool,
    age: Cell<Age>,
}

/// How old it is.
#[derive(Clone, Copy)]
struct Age {
    fetched: i64,
    fresh_until: i64,
    trouble: Option<UpstreamError>,
}

/// Why there is no answer.
enum Stop {
    UpstreamError(UpstreamError),
    /// The upstream's own answer, which is no 200.
    Refused(JsonResponse),
}

impl From<UpstreamError> for Stop {
    fn from(trouble: UpstreamError) -> Stop {
        Stop::UpstreamError(trouble)
    }
}

impl<S: UpstreamClient, K: KvStore> Derivation<'_, S, K> {
    /// The body.
    async fn derive(&self, request: &MetricsRequest) -> Result<String, Stop> {
        let scope = self.scope(request).await?;
        let mut contributions = Vec::new();
        for filter in scope.filters() {
            contributions.extend(self.contributions(&filter, request.start, request.end).await?);
        }
        contributions.retain(|contribution| scope.counts(contribution));
        Ok(json::to_string(&MetricsResponse::new(request, &sums(contributions))))
    }

    /// Notes how old a part of the answer is.
    fn note(&self, fetched: i64, fresh_until: i64) {
        let age = self.age.get();
        let (fetched, fresh_until) = (age.fetched.min(fetched), age.fresh_until.min(fresh_until));
        self.age.set(Age { fetched, fresh_until, ..age });
    }

    /// Whether what is kept may stand in for what could not be asked; then it is noted.
    fn excuses(&self, stop: &Stop) -> bool {
        match stop {
            Stop::UpstreamError(trouble) if trouble.allows_stale() => {
                self.age.set(Age { trouble: Some(*trouble), ..self.age.get() });
                true
            }
            _ => false,
        }
    }
}

/// The sums of weeks.
fn sums(mut contributions: Vec<Contribution>) -> Vec<WeekSums> {
    days::sort(&mut contributions);
    let mut weeks: Vec<WeekSums> = Vec::new();
    let mut last = None;
    for Contribution { user, day, commits, haloc, churn, impact, .. } in contributions {
        let week = day.week();
        let place = weeks.partition_point(|sums| sums.week < week.number());
        if weeks.get(place).is_none_or(|sums| sums.week > week.number()) {
            weeks.insert(place, WeekSums { week: week.number(), ..WeekSums::default() });
        }
        let Some(sums) = weeks.get_mut(place) else { continue };
        // What must be counted once comes one after the other.
        sums.users += u64::from(last.is_none_or(|(of, on): (i64, Day)| (of, on.week()) != (user, week)));
        sums.coding_days += u64::from(last != Some((user, day)));
        sums.commits = sums.commits.saturating_add(commits);
        sums.haloc = sums.haloc.saturating_add(haloc);
        sums.churn = sums.churn.saturating_add(churn);
        sums.impact = sums.impact.saturating_add(impact);
        last = Some((user, day));
    }
    weeks
}
