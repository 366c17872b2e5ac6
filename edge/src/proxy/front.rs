//! The front: what the stateless part of the Worker does with a request. A hit takes the fast tier alone.

use super::breaker::Breaker;
use super::entry::Entry;
use super::keeper::{Answered, Ask, Told};
use super::keys::{Record, answer_address, record_address};
use super::links::rewrite;
use super::requests::{Asked, Class};
use super::scopes::Scope;
use super::settings::ProxySettings;
use super::settle::{Conclusion, Effect, conclude, settle};
use super::status::Way;
use super::upstream::{Net, Upstream};
use crate::access::{Key, Permission, bearer_key, forbidden, key_hash, unauthorized};
use crate::codec::{from_text, to_text};
use crate::reply::{Reply, cross_origin, dress, is_known, method_not_allowed, not_found, throttled, unknown_error};
use crate::request::{Request, Settings};
use crate::store::{Outcome, Statement};
use crate::visit::{is_preflight, preflight, redirect};
use std::cell::RefCell;
use std::fmt::Write;
use std::future::Future;
use std::rc::Rc;
use streamgage::query::{METRICS_PATH, MetricsRequest};

/// `Cache-Status` of what is refused without a look at what is kept.
const REFUSED: &str = "streamgage; detail=refused";

/// Where a caller drops what is kept for him.
pub const PURGE: &str = "/cache/purge";

/// What the front reaches: the fast tier, the keepers, the keys. Addresses of the fast tier are made here, and hold
/// neither a key nor anything else of a caller.
pub trait World {
    /// The network, the clock and chance.
    type Net: Net;

    /// A body, which passes through unread where it can.
    type Body: Clone + From<Vec<u8>>;

    /// The network, the clock and chance.
    fn net(&self) -> &Self::Net;

    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> i64 {
        self.net().now()
    }

    /// What this isolate remembers.
    fn memory(&self) -> &RefCell<Memory>;

    /// What the fast tier has at an address: a text, and a body.
    fn find(&self, address: &str) -> impl Future<Output = Option<(String, Self::Body)>>;

    /// Puts into the fast tier, for some seconds at most. What can't be put is as if it had not been.
    fn put(&self, address: &str, text: &str, body: Self::Body, seconds: u32) -> impl Future<Output = ()>;

    /// Removes from the fast tier.
    fn remove(&self, address: &str) -> impl Future<Output = ()>;

    /// Asks the keeper of a partition.
    fn ask(&self, partition: &str, ask: &Ask) -> impl Future<Output = Result<Told<Self::Body>, Unavailable>>;

    /// Has the keeper of a partition forget all.
    fn drop_partition(&self, partition: &str) -> impl Future<Output = Result<Record, Unavailable>>;

    /// Looks a key of streamgage up.
    fn look_up(&self, statement: Statement) -> impl Future<Output = Result<Outcome, Unavailable>>;

    /// Whether a caller may ask beyond the fast tier once more.
    fn admits(&self, caller: &str) -> impl Future<Output = bool>;

    /// Reads a body; `None` if it broke.
    fn bytes(&self, body: Self::Body) -> impl Future<Output = Option<Vec<u8>>>;
}

/// Something of the platform did not answer: a Durable Object, or the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// What an isolate remembers between requests. All of it may be lost at any time.
#[derive(Debug, Default)]
pub struct Memory {
    records: Known<Record>,
    keys: Known<Key>,
    /// Addresses of answers that are fetched anew: few at a time.
    refreshing: Vec<String>,
    breaker: Rc<RefCell<Breaker>>,
}

/// What is remembered by name, in the order of the names.
type Known<T> = Vec<(String, Remembered<T>)>;

#[derive(Clone, Copy, Debug)]
struct Remembered<T> {
    value: T,
    since: i64,
}

/// How long a partition's record, or a key of streamgage, is taken to be as it was, in milliseconds.
const REMEMBERED: i64 = 60_000;
/// How many of each are remembered.
const MAX_REMEMBERED: usize = 10_000;
/// How long the fast tier is asked to keep an answer at most, in seconds: a week.
const MAX_FAST: i64 = 7 * 86_400;

