//! Days, weeks and date-times as the API writes them.
//!
//! chrono does the calendar arithmetic. This module adds the numbering of days and weeks for sums, and the exact
//! grammars of the API.

use alloc::format;
use alloc::string::String;
use chrono::{Datelike, Months, NaiveDate};
use core::fmt;
use serde::{Serialize, Serializer};
use streamgage_kernel::week_of;

/// A calendar day, as the number of days since 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

/// A week from Monday to Sunday, as the number of weeks since that of Monday, 1969-12-29.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week(i32);

impl Day {
    /// Parses exactly `YYYY-MM-DD`, years 0001 to 9999.
    ///
    /// ```
    /// use streamgage::calendar::Day;
    /// assert_eq!(Day::parse("1970-01-02"), Some(Day::from_number(1)));
    /// assert_eq!(Day::parse("2023-02-29"), None);
    /// assert_eq!(Day::parse("2023-2-1"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Day> {
        let (day, rest) = parse_date(text.as_bytes())?;
        rest.is_empty().then_some(day)
    }

    /// Creates the day with that number.
    pub const fn from_number(number: i32) -> Day {
        Day(number)
    }

    /// Returns the number of days since 1970-01-01.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Returns the week of this day.
    pub const fn week(self) -> Week {
        Week(week_of(self.0))
    }

    /// Returns the day after this one.
    #[must_use]
    pub const fn next(self) -> Day {
        Day(self.0.saturating_add(1))
    }

    /// Returns the same day that many years earlier; 28 February in place of a missing 29 February (§1).
    pub fn years_before(self, years: u32) -> Day {
        let earlier = self.date().and_then(|date| date.checked_sub_months(Months::new(years.saturating_mul(12))));
        earlier.map_or(self, Day::from)
    }

    fn date(self) -> Option<NaiveDate> {
        NaiveDate::from_epoch_days(self.0)
    }
}

impl From<NaiveDate> for Day {
    fn from(date: NaiveDate) -> Day {
        Day(date.to_epoch_days())
    }
}

impl Week {
    /// Creates the week with that number.
    pub const fn from_number(number: i32) -> Week {
        Week(number)
    }

    /// Returns the number of weeks since that of 1969-12-29.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Returns the first day of the week.
    pub const fn monday(self) -> Day {
        Day(self.0.saturating_mul(7).saturating_sub(3))
    }

    /// Returns how many of the week's days lie between `first` and `last`, inclusive.
    pub fn days_within(self, first: Day, last: Day) -> u32 {
        let monday = i64::from(self.monday().0);
        let from = monday.max(i64::from(first.0));
        let to = (monday + 6).min(i64::from(last.0));
        u32::try_from(to - from + 1).unwrap_or(0)
    }
}

/// Formats as `YYYY-MM-DD`.
impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date() {
            Some(date) => write!(formatter, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
            None => write!(formatter, "day {}", self.0),
        }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A date and time as written, with the offset from UTC if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    /// Seconds from 1970-01-01T00:00:00 to the date and time as written, regardless of the offset.
    pub written: i64,
    /// Microseconds beyond that second.
    pub microsecond: u32,
    /// Seconds east of UTC; `None` if the text has no offset.
    pub offset: Option<i32>,
}

const DAY_SECONDS: i64 = 86_400;

