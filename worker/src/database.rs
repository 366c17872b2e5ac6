//! D1: batches of statements in, rows as JSON text out.

use crate::Env;
use js_sys::{Array, Number, Object, Reflect};
use streamgage_edge::{Parameter, Response, Statement, StatementResult};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The binding. Each result crosses over as one text.
    pub type Database;
    type Prepared;
    type Ran;
    type Meta;

    #[wasm_bindgen(method, catch)]
    fn prepare(this: &Database, sql: &str) -> Result<Prepared, JsValue>;
    #[wasm_bindgen(method, catch, variadic)]
    fn bind(this: &Prepared, values: &Array) -> Result<Prepared, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn batch(this: &Database, statements: &Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, getter)]
    fn results(this: &Ran) -> Array;
    #[wasm_bindgen(method, getter)]
    fn meta(this: &Ran) -> Meta;
    #[wasm_bindgen(method, getter)]
    fn changes(this: &Meta) -> f64;
    #[wasm_bindgen(method, getter)]
    fn rows_read(this: &Meta) -> f64;
    #[wasm_bindgen(method, getter)]
    fn rows_written(this: &Meta) -> f64;
    #[wasm_bindgen(method, getter)]
    fn duration(this: &Meta) -> f64;
}

/// What a batch found, and what it cost, statement by statement.
#[derive(Default)]
pub struct Batch {
    pub outcomes: Vec<StatementResult>,
    costs: Vec<Meta>,
}

impl Database {
    pub fn of(env: &Env) -> Result<Database, JsValue> {
        Reflect::get(env, &"DB".into()).map(JsCast::unchecked_into)
    }

    /// Runs statements in one transaction.
    pub async fn run(&self, statements: &[Statement]) -> Result<Batch, JsValue> {
        let prepared = Array::new();
        for statement in statements {
            let values: Array = statement.parameters.iter().map(to_js).collect();
            prepared.push(&self.prepare(&statement.sql)?.bind(&values)?.into());
        }
        let mut batch = Batch::default();
        for ran in Array::from(&self.batch(&prepared).await?) {
            let ran: Ran = ran.unchecked_into();
            let meta = ran.meta();
            // Of numbers and JSON: what JavaScript joins them to is a list of lists but for the brackets.
            let rows: Array = ran.results().iter().map(|row| Object::values::<JsValue>(row.unchecked_ref())).collect();
            let rows = match rows.length() {
                0 => "[]".to_owned(),
                _ => String::from("[[") + &String::from(rows.join("],[")) + "]]",
            };
            batch.outcomes.push(StatementResult { rows, changes: meta.changes() as u64 });
            batch.costs.push(meta);
        }
        Ok(batch)
    }
}

impl Batch {
    /// Takes what the statements behind the first `at` found, and cost, off it.
    pub fn split_off(&mut self, at: usize) -> Batch {
        let split = at.min(self.outcomes.len());
        Batch { outcomes: self.outcomes.split_off(split), costs: self.costs.split_off(split) }
    }

    /// How many rows D1 read for this.
    pub fn rows_read(&self) -> u64 {
        self.sum(Meta::rows_read) as u64
    }

    fn sum(&self, of: fn(&Meta) -> f64) -> f64 {
        self.costs.iter().map(of).sum()
    }

    /// A reply with the header `Server-Timing`: what D1 charges for this, and the milliseconds it took.
    pub fn timed(&self, mut response: Response) -> Response {
        let written = match self.sum(Meta::rows_written) {
            0.0 => String::new(),
            rows => format!(" rows_written={}", rows as u64),
        };
        // JavaScript knows how to write a fraction; Rust's way would be 10 KB of the module.
        let duration =
            Number::from(self.sum(Meta::duration)).to_string_with_radix(10).map(String::from).unwrap_or_default();
        let timing = format!("d1;desc=\"rows_read={}{written}\";dur={duration}", self.rows_read());
        response.headers.push(("Server-Timing", timing));
        response
    }
}

/// A parameter, as JavaScript has it.
pub fn to_js(parameter: &Parameter) -> JsValue {
    match parameter {
        Parameter::Integer(value) => JsValue::from_f64(*value as f64),
        Parameter::Text(text) => JsValue::from_str(text),
    }
}
