//! Lists the commits of a repository and puts them in the order in which the mainline includes them.

use crate::objects::Objects;
use crate::problems::Problems;
use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::objs::{CommitRef, Kind};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The refs whose commits are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefRules {
    /// Names or globs of branches; all if empty.
    pub branches: Vec<String>,
    pub tags: bool,
}

/// The starting points of a history.
#[derive(Debug, Default)]
pub(crate) struct Tips {
    /// The commit whose first parents are the mainline.
    pub mainline: Option<ObjectId>,
    /// Branches, sorted.
    pub branches: Vec<ObjectId>,
    /// Pull requests, merge requests and tags, sorted. Commits that only these reach are on no branch.
    pub others: Vec<ObjectId>,
}

/// The name and email of an author or committer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub name: String,
    pub email: String,
}

/// A moment with the offset of the local time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    pub seconds: i64,
    pub offset: i32,
}

/// A commit as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Commit {
    pub id: Id,
    pub tree: Id,
    /// Indices of the parents that could be read.
    pub parents: Vec<u32>,
    /// The number of parents that the commit names.
    pub parent_count: u32,
    pub author: u32,
    pub authored: Moment,
    pub committed: Moment,
    pub message: String,
}

impl Commit {
    pub fn is_merge(&self) -> bool {
        self.parent_count > 1
    }

    /// Returns true if a parent is not in the repository, so that the history is cut off here.
    pub fn is_boundary(&self) -> bool {
        self.parents.len() < self.parent_count as usize
    }
}

/// An object id that can be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(pub ObjectId);

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_bytes())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        ObjectId::try_from(bytes).map(Id).map_err(serde::de::Error::custom)
    }
}

/// The commits of a repository. Parents come before their children.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    pub commits: Vec<Commit>,
    pub signatures: Vec<Signature>,
}

