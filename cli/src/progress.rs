//! How far a long command is: a bar where standard error is a terminal, plain lines where it is not.

use crate::failure::printable;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// Tells of one stage after the other.
#[derive(Clone)]
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Looks at what standard error is.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| ProgressBar::new(0).with_style(style()));
        Progress { bar }
    }

    /// Begins a stage of so many rows, of which some are done.
    pub fn stage(&self, name: &str, rows: u64, done: u64) {
        match &self.bar {
            Some(bar) => {
                bar.reset();
                bar.set_message(printable(name));
                bar.set_length(rows);
                bar.set_position(done);
            }
            None if done > 0 => eprintln!("{name}: {rows} rows, {done} of them done before …"),
            None => eprintln!("{name}: {rows} rows …"),
        }
    }

    /// So many rows more.
    pub fn advance(&self, rows: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(rows);
        }
    }

    /// Says something in between.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(printable(text)),
            None => eprintln!("{}", printable(text)),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{msg:16} {bar:32} {pos}/{len} rows, {eta} left");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}
