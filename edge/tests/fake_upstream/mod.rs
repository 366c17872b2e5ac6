//! A partition in memory: its store, an upstream, and a clock that tests set.

// Each test uses a part of this module.
#![allow(dead_code)]

use futures_util::FutureExt;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use streamgage::calendar::Day;
use streamgage_edge::proxy::{
    ExchangeTimes, Headers, JsonResponse, KvStore, PartitionStore, Reservation, UpstreamClient, UpstreamError,
};

pub const DAY: i64 = 86_400_000;

/// Returns the output of a future that never waits.
pub fn complete<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a future that does not wait")
}

/// Returns the first millisecond of a day.
pub fn midnight(day: &str) -> i64 {
    i64::from(Day::parse(day).unwrap().number()) * DAY
}

#[derive(Default)]
pub struct MemoryStore(RefCell<BTreeMap<(String, String), String>>);

impl MemoryStore {
    pub fn texts(&self) -> Vec<String> {
        self.0.borrow().values().cloned().collect()
    }
}

impl KvStore for MemoryStore {
    fn get(&self, kind: &str, key: &str) -> Option<String> {
        self.0.borrow().get(&(kind.into(), key.into())).cloned()
    }

    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)> {
        let (stored, key) = (self.0.borrow(), |key: &str| (kind.to_owned(), key.to_owned()));
        stored.range(key(first)..key(end)).map(|((_, key), text)| (key.clone(), text.clone())).collect()
    }

    fn put(&self, kind: &str, key: &str, text: &str) {
        self.0.borrow_mut().insert((kind.into(), key.into()), text.into());
    }

    fn delete(&self, kind: &str, key: &str) {
        self.0.borrow_mut().remove(&(kind.into(), key.into()));
    }
}

/// A partition. Clones share their content.
#[derive(Clone, Default)]
pub struct MemoryPartition {
    pub texts: Rc<MemoryStore>,
    pub responses: Rc<RefCell<BTreeMap<String, StoredResponse>>>,
}

/// A text and a body.
pub type StoredResponse = (String, Vec<u8>);

impl KvStore for MemoryPartition {
    fn get(&self, kind: &str, key: &str) -> Option<String> {
        self.texts.get(kind, key)
    }

    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)> {
        self.texts.range(kind, first, end)
    }

    fn put(&self, kind: &str, key: &str, text: &str) {
        self.texts.put(kind, key, text);
    }

    fn delete(&self, kind: &str, key: &str) {
        self.texts.delete(kind, key);
    }
}

impl PartitionStore for MemoryPartition {
    type Body = Vec<u8>;

    fn get_response(&self, name: &str) -> Option<StoredResponse> {
        self.responses.borrow().get(name).cloned()
    }

    fn put_response(&self, name: &str, entry: &str, body: &Vec<u8>, _: i64) {
        self.responses.borrow_mut().insert(name.to_owned(), (entry.to_owned(), body.clone()));
    }

    fn delete_response(&self, name: &str) {
        self.responses.borrow_mut().remove(name);
    }

    fn delete_all(&self) {
        self.texts.0.borrow_mut().clear();
        self.responses.borrow_mut().clear();
    }

    fn evict(&self, _: i64) {
        panic!("no test evicts rows");
    }
}

/// An upstream whose responses come from a function.
pub struct FakeUpstream<F> {
    pub respond: F,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub time: Cell<i64>,
    /// The error of all requests.
    pub error: Cell<Option<UpstreamError>>,
    /// The remaining number of requests.
    pub budget: Cell<u32>,
    /// The queries of all requests.
    pub queries: RefCell<Vec<String>>,
}

impl<F: Fn(&str, &str, Day) -> JsonResponse> FakeUpstream<F> {
    pub fn new(time: i64, respond: F) -> FakeUpstream<F> {
        FakeUpstream {
            respond,
            time: Cell::new(time),
            error: Cell::new(None),
            budget: Cell::new(u32::MAX),
            queries: RefCell::default(),
        }
    }

    pub fn today(&self) -> Day {
        Day::from_number(self.time.get().div_euclid(DAY) as i32)
    }

    pub fn advance(&self, milliseconds: i64) {
        self.time.set(self.time.get() + milliseconds);
    }

    /// Returns the queries since the last call.
    pub fn take_queries(&self) -> Vec<String> {
        self.queries.take()
    }
}

impl<F: Fn(&str, &str, Day) -> JsonResponse> UpstreamClient for FakeUpstream<F> {
    async fn get(&self, path: &str, query: &str) -> Result<JsonResponse, UpstreamError> {
        self.queries.borrow_mut().push(query.into());
        let budget = self.budget.get();
        self.budget.set(budget.saturating_sub(1));
        match self.error.get().or((budget == 0).then_some(UpstreamError::BudgetExhausted)) {
            Some(error) => Err(error),
            None => {
                let times = ExchangeTimes { sent_at: self.now(), received_at: self.now() };
                Ok(JsonResponse { times, ..(self.respond)(path, query, self.today()) })
            }
        }
    }

    fn now(&self) -> i64 {
        self.time.get()
    }
}

/// Returns a response with status 200.
pub fn ok(body: impl Into<String>) -> JsonResponse {
    let times = ExchangeTimes { sent_at: 0, received_at: 0 };
    JsonResponse {
        status: 200,
        body: body.into(),
        headers: Headers::default(),
        times,
        reservation: Reservation::default(),
    }
}
