//! What a read learned, kept once the client has its answer: the one place that may spawn (DESIGN, Mirrors).
//!
//! What is kept so is worth keeping, but owed to nobody: a server lets it end when it stops, a Lambda before its answer
//! ends, and a process that is killed loses it without harm. Each piece of work checks again what it relies on.

use crate::service::Service;
use std::future::Future;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// Goes on with work that several readers share, and that goes on when they leave. Nothing is lost with it, so neither the
/// end of a server nor that of a Lambda's answer waits for it. The work bounds its own time.
pub fn share<T: Send + 'static>(
    service: &Service,
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    service.shared.spawn(work.in_current_span())
}

/// Goes on with work that no client waits for, or that may outlive those who do. The work bounds its own time.
pub fn go_on<T: Send + 'static>(
    service: &Service,
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    service.tasks.spawn(work.in_current_span())
}
