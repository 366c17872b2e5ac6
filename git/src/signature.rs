//! Reads names, dates and text of commits leniently, and compares names and addresses.

use gix::bstr::ByteSlice;
use serde::{Deserialize, Serialize};

/// The name and email of an author or committer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub name: String,
    pub email: String,
}

/// A moment with the offset of the local time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    pub seconds: i64,
    pub offset: i32,
}

/// Decodes text as UTF-8, or as Latin-1 if the commit says so. Replaces other bytes.
pub(crate) fn decode(bytes: &[u8], encoding: Option<&[u8]>) -> String {
    let is_latin = encoding.is_some_and(|encoding| {
        [&b"iso-8859-1"[..], b"latin1", b"latin-1", b"iso8859-1", b"windows-1252", b"cp1252"]
            .iter()
            .any(|name| encoding.eq_ignore_ascii_case(name))
    });
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) if is_latin => bytes.iter().copied().map(char::from).collect(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The time of a signature as it was written.
pub(crate) struct RawMoment {
    seconds: Option<i64>,
    offset: Option<i64>,
}

impl RawMoment {
    /// Returns the moment. An offset of a day or more is read as UTC and reported; so is a date that cannot be read.
    pub fn check(&self, mut report: impl FnMut(&str)) -> Option<Moment> {
        // The years 1 to 9999, less a day for the offset.
        const RANGE: std::ops::Range<i64> = -62_135_510_400..253_402_214_400;
        const DAY: i64 = 86_400;
        let Some(seconds) = self.seconds.filter(|seconds| RANGE.contains(seconds)) else {
            report("date cannot be read");
            return None;
        };
        let offset = self.offset.filter(|offset| (-DAY + 1..DAY).contains(offset));
        if offset.is_none() {
            report("offset from UTC is impossible and is read as UTC");
        }
        Some(Moment { seconds, offset: offset.and_then(|offset| i32::try_from(offset).ok()).unwrap_or_default() })
    }
}

/// Splits `NAME <EMAIL> SECONDS ±HHMM`, as leniently as git does.
pub(crate) fn parse_signature(header: &[u8]) -> ((&[u8], &[u8]), RawMoment) {
    let (name, rest) = header.split_once_str("<").unwrap_or((header, b""));
    let (email, _) = rest.split_once_str(">").unwrap_or((rest, b""));
    let time = header.rsplit_once_str(">").map_or(&b""[..], |(_, time)| time);
    let mut words = time.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let mut word = || words.next().and_then(|word| std::str::from_utf8(word).ok());
    let seconds = word().and_then(|word| word.parse().ok());
    let offset = word().map_or(Some(0), parse_offset);
    ((name.trim(), email.trim()), RawMoment { seconds, offset })
}

/// Parses `±HHMM` into seconds.
fn parse_offset(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    let (hours, minutes) = (number.checked_div(100)?, number.checked_rem(100)?);
    hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)
}

/// Makes names and addresses comparable.
pub(crate) fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Returns the address of a signature in a comparable form, or the name if there is no address.
pub(crate) fn person_key(signature: &Signature) -> String {
    let email = fold(&signature.email);
    if email.is_empty() {
        return format!("<{}>", fold(&signature.name));
    }
    match noreply_login(&email) {
        Some((login, host)) => format!("{login}@{host}"),
        None => email,
    }
}

/// Splits an address that a forge made, such as `123+login@users.noreply.github.com`, into login and host.
pub(crate) fn noreply_login(email: &str) -> Option<(String, String)> {
    let email = fold(email);
    let (local, host) = email.split_once('@')?;
    if !host.starts_with("users.noreply.") && !host.starts_with("noreply.") {
        return None;
    }
    // GitHub puts a number and `+` before the login, GitLab a number and `-`.
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let login = [local.split_once('+'), local.split_once('-')]
        .into_iter()
        .flatten()
        .find(|(number, _)| is_number(number))
        .map_or(local, |(_, login)| login);
    Some((login.to_owned(), host.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_read_leniently() {
        let ((name, email), time) = parse_signature(b"A <B> <a@b.c> 1700000000 -0130");
        assert_eq!((name, email), (&b"A"[..], &b"B"[..]));
        assert_eq!((time.seconds, time.offset), (Some(1_700_000_000), Some(-5400)));
        let (_, time) = parse_signature(b"A <a@b.c> 4294967295 +99999999");
        let mut reports = Vec::new();
        let moment = time.check(|why| reports.push(why.to_owned()));
        assert_eq!(moment, Some(Moment { seconds: 4_294_967_295, offset: 0 }));
        assert_eq!(reports, ["offset from UTC is impossible and is read as UTC"]);
        let (_, time) = parse_signature(b"nobody");
        assert_eq!(time.check(|_| {}), None);
    }
}
