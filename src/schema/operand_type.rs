//! The types of operands.

use super::{Kind, Lookup};

/// The type of the value of a parameter (§0, §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperandType {
    /// A number.
    Number,
    /// Numbers separated by commas.
    Numbers,
    /// Text.
    Text,
    /// Texts separated by commas.
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
    /// Returns the type that a lookup compares values of a kind with.
    pub const fn for_lookup(kind: Kind, lookup: Lookup) -> OperandType {
        match (lookup, kind) {
            (Lookup::IsNull, _) | (_, Kind::Boolean) => OperandType::Boolean,
            (Lookup::In, Kind::Text) | (Lookup::DescendantsIn, _) => OperandType::Texts,
            (Lookup::In, _) => OperandType::Numbers,
            (_, Kind::DateTime) => OperandType::DateTime,
            (_, Kind::Integer | Kind::Decimal | Kind::Number | Kind::Reference | Kind::Ids) => OperandType::Number,
            (_, Kind::Text | Kind::Json) => OperandType::Text,
        }
    }

    /// Returns a regular expression of other values that are no errors: blank counts as absent, numbers are parsed like
    /// Python does, and invalid booleans are ignored (§0).
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
