//! `search`: each term must be found in one of the search fields of the resource.

use super::{Condition, Predicate, Subject};
use crate::query::Parameters;
use crate::query::errors::NULL_CHARACTER;
use crate::schema::Resource;
use crate::text::{fold, is_space, trim};
use alloc::string::String;
use alloc::vec::Vec;

/// Returns the conditions of `search`, sorted, without duplicates.
pub(super) fn conditions(resource: &Resource, parameters: &Parameters<'_>) -> Result<Vec<Condition>, &'static str> {
    let Some(value) = parameters.value("search") else { return Ok(Vec::new()) };
    if value.contains('\0') {
        return Err(NULL_CHARACTER);
    }
    if !resource.fields.iter().any(|field| field.capabilities.is_searchable()) {
        return Ok(Vec::new());
    }
    let contains = |term: &String| Condition::new(Subject::Search, Predicate::Contains(fold(term)));
    let mut conditions: Vec<Condition> = terms(value).iter().map(contains).collect();
    conditions.sort();
    conditions.dedup();
    Ok(conditions)
}

/// Splits on white space and commas. A quoted part is kept together if the word begins and ends with its quotes.
fn terms(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        let (word, after) = rest.split_at_checked(word_length(rest)).unwrap_or((rest, ""));
        rest = after.trim_start_matches(is_space);
        let word = word.trim_matches(',');
        match word.chars().next().filter(|&first| matches!(first, '"' | '\'') && word.ends_with(first)) {
            Some(quote) => terms.push(unescape(word, quote)),
            None => terms.extend(word.split(',').filter(|part| !part.is_empty()).map(trim).map(String::from)),
        }
    }
    terms
}

/// Returns the length of the first word of a text that does not begin with white space: up to the end of its closed
/// quoted parts, otherwise up to the next white space.
fn word_length(text: &str) -> usize {
    let plain = |from: &str| {
        from.find(|character| matches!(character, '"' | '\'') || is_space(character)).unwrap_or(from.len())
    };
    let mut length = plain(text);
    let mut has_quotes = false;
    while let Some(quoted) = text.get(length..).and_then(quoted_length) {
        has_quotes = true;
        length += quoted;
        length += text.get(length..).map_or(0, plain);
    }
    if has_quotes { length } else { text.find(is_space).unwrap_or(text.len()) }
}

/// Returns the length of the quoted part that a text begins with, if it is closed. A backslash escapes the next
/// character, except a line break.
fn quoted_length(text: &str) -> Option<usize> {
    let mut characters = text.char_indices();
    let (_, quote) = characters.next().filter(|&(_, first)| matches!(first, '"' | '\''))?;
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next().filter(|&(_, escaped)| escaped != '\n')?;
            }
            _ if character == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Returns the text between the quotes of a word, with `\"` and `\\` unescaped.
fn unescape(word: &str, quote: char) -> String {
    let inside = word.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).unwrap_or_default();
    let escaped: String = ['\\', quote].into_iter().collect();
    let plain: String = quote.into();
    inside.replace(&escaped, &plain).replace("\\\\", "\\")
}
