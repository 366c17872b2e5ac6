//! A database with D1's limits, and the Worker's part in answering requests from it.

// Each test uses a part of this module.
#![allow(dead_code)]

use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, StatementStatus, params_from_iter};
use serde_json::Value;
use std::cell::Cell;
use streamgage_edge::{
    AuthorizationError, AuthorizedRequest, Backend, Key, Parameter, PendingRequest, Plan, Request, Response, Routed,
    Settings, Statement, StatementResult, Url, finalize, generation_statement, read_generation, route_request,
};

/// 2026-09-01T00:00:00Z
pub const NOW: i64 = 1_788_220_800_000;
pub const KEY: &str = "owner";
pub const METRICS: &str = "/v3/customer/metrics/code_fundamentals/period_metrics/";

pub const MIGRATIONS: [&str; 15] = [
    include_str!("../../../worker/migrations/0001_resources.sql"),
    include_str!("../../../worker/migrations/0002_rollup.sql"),
    include_str!("../../../worker/migrations/0003_keys.sql"),
    include_str!("../../../worker/migrations/0004_lists.sql"),
    include_str!("../../../worker/migrations/0005_row_count.sql"),
    include_str!("../../../worker/migrations/0006_scopes.sql"),
    include_str!("../../../worker/migrations/0007_generation.sql"),
    include_str!("../../../worker/migrations/0008_commit_count.sql"),
    include_str!("../../../worker/migrations/0009_day_count.sql"),
    include_str!("../../../worker/migrations/0010_fewer_writes.sql"),
    include_str!("../../../worker/migrations/0011_filter_values.sql"),
    include_str!("../../../worker/migrations/0012_generic_row.sql"),
    include_str!("../../../worker/migrations/0013_local_dates.sql"),
    include_str!("../../../worker/migrations/0014_new_work_count.sql"),
    include_str!("../../../worker/migrations/0015_local_days.sql"),
];

