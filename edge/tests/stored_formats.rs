//! Rows of a partition that commit 79a5dd1 wrote are still read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fake_upstream;

use fake_upstream::{MemoryPartition, complete};
use std::cell::RefCell;
use std::rc::Rc;
use streamgage_edge::proxy::{
    CacheKey, CacheOutcome, FetchReply, FetchRequest, Headers, KvStore, PartitionCoordinator, ProxySettings, Transport,
    TransportError, UpstreamRequest, UpstreamResponse,
};

/// 2026-11-22T12:00:00Z
const NOW: i64 = 1_795_348_800_000;
const TODAY: i32 = 20_779;

/// Records the addresses of requests.
#[derive(Clone, Default)]
struct RecordingTransport(Rc<RefCell<Vec<String>>>);

impl Transport for RecordingTransport {
    fn now(&self) -> i64 {
        NOW
    }

    fn random(&self) -> f64 {
        0.0
    }

    async fn sleep(&self, _: u32) {}

    async fn get(&self, request: UpstreamRequest, _: u32) -> Result<UpstreamResponse, TransportError> {
        self.0.borrow_mut().push(request.address);
        let headers = Headers::new([("content-type".to_owned(), "application/json".to_owned())]);
        Ok(UpstreamResponse { sent_at: NOW, status: 200, headers, body: b"[]".to_vec().into() })
    }
}

/// Returns a coordinator of a partition with rows of commit 79a5dd1.
fn coordinator() -> (PartitionCoordinator<RecordingTransport, MemoryPartition>, RecordingTransport) {
    let partition = MemoryPartition::default();
    // The key was accepted for metrics and for core one minute ago.
    partition.put("record", "", "[1795348000000,[1795348740000,1795348740000]]");
    partition.put(
        "row",
        "4ce614ea561cf0a89ef55293b7d5321b/2026-11-02/2026-11-08",
        "1795348740000 1795435140000 1795435740000 1798027140000 {\"period_start_date\":\"2026-11-02\"}",
    );
    partition.put(
        "row",
        "4ce614ea561cf0a89ef55293b7d5321b/2026-11-09/2026-11-15",
        "1795348740000 1795435140000 1795435740000 1798027140000 ",
    );
    partition.put(
        "lately",
        "/v3/customer/core/repos/?a=1&b",
        r#"[1795348740000,["Core","/v3/customer/core/repos/",[[[97],[49]],[[98],null]]]]"#,
    );
    partition.responses.borrow_mut().insert(
        "736cdb684d73c5d5fccff4e70a95555c4384041acc105c37852596c4b2247d4e".to_owned(),
        (
            r#"[200,[["content-type","application/json"]],"4f53cda18c2baa0c0354bb5f9a3ecbe5",[],["\"1\"",null],[1795348740000,1795348860000,1795349460000,1797940860000]]"#
                .to_owned(),
            b"[]".to_vec(),
        ),
    );
    let variable = |name: &str| match name {
        "UPSTREAM" => Some("https://upstream.example".to_owned()),
        "UPSTREAM_KEY" => Some("key".to_owned()),
        _ => None,
    };
    let settings = ProxySettings::read(variable).unwrap().unwrap();
    let transport = RecordingTransport::default();
    (PartitionCoordinator::new(transport.clone(), partition, settings), transport)
}

fn fetch(path: &str, query: &str) -> (String, Vec<String>) {
    let (coordinator, transport) = coordinator();
    let cache_key = CacheKey::parse(path, query).unwrap();
    let (upstream_key, caller) = ("key".to_owned(), String::new());
    let request = FetchRequest { cache_key, upstream_key, caller, refresh: false, today: TODAY, request_id: None };
    let FetchReply::Response(response) = complete(coordinator.fetch(&request)) else { panic!("not coalesced") };
    assert_eq!(response.outcome, CacheOutcome::Hit, "{path}");
    assert_eq!(response.state.generation, 1_795_348_000_000);
    (String::from_utf8(response.body).unwrap(), transport.0.take())
}

#[test]
fn a_stored_response_is_served() {
    let (body, addresses) = fetch("/v3/customer/core/teams/", "limit=2");
    assert_eq!((body.as_str(), addresses), ("[]", Vec::new()));
}

#[test]
fn stored_weeks_are_served() {
    let path = "/v3/customer/metrics/code_fundamentals/period_metrics/";
    let query = "resolution=week&start_date=2026-11-02&end_date=2026-11-15&team_id=7";
    let (body, addresses) = fetch(path, query);
    assert_eq!(body, r#"{"count":1,"results":[{"period_start_date":"2026-11-02"}]}"#);
    assert!(addresses.is_empty(), "{addresses:?}");
}

#[test]
fn recent_requests_are_refreshed() {
    let (coordinator, transport) = coordinator();
    complete(coordinator.refresh_recent(TODAY));
    assert_eq!(transport.0.take(), ["https://upstream.example/v3/customer/core/repos/?a=1&b"]);
}
