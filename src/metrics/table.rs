//! The commits of an organization as columns.

use super::{Commit, MetricsResponse, Organization, Repo, Team};
use crate::query::{IdSet, MetricsRequest};
use crate::teams::with_nested_teams;
use crate::text::fold;
use alloc::{string::String, vec, vec::Vec};
use core::hash::BuildHasher;
use hashbrown::{DefaultHashBuilder, HashMap};
use streamgage_kernel::{self as kernel, Commits, CommitsByDay, Selection, WeekSums};

/// The commits of an organization that count, as columns, and the teams, users and repositories they belong to. It is
/// built once and evaluated many times.
#[derive(Clone, Debug)]
pub struct MetricsTable {
    /// The users with a commit. Commits refer to them by position.
    users: Vec<i64>,
    /// The repositories with a commit, and what filters read of them.
    repos: Vec<(i64, Option<RepoFilterData>)>,
    /// Pairs of a parent team and a nested team, sorted.
    nested: Vec<(i64, i64)>,
    /// Pairs of a team and a contributor.
    contributors: Vec<(i64, i64)>,
    commits: CommitsByDay,
}

#[derive(Clone, Debug)]
struct RepoFilterData {
    folded_name: String,
    tags: IdSet,
}

impl Organization {
    /// Builds a table of the commits that count.
    pub fn table(&self) -> MetricsTable {
        MetricsTable::new(self)
    }
}

impl MetricsTable {
    fn new(organization: &Organization) -> MetricsTable {
        let hidden = organization.users.sorted().into_iter().filter(|(_, user)| user.hidden_from_reports);
        let hidden: IdSet = hidden.map(|(id, _)| id).collect();
        let repos = organization.repos.sorted();
        let blocked: IdSet = repos.iter().filter(|(_, repo)| repo.blocked).map(|&(id, _)| id).collect();

        let commits = without_duplicates(organization.commits.sorted());
        let (mut users, mut repo_ids, mut columns) = (IdNumbering::new(), IdNumbering::new(), Commits::default());
        for commit in commits {
            let excluded = commit.is_merge || commit.is_pr_orphan || commit.is_outlier;
            if excluded || hidden.contains(commit.apex_user_id) || blocked.contains(commit.repo_id) {
                continue;
            }
            columns.push(kernel::Commit {
                user: users.number(commit.apex_user_id),
                repo: repo_ids.number(commit.repo_id),
                day: commit.day.number(),
                haloc: commit.haloc,
                churn: commit.churn,
                impact: commit.impact,
            });
        }
        let memberships = organization.memberships.sorted().into_iter().filter(|(_, entry)| entry.is_contributor);
        let teams = organization.teams.sorted().into_iter();
        let mut nested: Vec<(i64, i64)> = teams.filter_map(|(id, &Team { parent })| Some((parent?, id))).collect();
        nested.sort_unstable();
        MetricsTable {
            users: users.ids,
            repos: repo_ids.ids.into_iter().map(|id| (id, RepoFilterData::find(id, &repos))).collect(),
            nested,
            contributors: memberships.filter_map(|(_, entry)| Some((entry.team_id?, entry.apex_user_id?))).collect(),
            commits: columns.into_sorted(),
        }
    }

    /// Answers a request.
    pub fn evaluate(&self, request: &MetricsRequest) -> MetricsResponse {
        MetricsResponse::new(request, &self.week_sums(request))
    }

