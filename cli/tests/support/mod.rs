//! What the tests of the commands share: the binary, folders to work in, and a small HTTP server.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

/// The key that tests use.
pub const KEY: &str = "secret-key";

/// An empty folder of this test's own.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The command, with a state folder of its own in `home` and the key in its environment.
pub fn streamgage(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamgage"));
    command.env("XDG_STATE_HOME", home.join("state")).env("STREAMGAGE_KEY", KEY);
    command
}

/// Runs it: exit code, standard output, standard error.
pub fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Every file of a folder, by name.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

/// What lies in a folder, hidden entries too.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// What was sent as `Authorization`.
    pub authorization: Option<String>,
    /// The body.
    pub body: String,
}

/// What a server does with a request.
pub enum Answer {
    /// Status, further header lines, body.
    Send(u16, &'static str, String),
    /// Announces a body and closes the connection in its midst.
    Cut,
    /// Closes the connection without a word.
    Close,
}

impl Answer {
    /// 200, with a body.
    pub fn ok(body: impl Into<String>) -> Self {
        Answer::Send(200, "", body.into())
    }

    /// A status with a detail.
    pub fn status(status: u16, detail: &str) -> Self {
        Answer::Send(status, "", format!(r#"{{"detail":"{detail}"}}"#))
    }
}

/// A server on the loopback interface; it ends with the test.
pub struct Server {
    /// Its origin.
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts it. Requests are answered one after the other; `answer` is given their number too, from 0.
    pub fn start(mut answer: impl FnMut(usize, &Request) -> Answer + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = read(&stream) else { continue };
                let number = seen.lock().unwrap().len();
                seen.lock().unwrap().push(request.clone());
                write(stream, answer(number, &request));
            }
        });
        Server { url, requests }
    }

    /// What was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The methods and targets of what was asked so far; forgets them.
    pub fn take_targets(&self) -> Vec<String> {
        let requests = std::mem::take(&mut *self.requests.lock().unwrap());
        requests.into_iter().map(|request| format!("{} {}", request.method, request.target)).collect()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let (mut length, mut authorization) = (0, None);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, target, authorization, body: String::from_utf8(body).ok()? })
}

fn write(mut stream: TcpStream, answer: Answer) {
    let text = match answer {
        Answer::Send(status, headers, body) => {
            let length = body.len();
            format!("HTTP/1.1 {status} -\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}")
        }
        Answer::Cut => "HTTP/1.1 200 -\r\nContent-Length: 1000\r\n\r\n{\"count\":".to_owned(),
        Answer::Close => return,
    };
    let _ = stream.write_all(text.as_bytes());
}

/// A dump on disk: `(file, text)`.
pub fn write_dump(folder: &Path, files: &[(&str, &str)]) {
    fs::create_dir_all(folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// So many commits, a line each.
pub fn commits(ids: impl IntoIterator<Item = u64>) -> String {
    ids.into_iter().map(|id| commit(id) + "\n").collect()
}

/// A commit's row.
pub fn commit(id: u64) -> String {
    format!(
        r#"{{"id":{id},"apex_user_id":1,"repo_id":1,"author_date":"2026-01-{:02}T10:00:00","haloc":{id},"note":"kept"}}"#,
        id % 28 + 1
    )
}