/// Returns the tips of the wanted refs.
pub(crate) fn tips(repository: &gix::Repository, rules: &RefRules, problems: &mut Problems) -> Result<Tips, String> {
    let globs = rules.branches.iter().map(|branch| {
        globset::Glob::new(branch)
            .map(|glob| glob.compile_matcher())
            .map_err(|error| format!("--branch {branch}: {error}"))
    });
    let globs = globs.collect::<Result<Vec<_>, _>>()?;
    let mut tips = Tips::default();
    let mut by_name: FxHashMap<BString, ObjectId> = FxHashMap::default();
    let platform = repository.references().map_err(|error| error.to_string())?;
    for reference in platform.all().map_err(|error| error.to_string())? {
        let mut reference = match reference {
            Ok(reference) => reference,
            Err(error) => {
                problems.add(format!("a ref cannot be read: {error}"));
                continue;
            }
        };
        let name = reference.name().as_bstr().to_owned();
        let Some(kind) = classify_ref(&name) else { continue };
        let is_wanted = match (kind, short_name(&name)) {
            (RefKind::Branch, Some(short)) => globs.is_empty() || globs.iter().any(|glob| glob.is_match(&short)),
            (RefKind::Branch, None) => globs.is_empty(),
            (RefKind::Request, _) => globs.is_empty(),
            (RefKind::Tag, _) => rules.tags,
        };
        if !is_wanted {
            continue;
        }
        match reference.peel_to_commit() {
            Ok(commit) => {
                let id = commit.id;
                if kind == RefKind::Branch {
                    tips.branches.push(id)
                } else {
                    tips.others.push(id)
                }
                by_name.insert(name, id);
            }
            Err(error) if kind == RefKind::Branch => problems.add(format!("{name}: no commit can be read: {error}")),
            // A tag or a request may name something that is not a commit.
            Err(_) => {}
        }
    }
    let head = repository.head_id().ok().map(gix::Id::detach);
    let head_name = repository.head_name().ok().flatten().map(|name| name.as_bstr().to_owned());
    if let (Some(head), None, true) = (head, &head_name, globs.is_empty()) {
        tips.branches.push(head);
    }
    let named = |name: &str| by_name.get(name.as_bytes().as_bstr()).copied();
    tips.mainline = named("refs/remotes/origin/HEAD")
        .or_else(|| ["refs/heads/main", "refs/heads/master"].iter().find_map(|name| named(name)))
        .or_else(|| head_name.and_then(|name| by_name.get(&name).copied()))
        .or_else(|| ["refs/remotes/origin/main", "refs/remotes/origin/master"].iter().find_map(|name| named(name)))
        .or(head.filter(|head| tips.branches.contains(head)));
    tips.branches.sort_unstable();
    tips.branches.dedup();
    tips.others.sort_unstable();
    tips.others.dedup();
    if tips.branches.is_empty() && !rules.branches.is_empty() {
        return Err(format!("no branch matches --branch {}", rules.branches.join(" --branch ")));
    }
    Ok(tips)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RefKind {
    Branch,
    Request,
    Tag,
}

fn classify_ref(name: &[u8]) -> Option<RefKind> {
    let has = |folders: &[&str]| folders.iter().any(|folder| name.starts_with(folder.as_bytes()));
    if has(&["refs/pull/", "refs/merge-requests/"]) {
        // The other ref of a request, `merge`, is a commit that the forge makes.
        return name.ends_with(b"/head").then_some(RefKind::Request);
    }
    if has(&["refs/tags/"]) {
        return Some(RefKind::Tag);
    }
    if has(&["refs/heads/"]) {
        return Some(RefKind::Branch);
    }
    let remote = name.strip_prefix(b"refs/remotes/".as_slice())?;
    let is_request = |folder: &str| {
        // `refs/remotes/origin/pull/7/head` and `refs/remotes/pull/7/head`
        let (start, rest) = remote.split_once_str(folder).unwrap_or((remote, b"x"));
        (start.is_empty() || start.ends_with(b"/"))
            && rest.first().is_some_and(u8::is_ascii_digit)
            && rest.iter().filter(|byte| **byte == b'/').count() <= 1
    };
    if ["pull/", "pr/", "merge-requests/"].iter().any(|folder| is_request(folder)) {
        return (!name.ends_with(b"/merge")).then_some(RefKind::Request);
    }
    Some(RefKind::Branch)
}

/// Returns the name of a branch without `refs/heads/` or `refs/remotes/REMOTE/`.
fn short_name(name: &[u8]) -> Option<String> {
    let short = match name.strip_prefix(b"refs/heads/".as_slice()) {
        Some(short) => short,
        None => name.strip_prefix(b"refs/remotes/".as_slice())?.split_once_str("/")?.1,
    };
    Some(String::from_utf8_lossy(short).into_owned())
}

/// The commits that were read but are not numbered yet.
struct Unordered {
    commits: Vec<Commit>,
    parents: Vec<Vec<ObjectId>>,
    by_id: FxHashMap<ObjectId, usize>,
}

impl History {
    /// Adds the commits that the tips reach and that the history does not contain. Returns for each commit of the
    /// history if a branch reaches it, if another ref reaches it, or if no ref does.
    pub fn extend(
        &mut self,
        objects: &mut Objects<'_>,
        tips: &Tips,
        shallow: &FxHashSet<ObjectId>,
        problems: &mut Problems,
        mut advance: impl FnMut(u64),
    ) -> Vec<Reach> {
        let mut known: FxHashMap<ObjectId, u32> = FxHashMap::default();
        for (index, commit) in self.commits.iter().enumerate() {
            known.insert(commit.id.0, position(index));
        }
        let mut signatures: FxHashMap<Signature, u32> = FxHashMap::default();
        for (index, signature) in self.signatures.iter().enumerate() {
            signatures.insert(signature.clone(), position(index));
        }
        let mut unordered = Unordered { commits: Vec::new(), parents: Vec::new(), by_id: FxHashMap::default() };
        let mut pending: Vec<ObjectId> = tips.branches.iter().chain(&tips.others).copied().collect();
        let mut unreadable: FxHashSet<ObjectId> = FxHashSet::default();
        while let Some(id) = pending.pop() {
            if known.contains_key(&id) || unordered.by_id.contains_key(&id) || unreadable.contains(&id) {
                continue;
            }
            let mut sign = |signature: Signature| {
                let next = position(self.signatures.len());
                *signatures.entry(signature).or_insert_with_key(|signature| {
                    self.signatures.push(signature.clone());
                    next
                })
            };
            match read(objects, id, &mut sign, problems) {
                Ok((commit, parents)) => {
                    let parents = if shallow.contains(&id) { Vec::new() } else { parents };
                    pending.extend(parents.iter().copied());
                    unordered.by_id.insert(id, unordered.commits.len());
                    unordered.commits.push(commit);
                    unordered.parents.push(parents);
                    advance(1);
                }
                Err(why) => {
                    problems.add(format!("commit {id}: {why}"));
                    unreadable.insert(id);
                }
            }
        }
        let order = unordered.order(tips, &known);
        for index in order {
            let (Some(commit), Some(parents)) = (unordered.commits.get_mut(index), unordered.parents.get(index)) else {
                continue;
            };
            commit.parents = parents.iter().filter_map(|parent| known.get(parent).copied()).collect();
            known.insert(commit.id.0, position(self.commits.len()));
            self.commits.push(commit.clone());
        }
        self.renumber_signatures();
        self.reach(tips, &known)
    }

    /// Numbers signatures in the order of their first commit, so that the numbers do not depend on the traversal.
    fn renumber_signatures(&mut self) {
        let mut numbers: Vec<Option<u32>> = vec![None; self.signatures.len()];
        let mut ordered = Vec::with_capacity(self.signatures.len());
        for commit in &mut self.commits {
            let Some(number) = numbers.get_mut(commit.author as usize) else { continue };
            if number.is_none() {
                *number = Some(position(ordered.len()));
                ordered.extend(self.signatures.get(commit.author as usize).cloned());
            }
            commit.author = number.unwrap_or_default();
        }
        self.signatures = ordered;
    }

    fn reach(&self, tips: &Tips, known: &FxHashMap<ObjectId, u32>) -> Vec<Reach> {
        let mut reach = vec![Reach::None; self.commits.len()];
        for (ids, kind) in [(&tips.branches, Reach::Branch), (&tips.others, Reach::Other)] {
            let mut pending: Vec<u32> = ids.iter().filter_map(|id| known.get(id).copied()).collect();
            while let Some(index) = pending.pop() {
                if let Some(found) = reach.get_mut(index as usize)
                    && *found == Reach::None
                {
                    *found = kind;
                    pending.extend(self.commits.get(index as usize).into_iter().flat_map(|commit| &commit.parents));
                }
            }
        }
        reach
    }

    /// Returns the mainline: the first parents of a commit, the newest first.
    pub fn mainline(&self, tip: Option<ObjectId>) -> Vec<u32> {
        let mut next = tip.and_then(|tip| self.commits.iter().rposition(|commit| commit.id.0 == tip)).map(position);
        let mut line = Vec::new();
        while let Some(index) = next {
            line.push(index);
            next = self.commits.get(index as usize).and_then(|commit| commit.parents.first().copied());
        }
        line
    }
}

/// The refs that reach a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Branch,
    Other,
    None,
}

