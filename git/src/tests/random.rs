//! Random branching histories, compared with `git blame` and `git diff-tree --numstat`.

use super::support::{ADA, BOB, DAY, Repo, START, assert_same_files, dump_with};
use fastrand::Rng;
use std::collections::BTreeMap;

struct Generator {
    repo: Repo,
    random: Rng,
    seconds: i64,
    line: u32,
    branches: Vec<String>,
}

impl Generator {
    fn new(seed: u64) -> Self {
        let random = Rng::with_seed(seed);
        let mut generator =
            Generator { repo: Repo::new(), random, seconds: START, line: 0, branches: vec!["main".to_owned()] };
        for file in 0..3 {
            let lines = generator.lines(30);
            generator.repo.write(&format!("dir/file{file}.txt"), lines.concat());
        }
        generator.commit();
        generator
    }

    /// Returns lines that are nowhere else.
    fn lines(&mut self, count: usize) -> Vec<String> {
        (0..count)
            .map(|_| {
                self.line += 1;
                format!("{} {}\n", self.line, self.random.u32(..))
            })
            .collect()
    }

    fn commit(&mut self) {
        self.seconds += self.random.i64(1..9 * DAY);
        let author = if self.random.bool() { ADA } else { BOB };
        self.repo.commit(author, self.seconds, "change");
    }

    fn files(&self) -> Vec<String> {
        self.repo.git(&["ls-files"]).lines().map(str::to_owned).collect()
    }

    fn edit(&mut self, path: &str) {
        let text = std::fs::read_to_string(self.repo.path.join(path)).unwrap();
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        for _ in 0..self.random.usize(1..4) {
            let start = self.random.usize(0..=lines.len());
            let end = (start + self.random.usize(0..4)).min(lines.len());
            let count = self.random.usize(0..4);
            let new = self.lines(count);
            lines.splice(start..end, new);
        }
        if lines.len() < 5 {
            lines.extend(self.lines(20));
        }
        self.repo.write(path, lines.concat());
    }

    fn step(&mut self, number: usize) {
        let files = self.files();
        let file = self.random.choice(&files).cloned();
        match (self.random.u32(0..16), file) {
            (0, Some(path)) => {
                std::fs::create_dir_all(self.repo.path.join("moved")).unwrap();
                self.repo.git(&["mv", &path, &format!("moved/file{number}.txt")].map(str::to_owned));
                if self.random.bool() {
                    self.edit(&format!("moved/file{number}.txt"));
                }
                self.commit();
            }
            (1, Some(path)) if files.len() > 2 => {
                self.repo.git(&["rm", "-q", &path]);
                self.commit();
            }
            (2, _) => {
                let lines = self.lines(25);
                self.repo.write(&format!("new/file{number}.txt"), lines.concat());
                self.commit();
            }
            (3 | 4, _) if self.branches.len() < 5 => {
                let name = format!("branch{number}");
                self.repo.git(&["checkout", "-q", "-b", &name]);
                self.branches.push(name);
            }
            (5..=7, _) => {
                let name = self.random.choice(&self.branches).unwrap().clone();
                self.repo.git(&["checkout", "-q", &name]);
            }
            (8 | 9, _) => self.merge(),
            (10, _) => {
                // The same lines get different origins on two branches.
                let name = self.random.choice(&self.branches).unwrap().clone();
                self.seconds += 1000;
                let date = format!("@{} +0000", self.seconds);
                let environment = [("GIT_COMMITTER_DATE", date.as_str())];
                if !self.repo.command(&["cherry-pick", &name], &environment).status.success() {
                    self.repo.command(&["reset", "-q", "--hard"], &[]);
                }
            }
            (_, Some(path)) => {
                self.edit(&path);
                self.commit();
            }
            _ => {}
        }
    }

    /// Merges another branch. Files in conflict keep the lines of both sides, of one, or of none.
    fn merge(&mut self) {
        let name = self.random.choice(&self.branches).unwrap().clone();
        let output = self.repo.command(&["merge", "-q", "--no-ff", "--no-commit", &name], &[]);
        if self.repo.command(&["rev-parse", "-q", "--verify", "MERGE_HEAD"], &[]).status.success() {
            if !output.status.success() {
                for path in self.files() {
                    let Ok(text) = std::fs::read_to_string(self.repo.path.join(&path)) else { continue };
                    let choice = self.random.u32(0..4);
                    self.repo.write(&path, resolve(&text, choice));
                }
            }
            // A merge can change lines that neither side has changed.
            let files = self.files();
            if let (true, Some(path)) = (self.random.bool(), self.random.choice(&files).cloned()) {
                self.edit(&path);
            }
            self.commit();
        }
    }
}

