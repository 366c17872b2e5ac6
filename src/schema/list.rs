//! All resources.

use super::Resource;
use super::generic::GENERIC;
use super::resources::{COMMITS, REPOS, TAGS, TEAM_MEMBERSHIP, TEAMS, USER_ALIAS, USERS};

/// The resources with a column for each field. Each comes after those it refers to.
static TYPED: [&Resource; 7] = [&TAGS, &REPOS, &TEAMS, &USERS, &TEAM_MEMBERSHIP, &USER_ALIAS, &COMMITS];

/// All resources. Each of the first seven comes after those it refers to. The others are generic.
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
pub static RESOURCES: [&Resource; TYPED.len() + GENERIC.len()] = {
    let mut all = [&TAGS; TYPED.len() + GENERIC.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < TYPED.len() { TYPED[at] } else { &GENERIC[at - TYPED.len()] };
        at += 1;
    }
    all
};
