//! What stands in the place of [`lists`](crate) in a module without them: no table keeps rows for lists.

use alloc::borrow::ToOwned;
use alloc::string::String;
use streamgage::query::Endpoint;
use streamgage::schema::{Resource, RowError};

/// There are none.
pub enum NewRows {}

/// There are none.
#[derive(Default)]
pub struct Lists;

impl NewRows {
    pub fn new(_: &'static Resource) -> Option<NewRows> {
        None
    }

    pub fn add(&mut self, _: &[u8]) -> Result<(), RowError> {
        Ok(())
    }
}

impl Lists {
    pub fn append(&mut self, _: NewRows) {}

    pub fn answer(&self, _: Endpoint, _: &str, _: &str) -> String {
        "501".to_owned()
    }
}

/// It can't be known.
pub fn validate(_: Endpoint, _: &str) -> String {
    "501".to_owned()
}
