//! The policy as a whole: literal answers, and what holds of any answer at any time.

use super::*;
use proptest::prelude::*;

const SHARED: Rules = Rules {
    shared: true,
    heuristic: 0.1,
    cookies: false,
    targeted: &["cdn-cache-control"],
    stale: Stale { while_revalidating: 0, if_error: 0, if_unreachable: 60 },
};
const PRIVATE: Rules = Rules { shared: false, heuristic: 0.0, ..SHARED };

/// 2026-11-22T12:00:00Z.
const NOON: i64 = 1_795_348_800_000;
const DATE: (&str, &str) = ("Date", "Sun, 22 Nov 2026 12:00:00 GMT");
const AT_NOON: Times = Times { asked: NOON, answered: NOON };

fn fields(lines: &[(&str, &str)]) -> Fields {
    lines.iter().copied().collect()
}

fn stored(lines: &[(&str, &str)]) -> Stored {
    Stored::new(&Fields::default(), 200, &fields(lines), AT_NOON, &SHARED).expect("is storable")
}

/// Whether it is explicit, and the seconds of freshness; `None` if it isn't to be stored.
fn freshness(rules: &Rules, status: u16, lines: &[(&str, &str)]) -> Option<(bool, u64)> {
    match response_policy(&Fields::default(), status, &fields(lines), AT_NOON, rules) {
        ResponsePolicy::NotStorable => None,
        ResponsePolicy::Explicit(lifetimes) => Some((true, lifetimes.fresh)),
        ResponsePolicy::Implicit(lifetimes) => Some((false, lifetimes.fresh)),
    }
}

#[test]
fn what_an_answer_says_of_its_freshness() {
    let control = |text| [("Cache-Control", text), DATE];
    for (text, shared, private) in [
        ("", Some((false, 0)), Some((false, 0))),
        ("max-age=60", Some((true, 60)), Some((true, 60))),
        ("MAX-AGE=60", Some((true, 60)), Some((true, 60))),
        ("max-age=60, s-maxage=10", Some((true, 10)), Some((true, 60))),
        ("max-age=99999999999", Some((true, 1 << 31)), Some((true, 1 << 31))),
        ("max-age=60, proxy-revalidate", Some((true, 60)), Some((true, 60))),
        ("max-age=60, no-cache", Some((true, 0)), Some((true, 0))),
        ("No-Store, max-age=60", None, None),
        ("private, max-age=60", None, Some((true, 60))),
        ("private", None, Some((false, 0))),
        ("extension=\"no-store, private\", max-age=60", Some((true, 60)), Some((true, 60))),
        ("max-age=60, no-store, must-understand", Some((true, 60)), Some((true, 60))),
    ] {
        assert_eq!(freshness(&SHARED, 200, &control(text)), shared, "{text}");
        assert_eq!(freshness(&PRIVATE, 200, &control(text)), private, "{text}");
    }
}

#[test]
fn expires_counts_from_date_and_what_is_no_date_is_past() {
    for (expires, fresh) in [
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60),
        ("Sunday, 22-Nov-26 12:01:00 GMT", 60),
        ("Sun Nov 22 12:01:00 2026", 60),
        ("Sun, 21 Nov 2286 04:46:39 GMT", 8_204_690_799),
        ("Sun, 22 Nov 2026 11:59:00 GMT", 0),
        ("0", 0),
        ("Sun, 22 Nov 2050 12:01:00 UTC", 0),
        ("Sun, 22  Nov 2050 12:01:00 GMT", 0),
        ("Sun, 22 Nov 50 12:01:00 GMT", 0),
        ("Sun 22 Nov 2050 12:01:00 GMT", 0),
    ] {
        assert_eq!(freshness(&SHARED, 200, &[("Expires", expires), DATE]), Some((true, fresh)), "{expires}");
    }
    let two = [("Expires", "Sun, 22 Nov 2026 12:01:00 GMT"), ("Expires", "Sun, 22 Nov 2026 12:02:00 GMT"), DATE];
    assert_eq!(freshness(&SHARED, 200, &two), Some((true, 0)));
}

