//! `/{user}/{index}/+webhooks`, and `/+webhooks` of the whole server: who is told of changes.

use super::{
    extract::{IndexPath, JsonObject, Query, WebhookPath},
    respond,
    web::{Form, Page, manage},
};
use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        user::written,
        webhook::{Delivery, State as DeliveryState, Webhook},
    },
    ops,
    service::Service,
};
use axum::{
    extract::{FromRequest, Request, State},
    response::Response,
};
use http::StatusCode;
use serde_json::{Value, json};

/// `GET …/+webhooks`: the oldest first.
pub(super) async fn list(
    State(service): State<Service>,
    page: Page,
    index: Option<IndexPath>,
) -> Result<Response> {
    let index = index.map(|IndexPath(index)| index);
    let webhooks = ops::webhooks::list(&service, &page.caller, index.as_ref()).await?;
    if page.wanted {
        return manage::webhooks::list(&service, &page, index.as_ref(), &webhooks);
    }
    Ok(respond::result("list:webhook", webhooks.iter().map(shown).collect::<Vec<_>>()))
}

/// `POST …/+webhooks`: 201, and the one answer that has the secret; to the form of a browser, a page.
pub(super) async fn create(
    State(service): State<Service>,
    caller: Caller,
    index: Option<IndexPath>,
    request: Request,
) -> Result<Response> {
    let index = index.map(|IndexPath(index)| index);
    if Form::is_in(&request) {
        let form = Form::from_request(request, &service).await?;
        return manage::webhooks::create(&service, index.as_ref(), form).await;
    }
    let JsonObject(body) = JsonObject::from_request(request, &()).await?;
    let (webhook, secret) = ops::webhooks::create(&service, &caller, index.as_ref(), &body).await?;
    let mut result = shown(&webhook);
    result["secret"] = secret.into();
    let mut response = respond::result("webhook", result);
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// `GET …/+webhooks/{id}`.
pub(super) async fn show(
    State(service): State<Service>,
    page: Page,
    WebhookPath { index, id, .. }: WebhookPath,
) -> Result<Response> {
    let index = index.as_ref();
    let webhook = ops::webhooks::show(&service, &page.caller, index, &id).await?;
    if page.wanted {
        let deliveries = ops::webhooks::deliveries(&service, &page.caller, index, &id, None).await?;
        return manage::webhooks::show(&service, &page, index, &webhook, &deliveries);
    }
    Ok(respond::result("webhook", shown(&webhook)))
}

/// `PATCH …/+webhooks/{id}`.
pub(super) async fn modify(
    State(service): State<Service>,
    caller: Caller,
    WebhookPath { index, id, .. }: WebhookPath,
    JsonObject(body): JsonObject,
) -> Result<Response> {
    let webhook = ops::webhooks::modify(&service, &caller, index.as_ref(), &id, &body).await?;
    Ok(respond::result("webhook", shown(&webhook)))
}

/// `DELETE …/+webhooks/{id}`.
pub(super) async fn remove(
    State(service): State<Service>,
    caller: Caller,
    WebhookPath { index, id, .. }: WebhookPath,
) -> Result<Response> {
    ops::webhooks::delete(&service, &caller, index.as_ref(), &id).await?;
    Ok(respond::message(StatusCode::OK, &format!("webhook {id} deleted")))
}

/// `POST …/+webhooks/{id}/test`: 202.
pub(super) async fn test(
    State(service): State<Service>,
    caller: Caller,
    WebhookPath { index, id, .. }: WebhookPath,
    request: Request,
) -> Result<Response> {
    if Form::is_in(&request) {
        let form = Form::from_request(request, &service).await?;
        return manage::webhooks::test(&service, index.as_ref(), &id, form).await;
    }
    Ok(accepted(&ops::webhooks::test(&service, &caller, index.as_ref(), &id).await?))
}

/// `GET …/+webhooks/{id}/deliveries`: the newest first; those before the delivery `before` of the query.
pub(super) async fn deliveries(
    State(service): State<Service>,
    page: Page,
    WebhookPath { index, id, .. }: WebhookPath,
    query: Query,
) -> Result<Response> {
    let (caller, index) = (&page.caller, index.as_ref());
    let deliveries = ops::webhooks::deliveries(&service, caller, index, &id, before(&query)?).await?;
    if page.wanted {
        let webhook = ops::webhooks::show(&service, caller, index, &id).await?;
        return manage::webhooks::show(&service, &page, index, &webhook, &deliveries);
    }
    Ok(respond::result("list:delivery", deliveries.iter().map(delivery).collect::<Vec<_>>()))
}

/// `POST …/+webhooks/{id}/deliveries/{delivery}/retry`: 202.
pub(super) async fn retry(
    State(service): State<Service>,
    caller: Caller,
    WebhookPath { index, id, delivery }: WebhookPath,
    request: Request,
) -> Result<Response> {
    if Form::is_in(&request) {
        let form = Form::from_request(request, &service).await?;
        return manage::webhooks::retry(&service, index.as_ref(), (&id, &delivery), form).await;
    }
    Ok(accepted(&ops::webhooks::retry(&service, &caller, index.as_ref(), &id, &delivery).await?))
}

fn before(query: &Query) -> Result<Option<i64>> {
    let number = query.get("before").map(str::parse).transpose();
    number.map_err(|_| Error::invalid("before must be the id of a delivery"))
}

fn accepted(made: &Delivery) -> Response {
    let mut response = respond::result("delivery", delivery(made));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

pub(super) fn shown(webhook: &Webhook) -> Value {
    let Webhook { id, wanted, created_by, created_at, disabled, failing_since, waiting } = webhook;
    json!({
        "id": id,
        "url": wanted.url.as_str(),
        "description": wanted.description,
        "events": wanted.events,
        "enabled": disabled.is_none(),
        "disabled": disabled.as_ref().map(|(at, _)| written(*at)),
        "disabled_reason": disabled.as_ref().map(|(_, reason)| reason),
        "failing_since": failing_since.map(written),
        "waiting": waiting,
        "created": written(*created_at),
        "created_by": created_by,
    })
}

pub(super) fn delivery(delivery: &Delivery) -> Value {
    let waits = delivery.state == DeliveryState::Waiting;
    json!({
        "id": delivery.id,
        "message_id": delivery.message_id(),
        "serial": delivery.serial.map(|serial| serial.0),
        "event": delivery.event,
        "payload": delivery.payload,
        "state": delivery.state.name(),
        "attempts": delivery.attempts,
        "created": written(delivery.created_at),
        "attempted": delivery.attempted_at.map(written),
        "next_attempt": waits.then(|| written(delivery.not_before)),
        "status": delivery.status,
        "error": delivery.error,
        "milliseconds": delivery.milliseconds,
        "response": delivery.response,
    })
}
