//! Rows of other resources that a row shows (§2).

use super::relations::range;
use super::rows::Rows;
use super::store::Store;
use crate::schema::{Nested, NestedSource, Resource, TEAM_MEMBERSHIP};
use alloc::vec::Vec;

/// Returns the positions of the rows that a row shows, in order. Ids without a row are left out.
pub fn nested_rows(nested: &Nested, rows: &Rows, position: usize, store: &Store) -> Vec<usize> {
    const TEAM: usize = TEAM_MEMBERSHIP.field_index("team_id");
    let Some(others) = store.rows(nested.resource) else { return Vec::new() };
    let field = rows.resource().position(nested.after).unwrap_or_default();
    let mut ids: Vec<i64> = match nested.source {
        NestedSource::Id => rows.integer(field, position).into_iter().collect(),
        NestedSource::Ids => rows.ids(field, position).to_vec(),
        NestedSource::TeamsOfUser => {
            let Some(memberships) = store.rows(&TEAM_MEMBERSHIP) else { return Vec::new() };
            let members = memberships.by_user();
            let own = members.get(range(members, rows.id(position))).unwrap_or_default();
            own.iter().filter_map(|&(_, at)| memberships.integer(TEAM, usize::try_from(at).ok()?)).collect()
        }
    };
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().filter_map(|id| others.find(id)).collect()
}

pub(super) fn nested_resources(nested: &'static Nested) -> impl Iterator<Item = &'static Resource> {
    let between = (nested.source == NestedSource::TeamsOfUser).then_some(&TEAM_MEMBERSHIP);
    between.into_iter().chain([nested.resource])
}
