//! Numbers as the API parses them: like Python's `Decimal` (§0).

use alloc::{format, string::String, vec::Vec};
use core::cmp::Ordering;
use core::fmt::Write;

/// A finite decimal number of any size.
///
/// The value is `0.DIGITS · 10^exponent` with the sign. Zero has no digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    negative: bool,
    /// Without leading and trailing zeros.
    digits: Vec<u8>,
    exponent: i64,
}

/// An integer, or the side on which it exceeds 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// A number of 64 bits.
    Value(i64),
    /// A number below all of 64 bits.
    Below,
    /// A number above all of 64 bits.
    Above,
}

impl Whole {
    /// Returns the number if it has 64 bits.
    pub fn value(self) -> Option<i64> {
        match self {
            Whole::Value(value) => Some(value),
            Whole::Below | Whole::Above => None,
        }
    }
}

/// The digits of 2¹⁰²⁴ − 2⁹⁷⁰, the least number whose nearest double is infinite.
const LEAST_INFINITE: &str = concat!(
    "1797693134862315807937289714053034150799341327100378269361737789804449682927647509466490179775872070963",
    "3028641669288791094655554785194040263065748867150582068190890200070838367627385484581771153176447573027",
    "0069855571366959622842914819860834936475292719074168444365510704342711559699508093042880177904174497792"
);

/// The largest exponent that Python's `Decimal` parses.
const MAX_EXPONENT: i64 = 999_999_999_999_999_999;

impl Number {
    /// Parses a number; `None` if the text is no number, or is not finite.
    ///
    /// Surrounding white space is trimmed, underscores are ignored, and digits of all scripts are accepted.
    ///
    /// ```
    /// use streamgage::number::{Number, Whole};
    /// let whole = |text| Number::parse(text).map(|number| number.truncate());
    /// assert_eq!(whole(" 1e2 "), Some(Whole::Value(100)));
    /// assert_eq!(whole("-.5"), Some(Whole::Value(0)));
    /// assert_eq!(whole("1_0"), Some(Whole::Value(10)));
    /// assert_eq!(whole("1e30"), Some(Whole::Above));
    /// assert_eq!(whole("0x10"), None);
    /// assert_eq!(whole("NaN"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Number> {
        let mut characters = crate::text::trim(text).chars().filter(|&character| character != '_').peekable();
        let negative = characters.next_if(|character| matches!(character, '+' | '-')) == Some('-');
        let mut digits = Vec::new();
        while let Some(digit) = characters.peek().copied().and_then(decimal_digit) {
            digits.push(digit);
            characters.next();
        }
        let mut exponent = i64::try_from(digits.len()).ok()?;
        if characters.next_if_eq(&'.').is_some() {
            while let Some(digit) = characters.peek().copied().and_then(decimal_digit) {
                digits.push(digit);
                characters.next();
            }
        }
        if digits.is_empty() {
            return None;
        }
        if characters.next_if(|character| matches!(character, 'e' | 'E')).is_some() {
            let negative = characters.next_if(|character| matches!(character, '+' | '-')) == Some('-');
            let mut power = None;
            while let Some(digit) = characters.peek().copied().and_then(decimal_digit) {
                power = Some(power.unwrap_or(0i64).checked_mul(10)?.checked_add(i64::from(digit))?);
                characters.next();
            }
            let power = power.filter(|&power| power <= MAX_EXPONENT)?;
            exponent += if negative { -power } else { power };
        }
        if characters.next().is_some() {
            return None;
        }
        let leading = digits.iter().take_while(|&&digit| digit == 0).count();
        digits.drain(..leading);
        while digits.last() == Some(&0) {
            digits.pop();
        }
        exponent -= i64::try_from(leading).ok()?;
        Some(if digits.is_empty() {
            Number { negative: false, digits, exponent: 0 }
        } else {
            Number { negative, digits, exponent }
        })
    }

    /// Truncates toward zero, like an operand on an integer field (§0).
    pub fn truncate(&self) -> Whole {
        // Numbers with more than 19 digits exceed 64 bits.
        let value = match usize::try_from(self.exponent) {
            Err(_) => Some(0),
            Ok(length @ 0..=19) => {
                let padded = self.digits.iter().chain(core::iter::repeat(&0)).take(length);
                let size = padded.fold(0i128, |value, &digit| value * 10 + i128::from(digit));
                i64::try_from(if self.negative { -size } else { size }).ok()
            }
            Ok(_) => None,
        };
        match value {
            Some(value) => Whole::Value(value),
            None if self.negative => Whole::Below,
            None => Whole::Above,
        }
    }
}

