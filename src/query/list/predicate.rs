//! What may be asked of a value.

use crate::calendar::DateTime;
use crate::number::{Number, Whole};
use crate::query::IdSet;
use crate::query::errors::{NOT_A_DATE_TIME, NOT_A_NUMBER, NULL_CHARACTER, TOO_LARGE};
use crate::schema::{Kind, Lookup};
use crate::text::{fold, trim};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::cmp::Ordering;

/// A predicate of a value. Of null each is unknown, but [`Null`](Predicate::Null), and [`OneOf`](Predicate::OneOf) and
/// [`TextOneOf`](Predicate::TextOneOf) of an empty list, which are false.
///
/// Whole numbers stand for: numbers of [`Kind::Integer`], ten-thousandths of [`Kind::Decimal`], microseconds since
/// 1970-01-01T00:00:00Z of [`Kind::DateTime`], 0 and 1 of [`Kind::Boolean`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Predicate {
    /// False of any value.
    Never,
    /// True of any value.
    Always,
    /// The value is this whole number.
    Equal(i64),
    /// It is this one or greater.
    AtLeast(i64),
    /// It is this one or less.
    AtMost(i64),
    /// It is one of these.
    OneOf(IdSet),
    /// A value of [`Kind::Number`] compares so with this one.
    Number(Comparison, OrderedDouble),
    /// The value is this text.
    Text(String),
    /// It is one of these, which are sorted.
    TextOneOf(Vec<String>),
    /// It holds this text, which is [folded](fold), as the value has to be.
    Contains(String),
    /// It begins with this text.
    StartsWith(String),
    /// The value is null, or is not.
    Null(bool),
}

/// How a value compares with an operand.
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

/// A double that is a number, or infinite; -0 is 0.
#[derive(Clone, Copy, Debug)]
pub struct OrderedDouble(f64);

impl OrderedDouble {
    /// Its value.
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

/// A boolean, as parameters have it: not trimmed; all else is none.
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
    /// Reads a value that is not blank. `None` where it is as good as absent.
    pub(super) fn parse(kind: Kind, lookup: Lookup, value: &str) -> Result<Option<Predicate>, &'static str> {
        match (lookup, kind) {
            (Lookup::IsNull, _) => Ok(boolean(value).map(Predicate::Null)),
            (_, Kind::Boolean) => Ok(boolean(value).map(|value| Predicate::Equal(i64::from(value)))),
            (Lookup::In, Kind::Text) => {
                let mut texts = value.split(',').map(text).collect::<Result<Vec<String>, _>>()?;
                texts.sort();
                texts.dedup();
                Ok(Some(Predicate::TextOneOf(texts)))
            }
            (Lookup::In, _) => {
                let numbers = value.split(',').filter(|part| !part.is_empty()).map(number);
                let numbers = numbers.collect::<Result<Vec<Number>, _>>()?;
                let ids: IdSet = numbers.iter().filter_map(|number| number.truncate().value()).collect();
                // Whether null is one of nothing is known; whether it is one of numbers that no value can be, is not.
                let is_never = ids.as_slice().is_empty() && !numbers.is_empty();
                Ok(Some(if is_never { Predicate::Never } else { Predicate::OneOf(ids) }))
            }
            (_, Kind::DateTime) => {
                let time = DateTime::parse(trim(value)).ok_or(NOT_A_DATE_TIME)?;
                Ok(Some(Predicate::whole(comparison(lookup), Whole::Value(time.microseconds()))))
            }
            (_, Kind::Integer) => {
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
            (_, Kind::Text | Kind::Ids | Kind::Json) => {
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

    /// Compares whole numbers with a number that may lie between two of them.
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

/// The greatest number that a filter takes is the double that is nearest to 10⁵⁰.
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

/// Text is trimmed, and may not hold a NUL (§0).
fn text(value: &str) -> Result<String, &'static str> {
    let text = trim(value);
    if text.contains('\0') { Err(NULL_CHARACTER) } else { Ok(text.to_owned()) }
}
