//! A run after another reads what is new, and writes what a run over everything writes.

use super::support::{ADA, BOB, DAY, Dump, Repo, START, assert_same_files, dump_with, options, try_dump};
use std::fs;

/// Runs with the dump of an earlier run, with or without its state.
fn update(repo: &Repo, previous: &Dump, keep_state: bool) -> Dump {
    dump_with(repo, |options| {
        options.previous = Some(previous.folder.clone());
        if keep_state {
            fs::copy(&previous.state, &options.state).unwrap();
        }
    })
}

fn edit(repo: &Repo, path: &str, number: i64, author: &str) -> String {
    let old = fs::read_to_string(repo.path.join(path)).unwrap_or_default();
    let kept: String = old.split_inclusive('\n').skip(1).collect();
    repo.write(path, kept + &format!("a {number}\nb {number}\nc {number}\n"));
    repo.commit(author, START + number * DAY, &format!("change {number}"))
}

#[test]
fn an_update_equals_a_full_run() {
    let repo = Repo::new();
    for number in 0..6 {
        edit(&repo, "a.txt", number, ADA);
    }
    let mut dump = dump_with(&repo, |_| {});
    assert_eq!(dump.report.repositories[0].new_commits, 6);
    let mut number = 10;
    for round in 0..5 {
        // A branch from an old commit needs line origins that no tip has.
        repo.git(&["checkout", "-q", "-b", &format!("side{round}"), "main~3"]);
        edit(&repo, "b.txt", number, BOB);
        edit(&repo, "a.txt", number + 1, BOB);
        repo.git(&["checkout", "-q", "main"]);
        edit(&repo, "c.txt", number + 2, ADA);
        if round % 2 == 0 {
            repo.command(&["merge", "-q", "--no-ff", "-X", "ours", "-m", "merge", &format!("side{round}")], &[]);
        }
        number += 10;
        let full = update(&repo, &dump, false);
        let updated = update(&repo, &dump, true);
        assert_eq!(updated.report.repositories[0].new_commits, if round % 2 == 0 { 4 } else { 3 });
        assert!(full.report.repositories[0].new_commits > 6);
        assert_same_files(&updated.files(), &full.files());
        dump = updated;
    }
    let again = update(&repo, &dump, true);
    assert_eq!(again.report.repositories[0].new_commits, 0);
    assert_same_files(&again.files(), &dump.files());
}

#[test]
fn a_linear_history_gets_the_same_numbers_at_once_and_in_steps() {
    let repo = Repo::new();
    edit(&repo, "a.txt", 0, ADA);
    let mut dump = dump_with(&repo, |_| {});
    for number in 1..8 {
        edit(&repo, "a.txt", number, if number % 3 == 0 { BOB } else { ADA });
        dump = update(&repo, &dump, true);
    }
    assert_same_files(&dump.files(), &dump_with(&repo, |_| {}).files());
}

#[test]
fn numbers_follow_the_mainline() {
    let repo = Repo::new();
    let base = edit(&repo, "a.txt", 0, ADA);
    repo.git(&["checkout", "-q", "-b", "side"]);
    let side = edit(&repo, "b.txt", 9, BOB);
    repo.git(&["checkout", "-q", "main"]);
    let main = edit(&repo, "a.txt", 20, ADA);
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let merge = repo.head();
    repo.git(&["checkout", "-q", "-b", "open", &base]);
    let open = edit(&repo, "c.txt", 1, BOB);
    let commits = dump_with(&repo, |_| {}).commits();
    let ids = [&base, &main, &side, &merge, &open].map(|id| commits[id]["id"].as_u64().unwrap());
    assert_eq!(ids, [1, 2, 3, 4, 5]);
}

#[test]
fn commits_that_are_rewritten_are_deleted_and_keep_their_numbers() {
    let repo = Repo::new();
    edit(&repo, "a.txt", 0, ADA);
    let old = edit(&repo, "a.txt", 1, ADA);
    let first = dump_with(&repo, |_| {});
    repo.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let new = edit(&repo, "a.txt", 2, BOB);
    for keep_state in [true, false] {
        let second = update(&repo, &first, keep_state);
        assert_eq!(second.rows("commits")[1], serde_json::json!({ "id": 2, "_deleted": true }));
        assert_eq!(second.commits()[&new]["id"], 3);
        if keep_state {
            repo.git(&["branch", "restored", &old]);
            let third = update(&repo, &second, true);
            assert_eq!(third.commits()[&old]["id"], 2);
            repo.git(&["branch", "-q", "-D", "restored"]);
        }
    }
}

#[test]
fn a_damaged_or_foreign_state_is_not_used() {
    let repo = Repo::new();
    for number in 0..4 {
        edit(&repo, "a.txt", number, ADA);
    }
    let first = dump_with(&repo, |_| {});
    let full = dump_with(&repo, |_| {}).files();
    for damage in [&b""[..], b"streamgage-git-2", b"something else"] {
        fs::write(&first.state, damage).unwrap();
        let second = update(&repo, &first, true);
        assert_same_files(&second.files(), &full);
        assert_eq!(second.report.repositories[0].new_commits, 4);
    }
    // The state of a later dump than the one that is updated.
    let first = dump_with(&repo, |_| {});
    edit(&repo, "a.txt", 5, BOB);
    let second = update(&repo, &first, true);
    fs::copy(&second.state, &first.state).unwrap();
    let third = update(&repo, &first, true);
    assert_same_files(&third.files(), &second.files());
    assert_eq!(third.report.repositories[0].new_commits, 5);
}

