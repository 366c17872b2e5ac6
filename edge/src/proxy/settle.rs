//! What becomes of an answer of the upstream, or of none: whether it is kept, passed on, or something kept serves instead.

use super::entry::Entry;
use super::links::rest_of;
use super::requests::Asked;
use super::source::Trouble;
use super::status::Way;
use super::upstream::Incoming;
use crate::cache::Times;
use streamgage::json::is_json;

/// What a caller gets, and what it says about what is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// A good answer: kept, if it has lifetimes, and a proof of the key.
    New(Entry, Vec<u8>),
    /// What is kept still holds, which is a proof too; this is its entry now.
    Confirmed(Entry),
    /// The key is none, or may not: the whole partition is forgotten.
    Refused(Entry, Vec<u8>),
    /// Another answer of the upstream, which is passed on; what was kept of this is forgotten.
    Passed(Entry, Vec<u8>),
    /// What is kept serves, though stale, since the upstream fails.
    Excused(Trouble),
    /// An error of the proxy's own.
    Failed(Trouble),
}

/// Decides. `kept` is what is kept of this, `excused` whether it may serve where the upstream fails.
pub fn settle(
    asked: &Asked,
    upstream: &str,
    found: Result<Incoming, Trouble>,
    kept: Option<&Entry>,
    excused: bool,
    now: i64,
) -> Settled {
    let answer = match found {
        Ok(answer) => answer,
        Err(trouble) => {
            return if excused && trouble.allows_stale() {
                Settled::Excused(trouble)
            } else {
                Settled::Failed(trouble)
            };
        }
    };
    let Incoming { asked: sent, status, headers, body } = answer;
    let times = Times { asked: sent, answered: now };
    match (status, kept) {
        // Asked with validators alone, which alone what is kept has.
        (304, Some(kept)) => Settled::Confirmed(kept.confirmed(asked, &headers, times)),
        (200..=299, _) => match Entry::read(asked, upstream, status, &headers, &body, times) {
            Ok(entry) => Settled::New(entry, body),
            Err(_) => Settled::Failed(Trouble::Broken),
        },
        (301 | 302 | 303 | 307 | 308, _) => match headers.value("location").and_then(|to| here(to, upstream)) {
            // A reference without a host: the caller's.
            Some(rest) => Settled::Passed(Entry::own(status, vec![("location".into(), rest)], b""), Vec::new()),
            None => Settled::Failed(Trouble::Broken),
        },
        (400..=499, _) => {
            // A page of HTML would be one of this origin.
            let is_text = headers.is_json() && std::str::from_utf8(&body).is_ok_and(is_json);
            let body = if is_text { body } else { br#"{"detail":"The upstream refused the request."}"#.to_vec() };
            let mut passed = headers.passed();
            passed.retain(|(name, _)| name != "content-type");
            passed.push(("content-type".into(), "application/json".into()));
            let entry = Entry::own(status, passed, &body);
            if matches!(status, 401 | 403) { Settled::Refused(entry, body) } else { Settled::Passed(entry, body) }
        }
        _ => Settled::Failed(Trouble::Broken),
    }
}

/// What a caller is told, and what that means for what is kept.
pub(super) struct Conclusion<B> {
    pub entry: Entry,
    pub body: B,
    pub way: Way,
    /// Of a body that is new.
    pub length: usize,
    pub effect: Effect,
}

/// What becomes of what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The key is proved, and this answer kept in the place of another, if it has lifetimes.
    Proved,
    /// All of the partition is forgotten.
    Dropped,
    /// What was kept of this is forgotten.
    Forgotten,
    /// Nothing.
    None,
}