#[test]
fn statuses_cookies_and_keys() {
    let hour = ("Cache-Control", "max-age=3600");
    for status in [200, 204, 301, 404, 410, 499, 500, 503, 599] {
        assert_eq!(freshness(&SHARED, status, &[hour]), Some((true, 3600)), "{status}");
    }
    for status in [100, 206, 304, 999] {
        assert_eq!(freshness(&SHARED, status, &[hour]), None, "{status}");
    }
    assert_eq!(freshness(&SHARED, 599, &[("Cache-Control", "max-age=3600, must-understand")]), None);
    assert_eq!(freshness(&SHARED, 200, &[hour, ("Set-Cookie", "a=b")]), None);
    assert_eq!(freshness(&Rules { cookies: true, ..SHARED }, 200, &[hour, ("Set-Cookie", "a=b")]), Some((true, 3600)));
    assert_eq!(freshness(&SHARED, 200, &[hour, ("Vary", "Accept, *")]), None);

    let with_key = |rules: &Rules, control| {
        response_policy(&fields(&[("Authorization", "x")]), 200, &fields(&[("Cache-Control", control)]), AT_NOON, rules)
    };
    assert_eq!(with_key(&SHARED, "max-age=3600"), ResponsePolicy::NotStorable);
    for control in ["public, max-age=3600", "s-maxage=3600", "must-revalidate, max-age=3600"] {
        assert!(matches!(with_key(&SHARED, control), ResponsePolicy::Explicit(_)), "{control}");
    }
    assert!(matches!(with_key(&PRIVATE, "max-age=3600"), ResponsePolicy::Explicit(_)));
    let no_store = fields(&[("Cache-Control", "no-store")]);
    assert_eq!(response_policy(&no_store, 200, &fields(&[hour]), AT_NOON, &PRIVATE), ResponsePolicy::NotStorable);
}

#[test]
fn the_heuristic_is_for_statuses_that_say_so() {
    let ten_days_ago = ("Last-Modified", "Thu, 12 Nov 2026 12:00:00 GMT");
    assert_eq!(freshness(&SHARED, 200, &[ten_days_ago, DATE]), Some((false, 86_400)));
    assert_eq!(freshness(&PRIVATE, 200, &[ten_days_ago, DATE]), Some((false, 0)));
    assert_eq!(freshness(&SHARED, 201, &[ten_days_ago, DATE]), None);
    assert_eq!(freshness(&SHARED, 599, &[ten_days_ago, DATE]), None);
    assert_eq!(freshness(&SHARED, 599, &[("Cache-Control", "public"), ten_days_ago, DATE]), Some((false, 86_400)));
}

#[test]
fn a_targeted_field_counts_instead() {
    let targeted = |text| [("CDN-Cache-Control", text), ("Cache-Control", "no-store")];
    assert_eq!(freshness(&SHARED, 200, &targeted("max-age=60")), Some((true, 60)));
    assert_eq!(freshness(&SHARED, 200, &targeted("max-age=60, &&")), None);
    let hour = ("Cache-Control", "max-age=3600");
    assert_eq!(freshness(&SHARED, 200, &[("CDN-Cache-Control", "no-store"), hour]), None);
    let expires = ("Expires", "Sun, 22 Nov 2026 13:00:00 GMT");
    assert_eq!(freshness(&SHARED, 200, &[("CDN-Cache-Control", "foo"), hour, expires, DATE]), Some((false, 0)));
}

#[test]
fn ages_add_up() {
    let age = |lines: &[(&str, &str)], asked, now| {
        let mut lines = lines.to_vec();
        lines.push(("Cache-Control", "max-age=3600"));
        let times = Times { asked, answered: NOON };
        Stored::new(&Fields::default(), 200, &fields(&lines), times, &SHARED).map(|stored| stored.age(now))
    };
    assert_eq!(age(&[DATE], NOON, NOON + 2_999), Some(2));
    assert_eq!(age(&[DATE, ("Age", "30")], NOON - 2_000, NOON + 1_000), Some(33));
    // The answer is a minute old by its own date.
    assert_eq!(age(&[("Date", "Sun, 22 Nov 2026 11:59:00 GMT")], NOON, NOON), Some(60));
    for (text, seconds) in
        [("0, 7200", 0), ("7200, 0", 7200), ("abc", 0), ("-1", 0), ("1.5", 0), ("99999999999", 1 << 31)]
    {
        assert_eq!(age(&[DATE, ("Age", text)], NOON, NOON), Some(seconds), "{text}");
    }
    assert_eq!(age(&[DATE], NOON, NOON - 60_000), Some(0));
}

