//! What front and keeper say to each other where they are not in one place, as text. Bodies go beside it, as bytes.

use super::coordinator::FetchRequest;
use super::entry::CacheEntry;
use super::outcome::CacheOutcome;
use super::partition::PartitionState;
use crate::codec::{as_tagged_list, from_text, to_text};

/// What a keeper is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoordinatorCommand {
    /// To answer.
    Fetch {
        /// What.
        request: FetchRequest,
    },
    /// To forget all.
    Purge,
    /// To fetch anew what was asked for lately.
    Refresh {
        /// The day, as its number since 1970-01-01.
        today: i32,
    },
}

/// What it reports, beside a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoordinatorReport {
    /// It is answered.
    Response {
        /// What is known of the answer.
        entry: CacheEntry,
        /// How the partition stands.
        state: PartitionState,
        /// Where the answer came from.
        outcome: CacheOutcome,
    },
    /// It is not: the answer is too long to be handed to several.
    Uncoalesced,
    /// All is forgotten.
    Purged {
        /// How the partition stands.
        state: PartitionState,
    },
    /// What was asked for lately is fetched anew.
    Refreshed,
}

as_tagged_list!(CoordinatorCommand { Fetch { request }, Purge, Refresh { today } });
as_tagged_list!(CoordinatorReport { Response { entry, state, outcome }, Uncoalesced, Purged { state }, Refreshed });

impl CoordinatorCommand {
    /// The text.
    pub fn to_text(&self) -> String {
        to_text(self)
    }

    /// Reads a text; `None`, if it is that of no command.
    pub fn read(text: &str) -> Option<CoordinatorCommand> {
        from_text(text)
    }
}

impl CoordinatorReport {
    /// The text.
    pub fn to_text(&self) -> String {
        to_text(self)
    }

