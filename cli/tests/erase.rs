//! Tests of `streamgage erase`, run as a command.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic: that is how it fails")]

mod support;

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{folder, names, run, streamgage};

fn git(repository: &Path, arguments: &[&str], author: (&str, &str)) {
    let mut command = Command::new("git");
    command.arg("-C").arg(repository).args(["-c", "user.name=CI", "-c", "user.email=ci@example.org"]);
    command.env("GIT_AUTHOR_NAME", author.0).env("GIT_AUTHOR_EMAIL", author.1);
    let output = command.args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const GRACE: (&str, &str) = ("Grace Hopper", "grace@example.org");
const GRACE_AT_HOME: (&str, &str) = ("Admiral", "grace@home.example");
const BOB: (&str, &str) = ("Bob", "bob@example.org");

fn commit(repository: &Path, author: (&str, &str), message: &str) {
    let text = fs::read_to_string(repository.join("a.txt")).unwrap_or_default();
    fs::write(repository.join("a.txt"), text + "line\n").unwrap();
    git(repository, &["add", "-A"], author);
    git(repository, &["commit", "-q", "-m", message], author);
}

/// A repository of two people, of whom one has two addresses.
fn repository(home: &Path) -> PathBuf {
    let path = home.join("app");
    fs::create_dir(&path).unwrap();
    git(&path, &["init", "-q", "-b", "main"], BOB);
    git(&path, &["remote", "add", "origin", "https://github.com/acme/app"], BOB);
    fs::write(
        home.join("people.csv"),
        "email,aliases,teams\ngrace@example.org,grace@home.example,Core\nbob@example.org,,Core\n",
    )
    .unwrap();
    commit(
        &path,
        BOB,
        "start\n\nReviewed-by: Grace Hopper <grace@example.org>\nCo-authored-by: Admiral <grace@home.example>",
    );
    commit(&path, GRACE, "The secret of Grace");
    commit(&path, GRACE_AT_HOME, "more");
    commit(&path, BOB, "Asked grace@home.example about this");
    path
}

fn dump(home: &Path, arguments: &[&str]) {
    let mut command = streamgage(home);
    command.arg("git").arg(home.join("app")).arg("--out").arg(home.join("dump"));
    let (code, _, error) = run(command.arg("--people").arg(home.join("people.csv")).args(arguments));
    assert_eq!((code, error.as_str()), (0, ""));
}

fn erase(home: &Path, arguments: &[&str]) -> (i32, String, String) {
    run(streamgage(home).arg("erase").arg(home.join("dump")).args(arguments))
}

fn rows(home: &Path, resource: &str) -> Vec<Value> {
    let text = fs::read_to_string(home.join("dump").join(format!("{resource}.ndjson"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asserts that no file beside the repository has a name or address of the erased person.
fn assert_no_trace(home: &Path) {
    let files = fs::read_dir(home.join("dump")).unwrap().map(|entry| entry.unwrap().path());
    for path in files.chain([home.join(".dump.git-state")]) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).to_lowercase();
        for trace in ["grace", "hopper", "admiral", "home.example"] {
            assert!(!text.contains(trace), "{} contains {trace}", path.display());
        }
    }
}

/// The rows of all resources. Hashes of patches depend on the author's address.
fn comparable(home: &Path) -> Vec<Vec<Value>> {
    let mut all = ["commits", "users", "user_alias", "teams", "team_membership", "repos"].map(|name| rows(home, name));
    for row in &mut all[0] {
        if row["apex_user_id"] == 2 {
            row["ignore_hash"] = Value::Null;
        }
    }
    all.into()
}

#[test]
fn an_erased_person_keeps_the_numbers_and_does_not_come_back() {
    for flags in [&[][..], &["--co-authors"], &["--pseudonyms", "--co-authors"]] {
        let home = folder(&format!("erase-git{}", flags.concat()));
        let path = repository(&home);
        dump(&home, flags);
        let before = rows(&home, "commits");
        let old_state = fs::read(home.join(".dump.git-state")).unwrap();
        let (code, out, error) = erase(&home, &["--user", "2"]);
        assert_eq!((code, error.as_str()), (0, ""));
        assert!(out.starts_with("user 2: "), "{out}");
        assert_no_trace(&home);
        assert_eq!(names(&home), [".dump.git-state", "app", "dump", "people.csv"]);
        let after = rows(&home, "commits");
        assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            for field in ["id", "hexsha", "apex_user_id", "haloc", "churn", "impact", "author_local_date"] {
                assert_eq!(before[field], after[field]);
            }
            if after["apex_user_id"] == 2 {
                assert_eq!((&after["message"], after.get("external_commit_url")), (&Value::Null, None));
            }
        }
        assert_eq!(
            (&rows(&home, "users")[1]["name"], &rows(&home, "users")[1]["email"]),
            (&json!("User 2"), &json!("user2@example.invalid"))
        );
        assert_eq!(rows(&home, "user_alias").iter().filter(|row| row.get("_deleted").is_some()).count(), 1);
        assert_eq!(rows(&home, "team_membership").iter().filter(|row| row.get("_deleted").is_some()).count(), 1);
        if flags.is_empty() {
            assert_eq!(
                rows(&home, "commits")[0]["message"],
                "start\n\nReviewed-by: User 2 <user2@example.invalid>\nCo-authored-by: User 2 <user2@example.invalid>"
            );
            assert_eq!(rows(&home, "commits")[3]["message"], "Asked user2@example.invalid about this");
        }
        // The next run changes nothing, with the state, without it, and with a copy from before.
        let erased = comparable(&home);
        for state in [None, Some(&b""[..]), Some(&old_state)] {
            if let Some(state) = state {
                fs::write(home.join(".dump.git-state"), state).unwrap();
            }
            dump(&home, flags);
            assert_eq!(comparable(&home), erased, "{flags:?}");
            assert_no_trace(&home);
        }
        // New commits of the person belong to the pseudonym.
        commit(&path, GRACE, "Grace is back");
        dump(&home, flags);
        assert_no_trace(&home);
        let last = rows(&home, "commits").pop().unwrap();
        assert_eq!((&last["apex_user_id"], &last["message"]), (&json!(2), &Value::Null));
        assert_eq!(rows(&home, "users").len(), 2);
    }
}

#[test]
fn commits_are_removed_on_request() {
    for flags in [&[][..], &["--pseudonyms"]] {
        let home = folder(&format!("erase-commits{}", flags.concat()));
        repository(&home);
        dump(&home, flags);
        assert_eq!(erase(&home, &["--user", "2", "--commits"]).0, 0);
        let deleted = |id: u64| json!({ "id": id, "_deleted": true });
        // The same after a run, and after a run without the state.
        for round in 0..3 {
            if round == 2 {
                fs::remove_file(home.join(".dump.git-state")).unwrap();
            }
            if round > 0 {
                dump(&home, flags);
            }
            assert_no_trace(&home);
            assert_eq!(rows(&home, "commits")[1..3], [deleted(2), deleted(3)]);
            assert!(rows(&home, "commits").iter().skip(4).all(|row| row.get("_deleted").is_some()));
            assert_eq!(rows(&home, "users")[1..], [deleted(2)]);
        }
        let request = "/v3/customer/core/commits/?fields=id";
        let (_, out, _) = run(streamgage(&home).arg("query").arg(home.join("dump")).arg(request));
        let answer: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(answer["body"]["results"], json!([{ "id": 1 }, { "id": 4 }]));
    }
}

#[test]
fn a_person_is_erased_from_a_dump_of_any_source() {
    let home = folder("erase-other");
    let dump = home.join("dump");
    fs::create_dir(&dump).unwrap();
    let write = |name: &str, rows: &[Value]| {
        let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        fs::write(dump.join(name), text).unwrap();
    };
    write(
        "users.ndjson",
        &[json!({ "id": 7, "name": "Grace Hopper", "email": "grace@example.org" }), json!({ "id": 8, "name": "Bob" })],
    );
    write(
        "user_alias.ndjson",
        &[
            json!({ "id": 3, "name": "Admiral", "email": "grace@home.example", "username": "hopper", "apex_user_id": 7 }),
        ],
    );
    write(
        "pull_requests.ndjson",
        &[
            json!({ "id": 1, "title": "By Grace", "body": "Hopper", "url": "https://x/grace", "user_alias_id": 3 }),
            json!({ "id": 2, "title": "Other", "body": "Thanks to grace@example.org!", "user_alias_id": 9 }),
        ],
    );
    let gzip = Command::new("gzip").arg(dump.join("pull_requests.ndjson")).status().unwrap();
    assert!(gzip.success());
    assert_eq!(erase(&home, &["--user", "9"]), (2, String::new(), "streamgage: the dump has no user 9\n".to_owned()));
    let (code, _, error) = erase(&home, &["--user", "7"]);
    assert_eq!((code, error.as_str()), (0, ""));
    let text = Command::new("gzip").args(["-d", "-c"]).arg(dump.join("pull_requests.ndjson.gz")).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert_eq!(
        text,
        "{\"body\":null,\"id\":1,\"title\":null,\"user_alias_id\":3}\n\
        {\"body\":\"Thanks to user7@example.invalid!\",\"id\":2,\"title\":\"Other\",\"user_alias_id\":9}\n"
    );
    assert_eq!(rows(&home, "users")[0], json!({ "id": 7, "name": "User 7", "email": "user7@example.invalid" }));
    assert_eq!(rows(&home, "user_alias")[0]["username"], Value::Null);
    assert_eq!(names(&home), ["dump"]);
}
