//! The documented rows, from sums of weeks.

use crate::calendar::{Day, Week};
use crate::query::{MetricsRequest, Resolution};
use alloc::vec::Vec;
use core::fmt;
use serde::{Serialize, Serializer};
use streamgage_kernel::WeekSums;

/// The body of a 200 response. Serializes as `{"count":1,"results":[…]}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricsResponse {
    /// The number of rows.
    pub count: usize,
    /// The rows, oldest first.
    pub results: Vec<MetricsRow>,
}

/// The figures of a week or of the whole period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricsRow {
    /// The Monday of the week, even if it lies before the range; `None` for a period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_start_date: Option<Day>,
    /// Coding days per active user and week.
    pub active_days: Tenths,
    /// Commits per coding day.
    pub commit_count: Tenths,
    /// Impact per active user and week.
    pub total_impact: Tenths,
    /// The percentage of lines that are not rework.
    pub total_efficiency: Tenths,
}

impl MetricsResponse {
    /// Creates the response to a request from sums of weeks, in any order. Sums of one week that come in parts, of
    /// disjoint users, are added.
    pub fn new(request: &MetricsRequest, sums: &[WeekSums]) -> MetricsResponse {
        let weeks = merge(sums);
        let results: Vec<MetricsRow> = match request.resolution {
            Resolution::Week => weeks.iter().map(week_row).collect(),
            Resolution::Period => period_row(request, &weeks).into_iter().collect(),
        };
        MetricsResponse { count: results.len(), results }
    }
}

/// Merges sums into one for each week, oldest first, without weeks that have no commit.
fn merge(sums: &[WeekSums]) -> Vec<WeekSums> {
    let mut weeks: Vec<WeekSums> = Vec::with_capacity(sums.len());
    for sum in sums.iter().filter(|sum| sum.commits > 0) {
        let place = weeks.partition_point(|week| week.week < sum.week);
        match weeks.get_mut(place).filter(|week| week.week == sum.week) {
            Some(week) => add(week, sum),
            None => weeks.insert(place, *sum),
        }
    }
    weeks
}

fn add(total: &mut WeekSums, part: &WeekSums) {
    total.users = total.users.saturating_add(part.users);
    total.coding_days = total.coding_days.saturating_add(part.coding_days);
    total.commits = total.commits.saturating_add(part.commits);
    total.haloc = total.haloc.saturating_add(part.haloc);
    total.churn = total.churn.saturating_add(part.churn);
    total.impact = total.impact.saturating_add(part.impact);
}

fn week_row(week: &WeekSums) -> MetricsRow {
    let monday = Week::from_number(week.week).monday();
    MetricsRow { period_start_date: Some(monday), ..row(week, i128::from(week.users), 1) }
}

/// Averages over user-days and scales to a week or, if the weeks with commits have fewer than seven days inside the
/// range, to those days: Σ coding days · min(7, D) / Σ |A(w)|·d(w), with D = Σ d(w) (§1).
fn period_row(request: &MetricsRequest, weeks: &[WeekSums]) -> Option<MetricsRow> {
    let mut total = WeekSums::default();
    let (mut user_days, mut days_in_range) = (0i128, 0i128);
    for week in weeks {
        let days = i128::from(Week::from_number(week.week).days_within(request.start, request.end));
        days_in_range += days;
        user_days += i128::from(week.users) * days;
        add(&mut total, week);
    }
    (!weeks.is_empty()).then(|| row(&total, user_days, days_in_range.min(7)))
}

/// Computes figures from sums. Coding days and impact are scaled by `days` and divided by `user_days`.
fn row(sums: &WeekSums, user_days: i128, days: i128) -> MetricsRow {
    let coding_days = i128::from(sums.coding_days);
    let efficiency = match sums.haloc {
        0 => Tenths(1_000),
        haloc => Tenths::of(haloc.saturating_sub(sums.churn).saturating_mul(100), haloc),
    };
    MetricsRow {
        period_start_date: None,
        active_days: Tenths::of(coding_days.saturating_mul(days), user_days),
        commit_count: Tenths::of(i128::from(sums.commits), coding_days),
        total_impact: Tenths::of(sums.impact.saturating_mul(days), user_days.saturating_mul(10_000)),
        total_efficiency: efficiency,
    }
}

/// A figure with one decimal, in tenths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tenths(pub i64);

