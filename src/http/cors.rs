//! Lets pages of other origins read with scripts, where a setting names them (Fetch, CORS protocol).

use axum::Router;
use http::{
    HeaderName, HeaderValue, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_RANGE, ETAG, IF_NONE_MATCH, RANGE},
};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it may send.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// Answers scripts of these origins, of all with `*`; without any the routes stay as they are.
///
/// They may read, and may send credentials that they know; a browser adds none of its own.
pub(super) fn layer<S: Clone + Send + Sync + 'static>(routes: Router<S>, origins: &[String]) -> Router<S> {
    if origins.is_empty() {
        return routes;
    }
    let named = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let allowed = match origins.iter().any(|origin| origin == "*") {
        true => AllowOrigin::any(),
        false => AllowOrigin::list(named),
    };
    let devpi_auth = HeaderName::from_static("x-devpi-auth");
    let last_serial = HeaderName::from_static("x-pypi-last-serial");
    routes.layer(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::HEAD])
            .allow_headers([ACCEPT, AUTHORIZATION, IF_NONE_MATCH, RANGE, devpi_auth])
            .expose_headers([CONTENT_RANGE, ETAG, last_serial])
            .max_age(MAX_AGE),
    )
}
