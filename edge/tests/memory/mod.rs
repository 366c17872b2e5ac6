//! A partition in memory: its shelf, its upstream, and a clock that tests set.

// Each test uses some of it.
#![allow(dead_code)]

use futures_util::FutureExt;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use streamgage::calendar::Day;
use streamgage_edge::cache::Times;
use streamgage_edge::proxy::{Headers, JsonResponse, KvStore, UpstreamClient, UpstreamError};

pub const DAY: i64 = 86_400_000;

/// What a future that waits for nothing comes to.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing here waits")
}

/// The first millisecond of a day.
pub fn midnight(day: &str) -> i64 {
    i64::from(Day::parse(day).unwrap().number()) * DAY
}

#[derive(Default)]
pub struct Memory(RefCell<BTreeMap<(String, String), String>>);

impl Memory {
    /// Everything that is kept.
    pub fn texts(&self) -> Vec<String> {
        self.0.borrow().values().cloned().collect()
    }
}

impl KvStore for Memory {
    fn get(&self, kind: &str, key: &str) -> Option<String> {
        self.0.borrow().get(&(kind.into(), key.into())).cloned()
    }

    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)> {
        let (kept, key) = (self.0.borrow(), |key: &str| (kind.to_owned(), key.to_owned()));
        kept.range(key(first)..key(end)).map(|((_, key), text)| (key.clone(), text.clone())).collect()
    }

    fn put(&self, kind: &str, key: &str, text: &str) {
        self.0.borrow_mut().insert((kind.into(), key.into()), text.into());
    }

    fn delete(&self, kind: &str, key: &str) {
        self.0.borrow_mut().remove(&(kind.into(), key.into()));
    }
}

/// An upstream that a function answers.
pub struct Upstream<F> {
    pub answer: F,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub time: Cell<i64>,
    /// What is wrong with it, now and until it is changed.
    pub trouble: Cell<Option<UpstreamError>>,
    /// How much more it may be asked.
    pub budget: Cell<u32>,
    /// The queries it was asked.
    pub asked: RefCell<Vec<String>>,
}

impl<F: Fn(&str, &str, Day) -> JsonResponse> Upstream<F> {
    pub fn new(time: i64, answer: F) -> Upstream<F> {
        Upstream {
            answer,
            time: Cell::new(time),
            trouble: Cell::new(None),
            budget: Cell::new(u32::MAX),
            asked: RefCell::default(),
        }
    }

    pub fn today(&self) -> Day {
        Day::from_number(self.time.get().div_euclid(DAY) as i32)
    }

    pub fn wait(&self, milliseconds: i64) {
        self.time.set(self.time.get() + milliseconds);
    }

    /// What it was asked since the last time.
    pub fn take_asked(&self) -> Vec<String> {
        self.asked.take()
    }
}

impl<F: Fn(&str, &str, Day) -> JsonResponse> UpstreamClient for Upstream<F> {
    async fn get(&self, path: &str, query: &str) -> Result<JsonResponse, UpstreamError> {
        self.asked.borrow_mut().push(query.into());
        let budget = self.budget.get();
        self.budget.set(budget.saturating_sub(1));
        match self.trouble.get().or((budget == 0).then_some(UpstreamError::BudgetExhausted)) {
            Some(trouble) => Err(trouble),
            None => {
                let times = Times { asked: self.now(), answered: self.now() };
                Ok(JsonResponse { times, ..(self.answer)(path, query, self.today()) })
            }
        }
    }

    fn now(&self) -> i64 {
        self.time.get()
    }
}

/// A 200.
pub fn ok(body: impl Into<String>) -> JsonResponse {
    JsonResponse { status: 200, body: body.into(), headers: Headers::default(), times: Times { asked: 0, answered: 0 } }
}
