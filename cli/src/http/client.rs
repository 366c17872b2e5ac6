//! The HTTP client.

use super::api_key::authorization_from_environment;
use super::base_url::BaseUrl;
use super::response::Response;
use super::retry::{Attempt, backoff};
use crate::error::CliError;
use crate::progress::Progress;
use chrono::{TimeDelta, Utc};
use std::cell::Cell;
use std::time::Duration;
use ureq::http::HeaderValue;
use ureq::{Agent, Body, Error};

/// A server, and the key for it.
pub struct Client {
    agent: Agent,
    base: BaseUrl,
    authorization: HeaderValue,
    progress: Progress,
    has_responded: Cell<bool>,
}

const MAX_ATTEMPTS: u32 = 6;
/// A server that has never responded probably has another address.
const MAX_ATTEMPTS_WITHOUT_RESPONSE: u32 = 3;
/// Commands end instead of waiting longer than this.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

impl Client {
    /// Creates a client with the key from the environment.
    pub fn new(base: BaseUrl, progress: Progress) -> Result<Client, CliError> {
        let authorization = authorization_from_environment()?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("streamgage/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(Duration::from_secs(20)))
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_send_body(Some(Duration::from_secs(60)))
            .timeout_recv_response(Some(Duration::from_secs(120)))
            .timeout_recv_body(Some(Duration::from_secs(300)));
        if base.is_loopback() {
            config = config.proxy(None);
        }
        let agent = config.build().new_agent();
        Ok(Client { agent, base, authorization, progress, has_responded: Cell::new(false) })
    }

    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// Returns true after the first response of any status.
    pub fn has_responded(&self) -> bool {
        self.has_responded.get()
    }

    /// Sends a GET request for a path and query of the server.
    pub fn get(&self, target: &str) -> Result<Response, CliError> {
        self.send_with_retries(target, |url| {
            let request = self.agent.get(url).header("accept", "application/json");
            request.header("authorization", &self.authorization).call()
        })
    }

    /// Sends a POST request to a path of the server.
    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Response, CliError> {
        self.send_with_retries(path, |url| {
            let request = self.agent.post(url).header("content-type", content_type);
            request.header("authorization", &self.authorization).send(body)
        })
    }

    fn send_with_retries(
        &self,
        target: &str,
        send: impl Fn(&str) -> Result<ureq::http::Response<Body>, Error>,
    ) -> Result<Response, CliError> {
        let url = format!("{}{target}", self.base.origin());
        let mut failures = 0;
        loop {
            let attempt = Attempt::new(|| send(&url));
            self.has_responded
                .set(self.has_responded() || matches!(attempt, Attempt::Response(_) | Attempt::Unavailable(_)));
            let (message, retry_after) = match attempt {
                Attempt::Response(response) => return Ok(response),
                Attempt::Unavailable(response) => (response.description(), response.retry_after),
                Attempt::Interrupted(message) => (message, None),
                Attempt::Failed(message) => return Err(CliError::Failed(format!("{url}: {message}"))),
            };
            failures += 1;
            if let Some(wait) = retry_after.filter(|wait| *wait > MAX_WAIT) {
                return Err(retry_later(&format!("{url}: {message}"), wait));
            }
            let max_attempts = if self.has_responded() { MAX_ATTEMPTS } else { MAX_ATTEMPTS_WITHOUT_RESPONSE };
            if failures >= max_attempts {
                return Err(CliError::Failed(format!(
                    "{url}: {message} ({failures} attempts); run the command again to continue"
                )));
            }
            let wait = retry_after.unwrap_or(backoff(failures));
            self.progress.print(&format!("{url}: {message}; retrying in {} s", wait.as_secs_f32()));
            std::thread::sleep(wait);
        }
    }
}

fn retry_later(message: &str, wait: Duration) -> CliError {
    // Rounded to the nearest minute by the additional half minute.
    let wait = TimeDelta::from_std(wait + Duration::from_secs(30));
    let time = wait.ok().and_then(|wait| Utc::now().checked_add_signed(wait));
    let when = time.map_or("later".to_owned(), |time| time.format("after %Y-%m-%d %H:%M UTC").to_string());
    let message = message.trim_end_matches('.');
    CliError::RetryLater(format!("{message}. Run the same command again {when} to continue."))
}
