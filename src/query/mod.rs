//! Questions: from the text of a request to a typed, canonical form of it, or every error at once.

mod aggregate;
mod endpoint;
mod errors;
mod id_set;
mod list;
mod metrics;
mod page;
mod parameters;

pub use aggregate::{Aggregate, AggregateRequest, Function, Group};
pub use endpoint::{CORE, Endpoint, METRICS, Route, route};
pub use errors::Errors;
pub use id_set::IdSet;
pub use list::{
    Comparison, Condition, Double, Filter, FilterParameter, Join, ListRequest, MAX_CONDITIONS, MAX_CONTAINED,
    MAX_JOINED, MAX_JOINED_OF_COMMITS, Node, Order, Projection, Subject, Test, filter_parameters,
};
pub use metrics::{METRICS_PARAMETERS, MetricsParameter, MetricsRequest, Resolution};
pub use page::{DEFAULT_LIMIT, MAX_LIMIT, Page};
pub use parameters::{Parameters, encode_form, encode_query};