#[test]
fn what_is_stale_is_used_where_it_may_be() {
    let at = |stored: &Stored, second: i64| stored.decide(&Wishes::default(), NOON + second * 1000);
    let minute = stored(&[("Cache-Control", "max-age=60, stale-while-revalidate=10, stale-if-error=20")]);
    assert_eq!(at(&minute, 59), Decision::Use);
    assert_eq!(at(&minute, 60), Decision::UseAndRevalidate);
    assert_eq!(at(&minute, 69), Decision::UseAndRevalidate);
    assert_eq!(at(&minute, 70), Decision::Revalidate);
    let stands_in =
        |stored: &Stored, failure, second: i64| stored.stands_in(failure, &Wishes::default(), NOON + second * 1000);
    for status in [500, 502, 503, 504] {
        assert!(stands_in(&minute, Failure::Status(status), 79), "{status}");
        assert!(!stands_in(&minute, Failure::Status(status), 80), "{status}");
    }
    assert!(stands_in(&minute, Failure::Unreachable, 79) && !stands_in(&minute, Failure::Unreachable, 80));
    for status in [400, 401, 403, 404, 429, 501] {
        assert!(!stands_in(&minute, Failure::Status(status), 61), "{status}");
    }

    for control in ["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=60"] {
        let control = format!("max-age=60, stale-while-revalidate=10, stale-if-error=20, {control}");
        let strict = stored(&[("Cache-Control", &control)]);
        assert_eq!(at(&strict, 61), Decision::Revalidate, "{control}");
        assert!(!stands_in(&strict, Failure::Unreachable, 61), "{control}");
        let wishes = Wishes { max_stale: 1000, stale_if_error: 1000, ..Wishes::default() };
        assert_eq!(strict.decide(&wishes, NOON + 61_000), Decision::Revalidate, "{control}");
        assert!(!strict.stands_in(Failure::Status(503), &wishes, NOON + 61_000), "{control}");
    }

    // What says nothing of it is used while the upstream can't be reached, by the rules of this cache.
    let plain = stored(&[("Cache-Control", "max-age=60")]);
    assert!(stands_in(&plain, Failure::Unreachable, 119) && !stands_in(&plain, Failure::Unreachable, 120));
    assert!(!stands_in(&plain, Failure::Status(503), 61));
}

#[test]
fn a_request_may_ask_for_more_or_for_less() {
    let minute = stored(&[("Cache-Control", "max-age=60"), ("Age", "10"), DATE]);
    let decide = |control: &str, second: i64| {
        minute.decide(&Wishes::of(&fields(&[("Cache-Control", control)])), NOON + second * 1000)
    };
    for (control, second, decision) in [
        ("", 0, Decision::Use),
        ("max-age=10", 0, Decision::Use),
        ("max-age=10", 1, Decision::Revalidate),
        ("max-age=0", 0, Decision::Revalidate),
        ("no-cache", 0, Decision::Revalidate),
        ("min-fresh=49", 0, Decision::Use),
        ("min-fresh=50", 0, Decision::Revalidate),
        ("max-stale=5", 54, Decision::Use),
        ("max-stale=5", 55, Decision::Revalidate),
        ("max-stale", 100_000, Decision::Use),
        ("max-stale=abc", 54, Decision::Revalidate),
    ] {
        assert_eq!(decide(control, second), decision, "{control} after {second} s");
    }
    assert!(Wishes::of(&fields(&[("cache-control", "Only-If-Cached")])).only_if_cached);
}

#[test]
fn variants_are_told_apart() {
    let vary = [("Cache-Control", "max-age=60"), ("Vary", "Foo, BAR")];
    let request = |lines: &[(&str, &str)]| fields(lines);
    let of =
        |lines: &[(&str, &str)]| Stored::new(&request(lines), 200, &fields(&vary), AT_NOON, &SHARED).expect("stored");
    let one = of(&[("Foo", "1, 2")]);
    for (lines, selects) in [
        (&[("foo", "1,2")][..], true),
        (&[("foo", "1"), ("foo", "2"), ("other", "x")], true),
        (&[("foo", "1")], false),
        (&[("foo", "1,2"), ("bar", "")], false),
        (&[], false),
    ] {
        assert_eq!(one.selected_by(&request(lines)), selects, "{lines:?}");
        let same = variant(one.varies_by(), &request(lines)) == variant(one.varies_by(), &request(&[("foo", "1,2")]));
        assert_eq!(same, selects, "{lines:?}");
    }
    assert_eq!(one.varies_by().collect::<Vec<_>>(), ["foo", "bar"]);
    // One field's value can't be made to look like two fields.
    let names = ["a", "b"];
    assert_ne!(variant(names, &request(&[("a", "1\"&b=\"2")])), variant(names, &request(&[("a", "1"), ("b", "2")])));
}

