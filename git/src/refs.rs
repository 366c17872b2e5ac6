//! Chooses the refs to read.

use crate::problems::Problems;
use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use rustc_hash::FxHashMap;

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

#[cfg(test)]
mod tests {
    use super::*;

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
