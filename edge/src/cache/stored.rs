//! A stored answer: what it answers, and for how long.

use super::date::write_date;
use super::directives::Directives;
use super::response_policy::{milliseconds, seconds};
use super::{Fields, FreshnessLifetime, ResponsePolicy, Rules, Times, response_policy};
use serde::{Deserialize, Serialize};

/// By how many milliseconds clocks of one place may differ. What is further in the future came from another time, so
/// that its age is unknown.
const SKEW: i64 = 5_000;

/// The head of an answer that is stored, with all that later decisions need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The status.
    pub status: u16,
    /// The fields to be sent with it, but for `Age`.
    pub fields: Fields,
    /// When it came.
    pub answered: i64,
    /// How long it may be used.
    pub lifetimes: FreshnessLifetime,
    /// The fields that `Vary` names, in lower case, and what the request said in each.
    vary: Vec<(String, Option<String>)>,
}

/// What to do with a stored answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Use it.
    Use,
    /// Use it, though it is stale, and fetch a newer one behind.
    UseAndRevalidate,
    /// Ask the upstream first, with the conditions of [`Stored::condition`].
    Revalidate,
}

/// Why the upstream did not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There was no connection, or no answer in time.
    Unreachable,
    /// It answered with that status.
    Status(u16),
}

/// What a request asks of caches (RFC 9111 §5.2.1). Seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// That the upstream is asked.
    pub no_cache: bool,
    /// That the upstream is not asked.
    pub only_if_cached: bool,
    /// How old the answer may be.
    pub max_age: Option<u64>,
    /// For how long it is to stay fresh.
    pub min_fresh: u64,
    /// How long it may have been stale.
    pub max_stale: u64,
    /// The same, if the upstream fails (RFC 5861 §4).
    pub stale_if_error: u64,
}

impl Wishes {
    /// Those of a request.
    pub fn of(request: &Fields) -> Wishes {
        let directives = Directives::of(request);
        // Without a value any age is meant; a value that is none makes it 0 in `seconds`, which is as if it were absent.
        let any = request.get("cache-control").is_some_and(|text| text.trim().eq_ignore_ascii_case("max-stale"));
        Wishes {
            no_cache: directives.has("no-cache"),
            only_if_cached: directives.has("only-if-cached"),
            max_age: directives.seconds("max-age"),
            min_fresh: directives.seconds("min-fresh").unwrap_or(0),
            max_stale: if any { super::directives::LONGEST } else { directives.seconds("max-stale").unwrap_or(0) },
            stale_if_error: directives.seconds("stale-if-error").unwrap_or(0),
        }
    }
}

impl Stored {
    /// The answer to a `GET` as it is to be stored; `None` if it must not be, or could never be of use. `request` are the
    /// fields that went upstream.
    pub fn new(request: &Fields, status: u16, response: &Fields, times: Times, rules: &Rules) -> Option<Stored> {
        let (ResponsePolicy::Explicit(lifetimes) | ResponsePolicy::Implicit(lifetimes)) =
            response_policy(request, status, response, times, rules)
        else {
            return None;
        };
        let mut fields = response.end_to_end();
        fields.remove("age");
        if !fields.has("date") {
            // A recipient with a clock records when the answer came (RFC 9110 §6.6.1).
            fields.set("date", write_date(times.answered));
        }
        let names: Vec<String> = response.list("vary").collect();
        let vary =
            names.into_iter().map(|name| (request.get(&name).map(plain), name)).map(|(value, name)| (name, value));
        Some(Stored { status, fields, answered: times.answered, lifetimes, vary: vary.collect() })
    }

    /// Whether it answers a request with these fields, as far as `Vary` goes (RFC 9111 §4.1).
    pub fn selected_by(&self, request: &Fields) -> bool {
        self.vary.iter().all(|(name, value)| request.get(name).map(plain) == *value)
    }

    /// The names of the fields that it varies by, in lower case.
    pub fn varies_by(&self) -> impl Iterator<Item = &str> {
        self.vary.iter().map(|(name, _)| name.as_str())
    }

    /// Its age in seconds: the header `Age` (RFC 9111 §5.1).
    pub fn age(&self, now: i64) -> u64 {
        seconds(self.age_milliseconds(now))
    }

    /// For how many seconds it stays fresh; negative, for how many it has been stale.
    pub fn time_to_live(&self, now: i64) -> i64 {
        (milliseconds(self.lifetimes.fresh) - self.age_milliseconds(now)).div_euclid(1000)
    }

    fn age_milliseconds(&self, now: i64) -> i64 {
        milliseconds(self.lifetimes.initial_age) + (now - self.answered).max(0)
    }

