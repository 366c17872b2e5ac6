//! Tests of `streamgage pull` against a server with the lists of the API.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic: that is how it fails")]

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use support::{KEY, Reply, Request, Server, files, folder, names, run, streamgage};

type Lists = BTreeMap<&'static str, Vec<Value>>;

const CORE: &str = "/v3/customer/core";

/// Returns the lists of a server, with the given number of commits.
fn lists(commits: u64) -> Lists {
    let commit = |id: u64| {
        json!({
            "hexsha": format!("{id:040x}"), "id": id, "apex_user_id": 1, "repo_id": 1, "impact": 2.50, "risk": 1.0,
            "author_date": format!("2026-01-{:02}T10:00:00", id % 28 + 1), "message": "a\u{1b}b", "brand_new": {"b": 1, "a": 2}
        })
    };
    let team = json!({"id": 5, "name": "Heron", "parent": null, "ancestors": ["Heron"]});
    BTreeMap::from([
        ("commits", (1..=commits).map(commit).collect()),
        ("users", vec![json!({"id": 1, "name": "Ada", "teams": [team]})]),
        ("teams", vec![team.clone()]),
        ("team_membership", vec![json!({"id": 1, "apex_user": {"id": 1, "name": "Ada"}, "team": team})]),
        ("repos", vec![json!({"id": 2, "tags": []}), json!({"id": 1, "name": "r", "tags": [{"id": 3, "name": "t"}]})]),
        ("tags", vec![json!({"id": 3, "name": "t", "org_id": 1})]),
        ("user_alias", vec![]),
    ])
}

/// Replys a list request as the API does.
fn reply(lists: &Lists, request: &Request) -> Reply {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let name = path.strip_prefix(CORE).map(|path| path.trim_matches('/'));
    let Some(rows) = name.and_then(|name| lists.get(name)) else { return Reply::status(404, "Not found.") };
    let parameters: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let number = |name: &str, default| parameters.get(name).map_or(default, |text| text.parse().unwrap());
    let (limit, offset): (usize, usize) = (number("limit", 100), number("offset", 0));
    let since = parameters.get("author_date__gte").copied().unwrap_or("");
    let matching: Vec<&Value> =
        rows.iter().filter(|row| row["author_date"].as_str().is_none_or(|date| date >= since)).collect();
    let more = if since.is_empty() { String::new() } else { format!("&author_date__gte={since}") };
    let next = (offset + limit < matching.len())
        .then(|| format!("{path}?limit={limit}&offset={}&ordering=id{more}", offset + limit));
    let results: Vec<&Value> = matching.iter().skip(offset).take(limit).copied().collect();
    Reply::ok(json!({"count": matching.len(), "next": next, "previous": null, "results": results}).to_string())
}

fn upstream(lists: Lists) -> Server {
    Server::start(move |_, request| reply(&lists, request))
}

fn pull(home: &Path, url: &str, arguments: &[&str]) -> (i32, String, String) {
    run(streamgage(home).args(["pull", url, "--out"]).arg(home.join("dump")).args(arguments))
}

