//! The `Cache-Control` header (RFC 9111 §5.2), and the variant of it for caches at the edge (RFC 9213).

use sfv::visitor::{DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor, Never};
use sfv::{BareItemFromInput, KeyRef, Parser};
use std::fmt;

/// The greatest number of seconds. Greater values, and values that overflow, count as this one (RFC 9111 §1.2.2).
pub(super) const MAX_SECONDS: u64 = 1 << 31;

/// Directives with a number of seconds.
const WITH_SECONDS: [&str; 4] = ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"];

/// Directives of a response, with names in lower case.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct CacheControl(Vec<(String, Option<String>)>);

impl CacheControl {
    pub(super) fn parse(text: &str) -> CacheControl {
        let mut directives = Vec::new();
        for member in members(text) {
            let (name, value) = member.split_once('=').map_or((member, None), |(name, value)| (name, Some(value)));
            directives.push((name.to_ascii_lowercase(), value.map(unquote)));
        }
        CacheControl(directives)
    }

    /// Parses a targeted field, which is a dictionary of structured fields. Returns `None` for an invalid or empty field,
    /// which is ignored (RFC 9213 §2.2).
    pub(super) fn parse_targeted(text: &str) -> Option<CacheControl> {
        // The maps of the library would add three kilobytes to the Worker.
        let CacheControl(mut directives) =
            Parser::new(text).parse_dictionary_with_visitor(CacheControl::default()).ok()?;
        directives.retain(|(_, value)| value.as_deref() != Some(FALSE));
        (!directives.is_empty()).then_some(CacheControl(directives))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// Returns the seconds of a directive. An invalid value counts as 0 and the least of several values counts, so that
    /// a response is treated as stale in case of doubt (RFC 9111 §4.2.1).
    pub(super) fn seconds(&self, name: &str) -> Option<u64> {
        let values = self.0.iter().filter(|(other, _)| other == name);
        values.map(|(_, value)| value.as_deref().and_then(parse_seconds).unwrap_or(0)).min()
    }
}

/// The value of a directive that is switched off in a dictionary.
const FALSE: &str = "?0";

impl<'de> DictionaryVisitor<'de> for CacheControl {
    type Out = CacheControl;
    type Error = fmt::Error;

    fn entry(&mut self, name: &'de KeyRef) -> Result<impl EntryVisitor<'de>, fmt::Error> {
        let name = name.as_str().to_owned();
        // The last value of a name counts (RFC 9651 §3.2).
        self.0.retain(|(other, _)| *other != name);
        Ok(Member { directives: &mut self.0, name })
    }

    fn finish(self) -> Result<CacheControl, fmt::Error> {
        Ok(self)
    }
}

/// A directive whose value is parsed next.
struct Member<'a> {
    directives: &'a mut Vec<(String, Option<String>)>,
    name: String,
}

impl<'de> EntryVisitor<'de> for Member<'_> {
    type Error = fmt::Error;

    fn item(self) -> Result<impl ItemVisitor<'de>, fmt::Error> {
        Ok(|value: BareItemFromInput<'de>| {
            let value = match value {
                BareItemFromInput::Integer(seconds) => Some(seconds.to_string()),
                _ if WITH_SECONDS.contains(&self.name.as_str()) => return Err(fmt::Error),
                BareItemFromInput::Boolean(false) => Some(FALSE.to_owned()),
                _ => None,
            };
            self.directives.push((self.name, value));
            Ok(Ignored)
        })
    }

    /// No directive has a list.
    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, fmt::Error> {
        Err::<Never, _>(fmt::Error)
    }
}

/// Parses `delta-seconds` (RFC 9111 §1.2.2).
pub(super) fn parse_seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().map_or(MAX_SECONDS, |seconds: u64| seconds.min(MAX_SECONDS)))
}

/// Splits a list at commas outside of quoted strings. A quotation mark that is never closed is an ordinary character, so
/// that it cannot hide a `no-store` that follows it.
fn members(text: &str) -> impl Iterator<Item = &str> {
    let mut quotes = QuoteState::default();
    text.chars().for_each(|character| quotes.step(character));
    let are_balanced = !quotes.is_inside;
    quotes = QuoteState::default();
    let is_separator = move |character| {
        quotes.step(character);
        character == ',' && !(are_balanced && quotes.is_inside)
    };
    text.split(is_separator).map(str::trim).filter(|member| !member.is_empty())
}

/// The position of a scanner relative to quoted strings. A quoted string is the value of a directive, so it follows `=`.
#[derive(Default)]
struct QuoteState {
    is_inside: bool,
    is_escaped: bool,
    previous: Option<char>,
}

impl QuoteState {
    fn step(&mut self, character: char) {
        match character {
            _ if self.is_escaped => self.is_escaped = false,
            '\\' => self.is_escaped = self.is_inside,
            '"' => self.is_inside = !self.is_inside && self.previous == Some('='),
            _ => {}
        }
        self.previous = Some(character);
    }
}

/// Returns the content of a quoted string, or other text as it is.
fn unquote(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.map_or_else(|| text.to_owned(), |inner| inner.replace('\\', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_string_is_one_value() {
        let control = CacheControl::parse(r#"a="max-age=1, \" no-store", MAX-Age="60",,no-cache"#);
        assert_eq!(control.seconds("max-age"), Some(60));
        assert!(control.has("no-cache") && !control.has("no-store"));
        // Commas in a value separate nothing, also behind an escaped quotation mark.
        for text in
            [r#"a="x, no-store, max-age=1""#, r#"a="x\", no-store, max-age=1, y""#, r#"a="\\\", no-store, max-age=1""#]
        {
            let control = CacheControl::parse(&format!("{text}, max-age=60"));
            assert!(!control.has("no-store") && control.seconds("max-age") == Some(60), "{text}");
        }
        // A backslash outside of a quoted string escapes nothing, and neither does an escaped one.
        for text in [r#"\a="x", no-store"#, r#"a=\"x", no-store"#, r#"a="x\\", no-store"#] {
            assert!(CacheControl::parse(text).has("no-store"), "{text}");
        }
        for text in [r#"", no-store"#, r#"a=", no-store"#, r#"", no-store, ""#, r#"a="\", no-store"#] {
            assert!(CacheControl::parse(text).has("no-store"), "{text}");
        }
    }

    #[test]
    fn an_invalid_number_counts_as_zero() {
        for (text, seconds) in [
            ("max-age=003600", 3600),
            ("max-age=99999999999999999999999", MAX_SECONDS),
            ("max-age=3600, max-age=1", 1),
            ("max-age=-1", 0),
            ("max-age='60'", 0),
            ("max-age=1.5", 0),
            ("max-age= 60", 0),
            ("max-age", 0),
        ] {
            assert_eq!(CacheControl::parse(text).seconds("max-age"), Some(seconds), "{text}");
        }
        assert_eq!(CacheControl::parse("max-age =60").seconds("max-age"), None);
    }
}
