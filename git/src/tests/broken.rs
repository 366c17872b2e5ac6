//! Broken and unusual input: everything readable is read, and the rest is reported.

use super::support::{ADA, BOB, DAY, Dump, Repo, START, assert_same_files, dump, dump_with, options, try_dump};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn three_commits(repo: &Repo) -> [String; 3] {
    [0, 1, 2].map(|number| {
        repo.write(
            "a.txt",
            (0..5).map(|line| format!("{} {line}\n", if line < number { number } else { 0 })).collect::<String>(),
        );
        repo.write(&format!("only{number}.txt"), format!("{number}\n"));
        repo.commit(if number == 1 { BOB } else { ADA }, START + number * DAY, "change")
    })
}

fn loose_object(repo: &Repo, id: &str) -> PathBuf {
    let (folder, file) = id.split_at(2);
    repo.path.join(".git/objects").join(folder).join(file)
}

#[test]
fn a_missing_blob_costs_its_file_only() {
    let repo = Repo::new();
    let ids = three_commits(&repo);
    let blob = repo.git(&["rev-parse", &format!("{}:a.txt", ids[1])]);
    fs::remove_file(loose_object(&repo, blob.trim())).unwrap();
    let dump = dump(&repo);
    assert_eq!(dump.commits().len(), 3);
    assert_eq!(dump.work(&ids[0]), [6, 0, 0, 0]);
    assert_eq!(dump.work(&ids[1]), [1, 0, 0, 0]);
    let problems = dump.report.problems.join("\n");
    assert!(problems.contains(&format!("commit {}: a.txt: object {}: missing", ids[1], blob.trim())), "{problems}");
}

#[test]
fn a_missing_commit_cuts_the_history() {
    let repo = Repo::new();
    let ids = three_commits(&repo);
    fs::remove_file(loose_object(&repo, &ids[0])).unwrap();
    let dump = dump(&repo);
    assert_eq!(dump.commits().len(), 2);
    assert_eq!(dump.commits()[&ids[1]]["outlier_reason"], 2);
    assert_eq!(dump.commits()[&ids[2]]["outlier_reason"], serde_json::Value::Null);
    assert_eq!(dump.report.problems, [format!("app: commit {}: missing", ids[0])]);
}

#[test]
fn a_corrupt_pack_is_reported() {
    let repo = Repo::new();
    let ids = three_commits(&repo);
    repo.git(&["repack", "-q", "-a", "-d"]);
    repo.write("late.txt", "late\n");
    let late = repo.commit(ADA, START + 9 * DAY, "late");
    let folder = repo.path.join(".git/objects/pack");
    let pack = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().unwrap() == "pack")
        .unwrap();
    fs::set_permissions(&pack, fs::Permissions::from_mode(0o644)).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let length = bytes.len();
    bytes[12..length - 20].fill(0xff);
    fs::write(&pack, bytes).unwrap();
    let dump = dump(&repo);
    assert_eq!(dump.commits().keys().collect::<Vec<_>>(), [&late]);
    assert!(dump.report.problems.iter().any(|problem| problem.contains(&ids[2])), "{:?}", dump.report.problems);
}

#[test]
fn a_shallow_clone_has_a_boundary() {
    let repo = Repo::new();
    let ids = three_commits(&repo);
    let clone = repo.beside("shallow");
    repo.git(&["clone", "-q", "--depth", "2", &format!("file://{}", repo.path.display()), clone.to_str().unwrap()]);
    let dump = dump_with(&repo, |options| options.repositories = vec![clone]);
    assert_eq!(dump.commits().len(), 2);
    assert_eq!(dump.commits()[&ids[1]]["outlier_reason"], 2);
    assert_eq!(dump.commits()[&ids[2]]["outlier_reason"], serde_json::Value::Null);
    assert!(dump.report.problems[0].contains("shallow"), "{:?}", dump.report.problems);
}