#[test]
fn every_list_is_saved_in_the_canonical_form() {
    let home = folder("pull-all");
    let server = upstream(lists(2500));
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 2500 rows") && out.contains("user_alias: 0 rows"), "{out}");
    let dump = files(&home.join("dump"));
    let text = |name: &str| String::from_utf8(dump[name].clone()).unwrap();
    let name = server.url.trim_start_matches("http://");
    assert_eq!(text("dump.json"), format!("{{\"format\":1,\"demo\":false,\"name\":\"{name}\"}}\n"));
    assert_eq!(text("tags.ndjson"), "{\"id\":3,\"name\":\"t\",\"org_id\":1}\n");
    assert_eq!(text("user_alias.ndjson"), "");
    assert_eq!(
        text("team_membership.ndjson"),
        "{\"id\":1,\"membership_type\":null,\"apex_user_id\":1,\"team_id\":5,\"depth\":null}\n"
    );
    let repos = text("repos.ndjson");
    assert!(repos.starts_with("{\"id\":1,") && repos.contains("\"tags\":[3]"), "{repos}");
    let commits = text("commits.ndjson");
    assert_eq!(commits.lines().count(), 2500);
    let first = commits.lines().next().unwrap();
    assert!(first.ends_with(r#""brand_new":{"a":2,"b":1}}"#) && first.contains(r#""impact":2.5,"risk":1,"#), "{first}");

    let requests = server.requests();
    assert!(requests.iter().all(|request| request.authorization.as_deref() == Some(&format!("Bearer {KEY}"))));
    assert!(requests.iter().any(|request| request.target == format!("{CORE}/commits/?limit=1000&ordering=id")));

    // A second pull changes nothing. The URL may contain parts of the path of the API.
    for path in ["/", "/v3/customer", "/v3/customer/core/"] {
        assert_eq!(pull(&home, &format!("{}{path}", server.url), &[]).0, 0);
        assert_eq!(files(&home.join("dump")), dump);
    }
    assert_eq!(names(&home), ["dump"], "no temporary folder is left");

    // The result is a valid dump.
    let request = "/v3/customer/metrics/code_fundamentals/period_metrics/?start_date=2026-01-01&resolution=period";
    let mut query = streamgage(&home);
    let (code, out, error) = run(query.arg("query").arg(home.join("dump")).args(["--today", "2026-02-01", request]));
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("\"count\":1"), "{out}");
}

#[test]
fn the_data_set_of_a_worker_becomes_the_header() {
    let home = folder("pull-dataset");
    let lists = lists(3);
    let server = Server::start(move |_, request| match request.target.as_str() {
        "/dataset" => Reply::ok(r#"{"name":"Demo: Somebody","demo":true}"#),
        _ => reply(&lists, request),
    });
    assert_eq!(pull(&home, &server.url, &[]).0, 0);
    let header = fs::read_to_string(home.join("dump/dump.json")).unwrap();
    assert_eq!(header, "{\"format\":1,\"demo\":true,\"name\":\"Demo: Somebody\"}\n");
}

#[test]
fn missing_lists_are_left_out_except_commits() {
    let home = folder("pull-missing");
    let mut some = lists(3);
    some.remove("tags");
    some.remove("user_alias");
    let served = Arc::new(Mutex::new(some));
    let lists = Arc::clone(&served);
    let server = Server::start(move |_, request| reply(&lists.lock().unwrap(), request));
    let (code, out, _) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0);
    assert!(out.contains("tags: not available (404), left out"), "{out}");
    assert!(!home.join("dump/tags.ndjson").exists() && home.join("dump/users.ndjson").exists());

    let before = files(&home.join("dump"));
    served.lock().unwrap().remove("commits");
    let (code, _, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 1);
    assert!(error.contains("commits: ") && error.contains("404"), "{error}");
    assert_eq!(files(&home.join("dump")), before, "the dump does not change");
}

#[test]
fn refusals_name_the_list() {
    for (status, message) in [(401, "the key is not accepted"), (403, "lacks the permission"), (400, "status 400")] {
        let home = folder(&format!("pull-refused-{status}"));
        let lists = lists(3);
        let server = Server::start(move |_, request| match request.target.contains("/users/") {
            true => Reply::status(status, "No \u{1b}[2J."),
            false => reply(&lists, request),
        });
        let (code, out, error) = pull(&home, &server.url, &[]);
        assert_eq!((code, out.as_str()), (1, ""));
        let last = error.lines().last().unwrap();
        assert!(last.contains("users: ") && last.contains(message) && !error.contains('\u{1b}'), "{error}");
        assert!(!home.join("dump").exists());
    }
}

#[test]
fn temporary_failures_are_retried() {
    let home = folder("pull-patience");
    let lists = lists(1500);
    let server = Server::start(move |number, request| match number {
        1 => Reply::Send(502, "", String::new()),
        3 => Reply::Send(429, "Retry-After: 0\r\n", String::new()),
        5 => Reply::Truncate,
        7 => Reply::Close,
        _ => reply(&lists, request),
    });
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 1500 rows"), "{out}");
    assert_eq!(error.matches("retrying in").count(), 4, "{error}");
}

#[test]
fn only_links_of_the_same_list_are_followed() {
    let elsewhere = Server::start(|_, _| Reply::ok("{}"));
    let links = [
        format!("{}{CORE}/commits/?offset=1000", elsewhere.url),
        "/v3/customer/core/users/?offset=1000".to_owned(),
        "//example.com/v3/customer/core/commits/?offset=1000".to_owned(),
        "https://example.com\u{1b}[2J/".to_owned(),
    ];
    for (number, link) in links.into_iter().enumerate() {
        let home = folder(&format!("pull-links-{number}"));
        let lists = lists(1);
        let server = Server::start(move |_, request| match reply(&lists, request) {
            Reply::Send(status, headers, body) => {
                let mut page: Value = serde_json::from_str(&body).unwrap();
                page["next"] = json!(link);
                page["count"] = json!(2);
                Reply::Send(status, headers, page.to_string())
            }
            other => other,
        });
        let (code, _, error) = pull(&home, &server.url, &[]);
        assert_eq!(code, 1);
        let last = error.lines().last().unwrap();
        assert!(last.contains("it is not followed") && !error.contains('\u{1b}'), "{error}");
        assert!(!home.join("dump").exists());
    }
    assert!(elsewhere.requests().is_empty(), "the key is sent to no other server");

    let home = folder("pull-redirect");
    let to: &'static str = Box::leak(format!("Location: {}/\r\n", elsewhere.url).into_boxed_str());
    let server = Server::start(move |_, _| Reply::Send(302, to, String::new()));
    let (code, _, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 1);
    assert!(error.contains("commits: ") && error.contains("a redirect to http://127.0.0.1:"), "{error}");
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_list_that_changes_during_reading_is_read_again() {
    let home = folder("pull-change");
    // A commit is added after the first page.
    let reads = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&reads);
    let server = Server::start(move |_, request| {
        let is_first = request.target.contains("/commits/") && counter.fetch_add(1, Ordering::Relaxed) == 0;
        reply(&lists(if is_first { 1500 } else { 1501 }), request)
    });
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 1501 rows"), "{out}");
    assert!(error.contains("the count changed from 1500 to 1501; reading the list again"), "{error}");
    let mut ids = String::from_utf8(files(&home.join("dump"))["commits.ndjson"].clone()).unwrap();
    ids.retain(|character| character == '\n');
    assert_eq!(ids.len(), 1501);
}

#[test]
fn counts_are_verified() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 4] = [
        ("fewer", |page| page["count"] = json!(4), "received 3 distinct rows instead of 4 (3 attempts)"),
        ("more", |page| page["count"] = json!(2), "the pages do not match the count of 2 rows"),
        ("twice", |page| page["results"][1] = page["results"][0].clone(), "received 2 distinct rows instead of 3"),
        ("bad", |page| page["results"][1]["haloc"] = json!("x"), "(in the row with id 2)"),
    ];
    for (name, change, message) in cases {
        let home = folder(&format!("pull-count-{name}"));
        let lists = lists(3);
        let server = Server::start(move |_, request| match reply(&lists, request) {
            Reply::Send(200, headers, body) if request.target.contains("/commits/") => {
                let mut page = serde_json::from_str(&body).unwrap();
                change(&mut page);
                Reply::Send(200, headers, page.to_string())
            }
            other => other,
        });
        let (code, _, error) = pull(&home, &server.url, &[]);
        assert_eq!(code, 1, "{name}");
        assert!(error.lines().last().unwrap().contains(message), "{error}");
        assert!(!home.join("dump").exists(), "no incomplete dump is written");
    }
    for (name, body) in [("html", "<html>"), ("array", "[]"), ("empty", "")] {
        let home = folder(&format!("pull-body-{name}"));
        let server = Server::start(move |_, _| Reply::ok(body));
        let (code, _, error) = pull(&home, &server.url, &[]);
        assert_eq!(code, 1);
        assert!(error.contains("not a list of the API"), "{error}");
    }
}

