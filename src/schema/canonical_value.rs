//! The canonical text of values: equal values have one spelling, whichever a row has.

use super::field_value::integer;
use super::{Kind, Value};
use crate::json::decode_string;
use crate::number::{parse_ten_thousandths, write_decimal, write_double};
use alloc::string::{String, ToString};

/// Appends the canonical JSON of a field's value, whose JSON a reader of rows has accepted.
///
/// Integers have neither a point nor an exponent. Decimals have one to four places. Other numbers have the shortest text
/// that stands for the same double. Texts have only those escapes that JSON requires. All other values stay as they are.
///
/// ```
/// use streamgage::schema::{Kind, write_canonical_value};
/// let mut text = String::new();
/// for (kind, json) in [(Kind::Integer, "3.0"), (Kind::Decimal, "1.00015"), (Kind::Number, "1e2"), (Kind::Number, "null")] {
///     write_canonical_value(kind, json, &mut text);
///     text.push(' ');
/// }
/// assert_eq!(text, "3 1.0002 100.0 null ");
/// ```
pub fn write_canonical_value(kind: Kind, json: &str, out: &mut String) {
    match kind {
        Kind::Integer if !is_plain_integer(json) => {
            if let Some(value) = integer(json) {
                return out.push_str(&value.to_string());
            }
        }
        Kind::Decimal => {
            if let Some(value) = parse_ten_thousandths(json) {
                return write_decimal(i128::from(value), out);
            }
        }
        Kind::Number if json != "null" => {
            if let Some(value) = Value::Number(json).number() {
                return write_double(value, out);
            }
        }
        Kind::Text | Kind::DateTime if json.contains('\\') => {
            if let Some(text) = decode_string(json) {
                return out.push_str(&crate::json::to_string(&text));
            }
        }
        _ => {}
    }
    out.push_str(json);
}

/// Reports whether a JSON value is an integer in its canonical form, which nearly all integers have.
fn is_plain_integer(json: &str) -> bool {
    json.bytes().all(|byte| byte.is_ascii_digit())
        || (json != "-0" && json.bytes().skip(1).all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_text() {
        for (kind, canonical, spellings) in [
            (Kind::Integer, "3", &["3", "3.0", "3e0", "0.3E1", "300e-2"][..]),
            (Kind::Integer, "1000", &["1000", "1e3", "1.0E+3"]),
            (Kind::Integer, "0", &["0", "-0", "-0.0", "0e5"]),
            (Kind::Integer, "-7", &["-7", "-7.0"]),
            (Kind::Integer, "null", &["null"]),
            (Kind::Decimal, "1.0002", &["1.0002", "1.00015", "1.0002000", "10002e-4"]),
            (Kind::Decimal, "1.0", &["1", "1.0", "1.00", "1e0", "1.00005"]),
            (Kind::Decimal, "0.0", &["0", "-0.0", "0.00005", "-0.00005", "1e-5"]),
            (Kind::Decimal, "-2.5", &["-2.5", "-2.50"]),
            (Kind::Decimal, "900719925474.0991", &["900719925474.0991"]),
            (Kind::Number, "0.1", &["0.1", "0.10", "1e-1", "0.1000000000000000055"]),
            (Kind::Number, "100.0", &["100", "1e2", "100.0"]),
            (Kind::Number, "1e-7", &["1e-7", "0.0000001"]),
            (Kind::Number, "1e+300", &["1e300", "1E+300"]),
            (Kind::Number, "0.0", &["0", "-0", "-0.0"]),
            (Kind::Text, "\"é\\n/\"", &["\"é\\n/\"", "\"\\u00e9\\n\\/\"", "\"é\\u000a/\""]),
            (Kind::Boolean, "true", &["true"]),
            (Kind::Json, "[1.50, 1e3]", &["[1.50, 1e3]"]),
        ] {
            for spelling in spellings {
                let mut text = String::new();
                write_canonical_value(kind, spelling, &mut text);
                assert_eq!(text, canonical, "{spelling}");
            }
        }
    }
}
