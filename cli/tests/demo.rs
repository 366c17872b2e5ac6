//! Tests of `streamgage demo`, run as a command.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic: that is how it fails")]

mod support;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use support::{files, folder, names, run, streamgage};

fn demo(home: &Path, out: &str, arguments: &[&str]) -> (i32, String, String) {
    run(streamgage(home).arg("demo").arg("--out").arg(home.join(out)).args(arguments))
}

const SMALL: [&str; 6] = ["--users", "24", "--months", "3", "--until", "2026-03-20"];

#[test]
fn the_same_arguments_give_the_same_bytes() {
    let home = folder("demo-same");
    let (code, out, error) = demo(&home, "one", &SMALL);
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(out.contains("Demo:") && out.contains("commits"), "{out}");
    demo(&home, "two", &SMALL);
    assert_eq!(files(&home.join("one")), files(&home.join("two")));
    // An earlier demo is replaced.
    assert_eq!(demo(&home, "two", &SMALL).0, 0);
    assert_eq!(files(&home.join("one")), files(&home.join("two")));
    demo(&home, "two", &[&SMALL[..], &["--seed", "2"]].concat());
    assert_ne!(files(&home.join("one"))["commits.ndjson"], files(&home.join("two"))["commits.ndjson"]);
    assert_eq!(names(&home), ["one", "two"], "no temporary folder is left");
}

#[test]
fn output_is_the_same_in_every_version() {
    let home = folder("demo-golden");
    demo(&home, "small", &["--users", "2", "--months", "1", "--until", "2026-02-02"]);
    let rows = fs::read_to_string(home.join("small/commits.ndjson")).unwrap();
    assert_eq!(rows.lines().next().unwrap(), include_str!("demo-first-commit.ndjson").trim_end());
}

#[test]
fn a_later_day_only_appends_commits() {
    let home = folder("demo-later");
    demo(&home, "one", &SMALL);
    demo(&home, "two", &["--users", "24", "--months", "3", "--until", "2026-03-21"]);
    let (one, two) = (files(&home.join("one")), files(&home.join("two")));
    assert!(two["commits.ndjson"].starts_with(&one["commits.ndjson"]));
    assert!(two["commits.ndjson"].len() > one["commits.ndjson"].len());
}

