//! Text that is safe to print on a terminal.

use std::path::Path;

/// Escapes all control characters, so that data cannot send commands to the terminal.
pub fn printable(text: &str) -> String {
    escape(text, |character, printable| printable.extend(character.escape_unicode()))
}

/// Escapes the same characters in JSON, whose writers escape the ASCII controls only.
pub fn printable_json(text: &str) -> String {
    // All of these characters have four hexadecimal digits and occur in strings only.
    escape(text, |character, printable| printable.push_str(&format!("\\u{:04x}", u32::from(character))))
}

pub fn printable_path(path: &Path) -> String {
    printable(&path.display().to_string())
}

fn escape(text: &str, write: impl Fn(char, &mut String)) -> String {
    // Besides the control characters, invisible ones that change the direction or the lines of a text.
    let is_unsafe = |character: char| {
        character.is_control()
            || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) {
            write(character, &mut printable);
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("é\u{1b}[2J\u{9b}\u{202e}"), "é\\u{1b}[2J\\u{9b}\\u{202e}");
        let json = serde_json::to_string("é\u{1b}[2J\u{9b}\u{202e}").unwrap();
        assert_eq!(printable_json(&json), r#""é\u001b[2J\u009b\u202e""#);
    }
}
