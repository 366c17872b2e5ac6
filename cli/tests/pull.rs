//! `streamgage pull`, against a small upstream; and against a Worker, where one is given.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic: that is how it fails")]

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use support::{Answer, KEY, Request, Server, files, folder, names, run, streamgage};

type Lists = BTreeMap<&'static str, Vec<Value>>;

const CORE: &str = "/v3/customer/core";

/// An upstream's lists, with so many commits.
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

/// Answers a list request as the API does.
fn answer(lists: &Lists, request: &Request) -> Answer {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let name = path.strip_prefix(CORE).map(|path| path.trim_matches('/'));
    let Some(rows) = name.and_then(|name| lists.get(name)) else { return Answer::status(404, "Not found.") };
    let parameters: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let number = |name: &str, default| parameters.get(name).map_or(default, |text| text.parse().unwrap());
    let (limit, offset): (usize, usize) = (number("limit", 100), number("offset", 0));
    let since = parameters.get("author_date__gte").copied().unwrap_or("");
    let kept: Vec<&Value> =
        rows.iter().filter(|row| row["author_date"].as_str().is_none_or(|date| date >= since)).collect();
    let more = if since.is_empty() { String::new() } else { format!("&author_date__gte={since}") };
    let next = (offset + limit < kept.len())
        .then(|| format!("{path}?limit={limit}&offset={}&ordering=id{more}", offset + limit));
    let results: Vec<&Value> = kept.iter().skip(offset).take(limit).copied().collect();
    Answer::ok(json!({"count": kept.len(), "next": next, "previous": null, "results": results}).to_string())
}

fn upstream(lists: Lists) -> Server {
    Server::start(move |_, request| answer(&lists, request))
}

fn pull(home: &Path, url: &str, arguments: &[&str]) -> (i32, String, String) {
    run(streamgage(home).args(["pull", url, "--out"]).arg(home.join("dump")).args(arguments))
}

#[test]
fn every_list_is_saved_in_one_form() {
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

    // Run twice, it changes nothing; whatever part of the path is given.
    for path in ["/", "/v3/customer", "/v3/customer/core/"] {
        assert_eq!(pull(&home, &format!("{}{path}", server.url), &[]).0, 0);
        assert_eq!(files(&home.join("dump")), dump);
    }
    assert_eq!(names(&home), ["dump"], "nothing is left beside");

    // And the dump is one.
    let request = "/v3/customer/metrics/code_fundamentals/period_metrics/?start_date=2026-01-01&resolution=period";
    let mut query = streamgage(&home);
    let (code, out, error) = run(query.arg("query").arg(home.join("dump")).args(["--today", "2026-02-01", request]));
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("\"count\":1"), "{out}");
}

#[test]
fn a_worker_says_what_its_data_is() {
    let home = folder("pull-dataset");
    let lists = lists(3);
    let server = Server::start(move |_, request| match request.target.as_str() {
        "/dataset" => Answer::ok(r#"{"name":"Demo: Somebody","demo":true}"#),
        _ => answer(&lists, request),
    });
    assert_eq!(pull(&home, &server.url, &[]).0, 0);
    let header = fs::read_to_string(home.join("dump/dump.json")).unwrap();
    assert_eq!(header, "{\"format\":1,\"demo\":true,\"name\":\"Demo: Somebody\"}\n");
}

#[test]
fn lists_that_are_not_there_are_left_out_but_commits_must_be() {
    let home = folder("pull-missing");
    let mut some = lists(3);
    some.remove("tags");
    some.remove("user_alias");
    let served = Arc::new(Mutex::new(some));
    let lists = Arc::clone(&served);
    let server = Server::start(move |_, request| answer(&lists.lock().unwrap(), request));
    let (code, out, _) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0);
    assert!(out.contains("tags: not there (404), left out"), "{out}");
    assert!(!home.join("dump/tags.ndjson").exists() && home.join("dump/users.ndjson").exists());

    let before = files(&home.join("dump"));
    served.lock().unwrap().remove("commits");
    let (code, _, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 1);
    assert!(error.contains("commits: ") && error.contains("404"), "{error}");
    assert_eq!(files(&home.join("dump")), before, "the dump stays as it was");
}