fn place<T>(known: &Known<T>, name: &str) -> Result<usize, usize> {
    known.binary_search_by(|(other, _)| other.as_str().cmp(name))
}

fn remember<T>(known: &mut Known<T>, name: &str, value: T, since: i64) {
    if known.len() >= MAX_REMEMBERED {
        known.clear();
    }
    let remembered = Remembered { value, since };
    match place(known, name).map(|place| known.get_mut(place)) {
        Ok(Some((_, known))) => *known = remembered,
        Ok(None) => {}
        Err(place) => known.insert(place, (name.to_owned(), remembered)),
    }
}

fn recall<T: Clone>(known: &Known<T>, name: &str, now: i64) -> Option<T> {
    let (_, found) = known.get(place(known, name).ok()?)?;
    (0..REMEMBERED).contains(&(now - found.since)).then(|| found.value.clone())
}

/// What becomes of a request without I/O.
#[derive(Debug, PartialEq)]
pub enum Opened {
    /// It is none of the proxy's.
    Elsewhere,
    /// It is answered.
    Reply(Reply),
    /// It has to be served.
    Call(Call),
}

/// A request that may be right, with something that may be a key.
#[derive(Debug, PartialEq)]
pub struct Call {
    target: Target,
    key: String,
}

#[derive(Debug, PartialEq)]
enum Target {
    Asked(Asked),
    Purge,
}

/// Takes a request in: refuses what can't be right, in the order 404 or 301, 401, 405, 400 (§3). `now` is in milliseconds
/// since 1970-01-01.
pub fn open(request: &Request, settings: &Settings, now: f64) -> Opened {
    let path = request.url.path.as_str();
    let is_ours = path == PURGE
        || path == "/v3"
        || path == "/dataset"
        || ["/v3/", "/import/"].iter().any(|start| path.starts_with(start));
    if !is_ours {
        return Opened::Elsewhere;
    }
    match call(request, settings, now) {
        Ok(call) => Opened::Call(call),
        Err(reply) => Opened::Reply(reply.header("Cache-Status", REFUSED)),
    }
}

fn call(request: &Request, settings: &Settings, now: f64) -> Result<Call, Reply> {
    let (path, query) = (request.url.path.as_str(), request.url.query.as_str());
    if METRICS_PATH.strip_suffix('/') == Some(path) {
        return Err(redirect(METRICS_PATH.to_owned(), query));
    }
    let target = match path {
        PURGE => Some(Target::Purge),
        METRICS_PATH => None,
        _ => Some(Target::Asked(Asked::read(path, query).ok_or_else(not_found)?)),
    };
    let is_purge = target == Some(Target::Purge);
    if is_preflight(request, settings) && !is_purge {
        return Err(preflight());
    }
    let key = bearer_key(request.authorization.as_deref())?.to_owned();
    let allowed = if is_purge { "POST" } else { "GET, HEAD" };
    if !allowed.split(", ").any(|method| method == request.method) {
        return Err(method_not_allowed(&request.method, allowed));
    }
    let metrics = || {
        MetricsRequest::parse(query, settings.today(&request.url, now)).map_err(|errors| Reply::bad_query(&errors))?;
        // What is refused needs no name.
        Ok(Target::Asked(Asked::metrics(query)))
    };
    Ok(Call { target: target.map_or_else(metrics, Ok)?, key })
}

/// An answer to a caller, and what is to be done once he has it.
#[derive(Debug)]
pub struct Served<B> {
    /// The status.
    pub status: u16,
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub content: Content<B>,
    /// What is left to do, in order.
    pub later: Vec<Later<B>>,
}

/// The body of an answer.
#[derive(Debug)]
pub enum Content<B> {
    /// As it is kept.
    Kept(B),
    /// Bytes made for this caller.
    Bytes(Vec<u8>),
}

/// What is done when the caller has his answer.
#[derive(Debug)]
pub enum Later<B> {
    /// Something goes into the fast tier.
    Put {
        /// Where.
        address: String,
        /// Its text.
        text: String,
        /// Its body.
        body: B,
        /// For how long, at most.
        seconds: u32,
    },
    /// Something leaves it.
    Remove(String),
    /// An answer that served though stale is fetched anew.
    Refresh {
        /// Where it is.
        address: String,
        /// Whose.
        partition: String,
        /// Which.
        ask: Ask,
    },
    /// And that is done.
    Refreshed(String),
}

