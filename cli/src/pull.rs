//! `streamgage pull`: what a v3 upstream still answers, saved as a dump.
//!
//! Every list of the `core` API is read page by page until as many rows have come as it says there are, into a folder
//! beside the dump, which takes its place when all is complete. A pull that was broken off goes on with the page at
//! which it was. Rows are written in one form whatever the upstream's is (see [`row`]), in the order of their ids: so
//! the same rows give the same bytes, and a dump that was pushed to a Worker and pulled again is the same dump.

mod partial;
mod row;
mod sorted;

use crate::dump::Dump;
use crate::failure::Failure;
use crate::folder::{self, Draft, Header};
use crate::http::{Base, Client, Reply, before_api};
use crate::progress::Progress;
use partial::{Fetched, Partial};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use streamgage::calendar::Day;
use streamgage::schema::{COMMITS, RESOURCES, Resource};

/// Saves what a v3 upstream answers as a dump; the key is read from STREAMGAGE_KEY.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The upstream, such as https://workspace.appfireflow.com
    url: String,
    /// The folder to write: a new one, or an earlier dump of the same upstream, which is replaced when all has come
    #[arg(long, value_name = "DUMP")]
    out: PathBuf,
    /// Asks only for commits authored on or after this day, and adds them to the dump that is there
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    since: Option<Day>,
    /// Sends the key over plain http, where others can read it
    #[arg(long)]
    insecure_http: bool,
}

/// What the API gives at most at once.
const PAGE: u64 = 1000;
/// How often a list is read from its beginning when it changes while it is read.
const READS: u32 = 3;
/// Where the API lies on a server.
const CORE: &str = "/v3/customer/core";

fn parse_day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "a day as YYYY-MM-DD is expected".to_owned())
}

/// Runs the command.
///
/// # Errors
/// The upstream does not answer as it should, or the dump that is there is of something else. In both cases it stays
/// as it was.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let progress = Progress::new();
    let base = Base::parse(&arguments.url, arguments.insecure_http)?;
    let core = base.with_path(&core_path(base.path()));
    let client = Client::new(core, progress.clone())?;
    let draft = Draft::resume(&arguments.out, |_| Ok(()))?;
    let header = header(&client)?;
    check_header(&draft, &header).map_err(|why| Failure::Input(format!("{}: {why}", arguments.out.display())))?;

    let since = arguments.since.map(|day| day.to_string());
    let mut partial = Partial::open(&draft, &client.base().to_string(), since.as_deref(), &progress)?;
    let pull = Pull { client: &client, progress: &progress, since: since.as_deref() };
    // Commits first: whoever has committed is among the users when those are read later.
    for resource in RESOURCES.iter().rev() {
        pull.fetch(resource, &mut partial).inspect_err(|_| {
            if partial.has_rows() {
                progress.note("what has come is kept: the same command goes on from there");
            }
        })?;
    }
    let counts = save(&draft, &partial, since.is_some())?;
    partial.remove()?;
    folder::write_header(draft.path(), &header)?;
    draft.finish()?;
    progress.finish();
    for (resource, count) in counts {
        match count {
            Some(count) => println!("{}: {count} rows", resource.name),
            None => println!("{}: not there (404), left out", resource.name),
        }
    }
    Ok(())
}

/// The path of the `core` API, which may be given whole, in part or not at all.
fn core_path(path: &str) -> String {
    if path.ends_with("/core") { path.to_owned() } else { format!("{}{CORE}", before_api(path)) }
}

/// What the dump will say of itself: a Worker tells what its data is; any other upstream is named by its host.
fn header(client: &Client) -> Result<Header, Failure> {
    #[derive(Deserialize)]
    struct Dataset {
        #[serde(default, deserialize_with = "folder::null_as_default")]
        name: String,
        #[serde(default, deserialize_with = "folder::null_as_default")]
        demo: bool,
    }
    let dataset = match client.get("/dataset") {
        Ok(reply) if reply.status == 200 => serde_json::from_slice::<Dataset>(&reply.body).ok(),
        Err(failure) if !client.has_answered() => return Err(failure),
        _ => None,
    };
    let (name, demo) = dataset.map_or_else(Default::default, |dataset| (dataset.name, dataset.demo));
    let name = if name.is_empty() { client.base().name() } else { name };
    Ok(Header { format: 1, demo, name })
}