impl Tenths {
    /// Divides and rounds once, ties to even (§1). A division by 0 gives 0.
    ///
    /// ```
    /// use streamgage::metrics::Tenths;
    /// assert_eq!(Tenths::of(5, 4).to_string(), "1.2");
    /// assert_eq!(Tenths::of(111, 20).to_string(), "5.6");
    /// assert_eq!(Tenths::of(1, 20).to_string(), "0.0");
    /// assert_eq!(Tenths::of(-7, 2).to_string(), "-3.5");
    /// ```
    pub fn of(dividend: i128, divisor: i128) -> Tenths {
        let (dividend, divisor) =
            if divisor < 0 { (dividend.saturating_neg(), divisor.saturating_neg()) } else { (dividend, divisor) };
        let tenths = dividend.saturating_mul(10);
        let quotient = match (i64::try_from(tenths), i64::try_from(divisor)) {
            // Nearly all numbers fit 64 bits, and division of 128 bits is many times slower in WebAssembly.
            (Ok(tenths), Ok(divisor)) => (tenths.checked_div_euclid(divisor).zip(tenths.checked_rem_euclid(divisor)))
                .map(|(below, rest)| (below.into(), rest.into())),
            _ => tenths.checked_div_euclid(divisor).zip(tenths.checked_rem_euclid(divisor)),
        };
        let Some((below, rest)): Option<(i128, i128)> = quotient else { return Tenths(0) };
        let up = match rest.saturating_mul(2).cmp(&divisor) {
            core::cmp::Ordering::Less => false,
            core::cmp::Ordering::Equal => below % 2 != 0,
            core::cmp::Ordering::Greater => true,
        };
        let rounded = below.saturating_add(i128::from(up));
        Tenths(i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX }))
    }
}

impl fmt::Display for Tenths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        write!(formatter, "{sign}{}.{}", size / 10, size % 10)
    }
}