    /// Returns the exact sums of the weeks with a commit.
    pub fn week_sums(&self, request: &MetricsRequest) -> Vec<WeekSums> {
        let members: Vec<IdSet> = request.teams.iter().map(|teams| self.members(teams, request)).collect();
        let user_counts = |id: i64| request.users.iter().chain(&members).all(|users| users.contains(id));
        let users: Vec<bool> = self.users.iter().map(|&id| user_counts(id)).collect();
        let name = request.repo_name.as_deref().map(fold);
        let repo_counts = |&(id, ref facts): &(i64, Option<RepoFilterData>)| {
            request.repos.as_ref().is_none_or(|repos| repos.contains(id))
                && !request.repos_not.as_ref().is_some_and(|repos| repos.contains(id))
                && request.repo_tags.iter().all(|tags| facts.as_ref().is_some_and(|facts| facts.has_tag(tags)))
                && name.as_ref().is_none_or(|name| facts.as_ref().is_some_and(|facts| facts.folded_name.contains(name)))
        };
        let repos: Vec<bool> = self.repos.iter().map(repo_counts).collect();
        let selection = Selection {
            users: &users,
            repos: &repos,
            first_day: request.start.number(),
            last_day: request.end.number(),
        };
        self.commits.week_sums(&selection)
    }

    /// Returns the contributors of the teams and, if requested, of teams nested in them.
    fn members(&self, teams: &IdSet, request: &MetricsRequest) -> IdSet {
        let ids = || teams.as_slice().iter().copied();
        let nested = request.include_nested_teams.then(|| with_nested_teams(ids(), &self.nested));
        let teams = nested.as_ref().unwrap_or(teams);
        self.contributors.iter().filter(|(team, _)| teams.contains(*team)).map(|&(_, user)| user).collect()
    }
}

/// Keeps the commit with the lowest id of each `ignore_hash` (§1). Commits are given in the order of their ids.
fn without_duplicates(commits: Vec<(i64, &Commit)>) -> impl Iterator<Item = &Commit> {
    // Nearly all hashes are unique. Each sets a bit by its hash value; only hashes that share a bit are compared.
    let numbering = DefaultHashBuilder::default();
    let number_of = |(_, commit): &(i64, &Commit)| commit.ignore_hash.as_ref().map(|hash| numbering.hash_one(hash));
    let numbers: Vec<Option<u64>> = commits.iter().map(number_of).collect();
    let mut seen = Bits::new(16 * commits.len());
    let mut twice = Bits::new(16 * commits.len());
    for &number in numbers.iter().flatten() {
        if seen.set(number) {
            twice.set(number);
        }
    }
    let suspects = numbers.iter().zip(0i64..).filter_map(|(&number, place)| Some((number?, place)));
    let mut suspects: Vec<(i64, i64)> = suspects
        .filter(|&(number, _)| twice.is_set(number))
        .map(|(number, place)| (number.cast_signed(), place))
        .collect();
    suspects.sort_unstable();
    let mut is_duplicate = vec![false; commits.len()];
    for group in suspects.chunk_by(|one, next| one.0 == next.0).filter(|group| group.len() > 1) {
        // Hash values can be equal by chance.
        let mut firsts = Vec::new();
        for place in group.iter().filter_map(|&(_, place)| usize::try_from(place).ok()) {
            let Some(hash) = commits.get(place).and_then(|(_, commit)| commit.ignore_hash.as_ref()) else { continue };
            if firsts.contains(&hash) {
                is_duplicate.get_mut(place).into_iter().for_each(|flag| *flag = true);
            } else {
                firsts.push(hash);
            }
        }
    }
    commits.into_iter().zip(is_duplicate).filter_map(|((_, commit), is_duplicate)| (!is_duplicate).then_some(commit))
}

/// A set of bits, by the highest bits of numbers.
struct Bits {
    words: Vec<u64>,
    shift: u32,
}

impl Bits {
    /// Creates at least `size` bits.
    fn new(size: usize) -> Bits {
        let words = (size / 64).next_power_of_two();
        // Six bits of a number select the bit of a word.
        Bits { words: vec![0; words], shift: 64 - 6 - words.trailing_zeros() }
    }

