//! An independent count of the four kinds of lines, from the patches that git prints.

use super::support::{ADA, BOB, DAY, Repo, START, dump_with};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The committer time and author address of a line.
type Line = (i64, String);

#[derive(Default)]
struct File {
    old: Option<String>,
    new: Option<String>,
    lines: Vec<Line>,
    /// The lines of the old file that are already copied or replaced.
    read: usize,
}

/// Counts new work, legacy refactor, help others and churn of each commit of the first-parent history.
fn reference(repository: &Path) -> BTreeMap<String, [u64; 4]> {
    let format = "--format=commit %H %ct %ae";
    let arguments =
        ["log", "--first-parent", "-m", "-p", "-U0", "-M", "--reverse", "--no-color", "--no-ext-diff", format];
    let output = Command::new("git").current_dir(repository).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut counts = BTreeMap::new();
    let mut files: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    let mut changed: Vec<(Option<String>, Option<String>, Vec<Line>)> = Vec::new();
    let mut file: Option<File> = None;
    let mut commit = (String::new(), 0, String::new());
    let mut lines = text.split('\n');
    while let Some(line) = lines.next() {
        if line.starts_with("diff --git ") || line.starts_with("commit ") {
            finish_file(&mut file, &files, &mut changed);
        }
        let words: Vec<&str> = line.split(' ').collect();
        if line.starts_with("commit ") {
            for (old, _, _) in &changed {
                old.as_ref().map(|path| files.remove(path));
            }
            for (_, new, lines) in changed.drain(..) {
                new.map(|path| files.insert(path, lines));
            }
            commit = (words[1].to_owned(), words[2].parse().unwrap(), words[3..].join(" "));
            counts.insert(commit.0.clone(), [0; 4]);
        } else if let Some(names) = line.strip_prefix("diff --git a/") {
            // `PATH b/PATH`
            let path = names.split_at(names.len() / 2 - 1).0.to_owned();
            file = Some(File { old: Some(path.clone()), new: Some(path), ..File::default() });
        } else if let Some(file) = &mut file {
            if let Some(path) = line.strip_prefix("rename from ") {
                file.old = Some(path.to_owned());
            } else if let Some(path) = line.strip_prefix("rename to ") {
                file.new = Some(path.to_owned());
            } else if line.starts_with("new file mode") {
                file.old = None;
            } else if line.starts_with("deleted file mode") {
                file.new = None;
            } else if line.starts_with("@@ ") {
                let range = |text: &str| {
                    let mut numbers = text.split_at(1).1.split(',').map(|number| number.parse::<usize>().unwrap());
                    (numbers.next().unwrap(), numbers.next().unwrap_or(1))
                };
                let ((old_start, old_lines), (_, new_lines)) = (range(words[1]), range(words[2]));
                let before = file.old.as_ref().and_then(|path| files.get(path)).cloned().unwrap_or_default();
                let start = if old_lines == 0 { old_start } else { old_start - 1 };
                file.lines.extend_from_slice(&before[file.read..start]);
                file.read = start + old_lines;
                let count = counts.get_mut(&commit.0).unwrap();
                count[0] += new_lines.saturating_sub(old_lines) as u64;
                for (time, author) in &before[start..file.read] {
                    let kind = match (commit.1 - time > 30 * DAY, *author == commit.2) {
                        (true, _) => 1,
                        (false, false) => 2,
                        (false, true) => 3,
                    };
                    count[kind] += 1;
                }
                file.lines.extend(vec![(commit.1, commit.2.clone()); new_lines]);
                let mut left = old_lines + new_lines;
                while left > 0 {
                    left -= usize::from(lines.next().unwrap().starts_with(['+', '-']));
                }
            }
        }
    }
    counts
}

fn finish_file(
    file: &mut Option<File>,
    files: &BTreeMap<String, Vec<Line>>,
    changed: &mut Vec<(Option<String>, Option<String>, Vec<Line>)>,
) {
    let Some(mut file) = file.take() else { return };
    if let Some(before) = file.old.as_ref().and_then(|path| files.get(path)) {
        file.lines.extend_from_slice(&before[file.read..]);
    }
    changed.push((file.old, file.new, file.lines));
}

#[test]
fn counts_equal_the_reference_on_a_linear_history() {
    let repo = Repo::new();
    let mut random = fastrand::Rng::with_seed(5);
    let mut seconds = START;
    for number in 0..80 {
        seconds += random.i64(0..6 * DAY);
        let path = format!("file{}.txt", random.u32(0..4));
        let text = std::fs::read_to_string(repo.path.join(&path)).unwrap_or_default();
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        for _ in 0..random.usize(1..5) {
            let start = random.usize(0..=lines.len());
            let end = (start + random.usize(0..6)).min(lines.len());
            // Few different lines: repeated lines are what diffs disagree about.
            let new = (0..random.usize(0..6)).map(|_| format!("{}\n", random.u32(0..12))).collect::<Vec<_>>();
            lines.splice(start..end, new);
        }
        repo.write(&path, lines.concat());
        if number % 9 == 8 {
            repo.git(&["add", "-A"]);
            repo.git(&["mv", &path, &format!("renamed{number}.txt")]);
        }
        repo.commit(if random.bool() { ADA } else { BOB }, seconds, "change");
    }
    compare(&repo.path, &repo, 1.0);
}

#[test]
fn counts_equal_the_reference_on_this_project() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    // The folder is no repository where the sources were unpacked from an archive.
    if !root.join(".git").exists() {
        return;
    }
    compare(root, &Repo::new(), 0.99);
}

fn compare(repository: &Path, place: &Repo, least: f64) {
    let expected = reference(repository);
    let dump = dump_with(place, |options| {
        options.repositories = vec![repository.to_owned()];
        options.all_files = true;
        options.join_people = false;
    });
    let commits = dump.commits();
    let mut different = Vec::new();
    for (id, count) in &expected {
        let ours = ["new_work", "legacy_refactor", "help_others", "churn"];
        let ours = ours.map(|field| commits.get(id).and_then(|row| row[field].as_u64()).unwrap_or(u64::MAX));
        if ours != *count {
            different.push((id, ours, count));
        }
    }
    let share = 1.0 - different.len() as f64 / expected.len() as f64;
    assert!(share >= least, "{share} of {} commits are equal: {different:?}", expected.len());
}
