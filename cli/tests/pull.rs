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

/// Replies to a list request as the API does.
fn reply(lists: &Lists, request: &Request) -> Reply {
    reply_as(lists, request, true)
}

/// Replies to a list request. Servers may ignore the filter `id__gt`.
fn reply_as(lists: &Lists, request: &Request, has_id_filter: bool) -> Reply {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let name = path.strip_prefix(CORE).map(|path| path.trim_matches('/'));
    let Some(rows) = name.and_then(|name| lists.get(name)) else { return Reply::status(404, "Not found.") };
    let parameters: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let number = |name: &str, default| parameters.get(name).map_or(default, |text| text.parse().unwrap());
    let is_numbered = name == Some("roles");
    let (limit, offset): (usize, usize) = match is_numbered {
        true => (number("page_size", 100), number("page_size", 100) * (number("page", 1) - 1)),
        false => (number("limit", 100), number("offset", 0)),
    };
    let since = parameters.get("author_date__gte").copied().unwrap_or("");
    let after = if has_id_filter { number("id__gt", 0) as u64 } else { 0 };
    let matches = |row: &&Value| {
        row["author_date"].as_str().is_none_or(|date| date >= since) && row["id"].as_u64().is_none_or(|id| id > after)
    };
    let mut matching: Vec<&Value> = rows.iter().filter(matches).collect();
    matching.sort_by_key(|row| row["id"].as_u64());
    let more = if since.is_empty() { String::new() } else { format!("&author_date__gte={since}") };
    let place = match is_numbered {
        true => format!("page={}&page_size={limit}", offset / limit + 2),
        false => format!("limit={limit}&offset={}", offset + limit),
    };
    let next = (offset + limit < matching.len()).then(|| format!("{path}?{place}&ordering=id{more}"));
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
    let header: Value = serde_json::from_str(&text("dump.json")).unwrap();
    assert_eq!((&header["format"], &header["demo"], &header["name"]), (&json!(1), &json!(false), &json!(name)));
    assert_eq!(header["resources"]["commits"], json!({"rows": 2500, "count": 2500}));
    assert_eq!(header["resources"]["user_alias"], json!({"rows": 0, "count": 0}));
    assert!(header["resources"].get("pull_requests").is_none() && header["resources"].get("period_metrics").is_none());
    assert!(out.contains("period_metrics: not available, left out: status 404"), "{out}");
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
    assert!(
        first.ends_with(r#""brand_new":{"a":2,"b":1}}"#) && first.contains(r#""impact":2.5,"risk":1.0,"#),
        "{first}"
    );

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
fn generic_rows_are_saved_as_they_came() {
    let ticket = r#"{"z": 1.50, "id": 7, "project": {"name": "b", "id": 8}, "big": 12345678901234567890}"#;
    let home = folder("pull-generic");
    let all = lists(3);
    let server = Server::start(move |_, request| match request.target.starts_with(&format!("{CORE}/tickets/")) {
        true => Reply::ok(format!("{{\"count\":2,\"next\":null,\"results\":[{ticket},\n{{\n \"id\": 2}}]}}")),
        false => reply(&all, request),
    });
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("tickets: 2 rows, count 2\n"), "{out}");
    assert_eq!(fs::read_to_string(home.join("dump/tickets.ndjson")).unwrap(), format!("{{\"id\":2}}\n{ticket}\n"));
}

#[test]
fn numbered_pages_are_read() {
    for has_id_filter in [true, false] {
        for moves in [true, false] {
            let home = folder(&format!("pull-numbered-{has_id_filter}-{moves}"));
            let mut all = lists(3);
            all.insert("roles", (1..=2500).map(|id| json!({"id": id})).collect());
            let all = Mutex::new(all);
            let server = Server::start(move |_, request| {
                let mut all = all.lock().unwrap();
                let reply = reply_as(&all, request, has_id_filter);
                let roles = all.get_mut("roles").unwrap();
                if moves && request.target.contains("/roles/") && roles[4]["id"] == 5 {
                    roles.remove(4);
                    roles.push(json!({"id": 2501}));
                }
                reply
            });
            let (code, out, error) = pull(&home, &server.url, &[]);
            assert_eq!(code, 0, "{error}");
            assert!(out.contains("roles: 2500 rows, count 2500\n"), "{out}");
            assert_eq!(error.contains("reading the list again"), moves, "{error}");
            let roles = fs::read_to_string(home.join("dump/roles.ndjson")).unwrap();
            assert_eq!(roles.contains("{\"id\":5}"), !moves);
            assert!(roles.contains("{\"id\":1001}"));
        }
    }
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
    assert!(header.starts_with("{\"format\":1,\"demo\":true,\"name\":\"Demo: Somebody\","), "{header}");
    let targets = server.take_targets();
    assert!(!targets.iter().any(|target| target.contains("period_metrics")), "a Worker computes its metrics");
}

#[test]
fn lists_that_the_server_does_not_provide_are_reported() {
    let home = folder("pull-missing");
    let mut some = lists(3);
    some.remove("tags");
    some.remove("user_alias");
    let served = Arc::new(Mutex::new(some));
    let lists = Arc::clone(&served);
    let server = Server::start(move |_, request| match request.target.contains("/users/") {
        true => Reply::status(403, "You do not have permission to perform this action."),
        false => reply(&lists.lock().unwrap(), request),
    });
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("tags: not available (404), left out\n"), "{out}");
    assert!(out.contains("users: not available (403), left out\n"), "{out}");
    assert!(out.lines().last().unwrap().starts_with("incomplete: 4 of "), "{out}");
    assert!(!home.join("dump/tags.ndjson").exists() && home.join("dump/teams.ndjson").exists());

    // Also without commits. The rows of the earlier dump are kept.
    let before = files(&home.join("dump"));
    served.lock().unwrap().remove("commits");
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 3 rows, kept from the earlier dump; not available (404)\n"), "{out}");
    assert_eq!(files(&home.join("dump")), before);

    let fresh = folder("pull-missing-commits");
    let (code, out, error) = pull(&fresh, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: not available (404), left out\n"), "{out}");
    assert_eq!(names(&fresh.join("dump")), ["dump.json", "repos.ndjson", "team_membership.ndjson", "teams.ndjson"]);

    // A server without any list is none of the API.
    served.lock().unwrap().clear();
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.lines().last().unwrap().contains("does not provide any list"), "{error}");
    assert_eq!(files(&home.join("dump")), before, "the dump does not change");
}

