//! Tests of the scanner against serde_json.
#![allow(clippy::string_slice, reason = "texts of tests")]

use super::*;
use alloc::format;
use alloc::string::{String, ToString};
use proptest::prelude::*;
use serde_json::Value;

/// A field of each kind: as many as a commit has of integers that nobody uses.
const FIELDS: [FieldSpec; 11] = [
    field("id", Kind::Integer, true, true),
    field("count", Kind::Count, false, true),
    field("skipped", Kind::Integer, false, false),
    field("skipped_count", Kind::Count, false, false),
    field("decimal", Kind::Decimal, false, true),
    field("number", Kind::Number, false, true),
    field("boolean", Kind::Boolean, false, true),
    field("text", Kind::Text, false, true),
    field("date", Kind::DateTime, false, true),
    field("list", Kind::EmptyList, false, true),
    field("any", Kind::Any, false, true),
];

const fn field(name: &'static str, kind: Kind, is_required: bool, is_wanted: bool) -> FieldSpec {
    FieldSpec { name, kind, is_required, is_wanted }
}

/// Returns a plain value of a kind.
fn plain(kind: Kind) -> BoxedStrategy<String> {
    match kind {
        Kind::Integer => "-?[1-9][0-9]{0,13}|0".boxed(),
        Kind::Count => "[1-9][0-9]{0,13}|0".boxed(),
        Kind::Decimal => "([1-9][0-9]{0,7}|0)(\\.[0-9]{1,4})?".boxed(),
        Kind::Number => "-?([1-9][0-9]{0,9}|0)(\\.[0-9]{1,12})?".boxed(),
        Kind::Boolean => "true|false".boxed(),
        Kind::Text => "\"([a-z ]{0,70}|é|\\\\n){0,3}\"".boxed(),
        Kind::DateTime => "\"(1970|2024)-0[1-9]-(10|11)T1[0-9]:[0-5][0-9]:00\"".boxed(),
        Kind::EmptyList => "\\[\\]".boxed(),
        Kind::Any => "true|\"[a-z\\[]{0,20}\"|\\[\\]|-?[1-9]\\.5".boxed(),
    }
}

/// Returns values of all kinds, also ones that no kind takes.
fn any_value() -> BoxedStrategy<String> {
    let kinds = FIELDS.map(|field| plain(field.kind));
    let others = "-0|01|1e3|\\[1\\]|\\{\\}|nul|\"\\\\ud800\"|\"2024-02-30T10:00:00\"|-[0-9]{1,20}\\.[0-9]{0,6}| 1|";
    prop_oneof![4 => proptest::strategy::Union::new(kinds), 1 => others.boxed()].boxed()
}

fn row(members: &[(String, String)], is_spaced: bool) -> String {
    let (comma, colon) = if is_spaced { (", ", ": ") } else { (",", ":") };
    let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\"{colon}{value}")).collect();
    format!("{{{}}}", members.join(comma))
}

/// Returns the last value of a member, as it is written.
fn last<'a>(members: &'a [(String, String)], name: &str) -> Option<&'a str> {
    members.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

/// Checks what the scanner has read against the text of the members.
fn assert_values(scanner: &RowScanner, text: &str, members: &[(String, String)]) {
    for (index, field) in FIELDS.iter().enumerate().filter(|(_, field)| field.is_wanted) {
        // A space may stand before a value.
        let written = last(members, field.name).map(str::trim_start);
        let value = written.filter(|value| *value != "null").map(|value| serde_json::from_str::<Value>(value).unwrap());
        assert_eq!(scanner.has_value(index), value.is_some(), "{} of {text}", field.name);
        assert_eq!(scanner.is_null(index), written == Some("null"), "{} of {text}", field.name);
        let (Some(written), Some(value)) = (written, value) else {
            assert_eq!((scanner.integer(index), scanner.text(index)), (None, None));
            continue;
        };
        match field.kind {
            Kind::Integer | Kind::Count => assert_eq!(scanner.integer(index), value.as_i64()),
            Kind::Decimal => {
                let (whole, places) = written.split_once('.').unwrap_or((written, ""));
                let padded = format!("{whole}{places:0<4}");
                assert_eq!(scanner.integer(index), padded.parse().ok(), "{text}");
            }
            Kind::Boolean => assert_eq!(scanner.integer(index), value.as_bool().map(i64::from)),
            Kind::Number => {
                let span = scanner.text(index).unwrap();
                assert_eq!(&text[span.begin..span.end], written);
            }
            Kind::Text => {
                let span = scanner.text(index).unwrap();
                assert_eq!((&text[span.begin - 1..=span.end], span.is_escaped), (written, written.contains('\\')));
            }
            Kind::Any => {
                let span = scanner.text(index).unwrap();
                assert_eq!(&text[span.begin - 1..=span.end], written);
            }
            Kind::DateTime => {
                let (seconds, at) = scanner.date_time(index).unwrap();
                assert_eq!(&text[at..at + 19], &written[1..20]);
                let [hour, minute] = [12, 15].map(|at| written[at..at + 2].parse::<i64>().unwrap());
                assert_eq!(seconds.rem_euclid(86_400), hour * 3_600 + minute * 60, "{text}");
            }
            Kind::EmptyList => {}
        }
    }
}

fn names(members: Vec<(usize, String)>) -> Vec<(String, String)> {
    let name = |index: usize| FIELDS.get(index).map_or_else(|| format!("other{index}"), |field| field.name.to_string());
    members.into_iter().map(|(index, value)| (name(index), value)).collect()
}

