//! Requests: parsing of query strings into canonical, typed requests, or into all validation errors at once.

mod aggregate;
mod endpoint;
mod errors;
mod id_set;
mod link;
mod list;
mod metrics;
mod page;
mod parameters;

pub use aggregate::{Aggregate, AggregateFunction, AggregateRequest, Group};
pub use endpoint::{CORE_PATH, Endpoint, METRICS_PATH, Route, route};
pub use errors::ValidationErrors;
pub use id_set::IdSet;
pub use link::link_target;
pub use list::{
    Comparison, Condition, Filter, FilterParameter, Join, ListRequest, MAX_CONDITIONS, MAX_CONTAINS_CONDITIONS,
    MAX_JOINED_CONDITIONS, MAX_JOINED_CONDITIONS_OF_COMMITS, MemberSelection, Node, Order, OrderedDouble, Predicate,
    Projection, ReferencedField, Subject, filter_parameters, ignored_filters, orderings,
};
pub use metrics::{METRICS_PARAMETERS, MetricsParameter, MetricsRequest, Resolution};
pub use page::{DEFAULT_LIMIT, MAX_LIMIT, Page};
pub use parameters::{Parameters, encode_form, encode_query};
