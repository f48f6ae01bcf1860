//! What browsers are told to refuse (Content Security Policy Level 3; Fetch and Referrer Policy).

use axum::{extract::Request, middleware::Next, response::Response};
use http::{
    HeaderValue,
    header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

/// Nothing inline, nothing from elsewhere but the images of descriptions.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; \
     img-src 'self' data: https:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The same for a page that frames what comes from this origin too.
pub(super) fn framing(origin: &str) -> Option<HeaderValue> {
    let policy = POLICY.to_str().ok()?.replace("frame-src 'self'", &format!("frame-src 'self' {origin}"));
    HeaderValue::from_str(&policy).ok()
}

/// Adds the headers to every answer that has none of its own.
pub(in crate::http) async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ] {
        headers.entry(name).or_insert(value);
    }
    response
}