#[test]
fn refusals_name_the_list() {
    for (status, told) in [(401, "the key is not accepted"), (403, "not the permission"), (400, "answered 400")] {
        let home = folder(&format!("pull-refused-{status}"));
        let lists = lists(3);
        let server = Server::start(move |_, request| match request.target.contains("/users/") {
            true => Answer::status(status, "No \u{1b}[2J."),
            false => answer(&lists, request),
        });
        let (code, out, error) = pull(&home, &server.url, &[]);
        assert_eq!((code, out.as_str()), (1, ""));
        let last = error.lines().last().unwrap();
        assert!(last.contains("users: ") && last.contains(told) && !error.contains('\u{1b}'), "{error}");
        assert!(!home.join("dump").exists());
    }
}

#[test]
fn a_server_in_trouble_is_waited_for() {
    let home = folder("pull-patience");
    let lists = lists(1500);
    let server = Server::start(move |number, request| match number {
        1 => Answer::Send(502, "", String::new()),
        3 => Answer::Send(429, "Retry-After: 0\r\n", String::new()),
        5 => Answer::Cut,
        7 => Answer::Close,
        _ => answer(&lists, request),
    });
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 1500 rows"), "{out}");
    assert_eq!(error.matches("trying again").count(), 4, "{error}");
}

#[test]
fn only_links_of_the_same_list_are_followed() {
    let elsewhere = Server::start(|_, _| Answer::ok("{}"));
    let links = [
        format!("{}{CORE}/commits/?offset=1000", elsewhere.url),
        "/v3/customer/core/users/?offset=1000".to_owned(),
        "//example.com/v3/customer/core/commits/?offset=1000".to_owned(),
        "https://example.com\u{1b}[2J/".to_owned(),
    ];
    for (number, link) in links.into_iter().enumerate() {
        let home = folder(&format!("pull-links-{number}"));
        let lists = lists(1);
        let server = Server::start(move |_, request| match answer(&lists, request) {
            Answer::Send(status, headers, body) => {
                let mut page: Value = serde_json::from_str(&body).unwrap();
                page["next"] = json!(link);
                page["count"] = json!(2);
                Answer::Send(status, headers, page.to_string())
            }
            other => other,
        });
        let (code, _, error) = pull(&home, &server.url, &[]);
        assert_eq!(code, 1);
        let last = error.lines().last().unwrap();
        assert!(last.contains("it is not followed") && !error.contains('\u{1b}'), "{error}");
        assert!(!home.join("dump").exists());
    }
    assert!(elsewhere.requests().is_empty(), "the key went nowhere else");

    let home = folder("pull-redirect");
    let to: &'static str = Box::leak(format!("Location: {}/\r\n", elsewhere.url).into_boxed_str());
    let server = Server::start(move |_, _| Answer::Send(302, to, String::new()));
    let (code, _, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 1);
    assert!(error.contains("commits: ") && error.contains("a redirect to http://127.0.0.1:"), "{error}");
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_list_that_changes_is_read_again() {
    let home = folder("pull-change");
    // A commit comes in after the first page.
    let reads = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&reads);
    let server = Server::start(move |_, request| {
        let is_first = request.target.contains("/commits/") && seen.fetch_add(1, Ordering::Relaxed) == 0;
        answer(&lists(if is_first { 1500 } else { 1501 }), request)
    });
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 1501 rows"), "{out}");
    assert!(error.contains("there were 1500 rows and now are 1501; reading it again"), "{error}");
    let mut ids = String::from_utf8(files(&home.join("dump"))["commits.ndjson"].clone()).unwrap();
    ids.retain(|character| character == '\n');
    assert_eq!(ids.len(), 1501);
}

