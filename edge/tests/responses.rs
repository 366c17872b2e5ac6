//! Complete responses of the store, byte by byte.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod store;

use proptest::prelude::*;
use store::{METRICS, Store, request};
use streamgage_edge::{Request, Response, Settings, Url};

/// Returns the status, the headers that not every response has, and the body.
fn summary(response: &Response) -> String {
    let common = ["Content-Type", "ETag", "Cache-Control", "Vary", "X-Content-Type-Options"];
    let headers = response.headers.iter().filter(|(name, _)| !common.contains(name));
    let headers: String = headers.map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("{}\n{headers}{}", response.status, response.body)
}

fn ask(store: &Store, method: &str, path: &str) -> String {
    summary(&store.answer(&request(method, path), b""))
}

fn with_authorization(store: &Store, path: &str, authorization: Option<&str>) -> String {
    let authorization = authorization.map(str::to_owned);
    summary(&store.answer(&Request { authorization, ..request("GET", path) }, b""))
}

fn import(store: &Store, resource: &str, body: &[u8]) -> String {
    summary(&store.answer(&request("POST", &format!("/import/{resource}")), body))
}

const TEAMS: &str = "/v3/customer/core/teams/";

#[test]
fn unknown_paths_and_objects_are_not_found() {
    let store = Store::new();
    let not_found = "404\n{\"detail\":\"Not found.\"}";
    for path in [
        "/v3/nope",
        "/v3/customer/core/nope/",
        "/v3/customer/core/teams/x/",
        "/v3/customer/core/teams/7/",
        "/import/",
        "/import/nope",
        "/import/teams/",
        "/dataset/",
        "/",
    ] {
        assert_eq!(ask(&store, "GET", path), not_found, "{path}");
    }
    // Before the key and the method are checked.
    assert_eq!(with_authorization(&store, "/v3/customer/core/nope/", None), not_found);
    assert_eq!(ask(&store, "DELETE", "/v3/customer/core/nope/"), not_found);
}

#[test]
fn paths_without_a_trailing_slash_are_redirected() {
    let store = Store::new();
    assert_eq!(
        with_authorization(&store, "/v3/customer/core/teams?limit=1&a=%zz", None),
        "301\nLocation: /v3/customer/core/teams/?limit=1&a=%zz\n"
    );
    assert_eq!(ask(&store, "POST", "/v3/customer/core/teams/7"), "301\nLocation: /v3/customer/core/teams/7/\n");
}

#[test]
fn requests_without_a_valid_key_are_unauthorized() {
    let store = Store::new();
    // NOW is 1,788,220,800.
    store.add_key("expired", "metrics core import", Some(1_788_220_800), None);
    store.add_key("lasting", "metrics core import", Some(1_788_220_801), None);
    store.add_key("revoked", "metrics core import", None, Some(1));
    let unauthorized = |detail: &str| format!("401\nWWW-Authenticate: Bearer\n{{\"detail\":\"{detail}\"}}");
    for (header, detail) in [
        (None, "Authentication credentials were not provided."),
        (Some(""), "Authentication credentials were not provided."),
        (Some("Token owner"), "Authentication credentials were not provided."),
        (Some("Bearer"), "Invalid token header. No credentials provided."),
        (Some("bearer "), "Invalid token header. No credentials provided."),
        (Some("Bearer a b"), "Invalid token header. Token string should not contain spaces."),
        (Some("Bearer nope"), "Invalid token."),
        (Some("Bearer expired"), "Invalid token."),
        (Some("Bearer revoked"), "Invalid token."),
    ] {
        for path in [METRICS, TEAMS, "/v3/customer/core/teams/7/", "/dataset", "/import/teams"] {
            assert_eq!(with_authorization(&store, path, header), unauthorized(detail), "{path} {header:?}");
        }
    }
    let empty = "200\n{\"count\":0,\"next\":null,\"previous\":null,\"results\":[]}";
    for header in ["Bearer owner", "bearer owner", "BEARER lasting"] {
        assert_eq!(with_authorization(&store, TEAMS, Some(header)), empty, "{header}");
    }
}

