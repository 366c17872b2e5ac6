//! Where and when people work: time zones with summer time, and public holidays.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// A place where people of the demo work.
#[derive(Clone, Copy, Default)]
pub struct Site {
    /// Seconds east of UTC in winter.
    standard: i32,
    summer: Summer,
    country: Country,
}

/// When the clocks are an hour ahead.
#[derive(Clone, Copy, Default)]
enum Summer {
    #[default]
    Never,
    /// From the last Sunday of March to the last of October.
    Europe,
    /// From the second Sunday of March to the first of November.
    America,
}

/// Whose public holidays are kept.
#[derive(Clone, Copy, Default)]
enum Country {
    #[default]
    Germany,
    Ireland,
    UnitedStates,
    India,
    Japan,
}

const fn site(minutes: i32, summer: Summer, country: Country) -> Site {
    Site { standard: minutes * 60, summer, country }
}

/// The sites, the larger ones first.
pub const SITES: [Site; 6] = [
    site(60, Summer::Europe, Country::Germany),
    site(-300, Summer::America, Country::UnitedStates),
    site(0, Summer::Europe, Country::Ireland),
    site(-480, Summer::America, Country::UnitedStates),
    site(330, Summer::Never, Country::India),
    site(540, Summer::Never, Country::Japan),
];

impl Site {
    /// Seconds east of UTC on this day (of the night when clocks change: as it is in the morning).
    pub fn offset(self, day: NaiveDate) -> i32 {
        let year = day.year();
        let (from, to) = match self.summer {
            Summer::Never => return self.standard,
            Summer::Europe => (last_weekday(year, 3, Weekday::Sun), last_weekday(year, 10, Weekday::Sun)),
            Summer::America => (nth_weekday(year, 3, Weekday::Sun, 2), nth_weekday(year, 11, Weekday::Sun, 1)),
        };
        let is_summer = from.is_some_and(|from| from <= day) && to.is_some_and(|to| day < to);
        self.standard + if is_summer { 3600 } else { 0 }
    }

    /// Whether this day is a public holiday here.
    pub fn is_holiday(self, day: NaiveDate) -> bool {
        let year = day.year();
        let fixed: &[(u32, u32)] = match self.country {
            Country::Germany => &[(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)],
            Country::Ireland => &[(1, 1), (3, 17), (12, 25), (12, 26)],
            Country::UnitedStates => &[(1, 1), (6, 19), (7, 4), (11, 11), (12, 25)],
            Country::India => &[(1, 26), (5, 1), (8, 15), (10, 2), (12, 25)],
            Country::Japan => &[(1, 1), (1, 2), (2, 11), (4, 29), (5, 3), (5, 4), (5, 5), (8, 11), (11, 3), (11, 23)],
        };
        if fixed.contains(&(day.month(), day.day())) {
            return true;
        }
        let moving = match self.country {
            Country::Germany => {
                vec![from_easter(year, -2), from_easter(year, 1), from_easter(year, 39), from_easter(year, 50)]
            }
            Country::Ireland => vec![
                from_easter(year, 1),
                nth_weekday(year, 5, Weekday::Mon, 1),
                nth_weekday(year, 6, Weekday::Mon, 1),
                nth_weekday(year, 8, Weekday::Mon, 1),
                last_weekday(year, 10, Weekday::Mon),
            ],
            Country::UnitedStates => vec![
                nth_weekday(year, 1, Weekday::Mon, 3),
                last_weekday(year, 5, Weekday::Mon),
                nth_weekday(year, 9, Weekday::Mon, 1),
                nth_weekday(year, 11, Weekday::Thu, 4),
                nth_weekday(year, 11, Weekday::Thu, 4).and_then(|day| day.succ_opt()),
            ],
            Country::India => vec![from_easter(year, -2)],
            Country::Japan => vec![
                nth_weekday(year, 1, Weekday::Mon, 2),
                nth_weekday(year, 7, Weekday::Mon, 3),
                nth_weekday(year, 10, Weekday::Mon, 2),
            ],
        };
        moving.contains(&Some(day))
    }
}

fn nth_weekday(year: i32, month: u32, weekday: Weekday, nth: u8) -> Option<NaiveDate> {
    NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth)
}

fn last_weekday(year: i32, month: u32, weekday: Weekday) -> Option<NaiveDate> {
    nth_weekday(year, month, weekday, 5).or_else(|| nth_weekday(year, month, weekday, 4))
}

/// The day so many days after Easter Sunday, which is found by the anonymous Gregorian computus.
fn from_easter(year: i32, days: i64) -> Option<NaiveDate> {
    let golden = year % 19;
    let (century, of_century) = (year / 100, year % 100);
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - correction + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let day = epact + weekday - 7 * late + 114;
    let sunday = NaiveDate::from_ymd_opt(year, u32::try_from(day / 31).ok()?, u32::try_from(day % 31 + 1).ok()?)?;
    match u64::try_from(days) {
        Ok(days) => sunday.checked_add_days(Days::new(days)),
        Err(_) => sunday.checked_sub_days(Days::new(days.unsigned_abs())),
    }
}

#[cfg(test)]
mod tests {
    use super::{SITES, from_easter};
    use chrono::NaiveDate;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap_or_default()
    }

    #[test]
    fn easter_is_found() {
        for sunday in ["2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2038-04-25"] {
            let sunday = day(sunday);
            assert_eq!(from_easter(chrono::Datelike::year(&sunday), 0), Some(sunday));
        }
    }

    #[test]
    fn clocks_change() {
        let hours = |site: usize, at: &str| SITES.get(site).map(|site| site.offset(day(at)) / 3600);
        assert_eq!(hours(0, "2026-03-28"), Some(1));
        assert_eq!(hours(0, "2026-03-29"), Some(2));
        assert_eq!(hours(0, "2026-10-25"), Some(1));
        assert_eq!(hours(1, "2026-03-07"), Some(-5));
        assert_eq!(hours(1, "2026-03-08"), Some(-4));
        assert_eq!(hours(1, "2026-11-01"), Some(-5));
        assert_eq!(hours(5, "2026-07-01"), Some(9));
    }

    #[test]
    fn holidays_are_kept() {
        let off = |site: usize, at: &str| SITES.get(site).map(|site| site.is_holiday(day(at)));
        assert_eq!(off(0, "2026-04-03"), Some(true), "Good Friday in Germany");
        assert_eq!(off(1, "2026-04-03"), Some(false), "not in the United States");
        assert_eq!(off(1, "2026-11-26"), Some(true), "Thanksgiving");
        assert_eq!(off(2, "2026-10-26"), Some(true), "the last Monday of October in Ireland");
    }
}