#[test]
fn a_row_of_any_length_of_text_behind_it_is_read() {
    let members: Vec<(String, String)> = [("id", "7"), ("text", "\"a\""), ("boolean", "true"), ("decimal", "1.5")]
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .into();
    let row = row(&members, false);
    for behind in 0..200 {
        let text = format!("{row}{}", "\n".repeat(behind));
        let mut scanner = RowScanner::new(FIELDS);
        for _ in 0..3 {
            assert_eq!(scanner.read(text.as_bytes()), Some(row.len()));
            assert_values(&scanner, &text, &members);
        }
    }
}

#[test]
fn rows_without_a_required_field_or_that_delete_are_left_to_the_caller() {
    for text in [r#"{"text":"a"}"#, r#"{"id":null}"#, r#"{"id":1,"_deleted":true}"#, "{}", "", "{", "[]", r#"{"id":1"#]
    {
        assert_eq!(RowScanner::new(FIELDS).read(text.as_bytes()), None, "{text}");
        assert_eq!(RowScanner::new(FIELDS).read(format!("{text}{}", " ".repeat(99)).as_bytes()), None, "{text}");
    }
    assert_eq!(RowScanner::new(FIELDS).read(b"{\"id\":1,\"\xff\":1}"), None);
}

#[test]
fn a_field_after_another_member_does_not_follow_a_brace() {
    let behind = " ".repeat(99);
    for text in [r#"{"other":1{"id":1}"#, r#"{"id":1{"id":1}"#, r#"{"text":"a"{"id":1}"#] {
        assert_eq!(RowScanner::new(FIELDS).read(format!("{text}{behind}").as_bytes()), None, "{text}");
    }
}

#[test]
fn fields_beyond_the_largest_number_are_members_that_are_no_fields() {
    const NAMES: [&str; 70] = {
        let mut names = ["x"; 70];
        names[0] = "id";
        names[MAX_FIELDS - 1] = "last";
        names[MAX_FIELDS] = "beyond";
        names
    };
    let mut scanner = RowScanner::new(NAMES.map(|name| field(name, Kind::Integer, false, true)));
    for behind in ["", &" ".repeat(99)] {
        let text = format!("{{\"id\":1,\"last\":2,\"beyond\":\"text\"}}{behind}");
        assert_eq!(scanner.read(text.as_bytes()), Some(text.trim_end().len()));
        assert_eq!([0, MAX_FIELDS - 1, MAX_FIELDS].map(|field| scanner.integer(field)), [Some(1), Some(2), None]);
    }
}

proptest! {
    /// Rows in one order after another are read, and their values are those that serde_json reads.
    #[test]
    fn plain_rows_are_read(
        rows in prop::collection::vec(
            (prop::sample::subsequence((0..FIELDS.len()).collect::<Vec<_>>(), 0..=FIELDS.len()).prop_shuffle()
                .prop_flat_map(|fields| fields.into_iter().map(|field| {
                    let value = prop_oneof![5 => plain(FIELDS[field].kind), 1 => Just("null".to_string())];
                    value.prop_map(move |value| (field, value))
                }).collect::<Vec<_>>()),
            any::<bool>(), 1i64..1_000, any::<prop::sample::Index>()),
            1..4,
        ),
        (is_other_first, behind) in (any::<bool>(), 0usize..100),
    ) {
        let mut scanner = RowScanner::new(FIELDS);
        for (members, is_spaced, id, at) in rows {
            let mut members: Vec<_> = members.into_iter().filter(|(field, _)| *field != 0).collect();
            members.insert(at.index(members.len() + 1), (0, id.to_string()));
            if is_other_first {
                members.insert(0, (99, "1".to_string()));
            }
            let members = names(members);
            let row = row(&members, is_spaced);
            let text = format!("{row}{}", "\n".repeat(behind));
            prop_assert_eq!(scanner.read(text.as_bytes()), Some(row.len()), "{}", text);
            assert_values(&scanner, &text, &members);
        }
    }

    /// A row that is read is a JSON object, and its values are those that serde_json reads.
    #[test]
    fn no_other_text_is_read(
        rows in prop::collection::vec(
            (prop::collection::vec((0usize..14, any_value()), 0..8), any::<bool>(), any::<(prop::sample::Index, u8)>(), 0..4),
            1..3,
        ),
        behind in prop_oneof![Just(0usize), 64usize..200],
    ) {
        let mut scanner = RowScanner::new(FIELDS);
        for (members, is_spaced, (at, byte), damage) in rows {
            let mut members = names(members);
            members.insert(0, ("id".to_string(), "1".to_string()));
            let mut bytes = row(&members, is_spaced).into_bytes();
            if damage == 0 {
                let at = at.index(bytes.len());
                bytes[at] = if byte < 128 { b"{}[],:\" 1-"[usize::from(byte) % 10] } else { byte };
            }
            bytes.extend(core::iter::repeat_n(b' ', behind));
            let Some(length) = scanner.read(&bytes) else { continue };
            let text = core::str::from_utf8(&bytes[..length]);
            prop_assert!(text.is_ok(), "{:?}", bytes);
            let object = serde_json::from_str::<Value>(text.unwrap());
            prop_assert!(object.as_ref().is_ok_and(Value::is_object), "{:?}: {:?}", text, object);
            if damage > 0 {
                assert_values(&scanner, text.unwrap(), &members);
            }
        }
    }
}
