//! The Durable Object that keeps one partition of the proxy: [`PartitionCoordinator`] over the object's own SQLite.

use crate::Env;
use crate::database::to_js;
use crate::network::Network;
use crate::proxy::{Body, DAY_MILLISECONDS, REPORT, settings, today};
use crate::response;
use js_sys::{Array, ArrayBuffer, Date, Promise, Reflect, Uint8Array};
use std::cell::Cell;
use std::rc::Rc;
use streamgage_edge::proxy::storage::{EVICT_AFTER_BYTES, HAS_CONTENT, LIMITS, TABLES};
use streamgage_edge::proxy::{
    CoordinatedResponse, CoordinatorCommand, CoordinatorReport, FetchReply, KvStore, PartitionCoordinator,
    PartitionStore, Transport,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

/// The object behind the class `Partition` of entry.js.
#[wasm_bindgen]
pub struct PartitionKeeper(Rc<Woken>);

struct Woken {
    keeper: PartitionCoordinator<Network, Sqlite>,
    storage: Storage,
    /// Whether an alarm is known to be set.
    is_armed: Cell<bool>,
}

/// After how many milliseconds a question that was beyond the budget of a request is gone on with.
const GO_ON_AFTER: f64 = 1_000.0;

impl Woken {
    /// Sees to it that there is an alarm: soon, if there is something to go on with; else in a day, to sweep what is kept,
    /// if anything is. One that is set and comes sooner stays.
    async fn arm(&self) -> Result<(), JsValue> {
        let after = if self.keeper.has_unfinished() {
            GO_ON_AFTER
        } else if !self.is_armed.get() && self.keeper.has_state() {
            DAY_MILLISECONDS
        } else {
            return Ok(());
        };
        let due = Date::now() + after;
        let set = JsFuture::from(self.storage.get_alarm()?).await?.as_f64();
        if set.is_none_or(|set| set > due) {
            JsFuture::from(self.storage.set_alarm(due)?).await?;
        }
        self.is_armed.set(true);
        Ok(())
    }
}

#[wasm_bindgen]
impl PartitionKeeper {
    /// Wakes the object up.
    #[wasm_bindgen(constructor)]
    pub fn new(state: State, env: Env) -> Result<PartitionKeeper, JsValue> {
        let settings = settings(&env)?.ok_or_else(|| JsValue::from_str("no UPSTREAM"))?;
        let storage = state.storage();
        let keeper = PartitionCoordinator::new(Network, Sqlite::open(storage.sql())?, (*settings).clone());
        Ok(PartitionKeeper(Rc::new(Woken { keeper, storage, is_armed: Cell::new(false) })))
    }

    /// Goes on with what was beyond the budget of a request, and sweeps.
    pub fn alarm(&self) -> Promise {
        let woken = Rc::clone(&self.0);
        future_to_promise(async move {
            woken.keeper.resume_unfinished().await;
            // While there is more to do the alarm rings each second.
            if !woken.keeper.has_unfinished() {
                woken.keeper.evict();
            }
            woken.is_armed.set(false);
            woken.arm().await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Answers the front.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let woken = Rc::clone(&self.0);
        future_to_promise(async move {
            let keeper = &woken.keeper;
            let text = JsFuture::from(request.text()?).await?.as_string().unwrap_or_default();
            let command = CoordinatorCommand::read(&text).ok_or_else(|| JsValue::from_str("no command"))?;
            let report = match command {
                CoordinatorCommand::Fetch { request } => match keeper.fetch(&request).await {
                    FetchReply::Response(CoordinatedResponse { entry, body, state, outcome }) => {
                        woken.arm().await?;
                        return respond(&CoordinatorReport::Response { entry, state, outcome }, &body);
                    }
                    FetchReply::Uncoalesced => CoordinatorReport::Uncoalesced,
                },
                CoordinatorCommand::Purge => CoordinatorReport::Purged { state: keeper.purge() },
                CoordinatorCommand::Refresh { today } => {
                    keeper.refresh_recent(today).await;
                    CoordinatorReport::Refreshed
                }
            };
            respond(&report, &Body::from(Vec::new()))
        })
    }
}

fn respond(report: &CoordinatorReport, body: &Body) -> Result<JsValue, JsValue> {
    response::respond(200, &[(REPORT, report.to_text())], &body.to_js()).map(JsValue::from)
}

#[wasm_bindgen]
extern "C" {
    /// `DurableObjectState`.
    pub type State;
    type Storage;
    type Sql;
    type Cursor;
    type Rows;

    #[wasm_bindgen(method, getter)]
    fn storage(this: &State) -> Storage;
    #[wasm_bindgen(method, getter)]
    fn sql(this: &Storage) -> Sql;
    #[wasm_bindgen(method, catch, js_name = getAlarm)]
    fn get_alarm(this: &Storage) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    fn set_alarm(this: &Storage, time: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, variadic)]
    fn exec(this: &Sql, text: &str, values: &Array) -> Result<Cursor, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn raw(this: &Cursor) -> Result<Rows, JsValue>;
    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &Rows) -> Result<Array, JsValue>;
}

/// The object's database.
struct Sqlite {
    sql: Sql,
    /// The bytes that were written since it was swept.
    written: Cell<u32>,
}

impl Sqlite {
    fn open(sql: Sql) -> Result<Sqlite, JsValue> {
        sql.exec(TABLES, &Array::new())?;
        Ok(Sqlite { sql, written: Cell::new(0) })
    }

    /// The rows of a statement, each an array. What fails has none, and is logged.
    fn rows(&self, text: &str, values: &[JsValue]) -> Vec<Array> {
        let values: Array = values.iter().collect();
        let rows = self.sql.exec(text, &values).and_then(|cursor| cursor.raw()?.to_array());
        rows.map_or_else(
            |error| {
                crate::log_error(text, &error);
                Vec::new()
            },
            |rows| rows.into_iter().map(JsCast::unchecked_into).collect(),
        )
    }

    /// Reads columns from a table where a condition holds, the last of them `read_on`; and notes that they were read, once
    /// a day.
    fn read(&self, columns: &str, table: &str, condition: &str, values: &[JsValue]) -> Vec<Array> {
        let rows = self.rows(&format!("SELECT {columns}, read_on FROM {table} WHERE {condition}"), values);
        let today = today();
        let is_unread = |row: &Array| row.get(row.length() - 1).as_f64().is_some_and(|read_on| read_on < today);
        if rows.iter().any(is_unread) {
            let values: Vec<JsValue> = values.iter().cloned().chain([today.into()]).collect();
            self.rows(&format!("UPDATE {table} SET read_on = ?{} WHERE {condition}", values.len()), &values);
        }
        rows
    }

    fn wrote(&self, bytes: u32) {
        self.written.set(self.written.get().saturating_add(bytes));
        if self.written.get() > EVICT_AFTER_BYTES {
            self.evict(Network.now());
        }
    }
}

fn text(row: &Array, column: u32) -> Option<String> {
    row.get(column).as_string()
}

impl KvStore for Sqlite {
    fn get(&self, kind: &str, key: &str) -> Option<String> {
        text(self.read("text", "shelf", "kind = ?1 AND key = ?2", &[kind.into(), key.into()]).first()?, 0)
    }

    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)> {
        // The order of the primary key.
        let condition = "kind = ?1 AND key >= ?2 AND key < ?3";
        let rows = self.read("key, text", "shelf", condition, &[kind.into(), first.into(), end.into()]);
        rows.iter().filter_map(|row| Some((text(row, 0)?, text(row, 1)?))).collect()
    }

    fn put(&self, kind: &str, key: &str, text: &str) {
        let values = [kind.into(), key.into(), text.into(), today().into()];
        self.rows("INSERT OR REPLACE INTO shelf VALUES (?, ?, ?, ?)", &values);
        self.wrote(u32::try_from(text.len()).unwrap_or(u32::MAX));
    }

    fn delete(&self, kind: &str, key: &str) {
        self.rows("DELETE FROM shelf WHERE kind = ? AND key = ?", &[kind.into(), key.into()]);
    }
}

