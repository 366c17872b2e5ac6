//! Fields of single commits.

use super::support::{ADA, BOB, DAY, Repo, START, dump, dump_with};

fn text(lines: std::ops::Range<u32>) -> String {
    lines.map(|line| format!("line {line}\n")).collect()
}

#[test]
fn lines_are_classified_by_age_and_author() {
    let repo = Repo::new();
    repo.write("a.txt", text(0..10));
    let first = repo.commit(ADA, START, "ten lines");
    repo.write("a.txt", text(0..8) + "changed 8\nchanged 9\nadded\n");
    let churn = repo.commit(ADA, START + DAY, "edit two, add one");
    repo.write("a.txt", text(0..8) + "bob 8\nchanged 9\nadded\n");
    let help = repo.commit(BOB, START + 2 * DAY, "edit one of Ada's");
    repo.write("a.txt", text(0..7) + "bob 8\nchanged 9\nadded\n");
    let exact = repo.commit(BOB, START + 30 * DAY, "delete a line of 30 days");
    repo.write("a.txt", text(2..7) + "bob 8\nchanged 9\nadded\n");
    let legacy = repo.commit(BOB, START + 30 * DAY + 1, "delete two old lines");
    let dump = dump(&repo);
    assert_eq!(dump.work(&first), [10, 0, 0, 0]);
    assert_eq!(dump.work(&churn), [1, 0, 0, 2]);
    assert_eq!(dump.work(&help), [0, 0, 1, 0]);
    assert_eq!(dump.work(&exact), [0, 0, 1, 0]);
    assert_eq!(dump.work(&legacy), [0, 2, 0, 0]);
    let row = &dump.commits()[&churn];
    let fields = ["haloc", "files", "hunks", "insertions", "deletions"].map(|field| row[field].as_u64().unwrap());
    assert_eq!(fields, [3, 1, 1, 3, 2]);
    let longer = dump_with(&repo, |options| options.recent_days = 31);
    assert_eq!(longer.work(&legacy), [0, 0, 2, 0]);
}

#[test]
fn renames_keep_the_age_of_lines() {
    let repo = Repo::new();
    repo.write("old/a.txt", text(0..20));
    repo.commit(ADA, START, "twenty lines");
    std::fs::create_dir(repo.path.join("new")).unwrap();
    repo.git(&["mv", "old/a.txt", "new/b.txt"]);
    repo.write("new/b.txt", text(0..19) + "moved\n");
    let renamed = repo.commit(BOB, START + DAY, "rename with an edit");
    repo.write("new/b.txt", "start\n".to_owned() + &text(1..19) + "moved again\n");
    let edited = repo.commit(BOB, START + 40 * DAY, "edit after the rename");
    let dump = dump(&repo);
    assert_eq!(dump.work(&renamed), [0, 0, 1, 0]);
    assert_eq!(dump.work(&edited), [0, 2, 0, 0]);
}

#[test]
fn dates_are_local_and_utc() {
    let repo = Repo::new();
    repo.write("a", "a\n");
    repo.git(&["add", "-A"]);
    repo.git_with(
        &["commit", "-q", "-m", "at night", "--date=1704063600 -0330"],
        &[("GIT_COMMITTER_DATE", "1704070800 +0530")],
    );
    let id = repo.head();
    let row = &dump(&repo).commits()[&id];
    assert_eq!(row["author_date"], "2023-12-31T23:00:00");
    assert_eq!(row["author_local_date"], "2023-12-31T19:30:00");
    assert_eq!(row["author_tzoffset"], -12_600);
    assert_eq!(row["committer_date"], "2024-01-01T01:00:00");
    assert_eq!(row["committer_local_date"], "2024-01-01T06:30:00");
    assert_eq!(row["committer_tzoffset"], 19_800);
    assert_eq!(row["message"], "at night");
}