#[test]
fn a_304_freshens_what_it_is_about() {
    let old = stored(&[
        ("Cache-Control", "max-age=1"),
        ("ETag", "\"a\""),
        ("Content-Length", "5"),
        ("Content-Encoding", "x"),
        ("Test", "old"),
        ("Kept", "1"),
        DATE,
    ]);
    let mut request = fields(&[("Accept", "x"), ("If-None-Match", "\"theirs\""), ("Range", "bytes=0-1")]);
    old.condition(&mut request);
    assert_eq!(request, fields(&[("Accept", "x"), ("If-None-Match", "\"a\"")]));

    let later = Times { asked: NOON + 100_000, answered: NOON + 100_000 };
    let answer = |lines: &[(&str, &str)]| old.freshened(&request, &fields(lines), later, &SHARED);
    let newer = [
        ("ETag", "\"a\""),
        ("Cache-Control", "max-age=3600"),
        ("Content-Length", "10"),
        ("Content-Encoding", "y"),
        ("Test", "new"),
        ("Connection", "close, secret"),
        ("Secret", "1"),
        ("Age", "7"),
        ("Date", "Sun, 22 Nov 2026 12:01:40 GMT"),
    ];
    let freshened = answer(&newer).expect("it is the same");
    assert_eq!(freshened.age(NOON + 101_000), 8);
    assert_eq!(freshened.decide(&Wishes::default(), NOON + 3_600_000), Decision::Use);
    let expected = [
        ("content-length", "5"),
        ("content-encoding", "x"),
        ("kept", "1"),
        ("etag", "\"a\""),
        ("cache-control", "max-age=3600"),
        ("test", "new"),
        ("date", "Sun, 22 Nov 2026 12:01:40 GMT"),
    ];
    assert_eq!(freshened.fields, fields(&expected));

    assert!(answer(&[("ETag", "W/\"a\"")]).is_some());
    assert!(answer(&[]).is_some());
    assert!(answer(&[("ETag", "\"b\"")]).is_none());
    let unstorable = answer(&[("Cache-Control", "no-store, max-age=60")]).expect("it is the same");
    assert_eq!(
        unstorable.decide(&Wishes { max_stale: 1000, ..Wishes::default() }, NOON + 100_000),
        Decision::Revalidate
    );
}

#[test]
fn conditions_of_callers() {
    let tagged = fields(&[("ETag", "\"a,b\""), ("Last-Modified", "Sun, 22 Nov 2026 11:00:00 GMT")]);
    let untagged = fields(&[("Date", "Sun, 22 Nov 2026 12:00:00 GMT")]);
    let earlier = ("If-Modified-Since", "Sun, 22 Nov 2026 10:00:00 GMT");
    let later = ("If-Modified-Since", "Sunday, 22-Nov-26 12:00:00 GMT");
    for (request, of_tagged, of_untagged) in [
        (&[][..], false, false),
        (&[("If-None-Match", "\"x\", W/\"a,b\"")], true, false),
        (&[("If-None-Match", "*")], true, true),
        (&[("If-None-Match", "\"a\", \"b\"")], false, false),
        // The tag goes first.
        (&[("If-None-Match", "\"x\""), later], false, false),
        (&[("If-None-Match", "\"a,b\""), earlier], true, false),
        (&[later], true, true),
        (&[earlier], false, false),
        (&[("If-Modified-Since", "soon")], false, false),
    ] {
        assert_eq!(not_modified(&fields(request), 200, &tagged), of_tagged, "{request:?}");
        assert_eq!(not_modified(&fields(request), 200, &untagged), of_untagged, "{request:?}");
        assert!(!not_modified(&fields(request), 404, &tagged), "{request:?}");
    }
    let whole = fields(&[("Content-Type", "a"), ("Content-Location", "/b"), ("ETag", "\"c\""), ("Age", "1")]);
    assert_eq!(not_modified_fields(&whole), fields(&[("Content-Location", "/b"), ("ETag", "\"c\""), ("Age", "1")]));
}

