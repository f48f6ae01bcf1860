//! `/+api` and `/+status` (devpi-api, Service routes).

use super::{extract::IndexPath, negotiate, outside::Root, respond};
use crate::{
    error::{Error, Result},
    model::access::Caller,
    ops,
    service::Service,
};
use axum::{extract::State, response::Response};
use http::HeaderMap;
use serde_json::{Value, json};

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

/// `GET /+status`: for monitoring.
pub(super) async fn status(State(service): State<Service>) -> Result<Response> {
    let (serial, at) = ops::changelog::last_change(&service).await?;
    let (in_use, open) = service.db.pool_size();
    let config = &service.config.server;
    let uuid = service.uuid.to_string();
    Ok(respond::result(
        "status",
        json!({
            "role": "MASTER",
            "uuid": uuid,
            "primary-uuid": uuid,
            "versioninfo": {"wheelyard": env!("CARGO_PKG_VERSION")},
            "host": config.listen.ip().to_string(),
            "port": config.listen.port(),
            "outside-url": config.outside_url,
            "serial": serial.0,
            "last-commit-timestamp": at.unix_timestamp(),
            "event-serial": serial.0,
            "event-serial-timestamp": at.unix_timestamp(),
            "event-serial-in-sync-at": at.unix_timestamp(),
            "metrics": [
                ["wheelyard_database_connections_in_use", "gauge", in_use],
                ["wheelyard_database_connections_open", "gauge", open],
                ["wheelyard_cached_pages", "gauge", service.pages.entry_count()],
            ],
            "polling_replicas": {},
        }),
    ))
}
