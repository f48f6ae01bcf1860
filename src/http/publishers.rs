//! `/{user}/{index}/+publishers`: who uploads to an index by trusted publishing.

use super::{
    extract::{IndexPath, JsonObject, PublisherPath},
    respond,
    web::{Form, Page, manage},
};
use crate::{
    error::Result,
    model::{access::Caller, publisher::Publisher, user::written},
    ops,
    service::Service,
};
use axum::{
    extract::{FromRequest, Request, State},
    response::Response,
};
use http::StatusCode;
use serde_json::{Value, json};

/// `GET /{user}/{index}/+publishers`: the oldest first.
pub(super) async fn list(
    State(service): State<Service>,
    page: Page,
    IndexPath(index): IndexPath,
) -> Result<Response> {
    let publishers = ops::publishers::list(&service, &page.caller, &index).await?;
    if page.wanted {
        return manage::publishers(&service, &page, &index, &publishers);
    }
    Ok(respond::result("list:publisher", publishers.iter().map(shown).collect::<Vec<_>>()))
}

/// `POST /{user}/{index}/+publishers`: 201; to the form of a browser, the page again.
pub(super) async fn create(
    State(service): State<Service>,
    caller: Caller,
    IndexPath(index): IndexPath,
    request: Request,
) -> Result<Response> {
    if Form::is_in(&request) {
        return manage::create_publisher(&service, &index, Form::from_request(request, &service).await?)
            .await;
    }
    let JsonObject(body) = JsonObject::from_request(request, &()).await?;
    let publisher = ops::publishers::create(&service, &caller, &index, &body).await?;
    let mut response = respond::result("publisher", shown(&publisher));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// `DELETE /{user}/{index}/+publishers/{id}`.
pub(super) async fn remove(
    State(service): State<Service>,
    caller: Caller,
    PublisherPath { index, id }: PublisherPath,
) -> Result<Response> {
    ops::publishers::delete(&service, &caller, &index, &id).await?;
    Ok(respond::message(StatusCode::OK, &format!("publisher {id} deleted")))
}

pub(super) fn shown(publisher: &Publisher) -> Value {
    json!({
        "id": publisher.id,
        "issuer": publisher.asked.issuer,
        "claims": publisher.asked.claims,
        "projects": publisher.asked.projects,
        "created": written(publisher.created_at),
        "created_by": publisher.created_by,
    })
}
