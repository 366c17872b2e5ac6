//! Predicates on values, parsed from operands.

use crate::calendar::DateTime;
use crate::number::{Number, Whole};
use crate::query::IdSet;
use crate::query::errors::{NOT_A_DATE_TIME, NOT_A_NUMBER, NULL_CHARACTER, TOO_LARGE};
use crate::schema::{Kind, Lookup};
use crate::text::{fold, trim};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::cmp::Ordering;

/// A test of a value. For null, each is unknown, except [`Null`](Predicate::Null), and [`OneOf`](Predicate::OneOf) and
/// [`TextOneOf`](Predicate::TextOneOf) with an empty list, which are false.
///
/// Integers stand for the values of [`Kind::Integer`], for ten-thousandths of [`Kind::Decimal`], for microseconds since
/// 1970-01-01T00:00:00Z of [`Kind::DateTime`], and for 0 and 1 of [`Kind::Boolean`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Predicate {
    /// False for any value.
    Never,
    /// True for any value.
    Always,
    /// The value equals this integer.
    Equal(i64),
    /// The value is at least this integer.
    AtLeast(i64),
    /// The value is at most this integer.
    AtMost(i64),
    /// The value is one of these integers.
    OneOf(IdSet),
    /// A value of [`Kind::Number`] compares with this number.
    Number(Comparison, OrderedDouble),
    /// The value equals this text.
    Text(String),
    /// The value is one of these texts, which are sorted.
    TextOneOf(Vec<String>),
    /// The folded value contains this [folded](fold) text.
    Contains(String),
    /// The value begins with this text.
    StartsWith(String),
    /// The value is one of these dotted paths, or begins with one of them and a dot. The paths are sorted.
    DescendantOf(Vec<String>),
    /// The value is null, or, if `false`, is not.
    Null(bool),
}

/// A comparison of a value with an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
}

/// A double that is not NaN, ordered; -0 is 0.
#[derive(Clone, Copy, Debug)]
pub struct OrderedDouble(f64);

impl OrderedDouble {
    /// Returns the value.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl From<&Number> for OrderedDouble {
    fn from(number: &Number) -> OrderedDouble {
        // -0 + 0 is 0.
        OrderedDouble(number.to_double() + 0.0)
    }
}