#[test]
fn an_interrupted_pull_continues() {
    let home = folder("pull-resume");
    let failing = Arc::new(Mutex::new(true));
    let is_failing = Arc::clone(&failing);
    let all = lists(2500);
    let server = Server::start(move |_, request| {
        if request.target.contains("offset=1000") && *is_failing.lock().unwrap() {
            return Reply::status(500, "failed");
        }
        reply(&all, request)
    });
    let (code, _, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 1, "{error}");
    assert!(!home.join("dump").exists());

    *failing.lock().unwrap() = false;
    server.take_targets();
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("continuing") && out.contains("commits: 2500 rows"), "{error}{out}");
    let commits: Vec<String> =
        server.take_targets().into_iter().filter(|target| target.contains("/commits/")).collect();
    assert_eq!(commits.len(), 2, "{commits:?}");

    let fresh = folder("pull-resume-fresh");
    assert_eq!(pull(&fresh, &server.url, &[]).0, 0);
    assert_eq!(files(&fresh.join("dump")), files(&home.join("dump")));
    assert_eq!(names(&home), ["dump"], "no temporary folder is left");
}

#[test]
fn other_files_in_the_draft_are_removed() {
    let home = folder("pull-former");
    let draft = home.join(".dump.draft");
    fs::create_dir(&draft).unwrap();
    let server = upstream(lists(3));
    // The files of an interrupted pull of an earlier version.
    let url = format!("{}{CORE}", server.url);
    let state = json!({"url": url, "since": null, "began": 9_999_999_999u64, "resources": {
        "commits": {"count": 3, "rows": 1, "bytes": 9, "next": null, "absent": false}
    }});
    fs::write(draft.join("state.json"), state.to_string()).unwrap();
    fs::write(draft.join("commits.part"), "{\"id\":1}\n").unwrap();
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 3 rows"), "{out}");
    assert!(files(&home.join("dump")).keys().all(|name| name == "dump.json" || name.ends_with(".ndjson")));
    assert_eq!(names(&home), ["dump"]);
}