#[test]
fn a_change_of_settings_or_people_counts_again() {
    let repo = Repo::new();
    edit(&repo, "a.txt", 0, ADA);
    edit(&repo, "a.txt", 1, BOB);
    edit(&repo, "a.txt", 2, ADA);
    let first = dump_with(&repo, |_| {});
    repo.write(".mailmap", "Ada <ada@example.org> <bob@example.org>\n");
    let last = repo.commit(ADA, START + 3 * DAY, "mailmap");
    let joined = update(&repo, &first, true);
    assert_same_files(&joined.files(), &update(&repo, &first, false).files());
    assert_eq!(joined.report.people.persons, 1);
    assert_eq!(joined.commits()[&last]["id"], 4);
    assert_eq!(joined.rows("users")[1], serde_json::json!({ "id": 2, "_deleted": true }));
    let help: u64 = joined.commits().values().map(|row| row["help_others"].as_u64().unwrap()).sum();
    assert_eq!(help, 0);
    let other_days = |previous: &Dump| {
        dump_with(&repo, |options| {
            options.previous = Some(previous.folder.clone());
            fs::copy(&previous.state, &options.state).unwrap();
            options.recent_days = 0;
        })
    };
    assert_eq!(other_days(&joined).report.repositories[0].new_commits, 4);
}

#[test]
fn another_repository_renumbers_nothing() {
    let (one, two) = (Repo::new(), Repo::new());
    edit(&one, "a.txt", 0, ADA);
    edit(&two, "a.txt", 0, BOB);
    edit(&two, "a.txt", 1, ADA);
    two.git(&["remote", "add", "origin", "git@github.com:acme/two.git"]);
    let first = dump_with(&one, |_| {});
    let mut both = options(&[&two.path, &one.path], &one.beside("both"));
    both.previous = Some(first.folder.clone());
    fs::copy(&first.state, &both.state).unwrap();
    let both = try_dump(&both).unwrap();
    assert_eq!(both.report.repositories[1].new_commits, 0);
    let rows = both.rows("repos");
    assert_eq!((rows[0]["name"].as_str(), rows[1]["name"].as_str()), (Some("app"), Some("two")));
    assert_eq!(rows[1]["url"], "https://github.com/acme/two");
    assert_eq!(both.rows("commits")[0], first.rows("commits")[0]);
    assert_eq!(both.rows("commits").len(), 3);
    // Without the first repository its rows are deleted.
    let mut left = options(&[&two.path], &one.beside("left"));
    left.previous = Some(both.folder.clone());
    fs::copy(&both.state, &left.state).unwrap();
    let left = try_dump(&left).unwrap();
    assert_eq!(left.rows("commits")[0], serde_json::json!({ "id": 1, "_deleted": true }));
    assert_eq!(left.rows("repos")[0], serde_json::json!({ "id": 1, "_deleted": true }));
    let error = try_dump(&options(&[&one.path, &one.path], &one.beside("twice"))).err().unwrap();
    assert!(error.to_string().contains("the same repository as"), "{error}");
}

#[test]
fn a_rebased_pull_request_counts_once_it_is_on_a_branch() {
    let repo = Repo::new();
    let base = edit(&repo, "a.txt", 0, ADA);
    repo.git(&["checkout", "-q", "-b", "side"]);
    let request = edit(&repo, "b.txt", 1, BOB);
    repo.git(&["update-ref", "refs/pull/1/head", "side"]);
    let first = dump_with(&repo, |_| {});
    let id = first.commits()[&request]["id"].as_u64().unwrap();
    repo.git(&["checkout", "-q", "main"]);
    edit(&repo, "c.txt", 2, ADA);
    repo.git(&["cherry-pick", "side"]);
    let rebased = repo.head();
    repo.git(&["branch", "-q", "-D", "side"]);
    let second = update(&repo, &first, true);
    assert_same_files(&second.files(), &update(&repo, &first, false).files());
    let commits = second.commits();
    assert_eq!(commits[&request]["id"], id);
    assert!(commits[&rebased]["id"].as_u64().unwrap() > id);
    assert_eq!(commits[&request]["is_pr_orphan"], true);
    assert_eq!(commits[&request]["ignore_hash"], serde_json::Value::Null);
    assert!(commits[&rebased]["ignore_hash"].is_string());
    assert_eq!(second.report.repositories[0].new_work, 9);
    // A run that sees both for the first time numbers the branch first, and both can share the hash.
    let commits = dump_with(&repo, |_| {}).commits();
    assert_eq!(commits[&request]["ignore_hash"], commits[&rebased]["ignore_hash"]);
    assert!(commits.contains_key(&base));
}