    /// Reads a text; `None`, if it is that of no report.
    pub fn read(text: &str) -> Option<CoordinatorReport> {
        from_text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Json;
    use crate::proxy::CacheKey;
    use proptest::prelude::*;
    use proptest::sample::Index;
    use serde_json::{Value, json};

    fn text() -> impl Strategy<Value = Value> {
        any::<String>().prop_map(Value::from)
    }

    fn optional(some: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        prop::option::of(some).prop_map(|some| some.unwrap_or(Value::Null))
    }

    fn list(of: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        prop::collection::vec(of, 0..4).prop_map(Value::from)
    }

    fn time() -> impl Strategy<Value = Value> {
        any::<i64>().prop_map(Value::from)
    }

    fn record() -> impl Strategy<Value = Value> {
        (any::<i64>(), any::<[i64; 2]>()).prop_map(|(generation, proved)| json!([generation, proved]))
    }

    fn asked() -> impl Strategy<Value = Value> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::from);
        let parameter = (bytes(), optional(bytes())).prop_map(|(name, value)| json!([name, value]));
        let class = prop::sample::select(&["Metrics", "Core"][..]);
        (class, text(), list(parameter)).prop_map(|(class, path, query)| json!([class, path, query]))
    }

    fn entry() -> impl Strategy<Value = Value> {
        let header = (text(), text()).prop_map(|(name, value)| json!([name, value]));
        let link = (any::<u32>(), any::<u32>(), text()).prop_map(|(start, end, rest)| json!([start, end, rest]));
        let validators = (optional(text()), optional(text())).prop_map(|(etag, modified)| json!([etag, modified]));
        let deadlines = prop::collection::vec(time(), 4).prop_map(Value::from);
        (any::<u16>(), list(header), text(), list(link), validators, optional(deadlines)).prop_map(
            |(status, headers, tag, links, validators, deadlines)| {
                json!([status, headers, tag, links, validators, deadlines])
            },
        )
    }

    fn way() -> impl Strategy<Value = Value> {
        let status = || optional(any::<u16>().prop_map(Value::from));
        prop_oneof![
            Just(json!(["Hit"])),
            any::<(u16, bool, bool, bool, u32)>().prop_map(|(status, stored, stale, collapsed, tries)| {
                json!(["Fetched", status, stored, stale, collapsed, tries])
            }),
            status().prop_map(|status| json!(["Excused", status])),
            status().prop_map(|status| json!(["Failed", status])),
        ]
    }

    fn command() -> impl Strategy<Value = Value> {
        let ask = (asked(), text(), any::<bool>(), any::<i32>())
            .prop_map(|(asked, key, refresh, today)| json!([asked, key, refresh, today]));
        prop_oneof![
            ask.prop_map(|ask| json!(["Fetch", ask])),
            Just(json!(["Purge"])),
            any::<i32>().prop_map(|today| json!(["Refresh", today])),
        ]
    }

    fn report() -> impl Strategy<Value = Value> {
        prop_oneof![
            (entry(), record(), way()).prop_map(|(entry, record, way)| json!(["Response", entry, record, way])),
            Just(json!(["Uncoalesced"])),
            record().prop_map(|record| json!(["Purged", record])),
            Just(json!(["Refreshed"])),
        ]
    }

    /// What is read from a list is written as the very list, and nothing is read from a part of it.
    fn is_held<T: Json + PartialEq + std::fmt::Debug>(list: &Value, cut: Index) -> Result<(), TestCaseError> {
        let text = list.to_string();
        let value: Option<T> = from_text(&text);
        prop_assert!(value.is_some(), "{}", text);
        prop_assert_eq!(value.as_ref().map(to_text), Some(text.clone()));
        let part: String = text.chars().take(cut.index(text.chars().count())).collect();
        prop_assert_eq!(from_text::<T>(&part), None);
        prop_assert_eq!(from_text::<T>(&format!("{text}]")), None);
        let spaced = serde_json::to_string_pretty(list).unwrap();
        prop_assert_eq!(from_text(&spaced), value);
        Ok(())
    }

    #[test]
    fn what_former_versions_kept_is_read() {
        let entry = r#"[200,[["content-type","application/json"]],"0a",[[9,40,"/v3/x?a=1"]],["\"1\"",null],[1,2,3,4]]"#;
        let asked = r#"[1795348800000,["Core","/v3/customer/core/teams/",[[[97],[49]],[[98],null]]]]"#;
        let record = "[1795348800000,[-9223372036854775808,1795348800000]]";
        assert_eq!(from_text::<CacheEntry>(entry).as_ref().map(to_text).as_deref(), Some(entry));
        assert_eq!(from_text::<(i64, CacheKey)>(asked).as_ref().map(to_text).as_deref(), Some(asked));
        assert_eq!(from_text::<PartitionState>(record).as_ref().map(to_text).as_deref(), Some(record));
    }

    #[test]
    fn what_is_no_report() {
        for text in [
            "",
            "[]",
            "{}",
            "\"Uncoalesced\"",
            "[\"Uncoalesced\",1]",
            "[\"uncoalesced\"]",
            "[\"Uncoal\\u0065sced\"]",
            "[\"Purged\"]",
            "[\"Purged\",null]",
            "[\"Purged\",[1,[2]]]",
            "[\"Purged\",[1,[2,3,4]]]",
            "[\"Purged\",[1,[2,3]],4]",
            "[\"Purged\",[1.0,[2,3]]]",
            "[\"Purged\",[9223372036854775808,[2,3]]]",
            "[\"Purged\",[\"1\",[2,3]]]",
            "[\"Purged\" [1,[2,3]]]",
        ] {
            assert_eq!(CoordinatorReport::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read((entry, record, asked, way) in (entry(), record(), asked(), way()), cut in any::<Index>()) {
            is_held::<CacheEntry>(&entry, cut)?;
            is_held::<PartitionState>(&record, cut)?;
            is_held::<(i64, CacheKey)>(&json!([7, asked]), cut)?;
            is_held::<CacheOutcome>(&way, cut)?;
        }

        #[test]
        fn what_is_said_is_heard(command in command(), report in report(), cut in any::<Index>()) {
            is_held::<CoordinatorCommand>(&command, cut)?;
            is_held::<CoordinatorReport>(&report, cut)?;
        }

        #[test]
        fn nothing_panics(report in report(), place in any::<Index>(), other in "[\\[\\]{}\",0-9a-z-]{0,2}") {
            let text: Vec<char> = report.to_string().chars().collect();
            let place = place.index(text.len());
            let characters = text.iter().take(place).copied().chain(other.chars()).chain(text.iter().skip(place + 1).copied());
            if let Some(report) = CoordinatorReport::read(&characters.collect::<String>()) {
                prop_assert_eq!(CoordinatorReport::read(&report.to_text()), Some(report));
            }
            prop_assert_eq!(CoordinatorReport::read(&other), None);
        }
    }
}
