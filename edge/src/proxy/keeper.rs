//! The keeper of one partition: it holds what must outlive the fast tier, and is the only one who asks the upstream, so
//! that a hundred callers who miss at once make one request.

use super::breaker::Breaker;
use super::entry::Entry;
use super::keys::{Record, entry_name};
use super::requests::{Asked, Class};
use super::settings::{MetricsFrom, ProxySettings};
use super::settle::{Conclusion, Effect, Settled, conclude, settle};
use super::source::{Fetched, Shelf, Trouble};
use super::status::Way;
use super::upstream::{Incoming, Net, Upstream};
use crate::codec::{as_list, from_text, to_text};
use crate::derive;
use crate::weeks::{self, Weeks};
use futures_channel::oneshot;
use std::cell::{Cell, RefCell};
use streamgage::calendar::Day;
use streamgage::query::MetricsRequest;
use streamgage::sort::sort_by_key;

/// How long a body may be, in bytes, to be kept here and handed to all who wait for it: a row of a Durable Object's
/// SQLite holds 2 MB.
pub const MAX_KEPT: usize = 1_900_000;

/// How many questions are gone on with between requests.
const MAX_UNFINISHED: usize = 10;

/// What is kept of a partition beyond the fast tier.
pub trait Store: Shelf {
    /// A body, which is not looked into here.
    type Body: Clone + From<Vec<u8>>;

    /// The answer that was kept last under a name: what is known of it, and its bytes.
    fn answer(&self, name: &str) -> Option<(String, Self::Body)>;

    /// Keeps one, until a time at most. What can't be kept is as if it had not been.
    fn keep(&self, name: &str, entry: &str, body: &Self::Body, until: i64);

    /// Forgets one.
    fn forget(&self, name: &str);

    /// Forgets all answers, and all of the shelf.
    fn clear(&self);

    /// Forgets what nobody reads, and what is beyond the limits ([`durable`](super::durable)); and the record, if nothing
    /// else is left.
    fn sweep(&self, now: i64);
}

/// What the front asks of the keeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The request.
    pub asked: Asked,
    /// The key that goes to the upstream: the partition's.
    pub key: String,
    /// Whether what is stale won't do, even for a moment.
    pub refresh: bool,
    /// The day that metrics are asked on, as its number since 1970-01-01.
    pub today: i32,
}

as_list!(Ask { asked, key, refresh, today });

/// An answer, where it came from, and how the partition stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered<B> {
    /// What is known of it.
    pub entry: Entry,
    /// Its bytes.
    pub body: B,
    /// The partition.
    pub record: Record,
    /// Where it came from.
    pub way: Way,
}

/// What the keeper tells.
#[allow(clippy::large_enum_variant, reason = "nearly always it is the large one")]
#[derive(Clone, Debug, PartialEq)]
pub enum Told<B> {
    /// An answer.
    Answer(Answered<B>),
    /// The answer is too long to be handed to several: each fetches it for himself.
    Yourself,
}

/// The keeper of one partition.
pub struct Keeper<N, S: Store> {
    net: N,
    store: S,
    settings: ProxySettings,
    breaker: RefCell<Breaker>,
    record: Cell<Option<Record>>,
    flights: RefCell<Flights<S::Body>>,
    /// What is gone on with between requests. In memory alone, since keys are in it.
    unfinished: RefCell<Vec<Ask>>,
}

type Waiter<B> = oneshot::Sender<Told<B>>;
/// Who waits for what is being fetched, by name: few at a time.
type Flights<B> = Vec<(String, Vec<Waiter<B>>)>;

/// What callers asked for lately, on the shelf: by address.
const LATELY: &str = "lately";
/// For how long that is lately, in milliseconds.
const LATELY_ENDS: i64 = 3_600_000;
/// How many of these are fetched anew at a time.
const MAX_REFRESHED: usize = 20;

/// Where the record is on the shelf.
const RECORD: &str = "record";

impl<N: Net, S: Store> Keeper<N, S> {
    /// Goes on from what is in the store.
    pub fn new(net: N, store: S, settings: ProxySettings) -> Self {
        let record = store.get(RECORD, "").and_then(|text| from_text(&text));
        Keeper {
            net,
            store,
            settings,
            breaker: RefCell::default(),
            record: Cell::new(record),
            flights: RefCell::default(),
            unfinished: RefCell::default(),
        }
    }

