//! The command line: answers requests over dumps, makes and changes dumps, and copies dumps to a Worker and from a server.

mod demo;
mod dump;
mod erase;
mod error;
mod files;
mod git;
mod http;
mod progress;
mod pull;
mod push;
mod query;
mod terminal;

use clap::{Parser, Subcommand};
use error::CliError;
use std::process::ExitCode;

const EXIT_CODES: &str = "\
Exit codes:
  0   success
  1   failure; running the command again may succeed
  2   invalid arguments or data
  75  the server refuses requests until later, such as after a daily limit; run the command again then";

/// Flow's v3 coding metrics from dumps of commits
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Query(query::Arguments),
    Demo(demo::Arguments),
    Git(git::Arguments),
    Erase(erase::Arguments),
    Push(push::Arguments),
    Pull(pull::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("streamgage: {error}");
            error.exit_code()
        }
    }
}

fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Query(arguments) => query::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Git(arguments) => git::run(&arguments),
        Command::Erase(arguments) => erase::run(&arguments),
        Command::Push(arguments) => push::run(&arguments),
        Command::Pull(arguments) => pull::run(&arguments),
    }
}
