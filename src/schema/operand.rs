//! What the value of a parameter is.

use super::{Kind, Lookup};

/// What the value of a parameter is (§0, §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
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

impl Operand {
    /// What a lookup compares values of a kind with.
    pub const fn of(kind: Kind, lookup: Lookup) -> Operand {
        match (lookup, kind) {
            (Lookup::IsNull, _) | (_, Kind::Boolean) => Operand::Boolean,
            (Lookup::In, Kind::Text) => Operand::Texts,
            (Lookup::In, _) => Operand::Numbers,
            (_, Kind::DateTime) => Operand::DateTime,
            (_, Kind::Integer | Kind::Decimal | Kind::Number) => Operand::Number,
            (_, Kind::Text | Kind::Ids | Kind::Json) => Operand::Text,
        }
    }

    /// What is read without an error although it is no such value, as a regular expression: blank is as if absent,
    /// numbers are read as Python does, and of a boolean all else is ignored (§0).
    pub const fn lenient(self) -> &'static str {
        match self {
            Operand::Number => r"^[\s\d_.+eE-]*$",
            Operand::Numbers => r"^[\s\d_.,+eE-]*$",
            Operand::DateTime | Operand::Date => r"^\s*(\d.*)?$",
            Operand::Boolean => ".*",
            Operand::Text | Operand::Texts | Operand::Choice(_) => "^$",
        }
    }
}
