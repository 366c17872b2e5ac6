//! Tells the tests where the conformance corpora are: a browser can't read files, so they are compiled in.

use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let own = root.join("tests/corpus");
    let shared = root.join("../shared");
    let (cases, dump) = if shared.join("conformance/period_metrics.json").exists() {
        (shared.join("conformance"), shared.join("data/sample"))
    } else {
        (own.clone(), own.join("dump"))
    };
    println!("cargo::rustc-env=STREAMGAGE_CASES={}", cases.display());
    println!("cargo::rustc-env=STREAMGAGE_DUMP={}", dump.display());
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", cases.display());
}
