//! For orchestrators and monitoring: `/+health/live`, `/+health/ready`, `/metrics`.

use super::respond;
use crate::{error::Result, ops, service::Service};
use axum::{
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

/// Metrics for Prometheus.
pub(super) async fn metrics(State((service, metrics)): State<(Service, PrometheusHandle)>) -> Response {
    ops::health::measure(&service).await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response()
}
