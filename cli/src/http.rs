//! Requests to one server, patient with it and careful with the key.
//!
//! The key goes to the server that was named and to no other: no redirect is followed, and nothing is sent in clear
//! text over a network. What may pass by itself (a broken connection, a gateway's error, "too many requests") is
//! waited for; all requests can be repeated safely.

use crate::failure::Failure;
use crate::progress::Progress;
use chrono::DateTime;
use serde::Deserialize;
use std::cell::Cell;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ureq::http::{HeaderMap, HeaderValue, Response, Uri};
use ureq::{Agent, Body, Error};

/// The address of a server, perhaps with a path before that of each request.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    scheme: String,
    host: String,
    port: u16,
    /// Without a slash at the end.
    path: String,
}

/// An answer, whatever its status.
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Where it redirects to.
    location: Option<String>,
    /// Its whole body.
    pub body: Vec<u8>,
}

/// A server, and the key to it.
pub struct Client {
    agent: Agent,
    base: Base,
    authorization: HeaderValue,
    progress: Progress,
    /// Whether the server has ever answered.
    has_answered: Cell<bool>,
}

/// No answer is larger: a page holds 1,000 rows.
const MAX_BODY: u64 = 64 << 20;
/// How often a request is tried at most.
const TRIES: u32 = 6;
/// How often, where the server has never answered: rather the address is wrong.
const FIRST_TRIES: u32 = 3;
/// The wait after the first failure; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// A server that wants more patience than this gets another run.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);
/// The environment variable that holds the key: arguments could be seen by others on the machine.
const KEY: &str = "STREAMGAGE_KEY";

/// What of a path stands before that of the API, which may be given with it, whole or in part.
pub fn before_api(path: &str) -> &str {
    let before = path.find("/v3/").and_then(|at| path.get(..at));
    before.or_else(|| path.strip_suffix("/v3")).unwrap_or(path)
}