/// Ids of different upstreams have nothing to do with each other: they must not come together in one dump, nor may one
/// upstream's backup be replaced by another's.
fn check_header(draft: &Draft, header: &Header) -> Result<(), String> {
    let Some(folder) = draft.existing().filter(|folder| has_entries(folder)) else { return Ok(()) };
    match folder::header(folder)? {
        Some(there) if there.name == header.name => Ok(()),
        Some(there) => Err(format!("it is a dump of {}, not of {}; choose another folder", there.name, header.name)),
        None => Err("it has no dump.json that says of what it is; choose another folder".to_owned()),
    }
}

fn has_entries(folder: &Path) -> bool {
    folder.read_dir().is_ok_and(|mut entries| entries.next().is_some())
}

fn is_page_of(path: &str, next: &str) -> bool {
    next.strip_prefix(path).is_some_and(|rest| rest.starts_with('?'))
}

struct Pull<'a> {
    client: &'a Client,
    progress: &'a Progress,
    since: Option<&'a str>,
}

/// A page of a list.
#[derive(Deserialize)]
struct Page {
    count: u64,
    next: Option<String>,
    results: Vec<Map<String, Value>>,
}

impl Pull<'_> {
    /// Reads a whole list, again if it has changed meanwhile.
    fn fetch(&self, resource: &'static Resource, partial: &mut Partial) -> Result<(), Failure> {
        let name = resource.name;
        let mut trouble = String::new();
        for read in 1..=READS {
            if read > 1 {
                self.progress.note(&format!("{name}: {trouble}; reading it again"));
                partial.forget(name)?;
            }
            trouble = match self.read(resource, partial)? {
                Read::Whole => return Ok(()),
                Read::Changed(trouble) => trouble,
            };
        }
        Err(Failure::Work(format!("{name}: {trouble}, {READS} times; it changes faster than it can be read")))
    }

    /// Reads a list from the page at which it is.
    fn read(&self, resource: &'static Resource, partial: &mut Partial) -> Result<Read, Failure> {
        let name = resource.name;
        let path = format!("{}/{name}/", self.client.base().path());
        let mut fetched = partial.fetched(name);
        if let Some(fetched) = &fetched {
            self.progress.stage(name, fetched.count, fetched.rows);
        }
        loop {
            let next = match &fetched {
                None => self.first_page(&path, resource),
                // It may come from a file that others can write: the key goes to this list alone.
                Some(Fetched { next: Some(next), .. }) if !is_page_of(&path, next) => {
                    return Ok(Read::Changed("what was kept of an earlier run is of something else".to_owned()));
                }
                Some(Fetched { next: Some(next), .. }) => next.clone(),
                Some(Fetched { next: None, .. }) => break,
            };
            let reply = self.client.get(&next)?;
            if reply.status == 404 && fetched.is_none() && *resource != COMMITS {
                self.progress.note(&format!("{name}: {} does not have it (404)", self.client.base()));
                partial.note(name, Fetched::absent())?;
                return Ok(Read::Whole);
            }
            let page = self.page(name, &reply)?;
            let mut now = fetched.take().unwrap_or_else(|| {
                self.progress.stage(name, page.count, 0);
                Fetched::new(page.count)
            });
            let rows = page.results.len() as u64;
            if page.count != now.count {
                return Ok(Read::Changed(format!("there were {} rows and now are {}", now.count, page.count)));
            }
            if now.rows + rows > now.count || (rows == 0 && page.next.is_some()) {
                return Ok(Read::Changed(format!("the pages do not hold the {} rows that count says", now.count)));
            }
            let mut text = String::new();
            for row in page.results {
                text += &row::canonical(resource, row).map_err(|error| Failure::Work(format!("{name}: {error}")))?;
                text.push('\n');
            }
            now.next = page.next.map(|link| self.link(name, &path, &link)).transpose()?;
            now.rows += rows;
            partial.append(name, &text, &mut now)?;
            self.progress.advance(rows);
            fetched = Some(now);
        }
        let Some(fetched) = fetched.filter(|fetched| !fetched.absent) else { return Ok(Read::Whole) };
        let distinct = sorted::distinct(&partial.part(name))?;
        if fetched.rows != fetched.count || distinct != fetched.count {
            return Ok(Read::Changed(format!("{distinct} different rows came, and count says {}", fetched.count)));
        }
        Ok(Read::Whole)
    }

    fn first_page(&self, path: &str, resource: &Resource) -> String {
        let page = format!("{path}?limit={PAGE}&ordering=id");
        match self.since {
            Some(since) if *resource == COMMITS => format!("{page}&author_date__gte={since}"),
            _ => page,
        }
    }

    fn page(&self, name: &str, reply: &Reply) -> Result<Page, Failure> {
        if reply.status != 200 {
            return Err(Failure::Work(format!("{name}: {}: {}", self.client.base(), reply.complaint())));
        }
        serde_json::from_slice(&reply.body).map_err(|error| {
            Failure::Work(format!("{name}: {} answered what is no list of the API: {error}", self.client.base()))
        })
    }

    /// Where the next page lies; only on the same server, and only in the same list.
    fn link(&self, name: &str, path: &str, link: &str) -> Result<String, Failure> {
        let next = self.client.base().same_origin(link).filter(|next| next.split('?').next() == Some(path));
        next.ok_or_else(|| {
            let why = format!("the next page is said to be at {link}, which is not of {}", self.client.base());
            Failure::Work(format!("{name}: {why}; it is not followed"))
        })
    }
}

