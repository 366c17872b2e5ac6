//! When a request to the upstream is tried again.

/// How often it is tried again.
const RETRIES: u32 = 2;
/// The longest wait before the first retry, in milliseconds; before the second it is four times as long.
const FIRST_WAIT: f64 = 200.0;

/// How a try failed, where another may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// There was no connection, or it broke.
    Connection,
    /// A 502, 503 or 504, with its `Retry-After` in seconds.
    Gateway(Option<u32>),
}

/// How many milliseconds to wait before the next try, if there is to be one.
///
/// `tries` is how many there were; `random` is in [0, 1), so that those who fail together don't come back together;
/// `left` are the milliseconds until the time limit. A wait that the upstream asked for is kept to, or nothing is tried.
pub fn wait(failed: Failed, tries: u32, random: f64, left: i64) -> Option<u32> {
    if tries > RETRIES {
        return None;
    }
    let longest = FIRST_WAIT * 4f64.powi(i32::try_from(tries).unwrap_or(1) - 1);
    // At most 200 · 4, which is whole milliseconds after the cast.
    let own = (longest * random) as u32;
    let asked = match failed {
        Failed::Gateway(Some(seconds)) => seconds.saturating_mul(1_000),
        _ => 0,
    };
    let wait = own.max(asked);
    (i64::from(wait) < left).then_some(wait)
}

/// The seconds that a `Retry-After` asks for. The form that is a date is not read: the clocks may differ.
pub fn seconds(retry_after: &str) -> Option<u32> {
    retry_after.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_retries_with_jitter() {
        assert_eq!(wait(Failed::Connection, 1, 0.0, 10_000), Some(0));
        assert_eq!(wait(Failed::Connection, 1, 0.5, 10_000), Some(100));
        assert_eq!(wait(Failed::Gateway(None), 2, 0.5, 10_000), Some(400));
        assert_eq!(wait(Failed::Connection, 3, 0.5, 10_000), None);
    }

    #[test]
    fn what_the_upstream_asks_for_is_kept_to_within_the_time_limit() {
        assert_eq!(wait(Failed::Gateway(Some(3)), 1, 0.5, 10_000), Some(3_000));
        assert_eq!(wait(Failed::Gateway(Some(10)), 1, 0.5, 10_000), None);
        assert_eq!(wait(Failed::Gateway(Some(u32::MAX)), 1, 0.5, 10_000), None);
        assert_eq!(wait(Failed::Connection, 1, 0.9, 100), None);
    }

    #[test]
    fn seconds_only() {
        assert_eq!(seconds(" 120 "), Some(120));
        for text in ["", "-1", "1.5", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
