//! Any address and method is answered, and what is asked of the database is within what D1 takes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgage_edge::{Plan, Received, Request, Settings, Statement, StatementResult, Url, dress, receive};

/// 2026-09-01T00:00:00Z
const NOW: f64 = 1_788_220_800_000.0;

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
    for address in [format!("https://example.com/v3/customer/{path}?{text}"), format!("https://example.com/{text}")] {
        let request = Request {
            method: "GET".to_owned(),
            url: Url::parse(&address),
            authorization: Some("Bearer key".to_owned()),
            ..Request::default()
        };
        let reply = match receive(&request, &settings, NOW) {
            Received::Reply(reply) => reply,
            Received::Visit(visit) => {
                let rows = r#"[[[1,"metrics core import",null],"A generation"]]"#.to_owned();
                let found = StatementResult { rows, changes: 0 };
                let admitted = visit.admit(&found).expect("a key").expect("one that permits all");
                match admitted.plan(&request, &settings, NOW) {
                    Plan::Reply(reply) => reply,
                    Plan::Query(query) => return assert!(query.statements().iter().all(is_within_limits)),
                    Plan::Import(_) => return,
                }
            }
        };
        assert!(reply.status < 500);
        let _ = dress(reply, &request, &settings);
    }
});
