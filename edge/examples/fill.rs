//! Fills a database file from a dump with the statements of the Worker's imports, without a Worker:
//! `cargo run --release -p streamgage-edge --example fill -- DUMP FILE`. The file can replace that of a local D1. Its key
//! `owner` has all permissions of the store.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "../tests/store/mod.rs"]
mod store;

use rusqlite::Connection;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::{env, path::Path};
use store::{MIGRATIONS, Store};
use streamgage::schema::RESOURCES;

/// The largest number of rows of an import.
const MAX_ROWS: usize = 1_000;

fn main() {
    let [dump, file] = env::args().skip(1).collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("DUMP FILE"));
    let database = Connection::open(file).unwrap();
    database
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;")
        .unwrap();
    for migration in MIGRATIONS {
        database.execute_batch(migration).unwrap();
    }
    let store = Store::new_with(database);
    for resource in RESOURCES {
        let Ok(file) = File::open(Path::new(&dump).join(format!("{}.ndjson", resource.name))) else { continue };
        let lines: Vec<String> = BufReader::new(file).lines().map(Result::unwrap).collect();
        for rows in lines.chunks(MAX_ROWS) {
            store.import(resource.name, &rows.join("\n"));
        }
    }
}
