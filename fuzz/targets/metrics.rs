//! No query panics, and canonical queries give equal requests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgage::calendar::Day;
use streamgage::query::MetricsRequest;

fuzz_target!(|data: &[u8]| {
    // 2024-02-29
    let today = Day::from_number(19_782);
    let text = streamgage_fuzz::text(data);
    for query in [format!("start_date=2024-01-01&resolution=week&{text}"), text] {
        match MetricsRequest::parse(&query, today) {
            Ok(request) => assert_eq!(MetricsRequest::parse(&request.canonical(), today), Ok(request)),
            Err(errors) => assert!(!errors.is_empty()),
        }
    }
});
