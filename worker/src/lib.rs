//! The Worker: reads requests, executes the decisions of `streamgage-edge` on the platform, and sends responses.

mod clock;
mod config;
mod database;
mod edge_cache;
mod exchange;
mod isolate_cache;
mod partition;
mod proxy;
mod rate_limit;
mod response;
mod sqlite;
mod store;
mod upstream;

use clock::now;
use exchange::{Exchange, log, read_id, read_request};
use streamgage_edge::{Backend, Event, Routed, error_text, failure_response, route_request};
use worker::{Context, Env, ScheduleContext, ScheduledEvent, event, web_sys};

#[event(fetch)]
async fn fetch(source: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    let settings = config::settings(&env);
    let (id, request) = (read_id(&source)?, read_request(&source, &settings)?);
    let exchange = Exchange { id, request, source, env, context, settings };
    match respond(&exchange).await {
        Ok(response) => Ok(response),
        Err(error) => {
            let message = database::error_message(&error);
            let (path, error) = (exchange.request.url.path.clone(), error_text(&message));
            log(Some(&exchange.id), &Event::RequestFailed { path, error });
            exchange.send(failure_response(&message, now()))
        }
    }
}

/// Refreshes recently requested responses if the Worker has a key of its own for the upstream.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    if let Err(error) = proxy::refresh(env).await {
        log(None, &Event::RefreshFailed { error: error_text(&error) });
    }
}

async fn respond(exchange: &Exchange) -> worker::Result<web_sys::Response> {
    let proxy_settings = config::proxy_settings(&exchange.env)?;
    let backend = if proxy_settings.is_some() { Backend::Proxy } else { Backend::Store };
    match (route_request(&exchange.request, &exchange.settings, backend, now()), proxy_settings) {
        (Routed::Response(response), _) => exchange.send(response),
        (Routed::Pending(pending), Some(proxy_settings)) => proxy::respond(exchange, proxy_settings, pending).await,
        (Routed::Pending(pending), None) => store::respond(exchange, pending).await,
    }
}
