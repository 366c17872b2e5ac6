//! Lists over whole rows.

use crate::messages::Error;
use streamgage::evaluate::{self, AggregateResult, RowTexts, RowsBuilder, Store};
use streamgage::json;
use streamgage::query::{AggregateRequest, Endpoint, ListRequest, filter_parameters};
use streamgage::schema::{COMMITS, Pagination, Resource, RowError};

/// Rows of one resource that are being read.
pub struct NewRows {
    rows: RowsBuilder,
    texts: Texts,
}

/// The JSON texts of rows, concatenated.
#[derive(Default)]
struct Texts {
    text: String,
    /// The end of each row in `text`.
    ends: Vec<usize>,
}

/// The rows of an organization, and their JSON texts.
#[derive(Default)]
pub struct Lists {
    store: Store,
    texts: TextsByResource,
}

#[derive(Default)]
struct TextsByResource(Vec<(&'static str, Texts)>);

impl NewRows {
    /// Adds a row that was read successfully, and therefore is UTF-8.
    pub fn add(&mut self, text: &[u8]) -> Result<(), RowError> {
        let text = core::str::from_utf8(text).unwrap_or_default();
        self.rows.add_text(text)?;
        self.texts.text.push_str(text);
        self.texts.ends.push(self.texts.text.len());
        Ok(())
    }
}

impl RowTexts for TextsByResource {
    fn row_text(&self, resource: &Resource, place: usize) -> &str {
        let Some((_, texts)) = self.0.iter().find(|(name, _)| *name == resource.name) else { return "{}" };
        let start = place.checked_sub(1).and_then(|before| texts.ends.get(before)).copied().unwrap_or(0);
        let end = texts.ends.get(place).copied().unwrap_or(start);
        texts.text.get(start..end).unwrap_or("{}")
    }
}

impl Lists {
    /// Starts rows to [`append`](Self::append).
    pub fn new_rows(&self, resource: &'static Resource) -> Option<NewRows> {
        Some(NewRows { rows: RowsBuilder::new(resource), texts: Texts::default() })
    }

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
                let before = texts.text.len();
                texts.text.push_str(&new.texts.text);
                texts.ends.extend(new.texts.ends.iter().map(|end| before + end));
            }
            None => self.texts.0.push((resource.name, new.texts)),
        }
    }

    /// Returns the body of a response. Links to other pages start with `address`.
    pub fn answer(&self, endpoint: Endpoint, address: &str, query: &str) -> Result<String, Error> {
        match endpoint {
            Endpoint::List(resource) => {
                let request = ListRequest::parse(resource, query)?;
                evaluate::list_body(&request, &self.store, &self.texts, address, query).ok_or(Error::InvalidPage)
            }
            Endpoint::Object(resource, id) => {
                // A missing object is reported before invalid parameters (§3).
                self.store.rows(resource).and_then(|rows| rows.find(id)).ok_or(Error::NotFound)?;
                let request = ListRequest::parse(resource, query)?;
                let place = evaluate::find_object(&request, &self.store, id).ok_or(Error::NotFound)?;
                let mut body = String::new();
                evaluate::write_row(&request, &self.store, &self.texts, place, &mut body);
                Ok(body)
            }
            Endpoint::Aggregate => Ok(self.aggregate(&AggregateRequest::parse(query)?, address, query)),
            Endpoint::Metrics => Err(Error::NotFound),
        }
    }

    fn aggregate(&self, request: &AggregateRequest, address: &str, query: &str) -> String {
        let AggregateResult { count, rows } = evaluate::aggregate(request, &self.store);
        let mut body = String::new();
        evaluate::write_page(&request.list.page, count, address, query, &mut body, |out| {
            for (index, row) in rows.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                out.push_str(&json::to_string(row));
            }
        });
        body
    }
}

/// Checks a request for a list.
pub fn validate(endpoint: Endpoint, query: &str) -> Result<(), Error> {
    match endpoint {
        Endpoint::List(resource) | Endpoint::Object(resource, _) => ListRequest::parse(resource, query).map(drop)?,
        Endpoint::Aggregate => AggregateRequest::parse(query).map(drop)?,
        Endpoint::Metrics => {}
    }
    Ok(())
}

/// Returns the names of the parameters of a list, an object or the aggregate, separated by spaces.
pub fn parameter_names(endpoint: Endpoint) -> Option<String> {
    let (resource, others) = match endpoint {
        Endpoint::List(resource) | Endpoint::Object(resource, _) => (resource, ""),
        Endpoint::Aggregate => (&COMMITS, " aggregate[count] aggregate[sum]"),
        Endpoint::Metrics => return None,
    };
    let page = match resource.pagination {
        Pagination::Offset => "limit offset",
        Pagination::PageNumber => "page page_size",
    };
    let mut names = format!("{page} ordering fields omit search filters{others}");
    for flag in resource.flags {
        names.extend([" ", flag.name()]);
    }
    for parameter in filter_parameters(resource) {
        names.extend([" ", &parameter.name]);
    }
    Some(names)
}