/// Concludes from what was settled. `kept` is what is kept of this, `has_place` whether anything can be, and `tries` how
/// often the upstream was asked.
pub(super) fn conclude<B: From<Vec<u8>>>(
    settled: Settled,
    kept: Option<(Entry, B)>,
    has_place: bool,
    tries: u32,
) -> Conclusion<B> {
    let stale = kept.is_some();
    let way = |status, entry: &Entry| {
        let stored = has_place && entry.lifetimes.is_some();
        Way::Fetched { status, stored, stale, collapsed: false, tries }
    };
    let new = |entry, bytes: Vec<u8>, way, effect| {
        let length = bytes.len();
        Conclusion { entry, body: bytes.into(), way, length, effect }
    };
    let (entry, bytes, effect) = match (settled, kept) {
        (Settled::New(entry, bytes), _) => (entry, bytes, Effect::Proved),
        (Settled::Refused(entry, bytes), _) => (entry, bytes, Effect::Dropped),
        (Settled::Passed(entry, bytes), _) => (entry, bytes, Effect::Forgotten),
        (Settled::Confirmed(entry), kept) => {
            let way = way(304, &entry);
            // settle confirms only what is kept.
            let body = kept.map_or_else(|| Vec::new().into(), |(_, body)| body);
            return Conclusion { entry, body, way, length: 0, effect: Effect::Proved };
        }
        (Settled::Excused(trouble), Some((entry, body))) => {
            return Conclusion { entry, body, way: Way::excused(trouble), length: 0, effect: Effect::None };
        }
        (Settled::Excused(trouble) | Settled::Failed(trouble), _) => {
            let (entry, bytes) = error_entry(trouble);
            return new(entry, bytes, Way::failed(trouble), Effect::None);
        }
    };
    let way = way(entry.status, &entry);
    new(entry, bytes, way, effect)
}

/// Where a redirect leads, if that is something served.
fn here(location: &str, upstream: &str) -> Option<String> {
    if let Some(rest) = rest_of(location, upstream) {
        return Some(rest.to_owned());
    }
    let whole = format!("{upstream}{location}");
    (location.starts_with('/') && !location.starts_with("//")).then(|| rest_of(&whole, upstream).map(str::to_owned))?
}

