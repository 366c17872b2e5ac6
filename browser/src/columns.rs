//! Commits as typed arrays, into the rows of metrics.

use crate::{metrics_columns, metrics_request};
use alloc::boxed::Box;
use alloc::vec::Vec;
use streamgage::metrics::{MetricsResponse, tally};
use streamgage::query::MetricsRequest;
use wasm_bindgen::prelude::*;

/// Takes commits a block at a time, sums them as they come, and answers one request.
#[wasm_bindgen]
pub struct Columns {
    request: MetricsRequest,
    tally: tally::Tally,
    room: Box<Room>,
}

/// Room for the commits that are handed over at once, where JavaScript writes them: columns one after the other.
#[repr(C)]
struct Room {
    impact: [u32; tally::BLOCK],
    users: [u16; tally::BLOCK],
    days: [u16; tally::BLOCK],
    haloc: [u16; tally::BLOCK],
    churn: [u16; tally::BLOCK],
}

#[wasm_bindgen]
impl Columns {
    /// For the range and the resolution of a request; of its filters none counts. `None` if it is not valid, which
    /// [`validate`](crate::validate) explains.
    pub fn begin(query: &str, today: &str) -> Option<Columns> {
        let request = metrics_request(query, today).ok()?;
        // What lies beyond the days of a column is not found in one.
        let first = u16::try_from(request.start.number().max(0));
        let last = u16::try_from(request.end.number().min(u16::MAX.into()));
        let (first, last) = first.ok().zip(last.ok()).unwrap_or((1, 0));
        let nothing = [0; tally::BLOCK];
        let room = Room { impact: [0; tally::BLOCK], users: nothing, days: nothing, haloc: nothing, churn: nothing };
        Some(Columns { request, tally: tally::Tally::new(first, last), room: Box::new(room) })
    }

    /// How many commits a block has at most.
    pub fn block() -> usize {
        tally::BLOCK
    }

    /// Where in wasm's memory the columns of a block are written: [`block`](Self::block) numbers of impact of 32 bits
    /// (in ten-thousandths), then users, days since 1970-01-01, haloc and churn of 16 bits each.
    pub fn room(&self) -> *const u32 {
        self.room.impact.as_ptr()
    }

    /// Adds the first so many commits of the block; `false` if there are too many users and weeks to tell apart.
    pub fn add(&mut self, commits: usize) -> bool {
        let Room { impact, users, days, haloc, churn } = &*self.room;
        fn first<T>(column: &[T], commits: usize) -> &[T] {
            column.get(..commits).unwrap_or(column)
        }
        let block = tally::Block {
            users: first(users, commits),
            days: first(days, commits),
            haloc: first(haloc, commits),
            churn: first(churn, commits),
            impact: first(impact, commits),
        };
        self.tally.add(&block).is_ok()
    }

    /// Ends it, and answers as [`Table::columns`](crate::Table::columns) does.
    pub fn columns(self) -> Vec<f64> {
        metrics_columns(&MetricsResponse::new(&self.request, &self.tally.into_sums()), &self.request)
    }
}

/// Wasm's memory, where JavaScript writes.
#[wasm_bindgen]
pub fn heap() -> JsValue {
    wasm_bindgen::memory()
}
