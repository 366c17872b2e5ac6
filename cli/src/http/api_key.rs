//! The API key, from the environment: other users of the machine can see arguments.

use crate::error::CliError;
use ureq::http::HeaderValue;

pub const KEY_VARIABLE: &str = "STREAMGAGE_KEY";

/// Returns the value of the `Authorization` header.
pub fn authorization_from_environment() -> Result<HeaderValue, CliError> {
    let key = std::env::var(KEY_VARIABLE).unwrap_or_default();
    if key.is_empty() {
        return Err(CliError::Input(format!("the environment variable {KEY_VARIABLE} is not set to an API key")));
    }
    let value = HeaderValue::try_from(format!("Bearer {key}")).ok();
    let Some(mut value) = value.filter(|_| key.bytes().all(|byte| byte.is_ascii_graphic())) else {
        return Err(CliError::Input(format!("the value of {KEY_VARIABLE} is not a valid API key")));
    };
    value.set_sensitive(true);
    Ok(value)
}