/// Serializes as a number whose shortest text has one decimal.
impl Serialize for Tenths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{format, string::ToString};

    fn request(query: &str) -> MetricsRequest {
        MetricsRequest::parse(query, Day::parse("2021-07-01").unwrap()).unwrap()
    }

    fn week(monday: &str, users: u64, coding_days: u64, commits: u64, impact: &str) -> WeekSums {
        let impact = impact.replace('.', "").parse::<i128>().unwrap() * 1_000;
        let week = Day::parse(monday).unwrap().week().number();
        WeekSums { week, users, coding_days, commits, impact, haloc: 1_000, churn: 169 }
    }

    /// The vendor's team: its weekly rows and its period's row are printed side by side in its documentation, and
    /// agree by these whole numbers of users, days and commits (§1).
    fn vendors_team() -> [WeekSums; 5] {
        [
            week("2021-05-31", 2, 2, 8, "37.0"),
            week("2021-06-07", 1, 1, 4, "33.8"),
            week("2021-06-14", 2, 6, 21, "236.0"),
            week("2021-06-21", 2, 5, 20, "303.4"),
            week("2021-06-28", 1, 3, 7, "87.4"),
        ]
    }

    #[test]
    fn the_vendors_period_follows_from_its_weeks() {
        let range = "start_date=2021-06-01&end_date=2021-06-30";
        let weeks = MetricsResponse::new(&request(&format!("{range}&resolution=week")), &vendors_team());
        let column = |figure: fn(&MetricsRow) -> Tenths| -> Vec<_> {
            weeks.results.iter().map(|row| figure(row).to_string()).collect()
        };
        assert_eq!(column(|row| row.active_days), ["1.0", "1.0", "3.0", "2.5", "3.0"]);
        assert_eq!(column(|row| row.commit_count), ["4.0", "4.0", "3.5", "4.0", "2.3"]);
        assert_eq!(column(|row| row.total_impact), ["18.5", "33.8", "118.0", "151.7", "87.4"]);

        let period = MetricsResponse::new(&request(&format!("{range}&resolution=period")), &vendors_team());
        assert_eq!(
            serde_json::to_string(&period).unwrap(),
            r#"{"count":1,"results":[{"active_days":2.4,"commit_count":3.5,"total_impact":97.7,"total_efficiency":83.1}]}"#
        );
    }

    #[test]
    fn the_documented_shape_of_weeks() {
        let request = request("start_date=2021-06-01&end_date=2021-06-30&resolution=week");
        let [first, second, ..] = vendors_team();
        let answer = MetricsResponse::new(&request, &[second, first]);
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            concat!(
                r#"{"count":2,"results":[{"period_start_date":"2021-05-31","active_days":1.0,"commit_count":4.0,"#,
                r#""total_impact":18.5,"total_efficiency":83.1},{"period_start_date":"2021-06-07","active_days":1.0,"#,
                r#""commit_count":4.0,"total_impact":33.8,"total_efficiency":83.1}]}"#
            )
        );
    }

    #[test]
    fn parts_of_a_week_are_added_and_weeks_without_commits_have_no_row() {
        let request = request("start_date=2021-06-01&end_date=2021-06-30&resolution=week");
        let parts = [
            week("2021-06-14", 1, 2, 3, "10.0"),
            week("2021-06-07", 1, 1, 0, "1.0"),
            week("2021-06-14", 1, 4, 1, "20.0"),
        ];
        let whole = [week("2021-06-14", 2, 6, 4, "30.0")];
        let [rows, expected] = [&parts[..], &whole].map(|sums| MetricsResponse::new(&request, sums).results);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows, expected);
    }

    #[test]
    fn periods_without_commits() {
        for resolution in ["week", "period"] {
            let answer = MetricsResponse::new(&request(&format!("start_date=2021-06-01&resolution={resolution}")), &[]);
            assert_eq!(serde_json::to_string(&answer).unwrap(), r#"{"count":0,"results":[]}"#);
        }
    }

    #[test]
    fn efficiency_without_lines_is_one_hundred() {
        let mut sums = week("2021-06-07", 1, 1, 1, "1.0");
        (sums.haloc, sums.churn) = (0, 0);
        let answer = MetricsResponse::new(&request("start_date=2021-06-01&resolution=week"), &[sums]);
        assert_eq!(answer.results.first().unwrap().total_efficiency, Tenths(1_000));
    }

    #[test]
    fn ties_go_to_even() {
        for (dividend, divisor, text) in [
            (125, 100, "1.2"),
            (135, 100, "1.4"),
            (555, 100, "5.6"),
            (5, 100, "0.0"),
            (15, 100, "0.2"),
            (-25, 100, "-0.2"),
            (-4, 100, "0.0"),
            (7, 0, "0.0"),
            (1, -2, "-0.5"),
        ] {
            assert_eq!(Tenths::of(dividend, divisor).to_string(), text, "{dividend}/{divisor}");
        }
    }

    proptest! {
        /// Parts of disjoint users, in any order, make the same answer as the whole.
        #[test]
        fn parts_merge(parts in proptest::collection::vec((2600i32..2690, 1u64..5, 1u64..20, 0i128..99, any::<prop::sample::Index>()), 1..40)) {
            let sums: Vec<WeekSums> = parts.iter().map(|&(week, users, commits, lines, _)| WeekSums {
                week, users, coding_days: users, commits, haloc: lines * 2, churn: lines, impact: lines * 12_345,
            }).collect();
            let mut shuffled = sums.clone();
            for (place, part) in parts.iter().enumerate() {
                let other = part.4.index(shuffled.len());
                shuffled.swap(place, other);
            }
            let merged = merge(&sums);
            for query in ["start_date=2020-06-01&resolution=week", "start_date=2020-06-01&resolution=period"] {
                let request = request(query);
                prop_assert_eq!(MetricsResponse::new(&request, &sums), MetricsResponse::new(&request, &shuffled));
                prop_assert_eq!(MetricsResponse::new(&request, &sums), MetricsResponse::new(&request, &merged));

            }
        }

        /// A period within one week is that week's row without its date (§1), however few of its days it has.
        #[test]
        fn the_period_of_a_week_is_its_row(
            first in 0u64..7, length in 0u64..7, users in 1u64..9, coding_days in 1u64..60, commits in 1u64..99,
            haloc in 0i128..9_999, impact in -99_999_999i128..99_999_999,
        ) {
            let last = (first + length).min(6);
            let monday = Day::parse("2021-06-07").unwrap();
            let [start, end] = [first, last].map(|days| Day::from_number(monday.number() + days as i32));
            let week = monday.week().number();
            let sums = WeekSums { week, users, coding_days, commits, haloc, churn: haloc / 3, impact };
            let row = |resolution: &str| {
                let request = request(&format!("start_date={start}&end_date={end}&resolution={resolution}"));
                MetricsResponse::new(&request, &[sums]).results.first().unwrap().clone()
            };
            prop_assert_eq!(MetricsRow { period_start_date: None, ..row("week") }, row("period"));
        }

        #[test]
        fn rounding_is_within_half_a_tenth(dividend in -10_000_000i128..10_000_000, divisor in 1i128..10_000) {
            let Tenths(tenths) = Tenths::of(dividend, divisor);
            prop_assert!((dividend * 10 - i128::from(tenths) * divisor).abs() * 2 <= divisor);
            prop_assert_eq!(Tenths::of(dividend << 64, divisor << 64), Tenths(tenths));
        }
    }
}
