//! Errors: each gets its status here, and a body that suits the request (devpi-api, JSON replies).

use super::{negotiate, respond};
use crate::error::Error;
use axum::response::{IntoResponse, Response};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use hyper::ext::ReasonPhrase;
use serde_json::json;

/// A failed request, on its way to the middleware that knows how its client wants to hear of it.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub error: Error,
    /// Upload clients print the reason phrase of the status line, so it carries the message.
    pub in_reason: bool,
}

/// An error of an upload.
pub(super) struct UploadError(pub Error);

impl From<Error> for UploadError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        failed(self, false)
    }
}

impl IntoResponse for UploadError {
    fn into_response(self) -> Response {
        failed(self.0, true)
    }
}

fn failed(error: Error, in_reason: bool) -> Response {
    let mut response = status(&error).into_response();
    response.extensions_mut().insert(Failure { error, in_reason });
    response
}

// No `_` arm: a new error does not compile until it has its status.
fn status(error: &Error) -> StatusCode {
    match error {
        Error::Invalid(_) => StatusCode::BAD_REQUEST,
        Error::WrongPassword(_) | Error::Unauthorized(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) | Error::NonVolatile(_) | Error::UserHasNonVolatileIndex { .. } => {
            StatusCode::FORBIDDEN
        }
        Error::NoSuchUser(_)
        | Error::NoSuchIndex(_)
        | Error::NoSuchProject(_)
        | Error::NoProject(_)
        | Error::NoSuchVersion { .. }
        | Error::NoSuchFile
        | Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
        Error::UserExists | Error::IndexExists(_) | Error::FileExists(_) => StatusCode::CONFLICT,
        Error::Gone(_) => StatusCode::GONE,
        Error::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Stalled => StatusCode::REQUEST_TIMEOUT,
        Error::Upstream(_) => StatusCode::BAD_GATEWAY,
        Error::Busy | Error::Overloaded(_) | Error::Unavailable | Error::ObjectStore(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Error::Database(_) | Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Whether it went wrong inside: its cause is logged, and told to nobody.
pub(super) fn is_inside(error: &Error) -> bool {
    matches!(error, Error::Database(_) | Error::Internal(_) | Error::ObjectStore(_))
}

/// The status of an error, and what its client may hear.
pub(super) fn told(error: &Error) -> (StatusCode, String) {
    let status = status(error);
    let message = match is_inside(error) {
        true if status == StatusCode::SERVICE_UNAVAILABLE => "temporarily unavailable".to_owned(),
        true => "internal server error".to_owned(),
        false => error.to_string(),
    };
    (status, message)
}

impl Failure {
    /// The answer, by what the request accepts. What went wrong inside shows only as the id of the request.
    ///
    /// `page` makes the page that a person sees, of status and message.
    pub(super) fn render(
        self,
        request: &HeaderMap,
        request_id: &str,
        page: impl Fn(StatusCode, &str) -> Response,
    ) -> Response {
        let (status, mut message) = told(&self.error);
        if is_inside(&self.error) {
            message = format!("{message} (request {request_id})");
        }
        let line = format!("{} {message}", status.as_u16());
        let mut response = if negotiate::prefers_html(request) {
            page(status, &message)
        } else if self.in_reason && !negotiate::accepts_json(request) {
            ([(CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{line}\n")).into_response()
        } else if self.in_reason {
            respond::json(&json!({"code": line, "title": message, "message": message}))
        } else {
            respond::json(&json!({"message": message}))
        };
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if status == StatusCode::UNAUTHORIZED && !matches!(self.error, Error::WrongPassword(_)) {
            // To `Basic` a browser would open a window of its own in place of the page, which leads to the login.
            let scheme = if negotiate::is_browser(request) { "Cookie" } else { "Basic" };
            headers.extend(
                HeaderValue::try_from(format!("{scheme} realm=\"pypi\""))
                    .map(|value| (WWW_AUTHENTICATE, value)),
            );
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if self.in_reason
            && let Some(reason) = reason(&message)
        {
            response.extensions_mut().insert(reason);
        }
        response
    }
}

/// A message as the reason phrase of a status line: one line of visible ASCII.
pub(super) fn reason(message: &str) -> Option<ReasonPhrase> {
    let visible = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    let line: String = message.chars().take(300).map(visible).collect();
    ReasonPhrase::try_from(line.into_bytes()).ok()
}
