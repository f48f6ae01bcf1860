//! Replies in devpi's JSON shape (devpi-api, JSON replies).

use axum::response::{IntoResponse, Redirect, Response};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use serde_json::{Value, json};

/// A JSON body: two spaces of indent, a final newline, and a content type without charset, which clients compare.
pub(super) fn json(value: &Value) -> Response {
    let text = format!("{value:#}\n");
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
}

/// `{"result": …, "type": …}`.
pub(super) fn result(kind: &str, result: impl Into<Value>) -> Response {
    json(&json!({"result": result.into(), "type": kind}))
}

/// `{"result": …, "type": …, "message": …}`.
pub(super) fn result_with_message(kind: &str, result: impl Into<Value>, message: &str) -> Response {
    json(&json!({"result": result.into(), "type": kind, "message": message}))
}

/// `{"message": …}`.
pub(super) fn message(status: StatusCode, message: &str) -> Response {
    (status, json(&json!({"message": message}))).into_response()
}

/// 302 to a path of ours, written relative to the root so that it survives a proxy's prefix.
pub(super) fn found(root: &str, path: &str) -> Response {
    let mut response = Redirect::temporary(&format!("{root}{path}")).into_response();
    *response.status_mut() = StatusCode::FOUND;
    response
}

/// 302 to anywhere, with these headers.
pub(super) fn found_with(headers: HeaderMap, url: &str) -> Response {
    let mut response = (StatusCode::FOUND, headers).into_response();
    response.headers_mut().extend(HeaderValue::from_str(url).ok().map(|url| (LOCATION, url)));
    response
}