impl Unordered {
    /// Orders the commits: the mainline from its oldest commit, before each the commits that it merges; then the
    /// other tips, the oldest first. Among commits that do not depend on each other, the older comes first.
    fn order(&self, tips: &Tips, known: &FxHashMap<ObjectId, u32>) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.commits.len());
        let mut is_ordered = vec![false; self.commits.len()];
        let mut line = Vec::new();
        let mut next = tips.mainline.and_then(|tip| self.by_id.get(&tip).copied());
        while let Some(index) = next {
            line.push(index);
            next = self.parents.get(index).and_then(|parents| self.by_id.get(parents.first()?).copied());
        }
        line.reverse();
        let key = |index: &usize| self.commits.get(*index).map(|commit| (commit.committed.seconds, commit.id));
        let mut rest: Vec<usize> = tips.branches.iter().filter_map(|tip| self.by_id.get(tip).copied()).collect();
        rest.sort_by_key(key);
        let mut others: Vec<usize> = tips.others.iter().filter_map(|tip| self.by_id.get(tip).copied()).collect();
        others.sort_by_key(key);
        for tip in line.into_iter().chain(rest).chain(others) {
            self.order_ancestors(tip, known, &mut is_ordered, &mut order);
        }
        order
    }

    fn order_ancestors(
        &self,
        tip: usize,
        known: &FxHashMap<ObjectId, u32>,
        is_ordered: &mut [bool],
        order: &mut Vec<usize>,
    ) {
        let parents = |index: usize| {
            let parents = self.parents.get(index).into_iter().flatten();
            parents.filter(|parent| !known.contains_key(*parent)).filter_map(|parent| self.by_id.get(parent).copied())
        };
        let is_done = |is_ordered: &[bool], index: usize| is_ordered.get(index).copied().unwrap_or(true);
        if is_done(is_ordered, tip) {
            return;
        }
        let mut waiting: FxHashMap<usize, usize> = FxHashMap::default();
        let mut children: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
        let mut ready = BinaryHeap::new();
        let mut pending = vec![tip];
        while let Some(index) = pending.pop() {
            if waiting.contains_key(&index) {
                continue;
            }
            let mut open: Vec<usize> = parents(index).filter(|parent| !is_done(is_ordered, *parent)).collect();
            open.sort_unstable();
            open.dedup();
            waiting.insert(index, open.len());
            if open.is_empty() {
                ready.extend(
                    self.commits.get(index).map(|commit| Reverse((commit.committed.seconds, commit.id, index))),
                );
            }
            for parent in open {
                children.entry(parent).or_default().push(index);
                pending.push(parent);
            }
        }
        while let Some(Reverse((_, _, index))) = ready.pop() {
            order.push(index);
            if let Some(done) = is_ordered.get_mut(index) {
                *done = true;
            }
            for child in children.remove(&index).unwrap_or_default() {
                let Some(open) = waiting.get_mut(&child) else { continue };
                *open = open.saturating_sub(1);
                if *open == 0 {
                    ready.extend(
                        self.commits.get(child).map(|commit| Reverse((commit.committed.seconds, commit.id, child))),
                    );
                }
            }
        }
    }
}