impl Number {
    /// Multiplies by `10^places`.
    #[must_use]
    pub fn shifted(mut self, places: i64) -> Number {
        if !self.digits.is_empty() {
            self.exponent = self.exponent.saturating_add(places);
        }
        self
    }

    /// Reports whether the number is an integer.
    pub fn is_whole(&self) -> bool {
        i64::try_from(self.digits.len()).is_ok_and(|length| length <= self.exponent.max(0))
    }

    /// Returns the largest integer that is not above the number.
    pub fn floor(&self) -> Whole {
        match self.truncate() {
            Whole::Value(value) if self.negative && !self.is_whole() => {
                value.checked_sub(1).map_or(Whole::Below, Whole::Value)
            }
            whole => whole,
        }
    }

    /// Rounds to the nearest integer, ties to even (§1).
    pub fn round(&self) -> Whole {
        let floor = self.floor();
        let Whole::Value(below) = floor else { return floor };
        // The digits after the point, without the zeros before the first digit.
        let rest = usize::try_from(self.exponent)
            .map_or(self.digits.as_slice(), |whole| self.digits.get(whole..).unwrap_or_default());
        let half = match (self.exponent < 0, rest) {
            (_, []) => return floor,
            (true, _) => Ordering::Less,
            (false, [first, others @ ..]) => first.cmp(&5).then(others.len().cmp(&0)),
        };
        // The floor of a negative number lies on the other side.
        let up = match if self.negative { half.reverse() } else { half } {
            Ordering::Less => false,
            Ordering::Equal => below % 2 != 0,
            Ordering::Greater => true,
        };
        below.checked_add(i64::from(up)).map_or(Whole::Above, Whole::Value)
    }

    /// Reports whether the nearest double is finite.
    pub fn is_double(&self) -> bool {
        // Conversion to a double would add 15 KB to the gzipped core of the package, which uses none elsewhere.
        let digits = self.digits.iter().map(|digit| digit + b'0');
        self.exponent < 309 || (self.exponent == 309 && digits.lt(LEAST_INFINITE.bytes()))
    }

    /// Returns the nearest double, ties to even; infinity if the number is beyond all doubles.
    pub fn to_double(&self) -> f64 {
        let mut text = String::with_capacity(self.digits.len() + 24);
        text.push_str(if self.negative { "-0." } else { "0." });
        text.extend(self.digits.iter().map(|&digit| char::from(b'0' + digit)));
        // Writing into a String can't fail.
        let _ = write!(text, "e{}", self.exponent);
        text.parse().unwrap_or(f64::NAN)
    }
}

/// Parses a JSON number as ten-thousandths, ties rounded to even (§1); `None` if 64 bits do not hold the result.
pub fn parse_ten_thousandths(text: &str) -> Option<i64> {
    match text.parse::<i64>() {
        Ok(whole) => whole.checked_mul(10_000),
        Err(_) => Number::parse(text)?.shifted(4).round().value(),
    }
}

/// Returns ten-thousandths as a double whose shortest text is their decimal; `None` beyond 15 digits.
pub(crate) fn decimal_double(ten_thousandths: i128) -> Option<f64> {
    const LIMIT: u128 = 10u128.pow(f64::DIGITS);
    (ten_thousandths.unsigned_abs() < LIMIT).then(|| ten_thousandths as f64 / 10_000.0)
}

