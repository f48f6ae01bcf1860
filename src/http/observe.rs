//! Around every request: its id, its time limit, the headers of every reply, one log line, and the metrics.

use super::{
    error::{Failure, is_inside},
    measures::Measures,
    outside::OUTSIDE_URL,
    web::{self, Theme},
};
use crate::{error::Error, model::serial::Serial, service::Service};
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::{FutureExt, TryFutureExt};
use http::{
    HeaderName, HeaderValue, Method, Uri,
    header::{ACCEPT, ALLOW, CACHE_CONTROL, COOKIE, HOST, USER_AGENT},
};
use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tracing::Instrument;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const API_VERSION: HeaderName = HeaderName::from_static("x-devpi-api-version");
const SERVER_VERSION: HeaderName = HeaderName::from_static("x-devpi-server-version");
const SERIAL: HeaderName = HeaderName::from_static("x-devpi-serial");
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
const UUIDS: [HeaderName; 3] = [
    HeaderName::from_static("x-devpi-uuid"),
    HeaderName::from_static("x-devpi-master-uuid"),
    HeaderName::from_static("x-devpi-primary-uuid"),
];

/// The version of devpi-server whose behaviour ours is; clients and plugins switch on it.
const DEVPI_SERVER: &str = "6.20.3";

/// What of a request its failure is told by.
const KEPT: [HeaderName; 5] = [ACCEPT, COOKIE, HOST, OUTSIDE_URL, USER_AGENT];

/// Routes of uploads and pushes, without a final slash.
const MOVES_BYTES: [&str; 3] =
    ["/{user}/{index}", "/{user}/{index}/+upload", "/{user}/{index}/{project}/{version}/+manage"];

/// What the authentication leaves in the response.
#[derive(Clone)]
pub(super) struct Traced {
    /// Who asked, for the log line.
    pub user: Option<String>,
    /// The serial that a read began with; a write tells the newest.
    pub serial: Option<Serial>,
}

/// What every reply is told with.
#[derive(Clone)]
pub(super) struct Observer {
    service: Service,
    /// The identity of the index as it stands in headers.
    uuid: Option<HeaderValue>,
    measures: Arc<Measures>,
    theme: Arc<Theme>,
}

impl Observer {
    pub(super) fn new(service: Service, theme: Arc<Theme>) -> Self {
        let uuid = HeaderValue::from_str(&service.uuid.to_string()).ok();
        Self { service, uuid, measures: Arc::default(), theme }
    }
}

/// Runs the request and tells of it.
pub(super) async fn observe(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let service = &observer.service;
    let id = request_id(&request);
    let method = request.method().clone();
    let uri = request.uri().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let kept = KEPT.map(|name| request.headers().get(&name).cloned().map(|value| (name, value)));

    let span = tracing::info_span!("request", id = %id);
    let running = AssertUnwindSafe(next.run(request)).catch_unwind();
    let running = running.unwrap_or_else(panicked).instrument(span.clone());
    // An upload or a push takes as long as its bytes do; their own steps have limits.
    let moves_bytes =
        MOVES_BYTES.contains(&route.trim_end_matches('/')) || route.starts_with("/{user}/{index}/+f/");
    let response = if moves_bytes && (method == Method::POST || method.as_str() == "PUSH") {
        running.await
    } else {
        let limit = Duration::from_secs(service.config.server.request_timeout);
        match tokio::time::timeout(limit, running).await {
            Ok(response) => response,
            Err(_) => Error::Overloaded("the request took too long").into_response(),
        }
    };
    let mut response = span.in_scope(|| tell(&observer, response, kept, &uri, &id));

    let traced = response.extensions_mut().remove::<Traced>();
    let serial = traced.as_ref().and_then(|traced| traced.serial).unwrap_or(service.db.newest_serial());
    let reply = response.headers_mut();
    reply.insert(API_VERSION, HeaderValue::from_static("2"));
    reply.insert(SERVER_VERSION, HeaderValue::from_static(DEVPI_SERVER));
    reply.insert(SERIAL, HeaderValue::from(serial.0));
    reply.insert(ROBOTS, HeaderValue::from_static("noindex"));
    if let Some(uuid) = &observer.uuid {
        for name in UUIDS {
            reply.insert(name, uuid.clone());
        }
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        reply.insert(REQUEST_ID, id);
    }
    // The router adds it wherever it falls back, and so to every PUSH.
    reply.remove(ALLOW);
    reply.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));

    let (status, took, path) = (response.status().as_u16(), began.elapsed(), uri.path());
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let user = traced.and_then(|traced| traced.user);
    observer.measures.record(route, method_label(&method), status, took);
    tracing::info!(id = %id, %method, path, status, user, ms, "{method} {path} {status}");
    response
}

/// Renders a failure for its client; one of ours is logged here, once, with its cause.
fn tell(
    observer: &Observer,
    mut response: Response,
    kept: [Option<(HeaderName, HeaderValue)>; 5],
    uri: &Uri,
    id: &str,
) -> Response {
    let Some(failure) = response.extensions_mut().remove::<Failure>() else { return response };
    let traced = response.extensions_mut().remove::<Traced>();
    if is_inside(&failure.error) {
        tracing::error!(request_id = %id, error = ?failure.error, "request {id} failed");
    }
    let request = kept.into_iter().flatten().collect();
    let user = traced.as_ref().and_then(|traced| traced.user.as_deref());
    let page = |status, message: &str| {
        web::failure(&observer.service, &observer.theme, &request, uri, user, status, message, id)
    };
    let mut rendered = failure.render(&request, id, page);
    if let Some(traced) = traced {
        rendered.extensions_mut().insert(traced);
    }
    rendered
}

/// What a panic of a handler turns into.
#[expect(clippy::needless_pass_by_value, reason = "as it is caught")]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    Error::Internal(format!("panic: {}", text.unwrap_or("of unknown kind"))).into_response()
}

/// The id that a proxy gave the request, if it is a decent one, else a new one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let decent = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    given.filter(decent).map_or_else(|| new_id().to_string(), str::to_owned)
}

/// A UUID of version 7; `Uuid::now_v7` asks the kernel for its random bytes each time.
fn new_id() -> Uuid {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let milliseconds = u64::try_from(since.as_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &rand::random()).into_uuid()
}

/// A client may invent methods; the metrics may not grow with them.
pub(super) fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "PUSH"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}
