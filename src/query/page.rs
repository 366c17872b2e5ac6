//! Pages of a list: `limit` and `offset` or `page` and `page_size`, and links to other pages (§2).

use super::{Parameters, encode_query};
use crate::schema::Pagination;
use alloc::{format, string::String, string::ToString, vec::Vec};

/// The largest number of rows on a page.
pub const MAX_LIMIT: u64 = 1_000;
/// The number of rows on a page without a valid limit.
pub const DEFAULT_LIMIT: u64 = 100;

/// An offset beyond all rows. Larger ones are equivalent.
const FAR: u64 = i64::MAX.unsigned_abs();

/// The requested rows of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The largest number of rows.
    pub limit: u64,
    /// The number of rows before them.
    pub offset: u64,
    /// The parameters that name the page.
    pub pagination: Pagination,
}

impl Page {
    /// Parses the parameters that name a page. Invalid values of `limit` and `page_size` fall back to 100, and invalid
    /// values of `offset` to 0. An invalid `page` is beyond all rows.
    ///
    /// ```
    /// use streamgage::{query::Page, schema::Pagination};
    /// let page = |query| Page::parse(Pagination::Offset, query);
    /// assert_eq!(page("limit=+2&offset=x"), page("limit=2"));
    /// assert_eq!(page("limit=5000&offset=40"), page("limit=1000&offset=40"));
    /// assert_eq!((page("limit=0").limit, page("limit=0").offset), (100, 0));
    /// let page = Page::parse(Pagination::PageNumber, "page=3&page_size=20");
    /// assert_eq!((page.limit, page.offset), (20, 40));
    /// ```
    pub fn parse(pagination: Pagination, query_string: &str) -> Page {
        let parameters = Parameters::parse(query_string);
        let read = |name| parameters.value(name).and_then(parse_int);
        let size = |name| {
            let limit = read(name).and_then(|limit| u64::try_from(limit).ok().or(Some(MAX_LIMIT)));
            limit.filter(|&limit| limit > 0).unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)
        };
        let bounded = |offset: u128| u64::try_from(offset).map_or(FAR, |offset| offset.min(FAR));
        let (limit, offset) = match pagination {
            Pagination::Offset => (size("limit"), bounded(read("offset").unwrap_or(0))),
            Pagination::PageNumber => {
                let limit = size("page_size");
                let before = match parameters.value("page") {
                    None => Some(0),
                    Some(number) => parse_int(number).and_then(|number| number.checked_sub(1)),
                };
                (limit, before.map_or(FAR, |before| bounded(before.saturating_mul(limit.into()))))
            }
        };
        Page { limit, offset, pagination }
    }

    /// Returns the number of the page, from 1 on, or 0 if it is beyond all rows.
    pub(super) fn number(&self) -> u64 {
        if self.offset == FAR { 0 } else { self.offset / self.limit + 1 }
    }

    /// Reports whether a list of `count` rows has the page. The first page always exists, and so does every page that is
    /// named by an offset.
    pub fn exists(&self, count: u64) -> bool {
        self.pagination == Pagination::Offset || self.offset == 0 || self.offset < count
    }

    /// Returns the address of the next page of a list of `count` rows; `address` is the list without a query.
    pub fn next(&self, count: u64, address: &str, query_string: &str) -> Option<String> {
        let offset = self.offset.saturating_add(self.limit);
        (offset < count).then(|| match self.pagination {
            Pagination::Offset => self.link(address, query_string, Some(offset.into())),
            Pagination::PageNumber => number_link(address, query_string, offset / self.limit + 1),
        })
    }

    /// Returns the address of the previous page.
    pub fn previous(&self, address: &str, query_string: &str) -> Option<String> {
        if self.pagination == Pagination::PageNumber {
            return (self.offset > 0).then(|| number_link(address, query_string, self.offset / self.limit));
        }
        let offset = if self.offset == FAR {
            Parameters::parse(query_string).value("offset").and_then(parse_int).unwrap_or(FAR.into())
        } else {
            self.offset.into()
        };
        let previous = offset.checked_sub(self.limit.into()).filter(|&offset| offset > 0);
        (offset > 0).then(|| self.link(address, query_string, previous))
    }

    /// Returns an address with the parameters as sent, sorted by name, and the effective `limit` and `offset`.
    fn link(&self, address: &str, query_string: &str, offset: Option<u128>) -> String {
        let parameters = Parameters::parse(query_string);
        let limit = self.limit.to_string();
        let offset = offset.map(|offset| offset.to_string());
        let own = [Some(("limit", limit.as_str())), offset.as_deref().map(|offset| ("offset", offset))];
        let sent = parameters.iter().filter(|(name, _)| !matches!(*name, "limit" | "offset"));
        let mut pairs: Vec<(&str, &str)> = sent.chain(own.into_iter().flatten()).collect();
        pairs.sort_by(|one, other| one.0.cmp(other.0));
        format!("{address}?{}", encode_query(pairs))
    }
}

/// Returns an address with the parameters as sent, sorted by name, and the number of a page. The first page needs none.
fn number_link(address: &str, query_string: &str, number: u64) -> String {
    let parameters = Parameters::parse(query_string);
    let number = (number > 1).then(|| number.to_string());
    let own = number.as_deref().map(|number| ("page", number));
    let mut pairs: Vec<(&str, &str)> = parameters.iter().filter(|(name, _)| *name != "page").chain(own).collect();
    pairs.sort_by(|one, other| one.0.cmp(other.0));
    let separator = if pairs.is_empty() { "" } else { "?" };
    format!("{address}{separator}{}", encode_query(pairs))
}

