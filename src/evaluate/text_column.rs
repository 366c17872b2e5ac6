//! A column of texts.

use super::bit_set::word;
use crate::text::fold;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::OnceCell;
use memchr::memmem::Finder;

/// Texts and nulls, in one buffer.
#[derive(Clone, Debug, Default)]
pub(super) struct TextColumn {
    all: Joined,
    nulls: Vec<bool>,
    folded: OnceCell<Box<Folded>>,
}

/// Adjacent texts.
#[derive(Clone, Debug, Default)]
struct Joined {
    text: String,
    /// The end of each text.
    ends: Vec<usize>,
}

/// The texts folded for `icontains`.
#[derive(Clone, Debug)]
struct Folded {
    all: Joined,
    /// Reports for each byte whether any text contains it.
    occurs: [bool; 256],
}

/// A search for a text in the folded texts.
pub(super) struct TextSearch<'a> {
    folded: &'a Folded,
    /// `None` if no text can contain it.
    finder: Option<Finder<'a>>,
}

impl Joined {
    fn at(&self, position: usize) -> Option<&str> {
        let end = *self.ends.get(position)?;
        self.text.get(self.start(position)..end)
    }

    fn start(&self, position: usize) -> usize {
        position.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0)
    }
}

impl TextColumn {
    pub(super) fn at(&self, position: usize) -> Option<&str> {
        if self.is_null(position) { None } else { self.all.at(position) }
    }

    fn is_null(&self, position: usize) -> bool {
        self.nulls.get(position) != Some(&false)
    }

    /// Returns a bit for each of the 64 positions from `first` on that is null.
    pub(super) fn nulls(&self, first: usize) -> u64 {
        word(&self.nulls, first, |is_null| is_null)
    }

    pub(super) fn push(&mut self, text: Option<&str>) {
        self.all.text.push_str(text.unwrap_or_default());
        self.all.ends.push(self.all.text.len());
        self.nulls.push(text.is_none());
    }

    pub(super) fn append(&mut self, others: &TextColumn) {
        (0..others.nulls.len()).for_each(|position| self.push(others.at(position)));
    }

    /// Discards the folded texts, so that texts can be added.
    pub(super) fn forget_folded(&mut self) {
        self.folded = OnceCell::new();
    }

    pub(super) fn pop(&mut self) {
        self.all.ends.pop();
        self.nulls.pop();
        self.all.text.truncate(self.all.ends.last().copied().unwrap_or(0));
    }

    /// Prepares the search for a folded text. The first search folds all texts.
    pub(super) fn find<'a>(&'a self, part: &'a str) -> TextSearch<'a> {
        let folded = self.folded.get_or_init(|| Folded::new(&self.all).into());
        let occurs = |&byte: &u8| folded.occurs.get(usize::from(byte)) == Some(&true);
        let finder = part.as_bytes().iter().all(occurs).then(|| Finder::new(part));
        TextSearch { folded, finder }
    }
}

impl Folded {
    fn new(all: &Joined) -> Folded {
        let mut folded =
            Joined { text: String::with_capacity(all.text.len()), ends: Vec::with_capacity(all.ends.len()) };
        for position in 0..all.ends.len() {
            let text = all.at(position).unwrap_or_default();
            if text.is_ascii() {
                let start = folded.text.len();
                folded.text.push_str(text);
                if let Some(text) = folded.text.get_mut(start..) {
                    text.make_ascii_uppercase();
                }
            } else {
                folded.text.push_str(&fold(text));
            }
            folded.ends.push(folded.text.len());
        }
        let mut occurs = [false; 256];
        for &byte in folded.text.as_bytes() {
            if let Some(occurs) = occurs.get_mut(usize::from(byte)) {
                *occurs = true;
            }
        }
        Folded { all: folded, occurs }
    }
}

impl TextSearch<'_> {
    /// Returns a bit for each of the 64 texts from `first` on that contains the text. Bits of nulls are meaningless.
    /// One search through adjacent texts is several times faster than 64 searches.
    pub(super) fn holding(&self, first: usize) -> u64 {
        let Some(finder) = &self.finder else { return 0 };
        let length = finder.needle().len();
        if length == 0 {
            return u64::MAX;
        }
        let all = &self.folded.all;
        let ends = all.ends.get(first..).unwrap_or_default();
        let ends = ends.get(..64).unwrap_or(ends);
        let text = all.text.as_bytes().get(..ends.last().copied().unwrap_or(0)).unwrap_or_default();
        let mut holding = 0;
        let mut from = all.start(first);
        let mut positions = ends.iter().enumerate();
        while let Some(at) = text.get(from..).and_then(|rest| finder.find(rest)).map(|at| from + at) {
            let Some((position, &end)) = positions.find(|&(_, &end)| at < end) else { break };
            holding |= u64::from(at + length <= end) << position;
            // A match that crosses the end of a text leaves no room for another match in that text.
            from = end;
        }
        holding
    }
}
