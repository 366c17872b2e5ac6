//! Whole rows, for lists.

use crate::{NOT_FOUND, refused};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use streamgage::evaluate::{self, AggregateResult, RowTexts, RowsBuilder, Store};
use streamgage::json;
use streamgage::query::{AggregateRequest, Endpoint, ListRequest};
use streamgage::schema::{Resource, RowError};

/// Rows that are being read.
pub struct NewRows {
    rows: RowsBuilder,
    texts: Texts,
}

/// The texts of rows, one behind the other.
#[derive(Default)]
struct Texts {
    all: String,
    /// Where each ends.
    ends: Vec<usize>,
}

/// The rows of an organization and what they look like.
#[derive(Default)]
pub struct Lists {
    store: Store,
    texts: AllTexts,
}

#[derive(Default)]
struct AllTexts(Vec<(&'static str, Texts)>);

impl NewRows {
    pub fn new(resource: &'static Resource) -> Option<NewRows> {
        Some(NewRows { rows: RowsBuilder::new(resource), texts: Texts::default() })
    }

    /// Adds a row; what was read of it has shown that it is UTF-8.
    pub fn add(&mut self, text: &[u8]) -> Result<(), RowError> {
        let text = core::str::from_utf8(text).unwrap_or_default();
        self.rows.add_text(text)?;
        self.texts.all.push_str(text);
        self.texts.ends.push(self.texts.all.len());
        Ok(())
    }
}

impl RowTexts for AllTexts {
    fn row_text(&self, resource: &Resource, place: usize) -> &str {
        let Some((_, texts)) = self.0.iter().find(|(name, _)| *name == resource.name) else { return "{}" };
        let start = place.checked_sub(1).and_then(|before| texts.ends.get(before)).copied().unwrap_or(0);
        let end = texts.ends.get(place).copied().unwrap_or(start);
        texts.all.get(start..end).unwrap_or("{}")
    }
}

impl Lists {
    pub fn append(&mut self, new: NewRows) {
        let rows = new.rows.build();
        let resource = rows.resource();
        let all = match self.store.take(resource) {
            Some(old) => {
                let mut all = old.reopen();
                all.append(rows.reopen());
                all.build()
            }
            None => rows,
        };
        self.store.insert(all);
        match self.texts.0.iter_mut().find(|(name, _)| *name == resource.name) {
            Some((_, texts)) => {
                let before = texts.all.len();
                texts.all.push_str(&new.texts.all);
                texts.ends.extend(new.texts.ends.iter().map(|end| before + end));
            }
            None => self.texts.0.push((resource.name, new.texts)),
        }
    }

    /// The answer to a request of one of the lists' endpoints; `address` is what links to other pages begin with.
    pub fn answer(&self, endpoint: Endpoint, address: &str, query: &str) -> String {
        let answer = match endpoint {
            Endpoint::List(resource) => ListRequest::parse(resource, query).map(|request| {
                format!("200{}", evaluate::list_body(&request, &self.store, &self.texts, address, query))
            }),
            Endpoint::Object(resource, id) => {
                // Whether an object is there is told before what is wrong with the request (§3).
                if self.store.rows(resource).and_then(|rows| rows.find(id)).is_none() {
                    return NOT_FOUND.to_owned();
                }
                ListRequest::parse(resource, query).map(|request| self.object(&request, id))
            }
            Endpoint::Aggregate => {
                AggregateRequest::parse(query).map(|request| self.aggregate(&request, address, query))
            }
            Endpoint::Metrics => return NOT_FOUND.to_owned(),
        };
        answer.unwrap_or_else(|errors| refused(&errors))
    }

    fn object(&self, request: &ListRequest, id: i64) -> String {
        let Some(place) = evaluate::find_object(request, &self.store, id) else { return NOT_FOUND.to_owned() };
        let mut answer = String::from("200");
        evaluate::write_row(request, &self.store, &self.texts, place, &mut answer);
        answer
    }

    fn aggregate(&self, request: &AggregateRequest, address: &str, query: &str) -> String {
        let AggregateResult { count, rows } = evaluate::aggregate(request, &self.store);
        let mut answer = String::from("200");
        evaluate::write_page(&request.list.page, count, address, query, &mut answer, |out| {
            for (index, row) in rows.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                out.push_str(&json::to_string(row));
            }
        });
        answer
    }
}

/// Checks a request of one of the lists' endpoints.
pub fn validate(endpoint: Endpoint, query: &str) -> String {
    let checked = match endpoint {
        Endpoint::List(resource) | Endpoint::Object(resource, _) => ListRequest::parse(resource, query).map(drop),
        Endpoint::Aggregate => AggregateRequest::parse(query).map(drop),
        Endpoint::Metrics => Ok(()),
    };
    checked.map_or_else(|errors| refused(&errors), |()| "200".to_owned())
}