/// Runs after another run, with its state.
fn again(repo: &Repo, previous: &Dump, path: &Path) -> Dump {
    dump_with(repo, |options| {
        options.repositories = vec![path.to_owned()];
        options.previous = Some(previous.folder.clone());
        fs::copy(&previous.state, &options.state).unwrap();
    })
}

#[test]
fn a_partial_clone_is_read_as_far_as_it_goes() {
    let repo = Repo::new();
    let ids = three_commits(&repo);
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", repo.path.display());
    for filter in ["blob:none", "tree:0"] {
        let clone = repo.beside(&filter.replace(':', "-"));
        let path = clone.to_str().unwrap();
        repo.git(&["clone", "-q", "--filter", filter, &url, path]);
        let first = dump_with(&repo, |options| options.repositories = vec![clone.clone()]);
        assert_eq!(first.commits().len(), 3);
        // The work tree needs the files of the last commit, so that new files in it can be read.
        let expected = if filter == "blob:none" { [1, 0, 0, 0] } else { [0, 0, 0, 0] };
        assert_eq!(first.work(&ids[2]), expected, "{filter}");
        let problems = &first.report.problems;
        assert!(problems[0].contains(&format!("partial clone with the filter {filter}")), "{problems:?}");
        assert!(problems[0].contains("git fetch --refetch --no-filter"), "{problems:?}");
        assert!(problems[1..].iter().all(|problem| problem.ends_with(": missing")), "{problems:?}");
        // The next run reads what has been fetched meanwhile.
        repo.git(&["-C", path, "fetch", "-q", "--refetch", "--no-filter"]);
        let second = again(&repo, &first, &clone);
        assert_eq!(second.report.problems, [""; 0]);
        let full = dump_with(&repo, |options| options.repositories = vec![clone.clone()]);
        assert_same_files(&second.files(), &full.files());
        assert_eq!(ids.each_ref().map(|id| second.work(id)), ids.each_ref().map(|id| dump(&repo).work(id)));
    }
}

#[test]
fn a_shallow_clone_that_becomes_complete_is_read_anew() {
    let repo = Repo::new();
    let ids = three_commits(&repo);
    let clone = repo.beside("deepened");
    let path = clone.to_str().unwrap();
    repo.git(&["clone", "-q", "--depth", "1", &format!("file://{}", repo.path.display()), path]);
    let first = dump_with(&repo, |options| options.repositories = vec![clone.clone()]);
    assert_eq!(first.commits().len(), 1);
    repo.git(&["-C", path, "fetch", "-q", "--unshallow"]);
    let second = again(&repo, &first, &clone);
    assert_eq!(second.report.problems, [""; 0]);
    assert_eq!(second.commits()[&ids[2]]["id"], 1, "the number stays");
    assert_eq!(second.commits()[&ids[2]]["outlier_reason"], serde_json::Value::Null);
    let complete = dump(&repo);
    assert_eq!(ids.each_ref().map(|id| second.work(id)), ids.each_ref().map(|id| complete.work(id)));
}

#[test]
fn strange_dates_and_offsets_are_read_and_reported() {
    let repo = Repo::new();
    let ids = three_commits(&repo);
    let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
    let raw = |branch: &str, author: &str, committer: &str| {
        let parent = &ids[2];
        let text =
            format!("tree {tree}parent {parent}\nauthor A <a@x> {author}\ncommitter A <a@x> {committer}\n\nraw\n");
        repo.raw_commit(branch, &text)
    };
    let first = raw("first", "0 +0000", "0 +0000");
    let last = raw("last", "4294967295 +0000", "4294967295 +0000");
    let months = raw("months", "1704067200 +999999", "1704067200 -0100");
    let endless = raw("endless", "99999999999999999999 +0000", "1704067200 +0000");
    let dump = dump(&repo);
    let field = |id: &String, field: &str| dump.commits()[id][field].clone();
    assert_eq!(field(&first, "author_date"), "1970-01-01T00:00:00");
    assert_eq!(field(&last, "committer_date"), "2106-02-07T06:28:15");
    assert_eq!(field(&months, "author_tzoffset"), 0);
    assert_eq!(field(&months, "author_local_date"), "2024-01-01T00:00:00");
    assert_eq!(field(&months, "committer_tzoffset"), -3600);
    assert_eq!(field(&endless, "author_date"), "2024-01-01T00:00:00");
    let mut problems = dump.report.problems.clone();
    problems.sort();
    let mut expected = [
        format!("app: commit {months}: the author's offset from UTC is impossible and is read as UTC"),
        format!("app: commit {endless}: the author's date cannot be read"),
    ];
    expected.sort();
    assert_eq!(problems, expected);
}

