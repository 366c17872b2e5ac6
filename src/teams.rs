//! Teams nested in teams.

use crate::query::IdSet;
use alloc::vec::Vec;
use hashbrown::HashSet;

/// Returns the given teams and all teams nested below them.
///
/// `children` holds pairs of a parent's id and a child's id, sorted. Cycles among parents are harmless: each team is
/// visited once.
///
/// ```
/// use streamgage::teams::with_nested_teams;
/// let children = [(1, 2), (2, 3), (3, 1), (5, 6)];
/// assert_eq!(with_nested_teams([2], &children).as_slice(), [1, 2, 3]);
/// assert_eq!(with_nested_teams([6], &children).as_slice(), [6]);
/// ```
pub fn with_nested_teams(teams: impl IntoIterator<Item = i64>, children: &[(i64, i64)]) -> IdSet {
    let mut found = HashSet::new();
    let mut unvisited: Vec<i64> = teams.into_iter().collect();
    while let Some(team) = unvisited.pop() {
        if found.insert(team) {
            let first = children.partition_point(|&(parent, _)| parent < team);
            let of_team = children.iter().skip(first).take_while(|&&(parent, _)| parent == team);
            unvisited.extend(of_team.map(|&(_, child)| child));
        }
    }
    found.into_iter().collect()
}
