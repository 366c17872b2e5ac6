//! Who works in the demo, on what: the teams, the repositories and the people with their habits.

use super::calendar::{SITES, Site};
use super::random::Random;
use super::text;
use chrono::{Datelike, Days, NaiveDate, Weekday};

/// The made-up organisation.
pub struct Organization {
    /// Every team, parents before children.
    pub teams: Vec<Team>,
    /// Every repository.
    pub repos: Vec<Repo>,
    /// Everybody who is there at some time before the history ends.
    pub people: Vec<Person>,
}

/// A team in the tree of three levels.
pub struct Team {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its parent's id.
    pub parent: Option<u64>,
    /// The ids from the root to it.
    pub path: Vec<u64>,
    /// The names from the root to it.
    pub ancestors: Vec<String>,
}

/// A repository.
pub struct Repo {
    /// Its id.
    pub id: u64,
    /// What is fixed about it.
    pub kind: &'static text::RepoKind,
}

/// Somebody, or a bot.
pub struct Person {
    /// Their user id.
    pub id: u64,
    /// Their name.
    pub name: String,
    /// The part of their address before the `@`.
    pub handle: String,
    /// What they do.
    pub role: Role,
    /// The ids of the teams they are in; the first is where they work.
    pub teams: Vec<u64>,
    /// Where in the tree they work: the index of the group at the second level.
    pub group: usize,
    /// How many names and addresses their commits carry, and the id of the first.
    pub aliases: u64,
    /// The id of the first alias; the others follow.
    pub first_alias: u64,
    /// Where they sit.
    pub site: Site,
    /// Their first day.
    pub joined: NaiveDate,
    /// Their last day.
    pub left: Option<NaiveDate>,
    /// Days of the week they do not work, beside the weekend.
    pub days_off: Vec<Weekday>,
    /// The hour at which they start, local time.
    pub starts_at: u64,
    /// On how many of a thousand working days they commit.
    pub focus: u64,
    /// How likely one commit follows another on such a day, in a thousand.
    pub pace: u64,
    /// How much of their own recent work they redo, in percent of what is usual.
    pub rework: u64,
    /// The indices of the repositories they mostly work on.
    pub home: Vec<usize>,
}

/// What somebody does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Writes code.
    Engineer,
    /// Writes code, and merges that of others.
    Lead,
    /// Looks on; commits seldom.
    Manager,
    /// Updates dependencies; no person.
    UpdateBot,
    /// Makes releases; no person.
    ReleaseBot,
}

impl Role {
    /// Whether this is a program, which no report shows.
    pub fn is_bot(self) -> bool {
        matches!(self, Role::UpdateBot | Role::ReleaseBot)
    }
}

impl Organization {
    /// The organisation of a seed, of so many people, with a history from `start` to before `until`.
    /// Nothing but who has not joined yet depends on `until`.
    pub fn new(seed: u64, users: u64, months: u64, start: NaiveDate, until: NaiveDate) -> Self {
        let mut random = Random::new(seed, &[1]);
        let (teams, squads) = teams(&mut random, users);
        let repos: Vec<Repo> = (1..).zip(&text::REPOS).map(|(id, kind)| Repo { id, kind }).collect();
        let mut names = Names::new(&mut random);
        let mut next_alias = 1;
        let mut people: Vec<Person> = (0..users)
            .map(|index| {
                // A stream for each person: that a habit is added to one changes nobody else.
                let mut random = Random::new(seed, &[2, index]);
                let squad = squads.get(index as usize % squads.len().max(1));
                let mut person = person(&mut random, index, squad, months, start);
                (person.name, person.handle) = names.of(index);
                person
            })
            .collect();
        people.push(bot(users + 1, "Patchling (bot)", "patchling-bot", Role::UpdateBot, start));
        people.push(bot(users + 2, "Towpath Release (bot)", "towpath-release-bot", Role::ReleaseBot, start));
        people.retain(|person| person.joined < until);
        for person in &mut people {
            person.first_alias = next_alias;
            next_alias += person.aliases;
        }
        Organization { teams, repos, people }
    }
}

/// A team of the third level, where people work.
struct Squad {
    id: u64,
    group: usize,
    parent: u64,
}

