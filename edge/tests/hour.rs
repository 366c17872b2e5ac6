//! A dashboard's hour: what it costs the upstream. `npm run hour` shows the figures.
//!
//! 2,000 questions of one team over 30 overlapping ranges, half of which hold today, at random moments of an hour; the
//! clock is virtual and the seed fixed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod memory;

use memory::{Memory, Upstream, midnight, now, ok};
use std::collections::HashMap;
use streamgage::calendar::Day;
use streamgage::query::MetricsRequest;
use streamgage_edge::proxy::Source;
use streamgage_edge::weeks::{Answered, Weeks, freshness};

const HOUR: i64 = 3_600_000;
const QUESTIONS: usize = 2_000;
const RANGES: i32 = 30;
const SEEDS: u64 = 4;

/// SplitMix64, which is enough of a random number here.
struct Random(u64);

impl Random {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.unsigned_abs()) as i64
    }

    /// First and last days: half of the ranges hold today, the others are over for a week; all hold the day five weeks
    /// ago.
    fn range(&mut self, number: i32, today: Day) -> (Day, Day) {
        let back = |days: i64| Day::from_number(today.number() - days as i32);
        let start = back(35 + self.below(365 - 35));
        (start, if number % 2 == 0 { today } else { back(9 + self.below(26)) })
    }
}

/// The moments of the questions, in order, and the number of the range that each asks for.
fn questions(random: &mut Random, begin: i64) -> Vec<(i64, usize)> {
    let mut questions: Vec<(i64, usize)> =
        (0..QUESTIONS).map(|_| (begin + random.below(HOUR), random.below(RANGES.into()) as usize)).collect();
    questions.sort_unstable();
    questions
}

/// How many of the questions of an hour reach the upstream, by resolution: week and period.
fn hour(today: &str, seed: u64) -> (usize, usize) {
    let (mut random, begin, day) = (Random(seed), midnight(today) + 10 * HOUR, Day::parse(today).unwrap());
    let ranges: Vec<(Day, Day)> = (0..RANGES).map(|number| random.range(number, day)).collect();
    let upstream = Upstream::new(begin, |_: &str, query: &str, today| {
        MetricsRequest::parse(query, today).expect("a part of a good question is one");
        ok(r#"{"count":0,"results":[]}"#)
    });
    let shelf = Memory::default();
    let (mut periods, mut fresh_until) = (0, HashMap::new());
    for (time, number) in questions(&mut random, begin) {
        upstream.time.set(time);
        let (start, end) = ranges[number];
        let query = format!("start_date={start}&end_date={end}&resolution=week&team_id=7");
        let weeks = Weeks::of(&query, day).expect("a question by weeks");
        let answered = now(weeks.answer(&upstream, &shelf, false));
        assert!(matches!(answered, Ok(Answered::Assembled(_))));
        // A period is kept whole, as long as its last week is fresh.
        if fresh_until.get(&number).is_none_or(|&until| until <= upstream.now()) {
            fresh_until.insert(number, upstream.now() + freshness(end.week(), day));
            periods += 1;
        }
    }
    (upstream.asked.take().len(), periods)
}

#[test]
fn a_dashboards_hour_costs_the_upstream_a_twentieth() {
    println!("{QUESTIONS} questions over {RANGES} ranges in an hour; the most of {SEEDS} seeds reach the upstream:");
    let percent = |requests: usize| 100.0 * requests as f64 / QUESTIONS as f64;
    // On Monday and Tuesday the last week is open beside the one that has begun.
    for (name, today) in [("Monday", "2026-08-24"), ("Thursday", "2026-08-27"), ("Sunday", "2026-08-30")] {
        let hours: Vec<(usize, usize)> = (1..=SEEDS).map(|seed| hour(today, seed)).collect();
        let weeks = hours.iter().map(|hour| hour.0).max().unwrap();
        let periods = hours.iter().map(|hour| hour.1).max().unwrap();
        println!(
            "  {name:8}  resolution=week {weeks:4} ({:4.1} %)   resolution=period {periods:4} ({:4.1} %)",
            percent(weeks),
            percent(periods)
        );
        assert!(percent(weeks) <= 5.0, "{name}: {weeks}");
    }
}
