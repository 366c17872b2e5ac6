//! Rows that belong to other rows: aliases, memberships, tags.

use super::rows::Rows;
use super::store::Store;
use crate::query::Predicate;
use crate::schema::{COMMITS, FilterTarget, REPOS, Relation, Resource, TAGS, TEAM_MEMBERSHIP, TEAMS, USER_ALIAS};
use alloc::vec::Vec;
use core::cell::OnceCell;
use core::ops::Range;

pub(super) struct Relations<'a> {
    pub(super) store: &'a Store,
    tags: OnceCell<Vec<(i64, i64)>>,
}

impl<'a> Relations<'a> {
    pub(super) fn new(store: &'a Store) -> Relations<'a> {
        Relations { store, tags: OnceCell::new() }
    }

    /// Returns pairs of an owner's id and an item, sorted. An item is the position of an alias or membership, or the id
    /// of a tag.
    pub(super) fn all(&self, relation: Relation) -> &[(i64, i64)] {
        let by_user = |resource: &Resource| self.store.rows(resource).map_or(&[][..], Rows::by_user);
        match relation {
            Relation::Aliases => by_user(&USER_ALIAS),
            Relation::Memberships => by_user(&TEAM_MEMBERSHIP),
            Relation::Tags => self.tags.get_or_init(|| {
                const TAGS_OF: usize = REPOS.field_index("tags");
                let Some(repos) = self.store.rows(&REPOS) else { return Vec::new() };
                let tags =
                    |&position: &usize| repos.ids(TAGS_OF, position).iter().map(move |&tag| (repos.id(position), tag));
                let mut tags: Vec<(i64, i64)> = repos.positions().iter().flat_map(tags).collect();
                tags.sort_unstable();
                tags.dedup();
                tags
            }),
        }
    }

    /// Tests an item.
    pub(super) fn truth(&self, target: FilterTarget, predicate: &Predicate, item: i64) -> Option<bool> {
        const ALIAS_NAME: usize = USER_ALIAS.field_index("name");
        const ALIAS_EMAIL: usize = USER_ALIAS.field_index("email");
        const TEAM: usize = TEAM_MEMBERSHIP.field_index("team_id");
        const TEAM_NAME: usize = TEAMS.field_index("name");
        const TEAM_PATH: usize = TEAMS.field_index("path");
        const TEAM_VISIBILITY: usize = TEAMS.field_index("visibility");
        const TAG_NAME: usize = TAGS.field_index("name");
        let position = usize::try_from(item).ok();
        let text_at = |resource: &Resource, field: usize, position: Option<usize>| {
            let text = position.and_then(|position| self.store.rows(resource)?.text(field, position));
            predicate.test_text(text)
        };
        let team = || position.and_then(|position| self.store.rows(&TEAM_MEMBERSHIP)?.integer(TEAM, position));
        let find = |resource: &Resource, id: Option<i64>| self.store.rows(resource)?.find(id?);
        match target {
            FilterTarget::AliasName => text_at(&USER_ALIAS, ALIAS_NAME, position),
            FilterTarget::AliasEmail => text_at(&USER_ALIAS, ALIAS_EMAIL, position),
            FilterTarget::Team | FilterTarget::AnyTeam => predicate.test_integer(team()),
            FilterTarget::TeamName => text_at(&TEAMS, TEAM_NAME, find(&TEAMS, team())),
            FilterTarget::TeamPath => text_at(&TEAMS, TEAM_PATH, find(&TEAMS, team())),
            FilterTarget::TeamVisibility => text_at(&TEAMS, TEAM_VISIBILITY, find(&TEAMS, team())),
            FilterTarget::Tag | FilterTarget::OwnTag => predicate.test_integer(Some(item)),
            FilterTarget::TagName => text_at(&TAGS, TAG_NAME, find(&TAGS, Some(item))),
            _ => None,
        }
    }
}

/// Returns the field with the owner's id: the repository of a commit, or the row itself.
pub(super) fn owner(resource: &Resource) -> usize {
    const REPO_ID: usize = COMMITS.field_index("repo_id");
    if resource.name == COMMITS.name { REPO_ID } else { 0 }
}

/// Returns the field with the id of the row's team: the team itself, or that of a membership.
pub(super) fn team(resource: &Resource) -> usize {
    const TEAM_ID: usize = TEAM_MEMBERSHIP.field_index("team_id");
    if resource.name == TEAM_MEMBERSHIP.name { TEAM_ID } else { 0 }
}

pub(super) fn required_resources(target: FilterTarget) -> &'static [&'static Resource] {
    match target {
        FilterTarget::AliasName | FilterTarget::AliasEmail => &[&USER_ALIAS],
        FilterTarget::Team | FilterTarget::AnyTeam => &[&TEAM_MEMBERSHIP],
        FilterTarget::TeamName | FilterTarget::TeamPath | FilterTarget::TeamVisibility => &[&TEAM_MEMBERSHIP, &TEAMS],
        FilterTarget::Tag | FilterTarget::OwnTag => &[&REPOS],
        FilterTarget::TagName => &[&REPOS, &TAGS],
        _ => &[&TEAMS],
    }
}

/// Returns the range of an owner's items.
pub(super) fn range(items: &[(i64, i64)], owner: i64) -> Range<usize> {
    items.partition_point(|&(other, _)| other < owner)..items.partition_point(|&(other, _)| other <= owner)
}