impl DateTime {
    /// Parses `YYYY-MM-DD`, optionally with a space or `T` and `hh:mm[:ss[.f]]`, then nothing, `Z`, `+hh:mm` or `+hhmm`
    /// (§2). Fractions are truncated to microseconds.
    ///
    /// ```
    /// use streamgage::calendar::DateTime;
    /// assert_eq!(DateTime::parse("1970-01-02T00:00:01+01:00").map(|time| time.utc()), Some(82_801));
    /// assert!(DateTime::parse("2024-05-06 10:00").is_some());
    /// assert!(DateTime::parse("2024-05-06T24:00:00").is_none());
    /// assert!(DateTime::parse("yesterday").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<DateTime> {
        let (day, rest) = parse_date(text.as_bytes())?;
        let midnight = i64::from(day.0) * DAY_SECONDS;
        let Some(([b' ' | b'T'], rest)) = rest.split_at_checked(1) else {
            return rest.is_empty().then_some(DateTime { written: midnight, microsecond: 0, offset: None });
        };
        let (hour, rest) = two_digits(rest, 23)?;
        let (minute, mut rest) = two_digits(rest.strip_prefix(b":")?, 59)?;
        let mut second = 0;
        let mut microsecond = 0;
        if let Some(seconds) = rest.strip_prefix(b":") {
            (second, rest) = two_digits(seconds, 59)?;
            if let Some(fraction) = rest.strip_prefix(b".") {
                (microsecond, rest) = fraction_digits(fraction)?;
            }
        }
        let written = midnight + i64::from(hour * 3600 + minute * 60 + second);
        Some(DateTime { written, microsecond, offset: parse_offset(rest)? })
    }

    /// Returns microseconds since 1970-01-01T00:00:00Z; a text without an offset is UTC (§2).
    pub fn microseconds(&self) -> i64 {
        self.utc().saturating_mul(1_000_000).saturating_add(i64::from(self.microsecond))
    }

    /// Returns seconds since 1970-01-01T00:00:00Z; a text without an offset is UTC (§2).
    pub fn utc(&self) -> i64 {
        self.written - i64::from(self.offset.unwrap_or(0))
    }

    /// Returns the calendar day as written.
    pub fn written_day(&self) -> Day {
        day_of_seconds(self.written)
    }

    /// Returns the date and time on a clock that many seconds east of UTC. Without an offset, the clock is that by which
    /// the date was written.
    #[must_use]
    pub fn at_offset(&self, seconds: Option<i64>) -> DateTime {
        let written = seconds.map_or(self.written, |seconds| self.utc().saturating_add(seconds));
        DateTime { written, microsecond: self.microsecond, offset: None }
    }

    /// Returns `YYYY-MM-DDThh:mm:ss[.f]`, the date and time as written without the offset; `None` outside the years 0001 to
    /// 9999.
    ///
    /// ```
    /// use streamgage::calendar::DateTime;
    /// let date = DateTime::parse("2016-07-31 00:53:12.500Z").map(|date| date.at_offset(Some(-25_200)));
    /// assert_eq!(date.and_then(|date| date.to_text()).as_deref(), Some("2016-07-30T17:53:12.5"));
    /// ```
    pub fn to_text(&self) -> Option<String> {
        let day = self.written_day().date().filter(|date| (1..=9999).contains(&date.year()))?;
        let second = self.written.rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let mut text = format!("{}T{hour:02}:{minute:02}:{second:02}", Day::from(day));
        if self.microsecond > 0 {
            text.push_str(format!(".{:06}", self.microsecond).trim_end_matches('0'));
        }
        Some(text)
    }
}

fn day_of_seconds(seconds: i64) -> Day {
    let day = seconds.div_euclid(DAY_SECONDS);
    Day(i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX }))
}

fn parse_date(text: &[u8]) -> Option<(Day, &[u8])> {
    let (&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2], rest) = text.split_first_chunk::<10>()? else {
        return None;
    };
    let year = i32::try_from(number([y1, y2, y3, y4])?).ok().filter(|&year| year > 0)?;
    Some((NaiveDate::from_ymd_opt(year, number([m1, m2])?, number([d1, d2])?)?.into(), rest))
}

fn parse_offset(text: &[u8]) -> Option<Option<i32>> {
    let (sign, rest) = match text.split_first() {
        None => return Some(None),
        Some((b'Z', [])) => return Some(Some(0)),
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        Some(_) => return None,
    };
    let (hours, rest) = two_digits(rest, 23)?;
    let (minutes, rest) = two_digits(rest.strip_prefix(b":").unwrap_or(rest), 59)?;
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    rest.is_empty().then_some(Some(sign * seconds))
}

fn two_digits(text: &[u8], at_most: u32) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<2>()?;
    number(*digits).filter(|&number| number <= at_most).map(|number| (number, rest))
}

#[inline]
fn number<const LENGTH: usize>(digits: [u8; LENGTH]) -> Option<u32> {
    digits.iter().try_fold(0, |number, byte| {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        (digit < 10).then_some(number * 10 + digit)
    })
}