#[test]
fn ranges() {
    let modified = "Sun, 22 Nov 2026 11:00:00 GMT";
    let stored = fields(&[("ETag", "\"a\""), ("Last-Modified", modified)]);
    let range = |first, end| Part::Range { first, end };
    for (text, expected) in [
        ("bytes=0-1", range(0, 2)),
        ("bytes=1-", range(1, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-99", range(0, 10)),
        ("bytes=9-99999999999999999999", Part::Whole),
        ("bytes=5-18446744073709551615", range(5, 10)),
        ("bytes=10-", Part::Unsatisfiable),
        ("bytes=-0", Part::Unsatisfiable),
        ("bytes=2-1", Part::Whole),
        ("bytes=0-1,3-4", Part::Whole),
        ("bytes=-", Part::Whole),
        ("lines=0-1", Part::Whole),
        ("bytes=+1-2", Part::Whole),
    ] {
        assert_eq!(part(&fields(&[("Range", text)]), &stored, 10), expected, "{text}");
    }
    let conditional = |condition| part(&fields(&[("Range", "bytes=0-1"), ("If-Range", condition)]), &stored, 10);
    assert_eq!(conditional("\"a\""), range(0, 2));
    assert_eq!(conditional(modified), range(0, 2));
    for condition in ["\"b\"", "W/\"a\"", "Sun, 22 Nov 2026 11:00:01 GMT", "x"] {
        assert_eq!(conditional(condition), Part::Whole, "{condition}");
    }
    assert_eq!(range(2, 5).content_range(10).as_deref(), Some("bytes 2-4/10"));
    assert_eq!(Part::Unsatisfiable.content_range(10).as_deref(), Some("bytes */10"));
}

#[test]
fn the_status_reads_as_rfc_9211_has_it() {
    let hit = CacheStatus { hit: true, time_to_live: Some(-3), ..CacheStatus::default() };
    assert_eq!(hit.to_string(), "streamgage; hit; ttl=-3");
    let miss = CacheStatus {
        forwarded: Some(Forwarded::UriMiss),
        forwarded_status: Some(304),
        stored: true,
        collapsed: true,
        detail: Some("no-secret"),
        ..CacheStatus::default()
    };
    assert_eq!(miss.to_string(), "streamgage; fwd=uri-miss; fwd-status=304; stored; collapsed; detail=no-secret");
}

/// Directives of answers, sensible and not.
fn controls() -> impl Strategy<Value = String> {
    let seconds = prop_oneof![0..200u64, Just(u64::MAX)];
    let with_seconds = ("max-age|s-maxage|stale-while-revalidate|stale-if-error|MAX-AGE", seconds)
        .prop_map(|(name, seconds)| format!("{name}={seconds}"));
    let word = "no-store|no-cache|private|public|must-revalidate|proxy-revalidate|must-understand|immutable|x=\"no-store\"|max-age=x|=|\"";
    let one = prop_oneof![3 => with_seconds, 1 => word];
    prop::collection::vec(one, 0..4).prop_map(|members| members.join(", "))
}

prop_compose! {
    fn answers()(
        control in controls(),
        age in prop::option::of(prop_oneof![(0..100u64).prop_map(|age| age.to_string()), "[0-9a-z, -]{0,12}"]),
        date in prop::option::of(-100..100i64),
        expires in prop::option::of(prop_oneof![(-100..200i64).prop_map(|seconds| date::write_date(NOON + seconds * 1000)), ".{0,12}"]),
        cookie in any::<bool>(),
        status in prop_oneof![5 => Just(200u16), 1 => 100..600u16],
        delay in 0..3i64,
    ) -> (u16, Fields, Times) {
        let mut lines = vec![("Cache-Control", control)];
        lines.extend(age.map(|age| ("Age", age)));
        lines.extend(date.map(|seconds| ("Date", date::write_date(NOON + seconds * 1000))));
        lines.extend(expires.map(|expires| ("Expires", expires)));
        lines.extend(cookie.then(|| ("Set-Cookie", "a=b".to_owned())));
        (status, lines.into_iter().collect(), Times { asked: NOON - delay * 1000, answered: NOON })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// An answer is used without asking only while it is fresh, or as long beyond as something allows.
    #[test]
    fn never_beyond_freshness(
        (status, response, times) in answers(),
        shared in any::<bool>(),
        now in -200_000..400_000i64,
        max_stale in prop_oneof![Just(0), 0..200u64],
        heuristic in prop_oneof![Just(0.0), Just(0.1)],
    ) {
        let rules = Rules { heuristic, ..if shared { SHARED } else { PRIVATE } };
        let control = response.get("cache-control").unwrap_or_default().to_ascii_lowercase();
        let Some(stored) = Stored::new(&Fields::default(), status, &response, times, &rules) else { return Ok(()) };
        prop_assert!(status >= 200 && status != 206 && status != 304);
        prop_assert!(!response.has("set-cookie"));
        let bare: Vec<&str> = control.split(", ").collect();
        prop_assert!(!bare.contains(&"no-store") || bare.contains(&"must-understand"), "{control}");
        prop_assert!(!(shared && bare.contains(&"private")), "{control}");

        let now = NOON + now;
        let wishes = Wishes { max_stale, ..Wishes::default() };
        let decision = stored.decide(&wishes, now);
        let lifetimes = stored.lifetimes;
        let age = stored.age(now);
        // By the seconds it was in other caches, by its date, and by those it has been here.
        let since = u64::try_from((now - NOON).max(0) / 1000).unwrap_or(0);
        prop_assert_eq!(age, lifetimes.initial_age + since);
        if lifetimes.must_revalidate {
            prop_assert_eq!(lifetimes.stale, Stale::default());
        }
        let allowed = if lifetimes.must_revalidate { 0 } else { lifetimes.stale.while_revalidating.max(max_stale) };
        match decision {
            Decision::Use => prop_assert!(age < lifetimes.fresh + max_stale),
            Decision::UseAndRevalidate => prop_assert!(age >= lifetimes.fresh && age < lifetimes.fresh + allowed),
            // It is asked for nothing only if the clock went back.
            Decision::Revalidate => prop_assert!(age >= lifetimes.fresh || now < NOON - 5_000),
        }
        if age >= lifetimes.fresh + allowed {
            prop_assert_eq!(decision, Decision::Revalidate);
        }
        if bare.iter().any(|word| matches!(*word, "no-cache" | "must-revalidate")) && age >= lifetimes.fresh {
            prop_assert_eq!(decision, Decision::Revalidate);
            prop_assert!(!stored.stands_in(Failure::Unreachable, &wishes, now));
        }
        // An hour before it was made nobody can know how old it is.
        prop_assert_eq!(stored.decide(&wishes, NOON - 3_600_000), Decision::Revalidate);
        prop_assert!(!stored.stands_in(Failure::Unreachable, &wishes, NOON - 3_600_000));
        // A head survives its way through the cache.
        let text = serde_json::to_string(&stored).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Stored>(&text).expect("JSON"), stored);
    }

    /// Freshness is what the plain formula says: the least of the seconds, or Expires less Date.
    #[test]
    fn freshness_is_the_formula((status, response, times) in answers()) {
        let ResponsePolicy::Explicit(lifetimes) = response_policy(&Fields::default(), status, &response, times, &PRIVATE) else {
            return Ok(());
        };
        let control = response.get("cache-control").unwrap_or_default().to_ascii_lowercase();
        let seconds: Vec<u64> = control.split(", ").filter_map(|member| member.strip_prefix("max-age="))
            .map(|text| text.parse().map_or(0, |seconds: u64| seconds.min(1 << 31))).collect();
        let date = response.get("date").as_deref().and_then(date::read_date).unwrap_or(NOON);
        let expires = response.get("expires").as_deref().map(|text| date::read_date(text).map_or(0, |time| (time - date).max(0) as u64 / 1000));
        let expected = if control.split(", ").any(|word| word == "no-cache") { 0 } else { seconds.into_iter().min().or(expires).unwrap_or(0) };
        prop_assert_eq!(lifetimes.fresh, expected, "{:?}", response);
    }

    /// No text is too strange.
    #[test]
    fn nothing_panics(lines in prop::collection::vec(("cache-control|vary|age|date|expires|etag|last-modified|range|if-range|if-none-match|if-modified-since|location|connection", ".{0,24}"), 0..8), now in any::<i64>()) {
        let lines: Fields = lines.into_iter().collect();
        let times = Times { asked: NOON, answered: NOON };
        let _ = not_modified(&lines, 200, &lines);
        let _ = part(&lines, &lines, 10);
        let _ = invalidated("POST", "http://a.example/b", 200, &lines);
        if let Some(stored) = Stored::new(&lines, 200, &lines, times, &SHARED) {
            let now = now.clamp(0, 1 << 52);
            let _ = stored.decide(&Wishes::of(&lines), now);
            let _ = stored.freshened(&lines, &lines, times, &SHARED);
            let _ = stored.answer(now);
        }
    }
}