fn resolve(text: &str, choice: u32) -> String {
    let mut side = 0;
    let mut resolved = String::new();
    for line in text.split_inclusive('\n') {
        match line.get(..7) {
            Some("<<<<<<<") => side = 1,
            Some("=======") => side = 2,
            Some(">>>>>>>") => side = 0,
            _ if side == 0 || choice == 0 || choice == side => resolved.push_str(line),
            _ => {}
        }
    }
    resolved
}

fn blame(repo: &Repo, commit: &str, path: &str) -> Vec<String> {
    let text = repo.git(&["blame", "--porcelain", commit, "--", path]);
    let mut commits = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let is_header = !line.starts_with('\t') && words.len() >= 3 && words[0].len() == 40;
        if is_header && words[0].bytes().all(|byte| byte.is_ascii_hexdigit()) {
            commits.push(words[0].to_owned());
        }
    }
    commits
}

#[test]
fn line_origins_equal_git_blame_and_counts_equal_numstat() {
    for seed in 1..=6 {
        let mut generator = Generator::new(seed);
        for number in 0..45 {
            generator.step(number);
        }
        let repo = &generator.repo;
        // A branch at each merge makes the run keep the line origins there.
        for (index, merge) in repo.git(&["rev-list", "--all", "--merges"]).lines().enumerate() {
            repo.git(&["branch", &format!("merge{index}"), merge]);
        }
        let dump = dump_with(repo, |options| options.all_files = true);
        let mut compared = 0;
        let origins = dump.origins();
        for (commit, files) in &origins {
            let listed = repo.git(&["ls-tree", "-r", "--name-only", commit]);
            assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), listed.lines().collect::<Vec<_>>());
            for (path, lines) in files {
                assert_eq!(lines, &blame(repo, commit, path), "seed {seed}: {commit} {path}");
                compared += lines.len();
            }
        }
        assert!(compared > 500, "seed {seed}: only {compared} lines");
        for (commit, row) in dump.commits() {
            let numstat = repo.git(&["log", "-1", "--first-parent", "-m", "-M", "--numstat", "--format=", &commit]);
            let mut sums = [0, 0, 0];
            for line in numstat.lines() {
                let mut words = line.split('\t').map(|word| word.parse::<u64>().unwrap_or(0));
                sums[0] += 1;
                sums[1] += words.next().unwrap();
                sums[2] += words.next().unwrap();
            }
            let ours = ["files", "insertions", "deletions"].map(|field| row[field].as_u64().unwrap());
            assert_eq!(ours, sums, "seed {seed}: {commit}");
            assert_eq!(row["is_merge"], repo.git(&["rev-parse", &format!("{commit}^@")]).lines().count() > 1);
        }
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let mut generator = Generator::new(77);
    for number in 0..60 {
        generator.step(number);
    }
    let files: Vec<BTreeMap<String, String>> =
        [1, 2, 7].map(|threads| dump_with(&generator.repo, |options| options.threads = Some(threads)).files()).into();
    assert!(files[0]["commits.ndjson"].lines().count() > 20);
    assert_same_files(&files[0], &files[1]);
    assert_same_files(&files[0], &files[2]);
}

#[test]
fn equal_lines_of_both_parents_have_the_origin_that_git_blame_chooses() {
    for edit_on_main in [false, true] {
        let repo = Repo::new();
        let write = |changed: &[usize]| {
            let line =
                |line| if changed.contains(&line) { format!("changed {line}\n") } else { format!("line {line}\n") };
            repo.write("a.txt", (0..20).map(line).collect::<String>());
        };
        write(&[]);
        repo.commit(ADA, START, "base");
        repo.git(&["checkout", "-q", "-b", "side"]);
        write(&[5]);
        let side = repo.commit(BOB, START + 1, "line 5");
        repo.git(&["checkout", "-q", "main"]);
        write(&[5]);
        let main = repo.commit(ADA, START + 2, "line 5, too");
        if edit_on_main {
            write(&[5, 0]);
            repo.commit(ADA, START + 3, "line 0");
        }
        repo.git(&["checkout", "-q", "side"]);
        write(&[5, 15]);
        repo.commit(BOB, START + 4, "line 15");
        repo.git(&["checkout", "-q", "main"]);
        repo.git(&["merge", "-q", "--no-ff", "--no-edit", "side"]);
        let merge = repo.head();
        let origins = dump_with(&repo, |_| {}).origins().remove(&merge).unwrap().remove("a.txt").unwrap();
        assert_eq!(origins, blame(&repo, &merge, "a.txt"));
        // A file that equals a parent's comes from there. Otherwise the first parent comes first.
        assert_eq!(origins[5], if edit_on_main { main } else { side });
    }
}
