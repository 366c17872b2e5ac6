//! Fills a database file from a dump by the statements of the Worker's imports, without a Worker:
//! `cargo run --release -p streamgage-edge --example fill -- DUMP FILE`. The file can take the place of a local D1's; the
//! key `owner` may do everything in it.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "../tests/store/mod.rs"]
mod store;

use rusqlite::Connection;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::{env, path::Path};
use store::{MIGRATIONS, Store};
use streamgage::schema::RESOURCES;

/// What an import takes at most.
const ROWS: usize = 1_000;

fn main() {
    let [dump, file] = env::args().skip(1).collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("DUMP FILE"));
    let database = Connection::open(file).unwrap();
    database
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;")
        .unwrap();
    for migration in MIGRATIONS {
        database.execute_batch(migration).unwrap();
    }
    let store = Store::of(database);
    for resource in RESOURCES {
        let Ok(file) = File::open(Path::new(&dump).join(format!("{}.ndjson", resource.name))) else { continue };
        let lines: Vec<String> = BufReader::new(file).lines().map(Result::unwrap).collect();
        for rows in lines.chunks(ROWS) {
            store.import(resource.name, &rows.join("\n"));
        }
    }
}
