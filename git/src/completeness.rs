//! Tells which parts of a repository are elsewhere.

use crate::history::Id;

/// Returns the commits at which the history of a shallow repository is cut off, sorted.
pub(crate) fn shallow(repository: &gix::Repository) -> Result<Vec<Id>, String> {
    let commits = repository.shallow_commits().map_err(|error| error.to_string())?;
    let mut ids: Vec<Id> = commits.iter().flat_map(|commits| commits.iter().copied().map(Id)).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// Returns the filter of a partial clone.
pub(crate) fn partial_filter(repository: &gix::Repository) -> Option<String> {
    let config = repository.config_snapshot();
    let remote = config.string("extensions.partialClone").map_or_else(|| "origin".to_owned(), |name| name.to_string());
    let is_promisor = config.boolean(format!("remote.{remote}.promisor").as_str()).unwrap_or(false);
    let filter = config.string(format!("remote.{remote}.partialclonefilter").as_str());
    is_promisor.then(|| filter.map_or_else(|| "unknown".to_owned(), |filter| filter.to_string()))
}
