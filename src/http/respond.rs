//! Replies in devpi's JSON shape (devpi-api, JSON replies).

use super::outside;
use crate::model::{list, names::Names};
use axum::{
    body::Body,
    response::{IntoResponse, Redirect, Response},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// Proxies that hold answers back until there is enough of them are asked not to.
pub(super) const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// A JSON body: two spaces of indent, a final newline, and a content type without charset, which clients compare.
pub(super) fn json(value: &Value) -> Response {
    let text = format!("{value:#}\n");
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
}

/// A moment as ours is written beside devpi's (RFC 3339).
pub(super) fn moment(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// `{"result": …, "type": …}`.
pub(super) fn result(kind: &str, result: impl Into<Value>) -> Response {
    json(&json!({"result": result.into(), "type": kind}))
}

/// `{"result": {…, key: [names]}, "type": …}`, the names written as they are sent, since there may be a million.
pub(super) fn result_with_names(
    kind: &str,
    mut result: Map<String, Value>,
    key: &str,
    names: Arc<Names>,
) -> Response {
    // Stands for the names, and nowhere else.
    let place = Uuid::new_v4().to_string();
    result.insert(key.to_owned(), place.clone().into());
    let text = format!("{:#}\n", json!({"result": result, "type": kind}));
    let (before, after) = text.split_once(&format!("\"{place}\"")).unwrap_or((&text, ""));
    let pieces = std::iter::once(before.to_owned()).chain(list::json_texts(names, "    "));
    let pieces = pieces.chain([after.to_owned()]).map(Ok::<_, std::convert::Infallible>);
    let body = Body::from_stream(futures::stream::iter(pieces));
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// `{"result": …, "type": …, "message": …}`.
pub(super) fn result_with_message(kind: &str, result: impl Into<Value>, message: &str) -> Response {
    json(&json!({"result": result.into(), "type": kind, "message": message}))
}

/// `{"message": …}`.
pub(super) fn message(status: StatusCode, message: &str) -> Response {
    (status, json(&json!({"message": message}))).into_response()
}

/// 302 to a path of ours below a root URL. It is a path alone, as in [`see_other`].
pub(super) fn found(root: &str, path: &str) -> Response {
    let mut response = Redirect::temporary(&format!("{}{path}", outside::prefix(root))).into_response();
    *response.status_mut() = StatusCode::FOUND;
    response
}

/// 303 to a path of ours, after a form (RFC 9110, See Other). It is a path alone, since a proxy may speak TLS without our
/// knowing.
pub(super) fn see_other(prefix: &str, path: &str) -> Response {
    Redirect::to(&format!("{prefix}{path}")).into_response()
}

/// 302 to anywhere, with these headers.
pub(super) fn found_with(headers: HeaderMap, url: &str) -> Response {
    let mut response = (StatusCode::FOUND, headers).into_response();
    response.headers_mut().extend(HeaderValue::from_str(url).ok().map(|url| (LOCATION, url)));
    response
}
