//! The substitute for [`lists`](crate) in a module without lists.

use crate::messages::Error;
use streamgage::query::Endpoint;
use streamgage::schema::{Resource, RowError};

pub enum NewRows {}

#[derive(Default)]
pub struct Lists;

impl NewRows {
    pub fn add(&mut self, _: &[u8]) -> Result<(), RowError> {
        match *self {}
    }
}

impl Lists {
    pub fn new_rows(&self, _: &'static Resource) -> Option<NewRows> {
        None
    }

    pub fn append(&mut self, new: NewRows) {
        match new {}
    }

    pub fn answer(&self, _: Endpoint, _: &str, _: &str) -> Result<String, Error> {
        Err(Error::NoLists)
    }
}

pub fn validate(_: Endpoint, _: &str) -> Result<(), Error> {
    Err(Error::NoLists)
}

pub fn parameter_names(_: Endpoint) -> Option<String> {
    None
}
