//! Tests of lists and objects with `streamgage query`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic: that is how it fails")]

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use support::{folder, run, streamgage};

const CORE: &str = "/v3/customer/core/";

fn dump(name: &str) -> PathBuf {
    let dump = folder(&format!("lists-{name}"));
    let files = [
        ("tags", "{\"id\":1,\"name\":\"back\"}\n"),
        ("repos", "{\"id\":1,\"name\":\"one\",\"tags\":[9,1],\"stars\":3}\n"),
        ("teams", "{\"id\":5,\"name\":\"Té\\u0061m\",\"ancestors\":[\"Té\"],\"team_level\":1,\"all_users\":7}\n"),
        ("users", "{\"id\":7,\"name\":\"ann\",\"email\":null,\"alias_count\":10.0}\n{\"id\":8}\n"),
        (
            "team_membership",
            "{\"id\":1,\"apex_user_id\":7,\"team_id\":5}\n{\"id\":2,\"apex_user_id\":9,\"team_id\":6}\n",
        ),
        (
            "commits",
            concat!(
                "{\"id\":1,\"apex_user_id\":7,\"user_alias_id\":70,\"repo_id\":1,\"author_date\":\"2021-06-01\",\"impact\":1.50}\n",
                "{\"id\":2,\"apex_user_id\":8,\"repo_id\":1,\"author_date\":\"2021-06-02\"}\n",
                "{\"id\":1,\"apex_user_id\":8,\"user_alias_id\":71,\"repo_id\":1,\"author_date\":\"2021-06-03\",\"message\":\"a\\nb\"}\n",
            ),
        ),
    ];
    for (name, rows) in files {
        fs::write(dump.join(format!("{name}.ndjson")), rows).unwrap();
    }
    dump
}

