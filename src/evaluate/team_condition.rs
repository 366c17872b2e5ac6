//! Conditions on a team, and on the teams above and below it.

use super::rows::Rows;
use super::ternary::Ternary;
use crate::query::{IdSet, Predicate};
use crate::schema::{FilterTarget, TEAMS};
use crate::teams::with_nested_teams;
use alloc::vec::Vec;

/// Returns the ids of the teams that a filter of teams finds.
pub(super) fn matching_teams(target: FilterTarget, predicate: &Predicate, teams: &Rows) -> IdSet {
    const NAME: usize = TEAMS.field_index("name");
    const DESCRIPTION: usize = TEAMS.field_index("description");
    const PARENT: usize = TEAMS.field_index("parent");
    const VISIBILITY: usize = TEAMS.field_index("visibility");
    let ids = |is_found: &dyn Fn(usize) -> Ternary| -> IdSet {
        let found = teams.positions().iter().filter(|&&position| is_found(position) == Some(true));
        found.map(|&position| teams.id(position)).collect()
    };
    let parent = |position: usize| teams.integer(PARENT, position);
    let text = |field: usize, position: usize| predicate.test_text(teams.text(field, position));
    let below = |position: usize| Some((parent(position)?, teams.id(position)));
    let above = |position: usize| Some((teams.id(position), parent(position)?));
    let sorted = |pair: &dyn Fn(usize) -> Option<(i64, i64)>| -> Vec<(i64, i64)> {
        let mut pairs: Vec<(i64, i64)> = teams.positions().iter().filter_map(|&position| pair(position)).collect();
        pairs.sort_unstable();
        pairs
    };
    match (target, predicate) {
        (FilterTarget::Visible, Predicate::Equal(wanted)) => {
            ids(&|position| Some(i64::from(teams.text(VISIBILITY, position) == Some("SHOW")) == *wanted))
        }
        (FilterTarget::Root, _) => {
            ids(&|position| Some(parent(position).and_then(|parent| teams.find(parent)).is_none()))
        }
        (FilterTarget::Ancestor, &Predicate::Equal(ancestor)) => with_nested_teams([ancestor], &sorted(&below)),
        // No team has an id beyond 64 bits.
        (FilterTarget::Ancestor, _) => IdSet::default(),
        _ => {
            let descendants = ids(&|position| match target {
                FilterTarget::Descendant => predicate.test_integer(Some(teams.id(position))),
                FilterTarget::DescendantName => text(NAME, position),
                FilterTarget::DescendantDescription => text(DESCRIPTION, position),
                FilterTarget::DescendantText => {
                    Some([NAME, DESCRIPTION].into_iter().any(|field| text(field, position) == Some(true)))
                }
                _ => None,
            });
            with_nested_teams(descendants.as_slice().iter().copied(), &sorted(&above))
        }
    }
}
