//! What the value of a parameter is.

use super::{Kind, Lookup};

/// What the value of a parameter is (§0, §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperandType {
    /// A number.
    Number,
    /// Numbers with commas between.
    Numbers,
    /// Text.
    Text,
    /// Texts with commas between.
    Texts,
    /// A date-time.
    DateTime,
    /// `true` or `false`.
    Boolean,
    /// A date, `YYYY-MM-DD`.
    Date,
    /// One of these.
    Choice(&'static [&'static str]),
}

impl OperandType {
    /// What a lookup compares values of a kind with.
    pub const fn for_lookup(kind: Kind, lookup: Lookup) -> OperandType {
        match (lookup, kind) {
            (Lookup::IsNull, _) | (_, Kind::Boolean) => OperandType::Boolean,
            (Lookup::In, Kind::Text) => OperandType::Texts,
            (Lookup::In, _) => OperandType::Numbers,
            (_, Kind::DateTime) => OperandType::DateTime,
            (_, Kind::Integer | Kind::Decimal | Kind::Number) => OperandType::Number,
            (_, Kind::Text | Kind::Ids | Kind::Json) => OperandType::Text,
        }
    }

    /// What is read without an error although it is no such value, as a regular expression: blank is as if absent,
    /// numbers are read as Python does, and of a boolean all else is ignored (§0).
    pub const fn lenient_pattern(self) -> &'static str {
        match self {
            OperandType::Number => r"^[\s\d_.+eE-]*$",
            OperandType::Numbers => r"^[\s\d_.,+eE-]*$",
            OperandType::DateTime | OperandType::Date => r"^\s*(\d.*)?$",
            OperandType::Boolean => ".*",
            OperandType::Text | OperandType::Texts | OperandType::Choice(_) => "^$",
        }
    }
}