impl PartialEq for OrderedDouble {
    fn eq(&self, other: &OrderedDouble) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for OrderedDouble {}

impl PartialOrd for OrderedDouble {
    fn partial_cmp(&self, other: &OrderedDouble) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrderedDouble {
    fn cmp(&self, other: &OrderedDouble) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Parses a boolean of a parameter, which is not trimmed.
pub(super) fn boolean(value: &str) -> Option<bool> {
    let is = |text: &str| value.eq_ignore_ascii_case(text);
    match value {
        "1" => Some(true),
        "0" => Some(false),
        _ if is("true") => Some(true),
        _ if is("false") => Some(false),
        _ => None,
    }
}

impl Predicate {
    /// Parses an operand that is not blank. Returns `None` if it is equivalent to an absent one.
    pub(super) fn parse(kind: Kind, lookup: Lookup, value: &str) -> Result<Option<Predicate>, &'static str> {
        match (lookup, kind) {
            (Lookup::IsNull, _) => Ok(boolean(value).map(Predicate::Null)),
            (_, Kind::Boolean) => Ok(boolean(value).map(|value| Predicate::Equal(i64::from(value)))),
            (Lookup::In, Kind::Text) => Ok(Some(Predicate::TextOneOf(texts(value)?))),
            (Lookup::DescendantsIn, _) => {
                let mut paths = texts(value)?;
                paths.retain(|path| !path.is_empty());
                Ok(Some(Predicate::DescendantOf(paths)))
            }
            (Lookup::In, _) => {
                let numbers = value.split(',').filter(|part| !part.is_empty()).map(number);
                let numbers = numbers.collect::<Result<Vec<Number>, _>>()?;
                let ids: IdSet = numbers.iter().filter_map(|number| number.truncate().value()).collect();
                // For null, an empty list is false, but a list of numbers that no value can equal is unknown.
                let is_never = ids.as_slice().is_empty() && !numbers.is_empty();
                Ok(Some(if is_never { Predicate::Never } else { Predicate::OneOf(ids) }))
            }
            (_, Kind::DateTime) => {
                let time = DateTime::parse(trim(value)).ok_or(NOT_A_DATE_TIME)?;
                Ok(Some(Predicate::whole(comparison(lookup), Whole::Value(time.microseconds()))))
            }
            (_, Kind::Integer | Kind::Reference | Kind::Ids) => {
                let number = number(value)?;
                Ok(Some(Predicate::whole(comparison(lookup), number.truncate())))
            }
            (_, Kind::Decimal) => {
                let number = number(value)?.shifted(4);
                Ok(Some(Predicate::between(comparison(lookup), &number)))
            }
            (_, Kind::Number) => {
                let number = number(value)?;
                Ok(Some(Predicate::Number(comparison(lookup), OrderedDouble::from(&number))))
            }
            (_, Kind::Text | Kind::Json) => {
                let text = text(value)?;
                Ok((!text.is_empty()).then(|| match lookup {
                    Lookup::IContains => Predicate::Contains(fold(&text)),
                    Lookup::StartsWith => Predicate::StartsWith(text),
                    _ => Predicate::Text(text),
                }))
            }
        }
    }

    fn whole(comparison: Comparison, operand: Whole) -> Predicate {
        use Comparison::{AtLeast, AtMost, Equal, Greater, Less};
        let next = |predicate: fn(i64) -> Predicate, number: Option<i64>| number.map_or(Predicate::Never, predicate);
        match (comparison, operand) {
            (Equal, Whole::Value(value)) => Predicate::Equal(value),
            (Greater, Whole::Value(value)) => next(Predicate::AtLeast, value.checked_add(1)),
            (AtLeast, Whole::Value(value)) => Predicate::AtLeast(value),
            (Less, Whole::Value(value)) => next(Predicate::AtMost, value.checked_sub(1)),
            (AtMost, Whole::Value(value)) => Predicate::AtMost(value),
            (Greater | AtLeast, Whole::Below) | (Less | AtMost, Whole::Above) => Predicate::Always,
            (Equal, _) | (Greater | AtLeast, Whole::Above) | (Less | AtMost, Whole::Below) => Predicate::Never,
        }
    }

    /// Compares integers with a number that may lie between two of them.
    fn between(comparison: Comparison, operand: &Number) -> Predicate {
        let comparison = match (comparison, operand.is_whole()) {
            (comparison, true) => comparison,
            (Comparison::Equal, false) => return Predicate::Never,
            (Comparison::Greater | Comparison::AtLeast, false) => Comparison::Greater,
            (Comparison::Less | Comparison::AtMost, false) => Comparison::AtMost,
        };
        Predicate::whole(comparison, operand.floor())
    }
}

/// Parses a number. The largest one that the framework takes is the double nearest to 10⁵⁰.
fn number(value: &str) -> Result<Number, &'static str> {
    let number = Number::parse(value).ok_or(NOT_A_NUMBER)?;
    let greatest = || Number::parse("100000000000000007629769841091887003294964970946560");
    let is_too_large = number.truncate() == Whole::Above && greatest().is_some_and(|greatest| number > greatest);
    if is_too_large { Err(TOO_LARGE) } else { Ok(number) }
}

fn comparison(lookup: Lookup) -> Comparison {
    match lookup {
        Lookup::Gt => Comparison::Greater,
        Lookup::Gte => Comparison::AtLeast,
        Lookup::Lt => Comparison::Less,
        Lookup::Lte => Comparison::AtMost,
        _ => Comparison::Equal,
    }
}

/// Parses a list of texts, and sorts it.
fn texts(value: &str) -> Result<Vec<String>, &'static str> {
    let mut texts = value.split(',').map(text).collect::<Result<Vec<String>, _>>()?;
    texts.sort();
    texts.dedup();
    Ok(texts)
}

/// Parses a text, which is trimmed and may not contain a NUL (§0).
fn text(value: &str) -> Result<String, &'static str> {
    let text = trim(value);
    if text.contains('\0') { Err(NULL_CHARACTER) } else { Ok(text.to_owned()) }
}