    /// Answers a caller.
    pub async fn answer(&self, ask: &Ask) -> Told<S::Body> {
        let told = self.find(ask).await;
        let was_fetched = matches!(&told, Told::Answer(Answered { way: Way::Fetched { .. }, .. }));
        // Other keys than the Worker's own are never written down, so nothing could be asked with them.
        if was_fetched && self.settings.upstream_key.is_some() {
            self.store.put(LATELY, &ask.asked.target(), &to_text(&(self.net.now(), ask.asked.clone())));
        }
        told
    }

    /// Fetches anew what callers asked for lately, if it is no longer fresh, with the Worker's own key. `today` is the
    /// day as its number.
    pub async fn refresh(&self, today: i32) {
        let Some(key) = &self.settings.upstream_key else { return };
        let now = self.net.now();
        let mut lately: Vec<(i64, Asked)> = Vec::new();
        for (target, text) in self.store.range(LATELY, "", "~") {
            match from_text::<(i64, Asked)>(&text) {
                Some((at, asked)) if now.saturating_sub(at) < LATELY_ENDS => lately.push((at, asked)),
                _ => self.store.remove(LATELY, &target),
            }
        }
        sort_by_key(&mut lately, |&(at, _)| at.saturating_neg());
        for (_, asked) in lately.into_iter().take(MAX_REFRESHED) {
            self.find(&Ask { asked, key: key.clone(), refresh: true, today }).await;
        }
    }

    /// Answers, from what is kept if it serves, and else by asking the upstream, once for all who ask the same.
    async fn find(&self, ask: &Ask) -> Told<S::Body> {
        let name = entry_name(&ask.asked);
        loop {
            let now = self.net.now();
            let record = self.record(now);
            let kept = self.kept(&name);
            if let Some((entry, body)) = &kept
                && record.is_proved(ask.asked.class, now, self.settings.key_ttl)
                && let Some(lifetimes) = entry.lifetimes
                && (lifetimes.is_fresh(now) || (!ask.refresh && lifetimes.may_revalidate(now)))
            {
                let way = Way::Hit;
                return Told::Answer(Answered { entry: entry.clone(), body: body.clone(), record, way });
            }
            let Some(flight) = self.join(&name) else { return self.lead(ask, &name, kept).await };
            // Who led it may have gone away.
            if let Ok(told) = flight.await {
                return told;
            }
        }
    }

    /// Waits with those who asked the same before; `None` for the first.
    fn join(&self, name: &str) -> Option<oneshot::Receiver<Told<S::Body>>> {
        let mut flights = self.flights.borrow_mut();
        let Some((_, waiters)) = flights.iter_mut().find(|(other, _)| other == name) else {
            flights.push((name.to_owned(), Vec::new()));
            return None;
        };
        let (sender, receiver) = oneshot::channel();
        waiters.push(sender);
        Some(receiver)
    }

    async fn lead(&self, ask: &Ask, name: &str, kept: Option<(Entry, S::Body)>) -> Told<S::Body> {
        let flight = Flight { flights: &self.flights, name };
        let (told, length) = self.fetch(ask, kept).await;
        for waiter in flight.land() {
            let told = match &told {
                Told::Answer(_) if length > MAX_KEPT => Told::Yourself,
                Told::Answer(answered) => Told::Answer(Answered { way: answered.way.collapsed(), ..answered.clone() }),
                Told::Yourself => Told::Yourself,
            };
            // Who no longer waits needs nothing.
            let _ = waiter.send(told);
        }
        told
    }