#[test]
fn names_need_not_be_utf8() {
    let repo = Repo::new();
    let name = OsString::from_vec(b"caf\xe9.txt".to_vec());
    fs::write(repo.path.join(&name), "a\nb\n").unwrap();
    let first = repo.commit(ADA, START, "latin");
    fs::write(repo.path.join(&name), "a\nc\n").unwrap();
    repo.git(&["add", "-A"]);
    repo.git_with(
        &["-c", "i18n.commitEncoding=latin1", "commit", "-q", "-m", "second"],
        &[("GIT_AUTHOR_DATE", "1704067201 +0000"), ("GIT_COMMITTER_DATE", "1704067201 +0000")],
    );
    let dump = dump(&repo);
    assert_eq!(dump.work(&first), [2, 0, 0, 0]);
    assert_eq!(dump.work(&repo.head()), [0, 0, 0, 1]);
    let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
    let rest = b"\xe9r <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\nencoding ISO-8859-1\n\ncaf\xe9\n";
    let text = [format!("tree {tree}author J").as_bytes(), rest].concat();
    fs::write(repo.beside("raw"), text).unwrap();
    let id = repo.git(&["hash-object", "-t", "commit", "-w", "--literally", repo.beside("raw").to_str().unwrap()]);
    repo.git(&["branch", "latin", id.trim()]);
    let dump = super::support::dump(&repo);
    assert_eq!(dump.commits()[id.trim()]["message"], "caf\u{e9}");
    assert!(dump.rows("users").iter().any(|user| user["name"] == "J\u{e9}r"));
}

#[test]
fn large_files_and_commits_of_many_files_are_read() {
    let repo = Repo::new();
    let lines = |from: u32| (from..from + 1_000_000).map(|line| format!("{line}\n")).collect::<String>();
    repo.write("large.txt", lines(0));
    let large = repo.commit(ADA, START, "a million lines");
    repo.write("large.txt", lines(10));
    let edited = repo.commit(ADA, START + DAY, "ten lines at each end");
    for number in 0..10_000 {
        repo.write(&format!("many/{}/{number}.txt", number % 50), format!("{number}\n"));
    }
    let many = repo.commit(ADA, START + 2 * DAY, "ten thousand files");
    let dump = dump(&repo);
    assert_eq!(dump.work(&large), [1_000_000, 0, 0, 0]);
    assert_eq!(dump.work(&edited), [10, 0, 0, 10]);
    assert_eq!(dump.work(&many), [10_000, 0, 0, 0]);
}

#[test]
fn an_empty_repository_has_no_rows() {
    let repo = Repo::new();
    let dump = dump(&repo);
    assert!(dump.report.repositories[0].is_empty);
    assert_eq!(dump.rows("commits").len(), 0);
    assert_eq!(dump.rows("repos").len(), 1);
}

#[test]
fn a_path_without_a_repository_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let message = |path: &Path| try_dump(&options(&[path], &folder.path().join("dump"))).err().unwrap().to_string();
    assert!(message(folder.path()).contains("no git repository"), "{}", message(folder.path()));
    assert!(message(&folder.path().join("absent")).contains("no such folder"));
}