/// The documented error of a trouble: nothing of what the upstream said.
pub fn error_answer(trouble: Trouble) -> (u16, Option<u32>, &'static str) {
    match trouble {
        Trouble::Unreachable => (502, None, r#"{"detail":"The upstream can't be reached."}"#),
        Trouble::TimedOut => (504, None, r#"{"detail":"The upstream did not answer in time."}"#),
        Trouble::Status { status: 429, retry_after } => (429, retry_after, r#"{"detail":"Request was throttled."}"#),
        Trouble::Status { status: status @ 502..=504, retry_after } => {
            (status, retry_after, r#"{"detail":"The upstream is not available."}"#)
        }
        Trouble::Status { .. } => (500, None, r#"{"error":["Unknown error occurred"]}"#),
        Trouble::TooLarge => (502, None, r#"{"detail":"The upstream's answer is too long."}"#),
        Trouble::Broken => (502, None, r#"{"detail":"The upstream's answer makes no sense."}"#),
        Trouble::OverBudget => (503, Some(2), r#"{"detail":"The answer is being prepared. Ask again."}"#),
    }
}

/// It, as an entry and its bytes.
pub fn error_entry(trouble: Trouble) -> (Entry, Vec<u8>) {
    let (status, retry_after, body) = error_answer(trouble);
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    headers.extend(retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
    (Entry::own(status, headers, body.as_bytes()), body.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::headers::Headers;
    use streamgage::query::CORE_PATH;

    const UPSTREAM: &str = "https://flow.example";
    const NOW: i64 = 1_795_348_800_000;

    fn asked() -> Asked {
        Asked::read(&format!("{CORE_PATH}teams/"), "").unwrap()
    }

    fn incoming(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Incoming, Trouble> {
        let pairs = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Ok(Incoming { asked: NOW, status, headers: Headers::new(pairs), body: body.into() })
    }

    fn settled(found: Result<Incoming, Trouble>, excused: bool) -> Settled {
        settle(&asked(), UPSTREAM, found, None, excused, NOW)
    }

    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn only_whole_json_is_an_answer() {
        assert!(
            matches!(settled(incoming(200, &[JSON], "[]"), false), Settled::New(entry, _) if entry.lifetimes.is_some())
        );
        assert!(
            matches!(settled(incoming(201, &[JSON], "[]"), false), Settled::New(entry, _) if entry.lifetimes.is_none())
        );
        for found in [
            incoming(200, &[JSON], "[1,"),
            incoming(200, &[("content-type", "text/html")], "<h1>"),
            incoming(200, &[], "[]"),
            incoming(304, &[], ""),
            incoming(100, &[], ""),
        ] {
            assert_eq!(settled(found, true), Settled::Failed(Trouble::Broken));
        }
    }

    #[test]
    fn redirects_lead_here_or_nowhere() {
        for (to, here) in [
            ("/v3/customer/core/teams/", Some("/v3/customer/core/teams/")),
            ("https://flow.example/v3/customer/core/teams/?a=1", Some("/v3/customer/core/teams/?a=1")),
            ("https://elsewhere.example/v3/customer/core/teams/", None),
            ("//elsewhere.example/v3/customer/core/teams/", None),
            ("/login/", None),
            ("teams/", None),
            ("/v3/customer/core/../../login/", None),
        ] {
            match (settled(incoming(302, &[("location", to)], ""), true), here) {
                (Settled::Passed(entry, body), Some(here)) => {
                    assert_eq!(entry.headers, [("location".to_owned(), here.to_owned())], "{to}");
                    assert!(body.is_empty() && entry.lifetimes.is_none());
                }
                (settled, here) => assert_eq!((settled, here), (Settled::Failed(Trouble::Broken), None), "{to}"),
            }
        }
    }

    #[test]
    fn refusals_pass_without_pages() {
        let Settled::Refused(entry, body) = settled(incoming(401, &[JSON, ("www-authenticate", "Bearer")], "{}"), true)
        else {
            panic!("not refused");
        };
        assert_eq!((entry.status, body), (401, b"{}".to_vec()));
        assert!(entry.headers.contains(&("www-authenticate".into(), "Bearer".into())));
        let Settled::Passed(entry, body) = settled(incoming(404, &[("content-type", "text/html")], "<h1>"), true)
        else {
            panic!("not passed");
        };
        assert_eq!(entry.headers, [("content-type".to_owned(), "application/json".to_owned())]);
        assert_eq!(body, br#"{"detail":"The upstream refused the request."}"#);
        let mut found = vec![Vec::from("{"), Vec::from("{}}"), b"\"\xff\"".to_vec()];
        found.push(format!("{}{}", "[".repeat(1_000), "]".repeat(1_000)).into());
        for no_json in found {
            let found = incoming(404, &[JSON], "").map(|incoming| Incoming { body: no_json, ..incoming });
            let Settled::Passed(_, body) = settled(found, true) else { panic!("not passed") };
            assert_eq!(body, br#"{"detail":"The upstream refused the request."}"#);
        }
    }

    #[test]
    fn only_what_may_pass_is_excused() {
        let status = |status| Trouble::Status { status, retry_after: None };
        for trouble in [Trouble::Unreachable, Trouble::TimedOut, status(500), status(503)] {
            assert_eq!(settled(Err(trouble), true), Settled::Excused(trouble));
            assert_eq!(settled(Err(trouble), false), Settled::Failed(trouble));
        }
        for trouble in [Trouble::TooLarge, Trouble::Broken, Trouble::OverBudget, status(429)] {
            assert_eq!(settled(Err(trouble), true), Settled::Failed(trouble));
        }
    }

    #[test]
    fn a_304_confirms_what_is_kept() {
        let Settled::New(kept, _) = settled(incoming(200, &[JSON, ("etag", "\"1\"")], "[]"), false) else {
            panic!("no answer");
        };
        let found = incoming(304, &[("cache-control", "max-age=7")], "");
        let Settled::Confirmed(entry) = settle(&asked(), UPSTREAM, found, Some(&kept), false, NOW + 1) else {
            panic!("not confirmed");
        };
        assert_eq!(entry.lifetimes.unwrap().fresh, NOW + 7_001);
        assert_eq!((entry.tag, entry.validators, entry.headers), (kept.tag, kept.validators, kept.headers));
    }
}
