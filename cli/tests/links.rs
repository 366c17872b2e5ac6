//! Tests that no command follows a link which somebody has prepared next to a dump or in its draft.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

mod support;

use serde_json::json;
use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Reply, Server, files, folder, names, run_bounded, streamgage};

/// A server that has one tag and no other list.
fn server() -> Server {
    Server::start(|_, request| match request.target.contains("/tags/") {
        true => Reply::ok(r#"{"count":1,"next":null,"results":[{"id":1,"name":"t"}]}"#),
        false => Reply::status(404, "Not found."),
    })
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(arguments);
    assert!(command.env("GIT_CONFIG_GLOBAL", "/dev/null").status().unwrap().success());
}

/// Returns the commands that write a dump into `home`, by name.
fn commands(home: &Path, url: &str) -> Vec<(&'static str, Command)> {
    commands_into(home, url, &home.join("dump"))
}

fn commands_into(home: &Path, url: &str, dump: &Path) -> Vec<(&'static str, Command)> {
    let repository = home.join("app");
    fs::create_dir_all(&repository).unwrap();
    git(&repository, &["init", "-q"]);
    git(&repository, &["commit", "-q", "--allow-empty", "-m", "one"]);
    let mut demo = streamgage(home);
    demo.args(["demo", "--months", "1", "--users", "2", "--out"]).arg(dump);
    let mut pull = streamgage(home);
    pull.args(["pull", url, "--out"]).arg(dump);
    let mut from_git = streamgage(home);
    from_git.arg("git").arg(&repository).arg("--out").arg(dump);
    vec![("demo", demo), ("pull", pull), ("git", from_git)]
}

/// Returns a folder of the user with a file.
fn precious(home: &Path) -> PathBuf {
    let folder = home.join("precious");
    fs::create_dir_all(folder.join("pull")).unwrap();
    for name in ["file", "commits.ndjson", "tags.ndjson", "pull/tags.ndjson", "pull/state.json"] {
        fs::write(folder.join(name), "precious").unwrap();
    }
    folder
}

fn assert_unchanged(folder: &Path, message: &str) {
    assert_eq!(names(folder), ["commits.ndjson", "file", "pull", "tags.ndjson"], "{message}");
    assert_eq!(names(&folder.join("pull")), ["state.json", "tags.ndjson"], "{message}");
    for name in ["file", "commits.ndjson", "tags.ndjson", "pull/tags.ndjson", "pull/state.json"] {
        assert_eq!(fs::read_to_string(folder.join(name)).unwrap(), "precious", "{message}");
    }
}

#[test]
fn links_next_to_the_dump_are_not_followed() {
    let server = server();
    for link in [".dump.lock", ".dump.draft", ".dump.retired"] {
        for to in ["precious", "precious/file", "missing"] {
            let home = folder("links-beside");
            let precious = precious(&home);
            for (name, mut command) in commands(&home, &server.url) {
                symlink(home.join(to), home.join(link)).unwrap();
                let (code, out, error) = run_bounded(&mut command);
                let message = format!("{name} with {link} to {to}: {error}");
                assert_eq!((code, out.as_str()), (1, ""), "{message}");
                assert!(error.contains(&format!("{link}: a link, which is not followed")), "{message}");
                assert_unchanged(&precious, &message);
                assert!(!home.join("missing").exists() && !home.join("dump").exists(), "{message}");
                assert_eq!(fs::read_link(home.join(link)).unwrap(), home.join(to), "{message}");
                fs::remove_file(home.join(link)).unwrap();
            }
        }
    }
}

#[test]
fn other_things_next_to_the_dump_are_refused() {
    let server = server();
    for (entry, message) in
        [(".dump.lock", "not a file"), (".dump.draft", "not a folder"), (".dump.retired", "not a folder")]
    {
        let home = folder("links-pipe");
        assert!(Command::new("mkfifo").arg(home.join(entry)).status().unwrap().success());
        for (name, mut command) in commands(&home, &server.url) {
            let (code, _, error) = run_bounded(&mut command);
            assert_eq!(code, 1, "{name}: {error}");
            assert!(error.contains(&format!("{entry}: {message}")), "{name}: {error}");
            assert!(fs::symlink_metadata(home.join(entry)).unwrap().file_type().is_fifo());
        }
    }
}

#[test]
fn links_in_the_draft_are_not_followed() {
    let server = server();
    let core = format!("{}/v3/customer/core", server.url);
    let list = json!({
        "count": 5, "first_count": 5, "rows": 0, "bytes": 0, "pages": 1, "next": null, "last_id": null,
        "paging": "AfterId", "is_complete": true, "unavailable": null
    });
    let state =
        |list| json!({"url": core, "since": null, "began": 9_999_999_999u64, "resources": {"tags": list}}).to_string();
    for linked in
        ["pull", "pull/state.json", "pull/tags.ndjson", "tags.ndjson", "dump.json", "rejected.ndjson", "other"]
    {
        let home = folder("links-in-draft");
        let precious = precious(&home);
        for (name, mut command) in commands(&home, &server.url) {
            let draft = home.join(".dump.draft");
            fs::create_dir_all(draft.join("pull")).unwrap();
            // A list that is read in part: its file is continued.
            let mut progress = list.clone();
            progress["is_complete"] = json!(false);
            fs::write(draft.join("pull/state.json"), state(progress)).unwrap();
            let link = draft.join(linked);
            let _ = if link.is_dir() { fs::remove_dir_all(&link) } else { fs::remove_file(&link) };
            let to = if linked == "pull" || linked == "other" { precious.clone() } else { precious.join("file") };
            symlink(to, &link).unwrap();
            let (code, _, error) = run_bounded(&mut command);
            let message = format!("{name} with {linked}: {code} {error}");
            assert_unchanged(&precious, &message);
            let _ = fs::remove_dir_all(home.join("dump"));
            let _ = fs::remove_dir_all(&draft);
        }
    }
}

#[test]
fn a_file_of_the_draft_that_has_another_name_is_not_continued() {
    let server = server();
    let home = folder("links-hard");
    let precious = precious(&home);
    let pull = home.join(".dump.draft/pull");
    fs::create_dir_all(&pull).unwrap();
    let list = json!({
        "count": 5, "first_count": 5, "rows": 0, "bytes": 0, "pages": 0, "next": null, "last_id": null,
        "paging": "AfterId", "is_complete": true, "unavailable": null
    });
    let lists = json!({"users": list});
    let core = format!("{}/v3/customer/core", server.url);
    let state = json!({"url": core, "since": null, "began": 9_999_999_999u64, "resources": lists});
    fs::write(pull.join("state.json"), state.to_string()).unwrap();
    fs::hard_link(precious.join("file"), pull.join("tags.ndjson")).unwrap();
    let (_, mut command) = commands(&home, &server.url).remove(1);
    let (code, _, error) = run_bounded(&mut command);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("tags.ndjson: a file that has another name, too"), "{error}");
    assert_unchanged(&precious, &error);
}