impl Base {
    /// Reads an `http` or `https` URL. Plain `http` is for the machine itself, unless `insecure_http`.
    pub fn parse(text: &str, insecure_http: bool) -> Result<Base, Failure> {
        let refused = |why: &str| Err(Failure::Input(format!("{text}: {why}")));
        let Ok(uri) = text.parse::<Uri>() else { return refused("not a URL") };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return refused("a URL such as https://host is expected");
        };
        if !matches!(scheme, "http" | "https") {
            return refused("only http and https are known");
        }
        if authority.as_str().contains('@') {
            return refused(&format!("the key belongs in {KEY}, not into the URL"));
        }
        if uri.query().is_some() || text.contains('#') {
            return refused("a URL without ? and # is expected");
        }
        let Some(base) = Base::of(&uri) else { return refused("not a URL") };
        if base.scheme == "http" && !base.is_loopback() && !insecure_http {
            return refused("over plain http everybody on the way could read the key; use https, or --insecure-http");
        }
        Ok(base)
    }

    fn of(uri: &Uri) -> Option<Base> {
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        let path = uri.path().trim_end_matches('/').to_owned();
        Some(Base { host: uri.host()?.to_ascii_lowercase(), port, path, scheme })
    }

    /// The path, without a slash at the end.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The host, and the port if it is an unusual one, as a name for what is there.
    pub fn name(&self) -> String {
        match (self.scheme.as_str(), self.port) {
            ("https", 443) | ("http", 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    /// The same server with another path.
    pub fn with_path(&self, path: &str) -> Base {
        Base { path: path.trim_end_matches('/').to_owned(), ..self.clone() }
    }

    /// The path and query of a link, if it leads to the same server.
    pub fn same_origin(&self, link: &str) -> Option<String> {
        let uri = link.parse::<Uri>().ok()?;
        let is_same = match uri.authority() {
            None => link.starts_with('/') && !link.starts_with("//"),
            Some(authority) => {
                let other = Base::of(&uri)?;
                !authority.as_str().contains('@')
                    && (&other.scheme, &other.host, other.port) == (&self.scheme, &self.host, self.port)
            }
        };
        let rest = uri.path_and_query()?;
        is_same.then(|| rest.as_str().to_owned())
    }

    fn is_loopback(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Shows the URL.
impl std::fmt::Display for Base {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Base { scheme, host, port, path } = self;
        write!(formatter, "{scheme}://{host}")?;
        if *port != if scheme == "https" { 443 } else { 80 } {
            write!(formatter, ":{port}")?;
        }
        formatter.write_str(path)
    }
}

impl Client {
    /// A client of a server, with the key from the environment.
    pub fn new(base: Base, progress: Progress) -> Result<Client, Failure> {
        let key = std::env::var(KEY).unwrap_or_default();
        if key.is_empty() {
            return Err(Failure::Input(format!("{KEY} is not set: it holds the API key")));
        }
        let authorization = HeaderValue::try_from(format!("Bearer {key}")).ok();
        let authorization = authorization.filter(|_| key.bytes().all(|byte| byte.is_ascii_graphic()));
        let Some(mut authorization) = authorization else {
            return Err(Failure::Input(format!("{KEY} holds what is no API key")));
        };
        authorization.set_sensitive(true);
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
            // Whatever proxy leads outside, this does not go there.
            config = config.proxy(None);
        }
        Ok(Client { agent: config.build().new_agent(), base, authorization, progress, has_answered: Cell::new(false) })
    }

    /// The server.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// Whether the server has ever answered, be it with an error.
    pub fn has_answered(&self) -> bool {
        self.has_answered.get()
    }

    /// Gets a path and query.
    pub fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.patiently(path, |url| {
            let request = self.agent.get(url).header("accept", "application/json");
            request.header("authorization", &self.authorization).call()
        })
    }

    /// Posts a body to a path.
    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Reply, Failure> {
        self.patiently(path, |url| {
            let request = self.agent.post(url).header("content-type", content_type);
            request.header("authorization", &self.authorization).send(body)
        })
    }

    fn patiently(&self, path: &str, send: impl Fn(&str) -> Result<Response<Body>, Error>) -> Result<Reply, Failure> {
        let url = format!("{}{path}", self.base.with_path(""));
        let failed = |why: &str| Failure::Work(format!("{url}: {why}"));
        for tried in 1.. {
            let (why, asked) = match attempt(|| send(&url)) {
                Attempt::Done(reply) => {
                    self.has_answered.set(true);
                    return Ok(reply);
                }
                Attempt::Failed(why) => return Err(failed(&why)),
                Attempt::Refused(why, asked) => {
                    self.has_answered.set(true);
                    (why, asked)
                }
                Attempt::Unanswered(why) => (why, None),
            };
            let tries = if self.has_answered.get() { TRIES } else { FIRST_TRIES };
            if tried >= tries {
                return Err(failed(&format!("{why}, {tries} times; a rerun goes on from here")));
            }
            let wait = asked.unwrap_or(FIRST_WAIT * 2u32.saturating_pow(tried - 1));
            if wait > MAX_WAIT {
                return Err(failed(&format!("{why}, for {} s; a rerun then goes on from here", wait.as_secs())));
            }
            self.progress.note(&format!("{url}: {why}; trying again in {} s", wait.as_secs_f32()));
            std::thread::sleep(wait);
        }
        Err(failed("not tried"))
    }
}

/// What became of one try.
enum Attempt {
    /// An answer.
    Done(Reply),
    /// The server can't now, and perhaps says for how long.
    Refused(String, Option<Duration>),
    /// No answer, or not a whole one.
    Unanswered(String),
    /// What will not pass.
    Failed(String),
}

fn attempt(send: impl FnOnce() -> Result<Response<Body>, Error>) -> Attempt {
    let answered = send().and_then(|response| {
        let (head, mut body) = response.into_parts();
        let body = body.with_config().limit(MAX_BODY).read_to_vec()?;
        Ok((head, body))
    });
    match answered {
        Ok((head, body)) => {
            let status = head.status.as_u16();
            let location = head.headers.get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
            match status {
                // A 500 too: a database that fails for a moment is one.
                429 | 500 | 502..=504 => Attempt::Refused(format!("answered {status}"), retry_after(&head.headers)),
                _ => Attempt::Done(Reply { status, location, body }),
            }
        }
        Err(Error::BodyExceedsLimit(_)) => Attempt::Failed(format!("the answer is larger than {} MB", MAX_BODY >> 20)),
        Err(error @ (Error::Io(_) | Error::Timeout(_) | Error::Protocol(_) | Error::ConnectionFailed)) => {
            Attempt::Unanswered(error.to_string())
        }
        Err(error) => Attempt::Failed(error.to_string()),
    }
}

/// What `Retry-After` asks for: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = u64::try_from(DateTime::parse_from_rfc2822(value).ok()?.timestamp()).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(then).saturating_sub(now))
}

