//! Tests of `streamgage query`: invalid dumps, and changes of a dump that must not change the answers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic: that is how it fails")]

mod support;

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use support::{folder, run, run_bounded, streamgage};

const METRICS: &str = "/v3/customer/metrics/code_fundamentals/period_metrics/?start_date=2024-01-01&resolution=week";
const ROW: &str =
    r#"{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2024-03-05T10:00:00","haloc":10,"impact":2.5}"#;
const ANSWER: &str = r#"{"status":200,"body":{"count":1,"results":[{"period_start_date":"2024-03-04","active_days":1.0,"commit_count":1.0,"total_impact":2.5,"total_efficiency":100.0}]}}"#;

fn query(dump: &Path, request: &str) -> (i32, String, String) {
    run(streamgage(dump).arg("query").arg(dump).arg(request).args(["--today", "2024-06-01"]))
}

/// Returns the error message for a dump of one file.
fn error_of(name: &str, file: &str, content: impl AsRef<[u8]>) -> String {
    let dump = folder(&format!("query-{name}"));
    fs::write(dump.join(file), content).unwrap();
    let (code, out, error) = query(&dump, METRICS);
    assert_eq!((code, out.as_str()), (2, ""), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    error.trim_end().replace(dump.to_str().unwrap(), "DUMP")
}

#[test]
fn errors_contain_the_file_the_line_and_the_field() {
    for (name, row, message) in [
        ("kind", ROW.replace("2.5", "\"high\""), "impact: must be a number"),
        ("date", ROW.replace("03-05", "02-30"), "author_date: must be a date-time, such as 2021-06-01T09:30:00"),
        ("required", ROW.replace("repo_id", "repository"), "repo_id: is required"),
        ("undated", ROW.replace("author_date", "date"), "author_date: is required, or author_local_date"),
        ("nan", ROW.replace("2.5", "NaN"), "is no JSON from byte 93 on"),
        ("cut", ROW.split_at(40).0.to_owned(), "is no JSON from byte 39 on"),
        ("list", "[1]".to_owned(), "must be an object"),
        ("two", format!("{ROW}{ROW}"), "is no JSON from byte 97 on"),
    ] {
        let error = error_of(name, "commits.ndjson", format!("{ROW}\n\n{row}\n"));
        assert_eq!(error, format!("streamgage: DUMP/commits.ndjson:3: {message}"));
    }
}

#[test]
fn rows_and_fields_that_metrics_do_not_need_are_checked() {
    let error = error_of("aliases", "user_alias.ndjson", "{\"id\":1,\"name\":7}\n");
    assert_eq!(error, "streamgage: DUMP/user_alias.ndjson:1: name: must be text");
    let error = error_of("unread", "commits.ndjson", ROW.replace("haloc\":10", "hunks\":\"x\""));
    assert_eq!(error, "streamgage: DUMP/commits.ndjson:1: hunks: must be a whole number of at most 2^53 - 1");
}

#[test]
fn the_line_number_is_right_in_a_large_file() {
    let good = format!("{ROW}\n").repeat(60_000);
    let error = error_of("large", "commits.ndjson", format!("{good}{}\n{good}", ROW.replace("10,", "\"x\",")));
    assert_eq!(error, "streamgage: DUMP/commits.ndjson:60001: haloc: must be a whole number of at most 2^53 - 1");
}

#[test]
fn values_that_are_nested_too_deeply_are_named_as_such() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for (name, file, row, field) in [
        ("unknown", "commits.ndjson", ROW.replace("\"haloc\":10", &format!("\"x\":{}", deep(300))), ""),
        (
            "known",
            "commits.ndjson",
            ROW.replace("\"haloc\":10", &format!("\"extracted_tags\":{}", deep(300))),
            "extracted_tags: ",
        ),
        ("very", "commits.ndjson", ROW.replace("\"haloc\":10", &format!("\"x\":{}", deep(200_000))), ""),
        ("generic", "tickets.ndjson", format!("{{\"id\":1,\"x\":{}}}", deep(300)), ""),
        ("object", "tickets.ndjson", format!("{{\"id\":1,\"x\":{}1{}}}", "{\"a\":".repeat(300), "}".repeat(300)), ""),
    ] {
        let error =
            error_of(&format!("deep-{name}"), file, format!("{}\n{row}\n", ROW.replace("\"id\":1,", "\"id\":9,")));
        assert_eq!(error, format!("streamgage: DUMP/{file}:2: {field}is nested too deeply"), "{name}");
    }
}

