//! Errors of commands.

use crate::terminal::printable;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use streamgage_git::GitError;

/// An error message of one line.
#[derive(Debug)]
pub enum CliError {
    /// The arguments or the data are invalid.
    Input(String),
    /// The command failed; running it again may succeed.
    Failed(String),
    /// The server refuses requests until later.
    RetryLater(String),
}

impl CliError {
    /// Creates the error of a file that could not be read or written.
    pub fn file(path: &Path, error: impl fmt::Display) -> Self {
        CliError::Failed(format!("{}: {error}", path.display()))
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            CliError::Failed(_) => ExitCode::from(1),
            CliError::Input(_) => ExitCode::from(2),
            // EX_TEMPFAIL of sysexits.h.
            CliError::RetryLater(_) => ExitCode::from(75),
        }
    }
}

/// Formats the message with control characters escaped.
impl fmt::Display for CliError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (CliError::Input(text) | CliError::Failed(text) | CliError::RetryLater(text)) = self;
        formatter.write_str(&printable(text))
    }
}

impl std::error::Error for CliError {}

impl From<GitError> for CliError {
    fn from(error: GitError) -> Self {
        match error {
            GitError::Input(message) => CliError::Input(message),
            GitError::Failed(message) => CliError::Failed(message),
        }
    }
}
