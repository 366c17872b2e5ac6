//! Retries of requests to the upstream.

const MAX_RETRIES: u32 = 2;
/// The longest delay before the first retry, in milliseconds. The delay before the second is four times as long.
const FIRST_DELAY: f64 = 200.0;

/// A failure after which a retry may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryableFailure {
    /// The connection failed.
    Connection,
    /// A status of 502, 503 or 504, with the seconds of `Retry-After`.
    Gateway(Option<u32>),
}

/// Returns the milliseconds until the next try, or `None` if there is none.
///
/// `tries` is the number of tries so far. `random` is in [0, 1) and spreads the retries of concurrent requests. `remaining` is
/// the number of milliseconds until the time limit. A `Retry-After` is respected, or there is no retry.
pub fn retry_delay(failure: RetryableFailure, tries: u32, random: f64, remaining: i64) -> Option<u32> {
    if tries > MAX_RETRIES {
        return None;
    }
    let longest = FIRST_DELAY * 4f64.powi(i32::try_from(tries).unwrap_or(1) - 1);
    let own = (longest * random) as u32;
    let requested = match failure {
        RetryableFailure::Gateway(Some(seconds)) => seconds.saturating_mul(1_000),
        _ => 0,
    };
    let delay = own.max(requested);
    (i64::from(delay) < remaining).then_some(delay)
}

/// Parses the seconds of `Retry-After`. A date is ignored, because clocks may differ.
pub fn parse_retry_after(retry_after: &str) -> Option<u32> {
    let text = retry_after.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_retries_with_jitter() {
        assert_eq!(retry_delay(RetryableFailure::Connection, 1, 0.0, 10_000), Some(0));
        assert_eq!(retry_delay(RetryableFailure::Connection, 1, 0.5, 10_000), Some(100));
        assert_eq!(retry_delay(RetryableFailure::Gateway(None), 2, 0.5, 10_000), Some(400));
        assert_eq!(retry_delay(RetryableFailure::Connection, 3, 0.5, 10_000), None);
    }

    #[test]
    fn retry_after_is_respected_within_the_time_limit() {
        assert_eq!(retry_delay(RetryableFailure::Gateway(Some(3)), 1, 0.5, 10_000), Some(3_000));
        assert_eq!(retry_delay(RetryableFailure::Gateway(Some(10)), 1, 0.5, 10_000), None);
        assert_eq!(retry_delay(RetryableFailure::Gateway(Some(u32::MAX)), 1, 0.5, 10_000), None);
        assert_eq!(retry_delay(RetryableFailure::Connection, 1, 0.9, 100), None);
    }

    #[test]
    fn retry_after_is_read_in_seconds_only() {
        assert_eq!(parse_retry_after(" 120 "), Some(120));
        for text in ["", "-1", "+1", "1.5", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(parse_retry_after(text), None, "{text}");
        }
    }
}