#[test]
fn white_space_alone_is_trivial_and_many_lines_are_an_outlier() {
    let repo = Repo::new();
    repo.write("a.rs", "fn main() {\nprint();\n}\n");
    let first = repo.commit(ADA, START, "a");
    repo.write("a.rs", "fn main() {\n    print();\n}\n");
    let indented = repo.commit(ADA, START + 1, "b");
    repo.write("b.rs", text(0..1001));
    let large = repo.commit(ADA, START + 2, "c");
    std::fs::remove_file(repo.path.join("b.rs")).unwrap();
    let deleted = repo.commit(ADA, START + 3, "d");
    let dump = dump(&repo);
    let commits = dump.commits();
    assert_eq!([&first, &indented, &large].map(|id| commits[id]["is_trivial"] == true), [false, true, false]);
    assert_eq!(commits[&first]["outlier_reason"], serde_json::Value::Null);
    assert_eq!(commits[&large]["outlier_reason"], 1);
    assert_eq!(commits[&deleted]["outlier_reason"], serde_json::Value::Null, "deletions add and edit nothing");
    assert_eq!(dump.report.repositories[0].outliers, 1);
    let limit = dump_with(&repo, |options| options.outlier_lines = 1001);
    assert_eq!(limit.commits()[&large]["outlier_reason"], serde_json::Value::Null);
}

#[test]
fn a_cherry_picked_commit_has_the_same_ignore_hash() {
    let repo = Repo::new();
    repo.write("a.txt", text(0..9));
    repo.commit(ADA, START, "base");
    repo.git(&["checkout", "-q", "-b", "side"]);
    repo.write("a.txt", text(0..9) + "end\n");
    let picked = repo.commit(BOB, START + 10, "end");
    repo.git(&["checkout", "-q", "main"]);
    repo.write("a.txt", "start\n".to_owned() + &text(0..9));
    let other = repo.commit(ADA, START + 20, "start");
    repo.git(&["cherry-pick", &picked]);
    let copy = repo.head();
    repo.git(&["revert", "--no-edit", "HEAD"]);
    repo.write("a.txt", "start\n".to_owned() + &text(0..9) + "end\n");
    let again = repo.commit(BOB, START + 90, "end, once more");
    let dump = dump(&repo);
    let hash = |id: &String| dump.commits()[id]["ignore_hash"].as_str().unwrap().to_owned();
    assert_ne!(picked, copy);
    assert_eq!(hash(&picked), hash(&copy));
    assert_ne!(hash(&picked), hash(&other));
    assert_ne!(hash(&picked), hash(&again), "the same lines on another day are other work");
    assert_eq!(dump.report.repositories[0].duplicates, 1);
}

#[test]
fn merges_are_compared_with_their_first_parent() {
    let repo = Repo::new();
    repo.write("a.txt", text(0..9));
    repo.commit(ADA, START, "base");
    repo.git(&["checkout", "-q", "-b", "side"]);
    repo.write("b.txt", text(0..5));
    repo.commit(BOB, START + 10, "side");
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["merge", "-q", "--no-ff", "--no-edit", "side"]);
    let merge = repo.head();
    let dump = dump(&repo);
    let row = &dump.commits()[&merge];
    assert_eq!(row["is_merge"], true);
    assert_eq!(row["ignore_hash"], serde_json::Value::Null);
    assert_eq!(row["impact"], 0.0);
    assert_eq!(dump.work(&merge), [5, 0, 0, 0]);
    assert_eq!(dump.report.repositories[0].merges, 1);
}

#[test]
fn impact_grows_with_lines_places_and_old_code() {
    let repo = Repo::new();
    repo.write("a.txt", text(0..300));
    repo.write("b.txt", text(300..600));
    repo.commit(ADA, START, "base");
    let impact = |change: &dyn Fn(u32) -> String, seconds: i64| {
        repo.git(&["checkout", "-q", "-B", &format!("b{seconds}"), "main"]);
        repo.write("a.txt", (0..300).map(change).collect::<String>());
        let id = repo.commit(BOB, START + seconds, "change");
        dump(&repo).commits()[&id]["impact"].as_f64().unwrap()
    };
    let keep = |line: u32| format!("line {line}\n");
    let few = impact(&|line| if line < 4 { format!("new {line}\n") } else { keep(line) }, 40 * DAY);
    let more = impact(&|line| if line < 40 { format!("new {line}\n") } else { keep(line) }, 41 * DAY);
    let spread = impact(&|line| if line % 8 == 0 { format!("new {line}\n") } else { keep(line) }, 42 * DAY);
    let added = impact(&|line| if line == 0 { "added\n".repeat(40) + &keep(0) } else { keep(line) }, 43 * DAY);
    assert!(few > 0.0 && few < more, "{few} {more}");
    assert!(more < spread, "38 lines in 38 places are more than 40 in one: {more} {spread}");
    assert!(added < more, "adding lines is less than replacing old ones: {added} {more}");
}
