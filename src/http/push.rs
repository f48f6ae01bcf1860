//! Push: `PUSH /{user}/{index}`, or `POST` with a JSON body (devpi-api, Push).

use super::{
    error,
    extract::{IndexPath, Json},
    respond,
};
use crate::{
    error::{Error, Result},
    model::{access::Caller, name::IndexName},
    ops::{
        self,
        push::{Asked, Many, Told},
    },
    service::Service,
};
use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};
use futures::{Stream, stream};
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use std::{convert::Infallible, fmt::Write};
use tracing::{Instrument, Span};

/// Takes the method `PUSH`, and refuses all others that the route has no handler for.
pub(super) async fn push(State(service): State<Service>, request: Request) -> Result<Response> {
    if request.method().as_str() != "PUSH" {
        return Err(Error::NotFound("there is nothing at this URL for this method".into()));
    }
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &()).await?;
    let IndexPath(index) = IndexPath::from_request_parts(&mut parts, &()).await?;
    let Json(body) = Json::from_request(Request::from_parts(parts, body), &()).await?;
    respond_to(&service, &caller, &index, body).await
}

/// Pushes what the body says and answers with the action log: of one release when it is done, 200, or 502 when another
/// repository refused; of many as they are done.
pub(super) async fn respond_to(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    body: Value,
) -> Result<Response> {
    match ops::push::parse(body).map_err(Error::Invalid)? {
        Asked::One(push) => {
            let (log, good) = ops::push::push(service, caller, index, &push).await?;
            let status = if good { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
            Ok((status, respond::result("actionlog", log)).into_response())
        }
        Asked::Many(items) => {
            let many = ops::push::begin(service, caller, index, items).await?;
            let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            Ok((json, [respond::UNBUFFERED], Body::from_stream(stream(many))).into_response())
        }
    }
}

/// Where an action log is that is being written.
enum Writing {
    Beginning(Many),
    /// So many entries are written.
    Entries(Many, usize),
    Ended,
}

/// The action log, each entry a line that is whole when it is sent. A client that leaves stops the push: nobody asks for
/// what comes next.
fn stream(many: Many) -> impl Stream<Item = Result<String, Infallible>> {
    let span = Span::current();
    stream::unfold(Writing::Beginning(many), move |writing| {
        async move {
            let (mut many, mut count) = match writing {
                Writing::Beginning(many) => {
                    return Some((Ok("{\"result\": [\n".to_owned()), Writing::Entries(many, 0)));
                }
                Writing::Entries(many, count) => (many, count),
                Writing::Ended => return None,
            };
            let Some(told) = many.next().await else {
                return Some((Ok("], \"type\": \"actionlog\"}\n".to_owned()), Writing::Ended));
            };
            let mut lines = String::new();
            for entry in entries(told) {
                let _ = writeln!(lines, "{}{entry}", if count == 0 { "" } else { "," });
                count += 1;
            }
            Some((Ok(lines), Writing::Entries(many, count)))
        }
        .instrument(span.clone())
    })
}

/// The entries of a release; one that failed has the status that it would have alone.
fn entries(told: Told) -> Vec<Value> {
    match told {
        Told::Done(entries) => entries,
        Told::Failed { name, version, error } => {
            if error::is_inside(&error) {
                tracing::error!(error = ?error, %name, version, "a release could not be pushed");
            }
            let (status, message) = error::told(&error);
            vec![json!([status.as_u16(), "error", name, version, message])]
        }
    }
}
