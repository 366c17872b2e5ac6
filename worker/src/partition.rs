//! The Durable Object of a partition of the proxy: a [`PartitionCoordinator`] over the object's SQLite database.

use crate::clock::now;
use crate::config;
use crate::proxy::{LENGTH, REPORT};
use crate::response::{self, Body};
use crate::sqlite::SqliteStore;
use crate::upstream::FetchTransport;
use std::cell::Cell;
use streamgage_edge::proxy::{
    CoordinatedResponse, CoordinatorCommand, CoordinatorReport, FetchReply, PartitionCoordinator,
};
use worker::{DurableObject, Env, Error, Request, Response, Result, State, Storage, durable_object, wasm_bindgen};

/// The interval of evictions, in milliseconds.
const EVICTION_INTERVAL: i64 = 86_400_000;

#[durable_object(alarm)]
pub struct Partition {
    env: Env,
    storage: Storage,
    coordinator: std::cell::OnceCell<PartitionCoordinator<FetchTransport, SqliteStore>>,
    is_alarm_set: Cell<bool>,
}

impl DurableObject for Partition {
    fn new(state: State, env: Env) -> Partition {
        let (coordinator, is_alarm_set) = Default::default();
        Partition { env, storage: state.storage(), coordinator, is_alarm_set }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let coordinator = self.coordinator()?;
        let command = CoordinatorCommand::from_json(&request.text().await?);
        let report = match command.ok_or_else(|| Error::from("the command is invalid"))? {
            CoordinatorCommand::Fetch { request } => match coordinator.fetch(&request).await {
                FetchReply::Response(CoordinatedResponse { entry, body, state, outcome }) => {
                    self.schedule_alarm().await?;
                    return respond(&CoordinatorReport::Response { entry, state, outcome }, &body);
                }
                FetchReply::Busy => return Err(Error::from("a coordinator reads no body")),
            },
            CoordinatorCommand::Purge => CoordinatorReport::Purged { state: coordinator.purge() },
            CoordinatorCommand::Refresh { today } => {
                coordinator.refresh_recent(today).await;
                CoordinatorReport::Refreshed
            }
        };
        respond(&report, &Body::Empty)
    }

    /// Resumes unfinished work; without such work, evicts.
    async fn alarm(&self) -> Result<Response> {
        let coordinator = self.coordinator()?;
        coordinator.resume_unfinished().await;
        if coordinator.next_resumption().is_none() {
            coordinator.evict();
        }
        self.is_alarm_set.set(false);
        self.schedule_alarm().await?;
        Response::empty()
    }
}

impl Partition {
    fn coordinator(&self) -> Result<&PartitionCoordinator<FetchTransport, SqliteStore>> {
        if let Some(coordinator) = self.coordinator.get() {
            return Ok(coordinator);
        }
        let settings = config::proxy_settings(&self.env)?.ok_or_else(|| Error::from("UPSTREAM is not set"))?;
        let store = SqliteStore::open(self.storage.sql())?;
        Ok(self.coordinator.get_or_init(|| PartitionCoordinator::new(FetchTransport, store, (*settings).clone())))
    }

    /// Sets the alarm for unfinished work or for the next eviction, unless an earlier alarm is set.
    async fn schedule_alarm(&self) -> Result<()> {
        let coordinator = self.coordinator()?;
        let now = now();
        let due = match coordinator.next_resumption() {
            Some(due) => due.max(now),
            None if !self.is_alarm_set.get() && coordinator.has_state() => now + EVICTION_INTERVAL,
            None => return Ok(()),
        };
        if self.storage.get_alarm().await?.is_none_or(|set| set > due) {
            self.storage.set_alarm(due - now).await?;
        }
        self.is_alarm_set.set(true);
        Ok(())
    }
}

fn respond(report: &CoordinatorReport, body: &Body) -> Result<Response> {
    let length = if let Body::Bytes(body) = body { body.len() } else { 0 };
    let headers = [(REPORT, response::escape_non_ascii(&report.to_json())), (LENGTH, length.to_string())];
    response::build(200, &headers, body).map(Response::from)
}