/// Appends ten-thousandths as a decimal of one to four places.
pub fn write_decimal(ten_thousandths: i128, out: &mut String) {
    match decimal_double(ten_thousandths) {
        Some(double) => write_double(double, out),
        None => write_digits(ten_thousandths, out),
    }
}

fn write_digits(ten_thousandths: i128, out: &mut String) {
    let (sign, size) = (if ten_thousandths < 0 { "-" } else { "" }, ten_thousandths.unsigned_abs());
    let places = format!("{:04}", size % 10_000);
    let places = places.trim_end_matches('0');
    // Writing into a String can't fail.
    let _ = write!(out, "{sign}{}.{}", size / 10_000, if places.is_empty() { "0" } else { places });
}

/// Appends the shortest text that stands for a double, such as `3.0`, `0.1` or `1e+300`; the text of -0 is that of 0.
pub fn write_double(value: f64, out: &mut String) {
    out.push_str(&crate::json::to_string(&(value + 0.0)));
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        let sign = |number: &Number| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits));
        sign(self).cmp(&sign(other)).then(if self.negative { size.reverse() } else { size })
    }
}

/// Returns the value of a decimal digit of any script (category Nd).
pub(crate) fn decimal_digit(character: char) -> Option<u8> {
    if character.is_ascii() {
        return character.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
    }
    let code = u32::from(character);
    let below = DIGIT_ZEROS.partition_point(|&zero| zero <= code);
    let zero = below.checked_sub(1).and_then(|index| DIGIT_ZEROS.get(index))?;
    u8::try_from(code - zero).ok().filter(|&digit| digit < 10)
}

