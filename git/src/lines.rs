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
    let suffix = common_suffix(tail(old, prefix), tail(new, prefix));
    let pair = Pair { old, new, prefix, suffix };
    let (old_middle, new_middle) = (pair.middle(old), pair.middle(new));
    // Most edits change one place.
    match (old_middle.is_empty(), new_middle.is_empty()) {
        (true, true) => Vec::new(),
        (false, false) if have_no_common_line(old_middle, new_middle) => {
            let start = count(head(old, prefix));
            let (old_lines, new_lines) = (count(old_middle), count(new_middle));
            text.hunk(&mut iter(old_middle), &mut iter(new_middle));
            vec![Hunk { old_start: start, old_lines, new_start: start, new_lines }]
        }
        (false, false) => pair.compare(text),
        // The place of an insertion or deletion depends on the lines around it.
        _ if iter(old_middle).chain(iter(new_middle)).nth(MAX_LOCAL).is_none() => pair.compare_locally(text),
        _ => pair.compare(text),
    }
}

/// Two texts with the lengths in bytes of the common lines at both ends.
struct Pair<'a> {
    old: &'a [u8],
    new: &'a [u8],
    prefix: usize,
    suffix: usize,
}

impl<'a> Pair<'a> {
    fn middle(&self, data: &'a [u8]) -> &'a [u8] {
        data.get(self.prefix..data.len().saturating_sub(self.suffix)).unwrap_or_default()
    }

    /// Compares the changed lines and those around them.
    fn compare_locally(&self, text: &mut impl HunkText) -> Vec<Hunk> {
        let start = last_lines(head(self.old, self.prefix), CONTEXT);
        let suffix = first_lines(tail(self.old, self.old.len().saturating_sub(self.suffix)), CONTEXT);
        let window = |data: &'a [u8]| {
            let end = data.len().saturating_sub(self.suffix).saturating_add(suffix);
            data.get(start..end).unwrap_or_default()
        };
        let prefix = self.prefix.saturating_sub(start);
        let mut hunks = Pair { old: window(self.old), new: window(self.new), prefix, suffix }.compare(text);
        let skipped = count(head(self.old, start));
        for hunk in &mut hunks {
            hunk.old_start = hunk.old_start.saturating_add(skipped);
            hunk.new_start = hunk.new_start.saturating_add(skipped);
        }
        hunks
    }

    fn compare(&self, text: &mut impl HunkText) -> Vec<Hunk> {
        let mut input = InternedInput::default();
        input.reserve_for_token_source(&self.old, &self.middle(self.new));
        input.update_before(iter(self.old));
        input.update_after(iter(self.middle(self.new)));
        // The tokens of common lines are copied, which is faster than finding each line again.
        let before = input.before.as_slice();
        let start = before.get(..count(head(self.old, self.prefix)) as usize).unwrap_or_default();
        let end = count(tail(self.old, self.old.len().saturating_sub(self.suffix))) as usize;
        let end = before.get(before.len().saturating_sub(end)..).unwrap_or_default();
        input.after = [start, &input.after, end].concat();
        hunks(&input, text)
    }
}

fn hunks(input: &InternedInput<&[u8]>, text: &mut impl HunkText) -> Vec<Hunk> {
    let mut diff = Diff::compute(Algorithm::Myers, input);
    diff.postprocess_lines(input);
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

/// Returns true if two short texts have no line in common.
fn have_no_common_line(old: &[u8], new: &[u8]) -> bool {
    // Long texts are likely to have a common line, and looking for it would be in vain.
    const MAX_LINES: usize = 16;
    let old_lines: Vec<&[u8]> = iter(old).take(MAX_LINES + 1).collect();
    let new_lines: Vec<&[u8]> = iter(new).take(MAX_LINES + 1).collect();
    old_lines.len() <= MAX_LINES
        && new_lines.len() <= MAX_LINES
        && new_lines.iter().all(|line| !old_lines.contains(line))
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