#[test]
fn each_path_requires_its_permission() {
    let store = Store::new();
    let paths =
        [(METRICS, "metrics"), (TEAMS, "core"), ("/v3/customer/core/teams/7/", "core"), ("/import/teams", "import")];
    store.add_key("none", "", None, None);
    for permission in ["metrics", "core", "import", "none"] {
        if permission != "none" {
            store.add_key(permission, permission, None, None);
        }
        for (path, needed) in paths {
            let answer = with_authorization(&store, path, Some(&format!("Bearer {permission}")));
            let forbidden = answer == "403\n{\"detail\":\"You do not have permission to perform this action.\"}";
            assert_eq!(forbidden, needed != permission, "{permission} {path} {answer}");
        }
        let dataset = with_authorization(&store, "/dataset", Some(&format!("Bearer {permission}")));
        assert_eq!(dataset, "200\n{\"name\":null,\"demo\":false}");
    }
}

#[test]
fn other_methods_are_not_allowed() {
    let store = Store::new();
    assert_eq!(
        ask(&store, "POST", TEAMS),
        "405\nAllow: GET, HEAD, OPTIONS\n{\"detail\":\"Method \\\"POST\\\" not allowed.\"}"
    );
    assert_eq!(
        ask(&store, "DELETE", METRICS),
        "405\nAllow: GET, HEAD, OPTIONS\n{\"detail\":\"Method \\\"DELETE\\\" not allowed.\"}"
    );
    assert_eq!(
        ask(&store, "GET", "/import/teams"),
        "405\nAllow: POST\n{\"detail\":\"Method \\\"GET\\\" not allowed.\"}"
    );
    assert_eq!(
        ask(&store, "POST", "/healthz"),
        "405\nAllow: GET, HEAD\n{\"detail\":\"Method \\\"POST\\\" not allowed.\"}"
    );
    assert_eq!(
        ask(&store, "OPTIONS", TEAMS),
        "200\nAllow: GET, HEAD, OPTIONS\n{\"name\":\"teams List\",\"description\":\"\",\"renders\":[\"application/json\"],\"parses\":[\"application/json\"]}"
    );
    assert_eq!(ask(&store, "HEAD", TEAMS), "200\n");
    assert_eq!(ask(&store, "HEAD", METRICS), "400\n");
    // The method is checked before the parameters.
    assert!(ask(&store, "PUT", METRICS).starts_with("405"));
}

#[test]
fn bad_metrics_parameters_are_reported_together() {
    assert_eq!(
        ask(&Store::new(), "GET", &format!("{METRICS}?start_date=2023-08-31&resolution=month&team_id=x")),
        concat!(
            "400\n{\"start_date\":[\"Provide a valid date. Date cannot be more than 3 years prior to now.\"],",
            "\"resolution\":[\"Provide a valid choice. 'month' is not one of the available choices: ['period', 'week']\"],",
            "\"team_id\":[\"Enter a number.\"]}"
        )
    );
}

#[test]
fn health_and_today() {
    let store = Store::new();
    assert_eq!(with_authorization(&store, "/healthz", None), "200\n{\"status\":\"ok\",\"today\":\"2026-09-01\"}");
}

#[test]
fn allowed_origins_may_read_responses() {
    let mut store = Store::new();
    store.settings = Settings { cors_origins: "https://a.example".into(), ..Settings::default() };
    let from = |origin: &str, method: &str, path: &str, asks_for_method: bool, key: bool| {
        let mut request = Request {
            origin: Some(origin.into()),
            requested_method: asks_for_method.then(|| "GET".into()),
            ..request(method, path)
        };
        request.authorization = request.authorization.filter(|_| key);
        summary(&store.answer(&request, b""))
    };
    let may_read = concat!(
        "Access-Control-Allow-Origin: https://a.example\n",
        "Access-Control-Expose-Headers: ETag, Link, Retry-After, Cache-Status, Server-Timing, X-Request-Id, Streamgage-Ignored\n"
    );
    assert_eq!(
        from("https://a.example", "OPTIONS", TEAMS, true, false),
        format!(
            "204\nAccess-Control-Allow-Methods: GET, HEAD, OPTIONS\nAccess-Control-Allow-Headers: Authorization, Accept, \
             Content-Type, If-None-Match, Cache-Control, X-Requested-With\nAccess-Control-Max-Age: 86400\n{may_read}"
        )
    );
    let not_found = "{\"detail\":\"Not found.\"}";
    assert_eq!(from("https://a.example", "GET", "/v3/nope/", false, true), format!("404\n{may_read}{not_found}"));
    assert_eq!(from("https://b.example", "GET", "/v3/nope/", false, true), format!("404\n{not_found}"));
    assert!(
        from("https://a.example", "GET", TEAMS, false, false)
            .starts_with(&format!("401\nWWW-Authenticate: Bearer\n{may_read}"))
    );
    assert!(from("https://b.example", "OPTIONS", TEAMS, true, false).starts_with("401"));
    assert!(from("https://a.example", "OPTIONS", TEAMS, false, true).starts_with("200"));
    assert!(from("https://a.example", "OPTIONS", "/import/teams", true, false).starts_with("401"));
}

