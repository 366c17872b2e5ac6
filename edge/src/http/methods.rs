//! The methods of each kind of path, as the header `Allow` lists them.

pub const READ_METHODS: &str = "GET, HEAD, OPTIONS";
pub const IMPORT_METHODS: &str = "POST";
pub const HEALTH_METHODS: &str = "GET, HEAD";
