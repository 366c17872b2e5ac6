//! The work of the demo, day by day: who commits what, when, and what becomes of it.
//!
//! Nothing looks ahead: a history that ends a day later is the same history, with that day's commits after it.

use super::organization::{Organization, Person, Role, is_weekend};
use super::random::Random;
use super::text::{self, Topic};
use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use serde::Serialize;
use std::collections::BTreeMap;

/// A commit as the API gives it, its fields in the API's order.
#[derive(Clone, Serialize)]
pub struct Commit {
    id: u64,
    hexsha: String,
    pub user_alias_id: u64,
    pub apex_user_id: u64,
    pub repo_id: u64,
    pub author_date: NaiveDateTime,
    author_tzoffset: i32,
    author_local_date: NaiveDateTime,
    committer_date: NaiveDateTime,
    committer_tzoffset: i32,
    committer_local_date: NaiveDateTime,
    is_merge: bool,
    is_pr_orphan: bool,
    is_trivial: bool,
    outlier_reason: Option<u8>,
    ignore_hash: String,
    haloc: u64,
    #[serde(flatten)]
    change: Change,
    ins_del_ratio: Option<f64>,
    levenshtein: u64,
    impact: f64,
    risk: f64,
    message: String,
}

/// What a commit changes. Every line counted is one of the four kinds: new, or put in the place of an old one, which is
/// classed by its age and its author. So `deletions` is the sum of the three kinds of old lines, and `insertions` lies
/// between `new_work` and that plus `deletions`.
#[derive(Clone, Copy, Default, Serialize)]
struct Change {
    new_work: u64,
    legacy_refactor: u64,
    help_others: u64,
    churn: u64,
    files: u64,
    hunks: u64,
    insertions: u64,
    deletions: u64,
}

/// From so many lines on a commit is an outlier (more than 1,000: the vendor's default).
const OUTLIER: u64 = 1001;
/// `outlier_reason` of a commit with too many lines.
const TOO_MANY_LINES: u8 = 1;
/// For how many days a line is young: who changes an own one reworks it.
const YOUNG: i64 = 30;
/// How many days a newcomer takes to find their feet.
const SETTLING_IN: u64 = 42;

/// Work that follows from an earlier commit, on a later day.
enum Planned {
    Revert { by: usize, of: Box<Commit>, repo: usize },
    CherryPick { of: Box<Commit> },
}

/// The history while it is written.
pub struct History<'a> {
    seed: u64,
    organization: &'a Organization,
    start: NaiveDate,
    next_id: u64,
    /// Commits by the time at which they come in (and a number that makes it unique), which is not the order of writing.
    pending: BTreeMap<(NaiveDateTime, u64), Commit>,
    written: u64,
    planned: BTreeMap<NaiveDate, Vec<Planned>>,
    /// When somebody last worked on a repository: nobody reworks what they did not write lately.
    last_work: BTreeMap<(u64, usize), NaiveDate>,
    /// What somebody has committed to a repository since the last merge.
    unmerged: BTreeMap<(u64, usize), Change>,
    pull_requests: Vec<u64>,
}

impl<'a> History<'a> {
    /// The history of an organisation from a day on.
    pub fn new(seed: u64, organization: &'a Organization, start: NaiveDate) -> Self {
        History {
            seed,
            organization,
            start,
            next_id: 1,
            pending: BTreeMap::new(),
            written: 0,
            planned: BTreeMap::new(),
            last_work: BTreeMap::new(),
            unmerged: BTreeMap::new(),
            pull_requests: organization.repos.iter().map(|repo| 37 * repo.id + 3).collect(),
        }
    }

    /// Gives every commit that came in before this day (UTC) to `sink`, in the order of coming in.
    pub fn write<E>(mut self, until: NaiveDate, mut sink: impl FnMut(&Commit) -> Result<(), E>) -> Result<(), E> {
        let end = until.and_time(NaiveTime::MIN);
        for day in self.start.iter_days().take_while(|day| *day <= until) {
            self.day(day);
            // The next day begins at 15:00 UTC in the easternmost site; nothing can come in before that any more.
            let settled = day.and_time(NaiveTime::MIN) + TimeDelta::hours(15);
            self.flush(settled.min(end), &mut sink)?;
        }
        self.flush(end, &mut sink)
    }

