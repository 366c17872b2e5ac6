//! Cache directives: `Cache-Control` (RFC 9111 §5.2) and fields that are targeted at one cache (RFC 9213).

use super::Fields;

/// Longer than any cache lives; what is longer still, or too long to be a number, is this (RFC 9111 §1.2.2).
pub(super) const LONGEST: u64 = 1 << 31;

/// The directives of a request or of a response, names in lower case.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Directives(Vec<(String, Option<String>)>);

impl Directives {
    /// Those of `Cache-Control`.
    pub(super) fn of(fields: &Fields) -> Directives {
        fields.get("cache-control").map_or_else(Directives::default, |text| Directives::parse(&text))
    }

    fn parse(text: &str) -> Directives {
        let mut directives = Vec::new();
        for member in members(text) {
            let (name, value) = member.split_once('=').map_or((member, None), |(name, value)| (name, Some(value)));
            directives.push((name.to_ascii_lowercase(), value.map(unquoted)));
        }
        Directives(directives)
    }

    /// Those of a targeted field, which is a Dictionary (RFC 8941 §3.2); `None` if it isn't one, and has to be ignored.
    pub(super) fn structured(text: &str) -> Option<Directives> {
        let mut directives = Vec::new();
        for member in members(text) {
            let (name, value) = member.split_once('=').map_or((member, None), |(name, value)| (name, Some(value)));
            let mut letters = name.bytes();
            let key = letters.next().is_some_and(|first| first.is_ascii_lowercase() || first == b'*')
                && letters.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'));
            let value = match value {
                None | Some("?1") => None,
                Some("?0") => continue,
                Some(value) if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => Some(value),
                Some(value) if value.len() > 1 && value.starts_with('"') && value.ends_with('"') => Some(value),
                Some(value) if value.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*') => {
                    Some(value)
                }
                Some(_) => return None,
            };
            if !key {
                return None;
            }
            directives.push((name.to_owned(), value.map(str::to_owned)));
        }
        Some(Directives(directives)).filter(|directives| !directives.0.is_empty())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// The seconds of a directive. A value that is none is 0, and of several values the least holds, so that an answer
    /// is rather taken for stale (RFC 9111 §4.2.1).
    pub(super) fn seconds(&self, name: &str) -> Option<u64> {
        let values = self.0.iter().filter(|(other, _)| other == name);
        values.map(|(_, value)| value.as_deref().and_then(delta_seconds).unwrap_or(0)).min()
    }
}

/// `delta-seconds` (RFC 9111 §1.2.2).
pub(super) fn delta_seconds(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().map_or(LONGEST, |seconds: u64| seconds.min(LONGEST)))
}

/// The members of a list, apart at commas outside of quoted strings. A quotation mark that nothing closes is a letter like
/// any other, so that it hides no `no-store` behind it.
fn members(text: &str) -> impl Iterator<Item = &str> {
    let mut quotes = Quotes::default();
    text.chars().for_each(|letter| quotes.step(letter));
    let closes = !quotes.inside;
    quotes = Quotes::default();
    let apart = move |letter| {
        quotes.step(letter);
        letter == ',' && !(closes && quotes.inside)
    };
    text.split(apart).map(str::trim).filter(|member| !member.is_empty())
}

/// Where in a text a reader is: a quoted string is the value of a directive, so it begins behind `=`.
#[derive(Default)]
struct Quotes {
    inside: bool,
    escaped: bool,
    previous: Option<char>,
}

impl Quotes {
    fn step(&mut self, letter: char) {
        match letter {
            _ if self.escaped => self.escaped = false,
            '\\' => self.escaped = self.inside,
            '"' => self.inside = !self.inside && self.previous == Some('='),
            _ => {}
        }
        self.previous = Some(letter);
    }
}

/// What a quoted string says, or the text itself if it is none.
fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.map_or_else(|| text.to_owned(), |inner| inner.replace('\\', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_strings_are_one_value() {
        let directives = Directives::parse(r#"a="max-age=1, \" no-store", MAX-Age="60",,no-cache"#);
        assert_eq!(directives.seconds("max-age"), Some(60));
        assert!(directives.has("no-cache") && !directives.has("no-store"));
        for text in [r#"", no-store"#, r#"a=", no-store"#, r#"", no-store, ""#, r#"a="\", no-store"#] {
            assert!(Directives::parse(text).has("no-store"), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_stale() {
        for (text, seconds) in [
            ("max-age=003600", 3600),
            ("max-age=99999999999999999999999", LONGEST),
            ("max-age=3600, max-age=1", 1),
            ("max-age=-1", 0),
            ("max-age='60'", 0),
            ("max-age=1.5", 0),
            ("max-age= 60", 0),
            ("max-age", 0),
        ] {
            assert_eq!(Directives::parse(text).seconds("max-age"), Some(seconds), "{text}");
        }
        assert_eq!(Directives::parse("max-age =60").seconds("max-age"), None);
    }

    #[test]
    fn a_targeted_field_is_a_dictionary_or_nothing() {
        let seconds = |text| Directives::structured(text).and_then(|found| found.seconds("max-age"));
        assert_eq!(seconds("foo, max-age=60, bar=?0"), Some(60));
        // A string is no number.
        assert_eq!(seconds(r#"max-age="60""#), Some(0));
        for text in ["", "max-age=60, &&&", "max-age =60", "max-age= 60", "Max-Age=60", "max-age=-"] {
            assert_eq!(Directives::structured(text), None, "{text}");
        }
    }
}