/// How a list was read.
enum Read {
    /// Every row of it has come.
    Whole,
    /// It is not what it was at the first page.
    Changed(String),
}

/// Writes the files of the dump from what has come, and counts their rows.
fn save(draft: &Draft, partial: &Partial, is_update: bool) -> Result<Vec<(&'static Resource, Option<u64>)>, Failure> {
    let before = match draft.existing().filter(|folder| is_update && has_entries(folder)) {
        Some(folder) => Some(Dump::open(folder)?),
        None => None,
    };
    let mut counts = Vec::new();
    for resource in RESOURCES {
        let is_absent = partial.fetched(resource.name).is_none_or(|fetched| fetched.absent);
        let mut parts = Vec::new();
        if let Some(before) = before.as_ref().filter(|_| is_absent || *resource == COMMITS) {
            parts.push(rewritten(before, resource, partial.before(resource.name))?);
        }
        if !is_absent {
            parts.push(partial.part(resource.name));
        }
        let count = if parts.is_empty() {
            None
        } else {
            Some(sorted::write(&parts, &draft.path().join(format!("{}.ndjson", resource.name)))?)
        };
        counts.push((resource, count));
    }
    Ok(counts)
}

/// The rows that the dump has already, in the form that is written.
fn rewritten(dump: &Dump, resource: &'static Resource, part: PathBuf) -> Result<PathBuf, Failure> {
    let failed = |error: &std::io::Error| Failure::file(&part, error);
    let mut file = BufWriter::new(File::create(&part).map_err(|error| failed(&error))?);
    dump.lines(resource, |line| {
        let bad = |error: &dyn std::fmt::Display| Failure::Input(format!("{}: {error}", resource.name));
        let row = serde_json::from_str(line).map_err(|error| bad(&error))?;
        let row = row::canonical(resource, row).map_err(|error| bad(&error))?;
        writeln!(file, "{row}").map_err(|error| failed(&error))
    })?;
    file.flush().map_err(|error| failed(&error))?;
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::{core_path, is_page_of};

    #[test]
    fn the_path_may_be_given_or_not() {
        for path in ["", "/v3/customer", "/v3/customer/core"] {
            assert_eq!(core_path(path), "/v3/customer/core");
        }
        assert_eq!(core_path("/flow"), "/flow/v3/customer/core");
        assert_eq!(core_path("/flow/v3"), "/flow/v3/customer/core");
    }

    #[test]
    fn what_an_earlier_run_kept_leads_to_its_own_list_alone() {
        let path = "/v3/customer/core/commits/";
        assert!(is_page_of(path, "/v3/customer/core/commits/?limit=1000&offset=1000"));
        for elsewhere in ["@127.0.0.1:1/x", "//evil.example/", "/v3/customer/core/commits/@evil", "", path] {
            assert!(!is_page_of(path, elsewhere), "{elsewhere}");
        }
    }
}
