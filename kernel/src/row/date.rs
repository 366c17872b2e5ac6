//! Parser of dates and times.

use super::value::{Parsed, Window, byte, word};

/// The date and time parsed last: its text, and what the text and its date alone stand for.
#[derive(Clone, Copy, Debug)]
pub(super) struct DateParser {
    words: [u64; 3],
    seconds: i64,
    midnight: i64,
}

impl Default for DateParser {
    fn default() -> DateParser {
        // No text consists of these words.
        DateParser { words: [u64::MAX; 3], seconds: 0, midnight: 0 }
    }
}

const POSITION_BITS: u32 = 24;

/// Packs seconds and a position into one number; `None` for a position beyond 16 MB.
#[inline(always)]
fn pack(seconds: i64, position: usize) -> Option<i64> {
    // Seconds of the years 1 to 9999 take 39 bits.
    (position < 1 << POSITION_BITS).then_some(seconds << POSITION_BITS | position as i64)
}

#[inline]
pub(super) fn unpack(packed: i64) -> (i64, usize) {
    (packed >> POSITION_BITS, (packed & ((1 << POSITION_BITS) - 1)) as usize)
}

impl DateParser {
    /// Parses a date and time in quotes that is on the date parsed last. `at` is the window's position in the row.
    #[inline(always)]
    pub(super) fn read(&mut self, window: &Window, begin: usize, at: usize) -> Parsed {
        let (date, time, end) = (word(window, begin + 1), word(window, begin + 9), word(window, begin + 13));
        let [last_date, last_time, last_end] = self.words;
        if byte(window, begin) != b'"' || date != last_date || time as u16 != last_time as u16 {
            return None;
        }
        // The dates of a row are often equal.
        if time != last_time || end != last_end {
            self.seconds = self.midnight.wrapping_add(second_of_day(time, end)?);
            self.words = [date, time, end];
        }
        Some((pack(self.seconds, at.wrapping_add(begin + 1))?, begin + 21))
    }

    /// Parses a date and time on any date.
    #[cold]
    pub(super) fn read_any(&mut self, window: &Window, at: usize) -> Parsed {
        let (date, time) = (word(window, 1), word(window, 9));
        let [year, _, years, _, _, month, ..] = pairs(date, b"0000-00-")?;
        let [day, ..] = pairs(time, b"00T00:00")?;
        let day = day_number(i32::from(year) * 100 + i32::from(years), month, day)?;
        self.midnight = i64::from(day).wrapping_mul(86_400);
        // The time of the last date is no longer valid.
        self.words = [date, time, 0];
        self.read(window, 0, at)
    }
}