    fn flush<E>(&mut self, before: NaiveDateTime, sink: &mut impl FnMut(&Commit) -> Result<(), E>) -> Result<(), E> {
        let later = self.pending.split_off(&(before, 0));
        for (_, mut commit) in std::mem::replace(&mut self.pending, later) {
            commit.id = self.next_id;
            self.next_id += 1;
            sink(&commit)?;
        }
        Ok(())
    }

    fn day(&mut self, day: NaiveDate) {
        let organization = self.organization;
        for (number, planned) in (0..).zip(self.planned.remove(&day).unwrap_or_default()) {
            let mut random = self.random(10, number, day);
            match planned {
                Planned::Revert { by, of, repo } => self.revert(&mut random, day, by, &of, repo),
                Planned::CherryPick { of } => self.cherry_pick(&mut random, day, &of),
            }
        }
        for (index, person) in organization.people.iter().enumerate() {
            let mut random = self.random(3, person.id, day);
            match person.role {
                Role::UpdateBot => self.update_dependencies(&mut random, day, index),
                Role::ReleaseBot => self.release(&mut random, day, index),
                _ if self.works(&mut random, person, day) => self.work(&mut random, day, index),
                _ => {}
            }
        }
    }

    /// The stream of random numbers for a purpose, somebody and a day.
    fn random(&self, purpose: u64, whose: u64, day: NaiveDate) -> Random {
        Random::new(self.seed, &[purpose, whose, u64::from(day.num_days_from_ce().unsigned_abs())])
    }

    /// Whether somebody commits on this day.
    fn works(&self, random: &mut Random, person: &Person, day: NaiveDate) -> bool {
        if day < person.joined || person.left.is_some_and(|left| left < day) {
            return false;
        }
        if is_weekend(day) {
            // A release that went wrong, or a quiet Sunday evening.
            return random.chance(person.focus / 40);
        }
        if person.site.is_holiday(day) || person.days_off.contains(&day.weekday()) || self.is_on_leave(person, day) {
            return false;
        }
        let weekday = [88, 104, 106, 102, 84].get(day.weekday().num_days_from_monday() as usize);
        let between_the_years = if day.month() == 12 && day.day() >= 24 { 15 } else { 100 };
        let month = u64::from(day.year().unsigned_abs()) * 12 + u64::from(day.month());
        let rhythm = Random::new(self.seed, &[5, person.group as u64, month]).between(82, 116);
        let days_here = (day - person.joined).num_days().unsigned_abs().min(SETTLING_IN);
        let settled = 40 + 60 * days_here / SETTLING_IN;
        let percent = [weekday.copied().unwrap_or(100), between_the_years, rhythm, settled];
        let likely = percent.iter().fold(person.focus, |likely, percent| likely * percent / 100);
        random.chance(likely)
    }

    /// Vacations: two weeks in summer, one in spring and one in autumn; a few people take months. And a cold at times.
    fn is_on_leave(&self, person: &Person, day: NaiveDate) -> bool {
        let mut random = Random::new(self.seed, &[4, person.id, u64::from(day.year().unsigned_abs())]);
        let mut leave = |first, last, length| {
            let from = random.between(first, last);
            from..from + length
        };
        let mut leaves = vec![leave(165, 235, 14), leave(40, 120, 7), leave(275, 330, 7), leave(1, 365, 3)];
        if random.chance(30) {
            let from = random.between(1, 260);
            leaves.push(from..from + 90);
        }
        leaves.iter().any(|leave| leave.contains(&u64::from(day.ordinal())))
    }