#[test]
fn every_response_has_the_common_headers() {
    let store = Store::new();
    let headers = |path: &str| -> Vec<String> {
        let response = store.answer(&request("GET", path), b"");
        response.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect()
    };
    for path in [METRICS, "/healthz", "/v3/nope"] {
        let every = ["Cache-Control: private, no-store", "Vary: Origin", "X-Content-Type-Options: nosniff"];
        assert_eq!(headers(path), [&["Content-Type: application/json"], &every[..]].concat(), "{path}");
    }
    // Responses from the store may be cached by the caller.
    for path in [TEAMS, "/dataset"] {
        let [kind, tag, rest @ ..] = &headers(path)[..] else { panic!("{path}") };
        assert_eq!(kind, "Content-Type: application/json");
        assert!(tag.starts_with("ETag: \"") && tag.len() == 40, "{tag}");
        let every =
            ["Cache-Control: private, no-cache", "Vary: Authorization, Origin", "X-Content-Type-Options: nosniff"];
        assert_eq!(rest, every, "{path}");
    }
}

#[test]
fn rows_have_all_known_and_unknown_fields() {
    // Unknown fields follow the known ones, sorted by name, as in every interface.
    let store = Store::new();
    let tag =
        r#"{"org_id":null,"id":2,"name":"\u00e9\u0000\"\\\u2028😀","b":[1, {"x":1.50}],"extra":"e","a":null,"day":1}"#;
    assert_eq!(import(&store, "tags", tag.as_bytes()), "200\n{\"rows\":1,\"changed\":1}");
    assert_eq!(
        ask(&store, "GET", "/v3/customer/core/tags/2/"),
        "200\n{\"id\":2,\"name\":\"é\\u0000\\\"\\\\\u{2028}😀\",\"org_id\":null,\"a\":null,\"b\":[1, {\"x\":1.50}],\"day\":1,\"extra\":\"e\"}"
    );
    assert_eq!(
        import(&store, "repos", br#"{"id":1,"tags":[3,1],"is_private":null,"blocked":true,"tags!":7}"#),
        "200\n{\"rows\":1,\"changed\":1}"
    );
    assert_eq!(
        ask(&store, "GET", "/v3/customer/core/repos/1/"),
        "200\n{\"id\":1,\"name\":null,\"url\":null,\"vendor_type\":null,\"is_private\":null,\"blocked\":true,\"created_at\":null,\"updated_at\":null,\"youngest_commit_date\":null,\"oldest_commit_date\":null,\"tags\":[],\"tags!\":7}"
    );
    let commit = r#"{"id":1,"apex_user_id":2,"repo_id":3,"author_date":"2026-01-02 03:04:05+01:00","impact":-0.5,"haloc":10.0,"risk":3,"levenshtein":0.30000000000000004,"extracted_tags":{"a":[]}}"#;
    assert_eq!(import(&store, "commits", commit.as_bytes()), "200\n{\"rows\":1,\"changed\":1}");
    assert_eq!(
        ask(&store, "GET", "/v3/customer/core/commits/1/"),
        concat!(
            "200\n{\"id\":1,\"hexsha\":null,\"user_alias_id\":null,\"apex_user_id\":2,\"repo_id\":3,\"author_date\":\"2026-01-02 03:04:05+01:00\",",
            "\"author_tzoffset\":null,\"author_local_date\":\"2026-01-02T03:04:05\",\"committer_date\":null,\"committer_tzoffset\":null,\"committer_local_date\":null,",
            "\"is_merge\":false,\"is_pr_orphan\":false,\"is_trivial\":false,\"outlier_reason\":null,\"ignore_hash\":null,\"haloc\":10,\"new_work\":0,",
            "\"legacy_refactor\":0,\"help_others\":0,\"churn\":0,\"files\":0,\"hunks\":0,\"insertions\":0,\"deletions\":0,\"ins_del_ratio\":null,",
            "\"levenshtein\":0.30000000000000004,\"impact\":-0.5,\"risk\":3.0,\"message\":null,\"extracted_tags\":{\"a\":[]},\"external_commit_url\":null}"
        )
    );
    // Doubles are summed as doubles; a sum that is not finite is null.
    let more = r#"{"id":2,"apex_user_id":2,"repo_id":3,"author_date":"2026-01-02","risk":1.7e308,"levenshtein":0}"#;
    let more = [more, &more.replace(r#""id":2"#, r#""id":3"#)].join("\n");
    assert_eq!(import(&store, "commits", more.as_bytes()), "200\n{\"rows\":2,\"changed\":2}");
    assert_eq!(
        ask(&store, "GET", "/v3/customer/core/commits.agg/?aggregate[sum]=risk,levenshtein"),
        "200\n{\"count\":1,\"next\":null,\"previous\":null,\"results\":[{\"risk_sum\":null,\"levenshtein_sum\":0.30000000000000004}]}"
    );
    // An exported row is imported unchanged.
    for resource in ["tags/2", "commits/1"] {
        let row = store.get(&format!("/v3/customer/core/{resource}/"));
        let name = resource.split('/').next().unwrap();
        assert_eq!(import(&store, name, row.as_bytes()), "200\n{\"rows\":1,\"changed\":0}", "{row}");
    }
}

#[test]
fn pages_link_to_each_other() {
    let mut store = Store::new();
    store.import("tags", &(1..=5).rev().map(|id| format!("{{\"id\":{id},\"name\":\"t{id}\"}}\n")).collect::<String>());
    assert_eq!(
        ask(&store, "GET", "/v3/customer/core/tags/?offset=2&limit=2&x=a+b"),
        concat!(
            "200\n{\"count\":5,\"next\":\"http://127.0.0.1:8787/v3/customer/core/tags/?limit=2&offset=4&x=a+b\",",
            "\"previous\":\"http://127.0.0.1:8787/v3/customer/core/tags/?limit=2&x=a+b\",",
            "\"results\":[{\"id\":3,\"name\":\"t3\",\"org_id\":null},{\"id\":4,\"name\":\"t4\",\"org_id\":null}]}"
        )
    );
    assert_eq!(
        ask(&store, "GET", "/v3/customer/core/tags/?offset=99999999999999999999"),
        "200\n{\"count\":5,\"next\":null,\"previous\":\"http://127.0.0.1:8787/v3/customer/core/tags/?limit=100&offset=99999999999999999899\",\"results\":[]}"
    );
    store.settings.public_origin = Some("https://flow.example/".into());
    assert!(
        ask(&store, "GET", "/v3/customer/core/tags/?limit=1")
            .contains("\"next\":\"https://flow.example/v3/customer/core/tags/?limit=1&offset=1\"")
    );
}

#[test]
fn bad_imports_store_nothing() {
    let store = Store::new();
    for (resource, body, answer) in [
        (
            "users",
            "{\"id\":1}\n\n{\"id\":2,\"name\":7}\n",
            "{\"line\":3,\"field\":\"name\",\"error\":\"must be text\"}",
        ),
        ("users", "{\"id\":1}\n{\"name\":\"a\"}", "{\"line\":2,\"field\":\"id\",\"error\":\"is required\"}"),
        (
            "commits",
            "{\"id\":1,\"apex_user_id\":1,\"repo_id\":1}",
            "{\"line\":1,\"field\":\"author_date\",\"error\":\"is required, or author_local_date\"}",
        ),
        (
            "commits",
            "{\"id\":1,\"apex_user_id\":1,\"repo_id\":1,\"author_date\":\"today\"}",
            "{\"line\":1,\"field\":\"author_date\",\"error\":\"must be a date-time, such as 2021-06-01T09:30:00\"}",
        ),
        ("users", "{\"id\":1} {\"id\":2}", "{\"line\":1,\"field\":null,\"error\":\"is no JSON from byte 9 on\"}"),
        ("users", "{\"id\":1}\n[1]", "{\"line\":2,\"field\":null,\"error\":\"must be an object\"}"),
        ("dump", "[]", "{\"line\":1,\"field\":null,\"error\":\"must be an object\"}"),
        ("dump", "{\"format\":2}", "{\"line\":1,\"field\":\"format\",\"error\":\"must be 1\"}"),
    ] {
        assert_eq!(import(&store, resource, body.as_bytes()), format!("400\n{answer}"), "{body}");
    }
    assert_eq!(
        import(&store, "users", b"{\"id\":1}\n{\"id\":2,\"name\":\"\xff\"}"),
        "400\n{\"line\":2,\"field\":null,\"error\":\"is not UTF-8\"}"
    );
    assert_eq!(
        import(&store, "users", b"\x1f\x8b\x08"),
        "415\n{\"line\":null,\"field\":null,\"error\":\"is compressed; send it as plain text\"}"
    );
    let rows = "{\"id\":1}\n".repeat(1_001);
    assert_eq!(
        import(&store, "users", rows.as_bytes()),
        "400\n{\"line\":1001,\"field\":null,\"error\":\"a request holds at most 1000 rows\"}"
    );
    let large = format!("{{\"id\":1,\"name\":\"{}\"}}", "x".repeat(1_000_000));
    let too_large = "413\n{\"line\":null,\"field\":null,\"error\":\"a request holds at most 1000000 bytes; send fewer rows in each\"}";
    assert_eq!(import(&store, "users", large.as_bytes()), too_large);
    // Smaller than the largest body but larger than a bound value, because each quotation mark is escaped twice.
    let escaped = format!("{{\"id\":1,\"other\":\"{}\"}}", "\\\"".repeat(490_000));
    assert!(escaped.len() < 1_000_000);
    let answer = import(&store, "users", escaped.as_bytes());
    assert!(answer == too_large || answer.starts_with("200"), "{answer}");
    assert!(store.rows("SELECT 1 FROM users").len() <= 1);
    assert!(store.rows("SELECT 1 FROM commits").is_empty());
}

#[test]
fn imports_store_change_and_delete_rows() {
    let store = Store::new();
    assert_eq!(import(&store, "users", b""), "200\n{\"rows\":0,\"changed\":0}");
    assert_eq!(import(&store, "tags", "\u{feff}{\"id\":1}".as_bytes()), "200\n{\"rows\":1,\"changed\":1}");
    assert_eq!(import(&store, "dump", "\u{feff}{}".as_bytes()), "200\n{\"rows\":1,\"changed\":1}");
    let tags = r#"{"id":1,"tags":[{"id":1,"name":"a","org_id":null}]}"#;
    assert_eq!(import(&store, "repos", tags.as_bytes()), "200\n{\"rows\":1,\"changed\":1}");
    assert!(store.get("/v3/customer/core/%72epos/1/").contains(r#""tags":[{"id":1,"name":null,"org_id":null}]"#));
    assert_eq!(
        import(&store, "users", b"{\"id\":1,\"name\":\"a\"}\r\n{\"id\":1,\"name\":\"b\"}\n{\"id\":2}"),
        "200\n{\"rows\":3,\"changed\":2}"
    );
    assert!(store.get("/v3/customer/core/users/1/").contains("\"name\":\"b\""));
    assert_eq!(
        import(&store, "users", b"{\"id\":1,\"name\":\"b\"}\n{\"id\":2,\"name\":\"c\"}"),
        "200\n{\"rows\":2,\"changed\":1}"
    );
    assert_eq!(
        import(&store, "users", b"{\"id\":1,\"_deleted\":true}\n{\"id\":9,\"_deleted\":true}"),
        "200\n{\"rows\":2,\"changed\":1}"
    );
    assert_eq!(store.rows("SELECT id FROM users"), ["[2]"]);
    assert_eq!(
        import(&store, "users", b"{\"id\":2,\"_deleted\":true}\n{\"id\":2,\"_deleted\":false}"),
        "200\n{\"rows\":2,\"changed\":1}"
    );
    assert_eq!(
        import(&store, "dump", b"{\"format\":1,\"demo\":true,\"name\":\"Acme\",\"seed\":7}\n"),
        "200\n{\"rows\":1,\"changed\":1}"
    );
    assert_eq!(
        import(&store, "dump", b"{\"format\":1,\"demo\":true,\"name\":\"Acme\",\"seed\":7}"),
        "200\n{\"rows\":1,\"changed\":0}"
    );
    assert_eq!(ask(&store, "GET", "/dataset"), "200\n{\"name\":\"Acme\",\"demo\":true}");
    // Imports change the generation; reading and rejected imports do not.
    let generation = || store.rows("SELECT value FROM generation");
    let before = generation();
    assert_eq!(import(&store, "dump", b"[]").get(..3), Some("400"));
    ask(&store, "GET", "/dataset");
    assert_eq!(generation(), before);
    import(&store, "tags", b"");
    assert_ne!(generation(), before);
}

#[test]
fn the_etag_covers_everything_the_response_depends_on() {
    let mut store = Store::new();
    store.add_key("another", "core", None, None);
    let tag = |store: &Store, request: &Request| {
        let response = store.answer(request, b"");
        assert_eq!(response.status, 200, "{}", response.body);
        response.headers.iter().find(|(name, _)| *name == "ETag").unwrap().1.clone()
    };
    let of = |path: &str| request("GET", path);
    let list = of("/v3/customer/core/teams/?limit=5&id=1");
    let metrics = of(&format!("{METRICS}?start_date=2026-08-01&resolution=week"));
    let (listed, measured) = (tag(&store, &list), tag(&store, &metrics));
    // The key has no effect. The form of the query has an effect on lists, whose links repeat it, but not on metrics.
    let another = Request { authorization: Some("Bearer another".into()), ..list.clone() };
    assert_eq!(tag(&store, &another), listed);
    assert_eq!(tag(&store, &Request { method: "HEAD".into(), ..list.clone() }), listed);
    assert_eq!(
        tag(&store, &of(&format!("{METRICS}?resolution=week&a=1&end_date=2026-09-01&start_date=+2026-08-01"))),
        measured
    );
    let elsewhere = Request { url: Url { origin: "https://a.example".into(), ..list.url.clone() }, ..list.clone() };
    let others = [
        tag(&store, &of("/v3/customer/core/teams/?id=1&limit=5")),
        tag(&store, &of("/v3/customer/core/tags/?limit=5&id=1")),
        tag(&store, &elsewhere),
        tag(&store, &of("/dataset")),
        measured,
    ];
    assert!(!others.contains(&listed), "{listed} {others:?}");
    // The day of a range without an end, the rows, and the store have an effect.
    store.settings.today = Some("2026-08-31".into());
    assert!(!others.contains(&tag(&store, &metrics)));
    import(&store, "users", b"{\"id\":1}");
    let after = tag(&store, &list);
    assert_ne!(after, listed);
    import(&store, "users", b"{\"id\":1,\"_deleted\":true}");
    assert!(![listed, after].contains(&tag(&store, &list)));
    assert_ne!(tag(&Store::new(), &list), tag(&Store::new(), &list));
}

#[test]
fn if_none_match_is_answered_by_304() {
    let store = Store::new();
    let path = "/v3/customer/core/tags/";
    let status = |path: &str, tags: &str| {
        let response = store.answer(&Request { if_none_match: Some(tags.into()), ..request("GET", path) }, b"");
        assert!(response.status != 304 || response.body.is_empty());
        response.status
    };
    let response = store.answer(&request("GET", path), b"");
    let tag = response.headers.iter().find(|(name, _)| *name == "ETag").unwrap().1.clone();
    assert_eq!(status(path, &tag), 304);
    assert_eq!(status(path, &format!("\"a\", W/{tag}")), 304);
    assert_eq!(status(path, "*"), 304);
    assert_eq!(status(path, "\"a\""), 200);
    assert_eq!(status(&format!("{path}?limit=5"), &tag), 200);
    // `*` does not match without a 200.
    assert_eq!(status(&format!("{path}7/"), "*"), 404);
    assert_eq!(status(&format!("{path}?id=x"), "*"), 400);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_request_is_answered(
        path in "/(v3/customer/core/|import/|v3/)?(teams|commits|dump|repos)?/?[0-9/]{0,3}(\\?[a-z_=&%0-9]{0,12})?",
        method in "GET|HEAD|POST|OPTIONS|X",
        authorization in proptest::option::of("(Bearer|bearer owner|Bearer owner)? ?[a-z]{0,2}"),
        body in proptest::collection::vec(r#"\{"id":[0-9.e-]{1,6}(,"(name|tags|impact|x|_deleted)":(null|true|\[1\]|"\\\\u00e9"|1e[0-9]{3}|-?[0-9]{1,20}|\{\}))*\}?|.{0,9}"#, 0..4),
    ) {
        let store = Store::new();
        let request = Request { authorization, ..request(&method, &path) };
        let response = store.answer(&request, body.join("\n").as_bytes());
        prop_assert!(matches!(response.status, 200 | 301 | 400 | 401 | 404 | 405), "{:?}", response);
        if method != "HEAD" && response.status != 301 {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&response.body).is_ok(), "{:?}", response);
        }
    }
}
