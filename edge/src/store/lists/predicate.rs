//! Predicates of conditions as SQL.

use super::column::{Column, like_pattern};
use crate::store::computed_columns::instant;
use crate::store::sql::Parameters;
use streamgage::query::{Comparison, Predicate};
use streamgage::schema::Kind;

/// Returns the condition that a predicate holds of a value, in parentheses.
pub(super) fn predicate_sql(column: &Column, predicate: &Predicate, parameters: &mut Parameters) -> String {
    let plain = &column.plain;
    let mut number = |number: i64| match column.kind {
        Kind::DateTime => parameters.bind(instant(number)),
        _ => parameters.bind(number),
    };
    match predicate {
        Predicate::Never => format!("(CASE WHEN {plain} IS NOT NULL THEN 0 END)"),
        Predicate::Always => format!("(CASE WHEN {plain} IS NOT NULL THEN 1 END)"),
        Predicate::Equal(operand) => format!("({plain} = {})", number(*operand)),
        Predicate::AtLeast(operand) => format!("({plain} >= {})", number(*operand)),
        Predicate::AtMost(operand) => format!("({plain} <= {})", number(*operand)),
        Predicate::OneOf(ids) if ids.as_slice().is_empty() => "(0)".to_owned(),
        Predicate::OneOf(ids) => format!("({plain} IN ({}))", parameters.bind_ids(ids.as_slice())),
        Predicate::Number(comparison, operand) => {
            let operand = match operand.value() {
                f64::INFINITY => "9e999".to_owned(),
                f64::NEG_INFINITY => "-9e999".to_owned(),
                finite => double(finite, parameters),
            };
            let operator = match comparison {
                Comparison::Equal => "=",
                Comparison::Greater => ">",
                Comparison::AtLeast => ">=",
                Comparison::Less => "<",
                Comparison::AtMost => "<=",
            };
            format!("({plain} {operator} {operand})")
        }
        Predicate::Text(text) => format!("({plain} = {})", parameters.bind(text.clone())),
        Predicate::TextOneOf(texts) => format!("({plain} IN ({}))", parameters.bind_texts(texts)),
        Predicate::Contains(text) => {
            let bound = parameters.bind(text.clone());
            // D1 rejects bound values that the statement does not use.
            let pattern = like_pattern(text).filter(|_| column.uses_pattern());
            let pattern = pattern.map(|pattern| parameters.bind(pattern));
            format!("({})", column.contains(&bound, pattern.as_deref()))
        }
        Predicate::StartsWith(prefix) => {
            let from = format!("{plain} >= {}", parameters.bind(prefix.clone()));
            match prefix_end(prefix) {
                Some(end) => format!("({from} AND {plain} < {})", parameters.bind(end)),
                None => format!("({from})"),
            }
        }
        Predicate::DescendantOf(paths) => format!(
            "(CASE WHEN {plain} IS NOT NULL THEN EXISTS (SELECT 1 FROM ({}) \
             WHERE {plain} = value OR substr({plain}, 1, length(value) + 1) = value || '.') END)",
            parameters.bind_texts(paths)
        ),
        Predicate::Null(true) => format!("({plain} IS NULL)"),
        Predicate::Null(false) => format!("({plain} IS NOT NULL)"),
    }
}

/// Returns a double as SQL: a whole number multiplied or divided by powers of two. SQLite reads decimal fractions with
/// rounding errors, but calculates this exactly.
fn double(value: f64, parameters: &mut Parameters) -> String {
    const HIDDEN_BIT: u64 = 1 << 52;
    // The largest power of two that fits SQLite's signed integers.
    const MAX_SHIFT: i32 = 62;
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i32, bits & (HIDDEN_BIT - 1));
    let whole = if exponent == 0 { fraction } else { fraction | HIDDEN_BIT };
    let zeros = whole.trailing_zeros().min(52);
    let mut exponent = if whole == 0 { 0 } else { exponent.max(1) - 1_075 + zeros as i32 };
    let whole = (whole >> zeros) as i64;
    let mut sql = format!("({} * 1.0", parameters.bind(if value < 0.0 { -whole } else { whole }));
    while exponent != 0 {
        let shift = exponent.clamp(-MAX_SHIFT, MAX_SHIFT);
        sql.push_str(&format!(" {} (1 << {})", if shift < 0 { '/' } else { '*' }, shift.abs()));
        exponent -= shift;
    }
    sql.push(')');
    sql
}

/// Returns the least text that is greater than all texts with a prefix.
fn prefix_end(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{double, prefix_end};
    use crate::store::sql::{Parameter, Parameters};
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    use proptest::prelude::*;

    #[test]
    fn prefixes_end_at_the_next_character() {
        for (prefix, end) in [
            ("a", Some("b")),
            ("a\u{7f}", Some("a\u{80}")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
        ] {
            assert_eq!(prefix_end(prefix).as_deref(), end, "{prefix}");
        }
    }

    /// Calculates a double in SQLite. Bound values are doubles; values of the list of remaining parameters are integers.
    fn in_sqlite(value: f64, as_integer: bool) -> f64 {
        let mut parameters = Parameters::default();
        let sql = double(value, &mut parameters);
        let statement = parameters.into_statement(format!("SELECT {sql}"));
        let [Parameter::Integer(whole)] = statement.parameters[..] else { panic!("{statement:?}") };
        let database = rusqlite::Connection::open_in_memory().unwrap();
        let whole = if as_integer { whole.into() } else { rusqlite::types::Value::Real(whole as f64) };
        database.query_row(&statement.sql, [whole], |row| row.get(0)).unwrap()
    }

    #[test]
    fn doubles_are_products_of_powers_of_two() {
        for (value, sql) in [
            (0.0, "(?1 * 1.0)"),
            (-7.0, "(?1 * 1.0)"),
            (8.0, "(?1 * 1.0 * (1 << 3))"),
            (0.75, "(?1 * 1.0 / (1 << 2))"),
            (0.1, "(?1 * 1.0 / (1 << 55))"),
            (1e30, "(?1 * 1.0 * (1 << 48))"),
        ] {
            assert_eq!(double(value, &mut Parameters::default()), sql);
        }
        for value in [0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::from_bits(1), -f64::from_bits(1)] {
            assert_eq!((in_sqlite(value, false), in_sqlite(value, true)), (value, value));
        }
    }

    proptest! {
        #[test]
        fn sqlite_calculates_the_same_double(value in POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO, as_integer in any::<bool>()) {
            prop_assert_eq!(in_sqlite(value, as_integer), value);
        }
    }
}