    /// A day on which somebody commits.
    fn work(&mut self, random: &mut Random, day: NaiveDate, by: usize) {
        let Some(person) = self.organization.people.get(by) else { return };
        let mut commits = 1;
        while commits < 9 && random.chance(person.pace) {
            commits += 1;
        }
        let starts_at = person.starts_at * 60 + random.below(60);
        let mut times: Vec<u64> = (0..commits)
            .map(|_| {
                let minute = if random.chance(60) { random.between(1200, 1400) } else { starts_at + random.below(510) };
                minute * 60 + random.below(60)
            })
            .collect();
        times.sort_unstable();
        times.dedup();
        let mut touched = Vec::new();
        for time in times {
            let (repo, topic) = self.task(random, person);
            let local = day.and_time(NaiveTime::MIN) + TimeDelta::seconds(time as i64);
            let change = self.change(random, person, day, repo, topic);
            let commit = self.commit(random, person, repo, topic, local, change);
            self.plan(random, by, repo, topic, day, &commit);
            self.last_work.insert((person.id, repo), day);
            self.unmerged.entry((person.id, repo)).or_default().add(change);
            self.push(commit);
            touched.push((repo, local));
        }
        touched.reverse();
        touched.sort_by_key(|(repo, _)| *repo);
        touched.dedup_by_key(|(repo, _)| *repo);
        for (repo, last) in touched {
            let merges = text::REPOS.get(repo).is_some_and(|kind| kind.merges);
            if merges && random.chance(420) {
                self.merge(random, by, repo, last);
            }
        }
    }

    /// What to do next: in which repository, and of what kind.
    fn task(&self, random: &mut Random, person: &Person) -> (usize, Topic) {
        if random.chance(9) {
            let repo = if random.chance(500) { text::MIRROR } else { home(person, 0) };
            return (repo, Topic::Bulk);
        }
        let repo = match random.below(100) {
            0..60 => home(person, 0),
            60..88 => home(person, 1),
            _ => random.pick(&[0, 1, 2, 3, 4, 5, 7, 8, 9]),
        };
        let is_docs = text::REPOS.get(repo).is_some_and(|kind| kind.name.ends_with("docs"));
        let topics = [Topic::Feature, Topic::Fix, Topic::Refactor, Topic::Test, Topic::Docs, Topic::Chore];
        let weights = if is_docs { [8, 10, 10, 0, 66, 6] } else { [34, 26, 16, 12, 6, 6] };
        (repo, topics.get(random.weighted(&weights)).copied().unwrap_or_default())
    }

    /// How much is changed, and of what kind the lines are.
    fn change(&self, random: &mut Random, person: &Person, day: NaiveDate, repo: usize, topic: Topic) -> Change {
        let (sizes, mut shares): ([u64; 6], [u64; 4]) = match topic {
            Topic::Feature => ([2, 16, 35, 31, 13, 3], [72, 11, 6, 11]),
            Topic::Fix => ([13, 40, 33, 11, 3, 0], [34, 25, 14, 27]),
            Topic::Refactor => ([4, 17, 31, 29, 14, 5], [20, 50, 15, 15]),
            Topic::Test => ([3, 22, 40, 29, 6, 0], [70, 10, 8, 12]),
            Topic::Docs => ([25, 40, 25, 10, 0, 0], [50, 25, 15, 10]),
            Topic::Chore => ([45, 35, 14, 5, 1, 0], [18, 62, 10, 10]),
            Topic::Bulk => ([0, 0, 0, 0, 0, 0], [80, 16, 2, 2]),
        };
        const CLASSES: [(u64, u64); 6] = [(1, 3), (3, 12), (9, 45), (35, 130), (100, 380), (320, 980)];
        let haloc = match CLASSES.get(random.weighted(&sizes)) {
            Some((low, high)) if topic != Topic::Bulk => {
                // The product of two draws leans to the lower end, as sizes do.
                low + (high - low) * random.below(1000) * random.between(300, 1000) / 1_000_000
            }
            _ => random.between(OUTLIER, 5200),
        };
        let [_, legacy, help, churn] = &mut shares;
        let days = (day - self.start).num_days().clamp(0, 365).unsigned_abs();
        // One group gets better at it, one worse: a demo needs something to be seen.
        let trend = match person.group {
            0 => 140 - 80 * days / 365,
            2 => 70 + 70 * days / 365,
            _ => 100,
        };
        *churn = *churn * person.rework * trend / 10_000;
        if (day - person.joined).num_days().unsigned_abs() < SETTLING_IN {
            *churn = *churn * 14 / 10;
            *help /= 2;
        }
        let last = self.last_work.get(&(person.id, repo));
        if last.is_none_or(|last| (day - *last).num_days() > YOUNG) {
            *legacy += *churn;
            *churn = 0;
        }
        let shares = shares.map(|share| share * random.between(30, 170));
        Change::draw(random, haloc, shares)
    }