impl PartitionStore for Sqlite {
    type Body = Body;

    fn get_response(&self, name: &str) -> Option<(String, Body)> {
        let rows = self.read("entry, body", "answer", "name = ?1", &[name.into()]);
        let row = rows.first()?;
        let body: ArrayBuffer = row.get(1).dyn_into().ok()?;
        Some((text(row, 0)?, Body::Bytes(Uint8Array::new(&body))))
    }

    fn put_response(&self, name: &str, entry: &str, body: &Body, until: i64) {
        let Body::Bytes(bytes) = body else { return };
        let values = [name.into(), entry.into(), bytes.into(), JsValue::from_f64(until as f64), today().into()];
        self.rows("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?)", &values);
        self.wrote(bytes.length());
    }

    fn delete_response(&self, name: &str) {
        self.rows("DELETE FROM answer WHERE name = ?", &[name.into()]);
    }

    fn delete_all(&self) {
        self.rows("DELETE FROM answer", &[]);
        self.rows("DELETE FROM shelf", &[]);
    }

    fn evict(&self, now: i64) {
        self.written.set(0);
        for statement in LIMITS.eviction_statements(now, today() as i64) {
            let values: Vec<JsValue> = statement.parameters.iter().map(to_js).collect();
            self.rows(&statement.sql, &values);
        }
        if self.rows(HAS_CONTENT, &[]).is_empty() {
            self.delete_all();
        }
    }
}

/// Reads a property that may not be there.
pub fn property(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}
