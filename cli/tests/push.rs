//! Tests of `streamgage push` against a server that stores rows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic: that is how it fails")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use support::{KEY, Reply, Request, Server, commit, commits, folder, names, run, streamgage, write_dump};

type Rows = Arc<Mutex<BTreeMap<(String, u64), String>>>;

/// Stores rows as a Worker does.
fn import(stored: &Rows, request: &Request) -> Reply {
    let resource = request.target.strip_prefix("/import/").unwrap();
    if resource == "dump" {
        return Reply::ok("{}");
    }
    let (mut rows, mut changed) = (0, 0);
    for line in request.body.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let key = (resource.to_owned(), row["id"].as_u64().unwrap());
        rows += 1;
        changed += u64::from(stored.lock().unwrap().insert(key, line.to_owned()).as_deref() != Some(line));
    }
    Reply::ok(format!(r#"{{"rows":{rows},"changed":{changed}}}"#))
}

fn push(home: &Path, to: &str) -> (i32, String, String) {
    run(streamgage(home).arg("push").arg(home.join("dump")).args(["--to", to]))
}

fn dump(home: &Path, commits: &str) {
    let files = [
        ("dump.json", r#"{"format":1,"demo":true,"name":"Demo"}"#),
        ("commits.ndjson", commits),
        ("users.ndjson", "{\"id\":1,\"name\":\"\u{e9}\", \"unknown\" : [1.50]}\n"),
        ("teams.ndjson", "{\"id\":1}\n\n  {\"id\":2,\"_deleted\":true}"),
        ("tags.ndjson", ""),
    ];
    write_dump(&home.join("dump"), &files);
}

#[test]
fn rows_are_sent_unchanged_and_in_order() {
    let home = folder("push-order");
    dump(&home, &commits(1..=2500));
    fs::write(home.join("dump/tickets.ndjson"), "{\"title\":\"a\", \"id\":4}\n").unwrap();
    let stored = Rows::default();
    let rows = Arc::clone(&stored);
    let server = Server::start(move |_, request| import(&rows, request));
    let (code, out, error) = push(&home, &server.url);
    assert_eq!(code, 0, "{error}");
    assert_eq!(
        out,
        "teams: 2 rows sent, 2 changed\nusers: 1 rows sent, 1 changed\ncommits: 2500 rows sent, 2500 changed\n\
         tickets: 1 rows sent, 1 changed\n"
    );
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.authorization.as_deref() == Some(&format!("Bearer {KEY}"))));
    assert!(requests.iter().all(|request| request.method == "POST"));
    assert_eq!(requests[0].body, r#"{"format":1,"demo":true,"name":"Demo"}"#);
    let counts: Vec<(&str, usize)> =
        requests.iter().map(|request| (request.target.as_str(), request.body.lines().count())).collect();
    let batches = [("/import/commits", 1000), ("/import/commits", 1000), ("/import/commits", 500)];
    let first = [("/import/dump", 1), ("/import/teams", 2), ("/import/users", 1)];
    assert_eq!(counts, [&first[..], &batches, &[("/import/tickets", 1)]].concat());
    let users = ("users".to_owned(), 1);
    assert_eq!(stored.lock().unwrap()[&("tickets".to_owned(), 4)], "{\"title\":\"a\", \"id\":4}");
    assert_eq!(stored.lock().unwrap()[&users], "{\"id\":1,\"name\":\"\u{e9}\", \"unknown\" : [1.50]}");

    // A second push changes nothing. The URL may contain the path of the API.
    let (code, out, _) = push(&home, &format!("{}/v3/customer/core/", server.url));
    assert_eq!(code, 0);
    assert!(out.contains("commits: 2500 rows sent, 0 changed\n"), "{out}");
    assert_eq!(fs::read_dir(home.join("state/streamgage/push")).unwrap().count(), 0, "no state is left");
}

#[test]
fn batches_have_a_limited_size() {
    let home = folder("push-bytes");
    let long = "\u{e4}".repeat(100_000);
    let rows: String = (1..=12).map(|id| format!("{}\n", commit(id).replace("kept", &long))).collect();
    dump(&home, &rows);
    let stored = Rows::default();
    let rows = Arc::clone(&stored);
    let server = Server::start(move |_, request| import(&rows, request));
    assert_eq!(push(&home, &server.url).0, 0);
    assert!(server.requests().iter().all(|request| request.body.len() <= 1_000_000));
    assert_eq!(stored.lock().unwrap().len(), 15);

    // A row that is too long for an import is reported by file and line. All others are sent.
    let rows: String = (1..=4).map(|id| commit(id) + "\n\n").collect();
    dump(&home, &rows.replace(&commit(2), &commit(2).replace("kept", &long.repeat(5))));
    stored.lock().unwrap().clear();
    let (code, out, error) = push(&home, &server.url);
    assert_eq!(code, 2);
    assert!(out.contains("commits: 3 rows sent, 3 changed\n"), "{out}");
    assert!(error.contains("commits.ndjson:3: the row is longer than 1000000 bytes; it is not pushed\n"), "{error}");
    assert!(error.ends_with("streamgage: 1 rows are too long for an import; all others are pushed\n"), "{error}");
    assert_eq!(stored.lock().unwrap().len(), 6);
}

#[test]
fn an_invalid_dump_is_not_sent() {
    let home = folder("push-bad");
    dump(&home, &(commits(1..=3) + &commit(4).replace(r#""haloc":4"#, r#""haloc":"four""#)));
    let server = Server::start(|_, _| Reply::ok("{}"));
    let (code, out, error) = push(&home, &server.url);
    assert_eq!((code, out.as_str(), error.lines().count()), (2, "", 1));
    assert!(error.contains("commits.ndjson:4") && error.contains("haloc"), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn temporary_failures_are_retried() {
    let home = folder("push-patience");
    dump(&home, &commits(1..=3));
    let stored = Rows::default();
    let rows = Arc::clone(&stored);
    let server = Server::start(move |number, request| match number {
        0 => Reply::Send(503, "", String::new()),
        2 => Reply::Send(429, "Retry-After: 0\r\n", String::new()),
        4 => Reply::Close,
        6 => Reply::Truncate,
        _ => import(&rows, request),
    });
    let (code, out, error) = push(&home, &server.url);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 3 rows sent, 3 changed"), "{out}");
    assert!(error.contains("status 503; retrying in 0.5 s"), "{error}");
    assert!(error.contains("status 429; retrying in 0 s"), "{error}");
    assert_eq!(stored.lock().unwrap().len(), 6);
}

#[test]
fn an_interrupted_push_continues() {
    let home = folder("push-resume");
    dump(&home, &commits(1..=5000));
    let stored = Rows::default();
    let rows = Arc::clone(&stored);
    let full = Arc::new(Mutex::new(true));
    let is_full = Arc::clone(&full);
    let server = Server::start(move |_, request| {
        let is_late = request.body.contains("\"id\":3001,");
        if is_late && *is_full.lock().unwrap() {
            return Reply::status(507, "full");
        }
        import(&rows, request)
    });
    let (code, out, error) = push(&home, &server.url);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.contains("commits: ") && error.contains("507: full"), "{error}");
    assert_eq!(names(&home.join("dump")).len(), 5, "nothing is written into the dump");

    *full.lock().unwrap() = false;
    server.take_targets();
    let (code, out, error) = push(&home, &server.url);
    assert_eq!(code, 0, "{error}");
    // The first batch verifies that the database is the same; two batches were missing.
    assert!(out.contains("commits: 3000 rows sent, 2000 changed, 2000 stored before"), "{out}");
    assert_eq!(server.take_targets().iter().filter(|target| target.ends_with("commits")).count(), 3);
    assert_eq!(stored.lock().unwrap().len(), 5003);
}

#[test]
fn a_push_stops_at_a_daily_limit_and_continues_the_next_day() {
    let home = folder("push-daily-limit");
    dump(&home, &commits(1..=5000));
    let stored = Rows::default();
    let rows = Arc::clone(&stored);
    let limited = Arc::new(Mutex::new(true));
    let is_limited = Arc::clone(&limited);
    let server = Server::start(move |_, request| {
        if request.body.contains("\"id\":3001,") && *is_limited.lock().unwrap() {
            let body = r#"{"detail":"The daily limit of the database is reached."}"#;
            return Reply::Send(503, "Retry-After: 43200\r\n", body.to_owned());
        }
        import(&rows, request)
    });
    let requests_of_commits =
        || server.take_targets().into_iter().filter(|target| target.ends_with("/import/commits")).count();
    let (code, out, error) = push(&home, &server.url);
    assert_eq!((code, out.as_str()), (75, ""));
    let last = error.lines().last().unwrap();
    assert!(last.contains("status 503: The daily limit of the database is reached. Run the same command"), "{error}");
    assert!(last.ends_with("UTC to continue. So far, 3000 of 5000 commits are stored."), "{error}");
    assert_eq!(requests_of_commits(), 4, "the refused batch is not retried");

    // Too early: the rows that are stored stay noted.
    let (code, _, error) = push(&home, &server.url);
    assert_eq!(code, 75);
    assert!(error.contains("So far, 3000 of 5000 commits are stored."), "{error}");
    assert_eq!(requests_of_commits(), 2);

    // The next day.
    let age_state = |hours: u64| {
        let entries = fs::read_dir(home.join("state/streamgage/push")).unwrap().map(Result::unwrap);
        let paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        assert_eq!(paths.len(), 1);
        let file = fs::File::options().write(true).open(&paths[0]).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
    };
    age_state(30);
    *limited.lock().unwrap() = false;
    let (code, out, error) = push(&home, &server.url);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 3000 rows sent, 2000 changed, 2000 stored before"), "{out}");
    assert_eq!(requests_of_commits(), 3);
    assert_eq!(stored.lock().unwrap().len(), 5003);
    assert!(names(&home.join("state/streamgage/push")).is_empty(), "the state is removed");

    // A state that is more than a week old is ignored.
    *limited.lock().unwrap() = true;
    assert_eq!(push(&home, &server.url).0, 75);
    age_state(8 * 24);
    *limited.lock().unwrap() = false;
    let (code, out, error) = push(&home, &server.url);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 5000 rows sent, 0 changed"), "{out}");
}

#[test]
fn a_changed_database_or_dump_is_sent_again() {
    let home = folder("push-distrust");
    dump(&home, &commits(1..=3000));
    let stored = Rows::default();
    let rows = Arc::clone(&stored);
    let full = Arc::new(Mutex::new(true));
    let is_full = Arc::clone(&full);
    let server = Server::start(move |_, request| {
        if request.body.contains("\"id\":2001,") && *is_full.lock().unwrap() {
            return Reply::status(507, "full");
        }
        import(&rows, request)
    });
    assert_eq!(push(&home, &server.url).0, 1);
    // The database is emptied.
    stored.lock().unwrap().clear();
    *full.lock().unwrap() = false;
    assert_eq!(push(&home, &server.url).0, 0);
    assert_eq!(stored.lock().unwrap().len(), 3003);

    *full.lock().unwrap() = true;
    assert_eq!(push(&home, &server.url).0, 1);
    // The dump changes.
    dump(&home, &commits((1..=2999).chain([4000])));
    *full.lock().unwrap() = false;
    let (code, out, _) = push(&home, &server.url);
    assert_eq!(code, 0);
    assert!(out.contains("commits: 3000 rows sent, 1 changed"), "{out}");
}

#[test]
fn refusals_are_reported() {
    let home = folder("push-refused");
    dump(&home, &commits(1..=1500));
    let server = Server::start(|_, request| match request.target.as_str() {
        "/import/commits" if request.body.contains("\"id\":1001,") => {
            Reply::Send(400, "", r#"{"line":3,"field":"impact","error":"must be\u001b[31m a number"}"#.to_owned())
        }
        "/import/dump" => Reply::ok("{}"),
        _ => Reply::ok(format!(r#"{{"rows":{},"changed":0}}"#, request.body.lines().count())),
    });
    let (code, _, error) = push(&home, &server.url);
    assert_eq!(code, 2);
    assert!(error.contains("commits: row 1003: impact: must be\\u{1b}[31m a number"), "{error}");

    for (status, message) in
        [(401, "the key is not accepted (401: Invalid token.)"), (403, "lacks the permission (403"), (404, "404")]
    {
        let server = Server::start(move |_, _| Reply::status(status, "Invalid token."));
        let (code, _, error) = push(&home, &server.url);
        assert_eq!((code, error.lines().count()), (1, 1));
        assert!(error.contains(message), "{error}");
    }
    let server = Server::start(|_, request| {
        if request.target == "/import/dump" { Reply::ok("{}") } else { Reply::ok(r#"{"rows":0,"changed":0}"#) }
    });
    let (code, _, error) = push(&home, &server.url);
    assert_eq!(code, 1);
    assert!(error.contains("did not confirm the rows"), "{error}");
}

#[test]
fn the_key_is_sent_to_the_given_server_only() {
    let home = folder("push-key");
    dump(&home, &commits(1..=3));
    let other = Server::start(|_, _| Reply::ok("{}"));
    let redirect: &'static str = Box::leak(format!("Location: {}/import/dump\r\n", other.url).into_boxed_str());
    let server = Server::start(move |_, _| Reply::Send(307, redirect, String::new()));
    let (code, _, error) = push(&home, &server.url);
    assert_eq!(code, 1);
    assert!(error.contains("a redirect to http://127.0.0.1:"), "{error}");
    assert!(other.requests().is_empty());

    for (to, message) in
        [("http://example.com", "https"), ("example.com", "https://host"), ("https://a@example.com", "STREAMGAGE_KEY")]
    {
        let (code, _, error) = push(&home, to);
        assert_eq!((code, error.lines().count()), (2, 1));
        assert!(error.contains(message), "{error}");
    }
    for (key, message) in
        [("", "is not set"), ("two words", "not a valid API key"), ("line\nbreak", "not a valid API key")]
    {
        let mut command = streamgage(&home);
        command.arg("push").arg(home.join("dump")).args(["--to", &server.url]).env("STREAMGAGE_KEY", key);
        let (code, _, error) = run(&mut command);
        assert_eq!(code, 2);
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn an_unreachable_server_is_reported() {
    let home = folder("push-nobody");
    dump(&home, &commits(1..=3));
    let (code, _, error) = push(&home, "http://127.0.0.1:1");
    assert_eq!(code, 1);
    assert!(error.lines().last().unwrap().contains("(3 attempts); run the command again"), "{error}");
    assert!(!error.contains(KEY), "{error}");
}

#[test]
fn compressed_files_are_sent() {
    let home = folder("push-zipped");
    dump(&home, "");
    fs::remove_file(home.join("dump/commits.ndjson")).unwrap();
    let file = fs::File::create(home.join("dump/commits.ndjson.gz")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    encoder.write_all(commits(1..=3).as_bytes()).unwrap();
    encoder.finish().unwrap();
    let stored = Rows::default();
    let rows = Arc::clone(&stored);
    let server = Server::start(move |_, request| import(&rows, request));
    let (code, out, error) = push(&home, &server.url);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 3 rows sent, 3 changed"), "{out}");
    assert_eq!(stored.lock().unwrap()[&("commits".to_owned(), 2)], commit(2));
}
