//! `/+api` and `/+status` (devpi-api, Service routes).

use super::{
    extract::IndexPath,
    negotiate,
    outside::Root,
    respond,
    web::{self, Page},
};
use crate::{
    error::{Error, Result},
    model::{access::Caller, name::IndexName},
    ops::{
        self,
        status::{Cache, Freshness, Queue, Seen, Status},
    },
    service::Service,
};
use axum::{extract::State, response::Response};
use http::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;

/// What the server can do beyond the first devpi; the client goes by it.
const FEATURES: [&str; 4] =
    ["push-no-docs", "push-only-docs", "push-register-project", "server-keyvalue-parsing"];

/// `GET /+api` and `/{user}/+api`.
pub(super) async fn api(caller: Caller, Root(root): Root, headers: HeaderMap) -> Result<Response> {
    admit(&headers)?;
    Ok(respond::result("apiconfig", api_config(&caller, &root)))
}

/// `GET /{user}/{index}/+api`.
pub(super) async fn index_api(
    State(service): State<Service>,
    caller: Caller,
    IndexPath(index): IndexPath,
    Root(root): Root,
    headers: HeaderMap,
) -> Result<Response> {
    admit(&headers)?;
    let stored = ops::resolve::readable(&service, &caller, &index).await?;
    let mut config = api_config(&caller, &root);
    config["index"] = format!("{root}/{index}").into();
    config["simpleindex"] = format!("{root}/{index}/+simple/").into();
    if stored.mirror.is_none() {
        config["pypisubmit"] = format!("{root}/{index}/").into();
    }
    Ok(respond::result("apiconfig", config))
}

fn admit(headers: &HeaderMap) -> Result<()> {
    match negotiate::admits_json(headers) && !negotiate::only_html(headers) {
        true => Ok(()),
        false => Err(Error::NotFound("there is only application/json at this URL".into())),
    }
}

fn api_config(caller: &Caller, root: &str) -> Value {
    let status = match caller.name() {
        Some(name) => json!(["ok", name, []]),
        None => json!(["noauth", "", []]),
    };
    json!({"login": format!("{root}/+login"), "authstatus": status, "features": FEATURES})
}

/// `GET /+status`: for monitoring, and for people.
pub(super) async fn status(State(service): State<Service>, page: Page) -> Result<Response> {
    let status = ops::status::of_server(&service, &page.caller).await?;
    let data = told(&service, &status);
    match page.wanted {
        true => web::status(&service, &page, &status, &data),
        false => Ok(respond::result("status", data)),
    }
}

/// devpi's fields, and ours.
fn told(service: &Service, status: &Status) -> Value {
    let config = &service.config.server;
    let uuid = service.uuid.to_string();
    let (serial, at) = (status.serial.0, status.changed_at.unix_timestamp());
    let milliseconds = |time: Duration| (time.as_secs_f64() * 100_000.0).round() / 100.0;
    json!({
        "role": "MASTER",
        "uuid": uuid,
        "primary-uuid": uuid,
        "versioninfo": {"wheelyard": env!("CARGO_PKG_VERSION")},
        "host": config.listen.ip().to_string(),
        "port": config.listen.port(),
        "outside-url": config.outside_url,
        "serial": serial,
        "last-commit-timestamp": at,
        "event-serial": serial,
        "event-serial-timestamp": at,
        "event-serial-in-sync-at": at,
        "metrics": [
            ["wheelyard_database_connections_in_use", "gauge", status.connections.0],
            ["wheelyard_database_connections_open", "gauge", status.connections.1],
            ["wheelyard_cached_pages", "gauge", status.caches[0].entries],
        ],
        "polling_replicas": {},
        "schema": status.schema,
        "uptime": status.uptime.as_secs(),
        "database-ms": milliseconds(status.database),
        "object-store-ms": status.object_store.map(milliseconds),
        "listeners": status.listeners,
        "caches": status.caches.iter().map(cache).collect::<Vec<_>>(),
        "jobs": status.jobs.iter().map(queue).collect::<Vec<_>>(),
        "processes": status.processes.iter().map(|seen| process(service, status, seen)).collect::<Vec<_>>(),
        "mirrors": status.mirrors.iter().map(mirror).collect::<Vec<_>>(),
    })
}

fn cache(cache: &Cache) -> Value {
    json!({"name": cache.name, "entries": cache.entries, "bytes": cache.bytes})
}

fn queue(queue: &Queue) -> Value {
    let oldest = queue.oldest.round();
    json!({"kind": queue.kind.name(), "waiting": queue.jobs, "failing": queue.failing, "oldest": oldest})
}

/// Where it runs is told only to whom all of the changelog is.
fn process(service: &Service, status: &Status, seen: &Seen) -> Value {
    let Seen { process, ago, serial } = seen;
    let mut told = json!({
        "id": process.id,
        "version": process.version,
        "started": respond::moment(process.started_at),
        "seen": ago.as_secs(),
        "serial": serial.0,
        "behind": (status.serial.0 - serial.0).max(0),
        "answers": process.id == service.process,
    });
    if status.in_full {
        told["host"] = process.host.as_str().into();
        told["address"] = process.address.as_deref().into();
    }
    told
}

fn mirror((name, freshness): &(IndexName, Freshness)) -> Value {
    let seconds = |ago: Option<Duration>| ago.map(|ago| ago.as_secs());
    json!({
        "index": name.to_string(),
        "listed": seconds(freshness.listed),
        "checked": seconds(freshness.checked),
        "failed": freshness.failed.as_ref().map(|(ago, _)| ago.as_secs()),
        "reason": freshness.failed.as_ref().map(|(_, reason)| reason),
        "projects": freshness.projects,
        "stale": freshness.stale,
        "refreshing": freshness.refreshing,
    })
}
