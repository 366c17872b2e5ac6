//! The progress of a long command: a bar if standard error is a terminal, plain lines otherwise.

use crate::terminal::printable;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

#[derive(Clone)]
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| ProgressBar::new(0).with_style(style()));
        Progress { bar }
    }

    /// Starts a stage of `rows` rows, of which `done` are done already.
    pub fn start_stage(&self, name: &str, rows: u64, done: u64) {
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

    pub fn advance(&self, rows: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(rows);
        }
    }

    /// Prints a line without disturbing the bar.
    pub fn print(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(printable(text)),
            None => eprintln!("{}", printable(text)),
        }
    }

    /// Removes the bar.
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