/// Returns the second of the day from `DDThh:mm` and `h:mm:ss"`.
#[inline(always)]
fn second_of_day(time: u64, end: u64) -> Option<i64> {
    let [_, _, _, hour, _, _, minute, _] = pairs(time, b"00T00:00")?;
    let [_, _, _, _, _, second, ..] = pairs(end, b"0:00:00\"")?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

/// Returns, for each byte, the number that it and the next one write, if the text has digits where `form` has zeros, and
/// the other characters of `form` where it has those.
#[inline(always)]
fn pairs(text: u64, form: &[u8; 8]) -> Option<[u8; 8]> {
    let digits = text ^ u64::from_le_bytes(*form);
    // The addition sets the highest bit of a digit above 9, and of any other byte above 0.
    let mut beyond = [0x76; 8];
    for (beyond, &form) in beyond.iter_mut().zip(form) {
        *beyond = if form == b'0' { 0x76 } else { 0x7f };
    }
    const HIGH: u64 = 0x8080_8080_8080_8080;
    if digits & HIGH != 0 || digits.wrapping_add(u64::from_le_bytes(beyond)) & HIGH != 0 {
        return None;
    }
    // No byte exceeds 99, so none carries into the next.
    Some((digits.wrapping_mul(10).wrapping_add(digits >> 8)).to_le_bytes())
}

/// Returns the days from 1970-01-01 to a day of the years 1 to 9999; `None` if there is no such day.
#[inline(always)]
fn day_number(year: i32, month: u8, day: u8) -> Option<i32> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u8::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > days || year == 0 {
        return None;
    }
    // Counts years from March, so that the leap day is the last day of a year.
    let (month, year) = (i32::from(month), year - i32::from(month < 3));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i32::from(day) - 1;
    Some(year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn window(text: &str) -> Window {
        let mut window = [0; 64];
        window[..text.len()].copy_from_slice(text.as_bytes());
        window
    }

    #[test]
    fn every_day_of_the_years_1_to_9999_has_the_next_number() {
        let mut parser = DateParser::default();
        let mut expected = -719_162;
        for year in 0..=9_999 {
            let is_leap = year % 400 == 0 || year % 4 == 0 && year % 100 != 0;
            for (month, days) in (1..).zip([31, 28 + u8::from(is_leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
                for day in 1..=days {
                    assert_eq!(day_number(year, month, day), (year > 0).then_some(expected), "{year}-{month}-{day}");
                    expected += i32::from(year > 0);
                }
                assert_eq!([day_number(year, month, 0), day_number(year, month, days + 1)], [None; 2]);
                // Each month as text.
                let text = window(&format!("\"{year:04}-{month:02}-{days:02}T23:59:59\""));
                let seconds = i64::from(expected) * 86_400 - 1;
                assert_eq!(parser.read_any(&text, 7), pack(seconds, 8).filter(|_| year > 0).map(|packed| (packed, 21)));
                if year > 0 {
                    let same = parser.read(&text, 0, 7).map(|(packed, end)| (unpack(packed), end));
                    assert_eq!(same, Some(((seconds, 8), 21)));
                }
            }
            assert_eq!([day_number(year, 0, 1), day_number(year, 13, 1)], [None; 2]);
        }
        assert_eq!(expected, 2_932_897);
    }

    #[test]
    fn every_second_of_a_day_is_read_and_no_other() {
        let mut parser = DateParser::default();
        let first = window("\"1970-01-01T00:00:00\"");
        for (hour, minute, second) in (0..100)
            .flat_map(|hour| [0, 9, 10, 59, 60, 99].map(|minute| (hour, minute)))
            .flat_map(|(hour, minute)| (0..100).map(move |second| (hour, minute, second)))
        {
            assert_eq!(parser.read_any(&first, 0), pack(0, 1).map(|packed| (packed, 21)));
            let text = window(&format!("\"1970-01-01T{hour:02}:{minute:02}:{second:02}\""));
            let is_valid = hour < 24 && minute < 60 && second < 60;
            let expected = is_valid.then_some(hour * 3_600 + minute * 60 + second);
            let read = parser.read(&text, 0, 0).map(|(packed, _)| unpack(packed).0);
            assert_eq!(read, expected, "{hour}:{minute}:{second}");
        }
    }

    #[test]
    fn only_times_on_the_date_read_last_are_read() {
        let mut parser = DateParser::default();
        let last = window("\"2024-02-28T10:00:00\"");
        for other in ["2024-03-28", "2025-02-28", "2024-02-27", "2024-02-18", "2024-03-27"] {
            assert!(parser.read_any(&last, 0).is_some() && parser.read(&last, 0, 0).is_some());
            assert_eq!(parser.read(&window(&format!("\"{other}T10:00:00\"")), 0, 0), None, "{other}");
        }
        assert_eq!(parser.read(&window(" 2024-02-28T10:00:00\""), 0, 0), None);
    }

    #[test]
    fn characters_beside_the_digits_are_exact() {
        let text = b"\"2024-02-29T23:59:58\"";
        for at in 0..text.len() {
            for byte in 0..=u8::MAX {
                let mut other = window("");
                other[..text.len()].copy_from_slice(text);
                other[at] = byte;
                let read = DateParser::default().read_any(&other, 0);
                let is_digit = text[at].is_ascii_digit() && byte.is_ascii_digit();
                assert!(byte == text[at] || is_digit || read.is_none(), "{byte} at {at}");
            }
        }
    }

    #[test]
    fn seconds_and_positions_are_packed_without_loss() {
        const FIRST: i64 = -62_135_596_800;
        const LAST: i64 = 253_402_300_799;
        for seconds in [FIRST, FIRST + 1, -86_400, -1, 0, 1, 86_399, (1 << 32) - 1, 1 << 32, LAST - 1, LAST] {
            for position in [0, 1, 0xff, 0x100, 0xffff, 0x1_0000, (1 << 24) - 2, (1 << 24) - 1] {
                assert_eq!(pack(seconds, position).map(unpack), Some((seconds, position)));
            }
            assert_eq!([1 << 24, (1 << 24) + 1, usize::MAX].map(|position| pack(seconds, position)), [None; 3]);
        }
    }
}
