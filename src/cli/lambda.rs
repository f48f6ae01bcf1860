//! The same router behind AWS Lambda, for a binary that Lambda started.

use super::serve::recorder;
use crate::{
    config::Config,
    http,
    ops::{self, processes::Presence},
    service::Service,
};
use axum::{Router, body::Body, response::Response};
use futures::{FutureExt, StreamExt, stream};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Mutex;
use tower::ServiceExt;

/// How long an answer waits at most for what goes on after it, and then for what is owed.
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_FOR_JOBS: Duration = Duration::from_secs(10);

/// Whether AWS Lambda started this process.
#[expect(clippy::disallowed_methods, reason = "not a setting: how Lambda makes itself known")]
pub(super) fn is_lambda() -> bool {
    std::env::var("AWS_LAMBDA_RUNTIME_API").is_ok()
}

pub(super) async fn run(config: Config) -> Result<(), String> {
    let service = Service::start(config).await?;
    let router = http::router(service.clone(), recorder());
    let worked_off = Arc::new(AtomicI64::new(0));
    let presence = Arc::new(Mutex::new(Presence::new(&service, None).await));
    let router = router.map_response(move |response| {
        lasting(response, service.clone(), worked_off.clone(), presence.clone())
    });
    // Takes the bodies of Lambda's requests too.
    let router = Router::new().fallback_service(router);
    lambda_http::run_with_streaming_response(router).await.map_err(|error| error.to_string())
}

/// The same answer, which ends only when what was begun for it has ended: the function sleeps from then on. Once for each
/// newer serial it does what is owed, too.
fn lasting(
    response: Response,
    service: Service,
    worked_off: Arc<AtomicI64>,
    presence: Arc<Mutex<Presence>>,
) -> Response {
    let ended = async move {
        service.tasks.close();
        if tokio::time::timeout(PATIENCE, service.tasks.wait()).await.is_err() {
            tracing::warn!("work after an answer goes on when the function wakes up");
        }
        service.tasks.reopen();
        if let Ok(mut presence) = presence.try_lock() {
            presence.tell().await;
        }
        let newest = service.db.newest_serial().0;
        if worked_off.load(Ordering::Relaxed) < newest
            && ops::jobs::work_off(&service, PATIENCE_FOR_JOBS).await
        {
            worked_off.fetch_max(newest, Ordering::Relaxed);
        }
    };
    response.map(|body| {
        let end = ended.into_stream().filter_map(async |()| None);
        Body::from_stream(body.into_data_stream().chain(stream::iter([end]).flatten()))
    })
}
