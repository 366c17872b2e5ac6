//! Tests of `streamgage git`, run as a command.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic: that is how it fails")]

mod support;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{folder, names, run, streamgage};

fn git(repository: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.arg("-C").arg(repository).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]);
    let output = command.args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn repository(home: &Path) -> PathBuf {
    let path = home.join("app");
    fs::create_dir(&path).unwrap();
    git(&path, &["init", "-q", "-b", "main"]);
    commit(&path, "one\ntwo\n");
    path
}

fn commit(repository: &Path, text: &str) {
    fs::write(repository.join("a.txt"), text).unwrap();
    git(repository, &["add", "-A"]);
    git(repository, &["commit", "-q", "-m", "change \u{1b}[2J"]);
}

fn dump(home: &Path, arguments: &[&str]) -> (i32, String, String) {
    run(streamgage(home).arg("git").arg(home.join("app")).arg("--out").arg(home.join("dump")).args(arguments))
}

#[test]
fn a_repository_becomes_a_dump_that_answers_requests() {
    let home = folder("git-dump");
    let path = repository(&home);
    let (code, out, error) = dump(&home, &[]);
    assert_eq!((code, error.as_str()), (0, ""), "no progress is shown if standard error is not a terminal");
    assert!(out.starts_with("app: 1 commits, 1 new\n"), "{out}");
    commit(&path, "one\nchanged\nadded\n");
    let (code, out, _) = dump(&home, &["--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    let numbers = ["commits", "new_commits", "new_work", "churn"].map(|name| report["repositories"][0][name].clone());
    assert_eq!((code, numbers), (0, [2, 1, 3, 1].map(Value::from)));
    let request = "/v3/customer/core/commits/?fields=id,new_work,churn";
    let (_, out, _) = run(streamgage(&home).arg("query").arg(home.join("dump")).arg(request));
    let answer: Value = serde_json::from_str(&out).unwrap();
    let expected = [
        serde_json::json!({"id": 1, "new_work": 2, "churn": 0}),
        serde_json::json!({"id": 2, "new_work": 1, "churn": 1}),
    ];
    assert_eq!(answer["body"]["results"].as_array().unwrap().as_slice(), expected);
    assert_eq!(names(&home), [".dump.git-state", "app", "dump"]);
}

#[test]
fn a_dump_without_changes_is_left_alone() {
    let home = folder("git-unchanged");
    let path = repository(&home);
    dump(&home, &[]);
    let modified = || fs::metadata(home.join("dump/commits.ndjson")).unwrap().modified().unwrap();
    let before = modified();
    let (code, _, error) = dump(&home, &[]);
    assert_eq!((code, error.as_str()), (0, ""));
    assert_eq!(modified(), before);
    commit(&path, "one\n");
    dump(&home, &[]);
    assert_ne!(modified(), before);
}

#[test]
fn errors_name_the_cause_and_keep_the_dump() {
    let home = folder("git-errors");
    repository(&home);
    dump(&home, &[]);
    let text = fs::read(home.join("dump/commits.ndjson")).unwrap();
    fs::write(home.join("people.toml"), "[[user]]\n").unwrap();
    let people = home.join("people.toml").display().to_string();
    for (arguments, code, message) in [
        (vec!["--branch", "absent"], 2, "no branch matches --branch absent"),
        (vec!["--include", "["], 2, "["),
        (vec!["--people", &people], 2, "user 1 has no email"),
        (vec!["--people", "absent.toml"], 1, "absent.toml"),
    ] {
        let (status, _, error) = dump(&home, &arguments);
        assert_eq!(status, code, "{arguments:?}: {error}");
        assert!(error.contains(message), "{arguments:?}: {error}");
    }
    assert_eq!(fs::read(home.join("dump/commits.ndjson")).unwrap(), text);
    // A dump from another source is not replaced.
    run(streamgage(&home).args(["demo", "--users", "2", "--months", "1", "--out"]).arg(home.join("demo")));
    let (code, _, error) = run(streamgage(&home).arg("git").arg(home.join("app")).arg("--out").arg(home.join("demo")));
    assert_eq!(code, 2);
    assert!(error.contains("not from git"), "{error}");
}
