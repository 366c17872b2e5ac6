//! The clock.

use worker::js_sys::Date;

/// Returns the time in milliseconds since 1970-01-01.
pub fn now() -> i64 {
    // A whole number.
    Date::now() as i64
}

/// Returns the number of the day since 1970-01-01.
pub fn today() -> i64 {
    const DAY: i64 = 86_400_000;
    now().div_euclid(DAY)
}