/// Parses one or more digits after the point as microseconds.
fn fraction_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(length).filter(|(digits, _)| !digits.is_empty())?;
    let padded = digits.iter().copied().chain(core::iter::repeat(b'0')).take(6);
    Some((padded.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn weeks_begin_on_monday() {
        assert_eq!(day("2021-06-01").week().monday().to_string(), "2021-05-31");
        assert_eq!(day("2021-05-31").week(), day("2021-06-06").week());
        assert_eq!(day("2021-06-07").week().number(), day("2021-06-06").week().number() + 1);
        assert_eq!(day("1969-12-28").week().number(), -1);
        assert_eq!(day("1969-12-29").week().number(), 0);
    }

    /// Counts days by the rules of the calendar (ISO 8601): 0001-01-01 is a Monday.
    #[test]
    fn every_day_of_the_years_1_to_9999_is_read_written_and_in_its_week() {
        let (mut number, mut weekday, mut monday) = (-719_162, 0, 0);
        for year in 1..=9_999 {
            let is_leap = year % 400 == 0 || year % 4 == 0 && year % 100 != 0;
            for (month, days) in (1..).zip([31, 28 + u32::from(is_leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
                for date in 1..=days {
                    let text = format!("{year:04}-{month:02}-{date:02}");
                    let day = Day::from_number(number);
                    assert_eq!(Day::parse(&text), Some(day), "{text}");
                    assert_eq!(day.to_string(), text);
                    if weekday == 0 {
                        monday = number;
                        let week = NaiveDate::from_ymd_opt(year, month, date).map(|date| date.iso_week());
                        let first = week.and_then(|week| {
                            NaiveDate::from_isoywd_opt(week.year(), week.week(), chrono::Weekday::Mon)
                        });
                        assert_eq!(first.map(Day::from), Some(day.week().monday()), "{text}");
                    }
                    assert_eq!(day.week().monday().number(), monday, "{text}");
                    assert_eq!(day.week().days_within(day, Day::from_number(i32::MAX)), 7 - weekday, "{text}");
                    (number, weekday) = (number + 1, (weekday + 1) % 7);
                }
                assert_eq!(Day::parse(&format!("{year:04}-{month:02}-{:02}", days + 1)), None);
            }
        }
        assert_eq!(number, 2_932_897);
    }

    #[test]
    fn days_of_a_week_inside_a_range() {
        let (first, last) = (day("2021-06-01"), day("2021-06-30"));
        assert_eq!(first.week().days_within(first, last), 6);
        assert_eq!(day("2021-06-09").week().days_within(first, last), 7);
        assert_eq!(last.week().days_within(first, last), 3);
        assert_eq!(day("2021-07-09").week().days_within(first, last), 0);
    }

    #[test]
    fn years_before_a_leap_day() {
        assert_eq!(day("2024-02-29").years_before(3), day("2021-02-28"));
        assert_eq!(day("2024-03-01").years_before(3), day("2021-03-01"));
    }

    #[test]
    fn dates_are_exact() {
        for wrong in ["", "2021", "2021-6-01", "2021-06-1", "2021-06-31", "0000-01-01", "2021-06-01 ", "+021-06-01"] {
            assert_eq!(Day::parse(wrong), None, "{wrong}");
        }
        assert_eq!(day("9999-12-31").to_string(), "9999-12-31");
        assert_eq!(day("0001-01-01").to_string(), "0001-01-01");
    }

    #[test]
    fn date_times() {
        let read = |text| DateTime::parse(text).map(|time| (time.utc(), time.microsecond));
        assert_eq!(read("1970-01-01"), Some((0, 0)));
        assert_eq!(read("1970-01-01T00:01"), Some((60, 0)));
        assert_eq!(read("1970-01-01 00:01:02.5"), Some((62, 500_000)));
        assert_eq!(read("1970-01-01T00:01:02.1234567Z"), Some((62, 123_456)));
        assert_eq!(read("1970-01-01T00:00:00-0100"), Some((3600, 0)));
        assert_eq!(read("1970-01-01T01:00:00+01:00"), Some((0, 0)));
        for wrong in
            ["1970-01-01T", "1970-01-01T1", "1970-01-01T01", "1970-01-01T01:00:00.", "1970-01-01T01:00:00 01:00"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn local_dates_have_a_text_in_the_years_1_to_9999() {
        let local = |text, offset| DateTime::parse(text).unwrap().at_offset(offset).to_text();
        assert_eq!(local("2026-06-29T23:30:00+05:30", Some(19_800)).unwrap(), "2026-06-29T23:30:00");
        assert_eq!(local("2026-06-29T23:30:00+05:30", None).unwrap(), "2026-06-29T23:30:00");
        assert_eq!(local("2026-06-29T23:30:00+05:30", Some(0)).unwrap(), "2026-06-29T18:00:00");
        assert_eq!(local("2026-06-30", Some(-1)).unwrap(), "2026-06-29T23:59:59");
        assert_eq!(local("2026-06-30 10:30:00.123456789", Some(50_400)).unwrap(), "2026-07-01T00:30:00.123456");
        assert_eq!(local("0001-01-01T00:00:00", Some(0)).unwrap(), "0001-01-01T00:00:00");
        assert_eq!(local("0001-01-01T00:00:00", Some(-1)), None);
        assert_eq!(local("9999-12-31T23:59:59", Some(1)), None);
    }

    #[test]
    fn local_days() {
        let time = DateTime::parse("2016-07-31T00:53:12").unwrap();
        assert_eq!(time.at_offset(Some(-25_200)).written_day(), day("2016-07-30"));
        let time = DateTime::parse("2016-07-31T00:53:12+05:00").unwrap();
        assert_eq!(time.written_day(), day("2016-07-31"));
        assert_eq!(time.at_offset(Some(0)).written_day(), day("2016-07-30"));
    }
}
