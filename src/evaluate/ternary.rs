//! Three-valued logic, as SQL has it.

/// A three-valued result; `None` is unknown, as for a null.
pub(super) type Ternary = Option<bool>;

/// The three-valued results of a condition for 64 positions. A result with neither bit is unknown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TernaryMask {
    pub(super) yes: u64,
    pub(super) no: u64,
}

impl TernaryMask {
    /// Creates 64 equal results.
    pub(super) fn of(truth: Ternary) -> TernaryMask {
        let word = |wanted| if truth == Some(wanted) { u64::MAX } else { 0 };
        TernaryMask { yes: word(true), no: word(false) }
    }

    /// Creates results that are false where `yes` has no bit.
    pub(super) fn known(yes: u64) -> TernaryMask {
        TernaryMask { yes, no: !yes }
    }

    /// Returns the conjunction: false if any operand is false, otherwise unknown if any is unknown.
    pub(super) fn all(truths: impl Iterator<Item = TernaryMask>) -> TernaryMask {
        truths
            .fold(TernaryMask::known(u64::MAX), |all, one| TernaryMask { yes: all.yes & one.yes, no: all.no | one.no })
    }

    /// Returns the disjunction.
    pub(super) fn any(truths: impl Iterator<Item = TernaryMask>) -> TernaryMask {
        truths.fold(TernaryMask::known(0), |any, one| TernaryMask { yes: any.yes | one.yes, no: any.no & one.no })
    }

    /// Returns the negation.
    pub(super) fn opposite(self) -> TernaryMask {
        TernaryMask { yes: self.no, no: self.yes }
    }

    /// Creates results that are unknown for nulls.
    pub(super) fn but_of(nulls: u64, yes: u64) -> TernaryMask {
        TernaryMask { yes: yes & !nulls, no: !yes & !nulls }
    }
}
