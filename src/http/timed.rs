//! Around every request whose times somebody wants to know: the header `Server-Timing`, and the table of
//! `--profile-requests`. Its time ends when its answer begins.

use super::{observe::method_label, profile::Profile};
use crate::{
    config::ServerConfig,
    timing::{self, Phase, Times},
};
use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use http::{HeaderName, HeaderValue};
use std::{
    io::{self, Write},
    sync::Arc,
    time::{Duration, Instant},
};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What is done with the times of requests.
struct Wanted {
    header: bool,
    profile: Option<Profile>,
}

/// Has the times of requests taken, if the settings want it; else the routes stay as they are.
pub(super) fn layer<S: Clone + Send + Sync + 'static>(routes: Router<S>, config: &ServerConfig) -> Router<S> {
    let profile = (config.profile_requests > 0).then(|| Profile::new(config.profile_requests));
    if !config.server_timing && profile.is_none() {
        return routes;
    }
    let wanted = Arc::new(Wanted { header: config.server_timing, profile });
    routes.layer(from_fn_with_state(wanted, take))
}

async fn take(State(wanted): State<Arc<Wanted>>, request: Request, next: Next) -> Response {
    let (began, times) = (Instant::now(), Arc::new(Times::default()));
    let route = wanted.profile.as_ref().map(|_| route(&request));
    let mut response = timing::within(Some(times.clone()), next.run(request)).await;
    let (total, spent) = (began.elapsed(), times.spent());
    if wanted.header {
        let value = HeaderValue::try_from(server_timing(total, &spent));
        response.headers_mut().extend(value.ok().map(|value| (SERVER_TIMING, value)));
    }
    if let Some((profile, route)) = wanted.profile.as_ref().zip(route)
        && let Some(table) = profile.add(route, total, &spent)
    {
        // Where it can't be written, there is nobody to tell it to.
        let _ = io::stderr().write_all(table.as_bytes());
    }
    response
}

/// Method and pattern of the path, of which there are only so many.
fn route(request: &Request) -> String {
    let path = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    format!("{} {path}", method_label(request.method()))
}

/// W3C Server Timing, The Server-Timing Header Field: durations in milliseconds, of phases that took any time.
fn server_timing(total: Duration, spent: &[Duration]) -> String {
    let phases = Phase::ALL.iter().map(|phase| phase.name()).zip(spent.iter().copied());
    let metrics = phases.filter(|(_, spent)| !spent.is_zero()).chain([("total", total)]);
    let metrics = metrics.map(|(name, spent)| format!("{name};dur={:.3}", spent.as_secs_f64() * 1e3));
    metrics.collect::<Vec<_>>().join(", ")
}
