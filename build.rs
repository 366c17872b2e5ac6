//! Makes the tables of `text` from those of the standard library, which would take a seventh of a module that is sent
//! over a network.

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

/// How many characters can be printed, how many that follow can't, and so on: each as LEB128, since nearly all are small.
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

/// Whether a character is of none of the categories Cc Cf Cs Co Cn Zl Zp Zs, or is the space.
///
/// The standard library keeps exactly this table for its own `escape_debug`, which shows such a character as it is;
/// a letter goes before it, because at the start of a text combining characters are escaped too.
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

/// Characters whose upper cases are equally far from them, each so many behind the one before.
struct Run {
    first: u32,
    last: u32,
    step: u32,
    /// Of the first.
    upper: u32,
}

impl Run {
    /// Takes the next character in, if it is one of them.
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

/// A character whose upper case is longer than one character stands for itself, unless Unicode has a shorter one too:
/// Greek letters with an iota below have one with the iota beside.
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
