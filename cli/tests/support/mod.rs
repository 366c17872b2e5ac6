//! Helpers of the command tests: the binary, folders, and an HTTP server.

#![allow(dead_code, reason = "each test file uses a part of the helpers")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const KEY: &str = "secret-key";

/// Returns an empty folder.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Returns the command, with its state folder in `home` and the key in its environment.
pub fn streamgage(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamgage"));
    command.env("XDG_STATE_HOME", home.join("state")).env("STREAMGAGE_KEY", KEY);
    command
}

/// Runs the command and returns its exit code, standard output and standard error.
pub fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Runs the command for at most a minute; then it counts as failed.
pub fn run_bounded(command: &mut Command) -> (i32, String, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let (finished, ended) = std::sync::mpsc::channel();
    let watch = std::thread::spawn(move || {
        if ended.recv_timeout(Duration::from_secs(60)).is_err() {
            let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
        }
    });
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = String::new();
            pipe.unwrap().read_to_string(&mut text).unwrap();
            text
        })
    };
    let out = read(child.stdout.take().map(|pipe| Box::new(pipe) as Box<_>));
    let error = read(child.stderr.take().map(|pipe| Box::new(pipe) as Box<_>));
    let status = child.wait().unwrap();
    finished.send(()).unwrap();
    watch.join().unwrap();
    assert!(status.code().is_some(), "the command did not end by itself");
    (status.code().unwrap(), out.join().unwrap(), error.join().unwrap())
}

/// Returns the contents of all files of a folder, by name.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

/// Returns the sorted names of all entries of a folder, including hidden ones.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// The path and query.
    pub target: String,
    pub authorization: Option<String>,
    pub body: String,
}

pub enum Reply {
    /// A status, header lines, and a body.
    Send(u16, &'static str, String),
    /// Closes the connection in the middle of the body.
    Truncate,
    /// Closes the connection without a response.
    Close,
    /// Writes the whole response.
    Raw(Box<dyn FnOnce(TcpStream) + Send>),
}

impl Reply {
    pub fn ok(body: impl Into<String>) -> Self {
        Reply::Send(200, "", body.into())
    }

    /// Returns an error of the API.
    pub fn status(status: u16, detail: &str) -> Self {
        Reply::Send(status, "", format!(r#"{{"detail":"{detail}"}}"#))
    }
}

/// A server on the loopback interface. It stops with the test process.
pub struct Server {
    /// The origin.
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts a server that answers one request at a time. `reply` receives the number of the request, from 0.
    pub fn start(mut reply: impl FnMut(usize, &Request) -> Reply + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = read(&stream) else { continue };
                let number = received.lock().unwrap().len();
                received.lock().unwrap().push(request.clone());
                write(stream, reply(number, &request));
            }
        });
        Server { url, requests }
    }

    /// Returns the requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the methods and targets of the requests since the last call.
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

fn write(mut stream: TcpStream, reply: Reply) {
    let text = match reply {
        Reply::Send(status, headers, body) => {
            let length = body.len();
            format!("HTTP/1.1 {status} -\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}")
        }
        Reply::Truncate => "HTTP/1.1 200 -\r\nContent-Length: 1000\r\n\r\n{\"count\":".to_owned(),
        Reply::Close => return,
        Reply::Raw(write) => return write(stream),
    };
    let _ = stream.write_all(text.as_bytes());
}

/// Writes the files of a dump: names and texts.
pub fn write_dump(folder: &Path, files: &[(&str, &str)]) {
    fs::create_dir_all(folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// Returns commits as lines.
pub fn commits(ids: impl IntoIterator<Item = u64>) -> String {
    ids.into_iter().map(|id| commit(id) + "\n").collect()
}

pub fn commit(id: u64) -> String {
    format!(
        r#"{{"id":{id},"apex_user_id":1,"repo_id":1,"author_date":"2026-01-{:02}T10:00:00","haloc":{id},"note":"kept"}}"#,
        id % 28 + 1
    )
}