    fn commit(
        &mut self,
        random: &mut Random,
        person: &Person,
        repo: usize,
        topic: Topic,
        local: NaiveDateTime,
        change: Change,
    ) -> Commit {
        let kind = text::REPOS.get(repo);
        let mut message = kind.map(|kind| text::message(random, topic, kind)).unwrap_or_default();
        if kind.is_some_and(|kind| !kind.merges) {
            message = format!("{message} (#{})", self.pull_request(random, repo));
        }
        let delay = match random.below(100) {
            0..76 => 0,
            76..95 => random.between(120, 7_200),
            _ => random.between(3_600, 70_000),
        };
        let mut commit = self.draft(random, person, repo, local, delay, change, message);
        commit.is_pr_orphan = random.chance(14);
        commit.is_trivial = commit.haloc <= 2 || (topic == Topic::Docs && commit.haloc <= 6);
        commit
    }

    /// The next pull request of a repository; some were closed without a merge.
    fn pull_request(&mut self, random: &mut Random, repo: usize) -> u64 {
        match self.pull_requests.get_mut(repo) {
            Some(number) => {
                *number += random.between(1, 3);
                *number
            }
            None => 0,
        }
    }

    /// A commit without a number yet.
    #[expect(clippy::too_many_arguments, reason = "a commit has that many independent sides")]
    fn draft(
        &self,
        random: &mut Random,
        person: &Person,
        repo: usize,
        local: NaiveDateTime,
        delay: u64,
        change: Change,
        message: String,
    ) -> Commit {
        let offset = person.site.offset(local.date());
        let utc = local - TimeDelta::seconds(offset.into());
        let delay = TimeDelta::seconds(delay as i64);
        let alias = if random.chance(700) { 0 } else { random.below(person.aliases) };
        let haloc = change.haloc();
        Commit {
            id: 0,
            hexsha: hexsha(random),
            user_alias_id: person.first_alias + alias,
            apex_user_id: person.id,
            repo_id: self.organization.repos.get(repo).map_or(0, |repo| repo.id),
            author_date: utc,
            author_tzoffset: offset,
            author_local_date: local,
            committer_date: utc + delay,
            committer_tzoffset: offset,
            committer_local_date: local + delay,
            is_merge: false,
            is_pr_orphan: false,
            is_trivial: false,
            outlier_reason: (haloc >= OUTLIER).then_some(TOO_MANY_LINES),
            ignore_hash: format!("{:016x}", random.next()),
            haloc,
            change,
            ins_del_ratio: (change.deletions > 0).then(|| hundredths(100 * change.insertions / change.deletions)),
            levenshtein: haloc * random.between(17, 34),
            impact: hundredths(change.impact()),
            risk: hundredths(change.risk()),
            message,
        }
    }

    /// Decides what will become of a commit.
    fn plan(&mut self, random: &mut Random, by: usize, repo: usize, topic: Topic, day: NaiveDate, commit: &Commit) {
        let risky = matches!(topic, Topic::Feature | Topic::Refactor) && commit.haloc < 400;
        if risky && random.chance(16) {
            let other = self.teammate(random, by);
            let by = if random.chance(600) { by } else { other };
            let planned = Planned::Revert { by, of: Box::new(commit.clone()), repo };
            self.planned.entry(soon(random, day)).or_default().push(planned);
        }
        if repo == text::CHERRY_PICKS.0 && topic == Topic::Fix && random.chance(220) {
            let planned = Planned::CherryPick { of: Box::new(commit.clone()) };
            self.planned.entry(soon(random, day)).or_default().push(planned);
        }
    }

    /// Somebody of the same team, if there is one who codes.
    fn teammate(&self, random: &mut Random, of: usize) -> usize {
        let people = &self.organization.people;
        let team = people.get(of).and_then(|person| person.teams.first());
        let mates: Vec<usize> = people
            .iter()
            .enumerate()
            .filter(|(_, mate)| mate.teams.first() == team && mate.joined < self.start && mate.left.is_none())
            .filter(|(index, mate)| *index != of && matches!(mate.role, Role::Engineer | Role::Lead))
            .map(|(index, _)| index)
            .collect();
        if mates.is_empty() { of } else { random.pick(&mates) }
    }

