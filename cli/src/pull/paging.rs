//! The requests for the pages of a list.
//!
//! A list can change while it is read. Pages after an id (`id__gt`) contain every row that exists the whole time. Servers
//! that ignore this filter get pages that overlap by one row, which must be the last row of the page before.

use serde::{Deserialize, Serialize};
use streamgage::query::{CORE_PATH, link_target};
use streamgage::schema::{Pagination, Resource};

/// The maximum of the API.
const PAGE_ROWS: u64 = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Paging {
    /// By the last id.
    AfterId,
    /// By the links of the server.
    Links,
}

/// The address of a list.
pub struct ListAddress<'a> {
    resource: &'a Resource,
    /// The path of the list, and the part of it before the API.
    path: String,
    prefix: &'a str,
    /// A filter of all requests.
    filter: String,
}

impl<'a> ListAddress<'a> {
    /// `core_path` is the path of the API on the server, without a slash at the end.
    pub fn new(core_path: &'a str, resource: &'a Resource, since: Option<&str>) -> ListAddress<'a> {
        let prefix = core_path.strip_suffix(CORE_PATH.trim_end_matches('/')).unwrap_or_default();
        let filter = since.map(|since| format!("&author_date__gte={since}")).unwrap_or_default();
        ListAddress { resource, path: format!("{core_path}/{}/", resource.name), prefix, filter }
    }

    pub fn first_page(&self) -> String {
        self.page(PAGE_ROWS)
    }

    pub fn page_after(&self, id: i64) -> String {
        format!("{}&id__gt={id}", self.first_page())
    }

    /// Returns a request for the number of rows of the list.
    pub fn count(&self) -> String {
        self.page(1)
    }

    /// Returns a request for one row by its position.
    pub fn row_at(&self, position: u64) -> String {
        format!("{}&{}={}", self.count(), if is_numbered(self.resource) { "page" } else { "offset" }, position)
    }

    fn page(&self, rows: u64) -> String {
        let limit = if is_numbered(self.resource) { "page_size" } else { "limit" };
        format!("{}?{limit}={rows}&ordering=id{}", self.path, self.filter)
    }

    /// Returns the path and query of a link, if it leads to a page of the list.
    pub fn linked_page(&self, link: &str) -> Option<String> {
        let target = format!("{}{}", self.prefix, link_target(link)?);
        target.strip_prefix(&self.path).is_some_and(|rest| rest.starts_with('?')).then_some(target)
    }
}

/// Reports whether pages have numbers instead of an offset.
pub fn is_numbered(resource: &Resource) -> bool {
    resource.pagination == Pagination::PageNumber
}

/// Returns a request for the page that begins one row earlier, if pages have an offset.
pub fn overlapping_page(target: &str) -> Option<String> {
    let (path, query) = target.split_once('?')?;
    let mut overlaps = false;
    let parameters = query.split('&').map(|parameter| {
        let offset = parameter.strip_prefix("offset=").and_then(|offset| offset.parse::<u64>().ok()?.checked_sub(1));
        overlaps |= offset.is_some();
        offset.map_or(parameter.to_owned(), |offset| format!("offset={offset}"))
    });
    let query = parameters.collect::<Vec<_>>().join("&");
    overlaps.then(|| format!("{path}?{query}"))
}

#[cfg(test)]
mod tests {
    use super::{ListAddress, overlapping_page};
    use streamgage::schema::COMMITS;

    #[test]
    fn links_lead_to_pages_of_the_same_list() {
        let list = ListAddress::new("/flow/v3/customer/core", &COMMITS, None);
        let page = "/v3/customer/core/commits/?limit=1000&offset=1000";
        for start in ["", "/flow", "https://flow.example", "http://10.0.0.7:8000/other", "//evil.example"] {
            assert_eq!(list.linked_page(&format!("{start}{page}")), Some(format!("/flow{page}")), "{start}");
        }
        for elsewhere in [
            "@127.0.0.1:1/x",
            "//evil.example/",
            "/v3/customer/core/commits/@evil",
            "/v3/customer/core/commits/",
            "/v3/customer/core/users/?offset=1000",
            "",
        ] {
            assert_eq!(list.linked_page(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_page_overlaps_by_one_row() {
        assert_eq!(overlapping_page("/a/?limit=9&offset=9&x=1").as_deref(), Some("/a/?limit=9&offset=8&x=1"));
        for other in ["/a/?page=2", "/a/?offset=0", "/a/?offset=x", "/a/"] {
            assert_eq!(overlapping_page(other), None, "{other}");
        }
    }
}