/// The front, for one request.
pub struct Front<'a, W> {
    /// What it reaches.
    pub world: &'a W,
    /// The proxy's variables.
    pub proxy: &'a ProxySettings,
    /// The Worker's.
    pub settings: &'a Settings,
    /// The request.
    pub request: &'a Request,
}

/// An answer, before it is dressed for a caller.
struct Found<B> {
    entry: Entry,
    body: B,
    way: Way,
}

/// As whom the upstream is asked, and what for.
struct Errand {
    asked: Asked,
    key: String,
    partition: Option<String>,
    /// When the caller began to wait, in milliseconds since 1970-01-01.
    since: i64,
}

impl<W: World> Front<'_, W> {
    /// Answers.
    pub async fn serve(&self, call: Call) -> Served<W::Body> {
        let mut later = Vec::new();
        let mut served = match self.answer(call, &mut later).await {
            Ok((found, timing)) => self.dress(found, timing).await,
            Err(reply) => self.dress_reply(reply),
        };
        served.later = later;
        served
    }

    /// Does what was left to do.
    pub async fn finish(&self, mut later: Vec<Later<W::Body>>) {
        while !later.is_empty() {
            for step in std::mem::take(&mut later) {
                match step {
                    Later::Put { address, text, body, seconds } => self.world.put(&address, &text, body, seconds).await,
                    Later::Remove(address) => self.world.remove(&address).await,
                    Later::Refresh { address, partition, ask } => {
                        self.refresh(partition, &ask, &mut later).await;
                        later.push(Later::Refreshed(address));
                    }
                    Later::Refreshed(address) => {
                        self.world.memory().borrow_mut().refreshing.retain(|other| *other != address);
                    }
                }
            }
        }
    }

    async fn answer(&self, call: Call, later: &mut Vec<Later<W::Body>>) -> Result<(Found<W::Body>, Timing), Reply> {
        let (target, key, own) = self.identify(call).await?;
        let partition = self.proxy.partitions.as_ref().map(|partitions| partitions.name(&key));
        let asked = match target {
            Target::Purge => return Err(self.purge(partition.as_deref(), own.as_ref(), later).await),
            Target::Asked(asked) => match own {
                Some(key) => self.narrow(&key, asked)?,
                None => asked,
            },
        };
        self.get(Errand { asked, key, partition, since: self.world.now() }, later).await
    }

    /// The upstream's key to ask with; and, if the Worker has one of its own, the caller's.
    async fn identify(&self, call: Call) -> Result<(Target, String, Option<Key>), Reply> {
        let Call { target, key } = call;
        let Some(upstream_key) = &self.proxy.upstream_key else { return Ok((target, key, None)) };
        let hash = key_hash(&key);
        let now = self.world.now();
        let known = recall(&self.world.memory().borrow().keys, &hash, now);
        let row = match known {
            Some(row) => row,
            None => {
                let found = self.world.look_up(Key::lookup(&hash, now.div_euclid(1_000), "")).await;
                let row = found.ok().and_then(|found| Key::read(&found).ok()).ok_or_else(unknown_error)?;
                let row = row.ok_or_else(|| unauthorized("Invalid token."))?;
                remember(&mut self.world.memory().borrow_mut().keys, &hash, row.clone(), now);
                row
            }
        };
        let permitted = match &target {
            Target::Asked(Asked { class: Class::Metrics, .. }) => row.permits(Permission::Metrics),
            Target::Asked(_) => row.permits(Permission::Core),
            Target::Purge => row.permits(Permission::Purge) || row.permits(Permission::Import),
        };
        if !permitted {
            return Err(forbidden());
        }
        Ok((target, upstream_key.clone(), Some(row)))
    }

    fn narrow(&self, key: &Key, asked: Asked) -> Result<Asked, Reply> {
        let Some(text) = &key.scopes else { return Ok(asked) };
        // A scope that can't be read lets nothing through.
        let scope = Scope::read(text).ok_or_else(forbidden)?;
        let today = self.settings.today(&self.request.url, self.world.now() as f64);
        scope.narrow(asked, today).map_err(|_| forbidden())
    }

    async fn get(&self, errand: Errand, later: &mut Vec<Later<W::Body>>) -> Result<(Found<W::Body>, Timing), Reply> {
        let mut timing = Timing { start: errand.since, ..Timing::default() };
        let Some(partition) = errand.partition.as_deref() else {
            self.admit(&key_hash(&errand.key)).await?;
            let found = self.fetch(&errand, None, None, later).await;
            timing.rest = Some(self.world.now());
            return Ok((found, timing));
        };
        let record = self.record(partition).await;
        let mut kept = None;
        if let Some(record) = record {
            let address = answer_address(partition, record.generation, &errand.asked);
            kept = self.kept(&address).await;
            let now = self.world.now();
            timing.fast = Some(now);
            if let Some((entry, _)) = &kept
                && let Some(lifetimes) = entry.lifetimes
                && record.is_proved(errand.asked.class, now, self.proxy.key_ttl)
                && (lifetimes.is_fresh(now) || lifetimes.may_revalidate(now))
                && let Some((entry, body)) = kept.take()
            {
                let refreshing = &mut self.world.memory().borrow_mut().refreshing;
                if !lifetimes.is_fresh(now) && !refreshing.contains(&address) {
                    refreshing.push(address.clone());
                    let ask = self.ask(&errand, true);
                    later.push(Later::Refresh { address, partition: partition.to_owned(), ask });
                }
                return Ok((Found { entry, body, way: Way::Hit }, timing));
            }
        }
        self.admit(partition).await?;
        let ask = self.ask(&errand, false);
        let found = self.consult(&errand, &ask, record, kept, later).await;
        timing.rest = Some(self.world.now());
        Ok((found, timing))
    }

    fn ask(&self, errand: &Errand, refresh: bool) -> Ask {
        let today = self.settings.today(&self.request.url, self.world.now() as f64).number();
        Ask { asked: errand.asked.clone(), key: errand.key.clone(), refresh, today }
    }

    async fn admit(&self, caller: &str) -> Result<(), Reply> {
        if self.world.admits(caller).await { Ok(()) } else { Err(throttled()) }
    }

    /// Fetches an answer anew that served though stale.
    async fn refresh(&self, partition: String, ask: &Ask, later: &mut Vec<Later<W::Body>>) {
        let record = self.record(&partition).await;
        let kept = match record {
            Some(record) => self.kept(&answer_address(&partition, record.generation, &ask.asked)).await,
            None => None,
        };
        let Ask { asked, key, .. } = ask.clone();
        let errand = Errand { asked, key, partition: Some(partition), since: self.world.now() };
        self.consult(&errand, ask, record, kept, later).await;
    }

    /// Asks the keeper of a partition or, where it doesn't answer, the upstream.
    async fn consult(
        &self,
        errand: &Errand,
        ask: &Ask,
        record: Option<Record>,
        kept: Option<(Entry, W::Body)>,
        later: &mut Vec<Later<W::Body>>,
    ) -> Found<W::Body> {
        let partition = errand.partition.as_deref().unwrap_or_default();
        match self.world.ask(partition, ask).await {
            Ok(Told::Answer(answered)) => self.take_over(partition, &ask.asked, answered, later),
            Ok(Told::Yourself) | Err(Unavailable) => self.fetch(errand, record, kept, later).await,
        }
    }

    /// Keeps in the fast tier what the keeper told.
    fn take_over(
        &self,
        partition: &str,
        asked: &Asked,
        answered: Answered<W::Body>,
        later: &mut Vec<Later<W::Body>>,
    ) -> Found<W::Body> {
        let Answered { entry, body, record, way } = answered;
        self.learn(partition, record, later);
        let address = answer_address(partition, record.generation, asked);
        self.keep(address, &entry, &body, later);
        Found { entry, body, way }
    }

    /// Asks the upstream from here: there is no partition, or its keeper doesn't answer.
    async fn fetch(
        &self,
        errand: &Errand,
        record: Option<Record>,
        kept: Option<(Entry, W::Body)>,
        later: &mut Vec<Later<W::Body>>,
    ) -> Found<W::Body> {
        let breaker = Rc::clone(&self.world.memory().borrow().breaker);
        let upstream = Upstream::new(self.world.net(), &breaker, self.proxy, &errand.key, errand.since);
        let validators = kept.as_ref().map(|(entry, _)| entry.validators.clone()).unwrap_or_default();
        let found = upstream.ask(&errand.asked.target(), &validators).await;
        let (now, tries) = (self.world.now(), upstream.tries());
        let proved = upstream.proved().unwrap_or(now);
        let class = errand.asked.class;
        let excused = record.is_some_and(|record| record.is_proved(class, now, self.proxy.stale_key_ttl))
            && kept.as_ref().and_then(|(entry, _)| entry.lifetimes).is_some_and(|lifetimes| lifetimes.may_excuse(now));
        let entry = kept.as_ref().map(|(entry, _)| entry);
        let settled = settle(&errand.asked, &self.proxy.upstream, found, entry, excused, now);
        let partition = errand.partition.as_deref();
        let Conclusion { entry, body, way, effect, .. } = conclude(settled, kept, partition.is_some(), tries);
        match (effect, partition) {
            (Effect::Proved, _) => self.proved(errand, record, proved, &entry, &body, later),
            (Effect::Dropped, Some(partition)) => {
                let record = Record::new(now, record.map(|record| record.generation));
                self.learn(partition, record, later);
            }
            (Effect::Forgotten, Some(partition)) => {
                let addresses = record.map(|record| answer_address(partition, record.generation, &errand.asked));
                later.extend(addresses.map(Later::Remove));
            }
            _ => {}
        }
        Found { entry, body, way }
    }

    /// The upstream let the key in while the keeper was away.
    fn proved(
        &self,
        errand: &Errand,
        record: Option<Record>,
        proved: i64,
        entry: &Entry,
        body: &W::Body,
        later: &mut Vec<Later<W::Body>>,
    ) {
        let Some(partition) = errand.partition.as_deref() else { return };
        let mut record = record.unwrap_or_else(|| Record::new(self.world.now(), None));
        record.prove(errand.asked.class, proved);
        self.learn(partition, record, later);
        self.keep(answer_address(partition, record.generation, &errand.asked), entry, body, later);
    }

    fn keep(&self, address: String, entry: &Entry, body: &W::Body, later: &mut Vec<Later<W::Body>>) {
        let Some(lifetimes) = entry.lifetimes else { return };
        let now = self.world.now();
        if !lifetimes.may_revalidate(now) && !lifetimes.is_fresh(now) && !lifetimes.may_excuse(now) {
            return;
        }
        let left = lifetimes.fresh.max(lifetimes.revalidate).max(lifetimes.error) - now;
        let Ok(seconds) = u32::try_from((left / 1_000).min(MAX_FAST)) else { return };
        if seconds > 0 {
            later.push(Later::Put { address, text: to_text(entry), body: body.clone(), seconds });
        }
    }

    async fn kept(&self, address: &str) -> Option<(Entry, W::Body)> {
        let (text, body) = self.world.find(address).await?;
        Some((from_text(&text)?, body))
    }

    async fn record(&self, partition: &str) -> Option<Record> {
        let now = self.world.now();
        let known = recall(&self.world.memory().borrow().records, partition, now);
        if known.is_some() {
            return known;
        }
        let (text, _) = self.world.find(&record_address(partition)).await?;
        let record = from_text(&text)?;
        remember(&mut self.world.memory().borrow_mut().records, partition, record, now);
        Some(record)
    }

    /// Takes over what is known of a partition, unless it was known better.
    fn learn(&self, partition: &str, record: Record, later: &mut Vec<Later<W::Body>>) {
        let now = self.world.now();
        let records = &mut self.world.memory().borrow_mut().records;
        if recall(records, partition, now).is_some_and(|known| known.generation > record.generation) {
            return;
        }
        remember(records, partition, record, now);
        // A key's last proof is worth nothing after this.
        let seconds = u32::try_from(self.proxy.key_ttl / 1_000).unwrap_or(u32::MAX).max(1);
        let address = record_address(partition);
        later.push(Later::Put { address, text: to_text(&record), body: Vec::new().into(), seconds });
    }

    async fn purge(&self, partition: Option<&str>, own: Option<&Key>, later: &mut Vec<Later<W::Body>>) -> Reply {
        // Whoever sees only a part does not drop what others are served from.
        if own.is_some_and(|key| key.scopes.is_some()) {
            return forbidden();
        }
        let purged = Reply::empty(204).header("Cache-Status", "streamgage; detail=purged");
        let Some(partition) = partition else { return purged };
        if let Err(reply) = self.admit(partition).await {
            return reply;
        }
        let known = self.record(partition).await;
        let record = match self.world.drop_partition(partition).await {
            Ok(record) => record,
            Err(Unavailable) => Record::new(self.world.now(), known.map(|record| record.generation)),
        };
        self.learn(partition, record, later);
        purged
    }

    async fn dress(&self, found: Found<W::Body>, timing: Timing) -> Served<W::Body> {
        let Found { entry, body, way } = found;
        let now = self.world.now();
        let origin = self.settings.link_origin(&self.request.url);
        let tag = match entry.links.is_empty() {
            true => format!("\"{}\"", entry.tag),
            false => format!("\"{}-{}\"", entry.tag, key_hash(origin).get(..8).unwrap_or_default()),
        };
        let bypass = self.proxy.partitions.is_none().then_some("no-secret");
        let ttl = entry.lifetimes.map(|lifetimes| (lifetimes.fresh - now).div_euclid(1_000));
        let mut headers = entry.headers;
        let mut header = |name: &str, value: String| headers.push((name.to_owned(), value));
        header("cache-status", way.cache_status(ttl, bypass));
        header("server-timing", timing.header(way));
        let mut status = entry.status;
        let is_good = entry.status == 200;
        if is_good {
            header("cache-control", "private, no-cache".into());
            header("vary", "Authorization, Origin".into());
            if let Some(lifetimes) = entry.lifetimes {
                header("age", lifetimes.age(now).to_string());
            }
        } else {
            header("cache-control", "private, no-store".into());
            header("vary", "Origin".into());
        }
        header("x-content-type-options", "nosniff".into());
        if is_good {
            if is_known(self.request.if_none_match.as_deref(), &tag) {
                status = 304;
            }
            header("etag", tag);
        }
        headers.extend(
            cross_origin(self.request, self.settings).into_iter().map(|(name, value)| (name.to_owned(), value)),
        );
        let content = if self.request.method == "HEAD" || matches!(status, 204 | 304) {
            Content::Bytes(Vec::new())
        } else if entry.links.is_empty() {
            Content::Kept(body)
        } else {
            match self.world.bytes(body).await {
                Some(bytes) => Content::Bytes(rewrite(&bytes, &entry.links, origin)),
                None => return self.dress_reply(unknown_error()),
            }
        };
        Served { status, headers, content, later: Vec::new() }
    }

    fn dress_reply(&self, reply: Reply) -> Served<W::Body> {
        let is_marked = reply.headers.iter().any(|(name, _)| *name == "Cache-Status");
        let reply = if is_marked { reply } else { reply.header("Cache-Status", REFUSED) };
        let reply = dress(reply, self.request, self.settings);
        let headers = reply.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Served { status: reply.status, headers, content: Content::Bytes(reply.body.into()), later: Vec::new() }
    }
}

/// When what was done, for `Server-Timing`. Clocks of Workers stand still but for I/O.
#[derive(Clone, Copy, Debug, Default)]
struct Timing {
    start: i64,
    fast: Option<i64>,
    rest: Option<i64>,
}

impl Timing {
    fn header(self, way: Way) -> String {
        let fast = self.fast.unwrap_or(self.start);
        let mut text = format!("fast;dur={}", fast - self.start);
        if let Some(rest) = self.rest {
            // Writing into a String can't fail.
            let _ = write!(text, ", upstream;dur={}", rest - fast);
            if let Way::Fetched { tries, .. } = way {
                let _ = write!(text, ";desc=\"tries={tries}\"");
            }
        }
        text
    }
}
