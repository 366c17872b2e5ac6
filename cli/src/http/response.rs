//! Responses with their whole body.

use serde::Deserialize;
use std::time::Duration;

pub struct Response {
    pub status: u16,
    /// The `Location` header.
    pub location: Option<String>,
    /// The time that the `Retry-After` header asks to wait.
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

/// Error messages quote no more of a response than this.
const MAX_DETAIL_CHARACTERS: usize = 300;

impl Response {
    /// Describes an unexpected response.
    pub fn description(&self) -> String {
        let detail = self.detail();
        match self.status {
            401 => format!("the key is not accepted (401{detail})"),
            403 => format!("the key lacks the permission (403{detail})"),
            status @ 300..=399 => {
                let location = self.location.as_deref().unwrap_or("an unknown address");
                format!("status {status}, a redirect to {location}, which is not followed")
            }
            status => format!("status {status}{detail}"),
        }
    }

    /// Returns the message of an error of the API, after a colon.
    fn detail(&self) -> String {
        #[derive(Deserialize)]
        struct Error {
            #[serde(alias = "error")]
            detail: String,
        }
        match serde_json::from_slice::<Error>(&self.body) {
            Ok(Error { detail }) => format!(": {}", detail.chars().take(MAX_DETAIL_CHARACTERS).collect::<String>()),
            Err(_) => String::new(),
        }
    }
}
