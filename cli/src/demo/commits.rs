//! The commits of the demo, day by day. A day never depends on a later one.

use super::organization::{BACKPORT_REPO, Person, REPOS, SQUAD_REPOS, VENDORED_REPO};
use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};
use fastrand::Rng;
use serde_json::{Value, json};

/// Returns the rows of the commits from `start` to the day before `until` (UTC).
pub fn commits(seed: u64, people: &[Person], start: NaiveDate, until: NaiveDate) -> impl Iterator<Item = Value> {
    let mut generator =
        Generator { rng: Rng::with_seed(!seed), start, commit_count: 0, merge_count: 0, backports: Vec::new() };
    let days = start.iter_days().take_while(move |day| *day < until);
    days.flat_map(move |day| generator.day(people, day))
}

struct Generator<'a> {
    rng: Rng,
    start: NaiveDate,
    commit_count: u64,
    merge_count: u64,
    /// Commits of the previous day that are copied to another repository.
    backports: Vec<Commit<'a>>,
}

#[derive(Clone)]
struct Commit<'a> {
    person: &'a Person,
    repo_id: u64,
    authored: NaiveDateTime,
    committed: NaiveDateTime,
    is_merge: bool,
    ignore_hash: String,
    /// New work, legacy refactor, help for others, churn.
    lines: [u32; 4],
    message: String,
}

/// Commits with more lines are outliers (the vendor's default).
const OUTLIER_LINES: u32 = 1000;
const TOO_MANY_LINES: u8 = 1;

/// Upper bounds of the number of lines, the likely ones more often.
const SIZES: [u32; 10] = [3, 10, 10, 40, 40, 40, 120, 120, 350, 900];

/// Messages, each with its shares of new work, legacy refactor, help for others and churn.
const TOPICS: [(&str, [u32; 4]); 9] = [
    ("Add CSV export to", [72, 11, 6, 11]),
    ("Add keyboard shortcuts to", [70, 10, 5, 15]),
    ("Show a loading state in", [75, 10, 5, 10]),
    ("Fix a crash on empty input in", [34, 25, 14, 27]),
    ("Fix rounding of half cents in", [30, 25, 20, 25]),
    ("Simplify", [20, 50, 15, 15]),
    ("Split", [25, 55, 10, 10]),
    ("Test", [75, 10, 5, 10]),
    ("Document", [60, 25, 10, 5]),
];
#[rustfmt::skip]
const PARTS: [&str; 12] = [
    "booking form", "berth map", "invoice page", "price rules", "route search", "tide tables", "gate control", "audit log",
    "sensor feed", "retry queue", "backup job", "release script",
];

impl<'a> Generator<'a> {
    fn day(&mut self, people: &'a [Person], day: NaiveDate) -> Vec<Value> {
        let mut rows = Vec::new();
        for mut commit in std::mem::take(&mut self.backports) {
            commit.repo_id = BACKPORT_REPO;
            commit.committed = commit.committed + Days::new(1);
            commit.message += " (backport)";
            rows.push(self.row(&commit));
        }
        let percent = match day.weekday() {
            Weekday::Sat | Weekday::Sun => 3,
            _ if day.month() == 12 && day.day() >= 24 => 15,
            Weekday::Mon | Weekday::Fri => 85,
            _ => 100,
        };
        for person in people {
            if self.rng.u32(..10_000) < person.activity * percent {
                self.work(person, day, &mut rows);
            }
        }
        rows
    }

    fn work(&mut self, person: &'a Person, day: NaiveDate, rows: &mut Vec<Value>) {
        let repo_id = match self.rng.u32(..100) {
            _ if person.is_bot => self.rng.u64(1..=SQUAD_REPOS),
            0..80 => person.squad % SQUAD_REPOS + 1,
            80..98 => self.rng.u64(1..=SQUAD_REPOS),
            _ => VENDORED_REPO,
        };
        let mut time = day.and_time(NaiveTime::MIN) + TimeDelta::seconds(self.rng.i64(8 * 3600..12 * 3600));
        for _ in 0..self.rng.u32(1..=3) {
            let commit = self.commit(person, repo_id, time);
            rows.push(self.row(&commit));
            if repo_id + 2 == BACKPORT_REPO && self.rng.u32(..8) == 0 {
                self.backports.push(commit);
            }
            time += TimeDelta::seconds(self.rng.i64(300..6000));
        }
        let uses_merges = REPOS.iter().any(|repo| repo.id == repo_id && repo.vendor_type == "github");
        if uses_merges && self.rng.u32(..3) == 0 {
            self.merge_count += 1;
            let message = format!("Merge pull request #{} from {}/topic", self.merge_count, person.handle);
            let merge = Commit { is_merge: true, message, ..self.commit(person, repo_id, time) };
            rows.push(self.row(&merge));
        }
    }

