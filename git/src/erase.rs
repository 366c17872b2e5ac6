//! Erases a person from the rows of a dump, and from the state of runs over git repositories.

use crate::erasure::{Erasures, pseudonym};
use crate::numbering::{Numbering, alias_key};
use crate::options::GitError;
use crate::signature::Signature;
use crate::state::State;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A person who is being erased from a dump. All rows of users and aliases are shown to it before any row is changed.
pub struct Eraser {
    user: u64,
    /// Removes the commits, too.
    commits: bool,
    salt: [u8; 16],
    names: BTreeSet<Signature>,
    /// The numbers of the person's aliases.
    aliases: BTreeSet<u64>,
    /// The row of the user, if it was found.
    row: Option<Map<String, Value>>,
    /// The numbers in a dump from git.
    numbering: Option<Numbering>,
    state: Option<State>,
    state_path: PathBuf,
    /// The persons erased so far, with this one.
    erasures: Erasures,
}

impl Eraser {
    /// Begins with the `dump.json` and the state of a dump. A dump that is not from git has no state.
    pub fn new(header: &Value, state: &Path, user: u64, commits: bool, salt: [u8; 16]) -> Eraser {
        let numbering = header.get("git").and_then(|numbers| serde_json::from_value(numbers.clone()).ok());
        let state_path = state.to_owned();
        let state = numbering.as_ref().and_then(|_| State::read(state));
        let mut eraser = Eraser {
            user,
            commits,
            salt,
            names: BTreeSet::new(),
            aliases: BTreeSet::new(),
            row: None,
            erasures: Erasures::default(),
            numbering,
            state,
            state_path,
        };
        eraser.read_numbers();
        eraser
    }

    fn read_numbers(&mut self) {
        if let Some(numbering) = &self.numbering {
            self.erasures = numbering.erased.clone();
            for (key, (alias, user)) in &numbering.aliases {
                if let (true, Some((name, email))) = (*user == self.user, key.rsplit_once(" <")) {
                    let email = email.strip_suffix('>').unwrap_or(email);
                    self.names.insert(Signature { name: name.to_owned(), email: email.to_owned() });
                    self.aliases.insert(*alias);
                }
            }
        }
        for (name, (alias, user)) in self.state.iter().flat_map(|state| &state.aliases) {
            if *user == self.user {
                self.names.insert(name.clone());
                self.aliases.insert(*alias);
            }
        }
    }

    /// Takes names from a row of a user or an alias.
    pub fn learn(&mut self, resource: &str, row: &Map<String, Value>) {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_own = |name: &str| row.get(name).and_then(Value::as_u64) == Some(self.user);
        if row.contains_key("_deleted") {
            return;
        }
        match resource {
            "users" if is_own("id") => self.row = Some(row.clone()),
            "user_alias" if is_own("apex_user_id") => self.aliases.extend(row.get("id").and_then(Value::as_u64)),
            _ => return,
        }
        if !self.has_pseudonyms() {
            self.names.insert(Signature { name: text("name"), email: text("email") });
        }
    }

    /// Returns true for a dump from git that was written with pseudonyms.
    fn has_pseudonyms(&self) -> bool {
        self.numbering.as_ref().is_some_and(|numbering| numbering.aliases.is_empty())
    }

    /// Ends the search for names.
    ///
    /// # Errors
    /// Returns an error if the dump has no such user, or if the names cannot be found.
    pub fn prepare(&mut self) -> Result<(), GitError> {
        let is_known = self.erasures.get(self.user).is_some();
        if self.row.is_none() && self.aliases.is_empty() && !is_known {
            return Err(GitError::Input(format!("the dump has no user {}", self.user)));
        }
        if self.has_pseudonyms() && self.state.is_none() && !is_known {
            let path = self.state_path.display();
            return Err(GitError::Input(format!(
                "{path}: the state that knows the names of a dump with pseudonyms cannot be read; run `streamgage git` first"
            )));
        }
        let hidden = self.row.as_ref().and_then(|row| row.get("hidden_from_reports")) == Some(&Value::Bool(true));
        let alias = self.kept_alias().unwrap_or_default();
        self.erasures.add((self.user, alias), &self.names, self.commits, hidden, &self.salt);
        Ok(())
    }

