//! Store mode: the database answers.

use crate::clock::now;
use crate::database::{Batch, Database};
use crate::edge_cache::{self, Entry};
use crate::exchange::{Exchange, log};
use crate::response::{self, Body};
use crate::{isolate_cache, rate_limit};
use streamgage_edge::{
    AuthorizationError, AuthorizedRequest, ETag, Event, Import, Key, MAX_BODY, PendingRequest, Plan, Query, Response,
    StatementResult, error_text, generation_statement, read_generation, throttled,
};
use worker::web_sys::Response as JsResponse;
use worker::{Error, Result};

/// The lifetime of a body in the edge cache, in seconds. Bodies of former generations are not found.
const EDGE_CACHE_SECONDS: u32 = 86_400;

/// A body enters the edge cache if it is long or if the database read many rows for it. Other queries are about as fast
/// as the cache.
const LONG_BODY: usize = 100_000;
const MANY_ROWS: usize = 10_000;

pub async fn respond(exchange: &Exchange, pending: PendingRequest) -> Result<JsResponse> {
    let database = Database::open(&exchange.env)?;
    let authorized = match authorize(&database, pending).await? {
        Ok(authorized) => authorized,
        Err(error) => {
            let is_throttled = error == AuthorizationError::UnknownKey
                && !rate_limit::check_failed_key(&exchange.env, rate_limit::client_address(&exchange.source)?).await?;
            return exchange.send(if is_throttled { throttled() } else { error.response() });
        }
    };
    if let Some((limit, key)) = authorized.rate_limit(&exchange.request)
        && !rate_limit::check(&exchange.env, limit, key).await?
    {
        return exchange.send(throttled());
    }
    match authorized.plan(&exchange.request, &exchange.settings, now()) {
        Plan::Response(response) => exchange.send(response),
        Plan::Query(query) => execute_query(exchange, &database, &query).await,
        Plan::Import(import) => exchange.send(execute_import(exchange, &database, import).await?),
    }
}

/// Looks the key up, unless this isolate accepted it less than a minute ago.
async fn authorize(
    database: &Database,
    pending: PendingRequest,
) -> Result<std::result::Result<AuthorizedRequest, AuthorizationError>> {
    let (hash, now) = (pending.key_hash(), now());
    if let Some(key) = isolate_cache::KEYS.with_borrow(|keys| keys.get(&hash, now)) {
        return Ok(pending.authorize(Some(key)));
    }
    let mut batch = database.run(&[Key::lookup(&hash, now), generation_statement()]).await?;
    let generation = batch.split_off(1);
    isolate_cache::set_last_generation(read_generation(first(&generation)?).map_err(failure)?);
    let key = Key::read(first(&batch)?).map_err(failure)?;
    if let Some(key) = &key {
        isolate_cache::KEYS.with_borrow_mut(|keys| keys.insert(&hash, key.clone(), now));
    }
    Ok(pending.authorize(key))
}

/// Responds with a cached body or runs the query.
///
/// Each batch reads the current generation, which decides whether a body is current. The last known generation saves a
/// round trip: it lets the caches be consulted before the database.
async fn execute_query(exchange: &Exchange, database: &Database, query: &Query) -> Result<JsResponse> {
    let mut expected = isolate_cache::last_generation().map(|generation| query.etag(&generation));
    let mut is_retry = false;
    loop {
        let cached = match &expected {
            Some(etag) if etag.is_none_match(&exchange.request) => Some(Body::Empty),
            Some(etag) => get_cached(etag).await,
            None => None,
        };
        let mut statements = vec![generation_statement()];
        if cached.is_none() {
            statements.extend_from_slice(query.statements());
        }
        let mut batch = database.run(&statements).await?;
        let data = batch.split_off(1);
        let generation = read_generation(first(&batch)?).map_err(failure)?;
        let etag = query.etag(&generation);
        isolate_cache::set_last_generation(generation);
        match cached {
            None => return send_data(exchange, query, etag, &data),
            Some(body) if expected.as_ref() == Some(&etag) => {
                return exchange.send_with_body(batch.add_timing(query.cached_response(&etag)), &body);
            }
            Some(_) => {
                expected = Some(etag).filter(|_| !is_retry);
                is_retry = true;
            }
        }
    }
}

async fn get_cached(etag: &ETag) -> Option<Body> {
    if let Some(body) = isolate_cache::get_body(etag) {
        return Some(body.to_vec().into());
    }
    Some(edge_cache::get(&etag.cache_url()).await.ok()??.body)
}

fn send_data(exchange: &Exchange, query: &Query, etag: ETag, data: &Batch) -> Result<JsResponse> {
    let response = data.add_timing(query.response(&data.results, &etag).map_err(failure)?);
    if response.status == 200 {
        if data.rows_read() >= MANY_ROWS || response.body.len() >= LONG_BODY {
            let (url, body) = (etag.cache_url(), Body::from(response.body.clone()));
            let id = exchange.id.clone();
            exchange.context.wait_until(async move {
                let entry = Entry { metadata: String::new(), body };
                if let Err(error) = edge_cache::put(&url, entry, EDGE_CACHE_SECONDS).await {
                    log(Some(&id), &Event::EdgeCacheFailed { error: error_text(&error) });
                }
            });
        }
        isolate_cache::put_body(etag, response.body.as_bytes());
    }
    exchange.send(response)
}

async fn execute_import(exchange: &Exchange, database: &Database, import: Import) -> Result<Response> {
    let body = exchange.source.body().map_or(Body::Empty, |stream| Body::Stream(stream, 0));
    let Some(body) = response::read(body, MAX_BODY, 0).await? else { return Ok(Import::too_large()) };
    let batch = match import.read(&body) {
        Ok(batch) => batch,
        Err(response) => return Ok(response),
    };
    let written = database.run(batch.statements()).await?;
    Ok(written.add_timing(batch.response(&written.results).map_err(failure)?))
}

fn first(batch: &Batch) -> Result<&StatementResult> {
    batch.results.first().ok_or_else(|| Error::from("D1 returned no result"))
}

fn failure(error: impl std::error::Error) -> Error {
    Error::from(error.to_string())
}
