//! Messages between the proxy handler and the coordinator of a partition. Bodies are sent beside them, as bytes.

use super::cache_key::CacheKey;
use super::entry::CacheEntry;
use super::json::{from_json, to_json};
use super::outcome::CacheOutcome;
use super::partition::PartitionState;
use serde::{Deserialize, Serialize};

/// A request for a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchRequest {
    pub cache_key: CacheKey,
    /// The key that is sent to the upstream.
    pub upstream_key: String,
    /// The caller, whose failures do not affect other callers: the id of the caller's key, or nothing if a partition has one
    /// caller.
    #[serde(default)]
    pub caller: String,
    /// Excludes stale responses.
    pub refresh: bool,
    /// The day on which metrics are evaluated, as a number of days since 1970-01-01.
    pub today: i32,
    /// The id of the caller's request, for the log.
    #[serde(default)]
    pub request_id: Option<String>,
}

/// A response from the coordinator.
#[derive(Clone, Debug, PartialEq)]
pub struct CoordinatedResponse<B> {
    pub entry: CacheEntry,
    pub body: B,
    pub state: PartitionState,
    pub outcome: CacheOutcome,
}

#[allow(clippy::large_enum_variant, reason = "nearly all values are of the large variant")]
#[derive(Clone, Debug, PartialEq)]
pub enum FetchReply<B> {
    Response(CoordinatedResponse<B>),
    /// Other bodies take the memory that this one needs.
    Busy,
}

/// A command to a coordinator in another isolate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CoordinatorCommand {
    Fetch {
        request: FetchRequest,
    },
    Purge,
    /// Refreshes responses to recent requests.
    Refresh {
        /// The current day, as a number of days since 1970-01-01.
        today: i32,
    },
}

/// The result of a [`CoordinatorCommand`].
#[allow(clippy::large_enum_variant, reason = "nearly all values are of the large variant")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CoordinatorReport {
    Response { entry: CacheEntry, state: PartitionState, outcome: CacheOutcome },
    Purged { state: PartitionState },
    Refreshed,
}

impl CoordinatorCommand {
    pub fn to_json(&self) -> String {
        to_json(self)
    }

    pub fn from_json(text: &str) -> Option<CoordinatorCommand> {
        from_json(text)
    }
}

impl CoordinatorReport {
    pub fn to_json(&self) -> String {
        to_json(self)
    }

    pub fn from_json(text: &str) -> Option<CoordinatorReport> {
        from_json(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};
    use std::fmt::Debug;

    /// Checks that text of an earlier version is read, and that the value survives being written and read.
    fn assert_is_read<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) -> T {
        let value: T = from_json(text).unwrap_or_else(|| panic!("{text} is not read"));
        assert_eq!(from_json::<T>(&to_json(&value)).as_ref(), Some(&value), "{text}");
        value
    }

    #[test]
    fn values_stored_by_earlier_versions_are_read() {
        let entry: CacheEntry = assert_is_read(
            r#"[200,[["content-type","application/json"]],"0a",[[9,40,"/v3/x?a=1"]],["\"1\"",null],[1,2,3,4]]"#,
        );
        assert_eq!((entry.status, entry.tag.as_str(), entry.links.len()), (200, "0a", 1));
        assert_eq!(entry.headers, [("content-type".to_owned(), "application/json".to_owned())]);
        assert_eq!((entry.validators.etag.as_deref(), entry.validators.last_modified), (Some("\"1\""), None));
        let deadlines = entry.deadlines.unwrap();
        let times = (deadlines.generated_at, deadlines.fresh_until, deadlines.revalidate_until, deadlines.error_until);
        assert_eq!(times, (1, 2, 3, 4));
        let unstored: CacheEntry = assert_is_read(r#"[404,[],"",[],[null,null],null]"#);
        assert_eq!(unstored.deadlines, None);
        let (at, key): (i64, CacheKey) =
            assert_is_read(r#"[1795348800000,["Core","/v3/customer/core/teams/",[[[97],[49]],[[98],null]]]]"#);
        assert_eq!((at, key.target().as_str()), (1_795_348_800_000, "/v3/customer/core/teams/?a=1&b"));
        let state: PartitionState = assert_is_read("[1795348800000,[-9223372036854775808,1795348800000]]");
        assert_eq!(state.generation, 1_795_348_800_000);
    }

    fn text() -> impl Strategy<Value = Value> {
        any::<String>().prop_map(Value::from)
    }

    fn optional(some: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        prop::option::of(some).prop_map(|some| some.unwrap_or(Value::Null))
    }

    fn list(of: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        prop::collection::vec(of, 0..4).prop_map(Value::from)
    }

    /// Values in the form of earlier versions: structs are lists of their fields.
    fn old_state() -> impl Strategy<Value = Value> {
        (any::<i64>(), any::<[i64; 2]>()).prop_map(|(generation, authorized_at)| json!([generation, authorized_at]))
    }

    fn old_cache_key() -> impl Strategy<Value = Value> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::from);
        let parameter = (bytes(), optional(bytes())).prop_map(|(name, value)| json!([name, value]));
        let class = prop::sample::select(&["Metrics", "Core"][..]);
        (class, text(), list(parameter)).prop_map(|(class, path, query)| json!([class, path, query]))
    }