pub(crate) fn position(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Reads a commit and the ids of its parents.
fn read(
    objects: &mut Objects<'_>,
    id: ObjectId,
    sign: &mut impl FnMut(Signature) -> u32,
    problems: &mut Problems,
) -> Result<(Commit, Vec<ObjectId>), String> {
    let (kind, data) = objects.load(&id).map_err(|error| error.why)?;
    if kind != Kind::Commit {
        return Err(format!("it is a {kind}"));
    }
    let commit = CommitRef::from_bytes(data, id.kind()).map_err(|error| error.to_string())?;
    let parse_id = |hex: &[u8]| ObjectId::from_hex(hex).map_err(|error| error.to_string());
    let parents = commit.parents.iter().map(|parent| parse_id(parent)).collect::<Result<Vec<_>, _>>()?;
    let encoding = commit.encoding.map(|encoding| encoding.to_vec());
    let (author, authored) = parse_signature(commit.author);
    let (_, committed) = parse_signature(commit.committer);
    let mut report = |who: &str, why: &str| problems.add(format!("commit {id}: the {who}'s {why}"));
    let committed = committed.check(|why| report("committer", why)).unwrap_or_default();
    let authored = authored.check(|why| report("author", why)).unwrap_or(committed);
    let text = |bytes: &[u8]| decode(bytes, encoding.as_deref());
    let author = Signature { name: text(author.0), email: text(author.1) };
    let commit = Commit {
        id: Id(id),
        tree: Id(parse_id(commit.tree)?),
        parents: Vec::new(),
        parent_count: position(parents.len()),
        author: sign(author),
        authored,
        committed,
        message: text(commit.message),
    };
    Ok((commit, parents))
}

/// Decodes text as UTF-8, or as Latin-1 if the commit says so. Replaces other bytes.
fn decode(bytes: &[u8], encoding: Option<&[u8]>) -> String {
    let is_latin = encoding.is_some_and(|encoding| {
        [&b"iso-8859-1"[..], b"latin1", b"latin-1", b"iso8859-1", b"windows-1252", b"cp1252"]
            .iter()
            .any(|name| encoding.eq_ignore_ascii_case(name))
    });
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) if is_latin => bytes.iter().copied().map(char::from).collect(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The time of a signature as it was written.
struct RawMoment {
    seconds: Option<i64>,
    offset: Option<i64>,
}

impl RawMoment {
    /// Returns the moment. An offset of a day or more is read as UTC and reported; so is a date that cannot be read.
    fn check(&self, mut report: impl FnMut(&str)) -> Option<Moment> {
        // The years 1 to 9999, less a day for the offset.
        const RANGE: std::ops::Range<i64> = -62_135_510_400..253_402_214_400;
        const DAY: i64 = 86_400;
        let Some(seconds) = self.seconds.filter(|seconds| RANGE.contains(seconds)) else {
            report("date cannot be read");
            return None;
        };
        let offset = self.offset.filter(|offset| (-DAY + 1..DAY).contains(offset));
        if offset.is_none() {
            report("offset from UTC is impossible and is read as UTC");
        }
        Some(Moment { seconds, offset: offset.and_then(|offset| i32::try_from(offset).ok()).unwrap_or_default() })
    }
}

/// Splits `NAME <EMAIL> SECONDS ±HHMM`, as leniently as git does.
fn parse_signature(header: &[u8]) -> ((&[u8], &[u8]), RawMoment) {
    let (name, rest) = header.split_once_str("<").unwrap_or((header, b""));
    let (email, _) = rest.split_once_str(">").unwrap_or((rest, b""));
    let time = header.rsplit_once_str(">").map_or(&b""[..], |(_, time)| time);
    let mut words = time.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let mut word = || words.next().and_then(|word| std::str::from_utf8(word).ok());
    let seconds = word().and_then(|word| word.parse().ok());
    let offset = word().map_or(Some(0), parse_offset);
    ((name.trim(), email.trim()), RawMoment { seconds, offset })
}

/// Parses `±HHMM` into seconds.
fn parse_offset(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    let (hours, minutes) = (number.checked_div(100)?, number.checked_rem(100)?);
    hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_read_leniently() {
        let ((name, email), time) = parse_signature(b"A <B> <a@b.c> 1700000000 -0130");
        assert_eq!((name, email), (&b"A"[..], &b"B"[..]));
        assert_eq!((time.seconds, time.offset), (Some(1_700_000_000), Some(-5400)));
        let (_, time) = parse_signature(b"A <a@b.c> 4294967295 +99999999");
        let mut reports = Vec::new();
        let moment = time.check(|why| reports.push(why.to_owned()));
        assert_eq!(moment, Some(Moment { seconds: 4_294_967_295, offset: 0 }));
        assert_eq!(reports, ["offset from UTC is impossible and is read as UTC"]);
        let (_, time) = parse_signature(b"nobody");
        assert_eq!(time.check(|_| {}), None);
    }

    #[test]
    fn refs_are_classified_by_name() {
        let kind = |name: &str| classify_ref(name.as_bytes());
        for branch in ["refs/heads/pull/7", "refs/heads/main", "refs/remotes/origin/HEAD", "refs/remotes/origin/a/pr/x"]
        {
            assert!(kind(branch) == Some(RefKind::Branch), "{branch}");
        }
        for request in
            ["refs/pull/7/head", "refs/merge-requests/7/head", "refs/remotes/origin/pr/7", "refs/remotes/pull/7/head"]
        {
            assert!(kind(request) == Some(RefKind::Request), "{request}");
        }
        for other in ["refs/pull/7/merge", "refs/stash", "refs/notes/commits", "refs/remotes/pull/7/merge"] {
            assert!(kind(other).is_none(), "{other}");
        }
        assert_eq!(short_name(b"refs/remotes/origin/release/1").as_deref(), Some("release/1"));
    }
}