impl Reply {
    /// Why this answer is not the one that was hoped for.
    pub fn complaint(&self) -> String {
        let detail = self.detail();
        match self.status {
            401 => format!("the key is not accepted (401{detail})"),
            403 => format!("the key has not the permission (403{detail})"),
            status @ 300..=399 => {
                let location = self.location.as_deref().unwrap_or("somewhere");
                format!("answered {status}, a redirect to {location}, which is not followed")
            }
            status => format!("answered {status}{detail}"),
        }
    }

    /// What the body says, as far as it is one of the usual errors.
    fn detail(&self) -> String {
        #[derive(Deserialize)]
        struct Detail {
            #[serde(alias = "error")]
            detail: String,
        }
        match serde_json::from_slice::<Detail>(&self.body) {
            Ok(Detail { detail }) => format!(": {}", detail.chars().take(300).collect::<String>()),
            Err(_) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Base, retry_after};
    use std::time::Duration;
    use ureq::http::HeaderMap;

    #[test]
    fn keys_go_over_https_or_nowhere() {
        for good in ["https://flow.example", "http://127.0.0.1:8787/", "http://localhost", "http://[::1]:1/v3"] {
            assert!(Base::parse(good, false).is_ok(), "{good}");
        }
        let bad = [
            "http://flow.example",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "ftp://flow.example",
            "https://key@flow.example",
            "https://flow.example/?a",
            "https://flow.example/#a",
            "flow.example",
            "/v3",
            "",
        ];
        for bad in bad {
            assert!(Base::parse(bad, false).is_err(), "{bad}");
        }
        assert!(Base::parse("http://flow.example", true).is_ok());
    }

    #[test]
    fn links_stay_on_the_server() {
        let base = Base::parse("https://flow.example/v3/customer/core", false).unwrap();
        let same = |link| base.same_origin(link);
        assert_eq!(same("https://flow.example/v3/?a=1").as_deref(), Some("/v3/?a=1"));
        assert_eq!(same("https://FLOW.example:443/v3/?a=1").as_deref(), Some("/v3/?a=1"));
        assert_eq!(same("/v3/?a=1").as_deref(), Some("/v3/?a=1"));
        let elsewhere = [
            "http://flow.example/v3/",
            "https://flow.example:444/v3/",
            "https://flow.example.evil.example/v3/",
            "https://flow.example@evil.example/v3/",
            "https://evil.example/v3/",
            "//evil.example/v3/",
            "v3",
        ];
        for link in elsewhere {
            assert_eq!(same(link), None, "{link}");
        }
    }

    #[test]
    fn urls_are_shown_as_given() {
        for text in ["https://flow.example", "http://127.0.0.1:8787", "https://flow.example:8443/v3/customer"] {
            assert_eq!(Base::parse(text, false).unwrap().to_string(), text);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", ureq::http::HeaderValue::from_static(value));
            retry_after(&headers)
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
    }
}
