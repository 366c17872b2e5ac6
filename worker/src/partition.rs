//! The Durable Object that keeps one partition of the proxy: [`Keeper`] over the object's own SQLite.

use crate::network::Network;
use crate::proxy::{Body, Command, Told, settings};
use js_sys::{Array, ArrayBuffer, Date, Promise, Reflect, Uint8Array};
use std::cell::Cell;
use std::rc::Rc;
use streamgage_edge::proxy::{self, Keeper, Shelf, Store};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::Env;

/// The object behind the class `Partition` of entry.js.
#[wasm_bindgen]
pub struct PartitionKeeper(Rc<Woken>);

struct Woken {
    keeper: Keeper<Network, Sqlite>,
    storage: Storage,
}

/// After how many milliseconds a question that was beyond the budget of a request is gone on with.
const GO_ON_AFTER: f64 = 1_000.0;

impl Woken {
    /// Sets the alarm, if there is something to go on with.
    fn go_on_later(&self) -> Result<(), JsValue> {
        if self.keeper.is_unfinished() {
            // The object waits for what is written before it answers.
            let _: Promise = self.storage.set_alarm(Date::now() + GO_ON_AFTER)?;
        }
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
        let keeper = Keeper::new(Network, Sqlite::open(storage.sql())?, (*settings).clone());
        Ok(PartitionKeeper(Rc::new(Woken { keeper, storage })))
    }

    /// Goes on with what was beyond the budget of a request.
    pub fn alarm(&self) -> Promise {
        let woken = Rc::clone(&self.0);
        future_to_promise(async move {
            woken.keeper.go_on().await;
            woken.go_on_later()?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Answers the front.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let woken = Rc::clone(&self.0);
        future_to_promise(async move {
            let keeper = &woken.keeper;
            let text = JsFuture::from(request.text()?).await?.as_string().unwrap_or_default();
            let command: Command = serde_json::from_str(&text).map_err(crate::failure)?;
            let told = match command {
                Command::Answer(ask) => match keeper.answer(&ask).await {
                    proxy::Told::Answer(answered) => {
                        woken.go_on_later()?;
                        let (told, body) = Told::of(answered);
                        return told.respond(&body);
                    }
                    proxy::Told::Yourself => Told::Yourself,
                },
                Command::Drop => Told::Dropped(keeper.drop_partition()),
                Command::Refresh(today) => {
                    keeper.refresh(today).await;
                    Told::Refreshed
                }
            };
            told.respond(&Body::from(Vec::new()))
        })
    }
}

#[wasm_bindgen]
extern "C" {
    /// `DurableObjectState`.
    pub type State;
    type Storage;
    type Sql;
    type Cursor;

    #[wasm_bindgen(method, getter)]
    fn storage(this: &State) -> Storage;
    #[wasm_bindgen(method, getter)]
    fn sql(this: &Storage) -> Sql;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    fn set_alarm(this: &Storage, time: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, variadic)]
    fn exec(this: &Sql, text: &str, values: &Array) -> Result<Cursor, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn raw(this: &Cursor) -> Result<js_sys::Iterator, JsValue>;
}

/// The object's database.
struct Sqlite {
    sql: Sql,
    kept: Cell<u32>,
}

/// How many answers a partition keeps; those that serve longest.
const MAX_ANSWERS: u32 = 1_000;
/// After how many new answers the old ones are looked through.
const SWEEP: u32 = 50;

impl Sqlite {
    fn open(sql: Sql) -> Result<Sqlite, JsValue> {
        let tables = "CREATE TABLE IF NOT EXISTS shelf (kind TEXT, key TEXT, text TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID; \
             CREATE TABLE IF NOT EXISTS answer (name TEXT PRIMARY KEY, entry TEXT, body BLOB, until REAL);";
        sql.exec(tables, &Array::new())?;
        Ok(Sqlite { sql, kept: Cell::new(0) })
    }

    /// The rows of a statement, each an array. What fails has none, and is logged.
    fn rows(&self, text: &str, values: &[JsValue]) -> Vec<Array> {
        let values: Array = values.iter().collect();
        let rows = self.sql.exec(text, &values).and_then(|cursor| {
            cursor.raw()?.into_iter().map(|row| Ok(row?.unchecked_into())).collect::<Result<Vec<Array>, JsValue>>()
        });
        rows.unwrap_or_else(|error| {
            crate::log_error(text, &error);
            Vec::new()
        })
    }
}

fn text(row: &Array, column: u32) -> Option<String> {
    row.get(column).as_string()
}

impl Shelf for Sqlite {
    fn get(&self, kind: &str, key: &str) -> Option<String> {
        text(self.rows("SELECT text FROM shelf WHERE kind = ? AND key = ?", &[kind.into(), key.into()]).first()?, 0)
    }

    fn range(&self, kind: &str, first: &str, end: &str) -> Vec<(String, String)> {
        let statement = "SELECT key, text FROM shelf WHERE kind = ? AND key >= ? AND key < ? ORDER BY key";
        let rows = self.rows(statement, &[kind.into(), first.into(), end.into()]);
        rows.iter().filter_map(|row| Some((text(row, 0)?, text(row, 1)?))).collect()
    }

    fn put(&self, kind: &str, key: &str, text: &str) {
        self.rows("INSERT OR REPLACE INTO shelf VALUES (?, ?, ?)", &[kind.into(), key.into(), text.into()]);
    }

    fn remove(&self, kind: &str, key: &str) {
        self.rows("DELETE FROM shelf WHERE kind = ? AND key = ?", &[kind.into(), key.into()]);
    }
}

impl Store for Sqlite {
    type Body = Body;

    fn answer(&self, name: &str) -> Option<(String, Body)> {
        let rows = self.rows("SELECT entry, body FROM answer WHERE name = ?", &[name.into()]);
        let row = rows.first()?;
        let body: ArrayBuffer = row.get(1).dyn_into().ok()?;
        Some((text(row, 0)?, Body::Bytes(Uint8Array::new(&body))))
    }

    fn keep(&self, name: &str, entry: &str, body: &Body, until: i64) {
        let Body::Bytes(bytes) = body else { return };
        let values = [name.into(), entry.into(), bytes.into(), JsValue::from_f64(until as f64)];
        self.rows("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?)", &values);
        self.kept.set(self.kept.get().wrapping_add(1));
        if self.kept.get() % SWEEP == 1 {
            self.rows("DELETE FROM answer WHERE until < ?", &[Date::now().into()]);
            let surplus =
                "DELETE FROM answer WHERE name IN (SELECT name FROM answer ORDER BY until DESC LIMIT -1 OFFSET ?)";
            self.rows(surplus, &[MAX_ANSWERS.into()]);
        }
    }

    fn forget(&self, name: &str) {
        self.rows("DELETE FROM answer WHERE name = ?", &[name.into()]);
    }

    fn clear(&self) {
        self.rows("DELETE FROM answer", &[]);
        self.rows("DELETE FROM shelf", &[]);
    }
}

/// Reads a property that may not be there.
pub fn property(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}
