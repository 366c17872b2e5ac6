//! Rows that belong to a row.

use super::{Rows, Store};
use crate::query::Test;
use crate::schema::{COMMITS, FilterOf, REPOS, Relation, Resource, TAGS, TEAM_MEMBERSHIP, TEAMS, USER_ALIAS};
use alloc::vec::Vec;
use core::cell::OnceCell;
use core::ops::Range;

/// The rows that belong to rows.
pub(super) struct Relations<'a> {
    pub(super) store: &'a Store,
    tags: OnceCell<Vec<(i64, i64)>>,
}

impl<'a> Relations<'a> {
    pub(super) fn new(store: &'a Store) -> Relations<'a> {
        Relations { store, tags: OnceCell::new() }
    }

    /// The items of a relation, each behind the id of the row that it belongs to, ascending. An item is the place of an
    /// alias or of a membership, or the id of a tag.
    pub(super) fn all(&self, relation: Relation) -> &[(i64, i64)] {
        let by_user = |resource: &Resource| self.store.rows(resource).map_or(&[][..], Rows::by_user);
        match relation {
            Relation::Aliases => by_user(&USER_ALIAS),
            Relation::Memberships => by_user(&TEAM_MEMBERSHIP),
            Relation::Tags => self.tags.get_or_init(|| {
                const TAGS_OF: usize = REPOS.place("tags");
                let Some(repos) = self.store.rows(&REPOS) else { return Vec::new() };
                let tags = |&place: &usize| repos.ids(TAGS_OF, place).iter().map(move |&tag| (repos.id(place), tag));
                let mut tags: Vec<(i64, i64)> = repos.places().iter().flat_map(tags).collect();
                tags.sort_unstable();
                tags.dedup();
                tags
            }),
        }
    }

    /// Whether a test holds of an item.
    pub(super) fn truth(&self, of: FilterOf, test: &Test, item: i64) -> Option<bool> {
        const ALIAS_NAME: usize = USER_ALIAS.place("name");
        const ALIAS_EMAIL: usize = USER_ALIAS.place("email");
        const TEAM: usize = TEAM_MEMBERSHIP.place("team_id");
        const TEAM_NAME: usize = TEAMS.place("name");
        const TAG_NAME: usize = TAGS.place("name");
        let place = usize::try_from(item).ok();
        let text_at = |resource: &Resource, field: usize, place: Option<usize>| {
            let text = place.and_then(|place| self.store.rows(resource)?.text(field, place));
            test.of_text(text)
        };
        let team = || place.and_then(|place| self.store.rows(&TEAM_MEMBERSHIP)?.integer(TEAM, place));
        let find = |resource: &Resource, id: Option<i64>| self.store.rows(resource)?.find(id?);
        match of {
            FilterOf::AliasName => text_at(&USER_ALIAS, ALIAS_NAME, place),
            FilterOf::AliasEmail => text_at(&USER_ALIAS, ALIAS_EMAIL, place),
            FilterOf::Team | FilterOf::AnyTeam => test.of_integer(team()),
            FilterOf::TeamName => text_at(&TEAMS, TEAM_NAME, find(&TEAMS, team())),
            FilterOf::Tag => test.of_integer(Some(item)),
            FilterOf::TagName => text_at(&TAGS, TAG_NAME, find(&TAGS, Some(item))),
            FilterOf::Ancestor | FilterOf::Visible => None,
        }
    }
}

/// The field that holds the owner of what belongs to a row: of a commit it is the repository, of others the row itself.
pub(super) fn owner(resource: &Resource) -> usize {
    const REPO_ID: usize = COMMITS.place("repo_id");
    if resource.name == COMMITS.name { REPO_ID } else { 0 }
}

/// The resources that a filter reads.
pub(super) fn reads(of: FilterOf) -> &'static [&'static Resource] {
    match of {
        FilterOf::AliasName | FilterOf::AliasEmail => &[&USER_ALIAS],
        FilterOf::Team | FilterOf::AnyTeam => &[&TEAM_MEMBERSHIP],
        FilterOf::TeamName => &[&TEAM_MEMBERSHIP, &TEAMS],
        FilterOf::Tag => &[&REPOS],
        FilterOf::TagName => &[&REPOS, &TAGS],
        FilterOf::Ancestor | FilterOf::Visible => &[&TEAMS],
    }
}

/// Where the items of an owner are.
pub(super) fn range(items: &[(i64, i64)], owner: i64) -> Range<usize> {
    items.partition_point(|&(other, _)| other < owner)..items.partition_point(|&(other, _)| other <= owner)
}
