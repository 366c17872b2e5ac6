//! Metrics that the proxy assembles from several responses.

use super::cache::Deadlines;
use super::error::UpstreamError;
use super::upstream_client::JsonResponse;

/// The result of a metrics request that the proxy tried to assemble.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricsResult {
    Assembled(AssembledMetrics),
    /// The upstream's own response to the whole request: an error, or rows that cannot be separated.
    Passthrough(JsonResponse),
}

/// A 200 response.
#[derive(Clone, Debug, PartialEq)]
pub struct AssembledMetrics {
    /// JSON. Rows of the metrics endpoint are as the upstream wrote them.
    pub body: String,
    /// The earliest deadlines of all parts.
    pub deadlines: Deadlines,
    /// An error because of which some parts may be stale.
    pub error: Option<UpstreamError>,
}
