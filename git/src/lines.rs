//! Compares two versions of a file by lines, with the hunks that `git diff -U0` prints.

use gix_imara_diff::{Algorithm, Diff, InternedInput};

/// Lines of the old version that lines of the new version replace. Either side may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hunk {
    pub old_start: u32,
    pub old_lines: u32,
    pub new_start: u32,
    pub new_lines: u32,
}

/// Receives the text of each hunk.
pub(crate) trait HunkText {
    fn hunk(&mut self, old: &mut dyn Iterator<Item = &[u8]>, new: &mut dyn Iterator<Item = &[u8]>);
}

/// The bytes that git looks at to tell binary files from text.
const BINARY_PROBE: usize = 8000;
/// The common lines kept around a change: sliding a hunk never looks further.
const CONTEXT: usize = 256;
/// The largest insertion or deletion whose place is found from its surroundings alone.
const MAX_LOCAL: usize = 64;

pub(crate) fn is_binary(data: &[u8]) -> bool {
    memchr::memchr(0, data.get(..BINARY_PROBE).unwrap_or(data)).is_some()
}

/// Counts lines; text after the last line break is a line.
pub(crate) fn count(data: &[u8]) -> u32 {
    let breaks = memchr::memchr_iter(b'\n', data).count();
    let rest = usize::from(data.last().is_some_and(|byte| *byte != b'\n'));
    u32::try_from(breaks.saturating_add(rest)).unwrap_or(u32::MAX)
}

/// Iterates over lines with their line breaks.
pub(crate) fn iter(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let (line, tail) = rest.split_at_checked(end)?;
        rest = tail;
        Some(line)
    })
}

/// Returns the hunks between two versions of a text.
pub(crate) fn diff(old: &[u8], new: &[u8], text: &mut impl HunkText) -> Vec<Hunk> {
    let (old, new) = without_common_tail(old, new);
    if old.is_empty() || new.is_empty() {
        return whole(old, new, text);
    }
    let prefix = common_prefix(old, new);
    let (old_rest, new_rest) = (tail(old, prefix), tail(new, prefix));
    let suffix = common_suffix(old_rest, new_rest);
    let old_middle = head(old_rest, old_rest.len().saturating_sub(suffix));
    let new_middle = head(new_rest, new_rest.len().saturating_sub(suffix));
    if old_middle.is_empty() && new_middle.is_empty() {
        return Vec::new();
    }
    // Most edits change one place. If the two middles have no line in common, they are the hunk. If one is empty, its
    // place depends on the lines around it.
    let is_local = if old_middle.is_empty() || new_middle.is_empty() {
        iter(old_middle).chain(iter(new_middle)).nth(MAX_LOCAL).is_none()
    } else if have_no_common_line(old_middle, new_middle) {
        let hunk = Hunk {
            old_start: count(head(old, prefix)),
            old_lines: count(old_middle),
            new_start: count(head(old, prefix)),
            new_lines: count(new_middle),
        };
        text.hunk(&mut iter(old_middle), &mut iter(new_middle));
        return vec![hunk];
    } else {
        false
    };
    if is_local {
        let start = last_lines(head(old, prefix), CONTEXT);
        let end = first_lines(tail(old_rest, old_rest.len().saturating_sub(suffix)), CONTEXT);
        let window = |data: &'_ [u8]| start..data.len().saturating_sub(suffix).saturating_add(end);
        let old_window = old.get(window(old)).unwrap_or_default();
        let new_window = new.get(window(new)).unwrap_or_default();
        let mut hunks = compare(old_window, new_window, text);
        let skipped = count(head(old, start));
        for hunk in &mut hunks {
            hunk.old_start = hunk.old_start.saturating_add(skipped);
            hunk.new_start = hunk.new_start.saturating_add(skipped);
        }
        return hunks;
    }
    compare(old, new, text)
}

fn compare(old: &[u8], new: &[u8], text: &mut impl HunkText) -> Vec<Hunk> {
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Myers, &input);
    diff.postprocess_lines(&input);
    let mut hunks = Vec::new();
    for hunk in diff.hunks() {
        let lines = |tokens: &[gix_imara_diff::Token], range: std::ops::Range<u32>| {
            let range = range.start as usize..range.end as usize;
            tokens.get(range).unwrap_or_default().to_vec()
        };
        let removed = lines(&input.before, hunk.before.clone());
        let added = lines(&input.after, hunk.after.clone());
        text.hunk(
            &mut removed.iter().map(|token| input.interner[*token]),
            &mut added.iter().map(|token| input.interner[*token]),
        );
        hunks.push(Hunk {
            old_start: hunk.before.start,
            old_lines: hunk.before.end.saturating_sub(hunk.before.start),
            new_start: hunk.after.start,
            new_lines: hunk.after.end.saturating_sub(hunk.after.start),
        });
    }
    hunks
}

