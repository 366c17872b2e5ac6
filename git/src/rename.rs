//! Finds renames as `git log -M` does, so that the same pairs of files are compared.
//!
//! Similarity is the share of bytes in chunks (lines of at most 64 bytes) that both files have, as git estimates it.
//! The `gix-diff` crate estimates it from a line diff, and finds other pairs.

use crate::objects::Objects;
use crate::tree::{Change, Entry};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;

/// Git's scale of similarity.
const MAX_SCORE: u64 = 60_000;
/// The default of `-M`: 50 %.
const MIN_SCORE: u64 = MAX_SCORE / 2;
/// The default of `diff.renameLimit`.
const LIMIT: usize = 1000;
/// The candidates kept for each added file.
const CANDIDATES: usize = 4;

/// A renamed file: indices of a deleted and an added path in the list of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rename {
    pub from: usize,
    pub to: usize,
}

struct File<'a> {
    change: usize,
    path: &'a [u8],
    entry: Entry,
    is_used: bool,
    chunks: Option<Chunks>,
}

/// The sizes of a file's chunks by hash, or `None` for a file that cannot be read.
type Chunks = Option<(u64, Vec<(u32, u64)>)>;

struct Candidate {
    score: u64,
    same_name: bool,
    from: usize,
    to: usize,
}

/// Pairs deleted with added paths. The differences are those from the parent of this number.
pub(crate) fn renames(objects: &mut Objects<'_>, changes: &[Change], parent: usize) -> Vec<Rename> {
    let old = |change: &Change| change.old.get(parent).copied().flatten();
    let file = |change: usize, path, entry| File { change, path, entry, is_used: false, chunks: None };
    let mut sources: Vec<File<'_>> = Vec::new();
    let mut targets: Vec<File<'_>> = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        match (old(change), change.new) {
            (Some(entry), None) => sources.push(file(index, &change.path, entry)),
            (None, Some(entry)) => targets.push(file(index, &change.path, entry)),
            _ => {}
        }
    }
    let mut renames = Vec::new();
    if sources.is_empty() || targets.is_empty() {
        return renames;
    }
    pair_identical(&mut sources, &mut targets, &mut renames);
    sources.retain(|source| !source.is_used);
    pair_unique_names(objects, &mut sources, &mut targets, &mut renames);
    sources.retain(|source| !source.is_used);
    targets.retain(|target| !target.is_used);
    if sources.len().saturating_mul(targets.len()) <= LIMIT * LIMIT {
        pair_similar(objects, &mut sources, &mut targets, &mut renames);
    }
    renames
}

fn pair(source: &mut File<'_>, target: &mut File<'_>, renames: &mut Vec<Rename>) {
    source.is_used = true;
    target.is_used = true;
    renames.push(Rename { from: source.change, to: target.change });
}

/// Pairs files of the same content, those of the same name first.
fn pair_identical(sources: &mut [File<'_>], targets: &mut [File<'_>], renames: &mut Vec<Rename>) {
    let mut by_content: FxHashMap<gix::ObjectId, Vec<usize>> = FxHashMap::default();
    for (index, source) in sources.iter().enumerate() {
        by_content.entry(source.entry.id).or_default().push(index);
    }
    for target in targets {
        let Some(candidates) = by_content.get_mut(&target.entry.id) else { continue };
        candidates.retain(|index| sources.get(*index).is_some_and(|source| !source.is_used));
        let fits = |source: &File<'_>| {
            (source.entry.is_regular() && target.entry.is_regular()) || source.entry.mode == target.entry.mode
        };
        let best = candidates
            .iter()
            .copied()
            .filter(|index| sources.get(*index).is_some_and(fits))
            .min_by_key(|index| sources.get(*index).map(|source| base_name(source.path) != base_name(target.path)));
        if let Some(source) = best.and_then(|index| sources.get_mut(index)) {
            pair(source, target, renames);
        }
    }
}

/// Pairs files whose name is unique among the deleted and among the added files, if they are similar enough.
fn pair_unique_names(
    objects: &mut Objects<'_>,
    sources: &mut [File<'_>],
    targets: &mut [File<'_>],
    renames: &mut Vec<Rename>,
) {
    let from = unique_names(sources);
    let to = unique_names(targets);
    let least = MIN_SCORE + (MAX_SCORE - MIN_SCORE) / 2;
    for source in sources.iter_mut() {
        let name = base_name(source.path);
        let (Some(Some(_)), Some(Some(target))) = (from.get(name), to.get(name)) else { continue };
        let Some(target) = targets.get_mut(*target) else { continue };
        if similarity(objects, source, target, least) >= least {
            pair(source, target, renames);
        }
    }
}

/// Maps each name of an unpaired file to its index, or to `None` if several have it.
fn unique_names<'a>(files: &[File<'a>]) -> FxHashMap<&'a [u8], Option<usize>> {
    let mut names = FxHashMap::default();
    for (index, file) in files.iter().enumerate().filter(|(_, file)| !file.is_used) {
        names.entry(base_name(file.path)).and_modify(|found| *found = None).or_insert(Some(index));
    }
    names
}