    fn place(&self, number: u64) -> (usize, u64) {
        let bit = number >> self.shift;
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    /// Sets the bit of a number, and reports whether it was set before.
    fn set(&mut self, number: u64) -> bool {
        let (place, bit) = self.place(number);
        let Some(word) = self.words.get_mut(place) else { return false };
        let was_set = *word & bit != 0;
        *word |= bit;
        was_set
    }

    fn is_set(&self, number: u64) -> bool {
        let (place, bit) = self.place(number);
        self.words.get(place).is_some_and(|word| word & bit != 0)
    }
}

impl RepoFilterData {
    fn find(id: i64, repos: &[(i64, &Repo)]) -> Option<RepoFilterData> {
        let place = repos.binary_search_by_key(&id, |&(id, _)| id).ok()?;
        let (_, repo) = repos.get(place)?;
        Some(RepoFilterData { folded_name: fold(&repo.name), tags: repo.tags.iter().copied().collect() })
    }

    fn has_tag(&self, tags: &IdSet) -> bool {
        self.tags.as_slice().iter().any(|&tag| tags.contains(tag))
    }
}

/// Numbers ids in order of appearance.
struct IdNumbering {
    ids: Vec<i64>,
    places: HashMap<i64, u32>,
    /// The numbers of low ids, which most ids are.
    low: Vec<u32>,
}

/// Ids below this are low.
const LOW: usize = 1 << 14;
/// Stands for an id without a number.
const NONE: u32 = u32::MAX;

impl IdNumbering {
    fn new() -> IdNumbering {
        IdNumbering { ids: Vec::new(), places: HashMap::default(), low: vec![NONE; LOW] }
    }

    fn number(&mut self, id: i64) -> u32 {
        let next = u32::try_from(self.ids.len()).unwrap_or(NONE);
        let place = match usize::try_from(id).ok().and_then(|id| self.low.get_mut(id)) {
            Some(place) => place,
            None => self.places.entry(id).or_insert(NONE),
        };
        if *place == NONE {
            *place = next;
            self.ids.push(id);
        }
        *place
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Membership, User};
    use super::*;
    use crate::calendar::Day;
    use std::format;
    use std::string::ToString;

    const USER: i64 = 7;
    const REPO: i64 = 3;

    fn commit() -> Commit {
        let day = Day::parse("2021-06-09").unwrap();
        Commit { apex_user_id: USER, repo_id: REPO, day, haloc: 10, impact: 10_000, ..Commit::default() }
    }

    /// How many commits of each user an organization counts, by the impact of 1 that each has.
    fn counted(organization: Organization, query: &str) -> String {
        let query = format!("start_date=2021-06-01&resolution=week{query}");
        let request = MetricsRequest::parse(&query, Day::parse("2021-07-01").unwrap()).unwrap();
        let answer = organization.table().evaluate(&request);
        let total = |row: &super::super::MetricsRow| row.total_impact.to_string();
        answer.results.first().map_or("none".into(), total)
    }

    fn with(commits: impl IntoIterator<Item = Commit>) -> Organization {
        let mut organization = Organization::default();
        for (id, commit) in (1..).zip(commits) {
            organization.commits.insert(id, commit);
        }
        organization
    }

    #[test]
    fn excluded_commits() {
        assert_eq!(counted(with([commit()]), ""), "1.0");
        assert_eq!(counted(with([Commit { is_merge: true, ..commit() }]), ""), "none");
        assert_eq!(counted(with([Commit { is_pr_orphan: true, ..commit() }]), ""), "none");
        assert_eq!(counted(with([Commit { is_outlier: true, ..commit() }]), ""), "none");
        let mut hidden = with([commit()]);
        hidden.users.insert(USER, User { hidden_from_reports: true });
        assert_eq!(counted(hidden, ""), "none");
        let mut blocked = with([commit()]);
        blocked.repos.insert(REPO, Repo { blocked: true, ..Repo::default() });
        assert_eq!(counted(blocked, ""), "none");
    }

