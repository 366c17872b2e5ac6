//! `streamgage git`: writes a dump of the commits of git repositories.

use crate::dump::draft::Draft;
use crate::error::CliError;
use crate::terminal::{printable, printable_json, printable_path};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use streamgage_git::{Options, PeopleText, Progress, Report, RepositoryReport};

/// Writes a dump of the commits of git repositories, with lines classified by age and author
///
/// A later run into the same folder reads only new commits. Numbers of commits, repositories and users stay the same.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The repositories: folders with a work tree, or bare
    #[arg(required = true, value_name = "PATH")]
    repositories: Vec<PathBuf>,
    /// The folder to write: a new one, or an earlier dump from git, which is updated
    #[arg(long, value_name = "DUMP")]
    out: PathBuf,
    /// Read only this branch, local or remote; may be a glob, and given several times [default: all branches]
    #[arg(long = "branch", value_name = "NAME")]
    branches: Vec<String>,
    /// Read commits that only tags reach
    #[arg(long)]
    tags: bool,
    /// Count only the files that match; may be given several times
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Do not count the files that match; may be given several times
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Count every line that git shows: also generated and vendored files, links, submodules and LFS pointers
    #[arg(long)]
    all_files: bool,
    /// The age in days up to which a changed line is churn or help, and not legacy
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    recent_days: u32,
    /// The number of added or edited lines beyond which a commit is an outlier
    #[arg(long, value_name = "LINES", default_value_t = 1000)]
    outlier_lines: u32,
    /// A TOML or CSV file with users, their aliases, and teams
    #[arg(long, value_name = "FILE")]
    people: Option<PathBuf>,
    /// Take every email address as a person: no mailmap, no people file, no recognition of forge addresses
    #[arg(long)]
    no_mailmap: bool,
    /// Count a commit for each co-author that its trailers name, too: sums over several people count it several times
    #[arg(long)]
    co_authors: bool,
    /// Make teams of the owners in CODEOWNERS files; members are the authors of most lines
    #[arg(long)]
    teams_from_codeowners: bool,
    /// Show bots in reports
    #[arg(long)]
    include_bots: bool,
    /// Replace names and addresses, and leave out messages and links
    #[arg(long)]
    pseudonyms: bool,
    /// The name of the dump [default: the names of the repositories]
    #[arg(long)]
    name: Option<String>,
    /// The file that keeps what the next run needs [default: a hidden file beside the dump]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The number of threads [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<(), CliError> {
    let start = Instant::now();
    let draft = Draft::begin(&arguments.out, check_is_from_git)?;
    let people = arguments.people.as_deref().map(read_people);
    let options = Options {
        repositories: arguments.repositories.clone(),
        branches: arguments.branches.clone(),
        tags: arguments.tags,
        include: arguments.include.clone(),
        exclude: arguments.exclude.clone(),
        all_files: arguments.all_files,
        recent_days: arguments.recent_days,
        outlier_lines: arguments.outlier_lines,
        people: people.transpose()?,
        join_people: !arguments.no_mailmap,
        co_authors: arguments.co_authors,
        teams_from_codeowners: arguments.teams_from_codeowners,
        include_bots: arguments.include_bots,
        pseudonyms: arguments.pseudonyms,
        threads: arguments.threads.map(usize::from),
        name: arguments.name.clone(),
        previous: draft.existing().map(Path::to_owned),
        state: arguments.state.clone().unwrap_or_else(|| state_beside(&arguments.out)),
        output: draft.path().to_owned(),
    };
    let bar = Bar::new();
    let finished = streamgage_git::run(&options, &bar)?;
    bar.finish();
    // An unchanged dump keeps the times of its files, by which other programs notice changes.
    if !draft.existing().is_some_and(|existing| is_same_dump(draft.path(), existing)) {
        draft.finish()?;
    }
    if let Err(error) = finished.write_state() {
        eprintln!("streamgage: {}; the next run will read everything again", printable(&error.to_string()));
    }
    let report = &finished.report;
    let text = if arguments.json {
        let text = serde_json::to_string(report).map_err(|error| CliError::Failed(error.to_string()))?;
        format!("{}\n", printable_json(&text))
    } else {
        summary(report, &arguments.out, start.elapsed())
    };
    print_problems(report);
    // The dump is complete, even if nobody reads the summary.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn is_same_dump(new: &Path, old: &Path) -> bool {
    let read = |folder: &Path| -> std::io::Result<BTreeMap<OsString, Vec<u8>>> {
        folder
            .read_dir()?
            .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), fs::read(entry.path())?))))
            .collect()
    };
    matches!((read(new), read(old)), (Ok(new), Ok(old)) if new == old)
}