    /// Asks the upstream. The number is the length of a body that is new.
    async fn fetch(&self, ask: &Ask, kept: Option<(Entry, S::Body)>) -> (Told<S::Body>, usize) {
        let now = self.net.now();
        let upstream = Upstream::new(&self.net, &self.breaker, &self.settings, &ask.key, now);
        let before = self.record(now).generation;
        let (metrics, today) = (self.settings.metrics, Day::from_number(ask.today));
        let query = Some(ask.asked.query.encode()).filter(|_| ask.asked.class == Class::Metrics);
        let request = query.as_deref().and_then(|query| MetricsRequest::parse(query, today).ok());
        let must_ask = !self.record(now).is_proved(ask.asked.class, now, self.settings.key_ttl);
        let is_current = || self.record.get().is_some_and(|record| record.generation == before);
        let may_fall_back = request.is_some() && metrics == MetricsFrom::Auto;
        let is_lost = metrics == MetricsFrom::Derive || (may_fall_back && derive::is_gone(&self.store, now));
        if request.is_none() || !is_lost {
            let is_gone = |status: u16| may_fall_back && matches!(status, 404 | 410);
            if let Some(weeks) = query.and_then(|query| Weeks::of(&query, today)) {
                let shelf = Guarded { shelf: &self.store, may_put: || upstream.may_keep() && is_current() };
                let found = weeks.answer(&upstream, &shelf, must_ask).await;
                if !matches!(&found, Ok(weeks::Answered::AsItCame(fetched)) if is_gone(fetched.status)) {
                    return self.put_together(ask, found, &upstream, before);
                }
            } else {
                let validators = kept.as_ref().map(|(entry, _)| entry.validators.clone()).unwrap_or_default();
                let found = upstream.ask(&ask.asked.target(), &validators).await;
                if !matches!(&found, Ok(incoming) if is_gone(incoming.status)) {
                    return self.take(ask, found, kept, &upstream, before);
                }
            }
        }
        let Some(request) = request else { return self.take(ask, Err(Trouble::Broken), kept, &upstream, before) };
        // Sums are made here, so no answer's headers forbid to keep them.
        let shelf = Guarded { shelf: &self.store, may_put: is_current };
        if !is_lost {
            derive::remember_gone(&shelf, now);
        }
        let found = derive::answer(&request, today, &upstream, &shelf, must_ask).await;
        self.unfinished.borrow_mut().retain(|other| other.asked != ask.asked);
        let has_place = self.unfinished.borrow().len() < MAX_UNFINISHED;
        if found == Err(Trouble::OverBudget) && has_place {
            self.unfinished.borrow_mut().push(ask.clone());
        }
        self.put_together(ask, found, &upstream, before)
    }

    /// Goes on with what was beyond the budget of a request.
    pub async fn go_on(&self) {
        let next = self.unfinished.borrow().first().cloned();
        if let Some(ask) = next {
            self.find(&ask).await;
        }
    }

    /// Whether the key was ever let in.
    pub fn is_written(&self) -> bool {
        self.store.get(RECORD, "").is_some()
    }

    /// Sweeps what is kept.
    pub fn sweep(&self) {
        self.store.sweep(self.net.now());
    }

    /// Whether something was beyond the budget of a request.
    pub fn is_unfinished(&self) -> bool {
        !self.unfinished.borrow().is_empty()
    }

    /// Takes over metrics that were put together, if they could be.
    fn put_together(
        &self,
        ask: &Ask,
        found: Result<weeks::Answered, Trouble>,
        upstream: &Upstream<'_, N>,
        before: i64,
    ) -> (Told<S::Body>, usize) {
        let class = ask.asked.class;
        let assembled = match found {
            Ok(weeks::Answered::Assembled(assembled)) => assembled,
            Ok(weeks::Answered::AsItCame(fetched)) => {
                let Fetched { status, body, headers, times } = fetched;
                let incoming = Incoming { asked: times.asked, status, headers, body: body.into_bytes() };
                return self.take(ask, Ok(incoming), None, upstream, before);
            }
            Err(trouble) => return self.take(ask, Err(trouble), None, upstream, before),
        };
        let now = self.net.now();
        let mut record = self.record(now);
        let is_current = record.generation == before;
        if let (true, Some(proved)) = (is_current, upstream.proved()) {
            record = self.prove(record, ask, proved);
        }
        if let Some(trouble) = assembled.trouble
            && !(is_current && record.is_proved(class, now, self.settings.stale_key_ttl))
        {
            return self.take(ask, Err(trouble), None, upstream, before);
        }
        let bytes = assembled.body.into_bytes();
        let mut entry = Entry::assembled(&bytes, assembled.lifetimes);
        let way = match (assembled.trouble, upstream.tries()) {
            (Some(trouble), _) => Way::excused(trouble),
            (None, 0) => Way::Hit,
            (None, tries) => {
                if !is_current || !upstream.may_keep() {
                    entry.lifetimes = None;
                }
                Way::Fetched { status: 200, stored: entry.lifetimes.is_some(), stale: false, collapsed: false, tries }
            }
        };
        let length = bytes.len();
        (Told::Answer(Answered { entry, body: bytes.into(), record, way }), length)
    }