/// The limits of D1's SQLite.
const LIMITS: [(Limit, i32); 9] = [
    (Limit::SQLITE_LIMIT_LENGTH, 2_200_000),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
    (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
];

pub struct Store {
    pub database: Connection,
    pub settings: Settings,
    /// The number of steps of SQLite's virtual machine: the cost of statements, independent of the machine.
    pub steps: Cell<i32>,
}

impl Store {
    pub fn new() -> Store {
        let database = Connection::open_in_memory().unwrap();
        for migration in MIGRATIONS {
            database.execute_batch(migration).unwrap();
        }
        Store::new_with(database)
    }

    /// Uses a migrated database.
    pub fn new_with(database: Connection) -> Store {
        for (limit, value) in LIMITS {
            database.set_limit(limit, value).unwrap();
        }
        let store = Store { database, settings: Settings::default(), steps: Cell::new(0) };
        store.add_key(KEY, "metrics core import", None, None);
        store
    }

    pub fn add_key(&self, key: &str, permissions: &str, expires: Option<i64>, revoked: Option<i64>) {
        use sha2::{Digest, Sha256};
        let hash: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
        self.database
            .execute(
                "INSERT INTO api_key (hash, name, permissions, created_at, expires_at, revoked_at) \
                 VALUES (?1, 'test', ?2, 0, ?3, ?4)",
                (hash, permissions, expires, revoked),
            )
            .unwrap();
    }

    /// Runs statements in a transaction, as `D1Database.batch` does.
    pub fn run(&self, statements: &[Statement]) -> Result<Vec<StatementResult>, rusqlite::Error> {
        self.database.execute_batch("BEGIN")?;
        let results = statements.iter().map(|statement| self.run_one(statement)).collect();
        self.database.execute_batch(if Result::is_ok(&results) { "COMMIT" } else { "ROLLBACK" })?;
        results
    }

    fn run_one(&self, statement: &Statement) -> Result<StatementResult, rusqlite::Error> {
        let (rows, changes) = self.query(statement, as_json_text)?;
        Ok(StatementResult { rows, changes })
    }

    /// Returns the converted columns of each row, and the number of changed rows.
    fn query<T>(
        &self,
        statement: &Statement,
        convert: fn(ValueRef) -> T,
    ) -> Result<(Vec<Vec<T>>, u64), rusqlite::Error> {
        assert!(statement.sql.len() < 100_000 && statement.parameters.len() <= 100, "beyond D1's limits");
        let values = statement.parameters.iter().map(|parameter| match parameter {
            // D1 binds a JavaScript number.
            Parameter::Integer(value) => rusqlite::types::Value::Real(*value as f64),
            Parameter::Text(text) => rusqlite::types::Value::Text(text.clone()),
        });
        let mut prepared = self.database.prepare(&statement.sql)?;
        let columns = prepared.column_count();
        let mut selected = prepared.query(params_from_iter(values))?;
        let mut rows = Vec::new();
        while let Some(row) = selected.next()? {
            rows.push((0..columns).map(|index| convert(row.get_ref_unwrap(index))).collect());
        }
        drop(selected);
        self.steps.set(self.steps.get() + prepared.get_status(StatementStatus::VmStep));
        let changes = if prepared.readonly() { 0 } else { self.database.changes() };
        Ok((rows, changes))
    }

    /// Answers a request as the Worker does, without rate limits.
    pub fn answer(&self, request: &Request, body: &[u8]) -> Response {
        let response = match route_request(request, &self.settings, Backend::Store, NOW) {
            Routed::Response(response) => response,
            Routed::Pending(pending) => match self.authorize(pending) {
                Ok(authorized) => self.execute(&authorized, request, body),
                Err(error) => error.response(),
            },
        };
        finalize(response, request, &self.settings)
    }

    fn authorize(&self, pending: PendingRequest) -> Result<AuthorizedRequest, AuthorizationError> {
        let found = self.run_one(&Key::lookup(&pending.key_hash(), NOW)).unwrap();
        pending.authorize(Key::read(&found).unwrap())
    }

    fn execute(&self, authorized: &AuthorizedRequest, request: &Request, body: &[u8]) -> Response {
        match authorized.plan(request, &self.settings, NOW) {
            Plan::Response(response) => response,
            Plan::Query(query) => {
                let generation = read_generation(&self.run_one(&generation_statement()).unwrap()).unwrap();
                query.response(&self.run(query.statements()).unwrap(), &query.etag(&generation)).unwrap()
            }
            Plan::Import(import) => match import.read(body) {
                Ok(batch) => batch.response(&self.run(batch.statements()).unwrap()).unwrap(),
                Err(response) => response,
            },
        }
    }

    /// Returns the body of a 200.
    pub fn get(&self, path: &str) -> String {
        let response = self.answer(&request("GET", path), b"");
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        response.body
    }

    /// Imports rows and returns `(rows, changed)`.
    pub fn import(&self, resource: &str, rows: &str) -> (u64, u64) {
        let response = self.answer(&request("POST", &format!("/import/{resource}")), rows.as_bytes());
        assert_eq!(response.status, 200, "{}", response.body);
        let body: Value = serde_json::from_str(&response.body).unwrap();
        (body["rows"].as_u64().unwrap(), body["changed"].as_u64().unwrap())
    }

    /// Returns the rows of a query, each as a JSON array.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let statement = Statement { sql: sql.into(), parameters: Vec::new() };
        let (rows, _) = self.query(&statement, json).unwrap();
        rows.into_iter().map(|row| Value::from(row).to_string()).collect()
    }

    /// Returns the query plans of a request's statements.
    pub fn plans(&self, request: &Request, body: &[u8]) -> Vec<String> {
        let Routed::Pending(pending) = route_request(request, &self.settings, Backend::Store, NOW) else {
            panic!("the request needs no key")
        };
        match self.authorize(pending).unwrap().plan(request, &self.settings, NOW) {
            Plan::Response(response) => panic!("{response:?}"),
            Plan::Query(query) => self.explain(query.statements()),
            Plan::Import(import) => self.explain(import.read(body).unwrap().statements()),
        }
    }

    fn explain(&self, statements: &[Statement]) -> Vec<String> {
        let explain = |statement: &Statement| {
            let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
            let (steps, _) = self.query(&Statement { sql, parameters: statement.parameters.clone() }, json).unwrap();
            steps.iter().map(|step| step[3].as_str().unwrap()).collect::<Vec<_>>().join("\n")
        };
        statements.iter().map(explain).collect()
    }
}

/// Returns a request with the owner's key.
pub fn request(method: &str, path: &str) -> Request {
    Request {
        method: method.into(),
        url: Url::parse(&format!("http://127.0.0.1:8787{path}")),
        authorization: Some(format!("Bearer {KEY}")),
        ..Request::default()
    }
}

/// Returns a selected column as the Worker copies it.
fn as_json_text(value: ValueRef<'_>) -> String {
    match json(value) {
        Value::Null => panic!("a selected column is NULL"),
        Value::String(text) => text,
        number => number.to_string(),
    }
}

fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => value.into(),
        // JavaScript writes whole numbers without a fraction.
        ValueRef::Real(value) if value.fract() == 0.0 && value.abs() < 9e15 => (value as i64).into(),
        ValueRef::Real(value) => value.into(),
        ValueRef::Text(text) => std::str::from_utf8(text).unwrap().into(),
        ValueRef::Blob(_) => panic!("no column holds a blob"),
    }
}
