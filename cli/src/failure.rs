//! Why a command could not do what was asked: one line, and the exit code.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// What went wrong.
#[derive(Debug)]
pub enum Failure {
    /// What was given cannot be used: exit code 2.
    Input(String),
    /// The work failed on the way, a rerun may succeed: exit code 1.
    Work(String),
}

impl Failure {
    /// A file that could not be read or written.
    pub fn file(path: &Path, error: &dyn fmt::Display) -> Self {
        Failure::Work(format!("{}: {error}", path.display()))
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Input(_) => ExitCode::from(2),
            Failure::Work(_) => ExitCode::from(1),
        }
    }
}

/// Shows the line, with nothing in it that a terminal would obey.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Input(text) | Failure::Work(text)) = self;
        formatter.write_str(&printable(text))
    }
}

impl std::error::Error for Failure {}

/// The text with every control character escaped, so that data cannot steer the terminal that shows it.
pub fn printable(text: &str) -> String {
    escape(text, |character, shown| shown.extend(character.escape_unicode()))
}

/// JSON text of the same meaning, with the same escaped. JSON itself escapes ASCII's controls alone.
pub fn printable_json(text: &str) -> String {
    // All of them are of four hexadecimal digits, and stand in texts only.
    escape(text, |character, shown| shown.push_str(&format!("\\u{:04x}", u32::from(character))))
}

fn escape(text: &str, write: impl Fn(char, &mut String)) -> String {
    // Beside the controls of Unicode, its invisible marks that change the direction or the lines of a text.
    let is_unsafe = |character: char| {
        character.is_control()
            || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) {
            write(character, &mut shown);
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_but_text() {
        assert_eq!(printable("é\u{1b}[2J\u{9b}\u{202e}"), "é\\u{1b}[2J\\u{9b}\\u{202e}");
        let json = serde_json::to_string("é\u{1b}[2J\u{9b}\u{202e}").unwrap();
        assert_eq!(printable_json(&json), r#""é\u001b[2J\u009b\u202e""#);
    }
}
