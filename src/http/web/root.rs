//! The root page: all indexes.

use super::{Page, rights};
use crate::{error::Result, service::Service};
use axum::response::Response;
use minijinja::{context, value::Serde};
use serde_json::Map;

/// From what `GET /` says as JSON.
pub(in crate::http) fn root(
    service: &Service,
    page: &Page,
    users: &Map<String, serde_json::Value>,
) -> Result<Response> {
    page.render(
        service,
        "root.html",
        context! { may => rights::on_root(service, &page.caller), data => Serde(users) },
    )
}
