//! `wheelyard serve`: listen, answer, stop gracefully.

use crate::{config::Config, http, ops, service::Service};
use axum::{body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::{
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service as _;

/// How long a client may take to send the head of a request; also how long an idle connection stays open.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Largest head of a request, in bytes.
const LARGEST_HEAD: usize = 64 << 10;

/// Upper bounds of the histograms of durations, in seconds.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0];

/// How often the metrics' upkeep runs.
const UPKEEP: Duration = Duration::from_secs(5);

pub(super) async fn run(config: Config) -> Result<(), String> {
    let service = Service::start(config).await?;
    let address = service.config.server.listen;
    let listener =
        TcpListener::bind(address).await.map_err(|error| format!("can't listen on {address}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("wheelyard serves on http://{address}");
    until_stopped(service, listener).await
}

/// Serves until SIGTERM or SIGINT, then lets running requests end.
pub(super) async fn until_stopped(service: Service, listener: TcpListener) -> Result<(), String> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let serving = serve(service, listener, stop.clone());
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => return Ok(()),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: running requests may end");
    stop.cancel();
    serving.await;
    Ok(())
}

/// Serves a listener until the token is cancelled and running requests have ended, or their time is over.
pub async fn serve(service: Service, listener: TcpListener, stop: CancellationToken) {
    let metrics = recorder();
    let places = Arc::new(Semaphore::new(service.config.server.max_connections));
    let patience = Duration::from_secs(service.config.server.shutdown_timeout);
    let router = http::router(service.clone(), metrics.clone());
    // Only the first version of HTTP: it has reason phrases, and no client speaks the second without TLS.
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(LARGEST_HEAD);
    let (graceful, connections) = (GracefulShutdown::new(), TaskTracker::new());
    service.tasks.spawn(ops::follow::run(service.clone()));
    service.tasks.spawn(ops::jobs::run(service.clone()));
    service.tasks.spawn(ops::processes::run(service.clone(), listener.local_addr().ok()));
    let mut upkeep = tokio::time::interval(UPKEEP);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = upkeep.tick() => {
                metrics.run_upkeep();
                continue;
            }
            () = stop.cancelled() => break,
        };
        let (stream, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: others must end first.
                tracing::error!(%error, "can't accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let answer =
            service_fn(move |request: Request<Incoming>| router.clone().call(request.map(Body::new)));
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), answer));
        connections.spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
        });
    }
    drop(listener);
    service.stopping.cancel();
    let end = tokio::time::Instant::now() + patience;
    if tokio::time::timeout_at(end, graceful.shutdown()).await.is_err() {
        tracing::warn!("running requests were cut off");
    }
    // What goes on after the answers, such as a file that is being stored.
    service.tasks.close();
    if tokio::time::timeout_at(end, service.tasks.wait()).await.is_err() {
        tracing::warn!("work after the answers was cut off");
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    Ok((listener.accept().await?.0, place))
}

/// The recorder of metrics, one for the process.
pub(super) fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let buckets = PrometheusBuilder::new().set_buckets(&BUCKETS);
            let recorder = buckets.unwrap_or_default().build_recorder();
            let handle = recorder.handle();
            // Fails only if some other recorder is there, and then ours stays empty.
            let _ = metrics::set_global_recorder(recorder);
            handle
        })
        .clone()
}
