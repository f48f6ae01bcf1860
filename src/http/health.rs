//! For orchestrators and monitoring: `/+health/live`, `/+health/ready`, `/metrics`.

use super::respond;
use crate::{error::Result, ops, service::Service};
use ::metrics::gauge;
use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::CONTENT_TYPE};
use metrics_exporter_prometheus::PrometheusHandle;

/// The process answers.
pub(super) async fn live() -> Response {
    respond::message(StatusCode::OK, "alive")
}

/// Database and object store answer too; else 503.
pub(super) async fn ready(State(service): State<Service>) -> Result<Response> {
    ops::health::ready(&service).await?;
    Ok(respond::message(StatusCode::OK, "ready"))
}

/// Counters, durations, and the state of this moment for Prometheus.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
pub(super) async fn metrics(
    State(service): State<Service>,
    Extension(metrics): Extension<PrometheusHandle>,
) -> Response {
    let (in_use, open) = service.db.pool_size();
    gauge!("wheelyard_database_connections_in_use").set(in_use as f64);
    gauge!("wheelyard_database_connections_open").set(open as f64);
    gauge!("wheelyard_page_cache_pages").set(service.pages.entry_count() as f64);
    gauge!("wheelyard_page_cache_bytes").set(service.pages.weighted_size() as f64);
    gauge!("wheelyard_serial").set(service.db.newest_serial().0 as f64);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response()
}