    /// For how many milliseconds it has been stale; 0 or less if it is fresh. `None` if that can't be known.
    fn staleness(&self, now: i64) -> Option<i64> {
        // At its lifetime an answer is stale already.
        (now >= self.answered - SKEW).then(|| self.age_milliseconds(now) + 1 - milliseconds(self.lifetimes.fresh))
    }

    /// Whether it may be used for a request that it is [selected](Stored::selected_by) by, without asking the upstream.
    pub fn decide(&self, wishes: &Wishes, now: i64) -> Decision {
        let Some(staleness) = self.staleness(now) else { return Decision::Revalidate };
        let young = wishes.max_age.is_none_or(|age| self.age_milliseconds(now) <= milliseconds(age));
        if wishes.no_cache || !young {
            return Decision::Revalidate;
        }
        if staleness + milliseconds(wishes.min_fresh) <= 0 {
            return Decision::Use;
        }
        if self.lifetimes.must_revalidate || wishes.min_fresh > 0 {
            return Decision::Revalidate;
        }
        if staleness <= milliseconds(self.lifetimes.stale.while_revalidating) {
            Decision::UseAndRevalidate
        } else if staleness <= milliseconds(wishes.max_stale) {
            Decision::Use
        } else {
            Decision::Revalidate
        }
    }

    /// Whether it may be used because the upstream failed (RFC 9111 §4.2.4, RFC 5861 §4).
    pub fn stands_in(&self, failure: Failure, wishes: &Wishes, now: i64) -> bool {
        let stale = self.lifetimes.stale;
        let limit = match failure {
            Failure::Unreachable => stale.if_unreachable,
            Failure::Status(500 | 502 | 503 | 504) => stale.if_error,
            Failure::Status(_) => return false,
        };
        let Some(staleness) = self.staleness(now) else { return false };
        !self.lifetimes.must_revalidate && staleness <= milliseconds(limit.max(wishes.stale_if_error))
    }

    /// Makes a request for the same conditional on this answer (RFC 9111 §4.3.1). Conditions of the caller's own are
    /// replaced: they are answered from what is stored then ([`not_modified`](super::not_modified)).
    pub fn condition(&self, request: &mut Fields) {
        for name in ["if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range"] {
            request.remove(name);
        }
        for (condition, validator) in [("if-none-match", "etag"), ("if-modified-since", "last-modified")] {
            if let Some(value) = self.fields.get(validator) {
                request.set(condition, value);
            }
        }
    }

    /// Whether there is anything to revalidate it by.
    pub fn has_validator(&self) -> bool {
        self.fields.has("etag") || self.fields.has("last-modified")
    }

    /// This answer, freshened by the 304 to a [conditional](Stored::condition) request (RFC 9111 §3.2, §4.3.4). `None` if
    /// the 304 speaks of another answer: then the upstream is to be asked again, without conditions. What must no longer
    /// be stored is stale, and must be revalidated.
    pub fn freshened(&self, request: &Fields, response: &Fields, times: Times, rules: &Rules) -> Option<Stored> {
        let is_other = |name: &str, same: fn(&str, &str) -> bool| {
            let (ours, theirs) = (self.fields.get(name), response.get(name));
            theirs.is_some_and(|theirs| !ours.is_some_and(|ours| same(&ours, &theirs)))
        };
        let other = match response.has("etag") {
            true => is_other("etag", super::conditional::weakly_equal),
            false => !self.fields.has("etag") && is_other("last-modified", |ours, theirs| ours == theirs),
        };
        if other {
            return None;
        }
        let mut newer = response.end_to_end();
        if !newer.has("date") {
            newer.set("date", write_date(times.answered));
        }
        let mut fields = self.fields.clone();
        fields.update(newer);
        let spent = FreshnessLifetime { fresh: 0, must_revalidate: true, stale: Default::default(), ..self.lifetimes };
        let stored = Stored::new(request, self.status, &fields, times, rules);
        Some(stored.unwrap_or_else(|| Stored { fields, answered: times.answered, lifetimes: spent, ..self.clone() }))
    }

    /// The fields to be sent with it now.
    pub fn answer(&self, now: i64) -> Fields {
        let mut fields = self.fields.clone();
        fields.set("age", self.age(now).to_string());
        fields
    }
}

/// A key that is the same for requests that say the same in these fields (RFC 9111 §4.1): to tell variants apart.
pub fn variant<'a>(names: impl IntoIterator<Item = &'a str>, request: &Fields) -> String {
    let values = names.into_iter().map(|name| match request.get(name) {
        Some(value) => {
            let value = plain(value);
            format!("{name}={} {value}", value.len())
        }
        None => format!("{name}-"),
    });
    values.collect::<Vec<String>>().join("&")
}

/// A value without the whitespace around commas, and at its ends: lists that differ by it say the same.
fn plain(value: String) -> String {
    value.split(',').map(str::trim).collect::<Vec<&str>>().join(",")
}