#[test]
fn since_adds_to_the_existing_dump() {
    let home = folder("pull-since");
    let upstream_lists = Arc::new(Mutex::new(lists(60)));
    let served = Arc::clone(&upstream_lists);
    let server = Server::start(move |_, request| reply(&served.lock().unwrap(), request));
    assert_eq!(pull(&home, &server.url, &[]).0, 0);

    // A commit before the day changes, one after it changes, one is new; a list disappears, another one grows.
    let mut now = lists(61);
    now.get_mut("commits").unwrap()[0]["haloc"] = json!(5);
    now.get_mut("commits").unwrap()[26]["haloc"] = json!(7);
    now.get_mut("commits").unwrap()[60]["author_date"] = json!("2026-02-01T00:00:00");
    now.get_mut("teams").unwrap().push(json!({"id": 4}));
    now.remove("tags");
    *upstream_lists.lock().unwrap() = now.clone();
    server.take_targets();
    let (code, out, error) = pull(&home, &server.url, &["--since", "2026-01-20"]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 61 rows") && out.contains("teams: 2 rows") && out.contains("tags: 1 rows"), "{out}");
    let first = format!("GET {CORE}/commits/?limit=1000&ordering=id&author_date__gte=2026-01-20");
    assert!(server.take_targets().contains(&first));

    let updated = files(&home.join("dump"));
    now.get_mut("commits").unwrap()[0]["haloc"] = Value::Null;
    now.insert("tags", lists(0)["tags"].clone());
    *upstream_lists.lock().unwrap() = now;
    let whole = folder("pull-since-whole");
    assert_eq!(pull(&whole, &server.url, &[]).0, 0);
    assert_eq!(updated, files(&whole.join("dump")));
}

#[test]
fn dumps_of_other_servers_are_not_replaced() {
    let home = folder("pull-other");
    let server = upstream(lists(3));
    fs::create_dir(home.join("dump")).unwrap();
    for (file, text, message) in [
        ("dump.json", r#"{"format":1,"name":"flow.example"}"#, "a dump of flow.example"),
        // Another port of the same host.
        ("dump.json", r#"{"format":1,"name":"127.0.0.1:1"}"#, "a dump of 127.0.0.1:1"),
        ("commits.ndjson", "", "no dump.json"),
        ("notes.txt", "precious", "notes.txt"),
    ] {
        fs::write(home.join("dump").join(file), text).unwrap();
        for arguments in [&[][..], &["--since", "2026-01-01"]] {
            let (code, _, error) = pull(&home, &server.url, arguments);
            assert_eq!((code, error.lines().count()), (2, 1), "{error}");
            assert!(error.contains(message), "{error}");
        }
        assert_eq!(names(&home.join("dump")), [file]);
        fs::remove_file(home.join("dump").join(file)).unwrap();
    }
    let (code, _, error) = pull(&home, &server.url, &["--since", "2026-02-30"]);
    assert_eq!(code, 2, "{error}");
    assert_eq!(pull(&home, &server.url, &[]).0, 0, "an empty folder is replaced");
}