    /// Takes a commit back: what it added goes, what it removed comes again.
    fn revert(&mut self, random: &mut Random, day: NaiveDate, by: usize, of: &Commit, repo: usize) {
        let Some(person) = self.organization.people.get(by) else { return };
        let (insertions, deletions) = (of.change.deletions, of.change.insertions);
        let is_own = person.id == of.apex_user_id;
        let change = Change {
            new_work: insertions.saturating_sub(deletions),
            legacy_refactor: 0,
            help_others: if is_own { 0 } else { deletions },
            churn: if is_own { deletions } else { 0 },
            files: of.change.files,
            hunks: of.change.hunks,
            insertions,
            deletions,
        };
        let subject = of.message.lines().next().unwrap_or_default();
        let message = format!("Revert \"{subject}\"\n\nThis reverts commit {}.", of.hexsha);
        let local = office_hours(random, day);
        let commit = self.draft(random, person, repo, local, 0, change, message);
        self.push(commit);
    }

    /// Carries a commit over to the long-term support repository: the same change by the same author, so a duplicate.
    fn cherry_pick(&mut self, random: &mut Random, day: NaiveDate, of: &Commit) {
        let Some(repo) = self.organization.repos.get(text::CHERRY_PICKS.1) else { return };
        let local = office_hours(random, day);
        let mut commit = of.clone();
        commit.hexsha = hexsha(random);
        commit.repo_id = repo.id;
        commit.committer_local_date = local;
        commit.committer_date = local - TimeDelta::seconds(commit.committer_tzoffset.into());
        commit.message = format!("{}\n\n(cherry picked from commit {})", of.message, of.hexsha);
        self.push(commit);
    }

    /// Merges what somebody has committed to a repository since the last merge.
    fn merge(&mut self, random: &mut Random, of: usize, repo: usize, last: NaiveDateTime) {
        let other = self.teammate(random, of);
        let by = if random.chance(500) { of } else { other };
        let people = &self.organization.people;
        let (Some(author), Some(merger)) = (people.get(of), people.get(by)) else { return };
        let Some(change) = self.unmerged.remove(&(author.id, repo)) else { return };
        let number = self.pull_request(random, repo);
        let branch = text::branch(random, &author.handle);
        let message = format!("Merge pull request #{number} from {branch}");
        let utc = last - TimeDelta::seconds(author.site.offset(last.date()).into());
        let utc = utc + TimeDelta::seconds(random.between(300, 9_000) as i64);
        let local = utc + TimeDelta::seconds(merger.site.offset(utc.date()).into());
        let mut commit = self.draft(random, merger, repo, local, 0, change, message);
        commit.is_merge = true;
        self.push(commit);
    }

    /// Mondays and Thursdays, before anybody is up.
    fn update_dependencies(&mut self, random: &mut Random, day: NaiveDate, by: usize) {
        if !matches!(day.weekday().num_days_from_monday(), 0 | 3) {
            return;
        }
        for repo in 0..text::MIRROR {
            if random.chance(300) {
                let message = text::update(random);
                // Now and then the lock file is written anew.
                let haloc = if random.chance(25) { random.between(OUTLIER, 3000) } else { random.between(2, 40) };
                self.automatic(random, day, by, repo, 190 + repo as u64, haloc, message);
            }
        }
    }

    /// Every second Wednesday.
    fn release(&mut self, random: &mut Random, day: NaiveDate, by: usize) {
        if day.num_days_from_ce() % 14 != 3 {
            return;
        }
        for repo in 0..text::MIRROR {
            if random.chance(450) {
                let message = format!("Release {}", text::version(random));
                self.automatic(random, day, by, repo, 600 + 7 * repo as u64, 2, message);
            }
        }
    }

