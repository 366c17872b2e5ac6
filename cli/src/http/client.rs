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

/// The most time that the parts of a request may take.
struct Timeouts {
    connect: Duration,
    send_body: Duration,
    receive_head: Duration,
    receive_body: Duration,
}

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(20),
    send_body: Duration::from_secs(60),
    receive_head: Duration::from_secs(120),
    receive_body: Duration::from_secs(300),
};
const MAX_ATTEMPTS: u32 = 6;
/// A server that has never responded probably has another address.
const MAX_ATTEMPTS_WITHOUT_RESPONSE: u32 = 3;
/// Commands end instead of waiting longer than this.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

impl Client {
    /// Creates a client with the key from the environment.
    pub fn new(base: BaseUrl, progress: Progress) -> Result<Client, CliError> {
        let authorization = authorization_from_environment()?;
        let agent = new_agent(&base, &TIMEOUTS)?;
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

fn new_agent(base: &BaseUrl, timeouts: &Timeouts) -> Result<Agent, CliError> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("streamgage/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(timeouts.connect))
        .timeout_connect(Some(timeouts.connect))
        .timeout_send_body(Some(timeouts.send_body))
        .timeout_recv_response(Some(timeouts.receive_head))
        .timeout_recv_body(Some(timeouts.receive_body));
    if base.is_loopback() {
        config = config.proxy(None);
    }
    let config = config.build();
    // The client would take port 80 instead of an invalid one.
    let proxy_uri = config.proxy().map(ureq::Proxy::uri);
    if proxy_uri.and_then(|uri| uri.authority()).is_some_and(|authority| has_invalid_port(authority.as_str())) {
        return Err(CliError::Input("the proxy in the environment has an invalid port".to_owned()));
    }
    Ok(config.new_agent())
}

/// Reports whether the part after the last colon outside of an IPv6 address is no port.
fn has_invalid_port(authority: &str) -> bool {
    let host = authority.rsplit('@').next().unwrap_or_default();
    let after_address = host.rsplit(']').next().unwrap_or_default();
    after_address.split_once(':').is_some_and(|(_, port)| !matches!(port.parse::<u16>(), Ok(1..)))
}

fn retry_later(message: &str, wait: Duration) -> CliError {
    // Rounded to the nearest minute by the additional half minute.
    let wait = TimeDelta::from_std(wait.saturating_add(Duration::from_secs(30)));
    let time = wait.ok().and_then(|wait| Utc::now().checked_add_signed(wait));
    let when = time.map_or("later".to_owned(), |time| time.format("after %Y-%m-%d %H:%M UTC").to_string());
    let message = message.trim_end_matches('.');
    CliError::RetryLater(format!("{message}. Run the same command again {when} to continue."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    /// Sends a request to a server that sends a text and then, forever, one byte every few milliseconds.
    fn ask_slow_server(text: &'static str) -> Attempt {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(text.as_bytes());
            // Without timeouts, the response would end after a while, and the test would fail.
            for _ in 0..2000 {
                std::thread::sleep(Duration::from_millis(5));
                if stream.write_all(b" ").is_err() {
                    break;
                }
            }
        });
        let short = Duration::from_millis(300);
        let timeouts = Timeouts { connect: short, send_body: short, receive_head: short, receive_body: short };
        let agent = new_agent(&BaseUrl::parse(&url, false).unwrap(), &timeouts).unwrap();
        Attempt::new(|| agent.get(&url).call())
    }

    #[test]
    fn slow_responses_are_interrupted() {
        for text in
            ["HTTP/1.1 200 OK\r\nX-A: ", "HTTP/1.1 200 OK\r\n\r\n{}", "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"]
        {
            let Attempt::Interrupted(message) = ask_slow_server(text) else { panic!("{text}") };
            assert!(message.contains("timeout"), "{message}");
        }
    }

    #[test]
    fn ports_of_proxies_are_checked() {
        for good in ["proxy", "proxy:3128", "[::1]", "[::1]:3128", "user:password@proxy:3128", "user:99999@proxy"] {
            assert!(!has_invalid_port(good), "{good}");
        }
        for bad in ["proxy:", "proxy:0", "proxy:99999", "proxy:x", "[::1]:65536", "user:1@proxy:65536"] {
            assert!(has_invalid_port(bad), "{bad}");
        }
    }

    #[test]
    fn a_wait_of_any_length_is_reported() {
        let error = retry_later("status 503", Duration::from_secs(u64::MAX));
        assert_eq!(error.to_string(), "status 503. Run the same command again later to continue.");
    }
}
