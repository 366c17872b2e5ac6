//! Work that remains after the caller has its response.

use super::protocol::FetchRequest;

#[derive(Debug)]
pub enum BackgroundTask<B> {
    /// Writes to the edge cache.
    Put { address: String, text: String, body: B, max_age: u32 },
    /// Deletes from the edge cache.
    Delete(String),
    /// Fetches a response that was served stale.
    Refresh { address: String, partition: String, request: FetchRequest },
    /// Marks a refresh as completed, after its tasks.
    EndRefresh(String),
}
