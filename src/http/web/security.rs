//! What browsers are told to refuse (Content Security Policy Level 3; Fetch and Referrer Policy).

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use http::{
    HeaderValue,
    header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};
use std::sync::LazyLock;

/// Nothing inline, nothing from elsewhere but the images of descriptions.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; \
     img-src 'self' data: https:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The same for a page that frames documents, which may stand at a host of their own and link to any other.
pub(super) static FRAMING: LazyLock<HeaderValue> =
    LazyLock::new(|| changed("frame-src 'self'", "frame-src http: https:"));

/// The same for what is told in a frame of ours.
static FRAMED: LazyLock<HeaderValue> =
    LazyLock::new(|| changed("frame-ancestors 'none'", "frame-ancestors 'self'"));

fn changed(from: &str, to: &str) -> HeaderValue {
    let policy = POLICY.to_str().unwrap_or_default().replace(from, to);
    HeaderValue::try_from(policy).unwrap_or(POLICY)
}

/// Adds the headers to every answer that has none of its own.
pub(in crate::http) async fn protect(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    // That a document is missing is told in the frame that asked for it.
    let is_framed = route.is_some_and(|route| route.as_str().contains("/+doc"));
    let policy = if is_framed { FRAMED.clone() } else { POLICY };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ] {
        headers.entry(name).or_insert(value);
    }
    response
}
