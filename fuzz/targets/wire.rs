//! Messages to coordinators and stored records of any content are read as a value that is written and read again as the
//! same, or as nothing; and a coordinator answers whatever it finds in its store.
#![no_main]

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use streamgage_edge::proxy::{
    CacheEntry, CacheKey, CoordinatorCommand, CoordinatorReport, FetchReply, FetchRequest, Headers, KvStore,
    PartitionCoordinator, PartitionState, PartitionStore, ProxySettings, Transport, TransportError, UpstreamRequest,
    UpstreamResponse,
};

/// 2026-11-22T12:00:00Z
const NOW: i64 = 1_795_348_800_000;
const TODAY: i32 = 20_779;
const TARGETS: [(&str, &str); 4] = [
    ("/v3/customer/core/teams/", "limit=1"),
    ("/v3/customer/metrics/code_fundamentals/period_metrics/", "start_date=2026-11-02&resolution=week&team_id=1"),
    ("/v3/customer/metrics/code_fundamentals/period_metrics/", "start_date=2026-11-09&resolution=period&repo_id=1"),
    ("/v3/customer/core/commits.agg/", "aggregate%5Bcount%5D=id"),
];

fn assert_survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) -> Option<T> {
    let value: T = serde_json::from_str(text).ok()?;
    let written = serde_json::to_string(&value).expect("a value that was read can be written");
    assert_eq!(serde_json::from_str::<T>(&written).ok().as_ref(), Some(&value), "{written}");
    Some(value)
}

/// A store in which every key has a text.
struct FuzzedStore(Vec<String>);

impl FuzzedStore {
    fn text(&self, key: &str) -> Option<String> {
        let index = key.bytes().fold(0, |sum: usize, byte| sum.wrapping_add(byte.into()));
        self.0.get(index.checked_rem(self.0.len())?).filter(|text| !text.is_empty()).cloned()
    }
}

impl KvStore for FuzzedStore {
    fn get(&self, kind: &str, _: &str) -> Option<String> {
        self.text(kind)
    }

    fn range(&self, kind: &str, first: &str, _: &str) -> Vec<(String, String)> {
        // Keys of days, of rows of weeks, and of parts of lists.
        let keys = [first.to_owned(), format!("{first}/2026-11-08"), format!("{first}00001")];
        keys.into_iter().filter_map(|key| self.text(&format!("{kind}{}", key.len())).map(|text| (key, text))).collect()
    }

    fn put(&self, _: &str, _: &str, _: &str) {}

    fn delete(&self, _: &str, _: &str) {}
}

impl PartitionStore for FuzzedStore {
    type Body = Vec<u8>;

    fn get_response(&self, _: &str) -> Option<(String, Vec<u8>)> {
        let [entry, body] = ["entry", "body of a response"].map(|name| self.text(name));
        entry.zip(body.map(String::into_bytes))
    }

    fn put_response(&self, _: &str, entry: &str, _: &Vec<u8>, _: i64) {
        assert!(serde_json::from_str::<CacheEntry>(entry).is_ok());
    }

    fn delete_response(&self, _: &str) {}

    fn delete_all(&self) {}

    fn evict(&self, _: i64) {}
}

/// An upstream that fails.
struct Unreachable;

impl Transport for Unreachable {
    fn now(&self) -> i64 {
        NOW
    }

    fn random(&self) -> f64 {
        0.5
    }

    async fn sleep(&self, _: u32) {}

    async fn get(&self, request: UpstreamRequest, _: u32) -> Result<UpstreamResponse, TransportError> {
        // Validators come from the store.
        let is_visible = |(_, value): &(&str, String)| value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let _ = Headers::new(
            request
                .headers
                .iter()
                .filter(|header| is_visible(header))
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        Err(TransportError::Connection)
    }
}

fn settings() -> ProxySettings {
    let variable = |name: &str| match name {
        "UPSTREAM" => Some("https://upstream.example".to_owned()),
        "CACHE_SECRET" => Some("a secret of the fuzz target".to_owned()),
        _ => None,
    };
    ProxySettings::read(variable).ok().flatten().expect("valid settings")
}

fuzz_target!(|data: &[u8]| {
    let Some((&target, data)) = data.split_first() else { return };
    let text = streamgage_fuzz::text(data);
    if let Some(command) = CoordinatorCommand::from_json(&text) {
        assert_eq!(CoordinatorCommand::from_json(&command.to_json()), Some(command));
    }
    if let Some(report) = CoordinatorReport::from_json(&text) {
        assert_eq!(CoordinatorReport::from_json(&report.to_json()), Some(report));
    }
    assert_survives::<CacheEntry>(&text);
    assert_survives::<PartitionState>(&text);
    if let Some(key) = assert_survives::<CacheKey>(&text) {
        let _ = key.target();
    }

    let store = FuzzedStore(text.lines().map(str::to_owned).collect());
    let coordinator = PartitionCoordinator::new(Unreachable, store, settings());
    let (path, query) = TARGETS[usize::from(target) % TARGETS.len()];
    let cache_key = CacheKey::parse(path, query).expect("a target that is served");
    let upstream_key = "key".to_owned();
    let (caller, request_id, refresh) = (String::new(), None, target > 127);
    let request = FetchRequest { cache_key, upstream_key, caller, request_id, refresh, today: TODAY };
    let reply = coordinator.fetch(&request).now_or_never().expect("a reply, because nothing waits");
    if let FetchReply::Response(response) = reply {
        assert!((100..=599).contains(&response.entry.status) || text.contains(&response.entry.status.to_string()));
    }
    coordinator.resume_unfinished().now_or_never().expect("an end, because nothing waits");
    coordinator.refresh_recent(TODAY).now_or_never().expect("an end, because nothing waits");
});