/// Pairs the most similar files first.
fn pair_similar(
    objects: &mut Objects<'_>,
    sources: &mut [File<'_>],
    targets: &mut [File<'_>],
    renames: &mut Vec<Rename>,
) {
    let rank = |candidate: &Candidate| Reverse((candidate.score, candidate.same_name));
    let mut matrix: Vec<Candidate> = Vec::new();
    for (to, target) in targets.iter_mut().enumerate() {
        let mut best: Vec<Candidate> = Vec::new();
        for (from, source) in sources.iter_mut().enumerate() {
            let score = similarity(objects, source, target, MIN_SCORE);
            if score < MIN_SCORE {
                continue;
            }
            let same_name = base_name(source.path) == base_name(target.path);
            let candidate = Candidate { score, same_name, from, to };
            if best.len() < CANDIDATES {
                best.push(candidate);
            } else if let Some(worst) =
                best.iter_mut().reduce(|worst, other| if rank(other) > rank(worst) { other } else { worst })
                && rank(worst) > rank(&candidate)
            {
                *worst = candidate;
            }
        }
        matrix.append(&mut best);
    }
    matrix.sort_by_key(rank);
    for candidate in matrix {
        if let (Some(source), Some(target)) = (sources.get_mut(candidate.from), targets.get_mut(candidate.to))
            && !source.is_used
            && !target.is_used
        {
            pair(source, target, renames);
        }
    }
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// Estimates how similar two files are, on git's scale; 0 if their sizes already rule out `least`.
fn similarity(objects: &mut Objects<'_>, source: &mut File<'_>, target: &mut File<'_>, least: u64) -> u64 {
    if !source.entry.is_regular() || !target.entry.is_regular() {
        return 0;
    }
    let (Some((from_size, from)), Some((to_size, to))) = (chunks(objects, source), chunks(objects, target)) else {
        return 0;
    };
    let (from_size, to_size) = (*from_size, *to_size);
    let larger = from_size.max(to_size);
    if larger.saturating_mul(MAX_SCORE - least) < from_size.abs_diff(to_size).saturating_mul(MAX_SCORE) || to_size == 0
    {
        return 0;
    }
    let mut copied: u64 = 0;
    let mut to = to.iter().peekable();
    for (hash, size) in from {
        while to.next_if(|(other, _)| other < hash).is_some() {}
        if let Some((_, other)) = to.next_if(|(other, _)| other == hash) {
            copied = copied.saturating_add(*size.min(other));
        }
    }
    copied.saturating_mul(MAX_SCORE) / larger
}

fn chunks<'a>(objects: &mut Objects<'_>, file: &'a mut File<'_>) -> Option<&'a (u64, Vec<(u32, u64)>)> {
    let id = file.entry.id;
    let chunks = file.chunks.get_or_insert_with(|| {
        let data = objects.read(&id).ok()?;
        Some((data.len() as u64, chunk_sizes(&data)))
    });
    chunks.as_ref()
}

/// Sums the sizes of chunks by the hash that git gives them.
fn chunk_sizes(data: &[u8]) -> Vec<(u32, u64)> {
    const HASH_BASE: u32 = 107_927;
    let is_text = !crate::lines::is_binary(data);
    let mut chunks: Vec<(u32, u64)> = Vec::new();
    let (mut low, mut high, mut size) = (0_u32, 0_u32, 0_u64);
    let hash = |low: u32, high: u32| low.wrapping_add(high.wrapping_mul(0x61)) % HASH_BASE;
    let mut bytes = data.iter().peekable();
    while let Some(byte) = bytes.next() {
        if is_text && *byte == b'\r' && bytes.peek() == Some(&&b'\n') {
            continue;
        }
        let before = low;
        low = (low << 7) ^ (high >> 25);
        high = (high << 7) ^ (before >> 25);
        low = low.wrapping_add(u32::from(*byte));
        size += 1;
        if size < 64 && *byte != b'\n' {
            continue;
        }
        chunks.push((hash(low, high), size));
        (low, high, size) = (0, 0, 0);
    }
    if size > 0 {
        chunks.push((hash(low, high), size));
    }
    chunks.sort_unstable();
    chunks.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            kept.1 = kept.1.saturating_add(next.1);
        }
        is_same
    });
    chunks
}
