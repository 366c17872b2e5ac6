//! `streamgage push`, against a small server that stores what it is sent.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic: that is how it fails")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use support::{Answer, KEY, Request, Server, commit, commits, folder, names, run, streamgage, write_dump};

type Rows = Arc<Mutex<BTreeMap<(String, u64), String>>>;

/// Upserts rows as a Worker does.
fn import(stored: &Rows, request: &Request) -> Answer {
    let resource = request.target.strip_prefix("/import/").unwrap();
    if resource == "dump" {
        return Answer::ok("{}");
    }
    let (mut rows, mut changed) = (0, 0);
    for line in request.body.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let key = (resource.to_owned(), row["id"].as_u64().unwrap());
        rows += 1;
        changed += u64::from(stored.lock().unwrap().insert(key, line.to_owned()).as_deref() != Some(line));
    }
    Answer::ok(format!(r#"{{"rows":{rows},"changed":{changed}}}"#))
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
fn rows_are_sent_as_they_stand_and_in_order() {
    let home = folder("push-order");
    dump(&home, &commits(1..=2500));
    let stored = Rows::default();
    let rows = Arc::clone(&stored);
    let server = Server::start(move |_, request| import(&rows, request));
    let (code, out, error) = push(&home, &server.url);
    assert_eq!(code, 0, "{error}");
    assert_eq!(
        out,
        "teams: 2 rows sent, 2 changed\nusers: 1 rows sent, 1 changed\ncommits: 2500 rows sent, 2500 changed\n"
    );
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.authorization.as_deref() == Some(&format!("Bearer {KEY}"))));
    assert!(requests.iter().all(|request| request.method == "POST"));
    assert_eq!(requests[0].body, r#"{"format":1,"demo":true,"name":"Demo"}"#);
    let counts: Vec<(&str, usize)> =
        requests.iter().map(|request| (request.target.as_str(), request.body.lines().count())).collect();
    let batches = [("/import/commits", 1000), ("/import/commits", 1000), ("/import/commits", 500)];
    assert_eq!(counts, [[("/import/dump", 1), ("/import/teams", 2), ("/import/users", 1)], batches].concat());
    let users = ("users".to_owned(), 1);
    assert_eq!(stored.lock().unwrap()[&users], "{\"id\":1,\"name\":\"\u{e9}\", \"unknown\" : [1.50]}");

    // Run twice, it changes nothing; to the address of the API no less.
    let (code, out, _) = push(&home, &format!("{}/v3/customer/core/", server.url));
    assert_eq!(code, 0);
    assert!(out.contains("commits: 2500 rows sent, 0 changed\n"), "{out}");
    assert_eq!(fs::read_dir(home.join("state/streamgage/push")).unwrap().count(), 0, "no state is left");
}

#[test]
fn batches_are_small_enough_in_bytes_too() {
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

    // A row that no import can hold is told before anything is sent.
    dump(&home, &(commit(1) + "\n" + &commit(2).replace("kept", &long.repeat(5)) + "\n"));
    server.take_targets();
    let (code, _, error) = push(&home, &server.url);
    assert_eq!(code, 2);
    assert!(error.contains("commits: row 2 "), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn a_bad_dump_is_not_sent_at_all() {
    let home = folder("push-bad");
    dump(&home, &(commits(1..=3) + &commit(4).replace(r#""haloc":4"#, r#""haloc":"four""#)));
    let server = Server::start(|_, _| Answer::ok("{}"));
    let (code, out, error) = push(&home, &server.url);
    assert_eq!((code, out.as_str(), error.lines().count()), (2, "", 1));
    assert!(error.contains("commits.ndjson:4") && error.contains("haloc"), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn a_server_in_trouble_is_waited_for() {
    let home = folder("push-patience");
    dump(&home, &commits(1..=3));
    let stored = Rows::default();
    let rows = Arc::clone(&stored);
    let server = Server::start(move |number, request| match number {
        0 => Answer::Send(503, "", String::new()),
        2 => Answer::Send(429, "Retry-After: 0\r\n", String::new()),
        4 => Answer::Close,
        6 => Answer::Cut,
        _ => import(&rows, request),
    });
    let (code, out, error) = push(&home, &server.url);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 3 rows sent, 3 changed"), "{out}");
    assert!(error.contains("answered 503; trying again in 0.5 s"), "{error}");
    assert!(error.contains("answered 429; trying again in 0 s"), "{error}");
    assert_eq!(stored.lock().unwrap().len(), 6);
}

#[test]
fn a_push_that_was_broken_off_goes_on() {
    let home = folder("push-resume");
    dump(&home, &commits(1..=5000));
    let stored = Rows::default();
    let rows = Arc::clone(&stored);
    let broken = Arc::new(Mutex::new(true));
    let is_broken = Arc::clone(&broken);
    let server = Server::start(move |_, request| {
        let is_late = request.body.contains("\"id\":3001,");
        if is_late && *is_broken.lock().unwrap() {
            return Answer::status(507, "no more");
        }
        import(&rows, request)
    });
    let (code, out, error) = push(&home, &server.url);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.contains("commits: ") && error.contains("507: no more"), "{error}");
    assert_eq!(names(&home.join("dump")).len(), 5, "nothing is written into the dump");

    *broken.lock().unwrap() = false;
    server.take_targets();
    let (code, out, error) = push(&home, &server.url);
    assert_eq!(code, 0, "{error}");
    // The first batch, which shows that the database is still the same, then the two that are missing.
    assert!(out.contains("commits: 3000 rows sent, 2000 changed, 2000 stored before"), "{out}");
    assert_eq!(server.take_targets().iter().filter(|target| target.ends_with("commits")).count(), 3);
    assert_eq!(stored.lock().unwrap().len(), 5003);
}

#[test]
fn what_was_stored_is_not_believed_blindly() {
    let home = folder("push-distrust");
    dump(&home, &commits(1..=3000));
    let stored = Rows::default();
    let rows = Arc::clone(&stored);
    let broken = Arc::new(Mutex::new(true));
    let is_broken = Arc::clone(&broken);
    let server = Server::start(move |_, request| {
        if request.body.contains("\"id\":2001,") && *is_broken.lock().unwrap() {
            return Answer::status(507, "no more");
        }
        import(&rows, request)
    });
    assert_eq!(push(&home, &server.url).0, 1);
    // The database was emptied meanwhile.
    stored.lock().unwrap().clear();
    *broken.lock().unwrap() = false;
    assert_eq!(push(&home, &server.url).0, 0);
    assert_eq!(stored.lock().unwrap().len(), 3003);

    *broken.lock().unwrap() = true;
    assert_eq!(push(&home, &server.url).0, 1);
    // The dump was changed meanwhile.
    dump(&home, &commits((1..=2999).chain([4000])));
    *broken.lock().unwrap() = false;
    let (code, out, _) = push(&home, &server.url);
    assert_eq!(code, 0);
    assert!(out.contains("commits: 3000 rows sent, 1 changed"), "{out}");
}

#[test]
fn what_the_server_refuses_is_told() {
    let home = folder("push-refused");
    dump(&home, &commits(1..=1500));
    let server = Server::start(|_, request| match request.target.as_str() {
        "/import/commits" if request.body.contains("\"id\":1001,") => {
            Answer::Send(400, "", r#"{"line":3,"field":"impact","error":"must be\u001b[31m a number"}"#.to_owned())
        }
        "/import/dump" => Answer::ok("{}"),
        _ => Answer::ok(format!(r#"{{"rows":{},"changed":0}}"#, request.body.lines().count())),
    });
    let (code, _, error) = push(&home, &server.url);
    assert_eq!(code, 2);
    assert!(error.contains("commits: row 1003: impact: must be\\u{1b}[31m a number"), "{error}");

    for (status, told) in
        [(401, "the key is not accepted (401: Invalid token.)"), (403, "not the permission (403"), (404, "404")]
    {
        let server = Server::start(move |_, _| Answer::status(status, "Invalid token."));
        let (code, _, error) = push(&home, &server.url);
        assert_eq!((code, error.lines().count()), (1, 1));
        assert!(error.contains(told), "{error}");
    }
    let server = Server::start(|_, request| {
        if request.target == "/import/dump" { Answer::ok("{}") } else { Answer::ok(r#"{"rows":0,"changed":0}"#) }
    });
    let (code, _, error) = push(&home, &server.url);
    assert_eq!(code, 1);
    assert!(error.contains("did not confirm the rows"), "{error}");
}

#[test]
fn the_key_stays_where_it_belongs() {
    let home = folder("push-key");
    dump(&home, &commits(1..=3));
    let other = Server::start(|_, _| Answer::ok("{}"));
    let redirect: &'static str = Box::leak(format!("Location: {}/import/dump\r\n", other.url).into_boxed_str());
    let server = Server::start(move |_, _| Answer::Send(307, redirect, String::new()));
    let (code, _, error) = push(&home, &server.url);
    assert_eq!(code, 1);
    assert!(error.contains("a redirect to http://127.0.0.1:"), "{error}");
    assert!(other.requests().is_empty());

    for (to, told) in
        [("http://example.com", "https"), ("example.com", "https://host"), ("https://a@example.com", "STREAMGAGE_KEY")]
    {
        let (code, _, error) = push(&home, to);
        assert_eq!((code, error.lines().count()), (2, 1));
        assert!(error.contains(told), "{error}");
    }
    for (key, told) in [("", "is not set"), ("two words", "no API key"), ("line\nbreak", "no API key")] {
        let mut command = streamgage(&home);
        command.arg("push").arg(home.join("dump")).args(["--to", &server.url]).env("STREAMGAGE_KEY", key);
        let (code, _, error) = run(&mut command);
        assert_eq!(code, 2);
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn nobody_there_is_told() {
    let home = folder("push-nobody");
    dump(&home, &commits(1..=3));
    let (code, _, error) = push(&home, "http://127.0.0.1:1");
    assert_eq!(code, 1);
    assert!(error.lines().last().unwrap().contains("3 times; a rerun goes on"), "{error}");
    assert!(!error.contains(KEY), "{error}");
}

#[test]
fn zipped_files_are_sent_too() {
    let home = folder("push-zipped");
    dump(&home, "");
    fs::remove_file(home.join("dump/commits.ndjson")).unwrap();
    let file = fs::File::create(home.join("dump/commits.ndjson.gz")).unwrap();
    let mut zipped = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    zipped.write_all(commits(1..=3).as_bytes()).unwrap();
    zipped.finish().unwrap();
    let stored = Rows::default();
    let rows = Arc::clone(&stored);
    let server = Server::start(move |_, request| import(&rows, request));
    let (code, out, error) = push(&home, &server.url);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 3 rows sent, 3 changed"), "{out}");
    assert_eq!(stored.lock().unwrap()[&("commits".to_owned(), 2)], commit(2));
}
