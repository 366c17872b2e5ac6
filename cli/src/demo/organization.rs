//! The teams, repositories and people of the demo.

use fastrand::Rng;

pub struct Team {
    pub id: u64,
    pub parent: Option<u64>,
    pub name: &'static str,
}

impl Team {
    /// Returns the teams from the root to this one.
    pub fn with_ancestors(&self) -> Vec<&Team> {
        let parent = TEAMS.iter().find(|team| Some(team.id) == self.parent);
        let mut path = parent.map_or_else(Vec::new, Team::with_ancestors);
        path.push(self);
        path
    }
}

const fn team(id: u64, parent: u64, name: &'static str) -> Team {
    Team { id, parent: if parent == 0 { None } else { Some(parent) }, name }
}

/// Departments, groups, and the squads in which people work.
#[rustfmt::skip]
pub static TEAMS: [Team; 14] = [
    team(101, 0, "Navigation"), team(102, 0, "Waterworks"),
    team(103, 101, "Moorings"), team(104, 101, "Passages"), team(105, 102, "Locks & Sluices"), team(106, 102, "Groundworks"),
    team(107, 103, "Heron"), team(108, 104, "Kingfisher"), team(109, 105, "Otter"), team(110, 106, "Bittern"),
    team(111, 103, "Grebe"), team(112, 104, "Curlew"), team(113, 105, "Wagtail"), team(114, 106, "Plover"),
];
const FIRST_SQUAD: u64 = 107;
const SQUADS: u64 = 8;

pub const TAGS: [&str; 3] = ["customer-facing", "service", "infrastructure"];

pub struct Repo {
    pub id: u64,
    pub name: &'static str,
    pub vendor_type: &'static str,
    pub tags: &'static [u64],
    pub is_blocked: bool,
    pub has_commits: bool,
}

const fn repo(id: u64, name: &'static str, vendor_type: &'static str, tags: &'static [u64]) -> Repo {
    Repo { id, name, vendor_type, tags, is_blocked: false, has_commits: true }
}

/// The number of repositories that squads work on; the other ones are special.
pub const SQUAD_REPOS: u64 = 8;
/// Receives copies of some commits.
pub const BACKPORT_REPO: u64 = 9;
/// Third-party code, excluded from reports.
pub const VENDORED_REPO: u64 = 10;
pub static REPOS: [Repo; 11] = [
    repo(1, "mooring-web", "github", &[1]),
    repo(2, "passage-planner", "github", &[1]),
    repo(3, "lockkeeper", "gitlab", &[2]),
    repo(4, "pontoon-infra", "github", &[3]),
    repo(5, "mooring-api", "github", &[2]),
    repo(6, "tide-tables", "gitlab", &[2]),
    repo(7, "sluice-gateway", "gitlab", &[2, 3]),
    repo(8, "ferryman-docs", "bitbucket", &[1]),
    repo(BACKPORT_REPO, "sluice-gateway-lts", "gitlab", &[2, 3]),
    Repo { is_blocked: true, ..repo(VENDORED_REPO, "vendored-sources", "github", &[]) },
    Repo { has_commits: false, ..repo(11, "old-waterwheel", "bitbucket", &[]) },
];

pub struct Person {
    pub id: u64,
    pub name: String,
    /// The part of the email address before the `@`.
    pub handle: String,
    pub is_bot: bool,
    pub is_manager: bool,
    pub team: Option<u64>,
    /// The index of the squad, from 0.
    pub squad: u64,
    pub first_alias: u64,
    pub alias_count: u64,
    /// Seconds east of UTC.
    pub utc_offset: i32,
    /// The percentage of working days with commits.
    pub activity: u32,
    /// The amount of rework, in percent of the usual.
    pub rework: u32,
}

impl Person {
    pub fn email(&self, alias: u64) -> String {
        let tag = if alias == 0 { String::new() } else { format!("+{alias}") };
        format!("{}{tag}@example.com", self.handle)
    }
}

#[rustfmt::skip]
const FIRST_NAMES: [&str; 24] = [
    "Ada", "Aiko", "Amadou", "Beatriz", "Chidi", "Clara", "Dariusz", "Efua", "Elif", "Finn", "Greta", "Hana", "Ines",
    "Jun", "Kavya", "Leila", "Mateo", "Niamh", "Olga", "Quentin", "Ravi", "Tove", "Yara", "Zora",
];
#[rustfmt::skip]
const LAST_NAMES: [&str; 25] = [
    "Bargeford", "Bramblecote", "Copperkettle", "Ferrybell", "Harrowmere", "Jollyboat", "Kelpwright", "Locksmythe",
    "Marshlantern", "Millpond", "Mossgate", "Oakenrudder", "Pebblebrook", "Puddlestone", "Quayside", "Quillfeather",
    "Reedwhistle", "Saltmarrow", "Thistlewick", "Tidewell", "Towline", "Underbridge", "Weirwood", "Willowmast", "Windlass",
];
/// With these offsets in hours, office hours lie within one day in UTC.
const UTC_OFFSETS: [i32; 4] = [1, 1, 0, -5];

/// Returns the people and, as the last one, a bot.
pub fn people(seed: u64, count: u32) -> Vec<Person> {
    let mut rng = Rng::with_seed(seed);
    let (mut first_names, mut last_names) = (FIRST_NAMES, LAST_NAMES);
    rng.shuffle(&mut first_names);
    rng.shuffle(&mut last_names);
    // The numbers of first and last names have no common divisor: a name repeats only after 600 people.
    let names = first_names.iter().cycle().zip(last_names.iter().cycle());
    let count = u64::from(count);
    let mut first_alias = 1;
    let person = |(index, (first, last)): (u64, (&&str, &&str))| {
        let squad = index % SQUADS;
        let squad_team = TEAMS.iter().find(|team| team.id == FIRST_SQUAD + squad);
        let is_bot = index == count;
        let is_manager = index % 12 == 11;
        let activity = if is_bot { 25 } else { rng.u32(30..70) };
        let person = Person {
            id: index + 1,
            name: if is_bot { "Patchling (bot)".to_owned() } else { format!("{first} {last}") },
            handle: format!("{first}.{last}.{}", index + 1).to_lowercase(),
            is_bot,
            is_manager,
            // Managers belong to the level above.
            team: squad_team.filter(|_| !is_bot).and_then(|team| if is_manager { team.parent } else { Some(team.id) }),
            squad,
            first_alias,
            alias_count: rng.u64(1..=3),
            utc_offset: 3600 * rng.choice(UTC_OFFSETS).unwrap_or_default(),
            activity: if is_manager { 3 } else { activity },
            rework: rng.u32(55..160),
        };
        first_alias += person.alias_count;
        person
    };
    (0..=count).zip(names).map(person).collect()
}