fn check_is_from_git(folder: &Path) -> Result<(), String> {
    let text = fs::read(folder.join("dump.json")).map_err(|error| format!("dump.json: {error}"))?;
    let header: serde_json::Value = serde_json::from_slice(&text).map_err(|error| format!("dump.json: {error}"))?;
    if header.get("git").is_some() { Ok(()) } else { Err("it contains a dump that is not from git".to_owned()) }
}

/// The format follows from the extension.
fn read_people(path: &Path) -> Result<PeopleText, CliError> {
    let text = fs::read_to_string(path).map_err(|error| CliError::file(path, error))?;
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    Ok(if is_csv { PeopleText::Csv(text) } else { PeopleText::Toml(text) })
}

pub fn state_beside(dump: &Path) -> PathBuf {
    let dump = fs::canonicalize(dump).unwrap_or_else(|_| dump.to_owned());
    let name = dump.file_name().unwrap_or_default().to_string_lossy().into_owned();
    dump.with_file_name(format!(".{name}.git-state"))
}

fn print_problems(report: &Report) {
    for problem in &report.problems {
        eprintln!("{}", printable(problem));
    }
    let unlisted = report.problem_count.saturating_sub(report.problems.len() as u64);
    if unlisted > 0 {
        eprintln!("… and {unlisted} more problems");
    }
}

fn summary(report: &Report, out: &Path, time: Duration) -> String {
    let mut lines: Vec<String> = report.repositories.iter().flat_map(repository_summary).collect();
    let people = &report.people;
    lines.push(format!("{} people with {} names and addresses", people.persons, people.aliases));
    for (label, names) in
        [("bots", &people.bots), ("excluded", &people.excluded), ("not in the people file", &people.unknown)]
    {
        if !names.is_empty() {
            lines.push(format!("  {label}: {}", printable(&names.join(", "))));
        }
    }
    lines.push(format!("{}: written in {:.1} s", printable_path(out), time.as_secs_f64()));
    lines.join("\n") + "\n"
}

fn repository_summary(repository: &RepositoryReport) -> Vec<String> {
    let name = printable(&repository.name);
    if repository.is_empty {
        return vec![format!("{name}: no commits")];
    }
    let mut lines = vec![
        format!("{name}: {} commits, {} new", repository.commits, repository.new_commits),
        format!(
            "  not in the metrics: {} merges, {} outliers, {} on no branch, {} duplicates",
            repository.merges, repository.outliers, repository.pr_orphans, repository.duplicates
        ),
        format!(
            "  lines: {} new work, {} legacy refactor, {} help others, {} churn",
            repository.new_work, repository.legacy_refactor, repository.help_others, repository.churn
        ),
    ];
    if repository.co_author_credits > 0 {
        lines.push(format!("  rows that credit co-authors: {}", repository.co_author_credits));
    }
    if repository.assisted > 0 {
        lines.push(format!("  commits that name a coding assistant: {}", repository.assisted));
    }
    let excluded: Vec<String> =
        repository.excluded_files.iter().map(|(reason, files)| format!("{files} {}", reason.label())).collect();
    if !excluded.is_empty() {
        lines.push(format!("  changed files that are not counted: {}", excluded.join(", ")));
    }
    lines
}

/// A progress bar on a terminal; nothing elsewhere.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        Bar(if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() })
    }

    fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn stage(&self, name: &str, commits: Option<u64>) {
        let template = match commits {
            Some(_) => "{msg:24} {bar:32} {pos}/{len} commits, {per_sec}, {eta} left",
            None => "{msg:24} {spinner} {pos} commits found",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.reset();
        self.0.set_position(0);
        self.0.set_length(commits.unwrap_or_default());
        self.0.set_message(printable(name));
    }

    fn advance(&self, commits: u64) {
        self.0.inc(commits);
    }
}
