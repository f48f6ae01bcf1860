//! The same router behind AWS Lambda, for a binary that Lambda started.

use super::serve::recorder;
use crate::{
    config::Config,
    http,
    model::serial::Serial,
    ops::{self, processes::Presence},
    service::Service,
};
use axum::{Router, body::Body, response::Response};
use futures::{FutureExt, StreamExt, stream};
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tower::ServiceExt;

/// How long an answer waits at most for what goes on after it, and then for what is owed.
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_FOR_JOBS: Duration = Duration::from_secs(10);

/// How long after a look for what is owed an answer looks again, though nothing has changed: retries become due.
const AGAIN: Duration = Duration::from_secs(30);

/// What a process does at the end of its answers, of one at a time.
struct Rounds {
    presence: Presence,
    /// What was owed up to this serial is done; 0: something is left.
    done: Serial,
    /// When it last looked, by the clock on the wall: others may stand still while the process sleeps.
    looked_at: OffsetDateTime,
}

/// Whether AWS Lambda started this process.
#[expect(clippy::disallowed_methods, reason = "not a setting: how Lambda makes itself known")]
pub(super) fn is_lambda() -> bool {
    std::env::var("AWS_LAMBDA_RUNTIME_API").is_ok()
}

pub(super) async fn run(config: Config) -> Result<(), String> {
    let service = Service::start(config).await?;
    let router = http::router(service.clone(), recorder());
    let presence = Presence::new(&service, None).await;
    let rounds = Rounds { presence, done: Serial(0), looked_at: OffsetDateTime::UNIX_EPOCH };
    let rounds = Arc::new(Mutex::new(rounds));
    let router = router.map_response(move |response| lasting(response, service.clone(), rounds.clone()));
    // Takes the bodies of Lambda's requests too.
    let router = Router::new().fallback_service(router);
    lambda_http::run_with_streaming_response(router).await.map_err(|error| error.to_string())
}

/// The same answer, which ends only when what was begun for it has ended: the function sleeps from then on. It does what is
/// owed, too: once for each newer serial, when somebody wants something sent, and now and then.
fn lasting(response: Response, service: Service, rounds: Arc<Mutex<Rounds>>) -> Response {
    let ended = async move {
        service.tasks.close();
        if tokio::time::timeout(PATIENCE, service.tasks.wait()).await.is_err() {
            tracing::warn!("work after an answer goes on when the function wakes up");
        }
        service.tasks.reopen();
        let Ok(mut rounds) = rounds.try_lock() else { return };
        rounds.presence.tell().await;
        let newest = service.db.newest_serial();
        let is_wanted = service.sending.notified().now_or_never().is_some();
        let now = OffsetDateTime::now_utc();
        if is_wanted || rounds.done < newest || now - rounds.looked_at >= AGAIN {
            rounds.looked_at = now;
            let is_done = ops::jobs::work_off(&service, PATIENCE_FOR_JOBS).await;
            rounds.done = if is_done { newest } else { Serial(0) };
        }
    };
    response.map(|body| {
        let end = ended.into_stream().filter_map(async |()| None);
        Body::from_stream(body.into_data_stream().chain(stream::iter([end]).flatten()))
    })
}
