//! Validation errors and the documented text of every message.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::fmt;
use serde::{Serialize, Serializer};

/// An invalid date, or a start that is too old (§1, from the vendor's page).
pub(crate) const BAD_DATE: &str = "Provide a valid date. Date cannot be more than 3 years prior to now.";
/// An end before its start (§1).
pub(crate) const END_BEFORE_START: &str = "Provide a valid date. end_date cannot be before start_date.";
/// A required parameter that is absent or blank (§1).
pub(crate) const REQUIRED: &str = "This field is required.";
/// An invalid number (§0).
pub(crate) const NOT_A_NUMBER: &str = "Enter a number.";
/// A text with a NUL (§0).
pub(crate) const NULL_CHARACTER: &str = "Null characters are not allowed.";

/// A number above 10⁵⁰, the limit of the framework for filters of lists.
pub(crate) const TOO_LARGE: &str = "Ensure this value is less than or equal to 1e+50.";
/// An invalid date-time (§2).
pub(crate) const NOT_A_DATE_TIME: &str = "Enter a valid date/time.";

/// A `filters` without brackets (§2).
pub(crate) fn no_expression(decoded: &str) -> String {
    format!("Unable to parse querystring. Decoded: '{decoded}'.")
}

/// An operator of `filters` other than `&` and `|`, in the words of the framework.
pub(crate) fn bad_operator(operator: &str) -> String {
    format!("Invalid querystring operator. Matched: '{operator}'.")
}

/// Text after the last bracket of `filters`, in the words of the framework.
pub(crate) fn trailing(characters: &str) -> String {
    format!("Ending querystring must not have trailing characters. Matched: '{characters}'.")
}

/// A `filters` with more conditions on related rows than can be evaluated in bounded time [ours].
pub(crate) fn too_many_joined(most: usize) -> String {
    format!("Too many conditions on related objects: at most {most} can be joined.")
}

/// A `filters` with more searches of texts than a database executes in its time limit [ours].
pub(crate) fn too_many_contained(most: usize) -> String {
    format!("Too many conditions on parts of texts: at most {most} can be joined.")
}

/// A `filters` with more conditions than a database takes in one statement [ours].
pub(crate) fn too_many_conditions(most: usize) -> String {
    format!("Too many conditions: at most {most} can be joined.")
}

/// A value that is no choice of its parameter (§1).
pub(crate) fn bad_choice(value: &str, choices: &[&str]) -> String {
    let choices: Vec<String> = choices.iter().map(|choice| crate::text::repr(choice)).collect();
    let value = crate::text::repr(value);
    format!("Provide a valid choice. {value} is not one of the available choices: [{}]", choices.join(", "))
}

/// The body of a 400 response: each invalid parameter with its messages, in documented order.
///
/// The fault is always that of the caller. Serializes as `{"start_date":["…"]}`; errors inside of `filters` as
/// `{"filters":{"id=x":{"id":["…"]}}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidationErrors(Vec<(String, Problem)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Messages(Vec<String>),
    Inside(ValidationErrors),
}

impl ValidationErrors {
    /// Reports whether there are no errors.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns each invalid parameter with a message; for `filters`, the parameters inside.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut flat = Vec::new();
        self.flatten(&mut flat);
        flat.into_iter()
    }

    /// There are at most two levels: a query inside of `filters` has no `filters`.
    fn flatten<'a>(&'a self, flat: &mut Vec<(&'a str, &'a str)>) {
        for (parameter, problem) in &self.0 {
            match problem {
                Problem::Messages(messages) => {
                    flat.extend(messages.iter().map(|message| (parameter.as_str(), message.as_str())));
                }
                Problem::Inside(errors) => errors.flatten(flat),
            }
        }
    }

    pub(crate) fn add(&mut self, parameter: &str, message: impl Into<String>) {
        let message = message.into();
        if let Some((last, Problem::Messages(messages))) = self.0.last_mut()
            && last == parameter
        {
            messages.push(message);
            return;
        }
        self.0.push((parameter.to_owned(), Problem::Messages([message].into())));
    }

    /// Adds the errors inside of a parameter's value.
    pub(crate) fn add_inside(&mut self, parameter: &str, errors: ValidationErrors) {
        self.0.push((parameter.to_owned(), Problem::Inside(errors)));
    }
}

impl fmt::Display for ValidationErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (parameter, message)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(formatter, "{separator}{parameter}: {message}")?;
        }
        Ok(())
    }
}

impl core::error::Error for ValidationErrors {}

impl Serialize for ValidationErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(parameter, problem)| (parameter, problem)))
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Problem::Messages(messages) => messages.serialize(serializer),
            Problem::Inside(errors) => errors.serialize(serializer),
        }
    }
}
