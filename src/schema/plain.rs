//! A row that is a line of plain JSON, read fast.

use super::row::{DELETED, FieldsFound, MAX_INTEGER, RowSink, Value};
use super::{Field, Kind, Missing, Resource};
use crate::calendar::DateTime;
use streamgage_kernel::json::{Members, Plain, Step};

/// Reads a line as [`read_row`](super::read_row) does, if it is plain: an object of numbers, booleans, nulls and
/// texts without escapes, and no white space between them.
///
/// `None` where it is not, or where something is wrong with it: [`read_row`](super::read_row) reads such a line and
/// knows what. Until then the sink may have been given some of the row.
pub fn read_plain_row(resource: &'static Resource, line: &str, sink: &mut impl RowSink) -> Option<()> {
    let mut found = FieldsFound::default();
    let mut members = Members::new(line);
    let mut expected = 0;
    loop {
        let expected_field = resource.fields.get(expected);
        let (index, value) = match members.step(expected_field.map_or("", |field| field.name)) {
            Step::Expected(value) => (expected, value),
            Step::Other(name, value) => match resource.position_from(expected, name) {
                Some(index) => (index, value),
                // A row that deletes is rare enough for the other reader.
                None if name == DELETED => return None,
                None => continue,
            },
            Step::End => return found.first_missing(resource).is_none().then_some(()),
            Step::Unusual => return None,
        };
        expected = index + 1;
        let value = plain_value(resource.fields.get(index)?, value)?;
        found.note(index, &value);
        sink.value(index, value);
    }
}

/// The value of a field, where it is of the field's kind without any conversion.
#[inline(always)]
fn plain_value<'a>(field: &Field, value: Plain<'a>) -> Option<Value<'a>> {
    Some(match (field.kind, value) {
        (Kind::Integer, Plain::Integer(number)) if number.unsigned_abs() <= MAX_INTEGER.unsigned_abs() => {
            Value::Integer(number)
        }
        (Kind::Boolean, Plain::Boolean(value)) => Value::Boolean(value),
        (Kind::Text, Plain::Text(text)) => Value::Text(text),
        (Kind::DateTime, Plain::Text(text)) => Value::DateTime(text, DateTime::parse(text)?),
        (Kind::Decimal, Plain::Integer(number)) => {
            let units = number.checked_mul(10_000)?;
            Value::Decimal(Some(units).filter(|units| units.unsigned_abs() <= MAX_INTEGER.unsigned_abs())?)
        }
        (Kind::Decimal, Plain::Fraction(text)) => Value::Decimal(ten_thousandths(text)?),
        (Kind::Number, Plain::Fraction(text)) => Value::Number(text.parse().unwrap_or(f64::NAN)),
        (kind, Plain::Null) if kind != Kind::Json && field.missing != Missing::Required => Value::Null,
        _ => return None,
    })
}

/// A number of at most four decimal places, in ten-thousandths.
fn ten_thousandths(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let places = u32::try_from(fraction.len()).ok().filter(|&places| places <= 4)?;
    let digits = whole.bytes().chain(fraction.bytes()).filter(|&byte| byte != b'-');
    let size = digits.take(17).fold(0i64, |size, digit| size * 10 + i64::from(digit - b'0'));
    // Longer ones would not be whole; the shorter are far from overflow.
    let is_whole = whole.len() + fraction.len() <= 13;
    let size = size.checked_mul(10i64.checked_pow(4 - places)?).filter(|&size| is_whole && size <= MAX_INTEGER)?;
    Some(if whole.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::super::{COMMITS, RESOURCES, read_row};
    use super::*;
    use alloc::{format, string::String, vec::Vec};
    use proptest::prelude::*;

    #[derive(Debug, Default, PartialEq)]
    struct Seen(Vec<(usize, String)>);

    impl RowSink for Seen {
        fn value(&mut self, field: usize, value: Value<'_>) {
            self.0.push((field, format!("{value:?}")));
        }
    }

    fn plainly(resource: &'static Resource, line: &str) -> Option<Seen> {
        let mut seen = Seen::default();
        read_plain_row(resource, line, &mut seen)?;
        Some(seen)
    }

    fn wholly(resource: &'static Resource, line: &str) -> Option<Seen> {
        let mut seen = Seen::default();
        let mut json = serde_json::Deserializer::from_str(line);
        read_row(resource, &mut json, &mut seen).ok()?;
        json.end().ok()?;
        Some(seen)
    }

    #[test]
    fn a_usual_row_is_plain() {
        let line = r#"{"id":1,"hexsha":"bc64","apex_user_id":1,"repo_id":1,"author_date":"2016-07-31T00:53:12","author_tzoffset":-25200,"is_merge":false,"outlier_reason":null,"haloc":1708,"impact":16.6,"message":"Let's","other":7}"#;
        assert_eq!(plainly(&COMMITS, line), wholly(&COMMITS, line));
        assert!(plainly(&COMMITS, line).is_some());
    }

    #[test]
    fn what_is_wrong_or_deletes_is_left_to_the_other_reader() {
        for line in
            [r#"{"id":1}"#, r#"{"id":1,"apex_user_id":1,"repo_id":1,"haloc":"7"}"#, r#"{"id":1,"_deleted":true}"#]
        {
            assert_eq!(plainly(&COMMITS, line), None, "{line}");
        }
    }

    proptest! {
        /// What is read plainly is what is read wholly; it is never more.
        #[test]
        fn both_readers_agree(
            resource in 0usize..7,
            members in proptest::collection::vec(
                (any::<prop::sample::Index>(), prop_oneof![
                    "-?[0-9]{1,3}(\\.[0-9]{0,6})?", "[0-9]{14,18}", "-?[0-9]{1,13}\\.[0-9]{1,5}", "true|false|null",
                    "\"[a-z\\\\\"é ]{0,6}\"", "\"20[0-9]{2}-0[1-9]-[0-3][0-9](T10:00:00)?\"", "\\[1,2\\]", " 1", "1e3", "-0",
                ]), 0..8),
        ) {
            let resource = RESOURCES[resource];
            let required = ["id", "apex_user_id", "repo_id"].map(|name| format!("\"{name}\":1"));
            let others = members.iter().map(|(index, value)| {
                format!("\"{}\":{value}", index.get(resource.fields).name)
            });
            let members: Vec<String> = required.into_iter().chain(others).collect();
            let line = format!("{{{}}}", members.join(","));
            if let Some(seen) = plainly(resource, &line) {
                prop_assert_eq!(Some(seen), wholly(resource, &line), "{}", line);
            }
        }
    }
}