#[test]
fn counts_are_verified() {
    type Spoil = fn(&mut Value);
    let cases: [(&str, Spoil, &str); 4] = [
        ("fewer", |page| page["count"] = json!(4), "3 different rows came, and count says 4, 3 times"),
        ("more", |page| page["count"] = json!(2), "do not hold the 2 rows"),
        ("twice", |page| page["results"][1] = page["results"][0].clone(), "2 different rows came, and count says 3"),
        ("bad", |page| page["results"][1]["haloc"] = json!("x"), "(in the row with id 2)"),
    ];
    for (name, spoil, told) in cases {
        let home = folder(&format!("pull-count-{name}"));
        let lists = lists(3);
        let server = Server::start(move |_, request| match answer(&lists, request) {
            Answer::Send(200, headers, body) if request.target.contains("/commits/") => {
                let mut page = serde_json::from_str(&body).unwrap();
                spoil(&mut page);
                Answer::Send(200, headers, page.to_string())
            }
            other => other,
        });
        let (code, _, error) = pull(&home, &server.url, &[]);
        assert_eq!(code, 1, "{name}");
        assert!(error.lines().last().unwrap().contains(told), "{error}");
        assert!(!home.join("dump").exists(), "no half dump");
    }
    for (name, body) in [("html", "<html>"), ("array", "[]"), ("empty", "")] {
        let home = folder(&format!("pull-body-{name}"));
        let server = Server::start(move |_, _| Answer::ok(body));
        let (code, _, error) = pull(&home, &server.url, &[]);
        assert_eq!(code, 1);
        assert!(error.contains("no list of the API"), "{error}");
    }
}

#[test]
fn a_pull_that_was_broken_off_goes_on() {
    let home = folder("pull-resume");
    let broken = Arc::new(Mutex::new(true));
    let is_broken = Arc::clone(&broken);
    let all = lists(2500);
    let server = Server::start(move |_, request| {
        if request.target.contains("offset=1000") && *is_broken.lock().unwrap() {
            return Answer::status(500, "no more");
        }
        answer(&all, request)
    });
    let (code, _, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 1, "{error}");
    assert!(!home.join("dump").exists());

    *broken.lock().unwrap() = false;
    server.take_targets();
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("going on") && out.contains("commits: 2500 rows"), "{error}{out}");
    let commits: Vec<String> =
        server.take_targets().into_iter().filter(|target| target.contains("/commits/")).collect();
    assert_eq!(commits.len(), 2, "{commits:?}");

    let fresh = folder("pull-resume-fresh");
    assert_eq!(pull(&fresh, &server.url, &[]).0, 0);
    assert_eq!(files(&fresh.join("dump")), files(&home.join("dump")));
    assert_eq!(names(&home), ["dump"], "nothing is left beside");
}

#[test]
fn since_adds_to_what_is_there() {
    let home = folder("pull-since");
    let upstream_lists = Arc::new(Mutex::new(lists(60)));
    let served = Arc::clone(&upstream_lists);
    let server = Server::start(move |_, request| answer(&served.lock().unwrap(), request));
    assert_eq!(pull(&home, &server.url, &[]).0, 0);

    // An old commit changes unseen, a late one is seen; one is new; a list has gone, another has grown.
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
fn another_upstreams_dump_is_left_alone() {
    let home = folder("pull-other");
    let server = upstream(lists(3));
    fs::create_dir(home.join("dump")).unwrap();
    for (file, text, told) in [
        ("dump.json", r#"{"format":1,"name":"flow.example"}"#, "a dump of flow.example"),
        // Another server of the same host.
        ("dump.json", r#"{"format":1,"name":"127.0.0.1:1"}"#, "a dump of 127.0.0.1:1"),
        ("commits.ndjson", "", "no dump.json"),
        ("notes.txt", "precious", "notes.txt"),
    ] {
        fs::write(home.join("dump").join(file), text).unwrap();
        for arguments in [&[][..], &["--since", "2026-01-01"]] {
            let (code, _, error) = pull(&home, &server.url, arguments);
            assert_eq!((code, error.lines().count()), (2, 1), "{error}");
            assert!(error.contains(told), "{error}");
        }
        assert_eq!(names(&home.join("dump")), [file]);
        fs::remove_file(home.join("dump").join(file)).unwrap();
    }
    let (code, _, error) = pull(&home, &server.url, &["--since", "2026-02-30"]);
    assert_eq!(code, 2, "{error}");
    assert_eq!(pull(&home, &server.url, &[]).0, 0, "an empty folder is nobody's");
}