    fn commit(&mut self, person: &'a Person, repo_id: u64, authored: NaiveDateTime) -> Commit<'a> {
        let (verb, shares) = self.rng.choice(TOPICS).unwrap_or_default();
        let part = self.rng.choice(PARTS).unwrap_or_default();
        let (message, shares) = if person.is_bot {
            ("Update canalkit".to_owned(), [5, 60, 35, 0])
        } else {
            (format!("{verb} the {part}"), shares)
        };
        Commit {
            person,
            repo_id,
            authored,
            committed: authored + TimeDelta::seconds(self.rng.i64(0..1200)),
            is_merge: false,
            ignore_hash: format!("{:016x}", self.rng.u64(..)),
            lines: self.lines(person, authored.date(), shares),
            message,
        }
    }

    fn lines(&mut self, person: &Person, day: NaiveDate, shares: [u32; 4]) -> [u32; 4] {
        let haloc = match self.rng.u32(..100) {
            0 => self.rng.u32(OUTLIER_LINES + 1..5000),
            _ => self.rng.choice(SIZES).map_or(1, |most| self.rng.u32(1..=most)),
        };
        // In the first year, the rework of one squad falls and that of another rises: the dashboard has trends to show.
        let days = (day - self.start).num_days().clamp(0, 365) as u32;
        let trend = match person.squad {
            0 => 150 - 100 * days / 365,
            2 => 60 + 100 * days / 365,
            _ => 100,
        };
        let [new, legacy, help, churn] = shares.map(|share| share * self.rng.u32(30..170));
        let churn = churn * person.rework / 100 * trend / 100;
        let total = (new + legacy + help + churn).max(1);
        let part = |share: u32| (u64::from(haloc) * u64::from(share) / u64::from(total)) as u32;
        let [legacy, help, churn] = [legacy, help, churn].map(part);
        [haloc - legacy - help - churn, legacy, help, churn]
    }

    fn row(&mut self, commit: &Commit<'_>) -> Value {
        let Commit { person, authored, committed, lines: [new_work, legacy_refactor, help_others, churn], .. } = commit;
        let utc = |local: NaiveDateTime| local - TimeDelta::seconds(person.utc_offset.into());
        let alias = if self.rng.bool() { 0 } else { self.rng.u64(..person.alias_count) };
        let deletions = legacy_refactor + help_others + churn;
        let haloc = new_work + deletions;
        let insertions = new_work + deletions * self.rng.u32(45..100) / 100;
        let files = 1 + haloc.isqrt() * self.rng.u32(..100) / 180;
        let hunks = files + self.rng.u32(..=haloc / 9);
        // The vendor's formulas are not public. These depend on the inputs that the vendor names.
        let [lines_root, files_root, hunks_root] = [haloc, files, hunks].map(|count| f64::from(count).sqrt());
        let old_share = f64::from(deletions) / f64::from(haloc);
        self.commit_count += 1;
        json!({
            "id": self.commit_count,
            "hexsha": format!("{:032x}{:08x}", self.rng.u128(..), self.rng.u32(..)),
            "user_alias_id": person.first_alias + alias,
            "apex_user_id": person.id,
            "repo_id": commit.repo_id,
            "author_date": utc(*authored),
            "author_tzoffset": person.utc_offset,
            "author_local_date": authored,
            "committer_date": utc(*committed),
            "committer_tzoffset": person.utc_offset,
            "committer_local_date": committed,
            "is_merge": commit.is_merge,
            "is_pr_orphan": self.rng.u32(..100) == 0,
            "is_trivial": haloc <= 2,
            "outlier_reason": (haloc > OUTLIER_LINES).then_some(TOO_MANY_LINES),
            "ignore_hash": commit.ignore_hash,
            "haloc": haloc,
            "new_work": new_work,
            "legacy_refactor": legacy_refactor,
            "help_others": help_others,
            "churn": churn,
            "files": files,
            "hunks": hunks,
            "insertions": insertions,
            "deletions": deletions,
            "ins_del_ratio": (deletions > 0).then(|| round(f64::from(insertions) / f64::from(deletions))),
            "levenshtein": haloc * self.rng.u32(17..34),
            "impact": round(lines_root * (1.0 + old_share) + files_root + hunks_root),
            "risk": round((lines_root * files_root / 2.0).min(100.0)),
            "message": commit.message,
        })
    }
}

/// Rounds to hundredths.
fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
