//! The Worker answers any address, and its statements are within the limits of D1.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgage_edge::{
    Backend, Key, Plan, Request, Routed, Settings, Statement, StatementResult, Url, finalize, route_request,
};

/// 2026-09-01T00:00:00Z
const NOW: i64 = 1_788_220_800_000;

fn is_within_limits(statement: &Statement) -> bool {
    statement.sql.len() < 100_000 && statement.parameters.len() <= 100
}

fuzz_target!(|data: &[u8]| {
    let text = streamgage_fuzz::text(data);
    let settings = Settings { cors_origins: "*".to_owned(), ..Settings::default() };
    let paths = ["metrics/code_fundamentals/period_metrics/", "core/commits.agg/"];
    let lists = streamgage::schema::RESOURCES.iter().map(|resource| format!("core/{}/", resource.name));
    let mut paths: Vec<String> = paths.map(str::to_owned).into_iter().chain(lists).collect();
    paths.push("core/commits/1/".to_owned());
    let path = &paths[text.len() % paths.len()];
    let row = StatementResult { rows: vec![vec![r#"[1,"metrics core import",null]"#.to_owned()]], changes: 0 };
    let key = Key::read(&row).expect("a row of a key");
    for address in [format!("https://example.com/v3/customer/{path}?{text}"), format!("https://example.com/{text}")] {
        let request = Request {
            method: "GET".to_owned(),
            url: Url::parse(&address),
            authorization: Some("Bearer key".to_owned()),
            ..Request::default()
        };
        for backend in [Backend::Store, Backend::Proxy] {
            let response = match route_request(&request, &settings, backend, NOW) {
                Routed::Response(response) => response,
                Routed::Pending(pending) => {
                    let authorized = pending.authorize(key.clone()).expect("a key with all permissions");
                    if backend == Backend::Proxy {
                        continue;
                    }
                    match authorized.plan(&request, &settings, NOW) {
                        Plan::Response(response) => response,
                        Plan::Query(query) => {
                            assert!(query.statements().iter().all(is_within_limits));
                            continue;
                        }
                        Plan::Import(_) => continue,
                    }
                }
            };
            assert!(response.status < 500);
            let _ = finalize(response, &request, &settings);
        }
    }
});
