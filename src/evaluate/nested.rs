//! What rows show of other resources.

use super::relations::range;
use super::{Rows, Store};
use crate::schema::{Nested, NestedOf, Resource, TEAM_MEMBERSHIP};
use alloc::vec::Vec;

/// The places of the rows that a row shows, in order; of what has no record, none.
pub fn nested(nested: &Nested, rows: &Rows, place: usize, store: &Store) -> Vec<usize> {
    const TEAM: usize = TEAM_MEMBERSHIP.place("team_id");
    let Some(others) = store.rows(nested.resource) else { return Vec::new() };
    let field = rows.resource().position(nested.after).unwrap_or_default();
    let mut ids: Vec<i64> = match nested.of {
        NestedOf::Id => rows.integer(field, place).into_iter().collect(),
        NestedOf::Ids => rows.ids(field, place).to_vec(),
        NestedOf::TeamsOfUser => {
            let Some(memberships) = store.rows(&TEAM_MEMBERSHIP) else { return Vec::new() };
            let members = memberships.by_user();
            let own = members.get(range(members, rows.id(place))).unwrap_or_default();
            own.iter().filter_map(|&(_, at)| memberships.integer(TEAM, usize::try_from(at).ok()?)).collect()
        }
    };
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().filter_map(|id| others.find(id)).collect()
}

/// The resources that it reads.
pub(super) fn reads(nested: &'static Nested) -> impl Iterator<Item = &'static Resource> {
    let between = (nested.of == NestedOf::TeamsOfUser).then_some(&TEAM_MEMBERSHIP);
    between.into_iter().chain([nested.resource])
}