    /// The alias that stands for all aliases of the person.
    fn kept_alias(&self) -> Option<u64> {
        self.aliases.first().copied()
    }

    /// Changes a row of any resource.
    pub fn erase(&self, resource: &str, row: Map<String, Value>) -> Value {
        let number = |name: &str| row.get(name).and_then(Value::as_u64);
        let id = number("id");
        let is_own = number("apex_user_id") == Some(self.user)
            || number("user_alias_id").is_some_and(|alias| self.aliases.contains(&alias));
        let deleted = json!({ "id": id, "_deleted": true });
        let mut row = row;
        match resource {
            "users" if id == Some(self.user) && self.commits => return deleted,
            "users" if id == Some(self.user) => {
                self.rename(&mut row, self.user);
                if self.numbering.is_some() && row.contains_key("alias_count") {
                    row.insert("alias_count".to_owned(), json!(1));
                }
            }
            "user_alias" if is_own && (self.commits || id != self.kept_alias()) => return deleted,
            "user_alias" if is_own => {
                self.rename(&mut row, if self.has_pseudonyms() { id.unwrap_or_default() } else { self.user });
                // The alias stands for all others.
                for name in ["created_at", "first_activity_at", "last_activity_at"] {
                    if let Some(moment) = self.row.as_ref().and_then(|user| user.get(name)) {
                        row.insert(name.to_owned(), moment.clone());
                    }
                }
            }
            "team_membership" if is_own => return deleted,
            "commits" if is_own && self.commits => return deleted,
            _ if is_own => {
                row.retain(|name, _| !name.ends_with("url"));
                for name in ["message", "title", "body"] {
                    if let Some(text) = row.get_mut(name) {
                        *text = Value::Null;
                    }
                }
                if let (Some(alias), Some(kept)) = (row.get_mut("user_alias_id"), self.kept_alias()) {
                    *alias = json!(kept);
                }
            }
            _ => {}
        }
        row.values_mut().for_each(|value| self.scrub(value));
        Value::Object(row)
    }

    fn rename(&self, row: &mut Map<String, Value>, number: u64) {
        for (name, value) in row.iter_mut() {
            if value.is_string() && !name.ends_with("_at") {
                *value = Value::Null;
            }
        }
        let Signature { name, email } = pseudonym(number);
        row.insert("name".to_owned(), name.into());
        row.insert("email".to_owned(), email.into());
    }

    fn scrub(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                let found = self.erasures.name(text).unwrap_or_else(|| self.erasures.scrub(text).into_owned());
                *text = found;
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.scrub(item)),
            Value::Object(members) => members.values_mut().for_each(|member| self.scrub(member)),
            _ => {}
        }
    }

    /// Changes `dump.json`.
    ///
    /// # Errors
    /// Returns an error if the numbers cannot be written as JSON.
    pub fn erase_header(&mut self, header: &mut Value) -> Result<(), GitError> {
        let kept = self.kept_alias();
        let (Some(numbering), Some(header)) = (&mut self.numbering, header.as_object_mut()) else { return Ok(()) };
        let is_stored = !numbering.aliases.is_empty();
        numbering.aliases.retain(|_, (_, user)| *user != self.user);
        if let (Some(alias), true) = (kept, is_stored) {
            numbering.aliases.insert(alias_key(&pseudonym(self.user)), (alias, self.user));
        }
        numbering.erased = self.erasures.clone();
        let numbers = serde_json::to_value(&*numbering).map_err(|error| GitError::Failed(error.to_string()))?;
        header.insert("git".to_owned(), numbers);
        Ok(())
    }

    /// Writes the state of a dump from git without the person.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written. It is replaced in one move.
    pub fn write_state(&mut self) -> Result<(), GitError> {
        let Some(state) = &mut self.state else { return Ok(()) };
        state.erase(&self.erasures);
        state
            .write(&self.state_path)
            .map_err(|error| GitError::Failed(format!("{}: {error}", self.state_path.display())))
    }

    /// Returns the number of names and addresses that were found.
    pub fn names(&self) -> usize {
        self.names.len()
    }
}
