//! The classification of attempts, and the waits between them.

use super::response::Response;
use crate::files;
use std::io::ErrorKind;
use std::time::{Duration, SystemTime};
use ureq::http::HeaderMap;
use ureq::{Body, Error};

/// The limit of a body, both as it is sent and decompressed. A page of 1,000 rows is far smaller.
const MAX_BODY_BYTES: u64 = 64 << 20;
/// The wait after the first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);

pub enum Attempt {
    Response(Response),
    /// A status that is likely to pass.
    Unavailable(Response),
    /// No response, or an incomplete one.
    Interrupted(String),
    /// A failure that does not pass.
    Failed(String),
}

impl Attempt {
    pub fn new(send: impl FnOnce() -> Result<ureq::http::Response<Body>, Error>) -> Attempt {
        let response = send().and_then(|response| {
            let (head, body) = response.into_parts();
            check_encoding(&head.headers)?;
            // The limit of the client counts compressed bytes.
            let reader = body.into_with_config().limit(MAX_BODY_BYTES).reader();
            let body = files::read_at_most(reader, MAX_BODY_BYTES).map_err(|error| match error.kind() {
                ErrorKind::FileTooLarge => Error::BodyExceedsLimit(MAX_BODY_BYTES),
                _ => error.into(),
            })?;
            let location = head.headers.get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
            Ok(Response { status: head.status.as_u16(), location, retry_after: retry_after(&head.headers), body })
        });
        match response {
            // A Worker whose database fails for a moment answers 500.
            Ok(response) if matches!(response.status, 429 | 500 | 502..=504) => Attempt::Unavailable(response),
            Ok(response) => Attempt::Response(response),
            Err(Error::BodyExceedsLimit(_)) => {
                Attempt::Failed(format!("the response is larger than {} MB", MAX_BODY_BYTES >> 20))
            }
            Err(error @ (Error::Io(_) | Error::Timeout(_) | Error::Protocol(_) | Error::ConnectionFailed)) => {
                Attempt::Interrupted(error.to_string())
            }
            Err(error) => Attempt::Failed(error.to_string()),
        }
    }
}

/// Accepts a body that the client decompresses, or one that is not compressed.
fn check_encoding(headers: &HeaderMap) -> Result<(), Error> {
    let encodings: Vec<&[u8]> = headers.get_all("content-encoding").iter().map(|value| value.as_bytes()).collect();
    match encodings.as_slice() {
        [] | [b"gzip" | b"identity"] => Ok(()),
        _ => {
            let encodings = String::from_utf8_lossy(&encodings.join(&b", "[..])).into_owned();
            let message = format!("the Content-Encoding of the response, {encodings}, is not supported");
            Err(Error::Other(message.into()))
        }
    }
}

/// Returns the wait after the given number of failed attempts.
pub fn backoff(failures: u32) -> Duration {
    FIRST_WAIT * 2u32.saturating_pow(failures.saturating_sub(1))
}

/// Parses `Retry-After`: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = httpdate::parse_http_date(value).ok()?;
    Some(time.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::retry_after;
    use std::time::Duration;
    use ureq::http::{HeaderMap, HeaderValue};

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let parse = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", HeaderValue::from_static(value));
            retry_after(&headers)
        };
        assert_eq!(parse("7"), Some(Duration::from_secs(7)));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(parse("soon"), None);
    }
}
