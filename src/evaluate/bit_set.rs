//! Sets of positions, 64 to a word.

use alloc::vec::Vec;

/// A set of positions.
#[derive(Clone, Debug, Default)]
pub(super) struct BitSet(Vec<u64>);

impl BitSet {
    /// Creates a set of positions below `count`.
    pub(super) fn new(count: usize, positions: impl Iterator<Item = usize>) -> BitSet {
        let mut words = alloc::vec![0; count.div_ceil(64)];
        for position in positions {
            if let Some(word) = words.get_mut(position / 64) {
                *word |= 1 << (position % 64);
            }
        }
        BitSet(words)
    }

    /// Returns the words, each with its first position.
    pub(super) fn words(&self) -> impl Iterator<Item = (usize, u64)> {
        self.0.iter().enumerate().map(|(index, &word)| (index * 64, word))
    }

    /// Returns the word of a position.
    pub(super) fn word(&self, position: usize) -> u64 {
        self.0.get(position / 64).copied().unwrap_or(0)
    }

    pub(super) fn contains(&self, position: usize) -> bool {
        self.word(position) & 1 << (position % 64) != 0
    }
}

impl FromIterator<u64> for BitSet {
    fn from_iter<I: IntoIterator<Item = u64>>(words: I) -> BitSet {
        BitSet(words.into_iter().collect())
    }
}

/// Returns a word with a bit for each of the 64 values from `first` on for which a predicate holds.
#[inline]
pub(super) fn word<T: Copy>(values: &[T], first: usize, holds: impl Fn(T) -> bool) -> u64 {
    let values = values.get(first..).unwrap_or_default().iter().take(64).enumerate();
    values.fold(0, |word, (index, &value)| word | u64::from(holds(value)) << index)
}

/// Returns the indexes of the bits that are set in a word.
pub(super) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit as usize)
    })
}