    fn old_entry() -> impl Strategy<Value = Value> {
        let header = (text(), text()).prop_map(|(name, value)| json!([name, value]));
        let link = (any::<u32>(), any::<u32>(), text()).prop_map(|(start, end, rest)| json!([start, end, rest]));
        let validators = (optional(text()), optional(text())).prop_map(|(etag, modified)| json!([etag, modified]));
        let deadlines = prop::collection::vec(any::<i64>().prop_map(Value::from), 4).prop_map(Value::from);
        (any::<u16>(), list(header), text(), list(link), validators, optional(deadlines)).prop_map(
            |(status, headers, tag, links, validators, deadlines)| {
                json!([status, headers, tag, links, validators, deadlines])
            },
        )
    }

    fn outcome() -> impl Strategy<Value = CacheOutcome> {
        prop_oneof![
            Just(CacheOutcome::Hit),
            any::<(u16, bool, bool, bool, u32)>().prop_map(|(status, stored, stale, collapsed, tries)| {
                CacheOutcome::Fetched { status, stored, stale, collapsed, tries }
            }),
            any::<Option<u16>>().prop_map(|status| CacheOutcome::StaleIfError { status }),
            any::<Option<u16>>().prop_map(|status| CacheOutcome::Failed { status }),
        ]
    }

    fn command() -> impl Strategy<Value = CoordinatorCommand> {
        let request =
            (old_cache_key(), any::<String>(), any::<String>(), any::<bool>(), any::<i32>(), any::<Option<String>>());
        let request = request.prop_map(|(cache_key, upstream_key, caller, refresh, today, request_id)| FetchRequest {
            cache_key: serde_json::from_value(cache_key).unwrap(),
            upstream_key,
            caller,
            refresh,
            today,
            request_id,
        });
        prop_oneof![
            request.prop_map(|request| CoordinatorCommand::Fetch { request }),
            Just(CoordinatorCommand::Purge),
            any::<i32>().prop_map(|today| CoordinatorCommand::Refresh { today }),
        ]
    }

    fn report() -> impl Strategy<Value = CoordinatorReport> {
        let state = || old_state().prop_map(|state| serde_json::from_value::<PartitionState>(state).unwrap());
        prop_oneof![
            (old_entry(), state(), outcome()).prop_map(|(entry, state, outcome)| CoordinatorReport::Response {
                entry: serde_json::from_value(entry).unwrap(),
                state,
                outcome
            }),
            state().prop_map(|state| CoordinatorReport::Purged { state }),
            Just(CoordinatorReport::Refreshed),
        ]
    }

    /// Returns the text without its end.
    fn truncated(text: &str, length: Index) -> String {
        text.chars().take(length.index(text.chars().count())).collect()
    }

    proptest! {
        #[test]
        fn values_of_earlier_versions_are_read_whole(
            (entry, state, cache_key) in (old_entry(), old_state(), old_cache_key()),
            length in any::<Index>(),
        ) {
            assert_is_read::<CacheEntry>(&entry.to_string());
            assert_is_read::<PartitionState>(&state.to_string());
            assert_is_read::<(i64, CacheKey)>(&json!([7, cache_key]).to_string());
            prop_assert_eq!(from_json::<CacheEntry>(&truncated(&entry.to_string(), length)), None);
            prop_assert_eq!(from_json::<PartitionState>(&truncated(&state.to_string(), length)), None);
        }

        #[test]
        fn messages_are_read_whole(command in command(), report in report(), length in any::<Index>()) {
            prop_assert_eq!(CoordinatorCommand::from_json(&truncated(&command.to_json(), length)), None);
            prop_assert_eq!(CoordinatorReport::from_json(&truncated(&report.to_json(), length)), None);
            prop_assert_eq!(CoordinatorCommand::from_json(&command.to_json()), Some(command));
            prop_assert_eq!(CoordinatorReport::from_json(&report.to_json()), Some(report));
        }
    }

    #[test]
    fn invalid_reports_are_refused() {
        for text in [
            "",
            "[]",
            "{}",
            "\"uncoalesced\"",
            "[\"Uncoalesced\"]",
            "{\"Purged\":null}",
            "{\"Purged\":{\"state\":[1,[2]]}}",
            "{\"Purged\":{\"state\":[1,[2,3,4]]}}",
            "{\"Purged\":{\"state\":[1,[2,3],4]}}",
            "{\"Purged\":{\"state\":[1.0,[2,3]]}}",
            "{\"Purged\":{\"state\":[9223372036854775808,[2,3]]}}",
            "{\"Purged\":{\"state\":[\"1\",[2,3]]}}",
        ] {
            assert_eq!(CoordinatorReport::from_json(text), None, "{text}");
        }
        assert!(CoordinatorReport::from_json("{\"Purged\":{\"state\":[1,[2,3]]}}").is_some());
    }
}
