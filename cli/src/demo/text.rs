//! The words of the demo: names that are plainly invented, and messages as engineers write them.

use super::random::Random;

/// The organisation's name, as it is shown.
pub const ORGANIZATION: &str = "Demo: Brambleworth Canal Company";

/// The teams of the first level.
pub const DEPARTMENTS: [&str; 2] = ["Navigation", "Waterworks"];

/// The teams of the second level, each in a department.
pub const GROUPS: [(usize, &str); 4] = [(0, "Moorings"), (0, "Passages"), (1, "Locks & Sluices"), (1, "Groundworks")];

/// The teams of the third level.
#[rustfmt::skip]
pub const SQUADS: [&str; 32] = [
    "Heron", "Kingfisher", "Otter", "Bittern", "Dipper", "Grebe", "Curlew", "Sandpiper", "Wagtail", "Moorhen",
    "Plover", "Teal", "Osprey", "Swift", "Lapwing", "Tern", "Avocet", "Coot", "Dunlin", "Egret", "Gadwall", "Harrier",
    "Merganser", "Pintail", "Redshank", "Shoveler", "Smew", "Spoonbill", "Whimbrel", "Wigeon", "Pochard", "Goldeneye",
];

/// What is fixed about a repository.
pub struct RepoKind {
    /// Its name.
    pub name: &'static str,
    /// Where it is hosted.
    pub vendor_type: &'static str,
    /// The ids of its tags.
    pub tags: &'static [u64],
    /// The index of the group that owns it.
    pub group: Option<usize>,
    /// Whether reports leave it out.
    pub blocked: bool,
    /// Whether pull requests are merged with a merge commit, not squashed.
    pub merges: bool,
    /// Its parts, as messages name them.
    pub parts: &'static [&'static str],
}

/// The tags of repositories; their ids count from 1.
pub const TAGS: [&str; 4] = ["customer-facing", "service", "infrastructure", "long-term support"];

/// The index of the repository whose fixes are carried over, and of the one they are carried to.
pub const CHERRY_PICKS: (usize, usize) = (5, 6);

/// The index of the repository that is vendored code.
pub const MIRROR: usize = 10;

/// The repositories. The last was added, but its history has not been processed.
pub static REPOS: [RepoKind; 12] = [
    repo(
        "mooring-web",
        "github",
        &[1],
        Some(0),
        true,
        &["booking form", "berth map", "invoice page", "sign-in", "harbour search"],
    ),
    repo(
        "mooring-api",
        "github",
        &[2],
        Some(0),
        true,
        &["berth service", "price rules", "invoices", "webhooks", "guest accounts"],
    ),
    repo(
        "passage-planner",
        "github",
        &[1],
        Some(1),
        true,
        &["route search", "tide tables", "trip view", "offline maps", "share links"],
    ),
    repo(
        "tide-tables",
        "gitlab",
        &[2],
        Some(1),
        false,
        &["forecast importer", "station index", "rounding", "cache", "public API"],
    ),
    repo(
        "lockkeeper",
        "gitlab",
        &[2],
        Some(2),
        false,
        &["gate control", "schedule", "permit check", "audit log", "operator view"],
    ),
    repo(
        "sluice-gateway",
        "gitlab",
        &[2, 3],
        Some(2),
        false,
        &["flow limiter", "sensor feed", "alarm rules", "device sessions", "retry queue"],
    ),
    repo(
        "sluice-gateway-lts",
        "gitlab",
        &[2, 3, 4],
        None,
        false,
        &["flow limiter", "sensor feed", "alarm rules", "device sessions"],
    ),
    repo(
        "pontoon-infra",
        "github",
        &[3],
        Some(3),
        true,
        &["cluster module", "network rules", "backup job", "alert routes", "cost report"],
    ),
    repo(
        "towpath-ci",
        "github",
        &[3],
        Some(3),
        true,
        &["pipeline", "runner image", "artifact cache", "release script", "test shards"],
    ),
    repo(
        "ferryman-docs",
        "bitbucket",
        &[1],
        Some(3),
        false,
        &["getting started", "operator guide", "API reference", "glossary"],
    ),
    RepoKind {
        blocked: true,
        ..repo("vendored-sources", "github", &[], None, false, &["compression library", "font files", "map tiles"])
    },
    repo("old-waterwheel", "bitbucket", &[4], None, false, &["wheel controller"]),
];

const fn repo(
    name: &'static str,
    vendor_type: &'static str,
    tags: &'static [u64],
    group: Option<usize>,
    merges: bool,
    parts: &'static [&'static str],
) -> RepoKind {
    RepoKind { name, vendor_type, tags, group, blocked: false, merges, parts }
}

/// First names, and as an address writes them.
#[rustfmt::skip]
pub const FIRST_NAMES: [(&str, &str); 48] = [
    ("Ada", "ada"), ("Aiko", "aiko"), ("Amadou", "amadou"), ("Anjali", "anjali"), ("Arlo", "arlo"),
    ("Beatriz", "beatriz"), ("Bruno", "bruno"), ("Chidi", "chidi"), ("Clara", "clara"), ("Dariusz", "dariusz"),
    ("Dilnoza", "dilnoza"), ("Efua", "efua"), ("Elif", "elif"), ("Emil", "emil"), ("Farah", "farah"),
    ("Finn", "finn"), ("Greta", "greta"), ("Hana", "hana"), ("Henrik", "henrik"), ("Ines", "ines"), ("Ivo", "ivo"),
    ("Jun", "jun"), ("Kavya", "kavya"), ("Kofi", "kofi"), ("Leila", "leila"), ("Lorcan", "lorcan"), ("Mai", "mai"),
    ("Mateo", "mateo"), ("Mira", "mira"), ("Nadia", "nadia"), ("Niamh", "niamh"), ("Noor", "noor"), ("Olga", "olga"),
    ("Oskar", "oskar"), ("Petra", "petra"), ("Quentin", "quentin"), ("Ravi", "ravi"), ("Rosa", "rosa"),
    ("Saoirse", "saoirse"), ("Søren", "soren"), ("Tariq", "tariq"), ("Tove", "tove"), ("Uma", "uma"),
    ("Viktor", "viktor"), ("Wren", "wren"), ("Yara", "yara"), ("Zdeněk", "zdenek"), ("Zoë", "zoe"),
];

