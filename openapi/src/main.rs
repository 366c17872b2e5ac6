//! Prints the OpenAPI document. `scripts/build-page.ts` puts it among the page's files.

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let document = serde_json::to_string(&streamgage_openapi::document()?)?;
    Ok(std::io::stdout().write_all(document.as_bytes())?)
}
