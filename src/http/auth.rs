//! How every request on the index begins: the current serial, and who asks (devpi-api, Credentials).

use super::{authcheck, observe::Traced, upload, web::Session};
use crate::{
    error::Error,
    model::{access::Caller, serial::Serial},
    ops,
    service::Service,
};
use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AGE, AUTHORIZATION, WARNING},
    request::Parts,
};
use std::time::Duration;

/// How long a request may take while the database is away.
const FROM_MEMORY: Duration = Duration::from_secs(3);

pub(super) const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const DEVPI_AUTH: HeaderName = HeaderName::from_static("x-devpi-auth");

/// Puts the [`Caller`] into the request; after this the caches know every change up to the current serial.
pub(super) async fn authenticate(
    State(service): State<Service>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    if !request.method().is_safe() && is_of_another_site(request.headers()) {
        upload::drain(request).await;
        return Err(Error::Forbidden("a page of another site may not change anything here".into()));
    }
    let reading = ops::reading::begin(&service).await?;
    let serial = request.method().is_safe().then_some(reading.serial);
    let Some(age) = reading.stale else { return answer(&service, serial, request, next).await };
    // Memory answers at once or not at all; what it does not hold would wait for the database, and so would a write.
    if !request.method().is_safe() {
        upload::drain(request).await;
        return Err(Error::Unavailable);
    }
    let answered = tokio::time::timeout(FROM_MEMORY, answer(&service, serial, request, next)).await;
    let mut response = answered.unwrap_or(Err(Error::Unavailable))?;
    let headers = response.headers_mut();
    headers.insert(AGE, HeaderValue::from(age.as_secs()));
    headers.insert(WARNING, HeaderValue::from_static("110 - \"the database is away, this may be stale\""));
    Ok(response)
}

/// Whether a browser says that a page of another origin makes it ask (Fetch Metadata): it may add credentials that it
/// remembers, which that page does not know. Programs say nothing of it.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    headers.get(FETCH_SITE).is_some_and(|site| site != "same-origin" && site != "none")
}

/// Finds out who asks, and answers.
async fn answer(
    service: &Service,
    serial: Option<Serial>,
    mut request: Request,
    next: Next,
) -> Result<Response, Error> {
    let given = credentials(request.headers());
    // A browser that a proxy asked for a password sends that one to us too, and is logged in all the same.
    let has_own = given.as_ref().is_some_and(|given| !given.is_basic);
    let mut session = Session::of(service, request.headers()).filter(|_| !has_own);
    let mut caller = Caller::default();
    // A cookie comes along with requests that no page of ours makes, so it changes nothing by itself.
    if let Some(session) = &session
        && (request.method().is_safe() || session.is_proved(request.headers()))
    {
        caller = Box::pin(ops::login::authenticate(service, &session.user, &session.token)).await?;
    }
    if caller.is_anonymous()
        && let Some(Given { user, secret, .. }) = given
    {
        caller = Box::pin(ops::login::authenticate(service, &user, &secret)).await?;
        // Where the session would have been believed, it has ended.
        session = session.filter(|_| !request.method().is_safe() || caller.is_anonymous());
    }
    if authcheck::asks(&request) {
        return authcheck::answer(service, &caller, request).await;
    }
    let mut traced = Traced { user: caller.name().map(str::to_owned), serial };
    request.extensions_mut().insert(caller);
    let sender = session.as_ref().map(|session| session.sender.clone());
    if let Some(session) = session {
        request.extensions_mut().insert(session);
    }
    let mut response = next.run(request).await;
    traced.user = sender.and_then(|sender| sender.get().cloned()).or(traced.user);
    response.extensions_mut().insert(traced);
    Ok(response)
}

/// What a header says of who asks.
struct Given {
    user: String,
    secret: String,
    /// A browser remembers it, and sends it with every request.
    is_basic: bool,
}

/// User and secret, from the first header that can be decoded. `Bearer` (RFC 6750) has a secret alone.
fn credentials(headers: &HeaderMap) -> Option<Given> {
    let devpi = headers.get(DEVPI_AUTH).and_then(|value| decode(value.to_str().ok()?));
    if let Some((user, secret)) = devpi {
        return Some(Given { user, secret, is_basic: false });
    }
    let (scheme, given) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    match scheme {
        scheme if scheme.eq_ignore_ascii_case("basic") => {
            decode(given).map(|(user, secret)| Given { user, secret, is_basic: true })
        }
        scheme if scheme.eq_ignore_ascii_case("bearer") => {
            Some(Given { user: String::new(), secret: given.trim().to_owned(), is_basic: false })
        }
        _ => None,
    }
}

/// Decodes `base64(user ":" secret)`, UTF-8 or else latin-1; only the first colon separates.
fn decode(encoded: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|b| char::from(*b)).collect());
    let (user, secret) = text.split_once(':')?;
    Some((user.to_owned(), secret.to_owned()))
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Error::Internal("a route without authentication".into()))
    }
}