#[test]
fn the_state_of_git_is_not_written_through_a_link() {
    let home = folder("links-git-state");
    let precious = precious(&home);
    symlink(precious.join("file"), home.join(".dump.git-state")).unwrap();
    let (_, mut command) = commands(&home, "http://127.0.0.1:1").pop().unwrap();
    let (code, _, error) = run_bounded(&mut command);
    assert_eq!(code, 0, "{error}");
    assert_unchanged(&precious, &error);
    assert!(fs::symlink_metadata(home.join(".dump.git-state")).unwrap().is_file());
}

#[test]
fn a_dump_with_folders_or_links_is_not_replaced() {
    let server = server();
    let name = server.url.trim_start_matches("http://").to_owned();
    for entry in ["commits.ndjson", "period_metrics.ndjson", "dump.json"] {
        for is_link in [true, false] {
            let home = folder("links-in-dump");
            let precious = precious(&home);
            for (command_name, mut command) in commands(&home, &server.url) {
                let dump = home.join("dump");
                fs::create_dir_all(&dump).unwrap();
                let header = json!({"format": 1, "demo": true, "name": name, "git": {}}).to_string();
                fs::write(dump.join("dump.json"), header).unwrap();
                let _ = fs::remove_file(dump.join(entry));
                match is_link {
                    true => symlink(precious.join("file"), dump.join(entry)).unwrap(),
                    false => fs::create_dir_all(dump.join(entry).join("precious")).unwrap(),
                }
                let (code, _, error) = run_bounded(&mut command);
                let message = format!("{command_name} with {entry}: {error}");
                assert_eq!(code, 2, "{message}");
                assert!(error.contains(&format!("its entry {entry} is not a file")), "{message}");
                assert_unchanged(&precious, &message);
                assert!(fs::symlink_metadata(dump.join(entry)).is_ok_and(|entry| !entry.is_file()), "{message}");
                fs::remove_dir_all(&dump).unwrap();
            }
        }
    }
}

#[test]
fn links_of_the_user_are_followed() {
    let server = server();
    for number in 0..3 {
        let home = folder("links-of-user");
        fs::create_dir(home.join("real")).unwrap();
        symlink(home.join("real"), home.join("linked")).unwrap();
        symlink(home.join("real/dump"), home.join("dump")).unwrap();
        // A folder behind a link, twice, then a link to the dump itself.
        for dump in ["linked/dump", "linked/dump", "dump"] {
            let (name, mut command) = commands_into(&home, &server.url, &home.join(dump)).remove(number);
            let (code, _, error) = run_bounded(&mut command);
            assert_eq!(code, 0, "{name} {dump}: {error}");
            assert!(files(&home.join("real/dump")).contains_key("dump.json"));
        }
        for link in ["linked", "dump"] {
            assert!(fs::symlink_metadata(home.join(link)).unwrap().is_symlink());
        }
    }
}
