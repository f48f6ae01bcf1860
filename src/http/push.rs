//! Push: `PUSH /{user}/{index}`, or `POST` with a JSON body (devpi-api, Push).

use super::{
    extract::{IndexPath, JsonObject},
    respond,
};
use crate::{
    error::{Error, Result},
    model::{access::Caller, name::IndexName},
    ops::{self, push::Push},
    service::Service,
};
use axum::{
    extract::{FromRequest, FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Map, Value};

/// Takes the method `PUSH`, and refuses all others that the route has no handler for.
pub(super) async fn push(State(service): State<Service>, request: Request) -> Result<Response> {
    if request.method().as_str() != "PUSH" {
        return Err(Error::NotFound("there is nothing at this URL for this method".into()));
    }
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &()).await?;
    let IndexPath(index) = IndexPath::from_request_parts(&mut parts, &()).await?;
    let JsonObject(body) = JsonObject::from_request(Request::from_parts(parts, body), &()).await?;
    respond_to(&service, &caller, &index, body).await
}

/// Pushes what the body says and answers with the action log: 200, or 502 when another repository refused.
pub(super) async fn respond_to(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    body: Map<String, Value>,
) -> Result<Response> {
    let push = Push::parse(body).map_err(Error::Invalid)?;
    let (log, good) = ops::push::push(service, caller, index, &push).await?;
    let status = if good { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
    Ok((status, respond::result("actionlog", log)).into_response())
}
