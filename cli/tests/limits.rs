//! Tests of `streamgage pull` and `streamgage push` with responses that are too large or never end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

mod support;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use serde_json::json;
use std::io::{self, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::{Reply, Request, Server, commits, folder, run_bounded, streamgage, write_dump};

const PAGE: &str = r#"{"count":0,"next":null,"results":[]}"#;
/// Several times as much as a response may have.
const ENDLESS: usize = 300 << 20;

/// Writes a page, then 100 MB of spaces: valid JSON.
fn write_long_page(mut out: impl Write) -> io::Result<()> {
    out.write_all(PAGE.as_bytes())?;
    let spaces = [b' '; 1 << 16];
    (0..(100 << 20) / spaces.len()).try_for_each(|_| out.write_all(&spaces))
}

fn gzip(write: impl FnOnce(&mut GzEncoder<Vec<u8>>) -> io::Result<()>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    write(&mut encoder).unwrap();
    encoder.finish().unwrap()
}

/// Replies with a body that has encodings.
fn encoded(encodings: &'static [&str], body: Arc<Vec<u8>>) -> Reply {
    Reply::Raw(Box::new(move |mut stream: TcpStream| {
        let length = body.len();
        let headers: String = encodings.iter().map(|encoding| format!("Content-Encoding: {encoding}\r\n")).collect();
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
        let _ = stream.write_all(&body);
    }))
}

fn pull(home: &Path, url: &str) -> (i32, String, String) {
    run_bounded(streamgage(home).args(["pull", url, "--out"]).arg(home.join("dump")))
}

#[test]
fn decompressed_bytes_are_limited() {
    let bomb = gzip(|encoder| write_long_page(encoder));
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let bomb_in_gzip = gzip(|encoder| encoder.write_all(&bomb));
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
    write_long_page(&mut deflate).unwrap();
    let cases: [(&'static [&str], Vec<u8>, &str); 6] = [
        (&["gzip"], bomb.clone(), "the response is larger than 64 MB"),
        (&["gzip, gzip"], bomb_in_gzip.clone(), "the Content-Encoding of the response, gzip, gzip, is not supported"),
        // The first of two headers is removed with its encoding.
        (&["gzip", "gzip"], bomb_in_gzip, "is not a list of the API"),
        (&["x-gzip"], bomb.clone(), "the Content-Encoding of the response, x-gzip, is not supported"),
        (&["deflate"], deflate.finish().unwrap(), "the Content-Encoding of the response, deflate, is not supported"),
        (&["br"], bomb, "the Content-Encoding of the response, br, is not supported"),
    ];
    for (number, (encodings, body, message)) in cases.into_iter().enumerate() {
        let home = folder(&format!("limits-pull-{number}"));
        let body = Arc::new(body);
        let server = Server::start(move |_, _| encoded(encodings, Arc::clone(&body)));
        let (code, out, error) = pull(&home, &server.url);
        assert_eq!((code, out.as_str()), (1, ""), "{encodings:?}");
        assert!(error.contains(message), "{encodings:?}: {error}");
        assert!(!error.contains("retrying"), "{error}");
    }
}

#[test]
fn replies_to_a_push_are_limited() {
    let home = folder("limits-push");
    write_dump(&home.join("dump"), &[("commits.ndjson", &commits(1..=3))]);
    let bomb = Arc::new(gzip(|encoder| write_long_page(encoder)));
    let server = Server::start(move |_, _| encoded(&["gzip"], Arc::clone(&bomb)));
    let (code, _, error) =
        run_bounded(streamgage(&home).arg("push").arg(home.join("dump")).args(["--to", &server.url]));
    assert_eq!(code, 1);
    assert!(error.contains("the response is larger than 64 MB"), "{error}");
}

#[test]
fn compressed_pages_are_read() {
    let home = folder("limits-gzip");
    let page = Arc::new(gzip(|encoder| encoder.write_all(PAGE.as_bytes())));
    let server = Server::start(move |_, request| match request.target.contains("/core/") {
        true => encoded(&["gzip"], Arc::clone(&page)),
        false => Reply::status(404, "Not found."),
    });
    let (code, out, error) = pull(&home, &server.url);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("commits: 0 rows, count 0\n"), "{out}");
}

#[test]
fn a_body_or_a_head_without_end_is_refused() {
    for (name, head, piece) in [
        ("body", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "        ".repeat(1 << 10)),
        (
            "chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            format!("1000\r\n{}\r\n", " ".repeat(4096)),
        ),
        ("header", "HTTP/1.1 200 OK\r\nX-A: ", "a".repeat(1 << 13)),
        ("headers", "HTTP/1.1 200 OK\r\n", "X-A: a\r\n".repeat(1 << 10)),
        ("status", "HTTP/1.1 200 ", "a".repeat(1 << 13)),
        ("informational", "", "HTTP/1.1 103 Early Hints\r\nX-A: a\r\n\r\n".repeat(1 << 8)),
    ] {
        let home = folder(&format!("limits-endless-{name}"));
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        let server = Server::start(move |_, _| {
            let (counter, piece) = (Arc::clone(&counter), piece.clone());
            Reply::Raw(Box::new(move |mut stream: TcpStream| {
                let _ = stream.write_all(head.as_bytes());
                for _ in 0..ENDLESS / piece.len() {
                    if stream.write_all(piece.as_bytes()).is_err() {
                        return;
                    }
                    counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
                }
            }))
        });
        let (code, out, error) = pull(&home, &server.url);
        assert_eq!((code, out.as_str()), (1, ""), "{name}: {error}");
        // Each attempt reads at most what the limit allows, and what is in the buffers of the connection.
        let sent = sent.load(Ordering::Relaxed);
        assert!(sent < 100 << 20, "{name}: {sent} bytes were sent: {error}");
    }
}

/// Replies to requests for tags with pages that always lead to another one.
fn endless_list(request: &Request) -> Reply {
    let Some((path, query)) = request.target.split_once("/tags/?") else { return Reply::status(404, "Not found.") };
    let after = query.split_once("id__gt=").map_or(0, |(_, id)| id.parse::<u64>().unwrap());
    // A list without end has none here either: the test would run into its limit of time.
    let rows: Vec<String> = (after + 1..=after + 1000).map(|id| format!("{{\"id\":{id}}}")).collect();
    let next = format!("{path}/tags/?limit=1000&offset={}", after + 1000);
    Reply::ok(format!("{{\"count\":2000,\"next\":{},\"results\":[{}]}}", json!(next), rows.join(",")))
}

#[test]
fn a_list_without_end_is_refused() {
    let home = folder("limits-pages");
    let server = Server::start(|_, request| endless_list(request));
    let (code, out, error) = pull(&home, &server.url);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.contains("has more than 104000 rows; the list seems endless"), "{error}");
}

#[test]
fn a_wait_without_end_is_reported() {
    let home = folder("limits-wait");
    let server = Server::start(|_, _| Reply::Send(503, "Retry-After: 18446744073709551615\r\n", String::new()));
    let (code, _, error) = pull(&home, &server.url);
    assert_eq!(code, 75, "{error}");
    assert!(error.contains("Run the same command again later to continue."), "{error}");
}
