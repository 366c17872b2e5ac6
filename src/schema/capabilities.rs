//! Lookups, ordering and search of fields.

/// A lookup: the way in which a filter compares (§2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lookup {
    /// `field=v`
    Exact,
    /// `field__gt=v`
    Gt,
    /// `field__gte=v`
    Gte,
    /// `field__lt=v`
    Lt,
    /// `field__lte=v`
    Lte,
    /// `field__in=v,w`
    In,
    /// `field__icontains=v`
    IContains,
    /// `field__startswith=v`
    StartsWith,
    /// `field__isnull=true`
    IsNull,
    /// `field__descendantsin=1.2,3`: dotted paths that are, or lie below, one of these.
    DescendantsIn,
    /// `field__contains=v`: a list of texts that contains this one. It is compared like [`IContains`](Lookup::IContains).
    Contains,
}

impl Lookup {
    /// All lookups in the order of the specification, which is also the order of errors.
    pub const ALL: [Lookup; 11] = [
        Lookup::Exact,
        Lookup::Gt,
        Lookup::Gte,
        Lookup::Lt,
        Lookup::Lte,
        Lookup::In,
        Lookup::IContains,
        Lookup::StartsWith,
        Lookup::IsNull,
        Lookup::DescendantsIn,
        Lookup::Contains,
    ];

    /// Parses the text after a field's name: nothing, or two underscores and a suffix.
    pub(crate) fn of_suffix(text: &str) -> Option<Lookup> {
        let suffix = if text.is_empty() { "" } else { text.strip_prefix("__").filter(|suffix| !suffix.is_empty())? };
        Lookup::ALL.into_iter().find(|lookup| lookup.suffix() == suffix)
    }

    /// Returns the suffix after a field's name and two underscores; empty for [`Exact`](Lookup::Exact).
    pub const fn suffix(self) -> &'static str {
        match self {
            Lookup::Exact => "",
            Lookup::Gt => "gt",
            Lookup::Gte => "gte",
            Lookup::Lt => "lt",
            Lookup::Lte => "lte",
            Lookup::In => "in",
            Lookup::IContains => "icontains",
            Lookup::StartsWith => "startswith",
            Lookup::IsNull => "isnull",
            Lookup::DescendantsIn => "descendantsin",
            Lookup::Contains => "contains",
        }
    }
}

/// The capabilities of a field in lists: a set of flags. Definitions join them with `|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldCapabilities(pub(super) u16);

pub(super) const DISPLAY_ONLY: u16 = 0;
pub(super) const EXACT: u16 = 1 << Lookup::Exact as u16;
pub(super) const IN: u16 = 1 << Lookup::In as u16;
pub(super) const ISNULL: u16 = 1 << Lookup::IsNull as u16;
/// The lookups of numbers and date-times.
pub(super) const COMPARED: u16 =
    EXACT | 1 << Lookup::Gt as u16 | 1 << Lookup::Gte as u16 | 1 << Lookup::Lt as u16 | 1 << Lookup::Lte as u16;
pub(super) const DESCENDANTS_IN: u16 = 1 << Lookup::DescendantsIn as u16;
pub(super) const CONTAINS: u16 = 1 << Lookup::IContains as u16;
pub(super) const CONTAINS_ITEM: u16 = 1 << Lookup::Contains as u16;
pub(super) const STARTSWITH: u16 = 1 << Lookup::StartsWith as u16;
/// The lookups of texts.
pub(super) const MATCHED: u16 = EXACT | CONTAINS | STARTSWITH;
pub(super) const ORDER: u16 = 1 << 11;
pub(super) const SEARCH: u16 = 1 << 12;
/// `field=v` means `field__icontains=v`.
pub(super) const EXACT_CONTAINS: u16 = 1 << 13;
/// A filter with another name reads the field.
pub(super) const READ_BY_FILTER: u16 = 1 << 14;

impl FieldCapabilities {
    const fn has(self, flag: u16) -> bool {
        self.0 & flag != 0
    }

    /// Reports whether a lookup is supported.
    pub const fn supports(self, lookup: Lookup) -> bool {
        self.has(1 << lookup as u16)
    }

    /// Reports whether lists can be ordered by the field.
    pub const fn is_orderable(self) -> bool {
        self.has(ORDER)
    }

    /// Reports whether a filter with another name reads the field.
    pub const fn is_read_by_filter(self) -> bool {
        self.has(READ_BY_FILTER)
    }

    /// Reports whether `search` reads the field.
    pub const fn is_searchable(self) -> bool {
        self.has(SEARCH)
    }

    /// Reports whether `field=v` means `field__icontains=v`, as it does for commit messages.
    pub const fn exact_contains(self) -> bool {
        self.has(EXACT_CONTAINS)
    }

    /// Reports whether lists only show the field.
    pub const fn is_display_only(self) -> bool {
        self.0 == DISPLAY_ONLY
    }
}