#[test]
fn refusals_name_the_list() {
    for (status, message) in [(401, "the key is not accepted"), (400, "status 400")] {
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
fn rows_that_no_reader_accepts_are_put_aside() {
    let home = folder("pull-rejected");
    let mut all = lists(5);
    let commits = all.get_mut("commits").unwrap();
    commits[0]["author_date"] = Value::Null;
    commits[2]["haloc"] = json!("x");
    commits[4].as_object_mut().unwrap().remove("id");
    let served = Arc::new(Mutex::new(all));
    let upstream_lists = Arc::clone(&served);
    let server = Server::start(move |_, request| reply(&upstream_lists.lock().unwrap(), request));
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 2 rows, count 5, 3 rejected\n"), "{out}");
    assert!(out.contains("3 rows that no reader accepts are in rejected.ndjson, with the reasons\n"), "{out}");
    let dump = files(&home.join("dump"));
    let header: Value = serde_json::from_slice(&dump["dump.json"]).unwrap();
    assert_eq!(header["resources"]["commits"], json!({"rows": 2, "count": 5, "rejected": 3}));
    let rejected = String::from_utf8(dump["rejected.ndjson"].clone()).unwrap();
    let rejected: Vec<Value> = rejected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rejected.iter().all(|line| line["resource"] == "commits"));
    let reasons: Vec<&str> = rejected.iter().map(|line| line["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons[0], "author_date: is required, or author_local_date");
    assert!(reasons[1].starts_with("haloc: must be a whole number") && reasons[2].starts_with("id: "), "{reasons:?}");
    assert_eq!((&rejected[0]["row"]["id"], &rejected[1]["row"]["haloc"]), (&json!(1), &json!("x")));

    // The dump is read.
    let mut query = streamgage(&home);
    let (code, out, error) = run(query.arg("query").arg(home.join("dump")).arg("/v3/customer/core/commits/?fields=id"));
    assert_eq!(code, 0, "{error}");
    assert!(out.contains(r#""count":2"#), "{out}");

    // An update keeps them. A later pull of valid rows replaces them.
    assert_eq!(pull(&home, &server.url, &["--since", "2026-03-01"]).0, 0);
    assert_eq!(files(&home.join("dump"))["rejected.ndjson"], dump["rejected.ndjson"]);
    *served.lock().unwrap() = lists(5);
    assert_eq!(pull(&home, &server.url, &[]).0, 0);
    assert!(!home.join("dump/rejected.ndjson").exists());
}

#[test]
fn rows_with_reserved_names_are_put_aside() {
    let home = folder("pull-reserved");
    let mut all = lists(3);
    all.insert("tags", vec![json!({"id": 3, "name": "t"}), json!({"id": 4, "_deleted": true}), json!({"id": 5})]);
    all.get_mut("commits").unwrap()[1]["_deleted"] = json!(true);
    let server = Server::start(move |_, request| match request.target.starts_with(&format!("{CORE}/tickets/")) {
        true => Reply::ok(
            r#"{"count":5,"next":null,"results":[{"id":1},{"id":2,"_deleted":true},{"id":3,"\u005fdeleted":true},{"results":[{"id":1,"_deleted":true}],"id":4},{"id":5,"x":{"_deleted":true}}]}"#,
        ),
        false => reply(&all, request),
    });
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("tags: 2 rows, count 3, 1 rejected\n"), "{out}");
    assert!(out.contains("commits: 2 rows, count 3, 1 rejected\n"), "{out}");
    assert!(out.contains("tickets: 2 rows, count 5, 3 rejected\n"), "{out}");
    for message in [
        "tags: row 4: _deleted: is a reserved name\n",
        "commits: row 2: _deleted: is a reserved name\n",
        "tickets: row 2: _deleted: is a reserved name\n",
        "tickets: row 3: _deleted: is a reserved name\n",
        "tickets: row 4: must not begin like a page, with count, next, previous or results\n",
    ] {
        assert!(error.contains(message), "{message} is not in {error}");
    }
    let tickets = fs::read_to_string(home.join("dump/tickets.ndjson")).unwrap();
    assert_eq!(tickets, "{\"id\":1}\n{\"id\":5,\"x\":{\"_deleted\":true}}\n");
    assert_eq!(fs::read_to_string(home.join("dump/rejected.ndjson")).unwrap().lines().count(), 5);

    // A push of the dump deletes nothing.
    let worker =
        Server::start(|_, request| Reply::ok(format!(r#"{{"rows":{},"changed":0}}"#, request.body.lines().count())));
    let (code, _, error) = run(streamgage(&home).arg("push").arg(home.join("dump")).args(["--to", &worker.url]));
    assert_eq!(code, 0, "{error}");
    let requests = worker.requests();
    assert!(requests.iter().any(|request| request.target == "/import/tags" && request.body.lines().count() == 2));
    for request in requests {
        for line in request.body.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            assert!(row.get("_deleted").is_none(), "{} {line}", request.target);
        }
    }
}

#[test]
fn metrics_with_reserved_names_are_left_out() {
    let home = folder("pull-reserved-metrics");
    let all = lists(3);
    let server = Server::start(move |_, request| match request.target.contains("/period_metrics/") {
        true => Reply::ok(
            r#"{"count":3,"results":[{"a":1},{"a":2,"team_id":9},{"a":3,"\u0074eam_id":9},{"_deleted":true},{"a":5}]}"#,
        ),
        false => reply(&all, request),
    });
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("period_metrics: 4 rows\n"), "{out}");
    let text = fs::read_to_string(home.join("dump/period_metrics.ndjson")).unwrap();
    assert!(text.starts_with("{\"team_id\":null,\"a\":1}\n{\"team_id\":null,\"a\":5}\n{\"team_id\":5,"), "{text}");
    assert!(error.contains("period_metrics: team 5: a row has the reserved name team_id; left out\n"), "{error}");
}

#[test]
fn weekly_metrics_are_saved_where_the_server_answers_them() {
    let home = folder("pull-metrics");
    let gone = Arc::new(Mutex::new(false));
    let is_gone = Arc::clone(&gone);
    let server = Server::start(move |_, request| {
        if !request.target.contains("/period_metrics/") || *is_gone.lock().unwrap() {
            return reply(&lists(3), request);
        }
        match request.target.ends_with("&resolution=week&team_id=5") {
            true => Reply::ok(r#"{"count":0,"results":[]}"#),
            false => Reply::ok(
                "{\"count\":2,\"results\":[{\"period_start_date\":\"2026-01-05\",\"total_impact\":58.0},\n{\"period_start_date\":\"2026-01-12\"}]}",
            ),
        }
    });
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("period_metrics: 2 rows\n"), "{out}");
    let text = fs::read_to_string(home.join("dump/period_metrics.ndjson")).unwrap();
    assert_eq!(
        text,
        "{\"team_id\":null,\"period_start_date\":\"2026-01-05\",\"total_impact\":58.0}\n{\"team_id\":null,\"period_start_date\":\"2026-01-12\"}\n"
    );
    let targets = server.take_targets();
    let metrics: Vec<&String> = targets.iter().filter(|target| target.contains("/period_metrics/")).collect();
    assert_eq!(metrics.len(), 2, "everyone, and the team");
    assert!(metrics[0].starts_with("GET /v3/customer/metrics/code_fundamentals/period_metrics/?start_date=20"));

    // The rows are kept when the endpoint is gone.
    *gone.lock().unwrap() = true;
    let (code, out, _) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0);
    assert!(out.contains("period_metrics: 2 rows, kept from the earlier dump; not available: status 404"), "{out}");
    assert_eq!(fs::read_to_string(home.join("dump/period_metrics.ndjson")).unwrap(), text);
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
fn links_are_followed_on_the_given_server_only() {
    let elsewhere = Server::start(|_, _| Reply::ok("{}"));
    // Behind a load balancer, the scheme, host and port of links are those of another server.
    for start in [elsewhere.url.as_str(), "https://example.com:1", "//example.com", ""] {
        let home = folder("pull-authority");
        let (lists, start) = (lists(2500), start.to_owned());
        let server = Server::start(move |_, request| match reply_as(&lists, request, false) {
            Reply::Send(status, headers, body) => {
                Reply::Send(status, headers, body.replace("\"next\":\"/", &format!("\"next\":\"{start}/")))
            }
            other => other,
        });
        let (code, out, error) = pull(&home, &server.url, &[]);
        assert_eq!(code, 0, "{error}");
        assert!(out.contains("commits: 2500 rows"), "{out}");
        let requests = server.requests();
        assert!(requests.iter().any(|request| request.target.contains("limit=1000&offset=1998&ordering=id")));
    }
    let links = [
        "/v3/customer/core/users/?offset=1000".to_owned(),
        "https://example.com\u{1b}[2J/".to_owned(),
        "commits/?offset=1000".to_owned(),
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
        reply_as(&lists(if is_first { 1500 } else { 1501 }), request, false)
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
fn a_row_that_disappears_between_pages_is_noticed() {
    for has_id_filter in [true, false] {
        for appears in [false, true] {
            let home = folder(&format!("pull-disappear-{has_id_filter}-{appears}"));
            let all = Arc::new(Mutex::new(lists(2000)));
            let server = Server::start(move |_, request| {
                let mut all = all.lock().unwrap();
                let reply = reply_as(&all, request, has_id_filter);
                let commits = all.get_mut("commits").unwrap();
                // After the first page, commit 5 disappears, and perhaps another one appears.
                if request.target.contains("/commits/") && commits[4]["id"] == 5 {
                    commits.remove(4);
                    if appears {
                        commits.extend(lists(2001).remove("commits").unwrap().pop());
                    }
                }
                reply
            });
            let (code, out, error) = pull(&home, &server.url, &[]);
            assert_eq!(code, 0, "{error}");
            assert!(error.contains("reading the list again"), "{error}");
            let rows = if appears { 2000 } else { 1999 };
            assert!(out.contains(&format!("commits: {rows} rows, count {rows}\n")), "{out}");
            let commits = fs::read_to_string(home.join("dump/commits.ndjson")).unwrap();
            assert_eq!(commits.lines().count(), rows);
            assert!(!commits.contains("{\"id\":5,") && commits.contains("{\"id\":1001,"));
        }
    }
}

#[test]
fn rows_that_appear_at_the_end_are_read_without_another_read() {
    let home = folder("pull-append");
    let reads = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&reads);
    let server = Server::start(move |_, request| {
        let number = if request.target.contains("/commits/") { counter.fetch_add(1, Ordering::Relaxed) } else { 9 };
        reply(&lists(1500 + number.min(5) as u64), request)
    });
    let (code, out, error) = pull(&home, &server.url, &[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 1505 rows, count 1505\n"), "{out}");
    assert!(!error.contains("again"), "{error}");
}

#[test]
fn counts_are_verified() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 3] = [
        ("fewer", |page| page["count"] = json!(4), "received 3 distinct rows instead of 4 (3 attempts)"),
        ("more", |page| page["count"] = json!(2), "the pages do not match the count of 2 rows"),
        ("twice", |page| page["results"][1] = page["results"][0].clone(), "received 2 distinct rows instead of 3"),
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
        if request.target.contains("id__gt=1000") && *is_failing.lock().unwrap() {
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
        server.take_targets().into_iter().filter(|target| target.contains("/commits/?limit=1000")).collect();
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