    /// A bot's commit at a minute of the day.
    #[expect(clippy::too_many_arguments, reason = "a commit has that many independent sides")]
    fn automatic(
        &mut self,
        random: &mut Random,
        day: NaiveDate,
        by: usize,
        repo: usize,
        minute: u64,
        haloc: u64,
        message: String,
    ) {
        let Some(person) = self.organization.people.get(by) else { return };
        let change = Change::draw(random, haloc, [5, 60, 35, 0]);
        let seconds = minute * 60 + random.below(60);
        let local = day.and_time(NaiveTime::MIN) + TimeDelta::seconds(seconds as i64);
        let mut commit = self.draft(random, person, repo, local, 0, change, message);
        commit.is_trivial = haloc <= 2;
        self.push(commit);
    }

    fn push(&mut self, commit: Commit) {
        self.written += 1;
        self.pending.insert((commit.committer_date, self.written), commit);
    }
}

impl Change {
    /// So many lines, shared out among new work, legacy refactor, help for others and churn.
    fn draw(random: &mut Random, haloc: u64, shares: [u64; 4]) -> Self {
        let total = shares.iter().sum::<u64>().max(1);
        let mut kinds = shares.map(|share| haloc * share / total);
        for _ in kinds.iter().sum()..haloc {
            if let Some(kind) = kinds.get_mut(random.weighted(&shares)) {
                *kind += 1;
            }
        }
        let [new_work, legacy_refactor, help_others, churn] = kinds;
        let deletions = legacy_refactor + help_others + churn;
        let files = (1 + haloc.isqrt() * random.below(100) / 180).min(haloc);
        Change {
            new_work,
            legacy_refactor,
            help_others,
            churn,
            files,
            hunks: (files + random.below(1 + haloc / 9)).min(haloc),
            insertions: new_work + deletions * random.between(45, 100) / 100,
            deletions,
        }
    }

    /// Another commit on top of this one.
    fn add(&mut self, other: Change) {
        self.new_work += other.new_work;
        self.legacy_refactor += other.legacy_refactor;
        self.help_others += other.help_others;
        self.churn += other.churn;
        self.files += other.files;
        self.hunks += other.hunks;
        self.insertions += other.insertions;
        self.deletions += other.deletions;
    }

    /// The lines worked on.
    fn haloc(&self) -> u64 {
        self.new_work + self.legacy_refactor + self.help_others + self.churn
    }

    /// The demo's impact, in hundredths: √haloc · (1 + share of old code) + √hunks + √files.
    ///
    /// Its inputs are those that the vendor names for the real one, whose formula is not public: how much is changed,
    /// how much of it edits old code, in how many places and files.
    fn impact(&self) -> u64 {
        let haloc = self.haloc();
        let old = self.deletions.min(haloc);
        root(haloc) * (haloc + old) / haloc.max(1) + root(self.hunks) + root(self.files)
    }

    /// The demo's risk, in hundredths, at most 100: √(haloc · files) · (1 + share of others' code) / 2.
    fn risk(&self) -> u64 {
        let haloc = self.haloc();
        let risk = root(haloc * self.files) * (haloc + self.help_others) / (2 * haloc.max(1));
        risk.min(100 * 100)
    }
}

/// The square root in hundredths, rounded down.
fn root(number: u64) -> u64 {
    (number * 100 * 100).isqrt()
}

/// A number of hundredths as JSON shows it.
fn hundredths(number: u64) -> f64 {
    // One correctly rounded division of exact whole numbers: the same everywhere.
    number as f64 / 100.0
}

fn hexsha(random: &mut Random) -> String {
    format!("{:016x}{:016x}{:08x}", random.next(), random.next(), random.next() >> 32)
}

/// The repository somebody works on most, or second most.
fn home(person: &Person, index: usize) -> usize {
    person.home.get(index).or(person.home.first()).copied().unwrap_or(0)
}

/// A working day within the next few.
fn soon(random: &mut Random, day: NaiveDate) -> NaiveDate {
    let mut later = day + Days::new(random.between(1, 5));
    while is_weekend(later) {
        later = later + Days::new(1);
    }
    later
}

/// A time between 9 and 17 o'clock.
fn office_hours(random: &mut Random, day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN) + TimeDelta::seconds(random.between(9 * 3600, 17 * 3600) as i64)
}