/// Returns the answers to requests on standard input.
fn answers(dump: &Path, requests: &[u8]) -> Vec<String> {
    let mut command = streamgage(dump);
    command.arg("query").arg(dump).args(["--base", "http://h", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(requests).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn answer(dump: &Path, request: &str) -> String {
    let (code, out, error) = run(streamgage(dump).arg("query").arg(dump).arg(format!("{CORE}{request}")));
    assert_eq!((code, error.as_str()), (0, ""));
    out.trim_end().to_owned()
}

#[test]
fn values_are_shown_in_their_canonical_form() {
    let dump = folder("lists-values");
    fs::write(dump.join("commits.ndjson"), include_str!("../../tests/values/commits.ndjson")).unwrap();
    let rows: Vec<&str> = include_str!("../../tests/values/shown.ndjson").lines().collect();
    let page = format!(r#"{{"count":{},"next":null,"previous":null,"results":[{}]}}"#, rows.len(), rows.join(","));
    assert_eq!(answer(&dump, "commits/"), format!(r#"{{"status":200,"body":{page}}}"#));
}

#[test]
fn values_outside_the_range_of_a_field_are_refused() {
    let dump = folder("lists-refused");
    let rows = include_str!("../../tests/values/refused.ndjson").lines();
    for (row, error) in rows.zip(include_str!("../../tests/values/refused.txt").lines()) {
        fs::write(dump.join("commits.ndjson"), row).unwrap();
        let (code, _, message) = run(streamgage(&dump).arg("query").arg(&dump).arg(format!("{CORE}commits/")));
        assert!(code != 0 && message.contains(&format!("commits.ndjson:1: {error}")), "{message}");
    }
}

#[test]
fn rows_have_the_selected_fields() {
    let dump = dump("rows");
    let results = |request: &str| {
        let answer = answer(&dump, request);
        let (_, results) = answer.split_once("\"results\":").unwrap();
        results.strip_suffix("}}").unwrap().to_owned()
    };
    assert_eq!(
        results("users/?fields=teams,id,alias_count,email,has_login&id=7"),
        concat!(
            r#"[{"id":7,"email":null,"teams":[{"id":5,"name":"Téam","description":null,"org":null,"avatar":null,"#,
            r#""vendor":null,"created_at":null,"parent":null,"path":null,"visibility":null,"inherited_depth":null,"#,
            r#""nested_teams":0,"all_users":7,"unnested_users":0,"depth":null}],"has_login":false,"alias_count":10}]"#
        )
    );
    assert_eq!(results("users/?fields=teams&id=8"), r#"[{"teams":[]}]"#);
    assert_eq!(
        results("teams/?fields=name,ancestors,team_level"),
        r#"[{"name":"Téam","ancestors":["Té"],"team_level":1}]"#
    );
    // A tag without a row is omitted, and a user without a row is null.
    assert_eq!(
        results("repos/?omit=url,nope"),
        concat!(
            r#"[{"id":1,"name":"one","vendor_type":null,"is_private":false,"blocked":false,"created_at":null,"#,
            r#""updated_at":null,"youngest_commit_date":null,"oldest_commit_date":null,"#,
            r#""tags":[{"id":1,"name":"back","org_id":null}],"stars":3}]"#
        )
    );
    assert_eq!(
        results("team_membership/?omit=team"),
        concat!(
            r#"[{"id":1,"membership_type":null,"apex_user_id":7,"apex_user":{"id":7,"name":"ann","email":null},"#,
            r#""team_id":5,"depth":null},"#,
            r#"{"id":2,"membership_type":null,"apex_user_id":9,"apex_user":null,"team_id":6,"depth":null}]"#
        )
    );
    assert_eq!(
        results("commits/?fields=id,user_alias_id,apex_user_id,impact&normalize_authors=true"),
        concat!(
            r#"[{"id":1,"user_alias_id":8,"apex_user_id":8,"impact":0.0},"#,
            r#"{"id":2,"user_alias_id":8,"apex_user_id":8,"impact":0.0}]"#
        )
    );
    assert_eq!(results("commits/?fields="), "[{},{}]");
}

#[test]
fn objects_must_match_the_filters() {
    let dump = dump("objects");
    let not_found = r#"{"status":404,"body":{"detail":"Not found."}}"#;
    assert_eq!(
        answer(&dump, "commits/1/?fields=id,message,user_alias_id&omit=id"),
        r#"{"status":200,"body":{"user_alias_id":71,"message":"a\nb"}}"#
    );
    assert_eq!(answer(&dump, "commits/1/?id=2"), not_found);
    assert_eq!(answer(&dump, "commits/1/?id=x"), r#"{"status":400,"body":{"id":["Enter a number."]}}"#);
    assert_eq!(answer(&dump, "commits/3/?id=x"), not_found);
}

#[test]
fn commits_are_aggregated() {
    let dump = dump("aggregate");
    assert_eq!(
        answer(&dump, "commits.agg/?group_by[apex_user_id,author_date__date]&aggregate[count]=id&limit=1"),
        concat!(
            r#"{"status":200,"body":{"count":2,"next":"http://127.0.0.1:8787/v3/customer/core/commits.agg/?"#,
            r#"aggregate%5Bcount%5D=id&group_by%5Bapex_user_id%2Cauthor_date__date%5D=&limit=1&offset=1","#,
            r#""previous":null,"results":[{"apex_user_id":8,"author_date_date":"2021-06-02","id_count":1}]}}"#
        )
    );
    assert_eq!(answer(&dump, "commits.agg/?id=x"), r#"{"status":400,"body":{"id":["Enter a number."]}}"#);
    assert_eq!(answer(&dump, "commits.agg"), r#"{"status":301,"body":null}"#);
}

#[test]
fn links_are_valid_requests() {
    let dump = dump("links");
    let requests = "https://flow.example:8443/v3/customer/core/users/?limit=1\n/v3/customer/core/users/?limit=1&search=://a\nhttps://flow.example\n";
    let first = r#"{"status":200,"body":{"count":2,"next":"https://flow.example:8443/v3/customer/core/users/?limit=1&offset=1","#;
    // Links contain the path of the base.
    let (code, out, _) = run(streamgage(&dump).arg("query").arg(&dump).args([
        "--base",
        "http://h/api",
        "http://h/api/v3/customer/core/users/?limit=1",
    ]));
    assert_eq!(
        (code, out.contains(r#""next":"http://h/api/v3/customer/core/users/?limit=1&offset=1""#)),
        (0, true),
        "{out}"
    );
    let found = answers(&dump, requests.as_bytes());
    assert!(found[0].starts_with(first), "{}", found[0]);
    let none = [
        r#"{"status":200,"body":{"count":0,"next":null,"previous":null,"results":[]}}"#,
        r#"{"status":404,"body":{"detail":"Not found."}}"#,
    ];
    assert_eq!(found[1..], none);
}

#[test]
fn malformed_requests_are_answered() {
    let dump = dump("bad");
    let ids: Vec<String> = (0..10_000).map(|id| id.to_string()).collect();
    let requests: Vec<Vec<u8>> = vec![
        format!("{CORE}commits/?id__in={}", ids.join(",")).into_bytes(),
        format!("{CORE}users/?filters={}", "(".repeat(16 << 10)).into_bytes(),
        format!("{CORE}users/?filters={}(id%3D7)", "~(id%3D8)|(id%3D7)%26".repeat(240)).into_bytes(),
        format!("{CORE}users/?{}", "a=1&".repeat(4 << 10)).into_bytes(),
        format!("{CORE}users/?search={}", "\"\\".repeat(8 << 10)).into_bytes(),
        format!("{CORE}users/?name=%00&search=%00&name__icontains=%ff").into_bytes(),
        [CORE.as_bytes(), b"users/?name=\xff\xed\xa0\x80&fields=id"].concat(),
        format!("{CORE}users/?name=%ed%a0%80&limit=%ed&id__gt=-1e999999999999999999").into_bytes(),
        b"?&=".to_vec(),
        b"".to_vec(),
    ];
    let answers = answers(&dump, &[requests.join(&b'\n'), b"\n".to_vec()].concat());
    let statuses: Vec<&str> = answers.iter().map(|answer| answer.get(10..13).unwrap()).collect();
    assert_eq!(statuses, ["200", "400", "200", "200", "200", "400", "200", "200", "404", "404"]);
}

#[test]
fn generic_rows_are_shown_as_they_came() {
    let dump = dump("generic");
    let first = r#"{"id":2, "title":"Fix é","project":{"id":3},"points":1.50}"#;
    let rows = [first, r#"{"title":"old","id":1}"#, r#"{"id":1,"assignees":[{"id":7}],"created_at":"2026-01-02"}"#];
    fs::write(dump.join("tickets.ndjson"), rows.join("\n")).unwrap();
    fs::write(dump.join("roles.ndjson"), "{\"id\":1}\n{\"id\":2}\n").unwrap();
    let body = |count: usize, rows: &[&str]| {
        let results = rows.join(",");
        format!(r#"{{"status":200,"body":{{"count":{count},"next":null,"previous":null,"results":[{results}]}}}}"#)
    };
    assert_eq!(answer(&dump, "tickets/"), body(2, &[rows[2], rows[0]]));
    assert_eq!(answer(&dump, "tickets/2/"), format!(r#"{{"status":200,"body":{first}}}"#));
    assert_eq!(answer(&dump, "tickets/?fields=points,id&search=FIX"), body(1, &[r#"{"id":2,"points":1.50}"#]));
    for (query, row) in [
        ("project_id=3", rows[0]),
        ("assignees__in=7,8", rows[2]),
        ("assignees!=7", rows[0]),
        ("created_at__gte=2026-01-01", rows[2]),
        ("title__icontains=É", rows[0]),
    ] {
        assert_eq!(answer(&dump, &format!("tickets/?{query}")), body(1, &[row]), "{query}");
    }
    let page = answer(&dump, "roles/?page=2&page_size=1");
    let previous = format!("http://127.0.0.1:8787{CORE}roles/?page_size=1");
    assert!(page.contains(&format!(r#""previous":"{previous}","results":[{{"id":2}}]"#)), "{page}");
    assert_eq!(answer(&dump, "roles/?page=3&page_size=1"), r#"{"status":404,"body":{"detail":"Invalid page."}}"#);
    assert_eq!(answer(&dump, "grants/"), body(0, &[]));
    fs::write(dump.join("grants.ndjson"), "{\"name\":\"a\"}\n").unwrap();
    let (code, _, error) = run(streamgage(&dump).arg("query").arg(&dump).arg(format!("{CORE}tags/")));
    assert_eq!(code, 2);
    assert!(error.ends_with("grants.ndjson:1: id: is required\n"), "{error}");
}
