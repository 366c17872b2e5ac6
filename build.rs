//! Generates the tables of `src/text.rs` from the Unicode tables of the standard library, in a tenth of their size.

use std::env::var;
use std::error::Error;
use std::fmt::Write;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = var("OUT_DIR")?;
    std::fs::write(format!("{folder}/upper.rs"), upper_cases()?)?;
    std::fs::write(format!("{folder}/printable.rs"), format!("{:?}", printable()))?;
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

/// Returns alternating lengths of runs of printable and other characters, in LEB128.
fn printable() -> Vec<u8> {
    let mut lengths: Vec<u32> = Vec::new();
    let mut begin = 0;
    for character in '\0'..=char::MAX {
        if is_printable(character) != lengths.len().is_multiple_of(2) {
            lengths.push(u32::from(character) - begin);
            begin = u32::from(character);
        }
    }
    let mut bytes = Vec::new();
    for mut length in lengths {
        while length > 0x7f {
            bytes.push(0x80 | (length & 0x7f) as u8);
            length >>= 7;
        }
        bytes.push(length as u8);
    }
    bytes
}

/// Reports whether a character is the space, or of none of the categories Cc Cf Cs Co Cn Zl Zp Zs.
///
/// `escape_debug` of the standard library leaves exactly these characters as they are. A letter comes before the
/// character, because combining characters at the start of a text are escaped too.
fn is_printable(character: char) -> bool {
    matches!(character, '\'' | '"' | '\\') || format!("a{character}").escape_debug().nth(1) == Some(character)
}

fn upper_cases() -> Result<String, std::fmt::Error> {
    let mut runs: Vec<Run> = Vec::new();
    for character in '\u{80}'..=char::MAX {
        let (code, upper) = (u32::from(character), u32::from(upper(character)));
        if code != upper && !runs.last_mut().is_some_and(|run| run.takes(code, upper)) {
            runs.push(Run { first: code, last: code, step: 1, upper });
        }
    }
    let mut table = String::from("[");
    for Run { first, last, step, upper } in runs {
        write!(table, "({first}, {}, {step}, {}),", last - first, i64::from(upper) - i64::from(first))?;
    }
    table.push(']');
    Ok(table)
}

/// Characters at equal steps whose upper cases are equally far from them.
struct Run {
    first: u32,
    last: u32,
    step: u32,
    /// The upper case of the first.
    upper: u32,
}

impl Run {
    /// Adds the next character if it belongs to the run.
    fn takes(&mut self, code: u32, upper: u32) -> bool {
        let step = code - self.last;
        let is_next = step == self.step || self.last == self.first;
        let takes = is_next && code.wrapping_sub(upper) == self.first.wrapping_sub(self.upper);
        if takes {
            (self.last, self.step) = (code, step);
        }
        takes
    }
}

/// Returns the upper case of one character. A character with a longer one stands for itself, except Greek letters with
/// an iota below, which have a form with the iota beside.
fn upper(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next(), character) {
        (Some(single), None, _) => single,
        (_, _, '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}') => above(character, 8),
        (_, _, '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}') => above(character, 9),
        _ => character,
    }
}

fn above(character: char, distance: u32) -> char {
    char::from_u32(u32::from(character) + distance).unwrap_or(character)
}