#[test]
fn rows_are_consistent_and_every_kind_of_commit_occurs() {
    let home = folder("demo-rows");
    demo(&home, "demo", &["--users", "40", "--months", "6", "--until", "2026-07-10"]);
    let rows = |name: &str| -> Vec<Value> {
        let text = fs::read_to_string(home.join("demo").join(format!("{name}.ndjson"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let by_id = |rows: Vec<Value>| -> BTreeMap<u64, Value> {
        rows.into_iter().map(|row| (row["id"].as_u64().unwrap(), row)).collect()
    };
    let (users, repos, teams) = (by_id(rows("users")), by_id(rows("repos")), by_id(rows("teams")));
    let (aliases, tags) = (by_id(rows("user_alias")), by_id(rows("tags")));
    let number = |row: &Value, name: &str| row[name].as_u64().unwrap();

    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut hashes = BTreeSet::new();
    let commits = rows("commits");
    for (id, row) in (1..).zip(&commits) {
        assert_eq!(number(row, "id"), id);
        assert_eq!(number(&aliases[&number(row, "user_alias_id")], "apex_user_id"), number(row, "apex_user_id"));
        assert!(repos.contains_key(&number(row, "repo_id")));
        let old_lines = number(row, "legacy_refactor") + number(row, "help_others") + number(row, "churn");
        assert_eq!(number(row, "haloc"), number(row, "new_work") + old_lines);
        assert_eq!(number(row, "deletions"), old_lines);
        assert!((number(row, "new_work")..=number(row, "haloc")).contains(&number(row, "insertions")));
        assert_eq!(row["outlier_reason"].is_null(), number(row, "haloc") <= 1000);
        for (kind, is_one) in [
            ("merge", row["is_merge"] == true),
            ("orphan", row["is_pr_orphan"] == true),
            ("trivial", row["is_trivial"] == true),
            ("outlier", !row["outlier_reason"].is_null()),
            ("duplicate", !hashes.insert(row["ignore_hash"].to_string())),
            ("by a bot", users[&number(row, "apex_user_id")]["hidden_from_reports"] == true),
            ("in a blocked repo", repos[&number(row, "repo_id")]["blocked"] == true),
        ] {
            *counts.entry(kind).or_default() += usize::from(is_one);
        }
        assert!(row["committer_date"].as_str().unwrap() < "2026-07-10T00:00:00");
    }
    for (kind, count) in counts {
        assert!(count > 0 && count < commits.len() / 4, "{kind}: {count} of {}", commits.len());
    }
    assert_eq!(teams.values().map(|team| number(team, "team_level")).max(), Some(3));
    for row in rows("team_membership") {
        assert!(users.contains_key(&number(&row, "apex_user_id")) && teams.contains_key(&number(&row, "team_id")));
    }
    assert!(repos.values().any(|repo| repo["oldest_commit_date"].is_null()), "one repository has no commits");
    for id in repos.values().flat_map(|repo| repo["tags"].as_array().unwrap()) {
        assert!(tags.contains_key(&id.as_u64().unwrap()));
    }
    let emails: BTreeSet<&str> = aliases.values().map(|alias| alias["email"].as_str().unwrap()).collect();
    assert_eq!(emails.len(), aliases.len());
    assert!(emails.iter().all(|email| email.ends_with("@example.com")));
}

#[test]
fn every_row_passes_the_schema() {
    let home = folder("demo-schema");
    for (seed, users, months) in
        [("1", "1", "1"), ("2", "3", "2"), ("3", "70", "4"), ("18446744073709551615", "9", "1")]
    {
        let arguments = ["--seed", seed, "--users", users, "--months", months, "--until", "2024-02-29"];
        assert_eq!(demo(&home, "demo", &arguments).0, 0);
        let request = "/v3/customer/metrics/code_fundamentals/period_metrics/?start_date=2023-01-01&resolution=period";
        let mut query = streamgage(&home);
        let (code, out, error) =
            run(query.arg("query").arg(home.join("demo")).args(["--today", "2024-02-29", request]));
        assert_eq!((code, error.as_str()), (0, ""));
        assert!(out.starts_with(r#"{"status":200,"body":{"count":1,"#), "{out}");
    }
}

#[test]
fn only_a_demo_or_an_empty_folder_is_replaced() {
    let home = folder("demo-refused");
    fs::create_dir(home.join("mine")).unwrap();
    fs::write(home.join("mine/notes.txt"), "precious").unwrap();
    fs::create_dir(home.join("real")).unwrap();
    fs::write(home.join("real/dump.json"), r#"{"format":1,"name":"Real"}"#).unwrap();
    fs::write(home.join("file"), "precious").unwrap();
    let before = names(&home);
    for (out, why) in [("mine", "notes.txt"), ("real", "not a demo"), ("file", "not a folder")] {
        let (code, shown, error) = demo(&home, out, &SMALL);
        assert_eq!((code, shown.as_str(), error.lines().count()), (2, "", 1));
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(names(&home), before, "no temporary folder is left");
    assert_eq!(fs::read(home.join("mine/notes.txt")).unwrap(), b"precious");
    fs::create_dir(home.join("empty")).unwrap();
    assert_eq!(demo(&home, "empty", &SMALL).0, 0);
}

#[test]
fn bad_arguments_are_refused() {
    let home = folder("demo-arguments");
    for bad in
        [["--users", "0"], ["--months", "0"], ["--seed", "-1"], ["--until", "2026-02-30"], ["--until", "0001-01-01"]]
    {
        assert_eq!(demo(&home, "demo", &bad).0, 2, "{bad:?}");
    }
    assert!(names(&home).is_empty());
}