    #[test]
    fn the_lowest_id_stands_for_its_duplicates() {
        let hash = |commit: Commit| Commit { ignore_hash: Some("a".into()), ..commit };
        assert_eq!(counted(with([hash(commit()), hash(commit()), commit()]), ""), "2.0");
        let excluded = Commit { is_merge: true, ..commit() };
        assert_eq!(counted(with([hash(excluded), hash(commit())]), ""), "none");
        assert_eq!(counted(with([hash(commit()), hash(Commit { is_merge: true, ..commit() })]), ""), "1.0");
        let elsewhere = Commit { repo_id: 4, ..commit() };
        assert_eq!(counted(with([hash(elsewhere), hash(commit())]), "&repo_id=3"), "none");
    }

    #[test]
    fn teams() {
        let mut organization = with([commit()]);
        // 1 holds 2 holds 3 holds 1: a circle; the user is in 3, and an onlooker in 9.
        for (id, parent) in [(1, Some(3)), (2, Some(1)), (3, Some(2)), (9, None)] {
            organization.teams.insert(id, Team { parent });
        }
        for (id, team_id, is_contributor) in [(1, 3, true), (2, 9, false)] {
            let membership = Membership { apex_user_id: Some(USER), team_id: Some(team_id), is_contributor };
            organization.memberships.insert(id, membership);
        }
        let counted = |query| counted(organization.clone(), query);
        assert_eq!(counted("&team_id=3"), "1.0");
        assert_eq!(counted("&team_id=1"), "none");
        assert_eq!(counted("&team_id=1&include_nested_teams=true"), "1.0");
        assert_eq!(counted("&team_id=9&include_nested_teams=true"), "none");
        assert_eq!(counted("&team_id=3&team_id__in=1,9"), "none");
        assert_eq!(counted("&team_id=3&team_id__in=1,9&include_nested_teams=true"), "1.0");
        assert_eq!(counted("&team_id=404"), "none");
    }

    #[test]
    fn sums_beyond_64_bits_are_exact() {
        let largest = Commit { haloc: crate::schema::MAX_INTEGER, ..commit() };
        let rework = Commit { churn: crate::schema::MAX_INTEGER, ..largest.clone() };
        let organization = with((0..1_100).map(|id| if id < 76 { rework.clone() } else { largest.clone() }));
        let request = "start_date=2021-06-01&resolution=period";
        let request = MetricsRequest::parse(request, Day::parse("2021-07-01").unwrap()).unwrap();
        let answer = organization.table().evaluate(&request);
        let row = answer.results.first().unwrap();
        assert_eq!((row.total_efficiency.to_string(), row.commit_count.to_string()), ("93.1".into(), "1100.0".into()));
    }

    #[test]
    fn long_chains_of_teams_take_linear_time() {
        let mut organization = with([commit()]);
        for id in 1..200_000 {
            organization.teams.insert(id, Team { parent: Some(id - 1) });
        }
        let membership = Membership { apex_user_id: Some(USER), team_id: Some(199_999), is_contributor: true };
        organization.memberships.insert(1, membership);
        assert_eq!(counted(organization, "&team_id=1&include_nested_teams=true"), "1.0");
    }

    #[test]
    fn repositories() {
        let mut organization = with([commit(), Commit { repo_id: 4, ..commit() }]);
        organization.repos.insert(REPO, Repo { name: "Tokio".into(), tags: [1, 2].into(), ..Repo::default() });
        let counted = |query| counted(organization.clone(), query);
        assert_eq!(counted("&repo_id=3"), "1.0");
        assert_eq!(counted("&repo_id__in=3,4"), "2.0");
        assert_eq!(counted("&repo_id_not__in=3"), "1.0");
        assert_eq!(counted("&repo_tag_id=2"), "1.0");
        assert_eq!(counted("&repo_tag_id=1&repo_tag_id__in=2,3"), "1.0");
        assert_eq!(counted("&repo_tag_id=1&repo_tag_id__in=3"), "none");
        assert_eq!(counted("&repo_name=toKI"), "1.0");
        assert_eq!(counted("&repo_name=x"), "none");
    }
}
