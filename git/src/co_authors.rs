//! The co-authors that commit messages name.

use crate::history::{History, position};
use crate::signature::Signature;
use crate::trailers::co_authors;
use rustc_hash::FxHashMap;

/// A row that credits a co-author.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credit {
    pub commit: u32,
    pub signature: u32,
    pub id: u64,
}

/// The co-authors of a history's commits. Merges have none.
#[derive(Debug, Default)]
pub(crate) struct CoAuthors {
    /// Names and addresses that are not among the signatures of the history. Their numbers follow those.
    pub others: Vec<Signature>,
    by_commit: Vec<Vec<u32>>,
}

impl CoAuthors {
    pub fn read(history: &History) -> CoAuthors {
        let mut others = Vec::new();
        let mut numbers: FxHashMap<Signature, u32> = history.signatures.iter().cloned().zip(0..).collect();
        let by_commit = history.commits.iter().map(|commit| {
            let found = if commit.is_merge() { Vec::new() } else { co_authors(&commit.message) };
            let found = found.into_iter().map(|signature| {
                let next = position(numbers.len());
                *numbers.entry(signature).or_insert_with_key(|signature| {
                    others.push(signature.clone());
                    next
                })
            });
            found.collect()
        });
        CoAuthors { by_commit: by_commit.collect(), others }
    }

    /// Iterates over the signatures of a commit's co-authors.
    pub fn of(&self, commit: u32) -> impl Iterator<Item = u32> {
        self.by_commit.get(commit as usize).into_iter().flatten().copied()
    }

    /// Returns the signature with a number.
    pub fn signature<'a>(&'a self, history: &'a History, number: u32) -> Option<&'a Signature> {
        let number = number as usize;
        history.signatures.get(number).or_else(|| self.others.get(number.checked_sub(history.signatures.len())?))
    }
}
