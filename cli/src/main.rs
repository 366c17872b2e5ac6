//! streamgage in a terminal: dumps to answers, made-up dumps, dumps to a Worker, an upstream to dumps.

mod demo;
mod dump;
mod failure;
mod folder;
mod http;
mod progress;
mod pull;
mod push;
mod query;

use clap::{Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// Flow's v3 coding metrics from dumps of commits.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Query(query::Arguments),
    Demo(demo::Arguments),
    Push(push::Arguments),
    Pull(pull::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("streamgage: {failure}");
            failure.exit_code()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Query(arguments) => query::run(arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Push(arguments) => push::run(&arguments),
        Command::Pull(arguments) => pull::run(&arguments),
    }
}