/// Last names.
#[rustfmt::skip]
pub const LAST_NAMES: [&str; 40] = [
    "Quillfeather", "Marshlantern", "Copperkettle", "Thistlewick", "Bargeford", "Windlass", "Reedwhistle",
    "Oakenrudder", "Pebblebrook", "Lanternjaw", "Mossgate", "Ferrybell", "Saltmarrow", "Tidewell", "Bramblecote",
    "Underbridge", "Locksmythe", "Nettlesworth", "Puddlestone", "Weirwood", "Gullsworth", "Harrowmere", "Inkpot",
    "Jollyboat", "Kelpwright", "Larkspur", "Millpond", "Northbank", "Otterbourne", "Plankton", "Quayside", "Ropewalk",
    "Sedgemoor", "Towline", "Umberfield", "Vellumsmith", "Watermark", "Yarrowby", "Zephyrhill", "Willowmast",
];

/// What a commit is about.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Topic {
    /// Something new.
    #[default]
    Feature,
    /// Something put right.
    Fix,
    /// The same in a better form.
    Refactor,
    /// Tests.
    Test,
    /// Documentation.
    Docs,
    /// Upkeep.
    Chore,
    /// Much at once: generated or vendored.
    Bulk,
}

#[rustfmt::skip]
const THINGS: [&str; 16] = [
    "a weekly summary", "time zone support", "a dry-run mode", "keyboard shortcuts", "pagination", "a retry limit",
    "a health check", "bulk editing", "CSV export", "a loading state", "rate limits", "a dark theme",
    "request tracing", "an undo step", "draft saving", "input validation",
];

#[rustfmt::skip]
const BUGS: [&str; 14] = [
    "a race on start-up", "an off-by-one at month end", "duplicate notifications", "a crash on empty input",
    "wrong totals after midnight UTC", "a stale cache entry", "lost updates", "the order of results",
    "a leak of file handles", "flaky retries", "the error message for expired keys", "rounding of half cents",
    "a timeout under load", "focus after closing the dialog",
];

#[rustfmt::skip]
const CASES: [&str; 10] = [
    "no network", "an empty list", "very long names", "two tabs open", "daylight saving time", "an expired session",
    "a slow upstream", "unicode input", "a full disk", "concurrent writers",
];

#[rustfmt::skip]
const PACKAGES: [&str; 12] = [
    "brook-json", "canalkit", "driftwood", "eddy-router", "fathom", "gangplank", "hawser-tls", "keelhaul", "lanyard",
    "mooring-lines", "oarlock", "puddle-test",
];

/// A commit's message: one line, now and then with a ticket before it.
pub fn message(random: &mut Random, topic: Topic, repo: &RepoKind) -> String {
    let part = random.pick(repo.parts);
    let line = match topic {
        Topic::Feature => {
            let thing = random.pick(&THINGS);
            match random.below(4) {
                0 => format!("Add {thing} to the {part}"),
                1 => format!("{part}: {thing}"),
                2 => format!("Offer {thing} in the {part}"),
                _ => format!("First version of {thing} for the {part}"),
            }
        }
        Topic::Fix => match random.below(3) {
            0 => format!("Fix {} in the {part}", random.pick(&BUGS)),
            1 => format!("{part}: fix {}", random.pick(&BUGS)),
            _ => format!("Handle {} in the {part}", random.pick(&CASES)),
        },
        Topic::Refactor => match random.below(3) {
            0 => format!("Simplify the {part}"),
            1 => format!("Split the {part} in two"),
            _ => format!("{part}: move {} into its own module", random.pick(&THINGS)),
        },
        Topic::Test => format!("Test the {part} with {}", random.pick(&CASES)),
        Topic::Docs => match random.below(3) {
            0 => format!("Document the {part}"),
            1 => format!("Fix a typo about the {part}"),
            _ => format!("Explain {} in the {part}", random.pick(&CASES)),
        },
        Topic::Chore => match random.below(2) {
            0 => update(random),
            _ => format!("Tidy up the {part}"),
        },
        Topic::Bulk => match random.below(3) {
            0 => format!("Regenerate the client of the {part}"),
            1 => format!("Reformat the {part}"),
            _ => format!("Import the old {part}"),
        },
    };
    if random.chance(300) {
        let letters: String = repo.name.chars().take(3).collect();
        format!("[{}-{}] {line}", letters.to_uppercase(), random.between(100, 4999))
    } else {
        line
    }
}

/// The message of an update of a dependency.
pub fn update(random: &mut Random) -> String {
    format!("Bump {} to {}", random.pick(&PACKAGES), version(random))
}

/// A version's number.
pub fn version(random: &mut Random) -> String {
    format!("{}.{}.{}", random.between(0, 4), random.below(20), random.below(9))
}

/// The name of the branch that a pull request is merged from.
pub fn branch(random: &mut Random, handle: &str) -> String {
    let words = random.pick(&THINGS);
    let slug = words.trim_start_matches("a ").trim_start_matches("an ").replace(' ', "-");
    format!("{handle}/{}", slug.to_lowercase())
}