/// The zero of each run of ten decimal digits beyond ASCII, in Unicode 16.
const DIGIT_ZEROS: &[u32] = &[
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50,
    0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0,
    0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950,
    0x11bf0, 0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2,
    0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    fn whole(text: &str) -> Option<Whole> {
        Number::parse(text).map(|number| number.truncate())
    }

    #[test]
    fn parses_numbers_like_decimal() {
        for (text, value) in [
            ("0", 0),
            ("+5", 5),
            ("-5", -5),
            ("5.", 5),
            (".5", 0),
            ("1.99", 1),
            ("-1.99", -1),
            ("1e2", 100),
            ("1E+2", 100),
            ("123456e-3", 123),
            ("0.00123e5", 123),
            ("0e99999", 0),
            ("1e-999999", 0),
            ("_1__0_", 10),
            ("\u{a0}7\u{2003}", 7),
            ("٣", 3),
            ("１２", 12),
            ("𝟗", 9),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(whole(text), Some(Whole::Value(value)), "{text}");
        }
        assert_eq!(whole("9223372036854775808"), Some(Whole::Above));
        assert_eq!(whole("-1e400"), Some(Whole::Below));
        assert_eq!(whole("1e999999999999999999"), Some(Whole::Above));
    }

    #[test]
    fn refuses_texts_that_are_no_finite_numbers() {
        for text in [
            "",
            " ",
            ".",
            "+",
            "e5",
            "1e",
            "1e+",
            "1 2",
            "1,2",
            "0x10",
            "abc",
            "1.5x",
            "inf",
            "-Infinity",
            "nan",
            "sNaN1",
            "1\0",
            "²",
            "½",
        ] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn floors_and_doubles() {
        for (text, floor, is_whole, double) in [
            ("0", 0, true, 0.0),
            ("0.99999", 9_999, false, 0.99999),
            ("-0.00001", -1, false, -0.00001),
            ("-1.2345", -12_345, true, -1.2345),
            ("-12e-1", -12_000, true, -1.2),
            ("16.60", 166_000, true, 16.6),
            ("1e-400", 0, false, 0.0),
        ] {
            let number = Number::parse(text).unwrap();
            assert_eq!(number.to_double(), double, "{text}");
            let shifted = number.shifted(4);
            assert_eq!((shifted.floor(), shifted.is_whole()), (Whole::Value(floor), is_whole), "{text}");
        }
        assert_eq!(Number::parse("1e400").unwrap().to_double(), f64::INFINITY);
        for text in ["1e400", "-1e309", "179769313486231580793730000000000000000000000000000000e255", "1.8e308"] {
            assert!(!Number::parse(text).unwrap().is_double(), "{text}");
        }
        for text in ["0", "1e308", "-1.7976931348623157e308", "1.797693134862315807e308", "1e-999"] {
            assert!(Number::parse(text).unwrap().is_double(), "{text}");
        }
        let digits = LEAST_INFINITE.strip_suffix('2').unwrap();
        for (end, is_double) in [("2", false), ("1.999", true), ("1", true), ("2.001", false)] {
            let number = Number::parse(&[digits, end].concat()).unwrap();
            assert_eq!((number.is_double(), number.to_double().is_finite()), (is_double, is_double), "{end}");
        }
        assert_eq!(Number::parse("-9223372036854775808.5").unwrap().floor(), Whole::Below);
    }

    #[test]
    fn rounds_half_to_even() {
        for (text, rounded) in [
            ("0", 0),
            ("7", 7),
            ("0.5", 0),
            ("1.5", 2),
            ("2.5", 2),
            ("2.50000000000000000000001", 3),
            ("2.4999", 2),
            ("0.05", 0),
            ("0.99", 1),
            ("-0.5", 0),
            ("-0.51", -1),
            ("-1.5", -2),
            ("-2.5", -2),
            ("-0.0001", 0),
            ("120", 120),
        ] {
            assert_eq!(Number::parse(text).unwrap().round(), Whole::Value(rounded), "{text}");
        }
        assert_eq!(Number::parse("1e30").unwrap().round(), Whole::Above);
        assert_eq!(Number::parse("-1e30").unwrap().round(), Whole::Below);
    }

    #[test]
    fn doubles_near_a_tie() {
        for text in [
            "9007199254740993",
            "9007199254740993.00000000000000000000000000000000000000000001",
            "9007199254740995",
            "5e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "2.2250738585072011e-308",
            "2.2250738585072014e-308",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "4.35",
            "-0",
            "-0.0",
            "0.1",
            "123456789012345678",
            "1.00000000000000000000001",
        ] {
            let expected: f64 = text.parse().unwrap();
            assert_eq!(Number::parse(text).unwrap().to_double(), expected, "{text}");
        }
        // Halfway between two doubles, up to digit 767.
        let half = std::format!("{:.1075}", f64::from_bits(1));
        assert_eq!(Number::parse(&half).unwrap().to_double(), 5e-324);
    }

    proptest! {
        #[test]
        fn doubles_come_back(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            prop_assert_eq!(Number::parse(&std::format!("{value:e}")).unwrap().to_double(), value);
        }

        #[test]
        fn doubles_are_the_standard_librarys(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,25})?(e-?[0-9]{1,3})?") {
            prop_assert_eq!(Number::parse(&text).unwrap().to_double(), text.parse::<f64>().unwrap(), "{}", text);
        }

        #[test]
        fn the_text_of_a_decimals_double_is_the_decimal(value in any::<i64>(), digits in 0u32..=15) {
            let (value, mut by_double, mut by_digits) = (i128::from(value % 10i64.pow(digits)), String::new(), String::new());
            write_decimal(value, &mut by_double);
            write_digits(value, &mut by_digits);
            prop_assert_eq!(by_double, by_digits);
        }

        #[test]
        fn whole_numbers_come_back(value in any::<i64>()) {
            prop_assert_eq!(whole(&value.to_string()), Some(Whole::Value(value)));
        }

        #[test]
        fn ordered_as_numbers(left in -10_000i64..10_000, right in -10_000i64..10_000, places in 0u32..6) {
            let shift = |value: i64| std::format!("{value}e-{places}");
            let (a, b) = (Number::parse(&shift(left)).unwrap(), Number::parse(&shift(right)).unwrap());
            prop_assert_eq!(a.cmp(&b), left.cmp(&right));
        }

        #[test]
        fn never_panics(text in "[-+0-9._eE٣ ]{0,24}") {
            let _ = whole(&text);
        }
    }
}
