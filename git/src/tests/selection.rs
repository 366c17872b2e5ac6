//! The choice of refs and files.

use super::support::{ADA, DAY, Repo, START, assert_same_files, dump, dump_with, options, try_dump};
use crate::Exclusion;

fn commit(repo: &Repo, number: i64) -> String {
    repo.write(&format!("{number}.txt"), format!("{number}\n"));
    repo.commit(ADA, START + number * DAY, "change")
}

#[test]
fn commits_on_no_branch_are_orphans() {
    let repo = Repo::new();
    let base = commit(&repo, 0);
    repo.git(&["checkout", "-q", "--detach"]);
    let request = commit(&repo, 1);
    repo.git(&["update-ref", "refs/pull/1/head", &request]);
    repo.git(&["checkout", "-q", &base]);
    let tagged = commit(&repo, 2);
    repo.git(&["tag", "-a", "-m", "v1", "v1"]);
    repo.git(&["checkout", "-q", &base]);
    let remote = commit(&repo, 3);
    repo.git(&["update-ref", "refs/remotes/origin/dev", &remote]);
    repo.git(&["checkout", "-q", &base]);
    let ignored = commit(&repo, 4);
    repo.git(&["update-ref", "refs/pull/2/merge", &ignored]);
    repo.git(&["checkout", "-q", "main"]);
    let orphan = |dump: &super::support::Dump, id: &str| dump.commits().get(id).map(|row| row["is_pr_orphan"] == true);
    let all = dump(&repo);
    assert_eq!([&base, &request, &remote].map(|id| orphan(&all, id)), [Some(false), Some(true), Some(false)]);
    assert_eq!([&tagged, &ignored].map(|id| orphan(&all, id)), [None, None]);
    let tags = dump_with(&repo, |options| options.tags = true);
    assert_eq!(orphan(&tags, &tagged), Some(true));
    let dev = dump_with(&repo, |options| options.branches = vec!["d*".to_owned()]);
    assert_eq!(dev.commits().keys().len(), 2);
    assert_eq!(orphan(&dev, &remote), Some(false));
    let folder = repo.beside("none");
    let mut none = options(&[&repo.path], &folder);
    none.branches = vec!["absent".to_owned()];
    assert!(try_dump(&none).err().unwrap().to_string().contains("no branch matches --branch absent"));
}

#[test]
fn what_is_no_code_is_not_counted_and_is_reported() {
    let repo = Repo::new();
    repo.write("a.rs", "a\n");
    repo.write("b.bin", b"a\0b\n");
    repo.write("c.psd", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n");
    repo.write("Cargo.lock", "lock\n");
    repo.write("gen/d.rs", "generated\n");
    repo.write(".gitattributes", "gen/** linguist-generated\n");
    std::os::unix::fs::symlink("a.rs", repo.path.join("link")).unwrap();
    repo.git(&["add", "-A"]);
    let id = "0123456789012345678901234567890123456789";
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{id},sub")]);
    let commit = repo.commit_staged(ADA, START, "all");
    let default = dump(&repo);
    assert_eq!(default.work(&commit), [2, 0, 0, 0], "a.rs and .gitattributes");
    assert_eq!(default.commits()[&commit]["files"], 2);
    let excluded: Vec<_> =
        default.report.repositories[0].excluded_files.iter().map(|(reason, count)| (*reason, *count)).collect();
    assert_eq!(
        excluded,
        [
            (Exclusion::Submodule, 1),
            (Exclusion::SymbolicLink, 1),
            (Exclusion::LfsPointer, 1),
            (Exclusion::Binary, 1),
            (Exclusion::Generated, 1),
            (Exclusion::CommonlyGenerated, 1),
        ]
    );
    let all = dump_with(&repo, |options| options.all_files = true);
    assert_eq!(all.work(&commit), [9, 0, 0, 0], "as many lines as git show prints");
    assert_eq!(all.commits()[&commit]["files"], 8);
    let some = dump_with(&repo, |options| {
        options.include = vec!["*.rs".to_owned(), "*.lock".to_owned()];
        options.exclude = vec!["gen".to_owned()];
        options.all_files = true;
    });
    assert_eq!(some.work(&commit), [2, 0, 0, 0]);
}

#[test]
fn a_file_that_moves_out_of_a_vendored_folder_is_no_new_work() {
    let repo = Repo::new();
    let text: String = (0..50).map(|line| format!("line {line}\n")).collect();
    repo.write("vendor/a.c", &text);
    repo.commit(ADA, START, "vendored");
    std::fs::create_dir(repo.path.join("src")).unwrap();
    repo.git(&["mv", "vendor/a.c", "src/a.c"]);
    repo.write("src/a.c", text.replace("line 7\n", "seven\n"));
    let moved = repo.commit(ADA, START + DAY, "move");
    assert_eq!(dump(&repo).work(&moved), [0, 1, 0, 0]);
}

#[test]
fn repositories_of_all_kinds_are_read() {
    let repo = Repo::new();
    for number in 0..5 {
        commit(&repo, number);
    }
    repo.git(&["repack", "-q", "-a", "-d"]);
    repo.git(&["commit-graph", "write"]);
    let expected: Vec<String> = dump(&repo).commits().into_keys().collect();
    let path = |name: &str| repo.beside(name).to_str().unwrap().to_owned();
    repo.git(&["clone", "-q", "--bare", "--no-local", ".", &path("bare.git")]);
    repo.git(&["clone", "-q", "--shared", ".", &path("shared")]);
    repo.git(&["worktree", "add", "-q", "-b", "other", &path("tree")]);
    std::fs::create_dir(repo.path.join("deep")).unwrap();
    for name in ["bare.git", "shared", "tree", "app/deep"] {
        let dump = dump_with(&repo, |options| options.repositories = vec![repo.beside(name)]);
        assert_eq!(dump.commits().into_keys().collect::<Vec<_>>(), expected, "{name}");
        assert_eq!(dump.report.problems, [""; 0]);
    }
}

#[test]
fn the_commit_graph_changes_nothing() {
    let repo = Repo::new();
    commit(&repo, 0);
    repo.git(&["checkout", "-q", "-b", "side"]);
    commit(&repo, 1);
    repo.git(&["checkout", "-q", "main"]);
    commit(&repo, 2);
    repo.git(&["merge", "-q", "--no-ff", "--no-edit", "side"]);
    let without = dump(&repo).files();
    repo.git(&["commit-graph", "write", "--reachable", "--changed-paths"]);
    assert_same_files(&dump(&repo).files(), &without);
    // A graph that does not contain the newest commit, and a damaged one.
    commit(&repo, 3);
    let newer = dump(&repo).files();
    let graph = repo.path.join(".git/objects/info/commit-graph");
    std::fs::remove_file(&graph).unwrap();
    std::fs::write(&graph, "damaged").unwrap();
    assert_same_files(&dump(&repo).files(), &newer);
}

#[test]
fn repositories_with_sha256_are_read() {
    let repo = Repo::with(&["--object-format=sha256"]);
    let id = commit(&repo, 0);
    let last = commit(&repo, 1);
    repo.git(&["repack", "-q", "-a", "-d"]);
    let dump = dump(&repo);
    assert_eq!((id.len(), dump.work(&id), dump.work(&last)), (64, [1, 0, 0, 0], [1, 0, 0, 0]));
}
