//! HTTP-dates (RFC 9110 §5.6.7), by the core's calendar: that of the crate `httpdate` would be 4 KB of the bundle.

use super::response_policy::{milliseconds, seconds};
use crate::store::computed_columns::instant;
use streamgage::calendar::{DateTime, Day};

/// 9999-12-31T23:59:59Z, in seconds since 1970: the last moment that an HTTP-date can name.
pub(super) const LAST: u64 = 253_402_300_799;

/// From that of 1970-01-01 on.
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads any of the three forms. What is written otherwise than that moment would be is none.
pub(super) fn read_date(text: &str) -> Option<i64> {
    let text = text.trim();
    let mut parts = text.split([' ', ',', '-']).filter(|part| !part.is_empty()).skip(1);
    let mut part = || parts.next();
    let (first, second, third, fourth) = (part()?, part()?, part()?, part()?);
    // asctime puts the month first, and the time before the year.
    let is_asctime = third.contains(':');
    let (date, month) = if is_asctime { (second, first) } else { (first, second) };
    let (time, year) = if is_asctime { (third, fourth) } else { (fourth, third) };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let century = match year.as_bytes() {
        [b'0'..=b'6', _] => "20",
        [_, _] => "19",
        _ => "",
    };
    let moment = DateTime::parse(&format!("{century}{year}-{month:02}-{date:0>2}T{time}"))?;
    let time = milliseconds(u64::try_from(moment.utc()).ok()?);
    forms(time)?.iter().any(|form| form == text).then_some(time)
}

/// The time in the form that is sent. What lies before 1970 is 1970.
pub(super) fn write_date(time: i64) -> String {
    forms(milliseconds(seconds(time).min(LAST))).map(|[form, ..]| form).unwrap_or_default()
}

/// A time as it is sent, as RFC 850 has it, and as C's `asctime` has it, with a space or a zero before a single digit.
fn forms(time: i64) -> Option<[String; 4]> {
    let written = instant(time.saturating_mul(1_000));
    let (year, month, date, time) = (written.get(..4)?, written.get(5..7)?, written.get(8..10)?, written.get(11..)?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let weekday = WEEKDAYS.get(Day::parse(written.get(..10)?)?.number().rem_euclid(7) as usize)?;
    let short = weekday.get(..3)?;
    Some([
        format!("{short}, {date} {month} {year} {time} GMT"),
        format!("{weekday}, {date}-{month}-{} {time} GMT", year.get(2..)?),
        format!("{short} {month} {:>2} {time} {year}", date.trim_start_matches('0')),
        format!("{short} {month} {date} {time} {year}"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::SystemTime;

    fn by_httpdate(text: &str) -> Option<i64> {
        let since = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_millis()).ok()
    }

    #[test]
    fn three_forms() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(read_date(text), Some(784_111_777_000), "{text}");
            assert_eq!(by_httpdate(text), Some(784_111_777_000), "{text}");
        }
        assert_eq!(write_date(784_111_777_999), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(write_date(-1), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(write_date(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    proptest! {
        /// Dates are read as that crate reads them, and with one character in the place of another too, or not at all: it
        /// takes any character for the space of RFC 850.
        #[test]
        fn as_httpdate_reads_them(
            time in prop_oneof![0..253_402_300_800i64, 0..2_000_000_000i64],
            form in 0..4usize,
            place in 0..80usize,
            other in "[ -~é]",
        ) {
            let text = &forms(time * 1_000).unwrap()[form];
            prop_assert_eq!(read_date(text), by_httpdate(text));
            let changed: String = text.chars().enumerate()
                .map(|(at, letter)| if at == place { other.clone() } else { letter.to_string() }).collect();
            prop_assert!(read_date(&changed).is_none_or(|time| by_httpdate(&changed) == Some(time)), "{}", changed);
        }

        #[test]
        fn written_as_it_is_read(time in 0..253_402_300_800i64) {
            prop_assert_eq!(read_date(&write_date(time * 1_000 + 999)), Some(time * 1_000));
        }
    }
}