/// Parses a non-negative integer like Python's `int`, saturating at 128 bits.
fn parse_int(text: &str) -> Option<u128> {
    // Unlike `Decimal` and `strip`, `int` does not trim the information separators of ASCII.
    let text = text.trim();
    let (negative, digits) = match text.split_at_checked(1) {
        Some(("-", digits)) => (true, digits),
        Some(("+", digits)) => (false, digits),
        _ => (false, text),
    };
    let mut value = 0u128;
    let mut underscore_may_follow = false;
    for character in digits.chars() {
        match crate::number::decimal_digit(character) {
            Some(digit) => {
                value = value.saturating_mul(10).saturating_add(digit.into());
                underscore_may_follow = true;
            }
            None if character == '_' && underscore_may_follow => underscore_may_follow = false,
            None => return None,
        }
    }
    (underscore_may_follow && (!negative || value == 0)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "http://testserver/v3/customer/core/commits/";

    fn links(count: u64, query: &str) -> (Option<String>, Option<String>) {
        let strip = |link: String| link.strip_prefix(ADDRESS).unwrap().into();
        let page = Page::parse(Pagination::Offset, query);
        (page.next(count, ADDRESS, query).map(strip), page.previous(ADDRESS, query).map(strip))
    }

    fn some(text: &str) -> Option<String> {
        Some(text.into())
    }

    #[test]
    fn limits_and_offsets() {
        for (text, value) in [
            ("2", Some(2)),
            (" +2\t", Some(2)),
            ("\u{85}2\u{2003}", Some(2)),
            ("1_0", Some(10)),
            ("٣", Some(3)),
            ("-0", Some(0)),
            ("99999999999999999999", Some(99_999_999_999_999_999_999)),
            ("9999999999999999999999999999999999999999", Some(u128::MAX)),
        ] {
            assert_eq!(parse_int(text), value, "{text}");
        }
        for text in ["", "-1", "2.0", "1e1", "_1", "1_", "1__0", "+", "+ 2", "0x1", "\u{1c}2", "2\u{1f}"] {
            assert_eq!(parse_int(text), None, "{text}");
        }
    }

    #[test]
    fn the_frameworks_links() {
        assert_eq!(links(12, "limit=2"), (some("?limit=2&offset=2"), None));
        assert_eq!(links(12, "limit=2&limit=3"), (some("?limit=3&offset=3"), None));
        assert_eq!(links(12, "limit=2&offset=2"), (some("?limit=2&offset=4"), some("?limit=2")));
        assert_eq!(links(12, "limit=5&offset=3"), (some("?limit=5&offset=8"), some("?limit=5")));
        assert_eq!(links(12, "offset=100"), (None, some("?limit=100")));
        assert_eq!(links(12, "limit=5&offset=10"), (None, some("?limit=5&offset=5")));
        assert_eq!(links(12, "fields=id,+hexsha&limit=1"), (some("?fields=id%2C+hexsha&limit=1&offset=1"), None));
        assert_eq!(links(12, "fields=&limit=1"), (some("?fields=&limit=1&offset=1"), None));
        assert_eq!(links(12, "vendor_type!=x&limit=1"), (some("?limit=1&offset=1&vendor_type%21=x"), None));
        assert_eq!(
            links(12, "fields=id&fields=hexsha&limit=1"),
            (some("?fields=id&fields=hexsha&limit=1&offset=1"), None)
        );
        assert_eq!(
            links(12, "offset=9223372036854775807&limit=2"),
            (None, some("?limit=2&offset=9223372036854775805"))
        );
        let beyond = "offset=99999999999999999999&limit=99999999999999999999";
        assert_eq!(links(12, beyond), (None, some("?limit=1000&offset=99999999999999998999")));
    }
    #[test]
    fn links_of_numbered_pages() {
        let links = |count, query: &str| {
            let page = Page::parse(Pagination::PageNumber, query);
            assert!(page.exists(count), "{query}");
            let strip = |link: String| String::from(link.strip_prefix(ADDRESS).unwrap());
            (page.next(count, ADDRESS, query).map(strip), page.previous(ADDRESS, query).map(strip))
        };
        assert_eq!(links(0, ""), (None, None));
        assert_eq!(links(101, ""), (some("?page=2"), None));
        assert_eq!(links(101, "page="), (some("?page=2"), None));
        assert_eq!(links(200, "page=2"), (None, some("")));
        assert_eq!(
            links(9, "z=1&page_size=3&page=2&a="),
            (some("?a=&page=3&page_size=3&z=1"), some("?a=&page_size=3&z=1"))
        );
        assert_eq!(links(9, "page=3&page_size=3"), (None, some("?page=2&page_size=3")));
        assert_eq!(links(9, "page_size=0&limit=1&offset=5"), (None, None));
        assert_eq!(links(9, "page=+2&page=1&page_size=1_0"), (None, None));
        for query in ["page=2", "page=0", "page=-1", "page=x", "page=1.0", "page=99999999999999999999999"] {
            assert!(!Page::parse(Pagination::PageNumber, query).exists(9), "{query}");
        }
        assert!(Page::parse(Pagination::Offset, "offset=99").exists(9));
    }
}
