//! Whether this process can do its work, and how much it has at hand.

use crate::{
    error::{Error, Result},
    service::Service,
    store,
};
use std::time::Duration;

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the database and the object store.
///
/// # Errors
/// Those of whichever does not answer.
pub async fn ready(service: &Service) -> Result<()> {
    let asked = tokio::time::timeout(PATIENCE, async { store::serial::current(&service.db().await?).await });
    asked.await.unwrap_or(Err(Error::Unavailable))?;
    service.blobs.check().await
}

/// Sets the metrics that are looked at, not counted as something happens.
#[expect(clippy::cast_precision_loss, reason = "a metric is a float")]
pub async fn measure(service: &Service) {
    let (in_use, open) = service.db.pool_size();
    metrics::gauge!("wheelyard_database_connections_in_use").set(in_use as f64);
    metrics::gauge!("wheelyard_database_connections_open").set(open as f64);
    service.pages.run_pending_tasks().await;
    metrics::gauge!("wheelyard_cached_pages").set(service.pages.entry_count() as f64);
    metrics::gauge!("wheelyard_cached_bytes").set(service.pages.weighted_size() as f64);
    let (objects, bytes) = service.objects.measure().await;
    metrics::gauge!("wheelyard_cached_objects").set(objects as f64);
    metrics::gauge!("wheelyard_cached_object_bytes").set(bytes as f64);
    let listening = service.config.server.max_listeners - service.listeners.available_permits();
    metrics::gauge!("wheelyard_listeners").set(listening as f64);
    let waiting = tokio::time::timeout(PATIENCE, async { store::jobs::queues(&service.db().await?).await });
    // Without the database nobody knows.
    for queue in waiting.await.ok().and_then(Result::ok).unwrap_or_default() {
        let kind = queue.kind.name();
        metrics::gauge!("wheelyard_jobs_waiting", "kind" => kind).set(queue.jobs as f64);
        metrics::gauge!("wheelyard_jobs_oldest_seconds", "kind" => kind).set(queue.oldest);
    }
    metrics::gauge!("wheelyard_serial").set(service.db.newest_serial().0 as f64);
}
