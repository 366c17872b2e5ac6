//! What is wrong with a request, in the documented words. The text of every message is in this file.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::fmt;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// A date parameter that is no date, or a start that is too old (§1, from the vendor's page).
pub(crate) const BAD_DATE: &str = "Provide a valid date. Date cannot be more than 3 years prior to now.";
/// An end before its start (§1).
pub(crate) const END_BEFORE_START: &str = "Provide a valid date. end_date cannot be before start_date.";
/// A required parameter that is absent or blank (§1).
pub(crate) const REQUIRED: &str = "This field is required.";
/// What should be a number and is none (§0).
pub(crate) const NOT_A_NUMBER: &str = "Enter a number.";
/// A text that holds a NUL (§0).
pub(crate) const NULL_CHARACTER: &str = "Null characters are not allowed.";

/// A value that is none of a parameter's choices (§1).
pub(crate) fn bad_choice(value: &str, choices: &[&str]) -> String {
    let choices: Vec<String> = choices.iter().map(|choice| crate::text::repr(choice)).collect();
    let value = crate::text::repr(value);
    format!("Provide a valid choice. {value} is not one of the available choices: [{}]", choices.join(", "))
}

/// The body of a 400: each bad parameter with its messages, in the order in which the parameters are documented.
///
/// The fault is always the caller's. Serializes as `{"start_date":["…"]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors(Vec<(String, String)>);

impl Errors {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each bad parameter and what is wrong with it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(parameter, message)| (parameter.as_str(), message.as_str()))
    }

    pub(crate) fn add(&mut self, parameter: &str, message: impl Into<String>) {
        self.0.push((parameter.to_owned(), message.into()));
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (parameter, message)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(formatter, "{separator}{parameter}: {message}")?;
        }
        Ok(())
    }
}

impl core::error::Error for Errors {}

impl Serialize for Errors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (parameter, message) in self.iter() {
            map.serialize_entry(parameter, &[message])?;
        }
        map.end()
    }
}