#[test]
fn compressed_files_do_not_expand_without_limit() {
    for (name, line) in [("rows", format!("{ROW}\n")), ("blank", "\n".repeat(100)), ("space", " ".repeat(100))] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..(66 << 20) / line.len() {
            encoder.write_all(line.as_bytes()).unwrap();
        }
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() < 1 << 20, "{}", bomb.len());
        let error = error_of(&format!("bomb-{name}"), "commits.ndjson.gz", bomb);
        let message =
            if name == "space" { "too long for a row" } else { "the file expands to more than 100 times its size" };
        assert!(error.starts_with("streamgage: DUMP/commits.ndjson.gz:") && error.contains(message), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_no_dump() {
    for file in ["dump.json", "commits.ndjson", "users.ndjson.gz"] {
        for is_pipe in [true, false] {
            let dump = folder("query-pipe");
            fs::write(dump.join("tags.ndjson"), "").unwrap();
            match is_pipe {
                true => assert!(Command::new("mkfifo").arg(dump.join(file)).status().unwrap().success()),
                false => std::os::unix::fs::symlink("/dev/zero", dump.join(file)).unwrap(),
            }
            let (code, _, error) = run_bounded(streamgage(&dump).arg("query").arg(&dump).arg(METRICS));
            assert_eq!(code, 2, "{file}: {error}");
            assert!(error.contains(&format!("{file}: not a file")), "{error}");
        }
    }
}

#[test]
fn folders_that_are_not_dumps_are_refused() {
    for (name, file, content, message) in [
        ("json", "dump.json", "{", "DUMP: dump.json: EOF while parsing an object at line 1 column 1"),
        ("format", "dump.json", r#"{"format":2}"#, "DUMP: dump.json: format 2 is not supported; expected 1"),
        ("other", "notes.txt", "", "DUMP: not a dump: it has neither a dump.json nor rows, such as commits.ndjson"),
    ] {
        assert_eq!(error_of(name, file, content), format!("streamgage: {message}"));
    }
    let nowhere = folder("query-nowhere").join("dump");
    let (code, _, error) = query(&nowhere, METRICS);
    assert_eq!((code, error), (2, format!("streamgage: {}: no such file or folder\n", nowhere.display())));
    let error = error_of("utf8", "commits.ndjson", b"{\"id\":1,\"message\":\"\xff\"}");
    assert_eq!(error, "streamgage: DUMP/commits.ndjson:1: invalid UTF-8");
    let error = error_of("gzip", "commits.ndjson.gz", b"this is not compressed");
    assert_eq!(error, "streamgage: DUMP/commits.ndjson.gz:1: invalid gzip header");
}

#[test]
fn a_plain_and_a_compressed_file_of_one_resource_are_refused() {
    let dump = folder("query-both");
    fs::write(dump.join("commits.ndjson"), ROW).unwrap();
    fs::write(dump.join("commits.ndjson.gz"), ROW).unwrap();
    let (code, _, error) = query(&dump, METRICS);
    assert_eq!(code, 2);
    assert!(error.ends_with("commits.ndjson: commits.ndjson.gz exists, too; remove one\n"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_dangling_link_is_an_error() {
    let dump = folder("query-link");
    std::os::unix::fs::symlink("/nowhere/at/all", dump.join("commits.ndjson")).unwrap();
    let (code, out, error) = query(&dump, METRICS);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(error.ends_with("commits.ndjson: no such file or folder\n"), "{error}");
}

#[test]
fn control_characters_in_errors_are_escaped() {
    let error = error_of("escape", "dump.json", "\"\\u001b[2J\u{202e}\"\n");
    assert!(error.contains("\\u{1b}[2J\\u{202e}"), "{error}");
    assert!(!error.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn compressed_rows_are_read() {
    let dump = folder("query-zipped");
    let mut file = GzEncoder::new(fs::File::create(dump.join("commits.ndjson.gz")).unwrap(), Compression::fast());
    file.write_all(ROW.as_bytes()).unwrap();
    file.finish().unwrap();
    assert_eq!(query(&dump, METRICS), (0, format!("{ANSWER}\n"), String::new()));
}

#[test]
fn a_later_row_replaces_an_earlier_one_and_can_delete() {
    let dump = folder("query-changes");
    let rows =
        [ROW.replace("2.5", "99"), ROW.replace(":1,\"a", ":2,\"a"), ROW.into(), r#"{"_deleted":true,"id":2}"#.into()];
    fs::write(dump.join("commits.ndjson"), rows.join("\r\n")).unwrap();
    assert_eq!(query(&dump, METRICS), (0, format!("{ANSWER}\n"), String::new()));
    // Some editors write a byte order mark.
    fs::write(dump.join("commits.ndjson"), format!("\u{feff}{}", rows.join("\r\n"))).unwrap();
    fs::write(dump.join("dump.json"), "\u{feff}{\"format\":1}").unwrap();
    assert_eq!(query(&dump, METRICS), (0, format!("{ANSWER}\n"), String::new()));
}

/// Compares a dump with the same rows in another order: sorted by their reversed texts.
#[test]
fn the_order_of_rows_does_not_matter() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shared = root.join("../shared/data/sample");
    let sample = if shared.exists() { shared } else { root.join("tests/corpus/dump") };
    let (sorted, shuffled) = (folder("query-sorted"), folder("query-shuffled"));
    for file in ["commits", "users", "teams", "team_membership", "repos"].map(|name| format!("{name}.ndjson")) {
        let text = fs::read_to_string(sample.join(&file)).unwrap();
        // Keep only the last row of each id: it must stay the last one.
        let mut rows: std::collections::BTreeMap<i64, &str> = Default::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            rows.insert(row["id"].as_i64().unwrap(), line);
        }
        let mut rows: Vec<&str> = rows.into_values().collect();
        fs::write(sorted.join(&file), rows.join("\n")).unwrap();
        rows.sort_by_key(|row| std::cmp::Reverse(row.bytes().rev().collect::<Vec<u8>>()));
        fs::write(shuffled.join(&file), rows.join("\n")).unwrap();
    }
    let answers_of = |dump: &Path| {
        let requests: Vec<String> =
            ["resolution=week", "resolution=period", "resolution=week&team_id=100&include_nested_teams=true"]
                .into_iter()
                .flat_map(|query| (0..4).map(move |year| format!("{query}&start_date={}-02-03", 2020 + year)))
                .map(|query| format!("/v3/customer/metrics/code_fundamentals/period_metrics/?{query}\n"))
                .collect();
        let mut command = streamgage(dump);
        command.arg("query").arg(dump).args(["--today", "2023-02-03", "-"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(requests.concat().as_bytes()).unwrap();
        let answers = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        assert_eq!(answers.lines().count(), requests.len());
        assert!(answers.contains("period_start_date"), "{answers}");
        answers
    };
    assert_eq!(answers_of(&sorted), answers_of(&shuffled));
}

#[test]
fn every_kind_of_request_is_answered() {
    let dump = folder("query-routes");
    fs::write(dump.join("commits.ndjson"), ROW).unwrap();
    for (request, answer) in [
        ("/v3/customer/core/nope/", r#"{"status":404,"body":{"detail":"Not found."}}"#),
        ("/v3/customer/core/commits/2/", r#"{"status":404,"body":{"detail":"Not found."}}"#),
        ("/v3/customer/core/teams", r#"{"status":301,"body":null}"#),
        ("", r#"{"status":404,"body":{"detail":"Not found."}}"#),
        ("/v3/customer/core/teams/", r#"{"status":200,"body":{"count":0,"next":null,"previous":null,"results":[]}}"#),
        (METRICS, ANSWER),
    ] {
        assert_eq!(query(&dump, request), (0, format!("{answer}\n"), String::new()), "{request}");
    }
}

#[test]
fn a_byte_order_mark_before_the_first_request_is_ignored() {
    let dump = folder("query-bom");
    fs::write(dump.join("commits.ndjson"), ROW).unwrap();
    let mut command = streamgage(&dump);
    let mut child = command.arg("query").arg(&dump).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let request = "/v3/customer/core/teams/?limit=1&fields=id\r\n";
    child.stdin.take().unwrap().write_all(format!("\u{feff}{request}{request}").as_bytes()).unwrap();
    let answers = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let answer = r#"{"status":200,"body":{"count":0,"next":null,"previous":null,"results":[]}}"#;
    assert_eq!(answers, format!("{answer}\n{answer}\n"));
}

#[test]
fn a_request_without_end_is_refused() {
    let dump = folder("query-endless");
    fs::write(dump.join("commits.ndjson"), ROW).unwrap();
    let mut command = streamgage(&dump);
    let piped = command.arg("query").arg(&dump).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // The command ends before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(&vec![b'x'; 4 << 20]);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error, "streamgage: standard input: a line is too long for a request\n");
}
