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

/// Nothing inline, nothing from elsewhere but the images of descriptions.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; \
     img-src 'self' data: https:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The same for a page that frames documents, which may stand at a host of their own and link to any other.
pub(super) fn framing() -> Option<HeaderValue> {
    changed("frame-src 'self'", "frame-src http: https:")
}

fn changed(from: &str, to: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&POLICY.to_str().ok()?.replace(from, to)).ok()
}

/// Adds the headers to every answer that has none of its own.
pub(in crate::http) async fn protect(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    // That a document is missing is told in the frame that asked for it.
    let is_framed = route.is_some_and(|route| route.as_str().contains("/+doc"));
    let framed = || changed("frame-ancestors 'none'", "frame-ancestors 'self'");
    let policy = is_framed.then(framed).flatten().unwrap_or(POLICY);
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
