//! No query panics, for lists and the aggregate, and canonical queries give equal requests and results.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgage::evaluate::{Store, aggregate, find_object, list};
use streamgage::query::{AggregateRequest, ListRequest, Page};
use streamgage::schema::{COMMITS, Pagination};

thread_local!(static STORE: Store = streamgage_fuzz::organization());

fuzz_target!(|data: &[u8]| {
    let Some((resource, data)) = streamgage_fuzz::resource(data) else { return };
    let query = streamgage_fuzz::text(data);
    let request = match ListRequest::parse(resource, &query) {
        Ok(request) => request,
        Err(errors) => {
            assert!(!errors.is_empty());
            return assert!(!streamgage::json::to_string(&errors).is_empty());
        }
    };
    let canonical = request.canonical();
    assert_eq!(ListRequest::parse(resource, &canonical).as_ref(), Ok(&request), "{canonical}");
    STORE.with(|store| {
        let found = list(&request, store);
        assert!(found.positions.len() as u64 <= found.count.min(request.page.limit));
        // An object is found if and only if a page contains it.
        let rows = store.rows(resource).expect("rows of every resource");
        let first = ListRequest {
            page: Page { limit: u64::MAX, offset: 0, pagination: Pagination::Offset },
            ..request.clone()
        };
        let positions = list(&first, store).positions;
        for &position in rows.positions() {
            assert_eq!(find_object(&request, store, rows.id(position)).is_some(), positions.contains(&position));
        }
        if resource.name == COMMITS.name
            && let Ok(request) = AggregateRequest::parse(&query)
        {
            let answer = aggregate(&request, store);
            assert!(answer.rows.len() as u64 <= answer.count.min(request.list.page.limit));
            assert!(answer.count <= found.count);
        }
    });
    for link in [request.page.next(u64::MAX, "", &query), request.page.previous("", &query)].into_iter().flatten() {
        let (_, linked) = link.split_once('?').expect("a link has a query");
        let linked = ListRequest::parse(resource, linked).expect("a link is a good request");
        assert_eq!(ListRequest { page: request.page, ..linked }, request, "{link}");
    }
});