    /// Takes over what the upstream answered, or that it didn't.
    fn take(
        &self,
        ask: &Ask,
        found: Result<Incoming, Trouble>,
        kept: Option<(Entry, S::Body)>,
        upstream: &Upstream<'_, N>,
        before: i64,
    ) -> (Told<S::Body>, usize) {
        let name = &entry_name(&ask.asked);
        let (now, tries) = (self.net.now(), upstream.tries());
        let proved = upstream.proved().unwrap_or(now);
        let mut record = self.record(now);
        // If somebody dropped the partition meanwhile, what was asked for before belongs to what is gone.
        let is_current = record.generation == before;
        let excused = is_current
            && record.is_proved(ask.asked.class, now, self.settings.stale_key_ttl)
            && kept.as_ref().and_then(|(entry, _)| entry.lifetimes).is_some_and(|lifetimes| lifetimes.may_excuse(now));
        let entry = kept.as_ref().map(|(entry, _)| entry);
        let mut settled = settle(&ask.asked, &self.settings.upstream, found, entry, excused, now);
        if !is_current && let Settled::New(entry, _) | Settled::Confirmed(entry) = &mut settled {
            entry.lifetimes = None;
        }
        let Conclusion { entry, body, way, length, effect } = conclude(settled, kept, true, tries);
        match effect {
            Effect::Proved => {
                if is_current {
                    record = self.prove(record, ask, proved);
                }
                match entry.lifetimes.filter(|_| length <= MAX_KEPT) {
                    Some(lifetimes) => self.store.keep(name, &to_text(&entry), &body, lifetimes.error),
                    None => self.store.forget(name),
                }
            }
            Effect::Dropped => record = self.drop_partition(),
            Effect::Forgotten => self.store.forget(name),
            Effect::None => {}
        }
        (Told::Answer(Answered { entry, body, record, way }), length)
    }

    /// Forgets all that is kept, and begins a new generation.
    pub fn drop_partition(&self) -> Record {
        let record = Record::new(self.net.now(), self.record.get().map(|record| record.generation));
        let was_written = self.is_written();
        self.store.clear();
        self.record.set(Some(record));
        // Of a key that was never let in nothing is written down.
        if was_written {
            self.write(record);
        }
        record
    }

    fn record(&self, now: i64) -> Record {
        self.record.get().unwrap_or_else(|| {
            let record = Record::new(now, None);
            self.record.set(Some(record));
            record
        })
    }

    fn prove(&self, mut record: Record, ask: &Ask, now: i64) -> Record {
        record.prove(ask.asked.class, now);
        self.write(record);
        record
    }

    fn write(&self, record: Record) {
        self.record.set(Some(record));
        self.store.put(RECORD, "", &to_text(&record));
    }

    fn kept(&self, name: &str) -> Option<(Entry, S::Body)> {
        let (text, body) = self.store.answer(name)?;
        Some((from_text(&text)?, body))
    }
}

/// A shelf that takes nothing more once what it is for is gone.
struct Guarded<'a, S, P> {
    shelf: &'a S,
    may_put: P,
}

impl<S: Shelf, P: Fn() -> bool> Shelf for Guarded<'_, S, P> {
    fn get(&self, kind: &str, key: &str) -> Option<String> {
        self.shelf.get(kind, key)
    }

    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)> {
        self.shelf.range(kind, first, end)
    }

    fn put(&self, kind: &str, key: &str, text: &str) {
        if (self.may_put)() {
            self.shelf.put(kind, key, text);
        }
    }

    fn remove(&self, kind: &str, key: &str) {
        self.shelf.remove(kind, key);
    }
}

/// Takes a flight off the list however it ends.
struct Flight<'a, B> {
    flights: &'a RefCell<Flights<B>>,
    name: &'a str,
}

impl<B> Flight<'_, B> {
    fn land(&self) -> Vec<Waiter<B>> {
        let mut flights = self.flights.borrow_mut();
        let place = flights.iter().position(|(name, _)| name == self.name);
        place.map(|place| flights.swap_remove(place).1).unwrap_or_default()
    }
}

impl<B> Drop for Flight<'_, B> {
    fn drop(&mut self) {
        self.land();
    }
}