fn whole(old: &[u8], new: &[u8], text: &mut impl HunkText) -> Vec<Hunk> {
    if old.is_empty() && new.is_empty() {
        return Vec::new();
    }
    text.hunk(&mut iter(old), &mut iter(new));
    vec![Hunk { old_start: 0, old_lines: count(old), new_start: 0, new_lines: count(new) }]
}

/// Removes the common end in steps of 1,024 bytes and up to a line break, as git does before a diff without context.
///
/// The rest decides how far a hunk can slide down, and which lines count as frequent.
fn without_common_tail<'a>(old: &'a [u8], new: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    const STEP: usize = 1024;
    let steps = old.rchunks_exact(STEP).zip(new.rchunks_exact(STEP)).take_while(|(old, new)| old == new).count();
    let trimmed = steps * STEP;
    let end = tail(old, old.len().saturating_sub(trimmed));
    let kept = memchr::memchr(b'\n', end).map_or(trimmed, |line_break| line_break + 1);
    let shorter = |data: &'a [u8]| head(data, data.len().saturating_sub(trimmed.saturating_sub(kept)));
    (shorter(old), shorter(new))
}

/// Returns the length of the common lines at the start.
fn common_prefix(old: &[u8], new: &[u8]) -> usize {
    let equal = equal_bytes(old.chunks(STRIDE).zip(new.chunks(STRIDE)), |old, new| {
        old.iter().zip(new).take_while(|(old, new)| old == new).count()
    });
    // A last line without a line break differs from the same line with one.
    if equal == old.len() && equal == new.len() {
        return equal;
    }
    memchr::memrchr(b'\n', head(old, equal)).map_or(0, |line_break| line_break + 1)
}

/// Returns the length of the common lines at the end.
fn common_suffix(old: &[u8], new: &[u8]) -> usize {
    let equal = equal_bytes(old.rchunks(STRIDE).zip(new.rchunks(STRIDE)), |old, new| {
        old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count()
    });
    let starts_line = |data: &[u8]| {
        let start = data.len().saturating_sub(equal);
        start == 0 || data.get(start.saturating_sub(1)) == Some(&b'\n')
    };
    if starts_line(old) && starts_line(new) {
        return equal;
    }
    let end = tail(old, old.len().saturating_sub(equal));
    memchr::memchr(b'\n', end).map_or(0, |line_break| equal.saturating_sub(line_break + 1))
}

const STRIDE: usize = 64;

fn equal_bytes<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>, last: impl Fn(&[u8], &[u8]) -> usize) -> usize {
    let mut equal: usize = 0;
    for (old, new) in pairs {
        if old == new {
            equal = equal.saturating_add(old.len());
        } else {
            return equal.saturating_add(last(old, new));
        }
    }
    equal
}

fn have_no_common_line(old: &[u8], new: &[u8]) -> bool {
    const FEW: usize = 8;
    let old_lines: Vec<&[u8]> = iter(old).collect();
    if old_lines.len() <= FEW {
        return iter(new).all(|line| !old_lines.contains(&line));
    }
    let old_lines: rustc_hash::FxHashSet<&[u8]> = old_lines.into_iter().collect();
    iter(new).all(|line| !old_lines.contains(line))
}

/// Returns where the last lines of a text start.
fn last_lines(data: &[u8], lines: usize) -> usize {
    memchr::memrchr_iter(b'\n', data).nth(lines).map_or(0, |line_break| line_break + 1)
}

/// Returns where the first lines of a text end.
fn first_lines(data: &[u8], lines: usize) -> usize {
    memchr::memchr_iter(b'\n', data).nth(lines.saturating_sub(1)).map_or(data.len(), |line_break| line_break + 1)
}

fn head(data: &[u8], length: usize) -> &[u8] {
    data.get(..length).unwrap_or(data)
}

fn tail(data: &[u8], start: usize) -> &[u8] {
    data.get(start..).unwrap_or_default()
}
