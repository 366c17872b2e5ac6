//! `streamgage query`: answers v3 requests over a dump.

mod answer;

use crate::dump::Dump;
use crate::dump::header::without_byte_order_mark;
use crate::error::CliError;
use crate::terminal::printable_json;
use answer::{Answerer, Response};
use chrono::Utc;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;
use streamgage::calendar::Day;

/// Answers v3 requests over a dump; writes a line of JSON for each
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder of the dump
    dump: PathBuf,
    /// The path or URL of a request, such as '/v3/customer/core/teams/?limit=5'; '-' reads requests from standard input,
    /// one per line
    #[arg(default_value = "-")]
    request: String,
    /// The current date [default: today in UTC]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    today: Option<Day>,
    /// The start of links to other pages, if the request is a path
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8787")]
    base: String,
}

/// Requests are far shorter.
const MAX_REQUEST_BYTES: u64 = 1 << 20;

fn parse_day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "expected a date such as 2026-09-01".to_owned())
}

pub fn run(arguments: &Arguments) -> Result<(), CliError> {
    let today = arguments.today.unwrap_or_else(|| Utc::now().date_naive().into());
    let dump = Dump::open(&arguments.dump)?;
    let table = dump.organization()?.table();
    let mut answerer = Answerer::new(dump, table, today, &arguments.base);
    let mut out = io::stdout().lock();
    // Returns false when nobody reads the output any more.
    let mut answer = |request: &str| match write(&answerer.answer(request)?, &mut out) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).map_err(|error| CliError::Failed(format!("standard output: {error}"))),
    };
    if arguments.request != "-" {
        return answer(&arguments.request).map(|_| ());
    }
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    let mut is_first = true;
    loop {
        line.clear();
        let length = (&mut input).take(MAX_REQUEST_BYTES).read_until(b'\n', &mut line);
        match length.map_err(|error| CliError::Failed(format!("standard input: {error}")))? as u64 {
            0 => return Ok(()),
            MAX_REQUEST_BYTES.. => {
                return Err(CliError::Input("standard input: a line is too long for a request".into()));
            }
            _ => {}
        }
        let request = if std::mem::take(&mut is_first) { without_byte_order_mark(&line) } else { &line };
        if !answer(String::from_utf8_lossy(request).trim_end_matches(['\r', '\n']))? {
            return Ok(());
        }
    }
}

fn write(response: &Response, out: &mut (impl Write + IsTerminal)) -> io::Result<()> {
    let line = serde_json::to_string(response)?;
    let line = if out.is_terminal() { printable_json(&line) } else { line };
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}
