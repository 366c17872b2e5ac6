//! Query strings, split and decoded (§0).

use alloc::{borrow::Cow, string::String, vec::Vec};

/// The parameters of a query string, in the order sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Parameters<'a> {
    /// Splits on `&` alone and decodes names and values. Nothing is an error.
    ///
    /// ```
    /// use streamgage::query::Parameters;
    /// let parameters = Parameters::parse("a=1+2&b=%c3%a9%zz&a=&c");
    /// assert_eq!(parameters.iter().collect::<Vec<_>>(), [("a", "1 2"), ("b", "é%zz"), ("a", ""), ("c", "")]);
    /// ```
    pub fn parse(query_string: &'a str) -> Parameters<'a> {
        let parts = query_string.split('&').filter(|part| !part.is_empty());
        let pairs = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        });
        Parameters(pairs.collect())
    }

    /// Returns all names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// Returns the last value sent; `None` if it is blank.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.last(name).filter(|value| !value.is_empty())
    }

    /// Returns the last value sent, even if it is blank.
    pub(crate) fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(sent, _)| sent == name).map(|(_, value)| value.as_ref())
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    unescape(text, b' ')
}

/// Decodes percent-encoding like Python's `unquote`: a `+` stays one.
pub(crate) fn unquote(text: &str) -> Cow<'_, str> {
    unescape(text, b'+')
}

fn unescape(text: &str, plus: u8) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == b'+' || byte == b'%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let escaped = if first == b'%' { after.split_first_chunk::<2>().and_then(hex_pair) } else { None };
        match (first, escaped) {
            (_, Some((byte, after))) => {
                bytes.push(byte);
                rest = after;
            }
            (b'+', _) => bytes.push(plus),
            _ => bytes.push(first),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex_pair<'a>((pair, after): (&[u8; 2], &'a [u8])) -> Option<(u8, &'a [u8])> {
    let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
    let byte = u8::try_from(high? * 16 + low?).ok()?;
    Some((byte, after))
}

/// Appends text in `application/x-www-form-urlencoded`, like Python's `urlencode`: a space is `+`, and all bytes except
/// letters, digits and `_.-~` are `%XX`.
pub fn encode_form(text: &str, into: &mut String) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let hex = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or('0');
    for byte in text.bytes() {
        match byte {
            b' ' => into.push('+'),
            b'_' | b'.' | b'-' | b'~' => into.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => into.push(char::from(byte)),
            _ => into.extend(['%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
}

/// Formats parameters like Python's `urlencode`, in the given order.
///
/// ```
/// use streamgage::query::encode_query;
/// assert_eq!(encode_query([("a b", "1,2"), ("c", "")]), "a+b=1%2C2&c=");
/// ```
pub fn encode_query<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = String::new();
    for (name, value) in parameters {
        if !query.is_empty() {
            query.push('&');
        }
        encode_form(name, &mut query);
        query.push('=');
        encode_form(value, &mut query);
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn value(query: &str) -> String {
        Parameters::parse(query).value("a").unwrap_or("-").into()
    }

    #[test]
    fn the_last_value_counts() {
        assert_eq!(value("a=1&a=2"), "2");
        assert_eq!(value("a=1&a="), "-");
        assert_eq!(value("a=1&a"), "-");
        assert_eq!(value("b=1"), "-");
        assert_eq!(value("a=1;a=2"), "1;a=2");
        assert_eq!(value("%61=b=c"), "b=c");
    }

    #[test]
    fn escapes() {
        assert_eq!(value("a=%41%4a%4A"), "AJJ");
        assert_eq!(value("a=%4"), "%4");
        assert_eq!(value("a=%+1"), "% 1");
        assert_eq!(value("a=100%25%zz"), "100%%zz");
        assert_eq!(value("a=%ff%c3x%f0%9f%98"), "\u{fffd}\u{fffd}x\u{fffd}");
        assert_eq!(value("a=%00"), "\0");
    }

    #[test]
    fn encoded_plus_signs() {
        assert_eq!(unquote("a+b%2Bc%20%zz"), "a+b+c %zz");
    }

    proptest! {
        #[test]
        fn form_encoding_comes_back(text in any::<String>()) {
            let mut encoded = String::from("a=");
            encode_form(&text, &mut encoded);
            prop_assert!(encoded.is_ascii());
            let parameters = Parameters::parse(&encoded);
            prop_assert_eq!(parameters.iter().collect::<Vec<_>>(), [("a", text.as_str())]);
        }

        #[test]
        fn any_text_is_read(query in "[a&=+%c39f]{0,40}") {
            let _ = Parameters::parse(&query);
        }
    }
}