/// The tree of teams: departments, their groups, and the groups' squads.
fn teams(random: &mut Random, users: u64) -> (Vec<Team>, Vec<Squad>) {
    let mut teams: Vec<Team> = Vec::new();
    let mut squads = Vec::new();
    let add = |teams: &mut Vec<Team>, name: &str, parent: Option<u64>| {
        let id = 101 + teams.len() as u64;
        let above = teams.iter().find(|team| Some(team.id) == parent);
        let (mut path, mut ancestors) =
            above.map_or_else(Default::default, |team| (team.path.clone(), team.ancestors.clone()));
        path.push(id);
        ancestors.push(name.to_owned());
        teams.push(Team { id, name: name.to_owned(), parent, path, ancestors });
        id
    };
    let mut names = text::SQUADS;
    random.shuffle(&mut names);
    let wanted = (users / PEOPLE_PER_SQUAD).clamp(text::GROUPS.len() as u64, text::SQUADS.len() as u64);
    let mut names = names.iter().take(wanted as usize);
    let departments = text::DEPARTMENTS.map(|name| add(&mut teams, name, None));
    let mut groups = Vec::new();
    for (department, name) in text::GROUPS {
        let parent = departments.get(department).copied();
        groups.push(add(&mut teams, name, parent));
    }
    'all: loop {
        for (group, parent) in groups.iter().enumerate() {
            let Some(name) = names.next() else { break 'all };
            let id = add(&mut teams, name, Some(*parent));
            squads.push(Squad { id, group, parent: *parent });
        }
    }
    (teams, squads)
}

/// How many people make a squad, about.
const PEOPLE_PER_SQUAD: u64 = 6;

fn person(random: &mut Random, index: u64, squad: Option<&Squad>, months: u64, start: NaiveDate) -> Person {
    let role = match random.below(100) {
        // Somebody has to write code, in the smallest organisation too.
        _ if index < 2 => Role::Engineer,
        0..8 => Role::Manager,
        8..22 => Role::Lead,
        _ => Role::Engineer,
    };
    let days = months * 30;
    // A quarter joins while the history runs; a few leave before it ends.
    let joined = if index >= 2 && random.chance(250) {
        start + Days::new(random.below(days))
    } else {
        start - Days::new(random.between(30, 2000))
    };
    let leaves = index >= 2 && random.chance(130);
    let left = (joined.max(start)) + Days::new(random.between(20, days.max(21)));
    let days_off = match random.below(100) {
        0..6 => vec![Weekday::Fri],
        6..9 => vec![Weekday::Mon, Weekday::Tue],
        9..12 => vec![Weekday::Wed, Weekday::Fri],
        _ => Vec::new(),
    };
    let group = squad.map_or(0, |squad| squad.group);
    let mut teams: Vec<u64> = squad.map(|squad| squad.id).into_iter().collect();
    // Who leads or manages is listed at the level above too.
    if role != Role::Engineer {
        teams.extend(squad.map(|squad| squad.parent));
    }
    let mut home: Vec<usize> =
        text::REPOS.iter().enumerate().filter(|(_, repo)| repo.group == Some(group)).map(|(index, _)| index).collect();
    random.shuffle(&mut home);
    let (focus, pace) = match role {
        Role::Engineer => (random.between(420, 820), random.between(380, 640)),
        Role::Lead => (random.between(250, 480), random.between(300, 520)),
        _ => (random.between(10, 60), 200),
    };
    Person {
        id: index + 1,
        name: String::new(),
        handle: String::new(),
        role,
        teams,
        group,
        aliases: [1, 1, 1, 2, 2, 3].get(random.below(6) as usize).copied().unwrap_or(1),
        first_alias: 0,
        site: match SITES.get(random.below(3) as usize) {
            // Half of all, and some more by chance, work at the first three sites.
            Some(site) if random.chance(500) => *site,
            _ => random.pick(&SITES),
        },
        joined,
        left: leaves.then_some(left),
        days_off,
        starts_at: random.between(7, 10),
        focus,
        pace,
        rework: random.between(55, 160),
        home,
    }
}

fn bot(id: u64, name: &str, handle: &str, role: Role, start: NaiveDate) -> Person {
    Person {
        id,
        name: name.to_owned(),
        handle: handle.to_owned(),
        role,
        teams: Vec::new(),
        group: 0,
        aliases: 1,
        first_alias: 0,
        site: Site::default(),
        joined: start,
        left: None,
        days_off: Vec::new(),
        starts_at: 0,
        focus: 1000,
        pace: 0,
        rework: 0,
        home: Vec::new(),
    }
}

/// Whether people work on this day at all: weekends are off but for the rare exception that the caller draws.
pub fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

/// Names that nobody bears, each but once.
struct Names {
    first: [(&'static str, &'static str); 48],
    last: [&'static str; 40],
}

impl Names {
    fn new(random: &mut Random) -> Self {
        let mut names = Names { first: text::FIRST_NAMES, last: text::LAST_NAMES };
        random.shuffle(&mut names.first);
        random.shuffle(&mut names.last);
        names
    }

    /// The name and the handle of a person. One more than the number of first names and the number of last names have
    /// no common divisor, so the pairs repeat after 48 · 40 people only.
    fn of(&mut self, index: u64) -> (String, String) {
        let index = index as usize;
        let round = index / self.first.len();
        let (first, plain) = self.first.get(index % self.first.len()).copied().unwrap_or_default();
        let last = self.last.get((index + round) % self.last.len()).copied().unwrap_or_default();
        (format!("{first} {last}"), format!("{plain}.{}", last.to_lowercase()))
    }
}
